//! Whether the machine suits the server: `--check-system`, and the same judgements as warnings at start.
//!
//! The checks, their names, the form of the output and the exit code are those of `redis-server --check-system`
//! (syscheck.c), so that provisioning scripts go on working. Two of them matter less here than there, and their texts
//! say so: Carnelian never forks, so neither overcommit nor huge pages can break a background save.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use engine::cpu_time::{CpuTime, Who};

const CLOCK_SOURCES: &str = "/sys/devices/system/clocksource/clocksource0";
const OVERCOMMIT: &str = "/proc/sys/vm/overcommit_memory";
const HUGE_PAGES: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// All is well.
    Fine,
    /// Something should be changed: what, why and how.
    Warning(String),
    /// It cannot be told on this machine.
    Unknown,
}

type Check = (&'static str, fn() -> Finding);

/// In Redis's order.
const CHECKS: &[Check] = &[
    ("slow-clocksource", slow_clock),
    ("xen-clocksource", xen_clock),
    ("overcommit", overcommit),
    ("THP", huge_pages),
    // A page that an old arm64 kernel may lose in a fork; there is none here that could lose it.
    #[cfg(target_arch = "aarch64")]
    ("madvise-free-fork-bug", || Finding::Unknown),
];

/// `--check-system`: prints every finding to standard output; the exit code is 1 if there was a warning.
pub fn main() -> ExitCode {
    match run(CHECKS, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn run(checks: &[Check], out: &mut impl Write) -> io::Result<bool> {
    let mut all_fine = true;
    for (name, check) in checks {
        match check() {
            Finding::Fine => writeln!(out, "[{name}]...OK")?,
            Finding::Unknown => writeln!(out, "[{name}]...skipped")?,
            Finding::Warning(text) => {
                writeln!(out, "[{name}]...WARNING:\n{text}")?;
                all_fine = false;
            }
        }
    }
    Ok(all_fine)
}

/// Whether asking for the time takes a system call, which the server does for every batch of commands: then much of
/// the time of a loop that does nothing else is spent in the kernel.
fn slow_clock() -> Finding {
    // getrusage counts in ticks of a hundredth of a second on some kernels: five of them.
    const MEASURED: Duration = Duration::from_millis(50);
    let (start, before) = (Instant::now(), CpuTime::of(Who::Process));
    while start.elapsed() < MEASURED {}
    judge_clock(CpuTime::of(Who::Process).since(before))
}

fn judge_clock(spent: CpuTime) -> Finding {
    if spent.system * 10 <= spent.system + spent.user {
        return Finding::Fine;
    }
    let current = first_line(&format!("{CLOCK_SOURCES}/current_clocksource")).unwrap_or_default();
    let available = first_line(&format!("{CLOCK_SOURCES}/available_clocksource")).unwrap_or_default();
    Finding::Warning(format!(
        "Slow system clocksource: reading the time enters the kernel, which costs every command. The current one is \
         '{current}', available are: {available}. If there is a faster one, for instance tsc, choose it as root: \
         'echo tsc > {CLOCK_SOURCES}/current_clocksource', and for good with the kernel parameter 'clocksource='."
    ))
}

/// Whether the clock is Xen's, the default of older EC2 instances, which is slow.
pub fn xen_clock() -> Finding {
    judge_xen(first_line(&format!("{CLOCK_SOURCES}/current_clocksource")))
}

fn judge_xen(clock_source: Option<String>) -> Finding {
    match clock_source.as_deref() {
        None => Finding::Unknown,
        Some("xen") => Finding::Warning(
            "The system's clocksource is 'xen', which can be slow. The check [slow-clocksource] of \
             'carnelian server --check-system' tells whether it is on this machine."
                .to_owned(),
        ),
        Some(_) => Finding::Fine,
    }
}

/// Whether the kernel grants memory beyond what is free at the moment.
pub fn overcommit() -> Finding {
    judge_overcommit(first_line(OVERCOMMIT))
}

fn judge_overcommit(setting: Option<String>) -> Finding {
    match setting.as_deref() {
        None => Finding::Unknown,
        Some("1") => Finding::Fine,
        Some(other) => Finding::Warning(format!(
            "Memory overcommit is not enabled (vm.overcommit_memory is {other}): the kernel may refuse memory although \
             enough is free, which the allocator (jemalloc, issue 1328) does not always survive. Saving does not need it, \
             since Carnelian never forks. To enable it, run 'sysctl vm.overcommit_memory=1', and put \
             'vm.overcommit_memory = 1' into /etc/sysctl.conf for the next boot."
        )),
    }
}

/// Whether every process gets huge pages, wanted or not.
pub fn huge_pages() -> Finding {
    judge_huge_pages(first_line(HUGE_PAGES))
}

fn judge_huge_pages(setting: Option<String>) -> Finding {
    match setting {
        None => Finding::Unknown,
        Some(setting) if setting.contains("[always]") => Finding::Warning(format!(
            "Transparent Huge Pages (THP) are on for every process: memory takes longer to be granted and is given \
             back late, which shows as latency and resident memory. To leave them to those who ask, run \
             'echo madvise > {HUGE_PAGES}' as root, also at boot (/etc/rc.local), and restart the server."
        )),
        Some(_) => Finding::Fine,
    }
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(checks: &[Check]) -> (bool, String) {
        let mut out = Vec::new();
        let fine = run(checks, &mut out).unwrap();
        (fine, String::from_utf8(out).unwrap())
    }

    fn warned() -> Finding {
        Finding::Warning("Do something.".to_owned())
    }

    #[test]
    fn the_output_has_redis_form() {
        let checks: &[Check] = &[("a", || Finding::Fine), ("b", warned), ("c", || Finding::Unknown)];
        assert_eq!(
            text(checks),
            (false, "[a]...OK\n[b]...WARNING:\nDo something.\n[c]...skipped\n".to_owned())
        );
        assert!(text(&[("a", || Finding::Fine), ("c", || Finding::Unknown)]).0, "skipped is not wrong");
    }

    #[test]
    fn settings_are_judged_as_redis_does() {
        let is_warning = |finding| matches!(finding, Finding::Warning(_));
        let setting = |text: &str| Some(text.to_owned());
        assert!(is_warning(judge_overcommit(setting("0"))) && is_warning(judge_overcommit(setting("2"))));
        assert_eq!(judge_overcommit(setting("1")), Finding::Fine);
        assert_eq!(judge_overcommit(None), Finding::Unknown);
        assert!(is_warning(judge_huge_pages(setting("[always] madvise never"))));
        assert_eq!(judge_huge_pages(setting("always [madvise] never")), Finding::Fine);
        assert_eq!(judge_huge_pages(None), Finding::Unknown);
        assert!(is_warning(judge_xen(setting("xen"))));
        assert_eq!(judge_xen(setting("tsc")), Finding::Fine);
        assert_eq!(judge_xen(None), Finding::Unknown);
    }

    #[test]
    fn a_clock_is_slow_above_a_tenth_in_the_kernel() {
        let spent = |user, system| CpuTime {
            user: Duration::from_millis(user),
            system: Duration::from_millis(system),
        };
        assert_eq!(judge_clock(spent(45, 5)), Finding::Fine);
        assert!(matches!(judge_clock(spent(44, 6)), Finding::Warning(_)));
        assert_eq!(judge_clock(spent(0, 0)), Finding::Fine);
    }

    /// Genuine redis-server, where there is one, judges the same machine; not its clock, which depends on the moment.
    #[test]
    fn redis_server_finds_the_same() {
        let Ok(theirs) = std::process::Command::new("redis-server").arg("--check-system").output() else {
            return;
        };
        let theirs = String::from_utf8(theirs.stdout).unwrap();
        let verdicts = |text: &str| -> Vec<String> {
            text.lines()
                .filter(|line| line.starts_with('[') && !line.contains("slow"))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(verdicts(&text(CHECKS).1), verdicts(&theirs));
    }
}
