//! Help: whoever talks with a customer (A, with B) asks a colleague, or a queue's (C). One field of the
//! call says so; who is held by it, what is told of it and when it is over are asked anew each turn.
//!
//! | moment                          | two-party                          | three-party        |
//! | ------------------------------- | ---------------------------------- | ------------------ |
//! | C answers                       | B is held, A and C talk            | all three talk     |
//! | C leaves, does not answer       | A and B talk                       | the same           |
//! | A takes B back                  | C is out                           | the same           |
//! | A leaves                        | B and C talk, B's task is C's      | the same           |
//! | A leaves while C rings          | a transfer to C, or to the queue   | the same           |
//! | B leaves                        | A and C go on in a call of their own (`part.rs`) | the same |
//! | A and C are lost, or both leave | B is back in the queue, ahead      | the same           |
//!
//! The part of A and C has an id: a second handle on the conference, by which B is taken back, and the
//! key of the call in which they go on. A queue that is asked has a task of theirs, and not B's.

use acd::{Enqueue, TaskId};
use serde::{Deserialize, Serialize};

use super::ring::Errand;
use super::transfer::{Beginning, reason_of};
use super::wait::Joins;
use crate::act::{Asker, HelpWanted, Whom};
use crate::api::{Problem, Reply, Time};
use crate::call::{Call, Participant, Task, TaskEntry, Terms, Timer, Why};
use crate::config::{Go, HelpHold, Manner, Name, OnLimit, Then};
use crate::event::{CallResult, HelpEnd, HelpMode, Role, TransferMode, What};
use crate::id::{CallKey, ParticipantId, TaskKey};
use crate::switch::B2bua;

/// A help that is not over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Help {
    /// Names the part of those two.
    pub(crate) key: CallKey,
    /// Who has asked.
    pub(crate) by: ParticipantId,
    /// Whom, as they said it.
    pub(crate) to: Name,
    mode: HelpMode,
    hold: HelpHold,
    /// Legs rung by this order are theirs.
    order: u64,
    /// Of a queue that was asked.
    pub(crate) task: Option<Task>,
    /// How far events have told it.
    told: Stage,
    /// How the last phone refused.
    status: Option<u16>,
    /// It was ended by order.
    is_taken_back: bool,
    headers: sip::Headers,
}

/// How far a help has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Stage {
    Asked,
    Alerting,
    Talking,
}

impl Help {
    /// Whether a leg is that of whoever was asked.
    pub(crate) fn has(&self, p: &Participant) -> bool {
        match p.why {
            Why::Asked(order) => order == self.order,
            Why::Helps(_) => true,
            Why::Arrived
            | Why::First
            | Why::Serve(_)
            | Why::Dialled
            | Why::CalledBack
            | Why::Referred
            | Why::Left
            | Why::Lent => false,
        }
    }

    fn is_owner_of(&self, task: TaskId) -> bool {
        self.task.is_some_and(|own| own.key.0 == task.0)
    }

    /// Whether nobody of a queue has answered yet.
    fn waits(&self) -> bool {
        self.task.is_some_and(|task| !task.served)
    }

    fn errand(&self, call: &Call, why: Why) -> Errand {
        let by = call.participants.iter().find(|p| p.id == self.by).and_then(|p| p.operator);
        let mut headers = self.headers.clone();
        headers.push(("X-Usher-Help".into(), self.mode.as_str().into()));
        Errand { role: Some(Role::Consultant), headers, by, ..Errand::from(why) }
    }
}

impl Call {
    /// Whoever was asked for help, as far as they take part.
    pub(crate) fn helper(&self) -> Option<&Participant> {
        let help = self.help.as_ref()?;
        self.participants.iter().find(|p| help.has(p) && p.talks())
    }

    /// Whether a task is that of the help, and not the customer's.
    pub(crate) fn is_for_help(&self, task: TaskId) -> bool {
        self.help.as_ref().is_some_and(|help| help.is_owner_of(task))
    }

