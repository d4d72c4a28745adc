//! What a frame of 20 ms costs: each codec both ways, each change of rate.
//!
//! `cargo bench -p media --bench codec` prints microseconds; `… -- NAME COUNT` does one thing that
//! often and prints nothing, for callgrind.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and panics when its input is bad"
)]

use std::hint::black_box;
use std::time::Instant;

use media::codec::{FRAME_MAX, PAYLOAD_MAX};
use media::{Codec, Decoder, Encoder, Resampler};

/// Frames that are used in turn: two seconds.
const FRAMES: usize = 100;

/// Like a voice: a pitch that wanders, its harmonics through two formants, syllables, some noise.
fn speech(hz: u32) -> Vec<Vec<i16>> {
    let (mut phase, mut noise) = (0.0_f64, 1_u32);
    let frame = hz as usize / 50;
    let sample = |n: usize| {
        let at = n as f64 / f64::from(hz);
        let pitch = 120.0 + 30.0 * (at * 2.3).sin();
        phase += pitch / f64::from(hz);
        let harmonics = (1..30).map(|k| {
            let of = pitch * f64::from(k);
            let near = |formant: f64| 1.0 / (1.0 + ((of - formant) / 150.0).powi(2));
            let angle = core::f64::consts::TAU * phase * f64::from(k);
            angle.sin() * (near(500.0 + 200.0 * (at * 5.0).sin()) + 0.4 * near(1_700.0) + 0.02)
        });
        let voice: f64 = harmonics.sum();
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = f64::from(noise >> 16) / 65_536.0 - 0.5;
        let syllable = (at * 12.0).sin().max(0.05);
        (6_000.0 * (voice * syllable + 0.05 * hiss)).clamp(-32_000.0, 32_000.0)
    };
    #[expect(clippy::cast_possible_truncation, reason = "within 16 bits")]
    let pcm: Vec<i16> = (0..frame * FRAMES).map(sample).map(|x| x as i16).collect();
    pcm.chunks(frame).map(<[i16]>::to_vec).collect()
}

type Task = (String, Box<dyn FnMut()>);

fn encode(codec: Codec) -> Task {
    let mut frames = speech(codec.audio_hz()).into_iter().cycle();
    let mut encoder = Encoder::new(codec);
    let mut payload = [0; PAYLOAD_MAX];
    let task = move || {
        let frame = frames.next().expect("frames for ever");
        assert!(black_box(encoder.encode(black_box(&frame), &mut payload)) > 0);
    };
    (format!("encode_{}", codec.name().to_ascii_lowercase()), Box::new(task))
}

fn decode(codec: Codec) -> Task {
    let mut encoder = Encoder::new(codec);
    let payloads = speech(codec.audio_hz()).into_iter().map(move |frame| {
        let mut payload = [0; PAYLOAD_MAX];
        let count = encoder.encode(&frame, &mut payload);
        payload[..count].to_vec()
    });
    let mut payloads = payloads.collect::<Vec<_>>().into_iter().cycle();
    let mut decoder = Decoder::new(codec);
    let mut pcm = [0; FRAME_MAX];
    let task = move || {
        let payload = payloads.next().expect("payloads for ever");
        assert!(black_box(decoder.decode(black_box(&payload), &mut pcm)) > 0);
    };
    (format!("decode_{}", codec.name().to_ascii_lowercase()), Box::new(task))
}

fn resample(from: u32, to: u32) -> Task {
    let mut frames = speech(from).into_iter().cycle();
    let mut resampler = Resampler::new(from, to);
    let mut out = [0; FRAME_MAX];
    let task = move || {
        let frame = frames.next().expect("frames for ever");
        assert!(black_box(resampler.process(black_box(&frame), &mut out)) > 0);
    };
    (format!("resample_{}_{}", from / 1_000, to / 1_000), Box::new(task))
}

fn tasks() -> Vec<Task> {
    let mut tasks = Vec::new();
    tasks.extend(Codec::ALL.map(encode));
    tasks.extend(Codec::ALL.map(decode));
    for from in [8_000, 16_000, 48_000] {
        let others = [8_000, 16_000, 48_000].into_iter().filter(|to| *to != from);
        tasks.extend(others.map(|to| resample(from, to)));
    }
    tasks
}

/// Microseconds a frame: of each few of them the best of several rounds, as what disturbs only adds.
fn microseconds(task: &mut dyn FnMut()) -> f64 {
    const ROUNDS: usize = 15;
    const FEW: usize = 4;
    let mut best = [f64::INFINITY; FRAMES / FEW];
    for _ in 0..ROUNDS {
        for best in &mut best {
            let start = Instant::now();
            (0..FEW).for_each(|_| task());
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    best.iter().sum::<f64>() * 1e6 / FRAMES as f64
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with("--")).collect();
    let mut tasks = tasks();
    if let [name, count] = &words[..] {
        let count: u32 = count.parse().expect("a count");
        let (_, task) = tasks.iter_mut().find(|(n, _)| n == name).expect("a task's name");
        return (0..count).for_each(|_| task());
    }
    println!("20 ms of speech; µs");
    for (name, task) in &mut tasks {
        println!("{name:16} {:8.2}", microseconds(task));
    }
}
