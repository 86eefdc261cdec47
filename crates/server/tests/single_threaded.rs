//! What a process can do to itself only while it has a single thread: daemonize, and move its title.
//!
//! The test harness runs tests on threads of their own, so this file has a `main`: called without arguments it is the
//! tests, and starts itself again with the name of what the other process shall do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use server::process::{daemon, title};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["become-a-daemon", report] => become_a_daemon(Path::new(report)),
        ["change-the-title", "kept"] => change_the_title(),
        // Arguments of the harness, such as a filter, mean nothing here.
        _ => {
            the_parent_exits_and_the_child_goes_on_detached();
            a_process_shows_the_titles_it_sets();
        }
    }
}

fn myself(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments).stdin(Stdio::null());
    command
}

fn the_parent_exits_and_the_child_goes_on_detached() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let status = myself(&["become-a-daemon", report.to_str().unwrap()]).status().unwrap();
    assert_eq!(status.code(), Some(0));

    let text = (0..12_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(5));
        fs::read_to_string(&report).ok()
    });
    let text = text.expect("the daemon's report within a minute");
    let words: Vec<_> = text.split_whitespace().collect();
    let [parent, pid, session, directory, streams @ ..] = words.as_slice() else { panic!("{text}") };
    assert_ne!(parent, pid);
    assert_eq!(pid, session, "leads its session");
    assert_eq!(*directory, std::env::current_dir().unwrap().to_str().unwrap());
    assert_eq!(streams, ["/dev/null"; 3]);
    println!("the parent exits and the child goes on detached ... ok");
}

fn become_a_daemon(report: &Path) {
    let parent = std::process::id();
    daemon::daemonize().unwrap();
    let session = rustix::process::getsid(None).unwrap().as_raw_nonzero();
    let directory = std::env::current_dir().unwrap();
    let mut text = format!("{parent} {} {session} {}", std::process::id(), directory.display());
    for stream in 0..3 {
        let target = fs::read_link(format!("/proc/self/fd/{stream}")).unwrap();
        text += &format!(" {}", target.display());
    }
    // The report appears whole.
    let unfinished = report.with_extension("tmp");
    fs::write(&unfinished, text).unwrap();
    fs::rename(unfinished, report).unwrap();
}

fn a_process_shows_the_titles_it_sets() {
    let output = myself(&["change-the-title", "kept"]).env("TITLE_TEST", "kept").output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    println!("a process shows the titles it sets ... {stdout}");
}

fn change_the_title() {
    title::set("too early: the arguments stay");
    assert!(title_now().ends_with("change-the-title\0kept"));
    match title::prepare("redis-server *:6379") {
        Err(e) if e.kind() == std::io::ErrorKind::InvalidInput => {
            return print!("skipped: no such call on this kernel");
        }
        prepared => prepared.unwrap(),
    }
    assert_eq!(title_now(), "redis-server *:6379");
    title::set(&"long ".repeat(100));
    assert_eq!(title_now(), "long ".repeat(51));
    title::set("x");
    assert_eq!(title_now(), "x");
    // What others point to is as it was.
    assert_eq!(std::env::args().skip(1).collect::<Vec<_>>(), ["change-the-title", "kept"]);
    assert_eq!(std::env::var("TITLE_TEST").unwrap(), "kept");
    let environment = fs::read("/proc/self/environ").unwrap();
    assert!(environment.split(|byte| *byte == 0).any(|entry| entry == b"TITLE_TEST=kept"));
    // The heap still works, and so does a second thread.
    let grown = std::thread::spawn(|| vec![1u8; 64 << 20].iter().map(|byte| u64::from(*byte)).sum::<u64>());
    assert_eq!(grown.join().unwrap(), 64 << 20);
    title::set("from any thread");
    assert_eq!(title_now(), "from any thread");
    print!("ok");
}

fn title_now() -> String {
    let line = fs::read_to_string("/proc/self/cmdline").unwrap();
    line.trim_end_matches('\0').to_owned()
}
