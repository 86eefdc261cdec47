//! Loading, as redis-server 7.0.15 did it with the same files and arguments (asked in November 2026).
//!
//! Differences from it, on purpose: the message names the file; `loglevel` has 7.4's `nothing`; what this version
//! does not implement is refused.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use config::{Acts, Config, LoadError, Loaded, Param, SavePoint, Sources};

/// Loads a file with this text (if any), and these arguments after its name.
fn load(text: Option<&str>, args: &[&str]) -> Result<Loaded, LoadError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.conf");
    let mut arguments: Vec<OsString> = args.iter().map(OsString::from).collect();
    if let Some(text) = text {
        fs::write(&path, text).unwrap();
        arguments.insert(0, path.into());
    }
    Config::load(&Sources::from_args(&arguments), std::io::empty())
}

fn config(text: &str, args: &[&str]) -> Config {
    load(Some(text), args).unwrap_or_else(|error| panic!("{text:?} {args:?}: {error}")).config
}

/// The report, with the temporary file's name cut off.
fn report(text: Option<&str>, args: &[&str]) -> String {
    let report = load(text, args).expect_err("must be refused").report("7.4.0");
    let cut = |line: &str| line.split(" of /").next().unwrap_or_default().to_owned();
    report.lines().map(cut).collect::<Vec<_>>().join("\n")
}

fn expected(line: usize, text: &str, reason: &str) -> String {
    format!(
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\n\
         Reading the configuration file, at line {line}\n>>> '{text}'\n{reason}"
    )
}

