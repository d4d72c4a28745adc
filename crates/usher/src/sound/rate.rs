//! From any rate of samples to one that is played: once for each sound that comes from outside, off
//! the threads that matter. A windowed sinc, whose phases are read from a table.

use std::f32::consts::PI;

/// Zero crossings of the sinc on each side.
const CROSSINGS: usize = 48;
/// Steps of the table between two crossings.
const STEPS: usize = 512;
/// Where the filter begins to fall, as a part of half the lower rate.
const CUTOFF: f32 = 0.92;

/// The same sound at another rate.
#[expect(clippy::cast_possible_truncation, reason = "clamped to what fits, or an index in bounds")]
#[expect(clippy::cast_precision_loss, reason = "filters need no more than 24 bits")]
#[expect(clippy::cast_sign_loss, reason = "positions are positive")]
pub(crate) fn convert(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    if from_hz == to_hz {
        return samples.to_vec();
    }
    let table = table();
    // Crossings of the sinc for each sample of the source.
    let scale = CUTOFF * (to_hz.min(from_hz) as f32 / from_hz as f32);
    let reach = (CROSSINGS as f32 / scale).ceil() as i64;
    let count = samples.len() as u64 * u64::from(to_hz) / u64::from(from_hz);
    let at = |n: u64| {
        let position = n * u64::from(from_hz);
        let whole = (position / u64::from(to_hz)) as i64;
        let part = (position % u64::from(to_hz)) as f32 / to_hz as f32;
        let first = (whole - reach).max(0);
        let last = (whole + reach).min(samples.len() as i64 - 1);
        let mut sum = 0.0;
        for index in first..=last {
            let distance = ((index - whole) as f32 - part).abs() * scale * STEPS as f32;
            let step = distance as usize;
            let (Some(near), Some(far)) = (table.get(step), table.get(step + 1)) else { continue };
            let weight = near + (far - near) * (distance - step as f32);
            sum += weight * f32::from(samples[index as usize]);
        }
        (sum * scale).round().clamp(-32_768.0, 32_767.0) as i16
    };
    (0..count).map(at).collect()
}

/// Half of the sinc under a window of Blackman, from its middle outwards.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn table() -> Vec<f32> {
    let value = |n: usize| {
        let x = n as f32 / STEPS as f32;
        let sinc = if n == 0 { 1.0 } else { (PI * x).sin() / (PI * x) };
        let angle = PI * x / CROSSINGS as f32;
        sinc * (0.42 + 0.5 * angle.cos() + 0.08 * (2.0 * angle).cos())
    };
    (0..=CROSSINGS * STEPS).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64, rate: u32) -> Vec<i16> {
        let sample = |n: u32| {
            let angle = std::f64::consts::TAU * hz * f64::from(n) / f64::from(rate);
            #[expect(clippy::cast_possible_truncation, reason = "within ±10,000")]
            let value = (angle.sin() * 10_000.0) as i16;
            value
        };
        (0..rate / 2).map(sample).collect()
    }

    /// Strength of a frequency, 1 for the tones above, in the middle of a sound.
    fn strength(samples: &[i16], hz: f64, rate: u32) -> f64 {
        let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            let angle = std::f64::consts::TAU * hz * n as f64 / f64::from(rate);
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        (re * re + im * im).sqrt() * 2.0 / (middle.len() as f64 * 10_000.0)
    }

    #[test]
    fn a_tone_keeps_its_pitch_and_strength_and_nothing_comes_of_it() {
        let check = |from, to, hz: f64| {
            let converted = convert(&tone(hz, from), from, to);
            assert!(converted.len().abs_diff((to / 2) as usize) <= 1, "{from} to {to}");
            let kept = strength(&converted, hz, to);
            assert!((0.97..1.03).contains(&kept), "{hz} Hz, {from} to {to}: {kept}");
            // Nothing but the tone is left: its power is all there is.
            let middle = &converted[converted.len() / 4..converted.len() * 3 / 4];
            let power: f64 = middle.iter().map(|s| f64::from(*s).powi(2)).sum();
            let rms = (power / middle.len() as f64).sqrt() / 10_000.0 * 2_f64.sqrt();
            assert!((rms - kept).abs() < 0.01, "{hz} Hz, {from} to {to}: {rms} and {kept}");
        };
        for hz in [300.0, 1_000.0, 3_400.0, 7_000.0] {
            check(44_100, 48_000, hz);
            check(22_050, 16_000, hz);
            check(32_000, 48_000, hz);
            check(11_025, 16_000, hz.min(4_000.0));
            check(96_000, 48_000, hz);
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_is_gone() {
        let converted = convert(&tone(9_500.0, 22_050), 22_050, 16_000);
        let peak = converted[2_000..6_000].iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!(peak < 20, "{peak}");
    }

    #[test]
    fn the_loudest_does_not_wrap() {
        let loud: Vec<i16> =
            (0..2_000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let converted = convert(&loud, 44_100, 48_000);
        // On each plateau, away from its edges, the sign is that of the source.
        for (n, sample) in converted.iter().enumerate() {
            let at = n * 441 / 480;
            if (4..16).contains(&(at % 20)) {
                assert_eq!(*sample > 0, at / 20 % 2 == 0, "{n}: {sample}");
            }
        }
        assert!(convert(&[], 44_100, 48_000).is_empty());
    }
}
