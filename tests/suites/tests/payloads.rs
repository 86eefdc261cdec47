//! DUMP and RESTORE across the two servers: what one wrote the other reads.

use suites::payload::read;
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
