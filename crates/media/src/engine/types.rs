//! What goes in and what comes out.

use core::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Codec, LegId, Plan, Row, Samples, Time};

/// What the core asks of a media thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A new leg, or a newer plan for one. An older generation is ignored.
    Leg(Plan),
    /// Who hears whom in a conference, all rows of it. An older generation is ignored; no rows
    /// end the conference. A leg without a row is sent nothing.
    Matrix {
        /// The conference.
        conference: u64,
        /// Rises with each matrix of this conference.
        generation: u64,
        /// One per participant.
        rows: Vec<Row>,
    },
    /// The leg is over: a BYE of RTCP, a last report, [`Event::Ended`].
    EndLeg(LegId),
    /// Sends digits to the leg, as telephone-event or as tones where it has none.
    SendDtmf {
        /// The leg that hears them.
        leg: LegId,
        /// `0` to `9`, `*`, `#`, `A` to `D`; others are skipped. At most 64 wait.
        digits: String,
        /// How long each lasts; 40 to 6000, the pause between is 60.
        duration_ms: u16,
    },
    /// What becomes of the keys that a leg presses with its audio. Given again, it ends what the last
    /// `*` has begun.
    Keys {
        /// The leg.
        leg: LegId,
        /// From a `*` on they are told and nobody hears them, until this is given again. Else those
        /// who hear the leg hear them all.
        guarded: bool,
    },
    /// A sound for [`crate::Source::Music`] and [`crate::Source::Prompt`]; a known name is
    /// replaced for those who join from now on.
    AddSound {
        /// Its name.
        name: Arc<str>,
        /// Its samples.
        sound: Pcm,
    },
    /// A sound is gone for those who join from now on; it is freed when nobody hears it any more.
    RemoveSound {
        /// Its name.
        name: Arc<str>,
    },
    /// What of a conference is recorded from now on, replacing what was; `None` ends it. A
    /// conference that ends is recorded no more by itself.
    Record {
        /// The conference; one that is not there yet is remembered.
        conference: u64,
        /// What to record.
        tap: Option<Tap>,
    },
}

/// The samples of a sound: mono, shared by all threads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pcm {
    /// Samples per second: 8000, 16000 or 48000.
    pub hz: u32,
    /// The samples.
    pub samples: Samples,
}

/// A recording of a conference: two channels, one frame of 20 ms each 20 ms while somebody is in
/// the conference, whatever is heard by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tap {
    /// Whose frames these are; the owner mints it.
    pub recording: u64,
    /// Samples per second: 8000 or 16000; the same for all of one recording.
    pub hz: u32,
    /// The left channel: the sum of what these legs say (customers). Everybody else is on the right.
    /// Of either only who is heard by anybody: a customer on hold is not.
    pub left: Vec<LegId>,
    /// Frames of silence are told instead of what is said (card data), so that the times stay true.
    pub paused: bool,
}

/// An input of the engine other than a packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A command of the core.
    Command(Command),
}

/// Which socket of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// The even port.
    Rtp,
    /// The port above it.
    Rtcp,
}

/// What the engine has learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// From now on this source alone is heard and sent to. The socket may be connected to it.
    Latched {
        /// The leg.
        leg: LegId,
        /// Its source.
        addr: SocketAddr,
    },
    /// The peer has moved by a new plan; a connected socket must be opened again.
    Unlatched {
        /// The leg.
        leg: LegId,
    },
    /// The first packet of audio that is heard.
    FirstPacket {
        /// The leg.
        leg: LegId,
    },
    /// A digit, once, when it ended.
    Dtmf {
        /// The leg that pressed it.
        leg: LegId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
        /// How long it was held, as far as known.
        duration_ms: u32,
    },
    /// The leg cannot be taken: there are [`EngineSettings::legs_max`], or its port is another's.
    /// Nothing is sent or heard, and no [`Event::Ended`] follows.
    Refused {
        /// The leg.
        leg: LegId,
    },
    /// Nothing came for [`super::NO_AUDIO`] although the peer may send. Told once, and over with
    /// [`Event::AudioBack`]: the two alternate. The engine ends nothing; the owner does, when the
    /// silence has lasted for as long as its policy allows at that moment.
    NoAudio {
        /// The leg.
        leg: LegId,
        /// When the last packet came, or when the silence could begin.
        since: Time,
    },
    /// The silence of [`Event::NoAudio`] is over: packets come again, or the peer need not send any
    /// more (its plan does not receive). When it is to send again, silence counts from then.
    AudioBack {
        /// The leg.
        leg: LegId,
    },
    /// A prompt has been played to its end.
    Played {
        /// The leg that heard it.
        leg: LegId,
        /// From [`crate::Source::Prompt`].
        play: u64,
        /// The first of its sounds that there is none of: it was left out.
        missing: Option<Arc<str>>,
    },
    /// How a leg fares: about each five seconds and at its end.
    Report(Report),
    /// The leg is gone, and its port is free for another.
    Ended {
        /// The leg.
        leg: LegId,
    },
}

