//! A packet that came.

use std::net::SocketAddr;
use std::time::Instant;

/// Payload types of telephone-event (RFC 4733) in our SDP, by their clock.
pub(crate) const EVENTS: [(u8, u32); 2] = [(101, 8_000), (110, 48_000)];

/// A packet that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// When.
    pub at: Instant,
    /// From where.
    pub source: SocketAddr,
    /// Payload type.
    pub kind: u8,
    /// The marker bit.
    pub marker: bool,
    /// Sequence number.
    pub seq: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// What it carries.
    pub payload: Vec<u8>,
    /// What is heard of it, at 8 kHz.
    pub pcm: Vec<i16>,
}

/// A key as RFC 4733 tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub digit: char,
    /// For how long, as far as it was told.
    pub ms: u32,
    /// Whether it was told that it is up again.
    pub is_up: bool,
}

impl Packet {
    pub(super) fn parse(octets: &[u8], source: SocketAddr) -> Option<Self> {
        let word = |at: usize| octets.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
        let (first, ssrc) = (word(0)?, word(8)?);
        let [flags, kind, ..] = first.to_be_bytes();
        (flags >> 6 == 2).then(|| Self {
            at: Instant::now(),
            source,
            kind: kind & 0x7f,
            marker: kind & 0x80 != 0,
            seq: u16::try_from(first & 0xffff).unwrap_or_default(),
            timestamp: word(4).unwrap_or_default(),
            ssrc,
            payload: octets[12..].to_vec(),
            pcm: Vec::new(),
        })
    }

    /// RFC 5761, section 4: what a payload type cannot be is a packet of RTCP.
    pub(super) fn is_rtcp(&self) -> bool {
        (72..=76).contains(&self.kind)
    }

    /// Ticks of its timestamp in a second.
    pub(super) fn clock_hz(&self) -> u32 {
        let events = EVENTS.iter().find(|(kind, _)| *kind == self.kind).map(|(_, hz)| *hz);
        let audio = crate::codec::rates(self.kind).map(|(_, clock)| clock);
        events.or(audio).unwrap_or(8_000)
    }

    /// How long it lasts in ticks of its timestamp, if it is audio.
    pub(super) fn ticks(&self) -> Option<u32> {
        let samples = u32::try_from(self.pcm.len()).ok().filter(|samples| *samples > 0)?;
        Some(samples * (self.clock_hz() / 8_000))
    }

    /// The key that it tells of.
    pub(super) fn key(&self) -> Option<Key> {
        let (_, clock_hz) = EVENTS.iter().find(|(kind, _)| *kind == self.kind)?;
        let &[code, flags, high, low] = &self.payload[..] else { return None };
        let digit = "0123456789*#ABCD".chars().nth(code.into())?;
        let ms = u32::from(u16::from_be_bytes([high, low])) / (clock_hz / 1_000);
        Some(Key { digit, ms, is_up: flags & 0x80 != 0 })
    }
}
