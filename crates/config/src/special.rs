//! Directives with a form of their own: save points, buffer limits, addresses, percentiles and so on.

use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::value::{Kind, Line, Reason, Value, format_memory, parse_memory, single};
use resp::words::quoted;

/// Words of the error that a C `int` parameter with a wrong number of words gets.
const WRONG_COUNT: Reason = Reason::Borrowed("wrong number of arguments");

/// No words at all, or one empty word: both empty a list.
fn is_nothing(words: &[&[u8]]) -> bool {
    matches!(words, [] | [b""])
}

fn parse_i64(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn joined<T: ToString>(items: &[T]) -> Vec<u8> {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(" ").into_bytes()
}

/// One condition of `save`: a snapshot is taken after `seconds` if at least `changes` keys changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavePoint {
    /// Seconds since the last snapshot, at least 1.
    pub seconds: u64,
    /// Changes since the last snapshot.
    pub changes: u64,
}

impl SavePoint {
    /// A save point; the order is that of the directive.
    pub const fn new(seconds: u64, changes: u64) -> Self {
        SavePoint { seconds, changes }
    }

    fn parse(seconds: &[u8], changes: &[u8]) -> Option<Self> {
        let seconds = u64::try_from(parse_i64(seconds)?).ok().filter(|&seconds| seconds >= 1)?;
        Some(SavePoint { seconds, changes: u64::try_from(parse_i64(changes)?).ok()? })
    }

    fn text(self) -> String {
        format!("{} {}", self.seconds, self.changes)
    }
}

impl Value for Vec<SavePoint> {
    const KIND: Kind = Kind::Special("pairs of <seconds> <changes>, or \"\" for none");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let invalid = Reason::Borrowed("Invalid save parameters");
        let words = if is_nothing(words) { &[] } else { words };
        let (pairs, []) = words.as_chunks::<2>() else { return Err(invalid) };
        let points = pairs.iter().map(|[seconds, changes]| SavePoint::parse(seconds, changes));
        *self = points.collect::<Option<_>>().ok_or(invalid)?;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        self.iter().map(|point| point.text()).collect::<Vec<_>>().join(" ").into_bytes()
    }

    /// A line a point, always written: without one, a restart would bring the default points back.
    fn lines(&self, _: &Kind, _: &Self) -> Vec<Line> {
        if self.is_empty() {
            return vec![Line { text: b"\"\"".to_vec(), force: true }];
        }
        self.iter().map(|point| Line { text: point.text().into_bytes(), force: true }).collect()
    }
}

/// The classes of connections with an output buffer limit, in the order of the directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientClass {
    /// Ordinary clients, MONITOR included.
    Normal = 0,
    /// Replicas.
    Replica = 1,
    /// Clients that subscribed to a channel.
    Pubsub = 2,
}

impl ClientClass {
    /// All of them, in the order of the array in [`Config`](crate::Config).
    pub const ALL: [ClientClass; 3] = [ClientClass::Normal, ClientClass::Replica, ClientClass::Pubsub];

    fn from_name(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(ClientClass::Normal),
            b"slave" | b"replica" => Some(ClientClass::Replica),
            b"pubsub" => Some(ClientClass::Pubsub),
            _ => None,
        }
    }

    /// The name in CONFIG GET, which still says "slave".
    fn get_name(self) -> &'static str {
        match self {
            ClientClass::Normal => "normal",
            ClientClass::Replica => "slave",
            ClientClass::Pubsub => "pubsub",
        }
    }

    /// The name in a rewritten file.
    fn file_name(self) -> &'static str {
        match self {
            ClientClass::Replica => "replica",
            other => other.get_name(),
        }
    }
}

/// How much unread output a connection may hold before it is closed. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// Bytes that close it at once.
    pub hard: u64,
    /// Bytes that close it when exceeded for `soft_seconds` without a break.
    pub soft: u64,
    /// Seconds.
    pub soft_seconds: u64,
}

impl OutputLimit {
    /// A limit; the order is that of the directive.
    pub const fn new(hard: u64, soft: u64, soft_seconds: u64) -> Self {
        OutputLimit { hard, soft, soft_seconds }
    }
}

impl Value for [OutputLimit; 3] {
    const KIND: Kind = Kind::Special("<class> <hard> <soft> <soft seconds>, for one class or several");

