//! Keys on their way to those who hear who presses them: one at a time for each listener.
//!
//! - A key is passed on packet by packet as it comes, if the listener knows telephone-event and is
//!   sent no other then.
//! - Whatever else is pressed meanwhile, by somebody else or by order, waits: a speaker's key until it
//!   is over, and then as one among the listener's own digits. So does one that the listener came
//!   to hear the middle of.
//! - What was begun is ended, three times over, before another key or another source: where the
//!   listener hears its speaker no more it ends there, as long as it was until then.

use super::Engine;
use super::leg::Leg;
use super::outbox::Outbox;
use super::transmit::Key;
use super::types::{Counters, Event};
use crate::dtmf::{self, Payload, Place, Pressed, Progress, Step, rescaled};
use crate::{Events, FRAME, Hears, RATE_HZ, Row, Time, sound};

/// The highest event that our SDP names, a hook flash; others were not agreed upon.
const HIGHEST: u8 = 16;

impl Engine {
    /// A packet of a key came.
    pub(super) fn key(
        &mut self,
        now: Time,
        slot: usize,
        leg: &mut Leg,
        event: (u32, Payload, u32),
    ) {
        let (timestamp, payload, clock) = event;
        if !leg.plan.receive || payload.event > HIGHEST {
            return;
        }
        let heard = leg.keys.packet(now, timestamp, payload, clock);
        let was_withheld = leg.is_withheld;
        if heard.place == Place::First {
            leg.is_withheld = leg.guard.withholds(payload.event);
        }
        if let Some(pressed) = heard.pressed {
            // The first packet of one key may end the one before.
            let is_before = heard.place == Place::First && !payload.end;
            let is_withheld = if is_before { was_withheld } else { leg.is_withheld };
            self.pressed(leg, pressed, is_withheld);
        }
        if leg.keys.is_open() && !self.pressing.contains(&slot) {
            self.pressing.push(slot);
        }
        if heard.place != Place::Stale && !leg.is_withheld {
            let key = Key { from: leg.plan.leg, number: heard.number };
            self.relay(now, leg, (key, heard.place), heard.progress);
        }
    }

    /// A key is over: it is told, and unless it is withheld waits its turn where it was not passed on
    /// as it came.
    fn pressed(&mut self, leg: &Leg, pressed: Pressed, is_withheld: bool) {
        if let Some(digit) = dtmf::digit(pressed.event) {
            let duration_ms = pressed.duration / (RATE_HZ / 1_000);
            self.outbox.event(Event::Dtmf { leg: leg.plan.leg, digit, duration_ms });
        }
        let key = Key { from: leg.plan.leg, number: pressed.number };
        for ear in leg.ears.iter().filter(|_| !is_withheld) {
            let listener = self.legs.get_mut(ear.slot).and_then(Option::as_deref_mut);
            if let Some(listener) = listener.filter(|leg| !leg.tx.knows(key)) {
                listener.digits.relay(pressed);
            }
        }
    }

    /// Passes an event on to all who hear its sender, forwarded to or mixed for.
    fn relay(&mut self, now: Time, leg: &Leg, whose: (Key, Place), progress: Progress) {
        for ear in &leg.ears {
            if let Some(listener) = self.legs.get_mut(ear.slot).and_then(Option::as_deref_mut) {
                listener.relayed(now, whose, progress, &mut self.outbox, &mut self.counters);
            }
        }
    }

    /// Ends the events whose ends were lost.
    pub(super) fn lost_ends(&mut self, now: Time) {
        let mut index = 0;
        while let Some(slot) = self.pressing.get(index).copied() {
            let Some(mut leg) = self.legs.get_mut(slot).and_then(Option::take) else {
                self.pressing.swap_remove(index);
                continue;
            };
            if let Some(pressed) = leg.keys.timeout(now) {
                self.pressed(&leg, pressed, leg.is_withheld);
                let Pressed { number, event, duration } = pressed;
                let key = Key { from: leg.plan.leg, number };
                let progress = Progress { event, end: true, volume: 10, duration };
                for _ in 0..if leg.is_withheld { 0 } else { 3 } {
                    self.relay(now, &leg, (key, Place::Later), progress);
                }
            }
            if leg.keys.is_open() {
                index += 1;
            } else {
                self.pressing.swap_remove(index);
            }
            self.legs[slot] = Some(leg);
        }
    }

