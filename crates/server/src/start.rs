//! How the server starts and ends, in Redis's order.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use config::{Config, LoadError, Loaded, Sources};
use engine::engine::{Facts, Shutdown};
use engine::table::CommandTable;
use engine::{Engine, REDIS_VERSION};
use keyspace::{Exclusive, Member, View};
use mio::Poll;
use net::Listener;

use crate::door::{Door, NewListeners};
use crate::host::{self, Process};
use crate::logging::{self as log, Facility, LogOptions, SyslogOptions};
use crate::process::banner::{self, BannerOptions};
use crate::process::pidfile::{self, PidFile};
use crate::process::supervise::{Supervision, Supervisor};
use crate::process::title::{self, ServerMode};
use crate::process::{affinity::CpuList, daemon, oom_score::OomScore, signals, version, warnings};
use crate::worker::{self, Inbox, Worker};
use crate::{cron, logging::crash};

/// Runs the server with these arguments until it is told to end. Answers the exit code.
pub fn serve(argv: &[OsString]) -> ExitCode {
    let _counted = memory::register_thread();
    let program = argv.first().map_or_else(|| "carnelian".into(), |p| p.to_string_lossy().into_owned());
    let sources = Sources::from_args(&argv[1.min(argv.len())..]);
    if sources.sentinel {
        eprintln!("Sentinel mode is not part of this build yet.");
        return ExitCode::FAILURE;
    }
    let started = Config::load(&sources, io::stdin()).and_then(|loaded| prepare(&program, &sources, loaded));
    match started {
        Ok(start) => start.run(),
        Err(error) => {
            eprint!("{}", error.report(REDIS_VERSION));
            ExitCode::FAILURE
        }
    }
}

/// A server that is ready to open its sockets.
struct Start {
    program: String,
    sources: Sources,
    config: Config,
    table: CommandTable,
    without_effect: Vec<&'static config::Param>,
    supervisor: Option<Supervisor>,
    pidfile: Option<PidFile>,
}

/// What the configuration asks of the process itself: log, directory, commands' names, background.
fn prepare(program: &str, sources: &Sources, loaded: Loaded) -> Result<Start, LoadError> {
    let Loaded { config, directives, without_effect } = loaded;
    std::env::set_current_dir(&config.dir).map_err(|e| {
        LoadError::general(format!("Can't chdir to '{}': {}", config.dir.display(), net::error_text(&e)))
    })?;
    open_log(&config)?;
    let mut table = CommandTable::new(commands::FAMILIES);
    for directive in directives.iter().filter(|d| d.name == "rename-command") {
        if let [old, new] = &directive.words[..] {
            table.rename_command(old, new).map_err(|reason| LoadError::invalid(&directive.origin, reason))?;
        }
    }
    if config.set_proc_title
        && let Err(e) = title::prepare(program)
    {
        log::verbose!("The process title stays as it is: {}", net::error_text(&e));
    }
    warnings::check_kernel(config.disable_thp);
    let supervisor = Supervisor::find(supervision(&config));
    let background = config.daemonize && supervisor.is_none();
    if background {
        daemon::daemonize()
            .map_err(|e| LoadError::general(format!("Can't daemonize: {}", net::error_text(&e))))?;
    }
    let (program, sources) = (program.to_owned(), sources.clone());
    let mut start = Start { program, sources, config, table, without_effect, supervisor, pidfile: None };
    start.announce(background);
    Ok(start)
}

fn open_log(config: &Config) -> Result<(), LoadError> {
    let syslog = config.syslog_enabled.then(|| SyslogOptions {
        ident: config.syslog_ident.clone(),
        facility: Facility::named(config.syslog_facility.name()),
    });
    let file = (!config.logfile.is_empty()).then(|| Path::new(&config.logfile));
    log::configure(&LogOptions { file, syslog }).map_err(LoadError::general)?;
    log::set_level(host::level_of(config));
    Ok(())
}

