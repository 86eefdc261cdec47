//! The one pipeline: every command of every client goes this way, and no other.
//!
//! A worker first *plans*: it parses what its ready connections have sent into one [`Batch`]. Then it
//! *runs* the batch in groups of [`GROUP`]: the slots and then the entries of the group's keys are brought into the
//! cache while other work goes on, the gate is entered once, and then a command at a time passes the checks, has its
//! partitions locked in ascending order, runs, and hands its effects to the log before they are unlocked.
//!
//! Consecutive commands on one partition keep its lock. Commands that need the whole keyspace leave the gate,
//! take exclusive access, and keep it for those that follow and need it too.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use config::{Config, MemoryOrPercent, NotifyEvents};
use keyspace::{Key, Lost, Member, PartitionSet, View, Waiter, Why, partition_of};
use resp::{Args, Encoder};

use crate::batch::{Batch, Peers, Request};
use crate::blocking::{Blocked, Ended, UNBLOCKED, Wait, Waiting};
use crate::checks::{self, Verdict};
use crate::client::{Client, ClientRecord, State};
use crate::command::{Flags, Handler, KeyFlags};
use crate::cx::{Effects, Event, KeyCx, ServerCx};
use crate::engine::{Attention, Engine, LogLevel, Message, unix_micros, unix_millis};
use crate::error::Error;
use crate::eviction::Evictor;
use crate::log::Commands;
use crate::monitors;
use crate::secrets;
use crate::stats::WorkerStats;
use crate::table::Row;
use crate::transaction::Queue;

/// Commands whose cache misses overlap. (Asking for each key a few commands ahead of its own, instead of for a group's at once,
/// was slower by a fifth; most likely the locked instructions between the requests keep the misses from overlapping.)
pub const GROUP: usize = 32;
/// Bytes of replies to one client in one turn above which its further requests wait for the next, so that others are
/// served and what there is can be sent. All that it has not read is bounded by client-output-buffer-limit.
const MAX_REPLIES: usize = 1 << 20;

/// Runs a worker's batches.
pub struct Executor {
    member: Member<'static>,
    evictor: Evictor,
    core: Core,
}

/// What running a command takes beside the view.
pub(crate) struct Core {
    engine: &'static Engine,
    stats: &'static WorkerStats,
    config: Arc<Config>,
    config_version: u64,
    clock: quanta::Clock,
    /// When the command before ended, by the CPU's clock.
    last_tick: u64,
    /// From how many nanoseconds on a command is looked at by the slow log or the latency monitor.
    noteworthy: u64,
    effects: Effects,
    /// Empty between two commands or transactions.
    unit: Unit,
    /// Lines for the log, written once nothing is locked.
    reports: Vec<String>,
}

/// What became of a request.
enum Flow {
    /// It was run, queued or refused.
    Done,
    /// It was not run, and waits for the end of a pause.
    Parked,
    /// It was run, and waits for a key.
    Waiting,
    /// It needs exclusive access, and was not run.
    NeedsExclusive,
}

impl Executor {
    /// The executor of a worker; made in the worker's own thread.
    pub fn new(engine: &'static Engine, worker: usize) -> Executor {
        let core = Core::new(engine, engine.stats.worker(worker));
        Executor { member: engine.keyspace.join(), evictor: Evictor::default(), core }
    }

    /// The configuration, renewed if it has changed.
    pub fn config(&mut self) -> &Arc<Config> {
        self.core.renew_config();
        &self.core.config
    }

