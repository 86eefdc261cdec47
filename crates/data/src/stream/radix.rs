//! How large a radix tree would be: Redis keeps a stream's nodes in one, and XINFO STREAM tells its size.
//!
//! Source matched: Redis 7.2.6 `rax.c`. A tree node is a place where keys part, a run of bytes that all keys behind it
//! share, or a key's end.

/// The length of a key.
const KEY: usize = 16;

/// How many nodes a radix tree of these keys has, which come in order.
pub(super) fn nodes(keys: impl Iterator<Item = [u8; KEY]>) -> usize {
    let (mut count, mut before) = (0, None);
    // Where the last key and those before it part, from the root on.
    let mut forks: Vec<usize> = Vec::new();
    for key in keys {
        if let Some(before) = before.replace(key) {
            let shared = key.iter().zip(before).take_while(|(a, b)| **a == *b).count();
            count += close(&mut forks, Some(shared), KEY);
            if forks.last() != Some(&shared) {
                forks.push(shared);
            }
        }
    }
    match before {
        Some(_) => count + close(&mut forks, None, KEY),
        None => 1,
    }
}

/// Counts what lies below the fork at `shared` (or below the root), up to a key's end at `depth`.
fn close(forks: &mut Vec<usize>, shared: Option<usize>, mut depth: usize) -> usize {
    let mut count = 0;
    while forks.last().copied() > shared {
        let fork = forks.pop();
        count += node(fork, depth);
        depth = fork.unwrap_or(0);
    }
    count + node(shared, depth)
}

/// A node at `depth` and the run of bytes between it and the fork above it, of which one byte is in the fork.
fn node(above: Option<usize>, depth: usize) -> usize {
    let run = above.map_or(depth, |fork| depth - fork - 1);
    1 + usize::from(run > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The nodes as they are defined: every prefix is a state; runs of states with one way on are one node.
    fn naive(keys: &BTreeSet<[u8; KEY]>) -> usize {
        let ways = |prefix: &[u8]| {
            let behind = keys.iter().filter(|key| key.starts_with(prefix) && prefix.len() < KEY);
            behind.map(|key| key[prefix.len()]).collect::<BTreeSet<_>>().len()
        };
        let prefixes: BTreeSet<Vec<u8>> =
            keys.iter().flat_map(|key| (0..=KEY).map(|len| key[..len].to_vec())).collect();
        let starts_node = |prefix: &Vec<u8>| {
            ways(prefix) != 1 || prefix.is_empty() || ways(&prefix[..prefix.len() - 1]) != 1
        };
        prefixes.iter().filter(|prefix| starts_node(prefix)).count().max(1)
    }

    #[test]
    fn as_in_redis() {
        assert_eq!(nodes(std::iter::empty()), 1);
        assert_eq!(nodes([[7; KEY]].into_iter()), 2);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_definition(keys: BTreeSet<(u8, u8, u8)>, near: bool) {
            let keys: BTreeSet<[u8; KEY]> = keys.into_iter().map(|(a, b, c)| {
                let mut key = [0; KEY];
                (key[1], key[8], key[15]) = if near { (a & 1, b & 3, c & 3) } else { (a, b, c) };
                key
            }).collect();
            proptest::prop_assert_eq!(nodes(keys.iter().copied()), naive(&keys));
        }
    }
}
