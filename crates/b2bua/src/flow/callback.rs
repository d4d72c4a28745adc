//! Callbacks: a customer is called when an operator is there for them, in the place they had.
//!
//! | | then |
//! | --- | --- |
//! | a caller who waits presses the key | it is written down; they hear that they will be called, and the call ends. If it cannot be written down, they wait on |
//! | they have no number | they are asked to key one in, and wait on meanwhile |
//! | a caller hangs up unanswered, where the queue says so | the same without a word |
//! | its turn comes | the operator's phone rings; they are asked, and press 1; the customer is called, and both talk as after any call of the queue |
//! | the operator says no, nothing for so long, or hangs up | they are not asked again for a while, somebody else is; no attempt at the customer |
//! | the customer does not answer | the operator wraps up; once more after a while, as often as the queue says |
//! | the customer calls themselves meanwhile | they have its place, and it is over |
//! | its turn comes outside its hours | it is put off until they begin |
//! | it is done too late | it is over |
//!
//! Where the customer is called first, the operator is kept free for them meanwhile, and rung when they
//! have answered; from then on it is a call of the queue's.
//!
//! Each offer has a call of its own, which is the customer's from their answer on.

use std::collections::BTreeMap;
use std::net::IpAddr;

use acd::{Enqueue, OperatorId, QueueId, ReservationId, TaskId};
use media::Source;
use sip::LegId;

use super::DIAL_TIMEOUT;
use super::connect::ELSEWHERE;
use super::dial::Refused;
use super::end::Gone;
use super::ring::{Errand, Rung};
use crate::api::{Problem, Time};
use crate::call::{Call, NewCall, Participant, Seat, Task, TaskEntry, Timer, Why};
use crate::callback::{Callback, CallbackCause, CallbackEnd, Restored, Terms};
use crate::config::{CallbackPolicy, First, Go, Name};
use crate::event::{CallResult, Kind, Role, What, Work};
use crate::id::{CallKey, TaskKey};
use crate::identity::Caller;
use crate::sound::Audio;
use crate::switch::B2bua;

/// How long an operator may think about it, after the question.
const ANSWERED_WITHIN: Time = Time::from_secs(15);
/// How long the question may take besides.
const ASKED_WITHIN: Time = Time::from_secs(20);
/// What an operator hears who thinks about it: a short tone now and then.
const THINKS: Source = Source::Tone { hz: 425, on_ms: 100, off_ms: 4_900 };
/// Max-Forwards of an INVITE that nobody sent before us (RFC 3261 section 8.1.1.6).
const HOPS: u8 = 70;

/// A callback to be.
pub(super) struct Wanted {
    pub(super) queue: QueueId,
    pub(super) number: Name,
    pub(super) name: Option<String>,
    /// By which way they came.
    pub(super) trunk: Option<Name>,
    pub(super) context: BTreeMap<String, String>,
    pub(super) predecessor: Option<CallKey>,
    pub(super) cause: CallbackCause,
    pub(super) virtual_start: Option<acd::Utc>,
    pub(super) priority_s: Option<u32>,
    pub(super) not_before: Option<Time>,
    pub(super) expires: Option<Time>,
}

impl B2bua {
    pub(super) fn callback_policy(&self, queue: QueueId) -> Option<&CallbackPolicy> {
        self.directory.queue(queue)?.callback.as_ref()
    }

    /// Whether it is the call of a callback whose customer has not answered.
    pub(super) fn is_calling_back(&self, call: &Call) -> bool {
        self.callback_of(call).is_some()
    }

    pub(super) fn callback_of(&self, call: &Call) -> Option<&Callback> {
        self.state.tasks.get(&call.task()?.key)?.callback.as_deref()
    }

    /// Over which trunk they are called; none where that is not known.
    pub(super) fn callback_trunk(&self, queue: QueueId, came_by: Option<&Name>) -> Option<Name> {
        let named = self.callback_policy(queue)?.trunk.as_ref();
        let can_dial =
            |name: &&Name| self.directory.trunk(name).is_some_and(|trunk| trunk.proxy.is_some());
        let trunks = self.directory.config.trunks.iter().filter(|trunk| trunk.proxy.is_some());
        named.or(came_by.filter(can_dial)).cloned().or_else(|| {
            let mut names = trunks.map(|trunk| trunk.name.clone());
            names.next().filter(|_| names.next().is_none())
        })
    }

