//! Packets of another length than 20 ms, where the peer asks for it (`a=ptime`).

/// The longest packet asked for, in ms.
const LONGEST_MS: usize = 60;
/// Bytes in a millisecond of G.711 and G.722 alike.
const PER_MS: usize = 8;

use crate::codec::Joiner;
use crate::{Codec, Plan};

/// Makes packets of another length.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "always behind a box")]
pub(super) enum Packer {
    Cut(Cutter),
    Join(Joiner),
}

impl Packer {
    /// For a leg; `None` where each packet goes as it is encoded.
    pub(super) fn new(plan: &Plan) -> Option<Box<Self>> {
        let packer = match plan.codec {
            Codec::Opus => {
                let frames = plan.format().frames(plan.ptime_ms.clamp(10, 60));
                (frames > 1).then(|| Self::Join(Joiner::new(frames)))
            }
            Codec::Pcmu | Codec::Pcma | Codec::G722 => {
                (plan.ptime_ms != 20).then(|| Self::Cut(Cutter::new(plan.ptime_ms)))
            }
        };
        packer.map(Box::new)
    }

    /// Takes a packet and hands on those that are full.
    pub(super) fn push(&mut self, payload: &[u8], send: impl FnMut(&[u8])) {
        match self {
            Self::Cut(cutter) => cutter.push(payload, send),
            Self::Join(joiner) => joiner.push(payload, send),
        }
    }

    /// Hands on what there is: no more of it comes now, and the peer's decoder would miss it.
    pub(super) fn flush(&mut self, mut send: impl FnMut(&[u8])) {
        match self {
            Self::Cut(cutter) => cutter.flush(send),
            Self::Join(joiner) => joiner.flush(&mut send),
        }
    }
}

/// Cuts a stream of octets, of a codec of 64 kbit/s, into packets of one length.
#[derive(Debug)]
pub(super) struct Cutter {
    bytes: [u8; (LONGEST_MS + 20) * PER_MS],
    length: usize,
    packet: usize,
}

impl Cutter {
    fn new(ptime_ms: u16) -> Self {
        let packet = usize::from(ptime_ms).clamp(10, LONGEST_MS) * PER_MS;
        Self { bytes: [0; (LONGEST_MS + 20) * PER_MS], length: 0, packet }
    }

    /// Hands on what has not become a packet.
    fn flush(&mut self, mut send: impl FnMut(&[u8])) {
        let length = core::mem::take(&mut self.length);
        if length > 0 {
            send(&self.bytes[..length]);
        }
    }

    /// Takes 20 ms and hands on the packets that are full.
    fn push(&mut self, payload: &[u8], mut send: impl FnMut(&[u8])) {
        let end = self.length + payload.len();
        let Some(room) = self.bytes.get_mut(self.length..end) else { return };
        room.copy_from_slice(payload);
        let mut begin = 0;
        while end - begin >= self.packet {
            send(&self.bytes[begin..begin + self.packet]);
            begin += self.packet;
        }
        self.bytes.copy_within(begin..end, 0);
        self.length = end - begin;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_into_packets_of_one_length() {
        let check = |ptime_ms, frames: u8, expected: &[usize]| {
            let mut cutter = Cutter::new(ptime_ms);
            let (mut lengths, mut bytes) = (Vec::new(), Vec::new());
            for frame in 0..frames {
                cutter.push(&[frame; 160], |packet| {
                    lengths.push(packet.len());
                    bytes.extend_from_slice(packet);
                });
            }
            assert_eq!(lengths, expected, "{ptime_ms}");
            let stream: Vec<u8> = (0..frames).flat_map(|frame| [frame; 160]).collect();
            assert!(stream.starts_with(&bytes), "{ptime_ms}");
        };
        check(10, 1, &[80, 80]);
        check(20, 2, &[160, 160]);
        check(30, 3, &[240, 240]);
        check(40, 3, &[320]);
        check(50, 5, &[400, 400]);
        check(60, 6, &[480, 480]);
    }
}
