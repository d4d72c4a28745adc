//! Where the source of what is heard changes: the last one goes on as it was, and fades into the next.
//! Neither the value nor the slope jumps, whatever the next one is.

use crate::codec::FRAME_MAX;
use crate::jitter::Wave;
use crate::{Codec, FRAME_MS};

/// How long a source takes to give way to the next: too short to be heard as a fade, long enough
/// not to be heard as a click.
pub(super) const SEAM_MS: usize = 5;
/// What must be known of the last source for that: two periods of most voices.
pub(super) const PAST_MS: usize = 20;
/// The same at the highest rate, in samples, and the seam.
pub(super) const PAST_MAX: usize = samples(PAST_MS, FRAME_MAX);
const SEAM_MAX: usize = samples(SEAM_MS, FRAME_MAX);

/// Samples in so many milliseconds, of so many in a frame.
const fn samples(ms: usize, frame: usize) -> usize {
    frame * ms / FRAME_MS as usize
}

/// Samples of a seam, and of what must be known before it.
pub(super) const fn seam(codec: Codec) -> usize {
    samples(SEAM_MS, codec.frame())
}

pub(super) const fn past(codec: Codec) -> usize {
    samples(PAST_MS, codec.frame())
}

/// Fades from the last source, of which this is the end, into this beginning of the next.
pub(super) fn join(past: &[i16], hz: u32, pcm: &mut [i16]) {
    let known = past.len().min(PAST_MAX);
    let length = (hz as usize / 1_000 * SEAM_MS).min(SEAM_MAX).min(pcm.len());
    let mut old = [0; PAST_MAX + SEAM_MAX];
    old[..known].copy_from_slice(&past[past.len() - known..]);
    Wave::of(&old[..known], hz).fill(&mut old[..known + length], known);
    let whole = i64::try_from(length).unwrap_or(1);
    for ((sample, old), at) in pcm[..length].iter_mut().zip(&old[known..]).zip(0..) {
        let (old, new) = (i64::from(*old), i64::from(*sample));
        // A share of the new one that neither begins nor ends by a bend.
        let share = at * at * (3 * whole - 2 * at);
        let mixed = old + (new - old) * share / (whole * whole * whole);
        *sample = i16::try_from(mixed).unwrap_or(0);
    }
}

#[cfg(test)]
mod tests;
