//! The command contract: one constant a command, from which everything else derives.
//!
//! A command's row stands in the file that holds its handler:
//!
//! ```ignore
//! /// GET key
//! pub const GET: Command = Command {
//!     name: "get",
//!     group: Group::String,
//!     since: "1.0.0",
//!     arity: 2,
//!     summary: "Returns the string at a key.",
//!     complexity: "O(1)",
//!     flags: Flags::READONLY.union(Flags::FAST),
//!     keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
//!     args: &[Arg::key("key")],
//!     handler: Handler::Read(get),
//!     ..Command::DEFAULT
//! };
//! ```
//!
//! Lookup, arity errors, COMMAND INFO, DOCS and GETKEYS, ACL categories, cluster routing, locking,
//! commandstats and the cli's hints follow from it; nothing else names the command.

use bitflags::bitflags;
use resp::Args;

use crate::cx::{KeyCx, ServerCx};
use crate::error::Outcome;
use crate::keys::FindKeys;

/// A command or subcommand. Texts are our own; names, arity, flags and key specs are Redis 7.4's.
pub struct Command {
    /// Lower-case name; of a subcommand only its own word.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// The Redis version that brought it.
    pub since: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// In O notation.
    pub complexity: &'static str,
    /// Number of arguments, the name (and the container's) included; negative: at least that many.
    pub arity: i16,
    /// What it does and where it may run.
    pub flags: Flags,
    /// ACL categories that do not follow from group and flags.
    pub categories: Categories,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// Finds its keys where the specs cannot.
    pub find_keys: Option<FindKeys>,
    /// Whether with these arguments it looks up keys that they do not name (SORT ... BY weight_*): then it runs with
    /// exclusive access.
    pub late_keys: Option<fn(Args<'_>) -> bool>,
    /// Where the elements that it looks up in its first key's value stand among the arguments, for prefetching.
    pub elements: Option<Elements>,
    /// The grammar of its arguments.
    pub args: &'static [Arg],
    /// What changed in later versions: version and sentence.
    pub history: &'static [(&'static str, &'static str)],
    /// Hints for clients, as COMMAND INFO lists them.
    pub tips: &'static [&'static str],
    /// For a deprecated command: since when, and what to use.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// The commands in this container.
    pub subcommands: &'static [Command],
    /// The code.
    pub handler: Handler,
}

/// Places of elements among a command's arguments: members, fields. The end of a stream needs no name, and any will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elements {
    /// Where the first one stands.
    pub first: usize,
    /// How many arguments further the next one does; 0 if there is only one.
    pub step: usize,
}

impl Elements {
    /// One at `first`.
    pub const fn one(first: usize) -> Option<Elements> {
        Some(Elements { first, step: 0 })
    }

    /// One at `first`, and others each `step` arguments further.
    pub const fn each(first: usize, step: usize) -> Option<Elements> {
        Some(Elements { first, step })
    }
}

impl Command {
    /// What most commands do not say.
    pub const DEFAULT: Command = Command {
        name: "",
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "O(1)",
        arity: 1,
        flags: Flags::empty(),
        categories: Categories::empty(),
        keys: &[],
        find_keys: None,
        late_keys: None,
        elements: None,
        args: &[],
        history: &[],
        tips: &[],
        deprecated: None,
        subcommands: &[],
        handler: Handler::Container,
    };

