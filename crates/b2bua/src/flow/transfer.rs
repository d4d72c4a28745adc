//! A transfer under way: somebody else is to have the customer, since one who talks with them wants it
//! by REFER (RFC 5589 section 6), or since it was ordered.
//!
//! | then                      | whoever stays             | whoever asked                               |
//! | ------------------------- | ------------------------- | ------------------------------------------- |
//! | the target is rung        | hears music, then ringing | is told by NOTIFY, left or not; may leave   |
//! | it answers                | talks with it             | is free; gets BYE unless they leave first   |
//! | it does not, they are there | talks with them as before | is told, and goes on                      |
//! | it does not, they are gone | goes back: queue, ahead; or where the order said | wraps up since they left |
//! | whoever stays leaves      |                           | the call is over                            |
//!
//! By order it is the same, but that in a cold one whoever has the customer is free at once, and that in
//! a warm one ([`super::warm`]) they talk with the target first. There a queue has answered when an
//! operator has; by REFER a queue counts as answering when the task has its place.
//!
//! The one who stays is the call's origin meanwhile and, if it succeeds, from then on: the call is
//! theirs, whoever began it.

use media::Source;
use sip::{Headers, LegId};

use super::dial::{Refused, cause_of, passed_on};
use super::ring::Errand;
use super::wait::Joins;
use super::{DIAL_TIMEOUT, LEAVE};
use crate::api::Time;
use crate::call::{
    Call, Fallback, LegState, Next, Participant, Seat, Sent, Terms, Timer, Transfer, Why,
};
use crate::config::{Go, Name};
use crate::event::{CallResult, TransferMode, What};
use crate::sound::Audio;
use crate::switch::B2bua;

/// What a caller hears for whom there is nobody.
const NOBODY: &str = "nobody-here";

/// Why a transfer failed, in the word of its event.
pub(super) fn reason_of(status: u16) -> &'static str {
    match status {
        408 | 480 => "no_answer",
        487 => "cancelled",
        _ => match cause_of(status) {
            "unreachable" => "no_answer",
            other => other,
        },
    }
}

/// A destination as records show it.
pub(super) fn described(go: &Go) -> Name {
    match go {
        Go::Queue { queue: name, .. } | Go::Operator(name) | Go::Bot(name) => name.clone(),
        Go::Uri(uri) => uri.bare().to_string().into(),
        Go::Number { number, .. } => number.as_str().into(),
        Go::Announce(_)
        | Go::Menu(_)
        | Go::Park { .. }
        | Go::Hook(_)
        | Go::Reject(_)
        | Go::Drop => Name::default(),
    }
}

/// A transfer that is to begin.
pub(super) struct Beginning {
    /// Whose part somebody else is to have.
    pub(super) by: Option<LegId>,
    pub(super) refer: Option<(LegId, u64)>,
    pub(super) to: Name,
    pub(super) mode: TransferMode,
    pub(super) terms: Terms,
}

impl B2bua {
    /// Begins a transfer to somebody who is not in the call yet, and may be.
    pub(super) fn transfer(
        &mut self,
        now: Time,
        call: &mut Call,
        beginning: Beginning,
        go: Go,
        headers: Headers,
    ) {
        let due = beginning.terms.timeout.unwrap_or(DIAL_TIMEOUT);
        self.transfer_begins(now, call, beginning);
        let music = self.music(call);
        for participant in &mut call.participants {
            if participant.talks() {
                participant.waits(music.clone());
            }
        }
        call.given = headers;
        if let Go::Queue { queue, priority_s, manner } = &go {
            let joins = Joins { priority_s: *priority_s, manner: *manner, despite_limits: false };
            return self.enqueue(now, call, queue, joins);
        }
        match self.dial(now, call, go, Errand::from(Why::Referred)) {
            Ok(()) => self.set_timer(call, Timer::Dial, Some(now + due)),
            Err(Refused { status, .. }) => self.transfer_failed(now, call, status),
        }
    }

