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
/// What is made up longer is silence: until then it fades.
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

/// A wave that goes on as it was, and fades.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wave {
    lag: usize,
    /// Samples made so far.
    made: usize,
    /// What leads from the end of what is known to a period before it.
    bend: Bend,
    hz: u32,
}

impl Wave {
    /// Of what is known.
    pub(crate) fn of(known: &[i16], hz: u32) -> Self {
        let end = known.len();
        let window = of_ms(WINDOW_MS, hz).min(end / 2);
        let lag_max = of_ms(LAG_MAX_MS, hz).min(end - window);
        let lag_min = of_ms(LAG_MIN_US, hz) / 1_000;
        let none = Self { lag: 0, made: 0, bend: Bend::default(), hz };
        if lag_max <= lag_min || window == 0 {
            return none;
        }
        let begin = end - window;
        let found = most_alike(&known[begin..], known, begin - lag_max..=begin - lag_min, hz);
        let lag = begin - found.at;
        Self { lag, bend: Bend::of(known, lag), ..none }
    }

    fn is_silent(&self) -> bool {
        self.lag == 0 || self.made >= of_ms(MADE_MAX_MS, self.hz)
    }

    /// Goes on from a sample on.
    pub(crate) fn fill(&mut self, pcm: &mut [i16], from: usize) {
        if self.is_silent() {
            pcm[from..].fill(0);
            self.made += pcm.len() - from;
            return;
        }
        for at in from..pcm.len() {
            let before = strength(self.made.saturating_sub(self.lag), self.hz);
            // What is a period before has lost some of its strength already.
            let kept = if before == 0 { 0 } else { strength(self.made, self.hz) };
            let sample = i32::from(pcm[at - self.lag]) * kept / before.max(1);
            pcm[at] = limited(sample + self.bend.at(self.made));
            self.made += 1;
        }
    }
}

/// What of its strength is left where so many samples are made.
fn strength(made: usize, hz: u32) -> i32 {
    let (steady, all) = (of_ms(STEADY_MS, hz), of_ms(MADE_MAX_MS, hz));
    let rest = all.saturating_sub(made.max(steady));
    let rest = i32::try_from((rest << 14) / (all - steady).max(1)).unwrap_or(0);
    (rest * rest) >> 14
}

fn limited(sample: i32) -> i16 {
    i16::try_from(sample.clamp(i16::MIN.into(), i16::MAX.into())).unwrap_or(0)
}

/// From one curve to another: the difference of their values and of their slopes, which goes away, so
/// that neither jumps (a cubic by Hermite).
#[derive(Clone, Copy, Debug, Default)]
struct Bend {
    step: i32,
    slope: i32,
    /// Over how many samples the step goes away, and the slope.
    lengths: [usize; 2],
}

impl Bend {
    /// Between the end of what is known and the same so much before.
    fn of(known: &[i16], lag: usize) -> Self {
        let back = |n: usize| known.len().checked_sub(n).and_then(|at| known.get(at)).copied();
        let difference = |n: usize| {
            let (now, before) = (back(n).unwrap_or(0), back(n + lag).unwrap_or(0));
            i32::from(now) - i32::from(before)
        };
        let (step, slope) = (difference(1), difference(1) - difference(2));
        let peak = known.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
        // A slope that is followed for long goes far: no further than a small part of what is known.
        let most = usize::from(peak) / 4 / usize::try_from(slope.abs()).unwrap_or(1).max(1);
        let length = (lag / 4).max(1);
        Self { step, slope, lengths: [length, most.clamp(4, length.max(4))] }
    }

    /// What of it is left behind so many samples, of which the first is 0.
    fn at(&self, made: usize) -> i32 {
        if self.lengths.iter().all(|length| made >= *length) {
            return 0;
        }
        let [step, slope] = self.lengths.map(|length| left(made + 1, length));
        let rise = i64::from(self.slope) * i64::try_from(made + 1).unwrap_or(0);
        let eased = |t: i64| t * t * (3 * ONE - 2 * t) / (ONE * ONE);
        let sum = i64::from(self.step) * eased(step) + rise * (slope * slope / ONE);
        i32::try_from(sum / ONE).unwrap_or(0)
    }
}

const ONE: i64 = 1 << 12;

/// What is left of [`ONE`] after so much of a length.
fn left(at: usize, length: usize) -> i64 {
    i64::try_from((length.saturating_sub(at) << 12) / length.max(1)).unwrap_or(0)
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

#[cfg(test)]
mod tests {
    use core::f64::consts::TAU;

    use super::*;

    /// The second difference of three samples, at most.
    fn bend(pcm: &[i16]) -> f64 {
        let of = pcm.windows(3).map(|of| [0, 1, 2].map(|n| i32::from(of[n])));
        of.map(|[a, b, c]| f64::from((a - 2 * b + c).abs())).fold(0.0, f64::max)
    }

    #[test]
    fn a_tone_that_is_made_up_goes_on_and_fades_without_a_kink() {
        for (hz, tone) in [8_000, 16_000, 48_000]
            .into_iter()
            .flat_map(|hz| [120.0, 300.0, 440.0, 517.0, 1_000.0, 2_300.0].map(|tone| (hz, tone)))
        {
            let (known, made) = (of_ms(40, hz), of_ms(MADE_MAX_MS + 5, hz));
            let turn = tone / f64::from(hz) * TAU;
            // It loses up to 2 % in a millisecond.
            let most = 1.3 * 8_000.0 * (turn * turn + turn * 40.0 / f64::from(hz)) + 6.0;
            let mut worst = 0.0_f64;
            for cut in 0..40 {
                let begin = f64::from(cut) / 40.0 * TAU;
                let sample = |n: usize| ((n as f64 * turn + begin).sin() * 8_000.0).round();
                #[expect(clippy::cast_possible_truncation, reason = "within 16 bits")]
                let mut pcm: Vec<i16> = (0..known).map(|n| sample(n) as i16).collect();
                pcm.resize(known + made, 0);
                Wave::of(&pcm[..known], hz).fill(&mut pcm, known);
                worst = worst.max(bend(&pcm[known - 2..]));
                let loud = |ms: usize| pcm[known + of_ms(ms, hz)..].iter().map(|s| s.abs()).max();
                assert!(loud(0) <= Some(8_600) && loud(15) > Some(7_500), "{tone} at {hz}");
                assert!(loud(70) < Some(3_000) && loud(MADE_MAX_MS) == Some(0), "{tone} at {hz}");
            }
            assert!(worst <= most, "{tone} at {hz}: {worst} of {most}");
        }
    }
}
