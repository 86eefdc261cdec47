//! Values of every type but string as RDB holds them: a file a type.
//!
//! Each type is written in the form that the lowest version carries, so that older servers load it (a stream says more to
//! readers of later versions); small ones are their own bytes (a listpack, an intset). Reading takes every form of every version, and leaves the value in the
//! encoding that it would have if it had been made by commands under the same [`Limits`].

mod hash;
mod list;
mod set;
mod stream;
mod zset;

use data::{Limits, Object, ObjectRef, Value};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types};

/// The type byte in front of a value for readers of a version, and the lowest version that knows it.
pub fn form(object: ObjectRef<'_>, reader: u16) -> (u8, u16) {
    match object {
        ObjectRef::Hash(value) => hash::form(value),
        ObjectRef::List(value) => list::form(value),
        ObjectRef::Set(value) => set::form(value),
        ObjectRef::Zset(value) => zset::form(value),
        ObjectRef::Stream(_) => stream::form(reader),
    }
}

/// Writes a value for readers of a version, without its type byte.
pub fn write(object: ObjectRef<'_>, reader: u16, writer: &mut Writer<'_>) {
    match object {
        ObjectRef::Hash(value) => hash::write(value, writer),
        ObjectRef::List(value) => list::write(value, writer),
        ObjectRef::Set(value) => set::write(value, writer),
        ObjectRef::Zset(value) => zset::write(value, writer),
        ObjectRef::Stream(value) => stream::write(value, reader, writer),
    }
}

/// Reads a value whose type byte was `value_type`.
pub fn read(value_type: u8, reader: &mut Reader<'_>, limits: &Limits) -> Result<Object, Error> {
    match value_type {
        types::LIST => return list::read_elements(reader, limits).map(Value::into_object),
        types::LIST_QUICKLIST_2 => return list::read_nodes(reader, limits).map(Value::into_object),
        types::HASH => return hash::read_fields(reader, limits).map(Value::into_object),
        types::HASH_LISTPACK => return hash::read_listpack(reader, limits).map(Value::into_object),
        types::HASH_METADATA => return hash::read_timed_fields(reader, limits).map(Value::into_object),
        types::HASH_LISTPACK_EX => return hash::read_timed_listpack(reader, limits).map(Value::into_object),
        types::SET => return set::read_members(reader, limits).map(Value::into_object),
        types::SET_INTSET => return set::read_intset(reader, limits).map(Value::into_object),
        types::SET_LISTPACK => return set::read_listpack(reader, limits).map(Value::into_object),
        types::ZSET => return zset::read_text(reader, limits).map(Value::into_object),
        types::ZSET_2 => return zset::read_binary(reader, limits).map(Value::into_object),
        types::ZSET_LISTPACK => return zset::read_listpack(reader, limits).map(Value::into_object),
        types::STREAM_LISTPACKS | types::STREAM_LISTPACKS_2 | types::STREAM_LISTPACKS_3 => {
            return stream::read(value_type, reader).map(Value::into_object);
        }
        _ => {}
    }
    Err(Error { offset: reader.offset().saturating_sub(1), kind: ErrorKind::Type(value_type) })
}
