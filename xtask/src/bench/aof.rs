//! Writing with an append-only file: writes a second, CPU and fsyncs a write, ours beside genuine redis-server by turns.
//!
//! The folder is a temporary one (`TMPDIR`): on a tmpfs an fsync costs nothing. fsyncs are counted by strace in a run of its own,
//! since whoever is traced is slower.

use super::workloads::{WORKLOADS, Workload};
use super::{Sample, measure, median};
use crate::Done;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use suites::{Kind, Server};

/// `appendfsync`, and what is written.
const RUNS: [(&str, &str); 4] =
    [("always", "set-p1"), ("always", "set-p16"), ("everysec", "set-p1"), ("everysec", "set-p16")];
/// Of a workload's requests: an fsync takes longer than a write to memory.
const SHARE: f64 = 0.2;
/// Of these, with strace.
const TRACED_SHARE: f64 = 0.2;

/// Measures and prints a table.
///
/// # Errors
/// When a server does not start, or redis-benchmark or strace fails.
pub fn aof(program: &Path, rounds: usize, scale: f64) -> Done {
    println!(
        "{:20}{:>24}{:>7}{:>24}{:>7}{:>26}{:>7}",
        "",
        "writes/s ours, redis",
        "ratio",
        "CPU us ours, redis",
        "ratio",
        "fsyncs/write ours, redis",
        "ratio"
    );
    let programs = [program.to_path_buf(), Kind::Genuine.program()];
    for (fsync, name) in RUNS {
        let workload = WORKLOADS.iter().find(|workload| workload.name == name).ok_or("no such workload")?;
        let mut samples = [Vec::new(), Vec::new()];
        for round in 0..rounds {
            for turn in 0..2 {
                let which = (round + turn) % 2;
                samples[which].push(measure(&start(&programs[which], fsync), workload, SHARE * scale)?);
            }
        }
        let [ours, genuine] = &samples;
        print!("{:20}", format!("{fsync} {name}"));
        print_pair(24, 0, [ours, genuine].map(|samples| median(samples, |s: &Sample| s.per_second)));
        print_pair(24, 2, [ours, genuine].map(|samples| median(samples, |s: &Sample| s.cpu_us)));
        let mut syncs = Vec::new();
        for program in &programs {
            syncs.push(syncs_per_write(program, fsync, workload, SHARE * TRACED_SHARE * scale)?);
        }
        print_pair(26, 4, [syncs[0], syncs[1]]);
        println!();
    }
    Ok(())
}

fn print_pair(width: usize, digits: usize, [ours, genuine]: [f64; 2]) {
    print!("{:>width$}{:7.2}", format!("{ours:.digits$}, {genuine:.digits$}"), ours / genuine);
}

fn start(program: &Path, fsync: &str) -> Server {
    let args = ["--appendonly", "yes", "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0"];
    Server::start_program(program, &args)
}

/// Calls of fsync and fdatasync for each write. Only these stop the server: were it stopped at each call of its threads, it would
/// be a slower one, whose clients come in other groups.
fn syncs_per_write(program: &Path, fsync: &str, workload: &Workload, scale: f64) -> Done<f64> {
    let failed = |error: std::io::Error| format!("strace: {error}");
    let folder = tempfile::tempdir().map_err(failed)?;
    let (log, script) =
        (folder.path().join("calls"), folder.path().join(program.file_name().unwrap_or_default()));
    let trace = "strace -f -q --seccomp-bpf -e trace=fsync,fdatasync -o";
    let line = format!("#!/bin/sh\nexec {trace} '{}' '{}' \"$@\"\n", log.display(), program.display());
    std::fs::write(&script, line).map_err(failed)?;
    std::fs::set_permissions(&script, Permissions::from_mode(0o700)).map_err(failed)?;
    let mut server = start(&script, fsync);
    let measured = measure(&server, workload, scale);
    let requests = workload.requests_at(scale) as f64;
    drop(server.client().send(&["SHUTDOWN", "NOSAVE"]));
    // strace ends with the process that it traces.
    server.wait();
    measured?;
    let calls = std::fs::read_to_string(&log).map_err(failed)?;
    // A call that another thread interrupts is written in two lines.
    let count = calls.lines().filter(|line| line.contains("sync(") && !line.contains("resumed")).count();
    Ok(count as f64 / requests)
}
