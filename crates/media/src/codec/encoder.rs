//! From samples to payloads, with what a codec remembers between packets.

use super::{Codec, g722};

/// With headers less than G.711 takes. Bits stand in for work: 32 kbit/s sound the same at
/// complexity 5, which takes twice the time.
const OPUS_BITRATE: i32 = 48_000;
/// Of 10.
const OPUS_COMPLEXITY: i32 = 1;
/// The loss that in-band FEC is made for, in per cent. At 5 the library leaves the FEC out as soon
/// as there are a few bits less.
const OPUS_LOSS: i32 = 10;

/// The encoder of one outgoing stream. Making one allocates, using it does not.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    memory: Memory,
}

#[derive(Debug)]
enum Memory {
    Law(fn(&[i16], &mut [u8])),
    G722(Box<g722::Encoder>),
    /// `None` where the library had no memory for one: nothing is said then.
    Opus(Option<opus::Encoder>),
}

impl Encoder {
    /// An encoder that has said nothing.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        let memory = match codec {
            Codec::Pcmu => Memory::Law(crate::g711::encode_ulaw),
            Codec::Pcma => Memory::Law(crate::g711::encode_alaw),
            Codec::G722 => Memory::G722(Box::default()),
            Codec::Opus => Memory::Opus(opus(codec.audio_hz()).ok()),
        };
        Self { codec, memory }
    }

    /// Whose payloads it makes.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Encodes 20 ms ([`Codec::frame`] samples; of G.711 any number, of G.722 any even one) into
    /// the front of `payload`. Returns the number of bytes.
    pub fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        match &mut self.memory {
            Memory::Law(encode) => {
                encode(pcm, payload);
                pcm.len().min(payload.len())
            }
            Memory::G722(encoder) => encoder.encode(pcm, payload),
            Memory::Opus(encoder) => {
                let Some(encoder) = encoder else { return 0 };
                encoder.encode(pcm, payload).unwrap_or(0)
            }
        }
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
