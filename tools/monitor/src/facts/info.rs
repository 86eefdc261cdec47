//! INFO, parsed: sections, fields in their order, and the flattened JSON form of document 000.
//!
//! Source: the text of genuine servers from 2.4 to 7.4 and of Valkey. A line is `name:value`; a section begins with
//! `# Name`. Values are kept as text: what a field means is the business of the table that reads it.

use serde_json::{Map, Value};

/// Sections that plain `INFO` leaves out but `INFO ALL` brings.
const EXTRA_SECTIONS: [&str; 2] = ["Commandstats", "Latencystats"];

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its section's name as the server writes it, `Memory` for one; an index into the sections.
    section: usize,
    /// `used_memory`
    pub name: String,
    /// `853752`
    pub value: String,
}

/// A parsed INFO reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    sections: Vec<String>,
    fields: Vec<Field>,
}

impl Info {
    /// Reads the text of an INFO reply. Lines that are neither a section nor a field are skipped: a server that lies
    /// makes an empty `Info`, not an error.
    pub fn parse(text: &str) -> Self {
        let mut info = Info { sections: vec![String::new()], fields: Vec::new() };
        for line in text.lines() {
            if let Some(section) = line.strip_prefix('#') {
                info.sections.push(section.trim().to_owned());
            } else if let Some((name, value)) = line.split_once(':') {
                let section = info.sections.len() - 1;
                info.fields.push(Field { section, name: name.into(), value: value.into() });
            }
        }
        info
    }

    /// All fields in the server's order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The name of the section that `field` stands in, empty before the first.
    pub fn section(&self, field: &Field) -> &str {
        self.sections.get(field.section).map_or("", String::as_str)
    }

    /// A field's text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
    }

    /// A field's text, empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A field as a finite number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// The databases: number and `keys=..,expires=..` parts.
    pub fn databases(&self) -> impl Iterator<Item = (&str, Parts<'_>)> {
        self.fields.iter().filter_map(|field| {
            let number = field.name.strip_prefix("db")?;
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            (is_number && field.value.contains("keys=")).then(|| (number, Parts::of(&field.value)))
        })
    }

    /// The sum of `keys=` over all databases.
    pub fn keys(&self) -> f64 {
        self.databases().filter_map(|(_, parts)| parts.number("keys")).fold(0.0, |sum, keys| sum + keys)
    }

    /// The replicas that a primary lists: `slave0:ip=..,port=..,state=..,offset=..,lag=..`.
    pub fn replicas(&self) -> impl Iterator<Item = Parts<'_>> {
        self.fields.iter().filter_map(|field| {
            let number = field.name.strip_prefix("slave")?;
            let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| Parts::of(&field.value))
        })
    }

    /// What plain `INFO` shows: without the sections that only `INFO ALL` has.
    pub fn is_default(&self, field: &Field) -> bool {
        !EXTRA_SECTIONS.contains(&self.section(field))
    }

    /// The flattened object of document 000: every field of plain `INFO`, values typed by [`typed`]. A name that
    /// occurs twice keeps its first place and its last value.
    pub fn flattened(&self) -> Value {
        let shown = self.fields.iter().filter(|field| self.is_default(field));
        Value::Object(shown.map(|field| (field.name.clone(), typed(&field.value))).collect())
    }
}

/// The `name=value` parts of a field such as `slave0` or `db0`.
#[derive(Debug, Clone)]
pub struct Parts<'a>(&'a str);

impl<'a> Parts<'a> {
    /// The parts of a value.
    pub fn of(value: &'a str) -> Self {
        Parts(value)
    }

    /// One part's text.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .split(',')
            .find_map(|part| part.split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    }

    /// One part as a finite number.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// The rule of document 000: a value with both `,` and `=` is an object of such values; else with `.` a float if it
/// parses; else an integer if it parses; else a string. So `00000000` is 0 and `833.74K` a string.
pub fn typed(value: &str) -> Value {
    if value.contains(',') && value.contains('=') {
        let parts = value.split(',').filter_map(|part| part.rsplit_once('='));
        return Value::Object(
            parts.map(|(name, part)| (name.to_owned(), scalar(part))).collect::<Map<_, _>>(),
        );
    }
    scalar(value)
}

fn scalar(value: &str) -> Value {
    let number = if value.contains('.') {
        value.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::from)
    } else {
        value.parse::<i64>().map(Value::from).or_else(|_| value.parse::<u64>().map(Value::from)).ok()
    };
    number.unwrap_or_else(|| Value::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_as_document_000() {
        assert_eq!(typed("00000000"), json!(0));
        assert_eq!(typed("-1"), json!(-1));
        assert_eq!(typed("0.00"), json!(0.0));
        assert_eq!(typed("833.74K"), json!("833.74K"));
        assert_eq!(typed("9f27eb593282148b"), json!("9f27eb593282148b"));
        assert_eq!(typed("nan"), json!("nan"));
        assert_eq!(typed("1.0e999"), json!("1.0e999"));
        assert_eq!(typed("18446744073709551615"), json!(u64::MAX));
        assert_eq!(typed("ip=10.0.0.1,port=6379,lag=1"), json!({"ip": "10.0.0.1", "port": 6379, "lag": 1}));
        assert_eq!(typed("count=1"), json!("count=1"));
        assert_eq!(typed("a,b"), json!("a,b"));
    }

    #[test]
    fn sections_fields_and_repeats() {
        let info = Info::parse(
            "# Server\r\nexecutable:/a:b\r\nx:1\r\n\r\n# Commandstats\r\ncmdstat_get:calls=1,usec=2\r\n# K\nx:2\njunk\n",
        );
        assert_eq!(info.get("executable"), Some("/a:b"));
        assert_eq!(info.flattened(), json!({"executable": "/a:b", "x": 2}));
        assert_eq!(info.flattened().as_object().unwrap().keys().next().unwrap(), "executable");
        assert_eq!(info.section(&info.fields()[0]), "Server");
    }

    #[test]
    fn lies_are_no_numbers() {
        let info =
            Info::parse("used_memory:NaN\nuptime:inf\ndb0:keys=5,expires=x\ndbx:keys=7\nslave_priority:100");
        assert_eq!(info.number("used_memory"), None);
        assert_eq!(info.number("uptime"), None);
        assert_eq!(info.keys(), 5.0);
        assert_eq!(info.databases().next().unwrap().1.number("expires"), None);
        assert_eq!(info.replicas().count(), 0);
    }
}
