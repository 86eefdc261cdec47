//! What SORT is asked for.

use std::ops::Range;

use codec::crc16::key_slot;
use engine::Error;
use engine::args::{Options, is};
use resp::Args;

use super::pattern::Pattern;

/// The options of SORT.
pub(super) struct Request<'a> {
    /// What decides the order in place of the elements.
    pub by: Option<Pattern<'a>>,
    /// Some BY names no key: the elements stay in the order that they have.
    pub unsorted: bool,
    /// What is returned in place of the elements.
    pub get: Vec<Pattern<'a>>,
    pub descending: bool,
    /// Texts are compared, not numbers.
    pub alpha: bool,
    /// Where the result goes in place of a reply.
    pub store: Option<&'a [u8]>,
    offset: i64,
    /// Negative for all.
    count: i64,
}

impl<'a> Request<'a> {
    /// Reads the options. In a cluster, patterns must name keys of the sorted key's slot.
    pub fn parse(args: Args<'a>, read_only: bool, cluster: bool) -> Result<Request<'a>, Error> {
        let mut request = Request {
            by: None,
            unsorted: false,
            get: Vec::new(),
            descending: false,
            alpha: false,
            store: None,
            offset: 0,
            count: -1,
        };
        let is_elsewhere = |pattern: Pattern| {
            cluster && pattern.slot().is_some_and(|slot| slot != Some(key_slot(args.at(1))))
        };
        let mut options = Options::new(args, 2);
        while let Some(word) = options.next() {
            if is(word, "ASC") || is(word, "DESC") {
                request.descending = is(word, "DESC");
            } else if is(word, "ALPHA") {
                request.alpha = true;
            } else if is(word, "LIMIT") && options.left() >= 2 {
                (request.offset, request.count) = (options.integer()?, options.integer()?);
            } else if !read_only && is(word, "STORE") && options.left() >= 1 {
                request.store = options.next();
            } else if is(word, "BY") && options.left() >= 1 {
                let pattern = Pattern::parse(options.value()?);
                if is_elsewhere(pattern) {
                    return Err(elsewhere("BY"));
                }
                request.unsorted |= !pattern.names_keys();
                request.by = Some(pattern);
            } else if is(word, "GET") && options.left() >= 1 {
                let pattern = Pattern::parse(options.value()?);
                if is_elsewhere(pattern) {
                    return Err(elsewhere("GET"));
                }
                request.get.push(pattern);
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(request)
    }

    /// Whether keys are looked up that the arguments do not name.
    pub fn looks_up(&self) -> bool {
        let by = self.by.filter(|_| !self.unsorted);
        by.iter().chain(&self.get).any(|pattern| pattern.names_keys())
    }

    /// The places that LIMIT leaves of `len`.
    pub fn window(&self, len: usize) -> Range<usize> {
        let within = |number: i64| usize::try_from(number.max(0)).unwrap_or(usize::MAX).min(len);
        let start = within(self.offset);
        let count = if self.count < 0 { len } else { within(self.count) };
        start..start + count.min(len - start)
    }
}

fn elsewhere(option: &str) -> Error {
    Error::err(format_args!(
        "{option} option of SORT denied in Cluster mode when keys formed by the pattern may be in different slots."
    ))
}

/// The indices of all destinations, found as [`Request::parse`] finds them where the syntax is right. (COMMAND GETKEYS of
/// genuine Redis takes a destination that is called like an option for that option.)
pub(super) fn places_of_stores(args: Args<'_>) -> impl Iterator<Item = usize> {
    let mut at = 2;
    std::iter::from_fn(move || {
        while let Some(word) = args.get(at) {
            let operands = match () {
                () if is(word, "LIMIT") => 2,
                () if is(word, "BY") || is(word, "GET") || is(word, "STORE") => 1,
                () => 0,
            };
            at += 1 + operands;
            if is(word, "STORE") && at <= args.len() {
                return Some(at - 1);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use resp::OwnedArgs;

    fn parsed(line: &str, check: impl FnOnce(Result<Request, Error>)) {
        let args: OwnedArgs = line.split(' ').collect();
        check(Request::parse(args.as_args(), false, false));
    }

    #[test]
    fn windows() {
        for (limit, window) in [
            ("LIMIT 0 -1", 0..5),
            ("LIMIT 1 2", 1..3),
            ("LIMIT 3 9", 3..5),
            ("LIMIT 5 1", 5..5),
            ("LIMIT 9 9", 5..5),
            ("LIMIT -3 2", 0..2),
            ("LIMIT 2 0", 2..2),
            ("LIMIT 9223372036854775807 9223372036854775807", 5..5),
            ("LIMIT -9223372036854775808 -9223372036854775808", 0..5),
        ] {
            parsed(&format!("SORT k {limit}"), |request| {
                assert_eq!(request.expect("right").window(5), window, "{limit}");
            });
        }
    }

    #[test]
    fn late_keys() {
        for (options, looks_up) in [
            ("ASC", false),
            ("BY nosort GET #", false),
            ("BY w_* GET #", true),
            ("BY nosort BY w_*", false),
            ("BY w_* BY nosort GET *", true),
            ("GET constant GET #", false),
        ] {
            parsed(&format!("SORT k {options}"), |request| {
                assert_eq!(request.expect("right").looks_up(), looks_up, "{options}");
            });
        }
    }

    #[test]
    fn destinations_are_found_as_they_are_parsed() {
        for line in [
            "SORT k STORE a",
            "SORT k STORE by STORE d",
            "SORT k STORE limit",
            "SORT k STORE store ASC STORE store",
            "SORT k BY store GET store LIMIT 1 2 STORE x ALPHA",
            "SORT k DESC",
        ] {
            let args: OwnedArgs = line.split(' ').collect();
            let found = places_of_stores(args.as_args()).last().map(|at| args.as_args().at(at));
            parsed(line, |request| assert_eq!(request.expect("right").store, found, "{line}"));
        }
        let args: OwnedArgs = "SORT k ASC STORE".split(' ').collect();
        assert_eq!(places_of_stores(args.as_args()).count(), 0);
    }
}
