//! INFO's section Replication.

use super::Field;
use Field::{Always, Idle, Sometimes};

pub const FIELDS: &[Field] = &[
    Idle("role", "master"),
    Idle("connected_slaves", "0"),
    Sometimes("min_slaves_good_slaves", |s| {
        let asked = s.config.min_replicas_to_write > 0 && s.config.min_replicas_max_lag > 0;
        asked.then(|| "0".into())
    }),
    Idle("master_failover_state", "no-failover"),
    Always("master_replid", |s| s.engine.log.id()),
    Idle("master_replid2", "0000000000000000000000000000000000000000"),
    Always("master_repl_offset", |s| s.engine.log.offset().to_string()),
    Idle("second_repl_offset", "-1"),
    Idle("repl_backlog_active", "0"),
    Always("repl_backlog_size", |s| s.config.repl_backlog_size.to_string()),
    Idle("repl_backlog_first_byte_offset", "0"),
    Idle("repl_backlog_histlen", "0"),
];
