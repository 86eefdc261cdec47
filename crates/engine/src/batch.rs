//! What clients have sent, as a worker's turn sees it: each [`Peer`] with its bytes, and their requests in one [`Batch`].

use data::Step;
use keyspace::Keyspace;
use resp::{Args, Limits, Parsed, Parser, ProtocolError, Span};

use crate::client::{Client, ClientRecord, State};
use crate::command::{Flags, Group};
use crate::engine::Engine;
use crate::table::Row;

/// Arguments for which a batch keeps room.
const KEPT_SPANS: usize = 1 << 14;
/// Keys of one command that are prefetched; the misses of more would evict each other.
const PREFETCHED_KEYS: usize = 16;

/// A client with what it has sent.
pub struct Peer {
    /// The client.
    pub client: Client,
    /// Bytes received; those before `consumed` were run.
    pub input: Vec<u8>,
    /// Bytes of the input whose commands were run.
    pub consumed: usize,
    /// Bytes of the input whose commands are planned.
    pub(crate) planned: usize,
    parser: Parser,
    /// Bytes of replies that waited already when its requests were planned.
    pub(crate) replies_before: usize,
    /// Requests of it were left out of the last batch.
    pub(crate) cut_short: bool,
}

impl Peer {
    /// A peer that has sent nothing yet.
    pub fn new(client: Client) -> Peer {
        Peer {
            client,
            input: Vec::new(),
            consumed: 0,
            planned: 0,
            parser: Parser::default(),
            replies_before: 0,
            cut_short: false,
        }
    }

    /// Drops the bytes that were run. Answers whether nothing is left.
    pub fn compact(&mut self) -> bool {
        if self.consumed == self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..self.consumed);
        }
        self.planned -= self.consumed.min(self.planned);
        self.consumed = 0;
        self.input.is_empty()
    }

    /// Forgets what was planned but not run: it is parsed again when the client goes on.
    pub(crate) fn replan(&mut self) {
        self.planned = self.consumed;
        self.parser = Parser::default();
    }

    /// Whether there are requests that were cut off a batch because the replies had grown too large.
    pub fn can_go_on(&self) -> bool {
        self.cut_short && !self.client.is(State::BLOCKED | State::CLOSING)
    }

    /// Bytes received and not yet parsed, and those of the request under way that are.
    pub fn received(&self) -> (usize, usize) {
        let parsed = self.parser.parsed();
        (self.input.len() - parsed, parsed)
    }

    /// Bytes of memory: what the client has sent, what waits to be sent to it, what it has queued and what it watches.
    pub fn footprint(&self) -> usize {
        let (client, queue) = (&self.client, self.client.queue.as_ref().map_or(0, |q| q.footprint()));
        let buffers = self.input.capacity() + client.reply.capacity() + self.parser.footprint();
        size_of::<Peer>() + size_of::<ClientRecord>() + buffers + queue + client.watched.footprint()
    }
}

/// What planning a peer's requests has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// The last request changes how what follows is read, and something follows: plan again once it has run.
    pub more: bool,
    /// Bytes that the argument under way still lacks.
    pub missing: usize,
}

/// Whoever keeps the peers.
pub trait Peers {
    /// One of them.
    fn peer(&mut self, index: usize) -> &mut Peer;
}

/// Commands of many clients, in each client's order.
#[derive(Default)]
pub struct Batch {
    pub(crate) requests: Vec<Request>,
    pub(crate) spans: Vec<Span>,
    /// The keys to prefetch.
    keys: Vec<Prefetched>,
    /// The elements to prefetch in their values.
    elements: Vec<Element>,
}

struct Prefetched {
    db: u32,
    hash: u64,
    /// The command is about a collection, which stands outside of its key's entry.
    with_value: bool,
    /// The value is one where elements stand far from its beginning.
    is_deep: bool,
}

struct Element {
    /// Its key among those to prefetch.
    key: usize,
    peer: usize,
    span: Span,
}

pub(crate) struct Request {
    pub(crate) peer: usize,
    /// Its arguments in the batch's spans.
    spans: std::ops::Range<usize>,
    /// Where it ends in the peer's input.
    pub(crate) end: usize,
    /// The command; `None` for one that is unknown or has the wrong number of arguments.
    pub(crate) row: Option<&'static Row>,
    /// The hash of its first key, once its slots were [prefetched](Batch::prefetch_slots).
    pub(crate) hash: u64,
}

impl Request {
    /// Its arguments, in its peer's input.
    #[inline]
    pub(crate) fn args<'a>(&self, input: &'a [u8], spans: &'a [Span]) -> Args<'a> {
        Args::new(input, &spans[self.spans.clone()])
    }
}

