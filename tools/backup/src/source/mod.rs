//! Where a snapshot comes from: a running server, in either of two ways, or a file.

pub mod address;
mod bgsave;
pub mod link;
pub mod sync;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use endpoint::Address;
use link::Link;

use crate::error::{Error, Result};
use crate::manifest::Method;

/// How to take a snapshot of a running server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// As a replica where the server lets us; else by BGSAVE if it is on this machine
    #[default]
    Auto,
    /// As a replica: SYNC
    Sync,
    /// BGSAVE, and read the file that it writes on this machine
    Bgsave,
}

/// A snapshot that is ready to be read.
pub struct Source {
    /// Its bytes, no more and no less.
    pub bytes: Box<dyn Read>,
    /// How many, if that is known.
    pub size: Option<u64>,
    /// How it is taken.
    pub method: Method,
    /// Why in this way, where there was a choice; or where from.
    pub remark: Option<String>,
    /// The server's name and version.
    pub server: Option<String>,
}

impl Source {
    /// A snapshot of a running server.
    ///
    /// # Errors
    /// Those of the server, and of its file.
    pub fn server(address: &Address, way: Way, patience: Duration) -> Result<Self> {
        let mut link = Link::open(address, patience)?;
        let server = sync::server_version(&mut link)?;
        let refusal = match way {
            Way::Bgsave => None,
            Way::Auto | Way::Sync => match sync::begin(link)? {
                Ok(snapshot) => {
                    let (size, method) = (snapshot.size(), Method::Sync);
                    return Ok(Self { bytes: Box::new(snapshot), size, method, remark: None, server });
                }
                Err(refusal) => Some(refusal),
            },
        };
        // A connection that has asked for a snapshot is of no other use.
        let mut link = Link::open(address, patience)?;
        match refusal {
            Some(text) if way == Way::Sync => return Err(link.refused("SYNC", &text)),
            Some(text) if !link.is_local() => {
                return Err(link.error(format!(
                    "it sends no snapshots (SYNC: {text}), and is not on this machine, where its file could be read"
                )));
            }
            _ => {}
        }
        let (file, path) = bgsave::take(&mut link)?;
        let size = file.metadata().ok().map(|metadata| metadata.len());
        let because =
            refusal.map_or(String::new(), |text| format!(", as it sends no snapshots (SYNC: {text})"));
        let remark = Some(format!("{}{because}", path.display()));
        Ok(Self { bytes: Box::new(file), size, method: Method::Bgsave, remark, server })
    }

    /// A snapshot in a file.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn file(path: &Path) -> Result<Self> {
        let failed = || Error::file(path.display());
        let file = File::open(path).map_err(failed())?;
        let metadata = file.metadata().map_err(failed())?;
        if metadata.is_dir() {
            return Err(Error::Address(format!("{} is a folder, not a snapshot's file", path.display())));
        }
        let size = metadata.is_file().then_some(metadata.len());
        Ok(Self { bytes: Box::new(file), size, method: Method::File, remark: None, server: None })
    }
}
