//! From payloads to samples, with what a codec remembers between packets.

use super::{Codec, g722};

/// The longest Opus packet (RFC 6716 section 3.2.5), in samples of 48 kHz.
const OPUS_MAX: usize = 5_760;

/// The decoder of one incoming stream. Making one allocates, using it does not.
#[derive(Debug)]
pub struct Decoder {
    codec: Codec,
    pub(super) memory: Memory,
}

#[derive(Debug)]
pub(super) enum Memory {
    Law(&'static [i16; 256]),
    G722(Box<g722::Decoder>),
    /// `None` where the library had no memory for one: nothing is heard then.
    Opus(Option<opus::Decoder>),
}

impl Decoder {
    /// A decoder that has heard nothing.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        let memory = match codec {
            Codec::Pcmu => Memory::Law(&crate::g711::ULAW_TO_PCM),
            Codec::Pcma => Memory::Law(&crate::g711::ALAW_TO_PCM),
            Codec::G722 => Memory::G722(Box::default()),
            Codec::Opus => {
                Memory::Opus(opus::Decoder::new(codec.audio_hz(), opus::Channels::Mono).ok())
            }
        };
        Self { codec, memory }
    }

    /// Whose payloads it takes.
    #[must_use]
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes a whole payload into the front of `pcm`, which should hold 120 ms
    /// ([`Codec::audio_hz`]): of G.711 and G.722 what does not fit is cut, of Opus nothing is
    /// decoded then. Returns the number of samples; 0 for a payload that is none.
    pub fn decode(&mut self, payload: &[u8], pcm: &mut [i16]) -> usize {
        match &mut self.memory {
            Memory::Law(table) => {
                for (sample, byte) in pcm.iter_mut().zip(payload) {
                    *sample = table[usize::from(*byte)];
                }
                pcm.len().min(payload.len())
            }
            Memory::G722(decoder) => decoder.decode(payload, pcm),
            Memory::Opus(decoder) => opus(decoder.as_mut(), payload, pcm, false),
        }
    }

    /// Forgets what it has heard, if that is G.722.
    pub(crate) fn forget(&mut self) {
        if let Memory::G722(decoder) = &mut self.memory {
            **decoder = g722::Decoder::default();
        }
    }

    /// Fills `pcm` with what was lost: of Opus from the forward error correction in the packet
    /// after it, if that is known and has any, or what the decoder makes up (RFC 6716 section 4.4).
    /// Returns the number of samples; 0 where the codec knows no way and the caller must.
    pub fn conceal(&mut self, next: Option<&[u8]>, pcm: &mut [i16]) -> usize {
        match &mut self.memory {
            Memory::Law(_) | Memory::G722(_) => 0,
            Memory::Opus(decoder) => {
                opus(decoder.as_mut(), next.unwrap_or_default(), pcm, next.is_some())
            }
        }
    }
}

fn opus(
    decoder: Option<&mut opus::Decoder>,
    payload: &[u8],
    pcm: &mut [i16],
    is_lost: bool,
) -> usize {
    let length = pcm.len().min(OPUS_MAX);
    let Some(decoder) = decoder else { return 0 };
    decoder.decode(payload, &mut pcm[..length], is_lost).unwrap_or(0)
}
