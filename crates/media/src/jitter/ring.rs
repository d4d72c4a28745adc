//! Packets as they came: payloads stay encoded in a ring of bytes until they are played. What has
//! been overwritten is lost, which bounds memory.

use crate::Codec;
use crate::rtp::ahead;

/// Bytes of payload kept, while no codec says more: 0.32 s of G.711 or G.722.
const BYTES: usize = 2_560;
/// The same where payloads may be long: Opus at 64 kbit/s takes as much as G.711, and may take more.
const BYTES_LONG: usize = 8_192;
/// Packets kept.
const SLOTS: usize = 32;

/// A packet that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) codec: Codec,
    pub(super) sequence: u16,
    length: u16,
    pub(super) ticks: u32,
    pub(super) timestamp: u32,
    /// Where the payload begins, counted from the first byte ever written.
    at: u64,
}

/// What there is to be played next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    /// A packet, from so many ticks after its beginning on.
    Packet(Packet, u32),
    /// Nothing for so many ticks, then a packet.
    Gap(Packet, u32),
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) struct Ring {
    bytes: Box<[u8]>,
    written: u64,
    slots: [Option<Packet>; SLOTS],
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; BYTES].into(), written: 0, slots: [None; SLOTS] }
    }

    /// Makes room for a codec.
    pub(super) fn prepare(&mut self, codec: Codec) {
        if codec == Codec::Opus && self.bytes.len() < BYTES_LONG {
            // Places are counted in rings: what is there would be found no more.
            self.clear();
            self.bytes = vec![0; BYTES_LONG].into();
            self.written = 0;
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.slots = [None; SLOTS];
    }

    /// The longest payload that is taken: one must fit while another is played.
    pub(super) fn payload_max(&self) -> usize {
        self.bytes.len() / 2
    }

    pub(super) fn holds(&self, sequence: u16, timestamp: u32) -> bool {
        self.slots[slot(sequence)]
            .is_some_and(|known| known.sequence == sequence && known.timestamp == timestamp)
    }

    /// Keeps a packet whose payload is no longer than [`Ring::payload_max`].
    pub(super) fn put(
        &mut self,
        (sequence, timestamp): (u16, u32),
        (codec, ticks): (Codec, u32),
        payload: &[u8],
    ) {
        let offset = self.place(self.written);
        if offset + payload.len() > self.bytes.len() {
            // A payload is never split: the rest of the ring is skipped.
            self.written += (self.bytes.len() - offset) as u64;
        }
        let at = self.written;
        let offset = self.place(at);
        self.bytes[offset..offset + payload.len()].copy_from_slice(payload);
        self.written += payload.len() as u64;
        let length = u16::try_from(payload.len()).unwrap_or(0);
        self.slots[slot(sequence)] = Some(Packet { codec, sequence, length, ticks, timestamp, at });
    }

    pub(super) fn payload(&self, packet: &Packet) -> &[u8] {
        let at = self.place(packet.at);
        &self.bytes[at..at + usize::from(packet.length)]
    }

    /// Those that are still there.
    pub(super) fn packets(&self) -> impl Iterator<Item = &Packet> {
        let oldest = self.written.saturating_sub(self.bytes.len() as u64);
        self.slots.iter().flatten().filter(move |packet| packet.at >= oldest)
    }

    /// The packet that holds a sample, or how far the next one is.
    pub(super) fn find(&self, play: u32) -> Found {
        let mut next: Option<(&Packet, u32)> = None;
        for packet in self.packets() {
            let into = ahead(play, packet.timestamp);
            if into >= 0 && into.unsigned_abs() < packet.ticks {
                return Found::Packet(*packet, into.unsigned_abs());
            }
            let gap = into.unsigned_abs();
            if into < 0 && next.is_none_or(|(_, nearest)| gap < nearest) {
                next = Some((packet, gap));
            }
        }
        next.map_or(Found::Nothing, |(packet, gap)| Found::Gap(*packet, gap))
    }

    #[expect(clippy::cast_possible_truncation, reason = "less than the ring's size")]
    fn place(&self, at: u64) -> usize {
        (at % self.bytes.len() as u64) as usize
    }
}

fn slot(sequence: u16) -> usize {
    usize::from(sequence) % SLOTS
}
