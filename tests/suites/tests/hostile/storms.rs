//! Very many of everything: connections, requests, arguments, keys of one pattern.

use crate::Watched;
use std::thread;
use suites::{Client, Kind, Server, eventually};

#[test]
fn a_storm_of_connections_passes() {
    let watched = Watched::start(&[]);
    let port = watched.server.port();
    let storms: Vec<_> = (0..4)
        .map(|thread| {
            thread::spawn(move || {
                for i in 0..300 {
                    let mut client = Client::connect(port).expect("a connection");
                    match (thread + i) % 4 {
                        0 => drop(client.send_raw(b"\0garbage\r\n*3\r\n$")),
                        1 => assert_eq!(client.line("PING").text(), "PONG"),
                        2 => drop(client.send_raw(&b"PING\r\n".repeat(50))),
                        _ => {}
                    }
                }
            })
        })
        .collect();
    storms.into_iter().for_each(|storm| storm.join().expect("a storm"));
    let mut client = watched.server.client();
    eventually("all others gone", || {
        let info = client.line("INFO clients").text();
        info.lines().any(|line| line == "connected_clients:1").then_some(())
    });
    watched.is_well();
}

#[test]
fn many_connections_at_once_are_all_served() {
    let watched = Watched::start(&[]);
    let mut clients: Vec<Client> = (0..500).map(|_| watched.server.client()).collect();
    for client in &mut clients {
        client.send(&["INCR", "n"]).expect("sending");
    }
    let mut numbers: Vec<i64> = clients
        .iter_mut()
        .map(|client| client.read().expect("a reply").integer().expect("a number"))
        .collect();
    numbers.sort();
    assert_eq!(numbers, (1..=500).collect::<Vec<i64>>());
    watched.is_well();
}

#[test]
fn a_pipeline_of_any_length_is_answered_in_order() {
    const REQUESTS: i64 = 200_000;
    let watched = Watched::start(&[]);
    let port = watched.server.port();
    let mut client = Client::connect(port).expect("a connection");
    let sender = {
        let mut bytes = Vec::new();
        (0..REQUESTS).for_each(|_| bytes.extend_from_slice(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"));
        bytes
    };
    // Sent in slices that the replies of the former make room for.
    for slice in sender.chunks(sender.len() / 100) {
        client.send_raw(slice).expect("sending");
        for _ in 0..REQUESTS / 100 {
            client.read().expect("a reply");
        }
    }
    assert_eq!(client.line("GET n").text(), REQUESTS.to_string());
    watched.is_well();
}

/// Each variadic command with few and very many arguments answers as genuine redis-server does.
#[test]
fn commands_take_very_many_arguments() {
    let ours = Watched::start(&[]);
    let genuine = Server::start::<&str>(Kind::Genuine, &[]);
    let (mut a, mut b) = (ours.server.client(), genuine.client());
    for count in [1, 2, 8, 64, 10_000, 100_000] {
        for command in [
            "MSET",
            "MSETNX",
            "MGET",
            "EXISTS",
            "TOUCH",
            "DEL",
            "UNLINK",
            "WATCH",
            "COMMAND GETKEYS MGET",
            "NOSUCH",
            "PING",
            "SET k v",
        ] {
            let mut args: Vec<String> = command.split(' ').map(str::to_string).collect();
            args.extend((0..count).map(|i| format!("key:{}", i % 5_000)));
            let (ours, genuine) = (a.call(&args), b.call(&args));
            assert!(
                ours == genuine,
                "{command} with {count} arguments: {} and not {}",
                short(&ours),
                short(&genuine)
            );
        }
    }
    ours.is_well();
}

fn short(value: &suites::Value) -> String {
    value.to_string().chars().take(300).collect()
}

/// A pattern that makes a backtracking matcher run for ages.
#[test]
fn evil_patterns_are_matched_in_time() {
    let watched = Watched::start(&[]);
    let mut client = watched.server.client();
    assert_eq!(client.call(&["SET", &"a".repeat(200), "v"]).text(), "OK");
    for pattern in
        ["a*".repeat(100) + "b", "*a".repeat(100) + "b", "?*".repeat(100) + "b", "[a-z]*".repeat(60) + "!"]
    {
        assert_eq!(client.call(&["KEYS", &pattern]).to_string(), "[]");
        assert_eq!(
            client
                .call(&["SCAN", "0", "MATCH", &pattern, "COUNT", "1000"])
                .elements()
                .map(|e| e[1].to_string()),
            Some("[]".into())
        );
        assert_eq!(client.call(&["CONFIG", "GET", &pattern]).to_string(), "[]");
    }
    watched.is_well();
}
