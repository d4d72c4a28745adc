//! The quadrature mirror filter: from 16 kHz to two bands of 8 kHz, and back.

use super::tables::MIRROR;
use super::{limit_band, sample};

/// The last 24 values, the oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirror {
    past: [i32; 24],
}

impl Mirror {
    /// Takes two values in and sums the past by the filter: the first and every second, in the
    /// filter's order; the others against it.
    fn step(&mut self, first: i32, second: i32) -> (i32, i32) {
        self.past.copy_within(2.., 0);
        self.past[22] = first;
        self.past[23] = second;
        let (mut odd, mut even) = (0, 0);
        for (n, pair) in self.past.chunks_exact(2).enumerate() {
            odd += pair[0] * MIRROR[n];
            even += pair[1] * MIRROR[11 - n];
        }
        (odd, even)
    }

    /// All there was is this sample.
    pub(super) fn begin(&mut self, sample: i16) {
        self.past.fill(i32::from(sample));
    }

    /// Two samples into one of the lower and one of the upper band (`TXQMF`).
    pub(super) fn split(&mut self, first: i16, second: i16) -> (i32, i32) {
        let (odd, even) = self.step(i32::from(first), i32::from(second));
        (limit_band((even + odd) >> 14), limit_band((even - odd) >> 14))
    }

    /// One of each band into two samples (`RXQMF`).
    pub(super) fn join(&mut self, low: i32, high: i32) -> (i16, i16) {
        let (odd, even) = self.step(low + high, low - high);
        (sample(even >> 11), sample(odd >> 11))
    }
}
