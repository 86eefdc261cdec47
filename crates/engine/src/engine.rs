//! The engine: what the whole process shares. There is one, for as long as the process runs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use config::{Config, MemoryOrPercent, NotifyEvents, Param};
use keyspace::Keyspace;
use parking_lot::Mutex;

use crate::client::{ClientRecord, Clients};
use crate::cx::Event;
use crate::error_counts::ErrorCounts;
use crate::eviction::Exceeded;
use crate::latency::LatencyMonitor;
use crate::lazy_free::LazyFree;
use crate::loading::Loading;
use crate::log::ReplLog;
use crate::monitors::Monitors;
use crate::persistence::Persistence;
use crate::rates::{Rates, Rounds};
use crate::slowlog::SlowLog;
use crate::stats::{Counter, Stats};
use crate::table::CommandTable;

/// The version of Redis that clients are told.
pub const REDIS_VERSION: &str = "7.4.1";
/// Our own version.
pub const CARNELIAN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Threads that enter the keyspace beside the workers: active expiry, loading, a snapshot's traversal.
const OTHER_THREADS: usize = 8;

/// What the process around the engine does for it. Pushed down by the server at start.
pub trait Host: Send + Sync {
    /// Writes a line to the server's log.
    fn log(&self, level: LogLevel, text: &str);
    /// Makes a changed configuration act: ports, log level, limits. The error undoes the whole change.
    fn apply(&self, changed: &[&'static Param], config: &Config) -> Result<(), (&'static str, String)>;
    /// CONFIG REWRITE; `all` writes every directive, whether it has changed or not.
    fn rewrite_config(&self, config: &Config, all: bool) -> Result<(), String>;
    /// Facts about the process for INFO.
    fn facts(&self) -> Facts;
    /// Asks the process to end; answers once it is on its way.
    fn shutdown(&self, request: Shutdown);
    /// Stops this thread until the process has ended.
    fn wait_for_end(&self);
    /// Drops something large where it hurts nobody.
    fn drop_later(&self, garbage: Box<dyn Send>);
}

/// Levels of the server's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// For developers.
    Debug,
    /// A lot.
    Verbose,
    /// What matters in production.
    Notice,
    /// What must be seen.
    Warning,
}

/// How to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Do not wait for replicas.
    pub now: bool,
    /// End even if saving fails.
    pub force: bool,
    /// SAVE or NOSAVE, where said.
    pub save: Option<bool>,
}

/// What the process knows of itself.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Path of the program.
    pub executable: String,
    /// Path of the configuration file, or empty.
    pub config_file: String,
    /// Number of the build, in hexadecimal.
    pub build_id: String,
    /// 40 hexadecimal digits, new at every start.
    pub run_id: String,
    /// "no", "systemd" or "upstart".
    pub supervised: &'static str,
    /// What is listened on, as INFO's listener lines say it.
    pub listeners: Vec<String>,
    /// The poller's name.
    pub multiplexing: &'static str,
}

/// A message from one worker's command to another worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Look at clients that were killed.
    Killed,
    /// A pause has ended or changed: parked commands may run.
    Resume,
    /// A client's wait has ended: its worker tells it.
    Unblocked(u64, crate::blocking::Ended),
    /// Keys were touched, and whoever waits for them is to be served.
    Touched(Vec<(u32, Box<[u8]>)>),
    /// More of the log is on disk: replies that waited for it may go out.
    Durable,
    /// A command was run: the line for clients that monitor.
    Monitored(Arc<[u8]>),
}

bitflags::bitflags! {
    /// Why commands can't take the short way.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Attention: u32 {
        /// Clients are paused.
        const PAUSED = 1 << 0;
        /// A client sees every command.
        const MONITORED = 1 << 1;
        /// Memory is full, and nothing may be evicted.
        const FULL = 1 << 2;
        /// Data are loaded from disk.
        const LOADING = 1 << 3;
        /// A cut is being read: some keys may not be changed yet.
        const CUT = 1 << 4;
        /// The disk does not take what is changed.
        const DISK_ERROR = 1 << 5;
    }
}

