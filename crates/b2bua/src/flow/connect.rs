//! Somebody answers: the winner and the caller meet, the other phones stop.

use media::Source;
use sip::LegId;

use super::ring::Rung;
use super::{ALONE, reason};
use crate::api::Time;
use crate::call::{Call, LegState, Participant, Seat, Task, Timer, Why};
use crate::event::{CallResult, What};
use crate::id::TaskKey;
use crate::switch::B2bua;

/// RFC 3326: this phone did not miss a call.
pub(super) const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl B2bua {
    pub(crate) fn leg_answered(&mut self, now: Time, call: &mut Call, leg: LegId, answer: &[u8]) {
        let signalling = self.endpoint.leg_flow(leg).map(|flow| self.signalling(leg, flow));
        let Some(participant) = call.participant_mut(leg) else { return };
        if let Some(signalling) = signalling {
            participant.negotiation.signalled_from(signalling);
        }
        if participant.negotiation.on_answer(answer).is_err() {
            self.hang_up_leg(now, leg, 488, reason::UNUSABLE);
            self.leg_failed(now, call, leg, 488, None);
            return;
        }
        participant.is_up(now);
        let (id, who, why) = (participant.id, participant.operator, participant.why);
        let (role, operator) = (participant.role, who.map(|id| self.directory.operator_name(id)));
        self.tell(now, call, What::LegAnswered { participant: id, role, operator });
        self.judge_silence(now, call, id);
        match why {
            Why::Serve(_) | Why::Helps(_) if who.is_some_and(|who| self.is_outside(who)) => {
                self.ask_outside(now, call, leg);
            }
            // The distributor says who won: Assigned or TooLate.
            Why::Serve(claim) | Why::Helps(claim) => {
                self.acd.handle(now, acd::Input::Accepted(claim));
            }
            Why::Dialled => self.connect(now, call, leg),
            Why::First => self.caller_answered(now, call, leg),
            Why::CalledBack => self.called_back(now, call, leg),
            Why::Referred => self.transfer_answered(now, call, leg),
            Why::Asked(_) => self.comes_in(now, call, leg),
            Why::Arrived | Why::Left | Why::Lent => {}
        }
    }

    /// A leg joins the caller; whoever else was rung for the same reason stops.
    pub(crate) fn connect(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(why) = call.participant(leg).map(|p| p.why) else { return };
        if let (Why::Serve(_), Some(task)) = (why, call.task()) {
            self.tell_assigned(now, task);
        }
        for other in call.legs(|p| p.why == why && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        let partner = call.partner();
        call.diversion.answered();
        self.keeps_place(now, call);
        self.set_timer(call, Timer::Dial, None);
        self.set_timer(call, Timer::Alone, None);
        self.set_timer(call, Timer::Brief, None);
        for participant in &mut call.participants {
            if participant.leg == leg || Some(participant.leg) == partner {
                participant.seat = Seat::Connected;
            }
        }
        let operator = call.participant(leg).and_then(|p| p.operator);
        let operator = operator.map(|id| self.directory.operator_name(id));
        let at = call.participants.iter().position(|p| p.leg == leg).unwrap_or_default();
        self.joined(now, call, at);
        self.answer_customer(now, call);
        if !call.answered {
            call.answered = true;
            self.tell(now, call, What::CallAnswered { operator: operator.clone() });
        }
        if let Why::Serve(_) = why {
            if let Some(task) = call.tasks.last_mut() {
                task.served = true;
                let key = task.key;
                self.serves(now, key);
            }
            self.emit_reached(now, call, operator);
            if call.transfer.is_some() {
                self.transfer_reached(now, call, leg);
            }
        }
    }

    /// The task has an operator: whoever answered for it is put through.
    pub(super) fn tell_assigned(&mut self, now: Time, task: Task) {
        let entry = self.state.tasks.get_mut(&task.key);
        let Some((operator, since, waited)) = entry.and_then(|entry| entry.taken.take()) else {
            return;
        };
        let waited = waited + now.saturating_sub(since);
        let wait_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let queue = self.directory.queue_name(task.queue);
        let operator = self.directory.operator_name(operator);
        let task = acd::TaskId(task.key.0);
        self.tell_task(now, task, What::TaskAssigned { queue, operator, wait_ms });
    }

    /// Whoever has it talks from now on.
    pub(super) fn serves(&mut self, now: Time, key: TaskKey) {
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            entry.served = Some(now);
        }
        self.acd.handle(now, acd::Input::Connected { task: acd::TaskId(key.0) });
    }

    pub(super) fn emit_reached(
        &mut self,
        now: Time,
        call: &Call,
        operator: Option<crate::config::Name>,
    ) {
        if let Some(operator) = operator {
            self.tell(now, call, What::OperatorReached { operator });
        }
    }

    /// The distributor gave the task to the operator who answered, at a phone that was rung for them or
    /// for somebody else.
    pub(crate) fn assigned(
        &mut self,
        now: Time,
        call: &mut Call,
        claim: acd::ReservationId,
        operator: acd::OperatorId,
    ) {
        if self.delivery_assigned(now, call, operator) {
            return;
        }
        let picked_up = |p: &Participant| {
            matches!(p.why, Why::Serve(of) | Why::Helps(of) if answered_for(p, of))
                && p.operator == Some(operator)
        };
        let rung = call.legs(|p| answered_for(p, claim)).first().copied();
        let Some(leg) = rung.or_else(|| call.legs(picked_up).first().copied()) else {
            return self.fault(now, format!("{claim:?} was assigned without a leg"));
        };
        let Some(participant) = call.participant_mut(leg) else { return };
        if let Why::Helps(_) = participant.why {
            participant.why = Why::Helps(claim);
            return self.helps(now, call, leg);
        }
        participant.why = Why::Serve(claim);
        if self.is_calling_back(call) {
            return self.offers_callback(now, call, leg);
        }
        self.brief_or_connect(now, call, leg);
    }

    /// Whoever talked with the caller was lost: music at once, and back to where they came from
    /// when nobody has come by then. The caller never hears of it.
    pub(crate) fn lost(&mut self, now: Time, call: &mut Call) {
        // What they were asked into is over.
        let asked = |p: &Participant| p.is_asked_to_talk() && p.rings();
        for leg in call.legs(asked) {
            self.drop_leg(now, call, leg, "");
        }
        let music = self.music(call);
        if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
        if let Some(entry) = call.task().and_then(|task| self.state.tasks.get_mut(&task.key)) {
            entry.stop_talk(now);
        }
        self.set_timer(call, Timer::Alone, Some(now + ALONE));
    }

    /// Nobody came back: to the queue, ahead; without a queue, the operator dialled is rung again.
    pub(crate) fn left_alone(&mut self, now: Time, call: &mut Call) {
        self.return_caller(now, call, "operator lost", 480);
    }

    /// Back to where the caller came from: the queue, ahead; the operator dialled, unless it is
    /// they who are left; or nobody.
    pub(crate) fn return_caller(&mut self, now: Time, call: &mut Call, cause: &str, status: u16) {
        if let Some(task) = call.tasks.last_mut().filter(|task| task.served) {
            task.served = false;
            let task = acd::TaskId(task.key.0);
            self.acd.handle(now, acd::Input::Lost { task, ahead: true });
            return;
        }
        let wanted = call.wanted.filter(|who| !call.operators().contains(who));
        let rung = wanted.map(|who| self.ring_operator(now, call, who, Why::Dialled));
        if rung == Some(Rung::Rings) {
            if let Some(origin) = call.origin_mut() {
                origin.waits(Source::Ringing);
            }
            self.set_timer(call, Timer::Dial, Some(now + super::DIAL_TIMEOUT));
        } else {
            self.end_call(now, call, CallResult::Answered, cause, status);
        }
    }
}

/// Answered for a reservation and not put through yet.
pub(super) fn answered_for(participant: &Participant, claim: acd::ReservationId) -> bool {
    [Why::Serve(claim), Why::Helps(claim)].contains(&participant.why)
        && participant.state == LegState::Up
        && participant.seat != Seat::Connected
}
