//! One band: a quantiser whose step adapts, and a predictor of two poles and six zeros.

use super::tables::{LOWER_4, LOWER_6, LOWER_EDGES, LOWER_WIDEN, POWERS, UPPER_2, UPPER_WIDEN};
use super::{limit, limit_band, times};

/// The lower band, 0 to 4 kHz, in six bits.
#[derive(Clone, Debug)]
pub(super) struct Lower {
    step: Step,
    predictor: Predictor,
}

impl Default for Lower {
    fn default() -> Self {
        Self { step: Step { log: 0, width: 32 }, predictor: Predictor::default() }
    }
}

impl Lower {
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = limit(sample - self.predictor.estimate);
        let size = if error < 0 { !error } else { error };
        let level = LOWER_EDGES.iter().filter(|edge| size >= (**edge * self.step.width) >> 12);
        // The codes run downwards from the smallest error; 63 and 62 are the smallest negative
        // ones (table 15).
        let level = u8::try_from(level.count()).unwrap_or(0);
        let code = match (error < 0, level) {
            (true, 0 | 1) => 63 - level,
            (true, _) => 33 - level,
            (false, _) => 61 - level,
        };
        self.learn(code);
        code
    }

    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let error = times(self.step.width, LOWER_6[usize::from(code & 0x3f)]);
        let sample = limit(self.predictor.estimate + error);
        self.learn(code);
        limit_band(sample)
    }

    /// What is expected next, if nothing comes that is not expected.
    pub(super) fn coast(&mut self) -> i32 {
        self.predictor.coast()
    }

    /// Both sides do the same with the same bits.
    pub(super) fn learn(&mut self, code: u8) {
        let code = usize::from(code >> 2 & 0xf);
        self.predictor.learn(times(self.step.width, LOWER_4[code]));
        self.step.adapt(LOWER_WIDEN[code], 18_432, 8);
    }
}

/// The upper band, 4 to 8 kHz, in two bits.
#[derive(Clone, Debug)]
pub(super) struct Upper {
    step: Step,
    predictor: Predictor,
}

impl Default for Upper {
    fn default() -> Self {
        Self { step: Step { log: 0, width: 8 }, predictor: Predictor::default() }
    }
}

impl Upper {
    pub(super) fn encode(&mut self, sample: i32) -> u8 {
        let error = limit(sample - self.predictor.estimate);
        let size = if error < 0 { !error } else { error };
        let large = size >= (564 * self.step.width) >> 12;
        let code = if error < 0 { 1 } else { 3 } - u8::from(large);
        self.learn(code);
        code
    }

    pub(super) fn decode(&mut self, code: u8) -> i32 {
        let error = times(self.step.width, UPPER_2[usize::from(code & 3)]);
        let sample = limit(self.predictor.estimate + error);
        self.learn(code);
        limit_band(sample)
    }

    /// What is expected next, if nothing comes that is not expected.
    pub(super) fn coast(&mut self) -> i32 {
        self.predictor.coast()
    }

    pub(super) fn learn(&mut self, code: u8) {
        let code = usize::from(code & 3);
        self.predictor.learn(times(self.step.width, UPPER_2[code]));
        self.step.adapt(UPPER_WIDEN[code], 22_528, 10);
    }
}

/// The step of the quantiser.
#[derive(Clone, Debug)]
struct Step {
    /// Its logarithm, in 1/2048 of an octave.
    log: i32,
    width: i32,
}

impl Step {
    /// Moves the logarithm (`LOGSCL`, `LOGSCH`) and works out the width (`SCALEL`, `SCALEH`).
    fn adapt(&mut self, widen: i32, most: i32, octaves: i32) {
        self.log = (((self.log * 127) >> 7) + widen).clamp(0, most);
        let power = POWERS[usize::try_from(self.log >> 6 & 31).unwrap_or(0)];
        let down = octaves - (self.log >> 11);
        self.width = (if down < 0 { power << -down } else { power >> down }) << 2;
    }
}

#[derive(Clone, Debug, Default)]
struct Predictor {
    /// What is expected next: all of it, and the zeros' part.
    estimate: i32,
    from_zeros: i32,
    poles: [i32; 2],
    zeros: [i32; 6],
    /// The last values of the signal, of it without the poles' part, and of the error; the newest
    /// first.
    signal: [i32; 2],
    partial: [i32; 2],
    errors: [i32; 6],
}

impl Predictor {
    /// Takes the error that was decoded and expects the next sample.
    fn learn(&mut self, error: i32) {
        let signal = limit(self.estimate + error);
        let partial = limit(self.from_zeros + error);
        self.turn_poles(partial);
        self.turn_zeros(error);
        self.expect(signal, partial, error);
    }

    /// What was expected comes, and nothing is learnt from it. Returns that.
    fn coast(&mut self) -> i32 {
        let estimate = self.estimate;
        self.expect(estimate, self.from_zeros, 0);
        limit_band(estimate)
    }

    fn expect(&mut self, signal: i32, partial: i32, error: i32) {
        self.signal = [signal, self.signal[0]];
        self.partial = [partial, self.partial[0]];
        self.errors.copy_within(..5, 1);
        self.errors[0] = error;

        let pole = |n: usize| times(self.poles[n], limit(2 * self.signal[n]));
        let from_poles = limit(pole(0) + pole(1));
        let zeros = self.zeros.iter().zip(&self.errors);
        self.from_zeros = limit(zeros.map(|(zero, error)| times(*zero, limit(2 * error))).sum());
        self.estimate = limit(from_poles + self.from_zeros);
    }

    /// `UPPOL2`, `UPPOL1`: by whether signs agree.
    fn turn_poles(&mut self, partial: i32) {
        let [first, second] = self.poles;
        let with = |past: i32| (partial < 0) == (past < 0);
        let lean = limit(4 * first);
        let lean = limit(if with(self.partial[0]) { -lean } else { lean }) >> 7;
        let pull = if with(self.partial[1]) { 128 } else { -128 };
        let second = (lean + pull + times(second, 32_512)).clamp(-12_288, 12_288);
        let pull = if with(self.partial[0]) { 192 } else { -192 };
        let most = 15_360 - second;
        self.poles = [limit(pull + times(first, 32_640)).clamp(-most, most), second];
    }

    /// `UPZERO`: likewise.
    fn turn_zeros(&mut self, error: i32) {
        let pull = if error == 0 { 0 } else { 128 };
        for (zero, past) in self.zeros.iter_mut().zip(&self.errors) {
            let pull = if (error < 0) == (*past < 0) { pull } else { -pull };
            *zero = limit(pull + times(*zero, 32_640));
        }
    }
}
