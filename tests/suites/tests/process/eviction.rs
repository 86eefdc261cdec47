//! maxmemory: what goes, what stays, and what is refused.

use suites::{Client, Kind, Server, eventually};

/// More than the fixed part of either server.
const LIMIT: u64 = 12 << 20;
/// Bytes of a value.
const VALUE: usize = 1000;
/// Keys that take more than the limit.
const KEYS: usize = 24_000;

fn start(policy: &str) -> (Server, Client) {
    let limit = LIMIT.to_string();
    let server = Server::start(Kind::Ours, &["--maxmemory", &limit, "--maxmemory-policy", policy]);
    let client = server.client();
    (server, client)
}

fn info(client: &mut Client, field: &str) -> u64 {
    let info = client.call(&["INFO"]).text();
    let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("{field} in INFO"))
}

/// Sets that many keys, every `volatile`th of them with an expiry; answers how many were refused for memory.
fn fill(client: &mut Client, keys: usize, volatile: usize) -> usize {
    let value = "x".repeat(VALUE);
    (0..keys)
        .filter(|n| {
            let key = format!("key:{n}");
            let mut set = vec!["SET", &key, &value];
            if n % volatile == 0 {
                set.extend(["EX", "10000"]);
            }
            let reply = client.call(&set);
            assert!(reply.text() == "OK" || reply.text().starts_with("OOM "), "{}", reply.text());
            reply.is_error()
        })
        .count()
}

#[test]
fn memory_stays_below_the_limit_under_every_policy_that_evicts() {
    let policies = ["lru", "lfu", "random"].map(|by| [format!("allkeys-{by}"), format!("volatile-{by}")]);
    for policy in policies.as_flattened().iter().map(String::as_str).chain(["volatile-ttl"]) {
        let (_server, mut client) = start(policy);
        assert_eq!(fill(&mut client, KEYS, 1), 0, "{policy}");
        assert!(info(&mut client, "evicted_keys") > 1000, "{policy}");
        let used = info(&mut client, "used_memory");
        assert!(used <= LIMIT + (1 << 20), "{policy}: {used}");
        let keys = client.call(&["DBSIZE"]).integer().unwrap_or(0);
        assert!(keys > 4000, "{policy}: {keys} keys are left, which is too few");
    }
}

/// What waits for the disk is no reason to evict keys: that would make more of it.
#[test]
fn the_append_only_file_takes_nothing_from_the_keys() {
    for fsync in ["everysec", "no", "always"] {
        let limit = LIMIT.to_string();
        let args = ["--maxmemory", &limit, "--maxmemory-policy", "allkeys-random", "--appendonly", "yes"];
        let server = Server::start(Kind::Ours, &[&args[..], &["--appendfsync", fsync]].concat());
        let mut client = server.client();
        let value = "x".repeat(VALUE);
        for from in (0..KEYS).step_by(100) {
            let sets: Vec<_> = (from..from + 100).map(|n| format!("SET key:{n} {value}\r\n")).collect();
            client.send_raw(sets.concat().as_bytes()).expect("sent");
            for _ in 0..100 {
                assert_eq!(client.read().expect("an answer").text(), "OK", "{fsync}");
            }
        }
        let keys = client.call(&["DBSIZE"]).integer().unwrap_or(0);
        assert!(keys > 4000, "{fsync}: {keys} keys are left, which is too few");
    }
}

#[test]
fn only_volatile_keys_go_where_the_policy_says_so() {
    let (_server, mut client) = start("volatile-lru");
    let refused = fill(&mut client, KEYS, 2);
    let evicted = info(&mut client, "evicted_keys") as usize;
    assert!(evicted > 0 && evicted <= KEYS / 2, "{evicted}");
    for n in (1..2000).step_by(2) {
        assert_eq!(client.call(&["EXISTS", &format!("key:{n}")]).integer(), Some(1), "key:{n}");
    }
    // What is not volatile is more than fits in the end.
    assert!(refused > 0);
}

