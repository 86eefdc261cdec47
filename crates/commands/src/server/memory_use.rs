//! What memory is used for: INFO memory, MEMORY STATS and MEMORY DOCTOR.
//!
//! *Used* is what the program has asked the allocator for. Of that, *overhead* is what is not data: what the server took
//! at start, its clients, and the tables' slots; the rest is the *dataset*. What the system has given the process, its
//! *resident* memory, is more: the allocator keeps pages that are not full, or not in use at all.

use std::sync::atomic::Ordering::Relaxed;

use engine::Engine;
use keyspace::View;

/// Memory in bytes, at one moment.
#[derive(Clone, Debug, Default)]
pub struct MemoryUse {
    /// Asked for.
    pub used: u64,
    /// The most that was ever asked for.
    pub peak: u64,
    /// Asked for when the server had started.
    pub startup: u64,
    /// Given to the process by the system.
    pub resident: u64,
    /// The allocator's own figures.
    pub allocator: memory::Statistics,
    /// Clients' buffers.
    pub clients: u64,
    /// Keys in all databases.
    pub keys: u64,
    /// The tables of each database with keys.
    pub databases: Vec<DatabaseUse>,
}

/// What a database takes beside its entries, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct DatabaseUse {
    /// Its number.
    pub db: u32,
    /// The slots of its tables.
    pub slots: u64,
    /// The index of when its keys are due.
    pub due: u64,
}

/// How much larger one figure is than another that should be about the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    larger: u64,
    smaller: u64,
}

impl Excess {
    /// One by the other; 0 where nothing is known.
    pub fn ratio(self) -> f64 {
        if self.smaller == 0 { 0.0 } else { self.larger as f64 / self.smaller as f64 }
    }

    /// The difference; negative if the larger one is not.
    pub fn bytes(self) -> i64 {
        self.larger as i64 - self.smaller as i64
    }
}

impl MemoryUse {
    /// Measures. Locks one partition after the other.
    pub fn measure(engine: &Engine, view: &mut View) -> MemoryUse {
        let used = engine.used_memory() as u64;
        let sizes = (0..engine.keyspace.databases()).map(|db| (db, engine.keyspace.size(db)));
        let filled: Vec<(u32, u64)> =
            sizes.filter(|(_, size)| size.keys > 0).map(|(db, size)| (db, size.keys as u64)).collect();
        MemoryUse {
            used,
            peak: engine.peak_memory.load(Relaxed).max(used),
            startup: engine.startup_memory.load(Relaxed),
            resident: resident(),
            allocator: memory::statistics(),
            clients: engine.clients.list().iter().map(|c| c.memory.load(Relaxed)).sum(),
            keys: filled.iter().map(|(_, keys)| keys).sum(),
            databases: filled.iter().map(|(db, _)| DatabaseUse::measure(*db, view)).collect(),
        }
    }

    /// What is not data.
    pub fn overhead(&self) -> u64 {
        self.startup + self.clients + self.tables()
    }

    /// What the tables of all databases take beside their entries.
    pub fn tables(&self) -> u64 {
        self.databases.iter().map(|db| db.slots + db.due).sum()
    }

    /// What is data.
    pub fn dataset(&self) -> u64 {
        self.used.saturating_sub(self.overhead())
    }

    /// The dataset's part of what was asked for since the start, in percent.
    pub fn dataset_percentage(&self) -> f64 {
        percentage(self.dataset(), self.since_start())
    }

    /// What is in use, as part of the peak, in percent.
    pub fn peak_percentage(&self) -> f64 {
        percentage(self.used, self.peak)
    }

    /// What was asked for since the start, by the number of keys.
    pub fn bytes_per_key(&self) -> u64 {
        self.since_start().checked_div(self.keys).unwrap_or(0)
    }

    fn since_start(&self) -> u64 {
        self.used.saturating_sub(self.startup)
    }

    /// Pages with something in them, over what is in them.
    pub fn fragmentation(&self) -> Excess {
        excess(self.allocator.active, self.allocator.allocated)
    }

    /// Pages that the allocator holds, over those with something in them.
    pub fn allocator_resident(&self) -> Excess {
        excess(self.allocator.resident, self.allocator.active)
    }

    /// The process's pages, over those of the allocator.
    pub fn beside_allocator(&self) -> Excess {
        Excess { larger: self.resident, smaller: self.allocator.resident as u64 }
    }

    /// The process's pages, over what was asked for.
    pub fn all_in_all(&self) -> Excess {
        Excess { larger: self.resident, smaller: self.used }
    }
}

impl DatabaseUse {
    fn measure(db: u32, view: &mut View) -> DatabaseUse {
        let mut sum = DatabaseUse { db, ..DatabaseUse::default() };
        view.in_db(db, |view| {
            let mut from = 0;
            while let Some(partition) = view.keyspace().next_occupied(db, from) {
                view.lock_one(partition);
                let table = view.table_footprint(partition);
                sum.slots += table.slots as u64;
                sum.due += table.due as u64;
                from = partition + 1;
            }
            view.unlock();
        });
        sum
    }
}

fn excess(larger: usize, smaller: usize) -> Excess {
    Excess { larger: larger as u64, smaller: smaller as u64 }
}

fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// The process's resident memory: the second number of `/proc/self/statm`, in pages.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * rustix::param::page_size() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let figures = MemoryUse {
            used: 1000,
            peak: 2000,
            startup: 200,
            clients: 100,
            keys: 4,
            databases: vec![DatabaseUse { db: 0, slots: 80, due: 20 }],
            ..MemoryUse::default()
        };
        assert_eq!((figures.overhead(), figures.dataset(), figures.bytes_per_key()), (400, 600, 200));
        assert_eq!((figures.dataset_percentage(), figures.peak_percentage()), (75.0, 50.0));
        assert_eq!(Excess { larger: 3, smaller: 2 }.ratio(), 1.5);
        assert_eq!((Excess { larger: 1, smaller: 2 }.bytes(), figures.fragmentation().ratio()), (-1, 0.0));
        assert!(resident() > 0);
    }
}