    /// Whoever has asked for help, while a phone rings for that: left alone they hear it.
    pub(crate) fn hears_ringing(&self) -> Option<sip::LegId> {
        let help = self.help.as_ref()?;
        self.participants.iter().find(|p| help.has(p) && p.rings())?;
        self.participants.iter().find(|p| p.id == help.by).map(|p| p.leg)
    }
}

impl B2bua {
    /// The call that a key names: its own, or that of a help in it.
    pub(crate) fn call_named(&self, key: CallKey) -> CallKey {
        let calls = &self.state.calls;
        if calls.contains_key(&key) {
            return key;
        }
        let is_named = |call: &Call| call.help.as_ref().is_some_and(|help| help.key == key);
        calls.values().find(|call| is_named(call)).map_or(key, |call| call.key)
    }

    /// Asks for help by order.
    pub(super) fn ask_for_help(
        &mut self,
        now: Time,
        call: &mut Call,
        asker: &Asker,
        wanted: &HelpWanted,
    ) -> Result<Reply, Problem> {
        let headers = self.given("context", &wanted.headers)?;
        may_have_help(call)?;
        let by = self.who_asks(call, asker, wanted)?;
        talks_with_a_customer(call, by)?;
        let go = self.wish(now, call, asker, &wanted.whom)?;
        self.is_signed_in(&go)?;
        let queue = call.task().and_then(|task| self.directory.queue(task.queue));
        let hold = queue.map_or(HelpHold::Answer, |queue| queue.help_hold);
        let (key, order) = (CallKey(self.mint()), self.mint());
        let help = Help {
            key,
            by,
            to: said(&wanted.whom),
            mode: wanted.mode,
            hold,
            order,
            task: None,
            told: Stage::Asked,
            status: None,
            is_taken_back: false,
            headers,
        };
        let errand = help.errand(call, Why::Asked(help.order));
        call.help = Some(help);
        if let Go::Queue { queue, priority_s, .. } = &go {
            self.ask_queue(now, call, queue, *priority_s);
        } else if let Err(refused) = self.dial(now, call, go, errand) {
            call.help = None;
            return Err(super::ask::problem(&refused));
        }
        let rung: Vec<ParticipantId> = match &call.help {
            Some(help) => call.participants.iter().filter(|p| help.has(p)).map(|p| p.id).collect(),
            None => Vec::new(),
        };
        for id in rung.iter().copied() {
            self.set_timer(call, Timer::Ring(id), Some(now + Time::from_millis(wanted.timeout_ms)));
        }
        Ok(Reply::Help { help: key, call: call.key, participants: rung })
    }

