//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE and SHUTDOWN: what is done is the storage's ([`engine::persistence`]).

use std::sync::atomic::Ordering::Relaxed;

use engine::args::is;
use engine::engine::Shutdown;
use engine::{Arg, Categories, Command, Error, Flags, Group, Handler, Outcome, ServerCx};
use resp::Args;

/// SAVE
pub const SAVE: Command = Command {
    name: "save",
    group: Group::Server,
    summary: "Writes a snapshot of all data to disk, and answers when it is there.",
    complexity: "O(N) where N is the number of keys in all databases",
    arity: 1,
    flags: Flags::NO_ASYNC_LOADING.union(Flags::ADMIN).union(Flags::NOSCRIPT).union(Flags::NO_MULTI),
    handler: Handler::Exclusive(|cx| {
        cx.engine.persistence.storage()?.save(cx.view)?;
        cx.reply().ok();
        Ok(())
    }),
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
    handler: Handler::Exclusive(|cx| {
        let schedule = match cx.args.get(1) {
            None => false,
            Some(word) if cx.args.len() == 2 && is(word, "SCHEDULE") => true,
            Some(_) => return Err(Error::Syntax),
        };
        let told = cx.engine.persistence.storage()?.save_in_background(cx.view, schedule)?;
        cx.reply().simple(told);
        Ok(())
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
    handler: Handler::Exclusive(|cx| {
        let told = cx.engine.persistence.storage()?.rewrite_log(cx.view)?;
        cx.reply().simple(told);
        Ok(())
    }),
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
    handler: Handler::Server(|cx| {
        let last = cx.engine.persistence.snapshot.last_save.load(Relaxed);
        cx.reply().int(last);
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
    handler: Handler::Exclusive(shutdown),
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
    if cx.engine.loading.is_on() {
        // What is there is a part of what is on disk.
        cx.engine.host.shutdown(Shutdown { save: Some(false), ..wanted });
        return Ok(());
    }
    let closed = cx.engine.persistence.storage()?.close(cx.view, &wanted);
    if closed.is_err() && !wanted.force {
        return Err(Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    cx.engine.host.shutdown(Shutdown { save: Some(false), ..wanted });
    // No reply: the client sees the connection close. Nobody changes anything any more, since this keeps exclusive access.
    cx.engine.host.wait_for_end();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn syntax() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("BGSAVE now", "-ERR syntax error");
        t.check("BGSAVE SCHEDULE now", "-ERR syntax error");
        t.check("SHUTDOWN ABORT", "-ERR No shutdown in progress.");
        for line in ["SHUTDOWN NOSAVE SAVE", "SHUTDOWN NOW ABORT", "SHUTDOWN please"] {
            t.check(line, "-ERR syntax error");
        }
        let started = t.session().engine().started_ms / 1000;
        t.check_in("LASTSAVE", started - 1..=started);
    }

    #[test]
    fn without_a_disk_nothing_is_saved() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in ["SAVE", "BGSAVE", "BGSAVE schedule", "BGREWRITEAOF", "DEBUG RELOAD", "SHUTDOWN"] {
            t.check(line, "-ERR nothing keeps data on disk here");
        }
    }
}