    /// Ends the event that somebody was sent, if they do not hear who presses any more.
    pub(super) fn end_unheard(&mut self, now: Time, row: &Row, conference: u64) {
        let Some(slot) = self.member(row.leg, conference) else { return };
        let presses = self.legs[slot].as_deref().and_then(|leg| leg.tx.pressed_by(now));
        let Some(from) = presses.filter(|from| *from != row.leg) else { return };
        let is_heard = matches!(&row.hears, Hears::Speakers(legs) if legs.contains(&from))
            && self.member(from, conference).is_some();
        if let Some(leg) = self.legs[slot].as_deref_mut().filter(|_| !is_heard) {
            leg.end_event(now, &mut self.outbox, &mut self.counters);
        }
    }
}

impl Leg {
    /// A packet of a speaker's key.
    fn relayed(
        &mut self,
        now: Time,
        (key, place): (Key, Place),
        progress: Progress,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        if place == Place::First {
            let presses = self.tx.pressed_by(now);
            let is_free = self.digits.is_idle() && presses.is_none_or(|other| other == key.from);
            if !is_free || !self.is_sent() || self.plan.events_out.is_none() {
                return;
            }
            self.begin_event(now, key, progress, outbox, counters);
        }
        if self.tx.knows(key) {
            self.event(now, progress, outbox, counters);
        }
    }

    fn is_sent(&self) -> bool {
        self.plan.send && self.latch.target().is_some()
    }

    fn begin_event(
        &mut self,
        now: Time,
        key: Key,
        progress: Progress,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        self.end_event(now, outbox, counters);
        self.tx.begin_event(now, key, progress);
    }

    /// Sends the ends that the last event lacks.
    pub(super) fn end_event(&mut self, now: Time, outbox: &mut Outbox, counters: &mut Counters) {
        while let Some(progress) = self.tx.owed_end() {
            self.event(now, progress, outbox, counters);
        }
    }

    /// Sends a packet of the present event, if the peer understands them.
    fn event(
        &mut self,
        now: Time,
        progress: Progress,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        let Some(Events { payload_type, hz }) = self.plan.events_out.filter(|_| self.is_sent())
        else {
            return self.tx.forget_event();
        };
        let clock = self.plan.codec.rtp_hz();
        for (payload, before) in progress.packets(hz, self.tx.told()) {
            // Where one segment ends the event goes on.
            let progress = Progress { end: payload.end, ..progress };
            let lasted = rescaled(before + u32::from(payload.duration), hz, clock);
            let Some(header) = self.tx.event(now, progress, lasted) else { return };
            let timestamp = header.timestamp.wrapping_add(rescaled(before, hz, clock));
            let header = crate::rtp::Header { timestamp, ..header };
            self.put(header, payload_type, &payload.bytes(), None, outbox, counters);
        }
    }

    /// Sends 20 ms of a digit, if one waits and nobody's key is on its way, and notes whether that, or
    /// somebody's key, takes the place of audio. Nothing is encoded then that is not sent: the peer's
    /// decoder would lose its way.
    pub(super) fn send_key(&mut self, now: Time, outbox: &mut Outbox, counters: &mut Counters) {
        let own = self.plan.leg;
        let waits = self.tx.pressed_by(now).is_some_and(|from| from != own);
        let step = if waits { None } else { self.digits.step() };
        let was_keyed = self.is_keyed;
        self.is_keyed = matches!(step, Some(Step::Event { .. })) || self.tx.is_in_event(now);
        if self.is_keyed && !was_keyed {
            // What others who hear the same are sent meanwhile it is not.
            self.coder.turn();
        }
        let Some(Step::Event { progress, first, copies }) = step else { return };
        if self.plan.events_out.is_some() {
            if first {
                // Nobody else's: it bears the listener's own name.
                let key = Key { from: own, number: 0 };
                self.begin_event(now, key, progress, outbox, counters);
            }
            for _ in 0..copies {
                self.event(now, progress, outbox, counters);
            }
            return;
        }
        self.digit_at = if first { 0 } else { self.digit_at + FRAME as u64 };
        let (low, high) = dtmf::tones(progress.event);
        let mut pcm = [0; FRAME];
        sound::pair(low, high, self.digit_at, &mut pcm);
        let payload = self.coder.encode(RATE_HZ, &pcm);
        self.frame(now, &payload, outbox, counters);
        if progress.end {
            self.coder.turn();
        }
    }
}