    /// Writes one down. It is offered to nobody until [`Self::begin_callback`].
    pub(super) fn add_callback(&mut self, now: Time, wanted: Wanted) -> Option<TaskKey> {
        let Wanted { queue, number, name, cause, predecessor, context, .. } = wanted;
        let trunk = self.callback_trunk(queue, wanted.trunk.as_ref())?;
        let policy = self.callback_policy(queue)?;
        let expires_ms = policy.expires_ms;
        let CallbackPolicy { first, confirm, attempts_max, gap_ms, .. } = *policy;
        let unix = self.unix(now);
        let usual = self.directory.queue(queue).map_or(0, |queue| queue.priority_s);
        let callback = Callback {
            number,
            name,
            trunk,
            context,
            predecessor,
            cause,
            virtual_start: wanted.virtual_start.map_or(unix, |start| start.0),
            priority_s: wanted.priority_s.unwrap_or(usual),
            not_before: wanted.not_before,
            expires: wanted.expires.unwrap_or(unix + Time::from_millis(expires_ms)),
            attempts: 0,
            terms: Terms { first, confirm, attempts_max, gap_ms },
        };
        let key = TaskKey(self.mint());
        self.know_callback(now, key, queue, callback, false);
        Some(key)
    }

    /// What the last process has left is as it was. What is of a queue that is gone is left to the
    /// next process, whose configuration may have it again.
    pub(crate) fn restore(&mut self, now: Time, restored: Restored) {
        for (operator, choice) in restored.chosen {
            let Some(operator) = self.directory.operator_id(&operator) else { continue };
            self.acd.handle(now, acd::Input::Choose { operator, choice: choice.into() });
        }
        for (key, queue, callback) in restored.callbacks {
            if let Some(id) = self.directory.queue_id(&queue) {
                self.know_callback(now, key, id, callback, true);
                self.begin_callback(now, key);
            }
        }
    }

    fn know_callback(
        &mut self,
        now: Time,
        key: TaskKey,
        queue: QueueId,
        callback: Callback,
        restored: bool,
    ) {
        let time = |unix: Time| {
            let ms = i64::try_from(unix.as_millis()).unwrap_or(i64::MAX);
            crate::Utc::from_millisecond(ms).unwrap_or(crate::Utc::MAX)
        };
        let created = What::CallbackCreated {
            queue: self.directory.queue_name(queue),
            work: Work::CALLBACK,
            number: callback.number.clone(),
            name: callback.name.clone(),
            trunk: callback.trunk.clone(),
            cause: callback.cause,
            predecessor: callback.predecessor,
            virtual_start: time(callback.virtual_start),
            priority_s: callback.priority_s,
            not_before: callback.not_before.map(time),
            expires: time(callback.expires),
            attempts: callback.attempts,
            terms: callback.terms,
            restored,
            context: callback.context.clone(),
        };
        let expires = callback.expires.saturating_sub(self.state.since_unix());
        let callback = Some(Box::new(callback));
        let entry = TaskEntry { callback, ..TaskEntry::new(None, queue, now) };
        self.state.tasks.insert(key, entry);
        self.state.expiries.insert((expires.max(now), key));
        self.emit(now, None, Some(key), created);
    }

    /// It waits for an operator from now on.
    pub(super) fn begin_callback(&mut self, now: Time, key: TaskKey) {
        let Some(entry) = self.state.tasks.get_mut(&key) else { return };
        entry.queued = now;
        let Some(entry) = self.state.tasks.get(&key) else { return };
        let (Some(callback), queue) = (&entry.callback, entry.queue) else { return };
        let lead_ms = match callback.terms.first {
            First::Operator => 0,
            First::Customer => u64::try_from(DIAL_TIMEOUT.as_millis()).unwrap_or(0),
        };
        let wanted = callback.not_before.map(|at| at.saturating_sub(self.state.since_unix()));
        let earliest = wanted.map_or(now, |at| at.max(now));
        let in_hours = self.in_hours(queue, earliest);
        let not_before = if in_hours > earliest { Some(in_hours) } else { wanted };
        let enqueue = Enqueue {
            kind: acd::Kind::Callback,
            priority_s: callback.priority_s,
            despite_limits: true,
            not_before,
            lead_ms,
            ..Enqueue::call(TaskId(key.0), queue, acd::Utc(callback.virtual_start))
        };
        self.acd.handle(now, acd::Input::Enqueue(enqueue));
    }

