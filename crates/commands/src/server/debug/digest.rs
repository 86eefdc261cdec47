//! DEBUG DIGEST and DIGEST-VALUE: 160 bits that two servers have in common if their data are the same.
//!
//! Redis's algorithm, so that a genuine redis-server's digest can be compared with ours. What has no order (keys,
//! the members of a set) is combined by exclusive or; what has one is fed into the digest so far.

use data::Type;
use engine::{Arg, Command, Handler, Outcome, ServerCx};
use keyspace::{Cursor, Found, View};
use sha1::{Digest as _, Sha1};

pub const DIGEST: Command = Command {
    name: "digest",
    summary: "Returns a digest of all keys and values.",
    arity: 2,
    handler: Handler::Exclusive(|cx| {
        let digest = of_everything(cx.view);
        cx.reply().simple(&digest.to_string());
        Ok(())
    }),
    ..Command::DEFAULT
};

pub const DIGEST_VALUE: Command = Command {
    name: "digest-value",
    summary: "Returns a digest of each key's value; zeros if there is none.",
    arity: -2,
    args: &[Arg::key("key").multiple()],
    handler: Handler::Exclusive(of_values),
    ..Command::DEFAULT
};

/// A digest under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Digest([u8; 20]);

impl Digest {
    /// Adds something whose place does not matter.
    fn xor(&mut self, bytes: &[u8]) {
        let hash = Sha1::digest(bytes);
        self.0.iter_mut().zip(hash).for_each(|(byte, other)| *byte ^= other);
    }

    /// Adds something that comes behind what was added before.
    fn mix(&mut self, bytes: &[u8]) {
        self.xor(bytes);
        self.0 = Sha1::digest(self.0).into();
    }

    /// Adds an element of a collection. One of several parts is digested by itself first.
    fn mix_element(&mut self, parts: &[&[u8]], ordered: bool) {
        match parts {
            _ if ordered => parts.iter().for_each(|part| self.mix(part)),
            [member] => self.xor(member),
            _ => {
                let mut element = Digest::default();
                parts.iter().for_each(|part| element.mix(part));
                self.xor(&element.0);
            }
        }
    }

    /// Adds a value with its type, and whether it expires.
    fn mix_value(&mut self, found: Found) {
        self.mix(&number(found.value_type()).to_be_bytes());
        if let Ok(string) = found.str() {
            self.mix(string.bytes(&mut Default::default()));
        }
        let ordered = found.value_type().is_ordered();
        if let Some(object) = found.object() {
            object.each(&mut |parts| self.mix_element(parts, ordered));
        }
        if found.expiry().is_some() {
            self.xor(b"!!expire!!");
        }
    }
}

/// Redis's number of a type; 5 are values of modules.
fn number(value_type: Type) -> u32 {
    if value_type == Type::Stream { 6 } else { value_type as u32 }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The digest of all databases. The view is exclusive.
fn of_everything(view: &mut View) -> Digest {
    let mut all = Digest::default();
    for db in 0..view.keyspace().databases() {
        if view.keyspace().size(db).keys == 0 {
            continue;
        }
        all.mix(&db.to_be_bytes());
        view.in_db(db, |view| {
            each(view, &mut |found| {
                let mut one = Digest::default();
                one.mix(found.key());
                one.mix_value(found);
                all.xor(&one.0);
            });
        });
    }
    all
}

/// Visits every key of the selected database.
fn each(view: &mut View, visit: &mut dyn FnMut(Found)) {
    let (db, mut from) = (view.db, 0);
    while let Some(partition) = view.keyspace().next_occupied(db, from) {
        let mut count = usize::MAX;
        view.scan_partition(Cursor { partition, position: 0 }, &mut count, visit);
        from = partition + 1;
    }
}

fn of_values(cx: &mut ServerCx) -> Outcome {
    cx.view.db = cx.client.db;
    let keys = cx.args.from(2);
    cx.reply().array(keys.len());
    for key in keys.iter() {
        let mut digest = Digest::default();
        if let Some(found) = cx.view.inspect(key) {
            digest.mix_value(found);
        }
        cx.reply().simple(&digest.to_string());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use engine::testing::Tester;

    /// The digests are those of redis-server 7.0.15 with the same data.
    #[test]
    fn digests_are_those_of_redis() {
        let mut t = Tester::new(crate::FAMILIES);
        t.check("DEBUG DIGEST", &format!("+{}", "0".repeat(40)));
        t.check("SET a 1", "+OK");
        t.check("SET b hello", "+OK");
        t.check("SET c ttl EX 1000", "+OK");
        let values = "[+b4fc66738120fba0b5aa500ab5c2bf89cea1c5da, +36b23a1456b2dce2c3ed252c456761301dba8060, +4fa65e9e896a998fd976e538275f283741771fb4, +0000000000000000000000000000000000000000]";
        t.check("DEBUG DIGEST-VALUE a b c nokey", values);
        t.check("DEBUG DIGEST", "+e7b6253b21a5d173972caad253a07e87c17a2de2");
        t.check("SELECT 3", "+OK");
        t.check("SET a 1", "+OK");
        t.check("DEBUG DIGEST", "+789fca159c912900f974f604ea55dfcf0ba53106");
        t.check("DEBUG DIGEST-VALUE", "[]");
        for line in [
            "XADD t 1-1 f v",
            "XADD t 1-2 f w g x",
            "XGROUP CREATE n g 0 MKSTREAM",
            "ZADD z 1 a 1e300 b 0.1 c -inf d 3e17 e 1e-5 f",
            "HSET h a 1 b 2",
            "SADD s 1 2 3",
            "SADD s2 a b",
            "RPUSH l 1 b",
            "PFADD p a",
        ] {
            t.reply(line);
        }
        for (key, digest) in [
            ("t", "d5d5b46ed332f7ab0a51757fce1fc8a591916410"),
            ("n", "06bd01623de1d087bbd377851096317b1af476a2"),
            ("z", "663f6b46ddd93a2525568eb7ebe5a60f5a3f6a11"),
            ("h", "6c8f22b3bf510fdcfd6122dd0f908a80e88243bf"),
            ("s", "2a462a3f51a1db89738ebbeef0c47ce1bbc85246"),
            ("s2", "dd99329063ca0f1f28df2ac68d94b82fd95501c6"),
            ("l", "93a569090d39db62d8b8233aa96363fdb0349ae1"),
            ("p", "09bcf2acb3c67acdc3f3e435cb5957e34eeba631"),
        ] {
            t.check(&format!("DEBUG DIGEST-VALUE {key}"), &format!("[+{digest}]"));
        }
    }
}
