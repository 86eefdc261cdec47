//! What the process does for the engine: its log, its configuration's outside, its end.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use config::{Config, Param, ShutdownFlags};
use engine::engine::{Facts, Host, LogLevel, Shutdown};
use net::Listener;
use parking_lot::Mutex;

use crate::door::NewListeners;
use crate::logging::{self as log, Level};
use crate::process::oom_score::OomScore;
use crate::process::title::{self, TitleFacts};

/// The running process, as the engine sees it.
pub struct Process {
    /// The configuration file, if there is one.
    pub config_file: Option<PathBuf>,
    /// What INFO says of the process.
    pub facts: Facts,
    /// The program as it was called.
    pub program: String,
    /// Where the door looks for other listeners.
    pub listeners: NewListeners,
    /// Where the door's listeners are, or are about to be.
    pub listening: Mutex<Listening>,
    /// Their sockets, those for TCP.
    pub sockets: Mutex<Vec<OwnedFd>>,
    /// Wakes the door's worker.
    pub wake_door: Box<dyn Fn() + Send + Sync>,
    /// Where shutdowns are asked for.
    pub shutdowns: Mutex<Sender<Shutdown>>,
    /// Where large things go to be freed.
    pub garbage: Mutex<Sender<Box<dyn Send>>>,
    /// The score for the kernel's out-of-memory killer.
    pub oom_score: Mutex<OomScore>,
}

impl Host for Process {
    fn log(&self, level: LogLevel, text: &str) {
        let level = match level {
            LogLevel::Debug => Level::Debug,
            LogLevel::Verbose => Level::Verbose,
            LogLevel::Notice => Level::Notice,
            LogLevel::Warning => Level::Warning,
        };
        log::log(level, format_args!("{text}"));
    }

    fn apply(&self, changed: &[&'static Param], config: &Config) -> Result<(), (&'static str, String)> {
        let is_changed = |names: &[&str]| changed.iter().find(|p| names.contains(&p.name)).map(|p| p.name);
        let mut listeners = None;
        if let Some(name) = is_changed(&["port", "bind"]) {
            let refusal = match name {
                "bind" => "Failed to bind to specified addresses.",
                _ => "Unable to listen on this port. Check server logs.",
            };
            listeners = self.listen(config).map_err(|_| (name, refusal.to_owned()))?;
        }
        if let Some(name) = is_changed(&["oom-score-adj", "oom-score-adj-values"]) {
            apply_oom_score(&mut self.oom_score.lock(), config).map_err(|reason| (name, reason))?;
        }
        if let Some(name) = is_changed(&["dir"]) {
            std::env::set_current_dir(&config.dir).map_err(|e| (name, net::error_text(&e)))?;
        }
        if is_changed(&["activedefrag"]).is_some() && config.activedefrag {
            return Err(("activedefrag", NO_DEFRAGMENTATION.into()));
        }
        if is_changed(&["maxclients"]).is_some() {
            self.make_room(config).map_err(|reason| ("maxclients", reason))?;
        }
        let used = memory::used() as u64;
        if is_changed(&["maxmemory"]).is_some() && config.maxmemory > 0 && config.maxmemory < used {
            log::warning!(
                "WARNING: the new maxmemory value set via CONFIG SET ({}) is smaller than the current memory usage \
                 ({used}). This will result in key eviction and/or the inability to accept new write commands \
                 depending on the maxmemory-policy.",
                config.maxmemory
            );
        }
        if is_changed(&["loglevel"]).is_some() {
            log::set_level(level_of(config));
        }
        if is_changed(&["jemalloc-bg-thread"]).is_some() {
            memory::background_thread(config.jemalloc_bg_thread);
        }
        if is_changed(&["proc-title-template", "port", "bind"]).is_some() {
            show_title(&self.program, self.config_file.as_deref(), config);
        }
        if let Some(listeners) = listeners {
            *self.listening.lock() = listening(config);
            *self.sockets.lock() = sockets(&listeners);
            *self.listeners.lock() = Some(listeners);
            (self.wake_door)();
        }
        Ok(())
    }

    fn rewrite_config(&self, config: &Config, all: bool) -> Result<(), String> {
        let Some(file) = &self.config_file else {
            return Err("The server is running without a config file".into());
        };
        config::rewrite_file(file, config, &[], all).map_err(|e| {
            let reason = net::error_text(&e);
            log::warning!("CONFIG REWRITE failed: {reason}");
            format!("Rewriting config file: {reason}")
        })?;
        log::notice!("CONFIG REWRITE executed with success.");
        Ok(())
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }

    fn shutdown(&self, request: Shutdown) {
        // The receiver lives as long as the process.
        let _ = self.shutdowns.lock().send(request);
    }

    fn wait_for_end(&self) {
        loop {
            std::thread::park();
        }
    }

    fn drop_later(&self, garbage: Box<dyn Send>) {
        if let Err(refused) = self.garbage.lock().send(garbage) {
            drop(refused.0);
        }
    }
}

/// Redis's own words, where its allocator lacks what moving values around needs. Ours keeps small values in tight size
/// classes instead, and gives pages back by itself.
const NO_DEFRAGMENTATION: &str = "Active defragmentation cannot be enabled: it requires a Redis server compiled with a \
     modified Jemalloc like the one shipped by default with the Redis source distribution";

impl Process {
    /// Opens the listeners of a changed `port` or `bind`, which come to the door once everything else that was changed acts
    /// too; none where the door has them already, for what could not act is being undone.
    fn listen(&self, config: &Config) -> Result<Option<Vec<Listener>>, net::listen::ListenError> {
        if *self.listening.lock() == listening(config) {
            return Ok(None);
        }
        let mut warn = |text: &str| log::warning!("{text}");
        let sockets = self.sockets.lock();
        let options = net::listen::TcpOptions { replaced: &sockets, ..tcp_options(config) };
        net::listen::tcp(&options, &mut warn).map(Some)
    }

