//! Glob patterns as Redis matches them: KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET, ACL key patterns.
//!
//! `*` is any run of bytes, `?` any one byte, `[...]` one byte of a class, `\x` the byte x; everything else is
//! itself. Patterns and texts are bytes, not characters. The corners are those of Redis's `stringmatchlen`,
//! because an ACL that means something else here than there is a hole:
//!
//! - An empty text is matched by the empty pattern alone, not even by `*`.
//! - A class runs to its first unescaped `]`, or to the end of the pattern when there is none. `^` first
//!   negates it, and `[^` at the end is any byte. A range may be written high to low, takes any byte as its end
//!   (`]` too), and compares *signed* bytes: `[a-\xff]` goes from 0xff, which is -1, up to `a`.
//! - An escaped byte in a class keeps its case even where case does not matter.
//! - `\` at the end of the pattern is itself.
//!
//! Where Redis recurses at each `*`, this returns to the last `*` only: a later start of an earlier `*` can
//! offer the rest of the pattern nothing that the last one cannot. So a match costs at most pattern times text, and
//! `*a*a*a*b` is harmless. Redis gives up at more than 1,000 runs of stars, and so that both answer alike this does.

/// Whether letters match their other case (ASCII only, as in the C locale).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Bytes match themselves only: keys, channels, ACL.
    Sensitive,
    /// `a` matches `A`: names of configuration parameters and commands.
    Insensitive,
}

impl Case {
    fn fold(self, byte: u8) -> u8 {
        match self {
            Case::Sensitive => byte,
            Case::Insensitive => byte.to_ascii_lowercase(),
        }
    }

    fn same(self, a: u8, b: u8) -> bool {
        self.fold(a) == self.fold(b)
    }
}

/// Runs of stars that a match may come to.
const MAX_STARS: usize = 1000;

