//! The files of an append-only file, in their directory, and the manifest that lists them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use config::Config;
use formats::aof::manifest::{self, BaseFormat};
use formats::aof::{Manifest, manifest as names};

use crate::save::sync_directory_of;

/// The directory, and what the manifest in it says.
#[derive(Clone, Debug)]
pub struct Files {
    dir: PathBuf,
    /// `appendfilename`.
    name: String,
    /// The files.
    pub manifest: Manifest,
}

/// Why the files cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The manifest can't be read.
    #[error("Fatal error: can't open the AOF manifest file {0} for reading: {1}")]
    Read(String, io::Error),
    /// It is no manifest.
    #[error("{0}")]
    Format(manifest::Error),
    /// A file can't be moved or made.
    #[error("Error preparing the append only files: {0}")]
    Write(#[from] io::Error),
}

impl Files {
    /// What there is by the configuration's names. An old file without a manifest, from before Redis 7.0, is moved into the
    /// directory and becomes the base.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn find(config: &Config) -> Result<Files, Error> {
        let (dir, name) = (PathBuf::from(&config.appenddirname), config.appendfilename.clone());
        let path = dir.join(names::file_name(&name));
        let mut files = Files { dir, name, manifest: Manifest::default() };
        match fs::read(&path) {
            Ok(text) => {
                files.manifest = Manifest::parse(&text).map_err(Error::Format)?;
                files.move_single_file()?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => files.adopt_single_file()?,
            Err(error) => return Err(Error::Read(path.display().to_string(), error)),
        }
        Ok(files)
    }

    /// Whether the directory is there, or can be made, and takes a file.
    ///
    /// # Errors
    /// Those of the system.
    pub fn try_out(config: &Config) -> io::Result<()> {
        let dir = Path::new(&config.appenddirname);
        fs::create_dir_all(dir)?;
        let trial = dir.join(names::temporary_file_name(&config.appendfilename));
        File::create(&trial)?;
        fs::remove_file(trial)
    }

    fn adopt_single_file(&mut self) -> Result<(), Error> {
        let single = PathBuf::from(&self.name);
        if !single.is_file() {
            return Ok(());
        }
        self.manifest = Manifest::of_single_file(&self.name);
        // The manifest first: without the file it says what is missing, and the next start finds both.
        self.write_manifest()?;
        self.move_single_file()
    }

    /// Moves the old file into the directory, where that is all that the manifest lists; a start that was interrupted may
    /// have left it outside.
    fn move_single_file(&self) -> Result<(), Error> {
        let (single, inside) = (PathBuf::from(&self.name), self.dir.join(&self.name));
        let is_listed = self.manifest.base().is_some_and(|base| base.name == self.name.as_bytes());
        if !is_listed || !self.manifest.incr().is_empty() || inside.exists() || !single.is_file() {
            return Ok(());
        }
        fs::rename(&single, &inside)?;
        sync_directory_of(&inside)?;
        Ok(sync_directory_of(&single)?)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a file.
    pub fn path(&self, file: &manifest::File) -> PathBuf {
        self.dir.join(file.path())
    }

    /// Adds an increment; answers its path.
    pub fn new_incr(&mut self) -> PathBuf {
        let file = self.manifest.new_incr(&self.name).clone();
        self.path(&file)
    }

    /// Puts a new base in the place of the old one and of all increments but the last `kept`; answers its path.
    pub fn new_base(&mut self, format: BaseFormat, kept: usize) -> PathBuf {
        let file = self.manifest.new_base(&self.name, format).clone();
        self.manifest.retire_incr(kept);
        self.path(&file)
    }

    /// Bytes of all files that are loaded; those that are missing have none.
    pub fn size(&self) -> u64 {
        self.manifest
            .files()
            .filter_map(|file| fs::metadata(self.path(file)).ok())
            .map(|about| about.len())
            .sum()
    }

    /// Makes the directory, and forces its name to disk, also where another has made it: without that all in it may be gone when
    /// the power fails.
    ///
    /// # Errors
    /// Those of the system.
    pub fn make_directory(&self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        sync_directory_of(&self.dir)
    }

    /// Makes the directory, and writes the manifest, which takes the place of the one before at one moment.
    ///
    /// # Errors
    /// Those of the system; the old one is still there then.
    pub fn write_manifest(&self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let (temporary, name) = (
            self.dir.join(names::temporary_file_name(&self.name)),
            self.dir.join(names::file_name(&self.name)),
        );
        let mut file = File::create(&temporary)?;
        file.write_all(&self.manifest.format())?;
        file.sync_all()?;
        fs::rename(&temporary, &name)?;
        sync_directory_of(&name)
    }

    /// Deletes the files that others have replaced, and forgets them.
    ///
    /// # Errors
    /// Those of the system.
    pub fn delete_history(&mut self) -> io::Result<()> {
        let history = self.manifest.take_history();
        if history.is_empty() {
            return Ok(());
        }
        for file in &history {
            // One that is gone already needs no more.
            let _ = fs::remove_file(self.path(file));
        }
        self.write_manifest()
    }
}