/// A worker's mailbox: push only, never blocking.
#[derive(Default)]
pub struct Mailbox {
    messages: Mutex<Vec<Message>>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Mailbox {
    /// Says how the worker is woken; once, when it starts.
    pub fn on_message(&self, wake: impl Fn() + Send + Sync + 'static) {
        let _ = self.wake.set(Box::new(wake));
    }

    /// Leaves a message.
    pub fn push(&self, message: Message) {
        self.messages.lock().push(message);
        self.wake.get().inspect(|wake| wake());
    }

    /// Takes all messages.
    pub fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.messages.lock())
    }
}

/// CLIENT PAUSE.
#[derive(Default)]
pub struct Pause {
    /// Until when, in Unix milliseconds; 0: not paused.
    until: AtomicI64,
    /// Only commands that may change something wait.
    writes_only: AtomicBool,
}

impl Pause {
    /// Whether a command waits now: `may_write` says that it may change something.
    pub fn holds(&self, may_write: bool, now: i64) -> bool {
        self.until.load(Relaxed) > now && (may_write || !self.writes_only.load(Relaxed))
    }

    /// Until when, in Unix milliseconds, if it is paused at `now`.
    pub fn until(&self, now: i64) -> Option<i64> {
        Some(self.until.load(Relaxed)).filter(|until| *until > now)
    }

    /// Whether a pause has run out by itself and is still to be ended.
    pub fn has_ended(&self, now: i64) -> bool {
        let until = self.until.load(Relaxed);
        until > 0 && until <= now
    }

    /// Whether writes wait: keys do not expire meanwhile, so that nothing changes.
    pub fn is_paused(&self, now: i64) -> bool {
        self.until(now).is_some()
    }
}

/// What the whole process shares.
pub struct Engine {
    /// Every key.
    pub keyspace: Keyspace,
    /// Every command.
    pub table: CommandTable,
    /// Every client.
    pub clients: Clients,
    /// Every count.
    pub stats: Stats,
    /// How fast the counts grow.
    pub rates: Rates,
    /// Effects, for those who read them.
    pub log: ReplLog,
    /// Slow commands.
    pub slowlog: SlowLog,
    /// Slow events of all kinds.
    pub latency: LatencyMonitor,
    /// Errors replied, by code.
    pub errors: ErrorCounts,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// Each worker's mailbox.
    pub mailboxes: Box<[Mailbox]>,
    /// The process around.
    pub host: Box<dyn Host>,
    /// When the server started, in Unix milliseconds.
    pub started_ms: i64,
    /// The most memory ever in use, in bytes, as far as it was looked at.
    pub peak_memory: AtomicU64,
    /// The memory in use when the server had started, in bytes.
    pub startup_memory: AtomicU64,
    /// The cron's rounds.
    pub cron: Rounds,
    /// Nanoseconds of those spent on deleting what is due.
    pub expire_nanos: Counter,
    /// What is freed in the background.
    pub lazy_free: LazyFree,
    /// How long memory was beyond `maxmemory`.
    pub exceeded: Exceeded,
    /// The load from disk that goes on, and the last one.
    pub loading: Loading,
    /// The data's life on disk.
    pub persistence: Persistence,
    /// The latest keyspace events.
    pub events: Mutex<VecDeque<Event>>,
    /// Clients that see every command.
    pub monitors: Monitors,
    /// Keyspace events tell of keys that go by themselves.
    tells_losses: AtomicBool,
    /// What sends every command through all checks: bits of [`Attention`].
    attention: AtomicU32,
    /// Active expiry (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: AtomicBool,
    /// What happens by the clock does not (DEBUG PAUSE-CRON).
    pub cron_paused: AtomicBool,
    config: ArcSwap<Config>,
    config_version: AtomicU64,
    /// One CONFIG SET at a time.
    pub config_change: Mutex<()>,
}

