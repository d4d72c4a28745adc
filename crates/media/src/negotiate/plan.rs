//! What was agreed, for the media thread.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::{Events, Local, Negotiation, Reason, Refusal, events};
use crate::rtcp::CNAME;
use crate::sdp::{Address, Map, Media};
use crate::{Codec, Format, LegId, OpusWishes};

/// Where a leg's signalling comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signalling {
    /// The host.
    pub host: IpAddr,
    /// Who another port of the SDP's host is.
    pub other_port: OtherPort,
}

/// Who sends from the host of the SDP, but not from its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtherPort {
    /// Somebody else: peers send from where they receive (RFC 4961).
    Stranger,
    /// A peer that does not, as RFC 3264 allows: it is heard there, and answered where the SDP says.
    Sender,
    /// The peer, whose NAT has given it that port.
    Natted,
}

/// All that a media thread needs to know about a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The leg.
    pub leg: LegId,
    /// Rises by one with each agreement, and with each change of any other field.
    pub generation: u64,
    /// The media thread the leg lives on, for ever.
    pub thread: u16,
    /// Our RTP port; RTCP is one above.
    pub port: u16,
    /// Where the peer says it receives RTP. Unspecified (`0.0.0.0`) where it named no address.
    pub remote_rtp: SocketAddr,
    /// Where the peer says it receives RTCP.
    pub remote_rtcp: SocketAddr,
    /// Where the leg's signalling comes from, once that is known: its host is the only one besides
    /// the SDP's that audio is taken from.
    pub signalling: Option<Signalling>,
    /// RTP and RTCP share one port (RFC 5761).
    pub mux: bool,
    /// The codec we send.
    pub codec: Codec,
    /// What the peer asks for in it, if it is Opus.
    pub wishes: OpusWishes,
    /// The payload type we send it with: the peer's number.
    pub payload_out: u8,
    /// The payload types we accept: ours, and the peer's where they mean the same.
    pub payloads_in: Vec<(u8, Codec)>,
    /// The peer's telephone-event, with which we send; tones where it has none.
    pub events_out: Option<Events>,
    /// What is an event when it comes: ours, and the peer's, each at its clock.
    pub events_in: Vec<Events>,
    /// Our SSRC.
    pub ssrc: u32,
    /// What names us in RTCP (RFC 7022), before it is written as text.
    pub cname: [u8; CNAME],
    /// Whether we may send audio.
    pub send: bool,
    /// Whether the peer may send audio; what it sends otherwise is not heard.
    pub receive: bool,
    /// The packet length the peer asks for, not above its longest; 10 to 60 where it makes sense.
    pub ptime_ms: u16,
    /// The longest packet the peer takes, or asks for, in milliseconds; `None` where it says neither.
    pub maxptime_ms: Option<u16>,
}

impl Plan {
    /// How to encode what is sent.
    #[must_use]
    pub fn format(&self) -> Format {
        Format::new(self.codec, self.wishes, self.ptime_ms)
    }

    /// What event a payload type is. Some peers send events with the number that they told us,
    /// some with the one that we told them.
    #[must_use]
    pub fn events(&self, payload_type: u8) -> Option<Events> {
        self.events_in.iter().copied().find(|events| events.payload_type == payload_type)
    }
}

