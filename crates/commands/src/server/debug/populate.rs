//! DEBUG POPULATE: many keys quickly. They are nobody's writes: neither counted as changes nor sent to replicas.

use engine::args::integer;
use engine::{Arg, Command, Error, Handler, Outcome, ServerCx};
use keyspace::{Expire, NewValue};

use crate::usage;

pub const POPULATE: Command = Command {
    name: "populate",
    summary: "Makes keys <prefix>:0 and so on (\"key\" unless told), each with value:0 and so on, cut or filled with \
              zeros to a size; those that are there stay.",
    arity: -3,
    args: &[
        Arg::integer("count"),
        Arg::block("named", &[Arg::string("prefix"), Arg::integer("size").optional()]).optional(),
    ],
    handler: Handler::Exclusive(populate),
    ..Command::DEFAULT
};

fn populate(cx: &mut ServerCx) -> Outcome {
    if cx.args.len() > 5 {
        return Err(usage::subcommand_error(cx.args));
    }
    let natural = |arg| integer(arg).ok().and_then(|n| u64::try_from(n).ok()).ok_or(Error::NotPositive);
    let count = natural(cx.args.at(2))?;
    let size = cx.args.get(4).map(natural).transpose()?.unwrap_or(0);
    if size > cx.config.proto_max_bulk_len {
        return Err(Error::StringTooLong);
    }
    let prefix = cx.args.get(3).unwrap_or(b"key");
    cx.view.db = cx.client.db;
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if cx.view.contains(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if size > 0 {
            value.resize(size as usize, 0);
        }
        cx.view.set(&key, NewValue::parse(&value), Expire::Never);
    }
    cx.reply().ok();
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn keys_and_values() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("DEBUG POPULATE 2", "+OK");
        t.check("MGET key:0 key:1 key:2", "[$value:0, $value:1, (nil)]");
        t.check("SET p:0 mine", "+OK");
        t.check("DEBUG POPULATE 12 p 8", "+OK");
        t.check("MGET p:0 p:1 p:11", "[$mine, $value:1\0, $value:11]");
        t.check("DEBUG POPULATE 1 q 3", "+OK");
        t.check("GET q:0", "$val");
        t.check("DBSIZE", ":15");
        for line in ["DEBUG POPULATE x", "DEBUG POPULATE -1", "DEBUG POPULATE 1 p -2"] {
            t.check(line, "-ERR value is out of range, must be positive");
        }
        let error = "-ERR unknown subcommand or wrong number of arguments for 'POPULATE'. Try DEBUG HELP.";
        t.check("DEBUG POPULATE 1 p 2 3", error);
        assert!(t.reply("INFO persistence").contains("rdb_changes_since_last_save:1\r\n"));
        // The log knows nothing of them.
        t.check("FLUSHALL", "+OK");
    }
}
