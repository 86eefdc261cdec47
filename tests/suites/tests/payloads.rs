//! DUMP and RESTORE across the two servers: what one wrote the other reads.

use suites::payload::{read, seal};
use suites::{Client, Kind, Server, Value};

/// Strings of every encoding: integers of each width, what is just too long for them, text that compresses.
fn values() -> Vec<Vec<u8>> {
    let numbers =
        ["0", "-1", "127", "-129", "32768", "-32769", "2147483647", "-2147483649", "9223372036854775807"];
    let mut values: Vec<Vec<u8>> = numbers.iter().map(|text| text.as_bytes().to_vec()).collect();
    values.extend([b"".to_vec(), b"007".to_vec(), (0..=255).collect(), b"12345678901234567890123".to_vec()]);
    for length in [4, 5, 20, 21, 63, 64, 300, 16_383, 16_384, 200_000] {
        values.push(b"a".repeat(length));
        values.push(b"some words again and ".iter().copied().cycle().take(length).collect());
    }
    values
}

fn dump(client: &mut Client, value: &[u8]) -> Vec<u8> {
    assert_eq!(client.call(&[b"SET", b"k".as_slice(), value]).text(), "OK");
    client.call(&["DUMP", "k"]).bytes().expect("a payload").to_vec()
}

fn restored(client: &mut Client, payload: &[u8]) -> Value {
    let reply = client.call(&[b"RESTORE", b"k".as_slice(), b"0", payload, b"REPLACE"]);
    assert_eq!(reply.text(), "OK", "{}", payload.escape_ascii());
    client.call(&["GET", "k"])
}

#[test]
fn each_server_restores_what_the_other_dumped() {
    let (ours, genuine) = (Server::start::<&str>(Kind::Ours, &[]), Server::start::<&str>(Kind::Genuine, &[]));
    let (mut ours, mut genuine) = (ours.client(), genuine.client());
    for value in values() {
        let by_genuine = dump(&mut genuine, &value);
        assert_eq!(restored(&mut ours, &by_genuine), Value::Bulk(value.clone()));

        let by_ours = dump(&mut ours, &value);
        assert_eq!(read(&by_ours).as_ref(), Some(&value), "the payload itself");
        // Strings are the same in every version, so ours must be marked with one that the older server reads.
        assert_eq!(restored(&mut genuine, &by_ours), Value::Bulk(value));
    }
}

/// What a stream consists of as XINFO tells it, without the times of its consumers.
fn stream_state(client: &mut Client) -> Vec<Value> {
    let lines = ["XRANGE s - +", "XINFO STREAM s", "XINFO GROUPS s", "XPENDING s g", "DUMP s"];
    let mut state: Vec<Value> = lines[..4].iter().map(|line| client.line(line)).collect();
    let payload = client.line(lines[4]);
    let content = suites::payload::content(payload.bytes().expect("a payload")).expect("a stream");
    state.extend(content.1.into_iter().map(Value::Bulk));
    state
}

#[test]
fn each_server_restores_streams_that_the_other_dumped() {
    let (ours, genuine) = (Server::start::<&str>(Kind::Ours, &[]), Server::start::<&str>(Kind::Genuine, &[]));
    let (mut ours, mut genuine) = (ours.client(), genuine.client());
    let (mut first, mut second) = (&mut ours, &mut genuine);
    for _ in 0..2 {
        first.line("DEL s");
        for ms in 1..=250 {
            first.line(&format!("XADD s {ms} field {ms} other text"));
        }
        first.line("XADD s 250-7 field only");
        for line in
            ["XDEL s 3 77 250", "XTRIM s MAXLEN 240", "XGROUP CREATE s g 20", "XGROUP CREATE s empty $"]
        {
            first.line(line);
        }
        for consumer in ["ann", "bob", "ann"] {
            first.line(&format!("XREADGROUP GROUP g {consumer} COUNT 30 STREAMS s >"));
        }
        first.line("XACK s g 21 40 60");
        let payload = first.line("DUMP s").bytes().expect("a payload").to_vec();
        let reply = second.call(&[b"RESTORE", b"s".as_slice(), b"0", &payload, b"REPLACE"]);
        assert_eq!(reply.text(), "OK");
        assert_eq!(stream_state(first), stream_state(second));
        // Both go on in the same way.
        for client in [&mut *first, &mut *second] {
            client.line("XADD s 251 field 251 other text");
            client.line("XREADGROUP GROUP g eve COUNT 5 STREAMS s >");
        }
        assert_eq!(stream_state(first), stream_state(second));
        (first, second) = (second, first);
    }
}

/// A ziplist of a, 1, bc and 300.
const ZIPLIST: &[u8] = b"\x18\0\0\0\x13\0\0\0\x04\0\0\x01a\x03\xf2\x02\x02bc\x04\xc0\x2c\x01\xff";
/// A zipmap of a, which is 1, and bc, which is 300, with a spare byte behind it.
const ZIPMAP: &[u8] = b"\x02\x01a\x01\x001\x02bc\x03\x01300?\xff";

/// What RESTORE makes of type, value and version 9: its error, or what the value is.
fn restored_old(client: &mut Client, head: &[u8], packed: &[u8]) -> (String, Vec<Value>) {
    let body = [head, &[packed.len() as u8], packed].concat();
    let reply = client.call(&[b"RESTORE", b"k".as_slice(), b"0", &seal(body, 9), b"REPLACE"]);
    let lines = ["TYPE k", "DEBUG DIGEST-VALUE k"];
    let is_restored = reply.text() == "OK";
    let state = lines.iter().filter(|_| is_restored).map(|line| client.line(line)).collect();
    (reply.text(), state)
}

/// The forms of Redis before 7.0, whole and with any one byte changed: both servers refuse the same, or make the same of
/// it.
#[test]
fn both_servers_read_old_forms_alike() {
    let debug = ["--enable-debug-command", "yes"];
    let (ours, genuine) = (Server::start(Kind::Ours, &debug), Server::start(Kind::Genuine, &debug));
    let (mut ours, mut genuine) = (ours.client(), genuine.client());
    let forms: [(&[u8], &[u8]); 5] = [
        (b"\x09", ZIPMAP),
        (b"\x0a", ZIPLIST),
        (b"\x0c", ZIPLIST),
        (b"\x0d", ZIPLIST),
        (b"\x0e\x01", ZIPLIST),
    ];
    for (head, packed) in forms {
        assert_eq!(restored_old(&mut ours, head, packed).0, "OK");
        for at in 0..packed.len() {
            for to in [packed[at], packed[at] ^ 1, packed[at] ^ 0x80, 0, 0xfe, 0xff] {
                let mut changed = packed.to_vec();
                changed[at] = to;
                let (by_ours, by_genuine) =
                    (restored_old(&mut ours, head, &changed), restored_old(&mut genuine, head, &changed));
                // redis-server takes a score that is no number for 0; ours refuses it.
                let is_no_score = *head == [0x0c] && by_ours.0 != "OK";
                if !is_no_score {
                    assert_eq!(by_ours, by_genuine, "{head:?} {}", changed.escape_ascii());
                }
            }
        }
    }
}
