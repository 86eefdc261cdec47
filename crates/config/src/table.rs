//! The table: every directive of Redis 7.4, declared once.
//!
//! A row reads
//!
//! ```text
//! /// What it does. This text documents the field and the commented carnelian.conf.
//! field_name alias "older-name": Type = default, in kind, [FLAGS], acts Refuse;
//! ```
//!
//! and everything after the default is optional: the alias, the kind (else the type's own), flags, and whether it
//! acts (else it does). The directive's name is the field's with dashes. Rows stand under the topic that documents
//! them. From the rows the macro makes the struct, its defaults and [`PARAMS`].
//!
//! Names, aliases, flags and defaults are facts of Redis 7.4 (a test compares them with the list in
//! `tests/configs.tsv`); limits are those of Redis 7.2.6's `config.c`, and of the documentation for what 7.4 added.

use std::path::PathBuf;

use crate::check;
use crate::enums::*;
use crate::flags::*;
use crate::param::{Access, Acts, Flags, Param};
use crate::special::*;
use crate::value::{INT_MAX, Kind, LONG_MAX, Secret, UINT_MAX, ULLONG_MAX, Unit, Value, int, memory};

/// The name of the directive behind a field: dashes instead of underscores.
const fn dashed<const N: usize>(field: &str) -> [u8; N] {
    let (field, mut name, mut at) = (field.as_bytes(), [0; N], 0);
    while at < N {
        name[at] = if field[at] == b'_' { b'-' } else { field[at] };
        at += 1;
    }
    name
}

/// The first that is given.
macro_rules! or {
    ([] $default:expr) => {
        $default
    };
    ([$given:expr] $default:expr) => {
        $given
    };
}

