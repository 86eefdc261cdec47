//! INFO's section Persistence.

use std::sync::atomic::Ordering::Relaxed;

use engine::persistence::{LogFile, Snapshots};
use engine::unix_millis;

use super::sources::Sources;
use super::{Field, flag};
use Field::{Always, Idle, Sometimes};

fn snapshots(s: &Sources) -> &'static Snapshots {
    &s.engine.persistence.snapshot
}

fn log(s: &Sources) -> &'static LogFile {
    &s.engine.persistence.log
}

/// A number that is shown while there is an append-only file.
fn of_log(s: &Sources, number: impl Fn(&LogFile) -> u64) -> Option<String> {
    log(s).enabled.load(Relaxed).then(|| number(log(s)).to_string())
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
    Always("aof_enabled", |s| flag(log(s).enabled.load(Relaxed))),
    Always("aof_rewrite_in_progress", |s| flag(log(s).rewrite_started.load(Relaxed) > 0)),
    Always("aof_rewrite_scheduled", |s| flag(log(s).rewrite_scheduled.load(Relaxed))),
    Always("aof_last_rewrite_time_sec", |s| log(s).last_rewrite_seconds.load(Relaxed).to_string()),
    Always("aof_current_rewrite_time_sec", |s| seconds_since(log(s).rewrite_started.load(Relaxed))),
    Always("aof_last_bgrewrite_status", |s| status(log(s).last_rewrite_ok.load(Relaxed))),
    Always("aof_rewrites", |s| log(s).rewrites.load(Relaxed).to_string()),
    Always("aof_rewrites_consecutive_failures", |s| log(s).rewrite_failures.load(Relaxed).to_string()),
    Always("aof_last_write_status", |s| status(log(s).last_write_ok.load(Relaxed))),
    Idle("aof_last_cow_size", "0"),
    Idle("module_fork_in_progress", "0"),
    Idle("module_fork_last_cow_size", "0"),
    Sometimes("aof_current_size", |s| of_log(s, |log| log.size.load(Relaxed))),
    Sometimes("aof_base_size", |s| of_log(s, |log| log.base_size.load(Relaxed))),
    Sometimes("aof_pending_rewrite", |s| of_log(s, |log| log.rewrite_scheduled.load(Relaxed) as u64)),
    Sometimes("aof_buffer_length", |s| {
        let waiting = s.engine.log_backlog();
        of_log(s, |_| waiting)
    }),
    // The one thread that writes forces to disk too: nothing ever waits for another.
    Sometimes("aof_pending_bio_fsync", |s| of_log(s, |_| 0)),
    Sometimes("aof_delayed_fsync", |s| of_log(s, |log| log.late_syncs.load(Relaxed))),
    Sometimes("loading_start_time", |s| Some(s.engine.loading.progress()?.started.to_string())),
    Sometimes("loading_total_bytes", |s| Some(s.engine.loading.progress()?.total_bytes.to_string())),
    Sometimes("loading_rdb_used_mem", |s| Some(s.engine.loading.progress()?.writer_memory.to_string())),
    Sometimes("loading_loaded_bytes", |s| Some(s.engine.loading.progress()?.loaded_bytes.to_string())),
    Sometimes("loading_loaded_perc", |s| Some(format!("{:.2}", s.engine.loading.progress()?.percent()))),
    Sometimes("loading_eta_seconds", |s| {
        Some(s.engine.loading.progress()?.eta_seconds(unix_millis() / 1000).to_string())
    }),
];
