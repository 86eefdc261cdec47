//! Writing snapshots: all there is while everyone waits ([`all`]), or a cut, in the background ([`Background`]).

mod background;
mod body;
mod commands;
mod compress;
mod encode;
mod file;
mod pipe;
pub mod temporary;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use config::Config;
use engine::{Engine, unix_millis};
use formats::aof::manifest::BaseFormat;
use keyspace::{Size, View};

pub use background::Background;
use body::Body;
use encode::{Encoder, Form};
pub use file::{NewFile, sync_directory_of};

/// What a file is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Its name.
    pub name: PathBuf,
    /// Its name until it is whole.
    pub temporary: PathBuf,
    /// As what it is the base of an append-only file; otherwise it is a snapshot.
    pub base: Option<BaseFormat>,
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
        let incremental = if self.base.is_some() {
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

    /// What a file of databases of these sizes consists of.
    fn form(&self, sizes: &[Size]) -> Form {
        match self.base {
            Some(BaseFormat::Aof) => Form::Commands,
            Some(BaseFormat::Rdb) | None => Form::Rdb(encode::options(&self.config, sizes)),
        }
    }

    /// Writes what stands before the keys, which is as of `now`, in Unix milliseconds.
    fn begin(
        &self,
        engine: &Engine,
        sink: NewFile,
        form: Form,
        sizes: &[Size],
        now: i64,
    ) -> io::Result<Body<NewFile>> {
        match form {
            Form::Rdb(options) => Body::rdb(engine, sink, options, self.base.is_some(), sizes, now),
            Form::Commands => {
                let time = self.config.aof_timestamp_enabled.then_some(now / 1000);
                Ok(Body::commands(sink, self.config.aof_checksum, time))
            }
        }
    }
}

/// Writes all there is, while everyone waits. Answers how many keys that are.
///
/// # Errors
/// A file of that name is as it was then.
pub fn all(engine: &'static Engine, view: &mut View, plan: &Plan) -> Result<u64, Error> {
    let now = unix_millis();
    let sizes: Vec<Size> = (0..engine.keyspace.databases()).map(|db| engine.keyspace.size(db)).collect();
    let form = plan.form(&sizes);
    let mut file = plan.begin(engine, plan.open()?, form, &sizes, now)?;
    let mut encoder = Encoder::new(form, &plan.config, &engine.keyspace.access, now);
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
