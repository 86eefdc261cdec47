//! What a place holds: the backups by their manifests, and reading one back.

use std::io::Read;

use formats::rdb::file::Item;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::inspect::{Depth, Inspector};
use crate::keys::{OpenOptions, Opening};
use crate::manifest::{self, Contents, Manifest};
use crate::output::Output;
use crate::seal::Opener;
use crate::store::Store;

/// Bytes that are read at once.
pub const CHUNK: usize = 256 << 10;

/// The name that stands for the newest.
pub const LATEST: &str = "latest";

/// A backup in a place.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Whether its file is there, in full length.
    pub whole: bool,
    /// What is known of it.
    #[serde(flatten)]
    pub manifest: Manifest,
}

/// What a place holds.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Backups, the oldest first.
    pub backups: Vec<Listed>,
    /// Objects that are named like manifests and are none, and why.
    pub strange: Vec<(String, String)>,
}

/// The backups of a place: of one series, or all.
///
/// # Errors
/// [`Error::Store`].
pub fn catalogue(store: &Store, label: Option<&str>) -> Result<Catalogue> {
    let objects = store.list()?;
    let is_manifest = |name: &str| name.ends_with(manifest::SUFFIX);
    let (small, large): (Vec<_>, Vec<_>) = objects
        .iter()
        .filter(|object| is_manifest(&object.name))
        .partition(|object| object.size <= manifest::LARGEST);
    let mut found = Catalogue::default();
    for object in large {
        found.strange.push((object.name.clone(), "too large for a manifest".into()));
    }
    let names = small.iter().map(|object| object.name.clone()).collect();
    for (object, bytes) in store.read_all(names)? {
        let name = object.strip_suffix(manifest::SUFFIX).unwrap_or(&object);
        match Manifest::read(name, &bytes) {
            Ok(manifest) if label.is_some_and(|label| label != manifest.label) => {}
            Ok(manifest) => {
                let file = objects.iter().find(|object| object.name == manifest.file);
                let whole = file.is_some_and(|file| file.size == manifest.bytes);
                found.backups.push(Listed { whole, manifest });
            }
            Err(why) => found.strange.push((object, why)),
        }
    }
    found
        .backups
        .sort_by(|a, b| (a.manifest.time, &a.manifest.name).cmp(&(b.manifest.time, &b.manifest.name)));
    Ok(found)
}

/// The backup of this name; the newest whole one for `latest`.
///
/// # Errors
/// [`Error::Missing`], [`Error::Store`].
pub fn find(store: &Store, name: &str, label: Option<&str>) -> Result<Manifest> {
    if name == LATEST {
        let newest = catalogue(store, label)?.backups.into_iter().rfind(|listed| listed.whole);
        let missing = || Error::Missing(format!("no backups in {}", store.show("")));
        return newest.map(|listed| listed.manifest).ok_or_else(missing);
    }
    if !manifest::is_name(name) {
        return Err(Error::Usage("a backup's name has letters, digits, '.', '_' and '-'".into()));
    }
    let object = format!("{name}{}", manifest::SUFFIX);
    let missing = || Error::Missing(format!("no backup named {name} in {}", store.show("")));
    if !store.has(&object)? {
        return Err(missing());
    }
    let read = store.read_all(vec![object])?;
    let (object, bytes) = read.first().ok_or_else(missing)?;
    Manifest::read(name, bytes).map_err(|why| Error::Damaged(format!("{}: {why}", store.show(object))))
}

/// Shown what is read back.
pub trait Visit {
    /// The next bytes of the snapshot.
    ///
    /// # Errors
    /// Any ends the reading.
    fn bytes(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    /// The next thing in the snapshot.
    ///
    /// # Errors
    /// Any ends the reading.
    fn item(&mut self, _item: &Item<'_>) -> Result<()> {
        Ok(())
    }
}

/// For who only wants to know that it is sound.
impl Visit for () {}

/// What opens a backup, if it is encrypted.
///
/// # Errors
/// [`Error::Key`].
pub fn opening(manifest: &Manifest, options: &OpenOptions) -> Result<Option<Opening>> {
    manifest.encryption.as_ref().map(|encryption| options.opening(encryption)).transpose()
}

/// Reads a backup back, in full, and compares it with its manifest.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Key`], [`Error::Store`], and those of the visitor.
pub fn read_back(
    store: &Store,
    manifest: &Manifest,
    opening: Option<&Opening>,
    out: &mut Output,
    visitor: &mut dyn Visit,
) -> Result<Contents> {
    read_and_compare(store, manifest, opening, out, visitor).map_err(|error| named(store, manifest, error))
}

/// Which backup is damaged.
fn named(store: &Store, manifest: &Manifest, error: Error) -> Error {
    match error {
        Error::Damaged(what) => Error::Damaged(format!("{}: {what}", store.show(&manifest.file))),
        other => other,
    }
}

fn read_and_compare(
    store: &Store,
    manifest: &Manifest,
    opening: Option<&Opening>,
    out: &mut Output,
    visitor: &mut dyn Visit,
) -> Result<Contents> {
    let stored = download(store, manifest)?;
    out.begin("reading", Some(manifest.bytes));
    let mut opener = Opener::new(stored, Some((manifest.compression, opening)))?;
    let mut inspector = Inspector::new(Depth::Values);
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = opener.read(&mut chunk).map_err(Error::from_chain)?;
        if count == 0 {
            break;
        }
        visitor.bytes(&chunk[..count])?;
        inspector.feed_with(&chunk[..count], &mut |item| visitor.item(item))?;
        out.reached(opener.taken());
    }
    let contents = inspector.finish()?;
    compare_sums(manifest, &opener.finish()?.sha256())?;
    out.end();
    match contents == manifest.contents {
        true => Ok(contents),
        false => Err(Error::Damaged("it does not hold what its manifest says".into())),
    }
}

/// Compares a backup's checksum, without looking inside.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Store`].
pub fn compare_checksum(store: &Store, manifest: &Manifest, out: &mut Output) -> Result<()> {
    let compare = |out: &mut Output| {
        let stored = download(store, manifest)?;
        out.begin("reading", Some(manifest.bytes));
        let tally = Opener::new(stored, None)?.finish()?;
        out.end();
        compare_sums(manifest, &tally.sha256())
    };
    compare(out).map_err(|error| named(store, manifest, error))
}

fn download<'a>(store: &'a Store, manifest: &Manifest) -> Result<crate::store::Download<'a>> {
    let stored = store.download(&manifest.file)?;
    match stored.size() == manifest.bytes {
        true => Ok(stored),
        false => {
            let (is, was) = (stored.size(), manifest.bytes);
            Err(Error::Damaged(format!("it has {is} bytes, and had {was} when it was taken")))
        }
    }
}

fn compare_sums(manifest: &Manifest, sum: &str) -> Result<()> {
    match sum == manifest.sha256 {
        true => Ok(()),
        false => Err(Error::Damaged("its SHA-256 is another than when it was taken".into())),
    }
}