    /// The worker's counters.
    pub fn stats(&self) -> &'static WorkerStats {
        self.core.stats
    }

    /// Runs all planned requests, and empties the batch.
    pub fn run(&mut self, batch: &mut Batch, peers: &mut impl Peers) {
        self.core.renew_config();
        let started = self.core.clock.raw();
        self.core.last_tick = started;
        self.core.stats.most_commands.raise(batch.requests.len() as u64);
        let mut from = 0;
        while from < batch.requests.len() {
            let to = (from + GROUP).min(batch.requests.len());
            self.run_group(batch, from..to, peers);
            from = to;
        }
        self.core.stats.command_nanos.add(self.core.clock.delta_as_nanos(started, self.core.last_tick));
        batch.clear();
    }

    fn run_group(&mut self, batch: &mut Batch, group: std::ops::Range<usize>, peers: &mut impl Peers) {
        let (keyspace, core) = (&self.core.engine.keyspace, &mut self.core);
        if core.config.maxmemory > 0 || core.engine.attends(Attention::FULL) {
            if core.config.maxmemory_clients != MemoryOrPercent::Bytes(0) {
                evict_clients(core, &batch.requests[..group.start], peers);
            }
            self.evictor.make_room(core.engine, &self.member, &core.config);
        }
        batch.prefetch_slots(keyspace, group.clone(), peers);
        let mut at = group.start;
        let mut fetched = false;
        while at < group.end {
            let now = unix_millis();
            {
                let inside = self.member.gate.enter();
                let mut view = core.prepared(View::new(&self.member, &inside, now));
                if !std::mem::replace(&mut fetched, true) {
                    batch.prefetch_entries(keyspace, peers);
                }
                at = run_while(core, &mut view, batch, at..group.end, peers);
            }
            if at < group.end {
                let mut exclusive = keyspace.exclusive(&self.member);
                let mut view = core.prepared(View::exclusive(&mut exclusive, now));
                at = run_while(core, &mut view, batch, at..group.end, peers);
            }
        }
    }

    /// Deletes up to `limit` due keys of a partition, as an active expiry. Answers whether more are due.
    pub fn expire_due(&mut self, partition: usize, limit: usize) -> bool {
        expire_due(self.core.engine, &self.member, partition, limit)
    }

    /// Serves those who wait for keys that were touched by a thread that serves nobody.
    pub fn serve_waiters(&mut self, touched: impl IntoIterator<Item = (u32, Box<[u8]>)>) {
        self.core.renew_config();
        let inside = self.member.gate.enter();
        let mut view = self.core.prepared(View::new(&self.member, &inside, unix_millis()));
        view.ready.extend(touched);
        self.core.serve_waiters(&mut view);
    }

    /// Ends a client's wait for a key, and its watches if it goes. Whoever calls this has claimed the waiter.
    pub fn end_wait(&mut self, client: &mut Client, ended: Ended) {
        let inside = self.member.gate.enter();
        let mut view = View::new(&self.member, &inside, unix_millis());
        self.core.end_wait(&mut view, client, ended);
    }

    /// Ends all that a client has left at keys, when it goes.
    pub fn leave(&mut self, client: &mut Client) {
        if let Some(waiting) = &client.waiting {
            // If somebody serves it at this moment, the reply finds no client.
            waiting.waiter.claim();
            self.end_wait(client, Ended::Gone);
        }
        if !client.watched.keys().is_empty() {
            let inside = self.member.gate.enter();
            let mut view = View::new(&self.member, &inside, unix_millis());
            unwatch(client, &mut view);
        }
    }
}

/// Closes clients whose replies to what they have just run take too much memory, before keys would have to make room for
/// them, as in Redis.
#[cold]
fn evict_clients(core: &Core, run: &[Request], peers: &mut impl Peers) {
    for request in &run[run.len().saturating_sub(GROUP)..] {
        let peer = peers.peer(request.peer);
        core.engine.clients.note_memory(&peer.client.record, peer.footprint() as u64);
    }
    if !core.engine.evict_clients(&core.config) {
        return;
    }
    for request in run {
        let client = &mut peers.peer(request.peer).client;
        if client.record.killed.load(Relaxed) {
            client.set_state(State::CLOSING, true);
            client.reply = Vec::new();
        }
    }
}

/// Deletes up to `limit` due keys of a partition and tells the log. Answers whether more are due.
pub fn expire_due(engine: &'static Engine, member: &Member<'static>, partition: usize, limit: usize) -> bool {
    let inside = member.gate.enter();
    let mut view = View::new(member, &inside, unix_millis());
    view.records = engine.wants_losses();
    view.lock_one(partition);
    let more = view.expire_due(partition, limit);
    settle_lost(engine, &mut view);
    view.unlock();
    engine.hand_over(&mut view);
    more
}

