//! The vocabulary between the SIP endpoint and its owner: what goes in, what comes out.
//!
//! The endpoint owns transactions, dialogs, the registrar and access control. Its owner (the
//! back-to-back user agent) thinks in **legs**: one leg is one INVITE usage on our side, from the
//! first INVITE to the last response to BYE, whatever forks, retransmissions and challenges lie
//! between. Every leg ends with exactly one terminal event ([`Event::Failed`] or [`Event::Ended`]),
//! or with [`Command::End`], after which nothing more is heard of it: what is left to do (ACK of
//! a late 2xx, BYE, repeated responses) is the endpoint's own business.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::msg::{Host, Malformed, Message, Method, NameAddr, Replaces, Uri, Uuid};

/// Time since the node's epoch.
pub type Time = core::time::Duration;

/// One INVITE usage of ours. Minted by [`Endpoint::next_leg`](crate::Endpoint::next_leg) for calls
/// we place, by the endpoint itself for those that arrive; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LegId(pub u64);

/// A transport protocol (RFC 3261 section 18, RFC 7118).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Transport {
    /// Datagrams: unreliable, so the transaction layer retransmits.
    Udp,
    /// A stream of framed messages.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// Whether retransmission is the transport's own business (RFC 3261 section 17).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether nobody on the way can read along.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether browsers speak it, which any page may send anywhere, often over somebody's proxy.
    #[must_use]
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The token of the Via header field.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }
}

/// The way between one of our listeners and a peer (RFC 5626's flow).
///
/// `local` is our address as this peer sees it (never unspecified): it is what goes into Via,
/// Contact and SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flow {
    /// The protocol spoken.
    pub transport: Transport,
    /// Our address on this flow.
    pub local: SocketAddr,
    /// The peer's address on this flow.
    pub remote: SocketAddr,
    /// The connection's number; 0 for datagrams, and for "any connection to that address, or a
    /// new one" when sending over a stream.
    pub connection: u64,
}

/// A body with its media type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The Content-Type value.
    pub content_type: Arc<str>,
    /// The octets.
    pub bytes: Bytes,
}

impl Body {
    /// A session description (RFC 4566).
    #[must_use]
    pub fn sdp(bytes: Bytes) -> Self {
        Self { content_type: "application/sdp".into(), bytes }
    }
}

/// Extra header fields of a request or response of ours: (name, value). A value with CR, LF or
/// NUL never makes a new header field: such characters become spaces.
pub type Headers = Vec<(Arc<str>, String)>;

/// A user name and password for digest (RFC 7616). Debug output hides the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The digest user name.
    pub username: Arc<str>,
    /// The password in clear.
    pub password: Arc<str>,
}

impl core::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// A block of addresses, `203.0.113.0/28`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Any address in it.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
}

impl Block {
    /// Whether it holds an address; IPv4 within IPv6 is IPv4.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (common, width) = match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => ((a.to_bits() ^ b.to_bits()).leading_zeros(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => ((a.to_bits() ^ b.to_bits()).leading_zeros(), 128),
            _ => return false,
        };
        common >= u32::from(self.prefix).min(width)
    }
}

/// What the endpoint is told about itself and its peers; replaced whole on reload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// The realm of our challenges and the domain of our users.
    pub domain: Arc<str>,
    /// Our address in Via, Contact; [`Flow::local`]'s where absent.
    pub advertise: Option<IpAddr>,
    /// Our TCP listeners, whose address may be unspecified: requests too large for a datagram go by
    /// TCP from the address of one of them (RFC 3261 section 18.1.1); never where there is none.
    pub streams: Vec<SocketAddr>,
    /// Value of `Server` and `User-Agent`.
    pub product: Arc<str>,
    /// Those who may register, by user part.
    pub users: Vec<Credentials>,
    /// Those who may call in without registering; the first match wins.
    pub trunks: Vec<TrunkPeer>,
    /// What an unknown source's request is answered with.
    pub strangers: Strangers,
    /// Shortest registration in seconds (423 below it).
    pub expires_s_min: u32,
    /// Longest registration granted in seconds.
    pub expires_s_max: u32,
    /// Contacts kept per address of record.
    pub contacts_max: usize,
    /// Legs alive at once, beyond which a new INVITE gets 503.
    pub legs_max: usize,
    /// Transactions alive at once, beyond which new requests get 503.
    pub transactions_max: usize,
    /// How it is noticed that a peer is no longer there.
    pub watch: Watch,
    /// Challenge SHA-256 before MD5 (some old user agents stop at an algorithm they do not know).
    pub sha256_first: bool,
}

