//! What is done every 5 ms.

use super::coder::Payload;
use super::conference::tone_of;
use super::leg::{Feed, Leg};
use super::types::Event;
use super::{Engine, NO_AUDIO, phase_of, time_of};
use crate::codec::FRAME_MAX;
use crate::{FRAME, RATE_HZ, Time, sound};

/// Ticks in a second.
const SECOND: u64 = 200;
/// Each leg has its tick in a second: every so many are looked after together.
const SECOND_LEGS: usize = 200;
/// Frames of silence after which a forwarded speaker who sends nothing is left to be heard as that:
/// the listener's buffer has run out without a click.
const HUSH: u32 = 5;
/// From then on one frame in so many keeps the way open, through NAT and past the watch that peers
/// keep on dead audio. (RFC 6263 asks for one in 15 s; that watch is often set to less.)
const KEEP_ALIVE: u32 = 50;

impl Engine {
    /// One tick: the conferences of its phase, and each leg once a second.
    pub(super) fn tick(&mut self, tick: u64) {
        let now = time_of(tick);
        self.counters.ticks += 1;
        let phase = phase_of(tick);
        let mut index = 0;
        while let Some(slot) = self.phases[phase].get(index).copied() {
            index += 1;
            let Some(mut conference) = self.conferences.get_mut(slot).and_then(Option::take) else {
                continue;
            };
            if self.change_phase(tick, &mut conference, slot) {
                self.conferences[slot] = Some(conference);
                index -= 1;
                continue;
            }
            self.mix(now, tick, &mut conference);
            for listener in &conference.others {
                self.serve(now, tick, *listener);
            }
            self.forward_the_quiet(&mut conference);
            self.conferences[slot] = Some(conference);
        }
        self.lost_ends(now);
        self.look_after(now, tick);
    }

    /// Twenty milliseconds for a leg that is in no mix.
    fn serve(&mut self, now: Time, tick: u64, slot: usize) {
        let Some(mut leg) = self.legs.get_mut(slot).and_then(Option::take) else { return };
        leg.send_key(now, &mut self.outbox, &mut self.counters);
        if leg.is_keyed {
            self.legs[slot] = Some(leg);
            return;
        }
        let payload = match leg.feed {
            Feed::Nothing | Feed::Mix(_) => None,
            Feed::Silence | Feed::Over(_) => Some(leg.coder.silence()),
            Feed::Tone { ref source, ref mut at } => {
                let (hz, on_ms, off_ms) = tone_of(source);
                let mut pcm = [0; FRAME];
                sound::tone(hz, on_ms, off_ms, *at, &mut pcm);
                *at += FRAME as u64;
                Some(leg.coder.encode(RATE_HZ, &pcm))
            }
            Feed::Music { station, .. } => Some(self.hear_station(tick, station, &mut leg.coder)),
            Feed::Prompt { .. } => Some(self.play(&mut leg)),
            Feed::Forward(speaker) => {
                leg.gap = if self.is_gap(now, &leg, speaker) { leg.gap + 1 } else { 0 };
                let is_due = (1..=HUSH).contains(&leg.gap)
                    || leg.gap.is_multiple_of(KEEP_ALIVE) && leg.gap > 0;
                is_due.then(|| leg.coder.silence())
            }
        };
        if let Some(payload) = payload {
            leg.frame(now, &payload, &mut self.outbox, &mut self.counters);
        }
        self.legs[slot] = Some(leg);
    }

    /// The next 20 ms of a prompt. A sound that ends within them is followed by the next in the
    /// next ones.
    fn play(&mut self, leg: &mut Leg) -> Payload {
        let Feed::Prompt { source, clips, clip, at, missing } = &mut leg.feed else {
            return leg.coder.silence();
        };
        let sound = clips.get(*clip).and_then(|clip| self.sounds.get(*clip)?.as_ref());
        let payload = match sound {
            None => leg.coder.silence(),
            Some(sound) => {
                let mut pcm = [0; FRAME_MAX];
                *at += sound.samples.read(*at, &mut pcm[..sound.frame()]);
                if *at >= sound.samples.len() {
                    (*clip, *at) = (*clip + 1, 0);
                }
                leg.coder.encode(sound.hz, &pcm[..sound.frame()])
            }
        };
        if *clip >= clips.len() {
            let (play, missing) = (source.play(), missing.take());
            leg.feed = Feed::Over(source.clone());
            self.outbox.event(Event::Played { leg: leg.plan.leg, play, missing });
        }
        payload
    }

    /// Whether a forwarded speaker leaves the listener without anything.
    fn is_gap(&self, now: Time, leg: &Leg, speaker: usize) -> bool {
        let speaker = self.legs.get(speaker).and_then(Option::as_deref);
        let sending = speaker.is_some_and(|speaker| {
            speaker.plan.receive
                && speaker.is_sending(now)
                // It may send what cannot be forwarded.
                && leg.tx.last().is_some_and(|last| now.saturating_sub(last) < speaker.pause())
        });
        !sending
    }

    /// Once a second for each leg: dead audio, reports.
    fn look_after(&mut self, now: Time, tick: u64) {
        let first = usize::try_from(tick % SECOND).unwrap_or(0);
        for slot in (first..self.legs.len()).step_by(SECOND_LEGS) {
            let Some(leg) = self.legs[slot].as_deref_mut() else { continue };
            let silent = now.saturating_sub(leg.last_in) >= NO_AUDIO;
            if leg.plan.receive && silent && !leg.is_dead {
                leg.is_dead = true;
                self.outbox.event(Event::NoAudio { leg: leg.plan.leg, since: leg.last_in });
            }
            if leg.control.second() {
                leg.report(now, false, &mut self.outbox, &mut self.counters);
            }
        }
    }
}