#[test]
fn a_refused_line_is_reported_in_redis_form() {
    const BAD: &str = "Bad directive or wrong number of arguments";
    const COUNT: &str = "wrong number of arguments";
    let cases = [
        ("nosuch 1\n", 1, "nosuch 1", BAD),
        ("port\n", 1, "port", COUNT),
        ("port 1 2\n", 1, "port 1 2", COUNT),
        ("port x", 1, "port x", "argument couldn't be parsed into an integer"),
        ("port 70000", 1, "port 70000", "argument must be between 0 and 65535 inclusive"),
        ("daemonize maybe", 1, "daemonize maybe", "argument must be 'yes' or 'no'"),
        (
            "loglevel foo",
            1,
            "loglevel foo",
            "argument(s) must be one of the following: debug, verbose, notice, warning, nothing",
        ),
        ("save 1", 1, "save 1", "Invalid save parameters"),
        ("timeout \"5\n", 1, "timeout \"5", "Unbalanced quotes in configuration line"),
        ("  # c\n\n\tPORT  abc  \r\n", 3, "PORT  abc", "argument couldn't be parsed into an integer"),
        ("include", 1, "include", BAD),
        ("sentinel monitor a b", 1, "sentinel monitor a b", "sentinel directive while not in sentinel mode"),
        ("sentinel\nfoo", 2, "foo", BAD),
        ("user", 1, "user", BAD),
        ("rename-command get", 1, "rename-command get", BAD),
        ("loadmodule", 1, "loadmodule", BAD),
        ("mod.x", 1, "mod.x", "Module config specified without value"),
        ("list-max-ziplist-entries 1\nfoo", 2, "foo", BAD),
        ("list-max-ziplist-entries 1 2", 1, "list-max-ziplist-entries 1 2", BAD),
        ("lua-replicate-commands yes\nfoo", 2, "foo", BAD),
        ("slaveof 1 2 3", 1, "slaveof 1 2 3", COUNT),
        ("slaveof a b", 1, "slaveof a b", "Invalid master port"),
        ("maxclients 1 # comment", 1, "maxclients 1 # comment", COUNT),
        ("oom-score-adj-values 1 2", 1, "oom-score-adj-values 1 2", COUNT),
        (
            "client-output-buffer-limit \"normal 1\"",
            1,
            "client-output-buffer-limit \"normal 1\"",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        ("dir /nosuch", 1, "dir /nosuch", "No such file or directory"),
        ("dir a b", 1, "dir a b", COUNT),
        ("dbfilename a/b", 1, "dbfilename a/b", "dbfilename can't be a path, just a filename"),
        ("unixsocketperm 999", 1, "unixsocketperm 999", "argument couldn't be parsed as an octal number"),
        ("unixsocketperm 1000", 1, "unixsocketperm 1000", "argument must be between 0 and 777 inclusive"),
        ("latency-tracking-info-percentiles \"\"\nfoo", 2, "foo", BAD),
        ("bind \"1 2\" 3\nfoo", 2, "foo", BAD),
        (
            "proc-title-template {",
            1,
            "proc-title-template {",
            "template format is invalid or contains unknown variables",
        ),
    ];
    for (text, line, shown, reason) in cases {
        assert_eq!(report(Some(text), &[]), expected(line, shown, reason), "{text:?}");
    }
}

#[test]
fn a_refused_argument_is_a_line_too() {
    const BAD: &str = "Bad directive or wrong number of arguments";
    const NUMBER: &str = "argument couldn't be parsed into an integer";
    let cases: [(&[&str], usize, &str, &str); 9] = [
        (&["--port"], 2, "port", "wrong number of arguments"),
        (&["--port", "x"], 2, "port \"x\"", NUMBER),
        (&["--port x"], 2, "port x", NUMBER),
        (&["--port", "6379", "6380"], 2, "port \"6379\" \"6380\"", "wrong number of arguments"),
        (&["--port", "--bla", "--loglevel", "verbose"], 2, "port \"--bla\"", NUMBER),
        (&["--replicaof", "127.0.0.1", "abc"], 2, "replicaof \"127.0.0.1\" \"abc\"", "Invalid master port"),
        (&["--replicaof", "--a", "--b"], 2, "replicaof \"--a\"", "wrong number of arguments"),
        (&["--hz", "5", "--invalid"], 3, "invalid", BAD),
        (&["-x"], 2, "\"-x\"", BAD),
    ];
    for (args, line, shown, reason) in cases {
        assert_eq!(report(None, args), expected(line, shown, reason), "{args:?}");
    }
    assert_eq!(report(Some("hz 1\nhz 2"), &["--foo"]), expected(3, "foo", BAD));
    let shutdown = "argument(s) must be one of the following: default, save, nosave, now, force";
    assert_eq!(report(None, &["--shutdown-on-sigint"]), expected(2, "shutdown-on-sigint", shutdown));
}

#[test]
fn the_message_names_the_file_and_lines_of_arguments_have_none() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("main.conf");
    let load = |args: &[&str]| {
        let args: Vec<OsString> =
            [main.clone().into()].into_iter().chain(args.iter().map(OsString::from)).collect();
        Config::load(&Sources::from_args(&args), std::io::empty()).unwrap_err().report("7.4.0")
    };
    fs::write(&main, "hz 1\nfoo\n").unwrap();
    let place = |line: usize, path: &Path| format!("at line {line} of {}\n", path.display());
    assert!(load(&[]).contains(&place(2, &main)), "{}", load(&[]));
    fs::write(&main, "hz 1\n").unwrap();
    assert!(load(&["--foo"]).contains("at line 3\n"), "{}", load(&["--foo"]));

    let other = dir.path().join("other.conf");
    fs::write(&other, "\n\nbar 1\n").unwrap();
    fs::write(&main, format!("#\ninclude {}\n", other.display())).unwrap();
    assert!(load(&[]).contains(&place(3, &other)), "{}", load(&[]));

    fs::write(&main, "include /nosuch.conf\n").unwrap();
    assert_eq!(load(&[]), "Fatal error, can't open config file '/nosuch.conf': No such file or directory\n");
    fs::write(&main, format!("include {}\n", dir.path().display())).unwrap();
    assert!(load(&[]).ends_with("Is a directory\n"), "{}", load(&[]));
    fs::write(&main, format!("include {}\n", main.display())).unwrap();
    assert!(load(&[]).ends_with("Too many levels of include\n"), "{}", load(&[]));
}

