//! Query strings in which a name may occur many times.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use std::convert::Infallible;

/// The decoded pairs in their order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `url=a&url=b&pretty=True`.
    pub fn parse(text: &str) -> Self {
        Query(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// The first value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let name = name.to_owned();
        self.0.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on: present, and neither empty nor a word for no.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| {
            !matches!(value.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off")
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Query::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_and_switches() {
        let query =
            Query::parse("pretty=True&url=redis://:123@h&url=redis%3A%2F%2F%3Ap%2540w%40b&flat=false&on");
        assert_eq!(query.all("url").collect::<Vec<_>>(), ["redis://:123@h", "redis://:p%40w@b"]);
        assert!(query.is_on("pretty") && !query.is_on("flat") && !query.is_on("on") && !query.is_on("none"));
    }
}
