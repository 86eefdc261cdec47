//! GEOADD.

use data::zset::AddOptions;
use engine::args::is;
use engine::{Arg, Command, Elements, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};

use super::arguments::{LATITUDE, LONGITUDE, position};
use crate::zset::{AddRequest, add};

/// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
pub const GEOADD: Command = Command {
    name: "geoadd",
    group: Group::Geo,
    since: "3.2.0",
    summary: "Adds members with their positions, or gives them other positions.",
    complexity: "O(log(N)) for each member, where N is the number of members there are",
    arity: -5,
    flags: Flags::WRITE.union(Flags::DENYOOM),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::UPDATE))],
    elements: Elements::each(4, 3),
    args: &[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional().since("6.2.0"),
        Arg::word("change", "CH").optional().since("6.2.0"),
        Arg::block("data", &[LONGITUDE, LATITUDE, Arg::string("member")]).multiple(),
    ],
    history: &[("6.2.0", "Options CH, NX and XX.")],
    handler: Handler::Write(geoadd),
    ..Command::DEFAULT
};

fn geoadd(cx: &mut KeyCx) -> Outcome {
    let (args, mut options, mut count_changed, mut first) = (cx.args, AddOptions::default(), false, 2);
    while let Some(word) = args.get(first) {
        match word {
            _ if is(word, "NX") => options.only_new = true,
            _ if is(word, "XX") => options.only_existing = true,
            _ if is(word, "CH") => count_changed = true,
            _ => break,
        }
        first += 1;
    }
    let left = args.len() - first;
    if left == 0 || !left.is_multiple_of(3) || options.only_new && options.only_existing {
        return Err(Error::Syntax);
    }
    let element = |at| Ok((position(args.at(at), args.at(at + 1))?.score(), args.at(at + 2)));
    let elements = (first..args.len()).step_by(3).map(element).collect::<Result<Vec<_>, Error>>()?;
    let request = AddRequest { options, count_changed, elements };
    if add(cx, &request)? {
        log_scores(cx, first, &request.elements);
    }
    Ok(())
}

/// As in Redis the log has the ZADD that it comes to: no replica computes a geohash.
fn log_scores(cx: &mut KeyCx, first: usize, elements: &[(f64, &[u8])]) {
    if !cx.view.records {
        return;
    }
    let mut zadd = vec![b"ZADD".to_vec()];
    zadd.extend(cx.args.iter().take(first).skip(1).map(<[u8]>::to_vec));
    for (score, member) in elements {
        zadd.extend([(*score as u64).to_string().into_bytes(), member.to_vec()]);
    }
    cx.log_instead(zadd);
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    #[test]
    fn positions_are_scores() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2");
        t.check_both("ZSCORE sicily Palermo", "$3479099956230698", ",3479099956230698");
        t.check("GEOADD sicily NX 1 1 Palermo", ":0");
        t.check("GEOADD sicily XX CH 1 1 Palermo 2 2 new", ":1");
        t.check("GEOADD sicily CH 180 85.05112878 corner -180 -85.05112878 other", ":2");
        let logged = t.logged();
        assert_eq!(logged[1], "ZADD sicily 3479099956230698 Palermo 3479447370796909 Catania");
        assert_eq!(logged[2], "ZADD sicily XX CH 3377822707026402 Palermo 3378191666521995 new");
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        for line in ["GEOADD k NX XX 1 1 a", "GEOADD k 1 1 a 2", "GEOADD k NX NX NX"] {
            t.check(line, "-ERR syntax error");
        }
        t.check("GEOADD k x 1 a", "-ERR value is not a valid float");
        t.check("GEOADD k 1 1 b 200 100 a", "-ERR invalid longitude,latitude pair 200.000000,100.000000");
        t.check("EXISTS k", ":0");
        t.check("SET s x", "+OK");
        t.check("GEOADD s 1 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }
}
