//! Files as tests make them, and items in words.

use data::list::End;
use data::stream::{Group, StreamId};
use data::{Hash, Limits, List, Object, ObjectRef, Set, Stream, Value as _, Zset};
use proptest::prelude::*;

use super::super::{FileWriter, Item, Key, Options, Value};
use super::Str;
use crate::dump;
use crate::rdb::version;

/// A file to write.
#[derive(Clone, Debug)]
pub struct File {
    pub version: u16,
    compress: bool,
    checksum: bool,
    databases: Vec<Vec<Record>>,
}

#[derive(Clone, Debug)]
struct Record {
    key: Vec<u8>,
    value: Stored,
    expiry: Option<i64>,
    idle: Option<u64>,
    frequency: Option<u8>,
}

#[derive(Clone, Debug)]
enum Stored {
    Bytes(Vec<u8>),
    Integer(i64),
    Object(Object),
}

/// Limits that four elements reach.
pub fn limits() -> Limits {
    Limits {
        list_max_listpack_size: 4,
        set_max_listpack_entries: 4,
        zset_max_listpack_entries: 4,
        hash_max_listpack_entries: 4,
        stream_node_max_entries: 4,
        ..Limits::default()
    }
}

const LIBRARY: &[u8] = b"#!lua name=lib\nredis.register_function('f', function() return 1 end)";

impl File {
    pub fn write(&self) -> Vec<u8> {
        let options = Options { version: self.version, compress: self.compress, checksum: self.checksum };
        let mut writer = FileWriter::new(Vec::new(), options).expect("a version that is written");
        writer.aux("redis-bits", b"64").expect("memory");
        if self.version >= version::REDIS_7_0 {
            writer.function(LIBRARY).expect("memory");
        }
        for (number, records) in (0..).zip(&self.databases) {
            let expiring = records.iter().filter(|record| record.expiry.is_some()).count();
            writer.database(number, records.len() as u64, expiring as u64).expect("memory");
            for (turn, record) in records.iter().enumerate() {
                let value = match &record.value {
                    Stored::Bytes(bytes) => Value::String(bytes),
                    Stored::Integer(value) => Value::Integer(*value),
                    Stored::Object(object) => Value::Object(object.borrow()),
                };
                let Record { expiry, idle, frequency, .. } = *record;
                let key = Key { key: &record.key, value, expiry, idle, frequency };
                if turn % 2 == 0 {
                    writer.key(&key).expect("memory");
                } else {
                    let mut encoded = Vec::new();
                    options.encode(&key, &mut encoded).expect("a value of this version");
                    writer.encoded(&encoded).expect("memory");
                }
            }
        }
        let size = writer.size();
        let file = writer.finish().expect("memory");
        assert_eq!(file.len() as u64, size + 9, "the end and the checksum");
        file
    }

    /// The items that reading it gives.
    pub fn described(&self) -> Vec<String> {
        let mut items = vec![format!("version {}", self.version), "aux redis-bits 64".to_owned()];
        if self.version >= version::REDIS_7_0 {
            items.push(format!("function {}", LIBRARY.escape_ascii()));
        }
        for (number, records) in self.databases.iter().enumerate() {
            let expiring = records.iter().filter(|record| record.expiry.is_some()).count();
            items.push(format!("database {number}"));
            items.push(format!("{} keys, {expiring} expiring", records.len()));
            items.extend(records.iter().map(|record| record.described(number)));
        }
        items.push(if self.checksum { "Verified" } else { "Unverified" }.to_owned());
        items
    }
}

impl Record {
    fn described(&self, database: usize) -> String {
        let value = match &self.value {
            Stored::Bytes(bytes) => format!("string {}", bytes.escape_ascii()),
            Stored::Integer(value) => format!("string {value}"),
            Stored::Object(object) => shown(object.borrow()),
        };
        let said = said(self.expiry, self.idle, self.frequency);
        format!("{database} {} {said}{value}", self.key.escape_ascii())
    }
}

fn said(expiry: Option<i64>, idle: Option<u64>, frequency: Option<u8>) -> String {
    let expiry = expiry.map(|expiry| format!("expires {expiry} ")).unwrap_or_default();
    let idle = idle.map(|idle| format!("idle {idle} ")).unwrap_or_default();
    let frequency = frequency.map(|frequency| format!("frequency {frequency} ")).unwrap_or_default();
    expiry + &idle + &frequency
}

