//! INVITE client transaction: RFC 3261 section 17.1.1 with RFC 6026 section 7.2 and 8.4.
//!
//! | state      | 1xx             | 2xx             | 300–699                  | due                   | transport error |
//! | ---------- | --------------- | --------------- | ------------------------ | --------------------- | --------------- |
//! | Calling    | pass→Proceeding | pass→Accepted   | ACK, pass→Completed      | A: resend; B: timeout→Terminated | tell→Terminated |
//! | Proceeding | pass            | pass→Accepted   | ACK, pass→Completed      | given up: timeout→Terminated | tell→Terminated |
//! | Completed  | –               | –               | ACK                      | D: Terminated         | tell→Terminated |
//! | Accepted   | –               | pass            | –                        | M: Terminated         | –               |
//!
//! Over reliable transports timer A never runs and timer D is zero. In Proceeding nothing is due
//! until a CANCEL was sent: 64·T1 later the transaction is given up (section 9.1).

use serde::{Deserialize, Serialize};

use super::Action::{Ack, Pass, Resend, TimedOut, TransportFailed};
use super::timer::{D, T1, T1_64};
use super::{Action, Class};
use crate::Time;

/// Where the transaction stands, with what is due there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Calling { timer_a: Option<Time>, interval: Time, timer_b: Time },
    Proceeding { given_up: Option<Time> },
    Completed { timer_d: Time },
    Accepted { timer_m: Time },
    Terminated,
}

/// What can happen to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum In {
    Response(Class),
    /// A CANCEL was sent for it.
    Cancelled,
    /// Its deadline came.
    Due,
    TransportFailed,
}

impl State {
    /// The request has just been sent.
    pub(crate) fn new(now: Time, reliable: bool) -> Self {
        let timer_a = (!reliable).then_some(now + T1);
        Self::Calling { timer_a, interval: T1, timer_b: now + T1_64 }
    }

