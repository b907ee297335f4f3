//! Keys of 128 bits: what dedup and reorder remember of a text that a stranger chose.
//!
//! SipHash-1-3 with a random key for each engine. A sender who does not know the key cannot make two texts collide, and
//! by chance it happens to one record in 5e31 among 6 million remembered ones, so a collision is not looked for: two texts
//! with one key are the same text. The random key changes no verdict, for the same reason.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

/// A keyed 128-bit hash. Four words of 32 bits, so that a table entry with a 32-bit time takes 20 bytes and no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key([u32; 4]);

impl Key {
    /// 64 bits of the key. Enough to compare two given records, too few for a set of millions.
    pub(crate) fn short(self) -> u64 {
        u64::from(self.0[0]) | u64::from(self.0[1]) << 32
    }

    /// 16 other bits of it, never 0.
    pub(crate) fn tag(self) -> u16 {
        (self.0[2] as u16).max(1)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.short());
    }
}

/// Makes keys of texts. One for each engine.
#[derive(Clone, Debug)]
pub(crate) struct Keyed(SipHasher13);

impl Keyed {
    /// With a key of the operating system's randomness, by way of the standard library's hash maps.
    pub(crate) fn random() -> Self {
        let word = || RandomState::new().hash_one(0_u64);
        Self(SipHasher13::new_with_keys(word(), word()))
    }

    /// The key of one text.
    pub(crate) fn of(&self, text: &[u8]) -> Key {
        Self::key(self.0.hash(text).into())
    }

    /// The key of two texts in order. No other pair has the same bytes: the first one's length is part of them.
    pub(crate) fn of_pair(&self, first: &str, second: &str) -> Key {
        let mut state = self.0;
        state.write_u64(first.len() as u64);
        state.write(first.as_bytes());
        state.write(second.as_bytes());
        Self::key(state.finish128().into())
    }

    fn key(hash: u128) -> Key {
        Key([
            hash as u32,
            (hash >> 32) as u32,
            (hash >> 64) as u32,
            (hash >> 96) as u32,
        ])
    }
}

/// A map whose keys are hashes already.
pub(crate) type KeyMap<V> = HashMap<Key, V, BuildHasherDefault<AlreadyHashed>>;

/// Passes on the 64 bits that [`Key`] writes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_more_than_its_joined_text() {
        let keyed = Keyed::random();
        assert_eq!(keyed.of_pair("ab", "c"), keyed.of_pair("ab", "c"));
        assert_ne!(keyed.of_pair("ab", "c"), keyed.of_pair("a", "bc"));
        assert_ne!(keyed.of_pair("", "abc"), keyed.of_pair("abc", ""));
    }

    #[test]
    fn each_engine_has_its_own_key() {
        assert_ne!(Keyed::random().of(b"x"), Keyed::random().of(b"x"));
    }

    #[test]
    fn an_entry_has_no_padding() {
        assert_eq!(size_of::<(Key, u32)>(), 20);
    }
}
