//! Many connections at once: commands and transactions are atomic, whichever threads they run on.
//!
//! Writers and readers work a fixed number of rounds; what readers see must never be half of something.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use suites::{Client, Kind, Server, Value};

/// More threads than this machine may have cores.
fn server() -> Server {
    let threads: &[&str] = if Kind::Ours.is_genuine() { &[] } else { &["--io-threads", "4"] };
    Server::start(Kind::Ours, threads)
}

/// Runs `write` in four threads and `check` in this one until they are done.
fn while_writing(
    server: &Server,
    write: impl Fn(usize, &mut Client) + Sync,
    mut check: impl FnMut(&mut Client),
) {
    const WRITERS: usize = 4;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let write = &write;
                scope.spawn(move || write(number, &mut server.client()))
            })
            .collect();
        let waiter = scope.spawn(|| {
            let ends: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
            done.store(true, Ordering::Relaxed);
            ends.into_iter().for_each(|end| end.expect("a writer"));
        });
        let mut client = server.client();
        let mut checks = 0;
        while !done.load(Ordering::Relaxed) || checks == 0 {
            check(&mut client);
            checks += 1;
        }
        waiter.join().expect("all writers");
    });
}

/// The replies of a transaction of these lines.
fn transaction(client: &mut Client, lines: &[&str]) -> Vec<Value> {
    client.line("MULTI");
    lines.iter().for_each(|line| assert_eq!(client.line(line).text(), "QUEUED", "{line}"));
    client.line("EXEC").elements().expect("the replies of EXEC").to_vec()
}

#[test]
fn no_increment_is_lost() {
    const EACH: i64 = 20_000;
    let server = server();
    while_writing(
        &server,
        |_, client| {
            for _ in 0..EACH / 100 {
                client.send_raw(&b"INCR hot\r\n".repeat(100)).expect("sending");
                (0..100).for_each(|_| assert!(client.read().expect("a reply").integer().is_some()));
            }
        },
        |_| thread::yield_now(),
    );
    assert_eq!(server.client().line("GET hot").text(), (4 * EACH).to_string());
}

#[test]
fn mset_is_seen_whole_or_not_at_all() {
    let server = server();
    let keys: Vec<String> = (0..20).map(|i| format!("key:{i}")).collect();
    while_writing(
        &server,
        |number, client| {
            for round in 0..1_000 {
                let value = format!("{number}-{round}");
                let pairs = keys.iter().flat_map(|key| [key.clone(), value.clone()]);
                let args: Vec<String> = ["MSET".to_string()].into_iter().chain(pairs).collect();
                assert_eq!(client.call(&args).text(), "OK");
            }
        },
        |client| {
            let args: Vec<&str> = ["MGET"].into_iter().chain(keys.iter().rev().map(String::as_str)).collect();
            let values = client.call(&args);
            let seen: HashSet<&Value> = values.elements().expect("values").iter().collect();
            assert_eq!(seen.len(), 1, "{values}");
        },
    );
}

#[test]
fn transactions_are_seen_whole_or_not_at_all() {
    let server = server();
    while_writing(
        &server,
        |_, client| {
            for _ in 0..500 {
                transaction(client, &["INCR a", "INCR b", "SELECT 1", "INCR c", "SELECT 0"]);
            }
        },
        |client| {
            let seen = transaction(client, &["GET b", "SELECT 1", "GET c", "SELECT 0", "GET a"]);
            assert!(seen[0] == seen[2] && seen[2] == seen[4], "{} {} {}", seen[0], seen[2], seen[4]);
        },
    );
    assert_eq!(server.client().line("GET a").text(), "2000");
}

