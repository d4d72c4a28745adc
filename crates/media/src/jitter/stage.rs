//! Decoded audio on its way out: what has been played lately, which concealment and stretching look
//! back at, and behind it what is still to be played.

use crate::Codec;

/// What is kept of what was played: two of the longest pitch periods, and a bit.
pub(super) const HISTORY_MS: usize = 40;
/// Room for what is to be played: 20 ms, what a gap and a stretch may add to it.
const PENDING_MS: usize = 120;
/// The same where packets are decoded as a whole, and may last 120 ms.
const PENDING_LONG_MS: usize = 240;

#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// None until somebody wants to pull.
    samples: Box<[i16]>,
    /// The first sample that is still to be played.
    head: usize,
    /// One past the last.
    end: usize,
    hz: u32,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { samples: Box::default(), head: 0, end: 0, hz: 8_000 }
    }

    /// Whether there is room for any codec.
    pub(super) fn is_open(&self) -> bool {
        !self.samples.is_empty()
    }

    /// Makes room for a codec.
    pub(super) fn open(&mut self, codec: Codec) {
        let pending = if codec == Codec::Opus { PENDING_LONG_MS } else { PENDING_MS };
        let wanted = (HISTORY_MS + pending) * codec.audio_hz() as usize / 1_000;
        if self.samples.len() < wanted {
            let mut samples = vec![0; wanted];
            samples[..self.end].copy_from_slice(&self.samples[..self.end]);
            self.samples = samples.into();
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.samples)
    }

    /// Samples per second.
    pub(super) fn hz(&self) -> u32 {
        self.hz
    }

    /// Samples in so many milliseconds.
    pub(super) fn of_ms(&self, ms: usize) -> usize {
        self.hz as usize / 1_000 * ms
    }

    /// Forgets everything. What follows has this rate.
    pub(super) fn clear(&mut self, hz: u32) {
        (self.head, self.end, self.hz) = (0, 0, hz);
    }

    /// Samples still to be played.
    pub(super) fn pending(&self) -> usize {
        self.end - self.head
    }

    /// What was played, and what is to be.
    pub(super) fn all(&self) -> &[i16] {
        &self.samples[..self.end]
    }

    /// What is to be played.
    pub(super) fn rest(&self) -> &[i16] {
        &self.samples[self.head..self.end]
    }

    /// Where in [`Stage::all`] the first sample is that is still to be played.
    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// So many samples behind what is to be played, to be written; fewer where there is no room.
    pub(super) fn extend(&mut self, count: usize) -> &mut [i16] {
        self.make_room(count);
        let begin = self.end;
        self.end = (begin + count).min(self.samples.len());
        &mut self.samples[begin..self.end]
    }

    /// Adds samples; what there is no room for is cut.
    pub(super) fn push(&mut self, pcm: &[i16]) {
        let room = self.extend(pcm.len());
        let count = room.len();
        room.copy_from_slice(&pcm[..count]);
    }

    /// Takes back the last samples.
    pub(super) fn truncate(&mut self, pending: usize) {
        self.end = self.end.min(self.head + pending);
    }

    /// All of it, with what was played in front, to be changed in place.
    pub(super) fn all_mut(&mut self) -> &mut [i16] {
        &mut self.samples[..self.end]
    }

    /// Takes so many samples out, from this one on, counted as in [`Stage::all`].
    pub(super) fn remove(&mut self, at: usize, count: usize) {
        self.samples.copy_within(at + count..self.end, at);
        self.end -= count;
    }

    /// Makes a hole of so many samples before the first that is to be played, counted as that.
    /// Returns whether there was room.
    pub(super) fn insert(&mut self, count: usize) -> bool {
        self.make_room(count);
        if self.end + count > self.samples.len() {
            return false;
        }
        self.samples.copy_within(self.head..self.end, self.head + count);
        self.end += count;
        true
    }

    /// Plays as many samples as fit.
    pub(super) fn play(&mut self, out: &mut [i16]) {
        let count = out.len().min(self.pending());
        out[..count].copy_from_slice(&self.samples[self.head..self.head + count]);
        out[count..].fill(0);
        self.head += count;
    }

    fn make_room(&mut self, count: usize) {
        let kept = self.of_ms(HISTORY_MS);
        if self.end + count > self.samples.len() && self.head > kept {
            let cut = self.head - kept;
            self.samples.copy_within(cut..self.end, 0);
            (self.head, self.end) = (kept, self.end - cut);
        }
    }
}
