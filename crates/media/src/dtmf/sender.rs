//! Sending digits.

use std::collections::VecDeque;

use super::{Pressed, Progress, event};

/// What to send for a frame of 20 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An event's packet; the first has no time behind it in the stream.
    Event {
        /// How far it is.
        progress: Progress,
        /// The first packet of the event.
        first: bool,
        /// How many copies to send: three of the end.
        copies: u8,
    },
    /// The pause between digits: nothing but what the leg hears anyway.
    Pause,
}

/// Digits waiting to be sent to a leg.
#[derive(Clone, Debug)]
pub struct Sender {
    waiting: VecDeque<(u8, u16)>,
    /// The present event, how long it lasts and has lasted, in units of [`RATE_HZ`](crate::RATE_HZ).
    now: Option<(u8, u16, u16)>,
    pause: u8,
}

impl Default for Sender {
    fn default() -> Self {
        Self { waiting: VecDeque::with_capacity(RELAYED_MAX), now: None, pause: 0 }
    }
}

/// Most digits that wait.
const WAITING_MAX: usize = 64;
/// Most digits of somebody else that wait: several who press at once are faster than one line of keys.
const RELAYED_MAX: usize = 32;
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

    /// Adds what somebody else has pressed. Takes no memory: one that comes while many wait is
    /// left out.
    pub fn relay(&mut self, pressed: Pressed) {
        let digit = super::digit(pressed.event);
        if digit.is_some() && self.waiting.len() < RELAYED_MAX {
            let duration = pressed.duration.clamp(40 * 8, 6_000 * 8) / u32::from(FRAME);
            let duration = u16::try_from(duration).unwrap_or(1) * FRAME;
            self.waiting.push_back((pressed.event, duration));
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
        let progress = Progress { event, end, volume: 10, duration: u32::from(done) };
        Some(Step::Event { progress, first, copies: if end { 3 } else { 1 } })
    }
}

#[cfg(test)]
mod tests {
    use super::super::digit;
    use super::*;

    #[test]
    fn digits_are_sent_with_three_ends_and_a_pause() {
        let mut sender = Sender::default();
        sender.push("1 x2", 60);
        let mut log = String::new();
        while let Some(step) = sender.step() {
            match step {
                Step::Pause => log.push('.'),
                Step::Event { progress, first, copies } => {
                    log.push_str(if first { "(" } else { "" });
                    log.push(digit(progress.event).unwrap());
                    log.push_str(if copies == 3 { ")" } else { "" });
                    assert_eq!(progress.end, copies == 3);
                }
            }
        }
        assert_eq!(log, "(111)...(222)...");
        assert!(sender.is_idle());
    }

    #[test]
    fn keys_of_others_wait_without_more_memory() {
        let mut sender = Sender::default();
        let room = sender.waiting.capacity();
        for _ in 0..100 {
            sender.relay(Pressed { number: 1, event: 5, duration: 800 });
            sender.relay(Pressed { number: 2, event: 99, duration: 800 });
        }
        assert_eq!((sender.waiting.len(), sender.waiting.capacity()), (RELAYED_MAX, room));
        assert!(sender.waiting.iter().all(|waiting| *waiting == (5, 800)));
    }
}
