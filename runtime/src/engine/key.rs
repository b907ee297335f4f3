//! Keys of 128 bits: what dedup and reorder remember of a text that a stranger chose.
//!
//! SipHash-1-3 with a random key for each engine, and for the vehicles of a consumer one for all of its engines. A sender who
//! does not know the key cannot make two texts collide, and by chance it happens to one record in 5e31 among 6 million
//! remembered ones, so a collision is not looked for: two texts with one key are the same text. The random key changes no
//! verdict, for the same reason.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use siphasher::sip128::SipHasher13;

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

    /// The key of two texts in order, of which these are the keys. To find other texts with the same one, somebody would have to
    /// know how the keys of his texts differ, so it is as safe as they are.
    pub(crate) fn followed_by(self, second: Self) -> Self {
        // An odd number, so that nothing of the second key is lost; not 1 or -1, so that the order counts.
        const SPREAD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        Self::from(u128::from(self).wrapping_add(u128::from(second).wrapping_mul(SPREAD)))
    }
}

impl From<u128> for Key {
    fn from(hash: u128) -> Self {
        Self([
            hash as u32,
            (hash >> 32) as u32,
            (hash >> 64) as u32,
            (hash >> 96) as u32,
        ])
    }
}

impl From<Key> for u128 {
    fn from(Key(words): Key) -> Self {
        words
            .iter()
            .rev()
            .fold(0, |hash, word| hash << 32 | u128::from(*word))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.short());
    }
}

/// Makes keys of texts. Each has a key of its own, so two of them give different ones.
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
        Key::from(u128::from(self.0.hash(text)))
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
    fn a_pair_is_its_texts_in_their_order_and_not_what_they_join_to() {
        let keyed = Keyed::random();
        let pair = |first: &str, second: &str| {
            keyed
                .of(first.as_bytes())
                .followed_by(keyed.of(second.as_bytes()))
        };
        assert_eq!(pair("ab", "c"), pair("ab", "c"));
        let others = [
            ("a", "bc"),
            ("c", "ab"),
            ("ab", ""),
            ("", "ab"),
            ("ab", "ab"),
            ("c", "c"),
            ("", ""),
            ("abc", ""),
        ];
        for (first, second) in others {
            assert_ne!(pair("ab", "c"), pair(first, second));
        }
        let mut all = others.map(|(first, second)| u128::from(pair(first, second)));
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "no two are the same");
    }

    #[test]
    fn a_key_is_its_number() {
        for number in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210] {
            assert_eq!(u128::from(Key::from(number)), number);
        }
        assert_eq!(
            Key::from(0x0000_0003_0000_0002_0000_0001_0000_0000).short(),
            1 << 32
        );
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