#[test]
fn watch_lets_no_transfer_get_lost() {
    const ACCOUNTS: usize = 5;
    const SUM: i64 = 1_000 * ACCOUNTS as i64;
    let server = server();
    let mut bank = server.client();
    (0..ACCOUNTS).for_each(|i| assert_eq!(bank.line(&format!("SET account:{i} 1000")).text(), "OK"));
    while_writing(
        &server,
        |number, client| {
            let mut done = 0;
            for turn in 0.. {
                let (from, to) = ((number + turn) % ACCOUNTS, (number + 3 * turn + 1) % ACCOUNTS);
                client.line(&format!("WATCH account:{from} account:{to}"));
                let balance =
                    |client: &mut Client, i| client.line(&format!("GET account:{i}")).text().parse::<i64>();
                let have = balance(client, from).expect("a balance");
                let there = balance(client, to).expect("a balance");
                client.line("MULTI");
                if from != to {
                    client.line(&format!("SET account:{from} {}", have - 7));
                    client.line(&format!("SET account:{to} {}", there + 7));
                }
                done += usize::from(!client.line("EXEC").is_null());
                if done == 300 {
                    return;
                }
            }
        },
        |client| {
            let args: Vec<String> =
                ["MGET".into()].into_iter().chain((0..ACCOUNTS).map(|i| format!("account:{i}"))).collect();
            let sum: i64 = client
                .call(&args)
                .elements()
                .expect("balances")
                .iter()
                .filter_map(|v| v.text().parse::<i64>().ok())
                .sum();
            assert_eq!(sum, SUM);
        },
    );
}

#[test]
fn a_key_that_moves_is_always_somewhere() {
    let server = server();
    assert_eq!(server.client().line("SET here:0 v").text(), "OK");
    while_writing(
        &server,
        |number, client| {
            for turn in 0..2_000 {
                // Only one of these moves it; for the others the key is elsewhere.
                let (from, to) = ((number + turn) % 4, (number + 2 * turn + 1) % 4);
                client.line(&format!("RENAME here:{from} here:{to}"));
            }
        },
        |client| assert_eq!(client.line("EXISTS here:0 here:1 here:2 here:3").integer(), Some(1)),
    );
}

#[test]
fn swapdb_swaps_between_commands() {
    let server = server();
    assert_eq!(server.client().line("SET only 1").text(), "OK");
    while_writing(
        &server,
        |_, client| (0..500).for_each(|_| assert_eq!(client.line("SWAPDB 0 1").text(), "OK")),
        |client| {
            let seen = transaction(client, &["EXISTS only", "SELECT 1", "EXISTS only", "SELECT 0", "DBSIZE"]);
            let there: i64 = [&seen[0], &seen[2]].iter().filter_map(|value| value.integer()).sum();
            assert_eq!((there, &seen[4]), (1, &seen[0]));
        },
    );
}

/// SCAN's one promise: what is there from its start to its end is returned, however the table grows.
#[test]
fn scan_misses_nothing_that_stays() {
    const STAYING: usize = 500;
    let server = server();
    let mut client = server.client();
    (0..STAYING).for_each(|i| assert_eq!(client.line(&format!("SET stays:{i} v")).text(), "OK"));
    while_writing(
        &server,
        |number, client| {
            for wave in 0..4 {
                for command in ["SET", "DEL"] {
                    for i in 0..5_000 {
                        let value = if command == "SET" { " v" } else { "" };
                        client
                            .send_raw(format!("{command} {number}:{wave}:{i}{value}\r\n").as_bytes())
                            .expect("sending");
                        if i % 100 == 99 {
                            (0..100).for_each(|_| assert!(!client.read().expect("a reply").is_error()));
                        }
                    }
                }
            }
        },
        |client| {
            let mut seen = HashSet::new();
            let mut cursor = "0".to_string();
            loop {
                let page = client.line(&format!("SCAN {cursor} MATCH stays:* COUNT 100"));
                let parts = page.elements().expect("a page");
                seen.extend(parts[1].elements().expect("keys").iter().cloned());
                cursor = parts[0].text();
                if cursor == "0" {
                    break;
                }
            }
            assert_eq!(seen.len(), STAYING);
        },
    );
}
