//! GEORADIUS and GEORADIUSBYMEMBER, which GEOSEARCH has replaced, and their forms that only read.

use engine::args::is;
use engine::command::{Begin, Find};
use engine::keys::FindKeys;
use engine::{Arg, Command, Flags, Group, Handler, KeyFlags, KeySpec};

use super::arguments::{LATITUDE, LONGITUDE, UNIT};
use super::request::{Dialect, Fixed};
use super::search::{COUNT, GEOSEARCH, ORDER, search};

const WITHCOORD: Arg = Arg::word("withcoord", "WITHCOORD").optional();
const WITHDIST: Arg = Arg::word("withdist", "WITHDIST").optional();
const WITHHASH: Arg = Arg::word("withhash", "WITHHASH").optional();
const RADIUS: Arg = Arg::double("radius");
const COUNT_ANY: Arg = Arg::block(
    "count-block",
    &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional().since("6.2.0")],
)
.optional();
const STORE: Arg = Arg::one_of(
    "store",
    &[
        Arg::key_of("storekey", 1).display("key").token("STORE"),
        Arg::key_of("storedistkey", 2).display("key").token("STOREDIST"),
    ],
)
.optional();

/// Where the destination stands that an option introduces.
const fn stored_behind(word: &'static str, from: isize) -> KeySpec {
    KeySpec {
        flags: KeyFlags::OW.union(KeyFlags::UPDATE),
        begin: Begin::Keyword(word, from),
        find: Find::Range { last: 0, step: 1, limit: 0 },
        notes: None,
    }
}

const SOURCE: KeySpec = KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS));

/// Of several destinations the last one counts, which key specs cannot say.
const LAST_STORE: FindKeys = |args, visit| {
    visit(1, KeyFlags::RO.union(KeyFlags::ACCESS));
    let (mut at, mut last) = (5, None);
    while at + 1 < args.len() {
        if is(args.at(at), "STORE") || is(args.at(at), "STOREDIST") {
            at += 1;
            last = Some(at);
        }
        at += 1;
    }
    last.inspect(|at| visit(*at, KeyFlags::OW.union(KeyFlags::UPDATE)));
};

const COMPLEXITY: &str = "O(N+log(M)) where N is the number of members in the boxes of the grid that cover the circle and \
                          M that of those in the circle";
const CAPITALS: (&str, &str) = ("7.0.0", "Units in capitals.");

/// GEORADIUS key longitude latitude radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC] [STORE key | STOREDIST key]
pub const GEORADIUS: Command = Command {
    name: "georadius",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Returns or stores the members in a circle.",
    complexity: COMPLEXITY,
    arity: -6,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[SOURCE, stored_behind("STORE", 6), stored_behind("STOREDIST", 6)],
    find_keys: Some(LAST_STORE),
    args: &[
        Arg::key("key"),
        LONGITUDE,
        LATITUDE,
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_ANY,
        ORDER,
        STORE,
    ],
    history: &[("6.2.0", "Option ANY for COUNT."), CAPITALS],
    deprecated: Some(("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS`")),
    handler: Handler::Write(|cx| search(cx, &around_position(true))),
    ..Command::DEFAULT
};

/// GEORADIUS_RO key longitude latitude radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC]
pub const GEORADIUS_RO: Command = Command {
    name: "georadius_ro",
    since: "3.2.10",
    summary: "Returns the members in a circle.",
    flags: GEOSEARCH.flags,
    keys: &[SOURCE],
    find_keys: None,
    args: &[
        Arg::key("key"),
        LONGITUDE,
        LATITUDE,
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT_ANY,
        ORDER,
    ],
    history: &[("6.2.0", "Option ANY for COUNT.")],
    deprecated: Some(("6.2.0", "`GEOSEARCH` with `BYRADIUS`")),
    handler: Handler::Read(|cx| search(cx, &around_position(false))),
    ..GEORADIUS
};

