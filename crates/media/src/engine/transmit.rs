//! What a leg is sent, seen from the leg: one SSRC, one unbroken run of sequence numbers and
//! timestamps, whatever its source becomes.
//!
//! A frame of ours continues where the last packet ended; after a pause the timestamp has moved by
//! the pause. A forwarded packet keeps its distance to its neighbours, so that the listener sees
//! the loss and jitter that are real.

use crate::dtmf::Progress;
use crate::rtp::{Header, ahead, ahead16};
use crate::{LegId, Time};

/// A pause of so many milliseconds is jitter: the timestamps run on.
const TOLERANCE_MS: u32 = 40;
/// A jump of the forwarded timestamp by so many milliseconds is a new beginning.
const JUMP_MS: u32 = 2_000;
/// The same for sequence numbers.
const LOSS: i16 = 100;
/// An event that goes on no longer than this without a packet lets audio through again.
const EVENT_GAP: Time = Time::from_millis(100);
/// One that goes on no longer than this is over: whoever presses is gone. Twice as long as it takes
/// to find an end lost.
const EVENT_LOST: Time = Time::from_millis(400);
/// How often the end of an event is sent (RFC 4733 section 2.5.1.4).
const ENDS: u8 = 3;

/// How a forwarded source is mapped onto the leg's own numbers.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    first: u16,
}

/// Whose event it is: the leg that presses, and which of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) from: LegId,
    pub(super) number: u32,
}

/// An event on its way to the leg, or the last one that was.
#[derive(Clone, Copy, Debug)]
struct Relay {
    key: Key,
    timestamp: u32,
    last: Time,
    /// What was sent of it last.
    progress: Progress,
    /// How long it had lasted by what was sent of it.
    told: u32,
    /// How often its end was sent.
    ends: u8,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Transmitter {
    pub(super) ssrc: u32,
    /// Timestamp units in a millisecond.
    per_ms: u32,
    /// The next ones.
    pub(super) sequence: u16,
    pub(super) timestamp: u32,
    /// Of the last packet.
    length: u32,
    last: Option<Time>,
    mark: bool,
    anchor: Option<Anchor>,
    relay: Option<Relay>,
    /// Sequence numbers that have passed, those that were lost before us included.
    pub(super) numbers: u64,
    pub(super) packets: u64,
    pub(super) octets: u64,
}

impl Transmitter {
    pub(super) fn new(ssrc: u32, rtp_hz: u32) -> Self {
        // Neither number need be secret, but not everybody should start at zero.
        let mixed = ssrc.wrapping_mul(0x9e37_79b9) ^ ssrc.rotate_left(13);
        let [s0, s1, ..] = mixed.to_be_bytes();
        Self {
            ssrc,
            per_ms: rtp_hz / 1_000,
            sequence: u16::from_be_bytes([s0, s1]) >> 1,
            timestamp: mixed.wrapping_mul(0x85eb_ca6b),
            length: 0,
            last: None,
            mark: true,
            anchor: None,
            relay: None,
            numbers: 0,
            packets: 0,
            octets: 0,
        }
    }

    /// Goes on where another engine has left off.
    pub(super) fn resume(&mut self, sequence: u16, timestamp: u32, last: Option<Time>) {
        (self.sequence, self.timestamp, self.last) = (sequence, timestamp, last);
    }

    /// The timestamp's clock from now on: another codec.
    pub(super) fn clock_is(&mut self, rtp_hz: u32) {
        self.per_ms = rtp_hz / 1_000;
    }

    /// The leg hears something else from now on.
    pub(super) fn turn(&mut self) {
        self.mark = true;
        self.anchor = None;
    }

    /// When anything was last sent.
    pub(super) fn last(&self) -> Option<Time> {
        self.last
    }

    /// The timestamp of a packet that begins now.
    fn due(&self, now: Time) -> u32 {
        let Some(last) = self.last else { return self.timestamp };
        let elapsed = self.ticks(now.saturating_sub(last));
        if elapsed > self.length + TOLERANCE_MS * self.per_ms {
            self.timestamp.wrapping_add(elapsed - self.length)
        } else {
            self.timestamp
        }
    }

    /// The timestamp of this moment, for a sender report.
    pub(super) fn clock(&self, now: Time) -> u32 {
        let since = self.last.map_or(0, |last| self.ticks(now.saturating_sub(last)));
        self.timestamp.wrapping_sub(self.length).wrapping_add(since)
    }

