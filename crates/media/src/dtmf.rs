//! Digits by telephone-event (RFC 4733), received, relayed and sent.

use std::collections::VecDeque;

use crate::Time;
use crate::rtp::ahead;

/// An event that was not ended and not continued for this long has ended unseen.
pub const LOST_END: Time = Time::from_millis(200);
/// Longest event taken seriously, in timestamp units: 30 s at 8 kHz.
const LONGEST: u32 = 240_000;

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

/// The payload of an event packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The event code.
    pub event: u8,
    /// The last packets of an event.
    pub end: bool,
    /// dBm0 without its sign, 0 to 63.
    pub volume: u8,
    /// Since the event's beginning, in timestamp units.
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

/// A digit that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// The event code.
    pub event: u8,
    /// Its length in timestamp units.
    pub duration: u32,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    event: u8,
    timestamp: u32,
    duration: u32,
    last: Time,
    ended: bool,
}

/// Where a packet stands in its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first that was seen of its event.
    First,
    /// A later one, repeated ends included.
    Later,
    /// Of an event before the present one, come late.
    Stale,
}

/// Recognises digits, each once, whatever is lost, repeated or reordered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    open: Option<Open>,
}

impl Receiver {
    /// Takes a packet: where it stands, and the digit that has ended by it (the one before, where
    /// that one's end was lost and this packet begins another).
    pub fn packet(
        &mut self,
        now: Time,
        timestamp: u32,
        payload: Payload,
    ) -> (Place, Option<Pressed>) {
        let duration = u32::from(payload.duration);
        let open = match &mut self.open {
            Some(open) if belongs(open, timestamp, payload) => open,
            // An event before this one; a source that began anew is far away or long after.
            Some(open)
                if (-8_000..0).contains(&ahead(timestamp, open.timestamp))
                    && now.saturating_sub(open.last) < LOST_END =>
            {
                return (Place::Stale, None);
            }
            _ => {
                let before = self.close();
                self.open = Some(Open {
                    event: payload.event,
                    timestamp,
                    duration,
                    last: now,
                    // One digit at a time: this one's end comes again, or is missed.
                    ended: payload.end && before.is_none(),
                });
                let pressed = Pressed { event: payload.event, duration };
                return (Place::First, before.or(payload.end.then_some(pressed)));
            }
        };
        open.last = now;
        // Segments of a long event come with a later timestamp (RFC 4733 section 2.5.1.3).
        let offset = ahead(timestamp, open.timestamp).unsigned_abs();
        open.duration = open.duration.max(offset + duration).min(LONGEST);
        let ends = payload.end && !open.ended;
        open.ended |= payload.end;
        let pressed = Pressed { event: open.event, duration: open.duration };
        (Place::Later, ends.then_some(pressed))
    }

    /// Ends an event whose end was lost. Call it now and then.
    pub fn timeout(&mut self, now: Time) -> Option<Pressed> {
        let open = self.open.as_mut().filter(|open| !open.ended)?;
        if now.saturating_sub(open.last) < LOST_END {
            return None;
        }
        open.ended = true;
        Some(Pressed { event: open.event, duration: open.duration })
    }

    /// Whether an event goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some_and(|open| !open.ended)
    }

    fn close(&mut self) -> Option<Pressed> {
        let open = self.open.take().filter(|open| !open.ended)?;
        Some(Pressed { event: open.event, duration: open.duration })
    }
}

fn belongs(open: &Open, timestamp: u32, payload: Payload) -> bool {
    if payload.event != open.event {
        return false;
    }
    // The next segment of a long event begins where the full one ended.
    let next = open.timestamp.wrapping_add(0xffff);
    timestamp == open.timestamp
        || (!open.ended && open.duration >= 0xf000 && ahead(timestamp, next).abs() < 0x1000)
}

/// What to send for a frame of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An event's packet; the first has no time behind it in the stream.
    Event {
        /// The payload.
        payload: Payload,
        /// The first packet of the event.
        first: bool,
        /// How many copies to send: three of the end.
        copies: u8,
    },
    /// The pause between digits: nothing but what the leg hears anyway.
    Pause,
}

/// Digits waiting to be sent to a leg.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    waiting: VecDeque<(u8, u16)>,
    /// The present event, how long it lasts and has lasted, in timestamp units.
    now: Option<(u8, u16, u16)>,
    pause: u8,
}

/// Most digits that wait.
const WAITING_MAX: usize = 64;
/// Frames between two digits.
const PAUSE: u8 = 3;
/// Timestamp units in a frame.
const FRAME: u16 = 160;

