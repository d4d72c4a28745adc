//! A transfer under way: one who talks with the customer wants somebody else to (RFC 5589 section 6).
//!
//! | then                      | whoever stays             | whoever asked                               |
//! | ------------------------- | ------------------------- | ------------------------------------------- |
//! | the target is rung        | hears music, then ringing | is told by NOTIFY, left or not; may leave   |
//! | it answers                | talks with it             | is free; gets BYE unless they leave first   |
//! | it does not, they are there | talks with them as before | is told, and goes on                      |
//! | it does not, they are gone | goes back: queue, ahead   | wraps up since they left                   |
//! | whoever stays leaves      |                           | the call is over                            |
//!
//! A queue counts as answering when the task has its place.
//!
//! The one who stays is the call's origin meanwhile and, if it succeeds, from then on: the call is
//! theirs, whoever began it.

use media::Source;
use sip::LegId;

use super::dial::{Refused, cause_of, passed_on};
use super::wait::Joins;
use super::{DIAL_TIMEOUT, LEAVE};
use crate::api::Time;
use crate::call::{Call, Seat, Timer, Transfer, Why};
use crate::config::{Go, Name};
use crate::event::{CallResult, TransferMode, What};
use crate::switch::B2bua;

/// Why a transfer failed, in the word of its event.
fn reason_of(status: u16) -> &'static str {
    match status {
        408 | 480 => "no_answer",
        _ => match cause_of(status) {
            "unreachable" => "no_answer",
            other => other,
        },
    }
}

impl B2bua {
    /// Begins a blind transfer, which was accepted.
    pub(super) fn transfer(
        &mut self,
        now: Time,
        call: &mut Call,
        by: LegId,
        token: u64,
        go: Go,
        to: Name,
    ) {
        self.transfer_begins(now, call, by, token, to, TransferMode::Blind);
        let music = self.music(call);
        for participant in &mut call.participants {
            if participant.talks() {
                participant.waits(music.clone());
            }
        }
        if let Go::Queue { queue, priority_s } = &go {
            let joins = Joins { priority_s: *priority_s, despite_limits: false };
            return self.enqueue(now, call, queue, joins);
        }
        match self.dial(now, call, go, Why::Referred) {
            Ok(()) => self.set_timer(call, Timer::Dial, Some(now + DIAL_TIMEOUT)),
            Err(Refused { status, .. }) => self.transfer_failed(now, call, status),
        }
    }

    /// Notes who asked; whoever stays is the origin from now on.
    pub(super) fn transfer_begins(
        &mut self,
        now: Time,
        call: &mut Call,
        by: LegId,
        token: u64,
        to: Name,
        mode: TransferMode,
    ) {
        let Some(asks) = call.participant(by) else { return };
        let (participant, operator, was) = (asks.id, asks.operator, asks.why);
        let stays = call.participants.iter_mut().find(|p| p.leg != by && p.talks());
        let mut stayer = None;
        if let Some(stays) = stays.filter(|_| was == Why::Arrived) {
            stayer = Some((stays.leg, stays.why));
            stays.why = Why::Arrived;
        }
        if let Some(asks) = call.participant_mut(by).filter(|_| stayer.is_some()) {
            asks.why = Why::Dialled;
        }
        call.transfer =
            Some(Transfer { by: Some(by), told: by, token, to: to.clone(), was, stayer });
        let operator = operator.map(|id| self.directory.operator_name(id));
        self.tell(now, call, What::TransferStarted { participant, operator, to, mode });
    }

    /// How far it has come, to whoever asked, if they still listen: who has hung up may as well.
    fn notify(&mut self, now: Time, call: &Call, status: u16) {
        if let Some(Transfer { told: leg, token, .. }) = call.transfer {
            self.command_sip(now, sip::Command::Notify { leg, token, status });
        }
    }

    /// The target rings.
    pub(super) fn transfer_rings(&mut self, now: Time, call: &mut Call) {
        self.notify(now, call, 180);
        if let Some(origin) = call.origin_mut() {
            origin.waits(Source::Ringing);
        }
    }

    /// The target answered.
    pub(super) fn transfer_answered(&mut self, now: Time, call: &mut Call, leg: LegId) {
        self.connect(now, call, leg);
        let target = call.participant(leg).and_then(|p| p.operator);
        if let Some(why) = self.hand_over(now, call, target)
            && let Some(target) = call.participant_mut(leg)
        {
            target.why = why;
        } else if let Some(target) = call.participant_mut(leg) {
            target.why = Why::Dialled;
        }
        self.transferred(now, call, target.map(|id| self.directory.operator_name(id)));
    }

