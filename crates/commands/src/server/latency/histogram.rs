//! LATENCY HISTOGRAM: how many runs of a command took at most so long.

use engine::stats::Distribution;
use engine::table::Row;
use engine::{Arg, Command, Handler, Outcome, ServerCx};
use resp::Encoder;

use super::SUBCOMMAND;

pub const HISTOGRAM: Command = Command {
    name: "histogram",
    since: "7.0.0",
    summary: "Returns how long commands, or all commands, take: for each the number of calls, and for powers of two of \
              microseconds how many of them took no longer.",
    complexity: "O(N) where N is the number of commands with latency information being retrieved.",
    arity: -2,
    args: &[Arg::string("COMMAND").optional().multiple()],
    handler: Handler::Server(histogram),
    ..SUBCOMMAND
};

fn histogram(cx: &mut ServerCx) -> Outcome {
    let (table, names) = (&cx.engine.table, cx.args.from(2));
    let rows: Vec<&Row> = if names.is_empty() {
        table.all().collect()
    } else {
        // Unknown ones are passed over; a container stands for its subcommands.
        let named = names.iter().filter_map(|name| table.get_full(name));
        named.flat_map(|row| std::iter::once(row).chain(&row.subcommands)).collect()
    };
    let stats = &cx.engine.stats;
    let measured: Vec<(&Row, Distribution)> =
        rows.into_iter().map(|row| (row, stats.latency(row.id))).filter(|(_, d)| d.count() > 0).collect();
    let mut reply = cx.reply();
    reply.map(measured.len());
    for (row, latency) in measured {
        reply.bulk(row.full_name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.int(latency.count() as i64);
        reply.bulk(b"histogram_usec");
        write_buckets(&mut reply, &latency);
    }
    Ok(())
}

/// Buckets whose count is larger than the one before.
fn write_buckets(reply: &mut Encoder, latency: &Distribution) {
    let mut before = 0;
    let mut buckets: Vec<(u64, u64)> = Vec::new();
    // The last one is of 2^63 nanoseconds: everything.
    for limit in (10..63).map(limit) {
        let count = latency.up_to(limit);
        if count > before {
            buckets.push((limit / 1000, count));
        }
        before = count;
    }
    reply.map(buckets.len());
    for (micros, count) in buckets {
        reply.int(micros as i64);
        reply.int(count as i64);
    }
}

/// The longest duration, in nanoseconds, that Redis's histogram (two decimal digits exact) does not tell from `2^power`.
fn limit(power: u32) -> u64 {
    let nanos = 1u64 << power;
    nanos + (nanos >> 7) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    #[test]
    fn buckets_are_those_of_redis() {
        let micros: Vec<u64> = (10..22).map(|power| limit(power) / 1000).collect();
        assert_eq!(micros, [1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056, 2113]);
    }

    #[test]
    fn commands_and_containers() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check_both("LATENCY HISTOGRAM set nosuch", "[]", "{}");
        t.check("SET a 1", "+OK");
        t.check("SET a 2", "+OK");
        let reply = t.reply("LATENCY HISTOGRAM nosuch SET get");
        assert!(reply.starts_with("[$set, [$calls, :2, $histogram_usec, [:"), "{reply}");
        assert!(reply.ends_with(", :2]]]") && !reply.contains("$get"), "{reply}");
        t.reply("LATENCY LATEST");
        assert!(t.reply("LATENCY HISTOGRAM latency").contains("$latency|histogram, "));
        assert!(t.reply("LATENCY HISTOGRAM latency|latest").starts_with("[$latency|latest, [$calls, :1, "));
        assert!(t.reply("LATENCY HISTOGRAM").contains("$set, "));
    }
}
