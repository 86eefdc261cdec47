//! From running servers, and back: into files that servers start from, and into servers that run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use suites::dataset::{fill, state};
use suites::{Client, Kind, Server, Value};

use crate::{carnelian, folder, json, names, tool, url};

const KINDS: [Kind; 2] = [Kind::Ours, Kind::Genuine];

fn digest(client: &mut Client) -> String {
    client.line("DEBUG DIGEST").text()
}

fn start(kind: Kind, args: &[&str]) -> Server {
    // A replica would be waited for, lest another comes.
    let common = ["--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"];
    Server::start(kind, &[&common, args].concat())
}

/// A server that starts from this file.
fn start_from(kind: Kind, file: &Path) -> Server {
    let folder = file.parent().expect("a folder").to_string_lossy().into_owned();
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    start(kind, &["--dir", &folder, "--dbfilename", &name])
}

/// Takes a backup of a server in these ways, and restores it to a file and into servers of both kinds: they all answer alike.
fn there_and_back(kind: Kind, args: &[&str], options: &str, method: &str) {
    let place = folder();
    let server = start(kind, args);
    fill(&mut server.client());
    let library = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
    let has_functions = kind == Kind::Genuine;
    if has_functions {
        assert_eq!(server.client().call(&["FUNCTION", "LOAD", library]).text(), "lib");
    }
    let taken = json(place.path(), &format!("backup {} kept {options}", url(&server)), 0);
    assert_eq!(taken["method"], method);
    let [databases, contents] = [&taken["contents"]["databases"], &taken["contents"]];
    assert_eq!((&databases["2"], &databases["15"]), (&1.into(), &1.into()));
    assert_eq!((&contents["expires"], &contents["checksum"]), (&2.into(), &"verified".into()));
    assert_eq!(contents["functions"], u64::from(has_functions));
    let version = taken["server"].as_str().expect("a version");
    assert!(version.starts_with(if kind.is_genuine() { "redis 7.0" } else { "carnelian " }), "{version}");
    assert_eq!(json(place.path(), "backup verify kept", 0)["ok"], true);
    json(place.path(), "restore kept latest back.rdb", 0);

    let mut copies = vec![start_from(kind, &place.path().join("back.rdb"))];
    for target in KINDS {
        let copy = start(target, &[]);
        let no_functions = if target == Kind::Ours { "--no-functions" } else { "" };
        let restored = json(place.path(), &format!("restore kept {} {no_functions}", url(&copy)), 0);
        assert_eq!(restored["restored"], contents["keys"]);
        if has_functions && target == Kind::Genuine {
            assert_eq!(copy.client().line("FCALL f 0"), Value::Integer(1));
        }
        copies.push(copy);
    }
    let digest = digest(&mut server.client());
    let original = state(&server);
    for copy in &copies {
        assert_eq!(copy.client().line("DEBUG DIGEST").text(), digest);
        assert_eq!(state(copy), original);
    }
}

#[test]
fn ours_by_bgsave() {
    there_and_back(Kind::Ours, &[], "--compress zstd", "bgsave");
}

#[test]
fn genuine_by_sync_with_a_length() {
    there_and_back(Kind::Genuine, &["--repl-diskless-sync", "no"], "", "sync");
}

#[test]
fn genuine_by_sync_with_a_mark() {
    there_and_back(Kind::Genuine, &["--repl-diskless-sync", "yes"], "--compress zstd:19", "sync");
}

#[test]
fn genuine_by_bgsave() {
    let place = folder();
    let server = start(Kind::Genuine, &[]);
    server.client().line("SET a 1");
    let line = format!("backup {} kept --method bgsave", url(&server));
    for keys in [1, 2] {
        let taken = json(place.path(), &line, 0);
        assert_eq!((&taken["method"], &taken["contents"]["keys"]), (&"bgsave".into(), &keys.into()));
        server.client().line("SET b 1");
    }
}

/// The way is chosen by what the server can do, and the choice is told.
#[test]
fn the_choice_is_told() {
    let place = folder();
    let server = start(Kind::Genuine, &["--rename-command", "SYNC", ""]);
    server.client().line("SET a 1");
    let chosen = carnelian(place.path(), &format!("backup {} kept", url(&server)));
    assert_eq!(chosen.code, Some(0), "{}", chosen.stderr);
    assert!(chosen.stderr.contains("taken by bgsave from"), "{}", chosen.stderr);
    assert!(chosen.stderr.contains("unknown command"), "{}", chosen.stderr);
    let insisted = carnelian(place.path(), &format!("backup {} kept --method sync", url(&server)));
    assert_eq!(insisted.code, Some(1));
    assert!(insisted.stderr.contains("answered SYNC: ERR unknown command"), "{}", insisted.stderr);
}

