use super::*;
use crate::measure::{Noise, db, loudness, split, tone};

#[test]
fn maps_and_static_numbers() {
    let check = |name, rate, channels, expected| {
        assert_eq!(Codec::from_map(name, rate, channels), expected, "{name}/{rate}/{channels}");
    };
    check("pcmu", 8_000, 1, Some(Codec::Pcmu));
    check("PCMA", 8_000, 0, Some(Codec::Pcma));
    check("PCMA", 0, 0, Some(Codec::Pcma));
    check("PCMA", 16_000, 1, None);
    check("PCMU", 8_000, 2, None);
    check("g722", 8_000, 1, Some(Codec::G722));
    check("G722", 16_000, 1, None);
    check("OPUS", 48_000, 2, Some(Codec::Opus));
    check("opus", 48_000, 1, Some(Codec::Opus));
    check("opus", 16_000, 1, None);
    check("G729", 8_000, 1, None);
    assert_eq!(Codec::from_static(8), Some(Codec::Pcma));
    assert_eq!(Codec::from_static(9), Some(Codec::G722));
    assert_eq!(Codec::from_static(18), None);
}

#[test]
fn each_has_its_own_place_in_tables() {
    let mut places = Codec::ALL.map(Codec::index);
    places.sort_unstable();
    assert_eq!(places, core::array::from_fn(|n| n));
}

/// Frames of samples as their packets.
fn packets(codec: Codec, pcm: &[i16]) -> Vec<Vec<u8>> {
    let encoder = Encoder::new(codec);
    assert_eq!(encoder.codec(), codec);
    packets_of(encoder, pcm)
}

fn packets_of(mut encoder: Encoder, pcm: &[i16]) -> Vec<Vec<u8>> {
    let codec = encoder.codec();
    let packet = |frame: &[i16]| {
        let mut payload = [0; PAYLOAD_MAX];
        let length = encoder.encode(frame, &mut payload);
        assert_eq!(codec.ticks(&payload[..length]), codec.rtp_hz() / 50, "{codec:?}");
        payload[..length].to_vec()
    };
    pcm.chunks_exact(codec.frame()).map(packet).collect()
}

fn heard(codec: Codec, packets: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = Decoder::new(codec);
    assert_eq!(decoder.codec(), codec);
    let mut pcm = Vec::new();
    for packet in packets {
        let mut frame = [0; 6 * FRAME_MAX];
        let count = decoder.decode(packet, &mut frame);
        assert_eq!(count, codec.frame(), "{codec:?}");
        pcm.extend(&frame[..count]);
    }
    pcm
}

#[test]
fn a_tone_comes_through_each_codec() {
    for codec in Codec::ALL {
        let rate = codec.audio_hz();
        let tones = [300.0, 1_000.0, 2_000.0, 3_400.0, 6_000.0];
        for hz in tones.into_iter().filter(|hz| *hz < f64::from(rate) * 0.45) {
            // How much weaker than the tone what the codec adds must be, in dB. Above 4 kHz G.722
            // has two bits.
            let noise = match codec {
                Codec::Pcmu | Codec::Pcma => -33.0,
                Codec::G722 if hz < 4_000.0 => -33.0,
                Codec::G722 => -25.0,
                Codec::Opus => -28.0,
            };
            for strength in [1_600.0, 16_000.0] {
                let pcm = tone(hz, strength, rate, rate as usize);
                let back = heard(codec, &packets(codec, &pcm));
                let (kept, other) = split(&back[rate as usize / 2..], hz, rate);
                let (kept, other) = (db(kept / strength), db(other / strength));
                assert!(kept.abs() < 0.5, "{codec:?}: {hz} Hz of {strength} comes with {kept} dB");
                assert!(other < noise, "{codec:?}: beside {hz} Hz of {strength} {other} dB");
            }
        }
    }
}

/// Somebody has seen an encoder take a steady tone for nothing, and send packets of two bytes.
#[test]
fn a_long_tone_never_fades() {
    for hz in [100.0, 350.0, 425.0, 1_000.0, 2_100.0] {
        for is_square in [false, true] {
            let mut pcm = tone(hz, 8_000.0, 48_000, 10 * 48_000);
            if is_square {
                pcm.iter_mut().for_each(|sample| *sample = sample.signum() * 6_000);
            }
            let packets = packets(Codec::Opus, &pcm);
            let shortest = packets.iter().map(Vec::len).min();
            assert!(shortest.is_some_and(|length| length > 20), "{hz} {shortest:?}");
            let back = heard(Codec::Opus, &packets);
            let quietest = back[4_800..].chunks(960).map(loudness).fold(f64::INFINITY, f64::min);
            assert!(quietest > 5_000.0, "{hz} Hz, square {is_square}: {quietest}");
        }
    }
}

/// A-law has no zero: its smallest step is 8.
#[test]
fn silence_stays_silence() {
    for codec in Codec::ALL {
        let back = heard(codec, &packets(codec, &vec![0; codec.audio_hz() as usize]));
        let loudest = back.iter().map(|sample| sample.abs()).max();
        assert!(loudest.is_some_and(|loudest| loudest <= 8), "{codec:?}: {loudest:?}");
    }
}

