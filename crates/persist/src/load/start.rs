//! The load at the server's start.

use std::fs::File;
use std::io;
use std::time::Instant;

use engine::Engine;
use engine::engine::LogLevel;

use super::{Error, Options, rdb};

/// What there is on disk to start from.
#[derive(Debug)]
pub struct Found {
    snapshot: File,
}

/// Looks for data to start from: the snapshot `dbfilename` in `dir`, which is the working directory. If there are any, commands
/// that need them are refused from here on until [`Found::load`] is through; so this is called before there are workers.
///
/// # Errors
/// The file is there but can't be opened.
pub fn at_start(engine: &'static Engine) -> Result<Option<Found>, Error> {
    let name = engine.config().dbfilename.clone();
    let snapshot = match File::open(&name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::Open { name, reason: reason(&error) }),
    };
    engine.begin_loading(snapshot.metadata().map_or(0, |about| about.len()));
    Ok(Some(Found { snapshot }))
}

/// What the system says, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}

impl Found {
    /// Loads it. `stop` is asked now and then whether to give up.
    ///
    /// # Errors
    /// Those of [`rdb`]; a part of the keys is loaded then.
    pub fn load(self, engine: &'static Engine, stop: &mut dyn FnMut() -> bool) -> Result<(), Error> {
        let started = Instant::now();
        let options = Options { leaves_out_due: true, ..Options::default() };
        let loaded = rdb(engine, self.snapshot, options, stop);
        engine.end_loading();
        loaded?;
        let seconds = started.elapsed().as_secs_f64();
        engine.host.log(LogLevel::Notice, &format!("DB loaded from disk: {seconds:.3} seconds"));
        Ok(())
    }
}
