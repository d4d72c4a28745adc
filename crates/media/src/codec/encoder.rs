//! From samples to payloads, with what a codec remembers between packets.

use super::{Codec, Decoder, FRAME_MAX, Format, OpusWishes, PAYLOAD_MAX, decoder, g722};

/// With headers less than G.711 takes.
const OPUS_BITRATE: u32 = 48_000;
/// From so many bit/s on Opus is asked to be as true as it can; below, to be understood.
const CELT_FROM: u32 = 32_000;
/// Of 10. More of it does nothing for CELT, which this bitrate is for: tones come back within 0.05 dB
/// in 30 µs a frame. The other way Opus has, SILK below 8 kHz, takes 73 µs, and 0.9 dB off a tone beside
/// another one; 150 µs, at complexity 5, for the same sound.
const OPUS_COMPLEXITY: i32 = 1;
/// The loss that in-band FEC is made for, in per cent, where there is any: only SILK has it. At 5 the
/// library leaves the FEC out as soon as there are a few bits less.
const OPUS_LOSS: i32 = 10;
/// Frames that build on nothing, where it is not known what the decoder has heard.
const OPUS_FREE: u8 = 2;

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
    Opus(Option<Opus>),
}

#[derive(Debug)]
struct Opus {
    encoder: opus::Encoder,
    /// So many frames more are to build on nothing.
    free: u8,
    /// The decoder makes something of what each packet tells of the one before it; whether it does.
    takes_fec: bool,
    protects: bool,
}

impl Encoder {
    /// An encoder that has said nothing.
    #[must_use]
    pub fn new(codec: Codec) -> Self {
        Self::of(codec.into())
    }

    /// The same, as a peer wants it.
    #[must_use]
    pub fn of(format: Format) -> Self {
        let codec = format.codec;
        let memory = match codec {
            Codec::Pcmu => Memory::Law(crate::g711::encode_ulaw),
            Codec::Pcma => Memory::Law(crate::g711::encode_alaw),
            Codec::G722 => Memory::G722(Box::default()),
            Codec::Opus => Memory::Opus(opus(codec.audio_hz(), format.wishes).ok()),
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
                encoder.encode(pcm, payload)
            }
        }
    }

    /// What is encoded next comes from another source. G.722 makes a seam there; of the others it is
    /// made in the samples.
    pub(crate) fn turn(&mut self) {
        if let Memory::G722(encoder) = &mut self.memory {
            encoder.turn();
        }
    }

    /// The peer was sent what another encoder of this codec made: what comes next must fit that.
    pub(crate) fn follow(&mut self, lead: &Self) {
        if let (Memory::G722(own), Memory::G722(lead)) = (&mut self.memory, &lead.memory) {
            own.clone_from(lead);
        }
    }

    /// The peer was sent these payloads of an encoder that is not here. `is_all` where there was
    /// nothing in between.
    pub(crate) fn heard<'a>(&mut self, payloads: impl Iterator<Item = &'a [u8]>, is_all: bool) {
        if let Memory::G722(encoder) = &mut self.memory {
            if !is_all {
                **encoder = g722::Encoder::default();
            }
            payloads.for_each(|payload| encoder.heard(payload));
        }
    }

    /// The peer was sent this by others, in whole frames; `None` for what is not known.
    pub(crate) fn prime(&mut self, past: Option<&[i16]>) {
        if let Memory::Opus(Some(encoder)) = &mut self.memory {
            encoder.prime(past);
        }
    }

    /// Whether each packet is to tell of the one before it, where codec and peer can: the peer loses some.
    pub fn protect(&mut self, protects: bool) {
        if let Memory::Opus(Some(encoder)) = &mut self.memory
            && encoder.protects != protects
            && encoder.takes_fec
        {
            encoder.protects = protects;
            let _ = encoder.encoder.set_inband_fec(protects);
        }
    }

    /// Makes of a payload of G.722, whose encoder `theirs` follows, one that says the same to the peer.
    /// Returns whether it is the same.
    pub(crate) fn recode(
        &mut self,
        theirs: &mut Decoder,
        bytes: &[u8],
        payload: &mut [u8],
    ) -> bool {
        match (&mut self.memory, &mut theirs.memory) {
            (Memory::G722(own), decoder::Memory::G722(theirs)) => {
                own.recode(theirs, bytes, payload)
            }
            _ => {
                payload.copy_from_slice(bytes);
                true
            }
        }
    }
}

impl Opus {
    fn encode(&mut self, pcm: &[i16], payload: &mut [u8]) -> usize {
        let length = self.encoder.encode(pcm, payload).unwrap_or(0);
        if self.free > 0 {
            self.free -= 1;
            if self.free == 0 {
                let _ = self.encoder.set_prediction_disabled(false);
            }
        }
        length
    }

    /// What it says next begins 6.5 ms before what it is given next: with the end of what was heard,
    /// not of what it has said itself long ago. Of two frames it learns the pitch too, from which the
    /// decoder adds to the beginning of the next.
    fn prime(&mut self, past: Option<&[i16]>) {
        if past.is_none() {
            let _ = self.encoder.set_prediction_disabled(true);
            self.free = OPUS_FREE;
        }
        let frames = past.unwrap_or(&[0; FRAME_MAX]);
        for frame in frames.chunks_exact(FRAME_MAX) {
            let _ = self.encoder.encode(frame, &mut [0; PAYLOAD_MAX]);
        }
    }
}

fn opus(hz: u32, wishes: OpusWishes) -> opus::Result<Opus> {
    // What is played determines what is worth sending (RFC 7587 section 3.1.1).
    let (bandwidth, bitrate) = match wishes.playback_hz {
        ..=8_000 => (opus::Bandwidth::Narrowband, 16_000),
        8_001..=12_000 => (opus::Bandwidth::Mediumband, 20_000),
        12_001..=16_000 => (opus::Bandwidth::Wideband, 24_000),
        16_001..=24_000 => (opus::Bandwidth::Superwideband, 36_000),
        _ => (opus::Bandwidth::Fullband, OPUS_BITRATE),
    };
    let bitrate = bitrate.min(wishes.bitrate_max.unwrap_or(u32::MAX));
    let application =
        if bitrate < CELT_FROM { opus::Application::Voip } else { opus::Application::Audio };
    let mut encoder = opus::Encoder::new(hz, opus::Channels::Mono, application)?;
    encoder.set_bitrate(opus::Bitrate::Bits(bitrate.cast_signed()))?;
    encoder.set_max_bandwidth(bandwidth)?;
    encoder.set_complexity(OPUS_COMPLEXITY)?;
    encoder.set_vbr(!wishes.is_constant)?;
    encoder.set_dtx(wishes.takes_dtx)?;
    encoder.set_packet_loss_perc(OPUS_LOSS)?;
    Ok(Opus { encoder, free: 0, takes_fec: wishes.takes_fec, protects: false })
}
