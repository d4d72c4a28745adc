//! The words of events: what kind of thing something is, and how it came about.

use serde::{Deserialize, Serialize};

/// Which way a call came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// From a trunk.
    Inbound,
    /// To a trunk.
    Outbound,
    /// Among operators.
    Internal,
}

/// How a supervisor takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Hears everybody, heard by nobody.
    Monitor,
    /// Heard by one operator.
    Whisper,
    /// Heard by everybody.
    Barge,
    /// Takes the operator's place, and is an operator from then on.
    Intercept,
}

/// What an operator is to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Membership {
    /// They serve it.
    Joined,
    /// They do not for a while, and are shown with it.
    Paused,
    /// They do not.
    Left,
}

/// Who put somebody on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeldBy {
    /// Their own phone.
    Phone,
    /// An order.
    Order,
    /// A help: whoever has asked for it talks with somebody else meanwhile.
    Help,
}

/// Who takes part in a help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HelpMode {
    /// Whoever asks and whom they ask; the customer is held.
    #[serde(rename = "two-party")]
    TwoParty,
    /// The customer as well.
    #[serde(rename = "three-party")]
    ThreeParty,
}

impl HelpMode {
    /// As the API and header fields have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoParty => "two-party",
            Self::ThreeParty => "three-party",
        }
    }
}

/// How a help ended in which they talked, or that somebody else has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HelpEnd {
    /// By order: whoever was asked is gone, the others talk as before.
    TakenBack,
    /// Whoever was asked has left.
    HelperLeft,
    /// Whoever has asked has left: the customer is with whom they asked, or who is rung for that
    /// now, which is a transfer.
    OperatorLeft,
    /// The customer has left: the two go on as a call of their own.
    CustomerLeft,
    /// The call was ended for all of them.
    CallEnded,
}

/// What a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// A caller who is on the line.
    Call,
    /// A customer who is to be called.
    Callback,
    /// Work that lives elsewhere: a chat, a letter.
    Dialog,
}

impl TaskKind {
    /// As events and records have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Callback => "callback",
            Self::Dialog => "dialog",
        }
    }
}

/// What a task takes of its operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Mouth and ears.
    Voice,
    /// Everything else.
    Dialog,
}

impl Channel {
    /// As events and records have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Dialog => "dialog",
        }
    }
}

/// What kind of work a task is. It stays that to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// What it is.
    pub kind: TaskKind,
    /// What it takes.
    pub channel: Channel,
}

impl Work {
    /// A caller's.
    pub const CALL: Self = Self { kind: TaskKind::Call, channel: Channel::Voice };
    /// That of a customer who is to be called.
    pub const CALLBACK: Self = Self { kind: TaskKind::Callback, channel: Channel::Voice };
}

impl From<acd::Kind> for Work {
    fn from(kind: acd::Kind) -> Self {
        let channel = match kind.channel() {
            acd::Channel::Voice => Channel::Voice,
            acd::Channel::Dialog => Channel::Dialog,
        };
        let kind = match kind {
            acd::Kind::Call => TaskKind::Call,
            acd::Kind::Callback => TaskKind::Callback,
            acd::Kind::Dialog => TaskKind::Dialog,
        };
        Self { kind, channel }
    }
}

/// How a call is handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferMode {
    /// To somebody who was not asked.
    Blind,
    /// To somebody who was talked with, or rung, before.
    Attended,
    /// By order, to somebody who was not asked; whoever had the customer is free at once.
    Cold,
    /// By order, to somebody whom whoever has the customer talks with first.
    Warm,
    /// Another one has failed, and had said where the customer is to go then.
    Fallback,
    /// A supervisor took the operator's place.
    Intercept,
    /// The operator left others talking, and a colleague among them goes on.
    Inherited,
}

/// What became of something that was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Played {
    /// Heard to its end.
    Played,
    /// Not to its end.
    Interrupted,
    /// Not, or not all of it.
    Failed,
}

/// What a participant is in a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The one it is all for: whoever is outside.
    Customer,
    /// Whoever is inside and takes part in their own name.
    Operator,
    /// A colleague asked for help, or the target of a transfer.
    Consultant,
    /// Somebody who listens in.
    Supervisor,
    /// A voice bot.
    Bot,
}

impl Role {
    /// As events and records have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Operator => "operator",
            Self::Consultant => "consultant",
            Self::Supervisor => "supervisor",
            Self::Bot => "bot",
        }
    }
}

impl From<Role> for media::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Customer => Self::Customer,
            Role::Operator => Self::Operator,
            Role::Consultant => Self::Consultant,
            Role::Supervisor => Self::Supervisor,
            Role::Bot => Self::Bot,
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallResult {
    /// Somebody answered and they talked.
    Answered,
    /// The caller left before.
    Abandoned,
    /// Nobody was to be had, or we refused.
    Failed,
    /// By an order from the API.
    Ended,
    /// The process died under it (written by the store at the next start).
    Crash,
}

/// What time in a call is spent on. The lengths of all segments add up to the call's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Waiting, nobody being rung.
    Wait,
    /// Waiting while somebody is rung.
    Ring,
    /// Somebody talks with the customer.
    Talk,
    /// The customer, or the only operator, is on hold.
    Hold,
}

/// Whether a call is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recorded {
    /// What is said is written down.
    On,
    /// Silence is, in its place.
    Paused,
    /// Nothing is.
    Off,
}

impl Recorded {
    /// As the API and records have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::Off => "off",
        }
    }
}
