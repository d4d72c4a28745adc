//! What of a conference is recorded.

use super::coder::Rates;
use super::conference::Conference;
use super::seam::{self, PAST_MAX, PAST_MS};
use super::types::Tap;
use super::{Engine, PHASES};
use crate::codec::FRAME_MAX;
use crate::{FRAME_MS, Hears, Time};

/// A recording that goes on.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) tap: Tap,
    /// Slots of all who are heard by anybody.
    pub(super) heard: Vec<usize>,
    /// Of those, the ones on the left.
    left: Vec<usize>,
    /// For each channel, since each has a past of its own.
    rates: [Rates; 2],
    /// The end of what was taken last.
    tails: [[i16; PAST_MAX]; 2],
    /// The mix has another rate from now on.
    turned: bool,
    /// Frames that may still have something in them that was said in the pause.
    stale: u32,
}

/// What was said before a pause ended is out of the network, the jitter buffers and the filters by then.
const STALE: u32 = 400 / FRAME_MS;

impl Recording {
    fn new(tap: Tap) -> Self {
        let (rates, tails) = (Default::default(), [[0; PAST_MAX]; 2]);
        Self { tap, heard: Vec::new(), left: Vec::new(), rates, tails, turned: false, stale: 0 }
    }

    /// The mix has another rate: other filters, with another past and another delay.
    pub(super) fn turn(&mut self) {
        self.turned = true;
        self.rates.iter_mut().for_each(Rates::turn);
    }

    pub(super) fn prepare(&mut self, mixed_hz: u32) {
        let to = self.tap.hz;
        self.rates.iter_mut().for_each(|rates| rates.prepare(mixed_hz, to));
    }

    /// Turns what the talkers say in 20 ms into two channels of the tap's rate.
    fn take(
        &mut self,
        conference: &Conference,
        frames: &[[i16; FRAME_MAX]],
        out: &mut [[i16; FRAME_MAX]; 2],
    ) -> usize {
        let (from, to) = (conference.hz, self.tap.hz);
        let count = |hz: u32| (hz / 1_000 * FRAME_MS) as usize;
        for (channel, out) in out.iter_mut().enumerate() {
            let mut sum = [0; FRAME_MAX];
            for (talker, frame) in conference.talkers.iter().zip(frames) {
                if self.heard.contains(talker) && self.left.contains(talker) == (channel == 0) {
                    super::mix::add(&mut sum[..count(from)], frame, 1);
                }
            }
            let mut mixed = [0; FRAME_MAX];
            super::mix::saturate(&sum, &mut mixed);
            let out = &mut out[..count(to)];
            self.rates[channel].convert(from, to, &mixed[..count(from)], out);
            let tail = &mut self.tails[channel][..to as usize / 1_000 * PAST_MS];
            if self.turned {
                seam::join(tail, to, out);
            }
            tail.copy_from_slice(&out[out.len() - tail.len()..]);
        }
        self.turned = false;
        if self.tap.paused {
            self.stale = STALE + 1;
        }
        self.stale = self.stale.saturating_sub(1);
        if self.stale > 0 {
            out.iter_mut().for_each(|channel| channel.fill(0));
        }
        count(to)
    }
}

impl Engine {
    pub(super) fn record(&mut self, now: Time, id: u64, tap: Option<Tap>) {
        let slot = match self.conference_by_id.get(&id) {
            Some(slot) => *slot,
            None if tap.is_none() => return,
            None => self.begin_conference(id),
        };
        let Some(conference) = self.conferences[slot].as_deref_mut() else { return };
        match (&mut conference.recording, tap) {
            (Some(recording), Some(tap))
                if (recording.tap.recording, recording.tap.hz) == (tap.recording, tap.hz) =>
            {
                recording.tap = tap;
            }
            (recording, tap) => *recording = tap.map(|tap| Box::new(Recording::new(tap))),
        }
        let is_empty = conference.recording.is_none() && conference.rows.is_empty();
        let recordings = self.conferences.iter().flatten().filter(|c| c.recording.is_some());
        self.outbox.reserve_recorded(recordings.count());
        self.arrange(now, slot);
        if is_empty {
            self.end_conference(slot, id);
        }
    }

    /// Who is to be recorded as the rows stand.
    pub(super) fn note_recorded(&mut self, conference: &mut Conference) {
        let Some(mut recording) = conference.recording.take() else { return };
        let slot = |leg| self.member(leg, conference.id);
        recording.heard.clear();
        for row in &conference.rows {
            if let Hears::Speakers(legs) = &row.hears {
                recording.heard.extend(legs.iter().filter_map(|leg| slot(*leg)));
            }
        }
        recording.heard.sort_unstable();
        recording.heard.dedup();
        recording.left = recording.tap.left.iter().filter_map(|leg| slot(*leg)).collect();
        conference.recording = Some(recording);
    }

    /// Tells 20 ms of a recording; the talkers have said theirs.
    pub(super) fn take_record(&mut self, tick: u64, conference: &mut Conference) {
        let Some(mut recording) = conference.recording.take() else { return };
        let mut channels = [[0; FRAME_MAX]; 2];
        let count = recording.take(conference, &self.frames, &mut channels);
        let [left, right] = &channels;
        let frame = (tick - conference.slipped) / PHASES as u64;
        let fitted =
            self.outbox.recorded(recording.tap.recording, frame, &left[..count], &right[..count]);
        self.counters.overflowed += u64::from(!fitted);
        conference.recording = Some(recording);
    }
}
