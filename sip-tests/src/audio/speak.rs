//! What a phone sends: its tone in the codec that was agreed on, and keys.

use super::packet::EVENTS;
use crate::codec::{self, Encoder};
use crate::tone;

/// Whose packets these are: by the port, so that no two phones are one source.
pub(super) fn ssrc(port: u16) -> u32 {
    0x1234_0000 | u32::from(port)
}
/// How long a key is down, in packets; three more say that it is up again.
const DOWN: u32 = 5;

/// The numbers of a stream, its codec and its tone.
pub(super) struct Mouth {
    ssrc: u32,
    kind: u8,
    encoder: Encoder,
    seq: u16,
    /// Milliseconds since the beginning: what timestamps and the tone's phase follow from.
    ms: u64,
    /// When the tone began.
    began_ms: u64,
    pressed: Option<Pressed>,
}

/// A key that is down.
struct Pressed {
    digit: u8,
    /// Packets sent so far.
    step: u32,
    /// The time at which it went down: its timestamp stays.
    since_ms: u64,
}

impl Mouth {
    pub(super) fn new(ssrc: u32) -> Self {
        Self { ssrc, kind: 0, encoder: Encoder::new(0), seq: 0, ms: 0, began_ms: 0, pressed: None }
    }

    /// What is said begins now.
    pub(super) fn begin(&mut self) {
        (self.encoder, self.began_ms) = (Encoder::new(self.kind), self.ms);
    }

    /// Time passes.
    pub(super) fn rest(&mut self, ms: u32) {
        self.ms += u64::from(ms);
    }

    pub(super) fn is_pressing(&self) -> bool {
        self.pressed.is_some()
    }

    /// A key goes down.
    pub(super) fn press(&mut self, digit: u8) {
        self.pressed = Some(Pressed { digit, step: 0, since_ms: self.ms });
    }

    /// The key that is down is so no more, and nobody is told.
    pub(super) fn let_go(&mut self) {
        self.pressed = None;
    }

    /// The next packet: so many milliseconds of a tone, or of the key that is down.
    pub(super) fn packet(&mut self, (kind, events): (u8, u8), hz: f64, ms: u32) -> Vec<u8> {
        if kind != self.kind {
            (self.kind, self.encoder) = (kind, Encoder::new(kind));
        }
        let (audio_hz, clock_hz) = codec::rates(kind).unwrap_or((8_000, 8_000));
        let octets = match self.pressed.take() {
            Some(pressed) => self.key(pressed, (events, clock_hz), ms),
            None => {
                let first = (self.ms - self.began_ms) * u64::from(audio_hz / 1_000);
                let count = usize::try_from(audio_hz / 1_000 * ms).unwrap_or(0);
                let samples = tone::sine_at(f64::from(audio_hz), hz, first, count);
                let mut octets = self.header(kind, self.ms, clock_hz);
                octets.extend(self.encoder.encode(&samples));
                octets
            }
        };
        self.seq = self.seq.wrapping_add(1);
        self.rest(ms);
        octets
    }

    /// Packets while it is down, three that say it is up again. Its length is told by the clock of its
    /// payload type, which need not be that of the audio.
    fn key(&mut self, mut pressed: Pressed, (kind, clock_hz): (u8, u32), ms: u32) -> Vec<u8> {
        let Pressed { digit, step, since_ms } = pressed;
        let own_hz = EVENTS.iter().find(|(known, _)| *known == kind).map_or(8_000, |(_, hz)| *hz);
        let (up, marker) = (step >= DOWN, if step == 0 { 0x80 } else { 0 });
        let mut octets = self.header(kind | marker, since_ms, clock_hz);
        octets.extend([digit, if up { 0x8a } else { 0x0a }]);
        let duration = own_hz / 1_000 * ms * (step.min(DOWN) + 1);
        octets.extend(u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes());
        pressed.step += 1;
        self.pressed = Some(pressed).filter(|pressed| pressed.step < DOWN + 3);
        octets
    }

    fn header(&self, kind: u8, at_ms: u64, clock_hz: u32) -> Vec<u8> {
        let mut octets = vec![0x80, kind];
        octets.extend(self.seq.to_be_bytes());
        let ticks = (at_ms * u64::from(clock_hz / 1_000)) & u64::from(u32::MAX);
        octets.extend(u32::try_from(ticks).unwrap_or_default().to_be_bytes());
        octets.extend(self.ssrc.to_be_bytes());
        octets
    }
}

/// A receiver report and SDES (RFC 3550 section 6.4.2) in answer to a sender report: this part was
/// lost, in 1/256.
pub(super) fn complaint(own: u32, report: &super::Packet, fraction: u8) -> Vec<u8> {
    let middle = [&report.ssrc.to_be_bytes()[2..], &report.payload[..2]].concat();
    let mut octets = vec![0x81, 201, 0, 7];
    octets.extend(own.to_be_bytes());
    octets.extend(report.timestamp.to_be_bytes());
    octets.extend([fraction, 0, 0, 10, 0, 0, 0, 100, 0, 0, 0, 40]);
    // It is answered at once.
    octets.extend([&middle[..], &[0; 4]].concat());
    octets.extend([0x81, 202, 0, 3]);
    octets.extend(own.to_be_bytes());
    octets.extend(*b"\x01\x04test\0\0");
    octets
}