    /// Notes who asked; whoever stays is the origin from now on.
    pub(super) fn transfer_begins(&mut self, now: Time, call: &mut Call, beginning: Beginning) {
        let Beginning { by, refer, to, mode, terms } = beginning;
        let asks = by.and_then(|leg| call.participant(leg));
        let was = asks.map_or(Why::Left, |asks| asks.why);
        let is_bots = asks.is_some_and(Participant::is_bot);
        let (participant, operator) = (asks.map(|p| p.id), asks.and_then(|p| p.operator));
        let stays = call.participants.iter_mut().find(|p| Some(p.leg) != by && p.talks());
        let mut stayer = None;
        if let Some(stays) = stays.filter(|_| was == Why::Arrived) {
            stayer = Some((stays.leg, stays.why));
            stays.why = Why::Arrived;
        }
        let asks = by.filter(|_| stayer.is_some()).and_then(|leg| call.participant_mut(leg));
        if let Some(asks) = asks {
            asks.why = Why::Dialled;
        }
        let task = call.tasks.iter().find(|task| task.served).map(|task| task.key);
        call.transfer = Some(Transfer {
            by,
            refer,
            to: to.clone(),
            mode,
            was,
            is_bots,
            stayer,
            task,
            terms,
            consulted: None,
        });
        let operator = operator.map(|id| self.directory.operator_name(id));
        self.tell(now, call, What::TransferStarted { participant, operator, to, mode });
    }

    /// How far it has come, to whoever asked, if they still listen: who has hung up may as well.
    fn notify(&mut self, now: Time, call: &Call, status: u16) {
        if let Some((leg, token)) = call.transfer.as_ref().and_then(|transfer| transfer.refer) {
            self.command_sip(now, sip::Command::Notify { leg, token, status });
        }
    }

    /// The target rings: whoever is to talk with it hears that.
    pub(super) fn transfer_rings(&mut self, now: Time, call: &mut Call) {
        self.notify(now, call, 180);
        let partner = call.partner();
        if let Some(partner) = partner.and_then(|leg| call.participant_mut(leg)) {
            partner.waits(Source::Ringing);
        }
    }

    /// The target answered.
    pub(super) fn transfer_answered(&mut self, now: Time, call: &mut Call, leg: LegId) {
        self.connect(now, call, leg);
        self.transfer_reached(now, call, leg);
    }

    /// The target has been put through to its partner.
    pub(super) fn transfer_reached(&mut self, now: Time, call: &mut Call, leg: LegId) {
        self.set_timer(call, Timer::Dial, None);
        match &mut call.transfer {
            Some(transfer) if transfer.is_consulting() => transfer.consulted = Some(leg),
            _ => self.transfer_done(now, call, leg),
        }
    }

    /// Whoever answered has the customer.
    pub(super) fn transfer_done(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(target) = call.participant(leg) else { return };
        let (operator, has_task) = (target.operator, matches!(target.why, Why::Serve(_)));
        let why = self.hand_over(now, call, operator.filter(|_| !has_task));
        if let Some(target) = call.participant_mut(leg).filter(|_| !has_task) {
            target.why = why.unwrap_or(Why::Dialled);
        }
        let operator = operator.map(|id| self.directory.operator_name(id));
        self.transferred(now, call, Some(leg), operator);
    }

