//! PING, ECHO, SELECT and QUIT.

use engine::args::integer_in;
use engine::{Arg, Command, Error, Flags, Group, Handler, Outcome, ServerCx, State};

/// PING [message]
pub const PING: Command = Command {
    name: "ping",
    group: Group::Connection,
    summary: "Answers PONG, or the message.",
    arity: -1,
    flags: Flags::FAST.union(Flags::SENTINEL),
    args: &[Arg::string("message").optional()],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    handler: Handler::Server(ping),
    ..Command::DEFAULT
};

/// ECHO message
pub const ECHO: Command = Command {
    name: "echo",
    group: Group::Connection,
    summary: "Answers the message.",
    arity: 2,
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    args: &[Arg::string("message")],
    handler: Handler::Server(|cx| {
        let message = cx.args.at(1);
        cx.reply().bulk(message);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// SELECT index
pub const SELECT: Command = Command {
    name: "select",
    group: Group::Connection,
    summary: "Chooses the database that the connection's commands work on.",
    arity: 2,
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    args: &[Arg::integer("index")],
    handler: Handler::Server(select),
    ..Command::DEFAULT
};

/// QUIT
pub const QUIT: Command = Command {
    name: "quit",
    group: Group::Connection,
    summary: "Closes the connection.",
    arity: -1,
    flags: super::BEFORE_AUTH,
    deprecated: Some(("7.2.0", "closing the connection")),
    handler: Handler::Server(quit),
    ..Command::DEFAULT
};

fn ping(cx: &mut ServerCx) -> Outcome {
    match cx.args.len() {
        1 => cx.reply().simple("PONG"),
        2 => {
            let message = cx.args.at(1);
            cx.reply().bulk(message);
        }
        _ => return Err(Error::Arity("ping".into())),
    }
    Ok(())
}

fn select(cx: &mut ServerCx) -> Outcome {
    let index = integer_in(cx.args.at(1), i32::MIN.into()..=i32::MAX.into())?;
    let databases = cx.view.keyspace().databases() as i64;
    if !(0..databases).contains(&index) {
        return Err(Error::DbIndex);
    }
    cx.client.select(index as u32);
    cx.reply().ok();
    Ok(())
}

fn quit(cx: &mut ServerCx) -> Outcome {
    cx.reply().ok();
    cx.client.set_state(State::CLOSING, true);
    Ok(())
}