/// How a leg fares, from its first packet to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The leg.
    pub leg: LegId,
    /// The codec it is sent, and most likely sends.
    pub codec: Codec,
    /// Packets of RTP heard.
    pub packets_in: u64,
    /// Packets of RTP sent.
    pub packets_out: u64,
    /// Packets that never came (RFC 3550 A.3).
    pub lost: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter_us: u32,
    /// Round trip by RTCP, if the peer reports.
    pub rtt_us: Option<u32>,
    /// How what comes from the leg sounds, in thousandths ([`crate::quality::mos`]); if anything came.
    pub mos: Option<u16>,
    /// The same since the report before.
    pub mos_now: Option<u16>,
    /// What of ours the peer has lost, if it reports.
    pub remote_lost: Option<u32>,
    /// The jitter of what it hears, if it reports.
    pub remote_jitter_us: Option<u32>,
    /// How what it hears sounds, if it reports.
    pub remote_mos: Option<u16>,
    /// The same since the report before.
    pub remote_mos_now: Option<u16>,
}

/// An output. Packets borrow from the engine: send or copy them before the next poll.
#[derive(Clone, Debug, PartialEq)]
pub enum Output<'a> {
    /// A datagram.
    Packet {
        /// The leg's RTP port, whatever the channel.
        port: u16,
        /// Which of the two sockets sends it.
        channel: Channel,
        /// Where to.
        to: SocketAddr,
        /// The datagram.
        data: &'a [u8],
    },
    /// Twenty milliseconds of a recording.
    Recorded {
        /// From the [`Tap`].
        recording: u64,
        /// The number of the 20 ms since the node's epoch: consecutive, but where nothing was there
        /// to record.
        frame: u64,
        /// The left channel, at the tap's rate.
        left: &'a [i16],
        /// The right channel, of the same length.
        right: &'a [i16],
    },
    /// Something to tell the core.
    Event(Event),
}

/// What can be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineSettings {
    /// Most legs; more are refused and counted.
    pub legs_max: usize,
    /// NTP time, since 1900, at the node's epoch: what sender reports tell is one clock for all legs.
    pub since_1900: Time,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { legs_max: 10_000, since_1900: Time::ZERO }
    }
}

/// Counted since the start, of all legs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets of RTP accepted.
    pub packets_in: u64,
    /// Packets of RTP sent.
    pub packets_out: u64,
    /// Of those, forwarded without decoding.
    pub forwarded: u64,
    /// Packets of RTCP accepted.
    pub rtcp_in: u64,
    /// Packets of RTCP sent.
    pub rtcp_out: u64,
    /// Packets lost on the way to us, of legs that have ended.
    pub lost: u64,
    /// Packets from strangers: neither heard nor answered.
    pub strangers: u64,
    /// Packets that are no RTP or RTCP, of a payload type that was not agreed, or reports of what
    /// cannot be.
    pub malformed: u64,
    /// Packets to ports without a leg.
    pub unclaimed: u64,
    /// Packets not sent because nobody drained the outputs, and legs beyond the limit.
    pub overflowed: u64,
    /// Frames mixed and encoded.
    pub mixed: u64,
    /// Ticks done.
    pub ticks: u64,
    /// Ticks left out because the driver came too late.
    pub ticks_skipped: u64,
    /// Legs now.
    pub legs: u64,
    /// Conferences now.
    pub conferences: u64,
}
