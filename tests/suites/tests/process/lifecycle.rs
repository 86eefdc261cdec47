//! Start and end: version, checks, signals, the files that a server leaves and removes.

use crate::{genuine, ours};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::process::Stdio;
use suites::{Finished, Kind, Server, eventually};

#[test]
fn the_version_has_redis_form() {
    for flag in ["-v", "--version"] {
        let end = ours(&[flag], "");
        let said = end.stdout.trim_end();
        let fields: Vec<&str> = said.split(' ').collect();
        assert_eq!((end.code, &fields[..2]), (Some(0), &["Redis", "server"][..]), "{said}");
        // What is ours alone may follow.
        let names: Vec<&str> =
            fields[2..7].iter().map(|field| field.split('=').next().unwrap_or_default()).collect();
        assert_eq!(names, ["v", "sha", "malloc", "bits", "build"], "{said}");
        assert!(fields[2].starts_with("v=7.") && fields[5] == "bits=64", "{said}");
    }
}

#[test]
fn help_names_every_way_to_start() {
    for flag in ["--help", "-h"] {
        let end = ours(&[flag], "");
        let said = end.stdout + &end.stderr;
        assert_eq!(end.code, genuine(&[flag], "").code, "{said}");
        for option in ["--version", "--help", "--check-system", "--port"] {
            assert!(said.contains(option), "{option} is missing in: {said}");
        }
    }
}

/// Names and verdicts, without the explanations.
fn checks(end: &Finished) -> Vec<&str> {
    let lines = end.stdout.lines().filter(|line| line.starts_with('['));
    lines.map(|line| line.split_once(':').map_or(line, |(verdict, _)| verdict)).collect()
}

#[test]
fn check_system_checks_what_redis_checks() {
    // How slow the clock is, is measured, and on a busy machine either may find it slow.
    const MEASURED: &str = "[slow-clocksource]...";
    let [found, expected] = [ours, genuine].map(|program| program(&["--check-system"], ""));
    for end in [&found, &expected] {
        let warns = checks(end).iter().any(|check| check.ends_with("WARNING"));
        assert_eq!(end.code, Some(i32::from(warns)), "{}", end.stdout);
    }
    let [ours, genuine] = [&found, &expected].map(checks);
    assert_eq!(ours.len(), genuine.len(), "{ours:?} {genuine:?}");
    for (ours, genuine) in ours.into_iter().zip(genuine) {
        let both_measure = [ours, genuine].iter().all(|check| check.starts_with(MEASURED));
        assert!(ours == genuine || both_measure, "{ours} where Redis has {genuine}");
    }
}

#[test]
fn what_is_no_server_yet_does_not_run_as_one() {
    let end = ours(&["--sentinel"], "");
    assert_eq!((end.code, end.stderr.contains("Sentinel")), (Some(1), true), "{}", end.stderr);
}

#[test]
fn sigterm_and_sigint_end_the_server_well() {
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        let mut server = Server::start::<&str>(Kind::Ours, &[]);
        let mut idle = server.client();
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0));
        assert_eq!(idle.read_to_end().expect("a closed connection"), b"");
        let said = server.printed();
        for words in [format!("Received {name} scheduling shutdown..."), "User requested shutdown...".into()]
        {
            assert!(said.contains(&words), "{words:?} is missing in: {said}");
        }
        assert!(said.contains("is now ready to exit, bye bye..."), "{said}");
    }
}