macro_rules! params {
    ($(topic $topic:literal { $(
        $(#[doc = $doc:literal])+
        $field:ident $(alias $alias:literal)? : $type:ty = $default:expr
            $(, in $kind:expr)? $(, [$($flag:ident)|+])? $(, acts $acts:ident)?;
    )+ })+) => {
        /// The value of every directive. A snapshot: it never changes once it is published.
        ///
        /// Times are in the unit that the directive's documentation names, sizes in bytes.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config {
            $($( $(#[doc = $doc])+ pub $field: $type, )+)+
        }

        impl Default for Config {
            /// The defaults of Redis 7.4, but for `io_threads`; `dir` is the working directory of the process.
            fn default() -> Self {
                Config { $($( $field: $default, )+)+ }
            }
        }

        /// Every directive, by topic.
        pub static PARAMS: &[Param] = &[$($( Param {
            name: {
                const NAME: &[u8] = &dashed::<{ stringify!($field).len() }>(stringify!($field));
                match std::str::from_utf8(NAME) {
                    Ok(name) => name,
                    Err(_) => panic!("a field name is ASCII"),
                }
            },
            alias: or!([$(Some($alias))?] None),
            kind: or!([$($kind)?] <$type as Value>::KIND),
            flags: Flags::empty()$($(.union(Flags::$flag))+)?,
            acts: or!([$(Acts::$acts)?] Acts::Now),
            topic: $topic,
            summary: &[$($doc),+],
            access: Access {
                assign: |config, kind, words| config.$field.assign(kind, words),
                show: |config, kind| config.$field.show(kind),
                lines: |config, kind, default| config.$field.lines(kind, &default.$field),
                same: |a, b| a.$field == b.$field,
            },
        }, )+)+];
    };
}

/// The cores this process may use, as far as `io-threads` counts.
fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().clamp(1, 128) as u32)
}

fn working_dir() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

/// Listpack and table limits: any count that an index can reach.
const COUNT: Kind = int(0, LONG_MAX, Unit::None);
/// A TCP port; 0 turns the feature off, or means "the real one" for announced ports.
const PORT: Kind = int(0, 65535, Unit::None);
/// A C `int` that can't be negative.
const NATURAL: Kind = int(0, INT_MAX, Unit::None);
/// Seconds in a C `int`.
const SECONDS: Kind = int(0, INT_MAX, Unit::Seconds);
/// A C `int` that is at least 1.
const POSITIVE: Kind = int(1, INT_MAX, Unit::None);

params! {
    topic "Network" {
        /// TCP port for clients. 0 listens on no TCP port.
        port: u16 = 6379, in PORT;
        /// Addresses to listen on. `*` is every IPv4 address, `-::*` every IPv6 address; a leading `-` means that
        /// it is no error if the address does not exist. An empty value listens on no address.
        bind: Vec<String> = vec!["*".into(), "-::*".into()], [MULTI_ARG];
        /// Source address of outgoing connections: to a master and to other cluster nodes.
        bind_source_addr: Option<String> = None;
        /// As long as no password is set for the default user, accept only clients from this machine.
        protected_mode: bool = true;
        /// Path of a unix socket to listen on, beside TCP. Empty: none.
        unixsocket: Option<String> = None, [IMMUTABLE];
        /// Permissions of the unix socket, as chmod takes them. 0 leaves what the umask gives.
        unixsocketperm: u32 = 0, in Kind::Octal { min: 0, max: 0o777 }, [IMMUTABLE];
        /// Length of the kernel's queue of connections not yet accepted. The kernel's own somaxconn limits it.
        tcp_backlog: u32 = 511, in NATURAL, [IMMUTABLE];
        /// Probe a silent connection at this interval, to notice dead peers. 0: never.
        tcp_keepalive: u32 = 300, in SECONDS;
        /// Close a client that was idle for this long. 0: never.
        timeout: u32 = 0, in SECONDS;
        /// Connections at once; further ones get an error. Lowered at start if the system allows fewer open files.
        maxclients: u32 = 10_000, in int(1, UINT_MAX, Unit::None);
        /// Connections accepted in one turn of the event loop, so that a storm of them does not starve the others.
        max_new_connections_per_cycle: u32 = 10, in int(1, 1000, Unit::None);
        /// The same for TLS connections, whose handshake costs more.
        max_new_tls_connections_per_cycle: u32 = 1, in int(1, 1000, Unit::None), acts Warn;
        /// Mark (SO_MARK) of the listening sockets and of outgoing connections, for packet filters. 0: none.
        socket_mark_id: u32 = 0, in int(0, UINT_MAX, Unit::None), [IMMUTABLE];
        /// Worker threads that own connections and execute commands. The default is the number of cores.
        io_threads: u32 = cores(), in int(1, 128, Unit::None), [DEBUG|IMMUTABLE];
        /// Accepted for compatibility: every worker reads and parses its own connections.
        io_threads_do_reads: bool = false, [DEBUG|IMMUTABLE];
    }

    topic "Process and logging" {
        /// Run in the background, with a pid file.
        daemonize: bool = false, [IMMUTABLE];
        /// Tell a service manager when the server is ready: `systemd` by its notification socket, `upstart` by
        /// SIGSTOP, `auto` whichever the environment names.
        supervised: Supervised = Supervised::No, [IMMUTABLE];
        /// File for the process id. Empty: /var/run/redis.pid when daemonized, else none.
        pidfile: Option<String> = None, [IMMUTABLE];
        /// The least important lines that are logged.
        loglevel: LogLevel = LogLevel::Notice;
        /// Log file. Empty: standard output, or nothing when daemonized.
        logfile: String = String::new(), [IMMUTABLE];
        /// Keep commands' arguments and keys out of logs and crash reports.
        hide_user_data_from_log: bool = false, acts Warn;
        /// Log to syslog too.
        syslog_enabled: bool = false, [IMMUTABLE];
        /// The name under which syslog gets the lines.
        syslog_ident: String = "redis".into(), [IMMUTABLE];
        /// The syslog facility.
        syslog_facility: SyslogFacility = SyslogFacility::Local0, [IMMUTABLE];
        /// Print the banner at start even if the log is not a terminal.
        always_show_logo: bool = false, [IMMUTABLE];
        /// Change the process title that ps shows.
        set_proc_title: bool = true, [IMMUTABLE];
        /// The process title. Variables: {title} {listen-addr} {server-mode} {port} {tls-port} {unixsocket}
        /// {config-file}.
        proc_title_template: String = "{title} {listen-addr} {server-mode}".into(), in Kind::Text(check::title_template);
        /// Write a report to the log when the process crashes.
        crash_log_enabled: bool = true;
        /// Accepted for compatibility: a crash runs no memory test.
        crash_memcheck_enabled: bool = true;
        /// Warnings to suppress at start, by name.
        ignore_warnings: String = String::new();
        /// Ask the kernel for no transparent huge pages, which delay writes after a fork.
        disable_thp: bool = true, [IMMUTABLE];
        /// Whether to adjust the kernel's out-of-memory score of this process: not at all, relative to the score
        /// at start (`yes` or `relative`), or to the values as they stand (`absolute`).
        oom_score_adj: OomScoreAdj = OomScoreAdj::No;
        /// The scores of a master, of a replica, and of a process that saves.
        oom_score_adj_values: [i32; 3] = [0, 200, 800], [MULTI_ARG];
        /// Processors of the worker threads, as in `0,2` or `0-6:2`.
        server_cpulist alias "server_cpulist": Option<String> = None, [IMMUTABLE], acts Warn;
        /// Processors of the background threads.
        bio_cpulist alias "bio_cpulist": Option<String> = None, [IMMUTABLE], acts Warn;
        /// Processors of an append-only file rewrite.
        aof_rewrite_cpulist alias "aof_rewrite_cpulist": Option<String> = None, [IMMUTABLE], acts Warn;
        /// Processors of a background save.
        bgsave_cpulist alias "bgsave_cpulist": Option<String> = None, [IMMUTABLE], acts Warn;
        /// Locale whose order SORT ... ALPHA follows. Empty: the environment's.
        locale_collate: String = String::new(), acts Warn;
        /// How often background work runs in a second. Values outside the range are brought into it.
        hz: u32 = 10, in Kind::Hint { min: 1, max: 500 };
        /// Accepted for compatibility: background work follows the number of clients by itself.
        dynamic_hz: bool = true;
        /// Options of the shutdown that SIGINT starts: `default`, or several of `save`, `nosave`, `now`, `force`.
        shutdown_on_sigint: ShutdownFlags = ShutdownFlags::empty(), [MULTI_ARG];
        /// The same for SIGTERM.
        shutdown_on_sigterm: ShutdownFlags = ShutdownFlags::empty(), [MULTI_ARG];
        /// How long a shutdown waits for replicas that lag behind.
        shutdown_timeout: u32 = 10, in SECONDS;
    }

    topic "Databases and commands" {
        /// Number of databases, numbered from 0.
        databases: u32 = 16, in POSITIVE, [IMMUTABLE];
        /// Largest value in one request, and longest string.
        proto_max_bulk_len: u64 = 512 << 20, in memory(1 << 20, LONG_MAX), [DEBUG];
        /// Close a client whose unprocessed input grows beyond this.
        client_query_buffer_limit: u64 = 1 << 30, in memory(1 << 20, LONG_MAX), [DEBUG];
        /// Close a client that does not read its replies: `<class> <hard> <soft> <soft seconds>`, for the classes
        /// normal, replica and pubsub. Beyond the hard limit at once, beyond the soft limit after so many seconds in
        /// a row. 0 is no limit.
        client_output_buffer_limit: [OutputLimit; 3] = [
            OutputLimit::new(0, 0, 0),
            OutputLimit::new(256 << 20, 64 << 20, 60),
            OutputLimit::new(32 << 20, 8 << 20, 60),
        ], [MULTI_ARG];
        /// After this long, a script or function lets other clients in, to be told that it is busy. 0: never.
        busy_reply_threshold alias "lua-time-limit": u64 = 5000, in int(0, LONG_MAX, Unit::Milliseconds), acts Warn;
        /// Keys that the invalidation table of client-side caching remembers. 0: no limit.
        tracking_table_max_keys: usize = 1_000_000, in COUNT, acts Warn;
        /// Events to publish about changed keys: K and E choose the channels, the other letters the events (A: all
        /// but m and n). Empty: none.
        notify_keyspace_events: NotifyEvents = NotifyEvents::empty(), acts Warn;
        /// Effort of removing expired keys. Accepted for compatibility: an index finds them when they are due.
        active_expire_effort: u32 = 1, in int(1, 10, Unit::None);
        /// Accepted for compatibility: tables grow in small steps by themselves.
        activerehashing: bool = true;
        /// Accepted for compatibility, as are the next three: what takes long to free is always freed in the background.
        lazyfree_lazy_eviction: bool = false, [DEBUG];
        /// Free expired keys in the background.
        lazyfree_lazy_expire: bool = false, [DEBUG];
        /// Free values that a command overwrites in the background.
        lazyfree_lazy_server_del: bool = false, [DEBUG];
        /// Let DEL free in the background, as UNLINK does.
        lazyfree_lazy_user_del: bool = false, [DEBUG];
        /// Let FLUSHDB, FLUSHALL, SCRIPT FLUSH and FUNCTION FLUSH free in the background unless told SYNC.
        lazyfree_lazy_user_flush: bool = false, [DEBUG];
    }

    topic "Security" {
        /// Password of the default user. Empty: none.
        requirepass: Option<Secret> = None, [SENSITIVE];
        /// File of users. It excludes `user` lines in this file.
        aclfile: String = String::new(), [IMMUTABLE], acts Refuse;
        /// Entries that ACL LOG keeps.
        acllog_max_len: usize = 128, in COUNT, acts Warn;
        /// Channels of users that nobody gave any: all, or none.
        acl_pubsub_default: PubsubDefault = PubsubDefault::ResetChannels, acts Warn;
        /// Who may use CONFIG SET on directives that reach outside the server (`dir`, `dbfilename`): nobody,
        /// everybody, or connections from this machine.
        enable_protected_configs: ProtectedAction = ProtectedAction::No, [IMMUTABLE];
        /// Who may use DEBUG.
        enable_debug_command: ProtectedAction = ProtectedAction::No, [IMMUTABLE];
        /// Who may use MODULE.
        enable_module_command: ProtectedAction = ProtectedAction::No, [IMMUTABLE];
        /// Whose serialized values (RESTORE, RDB files) are checked in depth before they are used.
        sanitize_dump_payload: SanitizeDumpPayload = SanitizeDumpPayload::No, [DEBUG], acts Warn;
    }

    topic "Memory" {
        /// Memory for data; when it is full, keys are evicted or writes fail. 0: no limit.
        maxmemory: u64 = 0, in memory(0, ULLONG_MAX);
        /// What to evict when `maxmemory` is reached.
        maxmemory_policy: EvictionPolicy = EvictionPolicy::NoEviction;
        /// Keys that the approximate LRU, LFU and TTL policies compare.
        maxmemory_samples: u32 = 5, in POSITIVE;
        /// How hard eviction tries before it lets a command through: 0 quickly gives up, 100 never does.
        maxmemory_eviction_tenacity: u32 = 10, in int(0, 100, Unit::None);
        /// Memory of all clients' buffers, as bytes or as a percentage of `maxmemory`; the largest clients are
        /// closed beyond it. 0: no limit.
        maxmemory_clients: MemoryOrPercent = MemoryOrPercent::Bytes(0);
        /// How slowly the LFU counter grows: 0 counts every access up to 255.
        lfu_log_factor: u32 = 10, in NATURAL;
        /// After this long the LFU counter loses one. 0: it never does.
        lfu_decay_time: u32 = 1, in int(0, INT_MAX, Unit::Minutes);
        /// Move values around to win back fragmented memory.
        activedefrag: bool = false, [DEBUG], acts Warn;
        /// Fragmented bytes below which nothing is moved.
        active_defrag_ignore_bytes: u64 = 100 << 20, in memory(1, LONG_MAX), acts Warn;
        /// Fragmentation at which moving starts.
        active_defrag_threshold_lower: u32 = 10, in int(0, 1000, Unit::Percent), acts Warn;
        /// Fragmentation at which it works hardest.
        active_defrag_threshold_upper: u32 = 100, in int(0, 1000, Unit::Percent), acts Warn;
        /// Processor time at the lower threshold.
        active_defrag_cycle_min: u32 = 1, in int(1, 99, Unit::Percent), acts Warn;
        /// Processor time at the upper threshold.
        active_defrag_cycle_max: u32 = 25, in int(1, 99, Unit::Percent), acts Warn;
        /// Larger collections are moved in steps of this many fields.
        active_defrag_max_scan_fields: usize = 1000, in int(1, LONG_MAX, Unit::None), acts Warn;
        /// Let the allocator return memory from threads of its own.
        jemalloc_bg_thread: bool = true;
    }

    topic "Encodings" {
        /// Hashes with at most so many fields are kept as one compact block.
        hash_max_listpack_entries alias "hash-max-ziplist-entries": usize = 512, in COUNT;
        /// ... if no field or value is longer.
        hash_max_listpack_value alias "hash-max-ziplist-value": usize = 64, in memory(0, LONG_MAX);
        /// Size of a list's blocks: a number of elements, or -1 to -5 for 4, 8, 16, 32 or 64 KiB.
        list_max_listpack_size alias "list-max-ziplist-size": i32 = -2, in int(i32::MIN as i128, INT_MAX, Unit::None);
        /// Blocks at each end of a list that stay uncompressed. 0: none is compressed.
        list_compress_depth: u32 = 0, in NATURAL, [DEBUG];
        /// Sets of at most so many integers are kept as a sorted array.
        set_max_intset_entries: usize = 512, in COUNT;
        /// Other sets with at most so many members are kept as one compact block.
        set_max_listpack_entries: usize = 128, in COUNT;
        /// ... if no member is longer.
        set_max_listpack_value: usize = 64, in COUNT;
        /// Sorted sets with at most so many members are kept as one compact block.
        zset_max_listpack_entries alias "zset-max-ziplist-entries": usize = 128, in COUNT;
        /// ... if no member is longer.
        zset_max_listpack_value alias "zset-max-ziplist-value": usize = 64, in memory(0, LONG_MAX);
        /// Largest sparse HyperLogLog; beyond it becomes dense.
        hll_sparse_max_bytes: usize = 3000, in memory(0, LONG_MAX);
        /// Size of a stream's blocks. 0: no limit.
        stream_node_max_bytes: usize = 4096, in memory(0, LONG_MAX);
        /// Entries in a stream's block. 0: no limit.
        stream_node_max_entries: u64 = 100, in COUNT;
    }

    topic "Snapshots" {
        /// When to save: pairs of seconds and changes, each a condition. The first line replaces these defaults,
        /// further lines add to it. Empty: never by itself.
        save: Vec<SavePoint> = vec![SavePoint::new(3600, 1), SavePoint::new(300, 100), SavePoint::new(60, 10_000)],
            [MULTI_ARG];
        /// The directory of all data files. Relative file names start here.
        dir: PathBuf = working_dir(), [PROTECTED|DENY_LOADING];
        /// The snapshot's file name.
        dbfilename: String = "dump.rdb".into(), in Kind::Text(check::rdb_file_name), [PROTECTED];
        /// Compress strings in snapshots (LZF).
        rdbcompression: bool = true;
        /// End snapshots with a checksum, and check it when loading.
        rdbchecksum: bool = true, [IMMUTABLE];
        /// The version of the snapshots' format: 9, 10, 11 or 12; auto is the lowest from 10 on that carries the data.
        rdb_version: RdbVersion = RdbVersion::Auto;
        /// Refuse writes after a background save failed, until one succeeds.
        stop_writes_on_bgsave_error: bool = true;
        /// Force a growing snapshot to disk every 4 MiB, to spread the work.
        rdb_save_incremental_fsync: bool = true;
        /// Remove snapshot files that replication made, if nothing else persists the data.
        rdb_del_sync_files: bool = false, acts Warn;
    }

    topic "Append-only file" {
        /// Log every write to a file that is replayed at start.
        appendonly: bool = false, [DENY_LOADING];
        /// First part of the names of the append-only files.
        appendfilename: String = "appendonly.aof".into(), in Kind::Text(check::aof_file_name), [IMMUTABLE];
        /// Their directory, below `dir`.
        appenddirname: String = "appendonlydir".into(), in Kind::Text(check::aof_dir_name), [IMMUTABLE];
        /// When writes are forced to disk: every second, always before a reply, or when the system pleases.
        appendfsync: AppendFsync = AppendFsync::EverySec;
        /// Do not force writes to disk while a save or rewrite is running.
        no_appendfsync_on_rewrite: bool = false;
        /// Rewrite the file when it grew by so much since the last rewrite. 0: never by itself.
        auto_aof_rewrite_percentage: u32 = 100, in int(0, INT_MAX, Unit::Percent);
        /// ... and is at least this large.
        auto_aof_rewrite_min_size: u64 = 64 << 20, in memory(0, LONG_MAX);
        /// Start even if the file ends in the middle of a command, which is then cut off.
        aof_load_truncated: bool = true;
        /// Begin a rewritten file with a snapshot, which loads faster.
        aof_use_rdb_preamble: bool = true;
        /// Note the time in the file, so that it can be cut at a point in time.
        aof_timestamp_enabled: bool = false;
        /// Write a checksum line every 4 KiB, which Redis skips, and check them at start: a flipped bit is found. A file
        /// that was edited on purpose is loaded with no, and then rewritten.
        aof_checksum: bool = true;
        /// Force a rewritten file to disk every 4 MiB, to spread the work.
        aof_rewrite_incremental_fsync: bool = true;
    }

    topic "Replication" {
        /// Be a copy of the master at `<host> <port>`.
        replicaof alias "slaveof": Option<ReplicaOf> = None, [IMMUTABLE|MULTI_ARG], acts Refuse;
        /// Password for the master.
        masterauth: Option<Secret> = None, [SENSITIVE], acts Warn;
        /// User name for the master. Empty: the default user.
        masteruser: Option<Secret> = None, [SENSITIVE], acts Warn;
        /// Answer reads while the link to the master is down.
        replica_serve_stale_data alias "slave-serve-stale-data": bool = true, acts Warn;
        /// Refuse writes on a replica.
        replica_read_only alias "slave-read-only": bool = true, [DEBUG], acts Warn;
        /// Send a full copy straight to the socket instead of through a file.
        repl_diskless_sync: bool = true, [DEBUG], acts Warn;
        /// Wait this long before such a copy, so that more replicas may join it.
        repl_diskless_sync_delay: u32 = 5, in SECONDS, acts Warn;
        /// ... but not once so many replicas wait. 0: no limit.
        repl_diskless_sync_max_replicas: u32 = 0, in NATURAL, acts Warn;
        /// Whether a replica loads a full copy straight from the socket.
        repl_diskless_load: DisklessLoad = DisklessLoad::Disabled, [DEBUG|DENY_LOADING], acts Warn;
        /// How often a master pings its replicas.
        repl_ping_replica_period alias "repl-ping-slave-period": u32 = 10, in int(1, INT_MAX, Unit::Seconds), acts Warn;
        /// Silence after which the other side is taken for dead. Must exceed the ping period.
        repl_timeout: u32 = 60, in int(1, INT_MAX, Unit::Seconds), acts Warn;
        /// Send less often but in fuller packets, at the price of some delay.
        repl_disable_tcp_nodelay: bool = false, acts Warn;
        /// Bytes of the stream that are kept so that a replica can continue after a break.
        repl_backlog_size: u64 = 1 << 20, in memory(1, LONG_MAX), acts Warn;
        /// Free them this long after the last replica left. 0: never.
        repl_backlog_ttl: u64 = 3600, in int(0, LONG_MAX, Unit::Seconds), acts Warn;
        /// Sentinel promotes the replica with the lowest number, and never one with 0.
        replica_priority alias "slave-priority": u32 = 100, in NATURAL, acts Warn;
        /// Whether Sentinel lists this replica.
        replica_announced: bool = true, acts Warn;
        /// Address that a replica names to its master, where the real one can't be reached. Empty: the real one.
        replica_announce_ip alias "slave-announce-ip": Option<String> = None, acts Warn;
        /// The same for its port. 0: the real one.
        replica_announce_port alias "slave-announce-port": u16 = 0, in PORT, acts Warn;
        /// Refuse writes unless so many replicas are connected and up to date. 0: no condition.
        min_replicas_to_write alias "min-slaves-to-write": u32 = 0, in NATURAL, acts Refuse;
        /// A replica that was silent for longer is not up to date.
        min_replicas_max_lag alias "min-slaves-max-lag": u32 = 10, in SECONDS, acts Warn;
        /// Let only the master evict.
        replica_ignore_maxmemory alias "slave-ignore-maxmemory": bool = true, acts Warn;
        /// Free the old data in the background before a full copy is loaded.
        replica_lazy_flush alias "slave-lazy-flush": bool = false, acts Warn;
        /// Keep applying the stream when a replica can't write to its disk.
        replica_ignore_disk_write_errors: bool = false, acts Warn;
        /// What an error while applying the stream or an append-only file does.
        propagation_error_behavior: PropagationError = PropagationError::Ignore, acts Warn;
    }

    topic "Cluster" {
        /// Be a node of a cluster.
        cluster_enabled: bool = false, [IMMUTABLE], acts Refuse;
        /// The file in which the node keeps what it knows of the cluster. The node writes it, not you.
        cluster_config_file: String = "nodes.conf".into(), [IMMUTABLE], acts Warn;
        /// Silence after which a node is suspected.
        cluster_node_timeout: u64 = 15_000, in int(0, LONG_MAX, Unit::Milliseconds), acts Warn;
        /// Port of the cluster bus. 0: `port` + 10000.
        cluster_port: u16 = 0, in PORT, [IMMUTABLE], acts Warn;
        /// A replica that lost its master for longer than this many node timeouts does not take over. 0: it always
        /// may.
        cluster_replica_validity_factor alias "cluster-slave-validity-factor": u32 = 10, in NATURAL, acts Warn;
        /// Replicas that a master must keep before one may move to a master that has none.
        cluster_migration_barrier: u32 = 1, in NATURAL, acts Warn;
        /// Let replicas move to masters that have none.
        cluster_allow_replica_migration: bool = true, acts Warn;
        /// Stop answering when some slot belongs to nobody.
        cluster_require_full_coverage: bool = true, acts Warn;
        /// Never take over by itself; CLUSTER FAILOVER still works.
        cluster_replica_no_failover alias "cluster-slave-no-failover": bool = false, acts Warn;
        /// Answer reads while the cluster is down.
        cluster_allow_reads_when_down: bool = false, acts Warn;
        /// Accept sharded pub/sub while the cluster is down.
        cluster_allow_pubsubshard_when_down: bool = true, acts Warn;
        /// Drop the link to a node whose unsent messages take more. 0: no limit.
        cluster_link_sendbuf_limit: u64 = 0, in memory(0, ULLONG_MAX), acts Warn;
        /// Address that the node announces. Empty: the real one.
        cluster_announce_ip: Option<String> = None, acts Warn;
        /// Port that it announces for clients. 0: the real one.
        cluster_announce_port: u16 = 0, in PORT, acts Warn;
        /// Port that it announces for TLS clients. 0: the real one.
        cluster_announce_tls_port: u16 = 0, in PORT, acts Warn;
        /// Port that it announces for the bus. 0: the real one.
        cluster_announce_bus_port: u16 = 0, in PORT, acts Warn;
        /// Host name that it announces.
        cluster_announce_hostname: Option<String> = None, in Kind::OptionalText(check::host_name), acts Warn;
        /// Name for people, which appears in logs.
        cluster_announce_human_nodename: Option<String> = None, in Kind::OptionalText(check::node_name), acts Warn;
        /// How replies name a node: by address, by host name, or not at all.
        cluster_preferred_endpoint_type: EndpointType = EndpointType::Ip, acts Warn;
    }

    topic "TLS" {
        /// Port for TLS clients. 0: none.
        tls_port: u16 = 0, in PORT, acts Refuse;
        /// Certificate of the server (PEM).
        tls_cert_file: Option<String> = None, [VOLATILE], acts Refuse;
        /// Its key (PEM).
        tls_key_file: Option<String> = None, [VOLATILE], acts Refuse;
        /// Pass phrase of the key.
        tls_key_file_pass: Option<Secret> = None, [SENSITIVE], acts Refuse;
        /// Certificate for outgoing connections. Empty: the server's.
        tls_client_cert_file: Option<String> = None, [VOLATILE], acts Refuse;
        /// Its key.
        tls_client_key_file: Option<String> = None, [VOLATILE], acts Refuse;
        /// Pass phrase of that key.
        tls_client_key_file_pass: Option<Secret> = None, [SENSITIVE], acts Refuse;
        /// Diffie-Hellman parameters, for old clients.
        tls_dh_params_file: Option<String> = None, [VOLATILE], acts Refuse;
        /// Certificates of the authorities to trust (PEM).
        tls_ca_cert_file: Option<String> = None, [VOLATILE], acts Refuse;
        /// Directory of such certificates.
        tls_ca_cert_dir: Option<String> = None, [VOLATILE], acts Refuse;
        /// Whether clients must show a certificate: yes, no, or checked if shown.
        tls_auth_clients: TlsAuthClients = TlsAuthClients::Yes, acts Refuse;
        /// Use TLS towards the master.
        tls_replication: bool = false, acts Refuse;
        /// Use TLS on the cluster bus.
        tls_cluster: bool = false, acts Refuse;
        /// Versions to accept, as in `TLSv1.2 TLSv1.3`. Empty: the library's choice.
        tls_protocols: Option<String> = None, acts Refuse;
        /// Ciphers up to TLS 1.2, in OpenSSL's notation.
        tls_ciphers: Option<String> = None, acts Refuse;
        /// Ciphers of TLS 1.3.
        tls_ciphersuites: Option<String> = None, acts Refuse;
        /// Follow the server's order of ciphers instead of the client's.
        tls_prefer_server_ciphers: bool = false, acts Refuse;
        /// Let clients resume sessions.
        tls_session_caching: bool = true, acts Refuse;
        /// Sessions to remember. 0: no limit.
        tls_session_cache_size: u32 = 20 * 1024, in NATURAL, acts Refuse;
        /// How long a session can be resumed.
        tls_session_cache_timeout: u32 = 300, in SECONDS, acts Refuse;
    }

    topic "Slow log and latency" {
        /// Log commands that took longer. 0 logs all, -1 none.
        slowlog_log_slower_than: i64 = 10_000, in int(-1, LONG_MAX, Unit::Microseconds);
        /// Entries that the slow log keeps.
        slowlog_max_len: usize = 128, in COUNT;
        /// Record events that took at least this long, for LATENCY. 0: none.
        latency_monitor_threshold: u64 = 0, in int(0, LONG_MAX, Unit::Milliseconds);
        /// Keep a histogram of each command's latency, for INFO and LATENCY HISTOGRAM.
        latency_tracking: bool = true;
        /// Percentiles that INFO latencystats prints.
        latency_tracking_info_percentiles: Vec<f64> = vec![50.0, 99.0, 99.9], [MULTI_ARG];
    }

    topic "For tests" {
        /// Keep old append-only files.
        aof_disable_auto_gc: bool = false, [HIDDEN];
        /// Protocol version of new connections.
        client_default_resp: u32 = 2, in int(2, 3, Unit::None), [IMMUTABLE|HIDDEN];
        /// Time between pings on the cluster bus. 0: the usual.
        cluster_ping_interval: u64 = 0, in int(0, LONG_MAX, Unit::Milliseconds), [HIDDEN], acts Warn;
        /// Wait after each loaded key or command; a negative value waits once in so many of them.
        key_load_delay: i32 = 0, in int(i32::MIN as i128, INT_MAX, Unit::Microseconds), [HIDDEN];
        /// Serve clients after loading so many bytes.
        loading_process_events_interval_bytes: u64 = 2 << 20, in int(1024, INT_MAX, Unit::Bytes), [HIDDEN], acts Warn;
        /// Wait after each saved key; a negative value waits once in so many keys.
        rdb_key_save_delay: i32 = 0, in int(i32::MIN as i128, INT_MAX, Unit::Microseconds), [HIDDEN];
        /// File for all requests and replies.
        req_res_logfile: Option<String> = None, [IMMUTABLE|HIDDEN], acts Warn;
        /// Leave by exit(3) instead of abort(3) after a fatal error.
        use_exit_on_panic: bool = false, [HIDDEN], acts Warn;
        /// Log a stack trace when the loop hangs for so long. 0: never.
        watchdog_period: u32 = 0, in int(0, INT_MAX, Unit::Milliseconds), [HIDDEN], acts Warn;
    }
}
