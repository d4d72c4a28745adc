//! How a customer comes from one to another: by a transfer, by their trunk, after a hang-up.

use acd::{OperatorId, ReservationId};
use serde::{Deserialize, Serialize};

use super::Why;
use crate::Time;
use crate::config::{Go, Name};
use crate::event::TransferMode;
use crate::id::TaskKey;

/// A transfer that is not decided.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Transfer {
    /// Whose part somebody else is to have: who asked by REFER, or is let go by an order; none once
    /// they have left.
    pub(crate) by: Option<sip::LegId>,
    /// The REFER it was asked by: who is told how it goes, who may want to know after they have left,
    /// and the endpoint's name for it. None for an order.
    pub(crate) refer: Option<(sip::LegId, u64)>,
    /// The number or URI wanted.
    pub(crate) to: Name,
    pub(crate) mode: TransferMode,
    /// Why whoever asked was in the call, and whether it was a bot.
    pub(crate) was: Why,
    pub(crate) is_bots: bool,
    /// Who stays, and why they were in the call, where the call was not theirs before.
    pub(crate) stayer: Option<(sip::LegId, Why)>,
    /// The task that was served when it began.
    pub(crate) task: Option<TaskKey>,
    pub(crate) terms: Terms,
    /// Who has answered, and talks with whoever asked.
    pub(crate) consulted: Option<sip::LegId>,
}

/// What was agreed for a transfer besides to whom.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// How long it may take until somebody answers; a place in a queue counts as that if none.
    pub(crate) timeout: Option<Time>,
    pub(crate) fallback: Fallback,
    /// Whoever has the customer gets them back when the other is done, or was not to be had.
    pub(crate) continues: bool,
    /// What is recorded goes on.
    pub(crate) records: bool,
}

/// Where a customer goes whose transfer has failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum Fallback {
    #[default]
    Return,
    HangUp,
    Go(Go),
}

/// The last transfer that was completed, as long as whoever has the customer by it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) to: Name,
    pub(crate) leg: sip::LegId,
}

/// A caller whom a bot gets back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lent {
    /// The bot's leg, as long as it is there.
    pub(crate) leg: Option<sip::LegId>,
    /// See [`Transfer::refer`].
    pub(crate) refer: Option<(sip::LegId, u64)>,
    /// To whom the bot has handed them on.
    pub(crate) to: Name,
}

/// A customer whose trunk is asked to bring them to an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivering {
    /// The customer's leg, and the endpoint's name for its REFER.
    pub(crate) leg: sip::LegId,
    pub(crate) token: u64,
    pub(crate) task: TaskKey,
    /// None once it is offered to that operator no more.
    pub(crate) claim: Option<ReservationId>,
    pub(crate) operator: OperatorId,
    /// The user part of the address of ours that they come back to, if that is where they are brought.
    pub(crate) door: Option<Name>,
    /// The trunk has said that it will.
    pub(crate) agreed: bool,
    /// It has told that the operator's phone rings.
    pub(crate) rings: bool,
    /// They are there.
    pub(crate) done: bool,
}

/// Who has served a customer, for whoever has them afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct After {
    pub(crate) task: TaskKey,
    pub(crate) queue: Name,
    pub(crate) operator: Name,
}
