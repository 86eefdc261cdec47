//! Disks that take no more: what is there stays, nothing is acknowledged that is not written, service returns with the space.
//!
//! Every promise several times: with a limit on the size of files (EFBIG), which needs no rights; on a tmpfs of 1 MiB in a mount
//! namespace of the server's own (ENOSPC), which vanishes with it, where the test may make one; and with calls that fail (EIO),
//! by the library of `tests/faults`.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use formats::aof::Reader;
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use suites::{Client, Kind, Server, eventually, run};
use tempfile::TempDir;

use crate::{append_only_file, faults, info, temporary_files};

/// How a disk becomes full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    /// No file may grow beyond a limit.
    Limited,
    /// It is small.
    Small,
    /// These calls fail.
    Broken(&'static str),
}

/// A disk that takes what is written and does not keep it.
const UNSYNCED: Disk = Disk::Broken("fsync fdatasync");

impl Disk {
    /// What the system says.
    fn reason(self) -> &'static str {
        match self {
            Disk::Limited => "File too large",
            Disk::Small => "No space left on device",
            Disk::Broken(_) => "Input/output error",
        }
    }
}

/// The disks that this machine lets us make.
fn disks() -> Vec<Disk> {
    let broken = [Disk::Broken("write"), UNSYNCED];
    full_disks().into_iter().chain(broken).collect()
}

fn full_disks() -> Vec<Disk> {
    let mut probe = Command::new("unshare");
    probe.args(["-m", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]);
    if run(&mut probe, b"").code == Some(0) {
        return vec![Disk::Limited, Disk::Small];
    }
    eprintln!("skipped: a tmpfs (no right to mount one)");
    vec![Disk::Limited]
}

/// A server on such a disk.
struct OnDisk {
    disk: Disk,
    server: Server,
    /// Its files, as this process sees them.
    folder: PathBuf,
    /// Where the small disk is mounted, the calls of a broken one are listed, and the script that starts the server.
    mount: TempDir,
}

const FILLER: &str = "filler";
const CALLS: &str = "calls";

impl OnDisk {
    fn start(disk: Disk, args: &[&str]) -> OnDisk {
        let mount = tempfile::tempdir().expect("a temporary folder");
        let (mut program, mut dir) = (Kind::Ours.program(), None);
        let ours = program.display().to_string();
        let start = match disk {
            Disk::Limited => None,
            Disk::Small => {
                let place = mount.path().join("disk").display().to_string();
                fs::create_dir(&place).expect("a folder");
                let start = format!(
                    "unshare -m sh -c 'mount -t tmpfs -o size=1m none {place} && exec {ours} \"$@\"' sh \"$@\""
                );
                dir = Some(place);
                Some(start)
            }
            Disk::Broken(_) => {
                let (library, calls) = (faults(), mount.path().join(CALLS));
                Some(format!("env LD_PRELOAD={} FAULTS={} {ours} \"$@\"", library.display(), calls.display()))
            }
        };
        if let Some(start) = start {
            program = mount.path().join("start");
            fs::write(&program, format!("#!/bin/sh\nexec {start}\n")).expect("a script");
            fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).expect("its permissions");
        }
        let dir = dir.as_deref().map(|dir| ["--dir", dir]);
        let server = Server::start_program(
            &program,
            &[args, dir.iter().flatten().copied().collect::<Vec<_>>().as_slice()].concat(),
        );
        let folder = match dir {
            Some([_, place]) => PathBuf::from(format!("/proc/{}/root{place}", server.pid())),
            None => server.folder().to_owned(),
        };
        OnDisk { disk, server, folder, mount }
    }

    /// From now on there is no room, but for this many bytes in each file at most; none where calls fail.
    fn fill(&self, limit: u64) {
        match self.disk {
            Disk::Limited => self.limit(Some(limit)),
            Disk::Small => {
                let mut filler = File::create(self.folder.join(FILLER)).expect("a file");
                while filler.write_all(&[0; 512]).is_ok() {}
            }
            Disk::Broken(calls) => {
                // At one stroke: the list is read at each call.
                let (half, whole) = (self.mount.path().join("half"), self.mount.path().join(CALLS));
                fs::write(&half, calls).and_then(|()| fs::rename(&half, whole)).expect("a file");
            }
        }
    }

    /// There is room again.
    fn free(&self) {
        match self.disk {
            Disk::Limited => self.limit(None),
            Disk::Small => fs::remove_file(self.folder.join(FILLER)).expect("the filler's end"),
            Disk::Broken(_) => fs::remove_file(self.mount.path().join(CALLS)).expect("the list's end"),
        }
    }

    fn limit(&self, current: Option<u64>) {
        let pid = Pid::from_raw(self.server.pid() as i32);
        prlimit(pid, Resource::Fsize, Rlimit { current, maximum: None }).expect("a limit for our own child");
    }

    /// Ends it without a warning; answers a server that goes on with its files.
    fn restart(mut self, args: &[&str]) -> (Server, TempDir) {
        let copy = tempfile::tempdir().expect("a temporary folder");
        // A mount goes with the process, so its files are taken out while nothing happens any more.
        self.server.signal(Signal::STOP);
        // Its threads go on until the first of them sees the signal.
        eventually("a standstill", || is_stopped(self.server.pid()).then_some(()));
        copy_files(&self.folder, copy.path());
        self.server.signal(Signal::KILL);
        self.server.wait();
        let dir = copy.path().to_string_lossy();
        (Server::start(Kind::Ours, &[args, &["--dir", &dir]].concat()), copy)
    }
}

