//! How far a load is: for INFO, and for the log where it takes long.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use engine::Engine;
use engine::engine::LogLevel;

/// So many percent are worth a line.
const STEP: f64 = 10.0;
/// No two lines come closer.
const SHORTEST: Duration = Duration::from_secs(1);
/// After this time a line is due, however little has happened.
const LONGEST: Duration = Duration::from_secs(5);

/// Tells how far a load is.
pub struct Reporter {
    engine: &'static Engine,
    last: Instant,
    /// Percent in the last line.
    told: f64,
}

impl Reporter {
    /// Begins at nothing.
    pub fn new(engine: &'static Engine) -> Reporter {
        Reporter { engine, last: Instant::now(), told: 0.0 }
    }

    /// So many bytes of the file are read.
    pub fn reached(&mut self, bytes: u64) {
        let loading = &self.engine.loading;
        loading.loaded_bytes.store(bytes, Relaxed);
        let elapsed = self.last.elapsed();
        if elapsed < SHORTEST {
            return;
        }
        let percent = loading.progress().map_or(0.0, |progress| progress.percent());
        if percent >= self.told + STEP || (elapsed >= LONGEST && percent > 0.0) {
            let keys = loading.keys_loaded.load(Relaxed);
            let text = format!("Loading RDB: {percent:.0}% done, keys loaded: {keys}");
            self.engine.host.log(LogLevel::Notice, &text);
            (self.last, self.told) = (Instant::now(), percent);
        }
    }
}
