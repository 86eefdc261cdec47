//! A snapshot by way of the server's own file: BGSAVE, wait, read it. Only for a server on this machine.
//!
//! That the file in front of us is the server's is not taken on trust, as a forwarded port or a container makes other machines look
//! like this one: a save replaces the file by renaming, so it must have become another one since.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::link::{Link, Reply};
use super::sync::info_field;
use crate::error::{Error, Result};

/// Between two looks at the save.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a save that was asked for may take to begin, once nothing else is in its way.
const PATIENCE: Duration = Duration::from_secs(60);

/// Has the server save, and opens what it saved.
///
/// # Errors
/// Those of the server; a file that is not there, not readable, or not the one that was saved.
pub fn take(link: &mut Link) -> Result<(File, PathBuf)> {
    let path = Path::new(&setting(link, "dir")?).join(setting(link, "dbfilename")?);
    let before = identity(&path);
    save(link)?;
    // Whatever is renamed from now on, this stays the file that was saved.
    let file = File::open(&path).map_err(Error::file(format!("the server's file {}", path.display())))?;
    let metadata = file.metadata().map_err(Error::file(path.display()))?;
    if before == Some(identity_of(&metadata)) {
        let path = path.display();
        return Err(link.error(format!(
            "the server saved, but {path} is not the file that it wrote: is the server on another machine or in a container?"
        )));
    }
    Ok((file, path))
}

/// What changes when a file is replaced.
type Identity = (u64, u64, i64, i64);

fn identity(path: &Path) -> Option<Identity> {
    std::fs::metadata(path).ok().as_ref().map(identity_of)
}

fn identity_of(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
}

fn setting(link: &mut Link, name: &str) -> Result<String> {
    match link.call(&["CONFIG", "GET", name])? {
        Reply::Array(pair) if pair.len() == 2 => Ok(pair[1].clone()),
        Reply::Error(text) => Err(link.refused("CONFIG GET", &text)),
        _ => Err(link.error(format!("it has no setting '{name}'"))),
    }
}

/// What INFO says about saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// A save, or a rewrite of the append-only file that it waits for.
    busy: bool,
    ok: bool,
    /// How many were saved; 7.0 and later tell.
    saves: Option<u64>,
    /// When the last was saved, in Unix seconds.
    last: u64,
}

fn state(link: &mut Link) -> Result<State> {
    let info = link.expect("INFO", &["INFO", "persistence"])?;
    let number = |name| info_field(&info, name).and_then(|text| text.parse::<u64>().ok());
    let is_on = |name| number(name).is_some_and(|number| number > 0);
    Ok(State {
        busy: is_on("rdb_bgsave_in_progress") || is_on("aof_rewrite_in_progress"),
        ok: info_field(&info, "rdb_last_bgsave_status") == Some("ok"),
        saves: number("rdb_saves"),
        last: number("rdb_last_save_time").unwrap_or(0),
    })
}

/// Has the server save, and waits until it has. The save begins after the call: one that is under way is waited for first.
fn save(link: &mut Link) -> Result<()> {
    let (before, is_at_once) = loop {
        let before = state(link)?;
        match link.call(&["BGSAVE", "SCHEDULE"])? {
            Reply::Text(text) => break (before, text.contains("started")),
            Reply::Error(text) if text.contains("already in progress") => thread::sleep(PAUSE),
            Reply::Error(text) => return Err(link.refused("BGSAVE", &text)),
            _ => return Err(link.error("not an answer to BGSAVE")),
        }
    };
    let mut idle_since = Instant::now();
    loop {
        let now = state(link)?;
        let is_newer =
            now.saves.zip(before.saves).map_or(now.last > before.last, |(now, before)| now > before);
        match () {
            () if now.busy => idle_since = Instant::now(),
            () if !now.ok => return Err(link.error("BGSAVE failed; the server's log says why")),
            () if is_newer || (is_at_once && now.saves.is_none()) => return Ok(()),
            () if idle_since.elapsed() > PATIENCE => {
                return Err(link.error("BGSAVE was accepted, but does not begin"));
            }
            () => {}
        }
        thread::sleep(PAUSE);
    }
}
