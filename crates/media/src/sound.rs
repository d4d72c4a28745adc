//! Sounds made by computation: tones, and the built-in music. No files, the same everywhere.

use crate::RATE_HZ;

/// Steps of the sine table in a period.
const STEPS: usize = 1_024;
/// One period of a sine, full scale.
static SINE: [i16; STEPS] = sine();
/// Strength of our tones: -13 dBFS.
const LEVEL: i32 = 7_300;
/// Samples over which a tone swells and fades, against clicks.
const EDGE: u64 = 40;

/// Taylor's series, by the compiler: the platform's `sin` differs from one to the next.
#[expect(clippy::cast_possible_truncation, reason = "within ±32767")]
const fn sine() -> [i16; STEPS] {
    let mut table = [0; STEPS];
    let mut index = 0;
    while index < STEPS {
        // From -π to π, where the series converges well; the sign turns it back.
        let x = (index as f64 / STEPS as f64 - 0.5) * 2.0 * core::f64::consts::PI;
        let (mut term, mut sum, mut n) = (x, x, 1.0);
        while n < 30.0 {
            term = -term * x * x / ((n + 1.0) * (n + 2.0));
            sum += term;
            n += 2.0;
        }
        table[index] = (-sum * 32_767.0) as i16;
        index += 1;
    }
    table
}

/// The sample at a position, in samples, of a sine of so many hundredths of a Hertz.
fn wave(position: u64, centihertz: u64) -> i32 {
    // After a hundred seconds every hundredth of a Hertz is back where it began.
    let step = position % (u64::from(RATE_HZ) * 100) * centihertz * STEPS as u64
        / (u64::from(RATE_HZ) * 100);
    let index = usize::try_from(step % STEPS as u64).unwrap_or(0);
    i32::from(SINE[index])
}

/// A tone in a cadence, from a position counted in samples. `off_ms` of 0 is without pause.
pub fn tone(hz: u16, on_ms: u16, off_ms: u16, position: u64, out: &mut [i16]) {
    let per_ms = u64::from(RATE_HZ / 1_000);
    let (on, off) = (u64::from(on_ms) * per_ms, u64::from(off_ms) * per_ms);
    for (offset, sample) in (0..).zip(out) {
        let (at, edge) = if off == 0 {
            (position + offset, (position + offset).min(EDGE))
        } else {
            let at = (position + offset) % (on + off);
            (at, at.min(on.saturating_sub(at)).min(EDGE))
        };
        let strength = LEVEL * i32::try_from(edge).unwrap_or(0) / i32::try_from(EDGE).unwrap_or(1);
        *sample = scale(wave(at, u64::from(hz) * 100), strength);
    }
}

/// Two tones at once, for a digit.
pub fn pair(low_hz: u16, high_hz: u16, position: u64, out: &mut [i16]) {
    for (offset, sample) in (0..).zip(out) {
        let low = wave(position + offset, u64::from(low_hz) * 100);
        let high = wave(position + offset, u64::from(high_hz) * 100);
        *sample = scale((low + high) / 2, LEVEL * 3 / 2);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "15 bits times 15 bits, shifted by 15")]
fn scale(wave: i32, strength: i32) -> i16 {
    ((wave * strength) >> 15) as i16
}

/// Chords of the built-in music, in hundredths of a Hertz: C, a, F, G.
const CHORDS: [[u64; 3]; 4] = [
    [26_163, 32_963, 39_200],
    [22_000, 26_163, 32_963],
    [17_461, 22_000, 26_163],
    [19_600, 24_694, 29_366],
];
/// Samples of one chord: two seconds.
const CHORD: u64 = 16_000;
/// Samples of one note of the melody: a quarter of a second.
const NOTE: u64 = 2_000;

/// The built-in music: broken chords over a soft pad, eight seconds that join without a click.
#[must_use]
pub fn music() -> Vec<i16> {
    let length = CHORD * CHORDS.len() as u64;
    (0..length).map(music_at).collect()
}

fn music_at(position: u64) -> i16 {
    let chord = &CHORDS[usize::try_from(position / CHORD).unwrap_or(0) % CHORDS.len()];
    let (in_chord, in_note) = (position % CHORD, position % NOTE);
    // The pad swells and fades within its chord.
    let swell = in_chord.min(CHORD - in_chord).min(CHORD / 4);
    let pad: i32 = chord.iter().map(|hz| wave(in_chord, *hz) / 3).sum();
    let pad = scale(pad, strength(2_600, swell, CHORD / 4));
    // The melody runs up and down an octave above, each note plucked.
    let number = usize::try_from(in_chord / NOTE).unwrap_or(0);
    let tone = chord[[0, 1, 2, 1, 0, 2, 1, 2][number % 8]] * 2;
    let pluck = (NOTE - in_note).min(in_note * 20).min(NOTE);
    let melody = scale(wave(in_note, tone), strength(3_000, pluck, NOTE));
    pad + melody
}

fn strength(full: i32, part: u64, whole: u64) -> i32 {
    let value = u64::from(full.unsigned_abs()) * part / whole.max(1);
    i32::try_from(value).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Strength of a frequency by Goertzel, full scale = 1.
    fn strength_of(pcm: &[i16], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in pcm.iter().enumerate() {
            let angle = core::f64::consts::TAU * hz * n as f64 / 8_000.0;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        (re * re + im * im).sqrt() * 2.0 / (pcm.len() as f64 * 32_768.0)
    }

    #[test]
    fn a_tone_has_its_pitch_and_its_cadence() {
        let mut pcm = [0; 8_000 * 5];
        for (n, frame) in pcm.chunks_mut(160).enumerate() {
            tone(425, 1_000, 4_000, 160 * n as u64, frame);
        }
        assert!((0.19..0.25).contains(&strength_of(&pcm[..8_000], 425.0)));
        assert!(strength_of(&pcm[..8_000], 525.0) < 0.001);
        assert!(pcm[8_000..].iter().all(|sample| *sample == 0));
        let mut pcm = [0; 8_000];
        tone(1_000, 1, 0, 1 << 40, &mut pcm);
        assert!((0.2..0.25).contains(&strength_of(&pcm, 1_000.0)));
        tone(1_000, 0, 0, 0, &mut pcm);
        pair(697, 1_209, 0, &mut pcm);
        assert!(strength_of(&pcm, 697.0) > 0.1 && strength_of(&pcm, 1_209.0) > 0.1);
    }

    #[test]
    fn the_music_is_audible_and_smooth() {
        let music = music();
        let peak = music.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((3_000..6_000).contains(&peak), "{peak}");
        let joined = music.iter().chain(music.first());
        let steps = joined.clone().zip(joined.skip(1)).map(|(a, b)| a.abs_diff(*b));
        assert!(steps.max().unwrap() < 3_000);
        let rms = |part: &[i16]| {
            let sum: f64 = part.iter().map(|s| f64::from(*s).powi(2)).sum();
            (sum / part.len() as f64).sqrt()
        };
        assert!(music.chunks(8_000).all(|second| rms(second) > 300.0));
    }
}