#[test]
fn without_eviction_what_takes_memory_is_refused_and_all_else_runs() {
    let (_server, mut client) = start("noeviction");
    assert!(fill(&mut client, KEYS, 1) > 1000);
    assert_eq!(info(&mut client, "evicted_keys"), 0);
    assert_eq!(
        client.line("APPEND key:0 x").text(),
        "OOM command not allowed when used memory > 'maxmemory'."
    );
    assert_eq!(client.line("STRLEN key:0").integer(), Some(VALUE as i64));
    assert_eq!(client.line("MULTI").text(), "OK");
    assert!(client.line("GET key:0").text().starts_with("OOM "), "a queue takes memory too");
    assert!(client.line("EXEC").text().starts_with("EXECABORT "));
    assert!(info(&mut client, "total_eviction_exceeded_time") > 0);
    for n in 0..2000 {
        client.call(&["DEL", &format!("key:{n}")]);
    }
    assert_eq!(client.line("SET key:0 x").text(), "OK");
    assert_eq!(info(&mut client, "current_eviction_exceeded_time"), 0);
    // A transaction that was queued in better times.
    assert_eq!(client.line("MULTI").text(), "OK");
    assert_eq!(client.line("SET key:0 y").text(), "QUEUED");
    let mut other = _server.client();
    assert_eq!(other.line("CONFIG SET maxmemory 1mb").text(), "OK");
    let refused = client.line("EXEC").text();
    assert_eq!(
        refused,
        "EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'."
    );
    assert_eq!(other.line("CONFIG SET maxmemory 0").text(), "OK");
    assert_eq!(client.line("SET key:0 z").text(), "OK");
}

#[test]
fn a_lowered_limit_is_reached_without_any_command() {
    let (server, mut client) = start("allkeys-random");
    fill(&mut client, 9000, 1);
    drop(client);
    let half = LIMIT * 2 / 3;
    let mut client = server.client();
    assert_eq!(client.call(&["CONFIG", "SET", "maxmemory", &half.to_string()]).text(), "OK");
    // With pauses between the looks, each of which would evict as well.
    eventually("the new limit", || (info(&mut client, "used_memory") <= half + (1 << 20)).then_some(()));
    assert!(server.printed().contains("smaller than the current memory usage"), "{}", server.printed());
}

#[test]
fn what_is_large_is_freed_by_others() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    let mut client = server.client();
    for n in 0..2000 {
        client.call(&["SADD", "large", &format!("member:{n}")]);
    }
    client.line("SADD small a b c");
    assert_eq!(client.line("UNLINK small large").integer(), Some(2));
    eventually("the free", || (info(&mut client, "lazyfreed_objects") == 1).then_some(()));
    assert_eq!(info(&mut client, "lazyfree_pending_objects"), 0);
}

#[test]
fn the_largest_clients_go_when_all_take_too_much() {
    let server = Server::start(Kind::Ours, &["--maxmemory-clients", "12mb"]);
    let (mut small, mut protected, mut large) = (server.client(), server.client(), server.client());
    assert_eq!(protected.line("CLIENT NO-EVICT on").text(), "OK");
    // An argument that never ends.
    let head = format!("*2\r\n$3\r\nGET\r\n${}\r\n", 64 << 20);
    for (client, size) in [(&mut protected, 2 << 20), (&mut large, 12 << 20)] {
        client.send_raw(head.as_bytes()).expect("sent");
        // The server may end the connection meanwhile.
        let _ = client.send_raw(&vec![b'x'; size]);
    }
    // A reset or an end, as the kernel has it.
    let ended = large.read_to_end();
    assert!(ended.as_ref().map_or(true, Vec::is_empty), "{ended:?}");
    assert_eq!(info(&mut small, "evicted_clients"), 1);
    assert_eq!(info(&mut small, "connected_clients"), 2);
}

