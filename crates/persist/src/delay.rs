//! `key-load-delay` and `rdb-key-save-delay`: tests make a load or a snapshot last by them, and change them while it goes on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use config::Config;
use engine::Engine;

/// While a delay lasts, nobody may want any more what it delays.
const LOOK: Duration = Duration::from_millis(5);

/// When to wait, and for how long.
pub struct KeyDelay {
    of: fn(&Config) -> i32,
    config_version: u64,
    /// Microseconds after each key; negative: one microsecond after so many keys.
    directive: i32,
    keys: u32,
}

impl KeyDelay {
    /// Before the first key; `of` is the directive.
    pub fn new(engine: &Engine, of: fn(&Config) -> i32) -> KeyDelay {
        KeyDelay { of, config_version: engine.config_version(), directive: of(&engine.config()), keys: 0 }
    }

    /// Whether the configuration is still the one that it was asked of last.
    pub fn is_current(&self, engine: &Engine) -> bool {
        self.config_version == engine.config_version()
    }

    /// Whether there is one.
    pub fn is_set(&mut self, engine: &Engine) -> bool {
        if !self.is_current(engine) {
            *self = KeyDelay { keys: self.keys, ..KeyDelay::new(engine, self.of) };
        }
        self.directive != 0
    }

    /// How long to wait after the key, or the command, that is done.
    pub fn after_key(&mut self, engine: &Engine) -> Option<Duration> {
        if !self.is_set(engine) {
            return None;
        }
        match self.directive {
            1.. => Some(Duration::from_micros(u64::from(self.directive.unsigned_abs()))),
            _ => {
                self.keys = (self.keys + 1) % self.directive.unsigned_abs();
                (self.keys == 0).then_some(Duration::from_micros(1))
            }
        }
    }
}

/// Waits, and asks now and then whether to give up. Answers whether to go on.
pub fn wait(delay: Duration, stop: &mut dyn FnMut() -> bool) -> bool {
    let started = Instant::now();
    while let Some(left) = delay.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
        sleep(left.min(LOOK));
        if stop() {
            return false;
        }
    }
    true
}
