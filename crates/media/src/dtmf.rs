//! Digits by telephone-event (RFC 4733), received, relayed and sent.
//!
//! A packet's duration is counted by the clock of its payload type, 8 or 48 kHz. Inside everything
//! is [`Progress`], counted at [`RATE_HZ`] from the beginning of the event.

mod receiver;
mod sender;

pub use receiver::{Heard, LOST_END, Place, Pressed, Receiver};
pub use sender::{Sender, Step};

use crate::RATE_HZ;

/// The digit of an event code.
#[must_use]
pub fn digit(event: u8) -> Option<char> {
    match event {
        0..=9 => Some(char::from(b'0' + event)),
        10 => Some('*'),
        11 => Some('#'),
        12..=15 => Some(char::from(b'A' + event - 12)),
        _ => None,
    }
}

/// The event code of a digit.
#[must_use]
pub fn event(digit: char) -> Option<u8> {
    (0..16).find(|event| self::digit(*event) == Some(digit.to_ascii_uppercase()))
}

/// The two frequencies of an event, for legs without telephone-event (ITU-T Q.23).
#[must_use]
pub fn tones(event: u8) -> (u16, u16) {
    let digits = *b"123A456B789C*0#D";
    let wanted = digit(event).unwrap_or('0');
    let place = digits.iter().position(|other| char::from(*other) == wanted).unwrap_or(0);
    let rows = [697, 770, 852, 941];
    let columns = [1209, 1336, 1477, 1633];
    (rows[place / 4], columns[place % 4])
}

/// A duration counted by one clock, as another counts it.
#[must_use]
pub fn rescaled(duration: u32, from_hz: u32, to_hz: u32) -> u32 {
    let duration = u64::from(duration) * u64::from(to_hz) / u64::from(from_hz.max(1));
    u32::try_from(duration).unwrap_or(u32::MAX)
}

/// The payload of an event packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The event code.
    pub event: u8,
    /// The last packets of an event.
    pub end: bool,
    /// dBm0 without its sign, 0 to 63.
    pub volume: u8,
    /// Since the beginning of the event, or of this segment of it, in timestamp units.
    pub duration: u16,
}

impl Payload {
    /// Reads a payload; `None` where it is too short.
    #[must_use]
    pub fn parse(data: &[u8]) -> Option<Self> {
        let [event, flags, d0, d1] = *data.first_chunk::<4>()?;
        let duration = u16::from_be_bytes([d0, d1]);
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, self.volume & 0x3f | if self.end { 0x80 } else { 0 }, d0, d1]
    }
}

/// How far an event is, whatever clock told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The event code.
    pub event: u8,
    /// Whether it is over.
    pub end: bool,
    /// dBm0 without its sign, 0 to 63.
    pub volume: u8,
    /// Since its beginning, in units of [`RATE_HZ`].
    pub duration: u32,
}

/// What 16 bits hold of a duration: what is longer goes on in another segment.
const SEGMENT: u32 = 0xffff;

impl Progress {
    /// The packet that says this at a clock, and how many units of it the packet's timestamp is
    /// after that of the event: what 16 bits do not hold goes on in another segment (RFC 4733
    /// section 2.5.1.3). At 48 kHz that is so after 1.4 seconds.
    #[must_use]
    pub fn packet(&self, hz: u32) -> (Payload, u32) {
        let whole = rescaled(self.duration, RATE_HZ, hz);
        let before = whole.saturating_sub(1) / SEGMENT * SEGMENT;
        let duration = u16::try_from(whole - before).unwrap_or(u16::MAX);
        let Self { event, end, volume, .. } = *self;
        (Payload { event, end, volume, duration }, before)
    }