/// A word of tones, another each 60 ms: what is made up goes on with the old one.
fn melody(frames: usize) -> Vec<i16> {
    let pitch = |frame: usize| [350.0, 600.0, 450.0, 800.0, 500.0, 700.0][frame / 3 % 6];
    let mut angle = 0.0_f64;
    let sample = |n: usize| {
        angle += core::f64::consts::TAU * pitch(n / 960) / 48_000.0;
        8_000.0 * (angle.sin() + 0.5 * (2.0 * angle).sin())
    };
    #[expect(clippy::cast_possible_truncation, reason = "within 16 bits")]
    (0..frames * 960).map(sample).map(|x| x as i16).collect()
}

/// How well the frame that was lost resembles that which was not, in dB.
fn recovered(lost: usize, packets: &[Vec<u8>], whole: &[i16], with_next: bool) -> f64 {
    let mut decoder = Decoder::new(Codec::Opus);
    let mut frame = [0; FRAME_MAX];
    for packet in &packets[..lost] {
        assert_eq!(decoder.decode(packet, &mut frame), FRAME_MAX);
    }
    let next = with_next.then_some(&packets[lost + 1][..]);
    assert_eq!(decoder.conceal(next, &mut frame), FRAME_MAX);
    let right = &whole[lost * FRAME_MAX..][..FRAME_MAX];
    let wrong: Vec<i16> = frame.iter().zip(right).map(|(a, b)| a.saturating_sub(*b)).collect();
    db(loudness(right) / loudness(&wrong))
}

#[test]
fn what_opus_lost_is_in_the_next_packet_where_the_peer_loses_some() {
    let wishes = OpusWishes { takes_fec: true, ..OpusWishes::default() };
    let mut encoder = Encoder::of(Format::new(Codec::Opus, wishes, 20));
    encoder.protect(true);
    let packets = packets_of(encoder, &melody(100));
    let whole = heard(Codec::Opus, &packets);
    // Each first frame of a new tone, when the encoder has found its way.
    for lost in (39..95).step_by(3) {
        let with = recovered(lost, &packets, &whole, true);
        let without = recovered(lost, &packets, &whole, false);
        assert!(with > 3.0 && with > without + 3.0, "{lost}: {with:.1} {without:.1}");
    }
}

#[test]
fn a_pause_without_packets_is_a_pause() {
    let mut encoder =
        opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    encoder.set_dtx(true).unwrap();
    let mut decoder = Decoder::new(Codec::Opus);
    let speech = tone(500.0, 8_000.0, 48_000, 48_000);
    let pause = vec![0; 96_000];
    let mut short = 0;
    for frame in speech.chunks(960).chain(pause.chunks(960)).chain(speech.chunks(960)) {
        let mut payload = [0; PAYLOAD_MAX];
        let length = encoder.encode(frame, &mut payload).unwrap();
        let mut pcm = [0; 6 * FRAME_MAX];
        assert_eq!(Codec::Opus.ticks(&payload[..length]), 960);
        assert_eq!(decoder.decode(&payload[..length], &mut pcm), FRAME_MAX);
        if length <= 2 {
            short += 1;
            assert!(loudness(&pcm[..FRAME_MAX]) < 50.0, "{}", loudness(&pcm[..FRAME_MAX]));
        }
    }
    assert!(short > 50, "{short}");
}

#[test]
fn any_bytes_can_be_decoded() {
    let mut noise = Noise::default();
    for codec in Codec::ALL {
        let mut decoder = Decoder::new(codec);
        for round in 0..3_000 {
            let length = if round % 3 == 0 { round % 7 } else { round % 1_400 };
            let payload: Vec<u8> = (0..length).map(|_| noise.byte()).collect();
            let mut pcm = [0; 6 * FRAME_MAX];
            let count = decoder.decode(&payload, &mut pcm);
            assert!(count <= pcm.len());
            let _ = decoder.conceal((round % 2 == 0).then_some(&payload), &mut pcm[..FRAME_MAX]);
            let _ = codec.ticks(&payload);
        }
    }
}

/// One tone beside another, as in a mix: SILK takes from it.
#[test]
fn two_tones_are_as_loud_as_one() {
    for pair in [[430.0, 1_000.0], [770.0, 1_230.0]] {
        let tones = pair.map(|hz| tone(hz, 8_000.0, 48_000, 96_000));
        let both: Vec<i16> = tones[0].iter().zip(&tones[1]).map(|(a, b)| a + b).collect();
        let back = heard(Codec::Opus, &packets(Codec::Opus, &both));
        for hz in pair {
            let (kept, _) = split(&back[48_000..], hz, 48_000);
            assert!(db(kept / 8_000.0).abs() < 0.1, "{hz} of {pair:?}: {} dB", db(kept / 8_000.0));
        }
        let peak = back[4_800..].iter().map(|sample| sample.unsigned_abs()).max();
        assert!(peak.is_some_and(|peak| peak < 17_000), "{peak:?}");
    }
}