/// How it is noticed that a peer is no longer there, though nothing said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// The interval of the session timer (RFC 4028) that we ask for, in seconds; 0 for none: what a
    /// peer asks for is granted all the same.
    pub interval_s: u32,
    /// The shortest that we grant, in seconds: less gets 422. The RFC forbids less than 90.
    pub interval_s_min: u32,
    /// After so many seconds without any message from the peer a dialog is asked by OPTIONS whether
    /// it is there; 0 for never. A session timer of up to twice as long makes that needless.
    pub probe_s: u32,
    /// After so many seconds without a word, or half of it, a registered contact that takes OPTIONS
    /// is asked whether it is there, unless it is in a call; 0 for never.
    pub qualify_s: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self { interval_s: 0, interval_s_min: 90, probe_s: 0, qualify_s: 0 }
    }
}

impl Config {
    /// Whether a host is the domain of our users.
    pub(crate) fn is_domain(&self, host: &Host) -> bool {
        Host::parse(&self.domain).is_some_and(|domain| domain == *host)
    }
}

/// A trunk as access control sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrunkPeer {
    /// Its configured name.
    pub name: Arc<str>,
    /// Source addresses that are this trunk; never over WebSocket, where they are those of a proxy.
    pub hosts: Vec<Block>,
    /// Digest credentials that are this trunk, wherever they come from.
    pub credentials: Option<Credentials>,
}

/// The reply to a source that is neither a trunk nor a registered flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strangers {
    /// 403 Forbidden.
    Forbid,
    /// Nothing at all.
    Silence,
}

/// Who stands behind a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Peer {
    /// A registered user: the user part of the address of record.
    User(Arc<str>),
    /// A trunk, by name.
    Trunk(Arc<str>),
}

/// What goes into the endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Input {
    /// A message arrived.
    Message {
        /// Where from.
        flow: Flow,
        /// What.
        message: Message,
    },
    /// Something arrived that is no message, but from which a 400 can be built.
    Malformed {
        /// Where from.
        flow: Flow,
        /// What was wrong and what survived.
        malformed: Malformed,
    },
    /// A connection ended, or a datagram could not be sent (ICMP, no route).
    FlowFailed {
        /// The flow.
        flow: Flow,
    },
    /// The answer to [`Output::Resolve`], best first; empty where nothing was found.
    Resolved {
        /// The query.
        query: u64,
        /// The ways there.
        flows: Vec<Flow>,
    },
    /// A new configuration.
    Configure(Config),
    /// An order of the owner's.
    Command(Command),
}

/// What comes out of the endpoint.
#[expect(clippy::large_enum_variant, reason = "moved once, never kept in numbers")]
#[derive(Debug, Clone)]
pub enum Output {
    /// Send these octets.
    Transmit {
        /// Whereto.
        flow: Flow,
        /// One whole message.
        bytes: Bytes,
    },
    /// Find out how to reach a host (RFC 3263); answered by [`Input::Resolved`], also where the
    /// host is a literal address.
    Resolve {
        /// To be given back.
        query: u64,
        /// A name or a literal address, without brackets.
        host: String,
        /// The port, where the URI names one.
        port: Option<u16>,
        /// The transport, where the URI names one.
        transport: Option<Transport>,
        /// Whether the URI is `sips:`.
        secure: bool,
    },
    /// Something the owner must know.
    Event(Event),
}

