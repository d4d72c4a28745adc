//! A reservation is a lease: it has a deadline in every state but the last and one way out.
//!
//! | state | booked | refused | ringing | accepted | rejected | deadline | rescind |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | Booking | Ring | end | – | too late | – | end | end |
//! | Ringing | – | – | alert, once | **Win** | end | end | end |
//! | Accepted | – | – | – | – | – | – | – |
//!
//! An accepted one is kept until its task leaves the operator, so that a repeated answer is not
//! taken for one that came too late.
use crate::ids::{Channel, OperatorId, TaskId, Time};
use crate::io::{End, Refusal, Rejection, Rescission};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reservation {
    pub(crate) task: TaskId,
    pub(crate) operator: OperatorId,
    pub(crate) channel: Channel,
    /// The task was meant for this operator: not answering is not held against them.
    pub(crate) directed: bool,
    pub(crate) lease: Lease,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Lease {
    Booking { until: Time },
    Ringing { until: Time, alerted: bool },
    Accepted,
}

impl Lease {
    /// Neither accepted nor over.
    pub(crate) const fn is_open(self) -> bool {
        self.deadline().is_some()
    }

    pub(crate) const fn deadline(self) -> Option<Time> {
        match self {
            Self::Booking { until } | Self::Ringing { until, .. } => Some(until),
            Self::Accepted => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Booked,
    Refused(Refusal),
    Ringing,
    Accepted,
    Rejected(Rejection),
    Deadline,
    Rescind(Rescission),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Nothing,
    Ring,
    Alert,
    Win,
    TooLate,
    End(End),
}

impl Lease {
    pub(crate) const fn step(self, event: Event) -> Step {
        match (self, event) {
            (Self::Booking { .. }, Event::Booked) => Step::Ring,
            (Self::Booking { .. }, Event::Refused(why)) => Step::End(End::Refused(why)),
            (Self::Booking { .. }, Event::Accepted) => Step::TooLate,
            (Self::Booking { .. }, Event::Deadline) => {
                Step::End(End::Rescinded(Rescission::BookingTimeout))
            }
            (Self::Ringing { alerted: false, .. }, Event::Ringing) => Step::Alert,
            (Self::Ringing { .. }, Event::Accepted) => Step::Win,
            (Self::Ringing { .. }, Event::Rejected(why)) => Step::End(End::Rejected(why)),
            (Self::Ringing { .. }, Event::Deadline) => {
                Step::End(End::Rescinded(Rescission::Timeout))
            }
            (Self::Booking { .. } | Self::Ringing { .. }, Event::Rescind(why)) => {
                Step::End(End::Rescinded(why))
            }
            (Self::Booking { .. }, Event::Ringing | Event::Rejected(_))
            | (Self::Ringing { .. }, Event::Booked | Event::Refused(_) | Event::Ringing)
            | (Self::Accepted, _) => Step::Nothing,
        }
    }
}

/// Whether the pair of task and operator is kept apart for a while after such an end.
pub(crate) const fn backs_off(end: End) -> bool {
    match end {
        End::Refused(_)
        | End::Rejected(_)
        | End::Rescinded(Rescission::Timeout | Rescission::BookingTimeout) => true,
        End::Accepted | End::Rescinded(_) => false,
    }
}

/// Whether such an end counts as not answering.
pub(crate) const fn is_missed(end: End) -> bool {
    match end {
        End::Rejected(Rejection::Ours) => false,
        End::Rejected(_) | End::Rescinded(Rescission::Timeout) => true,
        End::Accepted | End::Refused(_) | End::Rescinded(_) => false,
    }
}