/// Whether all threads of a process have stopped.
fn is_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("a process of ours").flatten();
    let mut stats = threads.map(|thread| fs::read_to_string(thread.path().join("stat")).unwrap_or_default());
    stats.all(|stat| stat.rsplit(") ").next().unwrap_or_default().starts_with('T'))
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            fs::create_dir(&target).expect("a folder");
            copy_files(&path, &target);
        } else {
            fs::copy(&path, target).expect("a copy");
        }
    }
}

/// Text that no compression makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(bytes as u64);
    (0..bytes).map(|_| random.u8(..)).collect()
}

fn set_noise(client: &mut Client, key: &str, bytes: usize) {
    let reply = client.call(&[b"SET", key.as_bytes(), &noise(bytes)]);
    assert_eq!(reply.text(), "OK");
}

/// Bytes of the largest file of an append-only file.
fn largest(folder: &Path) -> u64 {
    let files = append_only_file(folder);
    files.iter().map(|path| fs::metadata(path).map_or(0, |about| about.len())).max().unwrap_or(0)
}

fn wait_for(client: &mut Client, field: &str, value: &str) {
    eventually(&format!("{field}:{value}"), || (info(client, field) == value).then_some(()));
}

/// Every file of commands is whole commands from its beginning to its end.
fn assert_whole(folder: &Path) {
    for path in append_only_file(folder).iter().filter(|path| path.extension().is_some_and(|e| e == "aof")) {
        let mut reader = Reader::new(File::open(path).expect("the file"), true);
        while reader.next().unwrap_or_else(|error| panic!("{}: {error:?}", path.display())).is_some() {}
    }
}

#[test]
fn a_snapshot_that_cannot_be_written_leaves_the_old_one_and_stops_writes() {
    for disk in disks().into_iter().chain([Disk::Broken("rename")]) {
        let on = OnDisk::start(disk, &["--save", "3600 1"]);
        let client = &mut on.server.client();
        set_noise(client, "first", 200_000);
        assert_eq!(client.line("SAVE").text(), "OK");
        let dump = || fs::read(on.folder.join("dump.rdb")).expect("the snapshot");
        let before = dump();
        set_noise(client, "second", 300_000);
        on.fill(64 << 10);
        let saves: u64 = info(client, "rdb_saves").parse().expect("a number");
        assert_eq!(client.line("BGSAVE").text(), "Background saving started");
        wait_for(client, "rdb_last_bgsave_status", "err");
        assert!(client.line("SAVE").is_error());
        assert!(before == dump(), "{disk:?}: the old snapshot is another");
        assert_eq!(temporary_files(&on.folder), Vec::<String>::new());
        for line in ["SET key value", "PING", "DEL first"] {
            let reply = client.line(line).text();
            assert!(
                reply.starts_with("MISCONF Redis is configured to save RDB snapshots"),
                "{line}: {reply}"
            );
        }
        assert_eq!(client.line("STRLEN second").integer(), Some(300_000));
        assert_eq!(client.line("CONFIG SET stop-writes-on-bgsave-error no").text(), "OK");
        assert_eq!(client.line("SET key value").text(), "OK");
        assert_eq!(client.line("CONFIG SET stop-writes-on-bgsave-error yes").text(), "OK");
        assert!(client.line("SET key value").is_error());
        // Those that fail count too, as in Redis.
        assert_eq!(info(client, "rdb_saves"), (saves + 2).to_string());
        // The server tries again by itself, and then all is well.
        on.free();
        assert_eq!(client.call(&["CONFIG", "SET", "save", "1 1"]).text(), "OK");
        wait_for(client, "rdb_last_bgsave_status", "ok");
        assert_eq!(client.line("SET key value").text(), "OK");
        assert!(before != dump());
        let (after, _files) = on.restart(&[]);
        assert_eq!(after.client().line("STRLEN second").integer(), Some(300_000));
    }
}

