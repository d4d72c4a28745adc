//! The way of what a leg hears from the mixer's samples to its codec: the rate, the seam where the
//! source changes, the encoder.

use super::seam::{self, SEAM_MS, seam};
use super::trail::Trail;
use crate::codec::{FRAME_MAX, PAYLOAD_MAX};
use crate::resample::Resampler;
use crate::{Codec, Decoder, Encoder, FRAME_MS, Format};

/// The longest payload that is rewritten where it is forwarded.
pub(super) const FORWARDED_MAX: usize = 1_500;
/// Frames until two encoders of G.722 who hear the same remember the same.
const G722_APART: u8 = 15;
/// Frames until a decoder of Opus can be sent what another encoder makes of the same.
const OPUS_APART: u8 = 3;
/// A peer that loses so much, in 1/256, is sent what protects it (2 %), and no more when it loses less
/// than this.
const LOSS: u8 = 5;
const LOSS_ENDS: u8 = 2;
/// Bytes of G.722 that are said anew, at most, where somebody comes to be forwarded, until the peer can
/// do with them as they come.
const RECODED: usize = 8 * 2_000;

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

/// A payload of 20 ms on its way to one or several legs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    bytes: [u8; PAYLOAD_MAX],
    length: usize,
    /// Where each of its packets ends: one, or two of 10 ms.
    ends: [usize; 2],
}

impl Payload {
    pub(super) const fn empty() -> Self {
        Self { bytes: [0; PAYLOAD_MAX], length: 0, ends: [0; 2] }
    }

    /// Its packets.
    pub(super) fn packets(&self) -> impl Iterator<Item = &[u8]> {
        let [first, second] = self.ends;
        // An Opus encoder says nothing by a payload of nothing.
        let packets = [&self.bytes[..first], self.bytes.get(first..second).unwrap_or_default()];
        packets.into_iter().filter(|packet| !packet.is_empty())
    }
}

/// From whom the peer has what it heard last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    /// From this coder's encoder.
    Own,
    /// From that of another coder.
    Shared,
    /// From a speaker, as it came.
    Forwarded,
    /// The same, and the encoder has been told what it must know of it.
    Unknown,
}

/// The encoder of what one leg hears, or of music that many hear.
///
/// A decoder with a memory takes the next packet for what comes after the last, whoever made either.
/// So the encoder here knows at each change what the peer has heard: it takes over the state of the
/// encoder that it was heard from, or learns it from the packets. Of Opus neither can be had: its
/// encoder hears the end of what was heard, or where that is not known, builds on nothing for two frames.
#[derive(Debug)]
pub(super) struct Coder {
    encoder: Encoder,
    /// Of one of what are two packets where this is 10.
    frame_ms: usize,
    rates: Rates,
    /// The end of what was heard: of Opus 40 ms, of G.711 what a seam must know; G.722 makes its seams
    /// itself.
    past: Box<[i16]>,
    last: Last,
    trail: Trail,
    /// The next frame comes from another source.
    turned: bool,
    /// So many frames more are made for this leg alone, until its decoder is near enough to those of
    /// the others who hear the same.
    apart: u8,
    /// Follows the encoder of a speaker who has come to be forwarded, and how many bytes more are said
    /// anew, at most.
    theirs: Decoder,
    recodes: usize,
    /// The peer loses packets; one of those who share what is encoded does.
    loses: bool,
    shares_loss: bool,
}

impl Coder {
    pub(super) fn new(format: Format) -> Self {
        let codec = format.codec;
        let mut rates = Rates::default();
        // Tones are made at 8 kHz, and digits become tones at any moment.
        rates.prepare(crate::RATE_HZ, codec.audio_hz());
        let past = match codec {
            Codec::Pcmu | Codec::Pcma => seam::past(codec),
            Codec::G722 => 0,
            Codec::Opus => 2 * codec.frame(),
        };
        Self {
            encoder: Encoder::of(format),
            frame_ms: usize::from(format.frame_ms),
            rates,
            past: vec![0; past].into(),
            last: Last::Own,
            trail: Trail::new(codec),
            turned: false,
            apart: 0,
            theirs: Decoder::new(if codec == Codec::G722 { codec } else { Codec::Pcmu }),
            recodes: 0,
            loses: false,
            shares_loss: false,
        }
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
        self.bend();
        self.apart = match self.codec() {
            Codec::Pcmu | Codec::Pcma => 1,
            Codec::G722 => G722_APART,
            Codec::Opus => OPUS_APART,
        };
    }

    /// The same, where all who share a source turn together.
    pub(super) fn bend(&mut self) {
        self.turned = true;
        self.rates.turn();
        self.learn();
    }

    /// What is forwarded is left out from now on.
    pub(super) fn interrupt(&mut self) {
        if self.last == Last::Forwarded {
            self.turn();
        }
    }

    /// Takes in what was forwarded.
    fn learn(&mut self) {
        if self.last != Last::Forwarded {
            return;
        }
        self.last = Last::Unknown;
        if let Some((codec, bytes)) = self.trail.bytes() {
            if codec.is_stateless() {
                let new = bytes.iter().map(|bytes| bytes.len()).sum::<usize>();
                self.past.copy_within(new.., 0);
                let mut at = self.past.len() - new;
                for bytes in bytes {
                    at += Decoder::new(codec).decode(bytes, &mut self.past[at..]);
                }
            } else {
                self.past.fill(0);
            }
            self.encoder.heard(bytes.into_iter(), self.trail.is_all());
        }
        self.trail.clear();
    }

