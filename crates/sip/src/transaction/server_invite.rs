//! INVITE server transaction: RFC 3261 section 17.2.1 with RFC 6026 section 7.1 and 8.7.
//!
//! | state      | INVITE | ACK            | we send 1xx | we send 2xx    | we send 300–699 | due                                  | transport error |
//! | ---------- | ------ | -------------- | ----------- | -------------- | --------------- | ------------------------------------ | --------------- |
//! | Proceeding | resend | –              | send        | send→Accepted  | send→Completed  | –                                    | –               |
//! | Completed  | resend | →Confirmed     | –           | –              | –               | G: resend; H: timeout→Terminated     | –               |
//! | Confirmed  | –      | –              | –           | –              | –               | I: Terminated                        | –               |
//! | Accepted   | –      | pass           | –           | send           | –               | L: Terminated                        | –               |
//!
//! Over reliable transports timer G never runs and timer I is zero. The 2xx is repeated by the
//! user agent core, which alone knows whether its ACK came (section 13.3.1.4). A transport error
//! ends nothing here: a peer whose connection broke may come back on another, and the owner hears
//! of the flow anyway.

use serde::{Deserialize, Serialize};

use super::Action::{Pass, Resend, Send, TimedOut};
use super::timer::{T1, T1_64, T4, doubled};
use super::{Action, Class};
use crate::Time;

/// Where the transaction stands, with what is due there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Proceeding,
    Completed { timer_g: Option<Time>, interval: Time, timer_h: Time },
    Confirmed { timer_i: Time },
    Accepted { timer_l: Time },
    Terminated,
}

/// What can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum In {
    /// The INVITE again.
    Request,
    Ack,
    /// The user agent core answers.
    Respond(Class),
    Due,
}

impl State {
    /// When [`In::Due`] is to come.
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            Self::Proceeding | Self::Terminated => None,
            Self::Completed { timer_g: Some(g), timer_h, .. } => Some(g.min(timer_h)),
            Self::Completed { timer_g: None, timer_h: at, .. }
            | Self::Confirmed { timer_i: at }
            | Self::Accepted { timer_l: at } => Some(at),
        }
    }

    /// One step.
    pub(crate) fn step(self, now: Time, reliable: bool, input: In) -> (Self, &'static [Action]) {
        use State::{Accepted, Completed, Confirmed, Proceeding, Terminated};
        match (self, input) {
            (Proceeding | Completed { .. }, In::Request) => (self, &[Resend]),
            (Proceeding, In::Respond(Class::Provisional))
            | (Accepted { .. }, In::Respond(Class::Success)) => (self, &[Send]),
            (Proceeding, In::Respond(Class::Success)) => {
                (Accepted { timer_l: now + T1_64 }, &[Send])
            }
            (Proceeding, In::Respond(Class::Failure)) => {
                let timer_g = (!reliable).then_some(now + T1);
                (Completed { timer_g, interval: T1, timer_h: now + T1_64 }, &[Send])
            }
            (Completed { .. }, In::Ack) if reliable => (Terminated, &[]),
            (Completed { .. }, In::Ack) => (Confirmed { timer_i: now + T4 }, &[]),
            (Completed { timer_h, .. }, In::Due) if now >= timer_h => (Terminated, &[TimedOut]),
            (Completed { timer_g: Some(g), interval, timer_h }, In::Due) if now >= g => {
                let interval = doubled(interval);
                (Completed { timer_g: Some(now + interval), interval, timer_h }, &[Resend])
            }
            (Confirmed { timer_i: at } | Accepted { timer_l: at }, In::Due) if now >= at => {
                (Terminated, &[])
            }
            (Accepted { .. }, In::Ack) => (self, &[Pass]),
            (Proceeding, In::Ack | In::Due)
            | (Completed { .. }, In::Respond(_) | In::Due)
            | (Accepted { .. }, In::Request | In::Respond(_) | In::Due)
            | (Confirmed { .. } | Terminated, _) => (self, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class::{Failure, Provisional, Success};
    use super::In::{Ack, Due, Request, Respond};
    use super::State::{Accepted, Completed, Confirmed, Proceeding, Terminated};
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }
    const COMPLETED: State =
        Completed { timer_g: Some(ms(1500)), interval: ms(500), timer_h: ms(33_000) };
    const STREAM: State = Completed { timer_g: None, interval: ms(500), timer_h: ms(33_000) };
    const CONFIRMED: State = Confirmed { timer_i: ms(6000) };
    const ACCEPTED: State = Accepted { timer_l: ms(33_000) };

    /// Steps at 1 s.
    fn check(state: State, input: In, after: State, actions: &[Action]) {
        assert_eq!(state.step(ms(1000), false, input), (after, actions), "{state:?} {input:?}");
    }

    #[test]
    fn every_state_and_input() {
        check(Proceeding, Request, Proceeding, &[Resend]);
        check(Proceeding, Ack, Proceeding, &[]);
        check(Proceeding, Respond(Provisional), Proceeding, &[Send]);
        check(Proceeding, Respond(Success), ACCEPTED, &[Send]);
        check(Proceeding, Respond(Failure), COMPLETED, &[Send]);
        check(Proceeding, Due, Proceeding, &[]);
        check(COMPLETED, Request, COMPLETED, &[Resend]);
        check(COMPLETED, Ack, CONFIRMED, &[]);
        check(COMPLETED, Due, COMPLETED, &[]);
        check(ACCEPTED, Request, ACCEPTED, &[]);
        check(ACCEPTED, Ack, ACCEPTED, &[Pass]);
        check(ACCEPTED, Respond(Provisional), ACCEPTED, &[]);
        check(ACCEPTED, Respond(Success), ACCEPTED, &[Send]);
        check(ACCEPTED, Respond(Failure), ACCEPTED, &[]);
        check(ACCEPTED, Due, ACCEPTED, &[]);
        for input in [Respond(Provisional), Respond(Success), Respond(Failure)] {
            check(COMPLETED, input, COMPLETED, &[]);
        }
        for input in [Request, Ack, Respond(Provisional), Respond(Success), Respond(Failure), Due] {
            check(CONFIRMED, input, CONFIRMED, &[]);
            check(Terminated, input, Terminated, &[]);
        }
    }

    #[test]
    fn deadlines_end_their_states() {
        let late = |state: State, actions: &[Action]| {
            assert!(state.due().unwrap() <= ms(33_000));
            assert_eq!(state.step(ms(33_000), false, Due), (Terminated, actions), "{state:?}");
        };
        late(COMPLETED, &[TimedOut]);
        late(STREAM, &[TimedOut]);
        late(CONFIRMED, &[]);
        late(ACCEPTED, &[]);
        assert_eq!((Proceeding.due(), Terminated.due()), (None, None));
    }

    #[test]
    fn streams_repeat_nothing() {
        assert_eq!(Proceeding.step(ms(1000), true, Respond(Failure)), (STREAM, &[Send][..]));
        assert_eq!(STREAM.step(ms(1500), true, Due), (STREAM, &[][..]));
        assert_eq!(STREAM.step(ms(1500), true, Ack), (Terminated, &[][..]));
    }

    #[test]
    fn timer_g_doubles_up_to_t2() {
        let (mut state, _) = Proceeding.step(ms(0), false, Respond(Failure));
        let mut sent = Vec::new();
        while let Some(at) = state.due() {
            let (after, actions) = state.step(at, false, Due);
            if actions == [Resend] {
                sent.push(at.as_millis());
            }
            state = after;
        }
        let expected = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        assert_eq!(sent, expected);
    }
}
