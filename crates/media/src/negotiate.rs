//! Offer and answer for one leg (RFC 3264, RFC 6337).
//!
//! | state | offer | peer's offer | peer's answer | rollback |
//! | --- | --- | --- | --- | --- |
//! | nothing agreed | → offered | answered → agreed | refused 400 | – |
//! | offered | the same again | refused 491 | → agreed | → as before the offer |
//! | agreed | → offered | answered → agreed | the last answer wins | – |
//!
//! The last row's answer is one that comes twice: in a 183 and, differing, in the 200 of another
//! branch. Who is right is not ours to say, the later is taken.
//!
//! We answer with one codec, so that neither side changes it in the middle. Our own direction is
//! always `sendrecv`: whoever is on hold with us hears our music.
//!
//! Which codec: of those allowed the one that the other side of the call already has, or that can
//! be made of it byte by byte (the other law of G.711); else the first of our order; of two laws
//! the peer's first.

mod describe;
mod events;
mod plan;
mod relocate;

use core::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::rtcp::CNAME;
use crate::sdp::{Description, Direction, Media, Problem};
use crate::{Codec, Lease, LegId};

pub use events::Events;
pub use plan::{OtherPort, Plan, Signalling};

/// What a leg brings to its negotiation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegSettings {
    /// The leg.
    pub leg: LegId,
    /// Its ports.
    pub lease: Lease,
    /// The address we tell the peer to send to.
    pub address: IpAddr,
    /// Where its signalling comes from, once that is known.
    pub signalling: Option<Signalling>,
    /// Our SSRC towards the peer, for the whole life of the leg.
    pub ssrc: u32,
    /// What names us in RTCP towards the peer: chance, and nobody else's (RFC 7022).
    pub cname: [u8; CNAME],
    /// The id in our `o=` line.
    pub sdp_id: u64,
    /// The codecs allowed, best first.
    pub codecs: Vec<Codec>,
    /// The packet length we ask for.
    pub ptime_ms: u16,
}

/// Why a description was not accepted, with the SIP status that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{status} {reason:?}")]
pub struct Refusal {
    /// 400, 488 or 491.
    pub status: u16,
    /// What was wrong.
    pub reason: Reason,
}

/// What was wrong with a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// The body is no SDP, or has a port that is none.
    Unreadable,
    /// The body is beyond the limits of [`crate::sdp`].
    TooLarge,
    /// No audio over plain RTP.
    NoAudio,
    /// No codec in common.
    NoCodec,
    /// An address of the other IP family than ours.
    OtherFamily,
    /// A multicast, broadcast or otherwise forbidden address.
    ForbiddenAddress,
    /// An offer while ours is open (RFC 3261 section 14.2).
    Glare,
    /// An answer without an offer.
    NoOffer,
}

impl Refusal {
    const fn new(status: u16, reason: Reason) -> Self {
        Self { status, reason }
    }

    /// A sentence for the Warning header or a log.
    #[must_use]
    pub const fn text(&self) -> &'static str {
        match self.reason {
            Reason::Unreadable => "The session description cannot be read",
            Reason::TooLarge => "The session description is too large",
            Reason::NoAudio => "No audio over RTP/AVP offered",
            Reason::NoCodec => "No codec in common",
            Reason::OtherFamily => "The media address is not of our IP version",
            Reason::ForbiddenAddress => "The media address is not a unicast address",
            Reason::Glare => "Another offer is open",
            Reason::NoOffer => "An answer without an offer",
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::TooLarge => Self::new(488, Reason::TooLarge),
            Problem::NoMedia | Problem::BadPort => Self::new(400, Reason::Unreadable),
        }
    }
}

/// An `m=` line of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Line {
    /// The audio we use, with the protocol as the peer spells it.
    Audio { protocol: String },
    /// One we refuse; it keeps its place for ever (RFC 3264 section 8).
    Refused { kind: String, protocol: String, formats: Vec<String> },
}

/// What we said about our audio.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Local {
    lines: Vec<Line>,
    /// The codecs we are ready to receive, with our payload types.
    codecs: Vec<(Codec, u8)>,
    /// Our payload types for telephone-event.
    events: Vec<Events>,
    direction: Direction,
    mux: bool,
}

/// An offer of ours that awaits its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pending {
    local: Local,
    body: Bytes,
}

/// The offer/answer machine of one leg: plain data, owned by the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiation {
    settings: LegSettings,
    preference: Vec<Codec>,
    /// The version in the last `o=` line we sent.
    version: u64,
    /// The last description we sent, with version 0: only a difference raises the version.
    printed: String,
    pending: Option<Pending>,
    local: Local,
    plan: Option<Plan>,
    held: bool,
    /// The peer has been sending since the last agreement that let it.
    heard: bool,
}

