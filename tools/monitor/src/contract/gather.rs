//! Asks the servers of one request: all in parallel, each within its time, no more than so many at once.

use super::{Instance, Seen, document, node_url};
use crate::facts::{Cluster, Info, Node};
use crate::target::{Allow, Target, Trust, redact};
use crate::wire::{Connection, Failure, Limits};
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Redis's own advice is at most about 1,000 nodes a cluster; a liar's list ends here.
const MAX_NODES: usize = 1024;

/// What is asked of whom.
#[derive(Debug, Clone)]
pub struct Request {
    /// URLs as they came; a bad one is `null` in the document. None: the operator's targets.
    pub urls: Vec<String>,
    /// Whether nodes show their flags, epoch and ping times too.
    pub extended: bool,
    /// How many servers are asked at the same time.
    pub parallel: usize,
    /// What each may cost.
    pub limits: Limits,
    /// For URLs of `rediss`.
    pub trust: Trust,
}

/// What one server answered.
struct Answer {
    info: Info,
    cluster: Option<Cluster>,
}

/// Asks everyone and puts the document together. A server that does not answer is `null` there, and its reason in the log.
pub async fn gather(request: &Request, named: &[Target], allow: &Allow) -> Value {
    let asker = Asker { permits: Arc::new(Semaphore::new(request.parallel.max(1))), limits: request.limits };
    let parsed = match request.urls.as_slice() {
        [] => named.iter().cloned().map(Ok).collect(),
        urls => urls.iter().take(MAX_NODES).map(|url| parse(url, request, allow)).collect(),
    };
    let requested = asker.ask_all(parsed, true).await;

    let mut clusters: Vec<Seen> = Vec::new();
    let mut found: Vec<Asked> = Vec::new();
    for (target, answer) in &requested {
        let (Ok(target), Some(cluster)) =
            (target, answer.as_ref().and_then(|answer| answer.cluster.as_ref()))
        else {
            continue;
        };
        if !clusters.iter().any(|(_, seen)| seen.is_same(cluster)) {
            found.extend(siblings(target, cluster, allow));
            clusters.push((scheme(target), cluster.clone()));
        }
    }
    let discovered = asker.ask_all(found, false).await;
    let instances: Vec<Instance> = requested.into_iter().chain(discovered).map(instance).collect();
    document(&instances, &clusters, request.extended)
}

/// A server to ask, or the URL that shows in the document and why it is not asked.
type Asked = Result<Target, (String, Failure)>;

fn parse(url: &str, request: &Request, allow: &Allow) -> Asked {
    let target = Target::parse(url).map_err(|failure| (redact(url), failure))?;
    permit(Target { trust: request.trust.clone(), ..target }, allow)
}

fn permit(target: Target, allow: &Allow) -> Asked {
    match allow.permits(&target) {
        true => Ok(target),
        false => Err((target.address.url, Failure::Address("no --allow-target pattern permits it".into()))),
    }
}

/// Every node of a cluster as a target. A node without an address is not asked, nor one that no pattern permits, unless
/// the operator named the target whose cluster it is.
fn siblings(target: &Target, cluster: &Cluster, allow: &Allow) -> Vec<Asked> {
    let mut known = HashSet::new();
    let nodes = cluster.nodes.iter().filter(|node| known.insert(&node.id)).take(MAX_NODES);
    let ask = |node: &Node| match node.address(target.endpoint.host()) {
        None => {
            Err((node_url(scheme(target), node), Failure::Address("the cluster knows no address".into())))
        }
        Some((host, port)) if allow.names(target) => Ok(target.sibling(host, port)),
        Some((host, port)) => permit(target.sibling(host, port), allow),
    };
    nodes.map(ask).collect()
}

fn scheme(target: &Target) -> &'static str {
    if target.tls { "rediss" } else { "redis" }
}

fn instance((target, answer): (Asked, Option<Answer>)) -> Instance {
    let url = target.map_or_else(|(url, _)| url, |target| target.address.url);
    (url, answer.map(|answer| answer.info))
}

struct Asker {
    permits: Arc<Semaphore>,
    limits: Limits,
}

impl Asker {
    /// Asks every target; the answers come in the order of the targets.
    async fn ask_all(&self, targets: Vec<Asked>, with_cluster: bool) -> Vec<(Asked, Option<Answer>)> {
        let mut tasks = JoinSet::new();
        let mut answers: Vec<Option<Answer>> = targets.iter().map(|_| None).collect();
        for (place, target) in targets.iter().enumerate() {
            match target {
                Err((url, failure)) => tracing::warn!("{url}: {failure}"),
                Ok(target) => {
                    let (permits, target, limits) = (self.permits.clone(), target.clone(), self.limits);
                    tasks.spawn(async move {
                        let _permit = permits.acquire().await;
                        let answer = ask(&target, limits, with_cluster).await;
                        (
                            place,
                            answer.inspect_err(|failure| tracing::warn!("{}: {failure}", target.url)).ok(),
                        )
                    });
                }
            }
        }
        while let Some(done) = tasks.join_next().await {
            if let Ok((place, answer)) = done {
                answers[place] = answer;
            }
        }
        targets.into_iter().zip(answers).collect()
    }
}

/// INFO, and if wanted a cluster node's view of its cluster. The whole conversation has one deadline.
async fn ask(target: &Target, limits: Limits, with_cluster: bool) -> Result<Answer, Failure> {
    let conversation = async {
        let mut connection = Connection::open(target, limits).await?;
        let info = Info::parse(&connection.call(&["INFO"]).await?.into_text()?);
        let mut cluster = None;
        if with_cluster && info.get("cluster_enabled") == Some("1") {
            let nodes = connection.call(&["CLUSTER", "NODES"]).await?.into_text()?;
            let state = connection.call(&["CLUSTER", "INFO"]).await?.into_text()?;
            cluster = Some(Cluster::parse(&nodes, &state));
        }
        Ok(Answer { info, cluster })
    };
    tokio::time::timeout(limits.time, conversation).await.unwrap_or(Err(Failure::Timeout("reply")))
}
