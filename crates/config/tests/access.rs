//! CONFIG GET and CONFIG SET, as redis-server 7.0.15 answered the same requests (asked in November 2026).
//!
//! Where 7.4 differs from 7.0 the expectation is 7.4's: `loglevel` also has `nothing`.

use config::{Acts, Caller, Config, Param, SetError, get, set};

const ANYONE: Caller = Caller { local: false, loading: false };

/// Enough of a glob for these tests: `*` and `?`.
fn glob(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| glob(rest, &text[at..], ignore_case)),
        ([b'?', rest @ ..], [_, text @ ..]) => glob(rest, text, ignore_case),
        ([p, rest @ ..], [t, text @ ..]) => {
            (p == t || ignore_case && p.eq_ignore_ascii_case(t)) && glob(rest, text, ignore_case)
        }
        _ => false,
    }
}

fn ask(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
    let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    get(config, &patterns, glob).into_iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn names(patterns: &[&str]) -> Vec<String> {
    ask(&Config::default(), patterns).into_iter().map(|(name, _)| name).collect()
}

/// Sets and returns the new configuration with the names of the directives to apply.
fn try_set(config: &Config, pairs: &[(&str, &str)]) -> Result<(Config, Vec<&'static str>), SetError> {
    let pairs: Vec<(&[u8], &[u8])> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let (config, apply) = set(config, &pairs, ANYONE)?;
    Ok((config, apply.into_iter().map(|param| param.name).collect()))
}

/// The reply to CONFIG SET of one directive: "OK" with the value that CONFIG GET then prints, or the error.
fn reply(name: &str, value: &str) -> String {
    match try_set(&Config::default(), &[(name, value)]) {
        Ok((config, _)) => format!("OK {}", ask(&config, &[name])[0].1),
        Err(error) => format!("{} {error}", error.code()),
    }
}

#[test]
fn transcripts_of_the_mission_documents() {
    let config = Config::default();
    assert_eq!(ask(&config, &["loglevel"]), [("loglevel".into(), "notice".into())]);
    assert_eq!(ask(&config, &["requirepass"]), [("requirepass".into(), String::new())]);
    let (config, apply) = try_set(&config, &[("requirepass", "redisPassword")]).unwrap();
    assert_eq!(apply, ["requirepass"]);
    assert_eq!(ask(&config, &["requirepass"]), [("requirepass".into(), "redisPassword".into())]);
    assert!(try_set(&config, &[("loglevel", "notice")]).unwrap().1.is_empty(), "nothing to apply");
    let dir = std::env::current_dir().unwrap().display().to_string();
    assert_eq!(ask(&config, &["dir"]), [("dir".into(), dir)]);
}

#[test]
fn get_answers_names_as_typed_patterns_sorted_and_no_name_twice() {
    assert_eq!(names(&["MAXMEMORY"]), ["MAXMEMORY"]);
    assert_eq!(
        names(&["Maxmemory", "maxmemory", "MAXmem*"]),
        [
            "Maxmemory",
            "maxmemory-clients",
            "maxmemory-eviction-tenacity",
            "maxmemory-policy",
            "maxmemory-samples"
        ]
    );
    assert_eq!(names(&["slave-prio*"]), ["slave-priority"]);
    assert_eq!(names(&["*PRIO*"]), ["replica-priority", "slave-priority"]);
    assert_eq!(names(&["slaveof", "replicaof"]), ["replicaof", "slaveof"]);
    assert_eq!(names(&["key-load-delay"]), ["key-load-delay"]);
    assert_eq!(names(&["key-load-dela?"]), [""; 0]);
    assert_eq!(names(&["nosuch"]), [""; 0]);
    let ours = ["aof-checksum", "rdb-version"];
    assert_eq!(names(&["*"]).len(), 202 + ours.len(), "as many as a running 7.4 answers, and ours");
}

#[test]
fn set_errors_in_redis_words() {
    let failed = |name: &str, reason: &str| {
        format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    let cases = [
        ("proto-max-bulk-len", "1", "argument must be between 1048576 and 9223372036854775807 inclusive"),
        (
            "client-query-buffer-limit",
            "9223372036854775808",
            "argument must be between 1048576 and 9223372036854775807 inclusive",
        ),
        ("client-query-buffer-limit", "1t", "argument must be a memory value"),
        ("client-query-buffer-limit", "-1", "argument must be a memory value"),
        ("maxmemory-clients", "200%", "percentage argument must be less or equal to 100"),
        ("maxmemory-clients", "%", "argument must be a memory or percent value"),
        ("maxmemory-clients", "1g%", "argument must be a memory or percent value"),
        ("maxmemory-clients", "-5", "argument must be a memory or percent value"),
        ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
        ("maxclients", "-1", "argument must be between 1 and 4294967295 inclusive"),
        ("maxclients", "99999999999", "argument must be between 1 and 4294967295 inclusive"),
        ("maxclients", "07", "argument couldn't be parsed into an integer"),
        ("maxclients", "+7", "argument couldn't be parsed into an integer"),
        ("maxclients", " 7", "argument couldn't be parsed into an integer"),
        ("maxclients", "", "argument couldn't be parsed into an integer"),
        ("timeout", "-1", "argument must be between 0 and 2147483647 inclusive"),
        ("timeout", "2147483648", "argument must be between 0 and 2147483647 inclusive"),
        ("port", "70000", "argument must be between 0 and 65535 inclusive"),
        ("hz", "-1", "argument must be between 0 and 2147483647 inclusive"),
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        (
            "loglevel",
            "foo",
            "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
        (
            "shutdown-on-sigint",
            "save nosave",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        (
            "shutdown-on-sigint",
            "save foo",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            "shutdown-on-sigint",
            "",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            "shutdown-on-sigint",
            " force",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        ("save", "1 2 3", "Invalid save parameters"),
        ("save", "1 -2", "Invalid save parameters"),
        ("save", "0 2", "Invalid save parameters"),
        ("save", "10  2", "Invalid save parameters"),
        ("save", "10 x", "Invalid save parameters"),
        ("bind", "1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7", "Too many bind addresses specified."),
        (
            "client-output-buffer-limit",
            "normal 1",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "foo 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "master 1 2 3",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal 1x 2 3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        (
            "client-output-buffer-limit",
            "normal 1 2 -3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        ("oom-score-adj-values", "1 2", "wrong number of arguments"),
        (
            "oom-score-adj-values",
            "1 2 3000",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (
            "oom-score-adj-values",
            "1 2 x",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        ("notify-keyspace-events", "q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."),
        (
            "latency-tracking-info-percentiles",
            "50 101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        (
            "latency-tracking-info-percentiles",
            "inf",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        ("latency-tracking-info-percentiles", "nan", "Invalid latency-tracking-info-percentiles parameters"),
        ("latency-tracking-info-percentiles", "50 x", "Invalid latency-tracking-info-percentiles parameters"),
        ("proc-title-template", "", "template format is invalid or contains unknown variables"),
        ("proc-title-template", "{nope}", "template format is invalid or contains unknown variables"),
        ("proc-title-template", "{", "template format is invalid or contains unknown variables"),
        ("proc-title-template", "{title", "template format is invalid or contains unknown variables"),
        (
            "cluster-announce-hostname",
            "a_b",
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        ("latency-monitor-threshold", "-1", "argument must be between 0 and 9223372036854775807 inclusive"),
        ("slowlog-log-slower-than", "-2", "argument must be between -1 and 9223372036854775807 inclusive"),
        ("slowlog-max-len", "-1", "argument must be between 0 and 9223372036854775807 inclusive"),
        ("slave-priority", "x", "argument couldn't be parsed into an integer"),
        ("daemonize", "yes", "can't set immutable config"),
        ("DAEMONIZE", "yes", "can't set immutable config"),
        ("unixsocketperm", "700", "can't set immutable config"),
        ("dir", "/", "can't set protected config"),
    ];
    for (name, value, reason) in cases {
        assert_eq!(reply(name, value), failed(name, reason), "{name} {value:?}");
    }
    assert_eq!(
        reply("Slave-Priority", "x"),
        failed("slave-priority", "argument couldn't be parsed into an integer")
    );
    assert_eq!(reply("nosuch", "1"), "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'");
}

#[test]
fn set_accepts_and_normalises() {
    let cases = [
        ("maxmemory", "", "0"),
        ("client-query-buffer-limit", "1MB", "1048576"),
        ("client-query-buffer-limit", "2m", "2000000"),
        ("client-query-buffer-limit", "1gb", "1073741824"),
        ("client-query-buffer-limit", "2000000b", "2000000"),
        ("maxmemory-clients", "0%", "0"),
        ("hz", "0", "1"),
        ("hz", "9999", "500"),
        ("loglevel", "NOTICE", "notice"),
        ("shutdown-on-sigint", "force now default", "now force"),
        ("shutdown-on-sigint", "DEFAULT", "default"),
        ("save", "+10 2", "10 2"),
        ("save", "", ""),
        ("bind", "", ""),
        (
            "client-output-buffer-limit",
            "replica 1k 2kb 3 PUBSUB 4 5 6",
            "normal 0 0 0 slave 1000 2048 3 pubsub 4 5 6",
        ),
        (
            "client-output-buffer-limit",
            "",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
        ("oom-score-adj-values", "-10 2 3", "-10 2 3"),
        ("oom-score-adj", "relative", "yes"),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "mKg$lshzxetd", "AKm"),
        ("notify-keyspace-events", "Elg", "glE"),
        (
            "latency-tracking-info-percentiles",
            "50.0 99.99 99.12345678 0 100 1e1 .5 5.",
            "50 99.99 99.123457 0 100 10 0.5 5",
        ),
        ("latency-tracking-info-percentiles", "", ""),
        ("proc-title-template", "{{x", "{{x"),
        ("list-max-listpack-size", "0", "0"),
    ];
    for (name, value, shown) in cases {
        assert_eq!(reply(name, value), format!("OK {shown}"), "{name} {value:?}");
    }
}

#[test]
fn several_are_set_together_or_not_at_all() {
    let config = Config::default();
    let (new, apply) = try_set(&config, &[("timeout", "5"), ("save", "3000 5"), ("hz", "10")]).unwrap();
    assert_eq!((new.timeout, new.save.len()), (5, 1));
    assert_eq!(apply, ["timeout", "save"], "hz did not change");

    let error = try_set(&config, &[("timeout", "5"), ("maxmemory-clients", "200%")]).unwrap_err();
    assert!(error.to_string().contains("'maxmemory-clients') - percentage argument"), "{error}");
    let error = try_set(&config, &[("daemonize", "yes"), ("nosuch", "1")]).unwrap_err();
    assert!(error.to_string().ends_with("'daemonize') - can't set immutable config"), "{error}");
    let error = try_set(&config, &[("HZ", "1"), ("hz", "2")]).unwrap_err();
    assert!(error.to_string().ends_with("'hz') - duplicate parameter"), "{error}");
    let (new, apply) = try_set(&config, &[("slave-priority", "1"), ("replica-priority", "2")]).unwrap();
    assert_eq!((new.replica_priority, apply), (2, vec!["replica-priority"]), "a name and its alias are two");
}

#[test]
fn protected_directives_need_a_permitted_connection() {
    let mut config = Config::default();
    let local = Caller { local: true, loading: false };
    let pair: &[(&[u8], &[u8])] = &[(b"dbfilename", b"other.rdb")];
    assert!(set(&config, pair, local).is_err());
    Param::find(b"enable-protected-configs").unwrap().0.assign(&mut config, &[b"local"]).unwrap();
    assert!(set(&config, pair, ANYONE).is_err());
    assert_eq!(set(&config, pair, local).unwrap().0.dbfilename, "other.rdb");

    let dir = |value: &str| set(&config, &[(b"dir", value.as_bytes())], local);
    for (value, reason) in [
        ("/nosuch", "No such file or directory"),
        ("", "No such file or directory"),
        ("/etc/passwd", "Not a directory"),
    ] {
        assert!(dir(value).unwrap_err().to_string().ends_with(reason), "{value}");
    }
    assert_eq!(dir(".").unwrap().0.dir, config.dir);
    assert_eq!(dir("/").unwrap().0.dir, std::path::Path::new("/"));
    let loading = Caller { local: true, loading: true };
    assert_eq!(set(&config, &[(b"dir", b"/")], loading).unwrap_err(), SetError::Loading);
    assert!(set(&config, &[(b"loglevel", b"debug")], loading).is_ok());
}

#[test]
fn what_is_not_implemented_can_not_be_promised() {
    for name in ["appendonly", "maxmemory", "tls-port"] {
        let (param, _) = Param::find(name.as_bytes()).unwrap();
        if param.acts == Acts::Refuse {
            let value = if name == "appendonly" { "yes" } else { "1" };
            assert!(reply(name, value).contains("does not implement it yet"), "{name}");
        }
        let default = String::from_utf8(param.default_text()).unwrap();
        assert_eq!(reply(name, &default), format!("OK {default}"));
    }
}
