//! Every end of a leg is an input to its call; the call decides. The customer's leg outlives
//! everybody else's mistakes.

use std::collections::BTreeMap;

use sip::msg::{Message, Method};
use sip::{EndCause, Headers, LegId};

use super::reason;
use crate::api::{Output, Time};
use crate::call::{Call, LegState, Participant, Seat, Task, Timer, Why};
use crate::event::{CallResult, HelpEnd, Phase, Role, TransferMode, What};
use crate::headers;
use crate::id::ParticipantId;
use crate::switch::B2bua;

/// Why a call is over that its operator has ended.
pub(super) const HUNG_UP: &str = "operator hung up";

/// What there was of somebody who has left, or whose seat is taken.
pub(super) struct Gone {
    pub(super) id: ParticipantId,
    pub(super) operator: Option<acd::OperatorId>,
    pub(super) why: Why,
    pub(super) role: Role,
    /// They took part in their own right.
    pub(super) talked: bool,
    /// They were asked, outside, whether they would.
    pub(super) asked: bool,
    /// They were told something before they would have.
    pub(super) briefed: bool,
    /// They were on hold by order.
    pub(super) held: bool,
}

impl Gone {
    pub(super) fn of(participant: &Participant) -> Self {
        let Participant { id, operator, why, role, .. } = participant;
        let (talked, briefed) = (participant.talks(), participant.is_briefed());
        let held = participant.hold.is_some();
        let asked = participant.asked;
        Self { id: *id, operator: *operator, why: *why, role: *role, talked, asked, briefed, held }
    }
}

impl B2bua {
    /// The endpoint says that a leg is over.
    pub(crate) fn leg_ended(
        &mut self,
        now: Time,
        leg: LegId,
        cause: EndCause,
        request: Option<&Message>,
    ) {
        self.with_leg(leg, |switch, call| {
            let Some(participant) = call.participant(leg) else { return };
            let gone = Gone::of(participant);
            switch.help_becomes_transfer(now, call, leg);
            let hands_on = call.transfer.as_ref().is_some_and(|t| t.by == Some(leg));
            let was_asked = Self::is_consulted(call, leg);
            let text = cause_text(cause);
            switch.leg_over(now, call, leg, text, request.and_then(reason::said));
            call.parting = request.and_then(reason::passed_on);
            call.farewell = switch.farewell(call, leg, request);
            switch.forget_leg(now, call, leg);
            match gone.why {
                _ if switch.leaves_delivered(now, call, leg, cause) => {}
                _ if gone.asked => switch.declines_outside(now, call, &gone),
                _ if hands_on => switch.transferor_left(now, call),
                _ if was_asked => switch.transfer_failed(now, call, 603),
                _ if switch.goes_on_apart(now, call, gone.role, text) => {}
                Why::Arrived if passes_on(call, &gone) => {}
                _ if switch.tells_gone(now, call, &gone) => {}
                Why::Arrived => {
                    switch.end_call(now, call, CallResult::Abandoned, text, 487);
                }
                _ => switch.parted(now, call, &gone, cause == EndCause::Bye),
            }
            call.parting = None;
            call.farewell.clear();
        });
    }

    /// Somebody other than the one whose call it is has left.
    pub(super) fn parted(&mut self, now: Time, call: &mut Call, gone: &Gone, hung_up: bool) {
        if self.is_calling_back(call) {
            return self.caller_back_left(now, call, gone);
        }
        let company = call.participants.iter().filter(|p| p.talks()).count();
        match company {
            _ if gone.briefed => self.back_to_queue(now, call),
            // Whoever took no part, a supervisor say, changes nothing.
            _ if !gone.talked => self.end_deserted(now, call),
            2.. => self.inherit(now, call, gone),
            _ if call.participants.iter().all(Participant::supervises) => {
                self.end_deserted(now, call);
            }
            _ if self.give_back(now, call) => {}
            // In a plain call a hang-up ends the call, or leads on.
            _ if hung_up && !call.is_left_by_both(now) => {
                if !self.leads_on(now, call, gone) {
                    self.end_call(now, call, CallResult::Answered, HUNG_UP, 480);
                }
            }
            _ => self.lost(now, call),
        }
    }

