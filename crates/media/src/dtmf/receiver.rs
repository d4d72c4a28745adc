//! Recognising digits.

use super::{Payload, Progress, rescaled};
use crate::rtp::ahead;
use crate::{RATE_HZ, Time};

/// An event that was not ended and not continued for this long has ended unseen.
pub const LOST_END: Time = Time::from_millis(200);
/// Longest event taken seriously, in units of [`RATE_HZ`]: 30 s.
const LONGEST: u32 = 240_000;
/// What a segment's duration has come near when another segment follows.
const FULL: u32 = 0xf000;
/// How far from that the next segment may begin.
const NEAR: u32 = 0x1000;

/// A digit that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Which it was, as in [`Heard::number`].
    pub number: u32,
    /// The event code.
    pub event: u8,
    /// Its length in units of [`RATE_HZ`].
    pub duration: u32,
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

/// What a packet has told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which event it is of, counted since the beginning; of a stale one the one after it.
    pub number: u32,
    /// Where it stands.
    pub place: Place,
    /// What is passed on of it, unless it is stale.
    pub progress: Progress,
    /// The digit that has ended by it: its own, or the one before, where that one's end was lost
    /// and this packet begins another.
    pub pressed: Option<Pressed>,
}

/// An event, counted by the clock of its sender.
#[derive(Clone, Copy, Debug)]
struct Open {
    number: u32,
    event: u8,
    hz: u32,
    /// Where it began, and how far after that its present segment did.
    timestamp: u32,
    segment: u32,
    duration: u32,
    last: Time,
    ended: bool,
}

/// Recognises digits, each once, whatever is lost, repeated or reordered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    open: Option<Open>,
    /// Events so far.
    number: u32,
}

impl Receiver {
    /// Takes a packet of an event whose clock is `hz`.
    pub fn packet(&mut self, now: Time, timestamp: u32, payload: Payload, hz: u32) -> Heard {
        let Payload { event, end, volume, .. } = payload;
        let mut duration = u32::from(payload.duration);
        let (place, pressed) = match &mut self.open {
            Some(open) if let Some(offset) = open.offset(timestamp, event) => {
                open.last = now;
                duration += offset;
                open.segment = open.segment.max(offset);
                open.duration = open.duration.max(duration);
                let ends = end && !open.ended;
                open.ended |= end;
                (Place::Later, ends.then(|| open.pressed()))
            }
            // An event before this one; a source that began anew is far away or long after.
            Some(open) if open.is_before(timestamp) && now.saturating_sub(open.last) < LOST_END => {
                (Place::Stale, None)
            }
            _ => {
                let before = self.close();
                // One digit at a time: this one's end comes again, or is missed.
                let ended = end && before.is_none();
                self.number = self.number.wrapping_add(1);
                let number = self.number;
                let (last, segment) = (now, 0);
                let open = Open { number, event, hz, timestamp, segment, duration, last, ended };
                self.open = Some(open);
                (Place::First, before.or(end.then(|| open.pressed())))
            }
        };
        let duration = rescaled(duration, hz, RATE_HZ);
        let progress = Progress { event, end, volume, duration };
        Heard { number: self.number, place, progress, pressed }
    }

    /// Ends an event whose end was lost. Call it now and then.
    pub fn timeout(&mut self, now: Time) -> Option<Pressed> {
        let open = self.open.as_mut().filter(|open| !open.ended)?;
        if now.saturating_sub(open.last) < LOST_END {
            return None;
        }
        open.ended = true;
        Some(open.pressed())
    }

    /// Whether an event goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some_and(|open| !open.ended)
    }

    fn close(&mut self) -> Option<Pressed> {
        let open = self.open.take().filter(|open| !open.ended)?;
        Some(open.pressed())
    }
}

impl Open {
    /// How far after the beginning of this event a packet's segment begins, if it is one of this
    /// event's. The next segment begins where a full one ended (RFC 4733 section 2.5.1.3).
    fn offset(&self, timestamp: u32, event: u8) -> Option<u32> {
        let offset = u32::try_from(ahead(timestamp, self.timestamp)).ok()?;
        let next = self.segment + 0xffff;
        let is_next = !self.ended
            && self.duration - self.segment >= FULL
            && offset.abs_diff(next) < NEAR
            && offset < rescaled(LONGEST, RATE_HZ, self.hz);
        (event == self.event && (offset <= self.segment || is_next)).then_some(offset)
    }

    /// Up to a second before.
    fn is_before(&self, timestamp: u32) -> bool {
        let before = ahead(self.timestamp, timestamp);
        u32::try_from(before).is_ok_and(|before| before > 0 && before <= self.hz)
    }

    fn pressed(&self) -> Pressed {
        let duration = rescaled(self.duration, self.hz, RATE_HZ).min(LONGEST);
        Pressed { number: self.number, event: self.event, duration }
    }
}

#[cfg(test)]
mod tests {
    use super::super::digit;
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
            digits.extend(receiver.packet(ms(at), timestamp, payload, 8_000).pressed);
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
}
