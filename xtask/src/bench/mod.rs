//! `cargo xtask bench`: our server beside genuine redis-server, on the same work, in the same run.
//!
//! The load generator is Debian's redis-benchmark and shares the machine, so the figure to trust is the CPU
//! time of the server per request, medians over rounds whose order alternates. Ratios are ours / redis-server:
//! below 1 is cheaper.

mod aof;
mod datasets;
mod hit_rate;
mod large;
mod load;
mod workloads;

use crate::shell::release_server;
use crate::{Done, wrong};
use datasets::DATASETS;
use lexopt::{Arg, Parser, ValueExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;
use suites::{Kind, Server};
use workloads::{WORKLOADS, Workload};

struct Options {
    rounds: Option<usize>,
    scale: f64,
    memory: bool,
    hit_rate: bool,
    load: bool,
    aof: bool,
    large: bool,
    program: Option<PathBuf>,
    names: Vec<String>,
}

/// Measures and prints a table.
///
/// # Errors
/// When a server does not start or redis-benchmark fails.
pub fn bench(arguments: &mut Parser) -> Done {
    let options = options(arguments)?;
    let program = release_server(options.program.clone())?;
    match options {
        Options { memory: true, .. } => memory(&program, &options),
        Options { hit_rate: true, .. } => hit_rate::hit_rate(&program),
        Options { load: true, .. } => {
            load::load(&program, options.rounds.unwrap_or(3), options.scale, &options.names)
        }
        Options { aof: true, .. } => aof::aof(&program, options.rounds.unwrap_or(3), options.scale),
        Options { large: true, .. } => large::large(&program, options.scale),
        _ => throughput(&program, &options),
    }
}

fn options(arguments: &mut Parser) -> Done<Options> {
    let mut options = Options {
        rounds: None,
        scale: 1.0,
        memory: false,
        hit_rate: false,
        load: false,
        aof: false,
        large: false,
        program: None,
        names: Vec::new(),
    };
    while let Some(argument) = arguments.next().map_err(wrong)? {
        match argument {
            Arg::Long("rounds") => {
                options.rounds = Some(arguments.value().and_then(|value| value.parse()).map_err(wrong)?)
            }
            Arg::Long("scale") => {
                options.scale = arguments.value().and_then(|value| value.parse()).map_err(wrong)?
            }
            Arg::Long("memory") => options.memory = true,
            Arg::Long("hit-rate") => options.hit_rate = true,
            Arg::Long("load") => options.load = true,
            Arg::Long("aof") => options.aof = true,
            Arg::Long("large") => options.large = true,
            Arg::Long("bin") => options.program = Some(PathBuf::from(arguments.value().map_err(wrong)?)),
            Arg::Value(name) => options.names.push(name.string().map_err(wrong)?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(options)
}

impl Options {
    /// Those that were named, or all.
    fn chosen<'a, T>(&self, all: &'a [T], name: fn(&T) -> &str) -> Done<Vec<&'a T>> {
        let known: Vec<&str> = all.iter().map(name).collect();
        if let Some(unknown) = self.names.iter().find(|wanted| !known.contains(&wanted.as_str())) {
            return Err(format!("no {unknown:?}; there are {}", known.join(", ")));
        }
        Ok(all
            .iter()
            .filter(|one| self.names.is_empty() || self.names.iter().any(|wanted| wanted == name(one)))
            .collect())
    }
}

/// What runs side by side: the label, the program and its options.
fn contestants(program: &Path) -> [(&'static str, PathBuf, Vec<&'static str>); 3] {
    [
        ("ours, 1 thread", program.to_path_buf(), vec!["--io-threads", "1"]),
        ("ours, 2 threads", program.to_path_buf(), vec!["--io-threads", "2"]),
        ("redis-server", Kind::Genuine.program(), vec![]),
    ]
}

/// One run of redis-benchmark: microseconds of the server's CPU, and requests in a second.
struct Sample {
    cpu_us: f64,
    per_second: f64,
}

fn throughput(program: &Path, options: &Options) -> Done {
    let chosen = options.chosen(&WORKLOADS, |workload| workload.name)?;
    let contestants = contestants(program);
    let servers: Vec<Server> =
        contestants.iter().map(|(_, program, args)| Server::start_program(program, args)).collect();
    for (label, count, make) in workloads::preloads(&chosen) {
        eprintln!("loading {label}");
        servers.iter().try_for_each(|server| datasets::feed(server, count, make))?;
    }
    print!("{:12}", "workload");
    contestants.iter().for_each(|(label, ..)| print!("{:>18} us{:>8}", label, "kops"));
    println!("{:>12}{:>12}", "cpu ratio 1", "cpu ratio 2");
    for workload in chosen {
        let mut samples: Vec<Vec<Sample>> = servers.iter().map(|_| Vec::new()).collect();
        for round in 0..options.rounds.unwrap_or(5) {
            for turn in 0..servers.len() {
                let i = (round + turn) % servers.len();
                samples[i].push(measure(&servers[i], workload, options.scale)?);
            }
        }
        let middle: Vec<(f64, f64)> =
            samples.iter().map(|s| (median(s, |s| s.cpu_us), median(s, |s| s.per_second))).collect();
        print!("{:12}", workload.name);
        middle.iter().for_each(|(cpu, rate)| print!("{cpu:21.3}{:8.0}", rate / 1e3));
        println!("{:12.2}{:12.2}", middle[0].0 / middle[2].0, middle[1].0 / middle[2].0);
    }
    Ok(())
}

fn measure(server: &Server, workload: &Workload, scale: f64) -> Done<Sample> {
    let requests = workload.requests_at(scale);
    let gone = |error: std::io::Error| format!("the server's CPU time: {error}");
    let before = server.cpu_ns().map_err(gone)?;
    let output = Command::new("redis-benchmark")
        .args(["-p", &server.port().to_string(), "-c", "50", "--csv", "-n", &requests.to_string()])
        .args(["-P", &workload.pipeline.to_string()])
        .args(workload.arguments())
        .output()
        .map_err(|error| format!("redis-benchmark: {error}"))?;
    let used = server.cpu_ns().map_err(gone)? - before;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.lines().last().and_then(|row| row.split("\",\"").nth(1)?.parse().ok());
    match rate {
        Some(per_second) if output.stderr.is_empty() => {
            Ok(Sample { cpu_us: used as f64 / 1e3 / requests as f64, per_second })
        }
        _ => Err(format!(
            "redis-benchmark {}: {said}{}",
            workload.name,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

fn median(samples: &[Sample], value: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Resident bytes per key after loading each dataset into an empty server.
fn memory(program: &Path, options: &Options) -> Done {
    let contestants = contestants(program);
    let [ours, _, genuine] = &contestants;
    println!("{:32}{:>12}{:>14}{:>8}", "resident bytes per key", "ours", "redis-server", "ratio");
    for dataset in options.chosen(&DATASETS, |dataset| dataset.name)? {
        let count = ((dataset.count as f64 * options.scale) as u64).max(1_000);
        let mut figures = Vec::new();
        for (_, program, args) in [ours, genuine] {
            let server = Server::start_program(program, args);
            let empty = settled(&server);
            datasets::feed(&server, count, dataset.command)?;
            figures.push((settled(&server) - empty) / count as f64);
        }
        println!("{:32}{:12.1}{:14.1}{:8.2}", dataset.label, figures[0], figures[1], figures[0] / figures[1]);
    }
    Ok(())
}

/// Resident memory once the server has had a moment for its housekeeping.
fn settled(server: &Server) -> f64 {
    thread::sleep(Duration::from_millis(500));
    server.resident_bytes() as f64
}
