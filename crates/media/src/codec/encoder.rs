//! From samples to payloads, with what a codec remembers between packets.

use super::Codec;

/// Speech at full band; above it no telephone gains anything. Below 36 kbit/s libopus has nothing left
/// for the forward error correction.
const OPUS_BITRATE: i32 = 40_000;
/// With less, and forward error correction, libopus 1.6 sends a second of nothing (packets of two
/// bytes) some frames into a pure tone; more costs a quarter more and nobody hears it.
const OPUS_COMPLEXITY: i32 = 8;
/// The loss that in-band FEC is made for, in per cent.
const OPUS_LOSS: i32 = 10;

/// The encoder of one outgoing stream. Making one allocates, using it does not.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    opus: Option<opus::Encoder>,
}

impl Encoder {
    /// An encoder that has said nothing.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        let opus = (codec == Codec::Opus).then(|| opus(codec.audio_hz()).ok()).flatten();
        Self { codec, opus }
    }

    /// Whose payloads it makes.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Encodes 20 ms ([`Codec::frame`] samples; of G.711 any number) into the front of `payload`.
    /// Returns the number of bytes.
    pub fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        match self.codec {
            Codec::Pcmu => crate::g711::encode_ulaw(pcm, payload),
            Codec::Pcma => crate::g711::encode_alaw(pcm, payload),
            Codec::Opus => {
                let Some(encoder) = &mut self.opus else { return 0 };
                return encoder.encode(pcm, payload).unwrap_or(0);
            }
        }
        pcm.len().min(payload.len())
    }
}

fn opus(hz: u32) -> opus::Result<opus::Encoder> {
    let mut encoder = opus::Encoder::new(hz, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITRATE))?;
    encoder.set_complexity(OPUS_COMPLEXITY)?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(OPUS_LOSS)?;
    Ok(encoder)
}