/// Tells of keys that went by themselves, before their partition is unlocked; each is a unit of its own, as in Redis. Under
/// exclusive access nothing is unlocked, and they have their place among the command's other effects.
pub(crate) fn settle_lost(engine: &Engine, view: &mut View) {
    if view.is_exclusive() || view.lost.is_empty() {
        return;
    }
    let mut unit = Unit::default();
    unit.add_lost(view);
    engine.log.append_each(&unit.commands);
    engine.tell_events(unit.events);
}

/// Ends a client's watches; nothing is locked, or exclusive access is held.
pub fn unwatch(client: &mut Client, view: &mut View) {
    client.watched.clear(|key, work| {
        view.lock_one(Key::partition(&view.keyspace().key(key)));
        work(view);
        view.unlock();
    });
    client.record.watched.store(0, Relaxed);
    client.set_state(State::DIRTY, false);
}

/// Ends a client's transaction unrun, with its watches; nothing is locked, or exclusive access is held.
pub fn discard(client: &mut Client, view: &mut View) {
    checks::leave_multi(client);
    unwatch(client, view);
}

/// Runs a batch in a view of everything, whatever its commands need, and empties it.
pub(crate) fn run_in(core: &mut Core, view: &mut View, batch: &mut Batch, peers: &mut impl Peers) {
    let (keyspace, len) = (view.keyspace(), batch.requests.len());
    for from in (0..len).step_by(GROUP) {
        let (mut at, to) = (from, (from + GROUP).min(len));
        batch.prefetch_slots(keyspace, at..to, peers);
        batch.prefetch_entries(keyspace, peers);
        while at < to {
            at = run_while(core, view, batch, at..to, peers);
        }
    }
    batch.clear();
}

/// Runs requests in the view until one needs exclusive access (or, in an exclusive view, until one does not).
/// Answers where it stopped.
fn run_while(
    core: &mut Core,
    view: &mut View,
    batch: &Batch,
    range: std::ops::Range<usize>,
    peers: &mut impl Peers,
) -> usize {
    let first = range.start;
    for at in range.clone() {
        let request = &batch.requests[at];
        let peer = peers.peer(request.peer);
        if peer.client.is(State::BLOCKED | State::CLOSING) || peer.planned < request.end {
            continue;
        }
        peer.cut_short = peer.client.reply.len().saturating_sub(peer.replies_before) > MAX_REPLIES;
        if peer.cut_short {
            peer.replan();
            continue;
        }
        let args = request.args(&peer.input, &batch.spans);
        if args.is_empty() {
            peer.consumed = request.end;
            continue;
        }
        if view.is_exclusive()
            && at > first
            && !request.row.is_some_and(|row| is_exclusive(row, &peer.client, args))
        {
            return at;
        }
        match core.request(view, &mut peer.client, args, request.row, request.hash) {
            Flow::Done => peer.consumed = request.end,
            Flow::Parked => peer.replan(),
            Flow::Waiting => {
                peer.consumed = request.end;
                peer.replan();
            }
            Flow::NeedsExclusive => return at,
        }
    }
    range.end
}

/// Whether a command runs with exclusive access.
fn is_exclusive(row: &Row, client: &Client, args: Args) -> bool {
    let queued = client.is(State::MULTI);
    match row.command.handler {
        Handler::Exclusive(_) => !queued,
        Handler::Exec => client.queue.as_ref().is_some_and(|q| needs_exclusive(q)),
        _ => row.command.has_late_keys(args) && !queued,
    }
}

/// Whether a command would change a key before the cut under way can have seen it. All keys are asked, so that the traversal
/// hears of each. They are held.
#[cold]
fn must_wait(view: &mut View, db: u32, args: Args, row: &Row) -> bool {
    if !row.has(Flags::WRITE) {
        return false;
    }
    view.db = db;
    let changed = |flags: &KeyFlags| flags.intersects(KeyFlags::RW | KeyFlags::OW | KeyFlags::RM);
    let keys = row.keys(args).into_iter().flatten().filter(|(_, flags)| changed(flags));
    keys.fold(false, |waits, (index, flags)| {
        view.must_wait(args.at(index), flags.intersects(KeyFlags::OW | KeyFlags::RM)) || waits
    })
}