    /// All ACL categories: those that follow from group and flags, and the command's own.
    pub fn categories(&self) -> Categories {
        let mut all = self.categories;
        // A container does nothing itself, and a command that names a group's category is not of its own group's:
        // SORT is about lists and sets, WAIT about the connection.
        if !matches!(self.handler, Handler::Container) && !self.categories.intersects(Categories::OF_GROUPS) {
            all |= self.group.category();
        }
        // Redis: a read-only command reads data, unless it is about scripts, the server or the connection.
        let reads = self.flags.contains(Flags::READONLY) && !all.intersects(Categories::SCRIPTING);
        all |= if reads { Categories::READ } else { Categories::empty() };
        all |= if self.flags.contains(Flags::FAST) { Categories::FAST } else { Categories::SLOW };
        const IMPLIED: &[(Flags, Categories)] = &[
            (Flags::WRITE, Categories::WRITE),
            (Flags::ADMIN, Categories::ADMIN.union(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        let implied = IMPLIED.iter().filter(|(flag, _)| self.flags.contains(*flag));
        implied.for_each(|(_, categories)| all |= *categories);
        all
    }

    /// Whether with these arguments it looks up keys that they do not name.
    #[inline]
    pub fn has_late_keys(&self, args: Args<'_>) -> bool {
        self.late_keys.is_some_and(|has_late_keys| has_late_keys(args))
    }

    /// Whether `count` arguments, the name included, are as many as it takes.
    #[inline]
    pub fn accepts(&self, count: usize) -> bool {
        let count = count as i64;
        if self.arity >= 0 { count == self.arity as i64 } else { count >= -(self.arity as i64) }
    }
}

/// Who runs a command.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Reads values: its keys' partitions are locked.
    Read(fn(&mut KeyCx<'_, '_>) -> Outcome),
    /// Changes values: likewise, and what it changed goes to the log.
    Write(fn(&mut KeyCx<'_, '_>) -> Outcome),
    /// Works on the server, its clients, or the keyspace partition by partition; nothing is locked for it.
    Server(fn(&mut ServerCx<'_, '_>) -> Outcome),
    /// The same with exclusive access to everything.
    Exclusive(fn(&mut ServerCx<'_, '_>) -> Outcome),
    /// Runs the queued commands of a transaction: part of the pipeline itself.
    Exec,
    /// Has subcommands.
    Container,
}

/// What a command is about, as in `COMMAND DOCS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Messages.
    Pubsub,
    /// Transactions.
    Transactions,
    /// The client's connection.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
    /// HyperLogLogs.
    Hyperloglog,
    /// Redis Cluster.
    Cluster,
    /// Sentinel.
    Sentinel,
    /// Geographic positions.
    Geo,
    /// Streams.
    Stream,
    /// Bits of strings.
    Bitmap,
}

impl Group {
    /// The name in `COMMAND DOCS`.
    pub fn name(self) -> &'static str {
        match self {
            Group::Generic => "generic",
            Group::String => "string",
            Group::List => "list",
            Group::Set => "set",
            Group::SortedSet => "sorted-set",
            Group::Hash => "hash",
            Group::Pubsub => "pubsub",
            Group::Transactions => "transactions",
            Group::Connection => "connection",
            Group::Server => "server",
            Group::Scripting => "scripting",
            Group::Hyperloglog => "hyperloglog",
            Group::Cluster => "cluster",
            Group::Sentinel => "sentinel",
            Group::Geo => "geo",
            Group::Stream => "stream",
            Group::Bitmap => "bitmap",
        }
    }

    /// The ACL category of every command of the group; none for server and cluster, as in Redis.
    fn category(self) -> Categories {
        match self {
            Group::Generic => Categories::KEYSPACE,
            Group::String => Categories::STRING,
            Group::List => Categories::LIST,
            Group::Set => Categories::SET,
            Group::SortedSet => Categories::SORTEDSET,
            Group::Hash => Categories::HASH,
            Group::Pubsub => Categories::PUBSUB,
            Group::Transactions => Categories::TRANSACTION,
            Group::Connection => Categories::CONNECTION,
            Group::Scripting => Categories::SCRIPTING,
            Group::Hyperloglog => Categories::HYPERLOGLOG,
            Group::Geo => Categories::GEO,
            Group::Stream => Categories::STREAM,
            Group::Bitmap => Categories::BITMAP,
            Group::Server | Group::Cluster | Group::Sentinel => Categories::empty(),
        }
    }
}