/// A call to place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invite {
    /// The new leg, from [`Endpoint::next_leg`](crate::Endpoint::next_leg).
    pub leg: LegId,
    /// Whom to reach.
    pub target: Target,
    /// From, without tag.
    pub from: NameAddr,
    /// To.
    pub to: NameAddr,
    /// Max-Forwards: what is left of the hops of the request on whose behalf the call is placed,
    /// 70 where there is none (RFC 3261 section 8.1.1.6).
    pub max_forwards: u8,
    /// Extra header fields.
    pub headers: Headers,
    /// The offer, or none to ask for one.
    pub body: Option<Body>,
    /// Credentials to answer a challenge with, and the only realms they are given to (empty: any
    /// realm of the peer called, RFC 3261 section 22).
    pub credentials: Option<Credentials>,
    /// Our half of Session-ID (RFC 7989), the same on all legs of a call; one of its own where
    /// none is given.
    pub uuid: Option<Uuid>,
    /// Whom the callee may send us to by 301 or 302. A registered phone sends nobody anywhere.
    pub redirects: Redirects,
}

impl Invite {
    /// A call without an offer, credentials or extra header fields, on nobody's behalf.
    #[must_use]
    pub fn new(leg: LegId, target: Target, from: NameAddr, to: NameAddr) -> Self {
        Self {
            leg,
            target,
            from,
            to,
            max_forwards: 70,
            headers: Headers::new(),
            body: None,
            credentials: None,
            uuid: None,
            redirects: Redirects::Refused,
        }
    }
}

/// Where a redirection may lead (RFC 3261 section 8.1.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redirects {
    /// Nowhere: a 3xx is a failure.
    Refused,
    /// To the host that was called, or to addresses of these blocks.
    Own(Vec<Block>),
    /// Wherever it says. Credentials are kept for the host that was called and its blocks.
    Any,
}

impl Redirects {
    pub(crate) fn blocks(&self) -> &[Block] {
        match self {
            Self::Own(blocks) => blocks,
            Self::Refused | Self::Any => &[],
        }
    }
}

/// A REFER of ours (RFC 3515).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refer {
    /// The leg.
    pub leg: LegId,
    /// Of the owner's choice, to be given back.
    pub token: u64,
    /// Whom the peer is to call, with the header fields its INVITE is to have.
    pub target: Uri,
    /// The dialog to be replaced there (RFC 3891), as the one called sees it.
    pub replaces: Option<Replaces>,
    /// Whether the peer is to tell how it goes; without that it is asked not to (RFC 4488).
    pub told: bool,
    /// Extra header fields, `Referred-By` (RFC 3892) say.
    pub headers: Headers,
}

/// How a REFER of ours goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Referral {
    /// The peer will do it, and tell.
    Accepted,
    /// A provisional status of the peer's own INVITE.
    Progress(u16),
    /// Its final status. The last.
    Done(u16),
    /// Refused; of our own making are 408 (no answer), 491 (another one is open, or no dialog
    /// stands) and 503 (it could not be sent). The last.
    Refused(u16),
    /// The peer will do it, or has done it, and says nothing more. The last.
    Untold,
}

/// Where an INVITE of ours goes.
#[expect(clippy::large_enum_variant, reason = "moved once, never kept in numbers")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// A registered contact, over the flow it registered on, also if that has changed since.
    Binding {
        /// User part of the address of record.
        user: Arc<str>,
        /// The contact's number.
        binding: u64,
    },
    /// A URI, by way of a proxy where one is given.
    Uri {
        /// The Request-URI.
        uri: Uri,
        /// The next hop, if it is not the Request-URI's host (a loose Route).
        proxy: Option<Uri>,
    },
}