    fn make_room(&self, config: &Config) -> Result<(), String> {
        let limit = net::file_limit::adjust(config.maxclients)?;
        if limit.maxclients < config.maxclients {
            return Err(format!(
                "The operating system is not able to handle the specified number of clients, try with {}",
                limit.maxclients
            ));
        }
        Ok(())
    }
}

/// What the door's TCP listeners were made of: `port` and `bind`.
pub type Listening = (u16, Vec<String>);

/// The same of a configuration.
pub fn listening(config: &Config) -> Listening {
    (config.port, config.bind.clone())
}

/// The sockets of listeners, those for TCP. One of which there is no other descriptor may be in the way of those that replace it.
pub fn sockets(listeners: &[Listener]) -> Vec<OwnedFd> {
    listeners.iter().filter_map(|listener| listener.another().ok().flatten()).collect()
}

/// Where to listen, as the configuration says it.
pub fn tcp_options(config: &Config) -> net::listen::TcpOptions<'_> {
    net::listen::TcpOptions {
        bind: &config.bind,
        port: config.port,
        backlog: config.tcp_backlog as i32,
        mark: config.socket_mark_id,
        replaced: &[],
    }
}

/// Sets the score of `oom-score-adj` for a primary. The log says what could not be done; the error is for whoever asked.
pub fn apply_oom_score(score: &mut OomScore, config: &Config) -> Result<(), String> {
    use crate::process::oom_score::Policy;
    let policy = match config.oom_score_adj {
        config::OomScoreAdj::No => Policy::No,
        config::OomScoreAdj::Relative => Policy::Relative,
        config::OomScoreAdj::Absolute => Policy::Absolute,
    };
    score.apply(policy, config.oom_score_adj_values[0]).map_err(|reason| {
        log::warning!("{reason}");
        "Failed to set current oom_score_adj. Check server logs.".to_owned()
    })
}

/// The shutdown that a signal means: `shutdown-on-sigint` and `shutdown-on-sigterm`.
pub fn shutdown_by(signal: i32, config: &Config) -> Shutdown {
    let flags = if signal == signal_hook::consts::SIGINT {
        config.shutdown_on_sigint
    } else {
        config.shutdown_on_sigterm
    };
    let save = match (flags.contains(ShutdownFlags::SAVE), flags.contains(ShutdownFlags::NOSAVE)) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    Shutdown { now: flags.contains(ShutdownFlags::NOW), force: flags.contains(ShutdownFlags::FORCE), save }
}

/// The log's level, as the configuration says it.
pub fn level_of(config: &Config) -> Level {
    match config.loglevel {
        config::LogLevel::Debug => Level::Debug,
        config::LogLevel::Verbose => Level::Verbose,
        config::LogLevel::Notice => Level::Notice,
        config::LogLevel::Warning => Level::Warning,
        config::LogLevel::Nothing => Level::Nothing,
    }
}

/// Shows the process's title.
pub fn show_title(program: &str, config_file: Option<&std::path::Path>, config: &Config) {
    if !config.set_proc_title {
        return;
    }
    let file = config_file.map(|f| f.to_string_lossy());
    let facts = TitleFacts {
        title: program,
        bind: config.bind.first().map(String::as_str),
        port: config.port,
        tls_port: config.tls_port,
        unix_socket: config.unixsocket.as_deref(),
        config_file: file.as_deref(),
        ..TitleFacts::default()
    };
    if let Some(title) = title::expand(&config.proc_title_template, &facts) {
        title::set(&title);
    }
}