bitflags! {
    /// What a command does and where it may run; names as in Redis.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// May change data.
        const WRITE = 1 << 0;
        /// Only reads data.
        const READONLY = 1 << 1;
        /// Refused when memory is short.
        const DENYOOM = 1 << 2;
        /// For administrators.
        const ADMIN = 1 << 3;
        /// About messages.
        const PUBSUB = 1 << 4;
        /// Not from scripts.
        const NOSCRIPT = 1 << 5;
        /// May wait.
        const BLOCKING = 1 << 6;
        /// Allowed while data is loaded.
        const LOADING = 1 << 7;
        /// Allowed on a replica without a link.
        const STALE = 1 << 8;
        /// Not shown to MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not in the slow log.
        const SKIP_SLOWLOG = 1 << 10;
        /// Implies ASKING in a cluster.
        const ASKING = 1 << 11;
        /// Constant or logarithmic time.
        const FAST = 1 << 12;
        /// Allowed before authentication.
        const NO_AUTH = 1 << 13;
        /// May replicate though it is no write.
        const MAY_REPLICATE = 1 << 14;
        /// Known to Sentinel.
        const SENTINEL = 1 << 15;
        /// Only known to Sentinel.
        const ONLY_SENTINEL = 1 << 16;
        /// May be called without any key.
        const NO_MANDATORY_KEYS = 1 << 17;
        /// Needs a protected configuration that allows it.
        const PROTECTED = 1 << 18;
        /// Allowed while a script keeps the server busy.
        const ALLOW_BUSY = 1 << 19;
        /// Not in a transaction.
        const NO_MULTI = 1 << 20;
        /// Not while data is loaded in the background.
        const NO_ASYNC_LOADING = 1 << 21;
        /// Touches keys that its arguments do not name.
        const TOUCHES_ARBITRARY_KEYS = 1 << 22;
        /// Changes how the bytes behind it are read: nothing behind it is parsed before it has run.
        const STOPS_PARSING = 1 << 23;
        /// Internal to the server: what COMMAND DOCS calls a syscmd.
        const SYSTEM = 1 << 24;
    }
}

impl Flags {
    /// The names that COMMAND INFO lists, in its order; some flags are nobody's business. `movable` adds the one
    /// that follows from the key specs.
    pub fn names(self, movable: bool) -> impl Iterator<Item = &'static str> {
        const NAMES: &[(Flags, &str)] = &[
            (Flags::WRITE, "write"),
            (Flags::READONLY, "readonly"),
            (Flags::DENYOOM, "denyoom"),
            (Flags::ADMIN, "admin"),
            (Flags::PUBSUB, "pubsub"),
            (Flags::NOSCRIPT, "noscript"),
            (Flags::BLOCKING, "blocking"),
            (Flags::LOADING, "loading"),
            (Flags::STALE, "stale"),
            (Flags::SKIP_MONITOR, "skip_monitor"),
            (Flags::SKIP_SLOWLOG, "skip_slowlog"),
            (Flags::ASKING, "asking"),
            (Flags::FAST, "fast"),
            (Flags::NO_AUTH, "no_auth"),
            (Flags::NO_MANDATORY_KEYS, "no_mandatory_keys"),
            (Flags::NO_ASYNC_LOADING, "no_async_loading"),
            (Flags::NO_MULTI, "no_multi"),
            (Flags::empty(), "movablekeys"),
            (Flags::ALLOW_BUSY, "allow_busy"),
        ];
        let has = move |flag: Flags| if flag.is_empty() { movable } else { self.contains(flag) };
        NAMES.iter().filter(move |(flag, _)| has(*flag)).map(|(_, name)| *name)
    }
}

bitflags! {
    /// ACL categories.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Categories: u32 {
        /// @keyspace
        const KEYSPACE = 1 << 0;
        /// @read
        const READ = 1 << 1;
        /// @write
        const WRITE = 1 << 2;
        /// @set
        const SET = 1 << 3;
        /// @sortedset
        const SORTEDSET = 1 << 4;
        /// @list
        const LIST = 1 << 5;
        /// @hash
        const HASH = 1 << 6;
        /// @string
        const STRING = 1 << 7;
        /// @bitmap
        const BITMAP = 1 << 8;
        /// @hyperloglog
        const HYPERLOGLOG = 1 << 9;
        /// @geo
        const GEO = 1 << 10;
        /// @stream
        const STREAM = 1 << 11;
        /// @pubsub
        const PUBSUB = 1 << 12;
        /// @admin
        const ADMIN = 1 << 13;
        /// @fast
        const FAST = 1 << 14;
        /// @slow
        const SLOW = 1 << 15;
        /// @blocking
        const BLOCKING = 1 << 16;
        /// @dangerous
        const DANGEROUS = 1 << 17;
        /// @connection
        const CONNECTION = 1 << 18;
        /// @transaction
        const TRANSACTION = 1 << 19;
        /// @scripting
        const SCRIPTING = 1 << 20;
    }
}

