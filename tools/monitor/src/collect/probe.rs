//! One round of one server over a connection that stays open.

use crate::facts::{
    Cluster, Config, Facts, Info, Slowlog, Watched, parse_clients, parse_records, parse_slowlog, parse_spikes,
};
use crate::target::Target;
use crate::wire::{Connection, Failure, Limits, Reply};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Newest slow log entries that a round brings.
const SLOW_ENTRIES: &str = "32";
/// A Sentinel may watch hundreds of primaries; a round describes so many.
const MAX_WATCHED: usize = 64;

/// Asks one server again and again; keeps its connection and what changes rarely.
pub struct Probe {
    target: Target,
    limits: Limits,
    config_every: Duration,
    connection: Option<Connection>,
    connect: Duration,
    config: Arc<Config>,
    config_at: Option<Instant>,
}

impl Probe {
    /// A probe of `target`, not yet connected; CONFIG GET is asked again after `config_every`.
    pub fn new(target: Target, limits: Limits, config_every: Duration) -> Self {
        Probe {
            target,
            limits,
            config_every,
            connection: None,
            connect: Duration::ZERO,
            config: Arc::default(),
            config_at: None,
        }
    }

    /// The connection, while it is open: for questions beyond the round.
    pub fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// One round. The whole of it has twice the time of one exchange.
    ///
    /// # Errors
    /// Why the server could not be asked; the next round connects anew.
    pub async fn round(&mut self) -> Result<Facts, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let started = Instant::now();
                let connection = Connection::open(&self.target, self.limits).await?;
                self.connect = started.elapsed();
                connection
            }
        };
        let round = tokio::time::timeout(self.limits.time * 2, self.ask(&mut connection));
        let facts = round.await.unwrap_or(Err(Failure::Timeout("reply")))?;
        self.connection = Some(connection);
        Ok(facts)
    }

    async fn ask(&mut self, connection: &mut Connection) -> Result<Facts, Failure> {
        let started = Instant::now();
        match connection.call(&["PING"]).await? {
            Reply::Error(text) if text.starts_with("NOAUTH") => return Err(Failure::Refused(text)),
            _ => {}
        }
        let ping = started.elapsed();
        let info = Info::parse(&connection.call(&["INFO", "ALL"]).await?.into_text()?);
        let mut facts = Facts { info, ping, connect: self.connect, ..Facts::default() };
        if facts.is_sentinel() {
            facts.watched = watched(connection).await?;
            let clients = connection.call(&["CLIENT", "LIST"]).await?;
            facts.clients = clients.text().map(|text| parse_clients(&text)).unwrap_or_default();
            facts.config = self.configuration(connection, &["SENTINEL", "CONFIG", "GET", "*"]).await?;
            return Ok(facts);
        }
        self.ask_server(connection, &mut facts).await?;
        Ok(facts)
    }

    async fn ask_server(&mut self, connection: &mut Connection, facts: &mut Facts) -> Result<(), Failure> {
        let commands: [&[&str]; 4] = [
            &["SLOWLOG", "LEN"],
            &["SLOWLOG", "GET", SLOW_ENTRIES],
            &["LATENCY", "LATEST"],
            &["CLIENT", "LIST"],
        ];
        if let [len, entries, spikes, clients] = connection.pipeline(&commands).await?.as_slice() {
            facts.slowlog = Slowlog { len: len.integer(), entries: parse_slowlog(entries) };
            facts.spikes = parse_spikes(spikes);
            facts.clients = clients.text().map(|text| parse_clients(&text)).unwrap_or_default();
        }
        if facts.info.get("cluster_enabled") == Some("1") {
            let replies = connection.pipeline(&[&["CLUSTER", "NODES"], &["CLUSTER", "INFO"]]).await?;
            if let [Some(nodes), Some(state)] = replies.iter().map(Reply::text).collect::<Vec<_>>().as_slice()
            {
                facts.cluster = Some(Cluster::parse(nodes, state));
            }
        }
        facts.config = self.configuration(connection, &["CONFIG", "GET", "*"]).await?;
        if facts.directive("commandlog-execution-slower-than").is_some() {
            let len = |log| ["COMMANDLOG", "LEN", log];
            let commands = [len("slow"), len("large-request"), len("large-reply")];
            let lengths: Vec<Option<i64>> =
                connection.pipeline(&commands).await?.iter().map(Reply::integer).collect();
            facts.commandlog = match lengths.as_slice() {
                [Some(slow), Some(request), Some(reply)] => Some([*slow, *request, *reply]),
                _ => None,
            };
        }
        Ok(())
    }

    /// What `command` tells, asked anew when it is due.
    async fn configuration(
        &mut self,
        connection: &mut Connection,
        command: &[&str],
    ) -> Result<Arc<Config>, Failure> {
        if self.config_at.is_none_or(|at| at.elapsed() >= self.config_every) {
            self.config = Arc::new(connection.call(command).await?.pairs().collect());
            self.config_at = Some(Instant::now());
        }
        Ok(self.config.clone())
    }
}

/// Everything a Sentinel says about the primaries that it watches.
async fn watched(connection: &mut Connection) -> Result<Vec<Watched>, Failure> {
    let primaries = parse_records(&connection.call(&["SENTINEL", "MASTERS"]).await?);
    let mut all = Vec::new();
    for primary in primaries.into_iter().take(MAX_WATCHED) {
        let name = primary.get("name").cloned().unwrap_or_default();
        let commands: [&[&str]; 3] = [
            &["SENTINEL", "SLAVES", &name],
            &["SENTINEL", "SENTINELS", &name],
            &["SENTINEL", "CKQUORUM", &name],
        ];
        let replies = connection.pipeline(&commands).await?;
        let records = |place: usize| replies.get(place).map(parse_records).unwrap_or_default();
        let (replicas, sentinels) = (records(0), records(1));
        let quorum = replies.into_iter().nth(2).and_then(|reply| match reply {
            Reply::Error(why) => Some(Err(why)),
            other => Some(Ok(other.text()?.into_owned())),
        });
        all.push(Watched { primary, replicas, sentinels, quorum });
    }
    Ok(all)
}
