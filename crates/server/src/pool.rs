//! Buffers of connections that have nothing to hold wait here for those that have.
//!
//! A worker has one pool. Sizes are powers of two, so that whoever sends or is sent much, turn after turn, gets what he needs at
//! once instead of growing a small buffer each time.

/// The least capacity of a buffer, in bytes, and its logarithm.
pub const SMALLEST: usize = 1 << SMALLEST_LOG;
const SMALLEST_LOG: u32 = 14;
/// The largest capacity that is kept, in bytes.
pub const LARGEST: usize = 1 << LARGEST_LOG;
const LARGEST_LOG: u32 = 18;
const SIZES: usize = (LARGEST_LOG - SMALLEST_LOG + 1) as usize;
/// Bytes that wait at most.
const MOST: usize = 4 * 1024 * 1024;

/// Buffers that wait.
#[derive(Default)]
pub struct Pool {
    sizes: [Size; SIZES],
    bytes: usize,
}

/// Those of one capacity, or above it and below the next.
#[derive(Default)]
struct Size {
    buffers: Vec<Vec<u8>>,
    /// The least there were since the last [`Pool::shrink`].
    least: usize,
}

impl Pool {
    /// An empty buffer that holds `size` bytes, if that is not more than [`LARGEST`].
    pub fn take(&mut self, size: usize) -> Vec<u8> {
        let size = size.clamp(SMALLEST, LARGEST).next_power_of_two();
        let of = &mut self.sizes[(size.ilog2() - SMALLEST_LOG) as usize];
        let Some(buffer) = of.buffers.pop() else { return Vec::with_capacity(size) };
        of.least = of.least.min(of.buffers.len());
        self.bytes -= buffer.capacity();
        buffer
    }

    /// Makes room for about `more` bytes behind those of a buffer, at least for half of them.
    pub fn grow(&mut self, buffer: &mut Vec<u8>, more: usize) {
        if buffer.len() > LARGEST / 2 {
            return buffer.reserve(more);
        }
        let mut larger = self.take(buffer.len() + more);
        larger.extend_from_slice(buffer);
        self.give(std::mem::replace(buffer, larger));
    }

    /// Takes a buffer back, or frees it: one that is too small or too large, and where enough wait.
    pub fn give(&mut self, mut buffer: Vec<u8>) {
        let capacity = buffer.capacity();
        if (SMALLEST..=LARGEST).contains(&capacity) && self.bytes + capacity <= MOST {
            buffer.clear();
            self.bytes += capacity;
            self.sizes[(capacity.ilog2() - SMALLEST_LOG) as usize].buffers.push(buffer);
        }
    }

    /// Frees what nobody has needed since this was called last.
    pub fn shrink(&mut self) {
        for size in &mut self.sizes {
            let freed = size.buffers.drain(..size.least).map(|buffer| buffer.capacity()).sum::<usize>();
            self.bytes -= freed;
            size.least = size.buffers.len();
        }
    }
}

/// What a buffer is expected to have to hold, learnt from what the ones before had to. It grows at once and shrinks only when
/// [`SMALL_IN_A_ROW`] were small: the last bytes of a pipeline often come alone, and say nothing about the next one.
pub struct Expected {
    size: usize,
    small: u32,
}

/// Uses of at most a quarter of a buffer after which a smaller one is expected to do.
const SMALL_IN_A_ROW: u32 = 16;

impl Default for Expected {
    fn default() -> Expected {
        Expected { size: SMALLEST, small: 0 }
    }
}

impl Expected {
    /// Bytes to ask for: a power of two.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Learns that `used` bytes were needed, or would have been.
    pub fn learn(&mut self, used: usize) {
        self.small = if used > self.size / 4 { 0 } else { self.small + 1 };
        if self.small == SMALL_IN_A_ROW {
            *self = Expected { size: self.size / 2, small: 0 };
        }
        self.size = used.max(self.size).clamp(SMALLEST, LARGEST).next_power_of_two();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_to_those_of_its_size() {
        let mut pool = Pool::default();
        for size in [0, SMALLEST, SMALLEST + 1, 100_000, LARGEST, LARGEST + 1] {
            let mut buffer = pool.take(size);
            assert!(buffer.capacity() >= size.min(LARGEST), "{size}");
            buffer.push(1);
            let place = buffer.as_ptr();
            pool.give(buffer);
            let again = pool.take(size);
            assert_eq!((again.as_ptr(), again.len()), (place, 0), "{size}");
            pool.give(again);
        }
    }

    #[test]
    fn a_buffer_that_grows_keeps_what_it_holds() {
        let mut pool = Pool::default();
        let mut buffer = pool.take(0);
        for more in [SMALLEST, LARGEST, LARGEST, LARGEST, SMALLEST] {
            buffer.resize(buffer.capacity(), 1);
            let len = buffer.len();
            pool.grow(&mut buffer, more);
            assert!(buffer.len() == len && buffer.iter().all(|byte| *byte == 1), "{len}");
            assert!(buffer.capacity() - len >= more / 2, "{len}");
        }
        assert!(pool.bytes > 0, "the smaller ones wait");
    }

    #[test]
    fn not_everything_is_kept() {
        let mut pool = Pool::default();
        pool.give(Vec::new());
        pool.give(Vec::with_capacity(LARGEST + 1));
        assert_eq!(pool.bytes, 0);
        (0..1000).for_each(|_| pool.give(Vec::with_capacity(SMALLEST)));
        assert_eq!(pool.bytes, MOST);
    }

    #[test]
    fn what_nobody_needs_is_freed() {
        let mut pool = Pool::default();
        (0..10).for_each(|_| pool.give(Vec::with_capacity(SMALLEST)));
        pool.shrink();
        let taken: Vec<_> = (0..4).map(|_| pool.take(SMALLEST)).collect();
        taken.into_iter().for_each(|buffer| pool.give(buffer));
        pool.shrink();
        assert_eq!(pool.bytes, 4 * SMALLEST);
        pool.shrink();
        assert_eq!(pool.bytes, 0);
    }

    #[test]
    fn what_is_expected_grows_at_once_and_shrinks_in_steps() {
        let mut expected = Expected::default();
        let mut learns = |used: usize, times: u32| {
            (0..times).for_each(|_| expected.learn(used));
            expected.size()
        };
        assert_eq!(learns(0, 2 * SMALL_IN_A_ROW), SMALLEST);
        assert_eq!(learns(SMALLEST + 1, 1), 2 * SMALLEST);
        assert_eq!(learns(usize::MAX, 1), LARGEST);
        assert_eq!(learns(10, SMALL_IN_A_ROW - 1), LARGEST);
        assert_eq!(learns(LARGEST / 4 + 1, 1), LARGEST, "and those before are forgotten");
        assert_eq!(learns(10, SMALL_IN_A_ROW), LARGEST / 2);
        assert_eq!(learns(10, SMALL_IN_A_ROW), LARGEST / 4);
    }
}
