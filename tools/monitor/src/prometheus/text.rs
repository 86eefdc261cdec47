//! The Prometheus text format, version 0.0.4: families with a type, samples with labels.

use super::Kind;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The content type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Families by name; samples in the order in which they were added.
#[derive(Debug, Default)]
pub struct Exposition {
    families: BTreeMap<String, Family>,
    common: Vec<(&'static str, String)>,
}

#[derive(Debug)]
struct Family {
    kind: Kind,
    help: String,
    samples: String,
}

impl Exposition {
    /// An empty exposition.
    pub fn new() -> Self {
        Self::default()
    }

    /// Labels that every sample from now on carries first: which target it is of, if there are several.
    pub fn set_common(&mut self, labels: Vec<(&'static str, String)>) {
        self.common = labels;
    }

    /// A gauge's sample; `name` is without `redis_`.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.add(Kind::Gauge, name, help, "", labels, value);
    }

    /// A counter's sample.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        self.add(Kind::Counter, name, help, "", labels, value);
    }

    /// A sample of the family `redis_NAME`, written as `redis_NAME` + `suffix`. The first sample decides type and help.
    pub fn add(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        value: f64,
    ) {
        let family = match self.families.get_mut(name) {
            Some(family) => family,
            None => {
                let family = Family { kind, help: help.to_owned(), samples: String::new() };
                self.families.entry(name.to_owned()).or_insert(family)
            }
        };
        let common = self.common.iter().map(|(label, value)| (*label, value.as_str()));
        write_sample(&mut family.samples, name, suffix, common.chain(labels.iter().copied()), value);
    }

    /// The text of all families in the order of their names.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(self.families.len() * 160);
        for (name, family) in &self.families {
            let (help, kind) = (escape(&family.help, false), family.kind.word());
            // Writing into a String cannot fail.
            let _ =
                write!(text, "# HELP redis_{name} {help}\n# TYPE redis_{name} {kind}\n{}", family.samples);
        }
        text
    }
}

fn write_sample<'a>(
    text: &mut String,
    name: &str,
    suffix: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    value: f64,
) {
    let _ = write!(text, "redis_{name}{suffix}");
    let mut open = '{';
    for (label, value) in labels {
        let _ = write!(text, "{open}{label}=\"{}\"", escape(value, true));
        open = ',';
    }
    let close = if open == ',' { "}" } else { "" };
    let _ = writeln!(text, "{close} {value}");
}

/// Backslash and line feed, and in labels the quote; other control characters would be no harm to a reader but are to terminals.
fn escape(text: &str, quotes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quotes => escaped.push_str("\\\""),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_grouped_and_sorted() {
        let mut text = Exposition::new();
        text.gauge("b", "B", &[("k", "a\"\\\n\u{1b}")], 1.5);
        text.counter("a_total", "A", &[], 1e6);
        text.set_common(vec![("instance", "x".into())]);
        text.gauge("b", "ignored", &[("k", "2")], -0.25);
        let expected = concat!(
            "# HELP redis_a_total A\n# TYPE redis_a_total counter\nredis_a_total 1000000\n",
            "# HELP redis_b B\n# TYPE redis_b gauge\nredis_b{k=\"a\\\"\\\\\\n\u{fffd}\"} 1.5\n",
            "redis_b{instance=\"x\",k=\"2\"} -0.25\n",
        );
        assert_eq!(text.render(), expected);
    }
}
