//! Non-INVITE client transaction: RFC 3261 section 17.1.2.
//!
//! | state      | 1xx             | 2xx–6xx         | due                              | transport error |
//! | ---------- | --------------- | --------------- | -------------------------------- | --------------- |
//! | Trying     | pass→Proceeding | pass→Completed  | E: resend; F: timeout→Terminated | tell→Terminated |
//! | Proceeding | pass            | pass→Completed  | E: resend; F: timeout→Terminated | tell→Terminated |
//! | Completed  | –               | –               | K: Terminated                    | –               |
//!
//! Over reliable transports timer E never runs and timer K is zero.

use serde::{Deserialize, Serialize};

use super::Action::{Pass, Resend, TimedOut, TransportFailed};
use super::timer::{T1, T1_64, T2, T4, doubled};
use super::{Action, Class};
use crate::Time;

/// Where the transaction stands, with what is due there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Trying { timer_e: Option<Time>, interval: Time, timer_f: Time },
    Proceeding { timer_e: Option<Time>, timer_f: Time },
    Completed { timer_k: Time },
    Terminated,
}

/// What can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum In {
    Response(Class),
    Due,
    TransportFailed,
}

impl State {
    /// The request has just been sent.
    pub(crate) fn new(now: Time, reliable: bool) -> Self {
        let timer_e = (!reliable).then_some(now + T1);
        Self::Trying { timer_e, interval: T1, timer_f: now + T1_64 }
    }

    /// When [`In::Due`] is to come.
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            Self::Trying { timer_e: Some(e), timer_f, .. }
            | Self::Proceeding { timer_e: Some(e), timer_f } => Some(e.min(timer_f)),
            Self::Trying { timer_e: None, timer_f: at, .. }
            | Self::Proceeding { timer_e: None, timer_f: at }
            | Self::Completed { timer_k: at } => Some(at),
            Self::Terminated => None,
        }
    }

    /// One step.
    pub(crate) fn step(self, now: Time, reliable: bool, input: In) -> (Self, &'static [Action]) {
        use State::{Completed, Proceeding, Terminated, Trying};
        match (self, input) {
            (Trying { timer_e, timer_f, .. }, In::Response(Class::Provisional)) => {
                (Proceeding { timer_e, timer_f }, &[Pass])
            }
            (Proceeding { .. }, In::Response(Class::Provisional)) => (self, &[Pass]),
            (Trying { .. } | Proceeding { .. }, In::Response(_)) if reliable => {
                (Terminated, &[Pass])
            }
            (Trying { .. } | Proceeding { .. }, In::Response(_)) => {
                (Completed { timer_k: now + T4 }, &[Pass])
            }
            (Trying { timer_f, .. } | Proceeding { timer_f, .. }, In::Due) if now >= timer_f => {
                (Terminated, &[TimedOut])
            }
            (Trying { timer_e: Some(e), interval, timer_f }, In::Due) if now >= e => {
                let interval = doubled(interval);
                (Trying { timer_e: Some(now + interval), interval, timer_f }, &[Resend])
            }
            (Proceeding { timer_e: Some(e), timer_f }, In::Due) if now >= e => {
                (Proceeding { timer_e: Some(now + T2), timer_f }, &[Resend])
            }
            (Trying { .. } | Proceeding { .. }, In::TransportFailed) => {
                (Terminated, &[TransportFailed])
            }
            (Completed { timer_k }, In::Due) if now >= timer_k => (Terminated, &[]),
            (Trying { .. } | Proceeding { .. }, In::Due) | (Completed { .. } | Terminated, _) => {
                (self, &[])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class::{Failure, Provisional, Success};
    use super::In::{Due, Response, TransportFailed as Broken};
    use super::State::{Completed, Proceeding, Terminated, Trying};
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }
    const TRYING: State = Trying { timer_e: Some(ms(500)), interval: ms(500), timer_f: ms(32_000) };
    const STREAM: State = Trying { timer_e: None, interval: ms(500), timer_f: ms(32_000) };
    const PROCEEDING: State = Proceeding { timer_e: Some(ms(500)), timer_f: ms(32_000) };
    const COMPLETED: State = Completed { timer_k: ms(6000) };

    /// Steps at 1 s.
    fn check(state: State, input: In, after: State, actions: &[Action]) {
        assert_eq!(state.step(ms(1000), false, input), (after, actions), "{state:?} {input:?}");
    }

    #[test]
    fn every_state_and_input() {
        assert_eq!(State::new(ms(0), false), TRYING);
        assert_eq!(State::new(ms(0), true), STREAM);
        let resent = Trying { timer_e: Some(ms(2000)), interval: ms(1000), timer_f: ms(32_000) };
        let slow = Proceeding { timer_e: Some(ms(5000)), timer_f: ms(32_000) };
        check(TRYING, Response(Provisional), PROCEEDING, &[Pass]);
        check(TRYING, Response(Success), COMPLETED, &[Pass]);
        check(TRYING, Response(Failure), COMPLETED, &[Pass]);
        check(TRYING, Due, resent, &[Resend]);
        check(TRYING, Broken, Terminated, &[TransportFailed]);
        check(STREAM, Due, STREAM, &[]);
        check(PROCEEDING, Response(Provisional), PROCEEDING, &[Pass]);
        check(PROCEEDING, Response(Success), COMPLETED, &[Pass]);
        check(PROCEEDING, Response(Failure), COMPLETED, &[Pass]);
        check(PROCEEDING, Due, slow, &[Resend]);
        check(PROCEEDING, Broken, Terminated, &[TransportFailed]);
        check(slow, Due, slow, &[]);
        for input in [Response(Provisional), Response(Success), Response(Failure), Due, Broken] {
            check(COMPLETED, input, COMPLETED, &[]);
            check(Terminated, input, Terminated, &[]);
        }
        let stream = STREAM.step(ms(1), true, Response(Success));
        assert_eq!(stream, (Terminated, &[Pass][..]));
    }

    #[test]
    fn deadlines_end_their_states() {
        let late = |state: State, actions: &[Action]| {
            assert!(state.due().unwrap() <= ms(32_000));
            assert_eq!(state.step(ms(32_000), false, Due), (Terminated, actions), "{state:?}");
        };
        late(TRYING, &[TimedOut]);
        late(STREAM, &[TimedOut]);
        late(PROCEEDING, &[TimedOut]);
        late(COMPLETED, &[]);
        assert_eq!(Terminated.due(), None);
    }

    #[test]
    fn eleven_requests_before_timer_f() {
        let (mut state, mut sent) = (State::new(ms(0), false), vec![0]);
        while let Some(at) = state.due() {
            let (after, actions) = state.step(at, false, Due);
            if actions == [Resend] {
                sent.push(at.as_millis());
            }
            state = after;
        }
        let expected = [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];
        assert_eq!(sent, expected);
    }
}
