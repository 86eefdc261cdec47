//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE and SHUTDOWN.
//!
//! Nothing is kept on disk yet: what would save says so, and SHUTDOWN SAVE fails as it does when a disk is full.

use engine::args::is;
use engine::engine::{LogLevel, Shutdown};
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, Outcome, ServerCx};
use resp::Args;

const NOT_YET: Error = Error::text("ERR this version does not implement persistence yet");

/// SAVE
pub const SAVE: Command = Command {
    name: "save",
    group: Group::Server,
    summary: "Writes a snapshot of all data to disk, and answers when it is there.",
    complexity: "O(N) where N is the number of keys in all databases",
    arity: 1,
    flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::NOSCRIPT).union(Flags::NO_MULTI),
    handler: Handler::Server(|_| Err(NOT_YET)),
    ..Command::DEFAULT
};

/// BGSAVE [SCHEDULE]
pub const BGSAVE: Command = Command {
    name: "bgsave",
    group: Group::Server,
    summary: "Begins to write a snapshot of all data to disk.",
    arity: -1,
    flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::NOSCRIPT),
    args: &[Arg::word("schedule", "SCHEDULE").optional().since("3.2.2")],
    history: &[("3.2.2", "Option SCHEDULE.")],
    handler: Handler::Server(|cx| match cx.args.get(1) {
        Some(word) if cx.args.len() > 2 || !is(word, "SCHEDULE") => Err(Error::Syntax),
        _ => Err(NOT_YET),
    }),
    ..Command::DEFAULT
};

/// BGREWRITEAOF
pub const BGREWRITEAOF: Command = Command {
    name: "bgrewriteaof",
    group: Group::Server,
    summary: "Begins to write the append-only file anew, as short as it can be.",
    arity: 1,
    flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::NOSCRIPT),
    handler: Handler::Server(|_| Err(NOT_YET)),
    ..Command::DEFAULT
};

/// LASTSAVE
pub const LASTSAVE: Command = Command {
    name: "lastsave",
    group: Group::Server,
    summary: "Returns when data was last saved, in Unix seconds.",
    arity: 1,
    flags: Flags::LOADING.union(Flags::STALE).union(Flags::FAST),
    categories: Categories::ADMIN.union(Categories::DANGEROUS),
    tips: &["nondeterministic_output"],
    // As Redis: the start counts as a save.
    handler: Handler::Server(|cx| {
        let started = cx.engine.started_ms / 1000;
        cx.reply().int(started);
        Ok(())
    }),
    ..Command::DEFAULT
};

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
pub const SHUTDOWN: Command = Command {
    name: "shutdown",
    group: Group::Server,
    summary: "Saves the data if save points are set, and ends the server.",
    complexity: "O(N) where N is the number of keys in all databases when saving, otherwise O(1)",
    arity: -1,
    flags: Flags::ADMIN
        .union(Flags::NOSCRIPT)
        .union(Flags::LOADING)
        .union(Flags::STALE)
        .union(Flags::NO_MULTI)
        .union(Flags::SENTINEL)
        .union(Flags::ALLOW_BUSY),
    args: &[
        Arg::one_of("save-selector", &[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")]).optional(),
        Arg::word("now", "NOW").optional().since("7.0.0"),
        Arg::word("force", "FORCE").optional().since("7.0.0"),
        Arg::word("abort", "ABORT").optional().since("7.0.0"),
    ],
    history: &[("7.0.0", "Options NOW, FORCE and ABORT.")],
    handler: Handler::Server(shutdown),
    ..Command::DEFAULT
};

/// What SHUTDOWN's options ask for: to end, or (`None`) not to.
fn request(args: Args) -> Result<Option<Shutdown>, Error> {
    let (mut wanted, mut abort) = (Shutdown::default(), false);
    for word in args.from(1).iter() {
        if is(word, "NOSAVE") && wanted.save != Some(true) {
            wanted.save = Some(false);
        } else if is(word, "SAVE") && wanted.save != Some(false) {
            wanted.save = Some(true);
        } else if is(word, "NOW") {
            wanted.now = true;
        } else if is(word, "FORCE") {
            wanted.force = true;
        } else if is(word, "ABORT") {
            abort = true;
        } else {
            return Err(Error::Syntax);
        }
    }
    match abort {
        false => Ok(Some(wanted)),
        true if wanted == Shutdown::default() => Ok(None),
        true => Err(Error::Syntax),
    }
}

fn shutdown(cx: &mut ServerCx) -> Outcome {
    // A shutdown waits for nobody while there are no replicas, so none is ever there to be aborted.
    let Some(wanted) = request(cx.args)? else { return Err(Error::text("ERR No shutdown in progress.")) };
    if wanted.save == Some(true) && !wanted.force {
        let text =
            "Data can't be saved: this version does not implement persistence yet. The server goes on.";
        cx.engine.host.log(LogLevel::Warning, text);
        return Err(Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    // No reply: the client sees the connection close.
    cx.engine.host.shutdown(wanted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn nothing_is_saved_yet() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in ["SAVE", "BGSAVE", "BGSAVE schedule", "BGREWRITEAOF"] {
            t.check(line, "-ERR this version does not implement persistence yet");
        }
        t.check("BGSAVE now", "-ERR syntax error");
        let started = t.session().engine().started_ms / 1000;
        assert_eq!(t.reply("LASTSAVE"), format!(":{started}"));
    }

    #[test]
    fn shutting_down() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SHUTDOWN SAVE", "-ERR Errors trying to SHUTDOWN. Check logs.");
        t.check("SHUTDOWN ABORT", "-ERR No shutdown in progress.");
        for line in ["SHUTDOWN NOSAVE SAVE", "SHUTDOWN NOW ABORT", "SHUTDOWN please"] {
            t.check(line, "-ERR syntax error");
        }
        // No reply.
        t.check("SHUTDOWN", "");
        t.check("SHUTDOWN nosave now", "");
        t.check("SHUTDOWN SAVE FORCE", "");
    }
}
