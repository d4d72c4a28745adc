//! What is played next: decoded where it came, made up where not.

use super::conceal::Hole;
use super::ring::{Found, Packet, Ring};
use super::{Buffer, FRAME_MS, Play, Time};
use crate::codec::{Codec, Decoder, FRAME_MAX};
use crate::rtp::{ahead, ahead16};

/// Without any audio for so long the sender pauses; what comes then is placed anew.
const PAUSE_MS: u32 = 100;
/// A jump of contiguous packets that is none: the sender's clock is coarse.
const GLITCH_MS: u32 = 10;
/// The longest Opus packet (RFC 6716 section 3.2.5), in samples.
const PACKET_MAX: usize = 5_760;
/// An Opus packet no longer than this, in bytes, holds no audio (RFC 6716 section 2.1.9).
const DTX: usize = 2;
/// What a decoder with a memory hears of what came before, where nobody has pulled so far.
const WARM_MS: u32 = 100;
/// Opus counts in 2.5 ms: so many ticks, or samples.
const OPUS_STEP: u32 = 120;

impl Buffer {
    /// Decodes the next packet or makes up what is not there.
    pub(super) fn supply(&mut self, now: Time) {
        let Play::At(play) = self.play else { return self.idle() };
        let per_ms = self.clock_hz() / 1_000;
        match self.ring.find(play) {
            Found::Packet(packet, into) => self.decode(&packet, into, 0),
            Found::Gap(packet, gap) => {
                let between = self.last.map_or(0, |last| ahead16(packet.sequence, last));
                let left = gap.saturating_sub(self.dry);
                if left == 0 || (between == 1 && gap <= GLITCH_MS * per_ms) {
                    self.count_lost(if between == 1 { 0 } else { gap });
                    self.dry = 0;
                    self.play = Play::At(packet.timestamp);
                } else if between == 1 {
                    self.play = Play::Waiting(Some(play));
                    match self.beginning(now, Some(play)) {
                        Some(begin) => self.play = Play::At(begin),
                        None => self.idle(),
                    }
                } else {
                    self.bridge(&packet, play, left);
                }
            }
            Found::Nothing if self.is_dtx => {
                self.play = Play::Waiting(Some(play));
                self.idle();
            }
            Found::Nothing => {
                self.dry += self.make_up(self.wanting());
                if self.dry >= PAUSE_MS * per_ms {
                    self.dry = 0;
                    self.play = Play::Waiting(Some(play));
                }
            }
        }
    }

    /// The reading begins in the midst of speech. A decoder with a memory hears what is still there
    /// from before: by itself G.722 is silent for 40 ms and right after 80.
    pub(super) fn warm(&mut self, begin: u32) {
        let Found::Packet(first, _) = self.ring.find(begin) else { return };
        let decoder = self.decoders.iter_mut().find(|decoder| decoder.codec() == first.codec);
        if let Some(decoder) = decoder {
            tell(&self.ring, first.codec, begin, decoder);
        }
    }

    /// Tells a decoder what came just before a place.
    pub(crate) fn tell(&self, codec: Codec, begin: u32, decoder: &mut Decoder) {
        tell(&self.ring, codec, begin, decoder);
    }

    /// Makes up what was lost before a packet that is there.
    fn bridge(&mut self, next: &Packet, play: u32, left: u32) {
        let per_ms = self.clock_hz() / 1_000;
        self.count_lost(self.dry);
        if next.codec == Codec::Opus {
            // The packet may tell of the one before it, which is as long as it is.
            let before = left.saturating_sub(next.ticks);
            let made = if before > 0 {
                self.make_up(before.min(FRAME_MS * per_ms))
            } else {
                self.recover(next, left)
            };
            self.count_lost(made);
            self.play = Play::At(play.wrapping_add(self.dry + made));
            self.dry = 0;
            return;
        }
        let piece = left.min(FRAME_MS * per_ms);
        self.count_lost(piece);
        self.play = Play::At(play.wrapping_add(self.dry + piece));
        self.dry = 0;
        if left > piece {
            self.make_up(piece);
        } else {
            self.decode(next, 0, piece);
        }
    }

    fn count_lost(&mut self, ticks: u32) {
        self.concealed_ms += u64::from(ticks / (self.clock_hz() / 1_000));
    }

    /// Ticks that 20 ms cannot be played without.
    fn wanting(&self) -> u32 {
        (FRAME_MS * self.clock_hz() / 1_000).saturating_sub(self.pending_ticks()).max(1)
    }

    /// Something to play while nothing has its turn.
    fn idle(&mut self) {
        if self.is_dtx && self.hole.is_none() && self.is_native() {
            // Opus knows how the silence sounded.
            self.make_up(self.wanting());
            return;
        }
        let count = self.frame().saturating_sub(self.stage.pending());
        let stage = &mut self.stage;
        self.hole.get_or_insert_with(|| Hole::after(stage)).fill(stage, count);
    }

    /// Makes up so many ticks, by the codec itself where it can. Returns how many.
    fn make_up(&mut self, ticks: u32) -> u32 {
        let codec = self.newest.map(|(_, _, codec)| codec);
        if self.hole.is_none() && self.is_native() {
            let count = self.samples(ticks).next_multiple_of(OPUS_STEP as usize);
            let decoder = self.decoders.iter_mut().find(|decoder| Some(decoder.codec()) == codec);
            let room = self.stage.extend(count);
            let made = decoder.map_or(0, |decoder| decoder.conceal(None, room));
            let missing = room.len() - made;
            self.stage.truncate(self.stage.pending() - missing);
            if made > 0 {
                return ticks;
            }
        }
        let count = self.samples(ticks);
        let stage = &mut self.stage;
        self.hole.get_or_insert_with(|| Hole::after(stage)).fill(stage, count);
        ticks
    }

