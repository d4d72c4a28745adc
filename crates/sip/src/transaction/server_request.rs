//! Non-INVITE server transaction: RFC 3261 section 17.2.2 with RFC 4320 section 4.
//!
//! | state      | request | we answer        | due                                                 |
//! | ---------- | ------- | ---------------- | --------------------------------------------------- |
//! | Trying     | –       | send→Completed   | 3.5 s: 100→Proceeding                               |
//! | Proceeding | resend  | send→Completed   | 64·T1: timeout→Terminated                           |
//! | Completed  | resend  | –                | J: Terminated                                       |
//!
//! RFC 4320 allows no provisional response but 100, that one only once the peer's timer E has
//! reached T2, and no response at all after 64·T1, when the peer has given up: the core is told,
//! and never sends 408. Over reliable transports timer J is zero.

use serde::{Deserialize, Serialize};

use super::Action::{Resend, Send, SendTrying, TimedOut};
use super::timer::{E_REACHES_T2, T1_64};
use super::{Action, Class};
use crate::Time;

/// Where the transaction stands, with what is due there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Trying { timer_100: Time, late: Time },
    Proceeding { late: Time },
    Completed { timer_j: Time },
    Terminated,
}

/// What can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum In {
    /// The request again.
    Request,
    /// The user agent core answers.
    Respond(Class),
    Due,
}

impl State {
    /// The request has just arrived.
    pub(crate) fn new(now: Time) -> Self {
        Self::Trying { timer_100: now + E_REACHES_T2, late: now + T1_64 }
    }

    /// When [`In::Due`] is to come.
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            Self::Trying { timer_100: at, .. }
            | Self::Proceeding { late: at }
            | Self::Completed { timer_j: at } => Some(at),
            Self::Terminated => None,
        }
    }

    /// One step.
    pub(crate) fn step(self, now: Time, reliable: bool, input: In) -> (Self, &'static [Action]) {
        use State::{Completed, Proceeding, Terminated, Trying};
        match (self, input) {
            (Trying { .. } | Proceeding { .. }, In::Respond(Class::Success | Class::Failure)) => {
                let after = match reliable {
                    true => Terminated,
                    false => Completed { timer_j: now + T1_64 },
                };
                (after, &[Send])
            }
            (Trying { timer_100, late }, In::Due) if now >= timer_100 => {
                (Proceeding { late }, &[SendTrying])
            }
            (Proceeding { late }, In::Due) if now >= late => (Terminated, &[TimedOut]),
            (Proceeding { .. } | Completed { .. }, In::Request) => (self, &[Resend]),
            (Completed { timer_j }, In::Due) if now >= timer_j => (Terminated, &[]),
            (Trying { .. }, In::Request | In::Respond(_) | In::Due)
            | (Proceeding { .. }, In::Respond(_) | In::Due)
            | (Completed { .. }, In::Respond(_) | In::Due)
            | (Terminated, _) => (self, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class::{Failure, Provisional, Success};
    use super::In::{Due, Request, Respond};
    use super::State::{Completed, Proceeding, Terminated, Trying};
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }
    const TRYING: State = Trying { timer_100: ms(3500), late: ms(32_000) };
    const PROCEEDING: State = Proceeding { late: ms(32_000) };
    const COMPLETED: State = Completed { timer_j: ms(33_000) };

    /// Steps at 1 s.
    fn check(state: State, input: In, after: State, actions: &[Action]) {
        assert_eq!(state.step(ms(1000), false, input), (after, actions), "{state:?} {input:?}");
    }

    #[test]
    fn every_state_and_input() {
        assert_eq!(State::new(ms(0)), TRYING);
        check(TRYING, Request, TRYING, &[]);
        check(PROCEEDING, Request, PROCEEDING, &[Resend]);
        check(COMPLETED, Request, COMPLETED, &[Resend]);
        for state in [TRYING, PROCEEDING] {
            check(state, Respond(Provisional), state, &[]);
            check(state, Respond(Success), COMPLETED, &[Send]);
            check(state, Respond(Failure), COMPLETED, &[Send]);
            check(state, Due, state, &[]);
        }
        for input in [Respond(Provisional), Respond(Success), Respond(Failure), Due] {
            check(COMPLETED, input, COMPLETED, &[]);
            check(Terminated, input, Terminated, &[]);
        }
        check(Terminated, Request, Terminated, &[]);
        let stream = TRYING.step(ms(1000), true, Respond(Success));
        assert_eq!(stream, (Terminated, &[Send][..]));
    }

    #[test]
    fn deadlines() {
        let due = |state: State, at: Time, after: State, actions: &[Action]| {
            assert_eq!(state.due(), Some(at));
            assert_eq!(state.step(at, false, Due), (after, actions), "{state:?}");
        };
        due(TRYING, ms(3500), PROCEEDING, &[SendTrying]);
        due(PROCEEDING, ms(32_000), Terminated, &[TimedOut]);
        due(COMPLETED, ms(33_000), Terminated, &[]);
        assert_eq!(Terminated.due(), None);
    }
}
