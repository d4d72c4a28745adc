//! Every end of a leg is an input to its call; the call decides. The customer's leg outlives
//! everybody else's mistakes.

use sip::{EndCause, Headers, LegId};

use crate::api::{Output, Time};
use crate::call::{Call, LegState, Participant, Stage};
use crate::event::{CallResult, Phase, Role, What};
use crate::switch::B2bua;

impl B2bua {
    /// The endpoint says that a leg is over.
    pub(crate) fn leg_ended(&mut self, now: Time, leg: LegId, cause: EndCause) {
        self.with_leg(leg, |switch, call| {
            let Some(role) = call.participant(leg).map(|p| p.role) else { return };
            let text = cause_text(cause);
            switch.leg_over(now, call, leg, text);
            switch.forget_leg(now, call, leg);
            match role {
                Role::Customer => switch.customer_left(now, call, text),
                Role::Operator if cause == EndCause::Bye => switch.operator_left(now, call),
                Role::Operator => switch.operator_lost(now, call),
            }
        });
    }

    fn customer_left(&mut self, now: Time, call: &mut Call, text: &str) {
        let result = match call.stage {
            Stage::Talking(_) => CallResult::Answered,
            Stage::Queued(_) | Stage::Dialling => CallResult::Abandoned,
        };
        self.end_call(now, call, result, text, 487);
    }

    /// An operator hung up: in a plain call that ends the call.
    fn operator_left(&mut self, now: Time, call: &mut Call) {
        if !call.participants.iter().any(|p| p.role == Role::Operator && p.state == LegState::Up) {
            self.end_call(now, call, CallResult::Answered, "operator hung up", 480);
        }
    }

    pub(crate) fn operator_lost(&mut self, now: Time, call: &mut Call) {
        match call.stage {
            Stage::Talking(_) => self.lost(now, call),
            Stage::Queued(_) | Stage::Dialling => {}
        }
    }

    fn leg_over(&mut self, now: Time, call: &Call, leg: LegId, cause: &str) {
        let Some(participant) = call.participant(leg) else { return };
        let operator = participant.operator.map(|id| self.directory.operator_name(id));
        let participant = participant.id;
        self.tell(now, call, What::LegEnded { participant, operator, cause: cause.into() });
    }

    /// Ends a leg that is ours to end, and forgets it.
    pub(crate) fn drop_leg(&mut self, now: Time, call: &mut Call, leg: LegId, reason: &str) {
        let headers: Headers = match reason {
            "" => Vec::new(),
            reason => vec![("Reason".into(), reason.to_owned())],
        };
        self.command_sip(now, sip::Command::End { leg, status: 480, headers });
        self.leg_over(now, call, leg, "ended");
        self.forget_leg(now, call, leg);
    }

    /// CANCEL, BYE or a final response, whatever ends the leg where it stands.
    pub(crate) fn hang_up_leg(&mut self, now: Time, leg: LegId, status: u16) {
        self.command_sip(now, sip::Command::End { leg, status, headers: Vec::new() });
    }

    /// Gives back what a leg of the call's held.
    pub(crate) fn forget_leg(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        let participant = call.participants.remove(at);
        self.state.legs.remove(&leg);
        self.close_media(&participant);
        if participant.state == LegState::Up || participant.role == Role::Customer {
            self.tell(now, call, What::ParticipantLeft { participant: participant.id });
        }
    }

    fn close_media(&mut self, participant: &Participant) {
        if participant.planned.is_some() {
            let command = media::Command::EndLeg(media::LegId(participant.leg.0));
            self.output(Output::Media { thread: participant.lease.thread, command });
        }
        self.release(participant.lease);
    }

    /// Ends a call: every leg, its task, its record. `status` answers an INVITE that is open.
    pub(crate) fn end_call(
        &mut self,
        now: Time,
        call: &mut Call,
        result: CallResult,
        cause: &str,
        status: u16,
    ) {
        if call.over {
            return;
        }
        call.over = true;
        self.set_deadline(call, None);
        self.end_conference(call);
        for leg in call.legs(|_| true) {
            self.hang_up_leg(now, leg, status);
            self.leg_over(now, call, leg, "ended");
            self.forget_leg(now, call, leg);
        }
        let work = acd::WorkId(call.key.0);
        for operator in self.occupied(call) {
            self.acd.handle(now, acd::Input::Vacate { operator, work });
        }
        if let Some(task) = call.stage.task() {
            if let Some(entry) = self.state.tasks.get_mut(&task.key) {
                entry.stop_talk(now);
            }
            let id = acd::TaskId(task.key.0);
            self.acd.handle(
                now,
                match (&call.stage, result) {
                    (Stage::Talking(_), _) => acd::Input::Completed { task: id },
                    (_, result) => acd::Input::Withdraw { task: id, cause: withdrawal(result) },
                },
            );
        }
        let totals = call.clock.turn(now, Phase::Wait);
        let ended = What::CallEnded { result, cause: cause.into(), totals };
        self.tell(now, call, ended);
        self.dirty.remove(&call.key);
    }

    /// Operators that this call occupies without the distributor's doing.
    fn occupied(&self, call: &Call) -> Vec<acd::OperatorId> {
        call.caller.into_iter().chain(call.callee).collect()
    }
}

fn withdrawal(result: CallResult) -> acd::Withdrawal {
    match result {
        CallResult::Abandoned => acd::Withdrawal::Abandoned,
        CallResult::Ended => acd::Withdrawal::Removed,
        CallResult::Answered | CallResult::Failed | CallResult::Crash => acd::Withdrawal::Failed,
    }
}

fn cause_text(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Bye => "hung up",
        EndCause::Cancel => "cancelled",
        EndCause::NoAck => "no ack",
        EndCause::DialogGone => "dialog gone",
        EndCause::FlowGone => "connection lost",
        EndCause::NoAnswer => "no usable answer",
    }
}