/// What CLIENT LIST says of the client of this name.
fn client_field(client: &mut Client, name: &str, field: &str) -> Option<u64> {
    let list = client.line("CLIENT LIST").text();
    let line = list.lines().find(|line| line.contains(&format!(" name={name} ")))?;
    line.split(' ').find_map(|word| word.strip_prefix(field)?.strip_prefix('=')?.parse().ok())
}

#[test]
fn an_argument_under_way_is_a_clients_memory_and_shows_exactly() {
    let server = Server::start(Kind::Ours, &["--io-threads", "1"]);
    let (mut client, mut sender) = (server.client(), server.client());
    assert_eq!(sender.line("CLIENT SETNAME sender").text(), "OK");
    sender.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n").expect("sent");
    sender.send_raw(&[b'x'; 1_000_000]).expect("sent");
    let shown = |client: &mut Client, field| client_field(client, "sender", field).expect("it is connected");
    eventually("the bytes of the argument", || (shown(&mut client, "qbuf") == 1_000_000).then_some(()));
    assert_eq!(shown(&mut client, "argv-mem"), 30, "the length lines and the arguments before it");
    let memory = shown(&mut client, "tot-mem");
    // A buffer for replies may be lent to it at this moment.
    assert!((1_000_000..1_050_000).contains(&memory), "{memory}");
    sender.send_raw(b"\r\n").expect("sent");
    assert_eq!(sender.read().expect("a reply").text(), "OK");
    assert!(shown(&mut client, "tot-mem") < 10_000);
}

#[test]
fn watched_keys_are_a_clients_memory() {
    let server = Server::start(Kind::Ours, &["--maxmemory-clients", "1mb"]);
    let mut client = server.client();
    let mut many = vec!["WATCH".to_owned()];
    many.extend((0..20_000).map(|n| format!("key:{n:08}")));
    let _ = client.send(&many);
    let ended = client.read_to_end();
    assert!(ended.as_ref().map_or(true, |bytes| bytes.is_empty() || bytes == b"+OK\r\n"), "{ended:?}");
    assert_eq!(info(&mut server.client(), "evicted_clients"), 1);
}

/// In one turn, before anything is sent: the clients go, not the keys.
#[test]
fn clients_with_large_replies_go_before_keys_do() {
    let args = ["--maxmemory", "40mb", "--maxmemory-policy", "allkeys-lru", "--maxmemory-clients", "4mb"];
    let server = Server::start(
        Kind::Ours,
        &[&args[..], &["--io-threads", "1", "--enable-debug-command", "yes"]].concat(),
    );
    let (mut client, mut sleeper) = (server.client(), server.client());
    for key in 0..50 {
        assert_eq!(client.call(&["SET", &key.to_string(), &"x".repeat(100_000)]).text(), "OK");
    }
    let mut readers: Vec<Client> = (0..80).map(|_| server.client()).collect();
    sleeper.send_raw(b"DEBUG SLEEP 0.5\r\n").expect("sent");
    for reader in &mut readers {
        reader.send_raw(&b"GET 1\r\n".repeat(8)).expect("sent");
    }
    assert_eq!(sleeper.read().expect("a reply").text(), "OK");
    eventually("an eviction", || (info(&mut client, "evicted_clients") > 0).then_some(()));
    assert_eq!((info(&mut client, "evicted_keys"), client.line("DBSIZE").integer()), (0, Some(50)));
}

#[test]
fn a_request_that_takes_too_much_is_not_run() {
    let server = Server::start(Kind::Ours, &["--maxmemory-clients", "3000000"]);
    let (mut client, mut large) = (server.client(), server.client());
    let _ = large.send(&["SET", "k", &"x".repeat(3_000_000)]);
    let ended = large.read_to_end();
    assert!(ended.as_ref().map_or(true, Vec::is_empty), "{ended:?}");
    assert_eq!(client.line("EXISTS k").integer(), Some(0));
    assert_eq!(info(&mut client, "evicted_clients"), 1);
}
