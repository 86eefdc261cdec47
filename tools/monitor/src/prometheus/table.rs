//! The one table of metrics that are an INFO field under another name; the exposition and the documentation derive from it.
//!
//! Names and types are those of redis_exporter 1.88, because Grafana boards, recording rules and alerts ask for them. Units are
//! in the names: bytes and seconds, `_total` for counters. A field that a server does not have gives no sample.

use super::modules;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What Prometheus may do with a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, until the server starts again.
    Counter,
    /// Quantiles with their sum and count.
    Summary,
}

impl Kind {
    /// The word of a `# TYPE` line.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Summary => "summary",
        }
    }
}

/// One field and its metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its type.
    pub kind: Kind,
    /// The INFO field.
    pub field: &'static str,
    /// The metric's name without the `redis_` before it.
    pub name: &'static str,
}

pub(super) const fn gauge(field: &'static str, name: &'static str) -> Metric {
    Metric { kind: Kind::Gauge, field, name }
}

pub(super) const fn counter(field: &'static str, name: &'static str) -> Metric {
    Metric { kind: Kind::Counter, field, name }
}

/// The metric of an INFO field. Fields of the `cluster_` family without a row are gauges of their own name.
pub fn metric_of(field: &str) -> Option<&'static Metric> {
    static BY_FIELD: LazyLock<HashMap<&str, &Metric>> =
        LazyLock::new(|| all().map(|metric| (metric.field, metric)).collect());
    BY_FIELD.get(field).copied()
}

/// Every row: the server's and the modules'.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().chain(modules::METRICS)
}

/// A field's number: `ok`, `yes`, `up` and `true` are 1, `err`, `fail`, `no`, `down` and `false` 0.
pub fn number(text: &str) -> Option<f64> {
    match text.trim() {
        "ok" | "yes" | "up" | "true" => Some(1.0),
        "err" | "fail" | "no" | "down" | "false" => Some(0.0),
        text => text.parse().ok().filter(|number: &f64| number.is_finite()),
    }
}

