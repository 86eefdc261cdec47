//! Files that are made here, loaded in every way.

use std::sync::{Arc, Mutex};

use config::{Config, Param};
use data::{Hash, Object, Set, Value as _};
use engine::engine::{Facts, Host, LogLevel, Shutdown};
use engine::testing::Session;
use formats::rdb::file::{FileWriter, Key, Options as Written, Value};
use keyspace::Str;
use proptest::prelude::*;

use super::*;

/// A process that notes what is logged.
#[derive(Clone, Default)]
struct Noting(Arc<Mutex<Vec<String>>>);

impl Host for Noting {
    fn log(&self, _: LogLevel, text: &str) {
        self.0.lock().expect("no panic").push(text.to_owned());
    }
    fn apply(&self, _: &[&'static Param], _: &Config) -> Result<(), (&'static str, String)> {
        Ok(())
    }
    fn rewrite_config(&self, _: &Config, _: bool) -> Result<(), String> {
        Ok(())
    }
    fn facts(&self) -> Facts {
        Facts::default()
    }
    fn shutdown(&self, _: Shutdown) {}
    fn wait_for_end(&self) {}
    fn drop_later(&self, _: Box<dyn Send>) {}
}

/// An engine of two databases, and what it logs.
fn engine() -> (&'static Engine, Noting) {
    let (host, config) = (Noting::default(), Config { databases: 2, ..Config::default() });
    (Session::with_host(&[], config, Box::new(host.clone())).engine(), host)
}

/// Every way to load.
#[derive(Clone, Copy, Debug)]
enum How {
    InOneThread,
    InThreads,
    Exclusively,
}

const WAYS: [How; 3] = [How::InOneThread, How::InThreads, How::Exclusively];

fn load<'f>(
    engine: &'static Engine,
    how: How,
    file: &'f [u8],
    options: Options,
) -> Result<Loaded<&'f [u8]>, Error> {
    let stop = &mut || false;
    match how {
        How::InOneThread => {
            engine.begin_loading(file.len() as u64);
            rdb(engine, file, options, stop)
        }
        How::InThreads => in_parallel(engine, file, options, stop, 2),
        How::Exclusively => {
            let member = engine.keyspace.join();
            let mut exclusive = engine.keyspace.exclusive(&member);
            rdb_into(engine, &mut View::exclusive(&mut exclusive, unix_millis()), file, options)
        }
    }
}

fn unix_millis() -> i64 {
    engine::unix_millis()
}

/// What the databases hold: database, key, value as text, expiry.
type Content = Vec<(u32, Vec<u8>, Vec<u8>, Option<i64>)>;

fn content(engine: &'static Engine) -> Content {
    let member = engine.keyspace.join();
    let mut exclusive = engine.keyspace.exclusive(&member);
    let mut view = View::exclusive(&mut exclusive, 0);
    let mut all = Vec::new();
    for db in 0..engine.keyspace.databases() {
        view.db = db;
        for partition in 0..keyspace::PARTITIONS {
            let cursor = keyspace::Cursor { partition, position: 0 };
            let left = view.scan_partition(cursor, &mut usize::MAX.clone(), &mut |found| {
                let mut text = found.str().map_or_else(|_| Vec::new(), Str::to_vec);
                if let Some(object) = found.object() {
                    let mut elements = Vec::new();
                    object.each(&mut |parts| elements.push(parts.join(&b" "[..])));
                    elements.sort();
                    text = elements.join(&b","[..]);
                }
                all.push((db, found.key().to_vec(), text, found.expiry()));
            });
            assert_eq!(left, None);
        }
    }
    all.sort();
    all
}

fn writer() -> FileWriter<Vec<u8>> {
    FileWriter::new(Vec::new(), Written::default()).expect("a version that is written")
}

fn string<'a>(key: &'a [u8], value: &'a [u8], expiry: Option<i64>) -> Key<'a> {
    Key { key, value: Value::String(value), expiry, idle: None, frequency: None }
}

/// A file of these keys of database 1.
fn file_of(keys: &[(&[u8], &[u8], Option<i64>)]) -> Vec<u8> {
    let mut writer = writer();
    writer.database(1, keys.len() as u64, 0).expect("memory");
    for (key, value, expiry) in keys {
        writer.key(&string(key, value, *expiry)).expect("memory");
    }
    writer.finish().expect("memory")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_was_written_is_loaded_in_every_way(
        databases in proptest::collection::vec(
            proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 0..20),
                (proptest::collection::vec(0u8..4, 0..6000), proptest::option::of(1i64..1 << 50)),
                0..80,
            ), 2),
    ) {
        let (mut expected, mut file) = (Content::new(), writer());
        for (db, keys) in (0..).zip(&databases) {
            file.database(db.into(), keys.len() as u64, 0).expect("memory");
            for (key, (value, expiry)) in keys {
                file.key(&string(key, value, *expiry)).expect("memory");
                expected.push((db, key.clone(), value.clone(), *expiry));
            }
        }
        let file = [&file.finish().expect("memory")[..], b"what follows"].concat();
        for how in WAYS {
            let (engine, _) = engine();
            let loaded = load(engine, how, &file, Options::default()).expect("a sound file");
            prop_assert_eq!(&content(engine), &expected);
            prop_assert_eq!(loaded.keys, expected.len() as u64);
            prop_assert_eq!([&loaded.rest[..], loaded.source].concat(), b"what follows");
            prop_assert_eq!(engine.loading.keys_loaded.load(std::sync::atomic::Ordering::Relaxed), loaded.keys);
        }
    }
}

