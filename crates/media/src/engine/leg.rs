//! A leg: what it is sent, what came from it, and where it stands in its conference.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::coder::{Coder, FORWARDED_MAX, Payload, Rates};
use super::control::Control;
use super::latch::Latch;
use super::outbox::Outbox;
use super::pack::Packer;
use super::transmit::Transmitter;
use super::types::{Channel, Counters};
use crate::rtcp::Statistics;
use crate::rtp::Header;
use crate::{Codec, Decoder, Plan, Source, Time, dtmf, jitter};

/// What a leg hears, resolved to slots and positions.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Feed {
    /// It has no row: it is sent nothing.
    Nothing,
    Silence,
    /// Music, where the station is.
    Music {
        source: Source,
        station: usize,
    },
    /// What is left of a prompt: its sounds, which of them plays, and from which sample on.
    Prompt {
        source: Source,
        clips: Box<[usize]>,
        clip: usize,
        at: usize,
        missing: Option<Arc<str>>,
    },
    /// A prompt that was played.
    Over(Source),
    /// A tone, from a sample on.
    Tone {
        source: Source,
        at: u64,
    },
    /// The packets of one speaker.
    Forward(usize),
    /// One of its conference's mixes.
    Mix(usize),
}

impl Feed {
    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Music { source, .. }
            | Self::Prompt { source, .. }
            | Self::Tone { source, .. }
            | Self::Over(source) => Some(source),
            Self::Nothing | Self::Silence | Self::Forward(_) | Self::Mix(_) => None,
        }
    }
}

/// Somebody who hears this leg.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ear {
    pub(super) slot: usize,
    pub(super) forward: bool,
}

/// What a payload type means to a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Audio(Codec),
    /// At this clock.
    Digits(u32),
    /// Comfort noise (RFC 3389): a pause, and a sign of life.
    Noise,
    Unknown,
}

/// Whether others hear the keys of a leg ([`super::Command::Keys`]). What is withheld is so as a whole key, however late its last
/// packets come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// A `*` and what follows is withheld.
    is_on: bool,
    /// A `*` has come.
    is_shut: bool,
}

impl Guard {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, is_shut: false }
    }

    /// Whether a key that begins is withheld.
    pub(super) fn withholds(&mut self, event: u8) -> bool {
        self.is_shut |= self.is_on && event == STAR;
        self.is_shut
    }
}

/// The event of `*` (RFC 4733 section 3.2).
const STAR: u8 = 10;

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) plan: Plan,
    pub(super) latch: Latch,
    pub(super) tx: Transmitter,
    pub(super) coder: Coder,
    /// Where the peer wants packets of another length.
    packer: Option<Box<Packer>>,
    /// From what it says to the mixer.
    pub(super) lift: Rates,
    pub(super) statistics: Statistics,
    pub(super) buffer: jitter::Buffer,
    pub(super) keys: dtmf::Receiver,
    pub(super) guard: Guard,
    /// The last key that began is heard by nobody.
    pub(super) is_withheld: bool,
    pub(super) digits: dtmf::Sender,
    /// Samples of the digit that is sent as a tone.
    pub(super) digit_at: u64,
    /// In this frame a key takes the place of audio.
    pub(super) is_keyed: bool,
    pub(super) conference: Option<u64>,
    pub(super) feed: Feed,
    /// Frames for which the speaker forwarded to it has sent nothing.
    pub(super) gap: u32,
    pub(super) ears: Vec<Ear>,
    /// The last packet that was heard, or when there could have been one.
    pub(super) last_in: Time,
    /// The last packet of audio.
    pub(super) last_audio: Option<Time>,
    /// The longest packet of audio of this source and plan, in milliseconds.
    pub(super) longest_ms: u32,
    pub(super) is_dead: bool,
    pub(super) packets_in: u64,
    pub(super) late: u64,
    pub(super) control: Control,
}

impl Leg {
    pub(super) fn new(plan: Plan, now: Time, since_1900: Time) -> Self {
        let ssrc = plan.ssrc;
        let mut buffer = jitter::Buffer::default();
        buffer.prepare(plan.payloads_in.iter().map(|(_, codec)| *codec));
        Self {
            latch: Latch::new(plan.remote_rtp, plan.signalling),
            tx: Transmitter::new(plan.ssrc, plan.codec.rtp_hz()),
            coder: Coder::new(plan.format()),
            packer: Packer::new(&plan),
            lift: Rates::default(),
            plan,
            statistics: Statistics::default(),
            buffer,
            keys: dtmf::Receiver::default(),
            guard: Guard::default(),
            is_withheld: false,
            digits: dtmf::Sender::default(),
            digit_at: 0,
            is_keyed: false,
            conference: None,
            feed: Feed::Nothing,
            gap: 0,
            ears: Vec::new(),
            last_in: now,
            last_audio: None,
            longest_ms: 0,
            is_dead: false,
            packets_in: 0,
            late: 0,
            control: Control::new(ssrc, since_1900),
        }
    }

