//! The sums here are of what the reference program of ITU-T G.191 makes of the same, and so are
//! the codes.

use super::*;
use crate::measure::Noise;

/// All that a coder may meet: silence, whispers, noise of full scale, a sweep to the top of the
/// band, a square wave.
fn signal() -> Vec<i16> {
    let mut noise = Noise::default();
    let mut pcm = vec![0; 320];
    pcm.extend((0..3_200).map(|_| noise.sample() >> 10));
    pcm.extend((0..3_200).map(|_| noise.sample()));
    // Each sample's turn is a little more than the one before.
    pcm.extend((0..16_000_i64).map(|n| triangle(n * n)));
    pcm.extend((0..3_200).map(|n| if n / 40 % 2 == 0 { i16::MAX } else { i16::MIN }));
    pcm
}

/// A wave whose turn is 2^16.
fn triangle(at: i64) -> i16 {
    let at = (at % 65_536) - 32_768;
    i16::try_from((at.abs() * 2 - 32_768).clamp(-32_768, 32_767)).unwrap()
}

/// FNV-1a, 64 bits.
fn sum(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

fn encoded(pcm: &[i16]) -> Vec<u8> {
    let mut payload = vec![0; pcm.len() / 2];
    assert_eq!(Encoder::default().encode(pcm, &mut payload), payload.len());
    payload
}

fn decoded(payload: &[u8]) -> Vec<i16> {
    let mut pcm = vec![0; payload.len() * 2];
    assert_eq!(Decoder::default().decode(payload, &mut pcm), pcm.len());
    pcm
}

fn sum_of_samples(pcm: &[i16]) -> u64 {
    sum(pcm.iter().flat_map(|sample| sample.to_le_bytes()))
}

#[test]
fn as_the_reference_does_it() {
    let payload = encoded(&signal());
    let begin = [0xf4, 0x75, 0x9e, 0xb1, 0x9c, 0xa9, 0x92, 0x1f, 0x69, 0x8c, 0xb2, 0xdd];
    assert_eq!(payload[160..172], begin);
    assert_eq!(sum(payload.iter().copied()), 0x01a5_78aa_cc28_27e9);
    assert_eq!(sum_of_samples(&decoded(&payload)), 0xbea4_bf82_e972_3798);
}

/// What no encoder sends drives everything to its limits.
#[test]
fn any_bytes_can_be_decoded() {
    let mut noise = Noise::default();
    let bytes: Vec<u8> = (0..16_000).map(|_| noise.byte()).collect();
    assert_eq!(sum_of_samples(&decoded(&bytes)), 0xc3a0_3db7_5ede_4eaf);
    for byte in 0..=255 {
        let mut decoder = Decoder::default();
        let mut pcm = [0; 2];
        for _ in 0..10_000 {
            assert_eq!(decoder.decode(&[byte], &mut pcm), 2);
        }
    }
}

#[test]
fn any_split_is_the_same_and_what_does_not_fit_is_left() {
    let pcm = signal();
    let payload = encoded(&pcm);
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    let (mut bytes, mut samples) = (Vec::<u8>::new(), Vec::<i16>::new());
    for block in pcm.chunks(34) {
        let (mut some, mut back) = ([0; 17], [0; 34]);
        let count = encoder.encode(block, &mut some);
        bytes.extend(&some[..count]);
        let count = decoder.decode(&some[..count], &mut back);
        samples.extend(&back[..count]);
    }
    assert_eq!(bytes, payload);
    assert_eq!(samples, decoded(&payload));
    assert_eq!(Encoder::default().encode(&pcm[..7], &mut [0; 9]), 3);
    assert_eq!(Encoder::default().encode(&pcm[..9], &mut [0; 2]), 2);
    assert_eq!(Decoder::default().decode(&payload[..9], &mut [0; 7]), 6);
}

/// A decoder that begins in the middle, or has lost a packet, is soon where the others are.
#[test]
fn a_decoder_finds_its_way_back() {
    let pcm = crate::measure::tone(440.0, 6_000.0, 16_000, 16_000);
    let payload = encoded(&pcm);
    let whole = decoded(&payload);
    let late = decoded(&payload[4_000..]);
    let apart = whole[12_000..].iter().zip(&late[4_000..]).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(apart.unwrap() < 200, "{apart:?}");
}

fn sine(from: usize, count: usize) -> Vec<i16> {
    let turn = |n: usize| (n as f64 * 517.0 / 16_000.0 * core::f64::consts::TAU).sin();
    #[expect(clippy::cast_possible_truncation, reason = "within 16 bits")]
    (from..from + count).map(|n| (turn(n) * 6_000.0) as i16).collect()
}

/// The loudest sample, and the steepest step.
fn measured(pcm: &[i16]) -> (u16, u16) {
    let steps = pcm.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    let peak = pcm.iter().map(|sample| sample.unsigned_abs()).max();
    (peak.unwrap(), steps.max().unwrap())
}

/// A decoder is sent a tone by one encoder, then silence by another, then the tone by the first again.
#[test]
fn a_decoder_goes_from_one_encoder_to_another_and_back_without_a_burst() {
    for more in 0..24 {
        let begin = 3_200 + more * 6;
        let mut speaker = Encoder::default();
        let speak = |encoder: &mut Encoder, pcm: &[i16]| {
            let mut payload = vec![0; pcm.len() / 2];
            encoder.encode(pcm, &mut payload);
            payload
        };
        let mut sent = speak(&mut speaker, &sine(0, begin));
        let mut ours = Encoder::default();
        ours.heard(&sent[sent.len() - 1_600..]);
        ours.turn();
        sent.extend(speak(&mut ours, &[0; 3_200]));
        let mut theirs = Decoder::default();
        theirs.decode(&speak(&mut speaker, &sine(begin, 1_600)), &mut [0; 1_600]);
        ours.turn();
        let mut frames = 0;
        loop {
            let said = speak(&mut speaker, &sine(begin + 1_600 + 320 * frames, 320));
            let mut told = [0; 160];
            let agrees = ours.recode(&mut theirs, &said, &mut told);
            sent.extend(told);
            frames += 1;
            if agrees {
                break;
            }
            assert!(frames < 75, "{more}: they never agree");
        }
        // From then on what the first says is sent as it is.
        sent.extend(speak(&mut speaker, &sine(begin + 1_600 + 320 * frames, 3_200)));
        // Within 1 dB; but for the beginning, where the tone is cut off.
        let (peak, step) = measured(&decoded(&sent)[1_600..]);
        assert!(peak < 6_740 && step < 1_460, "{more}: {peak} {step}");
    }
}
