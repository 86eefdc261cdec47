//! Lists: as nodes, or element by element.
//!
//! ```text
//! elements      count, then strings
//! nodes         count, then 1 and a string that is one element, or 2 and one that is a listpack of several
//! ziplists      count, then strings, each the bytes of a ziplist
//! ziplist       one string, the bytes of the ziplist
//! ```
//!
//! Nodes came with version 10, ziplists with version 7, when one ziplist was for small lists alone.

use codec::listpack::ListpackRef;
use data::list::{End, NodeRef};
use data::{Limits, List};

use crate::rdb::{Error, ErrorKind, Reader, Writer, types, version};

/// A node that is one large element.
const PLAIN: u64 = 1;
/// A node that is a listpack.
const PACKED: u64 = 2;

/// The type byte for readers of a version, and the lowest version that knows it.
pub fn form(reader: u16) -> (u8, u16) {
    if reader >= version::REDIS_7_0 {
        (types::LIST_QUICKLIST_2, version::REDIS_7_0)
    } else {
        (types::LIST, version::REDIS_5)
    }
}

/// Writes a list in its form for readers of a version.
pub fn write(list: &List, reader: u16, writer: &mut Writer<'_>) {
    if form(reader).0 == types::LIST {
        writer.length(list.len() as u64);
        return list.visit(0..list.len(), End::Head, |element| {
            element.with_bytes(|element| writer.string(element));
        });
    }
    writer.length(list.node_count() as u64);
    list.each_node(|node| match node {
        NodeRef::Packed(listpack) => {
            writer.length(PACKED);
            writer.string(listpack.as_bytes());
        }
        NodeRef::Plain(element) => {
            writer.length(PLAIN);
            writer.string(element);
        }
    });
}

/// Reads one that is nodes.
pub fn read_nodes(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    read(reader, limits, |reader, list| {
        let offset = reader.offset();
        let wrong = |text| Error { offset, kind: ErrorKind::Value(text) };
        let container = reader.length()?;
        let bytes = reader.string()?.into_bytes();
        match container {
            PLAIN if bytes.is_empty() => return Err(wrong("plain node of a list is empty")),
            PLAIN => list.append(NodeRef::Plain(&bytes), limits),
            PACKED => {
                let listpack = ListpackRef::validate(&bytes)
                    .map_err(|_| wrong("List listpack integrity check failed"))?;
                list.append(NodeRef::Packed(listpack), limits);
            }
            _ => return Err(wrong("unknown kind of node in a list")),
        }
        Ok(())
    })
}

/// Reads one that is elements.
pub fn read_elements(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    read(reader, limits, |reader, list| {
        push(list, &reader.string()?.into_vec(), limits);
        Ok(())
    })
}

fn push(list: &mut List, element: &[u8], limits: &Limits) {
    list.expect([element].into_iter(), limits);
    list.push(End::Tail, element);
}

const ZIPLIST: &str = "List ziplist integrity check failed";

/// Reads one that is ziplists.
pub fn read_ziplists(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    read(reader, limits, |reader, list| {
        let listpack = super::ziplist(reader, ZIPLIST)?;
        list.append(NodeRef::Packed(listpack.view()), limits);
        Ok(())
    })
}

/// Reads one that is a ziplist, which may be larger than a node is to be now.
pub fn read_ziplist(reader: &mut Reader<'_>, limits: &Limits) -> Result<List, Error> {
    let offset = reader.offset();
    let mut list = List::default();
    let listpack = super::ziplist(reader, ZIPLIST)?;
    listpack.view().iter().for_each(|element| element.with_bytes(|element| push(&mut list, element, limits)));
    settled(offset, list, limits)
}

fn read<'a>(
    reader: &mut Reader<'a>,
    limits: &Limits,
    mut read_one: impl FnMut(&mut Reader<'a>, &mut List) -> Result<(), Error>,
) -> Result<List, Error> {
    let offset = reader.offset();
    let mut list = List::default();
    for _ in 0..reader.length()? {
        read_one(reader, &mut list)?;
    }
    settled(offset, list, limits)
}