/// What the owner orders. A command for a leg that no longer exists does nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Command {
    /// Place a call.
    Invite(Box<Invite>),
    /// Answer the INVITE, re-INVITE, UPDATE or PRACK that is open on a leg, provisionally (an INVITE)
    /// or finally. Where an UPDATE or PRACK came while an INVITE is open, a final answer is for it.
    ///
    /// To a peer that knows `100rel`, provisional responses with SDP go reliably; the next one waits
    /// for the PRACK, and so does a 2xx. SDP that the peer has acknowledged is not sent again, and
    /// an offer is left out of a response that cannot be reliable: so the owner may give the same
    /// description with each.
    Respond {
        /// The leg.
        leg: LegId,
        /// 101 to 699.
        status: u16,
        /// Extra header fields.
        headers: Headers,
        /// Offer or answer.
        body: Option<Body>,
    },
    /// Give the answer to the offer that a 2xx to our offerless INVITE or re-INVITE brought: it goes
    /// into the ACK. (Where the INVITE carried an offer the endpoint acknowledges by itself.)
    Ack {
        /// The leg.
        leg: LegId,
        /// The answer.
        body: Option<Body>,
    },
    /// The owner has something to say by re-INVITE. When the dialog is free for it, and again after
    /// glare (491 and the timers of RFC 3261 14.1), the leg asks what by [`Event::OfferWanted`].
    /// Wishes that come before that are one; of header fields with the same name the newest is sent.
    Reinvite {
        /// The leg.
        leg: LegId,
        /// Extra header fields.
        headers: Headers,
    },
    /// The answer to [`Event::OfferWanted`], to be given at once.
    Offer {
        /// The leg.
        leg: LegId,
        /// The offer, or none to ask for one.
        body: Option<Body>,
    },
    /// Send another request within the dialog. It gets one [`Event::Response`], unless the leg ends
    /// before.
    Request {
        /// The leg.
        leg: LegId,
        /// Of the owner's choice, to be given back with the response.
        token: u64,
        /// INFO, MESSAGE, OPTIONS, or UPDATE without a body: an offer goes by
        /// [`Command::Reinvite`], a REFER by [`Command::Refer`].
        method: Method,
        /// Extra header fields.
        headers: Headers,
        /// A body.
        body: Option<Body>,
    },
    /// Answer a request that [`Event::Request`] brought.
    RespondRequest {
        /// The leg.
        leg: LegId,
        /// From the event.
        token: u64,
        /// 200 to 699.
        status: u16,
        /// Extra header fields.
        headers: Headers,
        /// A body.
        body: Option<Body>,
    },
    /// Answer [`Event::Referred`].
    AnswerRefer {
        /// The leg.
        leg: LegId,
        /// From the event.
        token: u64,
        /// Any 2xx accepts: the endpoint says 202, or 200 where the peer does not want to be told
        /// how it goes (RFC 4488); 300 to 699 refuses.
        status: u16,
        /// Extra header fields.
        headers: Headers,
    },
    /// Tell the peer how far a REFER that was accepted has come, where it wants to know: by NOTIFY.
    /// 100 is told by the endpoint itself. A peer that has hung up meanwhile is told all the same.
    Notify {
        /// The leg.
        leg: LegId,
        /// From [`Event::Referred`].
        token: u64,
        /// The status of the call that was asked for; 200 to 699 is the last.
        status: u16,
    },
    /// As [`Command::End`]; the BYE waits for the last word on our REFER, four seconds at most.
    EndReferred {
        /// The leg.
        leg: LegId,
    },
    /// Ask the peer to call somebody else: one [`Event::Referral`] is the last, if the leg lasts so long.
    Refer(Box<Refer>),
    /// End the leg, wherever it stands: an answer of `status` to an INVITE not yet finally
    /// answered, CANCEL to one of ours (also where no provisional response came yet: the CANCEL
    /// waits for one, RFC 3261 9.1), BYE in a dialog. No event of this leg follows.
    End {
        /// The leg.
        leg: LegId,
        /// The response where the leg is an unanswered INVITE to us; 0 for none at all.
        status: u16,
        /// Extra header fields, `Reason` (RFC 3326) say, of the CANCEL, BYE or response.
        headers: Headers,
    },
    /// Drop all bindings of a user.
    Unregister {
        /// User part of the address of record.
        user: Arc<str>,
    },
}