#[test]
fn passwords_let_in_and_are_never_shown() {
    let place = folder();
    for kind in KINDS {
        let server = start(kind, &["--requirepass", "pass%word", "--unixsocket", "socket"]);
        let port = server.port();
        let socket = server.folder().join("socket");
        let urls = [
            format!("redis://:pass%25word@127.0.0.1:{port}"),
            format!("redis://default:pass%25word@127.0.0.1:{port}"),
            format!("unix://:pass%25word@{}", socket.display()),
        ];
        for url in urls {
            let taken = carnelian(place.path(), &format!("backup {url} kept --json"));
            assert_eq!(taken.code, Some(0), "{}", taken.stderr);
            let said = format!("{}{}", taken.stdout, taken.stderr);
            assert!(!said.contains("pass%") && !said.contains("word@"), "{said}");
        }
        let line = format!("backup redis://127.0.0.1:{port} kept");
        let by_environment =
            suites::run(tool(&line).current_dir(place.path()).env("REDISCLI_AUTH", "pass%word"), b"");
        assert_eq!(by_environment.code, Some(0), "{}", by_environment.stderr);
        let without = carnelian(place.path(), &line);
        assert!(without.stderr.contains("NOAUTH"), "{}", without.stderr);
        let wrong = carnelian(place.path(), &format!("backup redis://:guessed@127.0.0.1:{port} kept"));
        assert!(wrong.stderr.contains("WRONGPASS") && !wrong.stderr.contains("guessed"), "{}", wrong.stderr);
        assert_eq!((without.code, wrong.code), (Some(1), Some(1)));
    }
    let kept = names(&place.path().join("kept"));
    assert_eq!(kept.len(), 2 * 4 * 2, "{kept:?}");
    for name in kept {
        let bytes = fs::read(place.path().join("kept").join(name)).expect("a file");
        assert!(!bytes.windows(9).any(|bytes| bytes == b"pass%word"));
    }
}

/// Keys that exist stay or are replaced; databases are mapped, or must exist.
#[test]
fn into_servers_that_have_keys() {
    let place = folder();
    let source = start(Kind::Genuine, &[]);
    let mut client = source.client();
    for line in ["SET a new", "SET b new", "SELECT 3", "SET c 3", "PEXPIREAT c 33177117420000"] {
        client.line(line);
    }
    json(place.path(), &format!("backup {} kept", url(&source)), 0);
    for kind in KINDS {
        let target = start(kind, &["--databases", "2"]);
        let mut client = target.client();
        client.line("SET a old");
        let restore = |options: &str, code| {
            json(place.path(), &format!("restore kept {} {options}", url(&target)), code)
        };

        let conflict = restore("--db 0", 1);
        assert_eq!(
            (&conflict["restored"], &conflict["existing"], &conflict["ok"]),
            (&1.into(), &1.into(), &false.into())
        );
        assert_eq!(conflict["problems"][0]["what"], "key 'a'");
        assert_eq!((client.line("GET a").text(), client.line("GET b").text()), ("old".into(), "new".into()));

        let replaced = restore("--db 0 --replace", 0);
        assert_eq!((&replaced["restored"], client.line("GET a").text()), (&2.into(), "new".into()));

        let nowhere = restore("--replace", 1);
        assert_eq!(nowhere["ok"], false);
        assert_eq!(client.line("DBSIZE"), Value::Integer(2), "nothing went into another database");

        assert_eq!(restore("--db 3:1", 0)["restored"], 1);
        client.line("SELECT 1");
        assert_eq!(client.line("PEXPIRETIME c"), Value::Integer(33_177_117_420_000));
    }
}

/// A server that refuses everything ends it at once.
#[test]
fn a_server_that_refuses_ends_it() {
    let place = folder();
    let source = start(Kind::Genuine, &[]);
    source.client().line("SET a 1");
    json(place.path(), &format!("backup {} kept", url(&source)), 0);
    let full = start(Kind::Genuine, &["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    let refused = carnelian(place.path(), &format!("restore kept {}", url(&full)));
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("answered RESTORE: OOM"), "{}", refused.stderr);
    let nobody = carnelian(place.path(), "restore kept redis://127.0.0.1:1");
    assert!(nobody.stderr.contains("refused") && nobody.code == Some(1), "{}", nobody.stderr);
}

/// The folder of a server that runs is left alone.
#[test]
fn not_under_a_running_server() {
    let place = folder();
    for kind in KINDS {
        let server = start(kind, &[]);
        server.client().line("SET a 1");
        json(place.path(), &format!("backup {} kept", url(&server)), 0);
        let target = server.folder().display().to_string();
        // BGSAVE has left one.
        let _ = fs::remove_file(server.folder().join("dump.rdb"));
        let refused = carnelian(place.path(), &format!("restore kept {target}"));
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(&format!("process {}", server.pid())), "{}", refused.stderr);
        json(place.path(), &format!("restore kept {target} --force"), 0);
        assert!(server.folder().join("dump.rdb").is_file());
    }
}

/// Over TLS, from a server whose certificate the host trusts, and from no other.
#[test]
fn tls_trusts_what_the_host_trusts() {
    let place = folder();
    let file = |name: &str| place.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", &file("key.pem"), "-out", &file("cert.pem")])
        .stderr(Stdio::null())
        .status()
        .expect("openssl is needed: apt-get install openssl");
    assert!(made.success());
    let (port, [cert, key]) = (suites::free_port().to_string(), ["cert.pem", "key.pem"].map(file));
    let server = start(
        Kind::Genuine,
        &[
            "--tls-port",
            &port,
            "--tls-cert-file",
            &cert,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &cert,
            "--tls-auth-clients",
            "no",
        ],
    );
    server.client().line("SET a 1");
    for (trusted, code, words) in [("/no/such/file", 1, "TLS: "), (cert.as_str(), 0, "")] {
        let mut command = tool(&format!("backup rediss://127.0.0.1:{port} kept"));
        command.current_dir(place.path()).env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
        let taken = suites::run(&mut command, b"");
        assert_eq!(taken.code, Some(code), "{}", taken.stderr);
        assert!(taken.stderr.contains(words), "{}", taken.stderr);
    }
}