    fn who_asks(
        &self,
        call: &Call,
        asker: &Asker,
        wanted: &HelpWanted,
    ) -> Result<ParticipantId, Problem> {
        let wrong = |what: &str| Problem::Field { field: "by", what: what.into() };
        let own = match (&wanted.by, asker) {
            (Some(name), _) | (None, Asker::Operator(name)) => Some(self.find(call, asker, name)?),
            (None, Asker::Admin | Asker::Supervisor { .. }) => None,
        };
        let serves =
            |p: &&Participant| p.talks() && p.operator.is_some() && p.role != Role::Customer;
        if let Some(own) = own {
            let asks = self.directory.operator_id(match asker {
                Asker::Operator(name) => name,
                Asker::Admin | Asker::Supervisor { .. } => "",
            });
            return match Some(own).filter(serves) {
                _ if asks.is_some() && own.operator != asks => {
                    Err(Problem::Forbidden("an operator asks for help for themselves".into()))
                }
                Some(own) => Ok(own.id),
                None => Err(wrong("is no operator who talks in this call")),
            };
        }
        let mut all = call.participants.iter().filter(serves);
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only.id),
            (Some(_), Some(_)) => Err(wrong("is needed: several operators talk in this call")),
            (None, _) => Err(Problem::Conflict("no operator talks in this call".into())),
        }
    }

    /// One of ours who is asked has to be there to be asked; busy is what a free one is not.
    fn is_signed_in(&self, go: &Go) -> Result<(), Problem> {
        let Go::Operator(name) = go else { return Ok(()) };
        let view = self.directory.operator_id(name).and_then(|id| self.acd.operator(id));
        match view.map(|view| view.effective.state) {
            Some(acd::Effective::Offline) => {
                Err(Problem::Conflict(format!("{name} is not signed in")))
            }
            _ => Ok(()),
        }
    }

    fn ask_queue(&mut self, now: Time, call: &mut Call, queue: &str, priority_s: Option<u32>) {
        let (Some(help), Some(id)) = (call.help.as_mut(), self.directory.queue_id(queue)) else {
            return;
        };
        let usual = || self.directory.queue(id).map_or(0, |queue| queue.priority_s);
        let priority_s = priority_s.unwrap_or_else(usual);
        let (part, key) = (help.key, TaskKey(self.mint()));
        if let Some(help) = call.help.as_mut() {
            help.task = Some(Task { key, queue: id, priority_s, served: false });
        }
        self.state.tasks.insert(key, TaskEntry::new(Some(part), id, now));
        let start = acd::Utc(self.unix(now));
        let task = Enqueue { priority_s, ..Enqueue::call(TaskId(key.0), id, start) };
        self.acd.handle(now, acd::Input::Enqueue(task));
    }

    /// What an operator is rung for by a reservation: the customer, or the help.
    pub(super) fn errand_for(
        &self,
        call: &Call,
        task: TaskId,
        claim: acd::ReservationId,
    ) -> Errand {
        match call.help.as_ref().filter(|help| help.is_owner_of(task)) {
            Some(help) => help.errand(call, Why::Helps(claim)),
            None => Why::Serve(claim).into(),
        }
    }

    /// One of the queue's operators has answered, and the task of the help is theirs.
    pub(super) fn helps(&mut self, now: Time, call: &mut Call, leg: sip::LegId) {
        let Some(task) = call.help.as_mut().and_then(|help| help.task.as_mut()) else { return };
        task.served = true;
        let task = *task;
        self.tell_assigned(now, task);
        self.serves(now, task.key);
        self.comes_in(now, call, leg);
    }

    /// A limit of the queue that was asked: no caller has met it, so what the queue does with callers
    /// does not matter.
    pub(super) fn help_limited(
        &mut self,
        now: Time,
        call: &mut Call,
        task: TaskId,
        step: &OnLimit,
    ) {
        if step.then == Then::Wait {
            return;
        }
        self.acd.handle(now, acd::Input::Withdraw { task, cause: acd::Withdrawal::Expired });
        if let Some(help) = call.help.as_mut() {
            (help.task, help.status) = (None, Some(480));
        }
    }

    /// A phone that was rung for a help has refused, or was not answered.
    pub(super) fn help_not_answered(&mut self, call: &mut Call, why: Why, status: u16) {
        if let Some(help) = call.help.as_mut().filter(|help| why == Why::Asked(help.order)) {
            help.status = Some(status);
        }
    }

    /// Whoever was asked is out, by order.
    pub(super) fn take_back(&mut self, now: Time, call: &mut Call) -> Result<(), Problem> {
        let none = || Problem::Conflict("nobody helps in this call".into());
        let help = call.help.as_mut().ok_or_else(none)?;
        help.is_taken_back = true;
        let help = help.clone();
        for leg in call.legs(|p| help.has(p)) {
            self.drop_leg(now, call, leg, "");
        }
        self.end_help_task(now, call);
        Ok(())
    }

    /// The task of a help ends with it.
    fn end_help_task(&mut self, now: Time, call: &mut Call) {
        let Some(task) = call.help.as_mut().and_then(|help| help.task.take()) else { return };
        self.end_task(now, task, CallResult::Ended);
    }

    /// Whoever has asked is leaving while the phone of whoever they asked rings, and nobody but the
    /// customer stays: it is a transfer from now on.
    pub(super) fn help_becomes_transfer(&mut self, now: Time, call: &mut Call, leg: sip::LegId) {
        let Some(help) = call.help.clone() else { return };
        let asks = call.participant(leg).is_some_and(|p| p.id == help.by);
        let stay = call.participants.iter().filter(|p| p.leg != leg && p.talks()).count();
        let rings = call.hears_ringing().is_some() || help.waits();
        if !asks || stay != 1 || !rings || help.is_taken_back {
            return;
        }
        let queue = help.task.map(|task| self.directory.queue_name(task.queue));
        self.end_help(now, call, HelpEnd::OperatorLeft);
        let (to, mode, terms) = (help.to.clone(), TransferMode::Blind, Terms::default());
        let beginning = Beginning { by: Some(leg), refer: None, to, mode, terms };
        self.transfer_begins(now, call, beginning);
        let music = self.music(call);
        for stays in call.participants.iter_mut().filter(|p| p.leg != leg && p.talks()) {
            stays.waits(music.clone());
        }
        if let Some(queue) = queue {
            // Who was rung for the help is rung anew for the customer.
            for rung in call.legs(|p| help.has(p)) {
                self.drop_leg(now, call, rung, "");
            }
            let joins =
                Joins { priority_s: None, manner: Manner::default(), despite_limits: false };
            return self.enqueue(now, call, &queue, joins);
        }
        let mut until = None;
        for rung in call.participants.iter_mut().filter(|p| help.has(p)) {
            (rung.why, rung.role) = (Why::Referred, Role::Operator);
            until = until.or(call.timers.get(&Timer::Ring(rung.id)).copied());
        }
        for id in ids(call, |p| p.why == Why::Referred) {
            self.set_timer(call, Timer::Ring(id), None);
        }
        self.set_timer(call, Timer::Dial, until.or(Some(now + super::DIAL_TIMEOUT)));
        if call.participants.iter().any(|p| p.state == crate::call::LegState::Ringing) {
            self.transfer_rings(now, call);
        }
    }

    /// Whoever has asked has left a call of their own, and it is the helper's: one of a queue's is not
    /// free when the task of the help ends.
    pub(super) fn helper_stays(&mut self, now: Time, call: &mut Call) {
        let Some(helper) = call.helper().map(|p| p.id) else { return };
        if let Some(p) = call.participants.iter_mut().find(|p| p.id == helper) {
            p.why = Why::Dialled;
        }
        self.tell_occupied(now, call);
    }

    /// What of the help has changed in this turn: what is told of it, who is held by it, and whether it
    /// is over.
    pub(crate) fn review_help(&mut self, now: Time, call: &mut Call) {
        if let Some(help) = &call.help {
            let far = call.participants.iter().filter(|p| help.has(p)).map(stage).max();
            let is_there = call.participants.iter().any(|p| p.id == help.by && p.talks());
            let told = help.told;
            match far {
                Some(far) if is_there => self.tell_help(now, call, far),
                None if is_there && help.waits() => {}
                None if is_there => self.end_help(now, call, HelpEnd::HelperLeft),
                _ => {
                    let theirs = |p: &Participant| p.rings() && call.help_has(p);
                    for leg in call.legs(theirs) {
                        self.drop_leg(now, call, leg, "");
                    }
                    if far == Some(Stage::Talking) {
                        self.tell_help(now, call, Stage::Talking);
                    } else if told < Stage::Talking
                        && let Some(help) = call.help.as_mut()
                    {
                        help.is_taken_back = true;
                    }
                    self.end_help(now, call, HelpEnd::OperatorLeft);
                }
            }
        }
        let apart = call.help.as_ref().filter(|help| {
            let from_the_request = help.hold == HelpHold::Request;
            help.mode == HelpMode::TwoParty && (from_the_request || call.helper().is_some())
        });
        let by = apart.map(|help| help.by);
        for p in &mut call.participants {
            let apart = by.is_some_and(|by| p.id != by && p.role == Role::Customer && p.talks());
            if p.apart != apart {
                p.apart = apart;
                // Silence so far was no sign of anything.
                p.silent_since = p.silent_since.map(|_| now);
            }
        }
        for id in ids(call, |p| p.silent_since.is_some()) {
            self.judge_silence(now, call, id);
        }
    }

    /// Tells how far it has come, each step once.
    fn tell_help(&mut self, now: Time, call: &mut Call, far: Stage) {
        let helper = call.helper().map(|p| (p.id, p.operator));
        let Some(help) = call.help.as_mut() else { return };
        let before = help.told;
        help.told = far.max(before);
        let (key, mode, by, to) = (help.key, help.mode, help.by, help.to.clone());
        let operator = self.asked_by(call, by);
        if before < Stage::Alerting && far >= Stage::Alerting {
            let (operator, to) = (operator.clone(), to.clone());
            self.tell(now, call, What::HelpAlerting { help: key, mode, by, operator, to });
        }
        if let (true, Some((participant, id))) = (before < far, helper) {
            let helper = id.map(|id| self.directory.operator_name(id));
            let talking =
                What::HelpTalking { help: key, mode, by, operator, to, participant, helper };
            self.tell(now, call, talking);
        }
    }

    fn asked_by(&self, call: &Call, by: ParticipantId) -> Option<Name> {
        let by = call.participants.iter().find(|p| p.id == by)?;
        by.operator.map(|id| self.directory.operator_name(id))
    }

    /// It is over; told once.
    pub(super) fn end_help(&mut self, now: Time, call: &mut Call, cause: HelpEnd) {
        self.end_help_task(now, call);
        let Some(help) = call.help.take() else { return };
        let operator = self.asked_by(call, help.by);
        let (key, to) = (help.key, help.to);
        let has_left = matches!(cause, HelpEnd::HelperLeft | HelpEnd::OperatorLeft);
        if help.told == Stage::Talking && has_left && !help.is_taken_back {
            call.help_left = Some(now);
        }
        let becomes = cause == HelpEnd::OperatorLeft && !help.is_taken_back;
        let what = if help.told == Stage::Talking || becomes {
            let cause = if help.is_taken_back { HelpEnd::TakenBack } else { cause };
            What::HelpEnded { help: key, operator, to, cause }
        } else {
            let reason = match (cause, help.status) {
                _ if help.is_taken_back => "cancelled",
                (HelpEnd::CustomerLeft, _) => "caller_gone",
                (HelpEnd::HelperLeft, Some(status)) => reason_of(status),
                (HelpEnd::HelperLeft, None) => "error",
                _ => "cancelled",
            };
            What::HelpFailed { help: key, operator, to, reason: reason.into() }
        };
        self.tell(now, call, what);
    }
}