    /// Classes that are not mentioned keep their limits.
    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let (groups, []) = words.as_chunks::<4>() else {
            return Err(Reason::Borrowed("Wrong number of arguments in buffer limit configuration."));
        };
        let mut limits = *self;
        for [class, hard, soft, seconds] in groups {
            let class = ClientClass::from_name(class)
                .ok_or(Reason::Borrowed("Invalid client class specified in buffer limit configuration."))?;
            let seconds = parse_i64(seconds).and_then(|seconds| u64::try_from(seconds).ok());
            let (Some(hard), Some(soft), Some(seconds)) = (parse_memory(hard), parse_memory(soft), seconds)
            else {
                return Err(Reason::Borrowed(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
                ));
            };
            limits[class as usize] = OutputLimit::new(hard, soft, seconds);
        }
        *self = limits;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        let text = |class: ClientClass| {
            let limit = self[class as usize];
            format!("{} {} {} {}", class.get_name(), limit.hard, limit.soft, limit.soft_seconds)
        };
        ClientClass::ALL.map(text).join(" ").into_bytes()
    }

    fn lines(&self, _: &Kind, default: &Self) -> Vec<Line> {
        let line = |class: ClientClass| {
            let limit = self[class as usize];
            let (hard, soft) = (format_memory(limit.hard.into()), format_memory(limit.soft.into()));
            let text = format!("{} {hard} {soft} {}", class.file_name(), limit.soft_seconds);
            Line { text: text.into_bytes(), force: limit != default[class as usize] }
        };
        ClientClass::ALL.map(line).into()
    }
}

/// The most addresses that `bind` takes.
const BIND_MAX: usize = 16;

/// `bind`: addresses to listen on; a leading `-` tolerates one that does not exist, `*` means all of a family.
impl Value for Vec<String> {
    const KIND: Kind = Kind::Special("up to 16 addresses");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        if words.len() > BIND_MAX {
            return Err(Reason::Borrowed("Too many bind addresses specified."));
        }
        let words = if is_nothing(words) { &[] } else { words };
        let addresses = words.iter().map(|word| String::from_utf8(word.to_vec()));
        *self = addresses
            .collect::<Result<_, _>>()
            .map_err(|_| Reason::Borrowed("argument must be valid UTF-8"))?;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        joined(self)
    }

    /// Absent when default: a file without the directive means the same on every version.
    fn lines(&self, kind: &Kind, default: &Self) -> Vec<Line> {
        if self == default {
            return Vec::new();
        }
        let text = if self.is_empty() { b"\"\"".to_vec() } else { self.show(kind) };
        vec![Line { text, force: true }]
    }
}

/// `latency-tracking-info-percentiles`: from 0 to 100, printed with at most six decimals.
impl Value for Vec<f64> {
    const KIND: Kind = Kind::Special("numbers from 0 to 100, or \"\" for none");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let words = if is_nothing(words) { &[] } else { words };
        *self = words.iter().map(|word| parse_percentile(word)).collect::<Result<_, _>>()?;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        let text = |number: &f64| {
            let fixed = format!("{number:.6}");
            fixed.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        self.iter().map(text).collect::<Vec<_>>().join(" ").into_bytes()
    }

    /// Always written, so that an empty list survives a restart.
    fn lines(&self, kind: &Kind, _: &Self) -> Vec<Line> {
        let text = if self.is_empty() { b"\"\"".to_vec() } else { self.show(kind) };
        vec![Line { text, force: true }]
    }
}

fn parse_percentile(word: &[u8]) -> Result<f64, Reason> {
    let number = std::str::from_utf8(word).ok().and_then(|word| word.parse::<f64>().ok());
    let number = number
        .filter(|number| !number.is_nan())
        .ok_or(Reason::Borrowed("Invalid latency-tracking-info-percentiles parameters"))?;
    if (0.0..=100.0).contains(&number) {
        // -0 is inside the limits but would print a sign.
        return Ok(number.abs());
    }
    Err(Reason::Borrowed("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"))
}

/// `oom-score-adj-values`: for a master, a replica and a child that saves.
impl Value for [i32; 3] {
    const KIND: Kind = Kind::Special("three numbers from -2000 to 2000");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let words: &[&[u8]; 3] = words.try_into().map_err(|_| WRONG_COUNT)?;
        let mut values = [0; 3];
        for (value, word) in values.iter_mut().zip(words) {
            let number = parse_i64(word).filter(|number| (-2000..=2000).contains(number));
            *value = number.and_then(|number| i32::try_from(number).ok()).ok_or(Reason::Borrowed(
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
            ))?;
        }
        *self = values;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        joined(self)
    }
}

