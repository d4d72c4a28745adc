//! G.722 at 64 kbit/s (ITU-T G.722, mode 1): 16 kHz of audio in two bands, each by ADPCM, eight
//! bits for two samples.
//!
//! An RTP clock of 8 kHz goes with it (RFC 3551 section 4.5.2), so a byte is one tick. A byte's
//! upper two bits are the upper band's. Names in brackets are the blocks of the recommendation.

mod band;
mod mirror;
mod tables;

use band::{Lower, Upper};
use mirror::Mirror;

/// The bits of the lower band.
const LOWER: u8 = 0x3f;

/// From samples to bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoder {
    mirror: Mirror,
    lower: Lower,
    upper: Upper,
}

impl Encoder {
    /// Encodes pairs of samples as long as there are any and room for their bytes. Returns the
    /// number of bytes.
    pub(super) fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        for (pair, byte) in pcm.chunks_exact(2).zip(payload.iter_mut()) {
            let (low, high) = self.mirror.split(pair[0], pair[1]);
            *byte = self.upper.encode(high) << 6 | self.lower.encode(low);
        }
        (pcm.len() / 2).min(payload.len())
    }
}

/// From bytes to samples.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    mirror: Mirror,
    lower: Lower,
    upper: Upper,
}

impl Decoder {
    /// Decodes bytes as long as there are any and room for their pairs of samples. Any byte is
    /// valid. Returns the number of samples.
    pub(super) fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        for (byte, pair) in payload.iter().zip(pcm.chunks_exact_mut(2)) {
            let low = self.lower.decode(byte & LOWER);
            let high = self.upper.decode(byte >> 6);
            let (first, second) = self.mirror.join(low, high);
            pair.copy_from_slice(&[first, second]);
        }
        (payload.len() * 2).min(pcm.len() & !1)
    }
}

/// Limits a number to the 16 bits that the recommendation computes with.
fn limit(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// Limits a number to what goes into and comes out of a band (`LIMIT`).
fn limit_band(value: i32) -> i32 {
    value.clamp(-16_384, 16_383)
}

/// Limits a number to a sample.
fn sample(value: i32) -> i16 {
    i16::try_from(limit(value)).unwrap_or(0)
}

/// A product of two numbers in units of 2^-15.
fn times(a: i32, b: i32) -> i32 {
    (a * b) >> 15
}

#[cfg(test)]
mod tests;
