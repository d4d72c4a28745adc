//! The customer leaves, and those who have talked with each other beside them go on: in a call of their
//! own, with the id that their part of the conference had. The record of the customer's call closes.

use super::help::Help;
use crate::api::Time;
use crate::call::{Call, NewCall, PhaseClock, Timer, Why};
use crate::event::{CallResult, HelpEnd, Kind, Phase, Role, What};
use crate::id::ParticipantId;
use crate::identity::Caller;
use crate::switch::B2bua;

impl B2bua {
    /// Whether there were such two; then the call is over, and theirs has begun.
    pub(super) fn goes_on_apart(
        &mut self,
        now: Time,
        call: &mut Call,
        role: Role,
        cause: &str,
    ) -> bool {
        let customers = call.participants.iter().filter(|p| p.role == Role::Customer && p.talks());
        if role != Role::Customer || customers.count() > 0 || call.helper().is_none() {
            return false;
        }
        let Some(mut help) = call.help.take() else { return false };
        let mut rest = self.rest_of(now, call, &help);
        for p in &mut call.participants {
            (p.why, p.role) = match p.why {
                _ if p.id == help.by => (Why::Arrived, Role::Operator),
                Why::Helps(claim) => (Why::Serve(claim), Role::Operator),
                _ if !help.has(p) => (p.why, p.role),
                _ if p.operator.is_some() => (Why::Dialled, Role::Operator),
                _ => (Why::Dialled, Role::Customer),
            };
        }
        let task = help.task.take();
        call.help = Some(help);
        self.end_help(now, call, HelpEnd::CustomerLeft);
        self.end_conference(call);
        let (stay, go): (Vec<_>, Vec<_>) =
            core::mem::take(&mut call.participants).into_iter().partition(|p| !p.talks());
        call.participants = stay;
        let started = What::CallStarted {
            kind: rest.kind,
            predecessor: Some(call.key),
            from: rest.from.clone(),
            to: rest.to.clone(),
            trunk: None,
            uuid: rest.uuid.map(|uuid| uuid.to_string()),
            context: rest.context.clone(),
        };
        self.tell(now, &rest, started);
        let operator = go.iter().find(|p| p.why == Why::Dialled).and_then(|p| p.operator);
        for one in go {
            self.take_timers(call, &mut rest, one.id);
            rest.moving.extend(call.moving.take(&one.leg));
            self.change_call(now, call, &mut rest, one);
        }
        let operator = operator.map(|id| self.directory.operator_name(id));
        self.tell(now, &rest, What::CallAnswered { operator });
        rest.tasks.extend(task);
        // Told first, so that nobody is free for a moment in between.
        self.tell_occupied(now, &mut rest);
        self.end_call(now, call, CallResult::Answered, cause, 487);
        self.dirty.insert(rest.key);
        self.state.calls.insert(rest.key, Box::new(rest));
        true
    }

    /// The call of those two, without anybody in it yet: to a colleague, or to somebody outside.
    fn rest_of(&self, now: Time, call: &Call, help: &Help) -> Call {
        let asks = call.participants.iter().find(|p| p.id == help.by).and_then(|p| p.operator);
        let asks = asks.map(|id| self.directory.operator_name(id)).unwrap_or_default();
        let operator = self.directory.operator(&asks);
        let is_inside = call.helper().is_none_or(|p| p.operator.is_some());
        let caller = Caller {
            number: operator.and_then(|o| o.number.clone()).unwrap_or(asks),
            display: operator.map(|o| o.name.to_string()),
            hidden: None,
            asserted: false,
        };
        let new = NewCall {
            key: help.key,
            kind: if is_inside { Kind::Internal } else { Kind::Outbound },
            caller,
            to: help.to.clone(),
            trunk: None,
            hops: call.hops,
            uuid: call.uuid,
        };
        let mut rest = Call::new(now, new);
        rest.context.clone_from(&call.context);
        rest.answered = true;
        rest.clock = PhaseClock::new(now, Phase::Talk);
        rest
    }

    /// What is a participant's goes with them.
    fn take_timers(&mut self, from: &mut Call, to: &mut Call, whose: ParticipantId) {
        let theirs = |timer: &Timer| timer.participant() == Some(whose);
        for timer in from.timers.keys().copied().filter(theirs).collect::<Vec<_>>() {
            let due = from.timers.get(&timer).copied();
            self.set_timer(from, timer, None);
            self.set_timer(to, timer, due);
        }
    }
}
