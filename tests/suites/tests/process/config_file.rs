//! Configuration from a file, standard input and the command line; what is wrong is named with its line.

use crate::{genuine, ours};
use std::fs;
use std::process::Stdio;
use suites::{Finished, Kind, Server};
use tempfile::TempDir;

/// Each ends the start, and redis-server says why. (Its loglevel has one value more since 7.2, so that
/// message is not here.)
const WRONG: [&str; 34] = [
    "nonsense 1",
    "# a comment\n\nnonsense 1 2 3",
    "port",
    "port 1 2",
    "port 70000",
    "port x",
    "port \"7777",
    "port '7777",
    "port \"7777\"x",
    "maxmemory 1x",
    "maxmemory -1",
    "appendonly maybe",
    "save abc",
    "save 1",
    "databases 0",
    "databases 1x",
    "unixsocketperm 999",
    "client-output-buffer-limit foo 1 1 1",
    "client-output-buffer-limit normal x 1 1",
    "client-output-buffer-limit normal 1 1",
    "maxclients 0",
    "bind a b c d e f g h i j k l m n o p q r",
    "timeout -1",
    "tcp-keepalive abc",
    "dir /no/such/folder",
    "rename-command GET",
    "rename-command NOSUCHCOMMAND x",
    "replicaof localhost",
    "replicaof localhost 99999",
    "proto-max-bulk-len 1",
    "list-max-listpack-size x",
    "maxmemory-policy loud",
    "hz x",
    "requirepass",
];

fn folder_with(name: &str, text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    fs::write(&path, text).expect("writing a configuration");
    let path = path.to_str().expect("a UTF-8 path").to_string();
    (folder, path)
}

/// The report without the version in its headline. Ours also names the file, ` of PATH` behind the line's
/// number, where there is one.
fn report(end: &Finished) -> String {
    assert_eq!(end.code, Some(1), "{}{}", end.stdout, end.stderr);
    let (head, tail) =
        end.stderr.split_once(" (Redis ").unwrap_or_else(|| panic!("no report: {}", end.stderr));
    let (_, tail) = tail.split_once(')').expect("a closed parenthesis");
    let lines = format!("{head}{tail}").trim().to_string();
    let Some((before, after)) = lines.split_once(" of /") else { return lines };
    let (_path, behind) = after.split_once('\n').expect("the line itself comes next");
    format!("{before}\n{behind}")
}

#[test]
fn a_wrong_line_ends_the_start_in_redis_words() {
    for text in WRONG {
        let (_folder, path) = folder_with("wrong.conf", text);
        assert_eq!(report(&ours(&[&path], "")), report(&genuine(&[&path], "")), "{text}");
    }
}

#[test]
fn file_and_line_are_named() {
    let (_folder, path) = folder_with("wrong.conf", "port 7777\n\n# comment\n  \nnonsense yes\nport 7778\n");
    let end = ours(&[&path], "");
    let said = report(&end);
    assert!(said.contains("at line 5\n>>> 'nonsense yes'\n"), "{said}");
    assert!(
        Kind::Ours.is_genuine() || end.stderr.contains(&format!("at line 5 of {path}\n")),
        "{}",
        end.stderr
    );
}

#[test]
fn wrong_options_of_the_command_line_are_reported_alike() {
    for args in
        [&["--nonsense", "1"][..], &["--maxmemory", "1x"], &["--port", "7777", "--timeout", "x"], &["--port"]]
    {
        assert_eq!(report(&ours(args, "")), report(&genuine(args, "")), "{args:?}");
    }
}

#[test]
fn standard_input_is_a_configuration_too() {
    assert_eq!(
        report(&ours(&["-"], "maxclients 5\nnonsense 1\n")),
        report(&genuine(&["-"], "maxclients 5\nnonsense 1\n"))
    );

    let (_folder, path) = folder_with("stdin", "maxclients 77\ntimeout 99\n");
    let stdin = Stdio::from(fs::File::open(path).expect("the file just written"));
    let mut server = Server::launch(Kind::Ours, &["--timeout", "88", "-"], stdin);
    assert!(server.answers(), "{}", server.printed());
    let mut client = server.client();
    assert_eq!(client.line("CONFIG GET maxclients").to_string(), r#"["maxclients", "77"]"#);
    assert_eq!(
        client.line("CONFIG GET timeout").to_string(),
        r#"["timeout", "88"]"#,
        "the command line wins"
    );
}

#[test]
fn a_missing_file_is_named() {
    for (wrong, named) in
        [("/no/such/file.conf", "/no/such/file.conf"), ("include /no/such/part.conf", "/no/such/part.conf")]
    {
        let (_folder, path) = folder_with("includes.conf", wrong);
        let path = if wrong.starts_with('/') { wrong } else { &path };
        let end = ours(&[path], "");
        let said = format!("{}{}", end.stdout, end.stderr);
        assert_eq!(end.code, Some(1), "{said}");
        assert!(
            said.contains(&format!("can't open config file '{named}': No such file or directory")),
            "{said}"
        );
    }
}

#[test]
fn file_then_command_line_and_the_last_word_wins() {
    let (folder, path) = folder_with("base.conf", "maxclients 50\ntimeout 10\nINCLUDE part.conf\n\nhz 20 \n");
    fs::write(folder.path().join("part.conf"), "timeout 20\nproc-title-template \"a \\x41 {title}\"\n")
        .expect("a part");
    // Includes are relative to where the server is started, not to the file.
    let text = fs::read_to_string(&path)
        .expect("it")
        .replace("part.conf", &format!("{}/part.conf", folder.path().display()));
    fs::write(&path, text).expect("rewriting it");
    let server = Server::start(Kind::Ours, &[path.as_str(), "--maxclients", "60"]);
    let mut client = server.client();
    for (name, value) in
        [("maxclients", "60"), ("timeout", "20"), ("hz", "20"), ("proc-title-template", "a A {title}")]
    {
        assert_eq!(
            client.line(&format!("CONFIG GET {name}")).to_string(),
            format!("[\"{name}\", \"{value}\"]")
        );
    }
}

#[test]
fn config_rewrite_keeps_what_it_does_not_know_better() {
    let (folder, path) = folder_with("kept.conf", "# my comment\nmaxclients 50\n\ntimeout 5\n");
    {
        // `dir` is rewritten too, so it must outlive this server.
        let dir = folder.path().to_str().expect("a UTF-8 path");
        let server = Server::start(Kind::Ours, &[path.as_str(), "--dir", dir]);
        let mut client = server.client();
        assert_eq!(client.line("CONFIG SET maxclients 70 lfu-decay-time 9").text(), "OK");
        assert_eq!(client.line("CONFIG REWRITE").text(), "OK");
    }
    let text = fs::read_to_string(&path).expect("the rewritten file");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(&lines[..4], ["# my comment", "maxclients 70", "", "timeout 5"], "{text}");
    assert!(lines.contains(&"lfu-decay-time 9"), "{text}");

    let server = Server::start(Kind::Ours, &[path.as_str()]);
    assert_eq!(server.client().line("CONFIG GET lfu-decay-time").to_string(), r#"["lfu-decay-time", "9"]"#);
}

#[test]
fn config_rewrite_needs_a_file() {
    let server = Server::start::<&str>(Kind::Ours, &[]);
    assert_eq!(
        server.client().line("CONFIG REWRITE").text(),
        "ERR The server is running without a config file"
    );
}
