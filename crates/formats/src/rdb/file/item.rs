//! What an RDB file consists of, as a reader gives it.

use data::Limits;

use crate::dump::Value;
use crate::rdb::{Error, ErrorKind, ModuleId, Reader, Str, module, opcode};

/// One thing in a file. Bytes are borrowed from the reader.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// The version of the format, first of all: 1 to 12 of Redis, 80 or 81 of Valkey.
    Version(u16),
    /// Something about the file; a name that is not known means nothing.
    Aux {
        /// What, such as `redis-ver`.
        name: Str<'a>,
        /// The value.
        value: Str<'a>,
    },
    /// The source of a library of functions, its `#!` line first.
    Function(Str<'a>),
    /// Data of a module that belongs to no key: skipped here, while a server that lacks the module refuses the file.
    ModuleAux(ModuleId),
    /// The number of the database of the keys that follow; nothing checks that there are so many.
    Database(u64),
    /// A hint about the database.
    Sizes {
        /// Its keys.
        keys: u64,
        /// Those of them that expire.
        expiring: u64,
    },
    /// A hint about a slot of a cluster.
    SlotSizes {
        /// The slot.
        slot: u64,
        /// Its keys.
        keys: u64,
        /// Those of them that expire.
        expiring: u64,
    },
    /// A key.
    Key(Entry<'a>),
    /// The end; nothing follows.
    End(Checksum),
}

/// What the end of a file says about its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// They are as they were written.
    Verified,
    /// Nothing: whoever wrote it computed none, or who reads it wants none verified.
    Unverified,
    /// Nothing: the version has none.
    Absent,
}

/// A key, its value, and what was said about it.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The number of its database.
    pub database: u64,
    /// The key.
    pub key: Str<'a>,
    /// When it expires, in Unix milliseconds; it may have done so already.
    pub expiry: Option<i64>,
    /// For how many seconds it was idle.
    pub idle: Option<u64>,
    /// Its access frequency, the logarithmic counter of LFU.
    pub frequency: Option<u8>,
    /// The value.
    pub value: RawValue<'a>,
}

/// The bytes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawValue<'a> {
    /// Its type and encoding: one of [`crate::rdb::types`].
    pub value_type: u8,
    /// The version of the file, which decides what the type means.
    pub version: u16,
    /// Where in the file it begins.
    pub offset: usize,
    /// The bytes, no more and no less.
    pub bytes: &'a [u8],
}

impl<'a> RawValue<'a> {
    /// Reads the value, into the encoding that these limits give it.
    ///
    /// # Errors
    /// What is wrong with the bytes, and where in the file. [`ErrorKind::Empty`] is an empty collection: Redis skips the
    /// key, and goes on.
    pub fn read(&self, limits: &Limits) -> Result<Value<'a>, Error> {
        let mut reader = Reader::new(self.bytes);
        let value = Value::read(self.value_type, self.version, &mut reader, limits);
        value.map_err(|error| error.behind(self.offset))
    }
}

/// What was said about the next key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    expiry: Option<i64>,
    idle: Option<u64>,
    frequency: Option<u8>,
}

impl Said {
    /// Takes in an item of this code if it is one about the next key; answers whether it is.
    pub(super) fn take_in(&mut self, code: u8, reader: &mut Reader<'_>) -> Result<bool, Error> {
        /// No time; no key that is there has it.
        const NEVER: i64 = -1;
        match code {
            opcode::EXPIRETIME_MS => {
                self.expiry = Some(i64::from_le_bytes(reader.array()?)).filter(|expiry| *expiry != NEVER);
            }
            opcode::EXPIRETIME => {
                self.expiry = Some(i64::from(i32::from_le_bytes(reader.array()?)) * 1000);
            }
            opcode::IDLE => self.idle = Some(reader.length()?),
            opcode::FREQ => self.frequency = Some(reader.byte()?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Where an item lies, and what it needs to know of those before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// Its code.
    pub code: u8,
    /// The version of the file.
    pub version: u16,
    /// Where in the file the bytes behind the code begin.
    pub offset: usize,
    /// The database that was last announced.
    pub database: u64,
    /// What was said about the next key.
    pub said: Said,
}

impl<'a> Item<'a> {
    /// The item of the bytes behind its code, any but the version, the end and those about the next key.
    pub(super) fn read(bytes: &'a [u8], context: &Context) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        Self::read_parts(&mut reader, context).map_err(|error| error.behind(context.offset))
    }

    fn read_parts(reader: &mut Reader<'a>, context: &Context) -> Result<Self, Error> {
        Ok(match context.code {
            opcode::AUX => Item::Aux { name: reader.string()?, value: reader.string()? },
            opcode::FUNCTION2 => Item::Function(reader.string()?),
            opcode::MODULE_AUX => read_module_aux(reader)?,
            opcode::SELECTDB => Item::Database(reader.length()?),
            opcode::RESIZEDB => Item::Sizes { keys: reader.length()?, expiring: reader.length()? },
            opcode::SLOT_INFO => {
                Item::SlotSizes { slot: reader.length()?, keys: reader.length()?, expiring: reader.length()? }
            }
            value_type => {
                let key = reader.string()?;
                let Context { version, offset, database, said, .. } = *context;
                let offset = offset + reader.offset();
                let value = RawValue { value_type, version, offset, bytes: reader.rest() };
                let Said { expiry, idle, frequency } = said;
                Item::Key(Entry { database, key, expiry, idle, frequency, value })
            }
        })
    }
}

/// The number of a module, and when its data are to be loaded, of which the code in front says that it is a number.
fn read_module_aux<'a>(reader: &mut Reader<'a>) -> Result<Item<'a>, Error> {
    let id = ModuleId(reader.length()?);
    let offset = reader.offset();
    match reader.length()? {
        module::part::UNSIGNED => Ok(Item::ModuleAux(id)),
        _ => Err(Error { offset, kind: ErrorKind::Value("module data do not say when to load them") }),
    }
}