    /// When [`In::Due`] is to come.
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            Self::Calling { timer_a: Some(a), timer_b, .. } => Some(a.min(timer_b)),
            Self::Calling { timer_a: None, timer_b: at, .. }
            | Self::Completed { timer_d: at }
            | Self::Accepted { timer_m: at } => Some(at),
            Self::Proceeding { given_up } => given_up,
            Self::Terminated => None,
        }
    }

    /// One step.
    pub(crate) fn step(self, now: Time, reliable: bool, input: In) -> (Self, &'static [Action]) {
        use State::{Accepted, Calling, Completed, Proceeding, Terminated};
        match (self, input) {
            (Calling { .. }, In::Response(Class::Provisional)) => {
                (Proceeding { given_up: None }, &[Pass])
            }
            (Proceeding { .. }, In::Response(Class::Provisional))
            | (Accepted { .. }, In::Response(Class::Success)) => (self, &[Pass]),
            (Calling { .. } | Proceeding { .. }, In::Response(Class::Success)) => {
                (Accepted { timer_m: now + T1_64 }, &[Pass])
            }
            (Calling { .. } | Proceeding { .. }, In::Response(Class::Failure)) if reliable => {
                (Terminated, &[Ack, Pass])
            }
            (Calling { .. } | Proceeding { .. }, In::Response(Class::Failure)) => {
                (Completed { timer_d: now + D }, &[Ack, Pass])
            }
            (Calling { timer_b, .. }, In::Due) if now >= timer_b => (Terminated, &[TimedOut]),
            (Calling { timer_a: Some(a), interval, timer_b }, In::Due) if now >= a => {
                let interval = interval * 2;
                (Calling { timer_a: Some(now + interval), interval, timer_b }, &[Resend])
            }
            (Proceeding { given_up: None }, In::Cancelled) => {
                (Proceeding { given_up: Some(now + T1_64) }, &[])
            }
            (Proceeding { given_up: Some(at) }, In::Due) if now >= at => (Terminated, &[TimedOut]),
            (Calling { .. } | Proceeding { .. } | Completed { .. }, In::TransportFailed) => {
                (Terminated, &[TransportFailed])
            }
            (Completed { .. }, In::Response(Class::Failure)) => (self, &[Ack]),
            (Completed { timer_d: at } | Accepted { timer_m: at }, In::Due) if now >= at => {
                (Terminated, &[])
            }
            (Calling { .. } | Proceeding { .. }, In::Due | In::Cancelled)
            | (Completed { .. }, In::Response(_) | In::Due | In::Cancelled)
            | (Accepted { .. }, In::Response(_) | In::Due | In::Cancelled | In::TransportFailed)
            | (Terminated, _) => (self, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class::{Failure, Provisional, Success};
    use super::In::{Cancelled, Due, Response, TransportFailed as Broken};
    use super::State::{Accepted, Calling, Completed, Proceeding, Terminated};
    use super::*;

    const fn ms(ms: u64) -> Time {
        Time::from_millis(ms)
    }
    const CALLING: State =
        Calling { timer_a: Some(ms(500)), interval: ms(500), timer_b: ms(32_000) };
    const STREAM: State = Calling { timer_a: None, interval: ms(500), timer_b: ms(32_000) };
    const PROCEEDING: State = Proceeding { given_up: None };
    const CANCELLED: State = Proceeding { given_up: Some(ms(33_000)) };
    const COMPLETED: State = Completed { timer_d: ms(33_000) };
    const ACCEPTED: State = Accepted { timer_m: ms(33_000) };

    /// Steps at 1 s.
    fn check(state: State, input: In, after: State, actions: &[Action]) {
        assert_eq!(state.step(ms(1000), false, input), (after, actions), "{state:?} {input:?}");
    }

    #[test]
    fn every_state_and_input() {
        assert_eq!(State::new(ms(0), false), CALLING);
        assert_eq!(State::new(ms(0), true), STREAM);
        let resent = Calling { timer_a: Some(ms(2000)), interval: ms(1000), timer_b: ms(32_000) };
        check(CALLING, Response(Provisional), PROCEEDING, &[Pass]);
        check(CALLING, Response(Success), ACCEPTED, &[Pass]);
        check(CALLING, Response(Failure), COMPLETED, &[Ack, Pass]);
        check(CALLING, Due, resent, &[Resend]);
        check(CALLING, Cancelled, CALLING, &[]);
        check(CALLING, Broken, Terminated, &[TransportFailed]);
        check(STREAM, Due, STREAM, &[]);
        check(PROCEEDING, Response(Provisional), PROCEEDING, &[Pass]);
        check(PROCEEDING, Response(Success), ACCEPTED, &[Pass]);
        check(PROCEEDING, Response(Failure), COMPLETED, &[Ack, Pass]);
        check(PROCEEDING, Due, PROCEEDING, &[]);
        check(PROCEEDING, Cancelled, CANCELLED, &[]);
        check(PROCEEDING, Broken, Terminated, &[TransportFailed]);
        check(CANCELLED, Cancelled, CANCELLED, &[]);
        check(CANCELLED, Due, CANCELLED, &[]);
        check(COMPLETED, Response(Provisional), COMPLETED, &[]);
        check(COMPLETED, Response(Success), COMPLETED, &[]);
        check(COMPLETED, Response(Failure), COMPLETED, &[Ack]);
        check(COMPLETED, Due, COMPLETED, &[]);
        check(COMPLETED, Cancelled, COMPLETED, &[]);
        check(COMPLETED, Broken, Terminated, &[TransportFailed]);
        check(ACCEPTED, Response(Provisional), ACCEPTED, &[]);
        check(ACCEPTED, Response(Success), ACCEPTED, &[Pass]);
        check(ACCEPTED, Response(Failure), ACCEPTED, &[]);
        check(ACCEPTED, Due, ACCEPTED, &[]);
        check(ACCEPTED, Cancelled, ACCEPTED, &[]);
        check(ACCEPTED, Broken, ACCEPTED, &[]);
        for input in [Response(Provisional), Response(Success), Response(Failure), Due, Broken] {
            check(Terminated, input, Terminated, &[]);
        }
    }

    #[test]
    fn deadlines_end_their_states() {
        let late = |state: State, actions: &[Action]| {
            let due = state.due().unwrap();
            assert!(due <= ms(33_000));
            assert_eq!(state.step(ms(33_000), false, Due), (Terminated, actions), "{state:?}");
        };
        late(CALLING, &[TimedOut]);
        late(STREAM, &[TimedOut]);
        late(CANCELLED, &[TimedOut]);
        late(COMPLETED, &[]);
        late(ACCEPTED, &[]);
        assert_eq!((PROCEEDING.due(), Terminated.due()), (None, None));
    }

    #[test]
    fn a_stream_needs_no_timer_d() {
        let (after, actions) = STREAM.step(ms(1), true, Response(Failure));
        assert_eq!((after, actions), (Terminated, &[Ack, Pass][..]));
    }

    #[test]
    fn seven_invites_before_timer_b() {
        let (mut state, mut sent) = (State::new(ms(0), false), vec![0]);
        while let Some(at) = state.due() {
            let (after, actions) = state.step(at, false, Due);
            if actions == [Resend] {
                sent.push(at.as_millis());
            }
            state = after;
        }
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    }
}
