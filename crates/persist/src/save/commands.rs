//! Entries of a cut as the commands that make them: the base of an append-only file without a snapshot
//! (`aof-use-rdb-preamble no`).
//!
//! Whoever can read an append-only file can read these, whatever it knows of RDB. Elements come at most 64 a command; a stream's
//! counters, and who has not acknowledged what, follow its entries. What commands can't say is lost, as in Redis: when a
//! consumer was last seen, and pending entries that the stream holds no more. Source matched: Redis 7.2.6 `aof.c`
//! (`rewriteAppendOnlyFileRio`), and for hashes whose fields are due 7.4's HPEXPIREAT.

use codec::number::F64Text;
use data::stream::{Group, StreamId};
use data::{Hash, ObjectRef, Stream, Zset};
use keyspace::{Image, ImageValue, Str};
use resp::{Encoder, Protocol};

/// Elements of a command at most (Redis's `AOF_REWRITE_ITEMS_PER_CMD`).
const MOST: usize = 64;

/// Appends the command that selects a database.
pub fn select(db: u32, out: &mut Vec<u8>) {
    Commands::new(b"", out).command(&[b"SELECT", db.to_string().as_bytes()]);
}

/// Appends the commands that make a key.
pub fn key(image: &Image<'_>, out: &mut Vec<u8>) {
    let mut commands = Commands::new(image.key, out);
    match image.value {
        ImageValue::Str(Str::Bytes(bytes)) => commands.on_key(b"SET", &[bytes]),
        ImageValue::Str(Str::Int(number)) => commands.on_key(b"SET", &[number.to_string().as_bytes()]),
        ImageValue::Object(object) => commands.object(object),
    }
    if let Some(at) = image.expiry {
        commands.on_key(b"PEXPIREAT", &[at.to_string().as_bytes()]);
    }
}

/// Writes commands on one key.
struct Commands<'a> {
    key: &'a [u8],
    out: Encoder<'a>,
}

