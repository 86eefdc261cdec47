//! GEOSEARCH, GEOSEARCHSTORE, and the search that the older commands share with them.

use data::Zset;
use engine::{Arg, Command, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::Encoder;

use super::arguments::{LATITUDE, LONGITUDE, UNIT, reply_distance, reply_position};
use super::request::{Center, Destination, Dialect, Order, Request};
use super::shape::{Point, find};
use crate::zset::{reply_member, reply_stored};

const FROM: Arg = Arg::one_of(
    "from",
    &[
        Arg::string("member").token("FROMMEMBER"),
        Arg::block("fromlonlat", &[LONGITUDE, LATITUDE]).token("FROMLONLAT"),
    ],
);
const BY: Arg = Arg::one_of(
    "by",
    &[
        Arg::block("circle", &[Arg::double("radius").token("BYRADIUS"), UNIT]),
        Arg::block("box", &[Arg::double("width").token("BYBOX"), Arg::double("height"), UNIT]),
    ],
);
pub const ORDER: Arg = Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional();
pub const COUNT: Arg =
    Arg::block("count-block", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional()])
        .optional();

/// GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius unit | BYBOX width height unit
/// [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]
pub const GEOSEARCH: Command = Command {
    name: "geosearch",
    group: Group::Geo,
    since: "6.2.0",
    summary: "Returns the members in a circle or a box.",
    complexity: "O(N+log(M)) where N is the number of members in the boxes of the grid that cover the shape and M that \
                 of those in the shape",
    arity: -7,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        FROM,
        BY,
        ORDER,
        COUNT,
        Arg::word("withcoord", "WITHCOORD").optional(),
        Arg::word("withdist", "WITHDIST").optional(),
        Arg::word("withhash", "WITHHASH").optional(),
    ],
    history: &[("7.0.0", "Units in capitals.")],
    handler: Handler::Read(|cx| search(cx, &Dialect { source: 1, options: 2, fixed: None, stores: false })),
    ..Command::DEFAULT
};

/// GEOSEARCHSTORE destination source FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius unit | BYBOX
/// width height unit [ASC | DESC] [COUNT count [ANY]] [STOREDIST]
pub const GEOSEARCHSTORE: Command = Command {
    name: "geosearchstore",
    summary: "Stores the members in a circle or a box.",
    arity: -8,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[
        KeySpec::one(1, KeyFlags::OW.union(KeyFlags::UPDATE)),
        KeySpec::one(2, KeyFlags::RO.union(KeyFlags::ACCESS)),
    ],
    args: &[
        Arg::key("destination"),
        Arg::key_of("source", 1),
        FROM,
        BY,
        ORDER,
        COUNT,
        Arg::word("storedist", "STOREDIST").optional(),
    ],
    handler: Handler::Write(|cx| search(cx, &Dialect { source: 2, options: 3, fixed: None, stores: true })),
    ..GEOSEARCH
};

/// Searches as the arguments ask, and replies or stores what is found.
pub fn search(cx: &mut KeyCx, dialect: &Dialect) -> Outcome {
    let (args, limits) = (cx.args, cx.limits());
    let zset = cx.view.read::<Zset>(args.at(dialect.source))?;
    let request = Request::parse(args, dialect, zset)?;
    let points = zset.map_or_else(Vec::new, |zset| points(zset, &request));
    let Some(Destination { key, distances }) = request.destination else {
        reply_points(&mut cx.reply, &points, &request);
        return Ok(());
    };
    let metres = request.metres();
    let longest = points.iter().map(|point| point.member.len()).max().unwrap_or(0);
    let mut stored = Zset::default();
    stored.expect(points.len(), longest, &limits);
    for Point { member, score, distance, .. } in &points {
        let score = if distances { distance / metres } else { *score };
        member.with_bytes(|member| stored.insert(member, score, &limits));
    }
    let event = if dialect.fixed.is_none() { "geosearchstore" } else { "georadiusstore" };
    let changes = stored.len() as u64;
    reply_stored(cx, key, stored, event, changes);
    Ok(())
}

/// What is found, in the order asked for. The nearest are meant where only some are asked for, unless any will do.
fn points<'a>(zset: &'a Zset, request: &Request) -> Vec<Point<'a>> {
    let (Some(Center::At(center) | Center::Member(Some(center))), Some(area)) =
        (request.center, request.area)
    else {
        return vec![];
    };
    let count = request.count.unwrap_or(usize::MAX);
    let mut points = find(zset, center, area.shape, if request.any { count } else { usize::MAX });
    let nearest = request.count.is_some() && !request.any;
    match request.order.or(nearest.then_some(Order::Ascending)) {
        Some(Order::Ascending) => points.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(Order::Descending) => points.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        None => {}
    }
    points.truncate(count);
    points
}

