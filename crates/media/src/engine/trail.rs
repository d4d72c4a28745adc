//! The last bytes of what was forwarded to a leg, so that its encoder can follow.

use super::seam::PAST_MS;
use crate::Codec;

/// What of G.722 brings any encoder to where the peer's decoder is: in 200 ms it forgets all else.
const LEAD_MS: usize = 200;
/// Bytes in a millisecond of G.711 and G.722 alike.
const PER_MS: usize = 8;

#[derive(Debug)]
pub(super) struct Trail {
    /// Of which codec, if there is anything.
    codec: Option<Codec>,
    ring: Box<[u8]>,
    /// Where the next byte goes.
    at: usize,
    /// All that came.
    count: usize,
}

impl Trail {
    /// Of a leg with a codec: as much as its encoder needs. Opus makes do without.
    pub(super) fn new(codec: Codec) -> Self {
        let length_ms = match codec {
            Codec::Pcmu | Codec::Pcma => PAST_MS,
            Codec::G722 => LEAD_MS,
            Codec::Opus => 0,
        };
        let ring = vec![0; length_ms * PER_MS].into();
        Self { codec: None, ring, at: 0, count: 0 }
    }

    pub(super) fn clear(&mut self) {
        (self.codec, self.at, self.count) = (None, 0, 0);
    }

    pub(super) fn push(&mut self, codec: Codec, payload: &[u8]) {
        if self.codec.replace(codec) != Some(codec) {
            (self.at, self.count) = (0, 0);
        }
        self.count = self.count.saturating_add(payload.len());
        let new = &payload[payload.len().saturating_sub(self.ring.len())..];
        let (first, second) = new.split_at(new.len().min(self.ring.len() - self.at));
        self.ring[self.at..self.at + first.len()].copy_from_slice(first);
        self.ring[..second.len()].copy_from_slice(second);
        self.at += new.len();
        if self.at >= self.ring.len() {
            self.at -= self.ring.len();
        }
    }

    /// The codec and the bytes, in two pieces, if there are any.
    pub(super) fn bytes(&self) -> Option<(Codec, [&[u8]; 2])> {
        let codec = self.codec?;
        let (new, old) = self.ring.split_at(self.at);
        let old = if self.count < self.ring.len() { &[] } else { old };
        let new = &new[new.len().saturating_sub(self.count)..];
        Some((codec, [old, new]))
    }

    /// Whether nothing that was forwarded has been forgotten.
    pub(super) fn is_all(&self) -> bool {
        self.count <= self.ring.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_there_in_their_order() {
        for length in [1_u16, 39, 40, 41, 160, 333, 1_599, 1_600, 1_601] {
            for codec in [Codec::Pcma, Codec::G722] {
                let mut trail = Trail::new(codec);
                let room = trail.ring.len();
                assert!(trail.bytes().is_none());
                let mut all: Vec<u8> = Vec::new();
                for round in 0..20_u8 {
                    let payload: Vec<u8> =
                        (0..length).map(|n| round ^ n.to_le_bytes()[0]).collect();
                    trail.push(codec, &payload);
                    all.extend(&payload);
                    let (of, [old, new]) = trail.bytes().unwrap();
                    let expected = &all[all.len().saturating_sub(room)..];
                    assert_eq!((of, [old, new].concat()), (codec, expected.to_vec()), "{length}");
                    assert_eq!(trail.is_all(), all.len() <= room);
                }
                trail.push(Codec::Pcmu, &[1, 2]);
                assert_eq!(trail.bytes(), Some((Codec::Pcmu, [&[][..], &[1, 2]])));
                trail.clear();
                assert!(trail.bytes().is_none() && trail.is_all());
            }
        }
        let mut none = Trail::new(Codec::Opus);
        none.push(Codec::Opus, &[1, 2, 3]);
        assert_eq!(none.bytes(), Some((Codec::Opus, [&[][..], &[][..]])));
    }
}
