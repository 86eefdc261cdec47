//! SPOP and SRANDMEMBER.

use codec::listpack::Entry;
use config::NotifyEvents;
use data::Set;
use engine::args::{integer, integer_in};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use keyspace::Missing;

use crate::list::reply_entry;
use crate::random::{Random, distinct};

/// SPOP key [count]
pub const SPOP: Command = Command {
    name: "spop",
    group: Group::Set,
    since: "1.0.0",
    summary: "Removes members picked at random and returns them; the set goes with its last.",
    complexity: "O(N) where N is the number of members there are if a count is given, else O(1)",
    arity: -2,
    flags: Flags::WRITE.union(Flags::FAST),
    keys: &[KeySpec::first(KeyFlags::RW.union(KeyFlags::ACCESS).union(KeyFlags::DELETE))],
    args: &[Arg::key("key"), Arg::integer("count").optional().since("3.2.0")],
    history: &[("3.2.0", "Takes a count.")],
    tips: &["nondeterministic_output"],
    handler: Handler::Write(spop),
    ..Command::DEFAULT
};

/// SRANDMEMBER key [count]
pub const SRANDMEMBER: Command = Command {
    name: "srandmember",
    summary: "Returns members picked at random.",
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[Arg::key("key"), Arg::integer("count").optional().since("2.6.0")],
    history: &[("2.6.0", "Takes a count.")],
    handler: Handler::Read(srandmember),
    ..SPOP
};

const OUT_OF_RANGE: Error = Error::text("ERR value is out of range");

/// Members of a set picked at random, all different.
fn pick(set: &Set, count: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let all: Vec<Entry> = set.iter().collect();
    if count >= all.len() {
        return all.into_iter().map(Entry::to_vec).collect();
    }
    distinct(random, count, all.len()).into_iter().map(|index| all[index].to_vec()).collect()
}

fn spop(cx: &mut KeyCx) -> Outcome {
    let (key, mut random) = (cx.args.at(1), Random::new(cx.view.random()));
    if cx.args.len() > 3 {
        return Err(Error::Syntax);
    }
    let count = cx.args.get(2).map(|arg| {
        let count = integer(arg).ok().and_then(|count| usize::try_from(count).ok());
        count.ok_or(Error::NotPositive)
    });
    let count = count.transpose()?;
    let event = (NotifyEvents::SET, "spop");
    let popped = cx.modify(key, Missing::Skip, event, |set: &mut Set, change| {
        let members = match count {
            Some(count) => pick(set, count, &mut random),
            None => set.random(|| random.bits()).map(Entry::to_vec).into_iter().collect(),
        };
        change.count = members.iter().filter(|member| set.remove(member)).count() as u64;
        (members, set.is_empty())
    })?;
    let (members, is_empty) = popped.unwrap_or_default();
    match (count, members.first()) {
        (None, Some(member)) => cx.reply.bulk(member),
        (None, None) => cx.reply.null(),
        (Some(_), _) => {
            cx.reply.set(members.len());
            members.iter().for_each(|member| cx.reply.bulk(member));
        }
    }
    // Not deterministic: the log names the members.
    if is_empty && !members.is_empty() {
        cx.log_instead([b"DEL", key]);
    } else if !members.is_empty() {
        let names = members.iter().map(Vec::as_slice);
        cx.log_instead([&b"SREM"[..], key].into_iter().chain(names));
    }
    Ok(())
}

fn srandmember(cx: &mut KeyCx) -> Outcome {
    let (key, most, mut random) = (cx.args.at(1), cx.max_string(), Random::new(cx.view.random()));
    if cx.args.len() > 3 {
        return Err(Error::Syntax);
    }
    let Some(count) = cx.args.get(2) else {
        match cx.view.read::<Set>(key)?.and_then(|set| set.random(|| random.bits())) {
            Some(member) => reply_entry(&mut cx.reply, member),
            None => cx.reply.null(),
        }
        return Ok(());
    };
    let count = integer_in(count, -i64::MAX..=i64::MAX)?;
    let many = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let Some(set) = cx.view.read::<Set>(key)? else {
        cx.reply.array(0);
        return Ok(());
    };
    if count < 0 {
        // The reply has as many members as are asked for; nobody could take more than this.
        if many > most {
            return Err(OUT_OF_RANGE);
        }
        cx.reply.array(many);
        for _ in 0..many {
            if let Some(member) = set.random(|| random.bits()) {
                reply_entry(&mut cx.reply, member);
            }
        }
        return Ok(());
    }
    let members = pick(set, many, &mut random);
    cx.reply.array(members.len());
    members.iter().for_each(|member| cx.reply.bulk(member));
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    /// Most members gone, those that are left are picked evenly still (29 degrees of freedom: 73 is once in 100,000).
    #[test]
    fn what_is_left_of_a_large_set_is_picked_evenly() {
        const LEFT: usize = 30;
        let mut t = Tester::new(crate::FAMILIES);
        let members = |range: std::ops::Range<usize>| range.map(|n| format!(" m:{n}")).collect::<String>();
        t.check(&format!("SADD s{}", members(0..5000)), ":5000");
        t.check(&format!("SREM s{}", members(LEFT..5000)), &format!(":{}", 5000 - LEFT));
        t.check("OBJECT ENCODING s", "$hashtable");
        for line in ["SRANDMEMBER s 10", "SRANDMEMBER s -10"] {
            let mut picked = [0f64; LEFT];
            for _ in 0..1000 {
                for member in t.reply(line).trim_matches(['[', ']']).split(", ") {
                    let number: usize = member.trim_start_matches("$m:").parse().expect("a member");
                    picked[number] += 1.0;
                }
            }
            let expected = picked.iter().sum::<f64>() / LEFT as f64;
            let chi_square: f64 = picked.iter().map(|n| (n - expected).powi(2) / expected).sum();
            assert!(chi_square < 73.0, "{line}: {chi_square} of {picked:?}");
        }
    }

    #[test]
    fn picking() {
        for limit in ["128", "0"] {
            let mut t = Tester::new(crate::FAMILIES);
            t.check(&format!("CONFIG SET set-max-listpack-entries {limit}"), "+OK");
            t.check("SADD s a", ":1");
            t.check("SRANDMEMBER s", "$a");
            t.check("SRANDMEMBER s -3", "[$a, $a, $a]");
            t.check("SRANDMEMBER s 3", "[$a]");
            t.check("SRANDMEMBER s 0", "[]");
            t.check("SRANDMEMBER none", "(nil)");
            t.check("SRANDMEMBER none 1", "[]");
            t.check("SPOP s", "$a");
            t.check("SPOP s", "(nil)");
            t.check_both("SPOP s 2", "[]", "~[]");
            t.check("SADD s a b c d", ":4");
            assert_eq!(t.reply("SRANDMEMBER s 3").matches('$').count(), 3);
            assert_eq!(t.reply("SPOP s 3").matches('$').count(), 3);
            t.check("SCARD s", ":1");
            assert_eq!(t.reply("SPOP s 3").matches('$').count(), 1);
            t.check("EXISTS s", ":0");
        }
    }

    #[test]
    fn refusals() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("SPOP s -1", "-ERR value is out of range, must be positive");
        t.check("SPOP s 1 2", "-ERR syntax error");
        t.check("SRANDMEMBER s x", "-ERR value is not an integer or out of range");
        t.check("SRANDMEMBER s 1 2", "-ERR syntax error");
        t.check("SADD s a", ":1");
        t.check("SRANDMEMBER s -9223372036854775807", "-ERR value is out of range");
    }
}
