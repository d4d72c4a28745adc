//! The way of what a leg hears from the mixer's samples to its codec: the rate, the seam where the
//! source changes, the encoder.

use crate::codec::{FRAME_MAX, PAYLOAD_MAX};
use crate::resample::Resampler;
use crate::{Codec, Decoder, Encoder};

/// How long a source takes to give way to the next: too short to be heard as a fade, long enough
/// not to be heard as a click.
pub(super) const SEAM_MS: usize = 5;
/// The longest payload that is forwarded over a seam with its beginning rewritten.
pub(super) const FORWARDED_MAX: usize = 1_500;

/// Resamplers, by what they turn into what; made where memory may be taken, used where it may not.
#[derive(Debug, Default)]
pub(super) struct Rates {
    known: Vec<(u32, u32, Resampler)>,
    /// What comes next is no continuation.
    is_new: bool,
}

impl Rates {
    pub(super) fn prepare(&mut self, from_hz: u32, to_hz: u32) {
        let known = self.known.iter().any(|(from, to, _)| (*from, *to) == (from_hz, to_hz));
        if from_hz != to_hz && !known {
            self.known.push((from_hz, to_hz, Resampler::new(from_hz, to_hz)));
        }
    }

    /// What comes from now on has nothing to do with what came, or goes another way.
    pub(super) fn turn(&mut self) {
        self.is_new = true;
    }

    /// Turns 20 ms of one rate into 20 ms of another. What was not prepared is silence.
    pub(super) fn convert(&mut self, from_hz: u32, to_hz: u32, pcm: &[i16], out: &mut [i16]) {
        let is_new = core::mem::take(&mut self.is_new);
        if from_hz == to_hz {
            let count = pcm.len().min(out.len());
            out[..count].copy_from_slice(&pcm[..count]);
            out[count..].fill(0);
            return;
        }
        match self.known.iter_mut().find(|(from, to, _)| (*from, *to) == (from_hz, to_hz)) {
            Some((.., resampler)) => {
                if is_new {
                    resampler.begin(pcm);
                }
                let count = resampler.process(pcm, out);
                out[count..].fill(0);
            }
            None => out.fill(0),
        }
    }
}

/// Fades from the last source into this beginning of the next: the end of the last, mirrored, goes on
/// where it ended.
pub(super) fn fade(tail: &[i16], pcm: &mut [i16]) {
    let length = i32::try_from(tail.len()).unwrap_or(1);
    for ((sample, last), at) in pcm.iter_mut().zip(tail.iter().rev()).zip(0..) {
        let mixed = i32::from(*last) * (length - at) + i32::from(*sample) * at;
        *sample = i16::try_from(mixed / length).unwrap_or(0);
    }
}

/// A payload of 20 ms on its way to one or several legs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    bytes: [u8; PAYLOAD_MAX],
    length: usize,
}

impl Payload {
    pub(super) const fn empty() -> Self {
        Self { bytes: [0; PAYLOAD_MAX], length: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The encoder of what one leg hears, or of music that many hear.
#[derive(Debug)]
pub(super) struct Coder {
    encoder: Encoder,
    rates: Rates,
    /// The end of what was heard last.
    tail: Box<[i16]>,
    /// The same of what was forwarded last, if that came later.
    end: Option<(Codec, [u8; SEAM_MS * 8])>,
    /// The next frame comes from another source.
    turned: bool,
}

impl Coder {
    pub(super) fn new(codec: Codec) -> Self {
        let seam = codec.audio_hz() as usize / 1_000 * SEAM_MS;
        let mut rates = Rates::default();
        // Tones are made at 8 kHz, and digits become tones at any moment.
        rates.prepare(crate::RATE_HZ, codec.audio_hz());
        let tail = vec![0; seam].into();
        Self { encoder: Encoder::new(codec), rates, tail, end: None, turned: false }
    }

    pub(super) fn codec(&self) -> Codec {
        self.encoder.codec()
    }

    /// Makes ready for a source of this rate.
    pub(super) fn prepare(&mut self, hz: u32) {
        self.rates.prepare(hz, self.codec().audio_hz());
    }

    /// What is heard comes from another source from now on.
    pub(super) fn turn(&mut self) {
        self.turned = true;
        self.rates.turn();
        if let Some((codec, end)) = self.end.take() {
            self.tail.fill(0);
            if codec.is_stateless() {
                Decoder::new(codec).decode(&end, &mut self.tail);
            }
        }
    }

    pub(super) fn has_turned(&self) -> bool {
        self.turned
    }

    /// The turn is made without a seam of its own: what is heard is encoded for others too.
    pub(super) fn follow(&mut self, lead: &Self) {
        self.turned = false;
        if self.tail.len() == lead.tail.len() {
            self.tail.copy_from_slice(&lead.tail);
            self.end = None;
        }
    }

    /// The turn is made without a seam.
    pub(super) fn settle(&mut self) {
        self.turned = false;
    }

    /// Encodes 20 ms of a rate that was prepared for.
    pub(super) fn encode(&mut self, hz: u32, pcm: &[i16]) -> Payload {
        let mut own = [0; FRAME_MAX];
        let own = &mut own[..self.codec().frame()];
        self.rates.convert(hz, self.codec().audio_hz(), pcm, own);
        self.seam(own);
        let seam = self.tail.len();
        self.tail.copy_from_slice(&own[own.len() - seam..]);
        self.end = None;
        let mut payload = Payload::empty();
        payload.length = self.encoder.encode(own, &mut payload.bytes);
        payload
    }

    /// Encodes 20 ms of nothing.
    pub(super) fn silence(&mut self) -> Payload {
        let codec = self.codec();
        self.encode(codec.audio_hz(), &[0; FRAME_MAX][..codec.frame()])
    }

    fn seam(&mut self, pcm: &mut [i16]) {
        if core::mem::take(&mut self.turned) {
            fade(&self.tail, pcm);
        }
    }

    /// A packet is forwarded to the leg as it is; its end may be needed.
    pub(super) fn forwarded(&mut self, codec: Codec, payload: &[u8]) {
        self.turned = false;
        // What a decoder with a memory has heard is not known here: what comes next begins softly.
        self.end = Some((codec, *payload.last_chunk().unwrap_or(&[0xff; SEAM_MS * 8])));
    }

    /// The first packet of a source that is forwarded, its beginning changed so that it makes no
    /// click. `None` where it goes as it is: between codecs with a memory.
    pub(super) fn first<'a>(
        &mut self,
        codec: Codec,
        payload: &[u8],
        changed: &'a mut [u8; FORWARDED_MAX],
    ) -> Option<&'a [u8]> {
        let seam = self.tail.len();
        let can = codec.is_stateless() && self.codec().is_stateless();
        if !can || !(seam..=FORWARDED_MAX).contains(&payload.len()) {
            return None;
        }
        let changed = &mut changed[..payload.len()];
        let mut pcm = [0; FRAME_MAX];
        let count = Decoder::new(codec).decode(&payload[..seam], &mut pcm);
        self.seam(&mut pcm[..count]);
        self.encoder.encode(&pcm[..count], changed);
        let law = codec.recode(self.codec());
        for (to, from) in changed.iter_mut().zip(payload).skip(seam) {
            *to = law.map_or(*from, |table| table[usize::from(*from)]);
        }
        Some(changed)
    }
}
