//! Limits: lengths that are announced, replies that nobody reads, clients that have not said who they are.

use crate::Watched;
use rustix::net::sockopt::set_socket_recv_buffer_size;
use rustix::net::{AddressFamily, SocketType, connect, socket};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;
use suites::{Client, eventually};

#[test]
fn announced_lengths_cost_nothing_until_bytes_come() {
    let watched = Watched::start(&[]);
    let announcements = [
        "*1\r\n$536870912\r\n",
        "*2\r\n$3\r\nGET\r\n$500000000\r\nx",
        "*1048576\r\n",
        "*1000000\r\n$3\r\nGET\r\n",
    ];
    let clients: Vec<Client> = announcements
        .iter()
        .cycle()
        .take(200)
        .map(|announcement| {
            let mut client = watched.server.client();
            client.send_raw(announcement.as_bytes()).expect("sending");
            client
        })
        .collect();
    watched.is_well();
    drop(clients);
}

#[test]
fn before_authentication_requests_are_small() {
    let watched = Watched::start(&["--requirepass", "secret"]);
    let cases = [
        ("*11\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"),
        ("*1000000\r\n", "-ERR Protocol error: unauthenticated multibulk length\r\n"),
        ("*2\r\n$4\r\nAUTH\r\n$16385\r\n", "-ERR Protocol error: unauthenticated bulk length\r\n"),
    ];
    for (bytes, expected) in cases {
        let mut client = watched.server.client();
        client.send_raw(bytes.as_bytes()).expect("sending");
        let said = client.read_to_end().expect("a closed connection");
        assert_eq!(String::from_utf8_lossy(&said), expected, "{bytes:?}");
    }
    let mut client = watched.server.client();
    let largest = "x".repeat(16_384);
    assert_eq!(client.call(&["AUTH", &largest]).text().split(' ').next(), Some("WRONGPASS"));
    assert_eq!(
        client.call(&["MGET", "1", "2", "3", "4", "5", "6", "7", "8", "9"]).text(),
        "NOAUTH Authentication required."
    );
    assert_eq!(client.call(&["AUTH", "secret"]).text(), "OK");
    assert_eq!(client.call(&["ECHO", &largest.repeat(2)]).bytes().map(<[u8]>::len), Some(32_768));
    watched.is_well();
}

/// A client whose kernel holds little of what the server sends, so that the rest stays with the server.
fn slow_reader(port: u16) -> Client {
    let fd = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    set_socket_recv_buffer_size(&fd, 4096).expect("a small buffer");
    connect(&fd, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).expect("a connection");
    Client::over_tcp(TcpStream::from(fd)).expect("a client")
}

