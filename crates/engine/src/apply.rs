//! Applying a log: an append-only file, later a primary's stream. Its commands go through the pipeline like any client's,
//! but nobody refuses them, nobody is answered, and time stands still: what was due when they ran says the log itself.

use keyspace::View;
use resp::{Args, Limits, ProtocolError};

use crate::Error;
use crate::batch::{Batch, Peer, Peers};
use crate::client::{Arrival, Client, State};
use crate::engine::{Engine, unix_millis};
use crate::pipeline::{Core, run_in};
use crate::stats::WorkerStats;

/// Whoever applies a log, under exclusive access.
pub struct Applier {
    core: Core,
    batch: Batch,
    peer: One,
}

/// The log's client.
struct One(Peer);

impl Peers for One {
    fn peer(&mut self, _: usize) -> &mut Peer {
        &mut self.0
    }
}

/// Why a log cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inapplicable {
    /// No command has this name.
    #[error("Unknown command '{0}' reading the append only file")]
    Unknown(String),
    /// The command of this name takes another number of arguments.
    #[error("Wrong number of arguments for '{0}' command reading the append only file")]
    Arity(String),
    /// It is no sequence of requests.
    #[error("Bad file format reading the append only file: {0}")]
    Malformed(#[from] ProtocolError),
}

impl Inapplicable {
    /// What is wrong with a command that has no row in the table.
    fn of(engine: &Engine, refused: Args) -> Inapplicable {
        match engine.table.find(refused) {
            Err(Error::Arity(name)) => Inapplicable::Arity(name),
            _ => Inapplicable::Unknown(String::from_utf8_lossy(refused.at(0)).into_owned()),
        }
    }
}

impl Applier {
    /// One at the beginning of a log.
    pub fn new(engine: &'static Engine) -> Applier {
        let record = engine.clients.add(Arrival {
            address: String::new(),
            local_address: String::new(),
            fd: -1,
            is_unix: false,
            worker: 0,
            now_ms: unix_millis(),
        });
        // It is nobody's connection.
        engine.clients.remove(record.id);
        let client = Client::new(record, State::APPLIES | State::REPLY_OFF);
        // What a log does again is not counted again.
        let stats: &'static WorkerStats = Box::leak(Box::new(WorkerStats::new(engine.table.ids())));
        Applier { core: Core::new(engine, stats), batch: Batch::default(), peer: One(Peer::new(client)) }
    }

    /// Applies whole requests.
    ///
    /// # Errors
    /// The first that cannot be; of a batch nothing is applied then.
    pub fn apply(
        &mut self,
        engine: &'static Engine,
        view: &mut View,
        requests: &[u8],
    ) -> Result<(), Inapplicable> {
        let peer = &mut self.peer.0;
        peer.input.extend_from_slice(requests);
        (view.now, view.records) = (0, false);
        loop {
            let planned = self.batch.plan(engine, 0, &mut self.peer.0, Limits::authenticated(i64::MAX))?;
            if let Some(refused) = self.batch.first_refused(&self.peer.0) {
                let why = Inapplicable::of(engine, refused);
                self.batch = Batch::default();
                return Err(why);
            }
            run_in(&mut self.core, view, &mut self.batch, &mut self.peer);
            self.peer.0.client.reply.clear();
            if !planned.more {
                break;
            }
        }
        self.peer.0.compact();
        Ok(())
    }

    /// Whether it is between MULTI and EXEC.
    pub fn is_in_transaction(&self) -> bool {
        self.peer.0.client.is(State::MULTI)
    }
}
