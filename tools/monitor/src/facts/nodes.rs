//! CLUSTER NODES, parsed.
//!
//! A line is `id ip:port@bus[,hostname[,aux=value]*] flags primary ping-sent pong-received epoch link-state slot...`;
//! Redis 3 has no `@bus`. A slot is `0-5461`, `93`, or on the move `[93->-node]` (migrating), `[93-<-node]` (importing).

/// One node as the asked server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Address without brackets; empty if the cluster does not know it.
    pub host: String,
    /// Client port, 0 if unknown.
    pub port: u16,
    /// Announced host name, empty if none.
    pub hostname: String,
    /// `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`, `noaddr`, `nofailover`, `noflags`.
    pub flags: Vec<String>,
    /// The id of its primary.
    pub primary: Option<String>,
    /// Milliseconds since the epoch of the pending ping, 0 if none.
    pub ping_sent: u64,
    /// Milliseconds since the epoch of the last pong.
    pub pong_received: u64,
    /// Configuration epoch.
    pub epoch: u64,
    /// `connected` or `disconnected`.
    pub link_state: String,
    /// Ranges and single slots as written.
    pub slots: Vec<String>,
    /// Slots on the move.
    pub migrations: Vec<Migration>,
}

/// A slot on the move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// 0-16383.
    pub slot: u16,
    /// The other node's id.
    pub node: String,
    /// `migrating` (from here) or `importing` (to here).
    pub state: &'static str,
}

impl Node {
    /// Whether the flag is set.
    pub fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }

    /// `master` or `slave`; a node that is neither yet shows its other flags.
    pub fn role(&self) -> String {
        match ["master", "slave"].into_iter().find(|role| self.is(role)) {
            Some(role) => role.into(),
            None => self.flags.iter().filter(|flag| *flag != "myself").cloned().collect::<Vec<_>>().join(","),
        }
    }

    /// Where it listens, `None` if the cluster does not know. A node that has met nobody does not know its own address: then it is
    /// `asked`, the host under which it was reached.
    pub fn address<'a>(&'a self, asked: Option<&'a str>) -> Option<(&'a str, u16)> {
        let host = match self.host.as_str() {
            "" if self.is("myself") => asked?,
            "" => return None,
            host => host,
        };
        (self.port != 0).then_some((host, self.port))
    }

    /// How many slots it serves.
    pub fn slot_count(&self) -> usize {
        let size = |range: &String| match range.split_once('-') {
            Some((from, to)) => {
                let (from, to) = (from.parse::<u16>().ok()?, to.parse::<u16>().ok()?);
                Some(usize::from(to.checked_sub(from)?) + 1)
            }
            None => range.parse::<u16>().ok().map(|_| 1),
        };
        self.slots.iter().filter_map(size).sum()
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let id = words.next()?.to_owned();
        let (host, port, hostname) = parse_address(words.next()?)?;
        let flags = words.next()?.split(',').map(str::to_owned).collect();
        let primary = words.next().filter(|id| *id != "-").map(str::to_owned);
        let mut number = || words.next()?.parse().ok();
        let (ping_sent, pong_received, epoch) = (number()?, number()?, number()?);
        let link_state = words.next()?.to_owned();
        let (moving, owned): (Vec<&str>, Vec<&str>) = words.partition(|word| word.starts_with('['));
        Some(Node {
            id,
            host,
            port,
            hostname,
            flags,
            primary,
            ping_sent,
            pong_received,
            epoch,
            link_state,
            slots: owned.into_iter().map(str::to_owned).collect(),
            migrations: moving.into_iter().filter_map(Migration::parse).collect(),
        })
    }
}

impl Migration {
    fn parse(word: &str) -> Option<Self> {
        let inner = word.strip_prefix('[')?.strip_suffix(']')?;
        let (slot, node, state) = match (inner.split_once("->-"), inner.split_once("-<-")) {
            (Some((slot, node)), _) => (slot, node, "migrating"),
            (None, Some((slot, node))) => (slot, node, "importing"),
            (None, None) => return None,
        };
        Some(Migration { slot: slot.parse().ok()?, node: node.to_owned(), state })
    }
}

/// `ip:port@bus,hostname,aux=value` to address, port and host name.
fn parse_address(word: &str) -> Option<(String, u16, String)> {
    let mut parts = word.split(',');
    let address = parts.next()?.split('@').next()?;
    let (host, port) = address.rsplit_once(':')?;
    let hostname = parts.next().filter(|name| !name.contains('=')).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some((host.to_owned(), port.parse().ok()?, hostname.to_owned()))
}

/// Reads the text of CLUSTER NODES; lines that are none are skipped.
pub fn parse_nodes(text: &str) -> Vec<Node> {
    text.lines().filter_map(Node::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_old_and_new_lines() {
        let nodes = parse_nodes(concat!(
            "3ef2 172.21.3.163:6379 myself,master - 0 0 1 connected 0-92 [93->-035d] [94-<-6fe5] 95\n",
            "8c42 ::1:6380@16380,node.example,shard-id=abc slave,fail 6fe5 17 18 5 disconnected\n",
            "ffff :0@0 handshake - 1 0 0 disconnected\n",
        ));
        assert_eq!(nodes[0].slots, ["0-92", "95"]);
        assert_eq!(nodes[0].slot_count(), 94);
        assert_eq!(nodes[0].role(), "master");
        assert_eq!(nodes[0].migrations[0], Migration { slot: 93, node: "035d".into(), state: "migrating" });
        assert_eq!(nodes[0].migrations[1].state, "importing");
        assert_eq!(
            (nodes[1].host.as_str(), nodes[1].port, nodes[1].hostname.as_str()),
            ("::1", 6380, "node.example")
        );
        assert_eq!((nodes[1].role().as_str(), nodes[1].is("fail"), nodes[1].epoch), ("slave", true, 5));
        assert_eq!((nodes[2].role().as_str(), nodes[2].address(Some("x"))), ("handshake", None));
        let alone = parse_nodes("a :7@17 myself,master - 0 0 0 connected");
        assert_eq!((alone[0].address(Some("h")), alone[0].address(None)), (Some(("h", 7)), None));
    }

    #[test]
    fn skips_what_is_no_node() {
        assert!(
            parse_nodes(
                "\nERR\nid host flags\nid h:99999 master - 0 0 0 connected\nid h:1 master - x 0 0 connected"
            )
            .is_empty()
        );
        let liar = parse_nodes("id h:1 master - 0 0 0 connected 9-3 x 70000 [x->-y] []");
        assert_eq!((liar[0].slot_count(), liar[0].migrations.len()), (0, 0));
    }
}
