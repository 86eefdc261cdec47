//! What servers are filled with.

use crate::Done;
use suites::Server;

/// The command that makes the key with this number.
pub type Command = fn(u64) -> Vec<String>;

/// Keys of the small dataset; `key:` and twelve digits, as redis-benchmark names them.
pub const KEYS: u64 = 1_000_000;

/// Keys of the dataset of 1 KiB values.
pub const BIG_KEYS: u64 = 200_000;

/// A dataset whose memory is measured.
pub struct Dataset {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its name in the table.
    pub label: &'static str,
    /// Its keys.
    pub count: u64,
    /// How each is made.
    pub command: Command,
}

/// All of them.
pub const DATASETS: [Dataset; 3] = [
    Dataset {
        name: "string",
        label: "16 B key, 32 B value",
        count: 2_000_000,
        command: |i| words(["SET", &key(i), &"x".repeat(32)]),
    },
    Dataset {
        name: "string-int",
        label: "16 B key, 8-digit integer",
        count: 2_000_000,
        command: |i| words(["SET", &key(i), &(10_000_000 + i).to_string()]),
    },
    Dataset {
        name: "string-ttl",
        label: "the first with a TTL",
        count: 2_000_000,
        command: |i| words(["SET", &key(i), &"x".repeat(32), "EX", &(86_400 + i % 3_600).to_string()]),
    },
];

/// A key of [`KEYS`] with 64 bytes.
pub fn keys_of_64_bytes(i: u64) -> Vec<String> {
    words(["SET", &key(i), &"x".repeat(64)])
}

/// A key of [`BIG_KEYS`] with 1 KiB.
pub fn big_value(i: u64) -> Vec<String> {
    words(["SET", &format!("big:{i:012}"), &"x".repeat(1024)])
}

fn key(i: u64) -> String {
    format!("key:{i:012}")
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(String::from).into()
}

/// Commands that are sent before their replies are read.
const BATCH: u64 = 1_000;

/// Sends the commands with numbers below `count`.
///
/// # Errors
/// When the server refuses one.
pub fn feed(server: &Server, count: u64, make: Command) -> Done {
    let mut client = server.client();
    for start in (0..count).step_by(BATCH as usize) {
        let numbers = start..count.min(start + BATCH);
        let sent = numbers.clone().try_for_each(|i| client.send(&make(i)));
        sent.map_err(|error| format!("loading: {error}"))?;
        for i in numbers {
            let reply = client.read().map_err(|error| format!("loading: {error}"))?;
            if reply.is_error() {
                return Err(format!("{}: {reply}", make(i).join(" ")));
            }
        }
    }
    Ok(())
}
