//! Chance: one seeded generator that the endpoint owns, so that a run replays from its seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

use crate::msg::Uuid;

/// A cryptographic generator, seeded by the owner: what it mints cannot be guessed by a peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// A generator whose whole output follows from `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha8Rng::from_seed(seed))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Fills `octets` with chance.
    pub fn fill(&mut self, octets: &mut [u8]) {
        self.0.fill_bytes(octets);
    }

    /// A half of Session-ID.
    pub fn uuid(&mut self) -> Uuid {
        Uuid::random(self.0.next_u64(), self.0.next_u64())
    }

    /// A Call-ID of 128 random bits that names neither host nor time (RFC 3261 section 8.1.1.4).
    pub fn call_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.0.next_u64(), self.0.next_u64())
    }
}

/// A tag or the unique part of a branch, as text.
pub(crate) fn token(number: u64) -> String {
    format!("{number:016x}")
}

/// The number behind [`token`]; `None` if the text is not one of ours.
pub(crate) fn number(token: &str) -> Option<u64> {
    let ours = token.len() == 16 && token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if ours { u64::from_str_radix(token, 16).ok() } else { None }
}

/// What every branch begins with (RFC 3261 section 8.1.1.7).
pub(crate) const MAGIC: &str = "z9hG4bK";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_back_and_strangers_are_not() {
        let check = |text: &str, expected| assert_eq!(number(text), expected, "{text:?}");
        check(&token(0), Some(0));
        check(&token(u64::MAX), Some(u64::MAX));
        for bad in [
            "",
            "1",
            "+000000000000001",
            "000000000000000G",
            "000000000000000A",
            "é234567890123456",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn a_seed_is_a_run_also_when_carried_over() {
        let mut one = Rng::new([7; 32]);
        let first = one.call_id();
        let carried = postcard::to_stdvec(&one).unwrap();
        let mut two: Rng = postcard::from_bytes(&carried).unwrap();
        assert_eq!(one.next_u64(), two.next_u64());
        assert_eq!(Rng::new([7; 32]).call_id(), first);
        assert!((0..1000).all(|_| two.below(10) < 10));
        assert_eq!(two.below(0), 0);
    }
}