    /// That time, or when the hours begin in which the queue calls back.
    fn in_hours(&self, queue: QueueId, at: Time) -> Time {
        let hours = self.callback_policy(queue).and_then(|policy| policy.hours.as_ref());
        let unix = self.unix(at);
        let wait = hours.map_or(Time::ZERO, |hours| hours.open_from(unix).saturating_sub(unix));
        at + wait
    }

    /// Whether a reservation is for somebody who is to be called; then it is on its way.
    pub(super) fn calls_back(
        &mut self,
        now: Time,
        task: TaskId,
        (claim, operator): (ReservationId, OperatorId),
    ) -> bool {
        let key = TaskKey(task.0);
        let Some(entry) = self.state.tasks.get(&key) else { return false };
        let Some(callback) = entry.callback.as_deref() else { return false };
        let (callback, queue) = (callback.clone(), entry.queue);
        let first = callback.terms.first;
        if entry.call.is_some() {
            // One more phone; or one more operator who is kept free.
            return first == First::Customer;
        }
        if self.state.draining || self.state.calls.len() >= self.directory.config.limits.calls_max {
            self.acd.handle(now, acd::Input::Rejected(claim, acd::Rejection::Ours));
            return true;
        }
        let until = self.in_hours(queue, now);
        if until > now {
            self.acd.handle(now, acd::Input::Defer { task, until });
            return true;
        }
        let mut call = self.new_callback_call(now, &callback);
        call.tasks.push(Task { key, queue, priority_s: callback.priority_s, served: false });
        call.virtual_start = Some(acd::Utc(callback.virtual_start));
        let begun = match first {
            First::Operator => self.ring_operator(now, &mut call, operator, Why::Serve(claim)),
            First::Customer => self.ring_customer(now, &mut call, &callback, operator),
        };
        if begun != Rung::Rings {
            let why = if begun == Rung::NoPort {
                acd::Rejection::Ours
            } else {
                acd::Rejection::Unreachable
            };
            self.acd.handle(now, acd::Input::Rejected(claim, why));
            return true;
        }
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            entry.call = Some(call.key);
        }
        let from = self.shown_caller(queue, &callback);
        let started = What::CallStarted {
            kind: call.kind,
            predecessor: callback.predecessor,
            from,
            to: call.to.clone(),
            trunk: call.trunk.clone(),
            uuid: call.uuid.map(|uuid| uuid.to_string()),
            context: call.context.clone(),
        };
        self.tell(now, &call, started);
        self.dirty.insert(call.key);
        self.state.calls.insert(call.key, Box::new(call));
        true
    }

    fn new_callback_call(&mut self, now: Time, callback: &Callback) -> Call {
        let caller = Caller {
            number: callback.number.clone(),
            display: callback.name.clone(),
            hidden: None,
            asserted: false,
        };
        let (key, uuid) = (CallKey(self.mint()), Some(self.endpoint.rng().uuid()));
        let new = NewCall {
            key,
            kind: Kind::Outbound,
            caller,
            to: callback.number.clone(),
            trunk: Some(callback.trunk.clone()),
            hops: HOPS,
            uuid,
        };
        let mut call = Call::new(now, new);
        call.context.clone_from(&callback.context);
        call
    }

    /// As whom the customer sees us.
    pub(super) fn shown_caller(&self, queue: QueueId, callback: &Callback) -> Name {
        let config = self.directory.queue(queue);
        let own = config.and_then(|queue| queue.caller_id.clone());
        let trunk = self.directory.trunk(&callback.trunk).and_then(|trunk| trunk.number().cloned());
        own.or(trunk).unwrap_or_else(|| self.directory.queue_name(queue))
    }

    /// Calls the customer, while an operator is kept free for them.
    fn ring_customer(
        &mut self,
        now: Time,
        call: &mut Call,
        callback: &Callback,
        operator: OperatorId,
    ) -> Rung {
        if self.phone_address(operator).is_none() {
            return Rung::NoPhone;
        }
        let errand = Errand { role: Some(Role::Customer), ..Errand::from(Why::CalledBack) };
        match self.dial(now, call, number_of(callback), errand) {
            Ok(()) => {
                self.dialling(now, call);
                Rung::Rings
            }
            Err(_) => Rung::NoPort,
        }
    }

    /// Where audio comes in for an operator's phone.
    fn phone_address(&self, operator: OperatorId) -> Option<IpAddr> {
        if self.is_outside(operator) {
            return self.own_address();
        }
        let name = self.directory.operator_name(operator);
        let mut there = self.endpoint.bindings(&name).iter().filter(|binding| !binding.lost);
        there.find_map(|binding| self.directory.config.media.address(binding.flow.local.ip()))
    }

    /// Where it comes in for a customer with whom nobody is yet.
    pub(super) fn callback_address(&self, call: &Call) -> Option<IpAddr> {
        let mut kept = self.kept_free(call).into_iter();
        kept.find_map(|(_, operator)| self.phone_address(operator))
    }

    /// The reservations of its task, and whose they are.
    fn kept_free(&self, call: &Call) -> Vec<(ReservationId, OperatorId)> {
        let task = call.task().and_then(|task| self.acd.task(TaskId(task.key.0)));
        let Some(acd::TaskPlace::Waiting { reservations, .. }) = task.map(|task| task.place) else {
            return Vec::new();
        };
        let whose = |claim| Some((claim, self.acd.reserved(claim)?));
        reservations.into_iter().filter_map(whose).collect()
    }

    /// An operator has answered for it: they are asked whether they want to call.
    pub(super) fn offers_callback(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let Some(p) = call.participant(leg) else { return };
        let (why, at) = (p.why, call.participants.iter().position(|p| p.leg == leg));
        for other in call.legs(|p| p.why == why && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        if let Some(at) = at {
            self.joined(now, call, at.min(call.participants.len().saturating_sub(1)));
        }
        let confirms = self.callback_of(call).is_none_or(|callback| callback.terms.confirm);
        if let Some(offered) = self.about_callback(call, |queue, operator, number| {
            What::CallbackOffered { queue, operator, number }
        }) {
            self.tell(now, call, offered);
        }
        if !confirms {
            return self.call_customer(now, call, leg);
        }
        let question = Audio::Prompt(vec!["callback-operator".into()]);
        let source = self.source(now, &question, Some(call)).unwrap_or(THINKS);
        if let Some(p) = call.participant_mut(leg) {
            p.seat = Seat::Briefed(source);
        }
        self.set_timer(call, Timer::Brief, Some(now + ASKED_WITHIN + ANSWERED_WITHIN));
    }

    /// The question has been heard.
    pub(super) fn thinks_about_it(&mut self, now: Time, call: &mut Call, leg: LegId) {
        if let Some(p) = call.participant_mut(leg) {
            p.seat = Seat::Briefed(THINKS);
        }
        self.set_timer(call, Timer::Brief, Some(now + ANSWERED_WITHIN));
    }

    fn about_callback(&self, call: &Call, what: impl Fn(Name, Name, Name) -> What) -> Option<What> {
        let callback = self.callback_of(call)?;
        let operator = call.participants.iter().find_map(|p| p.operator)?;
        let queue = self.directory.queue_name(call.task()?.queue);
        Some(what(queue, self.directory.operator_name(operator), callback.number.clone()))
    }

    /// A key of an operator's who is asked.
    pub(super) fn answers_callback(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        digit: char,
    ) -> bool {
        let asked = call.participant(leg).is_some_and(Participant::is_briefed);
        if !asked || !self.is_calling_back(call) {
            return false;
        }
        match digit {
            '1' => self.call_customer(now, call, leg),
            _ => self.decline_callback(now, call, "key"),
        }
        true
    }

    /// They want to: the customer is called.
    pub(super) fn call_customer(&mut self, now: Time, call: &mut Call, leg: LegId) {
        self.set_timer(call, Timer::Brief, None);
        let Some(callback) = self.callback_of(call).cloned() else { return };
        if let Some(accepted) = self.about_callback(call, |queue, operator, number| {
            What::CallbackAccepted { queue, operator, number }
        }) {
            self.tell(now, call, accepted);
        }
        let by = call.participant(leg).and_then(|p| p.operator);
        if let Some(p) = call.participant_mut(leg) {
            p.seat = Seat::Waiting(Source::Ringing);
        }
        let errand = Errand { role: Some(Role::Customer), by, ..Errand::from(Why::CalledBack) };
        match self.dial(now, call, number_of(&callback), errand) {
            Ok(()) => self.dialling(now, call),
            Err(Refused { cause, .. }) => self.attempt_failed(now, call, cause),
        }
    }

    /// They have thought about it for long enough.
    pub(super) fn decline_callback(&mut self, now: Time, call: &mut Call, cause: &str) {
        if let Some(declined) = self.about_callback(call, |queue, operator, number| {
            What::CallbackDeclined { queue, operator, number, cause: cause.into() }
        }) {
            self.tell(now, call, declined);
        }
        let Some(key) = self.leaves_callback(call) else { return };
        self.acd.handle(now, acd::Input::Lost { task: TaskId(key.0), ahead: false });
        self.end_call(now, call, CallResult::Failed, "declined", 480);
    }

    /// The customer has answered: from now on it is a call of the queue's like any other.
    pub(super) fn called_back(&mut self, now: Time, call: &mut Call, leg: LegId) {
        for other in call.legs(|p| p.why == Why::CalledBack && p.leg != leg) {
            self.drop_leg(now, call, other, ELSEWHERE);
        }
        let Some(task) = call.task() else { return };
        let at = call.participants.iter().position(|p| p.leg == leg);
        if let Some(p) = call.participant_mut(leg) {
            p.why = Why::Arrived;
        }
        if let Some(at) = at.filter(|at| !call.participants[*at].joined) {
            self.joined(now, call, at);
        }
        self.set_timer(call, Timer::Dial, None);
        self.attempted(now, task.key, "answered", None);
        self.callback_ends(now, task.key, CallbackEnd::Reached);
        let server = call.legs(|p| matches!(p.why, Why::Serve(_)) && !p.rings());
        if let Some(server) = server.first() {
            return self.connect(now, call, *server);
        }
        // They were called first.
        let music = self.music(call);
        if let Some(p) = call.participant_mut(leg) {
            p.waits(music);
        }
        self.tell_waiting(now, call, &Audio::Prompt(vec!["callback-customer".into()]));
        for (claim, operator) in self.kept_free(call) {
            if self.ring_operator(now, call, operator, Why::Serve(claim)) != Rung::Rings {
                self.acd.handle(now, acd::Input::Rejected(claim, acd::Rejection::Unreachable));
            }
        }
    }

    /// The customer could not be reached.
    pub(super) fn attempt_failed(&mut self, now: Time, call: &mut Call, cause: &str) {
        self.missed(now, call, cause);
        self.end_call(now, call, CallResult::Failed, cause, 480);
    }

    /// The customer was called, and the callback is not in this call any more.
    fn missed(&mut self, now: Time, call: &mut Call, cause: &str) {
        let Some(task) = call.task() else { return };
        let Some(callback) = self.callback_of(call) else { return };
        let (gap, most) = (Time::from_millis(callback.terms.gap_ms), callback.terms.attempts_max);
        let is_last = callback.attempts + 1 >= most;
        let next = self.in_hours(task.queue, now + gap);
        let next = (!is_last).then_some(next).filter(|next| self.unix(*next) < callback.expires);
        self.attempted(now, task.key, cause, next);
        self.leaves_callback(call);
        match next {
            Some(until) => {
                self.acd.handle(now, acd::Input::Defer { task: TaskId(task.key.0), until });
            }
            None => self.callback_over(now, task.key, CallbackEnd::Failed),
        }
    }

    /// The call of an offer ends, and it is nobody's doing who was in it.
    pub(super) fn offer_broken_off(&mut self, now: Time, call: &mut Call) {
        let Some(task) = call.task() else { return };
        if call.participants.iter().any(|p| p.why == Why::CalledBack) {
            return self.missed(now, call, "ended");
        }
        if let Some(declined) = self.about_callback(call, |queue, operator, number| {
            What::CallbackDeclined { queue, operator, number, cause: "ended".into() }
        }) {
            self.tell(now, call, declined);
        }
        self.leaves_callback(call);
        let wait_ms = self.directory.queue(task.queue).map_or(0, |queue| queue.back_off_ms);
        let until = now + Time::from_millis(wait_ms.max(acd::BACK_OFF_MS_MIN));
        let until = self.in_hours(task.queue, until);
        self.acd.handle(now, acd::Input::Defer { task: TaskId(task.key.0), until });
    }

    /// One more attempt, and what came of it.
    fn attempted(&mut self, now: Time, key: TaskKey, result: &str, next: Option<Time>) {
        let next = next.map(|next| self.utc(next));
        let Some(entry) = self.state.tasks.get_mut(&key) else { return };
        let Some(callback) = entry.callback.as_mut() else { return };
        callback.attempts += 1;
        let (attempt, number) = (callback.attempts, callback.number.clone());
        let queue = self.directory.queue_name(entry.queue);
        let result = result.into();
        let what = What::CallbackAttempt { queue, number, attempt, result, next };
        self.tell_task(now, TaskId(key.0), what);
    }

    /// Somebody has left a callback's call before the customer answered.
    pub(super) fn caller_back_left(&mut self, now: Time, call: &mut Call, gone: &Gone) {
        if gone.operator.is_none() || !matches!(gone.why, Why::Serve(_)) {
            return;
        }
        if call.participants.iter().any(|p| p.why == Why::CalledBack) {
            // Their phone has rung.
            return self.attempt_failed(now, call, "hung up");
        }
        let queue = call.task().map(|task| self.directory.queue_name(task.queue));
        let (callback, operator) = (self.callback_of(call), gone.operator);
        if let (Some(callback), Some(operator), Some(queue)) = (callback, operator, queue) {
            let (number, cause) = (callback.number.clone(), "hung up".into());
            let operator = self.directory.operator_name(operator);
            self.tell(now, call, What::CallbackDeclined { queue, operator, number, cause });
        }
        self.decline_callback(now, call, "hung up");
    }

    /// A reservation has ended, and nobody has answered for it.
    pub(super) fn nobody_calls_back(&mut self, now: Time, task: TaskId) {
        let entry = self.state.tasks.get(&TaskKey(task.0));
        let call = entry.filter(|entry| entry.callback.is_some()).and_then(|entry| entry.call);
        let Some(call) = call else { return };
        self.with_call(call, |switch, call| {
            let goes_on = |p: &Participant| matches!(p.why, Why::Serve(_) | Why::CalledBack);
            if !call.participants.iter().any(goes_on) {
                switch.leaves_callback(call);
                switch.end_call(now, call, CallResult::Failed, "operator no answer", 480);
            }
        });
    }

    /// The call is the callback's no more, which waits on by itself.
    fn leaves_callback(&mut self, call: &mut Call) -> Option<TaskKey> {
        let key = call.task()?.key;
        call.tasks.retain(|task| task.key != key);
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            (entry.call, entry.taken) = (None, None);
        }
        Some(key)
    }

    /// It is over, and so is its task.
    pub(super) fn callback_over(&mut self, now: Time, key: TaskKey, end: CallbackEnd) {
        self.callback_ends(now, key, end);
        let task = TaskId(key.0);
        if self.acd.task(task).is_none() {
            self.state.tasks.remove(&key);
            return;
        }
        let cause = match end {
            CallbackEnd::Failed | CallbackEnd::Lost => acd::Withdrawal::Failed,
            CallbackEnd::Expired => acd::Withdrawal::Expired,
            CallbackEnd::Merged | CallbackEnd::Reached => acd::Withdrawal::Moved,
            CallbackEnd::Withdrawn => acd::Withdrawal::Removed,
        };
        self.acd.handle(now, acd::Input::Withdraw { task, cause });
    }

    fn callback_ends(&mut self, now: Time, key: TaskKey, result: CallbackEnd) {
        let Some(entry) = self.state.tasks.get_mut(&key) else { return };
        let Some(callback) = entry.callback.take() else { return };
        let queue = self.directory.queue_name(entry.queue);
        self.state.expiries.retain(|(_, other)| *other != key);
        let number = callback.number;
        self.tell_task(now, TaskId(key.0), What::CallbackDone { queue, number, result });
    }

    /// Those whose time is over, but for one that is just being done; and those that were to be promised
    /// and are not on the disk.
    pub(crate) fn callbacks_expire(&mut self, now: Time) {
        while let Some((due, key)) = self.state.expiries.first().copied().filter(|e| e.0 <= now) {
            self.state.expiries.remove(&(due, key));
            if let Some(request) = self.state.promised.remove(&key) {
                let why = "it could not be written down in time";
                self.reply(request, Err(Problem::Busy(why.into())));
                self.callback_over(now, key, CallbackEnd::Lost);
                continue;
            }
            self.delivery_done(now, key);
            let callback = self.state.tasks.get(&key).and_then(|entry| entry.callback.as_ref());
            let Some(expires) = callback.map(|callback| callback.expires) else { continue };
            if expires > self.unix(now) {
                // Not yet, by the clock as it is now.
                let due = expires.saturating_sub(self.state.since_unix());
                self.state.expiries.insert((due.max(now + Time::from_millis(1)), key));
                continue;
            }
            let is_done = self.state.tasks.get(&key).is_some_and(|entry| entry.call.is_some());
            if is_done {
                // Once more when that is over.
                self.state.expiries.insert((now + ANSWERED_WITHIN, key));
            } else {
                self.callback_over(now, key, CallbackEnd::Expired);
            }
        }
    }
}

fn number_of(callback: &Callback) -> Go {
    Go::Number { number: callback.number.to_string(), trunk: callback.trunk.clone() }
}
