//! `server-cpulist` and its kin: on which CPUs a thread runs.
//!
//! A list is written as for taskset: `0,2,3`, `0-3`, `0-20:2` (every second), and mixtures. A thread's set passes to
//! the threads it starts, so the server's is set before the workers are.

use rustix::io;
use rustix::thread::{CpuSet, sched_setaffinity};

/// A set of CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuList(Vec<usize>);

impl CpuList {
    /// Reads a list; `None` if it is not one, or names a CPU beyond what the kernel can have (1,023).
    pub fn parse(text: &str) -> Option<CpuList> {
        let mut cpus = Vec::new();
        for range in text.split(',') {
            cpus.extend(parse_range(range)?);
        }
        Some(CpuList(cpus))
    }

    /// Confines the calling thread to these CPUs. It is an error if the machine has none of them.
    pub fn apply(&self) -> io::Result<()> {
        let mut set = CpuSet::new();
        self.0.iter().for_each(|cpu| set.set(*cpu));
        sched_setaffinity(None, &set)
    }
}

/// `first`, `first-last` or `first-last:step`.
fn parse_range(text: &str) -> Option<impl Iterator<Item = usize>> {
    let (range, step) = match text.split_once(':') {
        Some((range, step)) => (range, parse_number(step)?),
        None => (text, 1),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (parse_number(first)?, parse_number(last)?),
        None if range.len() == text.len() => (parse_number(range)?, parse_number(range)?),
        None => return None,
    };
    let valid = first <= last && last < CpuSet::MAX_CPU && step > 0;
    valid.then(|| (first..=last).step_by(step))
}

/// Digits alone: no sign, no blanks.
fn parse_number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::thread::sched_getaffinity;

    fn parse(text: &str) -> Option<Vec<usize>> {
        CpuList::parse(text).map(|list| list.0)
    }

    #[test]
    fn lists_are_read_as_taskset_reads_them() {
        assert_eq!(parse("0"), Some(vec![0]));
        assert_eq!(parse("0,2,3"), Some(vec![0, 2, 3]));
        assert_eq!(parse("0,2-4"), Some(vec![0, 2, 3, 4]));
        assert_eq!(parse("1-8:3,10"), Some(vec![1, 4, 7, 10]));
        assert_eq!(parse("1023"), Some(vec![1023]));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ",",
            "0,",
            "a",
            "-1",
            "1-",
            "3-1",
            "0-3:0",
            "0:2",
            "0 ",
            "+1",
            "1024",
            "0-99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_thread_is_confined() {
        std::thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            let last = (0..CpuSet::MAX_CPU).rfind(|cpu| allowed.is_set(*cpu)).unwrap();
            CpuList::parse(&last.to_string()).unwrap().apply().unwrap();
            let now = sched_getaffinity(None).unwrap();
            assert_eq!((now.count(), now.is_set(last)), (1, true));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn cpus_the_machine_lacks_are_an_error() {
        std::thread::spawn(|| CpuList::parse("1023").unwrap().apply().unwrap_err()).join().unwrap();
    }
}
