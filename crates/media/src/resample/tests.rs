use core::f64::consts::TAU;

use super::*;
use crate::measure::{db, loudness, parts, split};

const RATES: [u32; 3] = [8_000, 16_000, 48_000];
const STRENGTH: f64 = 16_000.0;

fn tone(hz: f64, rate_hz: u32) -> Vec<i16> {
    crate::measure::tone(hz, STRENGTH, rate_hz, rate_hz as usize / 5)
}

fn pairs() -> impl Iterator<Item = (u32, u32)> {
    RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to)))
}

/// A fifth of a second in blocks of 20 ms, without what the filter begins with.
fn convert(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to);
    let mut out = Vec::new();
    for block in input.chunks(from as usize / 50) {
        let mut converted = [0; 960];
        let count = resampler.process(block, &mut converted);
        assert_eq!(count, to as usize / 50);
        out.extend(&converted[..count]);
    }
    out
}

/// What of a tone comes out, and what else comes out, in dB of what went in.
fn through(from: u32, to: u32, hz: f64) -> (f64, f64) {
    let out = convert(from, to, &tone(hz, from));
    // Whole periods of every multiple of 50 Hz.
    let (kept, other) = split(&out[to as usize / 25..], hz, to);
    (db(kept / STRENGTH), db(other / STRENGTH))
}

#[test]
fn a_tone_survives_and_nothing_comes_with_it() {
    for (from, to) in pairs() {
        let edge = if from.min(to) == 8_000 { 3_400 } else { 7_000 };
        for hz in (50..=edge).step_by(150).chain([edge]).map(f64::from) {
            let (kept, other) = through(from, to, hz);
            assert!(kept.abs() < 0.5, "{from} to {to}: {hz} Hz comes with {kept} dB");
            assert!(other < -50.0, "{from} to {to}: beside {hz} Hz there is {other} dB");
        }
    }
}

