//! RANDOMKEY.

use engine::{Command, Flags, Group, Handler, Outcome, ServerCx};

use super::scan::delete_due;

/// RANDOMKEY
pub const RANDOMKEY: Command = Command {
    name: "randomkey",
    group: Group::Generic,
    summary: "Returns one of the keys, picked at random.",
    flags: Flags::READONLY.union(Flags::TOUCHES_ARBITRARY_KEYS),
    tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    handler: Handler::Server(randomkey),
    ..Command::DEFAULT
};

/// Tries before a key that is due may be the answer, where nobody here may delete it (as on a replica).
const TRIES_FOR_LIVE: usize = 100;
/// Partitions looked at before the answer is that there is no key: all others were emptied meanwhile.
const TRIES: usize = 10_000;

fn randomkey(cx: &mut ServerCx) -> Outcome {
    let (keyspace, db) = (cx.view.keyspace(), cx.view.db);
    let next = |from| keyspace.next_occupied(db, from);
    let occupied: Vec<usize> = std::iter::successors(next(0), |at| next(at + 1)).collect();
    let picked = if occupied.is_empty() { None } else { pick(cx, &occupied) };
    cx.reply().bulk_or_null(picked.as_deref());
    Ok(())
}

/// Picks partitions evenly, and rejects them in proportion to what they lack to the largest: all keys are as likely.
fn pick(cx: &mut ServerCx, occupied: &[usize]) -> Option<Box<[u8]>> {
    let mean = cx.view.keyspace().size(cx.view.db).keys as f64 / occupied.len() as f64;
    // Hashes spread keys as chance does: hardly one partition has more. If one has, it is the measure from then on.
    let mut largest = (mean + 6.0 * mean.sqrt()) as usize + 4;
    for tried in 0..TRIES {
        let (which, share) = (cx.view.random() as usize % occupied.len(), cx.view.random() as usize);
        let partition = occupied[which];
        let picked = cx.with_partition(partition, |view| {
            delete_due(view, partition);
            let len = view.partition_len(partition);
            largest = largest.max(len);
            if share % largest >= len {
                return None;
            }
            let now = view.now;
            let found = view.random_in(partition)?;
            let lives = found.expiry().is_none_or(|at| at > now);
            (lives || tried >= TRIES_FOR_LIVE).then(|| found.key().into())
        });
        if picked.is_some() {
            return picked;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;
    use std::collections::HashMap;

    #[test]
    fn any_key_that_lives() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("RANDOMKEY", "(nil)");
        t.check("SET k v", "+OK");
        t.check("SET due v PXAT 1", "+OK");
        for _ in 0..20 {
            t.check("RANDOMKEY", "$k");
        }
        t.check("SELECT 1", "+OK");
        t.check("RANDOMKEY", "(nil)");
        t.check("SET due v PXAT 1", "+OK");
        t.check("RANDOMKEY", "(nil)");
    }

    #[test]
    fn all_keys_are_as_likely() {
        let mut t = Tester::new(crate::FAMILIES);
        let (keys, draws) = (200, 40_000);
        for n in 0..keys {
            t.check(&format!("SET {n} v"), "+OK");
        }
        let mut drawn = HashMap::<String, i64>::new();
        for _ in 0..draws / 2 {
            *drawn.entry(t.reply("RANDOMKEY")).or_default() += 1;
        }
        // 100 draws a key, with a standard deviation of 10.
        assert_eq!(drawn.len(), keys);
        let (least, most) = (drawn.values().min(), drawn.values().max());
        assert!(least > Some(&40) && most < Some(&170), "{least:?} to {most:?}");
    }
}
