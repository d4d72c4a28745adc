use super::*;
use crate::measure::{Noise, db, split, tone};

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
    let mut encoder = Encoder::new(codec);
    assert_eq!(encoder.codec(), codec);
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
                Codec::Opus => -32.0,
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

/// A-law has no zero: its smallest step is 8.
#[test]
fn silence_stays_silence() {
    for codec in Codec::ALL {
        let back = heard(codec, &packets(codec, &vec![0; codec.audio_hz() as usize]));
        let loudest = back.iter().map(|sample| sample.abs()).max();
        assert!(loudest.is_some_and(|loudest| loudest <= 8), "{codec:?}: {loudest:?}");
    }
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
