//! `supervised`: telling upstart or systemd when the server is ready, and when it stops.
//!
//! upstart watches for the process to stop itself with SIGSTOP. systemd listens on a unix datagram socket, named in
//! NOTIFY_SOCKET, for lines like `READY=1`; the protocol is so small (sd_notify(3)) that it is spoken here directly.
//! A name that starts with `@` is in the abstract namespace. The lines in the log begin as Redis's.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::{Signal, getpid, kill_process};

use crate::logging as log;

/// The words of the `supervised` directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervision {
    /// `no`.
    No,
    /// `upstart`: stop once, to signal readiness.
    Upstart,
    /// `systemd`: report by NOTIFY_SOCKET.
    Systemd,
    /// `auto`: whichever of the two the environment shows.
    Auto,
}

/// Who started this process and watches it.
#[derive(Debug)]
pub enum Supervisor {
    /// upstart: nothing more to tell it.
    Upstart,
    /// systemd.
    Systemd(Notifier),
}

impl Supervisor {
    /// Finds the supervisor the directive asks for, says in the log who it is or why there is none, and tells it that
    /// the server is loading. With upstart the process stops here until it is continued. A supervised server does not
    /// daemonize.
    pub fn find(supervision: Supervision) -> Option<Supervisor> {
        match chosen(supervision, |name| std::env::var_os(name)) {
            Supervision::Upstart => upstart(),
            Supervision::Systemd => systemd(),
            Supervision::No | Supervision::Auto => None,
        }
    }

    /// Tells it that the server accepts connections; `status` is what `systemctl status` shows.
    pub fn ready(&self, status: &str) {
        self.notify(&format!("STATUS={status}\nREADY=1\n"));
    }

    /// Tells it what the server is about.
    pub fn status(&self, status: &str) {
        self.notify(&format!("STATUS={status}\n"));
    }

    /// Tells it that the server is shutting down.
    pub fn stopping(&self) {
        self.notify("STOPPING=1\n");
    }

    fn notify(&self, message: &str) {
        if let Supervisor::Systemd(notifier) = self
            && let Err(e) = notifier.send(message)
        {
            log::warning!("systemd supervision error: sd_notify: {}", net::error_text(&e));
        }
    }
}

fn chosen(supervision: Supervision, variable: impl Fn(&str) -> Option<OsString>) -> Supervision {
    match supervision {
        Supervision::Auto if variable("UPSTART_JOB").is_some() => {
            log::verbose!("Upstart supervision detected.");
            Supervision::Upstart
        }
        Supervision::Auto if variable("NOTIFY_SOCKET").is_some() => {
            log::verbose!("Systemd supervision detected.");
            Supervision::Systemd
        }
        Supervision::Auto => Supervision::No,
        asked => asked,
    }
}

fn upstart() -> Option<Supervisor> {
    if std::env::var_os("UPSTART_JOB").is_none() {
        log::warning!("upstart supervision requested, but UPSTART_JOB not found!");
        return None;
    }
    log::notice!("supervised by upstart, will stop to signal readiness.");
    let _ = kill_process(getpid(), Signal::STOP);
    Some(Supervisor::Upstart)
}

fn systemd() -> Option<Supervisor> {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
        log::warning!("systemd supervision error: NOTIFY_SOCKET not found!");
        return None;
    };
    let told = Notifier::new(&name).and_then(|notifier| {
        notifier.send("STATUS=Redis is loading...\n")?;
        Ok(notifier)
    });
    match told {
        Ok(notifier) => {
            log::notice!(
                "Supervised by systemd. The unit's TimeoutStartSec and TimeoutStopSec must leave time to load and \
                 save the data."
            );
            Some(Supervisor::Systemd(notifier))
        }
        Err(e) => {
            log::warning!("systemd supervision error: sd_notify: {}", net::error_text(&e));
            None
        }
    }
}

/// Sends notifications to systemd's socket.
#[derive(Debug)]
pub struct Notifier {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// `name` is the value of NOTIFY_SOCKET: a path, or `@` and an abstract name.
    pub fn new(name: &std::ffi::OsStr) -> io::Result<Notifier> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "neither a path nor an abstract name",
                ));
            }
        };
        Ok(Notifier { socket: UnixDatagram::unbound()?, address })
    }

    /// Sends lines of `VARIABLE=value` as one datagram.
    pub fn send(&self, message: &str) -> io::Result<()> {
        self.socket.send_to_addr(message.as_bytes(), &self.address).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::testing;
    use std::time::Duration;

    fn receive(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    fn speaks_to(name: &str, systemd: &UnixDatagram) {
        systemd.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let supervisor = Supervisor::Systemd(Notifier::new(name.as_ref()).unwrap());
        supervisor.status("Redis is loading...");
        assert_eq!(receive(systemd), "STATUS=Redis is loading...\n");
        supervisor.ready("Ready to accept connections");
        assert_eq!(receive(systemd), "STATUS=Ready to accept connections\nREADY=1\n");
        supervisor.stopping();
        assert_eq!(receive(systemd), "STOPPING=1\n");
    }

    #[test]
    fn systemd_hears_it_by_path_and_by_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        speaks_to(path.to_str().unwrap(), &UnixDatagram::bind(&path).unwrap());
        let name = format!("carnelian-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        speaks_to(&format!("@{name}"), &UnixDatagram::bind_addr(&address).unwrap());
    }

    #[test]
    fn a_socket_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Notifier::new(dir.path().join("none").as_ref()).unwrap().send("READY=1\n").is_err());
        assert!(Notifier::new("relative".as_ref()).is_err());
        assert!(Notifier::new("".as_ref()).is_err());
    }

    #[test]
    fn auto_takes_what_the_environment_shows() {
        let with = |names: &'static [&str]| {
            chosen(Supervision::Auto, move |name| names.contains(&name).then(|| "x".into()))
        };
        assert_eq!(with(&[]), Supervision::No);
        assert_eq!(with(&["NOTIFY_SOCKET"]), Supervision::Systemd);
        assert_eq!(with(&["NOTIFY_SOCKET", "UPSTART_JOB"]), Supervision::Upstart);
        assert_eq!(chosen(Supervision::No, |_| Some("x".into())), Supervision::No);
    }

    #[test]
    fn the_whole_way_in_a_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        systemd.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let env = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("SUPERVISED", "1")];
        let outcome = testing::run_alone("process::supervise::tests::be_supervised", &env);
        assert!(outcome.status.success(), "{}", outcome.stderr);
        assert_eq!(receive(&systemd), "STATUS=Redis is loading...\n");
        assert_eq!(receive(&systemd), "STATUS=Ready\nREADY=1\n");
        assert!(outcome.stdout.contains(" * Supervised by systemd. "), "{}", outcome.stdout);
    }

    #[test]
    #[ignore = "runs in a process of its own"]
    fn be_supervised() {
        if std::env::var_os("SUPERVISED").is_some() {
            Supervisor::find(Supervision::Auto).unwrap().ready("Ready");
        }
    }

    #[test]
    fn upstart_sees_the_process_stop() {
        let env = [("UPSTART_JOB", "redis"), ("SUPERVISED", "1")];
        let child = testing::start_alone("process::supervise::tests::be_supervised", &env);
        let stat = format!("/proc/{}/stat", child.id());
        testing::wait_for("the process to stop", || {
            std::fs::read_to_string(&stat).unwrap().contains(") T ").then_some(())
        });
        let pid = rustix::process::Pid::from_child(&child);
        kill_process(pid, Signal::CONT).unwrap();
        assert!(testing::finish(child).status.success());
    }
}
