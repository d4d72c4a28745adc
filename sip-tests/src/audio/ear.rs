//! What a phone hears, measured: which tones and how loud; and how one sound became another.

use std::fmt;
use std::time::{Duration, Instant};

use super::{Audio, Packet, State};
use crate::codec::OPUS;
use crate::tone::{self, AMPLITUDE, decibels};

/// How far a tone may be from what was sent, and below what it is not there.
const EXACT_DB: (f64, f64) = (0.5, -30.0);
/// The same of several tones in Opus at 48 kbit/s, which keeps what can be heard of speech: libopus
/// by itself, without a network, brings them 1.5 dB softer.
const LOSSY_DB: (f64, f64) = (2.0, -24.0);
/// Samples in which tones of whole multiples of 100 Hz are told apart: 10 ms.
const LOOK: usize = 80;
/// Samples in which it may not be silent where something is heard before and after: 5 ms.
const GAP: usize = 40;
/// Samples in a millisecond.
const MS: usize = 8;

/// A moment in what a phone hears.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// When it was.
    pub at: Instant,
    /// How many packets had come.
    pub(super) packets: usize,
}

/// How one sound became another.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// From the moment at which it was known to the middle of the change, in what is heard: below
    /// 0 where it was heard before.
    pub late_ms: f64,
    /// The same until the packet with it came, by the clock.
    pub wait_ms: f64,
    /// The largest step from one sample to the next, beside what the tones themselves take.
    pub step: (f64, f64),
    /// The quietest 5 ms, beside the quieter of both sounds, in decibels.
    pub dip_db: f64,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { late_ms, wait_ms, step: (step, most), dip_db } = self;
        write!(
            f,
            "{late_ms:.0} ms late, after {wait_ms:.0} ms, step {step:.0} of {most:.0}, dip \
             {dip_db:.1} dB"
        )
    }
}

