//! Compressing a large value after it was read.
//!
//! Nobody may change a large value while it is read, and compressing takes ten times as long as copying. So it is first encoded
//! with its strings as they are, and compressed by who writes the file, when it may be changed again. The result is what would
//! have come of compressing at once: a string's form depends on nothing but the string.

use formats::rdb::{Error, Reader, Str, Writer, opcode, types};

/// A part of what stands before a value, or within it.
#[derive(Clone, Copy)]
enum Part {
    /// So many bytes.
    Bytes(u64),
    /// A length.
    Length,
    /// A string.
    String,
}

/// What an item consists of that we write, up to where it is left as it is.
struct Layout {
    first: &'static [Part],
    /// A count, and so many times these.
    each: &'static [Part],
}

/// The layout of an item whose code, and key, were read; nothing where there is nothing to compress.
fn layout(code: u8) -> Option<Layout> {
    use Part::{Bytes, Length, String};
    let (first, each): (&[Part], &[Part]) = match code {
        types::LIST | types::SET => (&[], &[String]),
        types::LIST_QUICKLIST_2 => (&[], &[Length, String]),
        types::HASH => (&[], &[String, String]),
        types::ZSET_2 => (&[], &[String, Bytes(8)]),
        types::HASH_METADATA => (&[Bytes(8)], &[Length, String, String]),
        // The nodes; the few strings behind them are names.
        types::STREAM_LISTPACKS | types::STREAM_LISTPACKS_2 | types::STREAM_LISTPACKS_3 => {
            (&[], &[String, String])
        }
        _ => return None,
    };
    Some(Layout { first, each })
}

/// What stands before a key, by its code.
fn before_key(code: u8) -> Option<Part> {
    match code {
        opcode::SELECTDB | opcode::IDLE => Some(Part::Length),
        opcode::EXPIRETIME_MS => Some(Part::Bytes(8)),
        opcode::FREQ => Some(Part::Bytes(1)),
        _ => None,
    }
}

/// The same key, encoded without compression, with its strings compressed where that helps.
///
/// # Errors
/// Where it is no key.
pub fn compress(key: &[u8]) -> Result<Vec<u8>, Error> {
    let (mut reader, mut out) = (Reader::new(key), Vec::with_capacity(key.len() / 2));
    let mut writer = Writer::new(&mut out);
    let mut code = reader.byte()?;
    writer.byte(code);
    while let Some(part) = before_key(code) {
        copy(part, &mut reader, &mut writer)?;
        code = reader.byte()?;
        writer.byte(code);
    }
    copy(Part::String, &mut reader, &mut writer)?;
    if let Some(Layout { first, each }) = layout(code) {
        first.iter().try_for_each(|part| copy(*part, &mut reader, &mut writer))?;
        let count = reader.length()?;
        writer.length(count);
        for _ in 0..count {
            each.iter().try_for_each(|part| copy(*part, &mut reader, &mut writer))?;
        }
    }
    writer.raw(reader.rest());
    Ok(out)
}

fn copy(part: Part, reader: &mut Reader<'_>, writer: &mut Writer<'_>) -> Result<(), Error> {
    match part {
        Part::Bytes(count) => writer.raw(reader.take(count)?),
        Part::Length => writer.length(reader.length()?),
        Part::String => match reader.string()? {
            Str::Int(number) => writer.integer(number.into()),
            Str::Bytes(bytes) => writer.string(&bytes),
        },
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::rdb::file::{Key, Options, Value};
    use formats::rdb::{types, version};

    /// A value, loaded from its bytes without any compression.
    fn assert_same(value_type: u8, write: impl FnOnce(&mut Writer<'_>)) {
        let mut body = Vec::new();
        write(&mut Writer::uncompressed(&mut body));
        let limits = Default::default();
        let read = formats::value::read(value_type, version::REDIS_7_4, &mut Reader::new(&body), &limits);
        let object = read.expect("a value");
        for (expiry, idle, frequency) in
            [(None, None, None), (Some(7), Some(70_000), None), (Some(-1), None, Some(9))]
        {
            let value = Value::Object(object.borrow());
            let key = Key { key: &[b'k'; 100], value, expiry, idle, frequency };
            let encode = |compress| {
                let options = Options { version: version::REDIS_7_4, compress, checksum: true };
                let mut out = Vec::new();
                options.encode_database(300, &mut out);
                options.encode(&key, &mut out).expect("encoded");
                out
            };
            let (plain, compressed) = (encode(false), encode(true));
            assert!(compressed.len() < plain.len() / 2, "nothing to compress in type {value_type}");
            assert_eq!(compress(&plain).expect("a key"), compressed, "type {value_type}");
        }
    }

    fn member(number: u64) -> Vec<u8> {
        format!("{number}:{}", "text ".repeat(40)).into_bytes()
    }

    #[test]
    fn the_result_is_that_of_compressing_at_once() {
        const COUNT: u64 = 1000;
        let each = |writer: &mut Writer<'_>, part: &dyn Fn(&mut Writer<'_>, u64)| {
            writer.length(COUNT);
            (0..COUNT).for_each(|n| part(writer, n));
        };
        assert_same(types::LIST, |w| each(w, &|w, n| w.string(&member(n))));
        assert_same(types::SET, |w| each(w, &|w, n| w.string(&member(n))));
        assert_same(types::HASH, |w| {
            each(w, &|w, n| {
                w.integer(n as i64);
                w.string(&member(n));
            })
        });
        assert_same(types::ZSET_2, |w| {
            each(w, &|w, n| {
                w.string(&member(n));
                w.raw(&(n as f64).to_le_bytes());
            })
        });
        assert_same(types::HASH_METADATA, |w| {
            w.raw(&33_177_117_420_000u64.to_le_bytes());
            each(w, &|w, n| {
                w.length(1);
                w.integer(n as i64);
                w.string(&member(n));
            })
        });
    }

    #[test]
    fn what_is_no_key_is_an_error() {
        for bytes in [&b""[..], &[types::SET, 1], &[types::SET, 1, b'k', 5, 1]] {
            assert!(compress(bytes).is_err());
        }
    }
}
