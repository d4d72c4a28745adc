//! A small generator: its state is carried, so that two runs with one seed are equal.
use serde::{Deserialize, Serialize};

/// SplitMix64. Good enough to be fair with, and nothing is kept secret by it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// A number below `bound`, the same until [`Self::turn`]. Looking changes nothing, so that a
    /// search that leads to nothing costs no number.
    pub(crate) const fn below(self, bound: u64) -> u64 {
        let mut z = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // The high bits of the product: fair to one part in 2^32 for bounds that small.
        ((z as u128 * bound as u128) >> 64) as u64
    }

    pub(crate) const fn turn(&mut self) {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
    }
}