fn supervision(config: &Config) -> Supervision {
    match config.supervised {
        config::Supervised::No => Supervision::No,
        config::Supervised::Upstart => Supervision::Upstart,
        config::Supervised::Systemd => Supervision::Systemd,
        config::Supervised::Auto => Supervision::Auto,
    }
}

impl Start {
    /// The first lines of the log, the pid file, the title.
    fn announce(&mut self, background: bool) {
        log::notice!("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
        log::notice!(
            "Redis version={REDIS_VERSION}, bits={}, commit={}, modified=0, pid={}, just started",
            usize::BITS,
            version::GIT_SHA1,
            std::process::id()
        );
        warnings::report_configuration(
            &self.program,
            self.sources.options.is_some() || self.sources.file.is_some(),
        );
        for param in &self.without_effect {
            log::warning!("The directive '{}' has no effect in this version of Carnelian.", param.name);
        }
        if background {
            self.config.pidfile.get_or_insert_with(|| pidfile::DEFAULT_PATH.into());
        }
        let config = &self.config;
        if let Some(path) = &config.pidfile {
            match PidFile::create(Path::new(path)) {
                Ok(file) => self.pidfile = Some(file),
                Err(e) => log::warning!("Failed to write PID file: {}", net::error_text(&e)),
            }
        }
        crash::install(&crash::CrashOptions {
            report: config.crash_log_enabled,
            exit_on_panic: config.use_exit_on_panic,
            pidfile: self.pidfile.as_ref().map(PidFile::path),
        });
        host::show_title(&self.program, self.sources.file.as_deref(), config);
        if let Some(cpus) = config.server_cpulist.as_deref().and_then(CpuList::parse)
            && let Err(e) = cpus.apply()
        {
            log::warning!("Setting server-cpulist failed: {}", net::error_text(&e.into()));
        }
        memory::background_thread(config.jemalloc_bg_thread);
        let port = if config.port == 0 { config.tls_port } else { config.port };
        let log_is_stdout = config.logfile.is_empty() && !config.syslog_enabled;
        let always = config.always_show_logo;
        banner::show(&BannerOptions { mode: ServerMode::Standalone, port, always, log_is_stdout });
    }

    /// Opens the sockets, starts the threads, and waits for the end.
    fn run(mut self) -> ExitCode {
        if let Err(reason) = make_room(&mut self.config) {
            log::warning!("{reason}");
            return ExitCode::FAILURE;
        }
        let listeners = match open_listeners(&self.config) {
            Ok(listeners) => listeners,
            Err(error) => {
                log::warning!("{error}");
                return ExitCode::FAILURE;
            }
        };
        if listeners.is_empty() {
            log::warning!("Configured to not listen anywhere, exiting.");
            return ExitCode::FAILURE;
        }
        match self.launch(listeners) {
            Ok(running) => running.wait(),
            Err(failure) => {
                failure.log();
                ExitCode::FAILURE
            }
        }
    }

    fn launch(self, listeners: Vec<Listener>) -> Result<Running, Failure> {
        let workers = self.config.io_threads as usize;
        let prepared: Vec<(Poll, Arc<Inbox>)> =
            (0..workers).map(|_| worker::prepare()).collect::<io::Result<_>>()?;
        let inboxes: Vec<Arc<Inbox>> = prepared.iter().map(|(_, inbox)| inbox.clone()).collect();
        let (shutdowns, asked) = channel();
        let (garbage, to_free) = channel::<Box<dyn Send>>();
        let replaced = NewListeners::default();
        let ready_lines = ready_lines(&listeners);
        let sockets = host::sockets(&listeners);
        let door = Door::new(listeners, inboxes.clone(), replaced.clone());
        let by_signal = shutdowns.clone();
        let signal = signals::listen(move || {
            let _ = by_signal.send(Shutdown::default());
        })?;
        let mut oom_score = OomScore::default();
        if let Err(reason) = host::apply_oom_score(&mut oom_score, &self.config) {
            log::warning!("{reason}");
        }
        let process = Process {
            facts: self.facts(&door),
            config_file: self.sources.file.clone(),
            program: self.program.clone(),
            listeners: replaced,
            listening: host::listening(&self.config).into(),
            sockets: sockets.into(),
            wake_door: Box::new({
                let inbox = inboxes[0].clone();
                move || inbox.wake()
            }),
            shutdowns: shutdowns.into(),
            garbage: garbage.into(),
            oom_score: oom_score.into(),
        };
        let unix_socket = self.config.unixsocket.clone();
        let engine = Engine::start(self.config, self.table, workers, Box::new(process));
        log::set_role(log::Role::Primary);
        log::notice!("Server initialized");
        let found = persist::start::find(engine, persist::attach(engine))?;
        start_threads(engine, prepared, door, to_free)?;
        engine.startup_memory.store(engine.used_memory() as u64, std::sync::atomic::Ordering::Relaxed);
        let (supervisor, pidfile) = (self.supervisor, self.pidfile);
        let mut running = Running { engine, asked, early: None, signal, supervisor, pidfile, unix_socket };
        running.load(found)?;
        running.announce(&ready_lines);
        Ok(running)
    }

    fn facts(&self, door: &Door) -> Facts {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Facts {
            executable: std::env::current_exe().as_deref().map_or_else(|_| self.program.clone(), text),
            config_file: self.sources.file.as_deref().map_or_else(String::new, text),
            build_id: format!("{:x}", version::build_id()),
            run_id: random_hex(),
            supervised: match self.supervisor {
                None => "no",
                Some(Supervisor::Upstart) => "upstart",
                Some(Supervisor::Systemd(_)) => "systemd",
            },
            listeners: door.describe(&self.config),
            multiplexing: "epoll",
        }
    }
}

/// 40 hexadecimal digits that no other run has.
fn random_hex() -> String {
    let mut bytes = [0; 20];
    // Without randomness from the system the id is still unique by time and process.
    if getrandom::fill(&mut bytes).is_err() {
        let now = engine::unix_micros() as u64;
        bytes[..8].copy_from_slice(&now.to_le_bytes());
        bytes[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    }
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn make_room(config: &mut Config) -> Result<(), String> {
    let limit = net::file_limit::adjust(config.maxclients)?;
    limit.warnings.iter().for_each(|text| log::warning!("{text}"));
    limit.notice.iter().for_each(|text| log::notice!("{text}"));
    config.maxclients = limit.maxclients;
    Ok(())
}

fn open_listeners(config: &Config) -> Result<Vec<Listener>, net::listen::ListenError> {
    warnings::check_backlog(config.tcp_backlog);
    let mut warn = |text: &str| log::warning!("{text}");
    let mut listeners = net::listen::tcp(&host::tcp_options(config), &mut warn)?;
    if let Some(path) = &config.unixsocket {
        let backlog = config.tcp_backlog as i32;
        listeners.push(net::listen::unix(Path::new(path), config.unixsocketperm, backlog)?);
    }
    Ok(listeners)
}

/// One line for each kind of listener, as monitoring and test suites wait for.
fn ready_lines(listeners: &[Listener]) -> Vec<String> {
    ["tcp", "unix"]
        .iter()
        .filter(|kind| listeners.iter().any(|l| l.kind() == **kind))
        .map(|kind| format!("Ready to accept connections {kind}"))
        .collect()
}

fn start_threads(
    engine: &'static Engine,
    prepared: Vec<(Poll, Arc<Inbox>)>,
    door: Door,
    to_free: Receiver<Box<dyn Send>>,
) -> io::Result<()> {
    let mut door = Some(door);
    for (number, (poll, inbox)) in prepared.into_iter().enumerate() {
        let door = door.take();
        spawn(&format!("worker-{number}"), move || {
            let mut worker = Worker::new(engine, number, poll, inbox);
            if let Some(door) = door
                && let Err(e) = worker.open_door(door)
            {
                log::warning!("Registering listeners failed: {}", net::error_text(&e));
            }
            worker.run();
        })?;
    }
    spawn("cron", move || cron::run(engine))?;
    spawn("lazy-free", move || to_free.iter().for_each(drop))
}

/// A named thread whose memory is counted.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let counted = move || {
        let _counted = memory::register_thread();
        work();
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(counted).map(|_| ())
}

/// Why the server does not get to work.
enum Failure {
    /// The system refused something.
    System(io::Error),
    /// The data on disk can't be loaded.
    Data(persist::start::Error),
}

impl Failure {
    fn log(&self) {
        match self {
            Failure::System(error) => log::warning!("Starting failed: {}", net::error_text(error)),
            Failure::Data(error) => error.lines().iter().for_each(|line| log::warning!("{line}")),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::System(error)
    }
}

impl From<persist::start::Error> for Failure {
    fn from(error: persist::start::Error) -> Failure {
        Failure::Data(error)
    }
}

/// A server at work.
struct Running {
    engine: &'static Engine,
    asked: Receiver<Shutdown>,
    /// It was asked to end before it had loaded its data.
    early: Option<Shutdown>,
    signal: Arc<signals::ShutdownRequest>,
    supervisor: Option<Supervisor>,
    pidfile: Option<PidFile>,
    unix_socket: Option<String>,
}

impl Running {
    /// Loads the data that were found, unless it is asked to end meanwhile. Clients are told to wait.
    fn load(&mut self, found: persist::start::Found) -> Result<(), Failure> {
        let Running { asked, early, signal, .. } = self;
        let mut is_asked_to_end = || {
            *early = early.or_else(|| asked.try_recv().ok());
            early.is_some()
        };
        signal.note_loading(true);
        let loaded = found.load(&mut is_asked_to_end);
        signal.note_loading(false);
        loaded?;
        Ok(())
    }

    /// Says that clients are welcome.
    fn announce(&self, lines: &[String]) {
        if self.early.is_some() {
            return;
        }
        lines.iter().for_each(|line| log::notice!("{line}"));
        if let Some(supervisor) = &self.supervisor {
            supervisor.ready("Ready to accept connections");
        }
    }

    /// Waits until it must end, and ends in Redis's words.
    fn wait(self) -> ExitCode {
        let member = self.engine.keyspace.join();
        // Never given back: in the moment before the process ends a command could run, be acknowledged, and be lost.
        std::mem::forget(self.wait_until_closed(&member));
        if let Some(supervisor) = &self.supervisor {
            supervisor.stopping();
        }
        if let Some(pidfile) = self.pidfile {
            log::notice!("Removing the pid file.");
            pidfile.remove();
        }
        if let Some(path) = self.unix_socket {
            log::notice!("Removing the unix socket file.");
            let _ = std::fs::remove_file(path);
        }
        log::warning!("Redis is now ready to exit, bye bye...");
        ExitCode::SUCCESS
    }

    /// Waits until it must end and may: what must be on disk is there. Where a signal has asked for it, exclusive access is
    /// kept from then on; a command that has asked keeps it.
    fn wait_until_closed(&self, member: &Member<'static>) -> Option<Exclusive<'static>> {
        if self.early.is_some() {
            return None;
        }
        loop {
            // An error means that every sender is gone, and with them the reason to wait.
            let _ = self.asked.recv();
            let signal = self.signal.signal()?;
            log::notice!("User requested shutdown...");
            let wanted = host::shutdown_by(signal, &self.engine.config());
            let mut exclusive = self.engine.keyspace.exclusive(member);
            let close = |view: &mut View| self.engine.persistence.storage()?.close(view, &wanted);
            let closed = close(&mut View::exclusive(&mut exclusive, engine::unix_millis()));
            if closed.is_ok() || wanted.force {
                return Some(exclusive);
            }
            log::warning!(
                "SIGTERM received but errors trying to shut down the server, check the logs for more information"
            );
            self.signal.clear();
        }
    }
}