#[test]
fn everysec_refuses_writes_until_the_file_can_be_written_again() {
    let args = ["--appendonly", "yes", "--appendfsync", "everysec"];
    for disk in disks() {
        let on = OnDisk::start(disk, &args);
        let client = &mut on.server.client();
        set_noise(client, "before", 100_000);
        wait_for(client, "aof_buffer_length", "0");
        on.fill(largest(&on.folder) + 1000);
        let mut acknowledged = 0;
        let refused = eventually("a write that is refused", || {
            let reply = client.call(&["RPUSH", "list", &acknowledged.to_string(), &"x".repeat(300)]);
            acknowledged += i64::from(!reply.is_error());
            reply.is_error().then(|| reply.text())
        });
        assert_eq!(refused, format!("MISCONF Errors writing to the AOF file: {}", disk.reason()));
        assert_eq!(client.line("PING").text(), refused);
        assert_eq!(info(client, "aof_last_write_status"), "err");
        assert_eq!(client.line("LLEN list").integer(), Some(2 * acknowledged));
        assert_whole(&on.folder);
        on.free();
        wait_for(client, "aof_last_write_status", "ok");
        assert_eq!(client.line("PING").text(), "PONG");
        assert_eq!(client.line("RPUSH list last x").integer(), Some(2 * acknowledged + 2));
        wait_for(client, "aof_buffer_length", "0");
        assert!(on.server.printed().contains("AOF write error looks solved. The server can write again."));
        thread::sleep(Duration::from_millis(100));
        assert_whole(&on.folder);
        let (after, _files) = on.restart(&args);
        assert_eq!(after.client().line("LLEN list").integer(), Some(2 * acknowledged + 2));
    }
}

/// Clients of a server with `appendfsync always`, each with a list of its own.
struct Always {
    /// Elements acknowledged, by client.
    acknowledged: Vec<Mutex<u64>>,
}

const CLIENTS: usize = 8;

impl Always {
    fn new() -> Always {
        Always { acknowledged: (0..CLIENTS).map(|_| Mutex::new(0)).collect() }
    }

    /// Appends until that is refused, or the connection ends.
    fn write(&self, number: usize, mut client: Client) {
        let key = format!("list:{number}");
        loop {
            let next = self.acknowledged[number].lock().expect("no panic").to_string();
            let reply = client.send(&["RPUSH", &key, &next]).and_then(|()| client.read());
            match reply {
                Ok(reply) if !reply.is_error() => *self.acknowledged[number].lock().expect("no panic") += 1,
                _ => return,
            }
        }
    }

    fn counts(&self) -> Vec<u64> {
        self.acknowledged.iter().map(|count| *count.lock().expect("no panic")).collect()
    }

    /// What was acknowledged is there; what is behind that was sent at least.
    fn assert_kept(&self, server: &Server) {
        let mut client = server.client();
        for (number, count) in self.counts().into_iter().enumerate() {
            let list = client.line(&format!("LRANGE list:{number} 0 -1"));
            let found: Vec<String> = list.elements().expect("a list").iter().map(|n| n.text()).collect();
            assert!(
                (count..=count + 1).contains(&(found.len() as u64)),
                "{count}, but {} there",
                found.len()
            );
            assert!(found.iter().enumerate().all(|(at, text)| *text == at.to_string()), "{found:?}");
        }
    }
}

