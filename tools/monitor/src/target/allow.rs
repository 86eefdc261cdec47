//! Which servers a visitor of the HTTP side may have asked.
//!
//! `?url=` and `?target=` make the monitor connect where a stranger says, with the monitor's place in the network. So
//! targets that come with a request must match a pattern (`--allow-target`), unless the operator named them.

use super::{Endpoint, Target};

/// The rule for targets that come with a request.
#[derive(Debug, Clone, Default)]
pub struct Allow {
    patterns: Vec<String>,
    named: Vec<Endpoint>,
    everything: bool,
}

impl Allow {
    /// Patterns are globs (`*`, `?`) over `host:port` or a socket's path, `10.0.*:6379` for one. `named` targets are
    /// always allowed. Without patterns a monitor that listens on loopback alone allows everything (its visitors could
    /// connect themselves), any other one only the named.
    pub fn new(patterns: Vec<String>, named: &[Target], loopback: bool) -> Self {
        let everything = patterns.is_empty() && loopback;
        Allow { patterns, named: named.iter().map(|target| target.endpoint.clone()).collect(), everything }
    }

    /// Whether the operator named `target`: then its cluster, replicas and Sentinels may be asked too.
    pub fn names(&self, target: &Target) -> bool {
        self.named.contains(&target.endpoint)
    }

    /// Whether `target` may be asked.
    pub fn permits(&self, target: &Target) -> bool {
        let place = target.endpoint.place();
        self.everything
            || self.names(target)
            || self.patterns.iter().any(|pattern| glob(pattern.as_bytes(), place.as_bytes()))
    }
}

/// `*` stands for any bytes, `?` for one. Iterative: the last star is the only place to come back to.
pub fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("10.0.*:6379", "10.0.3.4:6379", true),
            ("10.0.*:6379", "10.0.3.4:6380", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*ab*b", "aabab", true),
            ("", "x", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_public_monitor_asks_only_what_the_operator_named() {
        let named = Target::parse("redis://:pw@db.example").unwrap();
        let other = Target::parse("redis://169.254.169.254:80").unwrap();
        let public = Allow::new(vec![], std::slice::from_ref(&named), false);
        assert!(public.permits(&Target::parse("redis://db.example:6379").unwrap()));
        assert!(!public.permits(&other));
        assert!(Allow::new(vec![], &[], true).permits(&other));
        assert!(!Allow::new(vec!["db*".into()], &[], true).permits(&other));
    }
}
