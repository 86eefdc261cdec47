//! Where a server listens, whom it lets in, and when it lets go.

use crate::ours;
use rustix::process::Signal;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::{fs, io};
use suites::{Client, Kind, Server, eventually, run};

#[test]
fn a_unix_socket_has_the_permissions_asked_for() {
    let mut server = Server::start(Kind::Ours, &["--unixsocket", "my.sock", "--unixsocketperm", "750"]);
    let path = server.folder().join("my.sock");
    assert_eq!(fs::metadata(&path).expect("the socket").permissions().mode() & 0o777, 0o750);
    let mut client = Client::connect_unix(&path).expect("a connection");
    assert_eq!(client.line("PING").text(), "PONG");
    server.signal(Signal::TERM);
    server.wait();
    assert!(!path.exists());
}

#[test]
fn port_0_leaves_the_unix_socket_alone() {
    let server = Server::launch(Kind::Ours, &["--port", "0", "--unixsocket", "only.sock"], Stdio::null());
    let path = server.folder().join("only.sock");
    let mut client = eventually("the socket", || Client::connect_unix(&path).ok());
    assert_eq!(client.line("PING").text(), "PONG");
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
}

/// Whether IPv6 works on this machine's loopback.
fn has_ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

#[test]
fn every_form_of_bind_listens_where_it_says() {
    // 192.0.2.1 is for documentation: no machine has it, and the minus says that this is no reason to stop.
    let forms: [(&[&str], bool); 6] = [
        (&["127.0.0.1"], false),
        (&["127.0.0.1", "-::1"], true),
        (&["127.0.0.1", "-192.0.2.1"], false),
        (&["*", "-::*"], true),
        (&["0.0.0.0"], false),
        (&["localhost"], false),
    ];
    for (addresses, v6) in forms {
        let args: Vec<&str> = [&["--bind"], addresses].concat();
        let server = Server::start(Kind::Ours, &args);
        let over_v6 = TcpStream::connect(("::1", server.port())).is_ok();
        assert_eq!(over_v6, v6 && has_ipv6(), "{addresses:?}");
        let mut client = server.client();
        let shown = client.line("CONFIG GET bind").pairs().map(|pairs| pairs[0].1.text());
        assert_eq!(shown, Some(addresses.join(" ")));
    }
}

/// What comes may be what is there already, a part of it, or more; and nobody else may listen there afterwards.
#[test]
fn bind_changes_to_addresses_that_overlap() {
    let mut server = Server::start::<&str>(Kind::Ours, &[]);
    let mut first = server.client();
    for bind in ["127.0.0.1", "* -::*", "127.0.0.1 -::1", "*", "0.0.0.0", "127.0.0.1 -192.0.2.2", "*"] {
        assert_eq!(first.call(&["CONFIG", "SET", "bind", bind]).text(), "OK", "{bind}: {}", server.printed());
        assert!(server.answers(), "{bind}: {}", server.printed());
        let end = ours(&["--save", "", "--port", &server.port().to_string()], "");
        assert_eq!(end.code, Some(1), "a second server beside {bind}");
    }
}

#[test]
fn a_server_that_listens_nowhere_ends() {
    for args in [&["--port", "0"][..], &["--bind", "-192.0.2.1"]] {
        let end = ours(&[&["--save", "", "--port", &suites::free_port().to_string()], args].concat(), "");
        assert_eq!(end.code, Some(1), "{args:?}");
        assert!(end.stdout.contains("Configured to not listen anywhere, exiting."), "{}", end.stdout);
    }
}

#[test]
fn an_address_that_cannot_be_had_ends_the_start() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();
    for (bind, reason) in
        [("127.0.0.1", "Address already in use"), ("192.0.2.1", "Cannot assign requested address")]
    {
        let end = ours(&["--save", "", "--bind", bind, "--port", &port], "");
        let said = end.stdout + &end.stderr;
        assert_eq!(end.code, Some(1), "{said}");
        let line = format!("Could not create server TCP listening socket {bind}:{port}: bind: {reason}");
        assert!(said.contains(&line), "{line:?} is missing in: {said}");
        assert!(said.contains(&format!("Failed listening on port {port} (")), "{said}");
    }
}

#[test]
fn config_set_moves_the_port_and_the_addresses() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let mut first = server.client();
    let port = suites::free_port();
    assert_eq!(first.line(&format!("CONFIG SET port {port}")).text(), "OK");
    assert_eq!(Client::connect(port).expect("the new port").line("PING").text(), "PONG");
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    assert_eq!(first.line("PING").text(), "PONG", "who is connected stays");
}

