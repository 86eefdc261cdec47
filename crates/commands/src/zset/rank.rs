//! ZRANK and ZREVRANK.

use data::Zset;
use engine::args::is;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::score::reply_score;

/// ZRANK key member [WITHSCORE]
pub const ZRANK: Command = Command {
    name: "zrank",
    group: Group::SortedSet,
    since: "2.0.0",
    summary: "Returns a member's rank by ascending scores, from 0.",
    complexity: "O(log(N)) where N is the number of members",
    arity: -3,
    flags: Flags::READONLY.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    elements: Elements::one(2),
    args: &[Arg::key("key"), Arg::string("member"), Arg::word("withscore", "WITHSCORE").optional()],
    history: &[("7.2.0", "Option WITHSCORE.")],
    handler: Handler::Read(|cx| rank(cx, "zrank", |rank, _| rank)),
    ..Command::DEFAULT
};

/// ZREVRANK key member [WITHSCORE]
pub const ZREVRANK: Command = Command {
    name: "zrevrank",
    summary: "Returns a member's rank by descending scores, from 0.",
    handler: Handler::Read(|cx| rank(cx, "zrevrank", |rank, len| len - 1 - rank)),
    ..ZRANK
};

fn rank(cx: &mut KeyCx, command: &str, count: fn(usize, usize) -> usize) -> Outcome {
    let with_score = match cx.args.get(3) {
        _ if cx.args.len() > 4 => return Err(Error::Arity(command.into())),
        Some(word) if !is(word, "WITHSCORE") => return Err(Error::Syntax),
        word => word.is_some(),
    };
    let zset = cx.view.read::<Zset>(cx.args.at(1))?;
    let found =
        zset.and_then(|zset| zset.rank(cx.args.at(2)).map(|(rank, score)| (count(rank, zset.len()), score)));
    match found {
        Some((rank, score)) if with_score => {
            cx.reply.array(2);
            cx.reply.count(rank);
            reply_score(&mut cx.reply, score);
        }
        Some((rank, _)) => cx.reply.count(rank),
        None if with_score => cx.reply.null_array(),
        None => cx.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn ranks() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("ZADD z 3 a 1 b 2 12 2 c", ":4");
        for (member, rank) in [("b", 0), ("12", 1), ("c", 2), ("a", 3)] {
            t.check(&format!("ZRANK z {member}"), &format!(":{rank}"));
            t.check(&format!("ZREVRANK z {member}"), &format!(":{}", 3 - rank));
        }
        t.check_both("ZRANK z a WITHSCORE", "[:3, $3]", "[:3, ,3]");
        t.check("ZRANK z x", "(nil)");
        t.check("ZREVRANK none x withscore", "(nil)");
        t.check("ZRANK z a x", "-ERR syntax error");
        t.check("ZRANK z a withscore x", "-ERR wrong number of arguments for 'zrank' command");
        t.check("ZREVRANK z a withscore x", "-ERR wrong number of arguments for 'zrevrank' command");
    }
}
