//! Frames of Opus that go into one packet (RFC 6716 section 3.2), as they are.

use super::PAYLOAD_MAX;

/// The most frames: 60 ms of 10.
const FRAMES: usize = 6;

/// Gathers packets of one frame each.
#[derive(Debug)]
pub(crate) struct Joiner {
    /// `None` where the library had no memory for one: nothing is joined then.
    library: Option<opus::Repacketizer>,
    wanted: usize,
    count: usize,
    lengths: [usize; FRAMES],
    frames: [[u8; PAYLOAD_MAX]; FRAMES],
}

impl Joiner {
    /// Of so many frames.
    pub(crate) fn new(wanted: usize) -> Self {
        Self {
            library: opus::Repacketizer::new().ok(),
            wanted: wanted.clamp(1, FRAMES),
            count: 0,
            lengths: [0; FRAMES],
            frames: [[0; PAYLOAD_MAX]; FRAMES],
        }
    }

    /// Takes a packet of one frame and hands on one of them all when they are enough. One packet holds
    /// frames of one kind only: where the encoder changes its mind, one is shorter.
    pub(crate) fn push(&mut self, frame: &[u8], mut send: impl FnMut(&[u8])) {
        let kind = |frame: &[u8]| frame.first().map(|first| first & 0xfc);
        if self.count > 0 && kind(&self.frames[0]) != kind(frame) {
            self.flush(&mut send);
        }
        let Some(room) = self.frames[self.count].get_mut(..frame.len()) else { return };
        room.copy_from_slice(frame);
        self.lengths[self.count] = frame.len();
        self.count += 1;
        if self.count == self.wanted {
            self.flush(&mut send);
        }
    }

    /// Hands on what there is.
    pub(crate) fn flush(&mut self, send: &mut impl FnMut(&[u8])) {
        let mut parts: [&[u8]; FRAMES] = [&[]; FRAMES];
        for ((part, frame), length) in parts.iter_mut().zip(&self.frames).zip(self.lengths) {
            *part = &frame[..length];
        }
        let parts = &parts[..core::mem::take(&mut self.count)];
        let mut packet = [0; FRAMES * (PAYLOAD_MAX + 2)];
        let joined = match (&mut self.library, parts) {
            (Some(library), [_, _, ..]) => library.combine(parts, &mut packet).ok(),
            _ => None,
        };
        match joined.and_then(|length| packet.get(..length)) {
            Some(packet) => send(packet),
            None => parts.iter().for_each(|part| send(part)),
        }
    }
}
