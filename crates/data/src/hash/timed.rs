//! A small hash some of whose fields are due one day: a listpack of field, value and due time by turns, ordered by the
//! due time in Unix milliseconds; the fields without one, whose time is 0, stand last. Redis's "listpackex".

use codec::listpack::{Entry, Listpack, ListpackRef, Position};

use super::{Shown, Unsound};
use crate::distinct::all_differ;

/// Where a field, its value and its due time stand.
pub(super) struct Places {
    pub(super) name: Position,
    pub(super) value: Position,
    due: Position,
}

/// The time that an element says.
fn time(entry: Entry<'_>) -> Option<i64> {
    match entry.canonical() {
        Entry::Int(time) => Some(time),
        Entry::Bytes(_) => None,
    }
}

/// Finds a field.
pub(super) fn find(listpack: ListpackRef<'_>, name: &[u8]) -> Option<Places> {
    let name = listpack.find(listpack.first()?, name, 2)?;
    let value = listpack.next(name)?;
    Some(Places { name, value, due: listpack.next(value)? })
}

/// What stands at places.
pub(super) fn shown<'a>(listpack: ListpackRef<'a>, places: &Places) -> Option<Shown<'a>> {
    let due = time(listpack.get(places.due)?).filter(|due| *due != 0);
    Some(Shown { name: listpack.get(places.name)?, value: listpack.get(places.value)?, due })
}

/// All fields.
pub(super) fn iter<'a>(listpack: ListpackRef<'a>) -> impl Iterator<Item = Shown<'a>> {
    let mut entries = listpack.iter();
    std::iter::from_fn(move || {
        let (name, value, due) = (entries.next()?, entries.next()?, entries.next()?);
        Some(Shown { name, value, due: time(due).filter(|due| *due != 0) })
    })
}

/// Puts a field that is not there in its place: behind those that are due no later.
pub(super) fn insert(listpack: &mut Listpack, name: &[u8], value: &[u8], due: Option<i64>) {
    let time = Entry::Int(due.unwrap_or(0));
    let is_behind = |other: Shown<'_>| other.due.is_none_or(|other| due.is_some_and(|due| due < other));
    let next = due.and_then(|_| iter(listpack.view()).position(is_behind));
    match next.and_then(|index| listpack.view().seek(3 * index as i64)) {
        Some(next) => {
            listpack.insert_before(next, name);
            let value = listpack.insert_after(next, value);
            listpack.insert_after(value, time);
        }
        None => {
            listpack.push_back(name);
            listpack.push_back(value);
            listpack.push_back(time);
        }
    }
}

/// Whether a listpack from outside is such a hash: triples, in order, no field twice.
pub(super) fn check(listpack: ListpackRef<'_>) -> Result<(), Unsound> {
    if !listpack.len().is_multiple_of(3) {
        return Err(Unsound::Odd);
    }
    let (mut entries, mut last) = (listpack.iter(), 0);
    while let (Some(_), Some(_), Some(due)) = (entries.next(), entries.next(), entries.next()) {
        let due = time(due).filter(|due| *due >= 0).ok_or(Unsound::Time)?;
        let order = if due == 0 { i64::MAX } else { due };
        if order < last {
            return Err(Unsound::Time);
        }
        last = order;
    }
    if all_differ(listpack.iter().step_by(3)) { Ok(()) } else { Err(Unsound::Duplicate) }
}
