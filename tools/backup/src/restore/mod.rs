//! `carnelian restore SOURCE [NAME|latest] TARGET`: a backup, or any RDB file, to where a server starts from or into one that runs.
//!
//! Nothing is changed before the whole backup has been read and found sound.

mod file;
mod payload;
mod server;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::args::Restore;
use crate::catalogue::{self, CHUNK, LATEST, Visit};
use crate::error::{Error, Result};
use crate::inspect::{Depth, Inspector};
use crate::keys::Opening;
use crate::manifest::{Contents, Manifest};
use crate::output::Output;
use crate::source::address::{is_meant, parse_meant};
use crate::store::{Location, Place, Store};

/// What is restored.
enum Backup {
    /// One with a manifest.
    Kept { store: Store, manifest: Box<Manifest>, opening: Option<Opening> },
    /// A file that any server wrote.
    Plain(PathBuf),
}

/// Restores.
///
/// # Errors
/// Every [`Error`].
pub fn run(options: &Restore, out: &mut Output) -> Result<()> {
    let (source, name, target) = match &options.places[..] {
        [source, target] => (source, None, target),
        [source, name, target] => (source, Some(name.as_str()), target),
        _ => return Err(Error::Usage("what is asked for is SOURCE [NAME|latest] TARGET".into())),
    };
    let to_server = parse_meant(target)?;
    if to_server.is_none() && (options.replace || options.no_functions || !options.db.is_empty()) {
        return Err(Error::Usage("--replace, --db and --no-functions are for a running server".into()));
    }
    if to_server.is_some() && options.force {
        return Err(Error::Usage("--force is for files; into a server, --replace replaces keys".into()));
    }
    let backup = Backup::find(source, name, options)?;
    match to_server {
        Some(address) => server::restore(&backup, &address, options, out),
        None => file::restore(&backup, Path::new(target), options.force, out),
    }
}

impl Backup {
    fn find(source: &str, name: Option<&str>, options: &Restore) -> Result<Self> {
        if is_meant(source) {
            return Err(Error::Usage(
                "a server is no backup: take one of it first, with carnelian backup".into(),
            ));
        }
        let place = Place::parse(source)?;
        let path = Path::new(source);
        let is_file = matches!(place.location, Location::Folder(_)) && path.is_file();
        let name = match (&place.name, name) {
            (Some(_), Some(_)) => return Err(Error::Usage("the backup is named twice".into())),
            (None, Some(_)) if is_file => {
                return Err(Error::Usage("a file holds one snapshot, without a name".into()));
            }
            (None, None) if is_file => return Ok(Backup::Plain(path.to_owned())),
            (Some(name), None) => name,
            (None, name) => name.unwrap_or(LATEST),
        };
        let store = Store::open(&place.location, &options.s3, false)?;
        let manifest = match catalogue::find(&store, name, options.label.as_deref()) {
            Err(Error::Missing(_)) if is_file => return Ok(Backup::Plain(path.to_owned())),
            found => Box::new(found?),
        };
        let opening = catalogue::opening(&manifest, &options.open)?;
        Ok(Backup::Kept { store, manifest, opening })
    }

    /// What it is called.
    fn name(&self) -> String {
        match self {
            Backup::Kept { manifest, .. } => manifest.name.clone(),
            Backup::Plain(path) => path.display().to_string(),
        }
    }

    /// Reads all of it, showing it to a visitor, and finds it sound at the end or not.
    fn read(&self, out: &mut Output, visitor: &mut dyn Visit) -> Result<Contents> {
        match self {
            Backup::Kept { store, manifest, opening } => {
                catalogue::read_back(store, manifest, opening.as_ref(), out, visitor)
            }
            Backup::Plain(path) => read_plain(path, out, visitor).map_err(|error| match error {
                Error::Damaged(what) => Error::Damaged(format!("{}: {what}", path.display())),
                other => other,
            }),
        }
    }
}

fn read_plain(path: &Path, out: &mut Output, visitor: &mut dyn Visit) -> Result<Contents> {
    let mut file = File::open(path).map_err(Error::file(path.display()))?;
    out.begin("reading", file.metadata().ok().map(|metadata| metadata.len()));
    let mut inspector = Inspector::new(Depth::Values);
    let mut chunk = vec![0; CHUNK];
    let mut done = 0;
    loop {
        let count = file.read(&mut chunk).map_err(Error::file(path.display()))?;
        if count == 0 {
            break;
        }
        visitor.bytes(&chunk[..count])?;
        inspector.feed_with(&chunk[..count], &mut |item| visitor.item(item))?;
        done += count as u64;
        out.reached(done);
    }
    out.end();
    inspector.finish()
}