/// Fields of the server itself, Redis 2 to 8, Valkey and KeyDB.
pub const METRICS: &[Metric] = &[
    gauge("uptime_in_seconds", "uptime_in_seconds"),
    gauge("process_id", "process_id"),
    gauge("io_threads_active", "io_threads_active"),
    gauge("connected_clients", "connected_clients"),
    gauge("blocked_clients", "blocked_clients"),
    gauge("maxclients", "max_clients"),
    gauge("tracking_clients", "tracking_clients"),
    gauge("clients_in_timeout_table", "clients_in_timeout_table"),
    gauge("pubsub_clients", "pubsub_clients"),
    gauge("watching_clients", "watching_clients"),
    gauge("total_watched_keys", "total_watched_keys"),
    gauge("total_blocking_keys", "total_blocking_keys"),
    gauge("total_blocking_keys_on_nokey", "total_blocking_keys_on_nokey"),
    gauge("client_longest_output_list", "client_longest_output_list"),
    gauge("client_biggest_input_buf", "client_biggest_input_buf"),
    gauge("client_recent_max_output_buffer", "client_recent_max_output_buffer_bytes"),
    gauge("client_recent_max_input_buffer", "client_recent_max_input_buffer_bytes"),
    gauge("allocator_active", "allocator_active_bytes"),
    gauge("allocator_allocated", "allocator_allocated_bytes"),
    gauge("allocator_resident", "allocator_resident_bytes"),
    gauge("allocator_frag_ratio", "allocator_frag_ratio"),
    gauge("allocator_frag_bytes", "allocator_frag_bytes"),
    gauge("allocator_muzzy", "allocator_muzzy_bytes"),
    gauge("allocator_rss_ratio", "allocator_rss_ratio"),
    gauge("allocator_rss_bytes", "allocator_rss_bytes"),
    gauge("used_memory", "memory_used_bytes"),
    gauge("used_memory_rss", "memory_used_rss_bytes"),
    gauge("used_memory_peak", "memory_used_peak_bytes"),
    gauge("used_memory_lua", "memory_used_lua_bytes"),
    gauge("used_memory_vm_eval", "memory_used_vm_eval_bytes"),
    gauge("used_memory_scripts_eval", "memory_used_scripts_eval_bytes"),
    gauge("used_memory_overhead", "memory_used_overhead_bytes"),
    gauge("used_memory_startup", "memory_used_startup_bytes"),
    gauge("used_memory_dataset", "memory_used_dataset_bytes"),
    gauge("number_of_cached_scripts", "number_of_cached_scripts"),
    gauge("number_of_functions", "number_of_functions"),
    gauge("number_of_libraries", "number_of_libraries"),
    gauge("used_memory_vm_functions", "memory_used_vm_functions_bytes"),
    gauge("used_memory_scripts", "memory_used_scripts_bytes"),
    gauge("used_memory_functions", "memory_used_functions_bytes"),
    gauge("used_memory_vm_total", "memory_used_vm_total"),
    gauge("total_system_memory", "total_system_memory_bytes"),
    gauge("maxmemory", "memory_max_bytes"),
    gauge("maxmemory_reservation", "memory_max_reservation_bytes"),
    gauge("maxmemory_desired_reservation", "memory_max_reservation_desired_bytes"),
    gauge("maxfragmentationmemory_reservation", "memory_max_fragmentation_reservation_bytes"),
    gauge("maxfragmentationmemory_desired_reservation", "memory_max_fragmentation_reservation_desired_bytes"),
    gauge("mem_fragmentation_ratio", "mem_fragmentation_ratio"),
    gauge("mem_fragmentation_bytes", "mem_fragmentation_bytes"),
    gauge("mem_clients_slaves", "mem_clients_slaves"),
    gauge("mem_clients_normal", "mem_clients_normal"),
    gauge("mem_cluster_links", "mem_cluster_links_bytes"),
    gauge("mem_aof_buffer", "mem_aof_buffer_bytes"),
    gauge("mem_replication_backlog", "mem_replication_backlog_bytes"),
    gauge("expired_stale_perc", "expired_stale_percentage"),
    gauge("mem_not_counted_for_evict", "mem_not_counted_for_eviction_bytes"),
    gauge("mem_total_replication_buffers", "mem_total_replication_buffers_bytes"),
    gauge("mem_overhead_db_hashtable_rehashing", "mem_overhead_db_hashtable_rehashing_bytes"),
    gauge("lazyfree_pending_objects", "lazyfree_pending_objects"),
    gauge("lazyfreed_objects", "lazyfreed_objects"),
    gauge("active_defrag_running", "active_defrag_running"),
    gauge("migrate_cached_sockets", "migrate_cached_sockets_total"),
    gauge("active_defrag_hits", "defrag_hits"),
    gauge("active_defrag_misses", "defrag_misses"),
    gauge("active_defrag_key_hits", "defrag_key_hits"),
    gauge("active_defrag_key_misses", "defrag_key_misses"),
    gauge("loading", "loading_dump_file"),
    gauge("async_loading", "async_loading"),
    gauge("rdb_changes_since_last_save", "rdb_changes_since_last_save"),
    gauge("rdb_bgsave_in_progress", "rdb_bgsave_in_progress"),
    gauge("rdb_last_save_time", "rdb_last_save_timestamp_seconds"),
    gauge("rdb_last_bgsave_status", "rdb_last_bgsave_status"),
    gauge("rdb_last_bgsave_time_sec", "rdb_last_bgsave_duration_sec"),
    gauge("rdb_current_bgsave_time_sec", "rdb_current_bgsave_duration_sec"),
    gauge("rdb_saves", "rdb_saves_total"),
    gauge("rdb_last_cow_size", "rdb_last_cow_size_bytes"),
    gauge("rdb_last_load_keys_expired", "rdb_last_load_expired_keys"),
    gauge("rdb_last_load_keys_loaded", "rdb_last_load_loaded_keys"),
    gauge("aof_enabled", "aof_enabled"),
    gauge("aof_rewrite_in_progress", "aof_rewrite_in_progress"),
    gauge("aof_rewrite_scheduled", "aof_rewrite_scheduled"),
    gauge("aof_last_rewrite_time_sec", "aof_last_rewrite_duration_sec"),
    gauge("aof_current_rewrite_time_sec", "aof_current_rewrite_duration_sec"),
    gauge("aof_last_cow_size", "aof_last_cow_size_bytes"),
    gauge("aof_current_size", "aof_current_size_bytes"),
    gauge("aof_base_size", "aof_base_size_bytes"),
    gauge("aof_pending_rewrite", "aof_pending_rewrite"),
    gauge("aof_buffer_length", "aof_buffer_length"),
    gauge("aof_rewrite_buffer_length", "aof_rewrite_buffer_length"),
    gauge("aof_pending_bio_fsync", "aof_pending_bio_fsync"),
    gauge("aof_delayed_fsync", "aof_delayed_fsync"),
    gauge("aof_last_bgrewrite_status", "aof_last_bgrewrite_status"),
    gauge("aof_last_write_status", "aof_last_write_status"),
    gauge("module_fork_in_progress", "module_fork_in_progress"),
    gauge("module_fork_last_cow_size", "module_fork_last_cow_size"),
    gauge("current_eviction_exceeded_time", "current_eviction_exceeded_time_ms"),
    gauge("pubsub_channels", "pubsub_channels"),
    gauge("pubsub_patterns", "pubsub_patterns"),
    gauge("pubsubshard_channels", "pubsubshard_channels"),
    gauge("latest_fork_usec", "latest_fork_usec"),
    gauge("tracking_total_keys", "tracking_total_keys"),
    gauge("tracking_total_items", "tracking_total_items"),
    gauge("tracking_total_prefixes", "tracking_total_prefixes"),
    gauge("instantaneous_eventloop_cycles_per_sec", "instantaneous_eventloop_cycles_per_sec"),
    gauge("instantaneous_eventloop_duration_usec", "instantaneous_eventloop_duration_usec"),
    gauge("connected_slaves", "connected_slaves"),
    gauge("repl_backlog_size", "replication_backlog_bytes"),
    gauge("repl_backlog_active", "repl_backlog_is_active"),
    gauge("repl_backlog_first_byte_offset", "repl_backlog_first_byte_offset"),
    gauge("repl_backlog_histlen", "repl_backlog_history_bytes"),
    gauge("master_repl_offset", "master_repl_offset"),
    gauge("second_repl_offset", "second_repl_offset"),
    gauge("slave_expires_tracked_keys", "slave_expires_tracked_keys"),
    gauge("slave_priority", "slave_priority"),
    gauge("sync_full", "replica_resyncs_full"),
    gauge("sync_partial_ok", "replica_partial_resync_accepted"),
    gauge("sync_partial_err", "replica_partial_resync_denied"),
    gauge("cluster_stats_messages_sent", "cluster_messages_sent_total"),
    gauge("cluster_stats_messages_received", "cluster_messages_received_total"),
    gauge("server_threads", "server_threads_total"),
    gauge("long_lock_waits", "long_lock_waits_total"),
    gauge("current_client_thread", "current_client_thread"),
    counter("total_connections_received", "connections_received_total"),
    counter("total_commands_processed", "commands_processed_total"),
    counter("rejected_connections", "rejected_connections_total"),
    counter("total_net_input_bytes", "net_input_bytes_total"),
    counter("total_net_output_bytes", "net_output_bytes_total"),
    counter("total_net_repl_input_bytes", "net_repl_input_bytes_total"),
    counter("total_net_repl_output_bytes", "net_repl_output_bytes_total"),
    counter("expired_subkeys", "expired_subkeys_total"),
    counter("expired_keys", "expired_keys_total"),
    counter("expired_time_cap_reached_count", "expired_time_cap_reached_total"),
    counter("expire_cycle_cpu_milliseconds", "expire_cycle_cpu_time_ms_total"),
    counter("evicted_keys", "evicted_keys_total"),
    counter("evicted_clients", "evicted_clients_total"),
    counter("evicted_scripts", "evicted_scripts_total"),
    counter("total_eviction_exceeded_time", "eviction_exceeded_time_ms_total"),
    counter("keyspace_hits", "keyspace_hits_total"),
    counter("keyspace_misses", "keyspace_misses_total"),
    counter("eventloop_cycles", "eventloop_cycles_total"),
    counter("eventloop_duration_sum", "eventloop_duration_sum_usec_total"),
    counter("eventloop_duration_cmd_sum", "eventloop_duration_cmd_sum_usec_total"),
    counter("used_cpu_sys", "cpu_sys_seconds_total"),
    counter("used_cpu_user", "cpu_user_seconds_total"),
    counter("used_cpu_sys_children", "cpu_sys_children_seconds_total"),
    counter("used_cpu_user_children", "cpu_user_children_seconds_total"),
    counter("used_cpu_sys_main_thread", "cpu_sys_main_thread_seconds_total"),
    counter("used_cpu_user_main_thread", "cpu_user_main_thread_seconds_total"),
    counter("unexpected_error_replies", "unexpected_error_replies"),
    counter("total_error_replies", "total_error_replies"),
    counter("dump_payload_sanitizations", "dump_payload_sanitizations"),
    counter("total_reads_processed", "total_reads_processed"),
    counter("total_writes_processed", "total_writes_processed"),
    counter("io_threaded_reads_processed", "io_threaded_reads_processed"),
    counter("io_threaded_writes_processed", "io_threaded_writes_processed"),
    counter("client_query_buffer_limit_disconnections", "client_query_buffer_limit_disconnections_total"),
    counter("client_output_buffer_limit_disconnections", "client_output_buffer_limit_disconnections_total"),
    counter("reply_buffer_shrinks", "reply_buffer_shrinks_total"),
    counter("reply_buffer_expands", "reply_buffer_expands_total"),
    counter("acl_access_denied_auth", "acl_access_denied_auth_total"),
    counter("acl_access_denied_cmd", "acl_access_denied_cmd_total"),
    counter("acl_access_denied_key", "acl_access_denied_key_total"),
    counter("acl_access_denied_channel", "acl_access_denied_channel_total"),
    counter("cached_keys", "cached_keys_total"),
    counter("storage_provider_read_hits", "storage_provider_read_hits"),
    counter("storage_provider_read_misses", "storage_provider_read_misses"),
    counter("used_active_time_main_thread", "active_time_main_thread_seconds_total"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn rows_are_unique_and_well_named() {
        let (mut fields, mut names) = (HashSet::new(), HashSet::new());
        for metric in all() {
            assert!(fields.insert(metric.field), "{} twice", metric.field);
            assert!(names.insert(metric.name), "{} twice", metric.name);
            assert!(
                metric
                    .name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            );
        }
        assert_eq!(metric_of("used_memory").map(|metric| metric.name), Some("memory_used_bytes"));
    }

    #[test]
    fn words_are_numbers_and_lies_are_none() {
        assert_eq!((number("ok"), number("fail"), number("1.5")), (Some(1.0), Some(0.0), Some(1.5)));
        assert_eq!((number("nan"), number("inf"), number("833K"), number("")), (None, None, None, None));
    }
}
