//! Somebody answers: the winner and the customer meet, the other phones stop.

use sip::LegId;
use sip::msg::Message;

use crate::api::Time;
use crate::call::{Call, LegState, Stage};
use crate::event::{CallResult, Role, What};
use crate::switch::B2bua;

/// RFC 3326: this phone did not miss a call.
pub(super) const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl B2bua {
    pub(crate) fn leg_answered(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        response: &Message,
    ) {
        let Some(participant) = call.participant_mut(leg) else { return };
        if participant.negotiation.on_answer(&response.body()).is_err() {
            self.hang_up_leg(now, leg, 488);
            self.leg_failed(now, call, leg, 488);
            return;
        }
        participant.state = LegState::Answered;
        let (id, who, claim) = (participant.id, participant.operator, participant.reservation);
        let operator = who.map(|id| self.directory.operator_name(id));
        self.tell(now, call, What::LegAnswered { participant: id, operator });
        match (claim, &call.stage) {
            // The distributor says who won: Assigned or TooLate.
            (Some(claim), _) => self.acd.handle(now, acd::Input::Accepted(claim)),
            (None, Stage::Dialling) => self.connect(now, call, leg),
            (None, Stage::Queued(_) | Stage::Talking(_)) => {
                self.drop_leg(now, call, leg, ELSEWHERE);
            }
        }
    }

    /// The operator's leg joins the customer; all other phones stop ringing.
    pub(crate) fn connect(&mut self, now: Time, call: &mut Call, leg: LegId) {
        for other in call.legs(|p| p.role == Role::Operator && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        self.set_deadline(call, None);
        let task = call.stage.task();
        if let Some(entry) = task.and_then(|task| self.state.tasks.get_mut(&task.key)) {
            entry.served = Some(now);
        }
        call.stage = Stage::Talking(task);
        let Some(participant) = call.participant_mut(leg) else { return };
        participant.state = LegState::Up;
        let operator = participant.operator.map(|id| self.directory.operator_name(id));
        let at = call.participants.iter().position(|p| p.leg == leg).unwrap_or_default();
        self.joined(now, call, at);
        self.answer_customer(now, call);
        if !call.answered {
            call.answered = true;
            self.tell(now, call, What::CallAnswered { operator: operator.clone() });
        }
        if let Some(task) = call.stage.task() {
            let task_id = acd::TaskId(task.key.0);
            self.acd.handle(now, acd::Input::Connected { task: task_id });
            if let Some(operator) = operator {
                self.tell(now, call, What::OperatorReached { operator });
            }
        }
    }

    /// The distributor gave the task to the operator who answered.
    pub(crate) fn assigned(&mut self, now: Time, call: &mut Call, claim: acd::ReservationId) {
        let won = |p: &&crate::call::Participant| {
            p.reservation == Some(claim) && p.state == LegState::Answered
        };
        match call.participants.iter().find(won).map(|p| p.leg) {
            Some(leg) => self.connect(now, call, leg),
            // It answered and was gone in the same turn: the caller keeps their place.
            None => self.lost(now, call),
        }
    }

    /// Nobody is left to talk with: back to the queue, ahead, with music, where a queue it was.
    pub(crate) fn lost(&mut self, now: Time, call: &mut Call) {
        match call.stage.task() {
            Some(task) => {
                call.stage = Stage::Queued(task);
                if let Some(entry) = self.state.tasks.get_mut(&task.key) {
                    entry.stop_talk(now);
                }
                let task = acd::TaskId(task.key.0);
                self.acd.handle(now, acd::Input::Lost { task, ahead: true });
            }
            None => self.end_call(now, call, CallResult::Answered, "operator lost", 480),
        }
    }
}
