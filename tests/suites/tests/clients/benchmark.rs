//! Debian's redis-benchmark: every request of its tests must succeed.

use crate::client;
use suites::{Kind, Server};

/// Runs it and returns the names of the tests that reported a rate.
fn rated(server: &Server, args: &[&str]) -> Vec<String> {
    let end = client("redis-benchmark", server, args, "");
    let said = format!("{}{}", end.stdout, end.stderr);
    assert_eq!(end.code, Some(0), "{said}");
    assert!(!said.to_lowercase().contains("error"), "{said}");
    let last_words =
        end.stdout.split(['\r', '\n']).filter(|line| line.contains(" requests per second, p50="));
    last_words.filter_map(|line| line.split_once(": ")).map(|(name, _)| name.trim().to_string()).collect()
}

#[test]
fn its_string_tests_pass_with_and_without_pipelining() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let expected = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "MSET (10 keys)"];
    for pipeline in ["1", "16"] {
        let args = ["-t", "ping,set,get,incr,mset", "-q", "-P", pipeline, "-n", "20000", "-r", "1000"];
        assert_eq!(rated(&server, &args), expected, "-P {pipeline}");
    }
    let mut check = server.client();
    assert_eq!(check.line("INFO errorstats").text().lines().count(), 1, "no error was ever answered");
    assert!(check.line("DBSIZE").integer() > Some(1_000));
}

#[test]
fn several_threads_and_an_own_command() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let args = ["--threads", "2", "-q", "-n", "20000", "-P", "16", "-c", "20", "INCR", "counter"];
    assert_eq!(rated(&server, &args), ["INCR counter"]);
    let count: i64 = server.client().line("GET counter").text().parse().expect("a number");
    assert!((20_000..21_000).contains(&count), "{count} increments for 20000 requests");
}

#[test]
fn csv_has_a_row_a_test() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let end = client("redis-benchmark", &server, &["-t", "set,get", "-n", "5000", "--csv"], "");
    let names: Vec<&str> = end.stdout.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(names, ["\"test\"", "\"SET\"", "\"GET\""], "{}", end.stderr);
}
