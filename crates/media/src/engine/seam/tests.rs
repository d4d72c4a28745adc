#![expect(clippy::cast_possible_truncation, reason = "all of it is within 16 bits")]

use std::f64::consts::TAU;

use super::*;

const RATES: [u32; 3] = [8_000, 16_000, 48_000];
/// What of a source is known, and of the next one made, in milliseconds.
const KNOWN_MS: usize = PAST_MS;
const NEXT_MS: usize = 20;
const STRENGTH: f64 = 8_000.0;

/// A tone as it is at a rate, for so many milliseconds, from so far on in its period.
fn tone(hz: f64, rate: u32, length_ms: usize, phase: f64) -> Vec<i16> {
    let count = rate as usize / 1_000 * length_ms;
    let angle = |n: usize| (n as f64 * hz / f64::from(rate) + phase) * TAU;
    (0..count).map(|n| (angle(n).sin() * STRENGTH).round() as i16).collect()
}

/// The end of one source and the beginning of the next, joined.
fn joined(past: &[i16], rate: u32, next: &[i16]) -> Vec<i16> {
    let mut next = next.to_vec();
    join(past, rate, &mut next);
    [past, &next].concat()
}

/// The sharpest bend: the second difference of three samples.
fn bend(pcm: &[i16]) -> f64 {
    let bends = pcm.windows(3).map(|of| i32::from(of[0]) - 2 * i32::from(of[1]) + i32::from(of[2]));
    bends.map(|bend| f64::from(bend.abs())).fold(0.0, f64::max)
}

fn peak(pcm: &[i16]) -> f64 {
    pcm.iter().map(|sample| f64::from(sample.unsigned_abs())).fold(0.0, f64::max)
}

/// What a tone bends by itself, and what it does at most by being faded out or in.
fn allowed(hz: f64, rate: u32) -> (f64, f64) {
    let turn = TAU * hz / f64::from(rate);
    let length = f64::from(rate) / 1_000.0 * SEAM_MS as f64;
    let own = STRENGTH * turn * turn;
    (own, STRENGTH * (6.0 / (length * length) + 3.0 / length * turn))
}

#[test]
fn a_tone_that_ends_makes_no_kink_wherever_it_is_cut() {
    let tones = [120.0, 300.0, 440.0, 517.0, 1_000.0, 1_411.0, 2_300.0, 3_100.0];
    let mut wrong = Vec::new();
    for rate in RATES {
        for (hz, next_hz) in tones.into_iter().flat_map(|hz| [0.0, 350.0, 1_900.0].map(|n| (hz, n)))
        {
            let ((own, fade), (next_own, next_fade)) = (allowed(hz, rate), allowed(next_hz, rate));
            // Each sample is rounded, twice.
            let most = 1.5 * own.max(next_own) + fade + next_fade + 8.0;
            for cut in 0..48 {
                let past = tone(hz, rate, KNOWN_MS, f64::from(cut) / 48.0);
                let next = tone(next_hz, rate, NEXT_MS, f64::from(cut % 7) / 7.0);
                let heard = joined(&past, rate, &next);
                let (is, loud) = (bend(&heard), peak(&heard));
                if is > most || loud > STRENGTH * 1.15 {
                    wrong.push(format!(
                        "{hz} to {next_hz} at {rate}, {cut}: {is:.0} of {most:.0}, {loud}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
}

/// The same each time, -1 to 1.
fn noise() -> impl FnMut() -> f64 {
    let mut state = 9_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    }
}

/// A voice: pulses at a pitch through three formants, as loud as 16 bits can be.
fn voice(rate: u32, pitch: f64, count: usize) -> Vec<i16> {
    let (mut phase, mut formants) = (0.0, [[0.0; 2]; 3]);
    let mut said = Vec::new();
    for _ in 0..count {
        phase += pitch / f64::from(rate);
        phase -= phase.floor();
        // A millisecond and a half, swelling and fading.
        let pulse = phase / pitch / 0.001_5;
        let mut sample = if pulse < 1.0 { 1.0 - (pulse * TAU).cos() } else { 0.0 };
        for (formant, centre) in formants.iter_mut().zip([600.0, 1_300.0, 2_500.0]) {
            let radius = (-TAU * 60.0 / f64::from(rate)).exp();
            let turn = 2.0 * radius * (TAU * centre / f64::from(rate)).cos();
            let out: f64 = sample + turn * formant[0] - radius * radius * formant[1];
            *formant = [out, formant[0]];
            sample = out;
        }
        said.push(sample);
    }
    let loudest = said.iter().fold(0.0, |loudest: f64, sample| loudest.max(sample.abs()));
    said.iter().map(|sample| (sample / loudest * 32_000.0) as i16).collect()
}

#[test]
fn a_voice_and_a_hiss_that_end_are_no_louder_and_no_sharper_than_they_were() {
    for rate in RATES {
        let known = rate as usize / 1_000 * KNOWN_MS;
        let silence = vec![0; rate as usize / 1_000 * NEXT_MS];
        let mut chance = noise();
        let hiss: Vec<i16> = (0..8 * known).map(|_| (chance() * 32_000.0) as i16).collect();
        for (what, all) in [("voice", voice(rate, 115.0, 8 * known)), ("hiss", hiss)] {
            // What it is elsewhere it may be here.
            let (loud, sharp) = (peak(&all[known..]), bend(&all[known..]));
            let (mut louder, mut sharper) = (0.0_f64, 0.0_f64);
            for from in (known..7 * known).step_by(rate as usize / 800 - 1) {
                let heard = joined(&all[from..from + known], rate, &silence);
                louder = louder.max(peak(&heard) / loud);
                sharper = sharper.max(bend(&heard[known - 2..]) / sharp);
                assert!(heard[known + known / 4..].iter().all(|sample| *sample == 0));
            }
            println!("{what} at {rate}: {louder:.2} as loud, {sharper:.2} as sharp");
            assert!(louder <= 1.05 && sharper <= 1.6, "{what} at {rate}: {louder} {sharper}");
        }
    }
}

#[test]
fn an_offset_goes_away_without_swinging_and_nothing_overflows() {
    for rate in RATES {
        let known = rate as usize / 1_000 * KNOWN_MS;
        for offset in [-32_768_i16, -9_000, 1, 9_000, 32_767] {
            let heard = joined(&vec![offset; known], rate, &vec![0; known]);
            let falls = heard.windows(2).all(|of| of[1].unsigned_abs() <= of[0].unsigned_abs());
            assert!(falls && heard.ends_with(&[0]), "{offset} at {rate}");
        }
        let mut chance = noise();
        let mut any = || if chance() > 0.0 { i16::MAX } else { i16::MIN };
        for _ in 0..200 {
            let past: Vec<i16> = (0..known).map(|_| any()).collect();
            let next: Vec<i16> = (0..known).map(|_| any()).collect();
            let heard = joined(&past, rate, &next);
            assert_eq!(heard[known + known / 4..], next[known / 4..]);
        }
        // Nothing and less than a seam is joined too.
        assert!(joined(&[], rate, &[5, 5, 5])[2] <= 5);
        assert_eq!(joined(&vec![0; known], rate, &[]), vec![0; known]);
    }
}