fn reply_points(reply: &mut Encoder, points: &[Point], request: &Request) {
    let extras = [request.with_distance, request.with_hash, request.with_position];
    let parts = 1 + extras.into_iter().filter(|wanted| *wanted).count();
    reply.array(points.len());
    for point in points {
        if parts > 1 {
            reply.array(parts);
        }
        reply_member(reply, point.member);
        if request.with_distance {
            reply_distance(reply, point.distance / request.metres());
        }
        if request.with_hash {
            reply.int(point.score as i64);
        }
        if request.with_position {
            reply_position(reply, point.position);
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    fn sicily() -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        t.check("GEOADD sicily 12.758489 38.788135 edge1 17.241510 38.788135 edge2", ":2");
        t
    }

    #[test]
    fn shapes_and_what_is_told_of_members() {
        let mut t = sicily();
        t.check("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC", "[$Catania, $Palermo]");
        t.check("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 KM DESC", "[$Palermo, $Catania]");
        t.check(
            "GEOSEARCH sicily FROMLONLAT 15 37 BYBOX 400 400 km ASC COUNT 3",
            "[$Catania, $Palermo, $edge2]",
        );
        t.check("GEOSEARCH sicily FROMMEMBER Palermo BYRADIUS 0 m", "[$Palermo]");
        t.check("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1", "[$Catania]");
        assert_eq!(
            t.reply("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 300 km COUNT 2 ANY").matches('$').count(),
            2
        );
        t.check_both(
            "GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 100 km WITHCOORD WITHDIST WITHHASH",
            "[[$Catania, $56.4413, :3479447370796909, [$15.08726745843887329, $37.50266842333162032]]]",
            "[[$Catania, $56.4413, :3479447370796909, [,15.08726745843887329, ,37.50266842333162032]]]",
        );
        t.check("GEOSEARCH none FROMMEMBER x BYRADIUS 1 m", "[]");
    }

    #[test]
    fn results_are_stored() {
        let mut t = sicily();
        t.check("GEOSEARCHSTORE near sicily FROMLONLAT 15 37 BYRADIUS 200 km", ":2");
        t.check_both("ZSCORE near Catania", "$3479447370796909", ",3479447370796909");
        t.check("GEOSEARCHSTORE near sicily FROMLONLAT 15 37 BYBOX 200 200 km STOREDIST", ":1");
        t.check_both("ZRANGE near 0 -1", "[$Catania]", "[$Catania]");
        assert!(t.reply("ZSCORE near Catania").starts_with("$56.44125787"));
        t.check("GEOSEARCHSTORE near sicily FROMLONLAT 0 0 BYRADIUS 1 m", ":0");
        t.check("EXISTS near", ":0");
        t.check("GEOSEARCHSTORE sicily none FROMLONLAT 0 0 BYRADIUS 1 m", ":0");
        t.check("EXISTS sicily", ":0");
    }

    #[test]
    fn refusals() {
        let mut t = sicily();
        for (line, error) in [
            ("FROMMEMBER x BYRADIUS 1 m", "could not decode requested zset member"),
            (
                "BYRADIUS 1 m ASC WITHDIST",
                "exactly one of FROMMEMBER or FROMLONLAT can be specified for GEOSEARCH",
            ),
            (
                "FROMMEMBER Palermo ASC WITHDIST WITHHASH",
                "exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH",
            ),
            ("FROMMEMBER Palermo BYRADIUS 1 m ANY", "the ANY argument requires COUNT argument"),
            ("FROMMEMBER Palermo BYRADIUS 1 m COUNT 0", "COUNT must be > 0"),
            ("FROMMEMBER Palermo BYRADIUS 1 m COUNT x", "value is not an integer or out of range"),
            ("FROMMEMBER Palermo BYRADIUS x m", "need numeric radius"),
            ("FROMMEMBER Palermo BYRADIUS -1 m", "radius cannot be negative"),
            ("FROMMEMBER Palermo BYRADIUS 1 yd", "unsupported unit provided. please use M, KM, FT, MI"),
            ("FROMMEMBER Palermo BYBOX x 1 m", "need numeric width"),
            ("FROMMEMBER Palermo BYBOX 1 x m", "need numeric height"),
            ("FROMMEMBER Palermo BYBOX 1 -1 m", "height or width cannot be negative"),
            ("FROMLONLAT 181 1 BYRADIUS 1 m", "invalid longitude,latitude pair 181.000000,1.000000"),
            ("FROMMEMBER Palermo BYRADIUS 1 m BYBOX 1 1 m", "syntax error"),
            ("FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 m", "syntax error"),
            ("FROMMEMBER Palermo BYRADIUS 1 m STOREDIST", "syntax error"),
            ("FROMMEMBER Palermo BYRADIUS 1 m STORE x", "syntax error"),
        ] {
            t.check(&format!("GEOSEARCH sicily {line}"), &format!("-ERR {error}"));
        }
        t.check(
            "GEOSEARCHSTORE x sicily FROMMEMBER Palermo BYRADIUS 1 m WITHDIST",
            "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        );
        t.check("SET s x", "+OK");
        t.check(
            "GEOSEARCH s FROMLONLAT 0 0 BYRADIUS 1 m",
            "-WRONGTYPE Operation against a key holding the wrong kind of value",
        );
    }
}
