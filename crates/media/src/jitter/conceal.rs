//! What is played where nothing came: the last pitch period again and again, fading (the idea of
//! G.711 Appendix I). Where what comes after it is known, the same is done from there backwards, and
//! the one is faded into the other.

use super::likeness::{cross_fade, most_alike};
use super::stage::Stage;

/// The pitch of a voice: 66 to 400 Hz.
const LAG_MIN_US: usize = 2_500;
const LAG_MAX_MS: usize = 15;
/// Over how much the pitch is looked for.
const WINDOW_MS: usize = 15;
/// How long what is made up keeps its strength.
const STEADY_MS: usize = 20;
/// After that it loses a part of its strength in each period: the period over this.
const DECAY_MS: usize = 50;
/// What is made up longer is silence.
pub(super) const MADE_MAX_MS: usize = 120;
/// Over how much what was made up is faded into what comes after it, where nothing is missing between.
const JOIN_MS: usize = 5;
/// What must be known of what comes after, to go backwards from it.
const KNOWN_MS: usize = 10;
/// Samples of a gap that is filled from both sides and of what comes after it, together: 40 ms of
/// 16 kHz.
const BOTH_MAX: usize = 640;

fn of_ms(ms: usize, hz: u32) -> usize {
    hz as usize / 1_000 * ms
}

/// A wave that goes on as it was.
#[derive(Clone, Copy, Debug)]
struct Wave {
    lag: usize,
    /// Samples made so far.
    made: usize,
    /// The step between the last sample and the first that is made, faded out.
    step: i32,
    hz: u32,
}

impl Wave {
    /// Of what is known.
    fn of(known: &[i16], hz: u32) -> Self {
        let end = known.len();
        let window = of_ms(WINDOW_MS, hz).min(end / 2);
        let lag_max = of_ms(LAG_MAX_MS, hz).min(end - window);
        let lag_min = of_ms(LAG_MIN_US, hz) / 1_000;
        let none = Self { lag: 0, made: 0, step: 0, hz };
        if lag_max <= lag_min || window == 0 {
            return none;
        }
        let begin = end - window;
        let found = most_alike(&known[begin..], known, begin - lag_max..=begin - lag_min, hz);
        let lag = begin - found.at;
        let step = i32::from(known[end - 1]) - i32::from(known[end - lag - 1]);
        Self { lag, step, ..none }
    }

    fn is_silent(&self) -> bool {
        self.lag == 0 || self.made >= of_ms(MADE_MAX_MS, self.hz)
    }

    /// Goes on from a sample on.
    fn fill(&mut self, pcm: &mut [i16], from: usize) {
        if self.is_silent() {
            pcm[from..].fill(0);
            self.made += pcm.len() - from;
            return;
        }
        let steady = of_ms(STEADY_MS, self.hz);
        let decay = i32::try_from(of_ms(DECAY_MS, self.hz)).unwrap_or(1);
        let lag = i32::try_from(self.lag).unwrap_or(0);
        let smooth = self.lag / 4;
        for at in from..pcm.len() {
            let mut sample = i32::from(pcm[at - self.lag]);
            if self.made >= steady {
                sample = sample * (decay - lag) / decay;
            }
            if self.made < smooth {
                let left = i32::try_from(smooth - self.made).unwrap_or(0);
                sample += self.step * left / i32::try_from(smooth).unwrap_or(1);
            }
            pcm[at] = i16::try_from(sample.clamp(-32_768, 32_767)).unwrap_or(0);
            self.made += 1;
        }
    }
}

/// A hole that is being filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole(Wave);

impl Hole {
    /// A hole behind all that is there.
    pub(super) fn after(stage: &Stage) -> Self {
        Self(Wave::of(stage.all(), stage.hz()))
    }

    /// Makes so many samples behind all that is there.
    pub(super) fn fill(&mut self, stage: &mut Stage, count: usize) {
        let made = stage.extend(count).len();
        let all = stage.all_mut();
        let begin = all.len() - made;
        self.0.fill(all, begin);
    }

    /// Ends the hole, of which so many samples are still to be made, by what came after it. Where
    /// that is all made already, the two meet where they are most alike, up to half a period later.
    pub(super) fn join(mut self, stage: &mut Stage, missing: usize, next: &[i16]) {
        let is_known = next.len() >= of_ms(KNOWN_MS, stage.hz());
        if missing > 0 && is_known && next.len() + missing <= BOTH_MAX {
            return self.meet(stage, missing, next);
        }
        let length = stage.of_ms(JOIN_MS).min(next.len());
        let around = if self.0.is_silent() { 0 } else { self.0.lag / 2 };
        let begin = stage.pending();
        let (early, late) = (around.min(missing), around);
        self.fill(stage, missing + late + length);
        let made = &stage.rest()[begin..];
        let hz = stage.hz();
        let found = most_alike(&next[..length], made, missing - early..=missing + late, hz);
        let at = if around == 0 || found.score < 0.0 { missing } else { found.at };
        stage.truncate(begin + at + length);
        let from = stage.head() + begin + at;
        cross_fade(&mut stage.all_mut()[from..], next);
        stage.push(&next[length..]);
    }

    /// Fills the hole from both sides.
    fn meet(mut self, stage: &mut Stage, missing: usize, next: &[i16]) {
        let hz = stage.hz();
        // What comes after, and before it what leads there, all backwards.
        let mut turned = [0; BOTH_MAX];
        for (to, from) in turned.iter_mut().zip(next.iter().rev()) {
            *to = *from;
        }
        let mut wave = Wave::of(&turned[..next.len()], hz);
        wave.fill(&mut turned[..next.len() + missing], next.len());
        let lead = &mut turned[next.len()..next.len() + missing];
        lead.reverse();
        let begin = stage.pending();
        self.fill(stage, missing);
        let from = stage.head() + begin;
        cross_fade(&mut stage.all_mut()[from..], lead);
        stage.push(next);
    }
}
