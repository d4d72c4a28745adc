//! What comes from the network.

use core::net::SocketAddr;

use super::Engine;
use super::latch::Verdict;
use super::leg::{Ear, Kind, Leg};
use super::types::{Channel, Event};
use crate::dtmf::Payload;
use crate::jitter::Inserted;
use crate::rtp::{self, Header};
use crate::{Codec, Time};

impl Engine {
    /// Takes a datagram that came to the pair whose RTP port is `port`.
    pub fn packet(
        &mut self,
        now: Time,
        port: u16,
        channel: Channel,
        from: SocketAddr,
        data: &[u8],
    ) {
        let entry = self.by_port.get(usize::from(port >> 1)).copied().unwrap_or(0);
        let slot = (entry as usize).wrapping_sub(1);
        // The leg is taken out while the others are sent what it says.
        let Some(mut leg) = self.legs.get_mut(slot).and_then(Option::take) else {
            self.counters.unclaimed += 1;
            self.prowlers.saw(now, from);
            return;
        };
        let longest_ms = leg.longest_ms;
        if channel == Channel::Rtcp || rtp::is_rtcp(data) {
            self.report_came(now, &mut leg, from, data);
        } else {
            self.media(now, slot, &mut leg, from, data);
        }
        let is_longer = leg.longest_ms > longest_ms;
        self.legs[slot] = Some(leg);
        if is_longer {
            self.mix_what_is_too_long(now, slot);
        }
    }

    /// A speaker's packets have become longer: whoever was forwarded them and does not take such hears
    /// a mix from now on.
    fn mix_what_is_too_long(&mut self, now: Time, slot: usize) {
        let get = |slot: usize| self.legs.get(slot).and_then(Option::as_deref);
        let Some(speaker) = get(slot) else { return };
        let takes = |ear: &Ear| get(ear.slot).is_none_or(|leg| leg.takes(speaker.longest_ms));
        if !speaker.ears.iter().all(|ear| !ear.forward || takes(ear)) {
            self.arrange_by_id(now, speaker.conference);
        }
    }

    fn media(&mut self, now: Time, slot: usize, leg: &mut Leg, from: SocketAddr, data: &[u8]) {
        let parsed = Header::parse(data).map(|(header, payload)| {
            let kind = leg.kind(header.payload_type);
            (header, payload, kind)
        });
        let Some((header, payload, kind)) = parsed.filter(|(.., kind)| *kind != Kind::Unknown)
        else {
            self.counters.malformed += 1;
            return;
        };
        match leg.latch.packet(now, from, header.ssrc, &self.prowlers) {
            Verdict::Heard => {}
            Verdict::Latched => {
                self.outbox.event(Event::Latched { leg: leg.plan.leg, addr: from });
            }
            Verdict::Unsure => {
                self.counters.strangers += 1;
                return;
            }
            Verdict::Stranger => {
                self.counters.strangers += 1;
                self.prowlers.saw(now, from);
                return;
            }
        }
        self.counters.packets_in += 1;
        leg.packets_in += 1;
        leg.last_in = now;
        if core::mem::take(&mut leg.is_dead) {
            self.outbox.event(Event::AudioBack { leg: leg.plan.leg });
        }
        match kind {
            Kind::Audio(codec) => self.audio(now, leg, &header, codec, payload),
            Kind::Digits(clock) => {
                leg.statistics.record_event(header.ssrc, header.sequence, now);
                leg.buffer.skip(header.sequence);
                if let Some(payload) = Payload::parse(payload) {
                    self.key(now, slot, leg, (header.timestamp, payload, clock));
                }
            }
            Kind::Noise => {
                leg.statistics.record_event(header.ssrc, header.sequence, now);
                leg.buffer.skip(header.sequence);
            }
            Kind::Unknown => {}
        }
    }

    fn audio(&mut self, now: Time, leg: &mut Leg, header: &Header, codec: Codec, payload: &[u8]) {
        let rate = codec.rtp_hz();
        if leg.statistics.record(header.ssrc, header.sequence, header.timestamp, now, rate) {
            leg.buffer.reset();
            leg.longest_ms = 0;
        }
        if !leg.plan.receive {
            return;
        }
        if leg.last_audio.is_none() {
            self.outbox.event(Event::FirstPacket { leg: leg.plan.leg });
        }
        leg.last_audio = Some(now);
        let inserted = leg.buffer.insert(now, header, codec, payload);
        match inserted {
            Inserted::Duplicate => return,
            Inserted::Late => leg.late += 1,
            Inserted::New | Inserted::Odd => {}
        }
        // What cannot be mixed is no reason to mix.
        if inserted != Inserted::Odd {
            leg.longest_ms = leg.longest_ms.max(codec.ms(payload));
        }
        for ear in leg.ears.iter().filter(|ear| ear.forward) {
            if let Some(listener) = self.legs.get_mut(ear.slot).and_then(Option::as_deref_mut) {
                let packet = (header, codec, payload);
                listener.forward(now, packet, &leg.buffer, &mut self.outbox, &mut self.counters);
            }
        }
    }
}