    pub(super) fn kind(&self, payload_type: u8) -> Kind {
        let plan = &self.plan;
        if let Some((_, codec)) =
            plan.payloads_in.iter().find(|(number, _)| *number == payload_type)
        {
            return Kind::Audio(*codec);
        }
        match plan.events(payload_type) {
            Some(events) => Kind::Digits(events.hz),
            None => Kind::rest(payload_type),
        }
    }

    /// A pause of a forwarded speaker that is no jitter any more.
    pub(super) fn pause(&self) -> Time {
        let packet_ms = self.buffer.packet_ms().max(self.plan.ptime_ms.into()).max(20);
        Time::from_millis(u64::from(packet_ms) * 2 + 20)
    }

    /// Whether audio has come from this leg lately.
    pub(super) fn is_sending(&self, now: Time) -> bool {
        self.last_audio.is_some_and(|last| now.saturating_sub(last) < self.pause())
    }

    /// A newer plan. Port, thread and SSRC are the leg's for life.
    pub(super) fn replan(&mut self, plan: Plan) {
        let (port, thread, ssrc) = (self.plan.port, self.plan.thread, self.plan.ssrc);
        if plan.format() != self.plan.format() {
            self.coder = Coder::new(plan.format());
            self.tx.clock_is(plan.codec.rtp_hz());
            self.turn();
        }
        if (plan.codec, plan.ptime_ms) != (self.plan.codec, self.plan.ptime_ms) {
            self.packer = Packer::new(&plan);
        }
        self.buffer.prepare(plan.payloads_in.iter().map(|(_, codec)| *codec));
        self.plan = Plan { port, thread, ssrc, ..plan };
        self.longest_ms = 0;
    }

    /// Whether the peer takes packets of such a length (`a=maxptime`, `a=ptime`).
    pub(super) fn takes(&self, packet_ms: u32) -> bool {
        self.plan.maxptime_ms.is_none_or(|most| packet_ms <= most.into())
    }

    /// It hears something else from now on.
    pub(super) fn turn(&mut self) {
        self.gap = 0;
        self.tx.turn();
        self.coder.turn();
    }

    /// Falls out of its conference.
    pub(super) fn silence(&mut self) {
        self.feed = Feed::Nothing;
        self.ears.clear();
        self.buffer.stop();
        self.turn();
    }

    /// Sends 20 ms of ours.
    pub(super) fn frame(
        &mut self,
        now: Time,
        payload: &Payload,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        if !self.plan.send || self.tx.is_in_event(now) || self.latch.target().is_none() {
            return;
        }
        let mut packer = self.packer.take();
        for packet in payload.packets() {
            match &mut packer {
                Some(packer) => {
                    packer.push(packet, |packet| self.packet(now, packet, outbox, counters));
                }
                None => self.packet(now, packet, outbox, counters),
            }
        }
        self.packer = packer;
    }

    fn packet(&mut self, now: Time, payload: &[u8], outbox: &mut Outbox, counters: &mut Counters) {
        let header = self.tx.frame(now, self.plan.codec.ticks(payload));
        self.put(header, self.plan.payload_out, payload, None, outbox, counters);
    }

    /// Forwards a packet of a speaker.
    pub(super) fn forward(
        &mut self,
        now: Time,
        (from, codec, payload): (&Header, Codec, &[u8]),
        speaker: &jitter::Buffer,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        let can =
            self.plan.send && codec.forwards_to(self.plan.codec) && self.takes(codec.ms(payload));
        if !can || self.latch.target().is_none() {
            return;
        }
        if !self.digits.is_idle() {
            // What is left out here its decoder does not know of.
            return self.coder.interrupt();
        }
        if let Some(mut packer) = self.packer.take() {
            packer.flush(|packet| self.packet(now, packet, outbox, counters));
            self.packer = Some(packer);
        }
        let Some(header) = self.tx.forward(now, from, codec.ticks(payload)) else { return };
        counters.forwarded += 1;
        let number = self.plan.payload_out;
        if self.coder.rewrites() {
            let mut changed = [0; FORWARDED_MAX];
            let before = |decoder: &mut Decoder| speaker.tell(codec, from.timestamp, decoder);
            if let Some(changed) = self.coder.rewrite((codec, payload), &mut changed, before) {
                return self.put(header, number, changed, None, outbox, counters);
            }
        }
        let table = codec.recode(self.plan.codec);
        self.put(header, number, payload, table, outbox, counters);
        self.coder.forwarded(codec, payload);
    }

    pub(super) fn put(
        &mut self,
        header: Header,
        payload_type: u8,
        payload: &[u8],
        table: Option<&[u8; 256]>,
        outbox: &mut Outbox,
        counters: &mut Counters,
    ) {
        let Some(to) = self.latch.target() else { return };
        let head = Header { payload_type, ..header }.bytes();
        if outbox.packet((self.plan.port, Channel::Rtp, to), &head, payload, table) {
            self.tx.packets += 1;
            self.tx.octets += payload.len() as u64;
            counters.packets_out += 1;
        } else {
            counters.overflowed += 1;
        }
    }
}

impl Kind {
    fn rest(payload_type: u8) -> Self {
        // 19 was comfort noise before RFC 3389.
        if matches!(payload_type, 13 | 19) { Self::Noise } else { Self::Unknown }
    }
}
