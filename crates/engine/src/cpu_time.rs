//! How much CPU time was spent, by getrusage(2): for INFO's `used_cpu_*` fields and the clock check.
#![allow(unsafe_code)]

use std::time::Duration;

/// Whose time.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// All threads of this process.
    Process,
    /// The calling thread.
    Thread,
    /// Children that have ended and were waited for.
    Children,
}

/// Time spent, to the microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTime {
    /// In code of ours.
    pub user: Duration,
    /// In the kernel, on our behalf.
    pub system: Duration,
}

impl CpuTime {
    /// What has been spent so far.
    pub fn of(who: Who) -> CpuTime {
        let who = match who {
            Who::Process => libc::RUSAGE_SELF,
            Who::Thread => libc::RUSAGE_THREAD,
            Who::Children => libc::RUSAGE_CHILDREN,
        };
        // SAFETY: rusage is plain numbers, for which zero is valid, and getrusage fills it in. It fails for an
        // unknown `who` only, and then leaves the zeros.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(who, &mut usage);
            usage
        };
        CpuTime { user: duration(usage.ru_utime), system: duration(usage.ru_stime) }
    }

    /// The time since an earlier measurement.
    pub fn since(self, earlier: CpuTime) -> CpuTime {
        CpuTime {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    Duration::from_secs(part(time.tv_sec)) + Duration::from_micros(part(time.tv_usec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time() {
        let before = CpuTime::of(Who::Thread);
        let spent = loop {
            std::hint::black_box((0..100_000u64).fold(0, |sum, i| std::hint::black_box(sum ^ i)));
            let spent = CpuTime::of(Who::Thread).since(before);
            if spent.user > Duration::ZERO {
                break spent;
            }
        };
        let process = CpuTime::of(Who::Process);
        assert!(process.user + process.system >= spent.user);
        assert_eq!(before.since(CpuTime { user: Duration::MAX, system: Duration::MAX }), CpuTime::default());
        let _ = CpuTime::of(Who::Children);
    }
}