impl Negotiation {
    /// Nothing said yet.
    #[must_use]
    pub fn new(settings: LegSettings) -> Self {
        Self {
            version: settings.sdp_id,
            settings,
            preference: Vec::new(),
            printed: String::new(),
            pending: None,
            local: Local::default(),
            plan: None,
            held: false,
            heard: false,
        }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &LegSettings {
        &self.settings
    }

    /// Puts these codecs first, in what we offer and in what we choose from an offer: those the
    /// other side of the call already has, so that nothing need be transcoded. Behind them comes
    /// what can be made of them without decoding.
    pub fn prefer(&mut self, codecs: &[Codec]) {
        self.preference = codecs.to_vec();
        let near = |codec: &Codec| codecs.iter().any(|had| had.forwards_to(*codec));
        let near = Codec::ALL.into_iter().filter(|codec| !codecs.contains(codec)).filter(near);
        self.preference.extend(near);
    }

    /// Our offer; the same again while one is open.
    pub fn offer(&mut self) -> Bytes {
        if let Some(pending) = &self.pending {
            return pending.body.clone();
        }
        let local = self.describe_offer();
        let body = self.print(&local);
        self.pending = Some(Pending { local, body: body.clone() });
        body
    }

    /// Our offer with these codecs first; see [`Negotiation::prefer`].
    pub fn offer_for(&mut self, codecs: &[Codec]) -> Bytes {
        self.prefer(codecs);
        self.offer()
    }

    /// Where the leg's signalling turned out to come from; for plans made from now on.
    pub fn signalled_from(&mut self, signalling: Signalling) {
        self.settings.signalling = Some(signalling);
    }

    /// Whether an offer of ours awaits its answer.
    #[must_use]
    pub fn is_offering(&self) -> bool {
        self.pending.is_some()
    }

    /// Answers the peer's offer at once.
    ///
    /// # Errors
    /// A [`Refusal`]; everything is then as it was before.
    pub fn on_offer(&mut self, body: &[u8]) -> Result<Bytes, Refusal> {
        if self.pending.is_some() {
            return Err(Refusal::new(491, Reason::Glare));
        }
        let offer = Description::parse(body)?;
        let Some((index, codec)) = self.choose(&offer)? else {
            return self.refuse_audio(&offer);
        };
        let media = &offer.media[index];
        let local = self.describe_answer(&offer, index, codec);
        let plan = self.plan_from(media, codec, &local)?;
        let answer = self.print(&local);
        self.settle(local, plan, media, false);
        Ok(answer)
    }

    /// Takes the peer's answer to our offer.
    ///
    /// # Errors
    /// A [`Refusal`]: the answer cannot be used and the offer is still open; the caller ends the
    /// leg or rolls back.
    pub fn on_answer(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let answer = Description::parse(body)?;
        let local = match &self.pending {
            Some(pending) => pending.local.clone(),
            None if self.local.lines.is_empty() => return Err(Refusal::new(400, Reason::NoOffer)),
            None => self.local.clone(),
        };
        let place = local.lines.iter().position(|line| matches!(line, Line::Audio { .. }));
        let media = place
            .and_then(|index| answer.media.get(index))
            .filter(|media| media.is_plain_audio() && media.port != 0)
            .ok_or(Refusal::new(488, Reason::NoAudio))?;
        let (codec, payload_type) = codecs(media)
            .find(|(codec, _)| local.codecs.iter().any(|(ours, _)| ours == codec))
            .ok_or(Refusal::new(488, Reason::NoCodec))?;
        let plan = self.plan_from(media, (codec, payload_type), &local)?;
        let is_again = self.pending.take().is_none();
        self.settle(local, plan, media, is_again);
        Ok(())
    }

    /// Our offer was refused or went unanswered: what was agreed before holds (RFC 3261
    /// section 14.1).
    pub fn rollback(&mut self) {
        self.pending = None;
    }

    /// What the media thread needs to know; `None` before the first agreement.
    #[must_use]
    pub fn plan(&self) -> Option<Plan> {
        self.plan.clone()
    }

    /// Whether the peer has put us on hold: it does not listen (`sendonly`, `inactive`,
    /// `0.0.0.0`), or it has sent before and stopped (`recvonly`, which some phones write).
    #[must_use]
    pub fn held_by_peer(&self) -> bool {
        self.held
    }

    /// An answer that comes again (in the 200 after a 183) and says the same is no new agreement.
    fn settle(&mut self, local: Local, mut plan: Plan, media: &Media, is_again: bool) {
        let sends = media.direction.sends();
        self.held = is_hold(media) || (!sends && self.heard);
        self.heard |= sends && !is_hold(media);
        self.local = local;
        if let Some(old) = &self.plan {
            plan.generation = old.generation;
            if is_again && plan == *old {
                return;
            }
            plan.generation += 1;
        }
        self.plan = Some(plan);
    }

    /// A re-offer whose audio is switched off: the leg stays, without media.
    fn refuse_audio(&mut self, offer: &Description) -> Result<Bytes, Refusal> {
        // Audio switched off in favour of something else (a fax by T.38) is not a hold: whoever
        // is told that it was accepted does not fall back to audio.
        let wants_other = offer.media.iter().any(|media| media.port != 0);
        let Some(plan) = self.plan.as_mut().filter(|_| !wants_other) else {
            return Err(Refusal::new(488, Reason::NoAudio));
        };
        if plan.send || plan.receive {
            plan.send = false;
            plan.receive = false;
            plan.generation += 1;
        }
        self.held = true;
        self.local.lines = offer.media.iter().map(Line::refused).collect();
        let local = self.local.clone();
        Ok(self.print(&local))
    }
}

/// The peer does not listen.
fn is_hold(media: &Media) -> bool {
    !media.direction.receives() || media.address.is_some_and(crate::sdp::Address::is_hole)
}

/// The codecs of a medium that we know, in its order, with its payload types.
fn codecs(media: &Media) -> impl Iterator<Item = (Codec, u8)> + '_ {
    media.payload_types().filter_map(|number| {
        let codec = match media.map(number) {
            Some(map) => Codec::from_map(&map.name, map.rate_hz, map.channels),
            None => Codec::from_static(number),
        };
        codec.map(|codec| (codec, number))
    })
}

#[cfg(test)]
mod tests;