impl Sender {
    /// Adds digits; what is no digit is skipped.
    pub fn push(&mut self, digits: &str, duration_ms: u16) {
        let duration = duration_ms.clamp(40, 6_000) / 20 * FRAME;
        for event in digits.chars().filter_map(event) {
            if self.waiting.len() < WAITING_MAX {
                self.waiting.push_back((event, duration));
            }
        }
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.now.is_none() && self.pause == 0 && self.waiting.is_empty()
    }

    /// The next 20 ms; `None` when idle.
    pub fn step(&mut self) -> Option<Step> {
        if self.now.is_none() && self.pause > 0 {
            self.pause -= 1;
            return Some(Step::Pause);
        }
        let first = self.now.is_none();
        let (event, length, done) = match self.now {
            Some(now) => now,
            None => self.waiting.pop_front().map(|(event, length)| (event, length, 0))?,
        };
        let done = done + FRAME;
        let end = done >= length;
        self.now = (!end).then_some((event, length, done));
        if end {
            self.pause = PAUSE;
        }
        let payload = Payload { event, end, volume: 10, duration: done };
        Some(Step::Event { payload, first, copies: if end { 3 } else { 1 } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    /// Packets as (ms, timestamp, event, end, duration); all digits that come of them.
    fn check(packets: &[(u64, u32, u8, bool, u16)], expected: &[(char, u32)]) {
        let mut receiver = Receiver::default();
        let mut digits = Vec::new();
        let mut last = 0;
        for &(at, timestamp, event, end, duration) in packets {
            digits.extend(receiver.timeout(ms(at)));
            let payload = Payload { event, end, volume: 10, duration };
            digits.extend(receiver.packet(ms(at), timestamp, payload).1);
            last = at;
        }
        digits.extend(receiver.timeout(ms(last + 1_000)));
        digits.extend(receiver.timeout(ms(last + 2_000)));
        let seen: Vec<_> = digits.iter().map(|p| (digit(p.event).unwrap(), p.duration)).collect();
        assert_eq!(seen, expected, "{packets:?}");
    }

    #[test]
    fn each_digit_once() {
        // As it should be, the end three times.
        check(
            &[
                (0, 5, 1, false, 160),
                (20, 5, 1, false, 320),
                (40, 5, 1, true, 480),
                (40, 5, 1, true, 480),
                (40, 5, 1, true, 480),
            ],
            &[('1', 480)],
        );
        // All ends lost, then silence.
        check(&[(0, 5, 11, false, 160), (20, 5, 11, false, 320)], &[('#', 320)]);
        // All ends lost, then the same key again.
        check(
            &[(0, 5, 2, false, 160), (100, 2_005, 2, false, 160), (120, 2_005, 2, true, 320)],
            &[('2', 160), ('2', 320)],
        );
        // An end that comes after the next has begun, and an update after the end.
        check(
            &[
                (0, 5, 3, false, 160),
                (20, 5, 3, true, 320),
                (40, 1_005, 4, false, 160),
                (41, 5, 3, true, 320),
                (60, 1_005, 4, true, 320),
                (61, 1_005, 4, false, 160),
            ],
            &[('3', 320), ('4', 320)],
        );
        // Only one end packet survived.
        check(&[(0, 5, 10, true, 800)], &[('*', 800)]);
        // A late repetition of the end after a timeout.
        check(&[(0, 5, 6, false, 160), (400, 5, 6, true, 480)], &[('6', 160)]);
        // The timestamp wraps.
        check(&[(0, u32::MAX, 7, true, 160), (90, 900, 7, true, 160)], &[('7', 160), ('7', 160)]);
    }

    #[test]
    fn a_long_event_in_segments_is_one_digit() {
        check(
            &[
                (0, 0, 9, false, 0xff00),
                (20, 0, 9, false, 0xffff),
                (40, 0xffff, 9, false, 160),
                (60, 0xffff, 9, true, 320),
            ],
            &[('9', 0xffff + 320)],
        );
    }

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
    fn digits_are_sent_with_three_ends_and_a_pause() {
        let mut sender = Sender::default();
        sender.push("1 x2", 60);
        let mut log = String::new();
        while let Some(step) = sender.step() {
            match step {
                Step::Pause => log.push('.'),
                Step::Event { payload, first, copies } => {
                    log.push_str(if first { "(" } else { "" });
                    log.push(digit(payload.event).unwrap());
                    log.push_str(if copies == 3 { ")" } else { "" });
                    assert_eq!(payload.end, copies == 3);
                }
            }
        }
        assert_eq!(log, "(111)...(222)...");
        assert!(sender.is_idle());
    }
}
