//! DEBUG's switches: SET-ACTIVE-EXPIRE and PAUSE-CRON; and those for parts of Redis that have no counterpart here,
//! which are checked and ignored.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use engine::args::{integer, is};
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};

use crate::usage;

pub const SET_ACTIVE_EXPIRE: Command = Command {
    name: "set-active-expire",
    summary: "0: keys that are due are deleted only when a command meets them. 1: in the background too.",
    arity: 3,
    args: &[Arg::integer("0|1")],
    handler: Handler::Exclusive(|cx| turn(cx, &cx.engine.active_expire)),
    ..Command::DEFAULT
};

pub const PAUSE_CRON: Command = Command {
    name: "pause-cron",
    summary: "1: what happens by the clock does not, until 0 is given.",
    handler: Handler::Exclusive(|cx| turn(cx, &cx.engine.cron_paused)),
    ..SET_ACTIVE_EXPIRE
};

pub const SET_SKIP_CHECKSUM_VALIDATION: Command = Command {
    name: "set-skip-checksum-validation",
    summary: "1: RESTORE takes payloads whose checksum is wrong. 0: it refuses them.",
    handler: Handler::Exclusive(|cx| turn(cx, &cx.view.keyspace().trusts_payloads)),
    ..SET_ACTIVE_EXPIRE
};

pub const DICT_RESIZING: Command = Command {
    name: "dict-resizing",
    summary: "Accepted: tables grow and shrink a segment at a time.",
    handler: Handler::Exclusive(ignored),
    ..SET_ACTIVE_EXPIRE
};

pub const QUICKLIST_PACKED_THRESHOLD: Command = Command {
    name: "quicklist-packed-threshold",
    summary: "Accepted: long elements of lists need no other place than short ones.",
    args: &[Arg::string("size")],
    handler: Handler::Exclusive(|cx| {
        const LIMIT: u64 = 4 << 30;
        match config::parse_memory(cx.args.at(2)) {
            Some(size) if size < LIMIT => ignored(cx),
            _ => Err(Error::text("ERR argument must be a memory value bigger than 1 and smaller than 4gb")),
        }
    }),
    ..SET_ACTIVE_EXPIRE
};

pub const REPLYBUFFER: Command = Command {
    name: "replybuffer",
    summary: "Accepted: buffers come from a pool, and go back to it when they are empty.",
    arity: 4,
    args: &[Arg::one_of(
        "option",
        &[
            Arg::string("NEVER|RESET|milliseconds").token("PEAK-RESET-TIME"),
            Arg::integer("0|1").token("RESIZING"),
        ],
    )],
    handler: Handler::Exclusive(|cx| {
        let (option, value) = (cx.args.at(2), cx.args.at(3));
        if is(option, "PEAK-RESET-TIME") {
            if !is(value, "NEVER") && !is(value, "RESET") {
                integer(value)?;
            }
        } else if !is(option, "RESIZING") {
            return Err(usage::subcommand_error(cx.args));
        }
        ignored(cx)
    }),
    ..Command::DEFAULT
};

/// Any other number than 0 turns on; what is no number is 0, as Redis has it.
fn turn(cx: &mut ServerCx, switch: &AtomicBool) -> Outcome {
    switch.store(integer(cx.args.at(2)).unwrap_or(0) != 0, Relaxed);
    cx.reply().ok();
    Ok(())
}

fn ignored(cx: &mut ServerCx) -> Outcome {
    cx.reply().ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::testing::Tester;

    #[test]
    fn switches() {
        let mut t = Tester::new(crate::FAMILIES);
        for (value, on) in [("0", false), ("1", true), ("x", false), ("2", true)] {
            t.check(&format!("DEBUG SET-ACTIVE-EXPIRE {value}"), "+OK");
            t.check(&format!("DEBUG pause-cron {value}"), "+OK");
            let engine = t.session().engine();
            assert_eq!((engine.active_expire.load(Relaxed), engine.cron_paused.load(Relaxed)), (on, on));
        }
        t.check("DEBUG DICT-RESIZING 0", "+OK");
        t.check("DEBUG QUICKLIST-PACKED-THRESHOLD 1b", "+OK");
        t.check("DEBUG QUICKLIST-PACKED-THRESHOLD 0", "+OK");
        for value in ["4gb", "x"] {
            let error = "-ERR argument must be a memory value bigger than 1 and smaller than 4gb";
            t.check(&format!("DEBUG QUICKLIST-PACKED-THRESHOLD {value}"), error);
        }
        t.check("DEBUG REPLYBUFFER peak-reset-time never", "+OK");
        t.check("DEBUG REPLYBUFFER RESIZING 0", "+OK");
        t.check("DEBUG REPLYBUFFER PEAK-RESET-TIME x", "-ERR value is not an integer or out of range");
        let error = "-ERR unknown subcommand or wrong number of arguments for 'REPLYBUFFER'. Try DEBUG HELP.";
        t.check("DEBUG REPLYBUFFER foo 1", error);
    }
}
