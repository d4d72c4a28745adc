//! What speech-like sound loses by lost and late packets: a distance of spectra, held below a bound.
//! (`cargo xtask bench quality` judges real speech by PESQ, which needs Python.)
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a test")]

use std::f64::consts::TAU;

use media::codec::{FRAME_MAX, PAYLOAD_MAX};
use media::jitter::Buffer;
use media::rtp::Header;
use media::{Codec, Encoder, Format, OpusWishes, Time};

const SECONDS: usize = 12;

/// The same each time, -1 to 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    fn percent(&mut self) -> f64 {
        (self.next() + 1.0) * 50.0
    }
}

/// Syllables, four a second: pulses at a gliding pitch, now and then noise, through three formants.
fn speech(hz: usize) -> Vec<i16> {
    let mut noise = Noise(1);
    let (mut phase, mut formants) = (0.0, [[0.0; 2]; 3]);
    let mut pcm = Vec::new();
    for n in 0..SECONDS * hz {
        let t = n as f64 / hz as f64;
        let syllable = (t * 4.0).floor();
        let pitch = 130.0 + 40.0 * (t * 1.7).sin() + 10.0 * (t * 9.0).sin();
        phase += pitch / hz as f64;
        let pulse = if phase >= 1.0 { 12.0 } else { 0.0 };
        phase -= phase.floor();
        let is_hiss = syllable as u64 % 4 == 3;
        let mut sample = if is_hiss { noise.next() * 0.6 } else { pulse + noise.next() * 0.05 };
        let vowel = syllable as u64 % 3;
        let centres =
            [[700.0, 1_200.0, 2_600.0], [300.0, 2_200.0, 3_000.0], [500.0, 900.0, 2_400.0]];
        for (formant, centre) in formants.iter_mut().zip(centres[vowel as usize]) {
            let radius = (-TAU * 50.0 / hz as f64).exp();
            let out = sample + 2.0 * radius * (TAU * centre / hz as f64).cos() * formant[0]
                - radius * radius * formant[1];
            *formant = [out, formant[0]];
            sample = out * 0.2;
        }
        let strength = ((t * 4.0).fract() * std::f64::consts::PI).sin();
        pcm.push(sample * strength);
    }
    let loudest = pcm.iter().fold(0.0, |loudest: f64, sample| loudest.max(sample.abs()));
    pcm.iter().map(|sample| (sample / loudest * 16_000.0) as i16).collect()
}

/// What the receiver plays, its packets lost and late by so much.
fn receive(codec: Codec, pcm: &[i16], lost_percent: f64, late_ms: f64) -> Vec<i16> {
    let mut chance = Noise(2);
    // As a peer does that is told of losses.
    let wishes = OpusWishes { takes_fec: true, ..OpusWishes::default() };
    let mut encoder = Encoder::of(Format::new(codec, wishes, 20));
    encoder.protect(true);
    let mut packets = Vec::new();
    for (n, frame) in pcm.chunks_exact(codec.frame()).enumerate() {
        let mut payload = [0; PAYLOAD_MAX];
        let length = encoder.encode(frame, &mut payload);
        let late_us = chance.percent() / 100.0 * late_ms * 1_000.0;
        if chance.percent() >= lost_percent {
            let (sequence, timestamp) = (n as u16, n as u32 * codec.rtp_hz() / 50);
            let header = Header { sequence, timestamp, ..Header::default() };
            packets.push((n as u64 * 20_000 + late_us as u64, header, payload[..length].to_vec()));
        }
    }
    packets.sort_by_key(|(at, ..)| *at);
    let mut buffer = Buffer::new();
    buffer.prepare([codec].into_iter());
    buffer.open();
    let mut packets = packets.into_iter().peekable();
    let mut played = Vec::new();
    for frame in 0..SECONDS as u64 * 50 {
        let now = frame * 20_000 + 5_000;
        while let Some((at, header, payload)) = packets.next_if(|(at, ..)| *at <= now) {
            buffer.insert(Time::from_micros(at), &header, codec, &payload);
        }
        let mut out = [0; FRAME_MAX];
        let (count, hz) = buffer.pull(Time::from_micros(now), &mut out);
        let count = if hz == codec.audio_hz() { count } else { codec.frame() };
        played.extend(&out[..count]);
    }
    played
}

/// The strength in dB of 30 bands of 100 Hz, by Goertzel's way.
fn bands(pcm: &[i16], hz: f64) -> [f64; 30] {
    core::array::from_fn(|band| {
        let turn = 2.0 * (TAU * (100.0 * (band + 1) as f64) / hz).cos();
        let (mut last, mut before) = (0.0, 0.0);
        for sample in pcm {
            (last, before) = (f64::from(*sample) + turn * last - before, last);
        }
        let power = last * last + before * before - turn * last * before;
        // A floor far below the loud parts: what lies under it is not heard.
        10.0 * (power / (pcm.len() * pcm.len()) as f64 + 400.0).log10()
    })
}

/// The mean distance of spectra in dB over 20 ms, where 200 ms lie on each other best.
fn distance_db(said: &[i16], heard: &[i16], hz: usize) -> f64 {
    let (block, ms) = (hz / 5, hz / 1_000);
    let mut distances = Vec::new();
    for at in (hz..said.len() - hz).step_by(block) {
        let here = &said[at..at + block];
        let alike = |late: &usize| -> i64 {
            let there = &heard[at + late..at + late + block];
            here.iter().zip(there).map(|(a, b)| i64::from(*a) * i64::from(*b)).sum()
        };
        let late = (0..150 * ms).step_by(ms / 8).max_by_key(alike).unwrap_or(0);
        for (said, heard) in here.chunks(20 * ms).zip(heard[at + late..].chunks(20 * ms)) {
            let (a, b) = (bands(said, hz as f64), bands(heard, hz as f64));
            let square = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            distances.push((square / 30.0).sqrt());
        }
    }
    distances.iter().sum::<f64>() / distances.len() as f64
}

/// What a receiver plays that makes nothing up.
fn with_holes(pcm: &[i16], hz: usize, lost_percent: f64) -> Vec<i16> {
    let mut chance = Noise(2);
    let mut heard = pcm.to_vec();
    for frame in heard.chunks_mut(hz / 50) {
        chance.percent();
        if chance.percent() < lost_percent {
            frame.fill(0);
        }
    }
    heard
}

#[test]
fn lost_and_late_packets_cost_little() {
    // Distances in dB: without a fault, 5 % lost, those and 0 to 80 ms late. Measured 0.23, 0.33
    // and 0.58 for G.711, 0.88, 0.99 and 1.11 for Opus.
    for (codec, most_db) in [
        (Codec::Pcmu, [0.28, 0.40, 0.70]),
        (Codec::Pcma, [0.28, 0.40, 0.70]),
        (Codec::Opus, [1.05, 1.20, 1.35]),
    ] {
        let hz = codec.audio_hz() as usize;
        let said = speech(hz);
        let is = [(0.0, 0.0), (5.0, 0.0), (5.0, 80.0)].map(|(lost_percent, late_ms)| {
            distance_db(&said, &receive(codec, &said, lost_percent, late_ms), hz)
        });
        let holes = distance_db(&said, &with_holes(&said, hz, 5.0), hz);
        println!("{codec:?}: {is:.3?} dB, with holes {holes:.3}");
        assert!(is.iter().zip(most_db).all(|(is, most)| *is <= most), "{codec:?}: {is:?}");
        assert!((is[1] - is[0]) * 2.0 < holes, "{codec:?}: {is:?}, with holes {holes}");
    }
}