/// Whether a transaction runs with exclusive access: one of its commands is about more than its keys.
fn needs_exclusive(queue: &Queue) -> bool {
    queue.commands.iter().any(|(row, args)| {
        let is_of_keys = matches!(row.command.handler, Handler::Read(_) | Handler::Write(_));
        !is_of_keys || row.command.has_late_keys(args.as_args())
    })
}

impl Core {
    /// Runs commands, and counts them in `stats`.
    pub(crate) fn new(engine: &'static Engine, stats: &'static WorkerStats) -> Core {
        Core {
            engine,
            stats,
            config: engine.config(),
            config_version: engine.config_version(),
            clock: quanta::Clock::new(),
            last_tick: 0,
            noteworthy: noteworthy(&engine.config()),
            effects: Effects::default(),
            unit: Unit::default(),
            reports: Vec::new(),
        }
    }

    fn renew_config(&mut self) {
        if self.config_version != self.engine.config_version() {
            self.config_version = self.engine.config_version();
            self.config = self.engine.config();
            self.noteworthy = noteworthy(&self.config);
        }
    }

    /// Tells a view what the engine asks of it.
    fn prepared<'v>(&self, mut view: View<'v>) -> View<'v> {
        view.records = self.engine.wants_losses();
        // Nothing changes while clients are paused: what is due is hidden, and deleted later.
        view.keeps_due = self.engine.needs_attention() && self.engine.pause.is_paused(view.now);
        view
    }

    /// One request of a client, from the checks to the log.
    fn request(
        &mut self,
        view: &mut View,
        client: &mut Client,
        args: Args,
        row: Option<&'static Row>,
        hash: u64,
    ) -> Flow {
        if let Some(row) = row
            && !client.is(State::ATTENTION)
            && !row.has(Flags::PROTECTED)
            && !self.engine.needs_attention()
        {
            if !view.is_exclusive() && is_exclusive(row, client, args) {
                return Flow::NeedsExclusive;
            }
            return self.command(view, client, args, row, hash);
        }
        self.request_with_checks(view, client, args, row, hash)
    }

    #[cold]
    fn request_with_checks(
        &mut self,
        view: &mut View,
        client: &mut Client,
        args: Args,
        row: Option<&'static Row>,
        hash: u64,
    ) -> Flow {
        let mark = client.reply.len();
        checks::before_reply(client);
        match checks::check(self.engine, &self.config, client, args, row, view.now) {
            Verdict::Run(row) => {
                if !view.is_exclusive() && is_exclusive(row, client, args) {
                    return Flow::NeedsExclusive;
                }
                view.no_touch = client.is(State::NO_TOUCH) && row.command.name != "touch";
                let flow = self.command(view, client, args, row, hash);
                view.no_touch = false;
                if let Flow::Parked = flow {
                    return flow;
                }
                self.show_monitors(client, args, row);
                if let Flow::Waiting = flow {
                    return flow;
                }
            }
            Verdict::Queue(row) => checks::queue(client, row, args),
            Verdict::Refuse(row, error) => {
                row.inspect(|row| self.stats.commands[row.id].rejected.add(1));
                let is_exec = row.is_some_and(|row| matches!(row.command.handler, Handler::Exec));
                if is_exec {
                    discard(client, view);
                    self.reply_error(client, &Error::exec_abort(&error));
                } else {
                    if let Some(queue) = &mut client.queue {
                        queue.refused = true;
                    }
                    self.reply_error(client, &error);
                }
            }
            Verdict::CrossProtocol => {
                let address = &client.record.address;
                let text = format!(
                    "Possible SECURITY ATTACK detected. Somebody sends POST or Host: as commands, as cross protocol \
                     scripting from a browser does. Connection from {address} aborted."
                );
                self.engine.host.log(LogLevel::Warning, &text);
                client.set_state(State::CLOSING, true);
            }
            Verdict::Park => {
                client.set_state(State::BLOCKED, true);
                return Flow::Parked;
            }
        }
        checks::after_reply(client, mark);
        Flow::Done
    }

    /// Runs a command that has passed the checks, and counts it.
    #[inline]
    fn command(
        &mut self,
        view: &mut View,
        client: &mut Client,
        args: Args,
        row: &'static Row,
        hash: u64,
    ) -> Flow {
        let db = client.db;
        let mut flow = Flow::Done;
        match row.command.handler {
            Handler::Exec => {
                if self.engine.attends(Attention::CUT) && self.transaction_must_wait(view, client) {
                    return self.park(view, client);
                }
                let succeeded = self.exec(view, client);
                self.finish(view, client, args, row, succeeded);
            }
            _ => {
                self.lock(view, args, row, hash);
                if self.engine.attends(Attention::CUT) && must_wait(view, client.db, args, row) {
                    return self.park(view, client);
                }
                let succeeded = self.call(view, client, args, row);
                self.unit.add(&mut self.effects, view, db, args);
                match self.effects.wait.take() {
                    None => self.finish(view, client, args, row, succeeded),
                    Some(wait) => {
                        self.begin_wait(view, client, args, row, *wait);
                        flow = Flow::Waiting;
                    }
                }
            }
        };
        if self.unit.is_due(view) {
            self.unit.settle(self.engine, view);
        }
        if !view.ready.is_empty() {
            self.serve_waiters(view);
        }
        if !view.discarded.is_empty() {
            self.engine.free_discarded(view);
        }
        if !self.reports.is_empty() {
            self.report(view);
        }
        flow
    }

    /// Writes to the log what commands had to say.
    #[cold]
    fn report(&mut self, view: &mut View) {
        view.unlock();
        self.reports.drain(..).for_each(|line| self.engine.host.log(LogLevel::Verbose, &line));
    }

    /// Whether one of the commands of a transaction must wait for the cut.
    #[cold]
    fn transaction_must_wait(&self, view: &mut View, client: &Client) -> bool {
        let Some(queue) = &client.queue else { return false };
        view.lock_many(self.partitions(view, queue, client));
        queue
            .commands
            .iter()
            .fold(false, |waits, (row, args)| must_wait(view, client.db, args.as_args(), row) || waits)
    }

    /// Leaves a command for later; nothing of it has happened.
    #[cold]
    fn park(&mut self, view: &mut View, client: &mut Client) -> Flow {
        view.unlock();
        client.set_state(State::BLOCKED, true);
        self.last_tick = self.clock.raw();
        Flow::Parked
    }

    /// Leaves a waiter at the keys that a command waits for, which are held.
    fn begin_wait(
        &mut self,
        view: &mut View,
        client: &mut Client,
        args: Args,
        row: &'static Row,
        wait: Wait,
    ) {
        let mut partitions = PartitionSet::default();
        row.each_key(args, |key| partitions.insert(partition_of(view.keyspace().hash(key))));
        let record = &client.record;
        let command = Blocked {
            row,
            args: self.effects.wait_args.take().unwrap_or_else(|| args.to_owned()),
            protocol: client.protocol,
            client: record.id,
            worker: record.worker,
        };
        let Wait { keys, wants, sees_loss, until, at_once: _ } = wait;
        let waiter = Waiter::new(client.db, keys, wants, sees_loss, partitions, Box::new(command));
        view.db = client.db;
        view.wait(&waiter);
        *record.waiter.lock() = Some(waiter.clone());
        client.waiting = Some(Box::new(Waiting { waiter, until }));
        client.set_state(State::BLOCKED, true);
        self.last_tick = self.clock.raw();
    }

    /// Runs the commands of those who wait for keys that were touched, until no touched key is left. The command that
    /// touched them is settled.
    #[cold]
    fn serve_waiters(&mut self, view: &mut View) {
        // What has come due while the command ran (a transaction may take long) is not served.
        let before = view.now;
        view.now = before.max(unix_millis());
        while let Some((db, key)) = view.ready.pop_front() {
            let mut index = 0;
            loop {
                let partition = view.keyspace().key(&key).partition();
                if !view.holds_all(&PartitionSet::of(partition)) {
                    view.lock_one(partition);
                }
                view.db = db;
                let Some(waiter) = view.waiter(db, &key, index) else { break };
                let found = view.inspect(&key).map(|found| found.value_type());
                let is_concerned = found == Some(waiter.wants) || waiter.sees_loss;
                if !(is_concerned && self.serve(view, &waiter)) {
                    index += 1;
                }
            }
        }
        view.now = before;
    }

    /// Runs a waiter's command again. Answers whether that ended its wait.
    fn serve(&mut self, view: &mut View, waiter: &Arc<Waiter>) -> bool {
        let Some(blocked) = waiter.command.downcast_ref::<Blocked>() else { return false };
        let (Handler::Read(run) | Handler::Write(run)) = blocked.row.command.handler else { return false };
        if !waiter.claim() {
            return false;
        }
        if !view.holds_all(&waiter.partitions) {
            view.lock_many(waiter.partitions.clone());
        }
        let (args, mut reply) = (blocked.args.as_args(), Vec::new());
        view.db = waiter.db;
        self.effects.clear();
        let mut cx = KeyCx {
            args,
            reply: Encoder::new(&mut reply, blocked.protocol),
            view,
            config: &self.config,
            effects: &mut self.effects,
        };
        let outcome = run(&mut cx);
        if self.effects.wait.take().is_some() {
            waiter.release();
            return false;
        }
        if let Err(error) = &outcome {
            reply.clear();
            let text = error.to_string();
            self.engine.count_error(&text);
            self.stats.errors.add(1);
            Encoder::new(&mut reply, blocked.protocol).error(text.as_bytes());
        }
        self.unit.add(&mut self.effects, view, waiter.db, args);
        let nanos = self.count(blocked.row, outcome.is_ok());
        if nanos >= self.noteworthy
            && let Some(record) = self.engine.clients.get(blocked.client)
        {
            self.note(view, &record, args, blocked.row, nanos);
        }
        if self.unit.is_due(view) {
            self.unit.settle(self.engine, view);
        }
        view.db = waiter.db;
        waiter.keys.iter().for_each(|key| view.stop_waiting(waiter, key));
        let message = Message::Unblocked(blocked.client, Ended::Served(reply));
        self.engine.mailboxes[blocked.worker].push(message);
        true
    }

    /// Ends a client's wait, whatever it waited for; nothing is locked.
    fn end_wait(&mut self, view: &mut View, client: &mut Client, ended: Ended) {
        let Some(waiting) = client.waiting.take() else { return };
        for key in &waiting.waiter.keys {
            view.lock_one(view.keyspace().key(key).partition());
            view.db = waiting.waiter.db;
            view.stop_waiting(&waiting.waiter, key);
        }
        view.unlock();
        if let Some(blocked) = waiting.waiter.command.downcast_ref::<Blocked>() {
            self.last_tick = self.clock.raw();
            let succeeded = match ended {
                Ended::TimedOut => Some(true),
                Ended::Refused => {
                    self.engine.count_error(UNBLOCKED);
                    self.stats.errors.add(1);
                    Some(false)
                }
                // Whoever served it has counted it.
                Ended::Served(_) | Ended::Gone => None,
            };
            if let Some(succeeded) = succeeded {
                self.finish(view, client, blocked.args.as_args(), blocked.row, succeeded);
            }
        }
        *client.record.waiter.lock() = None;
        client.set_state(State::BLOCKED, false);
        let mark = client.reply.len();
        client.reply_ended(ended);
        checks::after_reply(client, mark);
    }

    /// Locks the partitions of a key command's keys.
    #[inline]
    fn lock(&self, view: &mut View, args: Args, row: &Row, hash: u64) {
        if !matches!(row.command.handler, Handler::Read(_) | Handler::Write(_)) {
            view.unlock();
            return;
        }
        if let Some((first, last, _)) = row.fixed_keys
            && first as isize == last
        {
            view.lock_one(partition_of(hash));
            return;
        }
        let (keyspace, mut set, mut one, mut count) = (view.keyspace(), PartitionSet::default(), 0, 0);
        row.each_key(args, |key| {
            one = partition_of(keyspace.hash(key));
            set.insert(one);
            count += 1;
        });
        if count == 1 { view.lock_one(one) } else { view.lock_many(set) }
    }

    /// Calls the handler; an error leaves no part of a reply. Answers whether there was none.
    #[inline]
    fn call(&mut self, view: &mut View, client: &mut Client, args: Args, row: &'static Row) -> bool {
        view.db = client.db;
        self.effects.clear();
        client.tells |= row.tells;
        let mark = client.reply.len();
        let outcome = match row.command.handler {
            Handler::Read(run) | Handler::Write(run) => run(&mut KeyCx {
                args,
                reply: client.encoder(),
                view,
                config: &self.config,
                effects: &mut self.effects,
            }),
            Handler::Server(run) | Handler::Exclusive(run) => {
                let config = self.config.clone();
                let outcome = run(&mut ServerCx {
                    engine: self.engine,
                    client,
                    args,
                    config: &config,
                    view,
                    effects: &mut self.effects,
                });
                self.renew_config();
                outcome
            }
            Handler::Exec | Handler::Container => Err(Error::Syntax),
        };
        // Not the outcome is handed on, but whether it is one: it would have to be copied, which waits for its being written.
        if let Err(error) = &outcome {
            client.reply.truncate(mark);
            self.reply_error(client, error);
            if let Error::BadData(how) = error {
                self.reports.push(format!("Internal error in RDB reading, RESTORE: {how}"));
            }
        }
        outcome.is_ok()
    }

    fn reply_error(&self, client: &mut Client, error: &Error) {
        let text = error.to_string();
        self.engine.count_error(&text);
        self.stats.errors.add(1);
        client.encoder().error(text.as_bytes());
    }

    /// Counts a command that has run; answers how many nanoseconds it took.
    #[inline]
    fn count(&mut self, row: &Row, succeeded: bool) -> u64 {
        let tick = self.clock.raw();
        let nanos = self.clock.delta_as_nanos(self.last_tick, tick);
        self.last_tick = tick;
        let stats = &self.stats.commands[row.id];
        stats.ran(nanos, self.config.latency_tracking);
        if !succeeded {
            stats.failed.add(1);
        }
        self.stats.processed.add(1);
        nanos
    }

    /// Counts a client's command that has run, and takes note of a slow one.
    #[inline]
    fn finish(&mut self, view: &View, client: &mut Client, args: Args, row: &Row, succeeded: bool) {
        let nanos = self.count(row, succeeded);
        client.record.command.store(row.id as u32, Relaxed);
        if nanos >= self.noteworthy {
            self.note(view, &client.record, args, row, nanos);
        }
    }

    #[cold]
    fn note(&self, view: &View, client: &ClientRecord, args: Args, row: &Row, nanos: u64) {
        let event = if row.has(Flags::FAST) { "fast-command" } else { "command" };
        self.engine.note_latency(event, nanos);
        let threshold = self.config.slowlog_log_slower_than;
        if threshold >= 0 && nanos / 1000 >= threshold as u64 {
            self.log_slow(view, client, args, row, nanos / 1000);
        }
    }

    fn log_slow(&self, view: &View, client: &ClientRecord, args: Args, row: &Row, micros: u64) {
        if row.has(Flags::SKIP_SLOWLOG) || self.config.slowlog_max_len == 0 {
            return;
        }
        let name = client.names.lock().name.clone().unwrap_or_default();
        let address = client.address.clone();
        self.engine.slowlog.push(secrets::shown(row, args), view.now / 1000, micros, address, name);
    }

    /// EXEC: all queued commands under the locks of all their keys.
    /// Answers whether they were run, or given up for a watched key.
    fn exec(&mut self, view: &mut View, client: &mut Client) -> bool {
        let Some(queue) = client.queue.take() else {
            self.reply_error(client, &Error::text("ERR EXEC without MULTI"));
            return false;
        };
        checks::leave_multi(client);
        client.tells = true;
        let partitions = self.partitions(view, &queue, client);
        view.lock_many(partitions);
        let broken = client.watched.is_broken(view);
        client.watched.clear(|_, work| work(view));
        client.record.watched.store(0, Relaxed);
        if queue.refused {
            self.reply_error(client, &Error::ExecAbort);
            return false;
        }
        if broken {
            client.encoder().null_array();
            return true;
        }
        client.encoder().array(queue.commands.len());
        for (row, args) in &queue.commands {
            let (db, args) = (client.db, args.as_args());
            let succeeded = self.call(view, client, args, row);
            self.unit.add(&mut self.effects, view, db, args);
            // Within a transaction nothing waits.
            if let Some(wait) = self.effects.wait.take() {
                wait.at_once.reply(client.encoder());
            }
            self.finish(view, client, args, row, succeeded);
            self.show_monitors(client, args, row);
        }
        true
    }

    /// Shows a command that has run to the monitors, if there are any; its keys are still locked.
    fn show_monitors(&self, client: &Client, args: Args, row: &Row) {
        let is_private = row.command.flags.intersects(Flags::ADMIN | Flags::SKIP_MONITOR);
        if self.engine.attends(Attention::MONITORED) && !is_private {
            let source = monitors::source(client, self.config.unixsocket.as_deref());
            self.engine.show_monitors(unix_micros(), &source, secrets::shown(row, args));
        }
    }

    /// The partitions of a transaction: of its commands' keys and of the watched ones.
    fn partitions(&self, view: &View, queue: &Queue, client: &Client) -> PartitionSet {
        let (keyspace, mut set) = (view.keyspace(), PartitionSet::default());
        let mut add = |key: &[u8]| set.insert(partition_of(keyspace.hash(key)));
        queue.commands.iter().for_each(|(row, args)| row.each_key(args.as_args(), &mut add));
        client.watched.keys().iter().for_each(|w| add(&w.key));
        set
    }
}