    /// Whether what is played is in the rate of the codec that comes.
    fn is_native(&self) -> bool {
        self.newest.is_some_and(|(_, _, codec)| codec.audio_hz() == self.stage.hz())
    }

    /// Makes up what lies directly before a packet, from what that tells of it. Returns how much.
    fn recover(&mut self, next: &Packet, left: u32) -> u32 {
        let ticks = left / OPUS_STEP * OPUS_STEP;
        let payload = self.ring.payload(next);
        let decoder = self.decoders.iter_mut().find(|decoder| decoder.codec() == next.codec);
        let can = self.hole.is_none() && next.codec.audio_hz() == self.stage.hz();
        if let Some(decoder) = decoder.filter(|_| can && ticks > 0) {
            let room = self.stage.extend(ticks as usize);
            let made = decoder.conceal(Some(payload), room);
            let missing = room.len() - made;
            self.stage.truncate(self.stage.pending() - missing);
            if made > 0 {
                return left;
            }
        }
        self.make_up(left)
    }

    /// Ticks as samples of what is played.
    pub(super) fn samples(&self, ticks: u32) -> usize {
        let samples = u64::from(ticks) * u64::from(self.stage.hz()) / u64::from(self.clock_hz());
        usize::try_from(samples).unwrap_or(0)
    }

    /// Decodes a packet, of which so many ticks are over, behind a hole of which so many are missing.
    pub(super) fn decode(&mut self, packet: &Packet, into: u32, missing: u32) {
        if packet.codec.audio_hz() != self.stage.hz() {
            if self.stage.pending() > 0 {
                // What is played has one rate in 20 ms.
                let rest = self.frame().saturating_sub(self.stage.pending());
                let stage = &mut self.stage;
                Hole::after(stage).fill(stage, rest);
                return;
            }
            self.stage.clear(packet.codec.audio_hz());
            self.hole = Some(Hole::after(&self.stage));
        }
        self.is_dtx = packet.codec == Codec::Opus && self.ring.payload(packet).len() <= DTX;
        if packet.codec == Codec::Opus {
            let mut pcm = [0; PACKET_MAX];
            let (count, ticks) = self.unpack(packet, into, packet.ticks, &mut pcm);
            self.add(&pcm[..count], missing, packet, ticks);
        } else {
            let mut pcm = [0; FRAME_MAX];
            let most = FRAME_MS * self.clock_hz() / 1_000;
            let (count, ticks) = self.unpack(packet, into, most, &mut pcm);
            self.add(&pcm[..count], missing, packet, ticks);
        }
    }

    /// Decodes up to so many ticks of a packet. Returns how many samples, and ticks, that are.
    fn unpack(&mut self, packet: &Packet, into: u32, most: u32, pcm: &mut [i16]) -> (usize, u32) {
        let payload = self.ring.payload(packet);
        let left = packet.ticks.saturating_sub(into);
        let decoder = self.decoders.iter_mut().find(|decoder| decoder.codec() == packet.codec);
        if packet.codec == Codec::Opus {
            let count = decoder.map_or(0, |decoder| decoder.decode(payload, pcm));
            let skipped = count.min(into as usize);
            pcm.copy_within(skipped..count, 0);
            return (count - skipped, left);
        }
        // One byte is one tick of all others.
        let ticks = left.min(most);
        let part = payload.get(into as usize..(into + ticks) as usize).unwrap_or_default();
        let count = match decoder {
            Some(decoder) => decoder.decode(part, pcm),
            None => Decoder::new(packet.codec).decode(part, pcm),
        };
        (count, ticks)
    }

    fn add(&mut self, pcm: &[i16], missing: u32, packet: &Packet, ticks: u32) {
        let missing = self.samples(missing);
        let hole = if missing > 0 {
            let stage = &self.stage;
            Some(self.hole.take().unwrap_or_else(|| Hole::after(stage)))
        } else {
            self.hole.take()
        };
        if pcm.is_empty() {
            // It is none: what it should have been is made up.
            self.make_up(ticks.max(1));
        } else if let Some(hole) = hole {
            hole.join(&mut self.stage, missing, pcm);
        } else {
            self.stage.push(pcm);
        }
        let Play::At(play) = self.play else { return };
        self.play = Play::At(play.wrapping_add(ticks));
        self.count_lost(self.dry);
        if self.last != Some(packet.sequence) {
            let lost = self.last.map_or(0, |last| ahead16(packet.sequence, last).saturating_sub(1));
            self.delay.lost(lost.max(0).unsigned_abs(), packet.ticks);
        }
        (self.dry, self.last) = (0, Some(packet.sequence));
    }
}

fn tell(ring: &Ring, codec: Codec, begin: u32, decoder: &mut Decoder) {
    let mut at = begin.wrapping_sub(WARM_MS * codec.rtp_hz() / 1_000);
    let mut pcm = [0; PACKET_MAX];
    loop {
        let left = ahead(begin, at);
        let next = ring.packets().filter(|packet| {
            packet.codec == codec && (0..left).contains(&ahead(packet.timestamp, at))
        });
        let Some(packet) = next.min_by_key(|packet| ahead(packet.timestamp, at)) else {
            return;
        };
        decoder.decode(ring.payload(packet), &mut pcm);
        at = packet.timestamp.wrapping_add(packet.ticks.max(1));
    }
}
