//! For tests of what a process does to itself (fork, die, change its title): they run one `#[ignore]`d test of this
//! very binary in a process of its own.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// What the process left behind.
pub struct Outcome {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Starts the test `name` (its path in the crate), alone and on the main thread, with these variables besides ours.
pub fn start_alone(name: &str, env: &[(&str, &str)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"])
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Runs it to its end.
pub fn run_alone(name: &str, env: &[(&str, &str)]) -> Outcome {
    finish(start_alone(name, env))
}

/// Waits for it to end, at most a minute; then it is killed.
pub fn finish(mut child: Child) -> Outcome {
    let status = try_for(|| child.try_wait().unwrap()).unwrap_or_else(|| {
        child.kill().unwrap();
        child.wait().unwrap()
    });
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Outcome { status, stdout: text(stdout), stderr: text(stderr) }
}

/// Asks `done` every few milliseconds until it has an answer, at most a minute.
pub fn wait_for<T>(what: &str, done: impl FnMut() -> Option<T>) -> T {
    try_for(done).unwrap_or_else(|| panic!("waited a minute for {what}"))
}

fn try_for<T>(mut done: impl FnMut() -> Option<T>) -> Option<T> {
    (0..12_000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(5));
        done()
    })
}
