//! An entry: a key with its value, in one allocation.
//!
//! ```text
//!  0      1      2         5        6           8
//! +------+------+---------+--------+-----------+------------+-----------+-------------+-----+-------+
//! | kind | tag  | access  | keylen | inline len| wide keylen| expiry    | word        | key | bytes |
//! | u8   | u8   | 24 bits | u8     | u16       | u64, opt.  | i64, opt. | 8 or 16, opt|     | opt.  |
//! +------+------+---------+--------+-----------+------------+-----------+-------------+-----+-------+
//! ```
//!
//! - *kind*: type (3 bits), body (2), has an expiry, was modified in place ("raw"), has a wide key length.
//! - *tag*: the epoch of the last cut that has seen the entry (docs: the cut, ARCHITECTURE.md).
//! - *access*: the LRU clock, or LFU counter and minutes, as Redis's `robj.lru`.
//! - *body*: short strings stand inline behind the key; integers in binary in *word*; long strings are an
//!   `Arc<Vec<u8>>` in *word*, so that a snapshot can pin one while a writer copies it; the other types' values
//!   ([`data`]) stand there themselves, in 16 bytes.
//!
//! A key of 16 bytes with a value of 32 takes 56 bytes. Redis needs three allocations for the same.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use data::{Hash, List, Object, ObjectRef, Set, Stream, Type, Value, Zset};

/// The longest string that stands inline, in bytes.
pub const INLINE_MAX: usize = 4096;

/// The longest string whose encoding is "embstr" (Redis's OBJ_ENCODING_EMBSTR_SIZE_LIMIT).
const EMBSTR_MAX: usize = 44;

/// A string value, as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Str<'a> {
    /// An integer, whose text is the value.
    Int(i64),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Str<'a> {
    /// The value's bytes; an integer's text is written into `buffer`.
    pub fn bytes<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Str::Int(n) => buffer.format(n).as_bytes(),
            Str::Bytes(bytes) => bytes,
        }
    }

    /// Length in bytes of the value's text.
    pub fn len(self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A copy of the value's bytes.
    pub fn to_vec(self) -> Vec<u8> {
        self.bytes(&mut itoa::Buffer::new()).to_vec()
    }
}

/// A value on its way into an entry.
#[derive(Debug)]
pub enum NewValue<'a> {
    /// An integer.
    Int(i64),
    /// Bytes; `raw` marks a string that was modified in place, which OBJECT ENCODING shows.
    Bytes {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether the encoding is "raw" however short it is.
        raw: bool,
    },
    /// A long string that is already on the heap.
    Long(Arc<Vec<u8>>),
    /// A value of another type.
    Object(Object),
}