    /// Numbers a frame of ours.
    pub(super) fn frame(&mut self, now: Time, length: u32) -> Header {
        let timestamp = self.due(now);
        self.anchor = None;
        self.step(now, timestamp, length)
    }

    fn step(&mut self, now: Time, timestamp: u32, length: u32) -> Header {
        let header = Header {
            payload_type: 0,
            marker: core::mem::take(&mut self.mark),
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.numbers += 1;
        self.timestamp = timestamp.wrapping_add(length);
        self.length = length;
        self.last = Some(now);
        header
    }

    /// Numbers a packet that is forwarded; `None` for one from before the leg heard this source.
    pub(super) fn forward(&mut self, now: Time, from: &Header, length: u32) -> Option<Header> {
        let anchor = self.anchor.filter(|anchor| self.fits(anchor, from));
        let anchor = anchor.unwrap_or_else(|| {
            self.mark = true;
            Anchor {
                ssrc: from.ssrc,
                sequence: self.sequence.wrapping_sub(from.sequence),
                timestamp: self.due(now).wrapping_sub(from.timestamp),
                first: self.sequence,
            }
        });
        let sequence = from.sequence.wrapping_add(anchor.sequence);
        let timestamp = from.timestamp.wrapping_add(anchor.timestamp);
        self.anchor = Some(anchor);
        if ahead16(sequence, anchor.first) < 0 {
            return None;
        }
        let marker = from.marker || core::mem::take(&mut self.mark);
        if let Ok(left_out) = u64::try_from(ahead16(sequence, self.sequence)) {
            self.numbers += left_out + 1;
            self.sequence = sequence.wrapping_add(1);
            self.timestamp = timestamp.wrapping_add(length);
            self.length = length;
            self.last = Some(now);
        }
        Some(Header { payload_type: 0, marker, sequence, timestamp, ssrc: self.ssrc })
    }

    fn fits(&self, anchor: &Anchor, from: &Header) -> bool {
        let sequence = ahead16(from.sequence.wrapping_add(anchor.sequence), self.sequence);
        let timestamp = ahead(from.timestamp.wrapping_add(anchor.timestamp), self.timestamp);
        anchor.ssrc == from.ssrc
            && (-LOSS..LOSS).contains(&sequence)
            && timestamp.unsigned_abs() < JUMP_MS * self.per_ms
    }

    fn ticks(&self, time: Time) -> u32 {
        // Longer pauses than a day say nothing more.
        let ticks = time.as_micros() * u128::from(self.per_ms) / 1_000;
        u32::try_from(ticks).unwrap_or(u32::MAX >> 1)
    }

    /// Begins an event: the one before must be over.
    pub(super) fn begin_event(&mut self, now: Time, key: Key, progress: Progress) {
        self.mark = true;
        let timestamp = self.due(now);
        self.relay = Some(Relay { key, timestamp, last: now, progress, told: 0, ends: 0 });
    }

    /// Numbers a packet of the event that was begun, whose timestamp stays that of its beginning; so
    /// far it has lasted for `duration` by the leg's clock. `None` once it is over.
    pub(super) fn event(&mut self, now: Time, progress: Progress, duration: u32) -> Option<Header> {
        let relay = self.relay.filter(|relay| relay.ends < ENDS)?;
        self.anchor = None;
        let next = relay.timestamp.wrapping_add(duration);
        let length = duration.min(20 * self.per_ms);
        let ends = relay.ends + u8::from(progress.end);
        let told = relay.told.max(progress.duration);
        self.relay = Some(Relay { last: now, progress, told, ends, ..relay });
        let keep = self.timestamp;
        let header = self.step(now, relay.timestamp, length);
        self.timestamp = if ahead(next, keep) > 0 { next } else { keep };
        Some(header)
    }

    /// How long the event has lasted by what was sent of it.
    pub(super) fn told(&self) -> u32 {
        self.relay.map_or(0, |relay| relay.told)
    }

    /// The end that an event lacks, if it does.
    pub(super) fn owed_end(&self) -> Option<Progress> {
        let relay = self.relay.filter(|relay| relay.ends < ENDS)?;
        Some(Progress { end: true, ..relay.progress })
    }

    /// The event can be sent no more.
    pub(super) fn forget_event(&mut self) {
        self.relay = None;
    }

    /// Whether this key is, or was, the one that the leg was sent last.
    pub(super) fn knows(&self, key: Key) -> bool {
        self.relay.is_some_and(|relay| relay.key == key)
    }

    /// Whose event is on its way.
    pub(super) fn pressed_by(&self, now: Time) -> Option<LegId> {
        let is_open = |r: &Relay| r.ends == 0 && now.saturating_sub(r.last) < EVENT_LOST;
        self.relay.filter(is_open).map(|relay| relay.key.from)
    }

    /// Whether an event is being sent, in place of audio.
    pub(super) fn is_in_event(&self, now: Time) -> bool {
        self.relay.is_some_and(|r| r.ends == 0 && now.saturating_sub(r.last) < EVENT_GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }

    fn packet(ssrc: u32, sequence: u16, timestamp: u32) -> Header {
        Header { ssrc, sequence, timestamp, ..Header::default() }
    }

    #[test]
    fn numbers_run_on_over_every_change_of_source() {
        let mut tx = Transmitter::new(77, 8_000);
        let (s, t) = (tx.sequence, tx.timestamp);
        let mut seen = Vec::new();
        let mut note = |header: Option<Header>| {
            seen.extend(header.map(|h| {
                assert_eq!(h.ssrc, 77);
                (h.sequence.wrapping_sub(s), h.timestamp.wrapping_sub(t), h.marker)
            }));
        };
        note(Some(tx.frame(ms(0), 160)));
        note(Some(tx.frame(ms(20), 160)));
        tx.turn();
        note(tx.forward(ms(43), &packet(1, 500, 9_000), 160));
        note(tx.forward(ms(60), &packet(1, 502, 9_320), 160));
        note(tx.forward(ms(61), &packet(1, 501, 9_160), 160));
        note(tx.forward(ms(62), &packet(1, 499, 8_840), 160));
        // Another source on the same leg, then a frame after a pause of a second.
        note(tx.forward(ms(80), &packet(2, 7, 1), 240));
        tx.turn();
        note(Some(tx.frame(ms(1_080), 160)));
        let expected = [
            (0, 0, true),
            (1, 160, false),
            (2, 320, true),
            (4, 640, false),
            (3, 480, false),
            (5, 800, true),
            (6, 8_800, true),
        ];
        assert_eq!(seen, expected);
    }

    fn progress(duration: u32, end: bool) -> Progress {
        Progress { event: 5, end, volume: 10, duration }
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_audio_goes_on_after_it() {
        let mut tx = Transmitter::new(1, 8_000);
        let t = tx.timestamp;
        tx.frame(ms(0), 160);
        let key = Key { from: LegId(2), number: 7 };
        tx.begin_event(ms(20), key, progress(160, false));
        for (n, at) in [20u32, 40, 60, 60, 60].into_iter().enumerate() {
            let (now, end) = (ms(at.into()), n >= 2);
            let header = tx.event(now, progress(at * 8, end), at * 8).unwrap();
            assert_eq!((header.timestamp.wrapping_sub(t), header.marker), (160, n == 0));
            assert_eq!(tx.is_in_event(now), !end);
            assert_eq!(tx.pressed_by(now), (!end).then_some(LegId(2)));
        }
        // Three ends are enough.
        assert_eq!((tx.event(ms(61), progress(480, true), 480), tx.owed_end()), (None, None));
        assert!(tx.knows(key));
        let after = tx.frame(ms(80), 160);
        assert_eq!(after.timestamp.wrapping_sub(t), 160 + 480);
        assert_eq!(after.sequence, tx.sequence.wrapping_sub(1));
    }

    #[test]
    fn an_event_that_is_cut_short_owes_its_ends() {
        let mut tx = Transmitter::new(1, 8_000);
        tx.begin_event(ms(20), Key { from: LegId(2), number: 1 }, progress(160, false));
        tx.event(ms(20), progress(160, false), 160);
        let mut ends = 0;
        while let Some(owed) = tx.owed_end() {
            assert_eq!(owed, progress(160, true));
            tx.event(ms(25), owed, 160).unwrap();
            ends += 1;
        }
        assert_eq!(ends, 3);
    }
}