/// Many batches, so that threads have each some; values of other types; all that a file says about itself.
#[test]
fn all_that_a_file_has() {
    let (mut hash, mut large) = (Hash::default(), Set::default());
    let limits = data::Limits::default();
    hash.set(b"field", b"value", &limits);
    for number in 0..5000 {
        large.insert(format!("member-{number}").as_bytes(), &limits);
    }
    let (hash, large) = (hash.into_object(), large.into_object());
    let mut file = writer();
    let about: [(&str, &[u8]); 9] = [
        ("redis-ver", b"7.0.15"),
        ("ctime", b"1"),
        ("used-mem", b"859832"),
        ("repl-stream-db", b"1"),
        ("repl-id", b"0123456789012345678901234567890123456789"),
        ("repl-offset", b"77"),
        ("aof-base", b"1"),
        ("%note", b"a word"),
        ("lua", b"return 1"),
    ];
    about.iter().for_each(|(name, value)| file.aux(name, value).expect("memory"));
    file.function(b"#!lua name=lib\n").expect("memory");
    file.database(0, 0, 0).expect("memory");
    let object = |key: &'static [u8], value: &'static Object| Key {
        key,
        value: Value::Object(value.borrow()),
        expiry: None,
        idle: None,
        frequency: None,
    };
    let (hash, large): (&'static Object, &'static Object) = (Box::leak(hash.into()), Box::leak(large.into()));
    file.key(&object(b"hash", hash)).expect("memory");
    file.key(&object(b"large", large)).expect("memory");
    for number in 0..20_000 {
        let key = format!("key-{number}");
        file.key(&string(key.as_bytes(), key.as_bytes(), None)).expect("memory");
    }
    let file = file.finish().expect("memory");
    for how in WAYS {
        let (engine, host) = engine();
        let loaded = load(engine, how, &file, Options::default()).expect("a sound file");
        assert_eq!((loaded.keys, loaded.version), (20_002, 10));
        assert_eq!(loaded.functions, [b"#!lua name=lib\n"]);
        let id = "0123456789012345678901234567890123456789".to_owned();
        assert_eq!(loaded.replication, Some(Replication { id, offset: 77, db: 1 }));
        let all = content(engine);
        assert_eq!(all.len(), 20_002);
        let hash = all.iter().find(|key| key.1 == b"hash").expect("loaded");
        assert_eq!(hash.2, b"field value");
        let said = host.0.lock().expect("no panic").clone();
        assert!(said[1].starts_with("RDB age ") && said[1].ends_with(" seconds"), "{said:?}");
        let lines = [
            "Loading RDB produced by version 7.0.15",
            "RDB memory usage when created 0.82 Mb",
            "RDB is base AOF",
            "RDB '%note': a word",
            "Done loading RDB, keys loaded: 20002, keys expired: 0.",
        ];
        assert!(lines.iter().all(|line| said.iter().any(|said| said == line)), "{said:?}");
    }
}

#[test]
fn what_was_due_is_left_out_if_so_asked() {
    let later = unix_millis() + 1_000_000;
    let file =
        file_of(&[(b"due", b"1", Some(5)), (b"volatile", b"2", Some(later)), (b"lasting", b"3", None)]);
    for how in WAYS {
        for (leaves_out_due, counts) in [(true, (2, 1)), (false, (3, 0))] {
            let (engine, _) = engine();
            let loaded = load(engine, how, &file, Options { leaves_out_due, ..Options::default() });
            let loaded = loaded.expect("a sound file");
            assert_eq!((loaded.keys, loaded.expired), counts);
            assert_eq!(content(engine).len() as u64, counts.0);
            assert_eq!(engine.keyspace.size(1).volatile as u64, counts.0 - 1);
        }
    }
}

#[test]
fn past_use_is_kept() {
    let mut file = writer();
    file.database(0, 1, 0).expect("memory");
    file.key(&Key { idle: Some(1000), ..string(b"k", b"v", None) }).expect("memory");
    let file = file.finish().expect("memory");
    let (engine, _) = engine();
    load(engine, How::InOneThread, &file, Options::default()).expect("a sound file");
    let member = engine.keyspace.join();
    let mut exclusive = engine.keyspace.exclusive(&member);
    let mut view = View::exclusive(&mut exclusive, unix_millis());
    let idle = view.inspect(b"k").expect("loaded").idle_seconds();
    assert!((1000..1010).contains(&idle), "{idle}");
}