/// Between the end of the band and half the rate a tone may fade, its image must not stay.
#[test]
fn images_of_the_slope_are_gone_too() {
    for (from, to) in pairs().filter(|(from, to)| from < to) {
        for hz in (from / 2 - 550..from / 2).step_by(50).map(f64::from) {
            let (kept, other) = through(from, to, hz);
            assert!(kept < 0.5 && other < -50.0, "{from} to {to}: {hz} Hz {kept} {other}");
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_gone() {
    for (from, to) in pairs().filter(|(from, to)| from > to) {
        for hz in (to / 2 + 50..from / 2).step_by(50).map(f64::from) {
            let out = convert(from, to, &tone(hz, from));
            let left = db(loudness(&out[to as usize / 25..]) / STRENGTH);
            assert!(left < -50.0, "{from} to {to}: of {hz} Hz {left} dB are left");
        }
    }
}

#[test]
fn the_delay_is_what_is_said() {
    for (from, to) in pairs() {
        let delay_us = Resampler::new(from, to).delay_us();
        assert!(delay_us < 4_000, "{from} to {to}: {delay_us}");
        // The phase of a tone that is slow enough for it.
        let hz = 100.0;
        let out = convert(from, to, &tone(hz, from));
        let (re, im) = parts(&out[to as usize / 25..], hz, to);
        let measured_us = (-re).atan2(im) / (TAU * hz) * 1e6;
        let error = measured_us - f64::from(delay_us);
        assert!(error.abs() < 2.0, "{from} to {to}: said {delay_us}, is {measured_us}");
    }
}

/// A chirp through all that comes.
fn chirp(count: usize) -> Vec<i16> {
    let sample = |n: usize| (n * n * 7 / 50 + n * 31) % 65_536;
    (0..count).map(|n| i16::try_from(sample(n).cast_signed() - 32_768).unwrap()).collect()
}

#[test]
fn the_split_into_blocks_does_not_matter() {
    for (from, to) in pairs() {
        let input = chirp(from as usize / 10);
        let mut whole = vec![0; to as usize / 10];
        assert_eq!(Resampler::new(from, to).process(&input, &mut whole), whole.len());
        for sizes in [[from as usize / 50; 2], [from as usize / 100, from as usize / 1_000], [7, 1]]
        {
            let (mut resampler, mut rest) = (Resampler::new(from, to), &input[..]);
            let mut out = Vec::<i16>::new();
            for size in sizes.iter().cycle() {
                let (block, later) = rest.split_at((*size).min(rest.len()));
                rest = later;
                let mut converted = [0; 960];
                let count = resampler.process(block, &mut converted);
                out.extend(&converted[..count]);
                if rest.is_empty() {
                    break;
                }
            }
            assert_eq!(out, whole, "{from} to {to} in {sizes:?}");
        }
    }
}

#[test]
fn silence_and_steady_levels_stay_what_they_are() {
    for (from, to) in pairs() {
        for level in [0, 1, -1, 1_000, i16::MAX, i16::MIN] {
            let out = convert(from, to, &vec![level; from as usize / 5]);
            let settled = &out[to as usize / 50..];
            assert!(settled.iter().all(|sample| *sample == level), "{from} to {to}: {level}");
        }
    }
}

/// The filter swings beyond a full-scale edge: it is cut there, and never comes out on the other
/// side.
#[test]
fn full_scale_does_not_wrap() {
    for (from, to) in pairs().filter(|(from, to)| from != to) {
        let half = from as usize / 100;
        let square: Vec<i16> = (0..from as usize / 5)
            .map(|n| if (n / half).is_multiple_of(2) { i16::MAX } else { i16::MIN })
            .collect();
        let out = convert(from, to, &square);
        let delay = to as usize * Resampler::new(from, to).delay_us() as usize / 1_000_000;
        let (half, edge) = (to as usize / 100, to as usize / 1_000);
        for (n, sample) in out.iter().enumerate().skip(delay + half) {
            let within = (n - delay) % half;
            if (edge..half - edge).contains(&within) {
                let high = ((n - delay) / half).is_multiple_of(2);
                assert_eq!(*sample > 0, high, "{from} to {to}: {sample} at {n}");
                assert!(sample.unsigned_abs() > 29_000, "{from} to {to}: {sample} at {n}");
            }
        }
        assert!(out.contains(&i16::MAX) && out.contains(&i16::MIN));
        // Noise of full scale, the worst there is.
        let noise: Vec<i16> = (0..from as usize / 5)
            .map(|n: usize| if (n * n / 3 + n / 5).is_multiple_of(2) { i16::MAX } else { i16::MIN })
            .collect();
        let _ = convert(from, to, &noise);
    }
}

#[test]
fn an_output_that_is_too_small_is_no_harm() {
    for (from, to) in pairs() {
        let mut out = [0; 5];
        let count = Resampler::new(from, to).process(&chirp(from as usize / 50), &mut out);
        assert_eq!(count, 5);
    }
    assert_eq!(Resampler::new(11_025, 8_000).process(&[1, 2, 3], &mut [0; 2]), 2);
}

/// In the midst of a tone the filter makes nearly the same of it as if it had heard all of it.
#[test]
fn another_stream_begins_as_if_it_had_been_there() {
    for (from, to) in pairs().filter(|(from, to)| from != to) {
        for hz in [150.0, 300.0, 517.0, 1_000.0, 2_300.0] {
            let all = tone(hz, from);
            let known = convert(from, to, &all);
            let (frame, made) = (from as usize / 50, to as usize / 50);
            let mut worst = 0;
            for late in (1..20).map(|n| n * frame / 4) {
                let mut resampler = Resampler::new(from, to);
                resampler.process(&tone(1_900.0, from), &mut vec![0; to as usize]);
                resampler.begin(&all[late..late + frame]);
                let mut out = vec![0; made];
                resampler.process(&all[late..late + frame], &mut out);
                // Where it was cut is late by a part of a frame too.
                let same = &known[late * made / frame..];
                let apart = out.iter().zip(same);
                worst = apart.map(|(a, b)| a.abs_diff(*b)).fold(worst, u16::max);
            }
            assert!(f64::from(worst) < 0.1 * STRENGTH, "{hz} Hz, {from} to {to}: {worst}");
        }
    }
}
