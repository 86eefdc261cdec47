//! What a Sentinel watches: SENTINEL MASTERS, REPLICAS and SENTINELS, parsed.

use crate::wire::Reply;
use std::collections::BTreeMap;

/// One flat array of names and values.
pub type Record = BTreeMap<String, String>;

/// One primary that a Sentinel watches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// SENTINEL MASTERS' record.
    pub primary: Record,
    /// SENTINEL REPLICAS.
    pub replicas: Vec<Record>,
    /// SENTINEL SENTINELS: the others.
    pub sentinels: Vec<Record>,
    /// SENTINEL CKQUORUM's answer: `Ok` or why not.
    pub quorum: Option<Result<String, String>>,
}

impl Watched {
    /// The name it is watched under.
    pub fn name(&self) -> &str {
        self.primary.get("name").map_or("", String::as_str)
    }

    /// Where the primary, its replicas and the other Sentinels listen.
    pub fn addresses(&self) -> impl Iterator<Item = (String, u16)> + '_ {
        let all = std::iter::once(&self.primary).chain(&self.replicas).chain(&self.sentinels);
        all.filter_map(|record| Some((record.get("ip")?.clone(), record.get("port")?.parse().ok()?)))
    }
}

/// Reads an array of records.
pub fn parse_records(reply: &Reply) -> Vec<Record> {
    let records = reply.items().iter().map(|record| record.pairs().collect::<Record>());
    records.filter(|record| !record.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_addresses() {
        let bulk = |text: &str| Reply::Bulk(text.as_bytes().to_vec());
        let record =
            Reply::Array(["name", "mymaster", "ip", "10.0.0.1", "port", "6379", "odd"].map(bulk).to_vec());
        let records = parse_records(&Reply::Array(vec![record, Reply::Nil]));
        assert_eq!(records.len(), 1);
        let watched = Watched { primary: records[0].clone(), ..Watched::default() };
        assert_eq!(watched.name(), "mymaster");
        assert_eq!(watched.addresses().collect::<Vec<_>>(), [("10.0.0.1".to_owned(), 6379)]);
    }
}
