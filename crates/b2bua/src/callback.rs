//! A customer who is to be called back, as data; what happens is `flow/callback.rs`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{First, Name};
use crate::id::{CallKey, TaskKey};
use crate::{Choice, Time};

/// A customer who is to be called back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callback {
    /// The number, as it is dialled.
    pub number: Name,
    /// Their name.
    pub name: Option<String>,
    /// Over this trunk.
    pub trunk: Name,
    /// What is known of them.
    pub context: BTreeMap<String, String>,
    /// The call that it comes of.
    pub predecessor: Option<CallKey>,
    /// Why they are called back.
    pub cause: CallbackCause,
    /// The time that orders it, since the Unix epoch.
    pub virtual_start: Time,
    /// Head start, seconds.
    pub priority_s: u32,
    /// Not before that time, since the Unix epoch.
    pub not_before: Option<Time>,
    /// Nobody is called from then on, since the Unix epoch.
    pub expires: Time,
    /// How often the customer was called.
    pub attempts: u32,
    /// What was promised, whatever the configuration says by then.
    pub terms: Terms,
}

/// How a customer is called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Who is called first.
    pub first: First,
    /// The operator is asked before the customer is called.
    pub confirm: bool,
    /// How often the customer is called at most.
    pub attempts_max: u32,
    /// How long after one attempt the next is made.
    pub gap_ms: u64,
}

/// What the last process has left, and is to be as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Who is to be called back: task and queue.
    pub callbacks: Vec<(TaskKey, Name, Callback)>,
    /// What operators have chosen.
    pub chosen: Vec<(Name, Choice)>,
}

/// Why somebody is called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallbackCause {
    /// They asked for it by a key.
    Key,
    /// They hung up before anybody answered.
    Abandoned,
    /// An order.
    Order,
}

impl CallbackCause {
    /// As events and records have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Abandoned => "abandoned",
            Self::Order => "order",
        }
    }
}

/// How a callback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallbackEnd {
    /// The customer talked with an operator.
    Reached,
    /// They were called as often as the queue says.
    Failed,
    /// It was not done in time.
    Expired,
    /// They have called themselves, and got its place.
    Merged,
    /// By order.
    Withdrawn,
    /// It was never promised: it could not be kept.
    Lost,
}

impl CallbackEnd {
    /// As events and records have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Merged => "merged",
            Self::Withdrawn => "withdrawn",
            Self::Lost => "lost",
        }
    }
}

/// The digits of a number: two that have the same are the same subscriber's, as far as a trunk writes
/// all its numbers in one way.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// Whether that can be dialled.
pub(crate) fn is_number(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    (2..=32).contains(&rest.len()) && rest.chars().all(|c| c.is_ascii_digit())
}
