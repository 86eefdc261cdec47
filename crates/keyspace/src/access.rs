//! The 24 access bits of an entry: the LRU clock, or the LFU counter.
//!
//! LRU: seconds, modulo 2^24. LFU (when a policy says so): the last access in minutes modulo 2^16, then an
//! 8-bit counter that grows with probability `1 / ((counter - 5) * lfu-log-factor + 1)` an access and loses
//! one every `lfu-decay-time` minutes. Both as Redis's evict.c, so that OBJECT FREQ and IDLETIME agree.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// The counter of a new key: low, but not the first to be evicted.
pub const LFU_INIT: u32 = 5;

/// How accesses are remembered; changed by CONFIG SET.
pub struct AccessPolicy {
    lfu: AtomicBool,
    log_factor: AtomicU32,
    decay_minutes: AtomicU32,
}

impl Default for AccessPolicy {
    fn default() -> AccessPolicy {
        AccessPolicy {
            lfu: AtomicBool::new(false),
            log_factor: AtomicU32::new(10),
            decay_minutes: AtomicU32::new(1),
        }
    }
}

impl AccessPolicy {
    /// Chooses LFU or LRU, and LFU's two parameters.
    pub fn set(&self, lfu: bool, log_factor: u32, decay_minutes: u32) {
        self.lfu.store(lfu, Relaxed);
        self.log_factor.store(log_factor, Relaxed);
        self.decay_minutes.store(decay_minutes, Relaxed);
    }

    /// Whether frequency is counted, and not recency.
    pub fn is_lfu(&self) -> bool {
        self.lfu.load(Relaxed)
    }

    /// The bits of a key that is made at `now_ms`.
    #[inline]
    pub fn fresh(&self, now_ms: i64) -> u32 {
        if self.is_lfu() { minutes(now_ms) << 8 | LFU_INIT } else { lru_clock(now_ms) }
    }

    /// The bits after an access; `random` is asked for only under LFU.
    #[inline]
    pub fn accessed(&self, bits: u32, now_ms: i64, random: impl FnOnce() -> u64) -> u32 {
        if !self.is_lfu() {
            return lru_clock(now_ms);
        }
        let counter = self.frequency(bits, now_ms);
        let base = counter.saturating_sub(LFU_INIT);
        let odds = base as u64 * self.log_factor.load(Relaxed) as u64 + 1;
        let grown = counter < 255 && random().is_multiple_of(odds);
        minutes(now_ms) << 8 | (counter + grown as u32)
    }

    /// OBJECT FREQ: the counter, less what has decayed.
    pub fn frequency(&self, bits: u32, now_ms: i64) -> u32 {
        let counter = bits & 0xff;
        let elapsed = minutes(now_ms).wrapping_sub(bits >> 8) & 0xffff;
        let decay = self.decay_minutes.load(Relaxed);
        elapsed.checked_div(decay).map_or(counter, |minutes| counter.saturating_sub(minutes))
    }

    /// The bits of a key that is told to have been idle for some seconds, if recency is kept: as far back as the
    /// clock can tell.
    pub fn idle_for(&self, seconds: i64, now_ms: i64) -> Option<u32> {
        const FURTHEST: i64 = 0xff_ffff;
        let seconds = seconds.clamp(0, FURTHEST) as u32;
        (!self.is_lfu()).then(|| lru_clock(now_ms).wrapping_sub(seconds) & 0xff_ffff)
    }

    /// The bits of a key with this LFU counter, if frequency is counted.
    pub fn with_frequency(&self, counter: u8, now_ms: i64) -> Option<u32> {
        self.is_lfu().then(|| minutes(now_ms) << 8 | counter as u32)
    }
}

/// The LRU clock: seconds, 24 bits.
pub fn lru_clock(now_ms: i64) -> u32 {
    (now_ms / 1000) as u32 & 0xff_ffff
}

/// OBJECT IDLETIME: seconds since the last access.
pub fn idle_seconds(bits: u32, now_ms: i64) -> u32 {
    lru_clock(now_ms).wrapping_sub(bits) & 0xff_ffff
}

fn minutes(now_ms: i64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}
