//! CRC-16/XMODEM and the hash slot of a key, as the Redis Cluster specification defines them.
//!
//! Polynomial 0x1021, initial value 0, nothing reflected, no final xor; the check value of `123456789` is
//! 0x31C3. A slot is the low 14 bits of the checksum of the key, or of its *hash tag*: the bytes between the
//! first `{` and the first `}` after it, when there is at least one. Keys that share a tag share a slot.

/// How many hash slots a cluster divides its keys into.
pub const SLOTS: u16 = 16384;

const POLYNOMIAL: u16 = 0x1021;

/// The checksum's change for each value of the byte that leaves it at the top.
static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { (crc << 1) ^ POLYNOMIAL } else { crc << 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// The CRC-16/XMODEM of `bytes`.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

/// The part of `key` that decides its slot: its hash tag, or all of it when it has none.
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
        let after = &key[open + 1..];
        let close = after.iter().position(|&byte| byte == b'}')?;
        (close > 0).then(|| &after[..close])
    });
    tag.unwrap_or(key)
}

/// The hash slot of `key`, 0 to [`SLOTS`] - 1; equal to `CLUSTER KEYSLOT`.
pub fn key_slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(crc16(b""), 0);
    }

    #[test]
    fn slots_of_genuine_redis() {
        // Answers of CLUSTER KEYSLOT, redis-server 7.0.15.
        for (key, slot) in [
            (&b"foo"[..], 12182),
            (b"bar", 5061),
            (b"hello", 866),
            (b"", 0),
            (b"{user1000}.following", 3443),
            (b"{user1000}.followers", 3443),
            (b"foo{}{bar}", 8363),
            (b"foo{{bar}}zap", 4015),
            (b"foo{bar}{zap}", 5061),
            (b"foo{bar", 15278),
            (b"}foo{bar}", 5061),
            (b"\x00\xff\x80", 4727),
        ] {
            assert_eq!(key_slot(key), slot, "{}", key.escape_ascii());
        }
    }

    #[test]
    fn tag_is_the_first_brace_to_the_first_close_after_it() {
        assert_eq!(hash_tag(b"{a}{b}"), b"a");
        assert_eq!(hash_tag(b"{}a"), b"{}a");
        assert_eq!(hash_tag(b"}{a}"), b"a");
        assert_eq!(hash_tag(b"{{a}}"), b"{a");
    }

    /// The definition, a bit at a time.
    fn bitwise(bytes: &[u8]) -> u16 {
        let mut crc = 0u16;
        for byte in bytes {
            for bit in (0..8).rev() {
                let out = (crc >> 15) ^ u16::from(byte >> bit & 1);
                crc = (crc << 1) ^ (out * POLYNOMIAL);
            }
        }
        crc
    }

    proptest! {
        #[test]
        fn table_agrees_with_the_definition(bytes: Vec<u8>) {
            prop_assert_eq!(crc16(&bytes), bitwise(&bytes));
        }
    }
}