/// Sends the same bytes again and again, reads nothing, until the server closes. Panics when it takes more
/// than `most` bytes, which would mean that it keeps them.
fn flood(client: &mut Client, bytes: &[u8], most: usize) {
    client.wait_at_most(Duration::from_secs(10)).expect("a time-out");
    let mut sent = 0;
    loop {
        match client.send_raw(bytes) {
            Ok(()) => sent += bytes.len(),
            Err(end) if matches!(end.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => return,
            Err(other) => panic!("after {sent} bytes the server neither reads nor closes: {other}"),
        }
        assert!(sent <= most, "the server took {sent} bytes from a client that reads nothing");
    }
}

#[test]
fn before_authentication_unread_replies_close_the_connection() {
    let watched = Watched::start(&["--requirepass", "secret"]);
    // Each request is answered by about twice its bytes. The kernels hold some megabytes on the way.
    flood(&mut slow_reader(watched.server.port()), &b"GET k\r\n".repeat(10_000), 64 << 20);
    watched.is_well();
}

#[test]
fn the_hard_output_limit_closes_at_once() {
    let watched = Watched::start(&["--client-output-buffer-limit", "normal", "1mb", "0", "0"]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", "k", &"x".repeat(100_000)]).text(), "OK");
    let mut slow = slow_reader(watched.server.port());
    flood(&mut slow, &b"GET k\r\n".repeat(100), 16 << 20);
    watched.is_well();
    let log = watched.server.printed();
    assert!(log.contains("scheduled to be closed ASAP for overcoming of output buffer limits."), "{log}");
}

/// As in Redis the limit holds before anything is sent, so that a reply comes whole or not at all.
#[test]
fn of_a_reply_beyond_the_hard_limit_nothing_is_sent() {
    let watched = Watched::start(&["--client-output-buffer-limit", "normal", "100000", "0", "0"]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", "k", &"x".repeat(60_000)]).text(), "OK");
    assert_eq!(client.line("GET k").text().len(), 60_000);
    let mut greedy = watched.server.client();
    greedy.send_raw(b"SET done 1\r\nGET k\r\nGET k\r\n").expect("sending");
    let got = greedy.read_to_end();
    assert!(got.as_ref().map_or(true, Vec::is_empty), "{got:?}");
    assert_eq!(client.line("GET done").text(), "1");
    assert_eq!(client.line("CLIENT LIST").text().lines().count(), 1);
    watched.is_well();
}

/// The first 16 KiB of what a client has not read are not counted, as in Redis, so that no limit is too small for the next command.
#[test]
fn small_replies_are_below_every_output_limit() {
    let watched = Watched::start(&["--client-output-buffer-limit", "normal", "5", "5", "0"]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", "k", &"x".repeat(15_000)]).text(), "OK");
    (0..3).for_each(|_| assert_eq!(client.line("GET k").text().len(), 15_000));
    client.send_raw(b"GET k\r\nGET k\r\n").expect("sending");
    assert!(client.read_to_end().map_or(true, |got| got.is_empty()));
    watched.is_well();
}

/// `timeout` does not close the connection of who reads a long reply.
#[test]
fn who_takes_what_is_sent_is_not_idle() {
    let watched = Watched::start(&[]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", "k", &"x".repeat(16 << 20)]).text(), "OK");
    let mut slow = slow_reader(watched.server.port());
    slow.send_raw(b"GET k\r\n").expect("sending");
    let mut idle = || {
        let list = client.line("CLIENT LIST").text();
        let its = list.lines().find(|line| line.contains(" cmd=get ")).unwrap_or_default().to_owned();
        let seconds = its.split_whitespace().find_map(|field| field.strip_prefix("idle="));
        seconds.and_then(|seconds| seconds.parse::<u32>().ok()).unwrap_or(0)
    };
    eventually("some idle seconds", || (idle() >= 3).then_some(()));
    assert_eq!(slow.read().expect("a reply").bytes().map(<[u8]>::len), Some(16 << 20));
    assert!(idle() < 3);
}

#[test]
fn the_soft_output_limit_closes_after_its_seconds() {
    let watched = Watched::start(&["--client-output-buffer-limit", "normal", "0", "256kb", "1"]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", "k", &"x".repeat(1 << 20)]).text(), "OK");
    let mut slow = slow_reader(watched.server.port());
    slow.send_raw(&b"GET k\r\n".repeat(16)).expect("sending");
    eventually("the slow reader's end", || {
        let list = client.line("CLIENT LIST").text();
        (list.lines().count() == 1).then_some(())
    });
    watched.is_well();
}

/// Without a limit a server keeps what a slow reader has not taken, but nobody else waits for it.
#[test]
fn a_slow_reader_holds_up_nobody_and_gets_all() {
    let watched = Watched::start(&["--io-threads", "1"]);
    let mut client = watched.server.client();
    let value = "v".repeat(1 << 20);
    assert_eq!(client.call(&["SET", "k", &value]).text(), "OK");
    let mut slow = slow_reader(watched.server.port());
    slow.send_raw(&b"GET k\r\n".repeat(20)).expect("sending");
    for _ in 0..100 {
        assert_eq!(client.line("PING").text(), "PONG");
    }
    for _ in 0..20 {
        assert_eq!(slow.read().expect("a reply").bytes(), Some(value.as_bytes()));
    }
    watched.is_well();
}

#[test]
fn the_query_buffer_limit_closes_the_connection() {
    let watched = Watched::start(&["--client-query-buffer-limit", "1mb"]);
    let mut client = watched.server.client();
    client.send_raw(b"*2\r\n$4\r\nECHO\r\n$100000000\r\n").expect("sending");
    flood(&mut client, &[b'x'; 1 << 16], 32 << 20);
    watched.is_well();
    let log = watched.server.printed();
    assert!(log.contains("Closing client that reached max query buffer length"), "{log}");
}

#[test]
fn values_beyond_proto_max_bulk_len_are_refused() {
    let watched = Watched::start(&["--proto-max-bulk-len", "1mb"]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", "k", &"x".repeat(1 << 20)]).text(), "OK");
    let too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_eq!(client.line("APPEND k x").text(), too_long);
    assert_eq!(client.line("SETRANGE k 1048576 x").text(), too_long);
    client.send_raw(b"*2\r\n$4\r\nECHO\r\n$1048577\r\n").expect("sending");
    assert_eq!(client.read().expect("a reply").text(), "ERR Protocol error: invalid bulk length");
    watched.is_well();
}

/// Offsets near the end of a string of 512 MiB: refused, or answered without making it.
#[test]
fn far_offsets_cost_nothing() {
    let watched = Watched::start(&[]);
    let mut client = watched.server.client();
    for (line, reply) in [
        ("GETBIT k 4294967295", ":0"),
        ("GETRANGE k 0 -1", "\"\""),
        ("GETRANGE k -9223372036854775808 9223372036854775807", "\"\""),
        ("SETRANGE k 536870912 x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"),
        ("SETBIT k 4294967296 1", "-ERR bit offset is not an integer or out of range"),
        ("BITFIELD k SET u8 4294967296 1", "-ERR bit offset is not an integer or out of range"),
        ("BITFIELD k GET u8 4294967280", "[:0]"),
        ("BITFIELD k SET u8 #999999999999999999 1", "-ERR bit offset is not an integer or out of range"),
    ] {
        assert_eq!(client.line(line).to_string(), reply, "{line}");
    }
    assert_eq!(client.line("EXISTS k").integer(), Some(0));
    watched.is_well();
}
