//! Writing snapshots: all there is while everyone waits ([`all`]), or a cut, in the background ([`Background`]).

mod background;
mod encode;
mod file;
mod pipe;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use config::Config;
use engine::{Engine, REDIS_VERSION, unix_millis};
use formats::rdb::file::{FileWriter, Options};
use keyspace::{Size, View};

pub use background::Background;
use encode::Encoder;
pub use file::{NewFile, sync_directory_of};

/// What a file is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub name: PathBuf,
    /// Its name until it is whole.
    pub temporary: PathBuf,
    /// It is the base of an append-only file.
    pub is_log_base: bool,
    /// The configuration that it is written by.
    pub config: Arc<Config>,
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for it.
    #[error("Failed opening the temp RDB file {name} (in server root dir {dir}) for saving: {reason}", name = name.display(), dir = dir.display())]
    Open {
        /// The temporary name.
        name: PathBuf,
        /// The working directory.
        dir: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It can't be written.
    #[error("Write error while saving DB to the disk: {0}")]
    Write(String),
    /// It was given up.
    #[error("Saving was cancelled")]
    Cancelled,
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Write(reason(&error))
    }
}

/// What the system says, without its number.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}

impl Plan {
    /// Begins the file under its temporary name.
    fn open(&self) -> Result<NewFile, Error> {
        let temporary = self.temporary.clone();
        let incremental = if self.is_log_base {
            self.config.aof_rewrite_incremental_fsync
        } else {
            self.config.rdb_save_incremental_fsync
        };
        NewFile::create(temporary.clone(), incremental).map_err(|error| Error::Open {
            name: temporary,
            dir: self.config.dir.clone(),
            reason: reason(&error),
        })
    }

    /// Writes what stands before the keys.
    fn header<W: Write>(
        &self,
        engine: &Engine,
        sink: W,
        options: Options,
        sizes: &[Size],
        now: i64,
    ) -> io::Result<FileWriter<W>> {
        let mut file = FileWriter::new(sink, options)?;
        file.aux("redis-ver", REDIS_VERSION.as_bytes())?;
        file.aux("redis-bits", usize::BITS.to_string().as_bytes())?;
        file.aux("ctime", (now / 1000).to_string().as_bytes())?;
        file.aux("used-mem", engine.used_memory().to_string().as_bytes())?;
        file.aux("aof-base", if self.is_log_base { b"1" } else { b"0" })?;
        for (db, size) in (0..).zip(sizes).filter(|(_, size)| size.keys > 0) {
            file.database(db, size.keys as u64, size.volatile as u64)?;
        }
        Ok(file)
    }
}

/// Writes all there is, while everyone waits. Answers how many keys that are.
///
/// # Errors
/// A file of that name is as it was then.
pub fn all(engine: &'static Engine, view: &mut View, plan: &Plan) -> Result<u64, Error> {
    let now = unix_millis();
    let sizes: Vec<Size> = (0..engine.keyspace.databases()).map(|db| engine.keyspace.size(db)).collect();
    let options = encode::options(&plan.config, &sizes);
    let mut file = plan.header(engine, plan.open()?, options, &sizes, now)?;
    let mut encoder = Encoder::new(options, &plan.config, &engine.keyspace.access, now);
    let (mut chunk, mut written, mut keys) = (Vec::new(), Ok(()), 0);
    view.each_image(&mut |image| {
        if written.is_ok() {
            chunk.clear();
            written = encoder
                .encode(&image, &mut chunk)
                .map_err(io::Error::from)
                .and_then(|()| file.encoded(&chunk));
            keys += 1;
        }
    });
    written?;
    file.finish()?.publish(&plan.name)?;
    Ok(keys)
}
