//! Transactions (RFC 3261 section 17, RFC 6026, RFC 4320).
//!
//! The four machines are leaves: `step(state, now, input)` gives the next state and what to do.
//! Around them [`Client`] and [`Server`] hold what the actions need: the message to repeat, the flow,
//! and whose business it is.

pub(crate) mod client_invite;
pub(crate) mod client_request;
pub(crate) mod key;
pub(crate) mod server_invite;
pub(crate) mod server_request;
pub(crate) mod timer;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::msg::{Label, Message};
use crate::{Flow, LegId, Time};

/// A response's class, as far as transactions care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 300 to 699.
    Failure,
}

impl Class {
    pub(crate) fn of(status: u16) -> Self {
        match status {
            0..200 => Self::Provisional,
            200..300 => Self::Success,
            _ => Self::Failure,
        }
    }
}

/// What a machine wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Client: the request, server: the last response, once more.
    Resend,
    /// Client: acknowledge this failure in the INVITE's branch.
    Ack,
    /// Server: the response at hand.
    Send,
    /// Server: 100 Trying.
    SendTrying,
    /// The message is the user agent core's.
    Pass,
    /// Tell the core that nothing came.
    TimedOut,
    /// Tell the core that the request could not be sent.
    TransportFailed,
}

/// A client transaction's key: the number in the branch we minted. CANCEL shares its INVITE's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ClientKey {
    pub(crate) branch: u64,
    pub(crate) cancel: bool,
}

/// Whose business a client transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    Invite(LegId),
    Reinvite(LegId),
    Bye(LegId),
    Prack(LegId),
    /// With the owner's token.
    Request(LegId, u64),
    /// REFER, with the owner's token.
    Refer(LegId, u64),
    /// NOTIFY of a REFER, by its token.
    Notify(LegId, u64),
    /// UPDATE or OPTIONS, to see whether the peer is there.
    Pulse(LegId),
    /// OPTIONS to a registered contact.
    Qualify,
    /// CANCEL, and BYE to a fork that lost: the answer changes nothing.
    Nobody,
}

/// An ACK to a 2xx, kept for its repetitions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Acked {
    pub(crate) to_tag: String,
    pub(crate) flow: Flow,
    pub(crate) ack: Bytes,
}

/// A request of ours under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) state: ClientState,
    pub(crate) flow: Flow,
    pub(crate) request: Message,
    pub(crate) purpose: Purpose,
    /// The same by another way, should this one fail before anything was heard.
    pub(crate) spare: Option<Box<Spare>>,
    pub(crate) acked: Vec<Acked>,
    /// Of an INVITE: the last CSeq of ours in its early dialogs where that is above its own, by the
    /// peer's tag. It outlives the leg, since a fork that lost may answer after that.
    pub(crate) numbers: Vec<(String, u32)>,
}

/// The same request for another way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spare {
    pub(crate) flow: Flow,
    pub(crate) request: Message,
}

/// The state of a client transaction of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ClientState {
    Invite(client_invite::State),
    Request(client_request::State),
}

/// What can happen to a client transaction of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientIn {
    Response(Class),
    Cancelled,
    Due,
    TransportFailed,
}

impl ClientState {
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            Self::Invite(state) => state.due(),
            Self::Request(state) => state.due(),
        }
    }

    /// Whether no response has come yet.
    pub(crate) fn is_unheard(self) -> bool {
        matches!(
            self,
            Self::Invite(client_invite::State::Calling { .. })
                | Self::Request(client_request::State::Trying { .. })
        )
    }

    pub(crate) fn is_terminated(self) -> bool {
        matches!(
            self,
            Self::Invite(client_invite::State::Terminated)
                | Self::Request(client_request::State::Terminated)
        )
    }

    pub(crate) fn step(&mut self, now: Time, reliable: bool, input: ClientIn) -> &'static [Action] {
        match self {
            Self::Invite(state) => {
                let input = match input {
                    ClientIn::Response(class) => client_invite::In::Response(class),
                    ClientIn::Cancelled => client_invite::In::Cancelled,
                    ClientIn::Due => client_invite::In::Due,
                    ClientIn::TransportFailed => client_invite::In::TransportFailed,
                };
                let (after, actions) = state.step(now, reliable, input);
                *state = after;
                actions
            }
            Self::Request(state) => {
                let input = match input {
                    ClientIn::Response(class) => client_request::In::Response(class),
                    ClientIn::Cancelled => return &[],
                    ClientIn::Due => client_request::In::Due,
                    ClientIn::TransportFailed => client_request::In::TransportFailed,
                };
                let (after, actions) = state.step(now, reliable, input);
                *state = after;
                actions
            }
        }
    }
}

/// A peer's request being answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Server {
    pub(crate) state: ServerState,
    /// Where responses go (section 18.2.2).
    pub(crate) flow: Flow,
    pub(crate) key: Arc<str>,
    /// The key of the merged-request test, for requests outside dialogs (section 8.2.2.2).
    pub(crate) merged: Option<Arc<str>>,
    /// The request, until it is finally answered.
    pub(crate) request: Option<Message>,
    /// The last response.
    pub(crate) last: Option<Bytes>,
    /// Our To tag, where the request brought none.
    pub(crate) tag: u64,
    /// The leg it belongs to.
    pub(crate) leg: Option<LegId>,
    /// The leg's Session-ID.
    pub(crate) label: Option<Label>,
}

/// The state of a server transaction of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ServerState {
    Invite(server_invite::State),
    Request(server_request::State),
}

/// What can happen to a server transaction of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerIn {
    Request,
    Ack,
    Respond(Class),
    Due,
}

impl ServerState {
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            Self::Invite(state) => state.due(),
            Self::Request(state) => state.due(),
        }
    }

    pub(crate) fn is_terminated(self) -> bool {
        matches!(
            self,
            Self::Invite(server_invite::State::Terminated)
                | Self::Request(server_request::State::Terminated)
        )
    }

    pub(crate) fn step(&mut self, now: Time, reliable: bool, input: ServerIn) -> &'static [Action] {
        match self {
            Self::Invite(state) => {
                let input = match input {
                    ServerIn::Request => server_invite::In::Request,
                    ServerIn::Ack => server_invite::In::Ack,
                    ServerIn::Respond(class) => server_invite::In::Respond(class),
                    ServerIn::Due => server_invite::In::Due,
                };
                let (after, actions) = state.step(now, reliable, input);
                *state = after;
                actions
            }
            Self::Request(state) => {
                let input = match input {
                    ServerIn::Request => server_request::In::Request,
                    ServerIn::Ack => return &[],
                    ServerIn::Respond(class) => server_request::In::Respond(class),
                    ServerIn::Due => server_request::In::Due,
                };
                let (after, actions) = state.step(now, reliable, input);
                *state = after;
                actions
            }
        }
    }
}
