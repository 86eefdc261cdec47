//! A node: up to a hundred entries in one listpack, byte for byte as Redis keeps them.
//!
//! ```text
//! live | deleted | n | field ... | 0                                     the master entry: n fields
//! flags | ms | seq | value ... | count                                   an entry with the master's fields
//! flags | ms | seq | n | field | value | ... | count                     one with its own
//! ```
//!
//! `ms` and `seq` are differences to the node's master ID, under which the stream files it. `count` says of how many
//! elements the entry consists, itself not counted, so that a reader from behind finds its start. Deleting an entry sets
//! a flag. What a node holds was built here or has passed [`validate`]; other bytes end walks early, and no more.

use std::iter::once;

use codec::listpack::{Entry as Element, Listpack, ListpackRef, Position, Positions};
use codec::number::parse_i64;

use super::StreamId;

/// The entry is deleted.
const DELETED: i64 = 1;
/// It has the master entry's fields.
const SAME_FIELDS: i64 = 2;

/// The elements of an entry beside its fields and values: flags and both parts of the ID.
const FIXED: usize = 3;

/// A node to read.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    master: StreamId,
    listpack: ListpackRef<'a>,
}

/// What a node's master entry says.
struct Head<'a> {
    live: u64,
    deleted: u64,
    field_count: usize,
    fields: Positions<'a>,
    /// All entries.
    entries: Positions<'a>,
}

/// An entry of a stream: an ID, and fields with values.
#[derive(Clone)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    /// How many fields it has.
    pub len: usize,
    pub(super) is_deleted: bool,
    /// Where its flags are.
    at: Position,
    flags: i64,
    /// The fields, if they are the master entry's.
    fields: Option<Positions<'a>>,
    /// The values, after its fields by turns if it has its own.
    body: Positions<'a>,
}

impl<'a> Entry<'a> {
    /// Its fields and values in order.
    pub fn pairs(&self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> + use<'a> {
        let (mut fields, mut body, mut left) = (self.fields.clone(), self.body.clone(), self.len);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let field = fields.as_mut().unwrap_or(&mut body).next()?.1;
            Some((field, body.next()?.1))
        })
    }
}

/// The integer an element is.
fn integer(element: Element<'_>) -> Option<i64> {
    match element {
        Element::Int(value) => Some(value),
        Element::Bytes(text) => parse_i64(text),
    }
}

/// The next element, which is an integer.
fn next_integer(elements: &mut Positions<'_>) -> Option<i64> {
    integer(elements.next()?.1)
}

/// The next element, which is a number of elements.
fn next_count(elements: &mut Positions<'_>) -> Option<usize> {
    usize::try_from(next_integer(elements)?).ok()
}

/// Passes elements over.
fn skip(elements: &mut Positions<'_>, count: usize) -> Option<()> {
    match count {
        0 => Some(()),
        _ => elements.nth(count - 1).map(drop),
    }
}

impl<'a> Node<'a> {
    pub(super) fn new(master: StreamId, listpack: ListpackRef<'a>) -> Node<'a> {
        Node { master, listpack }
    }

    fn head(self) -> Option<Head<'a>> {
        let mut elements = self.listpack.positions();
        let live = next_integer(&mut elements)?.try_into().ok()?;
        let deleted = next_integer(&mut elements)?.try_into().ok()?;
        let field_count = next_count(&mut elements)?;
        let fields = elements.clone();
        skip(&mut elements, field_count)?;
        (next_integer(&mut elements)? == 0).then_some(Head {
            live,
            deleted,
            field_count,
            fields,
            entries: elements,
        })
    }

    /// How many entries there are that are not deleted, and that are.
    pub(super) fn counts(self) -> (u64, u64) {
        let mut elements = self.listpack.positions();
        let mut count =
            || next_integer(&mut elements).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        (count(), count())
    }

    /// All entries, the deleted ones too, from either end.
    pub(super) fn entries(self) -> Entries<'a> {
        Entries { node: self, head: self.head() }
    }

    /// Entries of which those before an ID may be left out. Whoever follows a stream asks for its last few: these are
    /// looked for from the end, so that a full node is not walked for each of them.
    pub(super) fn entries_from(self, start: StreamId) -> Entries<'a> {
        const NEAR: usize = 4;
        let mut entries = self.entries();
        if self.master >= start {
            return entries;
        }
        let mut first = None;
        for entry in self.entries().rev().take(NEAR) {
            if entry.id < start {
                entries.skip_to(first);
                break;
            }
            first = Some(entry.at);
        }
        entries
    }

    /// Takes an entry off the front of elements.
    fn read(self, head: &Head<'a>, elements: &mut Positions<'a>) -> Option<Entry<'a>> {
        let (at, flags) = elements.next()?;
        let flags = integer(flags)?;
        let (ms, seq) = (next_integer(elements)?, next_integer(elements)?);
        let same = flags & SAME_FIELDS != 0;
        let len = if same { head.field_count } else { next_count(elements)? };
        let body = elements.clone();
        skip(elements, if same { len } else { len.checked_mul(2)? })?;
        elements.next()?;
        Some(Entry {
            id: StreamId {
                ms: self.master.ms.wrapping_add(ms as u64),
                seq: self.master.seq.wrapping_add(seq as u64),
            },
            len,
            is_deleted: flags & DELETED != 0,
            at,
            flags,
            fields: same.then(|| head.fields.clone()),
            body,
        })
    }
}