impl Engine {
    /// An engine for the process's lifetime, with `workers` workers.
    pub fn start(
        config: Config,
        table: CommandTable,
        workers: usize,
        host: Box<dyn Host>,
    ) -> &'static Engine {
        let ids = table.ids();
        let engine = Engine {
            keyspace: Keyspace::new(config.databases, workers + OTHER_THREADS),
            table,
            clients: Clients::default(),
            stats: Stats::new(workers, ids),
            rates: Rates::default(),
            log: ReplLog::default(),
            slowlog: SlowLog::default(),
            latency: LatencyMonitor::default(),
            errors: ErrorCounts::default(),
            pause: Pause::default(),
            mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
            host,
            started_ms: unix_millis(),
            peak_memory: AtomicU64::new(0),
            startup_memory: AtomicU64::new(0),
            cron: Rounds::default(),
            expire_nanos: Counter::default(),
            lazy_free: LazyFree::default(),
            exceeded: Exceeded::default(),
            loading: Loading::default(),
            persistence: Persistence::default(),
            events: Mutex::default(),
            monitors: Monitors::new(workers),
            tells_losses: AtomicBool::new(false),
            attention: AtomicU32::new(0),
            active_expire: AtomicBool::new(true),
            cron_paused: AtomicBool::new(false),
            config: ArcSwap::from_pointee(config),
            config_version: AtomicU64::new(1),
            config_change: Mutex::new(()),
        };
        let engine: &'static Engine = Box::leak(Box::new(engine));
        engine.configured(&engine.config());
        engine
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Changes whenever the configuration does.
    #[inline]
    pub fn config_version(&self) -> u64 {
        self.config_version.load(Relaxed)
    }

    /// Publishes a changed configuration. The caller holds `config_change`.
    pub fn publish(&self, config: Config) {
        self.configured(&config);
        self.config.store(Arc::new(config));
        self.config_version.fetch_add(1, Relaxed);
    }

    /// Tells those who keep their own copy of a directive.
    fn configured(&self, config: &Config) {
        use config::EvictionPolicy as Policy;
        let lfu = matches!(config.maxmemory_policy, Policy::AllkeysLfu | Policy::VolatileLfu);
        self.keyspace.access.set(lfu, config.lfu_log_factor, config.lfu_decay_time);
        self.slowlog.set_max_len(config.slowlog_max_len);
        let told = config.notify_keyspace_events;
        self.tells_losses.store(told.intersects(NotifyEvents::EXPIRED | NotifyEvents::EVICTED), Relaxed);
    }

    /// Sends every command through all checks for a reason, or no longer.
    pub(crate) fn attend(&self, reason: Attention, on: bool) {
        if on {
            self.attention.fetch_or(reason.bits(), Relaxed);
        } else {
            self.attention.fetch_and(!reason.bits(), Relaxed);
        }
    }

    /// Whether there is this reason to send every command through all checks.
    pub(crate) fn attends(&self, reason: Attention) -> bool {
        self.attention.load(Relaxed) & reason.bits() != 0
    }

    /// Whether every command must pass all checks.
    #[inline]
    pub fn needs_attention(&self) -> bool {
        self.attention.load(Relaxed) != 0
    }

    /// Pauses clients until a time in Unix milliseconds; a running pause is only made longer and stricter. Called with exclusive access.
    pub fn pause_clients(&self, until: i64, writes_only: bool, now: i64) {
        let paused = self.pause.is_paused(now);
        let strict = !writes_only || (paused && !self.pause.writes_only.load(Relaxed));
        self.pause.writes_only.store(!strict, Relaxed);
        let until = if paused { until.max(self.pause.until.load(Relaxed)) } else { until };
        self.pause.until.store(until, Relaxed);
        self.attend(Attention::PAUSED, true);
    }

    /// Ends a pause. Called with exclusive access, or when it has run out.
    pub fn resume_clients(&self) {
        self.pause.until.store(0, Relaxed);
        self.attend(Attention::PAUSED, false);
        self.tell_workers(&Message::Resume);
    }

    /// Has a client's worker close its connection.
    pub fn kill(&self, record: &ClientRecord) {
        record.killed.store(true, Relaxed);
        self.mailboxes[record.worker].push(Message::Killed);
    }