    /// The task that was served goes to the operator who takes over; what they are there for. It
    /// ends where nobody does, or where it was the customer who left.
    pub(super) fn hand_over(
        &mut self,
        now: Time,
        call: &mut Call,
        to: Option<acd::OperatorId>,
    ) -> Option<Why> {
        let transfer = call.transfer.as_ref()?;
        let (was, key) = (transfer.was, transfer.task?);
        let at = call.tasks.iter().position(|task| task.key == key)?;
        let task = acd::TaskId(key.0);
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            entry.stop_talk(now);
        }
        if let (Some(to), Why::Serve(_)) = (to, was) {
            self.acd.handle(now, acd::Input::Handed { task, to: Some(to) });
            if let Some(entry) = self.state.tasks.get_mut(&key) {
                (entry.served, entry.wrapping) = (Some(now), None);
            }
            return Some(was);
        }
        call.tasks.remove(at);
        self.acd.handle(now, acd::Input::Completed { task });
        None
    }

    /// It is done: whoever asked is free. One who did so by phone is given a moment to leave by
    /// themselves.
    pub(super) fn transferred(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: Option<LegId>,
        operator: Option<Name>,
    ) {
        let Some(transfer) = call.transfer.take() else { return };
        let Transfer { by, to, refer, terms, .. } = transfer.clone();
        self.set_timer(call, Timer::Dial, None);
        call.recording.is_left_behind |= transfer.is_bots && !terms.records;
        if terms.continues {
            self.lend(call, &transfer);
            self.sent_on(now, call, leg.map(|leg| Sent { to: to.clone(), leg }));
            return self.tell(now, call, What::TransferCompleted { operator, to });
        }
        if let Some((leg, token)) = refer {
            self.command_sip(now, sip::Command::Notify { leg, token, status: 200 });
        }
        self.sent_on(now, call, leg.map(|leg| Sent { to: to.clone(), leg }));
        let music = self.music(call);
        let mut asked = None;
        if let Some(participant) = by.and_then(|leg| call.participant_mut(leg)) {
            participant.why = Why::Left;
            participant.waits(music);
            asked = Some((participant.leg, participant.id));
        }
        self.tell(now, call, What::TransferCompleted { operator, to });
        match asked {
            Some((_, id)) if refer.is_some() => {
                self.set_timer(call, Timer::Leave(id), Some(now + LEAVE));
            }
            Some((leg, _)) => self.drop_leg(now, call, leg, ""),
            None => {}
        }
    }

    /// The task of a customer who was moved to a queue has its place there; where somebody has to
    /// answer they have so long for it.
    pub(super) fn transfer_queued(&mut self, now: Time, call: &mut Call) {
        let Some(transfer) = &call.transfer else { return };
        if let Some(timeout) = transfer.terms.timeout {
            if !call.timers.contains_key(&Timer::Dial) {
                self.set_timer(call, Timer::Dial, Some(now + timeout));
            }
            return;
        }
        let _ = self.hand_over(now, call, None);
        self.transferred(now, call, None, None);
    }

    /// Nobody is to be had: back to whoever asked, or where the customer came from.
    pub(super) fn transfer_failed(&mut self, now: Time, call: &mut Call, status: u16) {
        let Some(transfer) = &call.transfer else { return };
        let (to, is_there) = (transfer.to.clone(), transfer.by.is_some());
        self.notify(now, call, passed_on(status, false));
        self.set_timer(call, Timer::Dial, None);
        self.forget_target(now, call, status);
        let failed = What::TransferFailed { to, reason: reason_of(status).into(), hangup: false };
        self.tell(now, call, failed);
        let Some(transfer) = call.transfer.take() else { return };
        if !is_there {
            return self.back(now, call, &transfer, status);
        }
        call.given.clear();
        if transfer.terms.continues {
            return self.bot_failed(now, call, &transfer);
        }
        if let Some(bot) = transfer.by.filter(|_| transfer.is_bots) {
            self.drop_leg(now, call, bot, "");
            return self.back(now, call, &transfer, status);
        }
        for participant in &mut call.participants {
            if Some(participant.leg) == transfer.by {
                participant.why = transfer.was;
            }
            if let Some((_, why)) = transfer.stayer.filter(|(leg, _)| *leg == participant.leg) {
                participant.why = why;
            }
            if participant.state == LegState::Up
                && !matches!(participant.why, Why::Left | Why::Lent)
            {
                participant.seat = Seat::Connected;
            }
        }
    }

    /// Who is rung, or was talked with, for a transfer that comes to nothing is out of it, and so is
    /// the task that was made for it.
    fn forget_target(&mut self, now: Time, call: &mut Call, status: u16) {
        let Some(transfer) = &call.transfer else { return };
        let (kept, consulted) = (transfer.task, transfer.consulted);
        let made = call.tasks.iter().filter(|task| Some(task.key) != kept).copied();
        let made: Vec<_> = made.collect();
        let is_target =
            |p: &Participant| p.why == Why::Referred || Some(p.leg) == consulted || p.is_briefed();
        for leg in call.legs(is_target) {
            self.drop_leg(now, call, leg, "");
        }
        self.set_timer(call, Timer::Brief, None);
        self.moves_on(call);
        call.tasks.retain(|task| Some(task.key) == kept);
        for task in made {
            if let Some(entry) = self.state.tasks.get_mut(&task.key) {
                entry.stop_talk(now);
            }
            let id = acd::TaskId(task.key.0);
            let cause = match status {
                408 => acd::Withdrawal::Expired,
                _ => acd::Withdrawal::Moved,
            };
            self.acd.handle(
                now,
                match task.served {
                    true => acd::Input::Completed { task: id },
                    false => acd::Input::Withdraw { task: id, cause },
                },
            );
        }
    }

    /// Nobody is left but the customer: where was said for that, or where they came from.
    fn back(&mut self, now: Time, call: &mut Call, failed: &Transfer, status: u16) {
        let music = self.music(call);
        if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
        if let Some(entry) = failed.task.and_then(|task| self.state.tasks.get_mut(&task)) {
            entry.stop_talk(now);
        }
        match &failed.terms.fallback {
            _ if failed.terms.continues => self.bot_failed(now, call, failed),
            Fallback::Go(go) => {
                let Transfer { was, is_bots, ref terms, .. } = *failed;
                let terms = Terms { fallback: Fallback::Return, ..terms.clone() };
                let (to, mode) = (described(go), TransferMode::Fallback);
                let beginning = Beginning { by: None, refer: None, to, mode, terms };
                let given = call.given.clone();
                self.transfer(now, call, beginning, go.clone(), given);
                if let Some(transfer) = &mut call.transfer {
                    (transfer.was, transfer.is_bots) = (was, is_bots);
                }
            }
            Fallback::HangUp => self.regret(now, call, status),
            Fallback::Return => {
                call.given.clear();
                let has_place = call.tasks.iter().any(|task| task.served) || call.wanted.is_some();
                if has_place {
                    self.return_caller(now, call, "transfer failed", status);
                } else if !self.give_back(now, call) {
                    self.regret(now, call, status);
                }
            }
        }
    }

    /// There is nobody for them, nor a place to go back to: they are told so before the call ends.
    pub(super) fn regret(&mut self, now: Time, call: &mut Call, status: u16) {
        let audio = Audio::Prompt(vec![NOBODY.into()]);
        let end = Next::End(CallResult::Failed, "nobody there".into(), status);
        self.tell_caller(now, call, audio, end);
    }

    /// Whoever asked has left before it was done: they are free, the transfer goes on.
    pub(super) fn transferor_left(&mut self, now: Time, call: &mut Call) {
        let Some(transfer) = &mut call.transfer else { return };
        transfer.by = None;
        let (hands_on, key) = (matches!(transfer.was, Why::Serve(_)), transfer.task);
        if let Some(target) = transfer.consulted.take() {
            return self.meet(now, call, target);
        }
        let Some(at) = call.tasks.iter().position(|task| Some(task.key) == key) else { return };
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

    /// The call ends while a transfer is under way, or after one.
    pub(super) fn transfer_ends(&mut self, now: Time, call: &mut Call, result: CallResult) {
        self.notify(now, call, 487);
        if let Some((leg, token)) = call.lent.as_ref().and_then(|lent| lent.refer) {
            self.command_sip(now, sip::Command::Notify { leg, token, status: 200 });
        }
        let hangup = result == CallResult::Abandoned;
        if let Some(Transfer { to, .. }) = call.transfer.take() {
            let reason = if hangup { "caller_gone" } else { "error" };
            let failed = What::TransferFailed { to, reason: reason.into(), hangup };
            self.tell(now, call, failed);
        }
        if let Some(Sent { to, .. }) = call.sent.take() {
            self.tell(now, call, What::TransferEnded { to, hangup });
        }
    }

    /// Somebody else has the customer from now on: the part of whoever had them is over.
    fn sent_on(&mut self, now: Time, call: &mut Call, sent: Option<Sent>) {
        if let Some(Sent { to, .. }) = core::mem::replace(&mut call.sent, sent) {
            self.tell(now, call, What::TransferEnded { to, hangup: false });
        }
    }

    /// A leg leaves: if it had the customer by a transfer, its part is over.
    pub(super) fn sent_left(&mut self, now: Time, call: &mut Call, leg: LegId) {
        if call.sent.as_ref().is_some_and(|sent| sent.leg == leg) {
            self.sent_on(now, call, None);
        }
        if let Some(lent) = &mut call.lent {
            lent.leg.take_if(|bot| *bot == leg);
        }
    }
}

impl Transfer {
    /// Whoever asked talks with the target before the customer does.
    pub(super) fn is_consulting(&self) -> bool {
        self.mode == TransferMode::Warm && self.by.is_some()
    }
}

impl Call {
    /// To whom one who answers is put through: the caller, or whoever wants to hand them on.
    pub(super) fn partner(&self) -> Option<LegId> {
        let consulting = self.transfer.as_ref().filter(|transfer| transfer.is_consulting());
        match consulting {
            Some(transfer) => transfer.by,
            None => self.origin().map(|origin| origin.leg),
        }
    }
}
