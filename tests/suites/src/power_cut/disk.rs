//! What a disk may hold when the power fails, of files and names of which not all were forced to it.
//!
//! The fault model is that of POSIX, which promises less than most file systems keep:
//!
//! - What was in a file when a force to disk began is there once that has ended.
//! - Of what was written since, any sectors of 512 bytes are there, each as of any moment since; of the others a file that
//!   has grown has zeros. Its length is any that it had, or any between, whatever the sectors.
//! - Names that were made, changed or deleted in a directory since that was forced to disk last: the first so many of them
//!   are as they should be, the others are not. No other force, not that of the file itself, has a say in this.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::record::{Kind, Record};

/// Bytes that a disk writes as a whole.
const SECTOR: usize = 512;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    /// The file with this number.
    File(usize),
    Directory,
}

type Names = BTreeMap<PathBuf, Node>;

/// A file.
#[derive(Clone, Default)]
struct File {
    /// What is certainly there.
    durable: Vec<u8>,
    /// What was done since, in order.
    pending: Vec<Change>,
    /// How many changes are no longer among these.
    synced: usize,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    SetLength(usize),
}

/// A change of a name, which is there when this directory is forced to disk.
#[derive(Clone)]
struct NameChange {
    number: usize,
    directory: PathBuf,
    /// The name that is no more, and the one that is now.
    before: Option<PathBuf>,
    after: Option<(PathBuf, Node)>,
}

/// A directory on a disk.
#[derive(Clone, Default)]
pub struct Disk {
    files: Vec<File>,
    /// As whoever looks sees it.
    names: Names,
    /// What is certainly there.
    durable: Names,
    pending: Vec<NameChange>,
    /// By thread: what it is about to force to disk, and how many changes there were when it began.
    syncs: BTreeMap<u64, (Sync, usize)>,
    /// How many name changes there were.
    changes: usize,
    /// Nobody forces directories to disk.
    pub forgets_directories: bool,
}

#[derive(Clone)]
enum Sync {
    File(usize),
    Directory(PathBuf),
}

impl Change {
    /// Does it, to those sectors that `keeps` says; the length is not its own.
    fn apply(&self, content: &mut Vec<u8>, mut keeps: impl FnMut(usize) -> bool) {
        match self {
            Change::SetLength(length) => content.resize(*length, 0),
            Change::Write(offset, bytes) => {
                content.resize(content.len().max(offset + bytes.len()), 0);
                let mut at = *offset;
                while at < offset + bytes.len() {
                    let end = ((at / SECTOR + 1) * SECTOR).min(offset + bytes.len());
                    if keeps(at / SECTOR) {
                        content[at..end].copy_from_slice(&bytes[at - offset..end - offset]);
                    }
                    at = end;
                }
            }
        }
    }
}

impl File {
    fn current(&self) -> Vec<u8> {
        let mut content = self.durable.clone();
        self.pending.iter().for_each(|change| change.apply(&mut content, |_| true));
        content
    }

    /// How many changes there were.
    fn changes(&self) -> usize {
        self.synced + self.pending.len()
    }

    /// The first so many changes are on disk.
    fn sync(&mut self, changes: usize) {
        for change in self.pending.drain(..changes.saturating_sub(self.synced)) {
            change.apply(&mut self.durable, |_| true);
            self.synced += 1;
        }
    }

    /// What may be left.
    fn survives(&self, random: &mut Rng) -> Vec<u8> {
        let (all, mut content, mut versions) = (self.pending.len(), self.durable.clone(), BTreeMap::new());
        let losses = *random.choice(&[0.0, 0.02, 0.2, 0.5, 1.0]).unwrap_or(&0.0);
        let lengths = extreme_or_between(random, 0, all);
        let mut length = content.len();
        for (number, change) in self.pending.iter().enumerate() {
            let is_there = number < lengths;
            if let (Change::SetLength(_), false) = (change, is_there) {
                continue;
            }
            change.apply(&mut content, |sector| {
                let version = versions.entry(sector).or_insert_with(|| match random.f64() < losses {
                    true => extreme_or_between(random, 0, all),
                    false => all,
                });
                number < *version
            });
            if is_there {
                length = content.len();
            }
        }
        if length > self.durable.len() && random.u8(..4) == 0 {
            length = random.usize(self.durable.len()..=length);
        }
        content.resize(length, 0);
        content
    }
}

/// Both ends are what happens most.
fn extreme_or_between(random: &mut Rng, least: usize, most: usize) -> usize {
    match random.u8(..4) {
        0 => random.usize(least..=most),
        1 => least,
        _ => most,
    }
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        if let Some(before) = &self.before {
            names.remove(before);
        }
        if let Some((path, node)) = &self.after {
            names.insert(path.clone(), *node);
        }
    }
}

