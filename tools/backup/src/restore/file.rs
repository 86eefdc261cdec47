//! To a file that a server will start from: verified while it is written under another name, then renamed.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use super::Backup;
use crate::catalogue::Visit;
use crate::error::{Error, Result};
use crate::manifest::Contents;
use crate::output::{Output, bytes};

/// The file that servers start from by default.
const FILE: &str = "dump.rdb";

/// The folder of append-only files by default.
const LOG_FOLDER: &str = "appendonlydir";

/// What was done, as JSON.
#[derive(Serialize)]
struct Report {
    ok: bool,
    backup: String,
    file: String,
    contents: Contents,
}

/// Restores to a file, or to `dump.rdb` in a folder.
///
/// # Errors
/// [`Error::InTheWay`] for a file that exists, or a server that runs in the folder, without `force`; those of the backup, and
/// of the file system.
pub fn restore(backup: &Backup, target: &Path, force: bool, out: &mut Output) -> Result<()> {
    let target = if target.is_dir() { target.join(FILE) } else { target.to_owned() };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    if !force {
        look_around(&target, &folder)?;
    }
    let mut written = Written(temporary(&folder, &target)?);
    let contents = backup.read(out, &mut written)?;
    let failed = |doing: &str| Error::file(format!("{doing} {}", target.display()));
    written.0.as_file().sync_all().map_err(failed("writing"))?;
    let renamed = match force {
        true => written.0.persist(&target),
        false => written.0.persist_noclobber(&target),
    };
    renamed.map_err(|error| failed("renaming to")(error.error))?;
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed("making lasting"))?;

    if folder.join(LOG_FOLDER).is_dir() {
        out.remark(format_args!(
            "{} has append-only files: a server with `appendonly yes` starts from them, not from {}",
            folder.display(),
            target.display()
        ));
    }
    let (name, keys, size) = (backup.name(), contents.keys, bytes(contents.bytes));
    out.line(format_args!("restored {name} to {}: {keys} keys, {size}", target.display()));
    out.report(&Report { ok: true, backup: name, file: target.display().to_string(), contents });
    Ok(())
}

/// Refuses to do harm.
fn look_around(target: &Path, folder: &Path) -> Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        return Err(Error::InTheWay(format!("{} exists; --force overwrites it", target.display())));
    }
    match server_in(folder) {
        None => Ok(()),
        Some((pid, name)) => Err(Error::InTheWay(format!(
            "{name} runs in {} (process {pid}) and would overwrite the file when it saves: stop it first, or --force",
            folder.display()
        ))),
    }
}

/// A server whose working folder this is, as far as this user may see; servers change to their `dir`.
fn server_in(folder: &Path) -> Option<(u32, String)> {
    let folder = folder.canonicalize().ok()?;
    let processes = fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path()))
    });
    let mut servers = processes.filter_map(|(pid, process)| {
        let is_there = fs::read_link(process.join("cwd")).ok()? == folder;
        let name = fs::read_to_string(process.join("comm")).ok()?.trim().to_owned();
        let is_server = ["redis", "valkey", "keydb", "carnelian"].iter().any(|start| name.starts_with(start));
        (is_there && is_server && pid != std::process::id()).then_some((pid, name))
    });
    servers.next()
}

/// A file that vanishes unless it is renamed, with the rights and the owner of what it is to replace, or as a server would have made
/// it in this folder.
fn temporary(folder: &Path, target: &Path) -> Result<NamedTempFile> {
    let old = fs::metadata(target).ok();
    let mode = old.as_ref().map_or(0o666, |old| old.mode() & 0o777);
    let file = tempfile::Builder::new()
        .prefix(".restore-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(Error::file(format!("writing in {}", folder.display())))?;
    if let Some(like) = old.or_else(|| fs::metadata(folder).ok()) {
        // Only root may give files away, and only root needs to: the server may run as somebody else.
        let _ = fchown(file.as_file(), Some(like.uid()), Some(like.gid()));
    }
    Ok(file)
}

struct Written(NamedTempFile);

impl Visit for Written {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let path = self.0.path().display().to_string();
        self.0.as_file_mut().write_all(bytes).map_err(Error::file(format!("writing {path}")))
    }
}
