//! Bytes that are no request, or nearly one: both servers must say the same, to the byte.

use crate::Watched;
use fastrand::Rng;
use std::time::Duration;
use suites::{Client, Kind, Server, Shortened};

/// All that a server says to these bytes, until it closes the connection: it must when we have finished.
fn said(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut client = server.client();
    // A server that closes early refuses the rest; what it said before can still be read.
    let _ = client.send_raw(bytes).and_then(|()| client.finish_sending());
    let said = client.read_to_end();
    said.unwrap_or_else(|error| panic!("not closed when we had finished ({error}): {}", Shortened(bytes)))
}

fn both() -> (Server, Server) {
    (Server::start::<&str>(Kind::Ours, &[]), Server::start::<&str>(Kind::Genuine, &[]))
}

/// What is longer than the 64 KiB that a line may have.
fn long(sign: &str) -> Vec<u8> {
    [sign.as_bytes(), &b"1".repeat(70_000)].concat()
}

fn handmade() -> Vec<Vec<u8>> {
    let texts = [
        "*1048577\r\n",
        "*2147483648\r\n",
        "*99999999999999999999\r\n",
        "*x\r\n",
        "*\r\n",
        "*1x\r\n",
        "* 1\r\n",
        "*-1\r\nPING\r\n",
        "*-10\r\nPING\r\n",
        "*0\r\nPING\r\n",
        "*1\r\n\r\n",
        "*1\r\nPING\r\n",
        "*1\r\n+PING\r\n",
        "*1\r\n$x\r\n",
        "*1\r\n$\r\n",
        "*1\r\n$-1\r\n",
        "*1\r\n$536870913\r\n",
        "*1\r\n$9223372036854775808\r\n",
        "*1\r\n$4\r\nPINGxxPING\r\n",
        "*1\r\n$4\r\nPING\n\n",
        "*1\r\n$3\r\nPING\r\n",
        "*1\r\n$0\r\n\r\n",
        "*2\r\n$4\r\nECHO\r\n:5\r\n",
        "*2\r\n$4\r\nECHO\r\n*1\r\n$1\r\nx\r\n",
        "*3\r\n$4\r\nPING\r\n",
        "*1\n$4\nPING\n",
        "PING\n",
        "PING\r\n",
        "\r\n\r\n\n  \r\nPING\r\n",
        "ping \t x\r\n",
        "  PING  \r\n",
        "ECHO \"a\\x41\\n\"\r\n",
        "ECHO 'a\\'b'\r\n",
        "ECHO \"unbalanced\r\n",
        "ECHO 'x'y\r\n",
        "ECHO \"x\"y\r\n",
        "ECHO \0x\r\n",
        "$4\r\nPING\r\n",
        "+OK\r\n",
        "-ERR\r\n",
        ":1\r\n",
        "_\r\n",
        "%1\r\n",
        "\0\0\0\r\n",
        "\u{ff}\u{fe}\r\n",
        "SET a b\r\nGET a\r\n*x\r\nGET a\r\n",
        "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI",
        "GET /x HTTP/1.1\r\nAccept: *\r\n\r\n",
        "POST / HTTP/1.1\r\nPING\r\n",
        "Host: example.com\r\nPING\r\n",
        "host: x\r\n",
        "post\r\nPING\r\n",
        "*1\r\n$4\r\nPOST\r\nPING\r\n",
        "NOSUCH \"a\\r\\nb\" '\\r\\n-ERR'\r\n",
        "nosuch a\tb\r\n",
        "CLIENT \"x\\r\\ny\"\r\n",
    ];
    let lines = [long(""), long("*"), long("*1\r\n$"), [long("*1\r\n$70000\r\n"), b"\r\n".to_vec()].concat()];
    texts.iter().map(|text| text.as_bytes().to_vec()).chain(lines).collect()
}

#[test]
fn handmade_mistakes_get_redis_own_words() {
    let (ours, genuine) = both();
    for bytes in handmade() {
        let shown = bytes[..bytes.len().min(100)].escape_ascii();
        let (ours, genuine) = (said(&ours, &bytes), said(&genuine, &bytes));
        assert_eq!(ours.escape_ascii().to_string(), genuine.escape_ascii().to_string(), "to {shown}");
    }
}

/// A pipeline of small requests, both forms, that is right.
fn pipeline(rng: &mut Rng) -> Vec<u8> {
    const REQUESTS: [&str; 10] = [
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n",
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
        "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n",
        "PING\r\n",
        "ECHO \"a b\"\r\n",
        "SET k 'v w'\r\n",
        "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
        "*4\r\n$4\r\nMGET\r\n$1\r\nk\r\n$1\r\nl\r\n$1\r\nm\r\n",
    ];
    let count = rng.usize(1..6);
    (0..count).flat_map(|_| REQUESTS[rng.usize(0..REQUESTS.len())].bytes()).collect()
}

