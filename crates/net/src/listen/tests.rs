//! Listening on real sockets, loopback only.

use super::*;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::sync::Mutex;

use rustix::fs::inotify;

/// The umask belongs to the process: tests that change it, or look at what it made, take turns.
static UMASK: Mutex<()> = Mutex::new(());

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn listen(bind: &str, port: u16) -> (Result<Vec<Listener>, ListenError>, Vec<String>) {
    let bind = words(bind);
    let options = TcpOptions { bind: &bind, port, backlog: 511, mark: 0, replaced: &[] };
    let mut warnings = Vec::new();
    let listeners = tcp(&options, &mut |text| warnings.push(text.to_owned()));
    (listeners, warnings)
}

/// Calls `test` with ports that were free a moment ago, until it does not meet a port taken since.
fn with_free_port<T>(mut test: impl FnMut(u16) -> Option<T>) -> T {
    for _ in 0..20 {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(done) = test(port) {
            return done;
        }
    }
    panic!("no free port in 20 tries");
}

fn has_ipv6() -> bool {
    std::net::TcpListener::bind("[::1]:0").is_ok()
}

fn addresses(listeners: &[Listener]) -> Vec<String> {
    listeners.iter().map(|l| l.local_addr().unwrap().ip().to_string()).collect()
}

#[test]
fn several_addresses_share_the_port() {
    let found = with_free_port(|port| Some(addresses(&listen("127.0.0.1 127.0.0.2", port).0.ok()?)));
    assert_eq!(found, ["127.0.0.1", "127.0.0.2"]);
}

#[test]
fn a_star_and_an_optional_v6_star_are_every_address() {
    let (found, warnings) = with_free_port(|port| {
        let (listeners, warnings) = listen("* -::*", port);
        Some((addresses(&listeners.ok()?), warnings))
    });
    if has_ipv6() {
        assert_eq!((found, warnings), (vec!["0.0.0.0".to_owned(), "::".to_owned()], vec![]));
    } else {
        assert_eq!(found, ["0.0.0.0"]);
    }
}

#[test]
fn the_default_bind_needs_no_ipv6() {
    let found = with_free_port(|port| Some(addresses(&listen("127.0.0.1 -::1", port).0.ok()?)));
    assert_eq!(found[0], "127.0.0.1");
    assert_eq!(found.len(), if has_ipv6() { 2 } else { 1 });
}

#[test]
fn an_address_in_use_is_fatal_and_said_in_redis_words() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for bind in ["127.0.0.1", "-127.0.0.1", "127.0.0.2 127.0.0.1"] {
        let (listeners, warnings) = listen(bind, port);
        let error = listeners.unwrap_err();
        assert_eq!(error.to_string(), format!("Failed listening on port {port} (tcp), aborting."));
        let text = format!(
            "Warning: Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use"
        );
        assert_eq!(warnings, [text]);
    }
    // What was opened before the failure is closed again.
    assert!(std::net::TcpListener::bind(("127.0.0.2", port)).is_ok());
}

#[test]
fn an_address_the_machine_lacks_is_fatal_unless_optional() {
    // 192.0.2.0/24 is reserved for documentation: no machine has it.
    let (found, warnings) = with_free_port(|port| {
        let (listeners, warnings) = listen("-192.0.2.1 127.0.0.1", port);
        Some((addresses(&listeners.ok()?), warnings))
    });
    assert_eq!(found, ["127.0.0.1"]);
    assert!(warnings[0].starts_with("Warning: Could not create server TCP listening socket 192.0.2.1:"));
    assert!(warnings[0].ends_with(": bind: Cannot assign requested address"));
    assert_eq!(listen("192.0.2.1", 1234).0.unwrap_err(), ListenError::Tcp { port: 1234 });
}

#[test]
fn a_name_that_does_not_resolve_is_fatal() {
    let (listeners, warnings) = listen("no_such_host.invalid", 1234);
    assert!(listeners.is_err());
    assert!(
        warnings[0]
            .starts_with("Warning: Could not create server TCP listening socket no_such_host.invalid:1234: ")
    );
}

#[test]
fn sockets_do_not_survive_exec_and_do_not_block() {
    with_free_port(|port| {
        let listeners = listen("127.0.0.1", port).0.ok()?;
        let flags =
            std::fs::read_to_string(format!("/proc/self/fdinfo/{}", listeners[0].as_raw_fd())).unwrap();
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
        let flags = u32::from_str_radix(flags, 8).unwrap();
        assert_eq!(flags & 0o2_004_000, 0o2_004_000, "O_CLOEXEC | O_NONBLOCK in {flags:o}");
        assert_eq!(listeners[0].accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        Some(())
    });
}

/// A file's mode right after its creation is its last one if nothing changed its attributes since: so the kernel's
/// own record of the directory shows that there is no window, not just a look that may come too late.
#[test]
fn a_unix_socket_has_its_permissions_from_the_first_moment() {
    let _turn = UMASK.lock().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock");
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    let wanted = inotify::WatchFlags::CREATE | inotify::WatchFlags::ATTRIB;
    inotify::add_watch(&watch, dir.path(), wanted).unwrap();

    // The widest umask there is: whatever the bind does not take away, everybody gets.
    let _wide = Umask::set(Mode::empty());
    let _listener = unix(&path, 0o700, 16).unwrap();

    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&watch, &mut buffer);
    assert!(events.next().unwrap().events().contains(inotify::ReadFlags::CREATE));
    assert!(events.next().is_err(), "the file was changed after it was made");
    assert_eq!(Umask::set(Mode::empty()).0, Mode::empty(), "the umask is back");
}

#[test]
fn permissions_do_not_depend_on_the_umask_and_0_leaves_them_to_it() {
    let _turn = UMASK.lock().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock");
    let mode = || std::fs::metadata(&path).unwrap().mode() & 0o7777;
    let _narrow = Umask::set(Mode::from_raw_mode(0o077));
    let _listener = unix(&path, 0o766, 16).unwrap();
    assert_eq!(mode(), 0o766);
    let _listener = unix(&path, 0, 16).unwrap();
    assert_eq!(mode(), 0o700);
}

#[test]
fn a_stale_socket_file_is_replaced() {
    let _turn = UMASK.lock().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("redis.sock");
    std::fs::write(&path, "stale").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    let _listener = unix(&path, 0, 16).unwrap();
    assert!(std::fs::metadata(&path).unwrap().file_type().is_socket());
}

#[test]
fn unix_failures_are_said_in_redis_words() {
    let _turn = UMASK.lock().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no/such/dir/s");
    let error = unix(&missing, 0, 16).unwrap_err().to_string();
    assert_eq!(error, "Failed opening Unix socket: bind: No such file or directory");
    let long = dir.path().join("x".repeat(120));
    let length = long.as_os_str().len();
    let error = unix(&long, 0, 16).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("Failed opening Unix socket: unix socket path too long ({length}), must be under 108")
    );
}