#[test]
fn values_units_quotes_and_duplicates() {
    let text = "\
        # a comment\n\
        \tPort 7000 \r\n\
        timeout 5\ntimeout 7\n\
        client-query-buffer-limit 2MB\n\
        requirepass \"a\\x41\\n b\"\n\
        logfile ''\n\
        bind 127.0.0.1 \"::1\"\n\
        hash-max-ziplist-entries 20\nhash-max-listpack-entries 21\n\
        client-output-buffer-limit replica 1k 2kb 3\nclient-output-buffer-limit pubsub 4 5 6\n\
        shutdown-on-sigterm \"nosave force\"\nshutdown-on-sigint nosave force now\n\
        unixsocketperm 700\n\
        save\nbind\n";
    let config = config(text, &[]);
    assert_eq!((config.port, config.timeout, config.client_query_buffer_limit), (7000, 7, 2 << 20));
    assert_eq!(config.requirepass.unwrap().bytes(), b"aA\n b");
    assert_eq!((config.logfile.as_str(), config.unixsocketperm), ("", 0o700));
    assert_eq!(config.hash_max_listpack_entries, 21, "an alias is the same directive");
    assert_eq!(config.client_output_buffer_limit[1].hard, 1000);
    assert_eq!(config.client_output_buffer_limit[2].soft_seconds, 6);
    assert_eq!(config.shutdown_on_sigterm.bits(), 2 | 8);
    assert_eq!(config.shutdown_on_sigint.bits(), 2 | 4 | 8);
    assert!(config.save.is_empty() && config.bind.is_empty(), "no words empty a list");
}

#[test]
fn the_command_line_follows_the_file() {
    let config = config("hz 1\ntimeout 1\n", &["--hz", "5", "--slowlog-max-len 6"]);
    assert_eq!((config.hz, config.timeout, config.slowlog_max_len), (5, 1, 6));
}

#[test]
fn command_line_values_of_upstream_tests() {
    let args = ["--proc-title-template", "--my--title--template", "--loglevel", "verbose"];
    assert_eq!(config("", &args).proc_title_template, "--my--title--template");
    let set = config("", &["loglevel", "verbose", "--hz '7'", "--timeout '8'"]);
    assert_eq!((set.loglevel.name(), set.hz, set.timeout), ("verbose", 7, 8));
    let args = ["--shutdown-on-sigint", "nosave", "force", "now", "--shutdown-on-sigterm", "nosave force"];
    let set = config("", &args);
    assert_eq!((set.shutdown_on_sigint.bits(), set.shutdown_on_sigterm.bits()), (14, 10));
}

#[test]
fn standard_input_is_read_between_file_and_arguments() {
    let read = |args: &[&str], stdin: &str| {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Config::load(&Sources::from_args(&args), stdin.as_bytes())
    };
    let config = read(&["-", "--hz", "5"], "hz 1\ntimeout 9\n").unwrap().config;
    assert_eq!((config.hz, config.timeout), (5, 9));
    assert_eq!(read(&["--hz", "5"], "hz 1\n").unwrap().config.hz, 5);
    let error = read(&["-"], "foo 1\n").unwrap_err().report("7.4.0");
    assert!(error.contains("at line 1\n>>> 'foo 1'"), "{error}");
}

#[test]
fn save_lines_add_up_after_replacing_the_defaults() {
    let points = |text: &str, args: &[&str]| -> Vec<(u64, u64)> {
        config(text, args).save.iter().map(|point| (point.seconds, point.changes)).collect()
    };
    assert_eq!(config("", &[]).save[0], SavePoint::new(3600, 1));
    assert_eq!(points("save 100 100", &[]), [(100, 100)]);
    assert_eq!(points("save 900 1\nsave 300 10 60 20", &[]), [(900, 1), (300, 10), (60, 20)]);
    assert_eq!(points("save 900 1", &["--save", "100", "100"]), [(900, 1), (100, 100)]);
    assert_eq!(points("", &["--save", "900 1"]), [(900, 1)]);
    assert_eq!(points("save 900 1", &["--save", ""]), []);
    assert_eq!(points("save 900 1", &["--save", "--hz", "1"]), []);
    assert_eq!(points("save 900 1", &["--hz", "1", "--save"]), []);
    assert_eq!(points("save ''\nsave 5 5", &[]), [(5, 5)]);
}