/// The shortest duration, in nanoseconds, that the slow log or the latency monitor asks for.
fn noteworthy(config: &Config) -> u64 {
    let slow = u64::try_from(config.slowlog_log_slower_than).map_or(u64::MAX, |us| us.saturating_mul(1000));
    let late = match config.latency_monitor_threshold {
        0 => u64::MAX,
        millis => millis.saturating_mul(1_000_000),
    };
    slow.min(late)
}

/// The effects of one command or transaction, on their way to the log.
#[derive(Default)]
struct Unit {
    commands: Commands,
    dirty: u64,
    events: Vec<Event>,
}

impl Unit {
    /// Takes over what a command has done.
    #[inline]
    fn add(&mut self, effects: &mut Effects, view: &mut View, db: u32, args: Args) {
        if effects.dirty == 0
            && effects.instead.is_none()
            && view.lost.is_empty()
            && effects.events.is_empty()
        {
            return;
        }
        self.dirty += effects.dirty;
        self.events.append(&mut effects.events);
        if !view.records {
            return;
        }
        self.add_lost(view);
        match effects.instead.take() {
            Some(instead) => instead.iter().for_each(|args| self.commands.push(db, args.as_args().iter())),
            None if effects.dirty > 0 => self.commands.push(db, args.iter()),
            None => {}
        }
    }

