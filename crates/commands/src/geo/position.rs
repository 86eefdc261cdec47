//! GEOPOS, GEOHASH and GEODIST.

use data::Zset;
use data::geo::Position;
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::Encoder;

use super::arguments::{UNIT, metres, reply_distance, reply_position};

/// GEOPOS key [member [member ...]]
pub const GEOPOS: Command = Command {
    name: "geopos",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Returns the longitudes and latitudes of members.",
    complexity: "O(1) for each member asked for",
    arity: -2,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::string("member").optional().multiple()],
    handler: Handler::Read(|cx| {
        each(cx, |reply, position| match position {
            Some(position) => reply_position(reply, position),
            None => reply.null_array(),
        })
    }),
    ..Command::DEFAULT
};

/// GEOHASH key [member [member ...]]
pub const GEOHASH: Command = Command {
    name: "geohash",
    summary: "Returns the standard geohashes of members' positions.",
    handler: Handler::Read(|cx| {
        each(cx, |reply, position| match position {
            Some(position) => reply.bulk(&position.geohash()),
            None => reply.null(),
        })
    }),
    ..GEOPOS
};

/// GEODIST key member1 member2 [M | KM | FT | MI]
pub const GEODIST: Command = Command {
    name: "geodist",
    summary: "Returns the distance between two members.",
    complexity: "O(1)",
    arity: -4,
    args: &[Arg::key("key"), Arg::string("member1"), Arg::string("member2"), UNIT.optional()],
    handler: Handler::Read(geodist),
    ..GEOPOS
};

/// Replies about the position of each member that is asked for.
fn each(cx: &mut KeyCx, mut reply: impl FnMut(&mut Encoder, Option<Position>)) -> Outcome {
    let (zset, members) = (cx.view.read::<Zset>(cx.args.at(1))?, cx.args.from(2));
    cx.reply.array(members.len());
    for member in members.iter() {
        let score = zset.and_then(|zset| zset.score(member));
        reply(&mut cx.reply, score.map(Position::of_score));
    }
    Ok(())
}

fn geodist(cx: &mut KeyCx) -> Outcome {
    let metres = match cx.args.get(4) {
        _ if cx.args.len() > 5 => return Err(Error::Syntax),
        Some(unit) => metres(unit)?,
        None => 1.0,
    };
    let zset = cx.view.read::<Zset>(cx.args.at(1))?;
    let position = |index| zset.and_then(|zset| zset.score(cx.args.at(index))).map(Position::of_score);
    match position(2).zip(position(3)) {
        Some((from, to)) => reply_distance(&mut cx.reply, from.distance(to) / metres),
        None => cx.reply.null(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn replies_of_redis() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        t.check("GEODIST sicily Palermo Catania", "$166274.1516");
        t.check("GEODIST sicily Palermo Catania KM", "$166.2742");
        t.check("GEODIST sicily Palermo Catania mi", "$103.3182");
        t.check("GEODIST sicily Palermo Palermo", "$0.0000");
        t.check("GEODIST sicily Palermo x", "(nil)");
        t.check("GEODIST none Palermo x", "(nil)");
        t.check("GEOHASH sicily Palermo x Catania", "[$sqc8b49rny0, (nil), $sqdtr74hyu0]");
        t.check_both(
            "GEOPOS sicily Palermo x",
            "[[$13.36138933897018433, $38.11555639549629859], (nil)]",
            "[[,13.36138933897018433, ,38.11555639549629859], (nil)]",
        );
        t.check("GEOPOS none a", "[(nil)]");
        t.check("GEOHASH sicily", "[]");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GEODIST k a b m x", "-ERR syntax error");
        t.check("GEODIST k a b yd", "-ERR unsupported unit provided. please use M, KM, FT, MI");
        t.check("SET s x", "+OK");
        for line in ["GEODIST s a b", "GEOPOS s a", "GEOHASH s a"] {
            t.check(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        }
    }
}