impl Audio {
    /// Now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        let state = self.state();
        Mark { at: Instant::now(), packets: state.heard.len() }
    }

    /// The later one of a mark and a moment that is over.
    pub(crate) fn later(&self, mark: Mark, moment: Instant) -> Mark {
        let at = mark.at.max(moment);
        let packets = self.state().heard.partition_point(|packet| packet.at <= at);
        Mark { at, packets }
    }

    /// Waits until 200 ms after a mark are these tones and nothing else: each as loud as it was
    /// sent, to half a decibel, and each other one of `all` absent. Of several in Opus less is asked.
    ///
    /// # Panics
    /// When there is no such time within three seconds.
    #[track_caller]
    pub fn hears_just(&self, since: Mark, these: &[f64], all: &[f64]) {
        let what = if these.is_empty() { "silence".into() } else { format!("just {these:?} Hz") };
        self.hears_since(since.at, &what, |kind, samples| {
            let is_lossy = kind == OPUS && these.len() > 1;
            let (near, absent) = if is_lossy { LOSSY_DB } else { EXACT_DB };
            let is_there = |hz: &f64| {
                let off = decibels(tone::amplitude(samples, *hz) / AMPLITUDE);
                if these.contains(hz) { off.abs() < near } else { off < absent }
            };
            // And no sound that nobody thought of.
            let power = |hz: &f64| tone::amplitude(samples, *hz).powi(2) / 2.0;
            let told: f64 = these.iter().map(power).sum();
            let rest = (tone::level(samples).powi(2) - told).max(0.0).sqrt();
            all.iter().all(is_there) && rest < AMPLITUDE * 0.1
        });
    }

    /// Waits until a tone alone has been heard for so long after a mark, to 20 ms, and is over.
    ///
    /// # Panics
    /// When it has not within three seconds, or where it was another time.
    #[track_caller]
    pub fn hears_tone(&self, since: Mark, hz: f64, length: Duration) {
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let state = self.state();
            let pcm: Vec<i16> =
                state.heard[since.packets..].iter().flat_map(|p| p.pcm.clone()).collect();
            drop(state);
            let looks: Vec<bool> =
                pcm.chunks_exact(LOOK).map(|look| tone::share(look, hz) > 0.8).collect();
            let count = looks.iter().filter(|is_there| **is_there).count();
            if count > 0 && looks.last() == Some(&false) {
                let heard_ms = millis(count * LOOK);
                let wanted_ms = length.as_secs_f64() * 1_000.0;
                assert!((heard_ms - wanted_ms).abs() <= 20.0, "{hz} Hz for {heard_ms} ms");
                return;
            }
            assert!(Instant::now() < deadline, "{hz} Hz: not heard, or not over");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// How what is heard has changed from some tones to others since `asked`; at `done` it was known
    /// that it had. All of it is one stream, without a number or a tick missing.
    ///
    /// # Panics
    /// Where it is not, or where the change is not found.
    #[track_caller]
    #[must_use]
    pub fn turned(&self, asked: Mark, done: Mark, (old, new): (&[f64], &[f64])) -> Turn {
        let state = self.state();
        // 100 ms from before.
        let first = (0..asked.packets).rev().find(|&n| samples(&state, n, asked.packets) >= 800);
        let first = first.unwrap_or(0);
        one_after_the_other(&state.heard[first..]);
        let pcm: Vec<i16> = state.heard[first..].iter().flat_map(|p| p.pcm.clone()).collect();
        let known = samples(&state, first, done.packets);
        let (gone, come) = (without(old, new), without(new, old));
        let is_new = |window: &[i16]| {
            let there = |hz: &f64| tone::amplitude(window, *hz) > AMPLITUDE / 2.0;
            come.iter().all(there) && !gone.iter().any(there)
        };
        let unchanged = gone.is_empty() && come.is_empty();
        let at = pcm.windows(LOOK).step_by(MS).position(is_new).map(|at| at * MS + LOOK / 2);
        let at = at.unwrap_or_else(|| panic!("no change from {old:?} to {new:?} Hz is heard"));
        let came = (first..state.heard.len()).find(|&n| samples(&state, first, n + 1) > at);
        let came = came.map_or(done.at, |n| state.heard[n].at);
        let since = |at: Instant| at.duration_since(done.at).as_secs_f64() * 1_000.0;
        let wait_ms = since(came) - done.at.duration_since(came).as_secs_f64() * 1_000.0;
        let (late_ms, wait_ms) =
            if unchanged { (0.0, 0.0) } else { (millis(at) - millis(known), wait_ms) };
        Turn { late_ms, wait_ms, step: step(&pcm, old, new), dip_db: dip(&pcm, old, new) }
    }
}

fn millis(samples: usize) -> f64 {
    f64::from(u32::try_from(samples).unwrap_or(u32::MAX)) / 8.0
}

fn without(these: &[f64], those: &[f64]) -> Vec<f64> {
    these.iter().copied().filter(|hz| !those.contains(hz)).collect()
}

fn samples(state: &State, from: usize, to: usize) -> usize {
    state.heard[from..to].iter().map(|packet| packet.pcm.len()).sum()
}

/// The largest step between two samples, and the largest that these tones can take.
fn step(pcm: &[i16], old: &[f64], new: &[f64]) -> (f64, f64) {
    let steepest = |tones: &[f64]| -> f64 {
        let one = |hz: &f64| (std::f64::consts::PI * hz / tone::RATE_HZ).sin();
        tones.iter().map(one).sum::<f64>() * 2.0 * AMPLITUDE
    };
    let loudest = |tones: &[f64]| tones.iter().map(|_| AMPLITUDE).sum::<f64>();
    // While one fades into the other over 5 ms, its share adds to the slope; and G.711 knows 16
    // values in an octave.
    let both = loudest(old) + loudest(new);
    let fade = both / 40.0;
    let coding = loudest(old).max(loudest(new)) / 16.0;
    let steps = pcm.windows(2).map(|two| (f64::from(two[1]) - f64::from(two[0])).abs());
    (steps.fold(0.0, f64::max), steepest(old).max(steepest(new)) + fade + coding)
}