/// `replicaof`: the master this server copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaOf {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl Value for Option<ReplicaOf> {
    const KIND: Kind = Kind::Special("<host> <port>, or \"no one\"");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let [host, port] = words else { return Err(WRONG_COUNT) };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            *self = None;
            return Ok(());
        }
        let port = parse_i64(port)
            .and_then(|port| u16::try_from(port).ok())
            .ok_or(Reason::Borrowed("Invalid master port"))?;
        let host =
            String::from_utf8(host.to_vec()).map_err(|_| Reason::Borrowed("argument must be valid UTF-8"))?;
        *self = Some(ReplicaOf { host, port });
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        let text = |master: &ReplicaOf| format!("{} {}", master.host, master.port);
        self.as_ref().map(text).unwrap_or_default().into_bytes()
    }

    fn lines(&self, kind: &Kind, _: &Self) -> Vec<Line> {
        self.iter().map(|_| Line { text: self.show(kind), force: true }).collect()
    }
}

/// `maxmemory-clients`: what all clients' buffers together may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOrPercent {
    /// Bytes; 0 means no limit.
    Bytes(u64),
    /// Of `maxmemory`, from 1 to 100.
    Percent(u8),
}

impl Value for MemoryOrPercent {
    const KIND: Kind = Kind::MemoryOrPercent;

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let word = single(words)?;
        let percent = word.strip_suffix(b"%").and_then(crate::value::parse_integer).filter(|&p| p >= 0);
        *self = match (parse_memory(word), percent) {
            (Some(bytes), _) if i64::try_from(bytes).is_ok() => MemoryOrPercent::Bytes(bytes),
            (Some(_), _) => {
                return Err(format!("argument must be between -100 and {} inclusive", i64::MAX).into());
            }
            (None, Some(0)) => MemoryOrPercent::Bytes(0),
            (None, Some(percent @ 1..=100)) => MemoryOrPercent::Percent(percent as u8),
            (None, Some(_)) => {
                return Err(Reason::Borrowed("percentage argument must be less or equal to 100"));
            }
            (None, None) => return Err(Reason::Borrowed("argument must be a memory or percent value")),
        };
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        match self {
            MemoryOrPercent::Bytes(bytes) => bytes.to_string().into_bytes(),
            MemoryOrPercent::Percent(percent) => format!("{percent}%").into_bytes(),
        }
    }

    fn lines(&self, kind: &Kind, default: &Self) -> Vec<Line> {
        let text = match self {
            MemoryOrPercent::Bytes(bytes) => format_memory((*bytes).into()).into_bytes(),
            MemoryOrPercent::Percent(_) => self.show(kind),
        };
        vec![Line { text, force: self != default }]
    }
}

/// `dir`: an existing directory, kept as an absolute path. A relative one starts at the current value, as chdir(2)
/// would; the process itself is moved by the server when it applies the configuration.
impl Value for PathBuf {
    const KIND: Kind = Kind::Special("an existing directory");

    fn assign(&mut self, _: &Kind, words: &[&[u8]]) -> Result<(), Reason> {
        let word = single(words)?;
        if word.is_empty() {
            return Err(os_text(&io::ErrorKind::NotFound.into()).into());
        }
        let path = self.join(PathBuf::from(std::ffi::OsString::from_vec(word.to_vec())));
        let path = path.canonicalize().map_err(|error| os_text(&error))?;
        if !path.is_dir() {
            return Err(os_text(&io::ErrorKind::NotADirectory.into()).into());
        }
        *self = path;
        Ok(())
    }

    fn show(&self, _: &Kind) -> Vec<u8> {
        self.as_os_str().as_bytes().to_vec()
    }

    /// Always written: where the file is read from must not decide where data goes.
    fn lines(&self, kind: &Kind, _: &Self) -> Vec<Line> {
        vec![Line { text: quoted(&self.show(kind)), force: true }]
    }
}

/// The system's own words for an error, as strerror(3) gives them.
pub(crate) fn os_text(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        io::ErrorKind::NotADirectory => "Not a directory".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}
