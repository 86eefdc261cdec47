//! INFO's section Memory.

use std::sync::atomic::Ordering::Relaxed;

use super::{Field, human};
use Field::{Always, Idle};

pub const FIELDS: &[Field] = &[
    Always("used_memory", |s| s.memory().used.to_string()),
    Always("used_memory_human", |s| human(s.memory().used)),
    Always("used_memory_rss", |s| s.memory().resident.to_string()),
    Always("used_memory_rss_human", |s| human(s.memory().resident)),
    Always("used_memory_peak", |s| s.memory().peak.to_string()),
    Always("used_memory_peak_human", |s| human(s.memory().peak)),
    Always("used_memory_peak_perc", |s| format!("{:.2}%", s.memory().peak_percentage())),
    Always("used_memory_overhead", |s| s.memory().overhead().to_string()),
    Always("used_memory_startup", |s| s.memory().startup.to_string()),
    Always("used_memory_dataset", |s| s.memory().dataset().to_string()),
    Always("used_memory_dataset_perc", |s| format!("{:.2}%", s.memory().dataset_percentage())),
    Always("allocator_allocated", |s| s.memory().allocator.allocated.to_string()),
    Always("allocator_active", |s| s.memory().allocator.active.to_string()),
    Always("allocator_resident", |s| s.memory().allocator.resident.to_string()),
    Always("allocator_muzzy", |s| s.memory().allocator.muzzy.to_string()),
    Always("total_system_memory", |_| system_memory().to_string()),
    Always("total_system_memory_human", |_| human(system_memory())),
    Idle("used_memory_lua", "0"),
    Idle("used_memory_vm_eval", "0"),
    Idle("used_memory_lua_human", "0B"),
    Idle("used_memory_scripts_eval", "0"),
    Idle("number_of_cached_scripts", "0"),
    Idle("number_of_functions", "0"),
    Idle("number_of_libraries", "0"),
    Idle("used_memory_vm_functions", "0"),
    Idle("used_memory_vm_total", "0"),
    Idle("used_memory_vm_total_human", "0B"),
    Idle("used_memory_functions", "0"),
    Idle("used_memory_scripts", "0"),
    Idle("used_memory_scripts_human", "0B"),
    Always("maxmemory", |s| s.config.maxmemory.to_string()),
    Always("maxmemory_human", |s| human(s.config.maxmemory)),
    Always("maxmemory_policy", |s| s.config.maxmemory_policy.name().into()),
    Always("allocator_frag_ratio", |s| format!("{:.2}", s.memory().fragmentation().ratio())),
    Always("allocator_frag_bytes", |s| s.memory().fragmentation().bytes().to_string()),
    Always("allocator_rss_ratio", |s| format!("{:.2}", s.memory().allocator_resident().ratio())),
    Always("allocator_rss_bytes", |s| s.memory().allocator_resident().bytes().to_string()),
    Always("rss_overhead_ratio", |s| format!("{:.2}", s.memory().beside_allocator().ratio())),
    Always("rss_overhead_bytes", |s| s.memory().beside_allocator().bytes().to_string()),
    Always("mem_fragmentation_ratio", |s| format!("{:.2}", s.memory().all_in_all().ratio())),
    Always("mem_fragmentation_bytes", |s| s.memory().all_in_all().bytes().to_string()),
    Always("mem_not_counted_for_evict", |s| s.engine.uncounted_memory().to_string()),
    Idle("mem_replication_backlog", "0"),
    Idle("mem_total_replication_buffers", "0"),
    Idle("mem_clients_slaves", "0"),
    Always("mem_clients_normal", |s| s.memory().clients.to_string()),
    Idle("mem_cluster_links", "0"),
    Always("mem_aof_buffer", |s| s.engine.log_memory().to_string()),
    Always("mem_allocator", |_| ::memory::allocator_name()),
    // Tables grow a segment at a time: there is never an old table beside a new one.
    Idle("mem_overhead_db_hashtable_rehashing", "0"),
    Idle("active_defrag_running", "0"),
    Always("lazyfree_pending_objects", |s| s.engine.lazy_free.pending.load(Relaxed).to_string()),
    Always("lazyfreed_objects", |s| s.engine.lazy_free.freed.load(Relaxed).to_string()),
];

/// Bytes of the machine's memory.
fn system_memory() -> u64 {
    let system = rustix::system::sysinfo();
    #[allow(clippy::useless_conversion, reason = "the width differs between architectures")]
    let total = u64::from(system.totalram);
    total.saturating_mul(system.mem_unit.into())
}
