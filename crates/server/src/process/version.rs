//! Which server this is: the Redis it speaks as, and the Carnelian it is.

pub use engine::REDIS_VERSION;

/// Our own version.
pub const CARNELIAN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// `redis_git_sha1` and `redis_git_dirty`: as in a Redis that was not built from a git tree.
pub const GIT_SHA1: &str = "00000000";

/// `mem_allocator`.
pub const ALLOCATOR: &str = "jemalloc-5.3.1";

/// `redis_build_id`: the same for the same version, target and profile.
pub fn build_id() -> u64 {
    const PROFILE: &str = if cfg!(debug_assertions) { "debug" } else { "release" };
    let build = [CARNELIAN_VERSION, std::env::consts::ARCH, PROFILE].join(" ");
    // FNV-1a.
    build
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// The line of `-v` and `--version`. What parses redis-server's finds every field where it was; ours comes last.
pub fn line() -> String {
    format!(
        "Redis server v={REDIS_VERSION} sha={GIT_SHA1}:0 malloc={ALLOCATOR} bits={} build={:x} \
         carnelian={CARNELIAN_VERSION}",
        usize::BITS,
        build_id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_redis_fields_in_redis_order() {
        let line = line();
        let names: Vec<_> = line.split(' ').skip(2).map(|field| field.split('=').next().unwrap()).collect();
        assert!(line.starts_with("Redis server v=7.4.1 sha=00000000:0 malloc=jemalloc-5.3.1 bits=64 build="));
        assert_eq!(names, ["v", "sha", "malloc", "bits", "build", "carnelian"]);
        assert_eq!(line, super::line(), "the same at every call");
    }
}