/// A list that was read from an offset on.
fn settled(offset: usize, mut list: List, limits: &Limits) -> Result<List, Error> {
    if list.is_empty() {
        return Err(Error { offset, kind: ErrorKind::Empty("list has no elements") });
    }
    list.settle(limits);
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::{self, Value};
    use data::{Object, ObjectRef};
    use proptest::prelude::*;

    fn decode(payload: &[u8]) -> Result<List, String> {
        let body = dump::verify(payload).map_err(|e| e.to_string())?;
        match dump::decode(body, &Limits::default()).map_err(|e| e.to_string())? {
            Value::Object(Object::List(list)) => Ok(list),
            other => Err(format!("{other:?}")),
        }
    }

    fn elements(list: &List) -> Vec<Vec<u8>> {
        let mut elements = vec![];
        list.visit(0..list.len(), End::Head, |entry| elements.push(entry.to_vec()));
        elements
    }

    /// Payloads of redis-server 7.0.15: RPUSH l a 1 bcd; and the same with 100 times x, at list-max-listpack-size 2.
    #[test]
    fn payloads_of_genuine_redis() {
        let small = b"\x12\x01\x02\x11\x11\x00\x00\x00\x03\x00\x81a\x02\x01\x01\x83bcd\x04\xff\n\x00\x99X0\x8b\x15?\xf4\x8e";
        let list = decode(small).expect("a list");
        assert_eq!(elements(&list), [&b"a"[..], b"1", b"bcd"]);
        assert_eq!(list.encoding(), "listpack");
        assert_eq!(dump::object(ObjectRef::List(&list)), small);
        let nodes = b"\x12\x02\x02\x0c\x0c\x00\x00\x00\x02\x00\x81a\x02\x01\x01\xff\x02\xc3\x15@s\rs\x00\x00\x00\x02\x00\x83bcd\x04\xe0dx\xe0Z\x00\x01f\xff\n\x00\xc9\x01\xe1|-\xec\xcc!";
        let list = decode(nodes).expect("a list");
        assert_eq!(elements(&list), [&b"a"[..], b"1", b"bcd", &[b'x'; 100]]);
    }

    #[test]
    fn damage_is_named() {
        let limits = Limits::default();
        for (body, error) in [
            (&b"\x00"[..], "list has no elements"),
            (b"\x01\x03\x01a", "unknown kind of node in a list"),
            (b"\x01\x01\x00", "plain node of a list is empty"),
            (b"\x01\x02\x01a", "List listpack integrity check failed"),
            (b"\x80\xff\xff\xff\xff\x01\x01a", "unexpected end"),
        ] {
            let found = read_nodes(&mut Reader::new(body), &limits).map(|list| elements(&list));
            assert!(found.clone().is_err_and(|e| e.to_string().starts_with(error)), "{body:?}: {found:?}");
        }
        let list = read_elements(&mut Reader::new(b"\x02\x01a\xc0\x07"), &limits).expect("two elements");
        assert_eq!(elements(&list), [&b"a"[..], b"7"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sizes in prop::collection::vec((0usize..40, any::<u8>()), 1..40), large in any::<bool>(), depth in 0usize..3) {
            let limits = Limits { list_max_listpack_size: 5, list_compress_depth: depth, ..Limits::default() };
            let mut list = List::default();
            for (size, byte) in sizes {
                let element = vec![byte; if large && size > 38 { 9_000 } else { size }];
                list.expect([&element[..]].into_iter(), &limits);
                list.push(End::Tail, &element);
            }
            let payload = dump::object(ObjectRef::List(&list));
            prop_assert_eq!(decode(&payload).map(|list| elements(&list)), Ok(elements(&list)));
        }
    }
}
