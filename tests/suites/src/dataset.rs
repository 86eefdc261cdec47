//! Keys of every type, and what servers that hold them answer alike.
//!
//! Only what Redis 7.0 knows, so that genuine redis-server can be asked too.

use crate::{Client, Server, Value};

/// Keys of every type, small and large, in three databases, and more than one thread's work.
///
/// # Panics
/// When the connection ends.
pub fn fill(client: &mut Client) {
    fill_by_commands(client);
    client.line("DEBUG POPULATE 20000 many 100");
}

/// The same without those of DEBUG POPULATE, which no append-only file knows of.
///
/// # Panics
/// When the connection ends.
pub fn fill_by_commands(client: &mut Client) {
    let lines = [
        "SET number -12345",
        "SET large-number 9223372036854775807",
        "SET text some-words",
        "SETRANGE raw 4 words",
        "SET passing x PXAT 33177117420000",
        "RPUSH list a 1 -70000 c",
        "SADD ints 1 2 300000",
        "SADD words one two 3",
        "ZADD scores 1 a 2.5 b -inf c",
        "HSET fields f v g 2",
        "PEXPIREAT fields 33177117420001",
        "PFADD hyperloglog a b c",
        "SELECT 2",
        "SET text in-another-database",
        "SELECT 15",
        "SET text in-the-last-database",
        "SELECT 0",
    ];
    for line in lines {
        client.line(line);
    }
    client.call(&[b"SET", &b"compressible"[..], &b"abcdefgh".repeat(4000)]);
    client.call(&[b"SET", &b"compressible-short"[..], &b"abcdefgh".repeat(20)]);
    client.call(&[b"RPUSH", &b"list-plain"[..], &b"x".repeat(20_000), b"end"]);
    let large = ["RPUSH list-large", "SADD words-large", "ZADD scores-large", "HSET fields-large"];
    for command in large {
        let numbers = (0..700).map(|number| match command {
            "ZADD scores-large" => format!("{number}.25 member-{number}"),
            "HSET fields-large" => format!("field-{number} {number}"),
            _ => format!("element-{number}"),
        });
        client.line(&format!("{command} {}", numbers.collect::<Vec<_>>().join(" ")));
    }
    for number in 1..300 {
        client.line(&format!("XADD stream {number}-1 field {number} other text"));
    }
    for line in ["XDEL stream 7-1 9-1", "XGROUP CREATE stream g 5", "XGROUP CREATE stream idle $"] {
        client.line(line);
    }
    client.line("XREADGROUP GROUP g ann COUNT 20 STREAMS stream >");
    client.line("XACK stream g 12-1");
}

/// What servers with the same data answer alike, each by its command.
///
/// The stream is gone behind it.
///
/// # Panics
/// When the connection ends.
pub fn state(server: &Server) -> Vec<(String, Value)> {
    let mut client = server.client();
    let lines = [
        "DBSIZE",
        "PEXPIRETIME passing",
        "PEXPIRETIME fields",
        "XRANGE stream - +",
        "XINFO STREAM stream",
        "XINFO GROUPS stream",
        "XPENDING stream g",
        "DEBUG DIGEST",
    ];
    // Of the types whose encodings have the names that they had in 7.0.
    let keys =
        ["number", "large-number", "text", "compressible", "compressible-short", "ints", "scores", "fields"];
    let large = ["words-large", "scores-large", "fields-large"];
    let encodings = keys.iter().chain(&large).map(|key| format!("OBJECT ENCODING {key}"));
    let lines = lines.map(str::to_owned).into_iter().chain(encodings);
    lines.map(|line| (line.clone(), client.line(&line))).collect()
}