    /// The same, after those that end the segments in between: one begins where the one before it has
    /// said that it ended, by all that 16 bits hold. So long, in units of [`RATE_HZ`], the event had
    /// lasted by what was sent of it before.
    pub fn packets(&self, hz: u32, told: u32) -> impl Iterator<Item = (Payload, u32)> + use<> {
        let (last, before) = self.packet(hz);
        let full = Payload { end: false, duration: u16::MAX, ..last };
        // A segment that was told of to its end is not told of again.
        let first = rescaled(told, RATE_HZ, hz) / SEGMENT;
        let fill = (first..before / SEGMENT).map(move |segment| (full, segment * SEGMENT));
        fill.chain([(last, before)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_digits() {
        for code in 0..16 {
            assert_eq!(event(digit(code).unwrap()), Some(code));
        }
        assert_eq!((event('d'), event('x'), digit(16)), (Some(15), None, None));
        assert_eq!(tones(5), (770, 1336));
        assert_eq!(tones(11), (941, 1477));
        assert_eq!(Payload::parse(&[1, 2, 3]), None);
    }

    #[test]
    fn clocks_and_segments() {
        let check = |duration, hz, expected: (u16, u32)| {
            let progress = Progress { event: 5, end: false, volume: 10, duration };
            let (payload, before) = progress.packet(hz);
            assert_eq!((payload.duration, before), expected, "{duration} at {hz}");
            assert_eq!((payload.event, payload.end, payload.volume), (5, false, 10));
        };
        check(0, 48_000, (0, 0));
        check(160, 8_000, (160, 0));
        check(160, 48_000, (960, 0));
        check(160, 16_000, (320, 0));
        check(0xffff, 8_000, (0xffff, 0));
        check(0x1_0000, 8_000, (1, 0xffff));
        check(10_922, 48_000, (65_532, 0));
        check(10_923, 48_000, (3, 0xffff));
        check(40_000, 48_000, (43_395, 3 * 0xffff));
        assert_eq!(rescaled(65_535, 48_000, 8_000), 10_922);
        assert_eq!(rescaled(u32::MAX, 8_000, 48_000), u32::MAX);
        assert_eq!(rescaled(5, 0, 8_000), 40_000);
    }

    /// What a peer sends of a key: 50 packets a second, of segments as they should be.
    fn pressed(length_ms: u32, hz: u32) -> Vec<(Payload, u32)> {
        let mut packets = Vec::new();
        for whole in (1..=length_ms / 20).map(|n| n * hz / 50) {
            let before = whole.saturating_sub(1) / SEGMENT * SEGMENT;
            let is_new = packets.last().is_some_and(|(_, last)| *last != before);
            let last = before.wrapping_sub(SEGMENT);
            packets.extend(is_new.then_some((Payload { duration: 0xffff, ..KEY }, last)));
            let duration = u16::try_from(whole - before).unwrap();
            let end = whole == length_ms / 20 * hz / 50;
            packets
                .extend(vec![(Payload { end, duration, ..KEY }, before); if end { 3 } else { 1 }]);
        }
        packets
    }

    const KEY: Payload = Payload { event: 5, end: false, volume: 10, duration: 0 };

    /// Who is strict: a segment begins where the one before it has said that it ended, and nothing of
    /// one comes after that but the end again. Returns how long all of it was.
    fn assert_contiguous(packets: &[(Payload, u32)]) -> u32 {
        for pair in packets.windows(2) {
            let ((old, old_at), (new, new_at)) = (pair[0], pair[1]);
            if old_at == new_at {
                assert!(new.duration > old.duration || old.end && new == old, "{pair:?}");
            } else {
                assert_eq!((old.duration, old.end), (0xffff, false), "{pair:?}");
                assert_eq!(new_at, old_at + 0xffff, "{pair:?}");
            }
        }
        assert_eq!(packets[0].1, 0);
        assert_eq!(packets.iter().filter(|(payload, _)| payload.end).count(), 3);
        let (last, at) = packets[packets.len() - 1];
        at + u32::from(last.duration)
    }

    /// What is received at one clock is sent at another, a key of so many milliseconds whose packets
    /// these are not lost.
    fn relayed(length_ms: u32, from: u32, to: u32, is_lost: impl Fn(usize) -> bool) -> u32 {
        let (mut receiver, mut told) = (Receiver::default(), 0);
        let mut sent = Vec::new();
        for (n, (payload, before)) in pressed(length_ms, from).into_iter().enumerate() {
            if !is_lost(n) {
                let (now, at) = (crate::Time::from_millis(n as u64 * 20), before.wrapping_sub(9));
                let heard = receiver.packet(now, at, payload, from);
                sent.extend(heard.progress.packets(to, told));
                told = told.max(heard.progress.duration);
            }
        }
        assert_contiguous(&sent)
    }

    #[test]
    fn a_segment_ends_where_the_next_begins_at_each_clock() {
        for from in [8_000, 16_000, 48_000] {
            for to in [8_000, 16_000, 48_000] {
                for length_ms in [100, 1_360, 1_380, 3_000, 8_180, 8_200, 20_000] {
                    let whole = length_ms * (to / 1_000);
                    let is = relayed(length_ms, from, to, |_| false);
                    // Each clock rounds.
                    assert!(whole - is <= to / 8_000, "{from} to {to}: {is} of {whole}");
                    // Of three packets two are lost, whichever they are.
                    for kept in 0..3 {
                        let end = length_ms as usize / 20 - 1;
                        relayed(length_ms, from, to, |n| n % 3 != kept && n > 0 && n < end);
                    }
                }
            }
        }
        // One whose beginning was lost, and one that goes on where the last has been told of to its end.
        let progress = Progress { event: 5, end: true, volume: 10, duration: 40_000 };
        assert_eq!(progress.packets(48_000, 0).count(), 4);
        let progress = Progress { duration: 0x1_0000, ..progress };
        assert_eq!(progress.packets(8_000, 0xffff).count(), 1);
        assert_eq!(progress.packets(8_000, 0xfffe).count(), 2);
    }

    #[test]
    fn a_key_that_is_sent_by_order_is_contiguous_too() {
        for (hz, most) in [(8_000, 48_000), (16_000, 96_000), (48_000, 288_000)] {
            let (mut sender, mut told) = (Sender::default(), 0);
            sender.push("5", 6_000);
            let mut sent = Vec::new();
            while let Some(step) = sender.step() {
                let Step::Event { progress, copies, .. } = step else { continue };
                for _ in 0..copies {
                    sent.extend(progress.packets(hz, told));
                    told = progress.duration;
                }
            }
            assert_eq!(assert_contiguous(&sent), most, "at {hz}");
        }
    }

    /// What one of our legs sends, another understands as one digit of the same length.
    #[test]
    fn a_long_event_goes_through_segments_at_each_clock() {
        for hz in [8_000, 16_000, 48_000] {
            let mut receiver = Receiver::default();
            let (mut pressed, mut places) = (Vec::new(), Vec::new());
            for n in 1..=1_000_u32 {
                let progress =
                    Progress { event: 5, end: n == 1_000, volume: 10, duration: n * 160 };
                let mut last = None;
                for (payload, before) in progress.packets(hz, (n - 1) * 160) {
                    let at = u32::MAX.wrapping_add(before);
                    let now = crate::Time::from_millis(u64::from(n) * 20);
                    let heard = receiver.packet(now, at, payload, hz);
                    places.push(heard.place);
                    pressed.extend(heard.pressed);
                    last = Some(heard.progress);
                }
                assert_eq!(last, Some(progress), "at {hz}");
            }
            assert_eq!(pressed, [Pressed { number: 1, event: 5, duration: 160_000 }], "at {hz}");
            assert_eq!(places.iter().filter(|place| **place == Place::First).count(), 1);
        }
    }
}
