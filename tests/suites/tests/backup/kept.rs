//! Backups in a folder: files as sources, encryption, damage, names, rights, and what is in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use suites::{Finished, Kind, Server, eventually, run};
use tempfile::TempDir;

use crate::{carnelian, folder, json, names, tool};

/// A folder with a snapshot by redis-server in it: `dump.rdb`.
fn with_snapshot() -> TempDir {
    let place = folder();
    let server = Server::start(Kind::Genuine, &["--dir", &place.path().to_string_lossy()]);
    suites::dataset::fill_by_commands(&mut server.client());
    assert_eq!(server.client().line("SAVE").text(), "OK");
    place
}

/// Runs the tool with a passphrase.
fn with_passphrase(folder: &Path, passphrase: &str, line: &str) -> Finished {
    let finished = run(tool(line).current_dir(folder).env("CARNELIAN_BACKUP_PASSPHRASE", passphrase), b"");
    assert!(!format!("{}{}", finished.stdout, finished.stderr).contains(passphrase));
    finished
}

#[test]
fn a_passphrase_locks_and_opens() {
    let place = with_snapshot();
    let taken =
        with_passphrase(place.path(), "opensesame", "backup dump.rdb kept/a.rdb --encrypt --compress zstd");
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
    assert_eq!(names(&place.path().join("kept")), ["a.json", "a.rdb.zst.age"]);
    let stored = fs::read(place.path().join("kept/a.rdb.zst.age")).expect("the file");
    assert!(stored.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    for (passphrase, code, words) in [("wrong", 1, "not the one"), ("opensesame", 0, "")] {
        let restored = with_passphrase(place.path(), passphrase, "restore kept a back.rdb");
        assert_eq!(restored.code, Some(code), "{}", restored.stderr);
        assert!(restored.stderr.contains(words), "{}", restored.stderr);
        assert_eq!(place.path().join("back.rdb").exists(), code == 0);
    }
    let [original, back] =
        ["dump.rdb", "back.rdb"].map(|name| fs::read(place.path().join(name)).expect(name));
    assert_eq!(original, back);
    let without = carnelian(place.path(), "backup verify kept");
    assert!(without.code == Some(1) && without.stderr.contains("--passphrase-file"), "{}", without.stderr);
    assert_eq!(json(place.path(), "backup verify kept --checksum-only", 0)["ok"], true);
    let nothing = carnelian(place.path(), "backup dump.rdb kept --encrypt");
    assert!(
        nothing.code == Some(2) && nothing.stderr.contains("CARNELIAN_BACKUP_PASSPHRASE"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn damage_is_found() {
    let place = with_snapshot();
    for (name, options) in [("plain", ""), ("packed", "--compress zstd")] {
        json(place.path(), &format!("backup dump.rdb kept/{name}.rdb {options}"), 0);
        let file =
            place.path().join(if options.is_empty() { "kept/plain.rdb" } else { "kept/packed.rdb.zst" });
        let good = fs::read(&file).expect("the file");
        for at in (0..good.len()).step_by(good.len() / 12) {
            let mut flipped = good.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&file, &flipped).expect("writing");
            json(place.path(), &format!("backup verify kept {name}"), 3);
            fs::write(&file, &good[..at]).expect("writing");
            json(place.path(), &format!("restore kept {name} back.rdb"), 3);
            assert!(!place.path().join("back.rdb").exists());
        }
        let listed = carnelian(place.path(), "backup list kept");
        assert!(listed.stdout.contains("FILE MISSING OR CUT"), "{}", listed.stdout);
        fs::write(&file, &good).expect("writing");
        json(place.path(), &format!("backup verify kept {name}"), 0);
    }
    assert_eq!(
        json(place.path(), "backup verify kept --all", 0)["backups"].as_array().map(Vec::len),
        Some(2)
    );
    // A manifest that can't be read makes a backup that can't be restored.
    let manifests =
        fs::read_dir(place.path().join("kept")).expect("the folder").flatten().map(|entry| entry.path());
    let manifest = manifests.filter(|path| path.extension().is_some_and(|end| end == "json")).min();
    let manifest = manifest.expect("a manifest");
    let good = fs::read(&manifest).expect("the manifest");
    fs::write(&manifest, "{").expect("writing");
    let all = json(place.path(), "backup verify kept --all", 3);
    assert_eq!((&all["ok"], all["strange"].as_array().map(Vec::len)), (&false.into(), Some(1)));
    fs::write(&manifest, good).expect("writing");
    fs::remove_file(place.path().join("kept/plain.rdb")).expect("removing");
    let all = json(place.path(), "backup verify kept --all", 1);
    assert_eq!((&all["ok"], &all["backups"][1]["ok"]), (&false.into(), &true.into()));
    // The newest that is whole.
    json(place.path(), "restore kept back.rdb", 0);
    // Any file will do as a source of a restore, if it is sound.
    json(place.path(), "restore dump.rdb again.rdb", 0);
    fs::write(place.path().join("junk.rdb"), b"REDIS0009junk").expect("writing");
    json(place.path(), "restore junk.rdb more.rdb", 3);
    json(place.path(), "backup junk.rdb kept", 3);
}

#[test]
fn nothing_in_the_way_is_overwritten() {
    let place = with_snapshot();
    json(place.path(), "backup dump.rdb kept/a.rdb", 0);
    let again = carnelian(place.path(), "backup dump.rdb kept/a.rdb");
    assert!(again.code == Some(1) && again.stderr.contains("not overwritten"), "{}", again.stderr);

    fs::write(place.path().join("old.rdb"), b"old").expect("writing");
    fs::set_permissions(place.path().join("old.rdb"), fs::Permissions::from_mode(0o640)).expect("rights");
    let refused = carnelian(place.path(), "restore kept a old.rdb");
    assert!(refused.code == Some(1) && refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(fs::read(place.path().join("old.rdb")).expect("the file"), b"old");
    json(place.path(), "restore kept a old.rdb --force", 0);
    let metadata = fs::metadata(place.path().join("old.rdb")).expect("the file");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read(place.path().join("old.rdb")).ok(), fs::read(place.path().join("dump.rdb")).ok());
    let left = names(place.path());
    assert!(!left.iter().any(|name| name.starts_with(".restore-")), "{left:?}");

    fs::create_dir_all(place.path().join("data/appendonlydir")).expect("folders");
    let beside = carnelian(place.path(), "restore kept/a.rdb data");
    assert_eq!(beside.code, Some(0), "{}", beside.stderr);
    assert!(beside.stderr.contains("append-only"), "{}", beside.stderr);
    assert!(place.path().join("data/dump.rdb").is_file());
}

#[test]
fn others_cannot_read_them() {
    let place = with_snapshot();
    json(place.path(), "backup dump.rdb kept/a.rdb", 0);
    for (name, mode) in [("kept", 0o700), ("kept/a.rdb", 0o600), ("kept/a.json", 0o600)] {
        let metadata = fs::metadata(place.path().join(name)).expect(name);
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

/// A backup that is killed on its way is never listed.
#[test]
fn what_was_interrupted_is_none() {
    let place = folder();
    // A pipe that nobody closes: a source that never ends.
    let status =
        std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status().expect("mkfifo");
    assert!(status.success());
    let mut command = tool("backup pipe kept");
    let mut child = command.current_dir(place.path()).stderr(Stdio::null()).spawn().expect("the tool");
    let mut pipe = fs::OpenOptions::new().write(true).open(place.path().join("pipe")).expect("the pipe");
    std::io::Write::write_all(&mut pipe, b"REDIS0009\xfe\x00").expect("writing");
    eventually("the first file", || fs::read_dir(place.path().join("kept")).ok()?.next().map(drop));
    child.kill().and_then(|()| child.wait()).expect("the end of our own child");
    assert_eq!(json(place.path(), "backup list kept", 0)["backups"].as_array().map(Vec::len), Some(0));
    let nothing = carnelian(place.path(), "restore kept back.rdb");
    assert!(nothing.code == Some(1) && nothing.stderr.contains("no backups"), "{}", nothing.stderr);
}

#[test]
fn wrong_command_lines() {
    let place = folder();
    for (line, words) in [
        ("backup a b --oops", "--oops"),
        ("backup", "Usage:"),
        ("backup a", "<DEST>"),
        ("backup a gs://b/c", "s3://bucket/prefix"),
        ("backup http://h b", "unknown scheme"),
        ("backup redis://:secret@h:x b", "port"),
        ("restore redis://h b", "take one of it first"),
        ("restore b", "SOURCE [NAME|latest] TARGET"),
        ("restore b c d e", "SOURCE [NAME|latest] TARGET"),
        ("restore b c --replace", "running server"),
        ("restore b redis://h --force", "--replace"),
        ("backup verify b ../c", "name"),
    ] {
        // Where a place must be there, it is.
        fs::create_dir_all(place.path().join("b")).expect("a folder");
        let wrong = carnelian(place.path(), line);
        assert_eq!(wrong.code, Some(2), "{line}: {}", wrong.stderr);
        assert!(wrong.stderr.contains(words) && !wrong.stderr.contains("secret"), "{line}: {}", wrong.stderr);
    }
    for (line, words) in [
        ("backup missing.rdb b", "missing.rdb"),
        ("backup b b/c", "is a folder"),
        ("backup list nowhere", "nowhere"),
        ("backup verify b", "no backups"),
        ("restore b gone c.rdb", "no backup named gone"),
    ] {
        let failed = carnelian(place.path(), line);
        assert!(failed.code.is_some_and(|code| code == 1 || code == 2), "{line}: {}", failed.stderr);
        assert!(failed.stderr.contains(words), "{line}: {}", failed.stderr);
    }
    for line in ["backup --help", "backup prune --help", "restore --help"] {
        let help = carnelian(place.path(), line);
        assert!(help.code == Some(0) && help.stdout.contains("Usage: carnelian "), "{line}: {}", help.stdout);
    }
}