impl<'a> NewValue<'a> {
    /// Bytes as SET stores them: an integer where the text is one.
    pub fn parse(bytes: &'a [u8]) -> NewValue<'a> {
        match parse_integer(bytes) {
            Some(n) => NewValue::Int(n),
            None => NewValue::bytes(bytes, false),
        }
    }

    /// Bytes as they are.
    pub fn bytes(bytes: &'a [u8], raw: bool) -> NewValue<'a> {
        if bytes.len() > INLINE_MAX {
            NewValue::Long(Arc::new(bytes.to_vec()))
        } else {
            NewValue::Bytes { bytes, raw }
        }
    }

    /// Bytes that were modified in place: encoding "raw", however short. Many are moved out, not copied.
    pub fn modified_vec(bytes: &'a mut Vec<u8>) -> NewValue<'a> {
        if bytes.len() > INLINE_MAX {
            return NewValue::Long(Arc::new(std::mem::take(bytes)));
        }
        NewValue::Bytes { bytes, raw: true }
    }
}

/// The integer that `text` is, if printing it gives `text` again (Redis's `string2ll`).
#[inline]
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value = 0u64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit as u64; // at most 19 digits: no overflow
    }
    if negative {
        (value <= 1 << 63).then(|| (value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

const TYPE: u8 = 0b111;
const BODY: u8 = 0b11 << 3;
const INLINE: u8 = 0 << 3;
const INT: u8 = 1 << 3;
const LONG: u8 = 2 << 3;
const OBJECT: u8 = 3 << 3;
const EXPIRY: u8 = 1 << 5;
const RAW: u8 = 1 << 6;
const WIDE: u8 = 1 << 7;

const HEADER: usize = 8;
const ALIGN: usize = 8;
/// The most bytes that a value which is no string takes in its entry.
const OBJECT_SIZE: usize = 16;

/// Whoever holds this pointer decides about the entry's life; a table does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry(NonNull<u8>);

// SAFETY: an entry is plain memory that its partition's lock guards.
unsafe impl Send for Entry {}

/// An entry that no table holds: it has left one, or is a copy. Its drop frees it, wherever that is.
#[derive(Debug)]
pub struct OwnedEntry(Entry);

// SAFETY: the entry is owned, and what it holds (bytes, collections, shared bytes under an atomic count) may be dropped
// by any thread.
unsafe impl Send for OwnedEntry {}

impl OwnedEntry {
    /// Takes over an entry that has left its table.
    pub(crate) fn new(entry: Entry) -> OwnedEntry {
        OwnedEntry(entry)
    }

    /// A copy with the same tag; a long string is shared.
    pub(crate) fn copy(of: Entry) -> OwnedEntry {
        OwnedEntry(Entry::new(of.key(), of.clone_value(), of.expiry(), of.tag(), of.access()))
    }

    /// The entry; good for as long as it is owned.
    pub(crate) fn get(&self) -> Entry {
        self.0
    }
}

impl Drop for OwnedEntry {
    fn drop(&mut self) {
        // SAFETY: nobody else has the entry, and it goes.
        unsafe { self.0.free() }
    }
}

/// Offsets of an entry's parts, from its kind and key length.
struct Parts {
    expiry: usize,
    word: usize,
    key: usize,
    end_of_key: usize,
}

impl Entry {
    /// Allocates an entry. It lives until [`Entry::free`].
    pub fn new(key: &[u8], value: NewValue<'_>, expiry: Option<i64>, tag: u8, access: u32) -> Entry {
        let (body, inline): (u8, &[u8]) = match &value {
            NewValue::Int(_) => (INT, &[]),
            NewValue::Bytes { bytes, raw: false } => (INLINE, bytes),
            NewValue::Bytes { bytes, raw: true } => (INLINE | RAW, bytes),
            NewValue::Long(_) => (LONG, &[]),
            NewValue::Object(object) => (OBJECT | object.value_type() as u8, &[]),
        };
        let entry = Entry::allocate(body, key, inline, expiry, tag, access);
        // SAFETY: `allocate` left room for what the body says stands at its word.
        unsafe {
            let word = entry.word();
            match value {
                NewValue::Int(n) => word.cast::<i64>().write(n),
                NewValue::Long(long) => word.cast::<*const Vec<u8>>().write(Arc::into_raw(long)),
                NewValue::Object(Object::List(value)) => word.cast::<List>().write(value),
                NewValue::Object(Object::Set(value)) => word.cast::<Set>().write(value),
                NewValue::Object(Object::Zset(value)) => word.cast::<Zset>().write(value),
                NewValue::Object(Object::Hash(value)) => word.cast::<Hash>().write(value),
                NewValue::Object(Object::Stream(value)) => word.cast::<Stream>().write(value),
                NewValue::Bytes { .. } => {}
            }
        }
        entry
    }

    /// Allocates an entry of type and body `kind`, and writes all but its word.
    fn allocate(kind: u8, key: &[u8], inline: &[u8], expiry: Option<i64>, tag: u8, access: u32) -> Entry {
        let wide = if key.len() > u8::MAX as usize { WIDE } else { 0 };
        let kind = kind | wide | if expiry.is_some() { EXPIRY } else { 0 };
        let parts = parts(kind, key.len());
        let layout = layout(rounded(parts.end_of_key + inline.len()));
        // SAFETY: the size is at least a header's; every offset written lies below it, as `parts` and `rounded`
        // computed it, and words are aligned because all that precedes them is.
        unsafe {
            let Some(p) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            let entry = Entry(p);
            let p = p.as_ptr();
            p.cast::<u64>().write(0);
            p.write(kind);
            p.add(1).write(tag);
            p.add(5).write(key.len().min(255) as u8);
            p.add(6).cast::<u16>().write(inline.len() as u16);
            if wide != 0 {
                p.add(HEADER).cast::<u64>().write(key.len() as u64);
            }
            if let Some(at) = expiry {
                p.add(parts.expiry).cast::<i64>().write(at);
            }
            p.add(parts.key).copy_from_nonoverlapping(key.as_ptr(), key.len());
            p.add(parts.end_of_key).copy_from_nonoverlapping(inline.as_ptr(), inline.len());
            entry.set_access(access);
            entry
        }
    }

    /// Frees the entry and its value.
    ///
    /// # Safety
    /// It is not used again, by this pointer or a copy of it.
    pub unsafe fn free(self) {
        // SAFETY: the word holds what the body says; it is dropped once, here, and the entry is given up.
        unsafe {
            let word = self.word();
            match self.kind() & BODY {
                LONG => drop(Arc::from_raw(self.long_ptr())),
                OBJECT => match self.value_type() {
                    Type::List => word.cast::<List>().drop_in_place(),
                    Type::Set => word.cast::<Set>().drop_in_place(),
                    Type::Zset => word.cast::<Zset>().drop_in_place(),
                    Type::Hash => word.cast::<Hash>().drop_in_place(),
                    Type::Stream => word.cast::<Stream>().drop_in_place(),
                    Type::String => {}
                },
                _ => {}
            }
            self.free_shell();
        }
    }

    /// Frees the entry but not its value, which has moved to another one.
    ///
    /// # Safety
    /// As for [`Entry::free`]; and [`Entry::moved`] was called.
    pub unsafe fn free_shell(self) {
        // SAFETY: allocated by `allocate` with this layout; the caller gives it up.
        unsafe { dealloc(self.0.as_ptr(), layout(self.size())) }
    }

    /// The entry whose address is `address`.
    ///
    /// # Safety
    /// The address came from [`Entry::address`], and the entry lives.
    pub unsafe fn from_address(address: u64) -> Entry {
        // SAFETY: an address of a live entry is not null.
        Entry(unsafe { NonNull::new_unchecked(address as *mut u8) })
    }

    /// Its address, which fits in 48 bits.
    pub fn address(self) -> u64 {
        self.0.as_ptr() as u64
    }

    #[inline]
    fn kind(self) -> u8 {
        // SAFETY: a live entry has a header.
        unsafe { self.0.as_ptr().read() }
    }

    fn parts(self) -> Parts {
        parts(self.kind(), self.key_len())
    }

    /// Where the word stands, if the body has one.
    fn word(self) -> *mut u8 {
        // SAFETY: `parts` stays within the entry.
        unsafe { self.0.as_ptr().add(self.parts().word) }
    }

    #[inline]
    fn key_len(self) -> usize {
        // SAFETY: the header, and the wide length where the kind says there is one.
        unsafe {
            if self.kind() & WIDE == 0 {
                self.0.as_ptr().add(5).read() as usize
            } else {
                self.0.as_ptr().add(HEADER).cast::<u64>().read() as usize
            }
        }
    }

    fn inline_len(self) -> usize {
        // SAFETY: within the header.
        unsafe { self.0.as_ptr().add(6).cast::<u16>().read() as usize }
    }

    /// Bytes of the allocation.
    pub(crate) fn size(self) -> usize {
        rounded(self.parts().end_of_key + self.inline_len())
    }

    /// Bytes of memory that the entry and its value take.
    pub fn footprint(self) -> usize {
        let outside = match self.kind() & BODY {
            // SAFETY: the word of a long string is a live `Arc<Vec<u8>>`.
            LONG => unsafe { (*self.long_ptr()).capacity() + size_of::<Vec<u8>>() + 2 * size_of::<usize>() },
            OBJECT => self.object().map_or(0, ObjectRef::footprint),
            _ => 0,
        };
        self.size() + outside
    }

    /// When the key or, of a hash, a field is due first, in Unix milliseconds; never later than that.
    pub fn due(self) -> Option<i64> {
        match (self.expiry(), self.hash().and_then(Hash::next_due)) {
            (Some(key), Some(field)) => Some(key.min(field)),
            (key, field) => key.or(field),
        }
    }

    /// Whether it is a hash with fields that are due one day.
    pub fn is_timed(self) -> bool {
        self.hash().is_some_and(Hash::is_timed)
    }

    fn hash<'a>(self) -> Option<&'a Hash> {
        if self.value_type() == Type::Hash { self.value() } else { None }
    }

    /// How many allocations freeing the value gives back, roughly.
    pub fn effort(self) -> usize {
        self.object().map_or(1, ObjectRef::effort)
    }

    /// The key.
    #[inline]
    pub fn key<'a>(self) -> &'a [u8] {
        // SAFETY: `parts` yields the bytes that `new` wrote. The caller's view bounds the lifetime.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().add(self.parts().key), self.key_len()) }
    }

    /// The type of the value.
    pub fn value_type(self) -> Type {
        Type::ALL[(self.kind() & TYPE) as usize]
    }

    /// The value of a string.
    #[inline]
    pub fn str<'a>(self) -> Str<'a> {
        let parts = self.parts();
        // SAFETY: the kind says which of the parts was written; as with `key`, views bound the lifetime.
        unsafe {
            match self.kind() & BODY {
                INT => Str::Int(self.0.as_ptr().add(parts.word).cast::<i64>().read()),
                LONG => Str::Bytes((*self.long_ptr()).as_slice()),
                _ => Str::Bytes(std::slice::from_raw_parts(
                    self.0.as_ptr().add(parts.end_of_key),
                    self.inline_len(),
                )),
            }
        }
    }

    /// A value that is no string.
    pub fn object<'a>(self) -> Option<ObjectRef<'a>> {
        let word = self.word();
        // SAFETY: the body says that a value of this type was written there; as with `key`, views bound the lifetime.
        unsafe {
            Some(match self.value_type() {
                Type::String => return None,
                Type::List => ObjectRef::List(&*word.cast()),
                Type::Set => ObjectRef::Set(&*word.cast()),
                Type::Zset => ObjectRef::Zset(&*word.cast()),
                Type::Hash => ObjectRef::Hash(&*word.cast()),
                Type::Stream => ObjectRef::Stream(&*word.cast()),
            })
        }
    }

    /// The value, if it is of type `T`.
    #[inline]
    pub fn value<'a, T: Value>(self) -> Option<&'a T> {
        // SAFETY: as in `object`; no two types of values have the same `TYPE`.
        (self.value_type() == T::TYPE).then(|| unsafe { &*self.word().cast::<T>() })
    }

    /// The value to change, if it is of type `T`.
    #[inline]
    pub fn value_mut<'a, T: Value>(self) -> Option<&'a mut T> {
        // SAFETY: as in `value`; the partition's lock makes the caller the only one here.
        (self.value_type() == T::TYPE).then(|| unsafe { &mut *self.word().cast::<T>() })
    }

    /// The name that OBJECT ENCODING answers.
    pub fn encoding(self) -> &'static str {
        if let Some(object) = self.object() {
            return object.encoding();
        }
        match (self.kind() & BODY, self.kind() & RAW != 0) {
            (INT, _) => "int",
            (INLINE, false) if self.inline_len() <= EMBSTR_MAX => "embstr",
            _ => "raw",
        }
    }

    fn long_ptr(self) -> *const Vec<u8> {
        // SAFETY: the caller has seen that the body is a long string.
        unsafe { self.0.as_ptr().add(self.parts().word).cast::<*const Vec<u8>>().read() }
    }

    /// The bytes of a string where they stand, grown with zeros to `len` if they are fewer; `None` if that
    /// takes another entry: an integer, or a short string that grows. The encoding becomes "raw". A long
    /// string that a snapshot has pinned is copied first.
    pub fn bytes_mut<'a>(self, len: usize) -> Option<&'a mut [u8]> {
        let kind = self.kind();
        match kind & BODY {
            INLINE if self.inline_len() >= len => {
                // SAFETY: the inline bytes, as `new` wrote them; the partition's lock makes the caller the only one here.
                unsafe {
                    self.0.as_ptr().write(kind | RAW);
                    Some(std::slice::from_raw_parts_mut(
                        self.0.as_ptr().add(self.parts().end_of_key),
                        self.inline_len(),
                    ))
                }
            }
            // SAFETY: the pointer came from `Arc::into_raw`. `make_mut` may put a copy in its place, which is
            // written back; the entry keeps the count that `long` stands for.
            LONG => unsafe {
                let mut long = ManuallyDrop::new(Arc::from_raw(self.long_ptr()));
                let bytes: *mut Vec<u8> = Arc::make_mut(&mut long);
                self.0.as_ptr().add(self.parts().word).cast::<*const Vec<u8>>().write(bytes);
                let bytes = &mut *bytes;
                bytes.resize(len.max(bytes.len()), 0);
                Some(bytes.as_mut_slice())
            },
            _ => None,
        }
    }

    /// When the key is due, in Unix milliseconds.
    #[inline]
    pub fn expiry(self) -> Option<i64> {
        if self.kind() & EXPIRY == 0 {
            return None;
        }
        // SAFETY: the kind says that an expiry was written.
        Some(unsafe { self.0.as_ptr().add(self.parts().expiry).cast::<i64>().read() })
    }

    /// Sets another expiry where there is one already; `false` where there is no room.
    pub fn replace_expiry(self, at: i64) -> bool {
        if self.kind() & EXPIRY == 0 {
            return false;
        }
        // SAFETY: as in `expiry`; the partition's lock makes the caller the only one here.
        unsafe { self.0.as_ptr().add(self.parts().expiry).cast::<i64>().write(at) };
        true
    }

    /// Overwrites the value where it stands, if the new one takes the same room; else gives it back.
    #[inline]
    pub fn overwrite<'v>(self, value: NewValue<'v>) -> Result<(), NewValue<'v>> {
        let (kind, parts) = (self.kind(), self.parts());
        // SAFETY: the new bytes fit in what was allocated, as compared here.
        unsafe {
            let p = self.0.as_ptr();
            match value {
                NewValue::Int(n) if kind & BODY == INT => p.add(parts.word).cast::<i64>().write(n),
                NewValue::Bytes { bytes, raw }
                    if kind & BODY == INLINE && rounded(parts.end_of_key + bytes.len()) == self.size() =>
                {
                    p.write(if raw { kind | RAW } else { kind & !RAW });
                    p.add(6).cast::<u16>().write(bytes.len() as u16);
                    p.add(parts.end_of_key).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                }
                other => return Err(other),
            }
        }
        Ok(())
    }

    /// A new entry with this one's value under another key or with another expiry. This one keeps everything but the
    /// value: what is left for it is [`Entry::free_shell`].
    pub fn moved(self, key: &[u8], expiry: Option<i64>, tag: u8, access: u32) -> Entry {
        let kind = self.kind() & (TYPE | BODY | RAW);
        let inline = match kind & BODY {
            // SAFETY: the inline bytes, as `allocate` wrote them.
            INLINE => unsafe {
                std::slice::from_raw_parts(self.0.as_ptr().add(self.parts().end_of_key), self.inline_len())
            },
            _ => &[],
        };
        let new = Entry::allocate(kind, key, inline, expiry, tag, access);
        // SAFETY: both have words of the same size; the value has one owner, which is the new entry from here on.
        unsafe { new.word().copy_from_nonoverlapping(self.word(), word_size(kind)) };
        new
    }

    /// A copy of the value, for COPY or for a snapshot: a long string is shared until one side writes.
    pub fn clone_value<'a>(self) -> NewValue<'a> {
        if self.kind() & BODY == LONG {
            // SAFETY: the pointer is of a live `Arc`, whose count grows by the clone's.
            return NewValue::Long(unsafe {
                Arc::increment_strong_count(self.long_ptr());
                Arc::from_raw(self.long_ptr())
            });
        }
        if let Some(object) = self.object() {
            return NewValue::Object(object.to_object());
        }
        match self.str() {
            Str::Int(n) => NewValue::Int(n),
            Str::Bytes(bytes) => NewValue::Bytes { bytes, raw: self.kind() & RAW != 0 },
        }
    }

    /// The epoch tag.
    #[inline]
    pub fn tag(self) -> u8 {
        // SAFETY: within the header.
        unsafe { self.0.as_ptr().add(1).read() }
    }

    /// Sets the epoch tag.
    pub fn set_tag(self, tag: u8) {
        // SAFETY: within the header; the partition's lock is held.
        unsafe { self.0.as_ptr().add(1).write(tag) }
    }

    /// The 24 bits of LRU clock or LFU state.
    #[inline]
    pub fn access(self) -> u32 {
        // SAFETY: bytes 0 to 7 are the header, aligned to 8.
        unsafe { (self.0.as_ptr().cast::<u64>().read() >> 16) as u32 & 0xff_ffff }
    }

    /// Sets the 24 bits of LRU clock or LFU state.
    #[inline]
    pub fn set_access(self, access: u32) {
        // SAFETY: as above; the partition's lock is held.
        unsafe {
            let header = self.0.as_ptr().cast::<u64>();
            header.write(header.read() & !(0xff_ffff << 16) | ((access & 0xff_ffff) as u64) << 16);
        }
    }
}

#[inline]
fn parts(kind: u8, key_len: usize) -> Parts {
    let expiry = HEADER + if kind & WIDE != 0 { 8 } else { 0 };
    let word = expiry + if kind & EXPIRY != 0 { 8 } else { 0 };
    let key = word + word_size(kind);
    Parts { expiry, word, key, end_of_key: key + key_len }
}

#[inline]
fn word_size(kind: u8) -> usize {
    match kind & BODY {
        INLINE => 0,
        OBJECT => OBJECT_SIZE,
        _ => 8,
    }
}

fn rounded(size: usize) -> usize {
    size.next_multiple_of(ALIGN)
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, ALIGN).expect("keys and inline values are far below isize::MAX")
}

/// Asks for the first lines of the entry at `address` to be brought into the cache; any address is harmless.
#[inline]
pub fn prefetch(address: u64) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address as *const i8);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a prefetch never faults.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            key in proptest::collection::vec(any::<u8>(), 0..600),
            value in proptest::collection::vec(any::<u8>(), 0..6000),
            expiry in any::<Option<i64>>(), tag in any::<u8>(), access in 0u32..1 << 24,
        ) {
            let entry = Entry::new(&key, NewValue::parse(&value), expiry, tag, access);
            let check = |e: Entry, key: &[u8], expiry: Option<i64>| {
                assert_eq!((e.key(), e.expiry(), e.tag(), e.access()), (key, expiry, tag, access));
                assert_eq!(e.str().to_vec(), value);
            };
            check(entry, &key, expiry);
            let expiry = expiry.map(|_| 7).xor(Some(7));
            let moved = entry.moved(b"other", expiry, tag, access);
            // SAFETY: each entry is used no more once its value has moved or it was freed.
            unsafe {
                entry.free_shell();
                check(moved, b"other", expiry);
                moved.free();
            }
        }
    }

    #[test]
    fn integers_are_those_that_print_the_same() {
        for text in ["0", "-1", "9223372036854775807", "-9223372036854775808", "10"] {
            assert_eq!(parse_integer(text.as_bytes()).map(|n| n.to_string()).as_deref(), Some(text));
        }
        for text in [
            "",
            "-",
            "-0",
            "01",
            "+1",
            " 1",
            "9223372036854775808",
            "-9223372036854775809",
            "1a",
            "18446744073709551617",
        ] {
            assert_eq!(parse_integer(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn the_documented_size() {
        let entry = Entry::new(&[b'k'; 16], NewValue::parse(&[b'v'; 32]), None, 0, 0);
        assert_eq!((entry.footprint(), entry.encoding()), (56, "embstr"));
        // SAFETY: not used again.
        unsafe { entry.free() };
    }
}