/// Why a leg of ours failed before it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The final status, the peer's or one of our own making: 408 no answer to the request at all, or
    /// to the PRACK of what it brought, 503 transport failure, 480 where the binding is gone, 404 where the host does not resolve.
    pub status: u16,
    /// Whether `status` is the peer's.
    pub remote: bool,
    /// The peer's response.
    pub response: Option<Message>,
}

/// How a leg ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndCause {
    /// The peer sent BYE.
    Bye,
    /// The peer cancelled its INVITE.
    Cancel,
    /// Our 2xx was never acknowledged (64·T1), and we sent BYE; or a reliable provisional response
    /// was not, and the INVITE got 504.
    NoAck,
    /// A request in the dialog got 481, 408 or no answer at all.
    DialogGone,
    /// The connection or address the peer was reached by failed.
    FlowGone,
    /// The response to a late offer brought no usable answer; we sent BYE.
    NoAnswer,
    /// The session timer ran out without a refresh (RFC 4028 section 10); we sent BYE.
    Expired,
}

/// Why a binding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnbindCause {
    /// REGISTER with Expires 0, or `*`.
    Removed,
    /// It ran out.
    Expired,
    /// Its connection closed.
    FlowGone,
    /// The user was removed from the configuration, or unregistered by the owner.
    Revoked,
    /// It does not answer. It is kept, and told as bound again when it does.
    NoAnswer,
}

/// A registered contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// Its number, never used twice; kept over refreshes of the same contact or instance.
    pub id: u64,
    /// The Contact URI.
    pub contact: Uri,
    /// The flow of the last REGISTER.
    pub flow: Flow,
    /// When it runs out.
    pub expires: Time,
    /// `+sip.instance` and `reg-id` (RFC 5626).
    pub instance: Option<(Arc<str>, u32)>,
    /// The User-Agent header field.
    pub user_agent: Option<Arc<str>>,
    /// It was asked whether it is there, and did not answer: not to be called.
    pub lost: bool,
}

