//! What the switch is told about its world, as plain data; replaced whole on reload.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A name from the configuration.
pub type Name = Arc<str>;

/// Everything. Names are unique and references are checked by whoever builds it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// `[sip]`, the operators' credentials and the trunks' addresses.
    pub sip: sip::Config,
    /// The number of this node, 0 to 1023: the top ten bits of every id.
    pub node: u16,
    /// `[media]`.
    pub media: Media,
    /// `[[operator]]`.
    pub operators: Vec<Operator>,
    /// `[[queue]]`.
    pub queues: Vec<Queue>,
    /// `[[trunk]]`.
    pub trunks: Vec<Trunk>,
    /// `[[route]]`, first match wins.
    pub routes: Vec<Route>,
    /// `[limits]`.
    pub limits: Limits,
}

/// `[media]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Media {
    /// The address put into SDP; the signalling flow's local address where absent.
    pub advertise: Option<IpAddr>,
    /// Codecs by preference.
    pub codecs: Vec<media::Codec>,
    /// The name of the music for queues that name none.
    pub music: Name,
    /// Without a packet from a connected leg for this long, the leg counts as lost; never if none.
    pub dead_audio_ms: Option<u64>,
}

/// `[[operator]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operator {
    /// Unique; also the user part of the address of record.
    pub id: Name,
    /// What others dial.
    pub number: Option<Name>,
    /// For people.
    pub name: Name,
    /// Queues served.
    pub queues: Vec<Name>,
    /// Wins over the queue's.
    pub wrap_up_ms: Option<u64>,
    /// Whether the first registration signs in as ready.
    pub sign_in: SignIn,
    /// Whom their own calls may reach.
    pub outgoing: Outgoing,
    /// Calls at once, over all channels.
    pub total_max: u32,
    /// Voice calls at once.
    pub voice_max: u32,
}

/// What signs an operator in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignIn {
    /// A registration.
    Register,
    /// The API or a feature code only.
    Explicit,
}

/// A dial policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outgoing {
    /// Operators, queues, feature codes.
    Internal,
    /// Nobody.
    Nobody,
    /// Numbers that match one of these expressions, and everything internal.
    Matching(Vec<String>),
}

/// `[[queue]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Queue {
    /// Unique.
    pub name: Name,
    /// What others dial.
    pub number: Option<Name>,
    /// How an operator is chosen.
    pub strategy: acd::Strategy,
    /// How long one operator is rung.
    pub ring_ms: u64,
    /// After-call work.
    pub wrap_up_ms: u64,
    /// Unanswered reservations in a row until the operator is made not ready; 0 for never.
    pub rona_after: u32,
    /// How long a task is not put before an operator again who did not take it.
    pub back_off_ms: u64,
    /// Tasks waiting at most.
    pub waiting_max: usize,
    /// How long a task may wait.
    pub wait_ms_max: u64,
    /// Whether one may wait where nobody is signed in.
    pub join_empty: bool,
    /// Whether tasks go to operators by themselves.
    pub auto_connect: bool,
    /// What a waiting caller hears.
    pub music: Option<Name>,
    /// Whether a caller is answered when queued, or rings until an operator answers.
    pub answer: Answer,
    /// Answered or abandoned within this time counts as served well.
    pub service_level_ms: u64,
    /// The status a caller is refused with: queue full, nobody signed in, waited too long.
    pub refuse_status: u16,
}

/// When a queued caller's INVITE is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// At once, to hear music.
    AtOnce,
    /// When an operator answers; the caller's phone rings until then.
    OnConnect,
}

/// `[[trunk]]`, its calling side; who it is to access control stands in [`sip::Config`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Trunk {
    /// Unique.
    pub name: Name,
    /// Where calls to it are sent, a SIP URI.
    pub proxy: Option<sip::msg::Uri>,
    /// For its challenges.
    pub credentials: Option<sip::Credentials>,
    /// Calls at once, both ways.
    pub calls_max: usize,
    /// Header fields of its INVITEs that become context: names, `*` at the end for a prefix.
    pub headers_in: Vec<Name>,
}

/// `[[route]]`: all that is given must match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Route {
    /// An expression for the number or user dialled.
    pub to: Option<String>,
    /// An expression for the caller's.
    pub from: Option<String>,
    /// A trunk's name.
    pub trunk: Option<Name>,
    /// Header fields by name, and an expression for the value.
    pub header: Vec<(Name, String)>,
    /// Whereto.
    pub go: Go,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Go {
    /// Wait for an operator.
    Queue {
        /// Which.
        queue: Name,
        /// Head start.
        priority_s: u32,
    },
    /// One person.
    Operator(Name),
    /// Anything that speaks SIP.
    Uri(sip::msg::Uri),
    /// A number, over a trunk.
    Number {
        /// As dialled.
        number: String,
        /// Over which.
        trunk: Name,
    },
    /// A final response, 400 to 699.
    Reject(u16),
    /// No response at all.
    Drop,
}

/// `[limits]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// Calls alive at once, beyond which a new one gets 503 with Retry-After.
    pub calls_max: usize,
    /// Characters of one context value.
    pub context_value_max: usize,
    /// Context values per call.
    pub context_values_max: usize,
}
