//! Writing files.

use std::fmt;
use std::io::{self, Write};

use codec::crc64::Crc64;
use data::ObjectRef;

use super::magic;
use crate::rdb::{self, opcode, types, version};
use crate::value;

/// Bytes that are written at once.
const CHUNK: usize = 64 << 10;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The version of the format: 9 to 12. Values get forms that its readers know.
    pub version: u16,
    /// Whether strings are compressed where that helps (`rdbcompression`).
    pub compress: bool,
    /// Whether the checksum is computed (`rdbchecksum`).
    pub checksum: bool,
}

impl Default for Options {
    /// Version 10, which every Redis from 7.0 on and Valkey load; compressed, with a checksum.
    fn default() -> Self {
        Self { version: version::REDIS_7_0, compress: true, checksum: true }
    }
}

/// A key to write.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: Value<'a>,
    /// When it expires, in Unix milliseconds.
    pub expiry: Option<i64>,
    /// For how many seconds it was idle: where the eviction policy is one of LRU.
    pub idle: Option<u64>,
    /// Its access frequency: where the eviction policy is one of LFU.
    pub frequency: Option<u8>,
}

/// A value to write.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A string.
    String(&'a [u8]),
    /// A string that is this integer's decimal text.
    Integer(i64),
    /// A value of another type.
    Object(ObjectRef<'a>),
}

/// A value that no form of the file's version can carry: a hash whose fields expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The lowest version that can.
    pub needs: u16,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value needs RDB version {} or later", self.needs)
    }
}

impl std::error::Error for Unwritable {}

impl From<Unwritable> for io::Error {
    fn from(unwritable: Unwritable) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, unwritable)
    }
}

impl Options {
    /// Appends a key as it stands in a file.
    ///
    /// # Errors
    /// When the version cannot carry the value; nothing is appended then.
    pub fn encode(&self, key: &Key<'_>, out: &mut Vec<u8>) -> Result<(), Unwritable> {
        let (value_type, needs) = match key.value {
            Value::String(_) | Value::Integer(_) => (types::STRING, version::REDIS_5),
            Value::Object(object) => value::form(object, self.version),
        };
        if needs > self.version {
            return Err(Unwritable { needs });
        }
        let mut writer = self.writer(out);
        if let Some(expiry) = key.expiry {
            writer.byte(opcode::EXPIRETIME_MS);
            writer.raw(&expiry.to_le_bytes());
        }
        if let Some(idle) = key.idle {
            writer.byte(opcode::IDLE);
            writer.length(idle);
        }
        if let Some(frequency) = key.frequency {
            writer.raw(&[opcode::FREQ, frequency]);
        }
        writer.byte(value_type);
        writer.string(key.key);
        match key.value {
            Value::String(bytes) => writer.string(bytes),
            Value::Integer(value) => writer.integer(value),
            Value::Object(object) => value::write(object, self.version, &mut writer),
        }
        Ok(())
    }

    /// Appends what makes a database the one of the keys that follow.
    pub fn encode_database(&self, number: u64, out: &mut Vec<u8>) {
        let mut writer = self.writer(out);
        writer.byte(opcode::SELECTDB);
        writer.length(number);
    }

    fn writer<'a>(&self, out: &'a mut Vec<u8>) -> rdb::Writer<'a> {
        if self.compress { rdb::Writer::new(out) } else { rdb::Writer::uncompressed(out) }
    }
}

/// Writes a file, 64 KiB at once, to a sink that need not be buffered. Once the sink has failed, the file is spoilt.
#[derive(Debug)]
pub struct FileWriter<W> {
    sink: W,
    options: Options,
    /// What is not written yet.
    buffer: Vec<u8>,
    crc: Option<Crc64>,
    written: u64,
}

impl<W: Write> FileWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] where the version is not one of 9 to 12.
    pub fn new(sink: W, options: Options) -> io::Result<Self> {
        if !(version::REDIS_5..=version::NEWEST).contains(&options.version) {
            let wrong = format!("RDB version {} cannot be written", options.version);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
        }
        let magic = [magic::REDIS, format!("{:04}", options.version).as_bytes()].concat();
        let crc = options.checksum.then(Crc64::new);
        Ok(Self { sink, options, buffer: magic, crc, written: 0 })
    }

    /// Writes something about the file; before all databases.
    ///
    /// # Errors
    /// Those of the sink, as everywhere here.
    pub fn aux(&mut self, name: &str, value: &[u8]) -> io::Result<()> {
        let mut writer = self.begin(opcode::AUX);
        writer.string(name.as_bytes());
        writer.string(value);
        self.flush_chunk()
    }

    /// Writes a library of functions; before all databases, from version 10 on.
    ///
    /// # Errors
    /// [`Unwritable`] below version 10.
    pub fn function(&mut self, code: &[u8]) -> io::Result<()> {
        if self.options.version < version::REDIS_7_0 {
            return Err(Unwritable { needs: version::REDIS_7_0 }.into());
        }
        self.begin(opcode::FUNCTION2).string(code);
        self.flush_chunk()
    }

    /// Begins a database, which has so many keys, of which so many expire.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn database(&mut self, number: u64, keys: u64, expiring: u64) -> io::Result<()> {
        self.begin(opcode::SELECTDB).length(number);
        let mut writer = self.begin(opcode::RESIZEDB);
        writer.length(keys);
        writer.length(expiring);
        self.flush_chunk()
    }

    /// Writes a key of the database that was begun last.
    ///
    /// # Errors
    /// [`Unwritable`], with nothing written.
    pub fn key(&mut self, key: &Key<'_>) -> io::Result<()> {
        self.options.encode(key, &mut self.buffer)?;
        self.flush_chunk()
    }

    /// Writes keys that [`Options::encode`] encoded, with the same options.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn encoded(&mut self, keys: &[u8]) -> io::Result<()> {
        if keys.len() < CHUNK {
            self.buffer.extend_from_slice(keys);
            return self.flush_chunk();
        }
        self.flush_all()?;
        self.write(keys)
    }

    /// How many bytes the file has so far.
    pub fn size(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Ends the file, with the checksum or with a zero, and gives the sink back, to which all is written.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.push(opcode::EOF);
        self.flush_all()?;
        let checksum = self.crc.map_or(0, |crc| crc.value());
        self.sink.write_all(&checksum.to_le_bytes())?;
        Ok(self.sink)
    }

    /// Begins an item.
    fn begin(&mut self, code: u8) -> rdb::Writer<'_> {
        self.buffer.push(code);
        self.options.writer(&mut self.buffer)
    }

    fn flush_chunk(&mut self) -> io::Result<()> {
        if self.buffer.len() < CHUNK { Ok(()) } else { self.flush_all() }
    }

    fn flush_all(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.write(&buffer)?;
        buffer.clear();
        buffer.shrink_to(2 * CHUNK);
        self.buffer = buffer;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
        self.sink.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}