/// What happened, in the owner's terms.
#[derive(Debug, Clone)]
pub enum Event {
    /// An INVITE that opens a leg; 100 has been sent. Answer with [`Command::Respond`] or
    /// [`Command::End`].
    Invite {
        /// The new leg.
        leg: LegId,
        /// Who.
        peer: Peer,
        /// Over which flow.
        flow: Flow,
        /// The request.
        request: Message,
        /// The leg whose place it wants to take (RFC 3891): it may be replaced as far as its dialog
        /// goes; whether by this peer is for the owner to say.
        replaces: Option<LegId>,
    },
    /// A provisional response over 100 to our INVITE; a reliable one comes once and in order, and is
    /// acknowledged by the endpoint (RFC 3262).
    Progress {
        /// The leg.
        leg: LegId,
        /// The response; its To tag tells early dialogs apart.
        response: Message,
        /// The answer to our offer as this dialog gives it, which another dialog or the 2xx may
        /// yet replace. Empty where the response says nothing new of it.
        answer: Bytes,
    },
    /// Another INVITE takes the place of one that had progressed (a redirection, another way there):
    /// what was said in its early dialogs is void.
    StartedOver {
        /// The leg.
        leg: LegId,
    },
    /// Our INVITE was answered with a 2xx, the first of them: others are ended by the endpoint.
    Answered {
        /// The leg.
        leg: LegId,
        /// The response.
        response: Message,
        /// The session description that holds: the 2xx's or, where that has none or the answer
        /// came reliably before, what its dialog said last.
        answer: Bytes,
    },
    /// Our INVITE failed. Terminal.
    Failed {
        /// The leg.
        leg: LegId,
        /// How.
        failure: Failure,
    },
    /// Our 2xx to an INVITE or re-INVITE was acknowledged, or a reliable provisional response that
    /// brought our offer.
    Acked {
        /// The leg.
        leg: LegId,
        /// The ACK, or the PRACK with the answer.
        request: Message,
    },
    /// A re-INVITE, or an UPDATE or PRACK with an offer (RFC 3311, RFC 3262), to be answered by
    /// [`Command::Respond`]. UPDATE and PRACK may come before the INVITE is answered, and cannot
    /// wait: after 10 s the endpoint refuses them with 504.
    Reinvite {
        /// The leg.
        leg: LegId,
        /// The request.
        request: Message,
    },
    /// The dialog is free for the re-INVITE that was wished for, or a provisional response needs an
    /// offer since it must go reliably and the INVITE had none: to be answered at once by
    /// [`Command::Offer`], or the wish lapses after 64·T1. An offer given before that has not been
    /// answered is void from now on, as it is when [`Event::Reinvite`] comes: the peer refused it
    /// because of glare.
    OfferWanted {
        /// The leg.
        leg: LegId,
    },
    /// Our re-INVITE was answered; the response's body is the answer (or the offer, if ours had none,
    /// to be answered by [`Command::Ack`]).
    ReinviteAnswered {
        /// The leg.
        leg: LegId,
        /// The response.
        response: Message,
    },
    /// Our re-INVITE was refused for good; the dialog stands as before.
    ReinviteFailed {
        /// The leg.
        leg: LegId,
        /// The peer's, or one of our own making: 408 where no final answer or no offer of the
        /// owner's came, 503 where it could not be sent.
        status: u16,
    },
    /// Another request within the dialog, to be answered by [`Command::RespondRequest`].
    Request {
        /// The leg.
        leg: LegId,
        /// To be given back.
        token: u64,
        /// The request.
        request: Message,
    },
    /// A REFER within the dialog (RFC 3515), to be answered by [`Command::AnswerRefer`].
    Referred {
        /// The leg.
        leg: LegId,
        /// To be given back.
        token: u64,
        /// Whom to call instead: `sip:`, `sips:` or `tel:`, without header fields.
        target: Uri,
        /// Header fields that the INVITE to them is to have, but for Replaces; names and values are
        /// the peer's.
        headers: Vec<(String, String)>,
        /// The dialog to be replaced there; see [`Endpoint::named_by`](crate::Endpoint::named_by).
        replaces: Option<Replaces>,
        /// The request.
        request: Message,
    },
    /// How a REFER of ours goes.
    Referral {
        /// The leg.
        leg: LegId,
        /// From the command.
        token: u64,
        /// What is known now.
        referral: Referral,
    },
    /// A final response to [`Command::Request`].
    Response {
        /// The leg.
        leg: LegId,
        /// From the command.
        token: u64,
        /// What was asked.
        method: Method,
        /// The response; none where it never came.
        response: Option<Message>,
    },
    /// The leg is over. Terminal.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: EndCause,
        /// The peer's BYE or CANCEL.
        request: Option<Message>,
    },
    /// A contact was bound; also for a refresh that moved it to another flow.
    Bound {
        /// User part of the address of record.
        user: Arc<str>,
        /// The contact.
        binding: Binding,
        /// Whether it is the first of its number.
        new: bool,
    },
    /// A contact is no longer bound.
    Unbound {
        /// User part of the address of record.
        user: Arc<str>,
        /// The contact's number.
        binding: u64,
        /// The contact.
        contact: Uri,
        /// Why.
        cause: UnbindCause,
        /// How many are left.
        left: usize,
    },
    /// Somebody was refused: for the security log, one line each.
    Refused {
        /// The source.
        flow: Flow,
        /// `unknown source`, `unknown user`, `wrong password`, `forged contact`, …
        reason: &'static str,
        /// The method.
        method: Method,
        /// The user part they claimed, at most 64 characters.
        user: String,
    },
}

impl Event {
    /// The event of a refusal. A log line is made of it: control characters are left out.
    pub(crate) fn refused(flow: Flow, reason: &'static str, request: &Message, user: &str) -> Self {
        let method = request.method().cloned().unwrap_or(Method::Other("".into()));
        let user = user.chars().filter(|c| !c.is_control()).take(64).collect();
        Self::Refused { flow, reason, method, user }
    }
}