#[test]
fn shutdown_answers_only_when_it_refuses() {
    let mut server = Server::start::<&str>(Kind::Ours, &[]);
    let mut client = server.client();
    assert_eq!(client.line("SHUTDOWN MAYBE").text(), "ERR syntax error");
    assert_eq!(client.line("SHUTDOWN ABORT").text(), "ERR No shutdown in progress.");
    client.send(&["SHUTDOWN", "NOSAVE"]).expect("sending");
    assert_eq!(client.read_to_end().expect("a closed connection"), b"");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_pidfile_lives_as_long_as_the_server() {
    let mut server = Server::start(Kind::Ours, &["--pidfile", "my.pid"]);
    let file = server.folder().join("my.pid");
    assert_eq!(fs::read_to_string(&file).expect("the pidfile"), format!("{}\n", server.pid()));
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
    assert!(!file.exists());
}

/// `PID:ROLE DD Mon YYYY HH:MM:SS.mmm LEVEL text`
fn is_log_line(line: &str, pid: u32) -> bool {
    let Some(rest) = line.strip_prefix(&format!("{pid}:")) else { return false };
    let shape: String = rest
        .chars()
        .take(28)
        .map(|c| match c {
            '0'..='9' => '9',
            'A'..='Z' => 'A',
            'a'..='z' => 'a',
            other => other,
        })
        .collect();
    let level = rest.as_bytes().get(27).copied().unwrap_or_default();
    shape.starts_with("A 99 Aaa 9999 99:99:99.999 ") && b".-*#".contains(&level)
}

#[test]
fn the_log_goes_to_the_logfile_in_redis_format() {
    let server = Server::start(Kind::Ours, &["--logfile", "my.log", "--loglevel", "debug"]);
    let read = || fs::read_to_string(server.folder().join("my.log")).expect("the logfile");
    // Clients may come while data would still be loaded.
    let is_ready = |log: &String| log.contains("Ready to accept connections");
    let log = eventually("a server that is ready", || Some(read()).filter(is_ready));
    let stamped: Vec<&str> =
        log.lines().filter(|line| line.starts_with(&format!("{}:", server.pid()))).collect();
    assert!(stamped.len() > 3 && stamped.iter().all(|line| is_log_line(line, server.pid())), "{log}");
    assert_eq!(server.printed(), "", "nothing goes to standard output beside");
}

#[test]
fn loglevel_and_config_set_choose_what_is_logged() {
    let server = Server::start(Kind::Ours, &["--loglevel", "warning"]);
    assert!(!server.printed().contains("Ready to accept connections"), "{}", server.printed());
    assert_eq!(server.client().line("CONFIG SET loglevel verbose").text(), "OK");
    drop(server.client());
    eventually("a line of level verbose", || {
        server.printed().contains(" - Accepted 127.0.0.1:").then_some(())
    });
}

#[test]
fn a_logfile_that_cannot_be_opened_ends_the_start() {
    let args = ["--logfile", "/no/such/folder/log"];
    let (ours, genuine) = (ours(&args, ""), genuine(&args, ""));
    assert_eq!((ours.code, genuine.code), (Some(1), Some(1)));
    let reason = "Can't open the log file: No such file or directory";
    assert!(ours.stderr.contains(reason) && genuine.stderr.contains(reason), "{}", ours.stderr);
}

/// A daemon is nobody's child, so it needs an end of its own.
struct Daemon(Pid);

impl Drop for Daemon {
    fn drop(&mut self) {
        // It fails when the daemon has ended already, which is what we want.
        let _ = kill_process(self.0, Signal::KILL);
    }
}

#[test]
fn a_daemon_outlives_its_starter() {
    let args = ["--daemonize", "yes", "--pidfile", "daemon.pid", "--logfile", "daemon.log"];
    let mut starter = Server::launch(Kind::Ours, &args, Stdio::null());
    assert_eq!(starter.wait().code(), Some(0));
    let file = starter.folder().join("daemon.pid");
    let pid = eventually("the pidfile", || {
        fs::read_to_string(&file).ok()?.trim().parse().ok().and_then(Pid::from_raw)
    });
    let daemon = Daemon(pid);
    assert_ne!(daemon.0.as_raw_nonzero().get() as u32, starter.pid());

    let mut client = eventually("an answer", || suites::Client::connect(starter.port()).ok());
    assert_eq!(client.line("PING").text(), "PONG");
    kill_process(daemon.0, Signal::TERM).expect("a signal to our daemon");
    eventually("the daemon's end", || test_kill_process(daemon.0).is_err().then_some(()));
    assert!(!file.exists());
}

#[test]
fn info_tells_which_process_this_is() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let info = server.client().line("INFO server").text();
    let field =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).map(str::to_string);
    assert_eq!(field("process_id"), Some(server.pid().to_string()));
    assert_eq!(field("tcp_port"), Some(server.port().to_string()));
    assert_eq!(field("redis_mode").as_deref(), Some("standalone"));
    assert!(field("redis_version").is_some_and(|version| version.starts_with("7.")), "{info}");
    assert_eq!(field("run_id").map(|id| id.len()), Some(40));
}
