//! What the log is told of consumer groups: what was given to whom, as absolute commands.
//!
//! Reading and claiming depend on the time and on what is there, so Redis logs their outcome: an XCLAIM for each entry that
//! was given, and where the group stands then. New consumers are logged by themselves, lest one be lost that got nothing.

use codec::number::I64Text;
use config::NotifyEvents;
use data::stream::{Group, Pending, StreamId};
use engine::KeyCx;
use resp::OwnedArgs;

/// The effects of a command on a group, until they can be told.
pub(super) struct Effects<'a> {
    key: &'a [u8],
    group: &'a [u8],
    records: bool,
    lines: Vec<OwnedArgs>,
    created: bool,
    /// Changes, as Redis counts them.
    pub dirty: u64,
}

impl<'a> Effects<'a> {
    pub(super) fn new(cx: &KeyCx, key: &'a [u8], group: &'a [u8]) -> Effects<'a> {
        Effects { key, group, records: cx.view.records, lines: Vec::new(), created: false, dirty: 0 }
    }

    fn log<'b>(&mut self, words: impl IntoIterator<Item = &'b [u8]>) {
        if self.records {
            self.lines.push(words.into_iter().collect());
        }
    }

    /// A consumer was made.
    pub(super) fn created(&mut self, consumer: &[u8]) {
        let (key, group) = (self.key, self.group);
        self.log([&b"XGROUP"[..], b"CREATECONSUMER", key, group, consumer]);
        self.created = true;
        self.dirty += 1;
    }

    /// An entry was given to a consumer, or is found gone and pending no more.
    pub(super) fn claimed(&mut self, id: StreamId, pending: &Pending, last_id: StreamId) {
        if !self.records {
            return;
        }
        let (key, group, last) = (self.key, self.group, last_id.text());
        let (time, count) = (I64Text::new(pending.delivery_time), pending.delivery_count.to_string());
        let head = [b"XCLAIM", key, group, &pending.consumer, b"0", &id.text()].map(Vec::from);
        let options: [&[u8]; 8] =
            [b"TIME", &time, b"RETRYCOUNT", count.as_bytes(), b"FORCE", b"JUSTID", b"LASTID", &last];
        self.log(head.iter().map(Vec::as_slice).chain(options));
    }

    /// The group stands somewhere else.
    pub(super) fn moved(&mut self, group: &Group) {
        if !self.records {
            return;
        }
        let (key, name, id) = (self.key, self.group, group.last_id.text());
        let read = I64Text::new(group.entries_read.unwrap_or(-1));
        self.log([&b"XGROUP"[..], b"SETID", key, name, &id, b"ENTRIESREAD", &read]);
    }

    /// Tells them. A command that has changed nothing worth telling is not logged.
    pub(super) fn settle(self, cx: &mut KeyCx) {
        if self.dirty > 0 {
            cx.changed(self.dirty);
            cx.log_nothing();
        }
        self.lines.iter().for_each(|line| cx.log_instead(line.as_args().iter()));
        if self.created {
            cx.notify(NotifyEvents::STREAM, "xgroup-createconsumer", self.key);
        }
    }
}