impl Disk {
    /// What is in a directory now, all of it on disk.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of(directory: &Path) -> io::Result<Disk> {
        let mut disk = Disk::default();
        disk.names.insert(directory.to_owned(), Node::Directory);
        for (path, content) in contents(directory)? {
            let node = match content {
                Some(durable) => {
                    disk.files.push(File { durable, ..File::default() });
                    Node::File(disk.files.len() - 1)
                }
                None => Node::Directory,
            };
            disk.names.insert(path, node);
        }
        disk.durable = disk.names.clone();
        Ok(disk)
    }

    /// Takes in what was done next.
    pub fn apply(&mut self, record: &Record<'_>, path: &Path, rest: &Path) {
        match record.kind {
            Kind::Create => {
                self.files.push(File::default());
                self.rename(None, Some((path, Node::File(self.files.len() - 1))));
            }
            Kind::MakeDirectory => self.rename(None, Some((path, Node::Directory))),
            Kind::Delete => self.rename(Some(path), None),
            Kind::Rename => {
                if let Some(node) = self.names.get(path).copied() {
                    self.rename(Some(path), Some((rest, node)));
                }
            }
            Kind::Write => {
                self.change(path, Change::Write(record.number as usize, record.rest.to_vec()));
            }
            Kind::SetLength => self.change(path, Change::SetLength(record.number as usize)),
            Kind::SyncBegins => self.begin_sync(record.number, path),
            Kind::SyncEnds => self.end_sync(record.number),
        }
    }

    fn rename(&mut self, before: Option<&Path>, after: Option<(&Path, Node)>) {
        let parent = after.map(|(path, _)| path).or(before).and_then(Path::parent);
        let change = NameChange {
            number: self.changes,
            directory: parent.unwrap_or(Path::new("/")).to_owned(),
            before: before.map(Path::to_owned),
            after: after.map(|(path, node)| (path.to_owned(), node)),
        };
        change.apply(&mut self.names);
        self.pending.push(change);
        self.changes += 1;
    }

    /// A file that is deleted has no name, and what becomes of it is all the same.
    fn change(&mut self, path: &Path, change: Change) {
        if let Some(Node::File(number)) = self.names.get(path) {
            self.files[*number].pending.push(change);
        }
    }

    fn begin_sync(&mut self, thread: u64, path: &Path) {
        let sync = match self.names.get(path) {
            Some(Node::File(number)) => (Sync::File(*number), self.files[*number].changes()),
            Some(Node::Directory) => (Sync::Directory(path.to_owned()), self.changes),
            None => return,
        };
        self.syncs.insert(thread, sync);
    }

    /// What was changed before it began is on disk.
    fn end_sync(&mut self, thread: u64) {
        match self.syncs.remove(&thread) {
            Some((Sync::File(number), changes)) => self.files[number].sync(changes),
            Some((Sync::Directory(directory), changes)) if !self.forgets_directories => {
                self.sync_directory(&directory, changes);
            }
            _ => {}
        }
    }

    fn sync_directory(&mut self, directory: &Path, changes: usize) {
        let is_synced = |change: &NameChange| change.directory == directory && change.number < changes;
        let (synced, mut pending): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending).into_iter().partition(is_synced);
        for change in synced {
            change.apply(&mut self.durable);
            // What has another name for certain does not come back by the one before.
            let is_undone = |other: &NameChange| {
                other.number < change.number
                    && change.before.is_some()
                    && other.after.as_ref().map(|(path, _)| path) == change.before.as_ref()
            };
            pending.retain(|other| !is_undone(other));
        }
        self.pending = pending;
    }

    /// What is in it now, in order: directories have no content.
    pub fn current(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let content = |node: &Node| match node {
            Node::File(number) => Some(self.files[*number].current()),
            Node::Directory => None,
        };
        self.names.iter().skip(1).map(|(path, node)| (path.clone(), content(node))).collect()
    }

    /// Makes a directory of what may be left when the power fails now.
    ///
    /// # Errors
    /// Those of the system.
    pub fn survives(&self, root: &Path, target: &Path, random: &mut Rng) -> io::Result<()> {
        for (path, node) in self.surviving_names(random) {
            let Ok(inside) = path.strip_prefix(root) else { continue };
            let path = target.join(inside);
            match node {
                Node::Directory => fs::create_dir_all(&path)?,
                // In a directory that is not there itself it is lost.
                Node::File(number) if path.parent().is_some_and(Path::is_dir) => {
                    fs::write(&path, self.files[number].survives(random))?;
                }
                Node::File(_) => {}
            }
        }
        Ok(())
    }

    /// The first so many changes of each directory have reached the disk.
    fn surviving_names(&self, random: &mut Rng) -> Names {
        let mut left = BTreeMap::new();
        self.pending.iter().for_each(|change| *left.entry(&change.directory).or_insert(0) += 1);
        left.values_mut().for_each(|all| *all = extreme_or_between(random, 0, *all));
        let mut names = self.durable.clone();
        for change in &self.pending {
            if let Some(left) = left.get_mut(&change.directory).filter(|left| **left > 0) {
                *left -= 1;
                change.apply(&mut names);
            }
        }
        names
    }
}

/// Everything below a directory, in order; directories have no content.
///
/// # Errors
/// Those of the system.
pub fn contents(directory: &Path) -> io::Result<Vec<(PathBuf, Option<Vec<u8>>)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(contents(&path)?);
            all.push((path, None));
        } else {
            let content = fs::read(&path)?;
            all.push((path, Some(content)));
        }
    }
    all.sort();
    Ok(all)
}