#[test]
fn config_set_that_cannot_act_in_full_leaves_the_port_and_all_else() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let mut first = server.client();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (taken_port, free) = (taken.local_addr().expect("its address").port(), suites::free_port());
    for settings in [
        format!("timeout 9 port {taken_port}"),
        format!("port {taken_port} bind 127.0.0.1"),
        format!("port {free} timeout 9 activedefrag yes"),
        format!("timeout 9 bind 192.0.2.1 port {free}"),
    ] {
        let reply = first.line(&format!("CONFIG SET {settings}"));
        assert!(reply.text().starts_with("ERR CONFIG SET failed"), "{settings}: {}", reply.text());
        assert_eq!(
            Client::connect(server.port()).expect("the old port").line("PING").text(),
            "PONG",
            "{settings}"
        );
        assert!(TcpStream::connect(("127.0.0.1", free)).is_err(), "{settings}");
        let kept = first.line("CONFIG GET port timeout");
        let kept: Vec<String> =
            kept.elements().unwrap_or_default().iter().map(|value| value.text()).collect();
        assert!(kept.contains(&server.port().to_string()) && kept.contains(&"0".to_owned()), "{kept:?}");
    }
    assert!(!server.printed().contains("could not be restored"), "{}", server.printed());
    assert_eq!(first.line(&format!("CONFIG SET timeout 9 port {free}")).text(), "OK");
    assert_eq!(Client::connect(free).expect("the new port").line("PING").text(), "PONG");
}

#[test]
fn one_client_too_many_is_told_so() {
    let server = Server::start(Kind::Ours, &["--maxclients", "5"]);
    // The connection that waited for the start may still be on its way out.
    let mut clients = eventually("five places", || {
        let mut clients: Vec<Client> = (0..5).map(|_| server.client()).collect();
        clients
            .iter_mut()
            .all(|client| client.send(&["PING"]).is_ok() && client.read().is_ok_and(|v| !v.is_error()))
            .then_some(clients)
    });
    let refused = server.client().read_to_end().expect("a closed connection");
    assert_eq!(refused, b"-ERR max number of clients reached\r\n");
    clients.pop();
    eventually("a free place", || {
        let mut client = server.client();
        client.send(&["PING"]).ok()?;
        client.read().ok().filter(|reply| !reply.is_error())
    });
    let info = clients[0].line("INFO stats").text();
    let rejected =
        info.lines().find_map(|line| line.strip_prefix("rejected_connections:")).expect("the field");
    assert!(rejected.parse::<u32>().expect("a number") >= 1);
}

#[test]
fn an_idle_client_is_let_go_after_the_timeout() {
    let server = Server::start(Kind::Ours, &["--timeout", "1"]);
    assert_eq!(server.client().read_to_end().expect("a closed connection"), b"");
}

#[test]
fn a_password_is_asked_for() {
    let server = Server::start(Kind::Ours, &["--requirepass", "secret"]);
    let mut client = server.client();
    assert_eq!(client.line("GET k").text(), "NOAUTH Authentication required.");
    let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
    assert_eq!(client.line("AUTH wrong").text(), wrong);
    assert_eq!(client.line("AUTH default secret").text(), "OK");
    assert_eq!(client.line("GET k").to_string(), "$nil");
    assert_eq!(server.client().line("HELLO 3 AUTH default secret").pairs().map(|pairs| pairs.len()), Some(7));
}

/// In a network namespace of its own, where an address that is not loopback costs nothing and reaches
/// nobody. Where the machine allows no such namespace, the rule has only its unit tests.
#[test]
fn protected_mode_refuses_those_from_elsewhere() {
    const SCRIPT: &str = r#"
        ip link set lo up && ip addr add 10.9.8.7/32 dev lo || exit 77
        "$@" --port 7000 --save '' --bind 10.9.8.7 &
        server=$!
        trap 'kill -9 $server' EXIT
        for try in $(seq 200); do
            reply=$(redis-cli -h 10.9.8.7 -p 7000 PING 2>&1)
            case "$reply" in *refused*) sleep 0.05 ;; *) echo "REPLY $reply"; exit 0 ;; esac
        done
        exit 1
    "#;
    if !namespaces_work() {
        // Not the captured output: a check that did not run should be seen.
        let _ = io::Write::write_all(
            &mut io::stderr(),
            b"note: no network namespaces here, protected mode not tried\n",
        );
        return;
    }
    let command = Kind::Ours.command();
    let end = run(
        Command::new("unshare")
            .args(["--map-root-user", "--net", "sh", "-c", SCRIPT, "sh"])
            .arg(command.get_program())
            .args(command.get_args()),
        b"",
    );
    let reply = "REPLY DENIED Redis is running in protected mode because protected mode is enabled";
    assert!(
        end.stdout.contains(reply) || end.stdout.contains(&reply.replace("REPLY ", "REPLY (error) ")),
        "{}{}",
        end.stdout,
        end.stderr
    );
}

fn namespaces_work() -> bool {
    let probe =
        ["--map-root-user", "--net", "sh", "-c", "ip link set lo up && ip addr add 10.9.8.7/32 dev lo"];
    run(Command::new("unshare").args(probe), b"").code == Some(0)
}