impl Negotiation {
    pub(super) fn plan_from(
        &self,
        media: &Media,
        (codec, payload_out): (Codec, u8),
        local: &Local,
    ) -> Result<Plan, Refusal> {
        let settings = &self.settings;
        let (remote_rtp, remote_rtcp) = self.remote(media, media.mux && local.mux)?;
        // What the answer leaves out is not listened for (RFC 3264 section 7), and costs no decoder.
        let named = |codec: Codec| super::codecs(media).any(|(theirs, _)| theirs == codec);
        let ours = local.codecs.iter().filter(|(codec, _)| codec.is_stateless() || named(*codec));
        let ours = ours.map(|(codec, number)| (*number, *codec));
        // Some peers send with their own number, and both laws whatever was agreed; a number to
        // which somebody has given another meaning is not meant.
        let laws = settings.codecs.iter().filter(|codec| codec.is_stateless());
        let laws = laws.filter_map(|codec| Some((codec.static_payload_type()?, *codec)));
        let laws = laws.filter(|(number, codec)| {
            let is_other = |map: &Map| Codec::from_map(&map.name, map.rate_hz, 1) != Some(*codec);
            let is_event = local.events.iter().any(|events| events.payload_type == *number);
            !is_event && !media.map(*number).is_some_and(is_other)
        });
        let mut payloads_in: Vec<(u8, Codec)> = Vec::new();
        for (number, codec) in ours.chain([(payload_out, codec)]).chain(laws) {
            if payloads_in.iter().all(|(taken, _)| *taken != number) {
                payloads_in.push((number, codec));
            }
        }
        let hole = media.address.is_some_and(Address::is_hole);
        Ok(Plan {
            leg: settings.leg,
            generation: 1,
            thread: settings.lease.thread,
            port: settings.lease.port,
            remote_rtp,
            remote_rtcp,
            signalling: settings.signalling,
            mux: media.mux && local.mux,
            codec,
            wishes: wishes(media, codec, payload_out),
            payload_out,
            events_out: events::beside(media, codec).filter(|_| !local.events.is_empty()),
            events_in: events::understood(media, local, &payloads_in),
            payloads_in,
            ssrc: settings.ssrc,
            cname: settings.cname,
            send: media.direction.receives() && local.direction.sends() && !hole,
            receive: media.direction.sends() && local.direction.receives(),
            ptime_ms: ptime_ms(media),
            maxptime_ms: longest_ms(media, codec),
        })
    }

    fn remote(&self, media: &Media, mux: bool) -> Result<(SocketAddr, SocketAddr), Refusal> {
        let own = media.rtcp.and_then(|(_, address)| address);
        if [media.address, own].into_iter().flatten().any(Address::is_forbidden) {
            return Err(Refusal::new(488, Reason::ForbiddenAddress));
        }
        let ip = match media.address {
            // Our sockets have one family: what cannot be reached must not be agreed on.
            Some(Address::Ip(ip))
                if ip.to_canonical().is_ipv4() != self.settings.address.is_ipv4() =>
            {
                return Err(Refusal::new(488, Reason::OtherFamily));
            }
            Some(Address::Ip(ip)) if !ip.is_unspecified() => ip,
            _ => match &self.plan {
                // A hold by 0.0.0.0 is no move: what was learnt stays.
                Some(plan) => return Ok((plan.remote_rtp, plan.remote_rtcp)),
                None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            },
        };
        let rtp = SocketAddr::new(ip, media.port);
        let rtcp = match media.rtcp {
            _ if mux => rtp,
            Some((port, Some(Address::Ip(own)))) => SocketAddr::new(own, port),
            Some((port, _)) => SocketAddr::new(ip, port),
            None => SocketAddr::new(ip, media.port.saturating_add(1)),
        };
        Ok((rtp, rtcp))
    }
}

fn wishes(media: &Media, codec: Codec, payload_type: u8) -> OpusWishes {
    let mut parameters = media.parameters.iter().filter(|_| codec == Codec::Opus);
    let parameters = parameters.find(|(number, _)| *number == payload_type);
    parameters.map(|(_, text)| OpusWishes::parse(text)).unwrap_or_default()
}

fn ptime_ms(media: &Media) -> u16 {
    wanted_ms(media).unwrap_or(20).min(maxptime_ms(media).unwrap_or(60))
}

/// What it asks for; some name lengths that no packet has.
fn wanted_ms(media: &Media) -> Option<u16> {
    media.ptime_ms.filter(|ms| (10..=60).contains(ms))
}

fn maxptime_ms(media: &Media) -> Option<u16> {
    media.maxptime_ms.filter(|ms| *ms >= 10)
}

/// Who asks for packets of some length gets none that is longer, where we can cut them.
fn longest_ms(media: &Media, codec: Codec) -> Option<u16> {
    let wanted = wanted_ms(media).filter(|_| codec != Codec::Opus);
    wanted.into_iter().chain(maxptime_ms(media)).min()
}