impl Categories {
    /// Those that a group gives its commands.
    const OF_GROUPS: Categories = Categories::KEYSPACE
        .union(Categories::SET)
        .union(Categories::SORTEDSET)
        .union(Categories::LIST)
        .union(Categories::HASH)
        .union(Categories::STRING)
        .union(Categories::BITMAP)
        .union(Categories::HYPERLOGLOG)
        .union(Categories::GEO)
        .union(Categories::STREAM)
        .union(Categories::CONNECTION)
        .union(Categories::TRANSACTION)
        .union(Categories::SCRIPTING);

    /// The names without the `@`, in Redis's order.
    pub fn names(self) -> impl Iterator<Item = String> {
        self.iter_names().map(|(name, _)| name.to_ascii_lowercase())
    }
}

bitflags! {
    /// What a command does to the keys of one spec.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// Reads the value.
        const RO = 1 << 0;
        /// Reads and changes it.
        const RW = 1 << 1;
        /// Overwrites it.
        const OW = 1 << 2;
        /// Deletes it.
        const RM = 1 << 3;
        /// Returns, copies or uses the user's data.
        const ACCESS = 1 << 4;
        /// Changes the user's data.
        const UPDATE = 1 << 5;
        /// Adds data.
        const INSERT = 1 << 6;
        /// Deletes data explicitly.
        const DELETE = 1 << 7;
        /// No key, but routed like one.
        const NOT_KEY = 1 << 8;
        /// May miss keys.
        const INCOMPLETE = 1 << 9;
        /// Depends on the arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

impl KeyFlags {
    /// The names that COMMAND INFO lists.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        const NAMES: &[(KeyFlags, &str)] = &[
            (KeyFlags::RO, "RO"),
            (KeyFlags::RW, "RW"),
            (KeyFlags::OW, "OW"),
            (KeyFlags::RM, "RM"),
            (KeyFlags::ACCESS, "access"),
            (KeyFlags::UPDATE, "update"),
            (KeyFlags::INSERT, "insert"),
            (KeyFlags::DELETE, "delete"),
            (KeyFlags::NOT_KEY, "not_key"),
            (KeyFlags::INCOMPLETE, "incomplete"),
            (KeyFlags::VARIABLE_FLAGS, "variable_flags"),
        ];
        NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }
}

/// Where some of a command's keys stand: first where to begin, then how to go on.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What happens to them.
    pub flags: KeyFlags,
    /// Where the first may stand.
    pub begin: Begin,
    /// Which arguments from there are keys.
    pub find: Find,
    /// A remark for COMMAND INFO.
    pub notes: Option<&'static str>,
}

/// Where a spec begins.
#[derive(Clone, Copy, Debug)]
pub enum Begin {
    /// At this argument.
    Index(usize),
    /// Behind this word, looked for from an argument on (from the end, if negative).
    Keyword(&'static str, isize),
    /// Nobody knows.
    Unknown,
}

/// Which arguments of a spec are keys.
#[derive(Clone, Copy, Debug)]
pub enum Find {
    /// Up to `last` (relative to the first; negative: from the end), every `step`-th; of the rest only one part in `limit`.
    Range {
        /// Relative to the beginning; -1 is the last argument.
        last: isize,
        /// From one key to the next.
        step: usize,
        /// 0 and 1: all; n: the first n-th part.
        limit: usize,
    },
    /// As many as an argument says.
    Count {
        /// The argument with the number, relative to the beginning.
        at: usize,
        /// The first key, relative to the beginning.
        first: usize,
        /// From one key to the next.
        step: usize,
    },
    /// Nobody knows.
    Unknown,
}

impl KeySpec {
    /// One key, the first argument.
    pub const fn first(flags: KeyFlags) -> KeySpec {
        KeySpec::one(1, flags)
    }

    /// One key at an index.
    pub const fn one(index: usize, flags: KeyFlags) -> KeySpec {
        KeySpec::range(index, 0, 1, flags)
    }

    /// All arguments from the first on.
    pub const fn all(flags: KeyFlags) -> KeySpec {
        KeySpec::range(1, -1, 1, flags)
    }

    /// Every `step`-th argument from `first` to `last`.
    pub const fn range(first: usize, last: isize, step: usize, flags: KeyFlags) -> KeySpec {
        let find = Find::Range { last, step, limit: 0 };
        KeySpec { flags, begin: Begin::Index(first), find, notes: None }
    }

