//! What came from a peer (RFC 3550 A.1, A.3 and A.8).

use super::Block;
use crate::Time;
use crate::rtp::{ahead, ahead16};

/// Counts of what came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    ssrc: u32,
    started: bool,
    first: u16,
    highest: u16,
    cycles: u32,
    received: u32,
    /// Of sources before this one.
    lost_before: u64,
    expected_then: u32,
    received_then: u32,
    transit: u32,
    /// In 1/16 of a timestamp unit.
    jitter: u32,
    report: Option<(u32, Time)>,
}

impl Statistics {
    /// Takes a packet. Returns whether its source is another than before.
    pub fn record(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        now: Time,
        rate_hz: u32,
    ) -> bool {
        let arrival = u64::from(now.subsec_micros()) * u64::from(rate_hz) / 1_000_000;
        let arrival = u32::try_from(arrival).unwrap_or(0);
        let seconds = u32::try_from(now.as_secs() & 0xffff_ffff).unwrap_or(0);
        let transit = seconds.wrapping_mul(rate_hz).wrapping_add(arrival).wrapping_sub(timestamp);
        let fresh = !self.started || ssrc != self.ssrc;
        let step = ahead16(sequence, self.highest);
        // RFC 3550 A.1: a jump this large is a sender that began anew.
        if fresh || !(-100..3_000).contains(&step) {
            *self = Self {
                ssrc,
                started: true,
                first: sequence,
                highest: sequence,
                received: 1,
                lost_before: self.lost(),
                transit,
                jitter: self.jitter,
                report: self.report.filter(|_| !fresh),
                ..Self::default()
            };
            return fresh;
        }
        self.received = self.received.saturating_add(1);
        if step > 0 {
            if sequence < self.highest {
                self.cycles = self.cycles.wrapping_add(1 << 16);
            }
            self.highest = sequence;
        }
        let difference = ahead(transit, self.transit).unsigned_abs();
        self.transit = transit;
        // A talkspurt after a pause may jump; it says nothing of the network.
        if difference < rate_hz {
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        false
    }

    /// Takes a packet that carries no audio, so that its number does not count as lost. Its
    /// timestamp says nothing of its journey, and another source of it nothing of the audio's.
    pub fn record_event(&mut self, ssrc: u32, sequence: u16, now: Time) {
        let step = ahead16(sequence, self.highest);
        if self.ssrc() == Some(ssrc) && (-100..3_000).contains(&step) {
            let transit = self.transit;
            let jitter = self.jitter;
            self.record(ssrc, sequence, 0, now, 8_000);
            (self.transit, self.jitter) = (transit, jitter);
        }
    }

    /// The source in use.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.started.then_some(self.ssrc)
    }

    /// Interarrival jitter in timestamp units.
    #[must_use]
    pub fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    fn expected(&self) -> u32 {
        let highest = self.cycles.wrapping_add(u32::from(self.highest));
        if self.started { highest.wrapping_sub(u32::from(self.first)).wrapping_add(1) } else { 0 }
    }

    /// Packets that never came, of all sources so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost_before + u64::from(self.expected().saturating_sub(self.received))
    }

    /// Remembers the peer's sender report.
    pub fn reported(&mut self, middle: u32, now: Time) {
        self.report = Some((middle, now));
    }

    /// A report block, and the beginning of the next interval.
    pub fn block(&mut self, now: Time) -> Option<Block> {
        if !self.started {
            return None;
        }
        let expected = self.expected();
        let interval = expected.wrapping_sub(self.expected_then);
        let came = self.received.wrapping_sub(self.received_then);
        let missing = interval.saturating_sub(came);
        let fraction = (u64::from(missing) << 8) / u64::from(interval.max(1));
        (self.expected_then, self.received_then) = (expected, self.received);
        let (last_report, delay) = match self.report {
            Some((middle, at)) => {
                let delay = now.saturating_sub(at).as_micros() << 16;
                (middle, u32::try_from(delay / 1_000_000).unwrap_or(u32::MAX))
            }
            None => (0, 0),
        };
        Some(Block {
            ssrc: self.ssrc,
            fraction: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: expected.wrapping_sub(self.received).cast_signed(),
            highest: self.cycles.wrapping_add(u32::from(self.highest)),
            jitter: self.jitter(),
            last_report,
            delay,
        })
    }
}
