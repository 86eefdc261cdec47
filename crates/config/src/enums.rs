//! Directives whose value is one of a few words: an enum each, with its names in Redis's order.
//!
//! The order matters twice: error messages list the names in it, and a value with two names prints the first.

use crate::value::{Kind, Reason, Value, single};

/// The refusal of a word that is none of `names`.
pub(crate) fn not_one_of(names: &[&str]) -> Reason {
    Reason::Owned(format!("argument(s) must be one of the following: {}", names.join(", ")))
}

/// Declares an enum, its names, and its reading and printing. A variant may have several names.
macro_rules! word_enum {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal $(| $other:literal)*,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $type {
            /// Every accepted name, in the order of Redis's messages.
            pub const NAMES: &'static [&'static str] = &[$($name, $($other,)*)+];

            /// The name that CONFIG GET prints.
            pub fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $name,)+
                }
            }

            /// The value of a name, in any case.
            pub fn from_name(name: &[u8]) -> Option<Self> {
                let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
                $(if is($name) $(|| is($other))* { return Some($type::$variant); })+
                None
            }
        }

        impl Value for $type {
            const KIND: Kind = Kind::Enum(Self::NAMES);

            fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
                *self = Self::from_name(single(words)?).ok_or_else(|| not_one_of(Self::NAMES))?;
                Ok(())
            }

            fn show(&self, _: &Kind) -> Vec<u8> {
                self.name().into()
            }
        }
    };
}

word_enum! {
    /// `loglevel`: the least important lines that are still logged.
    LogLevel {
        /// Everything, for development.
        Debug = "debug",
        /// Many rarely useful lines.
        Verbose = "verbose",
        /// What an operator wants to see.
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
}

word_enum! {
    /// `supervised`: the service manager that is told when the server is ready.
    Supervised {
        /// Upstart, by stopping oneself with SIGSTOP.
        Upstart = "upstart",
        /// systemd, through `$NOTIFY_SOCKET`.
        Systemd = "systemd",
        /// Whichever of the two the environment speaks of.
        Auto = "auto",
        /// None.
        No = "no",
    }
}

word_enum! {
    /// `syslog-facility`.
    SyslogFacility {
        /// LOG_USER.
        User = "user",
        /// LOG_LOCAL0.
        Local0 = "local0",
        /// LOG_LOCAL1.
        Local1 = "local1",
        /// LOG_LOCAL2.
        Local2 = "local2",
        /// LOG_LOCAL3.
        Local3 = "local3",
        /// LOG_LOCAL4.
        Local4 = "local4",
        /// LOG_LOCAL5.
        Local5 = "local5",
        /// LOG_LOCAL6.
        Local6 = "local6",
        /// LOG_LOCAL7.
        Local7 = "local7",
    }
}

word_enum! {
    /// `rdb-version`: the version of the format that snapshots are written in.
    RdbVersion {
        /// 10, or 12 where hashes have fields that expire.
        Auto = "auto",
        /// What Redis 5 and later load.
        V9 = "9",
        /// What Redis 7.0 and later load, and Valkey.
        V10 = "10",
        /// What Redis 7.2 and later load, and Valkey.
        V11 = "11",
        /// What Redis 7.4 and later load.
        V12 = "12",
    }
}

impl RdbVersion {
    /// The version, where one is said.
    pub fn number(self) -> Option<u16> {
        self.name().parse().ok()
    }
}

word_enum! {
    /// `appendfsync`: when the append-only file is forced to disk.
    AppendFsync {
        /// Once a second, in the background.
        EverySec = "everysec",
        /// Before a reply is sent.
        Always = "always",
        /// When the operating system pleases.
        No = "no",
    }
}

word_enum! {
    /// `maxmemory-policy`: which keys are removed when memory is full.
    EvictionPolicy {
        /// Least recently used, among keys with a time to live.
        VolatileLru = "volatile-lru",
        /// Least frequently used, among keys with a time to live.
        VolatileLfu = "volatile-lfu",
        /// At random, among keys with a time to live.
        VolatileRandom = "volatile-random",
        /// The shortest time to live first.
        VolatileTtl = "volatile-ttl",
        /// Least recently used.
        AllkeysLru = "allkeys-lru",
        /// Least frequently used.
        AllkeysLfu = "allkeys-lfu",
        /// At random.
        AllkeysRandom = "allkeys-random",
        /// None: writes fail instead.
        NoEviction = "noeviction",
    }
}

word_enum! {
    /// `repl-diskless-load`: whether a replica loads straight from the socket.
    DisklessLoad {
        /// Never: through a file.
        Disabled = "disabled",
        /// Only while the replica holds no key.
        OnEmptyDb = "on-empty-db",
        /// Beside the old data, which is swapped out at the end.
        SwapDb = "swapdb",
    }
}

word_enum! {
    /// `tls-auth-clients`: whether clients must show a certificate.
    TlsAuthClients {
        /// None is asked for.
        No = "no",
        /// A valid one is required.
        Yes = "yes",
        /// Checked if shown.
        Optional = "optional",
    }
}

word_enum! {
    /// `oom-score-adj`: how the kernel's out-of-memory score is set.
    OomScoreAdj {
        /// Untouched.
        No = "no",
        /// Relative to the score at start.
        Relative = "yes" | "relative",
        /// As it stands.
        Absolute = "absolute",
    }
}

word_enum! {
    /// `acl-pubsub-default`: the channels of new users.
    PubsubDefault {
        /// All.
        AllChannels = "allchannels",
        /// None.
        ResetChannels = "resetchannels",
    }
}

word_enum! {
    /// `sanitize-dump-payload`: whose RESTORE and RDB payloads are checked in depth.
    SanitizeDumpPayload {
        /// Nobody's.
        No = "no",
        /// Everybody's.
        Yes = "yes",
        /// Those of clients without the skip-sanitize-payload right.
        Clients = "clients",
    }
}

word_enum! {
    /// `enable-debug-command` and its like: who may use a dangerous feature.
    ProtectedAction {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Connections from this machine.
        Local = "local",
    }
}

impl ProtectedAction {
    /// Whether a connection may act; `local` is true for loopback and unix sockets.
    pub fn allows(self, local: bool) -> bool {
        match self {
            ProtectedAction::No => false,
            ProtectedAction::Yes => true,
            ProtectedAction::Local => local,
        }
    }
}

word_enum! {
    /// `cluster-preferred-endpoint-type`: how cluster replies name a node.
    EndpointType {
        /// By address.
        Ip = "ip",
        /// By announced host name.
        Hostname = "hostname",
        /// Not at all: the client keeps the address it used.
        UnknownEndpoint = "unknown-endpoint",
    }
}

word_enum! {
    /// `propagation-error-behavior`: what an error while applying the replication stream or an AOF does.
    PropagationError {
        /// It is counted and logged.
        Ignore = "ignore",
        /// It ends the process.
        Panic = "panic",
        /// It ends the process on a replica.
        PanicOnReplicas = "panic-on-replicas",
    }
}