    /// As many keys as the argument at `at` says, behind it.
    pub const fn counted(at: usize, flags: KeyFlags) -> KeySpec {
        let find = Find::Count { at: 0, first: 1, step: 1 };
        KeySpec { flags, begin: Begin::Index(at), find, notes: None }
    }
}

/// One argument, or a group of them, in a command's grammar.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What to show in place of the name.
    pub display: Option<&'static str>,
    /// What it holds.
    pub kind: ArgKind,
    /// The word that introduces it, or that it is.
    pub token: Option<&'static str>,
    /// It may be missing.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// It is repeated with its token.
    pub multiple_token: bool,
    /// The Redis version that brought it, if later than the command.
    pub since: Option<&'static str>,
    /// The Redis version from which on it is deprecated.
    pub deprecated: Option<&'static str>,
    /// Which key spec it belongs to.
    pub key_spec: Option<usize>,
    /// The parts of a block or the choices of a one-of.
    pub args: &'static [Arg],
}

/// What an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// Any bytes.
    String,
    /// An integer.
    Integer,
    /// A number.
    Double,
    /// A key.
    Key,
    /// A pattern.
    Pattern,
    /// A time in Unix seconds or milliseconds.
    UnixTime,
    /// Only its token.
    PureToken,
    /// One of its parts.
    OneOf,
    /// All its parts.
    Block,
}

impl ArgKind {
    /// The name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            ArgKind::String => "string",
            ArgKind::Integer => "integer",
            ArgKind::Double => "double",
            ArgKind::Key => "key",
            ArgKind::Pattern => "pattern",
            ArgKind::UnixTime => "unix-time",
            ArgKind::PureToken => "pure-token",
            ArgKind::OneOf => "oneof",
            ArgKind::Block => "block",
        }
    }
}

impl Arg {
    /// An argument of a kind.
    pub const fn new(name: &'static str, kind: ArgKind) -> Arg {
        Arg {
            name,
            display: None,
            kind,
            token: None,
            optional: false,
            multiple: false,
            multiple_token: false,
            since: None,
            deprecated: None,
            key_spec: None,
            args: &[],
        }
    }

    /// A key of the first spec.
    pub const fn key(name: &'static str) -> Arg {
        Arg::key_of(name, 0)
    }

    /// A key of a spec.
    pub const fn key_of(name: &'static str, spec: usize) -> Arg {
        let mut arg = Arg::new(name, ArgKind::Key);
        arg.key_spec = Some(spec);
        arg
    }

    /// Any bytes.
    pub const fn string(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::String)
    }

    /// An integer.
    pub const fn integer(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Integer)
    }

    /// A number.
    pub const fn double(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Double)
    }

    /// A time.
    pub const fn unix_time(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::UnixTime)
    }

    /// A pattern.
    pub const fn pattern(name: &'static str) -> Arg {
        Arg::new(name, ArgKind::Pattern)
    }

    /// A word.
    pub const fn word(name: &'static str, token: &'static str) -> Arg {
        Arg::new(name, ArgKind::PureToken).token(token)
    }

    /// One of several.
    pub const fn one_of(name: &'static str, args: &'static [Arg]) -> Arg {
        let mut arg = Arg::new(name, ArgKind::OneOf);
        arg.args = args;
        arg
    }

    /// Several together.
    pub const fn block(name: &'static str, args: &'static [Arg]) -> Arg {
        let mut arg = Arg::new(name, ArgKind::Block);
        arg.args = args;
        arg
    }

    /// Introduced by a word.
    pub const fn token(mut self, token: &'static str) -> Arg {
        self.token = Some(token);
        self
    }

    /// May be missing.
    pub const fn optional(mut self) -> Arg {
        self.optional = true;
        self
    }

    /// May be repeated.
    pub const fn multiple(mut self) -> Arg {
        self.multiple = true;
        self
    }

    /// May be repeated, each time with its token.
    pub const fn multiple_token(mut self) -> Arg {
        self.multiple = true;
        self.multiple_token = true;
        self
    }

    /// Came with a later version.
    pub const fn since(mut self, version: &'static str) -> Arg {
        self.since = Some(version);
        self
    }

    /// Shown by another name.
    pub const fn display(mut self, text: &'static str) -> Arg {
        self.display = Some(text);
        self
    }

    /// Deprecated from a version on.
    pub const fn deprecated(mut self, version: &'static str) -> Arg {
        self.deprecated = Some(version);
        self
    }
}