    /// Closes the largest clients while all take more than `maxmemory-clients` allows. Answers whether there were any.
    pub fn evict_clients(&self, config: &Config) -> bool {
        let limit = match config.maxmemory_clients {
            MemoryOrPercent::Bytes(bytes) => bytes,
            MemoryOrPercent::Percent(percent) => config.maxmemory / 100 * u64::from(percent),
        };
        if limit == 0 {
            return false;
        }
        let evicted = self.clients.evict(limit);
        for record in &evicted {
            let (id, address, memory) = (record.id, &record.address, record.memory.load(Relaxed));
            let line = format!("Evicting client: id={id} addr={address} tot-mem={memory}");
            self.host.log(LogLevel::Notice, &line);
            self.kill(record);
        }
        !evicted.is_empty()
    }

    /// Leaves a message for every worker.
    pub fn tell_workers(&self, message: &Message) {
        self.mailboxes.iter().for_each(|m| m.push(message.clone()));
    }

    /// Counts an error reply.
    pub fn count_error(&'static self, text: &str) {
        let Some(given_up) = self.errors.count(crate::Error::code(text)) else { return };
        let number = given_up.len();
        let codes: Vec<&str> = given_up.keys().map(String::as_str).collect();
        let stopped =
            format!("Errorstats stopped adding new errors: there were {number} codes, which is the limit.");
        self.host.log(LogLevel::Warning, &stopped);
        self.host.log(LogLevel::Warning, &format!("Current errors code list: {}", codes.join(", ")));
        self.free_later(Box::new(given_up), number);
    }

    /// Whether anyone is to be told of keys that go by themselves.
    pub(crate) fn wants_losses(&self) -> bool {
        self.log.is_read() || self.tells_losses.load(Relaxed)
    }

    /// Tells keyspace events; the partitions of their keys are still locked.
    pub(crate) fn tell_events(&self, events: Vec<Event>) {
        /// As many as a test may want to look at.
        const KEPT: usize = 64;
        if events.is_empty() {
            return;
        }
        let wanted = self.config.load().notify_keyspace_events;
        let mut kept = self.events.lock();
        kept.extend(events.into_iter().filter(|event| wanted.contains(event.class)));
        let surplus = kept.len().saturating_sub(KEPT);
        kept.drain(..surplus);
    }

    /// Notes an event that took `nanos` if `latency-monitor-threshold` asks for it.
    pub fn note_latency(&self, event: &'static str, nanos: u64) {
        let (millis, threshold) = (nanos / 1_000_000, self.config.load().latency_monitor_threshold);
        if threshold > 0 && millis >= threshold {
            self.latency.record(event, millis, unix_millis() / 1000);
        }
    }

    /// What the cron does about ten times a second: looks at the counters and at the memory in use.
    pub fn sample(&self) {
        self.rates.sample(&self.stats, &self.cron, unix_micros() as u64);
        self.used_memory();
    }

    /// Sets to zero what CONFIG RESETSTAT does.
    pub fn reset_statistics(&self) {
        self.stats.reset();
        self.rates.reset();
        self.keyspace.reset_statistics();
        self.errors.reset();
        [&self.cron.count, &self.cron.nanos, &self.expire_nanos].iter().for_each(|n| n.reset());
        self.lazy_free.freed.store(0, Relaxed);
        self.exceeded.reset();
        self.clients.evicted.store(0, Relaxed);
        self.persistence.log.late_syncs.store(0, Relaxed);
    }

    /// Bytes in use; also keeps the peak.
    pub fn used_memory(&self) -> usize {
        let used = memory::used();
        self.peak_memory.fetch_max(used as u64, Relaxed);
        used
    }

    /// Bytes in use that do not count against `maxmemory`, for evicting keys would make more of them: where what of the log and of
    /// pre-images waits for the disk.
    pub fn uncounted_memory(&self) -> usize {
        self.log_memory() + self.keyspace.cut.queued_bytes()
    }
}

/// Now, in Unix milliseconds.
pub fn unix_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}

/// Now, in Unix microseconds.
pub fn unix_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}
