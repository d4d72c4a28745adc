//! What is done every 5 ms.

use super::conference::{Conference, Mix, tone_of};
use super::leg::{Feed, Leg};
use super::types::Event;
use super::{Engine, NO_AUDIO, Sound, TICK, phase_of};
use crate::codec::Encoder;
use crate::dtmf::{self, Place, Step};
use crate::{Codec, FRAME, Source, Time, sound};

/// Ticks in a second.
const SECOND: u64 = 200;
/// Each leg has its tick in a second: every so many are looked after together.
const SECOND_LEGS: usize = 200;
/// Seconds between two reports of a leg.
const REPORT_S: u64 = 5;
/// Frames of silence after which a forwarded speaker who sends nothing is left to be heard as that:
/// the listener's buffer has run out without a click.
const HUSH: u32 = 5;
/// From then on one frame in so many keeps the way open, through NAT and past the watch that peers
/// keep on dead audio. (RFC 6263 asks for one in 15 s; that watch is often set to less.)
const KEEP_ALIVE: u32 = 50;
/// A frame of silence by each law.
const SILENCE: [i16; FRAME] = [0; FRAME];

impl Engine {
    /// One tick: the conferences of its phase, and each leg once a second.
    pub(super) fn tick(&mut self, tick: u64) {
        let now = Time::from_nanos(tick.saturating_mul(TICK.subsec_nanos().into()));
        self.counters.ticks += 1;
        let phase = phase_of(tick);
        for index in 0..self.phases[phase].len() {
            let slot = self.phases[phase][index];
            let Some(conference) = self.conferences.get_mut(slot).and_then(Option::take) else {
                continue;
            };
            self.mix(now, &conference);
            for listener in &conference.others {
                self.serve(now, *listener);
            }
            if self.has_fallen_silent(&conference) {
                self.stale.push(slot);
            }
            self.conferences[slot] = Some(conference);
        }
        self.lost_ends(now);
        self.look_after(now, tick);
        while let Some(slot) = self.stale.pop() {
            self.arrange(slot);
        }
    }

    fn mix(&mut self, now: Time, conference: &Conference) {
        if conference.mixes.is_empty() {
            return;
        }
        for (talker, frame) in conference.talkers.iter().zip(&mut self.frames) {
            match self.legs.get_mut(*talker).and_then(Option::as_deref_mut) {
                Some(leg) => leg.buffer.pull(frame),
                None => *frame = SILENCE,
            }
        }
        let talkers = &self.frames[..conference.talkers.len().min(self.frames.len())];
        let mut all = [0; FRAME];
        if conference.mixes.iter().any(|mix| mix.is_rest) {
            talkers.iter().for_each(|frame| add(&mut all, frame, 1));
        }
        for mix in &conference.mixes {
            let pcm = sum(mix, &all, talkers);
            let mut payload = [0; FRAME];
            let mut encoded: Option<Codec> = None;
            for (codec, listener) in &mix.listeners {
                if encoded != Some(*codec) {
                    Encoder::new(*codec).encode(&pcm, &mut payload);
                    encoded = Some(*codec);
                    self.counters.mixed += 1;
                }
                let Some(leg) = self.legs.get_mut(*listener).and_then(Option::as_deref_mut) else {
                    continue;
                };
                if !leg.send_digit(now, &mut self.outbox, &mut self.counters) {
                    leg.frame(now, &payload, &mut self.outbox, &mut self.counters);
                }
            }
        }
    }

    /// Twenty milliseconds for a leg that is in no mix.
    fn serve(&mut self, now: Time, slot: usize) {
        let Some(mut leg) = self.legs.get_mut(slot).and_then(Option::take) else { return };
        let digit = leg.send_digit(now, &mut self.outbox, &mut self.counters);
        let codec = leg.plan.codec;
        let mut payload = [0; FRAME];
        let wanted = match &mut leg.feed {
            Feed::Nothing | Feed::Mix(_) => false,
            Feed::Silence | Feed::Over(_) => {
                Encoder::new(codec).encode(&SILENCE, &mut payload);
                true
            }
            Feed::Tone { source, at } => {
                let (hz, on_ms, off_ms) = tone_of(source);
                let mut pcm = SILENCE;
                sound::tone(hz, on_ms, off_ms, *at, &mut pcm);
                *at += FRAME as u64;
                Encoder::new(codec).encode(&pcm, &mut payload);
                true
            }
            Feed::Sound { source, sound, at } => {
                let is_prompt = matches!(source, Source::Prompt { .. });
                let over = self.sounds[*sound].frame(codec, at, is_prompt, &mut payload);
                if over {
                    self.over(&mut leg);
                }
                true
            }
            Feed::Forward(speaker) => {
                let speaker = *speaker;
                Encoder::new(codec).encode(&SILENCE, &mut payload);
                leg.gap = if self.is_gap(now, &leg, speaker) { leg.gap + 1 } else { 0 };
                (1..=HUSH).contains(&leg.gap) || leg.gap.is_multiple_of(KEEP_ALIVE) && leg.gap > 0
            }
        };
        if wanted && !digit {
            leg.frame(now, &payload, &mut self.outbox, &mut self.counters);
        }
        self.legs[slot] = Some(leg);
    }

