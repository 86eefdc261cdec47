//! What a user calls the place of backups: a folder, a file in it, or `s3://bucket/prefix`.

use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::manifest::is_name;

/// How a single backup is named instead of its place, longest first: the endings of its file.
const ENDINGS: [&str; 4] = [".rdb.zst.age", ".rdb.zst", ".rdb.age", ".rdb"];

/// Where objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of S3.
    Bucket {
        /// Its name.
        bucket: String,
        /// The start of the objects' names, without slashes around it; may be empty.
        prefix: String,
    },
}

/// A location, and the one backup in it that is meant, if the user named its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub location: Location,
    /// The backup's name.
    pub name: Option<String>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(folder) => folder.display().fmt(f),
            Location::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Location::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

impl Place {
    /// Reads what the user wrote.
    ///
    /// # Errors
    /// [`Error::Address`]: another scheme, no bucket, or a file's name that no backup has.
    pub fn parse(text: &str) -> Result<Self> {
        let (folder, name) = split_file(text)?;
        let location = match text.split_once("://") {
            None if folder.is_empty() && name.is_none() => {
                return Err(Error::Address("an empty path".into()));
            }
            None if folder.is_empty() => Location::Folder(".".into()),
            None => Location::Folder(Path::new(folder).to_owned()),
            Some(("s3" | "s3a", _)) => bucket(folder)?,
            Some((scheme, _)) => {
                let scheme = scheme.escape_default();
                return Err(Error::Address(format!(
                    "backups are kept in a folder or in s3://bucket/prefix, not in {scheme}://"
                )));
            }
        };
        Ok(Self { location, name })
    }
}

/// Splits the name of a backup off, if there is one.
fn split_file(text: &str) -> Result<(&str, Option<String>)> {
    let (folder, last) = match text.rfind('/') {
        Some(slash) => (&text[..=slash], &text[slash + 1..]),
        None => ("", text),
    };
    let Some(name) = ENDINGS.iter().find_map(|ending| last.strip_suffix(ending)) else {
        return Ok((text, None));
    };
    match is_name(name) {
        true => Ok((folder, Some(name.to_owned()))),
        false => Err(Error::Address("a backup's name has letters, digits, '.', '_' and '-'".into())),
    }
}

fn bucket(url: &str) -> Result<Location> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket = |name: &str| {
        (3..=63).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c))
    };
    if !is_bucket(bucket) {
        return Err(Error::Address("s3:// is followed by a bucket's name".into()));
    }
    Ok(Location::Bucket { bucket: bucket.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
}

/// What an error of the store comes down to, in one line: a service's code and message instead of its XML.
pub fn reason(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    match (element(&text, "Code"), element(&text, "Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        // HEAD has no body that would say more.
        (None, _) if is_denial(error) => "access is denied: is the access key the right one? (403)".into(),
        _ => text.lines().map(str::trim).collect::<Vec<_>>().join(" "),
    }
}

fn is_denial(error: &object_store::Error) -> bool {
    use object_store::Error as E;
    matches!(error, E::PermissionDenied { .. } | E::Unauthenticated { .. })
        && error.to_string().contains("403")
}

/// The content of an XML element that has no others in it.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> (String, Option<String>) {
        let place = Place::parse(text).expect(text);
        (place.location.to_string(), place.name)
    }

    #[test]
    fn places() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(place("/var/backups"), ("/var/backups".into(), None));
        assert_eq!(place("backups/main.rdb.zst"), ("backups/".into(), named("main")));
        assert_eq!(place("main.rdb"), (".".into(), named("main")));
        assert_eq!(place("/main.rdb.age"), ("/".into(), named("main")));
        assert_eq!(place("s3://bucket"), ("s3://bucket".into(), None));
        assert_eq!(place("s3://bucket/a/b/"), ("s3://bucket/a/b".into(), None));
        assert_eq!(place("s3://bucket/a/x.rdb.zst.age"), ("s3://bucket/a".into(), named("x")));
        for text in ["", "s3://", "s3:///a", "gs://bucket/a", "redis://h", "a/ü.rdb", ".rdb"] {
            assert!(matches!(Place::parse(text), Err(Error::Address(_))), "{text}");
        }
    }

    #[test]
    fn a_service_is_quoted_by_its_code() {
        let xml = "<?xml?><Error><Code>NoSuchBucket</Code><Message>It is gone</Message></Error>";
        let error = object_store::Error::Generic { store: "S3", source: xml.into() };
        assert_eq!(reason(&error), "NoSuchBucket: It is gone");
        let error = object_store::Error::Generic { store: "S3", source: "no\n  route".into() };
        assert_eq!(reason(&error), "Generic S3 error: no route");
    }
}
