//! INFO's sections Stats and Debug: what the workers have counted.

use std::sync::atomic::Ordering::Relaxed;

use super::Field;
use super::sources::Sources;
use Field::{Always, Idle};
use engine::stats::{Counter, WorkerStats};

pub const FIELDS: &[Field] = &[
    Always("total_connections_received", |s| sum(s, |w| &w.connections)),
    Always("total_commands_processed", |s| sum(s, |w| &w.processed)),
    Always("instantaneous_ops_per_sec", |s| s.engine.rates.get().commands.to_string()),
    Always("total_net_input_bytes", |s| sum(s, |w| &w.net_input)),
    Always("total_net_output_bytes", |s| sum(s, |w| &w.net_output)),
    Idle("total_net_repl_input_bytes", "0"),
    Idle("total_net_repl_output_bytes", "0"),
    Always("instantaneous_input_kbps", |s| kibibytes(s.engine.rates.get().input)),
    Always("instantaneous_output_kbps", |s| kibibytes(s.engine.rates.get().output)),
    Idle("instantaneous_input_repl_kbps", "0.00"),
    Idle("instantaneous_output_repl_kbps", "0.00"),
    Always("rejected_connections", |s| sum(s, |w| &w.rejected_connections)),
    Idle("sync_full", "0"),
    Idle("sync_partial_ok", "0"),
    Idle("sync_partial_err", "0"),
    Always("expired_subkeys", |s| s.engine.keyspace.total(|c| &c.expired_fields).to_string()),
    Always("expired_keys", |s| s.engine.keyspace.total(|c| &c.expired).to_string()),
    // Keys are not sampled for expiry: an index knows which are due, so none is stale, and no cycle is cut short.
    Idle("expired_stale_perc", "0.00"),
    Idle("expired_time_cap_reached_count", "0"),
    Always("expire_cycle_cpu_milliseconds", |s| millis(s.engine.expire_nanos.get())),
    Always("evicted_keys", |s| s.engine.keyspace.total(|c| &c.evicted).to_string()),
    Always("evicted_clients", |s| s.engine.clients.evicted.load(Relaxed).to_string()),
    Idle("evicted_scripts", "0"),
    Always("total_eviction_exceeded_time", |s| s.engine.exceeded.total_millis().to_string()),
    Always("current_eviction_exceeded_time", |s| s.engine.exceeded.current_millis().to_string()),
    Always("keyspace_hits", |s| s.engine.keyspace.total(|c| &c.hits).to_string()),
    Always("keyspace_misses", |s| s.engine.keyspace.total(|c| &c.misses).to_string()),
    Idle("pubsub_channels", "0"),
    Idle("pubsub_patterns", "0"),
    Idle("pubsubshard_channels", "0"),
    // There is no fork.
    Idle("latest_fork_usec", "0"),
    Idle("total_forks", "0"),
    Idle("migrate_cached_sockets", "0"),
    Idle("slave_expires_tracked_keys", "0"),
    Idle("active_defrag_hits", "0"),
    Idle("active_defrag_misses", "0"),
    Idle("active_defrag_key_hits", "0"),
    Idle("active_defrag_key_misses", "0"),
    Idle("total_active_defrag_time", "0"),
    Idle("current_active_defrag_time", "0"),
    Idle("tracking_total_keys", "0"),
    Idle("tracking_total_items", "0"),
    Idle("tracking_total_prefixes", "0"),
    Always("unexpected_error_replies", |s| sum(s, |w| &w.unexpected_errors)),
    Always("total_error_replies", |s| sum(s, |w| &w.errors)),
    Idle("dump_payload_sanitizations", "0"),
    Always("total_reads_processed", |s| sum(s, |w| &w.reads)),
    Always("total_writes_processed", |s| sum(s, |w| &w.writes)),
    // Every worker reads and writes for itself: nothing is handed to threads for I/O alone.
    Idle("io_threaded_reads_processed", "0"),
    Idle("io_threaded_writes_processed", "0"),
    Always("client_query_buffer_limit_disconnections", |s| sum(s, |w| &w.query_limit_closed)),
    Always("client_output_buffer_limit_disconnections", |s| sum(s, |w| &w.output_limit_closed)),
    Idle("reply_buffer_shrinks", "0"),
    Idle("reply_buffer_expands", "0"),
    Always("eventloop_cycles", |s| {
        (s.engine.stats.total(|w| &w.cycles) + s.engine.cron.count.get()).to_string()
    }),
    Always("eventloop_duration_sum", |s| {
        micros(s.engine.stats.total(|w| &w.cycle_nanos) + s.engine.cron.nanos.get())
    }),
    Always("eventloop_duration_cmd_sum", |s| micros(s.engine.stats.total(|w| &w.command_nanos))),
    Always("instantaneous_eventloop_cycles_per_sec", |s| s.engine.rates.get().cycles.to_string()),
    Always("instantaneous_eventloop_duration_usec", |s| s.engine.rates.get().cycle_micros.to_string()),
    Always("acl_access_denied_auth", |s| sum(s, |w| &w.denied_auth)),
    Idle("acl_access_denied_cmd", "0"),
    Idle("acl_access_denied_key", "0"),
    Idle("acl_access_denied_channel", "0"),
];

pub const DEBUG: &[Field] = &[
    Idle("eventloop_duration_aof_sum", "0"),
    Always("eventloop_duration_cron_sum", |s| micros(s.engine.cron.nanos.get())),
    Always("eventloop_duration_max", |s| micros(s.engine.stats.largest(|w| &w.longest_cycle))),
    Always("eventloop_cmd_per_cycle_max", |s| s.engine.stats.largest(|w| &w.most_commands).to_string()),
];

fn sum(s: &Sources, of: fn(&WorkerStats) -> &Counter) -> String {
    s.engine.stats.total(of).to_string()
}

fn kibibytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1024.0)
}

fn micros(nanos: u64) -> String {
    (nanos / 1000).to_string()
}

fn millis(nanos: u64) -> String {
    (nanos / 1_000_000).to_string()
}