/// The entries of a node.
pub(super) struct Entries<'a> {
    node: Node<'a>,
    head: Option<Head<'a>>,
}

impl Entries<'_> {
    /// Leaves out what comes before a place, or all.
    fn skip_to(&mut self, place: Option<Position>) {
        self.head = self
            .head
            .take()
            .zip(place)
            .map(|(head, place)| Head { entries: self.node.listpack.positions_from(place), ..head });
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let head = self.head.as_mut()?;
        let mut elements = head.entries.clone();
        let entry = self.node.read(head, &mut elements);
        head.entries = elements;
        entry
    }
}

impl DoubleEndedIterator for Entries<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let head = self.head.as_mut()?;
        let count = usize::try_from(integer(head.entries.next_back()?.1)?).ok()?;
        let (first, _) = head.entries.nth_back(count.checked_sub(1)?)?;
        let mut elements = self.node.listpack.positions_from(first);
        self.node.read(head, &mut elements)
    }
}

/// A node without entries whose master entry has these fields.
pub(super) fn create<'e>(fields: impl ExactSizeIterator<Item = &'e [u8]> + Clone) -> Listpack {
    let mut listpack = Listpack::new();
    let head = [0, 0, fields.len() as i64].into_iter().map(Element::Int);
    listpack.push_all(head.chain(fields.map(Element::Bytes)).chain(once(Element::Int(0))));
    listpack
}

/// Adds an entry behind all others.
pub(super) fn append<'e>(
    listpack: &mut Listpack,
    master: StreamId,
    id: StreamId,
    pairs: impl ExactSizeIterator<Item = (&'e [u8], &'e [u8])> + Clone,
) {
    let same = has_fields(Node::new(master, listpack.view()), pairs.clone().map(|(field, _)| field));
    let len = pairs.len() as i64;
    let (ms, seq) = (id.ms.wrapping_sub(master.ms) as i64, id.seq.wrapping_sub(master.seq) as i64);
    let flags = if same { SAME_FIELDS } else { 0 };
    let fixed = [flags, ms, seq].into_iter().chain((!same).then_some(len)).map(Element::Int);
    let body = pairs.flat_map(move |(field, value)| {
        let field = (!same).then_some(Element::Bytes(field));
        field.into_iter().chain(once(Element::Bytes(value)))
    });
    let count = FIXED as i64 + if same { len } else { 2 * len + 1 };
    listpack.push_all(fixed.chain(body).chain(once(Element::Int(count))));
    recount(listpack, 1, 0);
}

/// Whether these are the fields of a node's master entry.
fn has_fields<'e>(node: Node<'_>, mut fields: impl ExactSizeIterator<Item = &'e [u8]>) -> bool {
    node.head().is_some_and(|mut head| {
        head.field_count == fields.len()
            && fields
                .all(|field| head.fields.next().is_some_and(|(_, own)| own.with_bytes(|own| own == field)))
    })
}

/// Deletes entries of this very listpack, none of which is deleted, in their order.
pub(super) fn delete(listpack: &mut Listpack, entries: &[(Position, i64)]) {
    // From the last on: should flags be written otherwise than we write them, what is before stays in place.
    for (at, flags) in entries.iter().rev() {
        listpack.replace(*at, flags | DELETED);
    }
    let count = entries.len() as i64;
    recount(listpack, -count, count);
}

impl Entry<'_> {
    /// What [`delete`] is to know of it.
    pub(super) fn place(&self) -> (Position, i64) {
        (self.at, self.flags)
    }
}

/// Changes how many entries are said to be live and deleted.
fn recount(listpack: &mut Listpack, live: i64, deleted: i64) {
    let Some(first) = listpack.view().first() else { return };
    change(listpack, first, live);
    if deleted != 0
        && let Some(second) = listpack.view().next(first)
    {
        change(listpack, second, deleted);
    }
}

fn change(listpack: &mut Listpack, at: Position, by: i64) {
    if let Some(value) = listpack.view().get(at).and_then(integer) {
        listpack.replace(at, value.saturating_add(by));
    }
}

/// Checks the bytes of a node from outside: that it can be walked from both ends, that its entries are as many as it
/// says, and that their IDs grow. Answers the last ID, and how many entries are not deleted.
pub(super) fn validate(master: StreamId, listpack: ListpackRef<'_>) -> Option<(StreamId, u64)> {
    let node = Node::new(master, listpack);
    let mut head = node.head()?;
    let (mut last, mut deleted, mut live) = (None, 0, 0);
    while !is_end(&head.entries) {
        let mut elements = head.entries.clone();
        let entry = node.read(&head, &mut elements)?;
        let count =
            if entry.fields.is_some() { entry.len } else { entry.len.checked_mul(2)?.checked_add(1)? };
        let mut tail = head.entries;
        skip(&mut tail, count.checked_add(FIXED)?)?;
        if next_count(&mut tail)? != count + FIXED || entry.id < master || last >= Some(entry.id) {
            return None;
        }
        *(if entry.is_deleted { &mut deleted } else { &mut live }) += 1;
        last = Some(entry.id);
        head.entries = elements;
    }
    (head.live == live && head.deleted == deleted).then_some((last?, live))
}

fn is_end(elements: &Positions<'_>) -> bool {
    elements.clone().next().is_none()
}