/// One to three small damages.
fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    const TELLING: &[u8] = b"\r\n*$-+0123456789 \"'\\\0\xff:";
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(0..bytes.len());
        let byte = TELLING[rng.usize(0..TELLING.len())];
        match rng.u8(0..6) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 => bytes[at] ^= 1 << rng.u8(0..8),
            4 if at > 0 => bytes.truncate(at),
            _ => {
                let end = (at + rng.usize(1..8)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
        }
    }
}

/// HELLO's reply tells the version and the client's id: those are not compared. Nor is how bytes that are no text are
/// shown in an error: genuine repeats them, ours is a dot, or U+FFFD where UTF-8 is broken.
fn comparable(said: &[u8]) -> String {
    let said: Vec<u8> = match said.windows(5).position(|w| w == b"got '") {
        Some(at) if said.get(at + 5).is_some_and(|byte| !(b' '..=b'~').contains(byte)) => {
            [&said[..at + 5], b".", &said[at + 6..]].concat()
        }
        _ => said.to_vec(),
    };
    let text = String::from_utf8_lossy(&said).escape_default().to_string();
    let parts = text.split("server\\r\\n$5\\r\\nredis").map(|part| match part.split_once("modules") {
        Some((_, behind)) => behind,
        None => part,
    });
    parts.collect()
}

#[test]
fn damaged_pipelines_are_answered_alike() {
    let (ours, genuine) = both();
    for seed in 0..2_000 {
        let mut rng = Rng::with_seed(seed);
        let mut bytes = pipeline(&mut rng);
        damage(&mut rng, &mut bytes);
        let (ours, genuine) = (said(&ours, &bytes), said(&genuine, &bytes));
        assert_eq!(comparable(&ours), comparable(&genuine), "seed {seed}: {}", bytes.escape_ascii());
    }
}

#[test]
fn noise_does_no_harm() {
    let watched = Watched::start(&[]);
    for seed in 0..500 {
        let mut rng = Rng::with_seed(seed);
        let length = if seed % 10 == 0 { 200_000 } else { 300 };
        let noise: Vec<u8> = (0..rng.usize(1..length)).map(|_| rng.u8(..)).collect();
        said(&watched.server, &noise);
    }
    watched.is_well();
}

/// In pieces of any size a request is the same request.
#[test]
fn a_request_may_come_byte_by_byte() {
    let watched = Watched::start(&[]);
    let mut client = watched.server.client();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n" {
        client.send_raw(&[*byte]).expect("sending");
    }
    assert_eq!(client.read().expect("a reply").text(), "OK");
    for byte in b"GET k\r\n" {
        client.send_raw(&[*byte]).expect("sending");
    }
    assert_eq!(client.read().expect("a reply").bytes(), Some(b"va\r\nl".as_slice()));
    watched.is_well();
}

#[test]
fn half_a_request_holds_up_nobody() {
    let watched = Watched::start(&["--io-threads", "1"]);
    let halves = ["*3\r\n$3\r\nSET\r\n", "*2\r\n$3\r\nGET\r\n$100\r\nabc", "SET k", "*", "*1000\r\n"];
    let mut waiting: Vec<Client> = halves
        .iter()
        .cycle()
        .take(100)
        .map(|half| {
            let mut client = watched.server.client();
            client.send_raw(half.as_bytes()).expect("sending");
            client
        })
        .collect();
    watched.is_well();
    for client in &mut waiting {
        client.wait_at_most(Duration::from_millis(1)).expect("a time-out");
        assert!(client.read().is_err(), "no reply to half a request");
    }
}

#[test]
fn a_cross_protocol_request_is_closed_and_logged() {
    let watched = Watched::start(&[]);
    for request in ["POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n", "Host: x\r\nSET k v\r\n"] {
        assert_eq!(said(&watched.server, request.as_bytes()), b"", "{request}");
    }
    assert!(
        watched.server.printed().contains("Possible SECURITY ATTACK detected."),
        "{}",
        watched.server.printed()
    );
    assert_eq!(watched.server.client().line("EXISTS k").integer(), Some(0));
    watched.is_well();
}

/// Replies must stay one reply each, whatever a client puts into an error's text.
#[test]
fn errors_cannot_be_used_to_forge_replies() {
    let watched = Watched::start(&[]);
    let mut client = watched.server.client();
    let forged = b"x\r\n+OK\r\n$3\r\nbad\r\n\0";
    for args in [
        &[forged.as_slice()][..],
        &[b"CLIENT", forged],
        &[b"CONFIG", b"GET\r\n-x", b"y"],
        &[b"GET", forged, forged],
    ] {
        client.send(args).expect("sending");
        client.send(&["ECHO", "mark"]).expect("sending");
        assert!(client.read().expect("one reply").is_error());
        assert_eq!(client.read().expect("the next").text(), "mark");
    }
    watched.is_well();
}
