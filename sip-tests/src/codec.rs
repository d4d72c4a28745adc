//! The codecs of our phones: G.711 by `tone`, G.722 by `g722`, Opus by libopus. What is heard is
//! had at 8 kHz, whatever the codec: tones are all that is looked for, and they are below 4 kHz.

use crate::{g722, tone};

/// The payload type that our phones give Opus.
pub(crate) const OPUS: u8 = 111;
/// 120 ms at 48 kHz, the longest packet of Opus.
const OPUS_MAX: usize = 5_760;

/// Samples per second of what is spoken, and ticks of the timestamp; none where the payload type is
/// no codec.
pub(crate) fn rates(kind: u8) -> Option<(u32, u32)> {
    match kind {
        0 | 8 => Some((8_000, 8_000)),
        9 => Some((16_000, 8_000)),
        OPUS => Some((48_000, 48_000)),
        _ => None,
    }
}

/// From samples to payloads.
pub(crate) enum Encoder {
    Law(fn(i16) -> u8),
    G722(Box<g722::Encoder>),
    Opus(opus::Encoder),
}

impl Encoder {
    pub(crate) fn new(kind: u8) -> Self {
        match kind {
            8 => Self::Law(tone::to_alaw),
            9 => Self::G722(Box::new(g722::Encoder::new())),
            OPUS => {
                let how = opus::Application::Audio;
                Self::Opus(opus::Encoder::new(48_000, opus::Channels::Mono, how).expect("libopus"))
            }
            _ => Self::Law(tone::to_ulaw),
        }
    }

    pub(crate) fn encode(&mut self, pcm: &[i16]) -> Vec<u8> {
        match self {
            Self::Law(code) => pcm.iter().map(|&sample| code(sample)).collect(),
            Self::G722(encoder) => encoder.encode(pcm),
            Self::Opus(encoder) => encoder.encode_vec(pcm, 1_275).expect("a frame of Opus"),
        }
    }
}

/// From payloads to samples of 8 kHz.
pub(crate) enum Decoder {
    Law(fn(u8) -> i16),
    G722(Box<g722::Decoder>),
    Opus(opus::Decoder),
    /// Of what is no codec.
    Nothing,
}

impl Decoder {
    pub(crate) fn new(kind: u8) -> Self {
        match kind {
            0 => Self::Law(tone::from_ulaw),
            8 => Self::Law(tone::from_alaw),
            9 => Self::G722(Box::new(g722::Decoder::new())),
            OPUS => Self::Opus(opus::Decoder::new(8_000, opus::Channels::Mono).expect("libopus")),
            _ => Self::Nothing,
        }
    }

    pub(crate) fn decode(&mut self, payload: &[u8]) -> Vec<i16> {
        match self {
            Self::Law(sample) => payload.iter().map(|&octet| sample(octet)).collect(),
            Self::G722(decoder) => decoder.decode(payload).into_iter().step_by(2).collect(),
            Self::Opus(decoder) => {
                let mut pcm = vec![0; OPUS_MAX];
                let count = decoder.decode(payload, &mut pcm, false).unwrap_or(0);
                pcm.truncate(count);
                pcm
            }
            Self::Nothing => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_comes_through_every_codec_as_loud_as_it_was() {
        for kind in [0, 8, 9, OPUS] {
            let (hz, _) = rates(kind).expect("a codec");
            let (mut encoder, mut decoder) = (Encoder::new(kind), Decoder::new(kind));
            for tone in [300.0, 700.0, 1_100.0, 2_500.0] {
                let frame = usize::try_from(hz / 50).unwrap_or(0);
                let said = tone::sine_at(f64::from(hz), tone, 0, 50 * frame);
                let frames = said.chunks_exact(frame);
                let heard: Vec<i16> =
                    frames.flat_map(|pcm| decoder.decode(&encoder.encode(pcm))).collect();
                assert_eq!(heard.len(), 8_000, "{kind}");
                let loud = tone::amplitude(&heard[4_000..5_600], tone);
                let off = tone::decibels(loud / tone::AMPLITUDE);
                assert!(off.abs() < 0.25, "{kind}, {tone} Hz: {off:.2} dB");
            }
        }
    }
}