    /// What went by itself is deleted by the log's readers too, by name, and told as events.
    fn add_lost(&mut self, view: &mut View) {
        for Lost { db, key, why } in view.lost.drain(..) {
            let mut tell = |class, name| self.events.push(Event { class, name, db, key: key.clone() });
            let mut log = |args: &[&[u8]]| self.commands.push(db, args.iter());
            match why {
                Why::Expired => {
                    log(&[b"DEL", &key]);
                    tell(NotifyEvents::EXPIRED, "expired");
                }
                Why::Evicted => {
                    log(&[b"DEL", &key]);
                    tell(NotifyEvents::EVICTED, "evicted");
                }
                Why::Fields { names, all } => {
                    names.iter().for_each(|name| log(&[b"HDEL", &key, name]));
                    tell(NotifyEvents::HASH, "hexpired");
                    if all {
                        tell(NotifyEvents::GENERIC, "del");
                    }
                }
            }
        }
    }

    /// Whether there is anything to settle.
    #[inline]
    fn is_due(&self, view: &View) -> bool {
        self.dirty > 0 || !self.commands.is_empty() || !self.events.is_empty() || !view.lost.is_empty()
    }

    /// Hands everything on, before the partitions are unlocked.
    fn settle(&mut self, engine: &Engine, view: &mut View) {
        self.add_lost(view);
        if self.dirty > 0 {
            view.count_changes(std::mem::take(&mut self.dirty));
        }
        engine.log.append(&self.commands);
        self.commands.clear();
        engine.tell_events(std::mem::take(&mut self.events));
    }
}
