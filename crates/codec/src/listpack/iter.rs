//! Walking a listpack from either end.

use super::{Entry, ListpackRef, Position};

/// The elements of a listpack with their positions, from either end.
#[derive(Clone, Debug)]
pub struct Positions<'a> {
    listpack: ListpackRef<'a>,
    /// The next element from the front, and behind the next one from the back; equal when all were given.
    front: Position,
    back: Position,
}

impl<'a> Positions<'a> {
    pub(super) fn new(listpack: ListpackRef<'a>) -> Self {
        let end = Position::new(listpack.0.len().saturating_sub(1));
        Self { listpack, front: listpack.first().unwrap_or(end), back: end }
    }

    pub(super) fn from(listpack: ListpackRef<'a>, first: Position) -> Self {
        Self { front: first, ..Self::new(listpack) }
    }
}

impl<'a> Iterator for Positions<'a> {
    type Item = (Position, Entry<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let position = self.front;
        let (entry, next) = self.listpack.read(position)?;
        self.front = next;
        Some((position, entry))
    }
}

impl DoubleEndedIterator for Positions<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.listpack.previous(self.back)?;
        Some((self.back, self.listpack.get(self.back)?))
    }
}

/// The elements of a listpack, from either end.
#[derive(Clone, Debug)]
pub struct Iter<'a>(pub(super) Positions<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        self.0.next().map(|(_, entry)| entry)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(_, entry)| entry)
    }
}