#[test]
fn always_acknowledges_nothing_that_is_not_written() {
    let args = ["--appendonly", "yes", "--appendfsync", "always"];
    for (disk, recovers) in disks().into_iter().flat_map(|disk| [(disk, true), (disk, false)]) {
        let on = OnDisk::start(disk, &args);
        let client = &mut on.server.client();
        set_noise(client, "before", 100_000);
        let always = Always::new();
        on.fill(largest(&on.folder) + 20_000);
        let after = thread::scope(|scope| {
            let writers: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let (always, client) = (&always, on.server.client());
                    scope.spawn(move || always.write(number, client))
                })
                .collect();
            let says = |line: &str| on.server.printed().contains(line).then_some(());
            eventually("the error", || {
                says("Nothing is acknowledged until the AOF file can be written again.")
            });
            // What was on disk before is still on its way to those who wait for it.
            thread::sleep(Duration::from_millis(500));
            let counts = always.counts();
            // What tells of no key is answered, for whoever comes to see what is wrong.
            assert_eq!(info(client, "aof_last_write_status"), "err");
            thread::sleep(Duration::from_millis(500));
            assert_eq!(always.counts(), counts, "{disk:?}: acknowledged though nothing can be written");
            assert_whole(&on.folder);
            if recovers {
                on.free();
                eventually("the end of the error", || says("AOF write error looks solved."));
                // Those that waited hear of it, and go on.
                eventually("writes that go on", || (always.counts() > counts).then_some(()));
            }
            assert!(recovers || writers.iter().any(|writer| !writer.is_finished()), "nobody waits");
            on.restart(&args)
        });
        always.assert_kept(&after.0);
    }
}

#[test]
fn a_rewrite_that_fails_changes_nothing() {
    let args = ["--appendonly", "yes", "--appendfsync", "always"];
    for disk in disks() {
        let on = OnDisk::start(disk, &args);
        let client = &mut on.server.client();
        set_noise(client, "big", 200_000);
        on.fill(64 << 10);
        assert!(!client.line("BGREWRITEAOF").is_error());
        wait_for(client, "aof_last_bgrewrite_status", "err");
        // Beside a disk that is full a new file may still be short enough.
        let mut acknowledged = 0;
        if disk == Disk::Limited {
            acknowledged = (0..10).filter(|n| !client.line(&format!("RPUSH list {n}")).is_error()).count();
            assert_eq!(acknowledged, 10);
        }
        assert_eq!(temporary_files(&on.folder), Vec::<String>::new());
        on.free();
        wait_for(client, "aof_last_write_status", "ok");
        assert!(!client.line("BGREWRITEAOF").is_error());
        wait_for(client, "aof_last_bgrewrite_status", "ok");
        wait_for(client, "aof_rewrite_in_progress", "0");
        acknowledged += usize::from(!client.line("RPUSH list last").is_error());
        let (after, _files) = on.restart(&args);
        assert_eq!(after.client().line("LLEN list").integer(), Some(acknowledged as i64));
        assert_eq!(after.client().line("STRLEN big").integer(), Some(200_000));
    }
}

/// `appendonly` is switched on while there is no room for the base: it begins when there is.
#[test]
fn an_append_only_file_begins_when_there_is_room_for_it() {
    for disk in disks() {
        let on = OnDisk::start(disk, &["--appendfsync", "always"]);
        let client = &mut on.server.client();
        set_noise(client, "big", 200_000);
        on.fill(64 << 10);
        assert_eq!(client.line("CONFIG SET appendonly yes").text(), "OK");
        wait_for(client, "aof_last_bgrewrite_status", "err");
        assert_eq!(client.line("STRLEN big").integer(), Some(200_000));
        on.free();
        // It is tried again without anybody asking, but later and later.
        client.line("BGREWRITEAOF");
        wait_for(client, "aof_last_bgrewrite_status", "ok");
        wait_for(client, "aof_rewrite_in_progress", "0");
        wait_for(client, "aof_last_write_status", "ok");
        for n in 0..10 {
            assert!(!client.line(&format!("RPUSH list {n}")).is_error());
        }
        assert_whole(&on.folder);
        let (after, _files) = on.restart(&["--appendonly", "yes"]);
        assert_eq!(after.client().line("LLEN list").integer(), Some(10));
        assert_eq!(after.client().line("STRLEN big").integer(), Some(200_000));
    }
}