impl<'a> Commands<'a> {
    fn new(key: &'a [u8], out: &'a mut Vec<u8>) -> Commands<'a> {
        Commands { key, out: Encoder::new(out, Protocol::Resp2) }
    }

    fn command(&mut self, words: &[&[u8]]) {
        self.out.bulks(words.iter());
    }

    /// A command whose first argument is the key.
    fn on_key(&mut self, name: &[u8], words: &[&[u8]]) {
        self.out.array(2 + words.len());
        [name, self.key].iter().chain(words).for_each(|word| self.out.bulk(word));
    }

    /// The same of a command that has subcommands.
    fn under(&mut self, name: &[u8], subcommand: &[u8], words: &[&[u8]]) {
        self.out.array(3 + words.len());
        [name, subcommand, self.key].iter().chain(words).for_each(|word| self.out.bulk(word));
    }

    fn object(&mut self, object: ObjectRef<'_>) {
        match object {
            ObjectRef::List(list) => {
                let mut elements = self.elements(b"RPUSH", 1, list.len());
                list.each(&mut |parts| elements.add(parts));
            }
            ObjectRef::Set(set) => {
                let mut elements = self.elements(b"SADD", 1, set.len());
                set.each(&mut |parts| elements.add(parts));
            }
            ObjectRef::Zset(zset) => self.zset(zset),
            ObjectRef::Hash(hash) => self.hash(hash),
            ObjectRef::Stream(stream) => self.stream(stream),
        }
    }

    fn zset(&mut self, zset: &Zset) {
        let mut elements = self.elements(b"ZADD", 2, zset.len());
        for (member, score) in zset.range(0..zset.len()) {
            member.with_bytes(|member| elements.add(&[&F64Text::new(score), member]));
        }
    }

    fn hash(&mut self, hash: &Hash) {
        let mut elements = self.elements(b"HMSET", 2, hash.len());
        hash.each(&mut |parts| elements.add(&parts[..2]));
        for field in hash.iter() {
            let Some(due) = field.due.map(|due| due.to_string()) else { continue };
            field.name.with_bytes(|name| {
                self.on_key(b"HPEXPIREAT", &[due.as_bytes(), b"FIELDS", b"1", name]);
            });
        }
    }

    fn stream(&mut self, stream: &Stream) {
        for entry in stream.entries.iter() {
            self.out.array(3 + 2 * entry.len);
            [b"XADD", self.key, &entry.id.text()].iter().for_each(|word| self.out.bulk(word));
            for (field, value) in entry.pairs() {
                field.with_bytes(|field| self.out.bulk(field));
                value.with_bytes(|value| self.out.bulk(value));
            }
        }
        if stream.entries.is_empty() {
            let any = StreamId { ms: 0, seq: 1 };
            self.on_key(b"XADD", &[b"MAXLEN", b"0", &any.text(), b"x", b"y"]);
        }
        let counters = stream.entries.counters();
        let (last, deleted) = (counters.last_id.text(), counters.max_deleted_id.text());
        let added = counters.entries_added.to_string();
        self.on_key(b"XSETID", &[&last, b"ENTRIESADDED", added.as_bytes(), b"MAXDELETEDID", &deleted]);
        stream.groups.iter().for_each(|(name, group)| self.group(name, group));
    }

    fn group(&mut self, name: &[u8], group: &Group) {
        // -1: nobody knows.
        let read = group.entries_read.unwrap_or(-1).to_string();
        self.under(b"XGROUP", b"CREATE", &[name, &group.last_id.text(), b"ENTRIESREAD", read.as_bytes()]);
        for (consumer, state) in group.consumers() {
            if state.pending().is_empty() {
                self.under(b"XGROUP", b"CREATECONSUMER", &[name, consumer]);
            }
            for id in state.pending() {
                let Some(pending) = group.pending().get(id) else { continue };
                let (time, count) = (pending.delivery_time.to_string(), pending.delivery_count.to_string());
                let (id, time, count) = (id.text(), time.as_bytes(), count.as_bytes());
                let claim: [&[u8]; 10] =
                    [name, consumer, b"0", &id, b"TIME", time, b"RETRYCOUNT", count, b"JUSTID", b"FORCE"];
                self.on_key(b"XCLAIM", &claim);
            }
        }
    }

    /// Begins commands that add so many elements of so many words each.
    fn elements(&mut self, name: &'static [u8], words: usize, count: usize) -> Elements<'_, 'a> {
        Elements { commands: self, name, words, left: count, room: 0 }
    }
}

/// Elements on their way into as few commands as may be.
struct Elements<'c, 'a> {
    commands: &'c mut Commands<'a>,
    name: &'static [u8],
    words: usize,
    /// Elements that are in no command yet.
    left: usize,
    /// Elements that belong to the last command still.
    room: usize,
}