#[test]
fn duplicates_are_refused_or_replace() {
    let file = file_of(&[(b"a", b"1", None), (b"b", b"2", Some(1 << 50)), (b"a", b"3", None)]);
    for how in WAYS {
        let (engine, _) = engine();
        let error = load(engine, how, &file, Options::default()).expect_err("refused");
        assert_eq!(error.to_string(), "RDB has duplicated key 'a' in DB 1");
    }
    let (engine, _) = engine();
    let options = Options { existing: Existing::Replace, ..Options::default() };
    for _ in 0..2 {
        load(engine, How::Exclusively, &file, options).expect("a sound file");
        let expected: Content =
            vec![(1, b"a".into(), b"3".into(), None), (1, b"b".into(), b"2".into(), Some(1 << 50))];
        assert_eq!(content(engine), expected);
        assert_eq!(engine.keyspace.size(1).volatile, 1);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let sound = file_of(&[(b"key", b"value", None)]);
    let changed = |at: usize, byte: u8| {
        let mut file = sound.clone();
        file[at] = byte;
        file
    };
    let elsewhere = {
        let mut file = writer();
        file.database(2, 0, 0).expect("memory");
        file.finish().expect("memory")
    };
    let short = "Short read or OOM loading DB. Unrecoverable error, aborting now.";
    let terminating = "Terminating server after rdb file reading failure.";
    let exiting = "Fatal error loading the DB, check server logs. Exiting.";
    let databases = "FATAL: Data file was created with a Redis server configured to handle more than 2 databases. Exiting";
    let cases = [
        (changed(0, b'X'), "Wrong signature trying to load DB from file", exiting),
        (changed(7, b'7'), "Can't handle RDB format version 70", exiting),
        (changed(sound.len() - 12, b'!'), "Wrong RDB checksum expected: (", terminating),
        (sound[..sound.len() - 1].to_vec(), short, terminating),
        (sound[..20].to_vec(), short, terminating),
        (Vec::new(), short, terminating),
        (elsewhere, databases, exiting),
    ];
    for how in WAYS {
        for (file, first, last) in &cases {
            let (engine, _) = engine();
            let error = load(engine, how, file, Options::default()).expect_err(first);
            let said = error.fatal_lines();
            assert!(said[0].starts_with(first) && said[said.len() - 1] == *last, "{said:?}");
        }
    }
}

/// The error that comes first in the file is told, whichever thread meets which.
#[test]
fn the_first_error_is_told() {
    let names: Vec<String> = (0..40_000).map(|number| format!("key-{number}")).collect();
    let mut keys: Vec<(&[u8], &[u8], Option<i64>)> =
        names.iter().map(|name| (name.as_bytes(), &b"value"[..], None)).collect();
    keys.insert(30_000, keys[29_000]);
    keys.insert(20_000, keys[19_000]);
    let mut file = file_of(&keys);
    file.truncate(file.len() - 1);
    for _ in 0..10 {
        let (engine, _) = engine();
        let error = load(engine, How::InThreads, &file, Options::default()).expect_err("refused");
        assert_eq!(error.to_string(), "RDB has duplicated key 'key-19000' in DB 1");
    }
}

#[test]
fn who_asked_may_stop_it() {
    let names: Vec<String> = (0..40_000).map(|number| format!("key-{number}")).collect();
    let keys: Vec<(&[u8], &[u8], Option<i64>)> =
        names.iter().map(|name| (name.as_bytes(), &b"value"[..], None)).collect();
    let file = file_of(&keys);
    for threads in [1, 2] {
        let (engine, _) = engine();
        let mut asked = 0;
        let stop = &mut || {
            asked += 1;
            asked > 3
        };
        let stopped = in_parallel(engine, &file[..], Options::default(), stop, threads);
        assert!(matches!(stopped, Err(Error::Stopped)));
        assert!(content(engine).len() < 40_000);
    }
}

/// Any cut and any flipped byte: an error or not, but never a panic or a hang.
#[test]
fn damaged_files_end_well() {
    let sound = file_of(&[(b"key", b"value", None), (b"other", b"12345", Some(1 << 40))]);
    for at in 0..sound.len() {
        let (engine, _) = engine();
        assert!(load(engine, How::InOneThread, &sound[..at], Options::default()).is_err(), "cut at {at}");
    }
    for at in 0..sound.len() {
        let mut file = sound.clone();
        file[at] ^= 0x41;
        let (engine, _) = engine();
        // A zero in place of the checksum, which would be no error, takes eight such bytes.
        assert!(load(engine, How::InThreads, &file, Options::default()).is_err(), "flipped at {at}");
    }
}
