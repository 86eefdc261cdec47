//! XPENDING.

use std::ops::RangeInclusive;

use data::Stream;
use data::stream::{Group as ConsumerGroup, Pending, StreamId};
use engine::args::{integer, is};
use engine::{Arg, Command, Error, Flags, Group, Handler, KeyCx, KeyFlags, KeySpec, Outcome};
use resp::{Args, Encoder};

use super::{ids, no_group};

/// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
pub const XPENDING: Command = Command {
    name: "xpending",
    group: Group::Stream,
    since: "5.0.0",
    summary: "Returns what a group's consumers got and have not acknowledged.",
    complexity: "O(N) where N is the number of pending entries looked at, or of consumers",
    arity: -3,
    flags: Flags::READONLY,
    keys: &[KeySpec::first(KeyFlags::RO.union(KeyFlags::ACCESS))],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::block(
            "filters",
            &[
                Arg::integer("min-idle-time").token("IDLE").optional().since("6.2.0"),
                Arg::string("start"),
                Arg::string("end"),
                Arg::integer("count"),
                Arg::string("consumer").optional(),
            ],
        )
        .optional(),
    ],
    history: &[("6.2.0", "Option IDLE, and ranges without their ends.")],
    tips: &["nondeterministic_output"],
    handler: Handler::Read(xpending),
    ..Command::DEFAULT
};

/// Which pending entries are asked for.
struct Filter<'a> {
    min_idle: i64,
    range: RangeInclusive<StreamId>,
    most: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// What is asked for; `None` for the summary.
    fn parse(args: Args<'a>) -> Result<Option<Filter<'a>>, Error> {
        match args.len() {
            3 => return Ok(None),
            6..=9 => {}
            _ => return Err(Error::Syntax),
        }
        let (mut min_idle, mut at) = (0, 3);
        if is(args.at(3), "IDLE") {
            min_idle = integer(args.at(4))?;
            at = 5;
            if args.len() < 8 {
                return Err(Error::Syntax);
            }
        }
        let most = usize::try_from(integer(args.at(at + 2))?.max(0)).unwrap_or(usize::MAX);
        let range = ids::range(args.at(at), args.at(at + 1))?;
        Ok(Some(Filter { min_idle, range, most, consumer: args.get(at + 3) }))
    }

    fn reply(&self, to: &mut Encoder, group: &ConsumerGroup, now: i64) {
        let is_idle = |pending: &Pending| {
            self.min_idle == 0 || now.saturating_sub(pending.delivery_time) >= self.min_idle
        };
        let mark = to.mark();
        let mut show = |(id, pending): (StreamId, &Pending)| reply_pending(to, id, pending, now);
        if self.range.is_empty() {
            return to.array(0);
        }
        let range = || self.range.clone();
        let count = match self.consumer {
            None => {
                let all = group.pending().range(range()).map(|(id, pending)| (*id, pending));
                all.filter(|(_, pending)| is_idle(pending)).take(self.most).map(&mut show).count()
            }
            Some(consumer) => {
                let own = group.consumers().get(consumer).into_iter();
                let own = own.flat_map(|consumer| consumer.pending().range(range()));
                let own = own.filter_map(|id| Some((*id, group.pending().get(id)?)));
                own.filter(|(_, pending)| is_idle(pending)).take(self.most).map(&mut show).count()
            }
        };
        to.deferred(mark, count);
    }
}

fn reply_pending(to: &mut Encoder, id: StreamId, pending: &Pending, now: i64) {
    to.array(4);
    to.bulk(&id.text());
    to.bulk(&pending.consumer);
    to.int(now.saturating_sub(pending.delivery_time).max(0));
    to.int(pending.delivery_count as i64);
}

/// How many are pending, the first and the last, and how many of which consumer.
fn reply_summary(to: &mut Encoder, group: &ConsumerGroup) {
    to.array(4);
    to.count(group.pending().len());
    let pending = group.pending();
    let (Some((first, _)), Some((last, _))) = (pending.first_key_value(), pending.last_key_value()) else {
        to.null();
        to.null();
        return to.null_array();
    };
    to.bulk(&first.text());
    to.bulk(&last.text());
    let busy = || group.consumers().iter().filter(|(_, consumer)| !consumer.pending().is_empty());
    to.array(busy().count());
    for (name, consumer) in busy() {
        to.array(2);
        to.bulk(name);
        to.bulk_int(consumer.pending().len() as i64);
    }
}

fn xpending(cx: &mut KeyCx) -> Outcome {
    let (key, name, now) = (cx.args.at(1), cx.args.at(2), cx.now());
    let filter = Filter::parse(cx.args)?;
    let stream = cx.view.read::<Stream>(key)?;
    let group = stream.and_then(|stream| stream.groups.get(name)).ok_or_else(|| no_group(key, name, ""))?;
    match filter {
        Some(filter) => filter.reply(&mut cx.reply, group, now),
        None => reply_summary(&mut cx.reply, group),
    }
    Ok(())
}
