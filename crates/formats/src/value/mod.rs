//! Values of every type but string as RDB holds them: a file a type.
//!
//! Each type is written in a form that readers of a given version know; small ones are their own bytes (a listpack, an
//! intset) where such a reader takes them. Reading takes every form of every version, Valkey's too, and leaves the value
//! in the encoding that it would have if it had been made by commands under the same [`Limits`].

mod hash;
mod list;
mod set;
mod stream;
mod zset;

use codec::listpack::Listpack;
use codec::ziplist::ZiplistRef;
use data::{Limits, Object, ObjectRef, Value};

use crate::rdb::{Error, ErrorKind, ModuleId, Reader, Writer, types, version};

/// The type byte in front of a value for readers of a version, and the lowest version that knows it. That is above the
/// reader's only where no older form can carry the value: a hash whose fields expire.
pub fn form(object: ObjectRef<'_>, reader: u16) -> (u8, u16) {
    match object {
        ObjectRef::Hash(value) => hash::form(value, reader),
        ObjectRef::List(_) => list::form(reader),
        ObjectRef::Set(value) => set::form(value, reader),
        ObjectRef::Zset(value) => zset::form(value, reader),
        ObjectRef::Stream(_) => stream::form(reader),
    }
}

/// Writes a value for readers of a version, without its type byte.
pub fn write(object: ObjectRef<'_>, reader: u16, writer: &mut Writer<'_>) {
    match object {
        ObjectRef::Hash(value) => hash::write(value, reader, writer),
        ObjectRef::List(value) => list::write(value, reader, writer),
        ObjectRef::Set(value) => set::write(value, reader, writer),
        ObjectRef::Zset(value) => zset::write(value, reader, writer),
        ObjectRef::Stream(value) => stream::write(value, reader, writer),
    }
}

/// Reads a value whose type byte was `value_type`, out of a file or a payload of this version of RDB.
pub fn read(value_type: u8, version: u16, reader: &mut Reader<'_>, limits: &Limits) -> Result<Object, Error> {
    let object = match value_type {
        types::LIST => list::read_elements(reader, limits)?.into_object(),
        types::LIST_ZIPLIST => list::read_ziplist(reader, limits)?.into_object(),
        types::LIST_QUICKLIST => list::read_ziplists(reader, limits)?.into_object(),
        types::LIST_QUICKLIST_2 => list::read_nodes(reader, limits)?.into_object(),
        types::HASH => hash::read_fields(reader, limits)?.into_object(),
        types::HASH_ZIPMAP => hash::read_zipmap(reader, limits)?.into_object(),
        types::HASH_ZIPLIST => hash::read_ziplist(reader, limits)?.into_object(),
        types::HASH_LISTPACK => hash::read_listpack(reader, limits)?.into_object(),
        types::VALKEY_HASH_2 if version::is_valkey(version) => {
            hash::read_valkey_fields(reader, limits)?.into_object()
        }
        types::HASH_METADATA if !version::is_valkey(version) => {
            hash::read_timed_fields(reader, limits)?.into_object()
        }
        types::HASH_LISTPACK_EX if !version::is_valkey(version) => {
            hash::read_timed_listpack(reader, limits)?.into_object()
        }
        types::SET => set::read_members(reader, limits)?.into_object(),
        types::SET_INTSET => set::read_intset(reader, limits)?.into_object(),
        types::SET_LISTPACK => set::read_listpack(reader, limits)?.into_object(),
        types::ZSET => zset::read_text(reader, limits)?.into_object(),
        types::ZSET_2 => zset::read_binary(reader, limits)?.into_object(),
        types::ZSET_ZIPLIST => zset::read_ziplist(reader, limits)?.into_object(),
        types::ZSET_LISTPACK => zset::read_listpack(reader, limits)?.into_object(),
        types::STREAM_LISTPACKS | types::STREAM_LISTPACKS_2 | types::STREAM_LISTPACKS_3 => {
            stream::read(value_type, reader)?.into_object()
        }
        types::MODULE_2 => {
            let offset = reader.offset();
            let kind = ErrorKind::Module(ModuleId(reader.length()?));
            return Err(Error { offset, kind });
        }
        _ => {
            let offset = reader.offset().saturating_sub(1);
            return Err(Error { offset, kind: ErrorKind::Type(value_type) });
        }
    };
    Ok(object)
}

/// Reads a string that is a ziplist, as the listpack of its elements; `wrong` says that it is none.
fn ziplist(reader: &mut Reader<'_>, wrong: &'static str) -> Result<Listpack, Error> {
    let offset = reader.offset();
    let bytes = reader.string()?.into_bytes();
    let ziplist = ZiplistRef::validate(&bytes);
    ziplist.map(ZiplistRef::to_listpack).map_err(|_| Error { offset, kind: ErrorKind::Value(wrong) })
}

#[cfg(test)]
mod tests;