    /// The peer has told what share of our packets it has lost lately, in 1/256.
    pub(super) fn peer_lost(&mut self, fraction: u8) {
        self.loses = fraction >= if self.loses { LOSS_ENDS } else { LOSS };
    }

    pub(super) fn loses(&self) -> bool {
        self.loses
    }

    /// Whether anybody who is sent what is encoded loses packets.
    pub(super) fn share_loss(&mut self, loses: bool) {
        self.shares_loss = loses;
    }

    /// Whether the next frame is to be made for this leg alone.
    pub(super) fn is_apart(&self) -> bool {
        self.apart > 0
    }

    /// What is heard is encoded by another coder, for others too.
    pub(super) fn follow(&mut self, lead: &Self) {
        self.turned = false;
        self.last = Last::Shared;
        self.encoder.follow(&lead.encoder);
        self.past.copy_from_slice(&lead.past);
    }

    /// Encodes 20 ms of a rate that was prepared for.
    pub(super) fn encode(&mut self, hz: u32, pcm: &[i16]) -> Payload {
        if self.last != Last::Own {
            // What others were sent with this leg goes on, but for the filters, which have not heard it.
            self.rates.turn();
            self.turned |= self.last == Last::Forwarded;
            self.learn();
            self.encoder.prime((self.last == Last::Shared).then_some(&self.past));
            self.last = Last::Own;
        }
        self.apart = self.apart.saturating_sub(1);
        let mut own = [0; FRAME_MAX];
        let own = &mut own[..self.codec().frame()];
        self.rates.convert(hz, self.codec().audio_hz(), pcm, own);
        self.seam(own);
        self.encoder.protect(self.loses || self.shares_loss);
        let new = &own[own.len().saturating_sub(self.past.len())..];
        self.past.copy_within(new.len().., 0);
        let kept = self.past.len() - new.len();
        self.past[kept..].copy_from_slice(new);
        let mut payload = Payload::empty();
        let frame = own.len() / FRAME_MS as usize * self.frame_ms;
        for (part, end) in own.chunks(frame).zip(&mut payload.ends) {
            let begin = payload.length;
            payload.length += self.encoder.encode(part, &mut payload.bytes[begin..]);
            *end = payload.length;
        }
        payload
    }

    /// Encodes 20 ms of nothing.
    pub(super) fn silence(&mut self) -> Payload {
        let codec = self.codec();
        self.encode(codec.audio_hz(), &[0; FRAME_MAX][..codec.frame()])
    }

    fn seam(&mut self, pcm: &mut [i16]) {
        if !core::mem::take(&mut self.turned) {
            return;
        }
        if self.codec() == Codec::G722 {
            return self.encoder.turn();
        }
        seam::join(&self.past, self.codec().audio_hz(), pcm);
    }

    /// Whether what is forwarded next must be changed for the peer.
    pub(super) fn rewrites(&self) -> bool {
        self.turned || self.last != Last::Forwarded || self.recodes > 0
    }

    /// A packet is forwarded as it is; its end may be needed.
    pub(super) fn forwarded(&mut self, codec: Codec, payload: &[u8]) {
        self.turned = false;
        self.last = Last::Forwarded;
        self.trail.push(codec, payload);
    }

    /// A packet is forwarded that must be changed, so that it makes no click. `None` where it goes as it
    /// is. `before` tells a decoder what the speaker has said before it.
    pub(super) fn rewrite<'a>(
        &mut self,
        (codec, payload): (Codec, &[u8]),
        changed: &'a mut [u8; FORWARDED_MAX],
        before: impl FnOnce(&mut Decoder),
    ) -> Option<&'a [u8]> {
        let begins = self.turned || self.last != Last::Forwarded;
        self.turned = true;
        let changed = changed.get_mut(..payload.len())?;
        if codec == Codec::G722 && self.codec() == codec {
            if begins {
                self.theirs.forget();
                before(&mut self.theirs);
                self.recodes = RECODED;
                self.encoder.turn();
            }
            let agrees = self.encoder.recode(&mut self.theirs, payload, changed);
            self.recodes = if agrees { 0 } else { self.recodes.saturating_sub(payload.len()) };
            (self.turned, self.last) = (false, Last::Forwarded);
            return Some(changed);
        }
        let seam = seam(codec);
        if !codec.is_stateless() || !self.codec().is_stateless() || payload.len() < seam {
            return None;
        }
        let mut pcm = [0; SEAM_MS * 8];
        Decoder::new(codec).decode(&payload[..seam], &mut pcm);
        self.seam(&mut pcm);
        self.encoder.encode(&pcm, changed);
        let law = codec.recode(self.codec());
        for (to, from) in changed.iter_mut().zip(payload).skip(seam) {
            *to = law.map_or(*from, |table| table[usize::from(*from)]);
        }
        self.forwarded(codec, payload);
        Some(changed)
    }
}
