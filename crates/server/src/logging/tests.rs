//! The bytes of log lines, and where they go. What depends on the process's one log runs in a process of its own.

use super::*;
use crate::process::testing;
use std::fs;

fn line(level: Level, message: fmt::Arguments) -> String {
    let when = "2026-11-20T23:28:01.042999Z".parse().unwrap();
    String::from_utf8(Line::new(level, when, message).as_bytes().to_vec()).unwrap()
}

#[test]
fn a_line_has_pid_role_time_level_and_message() {
    let pid = std::process::id();
    let text = line(Level::Notice, format_args!("Ready to accept connections {}", "tcp"));
    assert_eq!(text, format!("{pid}:C 20 Nov 2026 23:28:01.042 * Ready to accept connections tcp\n"));
    for (level, mark) in
        [(Level::Debug, '.'), (Level::Verbose, '-'), (Level::Notice, '*'), (Level::Warning, '#')]
    {
        assert!(line(level, format_args!("x")).ends_with(&format!(".042 {mark} x\n")));
    }
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let line = Line::new(Level::Notice, Timestamp::now(), format_args!("{}", "é".repeat(2000)));
    assert_eq!(std::str::from_utf8(line.message()).unwrap(), "é".repeat(511));
    assert!(line.as_bytes().ends_with(b"\xa9\n"));
    let line = Line::new(Level::Notice, Timestamp::now(), format_args!("{}", "x".repeat(1023)));
    assert_eq!(line.message().len(), 1023);
}

#[test]
fn a_log_file_that_cannot_be_opened_is_an_error_in_redis_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no/such/dir/log");
    let error = configure(&LogOptions { file: Some(&path), syslog: None }).unwrap_err();
    assert_eq!(error, "Can't open the log file: No such file or directory");
}

#[test]
fn a_process_writes_where_and_what_it_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let out = testing::run_alone(
        "logging::tests::write_a_log",
        &[("TZ", "EST5"), ("LOG_DIR", dir.path().to_str().unwrap())],
    );
    // Before a file is configured: standard output.
    assert!(out.stdout.contains(" * to standard output\n"), "{}", out.stdout);
    assert!(!out.stdout.contains("to the file"));

    let rotated = fs::read_to_string(dir.path().join("log.1")).unwrap();
    assert_eq!(rotated.lines().count(), 2, "{rotated}");
    assert!(rotated.contains(":M ") && rotated.contains(" # to the file\n"), "{rotated}");

    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    let lines: Vec<_> = log.lines().collect();
    assert!(lines[0].ends_with(" # after rotation"), "{log}");
    assert_eq!(&lines[1..3], ["raw", "text"]);
    assert!(lines[3].contains(":signal-handler (") && lines[3].ends_with(") Received SIGTERM"), "{log}");
    assert_eq!(lines.len(), 4 + 4 * 200, "every line of every thread");
    assert!(lines[4..].iter().all(|line| line.ends_with(" - thread") && line.matches(':').count() == 3));

    // The local time is five hours behind.
    let hour = |line: &str| line.split(' ').nth(4).unwrap()[..2].parse::<i64>().unwrap();
    let utc = fs::metadata(dir.path().join("log.1")).unwrap().modified().unwrap();
    let utc = Timestamp::try_from(utc).unwrap().as_second() / 3600 % 24;
    let behind = (utc - hour(rotated.lines().next().unwrap())).rem_euclid(24);
    assert!((5..=6).contains(&behind), "{behind} hours behind: {rotated}");
}

#[test]
#[ignore = "runs in a process of its own"]
fn write_a_log() {
    let Some(dir) = std::env::var_os("LOG_DIR") else { return };
    let path = Path::new(&dir).join("log");
    notice!("to standard {}", "output");
    verbose!("too little to matter");
    configure(&LogOptions { file: Some(&path), syslog: None }).unwrap();
    set_role(Role::Primary);
    set_level(Level::Warning);
    notice!("no longer enough");
    warning!("to the file");
    warning!("again");
    fs::rename(&path, Path::new(&dir).join("log.1")).unwrap();
    warning!("after rotation");
    raw(Level::Warning, "raw\ntext\n");
    raw(Level::Notice, "no longer enough");
    from_signal(Level::Warning, "Received SIGTERM");
    set_level(Level::Verbose);
    debug!("too little still");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..200).for_each(|_| verbose!("thread")));
        }
    });
    set_level(Level::Nothing);
    warning!("nothing means nothing");
    log(Level::Nothing, format_args!("even this"));
}