    /// The task that was served goes to the operator who takes over; what they are there for. It
    /// ends where nobody does, or where it was the customer who left.
    pub(super) fn hand_over(
        &mut self,
        now: Time,
        call: &mut Call,
        to: Option<acd::OperatorId>,
    ) -> Option<Why> {
        let was = call.transfer.as_ref().map(|transfer| transfer.was);
        let at = call.tasks.iter().position(|task| task.served)?;
        let key = call.tasks[at].key;
        let task = acd::TaskId(key.0);
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            entry.stop_talk(now);
        }
        if let (Some(to), Some(why @ Why::Serve(_))) = (to, was) {
            self.acd.handle(now, acd::Input::Handed { task, to: Some(to) });
            if let Some(entry) = self.state.tasks.get_mut(&key) {
                (entry.served, entry.wrapping) = (Some(now), None);
            }
            return Some(why);
        }
        call.tasks.remove(at);
        self.acd.handle(now, acd::Input::Completed { task });
        None
    }

    /// It is done: whoever asked is free, and is given a moment to leave by themselves.
    pub(super) fn transferred(&mut self, now: Time, call: &mut Call, operator: Option<Name>) {
        self.notify(now, call, 200);
        let Some(Transfer { by, to, .. }) = call.transfer.take() else { return };
        self.set_timer(call, Timer::Dial, None);
        let music = self.music(call);
        if let Some(asked) = by.and_then(|leg| call.participant_mut(leg)) {
            asked.why = Why::Left;
            asked.waits(music);
            let id = asked.id;
            self.set_timer(call, Timer::Leave(id), Some(now + LEAVE));
        }
        self.tell(now, call, What::TransferCompleted { operator, to });
    }

    /// The task of a customer who was moved to a queue has its place there.
    pub(super) fn transfer_queued(&mut self, now: Time, call: &mut Call) {
        let _ = self.hand_over(now, call, None);
        self.transferred(now, call, None);
    }

    /// Nobody is to be had: back to whoever asked, or where the customer came from.
    pub(super) fn transfer_failed(&mut self, now: Time, call: &mut Call, status: u16) {
        let Some(transfer) = &call.transfer else { return };
        let (to, is_there) = (transfer.to.clone(), transfer.by.is_some());
        self.notify(now, call, passed_on(status, false));
        self.set_timer(call, Timer::Dial, None);
        let failed = What::TransferFailed { to, reason: reason_of(status).into(), hangup: false };
        self.tell(now, call, failed);
        let Some(transfer) = call.transfer.take() else { return };
        if !is_there {
            return self.back(now, call, status);
        }
        for participant in &mut call.participants {
            if Some(participant.leg) == transfer.by {
                participant.why = transfer.was;
            }
            if let Some((_, why)) = transfer.stayer.filter(|(leg, _)| *leg == participant.leg) {
                participant.why = why;
            }
            if participant.state == crate::call::LegState::Up && participant.why != Why::Left {
                participant.seat = Seat::Connected;
            }
        }
    }

    /// Nobody is left but the customer.
    fn back(&mut self, now: Time, call: &mut Call, status: u16) {
        let music = self.music(call);
        if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
        self.return_caller(now, call, "transfer failed", status);
    }

    /// Whoever asked has left before it was done: they are free, the transfer goes on.
    pub(super) fn transferor_left(&mut self, now: Time, call: &mut Call) {
        let Some(transfer) = &mut call.transfer else { return };
        transfer.by = None;
        let hands_on = matches!(transfer.was, Why::Serve(_));
        let Some(at) = call.tasks.iter().position(|task| task.served) else { return };
        let key = call.tasks[at].key;
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            entry.stop_talk(now);
        }
        let task = acd::TaskId(key.0);
        if hands_on {
            return self.acd.handle(now, acd::Input::Handed { task, to: None });
        }
        // It was the customer who left: whoever served them waits for the target in their own name.
        call.tasks.remove(at);
        self.acd.handle(now, acd::Input::Completed { task });
    }

    /// The call ends while a transfer is under way.
    pub(super) fn transfer_ends(&mut self, now: Time, call: &mut Call, result: CallResult) {
        self.notify(now, call, 487);
        if let Some(Transfer { to, .. }) = call.transfer.take() {
            let reason = if result == CallResult::Abandoned { "caller_gone" } else { "error" };
            let failed = What::TransferFailed { to, reason: reason.into(), hangup: true };
            self.tell(now, call, failed);
        }
    }
}
