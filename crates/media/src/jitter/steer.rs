//! When the delay is changed while somebody speaks.
//!
//! A packet is needed at the pull that cannot be served without it; what it may be late by then is
//! its slack. The pulls come at one beat: the slacks of packets of 20 ms are the same but for whole
//! frames, whatever waits decoded besides, and that is waste. So the delay can be shortened by the
//! waste, and by whole frames where the slack is more than wanted by that; and is lengthened where
//! the slack is less than wanted.

use super::ring::Found;
use super::stretch::{LAG_MAX_MS, lengthen, shorten};
use super::{Buffer, FRAME_MS, Play, Time};

/// Pulls over which slack and waste are watched.
const WINDOW: u8 = 25;
/// Windows in a row in which there was too much, before a voice is hurried.
const PATIENCE: u8 = 3;
/// Pulls between two stretches.
const APART: u8 = 3;
/// How alike two periods must be at first; less is asked for with each vain try.
const ALIKE: f32 = 0.9;
const LESS_ALIKE: f32 = 0.02;
const ALIKE_MIN: f32 = 0.5;
/// Less waste than this is none.
const WASTE_MS: u32 = 5;
/// A frame is quiet whose loudest sample is below the loudest of the last seconds by this, as a shift.
const QUIET_BY: u32 = 5;

#[derive(Clone, Copy, Debug)]
pub(super) struct Steer {
    pulls: u8,
    /// In the window: least slack beyond what is wanted, least waste, in ticks.
    slack_min: i32,
    waste_min: u32,
    windows: u8,
    /// Ticks that may be left out.
    surplus: u32,
    /// The last packet had less slack than wanted.
    is_short: bool,
    since: u8,
    tries: u8,
    /// The loudest sample of the last seconds, and of the last frame.
    loud: u16,
    peak: u16,
}

impl Default for Steer {
    fn default() -> Self {
        Self {
            pulls: 0,
            slack_min: i32::MAX,
            waste_min: u32::MAX,
            windows: 0,
            surplus: 0,
            is_short: false,
            since: 0,
            tries: 0,
            loud: 0,
            peak: 0,
        }
    }
}

impl Steer {
    /// The reading was placed anew.
    pub(super) fn begin(&mut self) {
        *self = Self { loud: self.loud, peak: self.peak, ..Self::default() };
    }

    /// What was played.
    pub(super) fn heard(&mut self, peak: u16) {
        self.peak = peak;
        self.loud = peak.max(self.loud - self.loud / 256);
    }

    fn is_quiet(&self) -> bool {
        self.peak < super::QUIET.max(self.loud >> QUIET_BY)
    }

    fn alike(&self) -> f32 {
        if self.is_quiet() {
            return -1.0;
        }
        (ALIKE - LESS_ALIKE * f32::from(self.tries)).max(ALIKE_MIN)
    }

    fn tried(&mut self, done: bool) {
        if done {
            (self.since, self.tries) = (0, 0);
        } else {
            self.tries = self.tries.saturating_add(1);
        }
    }
}

impl Buffer {
    /// Looks at how much there is, before a pull.
    pub(super) fn weigh(&mut self, now: Time) {
        let Play::At(play) = self.play else { return };
        let clock = self.clock_hz();
        let frame = FRAME_MS * clock / 1_000;
        let pending = self.pending_ticks();
        self.steer.since = self.steer.since.saturating_add(1);
        // The last packet that this pull needs, which may be decoded already.
        let step = self.step.max(1).cast_signed();
        let more = (frame.cast_signed() - pending.cast_signed() - 1).div_euclid(step) * step;
        let slack = self.delay.slack(now, play.wrapping_add_signed(more));
        let slack = slack.saturating_sub(self.delay.wanted().cast_signed());
        let unit = self.step.clamp(1, frame);
        let steer = &mut self.steer;
        steer.slack_min = steer.slack_min.min(slack);
        steer.is_short = slack < 0;
        steer.waste_min = steer.waste_min.min(pending % unit);
        steer.pulls += 1;
        if steer.pulls < WINDOW {
            return;
        }
        let spare = steer.slack_min.max(0).unsigned_abs() / unit * unit;
        let surplus = if steer.slack_min < 0 { 0 } else { spare + steer.waste_min };
        // A clock that jumps may be half its range ahead.
        let is_waste = u64::from(surplus) * 1_000 >= u64::from(WASTE_MS * clock);
        steer.windows = if is_waste { steer.windows + 1 } else { 0 };
        let is_time = steer.windows >= PATIENCE || steer.is_quiet();
        steer.surplus = if is_time && steer.windows > 0 { surplus } else { 0 };
        steer.windows = steer.windows.min(PATIENCE);
        (steer.pulls, steer.slack_min, steer.waste_min) = (0, i32::MAX, u32::MAX);
    }

    pub(super) fn pending_ticks(&self) -> u32 {
        let ticks = self.stage.pending() as u64 * u64::from(self.clock_hz());
        u32::try_from(ticks / u64::from(self.stage.hz())).unwrap_or(u32::MAX)
    }

    /// Leaves a period out, if there is too much and enough of it is there.
    pub(super) fn shorten(&mut self) {
        let Play::At(_) = self.play else { return };
        if self.steer.surplus == 0 || self.steer.since < APART {
            return;
        }
        self.read_ahead();
        let frame = self.frame();
        let most = self.samples(self.steer.surplus).min(self.stage.pending().saturating_sub(frame));
        let removed = shorten(&mut self.stage, most, self.steer.alike());
        self.steer.tried(removed > 0);
        let ticks = removed as u64 * u64::from(self.clock_hz()) / u64::from(self.stage.hz());
        let ticks = u32::try_from(ticks).unwrap_or(0);
        self.steer.surplus = self.steer.surplus.saturating_sub(ticks);
    }

    /// Plays a period twice, if packets have come nearly too late.
    pub(super) fn lengthen(&mut self) {
        let Play::At(_) = self.play else { return };
        if self.steer.is_short && self.steer.since >= APART && self.hole.is_none() {
            let added = lengthen(&mut self.stage, self.steer.alike());
            self.steer.tried(added > 0);
        }
    }

    /// Decodes more than is played next, if it is there.
    fn read_ahead(&mut self) {
        let wanted = self.frame() + self.stage.of_ms(LAG_MAX_MS);
        while self.stage.pending() < wanted {
            let Play::At(play) = self.play else { return };
            let Found::Packet(packet, into) = self.ring.find(play) else { return };
            let before = self.stage.pending();
            if packet.codec.audio_hz() != self.stage.hz() {
                return;
            }
            self.decode(&packet, into, 0);
            if self.stage.pending() == before {
                return;
            }
        }
    }
}