impl Batch {
    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Plans all whole requests of a peer, up to one that changes how the bytes behind it are read. After an
    /// error the requests before it are planned all the same.
    pub fn plan(
        &mut self,
        engine: &'static Engine,
        index: usize,
        peer: &mut Peer,
        limits: Limits,
    ) -> Result<Planned, ProtocolError> {
        if peer.client.is(State::BLOCKED | State::CLOSING) {
            return Ok(Planned::default());
        }
        peer.replies_before = peer.client.reply.len();
        let mut repeated: Option<(Span, &Row)> = None;
        loop {
            let mark = self.spans.len();
            let len = match peer.parser.parse(&mut peer.input, peer.planned, limits, &mut self.spans)? {
                Parsed::Request { len } => len,
                Parsed::Incomplete { missing } => return Ok(Planned { more: false, missing }),
            };
            peer.planned += len;
            let spans = mark..self.spans.len();
            let args = Args::new(&peer.input, &self.spans[spans.clone()]);
            let row = match repeated {
                Some((name, row)) if args.get(0) == Some(name.of(&peer.input)) => {
                    row.accepts(args).then_some(row)
                }
                _ if spans.is_empty() => None,
                _ => engine.table.find(args).ok(),
            };
            // Most pipelines repeat one command. Of a container the name says too little.
            repeated = row.filter(|row| row.is_named_alone()).map(|row| (self.spans[mark], row));
            self.requests.push(Request { peer: index, spans, end: peer.planned, row, hash: 0 });
            if row.is_some_and(|row| row.has(Flags::STOPS_PARSING)) {
                return Ok(Planned { more: peer.planned < peer.input.len(), missing: 0 });
            }
        }
    }

    /// The first command that is unknown or has the wrong number of arguments.
    pub(crate) fn first_refused<'a>(&'a self, peer: &'a Peer) -> Option<Args<'a>> {
        let request =
            self.requests.iter().find(|request| request.row.is_none() && !request.spans.is_empty())?;
        Some(request.args(&peer.input, &self.spans))
    }

    /// First stage of a group's prefetch: hashes its keys and asks for their slots, and leaves it to the CPU to overlap them.
    pub(crate) fn prefetch_slots(
        &mut self,
        keyspace: &Keyspace,
        group: std::ops::Range<usize>,
        peers: &mut impl Peers,
    ) {
        self.keys.clear();
        self.elements.clear();
        for request in &mut self.requests[group] {
            let Some(row) = request.row.filter(|row| !row.command.keys.is_empty()) else { continue };
            let peer = peers.peer(request.peer);
            let (db, first, keys) = (peer.client.db, self.keys.len(), &mut self.keys);
            let with_value = !matches!(row.command.group, Group::String | Group::Bitmap | Group::Generic);
            row.each_key(request.args(&peer.input, &self.spans), |key| {
                if keys.len() - first < PREFETCHED_KEYS {
                    let hash = keyspace.hash(key);
                    keyspace.prefetch_slot(hash);
                    keys.push(Prefetched { db, hash, with_value, is_deep: false });
                }
            });
            if let Some(places) = row.command.elements.filter(|_| first < keys.len()) {
                let spans = self.spans[request.spans.clone()].iter().skip(places.first);
                let some =
                    spans.step_by(places.step.max(1)).take(if places.step > 0 { PREFETCHED_KEYS } else { 1 });
                self.elements.extend(some.map(|span| Element {
                    key: first,
                    peer: request.peer,
                    span: *span,
                }));
            }
            request.hash = self.keys.get(first).map_or(0, |key| key.hash);
        }
    }

    /// The other stages: the entries, then the values that stand outside of theirs, and what a lookup of an element reads in
    /// large ones, step by step. The caller is inside the gate.
    pub(crate) fn prefetch_entries(&mut self, keyspace: &Keyspace, peers: &mut impl Peers) {
        self.keys.iter().for_each(|key| keyspace.prefetch_entry(key.db, key.hash));
        for key in self.keys.iter_mut().filter(|key| key.with_value) {
            key.is_deep = keyspace.prefetch_element(key.db, key.hash, Step::Start, b"");
        }
        for step in [Step::Slot, Step::Element] {
            for element in &self.elements {
                let key = &self.keys[element.key];
                if key.is_deep {
                    let name = element.span.of(&peers.peer(element.peer).input);
                    keyspace.prefetch_element(key.db, key.hash, step, name);
                }
            }
        }
    }

    /// Empties it; room for a request of a million arguments is not kept for the next.
    pub(crate) fn clear(&mut self) {
        self.requests.clear();
        self.spans.clear();
        self.spans.shrink_to(KEPT_SPANS);
    }
}