    /// Whoever served has left others talking: the task is that of a colleague among them, or over.
    fn inherit(&mut self, now: Time, call: &mut Call, gone: &Gone) {
        // First whoever was asked for help with it.
        let helper = call.helper().map(|p| p.id);
        let served = call.tasks.iter().position(|task| task.served);
        let (Some(at), Why::Serve(_)) = (served, gone.why) else {
            if call.help.as_ref().is_some_and(|help| help.by == gone.id) {
                self.helper_stays(now, call);
            }
            return;
        };
        let can = |p: &&mut Participant| p.talks() && p.operator.is_some() && p.why != Why::Arrived;
        let heirs = call.participants.iter_mut().filter(can);
        if let Some(heir) = heirs.min_by_key(|p| Some(p.id) != helper) {
            heir.why = gone.why;
            let to = heir.operator;
            self.changes_hands(now, call, gone, to, TransferMode::Inherited);
            return;
        }
        self.task_is_done(now, call, at);
    }

    /// Nobody serves it any more, and the call goes on.
    pub(super) fn task_is_done(&mut self, now: Time, call: &mut Call, at: usize) {
        let task = call.tasks.remove(at);
        if let Some(entry) = self.state.tasks.get_mut(&task.key) {
            entry.stop_talk(now);
        }
        self.acd.handle(now, acd::Input::Completed { task: acd::TaskId(task.key.0) });
    }

    pub(super) fn leg_over(
        &mut self,
        now: Time,
        call: &Call,
        leg: LegId,
        cause: &str,
        reason: Option<String>,
    ) {
        let Some(participant) = call.participant(leg) else { return };
        if participant.planned.is_some() {
            self.left(now, call, participant);
        }
        let operator = participant.operator.map(|id| self.directory.operator_name(id));
        let (participant, role, cause) = (participant.id, participant.role, cause.into());
        self.tell(now, call, What::LegEnded { participant, role, operator, cause, reason });
    }

    /// Ends a leg that is ours to end, and forgets it.
    pub(crate) fn drop_leg(&mut self, now: Time, call: &mut Call, leg: LegId, reason: &str) {
        let headers = reason::field(reason);
        self.command_sip(now, sip::Command::End { leg, status: 480, headers });
        self.leg_over(now, call, leg, "ended", None);
        self.forget_leg(now, call, leg);
    }

    /// One who has handed the call on does not leave by themselves.
    pub(crate) fn leave_over(&mut self, now: Time, call: &mut Call, id: ParticipantId) {
        for leg in call.legs(|p| p.id == id) {
            self.drop_leg(now, call, leg, "");
        }
        self.end_deserted(now, call);
    }

    /// CANCEL, BYE or a final response, whatever ends the leg where it stands, for this reason.
    pub(crate) fn hang_up_leg(&mut self, now: Time, leg: LegId, status: u16, reason: &str) {
        let headers = reason::field(reason);
        self.command_sip(now, sip::Command::End { leg, status, headers });
    }

    /// Gives back what a leg of the call's held.
    pub(crate) fn forget_leg(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        let participant = call.participants.remove(at);
        self.state.legs.remove(&leg);
        call.moving.remove(&leg);
        let theirs = |timer: &Timer| timer.participant() == Some(participant.id);
        for timer in call.timers.keys().copied().filter(theirs).collect::<Vec<_>>() {
            self.set_timer(call, timer, None);
        }
        self.close_media(&participant);
        self.play_left(now, call, &participant);
        self.sent_left(now, call, leg);
        let was_heard = participant.early && participant.seat == Seat::Connected;
        if was_heard && participant.rings() {
            call.early_over();
        }
        if participant.joined {
            self.tell(now, call, What::ParticipantLeft { participant: participant.id });
        }
    }

