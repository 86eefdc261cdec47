//! INFO's sections about the process: Server, Clients, CPU and Cluster.

use std::time::Duration;

use engine::cpu_time::{CpuTime, Who};
use engine::{CARNELIAN_VERSION, REDIS_VERSION, unix_micros, unix_millis};
use keyspace::access::lru_clock;

use super::sources::Sources;
use super::{Field, flag};
use Field::{Always, Each, Idle};

pub const SERVER: &[Field] = &[
    Always("redis_version", |_| REDIS_VERSION.into()),
    Always("carnelian_version", |_| CARNELIAN_VERSION.into()),
    Idle("redis_git_sha1", "00000000"),
    Idle("redis_git_dirty", "0"),
    Always("redis_build_id", |s| s.facts().build_id.clone()),
    Idle("redis_mode", "standalone"),
    Always("os", |_| os()),
    Always("arch_bits", |_| usize::BITS.to_string()),
    Idle("monotonic_clock", "POSIX clock_gettime"),
    Always("multiplexing_api", |s| s.facts().multiplexing.into()),
    Idle("atomicvar_api", "atomic-builtin"),
    // As a Redis that another compiler has built.
    Idle("gcc_version", "0.0.0"),
    Always("process_id", |_| std::process::id().to_string()),
    Always("process_supervised", |s| s.facts().supervised.into()),
    Always("run_id", |s| s.facts().run_id.clone()),
    Always("tcp_port", |s| match s.config.port {
        0 => s.config.tls_port.to_string(),
        port => port.to_string(),
    }),
    Always("server_time_usec", |_| unix_micros().to_string()),
    Always("uptime_in_seconds", |s| uptime(s).as_secs().to_string()),
    Always("uptime_in_days", |s| (uptime(s).as_secs() / 86_400).to_string()),
    Always("hz", |s| s.config.hz.to_string()),
    Always("configured_hz", |s| s.config.hz.to_string()),
    Always("lru_clock", |s| lru_clock(s.view.now).to_string()),
    Always("executable", |s| s.facts().executable.clone()),
    Always("config_file", |s| s.facts().config_file.clone()),
    Always("io_threads_active", |s| flag(s.engine.mailboxes.len() > 1)),
    Each(|s| {
        let listeners = s.facts().listeners.iter().enumerate();
        listeners.map(|(number, text)| (format!("listener{number}"), text.clone())).collect()
    }),
];

pub const CLIENTS: &[Field] = &[
    Always("connected_clients", |s| s.clients().connected.to_string()),
    Idle("cluster_connections", "0"),
    Always("maxclients", |s| s.config.maxclients.to_string()),
    Always("client_recent_max_input_buffer", |s| s.clients().largest_input.to_string()),
    Always("client_recent_max_output_buffer", |s| s.clients().largest_output.to_string()),
    Always("blocked_clients", |s| s.clients().blocked.to_string()),
    Idle("tracking_clients", "0"),
    Always("pubsub_clients", |s| s.clients().pubsub.to_string()),
    Always("watching_clients", |s| s.clients().watching.to_string()),
    Idle("clients_in_timeout_table", "0"),
    Always("total_watched_keys", |s| s.watched_keys().to_string()),
    Always("total_blocking_keys", |s| s.awaited_keys().0.to_string()),
    Always("total_blocking_keys_on_nokey", |s| s.awaited_keys().1.to_string()),
];

pub const CPU: &[Field] = &[
    Always("used_cpu_sys", |_| seconds(CpuTime::of(Who::Process).system)),
    Always("used_cpu_user", |_| seconds(CpuTime::of(Who::Process).user)),
    Always("used_cpu_sys_children", |_| seconds(CpuTime::of(Who::Children).system)),
    Always("used_cpu_user_children", |_| seconds(CpuTime::of(Who::Children).user)),
    // There is no main thread: these are of the worker that answers.
    Always("used_cpu_sys_main_thread", |_| seconds(CpuTime::of(Who::Thread).system)),
    Always("used_cpu_user_main_thread", |_| seconds(CpuTime::of(Who::Thread).user)),
];

pub const CLUSTER: &[Field] = &[Always("cluster_enabled", |s| flag(s.config.cluster_enabled))];

/// `Linux 6.1.0 x86_64`.
fn os() -> String {
    let system = rustix::system::uname();
    let parts = [system.sysname(), system.release(), system.machine()];
    parts.map(|part| part.to_string_lossy()).join(" ")
}

fn uptime(s: &Sources) -> Duration {
    let millis = unix_millis() - s.engine.started_ms;
    Duration::from_millis(millis.max(0) as u64)
}

fn seconds(time: Duration) -> String {
    format!("{}.{:06}", time.as_secs(), time.subsec_micros())
}