impl Elements<'_, '_> {
    fn add(&mut self, words: &[&[u8]]) {
        let Commands { key, out } = &mut *self.commands;
        if self.room == 0 {
            self.room = self.left.min(MOST);
            self.left -= self.room;
            out.array(2 + self.room * self.words);
            out.bulk(self.name);
            out.bulk(key);
        }
        self.room -= 1;
        words.iter().for_each(|word| out.bulk(word));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::stream::Pending;
    use data::{Limits, List, Object, Set, Value};
    use formats::aof::{Reader, Record};

    /// The commands that make a value, each its words with blanks between.
    fn made(value: ImageValue<'_>, expiry: Option<i64>) -> Vec<String> {
        let mut out = Vec::new();
        select(3, &mut out);
        key(&Image { db: 3, key: b"k", value, expiry, access: 0 }, &mut out);
        let (mut reader, mut lines) = (Reader::new(&out[..], true), Vec::new());
        while let Some(record) = reader.next().expect("whole commands") {
            let Record::Command(args) = record else { panic!("no command") };
            let words: Vec<_> = args.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            lines.push(words.join(" "));
        }
        assert_eq!(lines.remove(0), "SELECT 3");
        lines
    }

    fn made_object(value: impl Value) -> Vec<String> {
        let object: Object = value.into_object();
        made(ImageValue::Object(object.borrow()), None)
    }

    #[test]
    fn strings_and_when_they_expire() {
        assert_eq!(made(ImageValue::Str(Str::Bytes(b"v")), None), ["SET k v"]);
        let number = made(ImageValue::Str(Str::Int(-7)), Some(1_700_000_000_123));
        assert_eq!(number, ["SET k -7", "PEXPIREAT k 1700000000123"]);
    }

    #[test]
    fn elements_come_by_64() {
        let limits = Limits::default();
        for count in [1, 64, 65, 128, 700] {
            let (mut list, mut set) = (List::default(), Set::default());
            let (mut zset, mut hash) = (Zset::default(), Hash::default());
            for n in 0..count {
                let text = format!("e{n}");
                list.push(data::list::End::Tail, text.as_bytes());
                set.insert(text.as_bytes(), &limits);
                zset.insert(text.as_bytes(), n as f64 + 0.5, &limits);
                hash.set(text.as_bytes(), b"v", &limits);
            }
            let all = [made_object(list), made_object(set), made_object(zset), made_object(hash)];
            for (lines, (name, words)) in
                all.iter().zip([("RPUSH", 1), ("SADD", 1), ("ZADD", 2), ("HMSET", 2)])
            {
                let sizes: Vec<_> =
                    lines.iter().map(|line| (line.split(' ').count() - 2) as f64 / words as f64).collect();
                let (last, full) = sizes.split_last().expect("a command");
                assert!(lines.iter().all(|line| line.starts_with(&format!("{name} k "))));
                assert!(full.iter().all(|size| *size == 64.0) && *last <= 64.0, "{sizes:?}");
                assert_eq!(sizes.iter().sum::<f64>(), f64::from(count));
            }
        }
        let mut zset = Zset::default();
        for (member, score) in [("a", f64::NEG_INFINITY), ("b", 0.0), ("c", 0.1)] {
            zset.insert(member.as_bytes(), score, &limits);
        }
        assert_eq!(made_object(zset), ["ZADD k -inf a 0 b 0.1 c"]);
    }

    #[test]
    fn fields_that_are_due() {
        let (mut hash, limits) = (Hash::default(), Limits::default());
        for (field, value) in [("f", "1"), ("g", "2")] {
            hash.set(field.as_bytes(), value.as_bytes(), &limits);
        }
        hash.set_due(b"g", Some(1_800_000_000_000));
        let lines = made_object(hash);
        assert_eq!(lines[1..], ["HPEXPIREAT k 1800000000000 FIELDS 1 g"]);
        assert!(["HMSET k f 1 g 2", "HMSET k g 2 f 1"].contains(&lines[0].as_str()));
    }

    #[test]
    fn streams_with_their_counters_and_groups() {
        let mut stream = Stream::default();
        let empty = ["XADD k MAXLEN 0 0-1 x y", "XSETID k 0-0 ENTRIESADDED 0 MAXDELETEDID 0-0"];
        assert_eq!(made_object(stream.clone()), empty);
        let id = |seq| StreamId { ms: 5, seq };
        let limits = Limits::default();
        for seq in 1..=3 {
            let pairs: [(&[u8], &[u8]); 1] = [(b"f", b"v")];
            stream.entries.append(id(seq), pairs.into_iter(), &limits).expect("appended");
        }
        stream.entries.delete(id(2));
        let mut group = Group::new(id(1), None);
        let (ann, _) = group.see(b"ann", 9);
        group.see(b"bob", 9);
        group.assign(id(1), Pending { delivery_time: 77, delivery_count: 4, consumer: ann });
        stream.groups.insert((*b"g").into(), group);
        let expected = [
            "XADD k 5-1 f v",
            "XADD k 5-3 f v",
            "XSETID k 5-3 ENTRIESADDED 3 MAXDELETEDID 5-2",
            "XGROUP CREATE k g 5-1 ENTRIESREAD -1",
            "XCLAIM k g ann 0 5-1 TIME 77 RETRYCOUNT 4 JUSTID FORCE",
            "XGROUP CREATECONSUMER k g bob",
        ];
        assert_eq!(made_object(stream), expected);
    }
}
