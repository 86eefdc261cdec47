//! LATENCY: slow events that the latency monitor has recorded, and how long commands take.

mod doctor;
mod graph;
mod histogram;

use engine::latency::Series;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, ServerCx, unix_millis};

use crate::usage;

/// LATENCY DOCTOR | GRAPH | HELP | HISTOGRAM | HISTORY | LATEST | RESET
pub const LATENCY: Command = Command {
    name: "latency",
    group: Group::Server,
    since: "2.8.13",
    summary: "Slow events, and how long commands take.",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        DOCTOR,
        GRAPH,
        usage::help(Group::Server, "2.8.13"),
        histogram::HISTOGRAM,
        HISTORY,
        LATEST,
        RESET,
    ],
    ..Command::DEFAULT
};

/// What subcommands have in common.
const SUBCOMMAND: Command = Command {
    group: Group::Server,
    since: "2.8.13",
    arity: 2,
    flags: Flags::ADMIN.union(Flags::NOSCRIPT).union(Flags::LOADING).union(Flags::STALE),
    tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ..Command::DEFAULT
};

const DOCTOR: Command = Command {
    name: "doctor",
    summary: "Says in words what was slow, and what may help.",
    handler: Handler::Server(|cx| {
        let report = doctor::report(&cx.engine.latency.all(), cx.config, unix_millis() / 1000);
        cx.reply().verbatim("txt", report.as_bytes());
        Ok(())
    }),
    ..SUBCOMMAND
};

const GRAPH: Command = Command {
    name: "graph",
    summary: "Draws the samples of an event.",
    arity: 3,
    args: &[Arg::string("event")],
    handler: Handler::Server(|cx| {
        let event = String::from_utf8_lossy(cx.args.at(2));
        let Some(series) = cx.engine.latency.series(event.as_bytes()) else {
            return Err(Error::err(format_args!("No samples available for event '{event}'")));
        };
        let drawn = graph::draw(&event, &series, unix_millis() / 1000);
        cx.reply().verbatim("txt", drawn.as_bytes());
        Ok(())
    }),
    ..SUBCOMMAND
};

const HISTORY: Command = Command {
    name: "history",
    summary: "Returns the samples of an event: time in Unix seconds, milliseconds.",
    handler: Handler::Server(|cx| {
        let series = cx.engine.latency.series(cx.args.at(2)).unwrap_or_default();
        let mut reply = cx.reply();
        reply.array(series.samples.len());
        for sample in series.samples {
            reply.array(2);
            reply.int(sample.time);
            reply.int(sample.millis as i64);
        }
        Ok(())
    }),
    ..GRAPH
};

const LATEST: Command = Command {
    name: "latest",
    summary: "Returns each event with the time of its latest sample in Unix seconds, its milliseconds, and the worst \
              ever.",
    handler: Handler::Server(latest),
    ..SUBCOMMAND
};

const RESET: Command = Command {
    name: "reset",
    summary: "Forgets the samples of events, or of all, and returns how many events there were.",
    arity: -2,
    args: &[Arg::string("event").optional().multiple()],
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    handler: Handler::Server(|cx| {
        let events = cx.args.from(2);
        let named = |event: &[u8]| events.iter().any(|name| name.eq_ignore_ascii_case(event));
        let count = cx.engine.latency.reset(|event| events.is_empty() || named(event));
        cx.reply().count(count);
        Ok(())
    }),
    ..SUBCOMMAND
};

fn latest(cx: &mut ServerCx) -> Outcome {
    let all = cx.engine.latency.all();
    let latest = |series: &Series| series.samples.back().map_or((0, 0), |s| (s.time, s.millis));
    let mut reply = cx.reply();
    reply.array(all.len());
    for (event, series) in &all {
        let (time, millis) = latest(series);
        reply.array(4);
        reply.bulk(event.as_bytes());
        reply.int(time);
        reply.int(millis as i64);
        reply.int(series.worst as i64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn events_and_their_samples() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("LATENCY LATEST", "[]");
        t.check("LATENCY HISTORY command", "[]");
        t.check("LATENCY GRAPH command", "-ERR No samples available for event 'command'");
        assert!(t.reply("LATENCY DOCTOR").contains("CONFIG SET latency-monitor-threshold"));
        let monitor = &t.session().engine().latency;
        [(100, 5), (100, 9), (102, 3)].iter().for_each(|(time, ms)| monitor.record("command", *ms, *time));
        monitor.record("expire-cycle", 7, 103);
        assert_eq!(t.reply("LATENCY LATEST"), "[[$command, :102, :3, :9], [$expire-cycle, :103, :7, :7]]");
        assert_eq!(t.reply("LATENCY HISTORY command"), "[[:100, :9], [:102, :3]]");
        assert!(
            t.reply("LATENCY GRAPH command")
                .starts_with("$command - high 9 ms, low 3 ms (all time high 9 ms)\n")
        );
        assert_eq!(t.reply("LATENCY RESET Command nosuch"), ":1");
        assert_eq!(t.reply("LATENCY RESET"), ":1");
    }

    #[test]
    fn slow_commands_are_events() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("DEBUG SLEEP 0.002", "+OK");
        t.check("LATENCY LATEST", "[]");
        engine::testing::reconfigure(t.session().engine(), |config| config.latency_monitor_threshold = 1);
        t.check("DEBUG SLEEP 0.002", "+OK");
        assert!(t.reply("LATENCY LATEST").starts_with("[[$command, :"));
    }
}
