//! INFO's section Keyspace: a line for each database that has keys.

use keyspace::Size;

use super::Field;
use super::sources::Sources;

pub const FIELDS: &[Field] = &[Field::Each(databases)];

/// Times to live that an average is made of.
const SAMPLES: usize = 1000;

fn databases(s: &mut Sources) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for db in 0..s.engine.keyspace.databases() {
        let size = s.engine.keyspace.size(db);
        if size.keys == 0 {
            continue;
        }
        let ttl = if size.volatile == 0 { 0 } else { average_ttl(s, db) };
        let Size { keys, volatile, timed } = size;
        let value = format!("keys={keys},expires={volatile},avg_ttl={ttl},subexpiry={timed}");
        lines.push((format!("db{db}"), value));
    }
    lines
}

/// The mean time to live of a database's volatile keys, in milliseconds, by a sample of them. Keys are spread over the
/// partitions by their hash, so the first partitions are as good a sample as any.
fn average_ttl(s: &mut Sources, db: u32) -> i64 {
    let (now, mut sum, mut count) = (s.view.now, 0, 0);
    s.view.in_db(db, |view| {
        let mut from = 0;
        while let Some(partition) = view.keyspace().next_occupied(db, from).filter(|_| count < SAMPLES) {
            view.lock_one(partition);
            view.sample_due(partition, &mut |at| {
                sum += (at - now).max(0);
                count += 1;
            });
            from = partition + 1;
        }
        view.unlock();
    });
    sum / count.max(1) as i64
}
