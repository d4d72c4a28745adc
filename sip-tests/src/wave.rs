//! A recording as any player reads it, and what is heard in it.

use crate::tone;

/// A stereo file of 16 bits.
#[derive(Debug, Clone)]
pub struct Wave {
    /// Samples per second.
    pub hz: u32,
    /// The left channel.
    pub left: Vec<i16>,
    /// The right channel.
    pub right: Vec<i16>,
}

/// What is heard for a while: this tone, nothing, or something else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sound {
    /// Mostly this tone.
    Tone(f64),
    /// Not a single sample.
    Silence,
    /// Anything else.
    Other,
}

/// Samples looked at together: 50 ms.
const WINDOW: usize = 400;
/// What is shorter is where one sound becomes the next.
const SHORT_S: f64 = 0.16;

impl Wave {
    /// Reads a file by the book: 44 octets of header that tell of every octet behind them.
    ///
    /// # Panics
    /// Where it is not like that.
    #[track_caller]
    #[must_use]
    pub fn read(file: &[u8]) -> Self {
        let long =
            |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four octets"));
        assert_eq!((&file[..4], &file[8..16]), (&b"RIFF"[..], &b"WAVEfmt "[..]));
        assert_eq!(file[16..24], [16, 0, 0, 0, 1, 0, 2, 0], "PCM, two channels");
        assert_eq!((&file[32..36], &file[36..40]), (&[4, 0, 16, 0][..], &b"data"[..]));
        let size = usize::try_from(long(40)).expect("a size");
        assert_eq!((long(4), file.len()), (long(40) + 36, size + 44), "sizes");
        let word = |octets: &[u8]| i16::from_le_bytes([octets[0], octets[1]]);
        let both = file[44..].chunks_exact(4).map(|both| (word(both), word(&both[2..])));
        let (left, right) = both.unzip();
        Self { hz: long(24), left, right }
    }

    /// How long it plays.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        seconds(self.left.len())
    }

    /// What is heard on the left, one after the other, and for how many seconds.
    #[must_use]
    pub fn on_the_left(&self, tones: &[f64]) -> Vec<(Sound, f64)> {
        sounds(&self.left, tones)
    }

    /// What is heard on the right.
    #[must_use]
    pub fn on_the_right(&self, tones: &[f64]) -> Vec<(Sound, f64)> {
        sounds(&self.right, tones)
    }

    /// How long neither channel has a single sample around this moment.
    #[must_use]
    pub fn silence_at(&self, at_s: f64) -> f64 {
        let rest = (0..self.left.len()).skip_while(|sample| seconds(*sample) < at_s);
        let is_silent = |sample: &usize| (self.left[*sample], self.right[*sample]) == (0, 0);
        let after = rest.clone().take_while(is_silent).count();
        let here = rest.min().unwrap_or(self.left.len());
        let before = (0..here).rev().take_while(is_silent).count();
        seconds(before + after)
    }
}

fn seconds(samples: usize) -> f64 {
    f64::from(u32::try_from(samples).unwrap_or(u32::MAX)) / tone::RATE_HZ
}

fn sounds(samples: &[i16], tones: &[f64]) -> Vec<(Sound, f64)> {
    let sound = |window: &[i16]| {
        if window.iter().all(|sample| *sample == 0) {
            return Sound::Silence;
        }
        let tone = tones.iter().find(|&&hz| tone::share(window, hz) > 0.8);
        tone.map_or(Sound::Other, |&hz| Sound::Tone(hz))
    };
    let mut runs: Vec<(Sound, f64)> = Vec::new();
    for window in samples.chunks_exact(WINDOW) {
        let sound = sound(window);
        match runs.last_mut() {
            Some((last, length_s)) if *last == sound => *length_s += seconds(WINDOW),
            _ => runs.push((sound, seconds(WINDOW))),
        }
    }
    // Where two sounds meet, neither is pure; what stands before and after may be one.
    runs.retain(|(_, length_s)| *length_s > SHORT_S);
    let mut whole: Vec<(Sound, f64)> = Vec::new();
    for (sound, length_s) in runs {
        match whole.last_mut() {
            Some((last, total_s)) if *last == sound => *total_s += length_s,
            _ => whole.push((sound, length_s)),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_told_apart() {
        let mut samples = tone::sine(1_130.0, 0, 8_000);
        samples.extend(vec![0; 4_000]);
        samples.extend(tone::sine(1_570.0, 0, 4_000));
        samples.extend(tone::sine(700.0, 0, 4_000));
        let found = sounds(&samples, &[1_130.0, 1_570.0]);
        let expected = [
            (Sound::Tone(1_130.0), 1.0),
            (Sound::Silence, 0.5),
            (Sound::Tone(1_570.0), 0.5),
            (Sound::Other, 0.5),
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for ((sound, length_s), (expected, expected_s)) in found.iter().zip(expected) {
            assert_eq!(*sound, expected);
            assert!((length_s - expected_s).abs() < 0.06, "{sound:?} {length_s}");
        }
    }
}
