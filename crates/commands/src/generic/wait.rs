//! WAIT and WAITAOF: for replicas and disks to have what this client wrote.
//!
//! There are no replicas yet, and no append-only file: nobody will ever acknowledge anything, and the answer does not
//! wait for the time-out.

use codec::number::parse_i64;
use engine::args::{integer, integer_in};
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, Outcome, ServerCx};

/// WAIT numreplicas timeout
pub const WAIT: Command = Command {
    name: "wait",
    group: Group::Generic,
    since: "3.0.0",
    summary: "Waits until replicas have acknowledged the connection's writes.",
    arity: 3,
    flags: Flags::BLOCKING,
    categories: Categories::CONNECTION,
    args: &[Arg::integer("numreplicas"), Arg::integer("timeout")],
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    handler: Handler::Server(wait),
    ..Command::DEFAULT
};

/// WAITAOF numlocal numreplicas timeout
pub const WAITAOF: Command = Command {
    name: "waitaof",
    since: "7.2.0",
    summary: "Waits until the connection's writes are in the append-only files of this server and of replicas.",
    arity: 4,
    args: &[Arg::integer("numlocal"), Arg::integer("numreplicas"), Arg::integer("timeout")],
    handler: Handler::Server(waitaof),
    ..WAIT
};

/// Checks a time-out in milliseconds.
fn timeout(arg: &[u8]) -> Result<i64, Error> {
    let timeout = parse_i64(arg).ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    if timeout < 0 { Err(Error::text("ERR timeout is negative")) } else { Ok(timeout) }
}

fn wait(cx: &mut ServerCx) -> Outcome {
    integer(cx.args.at(1))?;
    timeout(cx.args.at(2))?;
    cx.reply().count(0);
    Ok(())
}

fn waitaof(cx: &mut ServerCx) -> Outcome {
    let local = integer_in(cx.args.at(1), 0..=1)?;
    if integer(cx.args.at(2))? < 0 {
        return Err(Error::NotPositive);
    }
    timeout(cx.args.at(3))?;
    if local > 0 {
        return Err(Error::text(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    let mut reply = cx.reply();
    reply.array(2);
    reply.count(0);
    reply.count(0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn nobody_acknowledges() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("WAIT 0 0", ":0");
        t.check("WAIT -1 0", ":0");
        t.check("WAIT x 0", "-ERR value is not an integer or out of range");
        t.check("WAIT 0 x", "-ERR timeout is not an integer or out of range");
        t.check("WAIT 0 -1", "-ERR timeout is negative");
        t.check("WAITAOF 0 0 0", "[:0, :0]");
        t.check("WAITAOF 2 0 0", "-ERR value is out of range, value must between 0 and 1");
        t.check("WAITAOF 0 -1 0", "-ERR value is out of range, must be positive");
        t.check("WAITAOF 0 0 -1", "-ERR timeout is negative");
        t.check(
            "WAITAOF 1 0 0",
            "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        );
    }
}
