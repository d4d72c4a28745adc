//! Tones: made, coded by G.711, and found again.

use std::f64::consts::TAU;

/// Samples per second of everything here.
pub const RATE_HZ: f64 = 8_000.0;

/// The amplitude of every tone that is sent: about -12 dBm0.
pub const AMPLITUDE: f64 = 8_000.0;

/// A sine of [`RATE_HZ`], from its `first` sample on.
#[must_use]
pub fn sine(hz: f64, first: u64, samples: usize) -> Vec<i16> {
    sine_at(RATE_HZ, hz, first, samples)
}

/// A sine of so many samples a second.
#[must_use]
pub fn sine_at(rate_hz: f64, hz: f64, first: u64, samples: usize) -> Vec<i16> {
    let at = |n: u64| {
        #[expect(clippy::cast_precision_loss, reason = "hours of samples are far below 2^52")]
        let phase = TAU * hz * (n as f64) / rate_hz;
        #[expect(clippy::cast_possible_truncation, reason = "8000 at most")]
        let sample = (phase.sin() * AMPLITUDE) as i16;
        sample
    };
    (first..).take(samples).map(at).collect()
}

/// A WAV file of these samples.
///
/// # Panics
/// Where they are more than a file holds.
#[must_use]
pub fn wav(samples: &[i16]) -> Vec<u8> {
    let size = u32::try_from(samples.len() * 2).expect("less than four gigabytes");
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    // PCM, one channel, 8000 samples and 16000 octets a second, 2 octets and 16 bits a sample.
    file.extend(16_u32.to_le_bytes());
    file.extend([1_u16, 1].iter().flat_map(|field| field.to_le_bytes()));
    file.extend([8_000_u32, 16_000].iter().flat_map(|field| field.to_le_bytes()));
    file.extend([2_u16, 16].iter().flat_map(|field| field.to_le_bytes()));
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// Root of the mean square, 0 to 32768.
#[must_use]
pub fn level(samples: &[i16]) -> f64 {
    (samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / count(samples)).sqrt()
}

/// What share of the power is at this frequency: 1 for a pure tone.
#[must_use]
pub fn share(samples: &[i16], hz: f64) -> f64 {
    let total = level(samples).powi(2);
    if total * count(samples) < 1.0 { 0.0 } else { amplitude(samples, hz).powi(2) / 2.0 / total }
}

/// A ratio of amplitudes in decibels.
#[must_use]
pub fn decibels(ratio: f64) -> f64 {
    20.0 * ratio.max(1e-9).log10()
}

fn count(samples: &[i16]) -> f64 {
    f64::from(u32::try_from(samples.len().max(1)).unwrap_or(u32::MAX))
}

/// The amplitude of a tone among others (Goertzel): exact where each has whole periods.
#[must_use]
pub fn amplitude(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hz / RATE_HZ).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &x in samples {
        (one, two) = (f64::from(x) + coefficient * one - two, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    2.0 * power.max(0.0).sqrt() / count(samples)
}

/// ITU-T G.711 µ-law.
#[must_use]
pub fn to_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let value = (i32::from(sample).abs() + 132).min(32_767);
    let exponent = (31 - (value >> 7).leading_zeros()).min(7);
    let mantissa = (value >> (exponent + 3)) & 0x0f;
    !u8::try_from(sign | (exponent << 4) | mantissa.cast_unsigned()).unwrap_or(0)
}

/// ITU-T G.711 µ-law.
#[must_use]
pub fn from_ulaw(byte: u8) -> i16 {
    let byte = !byte;
    let value = (((i16::from(byte) & 0x0f) << 3) + 132) << ((byte >> 4) & 7);
    if byte & 0x80 == 0 { value - 132 } else { 132 - value }
}

/// ITU-T G.711 A-law.
#[must_use]
pub fn to_alaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0 } else { 0x80 };
    let value = (i32::from(sample) >> 3).abs().min(4_095).cast_unsigned();
    let coded = if value < 32 {
        value >> 1
    } else {
        let exponent = 31 - (value >> 4).leading_zeros();
        (exponent << 4) | ((value >> exponent) & 0x0f)
    };
    u8::try_from(sign | coded).unwrap_or(0) ^ 0x55
}

/// ITU-T G.711 A-law.
#[must_use]
pub fn from_alaw(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, mantissa) = ((byte >> 4) & 7, i16::from(byte & 0x0f));
    let value = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 264) << (exponent - 1),
    };
    if byte & 0x80 == 0 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_after_coding_and_nothing_else_is() {
        let tone = sine(1_130.0, 77, 1_600);
        for coded in [
            tone.iter().map(|&x| from_ulaw(to_ulaw(x))).collect::<Vec<_>>(),
            tone.iter().map(|&x| from_alaw(to_alaw(x))).collect(),
        ] {
            assert!(share(&coded, 1_130.0) > 0.95);
            assert!(share(&coded, 1_570.0) < 0.01);
            assert!((level(&coded) - 5_657.0).abs() < 200.0, "{}", level(&coded));
        }
        assert!(share(&[0; 1_600], 1_130.0) < 0.01);
    }
}
