//! The mixer's arithmetic: sum once, take oneself off, saturate; one encode for each mix and format.

use super::Engine;
use super::coder::Payload;
use super::conference::{Conference, Mix};
use crate::codec::FRAME_MAX;
use crate::{FRAME_MS, Format, Time};

impl Engine {
    /// Twenty milliseconds of a conference's mixes, and of its recording.
    pub(super) fn mix(&mut self, now: Time, tick: u64, conference: &mut Conference) {
        if conference.talkers.is_empty() && conference.recording.is_none() {
            return;
        }
        let count = (conference.hz / 1_000 * FRAME_MS) as usize;
        let mut said = [0; FRAME_MAX];
        for (talker, frame) in conference.talkers.iter().zip(&mut self.frames) {
            match self.legs.get_mut(*talker).and_then(Option::as_deref_mut) {
                Some(leg) => {
                    let (length, hz) = leg.buffer.pull(now, &mut said);
                    leg.lift.convert(hz, conference.hz, &said[..length], &mut frame[..count]);
                }
                None => frame.fill(0),
            }
        }
        let talkers = &self.frames[..conference.talkers.len().min(self.frames.len())];
        let mut all = [0; FRAME_MAX];
        if conference.mixes.iter().any(|mix| mix.is_rest) {
            talkers.iter().for_each(|frame| add(&mut all[..count], frame, 1));
        }
        for mix in conference.mixes.iter().filter(|mix| !mix.listeners.is_empty()) {
            let pcm = sum(mix, &all, &self.frames, count);
            self.serve_mix(now, conference.hz, mix, &pcm[..count]);
        }
        self.take_record(tick, conference);
    }

    fn serve_mix(&mut self, now: Time, hz: u32, mix: &Mix, pcm: &[i16]) {
        for group in mix.listeners.chunk_by(|a, b| a.0 == b.0) {
            for (_, slot) in group {
                if let Some(leg) = self.legs.get_mut(*slot).and_then(Option::as_deref_mut) {
                    leg.send_key(now, &mut self.outbox, &mut self.counters);
                }
            }
            self.serve_group(now, hz, group, pcm);
        }
    }

    /// Those who hear a mix in one format, but for those who are sent a key.
    fn serve_group(&mut self, now: Time, hz: u32, group: &[(Format, usize)], pcm: &[i16]) {
        let loses = group.iter().any(|(_, slot)| {
            let leg = self.legs.get(*slot).and_then(Option::as_deref);
            leg.is_some_and(|leg| leg.coder.loses())
        });
        let mut shared: Option<(Payload, usize)> = None;
        for (_, listener) in group {
            let Some(mut leg) = self.legs.get_mut(*listener).and_then(Option::take) else {
                continue;
            };
            if !leg.is_keyed {
                let is_apart = leg.coder.is_apart();
                let lead = shared.as_ref().filter(|_| !is_apart).and_then(|(payload, lead)| {
                    Some((*payload, self.legs.get(*lead).and_then(Option::as_deref)?))
                });
                let payload = if let Some((payload, lead)) = lead {
                    leg.coder.follow(&lead.coder);
                    payload
                } else {
                    self.counters.mixed += 1;
                    leg.coder.share_loss(loses && !is_apart);
                    let payload = leg.coder.encode(hz, pcm);
                    if !is_apart {
                        shared = Some((payload, *listener));
                    }
                    payload
                };
                leg.frame(now, &payload, &mut self.outbox, &mut self.counters);
            }
            self.legs[*listener] = Some(leg);
        }
    }
}

pub(super) fn add(sum: &mut [i32], frame: &[i16], sign: i32) {
    for (total, sample) in sum.iter_mut().zip(frame) {
        *total += sign * i32::from(*sample);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to 16 bits")]
pub(super) fn saturate(sum: &[i32], out: &mut [i16]) {
    for (sample, total) in out.iter_mut().zip(sum) {
        *sample = (*total).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    }
}

fn sum(
    mix: &Mix,
    all: &[i32; FRAME_MAX],
    talkers: &[[i16; FRAME_MAX]],
    count: usize,
) -> [i16; FRAME_MAX] {
    let mut total = [0; FRAME_MAX];
    if mix.is_rest {
        total[..count].copy_from_slice(&all[..count]);
    }
    let sign = if mix.is_rest { -1 } else { 1 };
    for frame in mix.terms.iter().filter_map(|place| talkers.get(*place)) {
        add(&mut total[..count], frame, sign);
    }
    let mut pcm = [0; FRAME_MAX];
    saturate(&total[..count], &mut pcm);
    pcm
}
