//! For tests: tones, and what is left of them.

use core::f64::consts::TAU;

/// A tone of this strength, from a phase of 0.
pub(crate) fn tone(hz: f64, strength: f64, rate_hz: u32, count: usize) -> Vec<i16> {
    let sample = |n| (strength * (TAU * hz * n as f64 / f64::from(rate_hz)).sin()).round();
    #[expect(clippy::cast_possible_truncation, reason = "within 16 bits")]
    (0..count).map(|n| sample(n) as i16).collect()
}

pub(crate) fn db(ratio: f64) -> f64 {
    20.0 * (ratio + 1e-9).log10()
}

/// What of samples goes with the cosine and with the sine of a tone. Exact over whole periods.
pub(crate) fn parts(pcm: &[i16], hz: f64, rate_hz: u32) -> (f64, f64) {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in pcm.iter().enumerate() {
        let angle = TAU * hz * n as f64 / f64::from(rate_hz);
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    (re * 2.0 / pcm.len() as f64, im * 2.0 / pcm.len() as f64)
}

/// The strength of a tone in samples, and of all that is not it.
pub(crate) fn split(pcm: &[i16], hz: f64, rate_hz: u32) -> (f64, f64) {
    let (re, im) = parts(pcm, hz, rate_hz);
    let rest = pcm.iter().enumerate().map(|(n, sample)| {
        let angle = TAU * hz * n as f64 / f64::from(rate_hz);
        (f64::from(*sample) - re * angle.cos() - im * angle.sin()).powi(2)
    });
    (re.hypot(im), (2.0 * rest.sum::<f64>() / pcm.len() as f64).sqrt())
}

/// The strength of a sine as loud as all of these samples together.
pub(crate) fn loudness(pcm: &[i16]) -> f64 {
    let power: f64 = pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (2.0 * power / pcm.len() as f64).sqrt()
}

/// Chance that is the same each time.
#[derive(Default)]
pub(crate) struct Noise(u32);

impl Noise {
    /// A sample of full scale.
    pub(crate) fn sample(&mut self) -> i16 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [high, low, ..] = self.0.to_be_bytes();
        i16::from_be_bytes([high, low])
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.sample().to_be_bytes()[0]
    }
}
