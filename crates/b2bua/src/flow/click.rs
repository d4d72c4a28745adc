//! Click to dial: a call that an order makes for an operator.
//!
//! | | then |
//! | --- | --- |
//! | the operator is on a call, reserved or rung, or has no phone | 409, nothing is rung |
//! | their dial policy does not allow it | 403, nothing is rung |
//! | their phones ring, seeing whom they will call | the first one to answer has the call; it is theirs as if they had dialled |
//! | none of them answers, or they decline | the call ends as `failed`, for `operator …`; `operator.failed` |
//! | whom they call is busy, does not answer, refuses | the call ends as `failed`, for just that |
//! | the operator hangs up before | the call ends as `abandoned`, and nobody rings any more |

use sip::LegId;

use super::DIAL_TIMEOUT;
use super::ask::{problem, wrong};
use super::connect::ELSEWHERE;
use super::dial::Refused;
use super::ring::Errand;
use crate::act::{Asker, Whom};
use crate::api::{Dial, Problem, Reply, Time};
use crate::call::{Awaited, Call, NewCall, Timer, Why};
use crate::config::{Go, Name};
use crate::event::{CallResult, Kind, What};
use crate::id::{CallKey, ParticipantId};
use crate::identity::Caller;
use crate::switch::B2bua;

/// Max-Forwards of an INVITE that nobody sent before us (RFC 3261 section 8.1.1.6).
const HOPS: u8 = 70;

impl B2bua {
    /// Rings the operator's phones.
    pub(super) fn click(&mut self, now: Time, dial: Dial) -> Result<Reply, Problem> {
        let Dial { operator, to, trunk, headers, context } = dial;
        self.known(&operator)?;
        let headers = self.given("headers", &headers)?;
        let context = self.context_given(context)?;
        if self.state.draining || self.state.calls.len() >= self.directory.config.limits.calls_max {
            return Err(Problem::Busy("no more calls are taken".into()));
        }
        let mut call = self.new_call(now, &operator, to.clone());
        call.context = context;
        let go = self.clicked(now, &call, &operator, &to, trunk)?;
        if let Go::Uri(_) | Go::Number { .. } = go {
            call.kind = Kind::Outbound;
        }
        call.awaited = Some(Awaited { go, headers });
        self.dial(now, &mut call, Go::Operator(operator), Why::First).map_err(|r| problem(&r))?;
        self.tell_started(now, &call);
        self.set_timer(&mut call, Timer::Dial, Some(now + DIAL_TIMEOUT));
        let participants: Vec<ParticipantId> = call.participants.iter().map(|p| p.id).collect();
        let reply = Reply::Dialled { call: call.key, participants };
        self.dirty.insert(call.key);
        self.state.calls.insert(call.key, Box::new(call));
        Ok(reply)
    }

    fn new_call(&mut self, now: Time, operator: &Name, to: Name) -> Call {
        let known = self.directory.operator(operator);
        let caller = Caller {
            number: operator.clone(),
            display: known.map(|operator| operator.name.to_string()),
            hidden: None,
            asserted: true,
        };
        let (key, uuid) = (CallKey(self.mint()), Some(self.endpoint.rng().uuid()));
        let (kind, trunk, hops) = (Kind::Internal, None, HOPS);
        Call::new(now, NewCall { key, kind, caller, to, trunk, hops, uuid })
    }

    /// Where a number or URI leads, if the operator may go there.
    fn clicked(
        &self,
        now: Time,
        call: &Call,
        operator: &Name,
        to: &Name,
        trunk: Option<Name>,
    ) -> Result<Go, Problem> {
        let is_uri = ["sip:", "sips:"].iter().any(|scheme| {
            to.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        });
        let whom = match trunk {
            Some(_) if is_uri => return wrong("trunk", "goes with a number only"),
            None if is_uri => Whom::Uri(to.clone()),
            trunk => Whom::Number { number: to.clone(), trunk },
        };
        let go = self.wish(now, call, &Asker::Operator(operator.clone()), &whom);
        let go = go.map_err(|problem| match problem {
            Problem::Field { field: "number" | "uri", what } => {
                Problem::Field { field: "to", what }
            }
            other => other,
        })?;
        match &go {
            Go::Operator(other) if other == operator => wrong("to", "that is they themselves"),
            Go::Queue { queue, .. } => {
                wrong("to", format!("{to} is the queue {queue}, not one person"))
            }
            go if !self.may_call(operator, go, to) => {
                Err(Problem::Forbidden(format!("{operator} may not call {to}")))
            }
            _ => Ok(go),
        }
    }

    /// The operator has answered: the call is theirs, and whom they call is rung.
    pub(super) fn caller_answered(&mut self, now: Time, call: &mut Call, leg: LegId) {
        for other in call.legs(|p| p.why == Why::First && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        call.participants[at].why = Why::Arrived;
        self.joined(now, call, at);
        let Some(Awaited { go, headers }) = call.awaited.take() else { return };
        let errand = Errand { headers, ..Errand::from(Why::Dialled) };
        match self.dial(now, call, go, errand) {
            Ok(()) => self.dialling(now, call),
            Err(Refused { cause, status }) => {
                self.end_call(now, call, CallResult::Failed, cause, status);
            }
        }
    }

    /// The operator has not answered.
    pub(super) fn caller_failed(&mut self, now: Time, call: &mut Call, cause: &str) {
        let operator = call.from.clone();
        self.tell(now, call, What::OperatorFailed { operator, cause: cause.into() });
        let cause = format!("operator {cause}");
        self.end_call(now, call, CallResult::Failed, &cause, 480);
    }
}