    fn close_media(&mut self, participant: &Participant) {
        if participant.planned.is_some() {
            let command = media::Command::EndLeg(media::LegId(participant.leg.0));
            self.output(Output::Media { thread: participant.lease.thread, command });
        }
        self.release(participant.lease);
        let count = participant.trunk.as_ref().and_then(|name| self.state.by_trunk.get_mut(name));
        if let Some(count) = count {
            *count -= 1;
        }
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
        self.delivery_over(call);
        let bot = Self::told_bot(call, result);
        self.transfer_ends(now, call, result);
        self.end_help(
            now,
            call,
            match result {
                CallResult::Ended => HelpEnd::CallEnded,
                _ => HelpEnd::CustomerLeft,
            },
        );
        call.over = true;
        self.gave_up(now, call, result);
        self.record(now, call);
        // Whoever has talked was not left alone, however it ends.
        let result = match result {
            CallResult::Abandoned | CallResult::Failed if call.answered => CallResult::Answered,
            other => other,
        };
        for timer in call.timers.keys().copied().collect::<Vec<_>>() {
            self.set_timer(call, timer, None);
        }
        self.end_conference(call);
        let parting = call.parting.take();
        let legs = call.participants.iter().map(|p| (p.leg, p.state, self.last_words(call, p)));
        for (leg, state, words) in legs.collect::<Vec<_>>() {
            let reason = parting
                .as_ref()
                .filter(|reason| state != LegState::Invited || reason::fits_response(reason));
            let headers = reason.map(|reason| ("Reason".into(), reason.clone()));
            let told = bot.iter().filter(|(bot, _)| *bot == leg).flat_map(|(_, told)| told.clone());
            let headers = headers.into_iter().chain(words).chain(told).collect();
            self.command_sip(now, sip::Command::End { leg, status, headers });
            self.leg_over(now, call, leg, "ended", None);
            self.forget_leg(now, call, leg);
        }
        self.tell_occupied(now, call);
        for task in call.tasks.clone() {
            self.end_task(now, task, result);
        }
        let totals = call.clock.turn(now, Phase::Wait);
        let ended = What::CallEnded { result, cause: cause.into(), totals };
        self.tell(now, call, ended);
        self.dirty.remove(&call.key);
    }

    /// What one of two who talk says to the other by hanging up: the User-to-User of the BYE, as far
    /// as it may become context.
    fn farewell(
        &self,
        call: &Call,
        leg: LegId,
        request: Option<&Message>,
    ) -> BTreeMap<String, String> {
        let bye = request.filter(|request| request.method() == Some(&Method::Bye));
        let leaver = call.participant(leg).filter(|participant| participant.talks());
        let talk = call.participants.iter().filter(|p| p.talks()).count() == 2;
        let (Some(bye), Some(leaver), true) = (bye, leaver, talk) else { return BTreeMap::new() };
        let (rules, party) = self.policy(leaver.operator, leaver.trunk.as_ref());
        let limits = &self.directory.config.limits;
        let mut words = headers::taken(bye, rules, party, true, limits).context;
        words.retain(|name, _| name == sip::msg::Name::UserToUser.as_str());
        words
    }

    /// The same as the one who is left hears it.
    fn last_words(&self, call: &Call, participant: &Participant) -> Headers {
        if call.farewell.is_empty() || !participant.talks() {
            return Headers::new();
        }
        let (rules, party) = self.policy(participant.operator, participant.trunk.as_ref());
        headers::told(&call.farewell, rules, party)
    }

    pub(super) fn end_task(&mut self, now: Time, task: Task, result: CallResult) {
        if let Some(entry) = self.state.tasks.get_mut(&task.key) {
            entry.stop_talk(now);
        }
        let id = acd::TaskId(task.key.0);
        let input = if task.served {
            acd::Input::Completed { task: id }
        } else {
            acd::Input::Withdraw { task: id, cause: withdrawal(result) }
        };
        self.acd.handle(now, input);
    }
}

/// Whoever called out leaves others talking: the call is theirs, the customer's before anybody's.
fn passes_on(call: &mut Call, gone: &Gone) -> bool {
    if gone.operator.is_none()
        || gone.role == Role::Customer
        || call.participants.iter().filter(|p| p.talks()).count() < 2
    {
        return false;
    }
    let left = call.participants.iter_mut().filter(|p| p.talks());
    if let Some(heir) = left.min_by_key(|p| p.role != Role::Customer) {
        heir.why = Why::Arrived;
    }
    true
}

fn withdrawal(result: CallResult) -> acd::Withdrawal {
    match result {
        // One who was served before and waited again has left as well.
        CallResult::Abandoned | CallResult::Answered => acd::Withdrawal::Abandoned,
        CallResult::Ended => acd::Withdrawal::Removed,
        CallResult::Failed | CallResult::Crash => acd::Withdrawal::Failed,
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
        EndCause::Expired => "expired",
    }
}
