//! INFO's section Persistence.

use std::sync::atomic::Ordering::Relaxed;

use engine::persistence::Snapshots;
use engine::unix_millis;

use super::sources::Sources;
use super::{Field, flag};
use Field::{Always, Idle, Sometimes};

fn snapshots(s: &Sources) -> &'static Snapshots {
    &s.engine.persistence.snapshot
}

/// How something has ended.
fn status(ok: bool) -> String {
    if ok { "ok" } else { "err" }.into()
}

/// Seconds since a time in Unix seconds; -1 if that is 0, which is never.
fn seconds_since(started: i64) -> String {
    if started > 0 { (unix_millis() / 1000 - started).max(0) } else { -1 }.to_string()
}

pub const FIELDS: &[Field] = &[
    Always("loading", |s| flag(s.engine.loading.is_on())),
    Idle("async_loading", "0"),
    Idle("current_cow_peak", "0"),
    Idle("current_cow_size", "0"),
    Idle("current_cow_size_age", "0"),
    Idle("current_fork_perc", "0.00"),
    Always("current_save_keys_processed", |s| snapshots(s).keys_done.load(Relaxed).to_string()),
    Always("current_save_keys_total", |s| snapshots(s).keys_total.load(Relaxed).to_string()),
    Always("rdb_changes_since_last_save", |s| s.engine.unsaved_changes().to_string()),
    Always("rdb_bgsave_in_progress", |s| flag(snapshots(s).started.load(Relaxed) > 0)),
    Always("rdb_last_save_time", |s| snapshots(s).last_save.load(Relaxed).to_string()),
    Always("rdb_last_bgsave_status", |s| status(snapshots(s).last_ok.load(Relaxed))),
    Always("rdb_last_bgsave_time_sec", |s| snapshots(s).last_seconds.load(Relaxed).to_string()),
    Always("rdb_current_bgsave_time_sec", |s| seconds_since(snapshots(s).started.load(Relaxed))),
    Always("rdb_saves", |s| snapshots(s).saves.load(Relaxed).to_string()),
    Idle("rdb_last_cow_size", "0"),
    Always("rdb_last_load_keys_expired", |s| s.engine.loading.keys_expired.load(Relaxed).to_string()),
    Always("rdb_last_load_keys_loaded", |s| s.engine.loading.keys_loaded.load(Relaxed).to_string()),
    Always("aof_enabled", |s| flag(s.config.appendonly)),
    Idle("aof_rewrite_in_progress", "0"),
    Idle("aof_rewrite_scheduled", "0"),
    Idle("aof_last_rewrite_time_sec", "-1"),
    Idle("aof_current_rewrite_time_sec", "-1"),
    Idle("aof_last_bgrewrite_status", "ok"),
    Idle("aof_rewrites", "0"),
    Idle("aof_rewrites_consecutive_failures", "0"),
    Idle("aof_last_write_status", "ok"),
    Idle("aof_last_cow_size", "0"),
    Idle("module_fork_in_progress", "0"),
    Idle("module_fork_last_cow_size", "0"),
    Sometimes("loading_start_time", |s| Some(s.engine.loading.progress()?.started.to_string())),
    Sometimes("loading_total_bytes", |s| Some(s.engine.loading.progress()?.total_bytes.to_string())),
    Sometimes("loading_rdb_used_mem", |s| Some(s.engine.loading.progress()?.writer_memory.to_string())),
    Sometimes("loading_loaded_bytes", |s| Some(s.engine.loading.progress()?.loaded_bytes.to_string())),
    Sometimes("loading_loaded_perc", |s| Some(format!("{:.2}", s.engine.loading.progress()?.percent()))),
    Sometimes("loading_eta_seconds", |s| {
        Some(s.engine.loading.progress()?.eta_seconds(unix_millis() / 1000).to_string())
    }),
];