#[test]
fn includes_are_read_in_place_from_the_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let name = |name: &str| dir.path().join(name);
    fs::create_dir(name("conf.d")).unwrap();
    for (file, text) in
        [("b.conf", "hz 22\nsave 2 2\n"), ("a.conf", "hz 11\ntimeout 11"), (".x.conf", "foo\n")]
    {
        fs::write(name("conf.d").join(file), text).unwrap();
    }
    let text = format!(
        "save 1 1\ndir {}\ninclude conf.d/*.conf\ninclude conf.d/none*.conf\ninclude conf.d/a.[c]onf\ntimeout 12\n",
        dir.path().display()
    );
    let config = config(&text, &[]);
    assert_eq!((config.hz, config.timeout), (11, 12), "b.conf, then a.conf again");
    assert_eq!(config.save, [SavePoint::new(1, 1), SavePoint::new(2, 2)]);
    assert_eq!(config.dir, dir.path().canonicalize().unwrap());
}

#[test]
fn lines_for_others_are_collected_with_their_place() {
    let loaded = load(Some("\nRename-Command FLUSHALL \"\"\nrename-command get G\n"), &[]).unwrap();
    let [first, second] = loaded.directives.as_slice() else { panic!("{:?}", loaded.directives) };
    assert_eq!(
        (first.name, first.words.as_slice()),
        ("rename-command", &[b"FLUSHALL".to_vec(), Vec::new()][..])
    );
    assert_eq!((second.origin.line, second.words[1].as_slice()), (3, &b"G"[..]));
    let report = LoadError::invalid(&second.origin, "No such command in rename-command").report("7.4.0");
    assert!(report.contains(">>> 'rename-command get G'\nNo such command in rename-command\n"), "{report}");

    let text = "port 26379\nsentinel monitor m 127.0.0.1 6379 2\nsentinel resolve-hostnames yes\n";
    let loaded = load(Some(text), &["--sentinel"]).unwrap();
    assert_eq!(loaded.directives.len(), 2);
    assert_eq!(loaded.directives[0].words[..2], [b"monitor".to_vec(), b"m".to_vec()]);
    assert_eq!(
        LoadError::general("Can't open the log file: x").report("7.4.0").lines().last(),
        Some("Can't open the log file: x")
    );
}

#[test]
fn promises_that_are_not_kept_end_the_start() {
    let refused: Vec<&Param> = config::PARAMS.iter().filter(|param| param.acts == Acts::Refuse).collect();
    for param in refused {
        let value = match param.name {
            "replicaof" => "127.0.0.1 6379",
            "tls-auth-clients" => "optional",
            "tls-session-caching" => "no",
            _ if param.default_text() == b"no" => "yes",
            _ => "1",
        };
        let error = load(Some(&format!("#\n{} {value}\n", param.name)), &[]).unwrap_err();
        let report = error.report("7.4.0");
        assert!(
            report.contains("at line 2") && report.contains(&format!("'{}' is refused", param.name)),
            "{report}"
        );
        // The last word counts: what is taken back is no promise.
        let default = String::from_utf8(param.default_text()).unwrap();
        if param.name != "replicaof" {
            let text = format!("{} {value}\n", param.name);
            assert!(load(Some(&text), &[&format!("--{}", param.name), &default]).is_ok(), "{}", param.name);
        }
    }
    for text in ["user alice on", "loadmodule /x.so", "mod.x 1"] {
        assert!(report(Some(text), &[]).contains("does not implement it yet"), "{text}");
    }
    let both = report(Some("cluster-enabled yes\nreplicaof a 1\n"), &[]);
    assert_eq!(
        both,
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.4.0) ***\nreplicaof directive not allowed in cluster mode"
    );
}

#[test]
fn settings_without_effect_are_listed_once_and_only_if_changed() {
    let names = |text: &str| -> Vec<&str> {
        load(Some(text), &[]).unwrap().without_effect.iter().map(|param| param.name).collect()
    };
    assert_eq!(names("port 1\nactivedefrag no\n"), [""; 0]);
    assert_eq!(names("activedefrag yes\nactivedefrag yes\n"), ["activedefrag"]);
}

proptest::proptest! {
    /// Whatever a file says, it is loaded or refused.
    #[test]
    fn any_text_is_loaded_or_refused(text: Vec<u8>, args: Vec<String>) {
        let sources = Sources { stdin: true, ..Sources::from_args(&args.iter().map(OsString::from).collect::<Vec<_>>()) };
        let _ = Config::load(&Sources { file: None, ..sources }, text.as_slice()).map_err(|error| error.report("7.4.0"));
    }
}
