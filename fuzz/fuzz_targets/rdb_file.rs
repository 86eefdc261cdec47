//! RDB files: the first byte says how long the pieces are that the rest comes in, and how it begins.
//!
//! Any bytes end in the end or an error, the same in any pieces. What is read can be written, and read again.

#![no_main]

use data::Limits;
use formats::dump::Value as Read;
use formats::rdb::Error;
use formats::rdb::file::{FileReader, FileWriter, Item, Key, Options, Parser, Value};
use libfuzzer_sys::fuzz_target;

/// Starts that let the fuzzer begin with what follows.
const STARTS: [&[u8]; 4] = [b"", b"REDIS0009", b"REDIS0012", b"VALKEY080"];

/// All items in pieces of this size, in words, and the error if there is one.
fn items(file: &[u8], piece: usize) -> (Vec<String>, Option<Error>) {
    let (mut parser, mut items) = (Parser::new(true), Vec::new());
    for bytes in file.chunks(piece) {
        parser.feed(bytes);
        loop {
            match parser.next() {
                Ok(Some(item)) => items.push(format!("{item:?}")),
                Ok(None) => break,
                Err(error) => return (items, Some(error)),
            }
        }
    }
    (items, None)
}

/// Writes the keys of a file again as far as they can be read, and reads that.
fn rewrite(file: &[u8]) {
    let limits = Limits::default();
    let options = Options { version: 12, ..Options::default() };
    let mut writer = FileWriter::new(Vec::new(), options).expect("a version that is written");
    let (mut reader, mut written) = (FileReader::new(file, false), 0);
    while let Ok(Some(item)) = reader.next() {
        let Item::Key(entry) = item else { continue };
        let Ok(value) = entry.value.read(&limits) else { continue };
        let bytes;
        let value = match &value {
            Read::String(string) => {
                bytes = string.clone().into_vec();
                Value::String(&bytes)
            }
            Read::Object(object) => Value::Object(object.borrow()),
        };
        let (expiry, idle, frequency) = (entry.expiry, entry.idle, entry.frequency);
        let key = Key { key: &entry.key.into_vec(), value, expiry, idle, frequency };
        writer.key(&key).expect("the newest version carries every value");
        written += 1;
    }
    let again = writer.finish().expect("writing to memory");
    let mut reader = FileReader::new(&again[..], true);
    while let Some(item) = reader.next().expect("our own file") {
        if let Item::Key(entry) = item {
            entry.value.read(&limits).expect("our own value");
            written -= 1;
        }
    }
    assert_eq!(written, 0, "as many keys as were written");
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&how, rest)) = bytes.split_first() else { return };
    let file = [STARTS[usize::from(how & 3)], rest].concat();
    let piece = 1 + usize::from(how >> 2);
    assert_eq!(items(&file, piece), items(&file, file.len().max(1)));
    rewrite(&file);
});