/// The quietest 5 ms beside what either sound has at least; 0 where one of them is silence.
fn dip(pcm: &[i16], old: &[f64], new: &[f64]) -> f64 {
    if old.is_empty() || new.is_empty() {
        return 0.0;
    }
    let quietest = pcm.windows(GAP).map(tone::level).fold(f64::MAX, f64::min);
    decibels(quietest / (AMPLITUDE / 2.0_f64.sqrt()))
}

/// # Panics
/// Where a number, a tick or the source of a packet is not what follows from the one before it.
#[track_caller]
fn one_after_the_other(packets: &[Packet]) {
    for pair in packets.windows(2) {
        let (last, next) = (&pair[0], &pair[1]);
        assert_eq!(next.ssrc, last.ssrc, "another SSRC");
        assert_eq!(next.seq.wrapping_sub(last.seq), 1, "{} after {}", next.seq, last.seq);
        let (Some(ticks), Some(_)) = (last.ticks(), next.ticks()) else { continue };
        let step = next.timestamp.wrapping_sub(last.timestamp);
        let after = next.at.duration_since(last.at);
        // Whoever is forwarded to waits for the speaker's next packet, of 60 ms perhaps; what is
        // longer than jitter the timestamps tell.
        let told = Duration::from_micros(u64::from(step) * 125);
        let is_pause = (40..=80).contains(&told.as_millis());
        assert!(
            step == ticks || is_pause && told.abs_diff(after) <= Duration::from_millis(15),
            "a timestamp after {step} ticks, {after:?}, where {ticks} were said"
        );
    }
}

impl Audio {
    /// The keys that came after a mark, each as often as it was told: packets of one timestamp are
    /// one key, or of those that follow at once where it is long.
    #[must_use]
    pub fn keys(&self, since: Mark) -> Vec<super::Key> {
        let mut keys: Vec<(u32, super::Key)> = Vec::new();
        let state = self.state();
        let (before, after) = state.heard.split_at(since.packets.min(state.heard.len()));
        // The end of a key is told three times: the mark may be between them.
        let told = before.iter().rev().find(|packet| packet.key().is_some());
        let told = told.map(|packet| packet.timestamp);
        for packet in after.iter().filter(|packet| Some(packet.timestamp) != told) {
            let Some(key) = packet.key() else { continue };
            match keys.iter_mut().find(|(timestamp, _)| *timestamp == packet.timestamp) {
                Some((_, known)) => {
                    assert_eq!(known.digit, key.digit, "one timestamp, two keys");
                    (known.ms, known.is_up) = (known.ms.max(key.ms), known.is_up || key.is_up);
                }
                None => keys.push((packet.timestamp, key)),
            }
        }
        keys.into_iter().map(|(_, key)| key).collect()
    }

    /// Waits until so many keys have come and are up again; all of them, as text.
    ///
    /// # Panics
    /// When they have not within three seconds.
    #[track_caller]
    pub fn hears_keys(&self, since: Mark, count: usize) -> String {
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let keys = self.keys(since);
            if keys.iter().filter(|key| key.is_up).count() >= count {
                return keys.iter().map(|key| key.digit).collect();
            }
            assert!(Instant::now() < deadline, "{count} keys expected, there were {keys:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_and_gaps_are_found() {
        let (old, new) = ([400.0], [700.0]);
        let said = |hz, first, count| tone::sine(hz, first, count);
        let smooth = |pcm: &[i16]| {
            let (step, most) = step(pcm, &old, &new);
            step <= most
        };
        // At 20 ms and at 30 ms both pass through 0.
        let joined = [said(400.0, 0, 160), said(700.0, 0, 240)].concat();
        assert!(smooth(&joined) && dip(&joined, &old, &new) > -3.0, "{}", dip(&joined, &old, &new));
        let click = [said(400.0, 0, 165), said(700.0, 6, 240)].concat();
        assert!(!smooth(&click), "{:?}", step(&click, &old, &new));
        let gap = [said(400.0, 0, 160), vec![0; 80], said(700.0, 0, 240)].concat();
        assert!(dip(&gap, &old, &new) < -20.0);
    }
}