    fn over(&mut self, leg: &mut Leg) {
        let Some(source) = leg.prompt() else { return };
        let play = source.play();
        leg.feed = Feed::Over(source);
        self.outbox.event(Event::Played { leg: leg.plan.leg, play, missing: None });
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
        let reports = (tick / SECOND) % REPORT_S;
        for slot in (first..self.legs.len()).step_by(SECOND_LEGS) {
            let Some(leg) = self.legs[slot].as_deref_mut() else { continue };
            let silent = now.saturating_sub(leg.last_in) >= NO_AUDIO;
            if leg.plan.receive && silent && !leg.is_dead {
                leg.is_dead = true;
                self.outbox.event(Event::NoAudio { leg: leg.plan.leg, since: leg.last_in });
            }
            if (slot as u64 / SECOND + reports).is_multiple_of(REPORT_S) {
                leg.control(now, false, &mut self.outbox, &mut self.counters);
                self.outbox.event(Event::Report(leg.report()));
            }
        }
    }
}

impl Sound {
    /// Encodes the next frame and moves on. Returns whether a prompt is over by it.
    fn frame(&mut self, codec: Codec, at: &mut usize, once: bool, payload: &mut [u8]) -> bool {
        let begin = *at;
        let length = self.pcm.samples.len();
        *at = if once { begin + FRAME } else { (begin + FRAME) % length.max(1) };
        let known = &mut self.encoded[codec.index()];
        if let Some((position, frame)) = known
            && *position == begin
        {
            payload.copy_from_slice(frame);
            return once && *at >= length;
        }
        let mut pcm = SILENCE;
        for (offset, sample) in pcm.iter_mut().enumerate() {
            let index = if once { begin + offset } else { (begin + offset) % length.max(1) };
            *sample = self.pcm.samples.get(index).copied().unwrap_or(0);
        }
        let mut frame = [0; FRAME];
        Encoder::new(codec).encode(&pcm, &mut frame);
        payload.copy_from_slice(&frame);
        // The last frame of a prompt ends in silence, where music begins anew: not to be shared.
        *known = (begin + FRAME <= length).then_some((begin, frame));
        once && *at >= length
    }
}

impl Leg {
    /// Sends 20 ms of a digit, if one waits. Returns whether it takes the place of audio.
    fn send_digit(
        &mut self,
        now: Time,
        outbox: &mut super::outbox::Outbox,
        counters: &mut super::types::Counters,
    ) -> bool {
        let Some(step) = self.digits.step() else { return false };
        let Step::Event { payload, first, copies } = step else { return false };
        if self.plan.events_out.is_some() {
            for copy in 0..copies {
                let place = if first && copy == 0 { Place::First } else { Place::Later };
                self.event(now, place, payload, outbox, counters);
            }
            return true;
        }
        self.digit_at = if first { 0 } else { self.digit_at + FRAME as u64 };
        let (low, high) = dtmf::tones(payload.event);
        let (mut pcm, mut bytes) = (SILENCE, [0; FRAME]);
        sound::pair(low, high, self.digit_at, &mut pcm);
        Encoder::new(self.plan.codec).encode(&pcm, &mut bytes);
        self.frame(now, &bytes, outbox, counters);
        true
    }
}

fn add(sum: &mut [i32; FRAME], frame: &[i16; FRAME], sign: i32) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total += sign * i32::from(*sample);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
fn sum(mix: &Mix, all: &[i32; FRAME], talkers: &[[i16; FRAME]]) -> [i16; FRAME] {
    let mut total = if mix.is_rest { *all } else { [0; FRAME] };
    let sign = if mix.is_rest { -1 } else { 1 };
    for frame in mix.terms.iter().filter_map(|place| talkers.get(*place)) {
        add(&mut total, frame, sign);
    }
    total.map(|sample| sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16)
}
