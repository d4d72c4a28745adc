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
/// Samples of a band in which one source gives way to the next: 5 ms.
const SEAM: i32 = 40;
/// What a decoder makes of bytes may be off by one part in so many of the loudest, and so much.
const ASTRAY: i32 = 16;
/// Samples of a band that are encoded at a time: 20 ms.
const BLOCK: usize = 160;

/// From samples to bytes.
///
/// What it remembers is what a decoder of the same bytes remembers. A decoder that is sent bytes of
/// another encoder must be followed ([`Encoder::heard`], [`Encoder::recode`]): taken up with another
/// step and another prediction than those it has, it bursts out.
#[derive(Clone, Debug, Default)]
pub(super) struct Encoder {
    mirror: Mirror,
    lower: Lower,
    upper: Upper,
    turned: bool,
}

impl Encoder {
    /// Encodes pairs of samples as long as there are any and room for their bytes. Returns the
    /// number of bytes.
    pub(super) fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        if self.turned {
            self.mirror.begin(pcm.first().copied().unwrap_or(0));
        }
        for (pcm, payload) in pcm.chunks(2 * BLOCK).zip(payload.chunks_mut(BLOCK)) {
            let mut bands = [[0; BLOCK]; 2];
            for (n, pair) in pcm.chunks_exact(2).enumerate() {
                (bands[0][n], bands[1][n]) = self.mirror.split(pair[0], pair[1]);
            }
            self.put(&mut bands, (pcm.len() / 2).min(payload.len()), payload);
        }
        (pcm.len() / 2).min(payload.len())
    }

    /// What is encoded next comes from another source: what the decoder expects after the last one dies
    /// away into it, in each band by itself.
    pub(super) fn turn(&mut self) {
        self.turned = true;
    }

    /// The decoder was sent these bytes of another encoder.
    pub(super) fn heard(&mut self, payload: &[u8]) {
        for byte in payload {
            self.lower.learn(byte & LOWER);
            self.upper.learn(byte >> 6);
        }
    }

    /// Says the same as the bytes of another encoder, which `theirs` follows, as this one must say it.
    /// Both come to remember the same; the bytes stay as they are, and `true` is returned, once the
    /// decoder makes nearly the same of them.
    pub(super) fn recode(
        &mut self,
        theirs: &mut Decoder,
        bytes: &[u8],
        payload: &mut [u8],
    ) -> bool {
        let (mut lower, mut upper) = (self.lower.clone(), self.upper.clone());
        let (mut peak, mut astray) = (0, 0);
        for (bytes, payload) in bytes.chunks(BLOCK).zip(payload.chunks_mut(BLOCK)) {
            let mut bands = [[0; BLOCK]; 2];
            for (n, byte) in bytes.iter().enumerate() {
                let (low, high) = theirs.bands(*byte);
                (bands[0][n], bands[1][n]) = (low, high);
                let (near, above) = (lower.decode(byte & LOWER), upper.decode(byte >> 6));
                peak = peak.max(low.abs());
                astray = astray.max((near - low).abs()).max((above - high).abs());
            }
            self.put(&mut bands, bytes.len().min(payload.len()), payload);
        }
        let agrees = astray <= peak / ASTRAY + ASTRAY;
        if agrees {
            (self.lower, self.upper) = (lower, upper);
            payload.copy_from_slice(bytes);
        }
        agrees
    }

    fn put(&mut self, bands: &mut [[i32; BLOCK]; 2], count: usize, payload: &mut [u8]) {
        if core::mem::take(&mut self.turned) {
            let (mut lower, mut upper) = (self.lower.clone(), self.upper.clone());
            fade(|| lower.coast(), &mut bands[0][..count]);
            fade(|| upper.coast(), &mut bands[1][..count]);
        }
        for (n, byte) in payload[..count].iter_mut().enumerate() {
            *byte = self.upper.encode(bands[1][n]) << 6 | self.lower.encode(bands[0][n]);
        }
    }
}

fn fade(mut last: impl FnMut() -> i32, band: &mut [i32]) {
    for (at, sample) in (0..SEAM).zip(band) {
        *sample = (last() * (SEAM - at) + *sample * at) / SEAM;
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
            let (low, high) = self.bands(*byte);
            let (first, second) = self.mirror.join(low, high);
            pair.copy_from_slice(&[first, second]);
        }
        (payload.len() * 2).min(pcm.len() & !1)
    }

    /// One sample of each band.
    fn bands(&mut self, byte: u8) -> (i32, i32) {
        (self.lower.decode(byte & LOWER), self.upper.decode(byte >> 6))
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