/// Whoever asked and whoever helped leave together if no more than this is between them: each takes
/// the customer for the other's.
const TOGETHER: Time = Time::from_millis(500);

impl Call {
    /// Whether somebody who hangs up now does so together with the other one of a help.
    pub(super) fn is_left_by_both(&self, now: Time) -> bool {
        self.help_left.is_some_and(|left| now.saturating_sub(left) < TOGETHER)
    }

    fn help_has(&self, p: &Participant) -> bool {
        self.help.as_ref().is_some_and(|help| help.has(p))
    }
}

fn may_have_help(call: &Call) -> Result<(), Problem> {
    let refused = |why: &str| Err(Problem::Conflict(why.into()));
    if call.help.is_some() {
        return refused("somebody has been asked for help already");
    }
    if call.transfer.is_some() {
        return refused("the call is being transferred");
    }
    Ok(())
}

fn talks_with_a_customer(call: &Call, by: ParticipantId) -> Result<(), Problem> {
    let is_customer = |p: &Participant| p.role == Role::Customer && p.talks() && p.id != by;
    if call.participants.iter().any(is_customer) {
        return Ok(());
    }
    Err(Problem::Conflict("they talk with no customer".into()))
}

fn stage(p: &Participant) -> Stage {
    match p.state {
        _ if p.talks() => Stage::Talking,
        crate::call::LegState::Ringing | crate::call::LegState::Up => Stage::Alerting,
        crate::call::LegState::Invited | crate::call::LegState::Calling => Stage::Asked,
    }
}

fn ids(call: &Call, keep: impl Fn(&Participant) -> bool) -> Vec<ParticipantId> {
    call.participants.iter().filter(|p| keep(p)).map(|p| p.id).collect()
}

fn said(whom: &Whom) -> Name {
    let (Whom::Operator(name)
    | Whom::Uri(name)
    | Whom::Queue(name)
    | Whom::Number { number: name, .. }) = whom;
    name.clone()
}