/// Whether the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut p, mut t) = (0, 0);
    // Behind the last star, and the text position from which the rest was last tried.
    let mut star: Option<(usize, usize)> = None;
    let mut stars = 0;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            p += pattern[p..].iter().take_while(|&&byte| byte == b'*').count();
            stars += 1;
            if stars > MAX_STARS {
                return false;
            }
            if p == pattern.len() {
                return true;
            }
            star = Some((p, t));
        } else if let Some(next) = one(&pattern[p..], text[t], case) {
            p += next;
            t += 1;
        } else if let Some((rest, from)) = star {
            star = Some((rest, from + 1));
            (p, t) = (rest, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte against the element at the front of `pattern` (anything but a star): how long the element
/// is, or nothing when it does not match or there is none.
fn one(pattern: &[u8], byte: u8, case: Case) -> Option<usize> {
    let (hit, len) = match *pattern {
        [] => (false, 0),
        [b'?', ..] => (true, 1),
        [b'[', ref class @ ..] => {
            let (hit, len) = class_matches(class, byte, case);
            (hit, 1 + len)
        }
        [b'\\', literal, ..] => (case.same(literal, byte), 2),
        [literal, ..] => (case.same(literal, byte), 1),
    };
    hit.then_some(len)
}

/// Matches one byte against a class, given from behind its `[`; also tells how long the class is.
fn class_matches(class: &[u8], byte: u8, case: Case) -> (bool, usize) {
    let negated = class.first() == Some(&b'^');
    let mut at = usize::from(negated);
    let mut hit = false;
    loop {
        match class[at..] {
            [] => break,
            [b'\\', literal, ..] => {
                hit |= literal == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [low, b'-', high, ..] => {
                hit |= in_range(low, high, byte, case);
                at += 3;
            }
            [literal, ..] => {
                hit |= case.same(literal, byte);
                at += 1;
            }
        }
    }
    (hit != negated, at)
}

/// Whether `byte` lies in the range, whose ends are put in order before their case is folded.
fn in_range(a: u8, b: u8, byte: u8, case: Case) -> bool {
    let (low, high) = if a as i8 > b as i8 { (b, a) } else { (a, b) };
    let [low, high, byte] = [low, high, byte].map(|byte| case.fold(byte) as i8);
    low <= byte && byte <= high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_stars_match_nothing() {
        let text = [b'a'; 3000];
        assert!(matches(&b"*?".repeat(1000), &text, Case::Sensitive));
        assert!(!matches(&b"*?".repeat(1001), &text, Case::Sensitive));
        assert!(matches(&[b'*'; 2000], &text, Case::Sensitive), "a run of stars is one");
    }
    use proptest::prelude::*;

    fn sensitive(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive)
    }

    fn insensitive(pattern: &str, text: &str) -> bool {
        matches(pattern.as_bytes(), text.as_bytes(), Case::Insensitive)
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text) in [
            ("*", "a"),
            ("h?llo", "hello"),
            ("h*llo", "heeeello"),
            ("h*llo", "hllo"),
            ("**a**", "bab"),
            ("a*", "a"),
            ("a**", "a"),
            ("*a*b", "xxaxxab"),
            ("*?", "ab"),
            ("", ""),
        ] {
            assert!(sensitive(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("h?llo", "hllo"), ("a*b", "abc"), ("?", ""), ("", "a"), ("a", "ab"), ("ab", "a")]
        {
            assert!(!sensitive(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn empty_text_matches_the_empty_pattern_alone() {
        assert!(!sensitive("*", ""));
        assert!(!sensitive("**", ""));
    }

    #[test]
    fn classes() {
        for (pattern, text) in [
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            ("[\\]]", "]"),
            ("[\\-z]", "-"),
            ("[a-]", "]"),
            ("[a-]", "^"),
            ("[abc", "c"),
            ("[^", "x"),
            ("[^]", "x"),
            ("[a\\", "\\"),
            ("[a-", "-"),
            ("]", "]"),
        ] {
            assert!(sensitive(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("[", "["), ("[]", "]"), ("[]a]", "a]"), ("h[^e]llo", "hello"), ("[!a]", "b"), ("[^", "xy")]
        {
            assert!(!sensitive(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn ranges_compare_signed_bytes() {
        assert!(matches(b"[a-\xff]", b"\x00", Case::Sensitive));
        assert!(!matches(b"[a-\xff]", b"\x80", Case::Sensitive));
        assert!(matches(b"[\x80-\xff]", b"\xc0", Case::Sensitive));
    }

    #[test]
    fn escapes() {
        assert!(sensitive("\\*", "*"));
        assert!(!sensitive("\\*", "a"));
        assert!(sensitive("a\\", "a\\"));
        assert!(sensitive("\\a", "a"));
    }

    #[test]
    fn case_folds_except_escaped_in_a_class() {
        assert!(insensitive("HeLLo*", "hEllO there"));
        assert!(insensitive("[A-C]", "b"));
        assert!(insensitive("\\A", "a"));
        assert!(!insensitive("[\\A]", "a"));
        // Ordered first, folded then: Z-a becomes z-a, which is empty.
        assert!(!insensitive("[Z-a]", "b"));
    }

    #[test]
    fn abusive_patterns_are_quick() {
        let pattern = "*a".repeat(512) + "b";
        let text = "a".repeat(64 * 1024);
        assert!(!sensitive(&pattern, &text));
        assert!(sensitive(&("*a".repeat(512) + "*"), &text));
    }

    /// The definition by recursion, exponential as Redis's once was.
    fn recursive(pattern: &[u8], text: &[u8], case: Case) -> bool {
        match (pattern, text) {
            ([], _) => text.is_empty(),
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| recursive(rest, &text[skip..], case)),
            (_, []) => false,
            (_, [byte, after @ ..]) => {
                let (hit, len) = element(pattern, *byte, case);
                hit && recursive(&pattern[len..], after, case)
            }
        }
    }

    /// One element, by looking up what set of bytes it stands for.
    fn element(pattern: &[u8], byte: u8, case: Case) -> (bool, usize) {
        let set_of = |byte: u8| {
            if case == Case::Sensitive {
                vec![byte]
            } else {
                vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]
            }
        };
        match pattern[0] {
            b'?' => (true, 1),
            b'\\' if pattern.len() > 1 => (set_of(pattern[1]).contains(&byte), 2),
            b'[' => {
                let mut at = 1;
                let negated = pattern.get(at) == Some(&b'^');
                at += usize::from(negated);
                let mut set = Vec::new();
                while at < pattern.len() && pattern[at] != b']' {
                    let left = pattern.len() - at;
                    if pattern[at] == b'\\' && left >= 2 {
                        set.push(pattern[at + 1]);
                        at += 2;
                    } else if left >= 3 && pattern[at + 1] == b'-' {
                        let (a, b) = (pattern[at] as i8, pattern[at + 2] as i8);
                        let lower = |x: i8| {
                            if case == Case::Sensitive { x } else { (x as u8).to_ascii_lowercase() as i8 }
                        };
                        let range = lower(a.min(b))..=lower(a.max(b));
                        set.extend((0..=255u8).filter(|&x| range.contains(&lower(x as i8))));
                        at += 3;
                    } else {
                        set.extend(set_of(pattern[at]));
                        at += 1;
                    }
                }
                (set.contains(&byte) != negated, (at + 1).min(pattern.len()))
            }
            literal => (set_of(literal).contains(&byte), 1),
        }
    }

    fn bytes_of(alphabet: &'static [u8], len: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(alphabet), 0..len)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn agrees_with_the_recursive_definition(
            pattern in bytes_of(b"**??[[]]^-\\\\abABz\x80\xff", 12),
            text in bytes_of(b"abABz]^-\\[*\x80\xff", 8),
            sensitive: bool,
        ) {
            let case = if sensitive { Case::Sensitive } else { Case::Insensitive };
            let expected = if text.is_empty() { pattern.is_empty() } else { recursive(&pattern, &text, case) };
            prop_assert_eq!(matches(&pattern, &text, case), expected);
        }
    }
}
