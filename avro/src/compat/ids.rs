//! Hashing pairs of node IDs.
//!
//! A check looks every pair of types up, and the standard library's hash costs more than the rest of the comparison.
//! IDs are small numbers, so one multiplication by a secret factor, folded, spreads them. The factor is random in
//! each process: whoever writes a schema chooses its IDs, and must not be able to make them meet.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// Makes hashers for keys of one or two IDs.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    factor: u64,
}

impl Default for Ids {
    fn default() -> Self {
        // Random bits of the process, mixed once.
        static FACTOR: OnceLock<u64> = OnceLock::new();
        Self {
            factor: *FACTOR.get_or_init(|| RandomState::new().hash_one(0) | 1),
        }
    }
}

impl BuildHasher for Ids {
    type Hasher = IdHasher;

    fn build_hasher(&self) -> IdHasher {
        IdHasher {
            factor: self.factor,
            key: 0,
        }
    }
}

pub(super) struct IdHasher {
    factor: u64,
    key: u64,
}

impl Hasher for IdHasher {
    fn write_u32(&mut self, id: u32) {
        self.key = self.key << 32 | u64::from(id);
    }

    /// Not called for IDs.
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.key = self.key.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        let product = u128::from(self.key ^ self.factor.rotate_left(32)) * u128::from(self.factor);
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_pairs_meet_no_more_than_random_numbers_do() {
        let ids = Ids::default();
        let mut hashes: Vec<u64> = (0..1000u32)
            .flat_map(|a| (0..1000u32).map(move |b| (a, b)))
            .map(|pair| ids.hash_one(pair))
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert!(hashes.len() > 999_990);
        // The low bits choose the bucket: with as many buckets as keys, 1 of e stays empty.
        let mut buckets = vec![false; 1 << 20];
        for hash in &hashes {
            buckets[(*hash & 0xF_FFFF) as usize] = true;
        }
        let filled = buckets.iter().filter(|b| **b).count();
        assert!(filled > 600_000, "{filled}");
    }
}