/// GEORADIUSBYMEMBER key member radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC] [STORE key | STOREDIST key]
pub const GEORADIUSBYMEMBER: Command = Command {
    name: "georadiusbymember",
    summary: "Returns or stores the members in a circle around one of them.",
    arity: -5,
    keys: &[SOURCE, stored_behind("STORE", 5), stored_behind("STOREDIST", 5)],
    args: &[
        Arg::key("key"),
        Arg::string("member"),
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT,
        ORDER,
        STORE,
    ],
    history: &[CAPITALS],
    deprecated: Some(("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with `BYRADIUS` and `FROMMEMBER`")),
    handler: Handler::Write(|cx| search(cx, &around_member(true))),
    ..GEORADIUS
};

/// GEORADIUSBYMEMBER_RO key member radius M | KM | FT | MI [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]]
/// [ASC | DESC]
pub const GEORADIUSBYMEMBER_RO: Command = Command {
    name: "georadiusbymember_ro",
    since: "3.2.10",
    summary: "Returns the members in a circle around one of them.",
    flags: GEOSEARCH.flags,
    keys: &[SOURCE],
    find_keys: None,
    args: &[
        Arg::key("key"),
        Arg::string("member"),
        RADIUS,
        UNIT,
        WITHCOORD,
        WITHDIST,
        WITHHASH,
        COUNT,
        ORDER,
    ],
    history: &[],
    deprecated: Some(("6.2.0", "`GEOSEARCH` with `BYRADIUS` and `FROMMEMBER`")),
    handler: Handler::Read(|cx| search(cx, &around_member(false))),
    ..GEORADIUSBYMEMBER
};

const fn around_position(stores: bool) -> Dialect {
    Dialect { source: 1, options: 6, fixed: Some(Fixed::Position), stores }
}

const fn around_member(stores: bool) -> Dialect {
    Dialect { source: 1, options: 5, fixed: Some(Fixed::Member), stores }
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    fn sicily() -> Tester {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        t
    }

    #[test]
    fn circles() {
        let mut t = sicily();
        t.check("GEORADIUS sicily 15 37 200 km WITHDIST", "[[$Palermo, $190.4424], [$Catania, $56.4413]]");
        t.check("GEORADIUS_RO sicily 15 37 200 km ASC", "[$Catania, $Palermo]");
        t.check("GEORADIUSBYMEMBER sicily Palermo 100 mi", "[$Palermo]");
        t.check("GEORADIUSBYMEMBER_RO sicily Catania 200 km DESC COUNT 1", "[$Palermo]");
        t.check("GEORADIUSBYMEMBER none x y z", "[]");
    }

    #[test]
    fn the_last_destination_counts() {
        let mut t = sicily();
        t.check("GEORADIUS sicily 15 37 200 km STORE a STOREDIST b", ":2");
        t.check("EXISTS a", ":0");
        t.check("ZRANGE b 0 -1", "[$Catania, $Palermo]");
        t.check("GEORADIUSBYMEMBER sicily Palermo 1 km STOREDIST b STORE b", ":1");
        t.check_both("ZSCORE b Palermo", "$3479099956230698", ",3479099956230698");
        t.check("GEORADIUSBYMEMBER none x 1 km STORE b", ":0");
        t.check("EXISTS b", ":0");
        t.check("COMMAND GETKEYS GEORADIUS s 15 37 200 km STORE a STOREDIST b", "[$s, $b]");
    }

    #[test]
    fn refusals() {
        let mut t = sicily();
        t.check(
            "GEORADIUS sicily 15 37 200 km STORE a WITHDIST",
            "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        );
        t.check("GEORADIUS_RO sicily 15 37 200 km STORE a", "-ERR syntax error");
        t.check("GEORADIUS sicily 15 37 200 km STORE", "-ERR syntax error");
        t.check("GEORADIUS sicily 15 37 200 km FROMMEMBER Palermo", "-ERR syntax error");
        t.check("GEORADIUSBYMEMBER sicily x 1 m", "-ERR could not decode requested zset member");
        t.check("GEORADIUS sicily 15 x 1 m", "-ERR value is not a valid float");
    }
}
