//! An ear: tells tones, other sound and silence apart in what RTP brings, and remembers how long
//! each lasted.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::fmt;
use std::time::Duration;

use media::RATE_HZ;

use super::cast;

/// Samples judged at once: a tenth of a second, in which tones 10 Hz apart do not mix.
const WINDOW: usize = RATE_HZ as usize / 10;
const WINDOW_LENGTH: Duration = Duration::from_millis(100);
/// Below this root of the mean square nothing is heard.
const FAINT: f64 = 60.0;
/// Of the power, so much makes a tone.
const PURE: f64 = 0.8;

/// What was heard for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sound {
    /// Packets with nothing in them.
    Silence,
    /// Anything audible that is nobody's tone.
    Music,
    /// Somebody's tone, in Hertz.
    Tone(u16),
}

/// In the order in which it was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard(Vec<(Sound, Duration)>);

/// See above.
#[derive(Debug, Default)]
pub(super) struct Ear {
    samples: Vec<i16>,
    heard: Heard,
}

impl Ear {
    /// Listens on.
    pub(super) fn hear(&mut self, samples: &[i16]) {
        self.samples.extend_from_slice(samples);
        while self.samples.len() >= WINDOW {
            let sound = judge(&self.samples[..WINDOW]);
            self.samples.drain(..WINDOW);
            match self.heard.0.last_mut() {
                Some((last, length)) if *last == sound => *length += WINDOW_LENGTH,
                _ => self.heard.0.push((sound, WINDOW_LENGTH)),
            }
        }
    }

    /// All so far.
    pub(super) fn heard(&self) -> &Heard {
        &self.heard
    }
}

impl Heard {
    /// Whether somebody speaks or spoke: a tone for more than one window.
    pub(super) fn voice(&self) -> bool {
        let spoke = |(sound, length): &(Sound, Duration)| {
            matches!(sound, Sound::Tone(_)) && *length > WINDOW_LENGTH
        };
        self.0.iter().any(spoke)
    }

    /// The same without what lasted a single window: that is where one sound ends and another
    /// begins.
    pub(super) fn smooth(&self) -> Self {
        let mut smooth: Vec<(Sound, Duration)> = Vec::new();
        for (sound, length) in self.0.iter().filter(|(_, length)| *length > WINDOW_LENGTH) {
            match smooth.last_mut() {
                Some((last, sum)) if last == sound => *sum += *length,
                _ => smooth.push((*sound, *length)),
            }
        }
        Self(smooth)
    }

    /// How long each was heard in all.
    pub(super) fn sums(&self) -> BTreeMap<Sound, Duration> {
        let mut sums = BTreeMap::new();
        for (sound, length) in &self.0 {
            *sums.entry(*sound).or_default() += *length;
        }
        sums
    }

    /// Whether this was heard before that was for the first time, or where that never was.
    pub(super) fn has_before(&self, first: Sound, then: Sound) -> bool {
        self.0.iter().take_while(|(sound, _)| *sound != then).any(|(sound, _)| *sound == first)
    }

    /// Whether that was heard after this.
    pub(super) fn has_then(&self, first: Sound, then: Sound) -> bool {
        let place = self.0.iter().position(|(sound, _)| *sound == first);
        place.is_some_and(|place| self.0[place..].iter().any(|(sound, _)| *sound == then))
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence => f.write_str("silence"),
            Self::Music => f.write_str("music"),
            Self::Tone(hz) => write!(f, "{hz} Hz"),
        }
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (number, (sound, length)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{sound} {:.1} s", length.as_secs_f64())?;
        }
        Ok(())
    }
}

fn judge(samples: &[i16]) -> Sound {
    let power: f64 = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    if (power / count).sqrt() < FAINT {
        return Sound::Silence;
    }
    let is_it = |hz: &u16| goertzel(samples, f64::from(*hz)) * 2.0 / count > PURE * power;
    cast::tones().find(is_it).map_or(Sound::Music, Sound::Tone)
}

/// Power at a frequency, as the square of a sum: by G. Goertzel's recurrence, one multiplication a
/// sample.
fn goertzel(samples: &[i16], hz: f64) -> f64 {
    let coefficient = 2.0 * (TAU * hz / f64::from(RATE_HZ)).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &sample in samples {
        (one, two) = (f64::from(sample) + coefficient * one - two, one);
    }
    one * one + two * two - coefficient * one * two
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: u16, samples: usize) -> Vec<i16> {
        let mut pcm = vec![0; samples];
        media::sound::tone(hz, 1_000, 0, 1_000, &mut pcm);
        pcm
    }

    #[test]
    fn tones_music_and_silence_are_told_apart() {
        let music = media::sound::music();
        for window in music.chunks(WINDOW) {
            assert_eq!(judge(window), Sound::Music);
        }
        for hz in cast::tones() {
            assert_eq!(judge(&tone(hz, WINDOW)), Sound::Tone(hz));
        }
        assert_eq!(judge(&tone(3_333, WINDOW)), Sound::Music, "a tone of nobody's");
        assert_eq!(judge(&[3; WINDOW]), Sound::Silence);
    }

    #[test]
    fn what_was_heard_is_told_in_order() {
        let mut ear = Ear::default();
        assert_eq!(ear.heard().to_string(), "nothing");
        let (hz, other) = (cast::operator_hz(0), cast::caller_hz(3));
        ear.hear(&media::sound::music()[..WINDOW * 3]);
        ear.hear(&tone(hz, WINDOW / 2));
        assert!(!ear.heard().voice());
        ear.hear(&tone(hz, WINDOW * 4 + WINDOW / 2));
        assert!(ear.heard().voice());
        ear.hear(&[0; WINDOW * 2]);
        ear.hear(&tone(other, WINDOW));
        ear.hear(&[0; WINDOW]);
        let heard = ear.heard().smooth();
        assert_eq!(heard.to_string(), format!("music 0.3 s, {hz} Hz 0.5 s, silence 0.2 s"));
        assert!(heard.has_then(Sound::Music, Sound::Tone(hz)));
        assert!(heard.has_before(Sound::Music, Sound::Tone(hz)));
        assert!(heard.has_before(Sound::Music, Sound::Tone(other)), "it never came");
        assert!(!heard.has_before(Sound::Silence, Sound::Tone(hz)));
        assert!(!heard.has_then(Sound::Tone(hz), Sound::Music));
        assert_eq!(heard.sums()[&Sound::Tone(hz)], WINDOW_LENGTH * 5);
    }
}