/// Where its directory can't be, nobody is told that what is written is kept. As by Redis.
#[test]
fn an_append_only_file_that_cannot_be_is_refused() {
    for kind in [Kind::Genuine, Kind::Ours] {
        let server = Server::start(kind, &["--appenddirname", "no-directory"]);
        let in_the_way = server.folder().join("no-directory");
        fs::write(&in_the_way, "a file").expect("written");
        let client = &mut server.client();
        let refusal = client.line("CONFIG SET appendonly yes").text();
        let expected =
            "(possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs.";
        assert!(refusal.ends_with(expected), "{refusal}");
        assert_eq!(info(client, "aof_enabled"), "0");
        fs::remove_file(in_the_way).expect("removed");
        assert_eq!(client.line("CONFIG SET appendonly yes").text(), "OK");
    }
}

/// What the disk does not take can't keep a server that is told to end without saving.
#[test]
fn a_full_disk_does_not_hold_back_an_end_without_saving() {
    for disk in full_disks() {
        let mut on = OnDisk::start(disk, &["--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]);
        let client = &mut on.server.client();
        on.fill(1);
        eventually("a refusal", || client.line("SET key value").is_error().then_some(()));
        client.send(&["SHUTDOWN", "NOSAVE"]).expect("sent");
        assert!(on.server.wait().success(), "{}", on.server.printed());
    }
}

/// A large value is read at the pace of memory, not of the disk: whoever writes to it goes on while the disk is still at work.
#[test]
fn a_large_value_takes_writes_while_a_slow_disk_is_written() {
    let on = OnDisk::start(Disk::Broken("slow"), &["--rdbcompression", "no"]);
    let client = &mut on.server.client();
    for from in (0..200_000).step_by(1000) {
        let mut line = vec!["ZADD".to_owned(), "large".to_owned()];
        line.extend((from..from + 1000).flat_map(|n| [n.to_string(), format!("member:{n:0>100}")]));
        assert_eq!(client.call(&line).integer(), Some(1000));
    }
    let digest = client.line("DEBUG DIGEST-VALUE large").text();
    on.fill(0);
    assert_eq!(client.line("BGSAVE").text(), "Background saving started");
    assert_eq!(client.line("ZADD large 1 later").integer(), Some(1));
    assert_eq!(info(client, "rdb_bgsave_in_progress"), "1", "the write has waited for the disk");
    on.free();
    wait_for(client, "rdb_bgsave_in_progress", "0");
    assert_eq!(info(client, "rdb_last_bgsave_status"), "ok");
    let (after, _files) = on.restart(&[]);
    assert_eq!(after.client().line("DEBUG DIGEST-VALUE large").text(), digest);
}

/// With `everysec` no more than two seconds are lost, however long the disk takes: writes wait for it.
#[test]
fn an_fsync_that_lasts_holds_writes_back() {
    let on = OnDisk::start(Disk::Broken("hang"), &["--appendonly", "yes", "--io-threads", "2"]);
    // They write for as long as somebody wants to know how often.
    let acknowledged = Arc::new(AtomicI64::new(0));
    let writers = [on.server.client(), on.server.client()].map(|mut client| {
        let acknowledged = Arc::downgrade(&acknowledged);
        thread::spawn(move || {
            while let Some(acknowledged) = acknowledged.upgrade() {
                let count = client.line("INCR count").integer().expect("a count");
                acknowledged.fetch_max(count, Relaxed);
            }
        })
    });
    let seen = || acknowledged.load(Relaxed);
    eventually("writes", || (seen() > 100).then_some(()));
    on.fill(0);
    let stands = || {
        let before = seen();
        thread::sleep(Duration::from_secs(1));
        (seen() == before).then_some(before)
    };
    let held = eventually("an end of the writes", stands);
    on.free();
    eventually("writes again", || (seen() > held + 100).then_some(()));
    drop(acknowledged);
    for writer in writers {
        writer.join().expect("a writer that was answered");
    }
    let client = &mut on.server.client();
    assert_ne!(info(client, "aof_delayed_fsync"), "0");
    assert!(on.server.printed().contains("AOF fsync is taking too long"), "{}", on.server.printed());
}