/// Type, encoding and elements, those of unordered types sorted.
fn shown(object: ObjectRef<'_>) -> String {
    let mut elements = Vec::new();
    object.each(&mut |parts| {
        elements.push(parts.iter().map(|part| part.escape_ascii().to_string()).collect::<Vec<_>>().join("="));
    });
    if !object.value_type().is_ordered() {
        elements.sort();
    }
    if let ObjectRef::Stream(stream) = object {
        elements.push(format!("{:?}", stream.entries.counters().last_id));
        elements.extend(stream.groups.iter().map(|(name, group)| {
            format!("{} at {} has {:?}", name.escape_ascii(), group.last_id, group.pending())
        }));
    }
    format!("{} {} {}", object.value_type().name(), object.encoding(), elements.join(" "))
}

fn text(string: &Str<'_>) -> String {
    string.clone().into_vec().escape_ascii().to_string()
}

/// An item in words; a value that cannot be read is its error.
pub fn described(item: &Item<'_>) -> String {
    match item {
        Item::Version(version) => format!("version {version}"),
        Item::Aux { name, value } => format!("aux {} {}", text(name), text(value)),
        Item::Function(code) => format!("function {}", text(code)),
        Item::ModuleAux(id) => format!("module {id}"),
        Item::Database(number) => format!("database {number}"),
        Item::Sizes { keys, expiring } => format!("{keys} keys, {expiring} expiring"),
        Item::SlotSizes { slot, keys, expiring } => format!("slot {slot}: {keys} keys, {expiring} expiring"),
        Item::Key(entry) => {
            let value = match entry.value.read(&limits()) {
                Ok(dump::Value::String(string)) => format!("string {}", text(&string)),
                Ok(dump::Value::Object(object)) => shown(object.borrow()),
                Err(error) => error.to_string(),
            };
            let said = said(entry.expiry, entry.idle, entry.frequency);
            format!("{} {} {said}{value}", entry.database, text(&entry.key))
        }
        Item::End(checksum) => format!("{checksum:?}"),
    }
}

/// Fields and values, and when some of the fields are due.
type Pairs = std::collections::BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

fn object(kind: u8, pairs: &Pairs, timed: bool) -> Object {
    let limits = limits();
    let (mut hash, mut list, mut set) = (Hash::default(), List::default(), Set::default());
    let (mut zset, mut stream) = (Zset::default(), Stream::default());
    for (number, (field, (value, due))) in (1u32..).zip(pairs) {
        hash.expect([&field[..], &value[..]].into_iter(), &limits);
        hash.set(field, value, &limits);
        hash.set_due(field, due.filter(|_| timed));
        list.expect([&value[..]].into_iter(), &limits);
        list.push(End::Tail, value);
        set.insert(if kind == 3 { field } else { value }, &limits);
        zset.insert(field, f64::from(number) / 8.0, &limits);
        let id = StreamId::new(number.into(), 5);
        stream.entries.append(id, [(&field[..], &value[..])].into_iter(), &limits).expect("above all");
    }
    match kind {
        0 => hash.into_object(),
        1 => list.into_object(),
        2 | 3 => set.into_object(),
        4 => zset.into_object(),
        _ => {
            read_some(&mut stream);
            stream.into_object()
        }
    }
}

/// Makes a group that was given two entries.
fn read_some(stream: &mut Stream) {
    let mut group = Group::new(StreamId::default(), Some(0));
    let (consumer, _) = group.see(b"ann", 5);
    let delivery = data::stream::Delivery { consumer, most: 2, acknowledged: true, now: 7 };
    group.deliver(&stream.entries, &delivery, &mut |_| {});
    stream.groups.insert(b"group"[..].into(), group);
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..6),
        (any::<u8>(), 0..300usize).prop_map(|(byte, len)| vec![byte; len]),
        any::<i16>().prop_map(|number| number.to_string().into_bytes()),
    ]
}

fn stored(timed: bool) -> impl Strategy<Value = Stored> {
    let pair = (bytes(), prop::option::of(1..i64::from(u32::MAX)));
    let pairs = prop::collection::btree_map(bytes(), pair, 1..9);
    prop_oneof![
        bytes().prop_map(Stored::Bytes),
        any::<i64>().prop_map(Stored::Integer),
        (0..6u8, pairs).prop_map(move |(kind, pairs)| Stored::Object(object(kind, &pairs, timed))),
    ]
}

/// Any file that can be written.
pub fn file() -> impl Strategy<Value = File> {
    (version::REDIS_5..=version::NEWEST).prop_flat_map(|version| {
        let expiry = prop::option::of(0..i64::MAX);
        let record =
            (bytes(), stored(version >= version::REDIS_7_4), expiry, any::<(Option<u64>, Option<u8>)>());
        let record = record.prop_map(|(key, value, expiry, (idle, frequency))| Record {
            key,
            value,
            expiry,
            idle,
            frequency,
        });
        let databases = prop::collection::vec(prop::collection::vec(record, 0..5), 0..4);
        (any::<(bool, bool)>(), databases).prop_map(move |((compress, checksum), databases)| File {
            version,
            compress,
            checksum,
            databases,
        })
    })
}
