//! What a caller does for a callback: asks for it by a key, gives up, or calls again before.
//!
//! Nothing is promised before it is on the disk, to a caller by words or to an order by its answer.

use acd::{QueueId, TaskId};

use super::callback::Wanted;
use crate::api::{Output, Reply, Time};
use crate::call::{Call, Participant, Task, TaskEntry, Timer};
use crate::callback::{CallbackCause, CallbackEnd, digits, is_number};
use crate::config::{Abandoned, Name};
use crate::event::{CallResult, Kind};
use crate::id::TaskKey;
use crate::sound::Audio;
use crate::switch::B2bua;

/// How long it may take to write a promise down.
pub(super) const PROMISED_WITHIN: Time = Time::from_secs(1);
/// How long a caller may take to key in a number.
const KEYED_WITHIN: Time = Time::from_secs(20);

impl B2bua {
    /// Whether a star means that they want to be called back.
    pub(super) fn may_ask_for_callback(&self, call: &Call) -> bool {
        let Some(task) = call.task().filter(|task| !task.served) else { return false };
        self.callback_policy(task.queue).is_some_and(|policy| policy.key == Some('*'))
            && self.callback_trunk(task.queue, call.trunk.as_ref()).is_some()
    }

    /// A caller who waits has pressed the key for it.
    pub(super) fn wants_callback(&mut self, now: Time, call: &mut Call, digit: char) -> bool {
        if call.number.is_some() {
            self.number_keyed(now, call, Some(digit));
            return true;
        }
        let is_answered = call.participants.iter().any(Participant::is_briefed);
        let Some(task) = call.task().filter(|task| !task.served && !is_answered) else {
            return false;
        };
        let policy = self.callback_policy(task.queue);
        let can = policy.is_some_and(|policy| policy.key == Some(digit));
        if !can || self.callback_trunk(task.queue, call.trunk.as_ref()).is_none() {
            return false;
        }
        if call.promised.is_some() {
            return true;
        }
        match call.caller().filter(|number| is_number(number)).cloned() {
            Some(number) => self.promise_callback(now, call, number),
            None => {
                call.number = Some(String::new());
                self.set_timer(call, Timer::Number, Some(now + KEYED_WITHIN));
                self.tell_waiting(now, call, &Audio::Prompt(vec!["callback-enter-number".into()]));
            }
        }
        true
    }

    /// A key of the number they want to be called at; none in time.
    pub(crate) fn number_keyed(&mut self, now: Time, call: &mut Call, digit: Option<char>) {
        let Some(number) = call.number.as_mut() else { return };
        match digit {
            Some(digit) if digit.is_ascii_digit() && number.len() < 32 => {
                number.push(digit);
                self.set_timer(call, Timer::Number, Some(now + KEYED_WITHIN));
            }
            Some('#') if is_number(number) => {
                let number: Name = number.as_str().into();
                self.forget_number(call);
                self.promise_callback(now, call, number);
            }
            _ => {
                // They wait on.
                self.forget_number(call);
                self.tell_waiting(now, call, &Audio::Prompt(vec!["invalid".into()]));
            }
        }
    }

    fn forget_number(&mut self, call: &mut Call) {
        call.number = None;
        self.set_timer(call, Timer::Number, None);
    }

    /// It is promised when it is on the disk.
    fn promise_callback(&mut self, now: Time, call: &mut Call, number: Name) {
        let Some(task) = call.task() else { return };
        let wanted = self.wanted_by(call, task, number, CallbackCause::Key);
        let Some(key) = self.add_callback(now, wanted) else { return };
        call.promised = Some(key);
        self.set_timer(call, Timer::Promise, Some(now + PROMISED_WITHIN));
        self.output(Output::Confirm { token: key.0 });
    }

    fn wanted_by(&self, call: &Call, task: Task, number: Name, cause: CallbackCause) -> Wanted {
        Wanted {
            queue: task.queue,
            number,
            name: call.display.clone().filter(|_| call.hidden.is_none()),
            trunk: call.trunk.clone(),
            context: call.context.clone(),
            predecessor: Some(call.key),
            cause,
            virtual_start: call.virtual_start,
            priority_s: Some(task.priority_s),
            not_before: None,
            expires: None,
        }
    }

    /// It is on the disk: they are told so, and their place is the callback's.
    pub(crate) fn promise_kept(&mut self, now: Time, key: TaskKey) {
        if let Some(request) = self.state.promised.remove(&key) {
            self.begin_callback(now, key);
            return self.reply(request, Ok(Reply::Task(key)));
        }
        let promised = self.state.tasks.get(&key).and_then(|entry| entry.callback.as_ref());
        let Some(predecessor) = promised.map(|callback| callback.predecessor) else { return };
        let told = predecessor.and_then(|call| {
            self.with_call(call, |switch, call| {
                if call.promised.take() != Some(key) {
                    return false;
                }
                switch.set_timer(call, Timer::Promise, None);
                let Some(task) = call.task().filter(|task| !task.served) else { return false };
                switch.begin_callback(now, key);
                switch.leave_queue(now, call, task.key, acd::Withdrawal::Moved);
                let end = crate::call::Next::End(CallResult::Ended, "callback".into(), 480);
                let audio = Audio::Prompt(vec!["callback-confirm".into()]);
                switch.tell_caller(now, call, audio, end);
                true
            })
        });
        // They have hung up meanwhile: it holds all the same.
        if told.is_none() && self.acd.task(TaskId(key.0)).is_none() {
            self.begin_callback(now, key);
        }
    }

    /// It is not on the disk in time: they keep their place, and nothing is promised.
    pub(crate) fn promise_broken(&mut self, now: Time, call: &mut Call) {
        if let Some(key) = call.promised.take() {
            self.callback_over(now, key, CallbackEnd::Lost);
            self.tell_waiting(now, call, &Audio::Prompt(vec!["callback-failed".into()]));
        }
    }

    /// An operator has answered the caller: they need not be called.
    pub(super) fn keeps_place(&mut self, now: Time, call: &mut Call) {
        self.forget_number(call);
        if let Some(key) = call.promised.take() {
            self.set_timer(call, Timer::Promise, None);
            self.callback_over(now, key, CallbackEnd::Merged);
        }
    }

    /// A caller has hung up before anybody answered: they are called back if the queue says so.
    pub(super) fn gave_up(&mut self, now: Time, call: &mut Call, result: CallResult) {
        if self.is_calling_back(call) {
            return self.offer_broken_off(now, call);
        }
        let promised = call.promised.take();
        if let Some(key) = promised {
            // They could not wait for the word, and have asked for it all the same.
            self.begin_callback(now, key);
        }
        let Some(task) = call.task().filter(|task| !task.served) else { return };
        let left = result == CallResult::Abandoned && !call.answered && promised.is_none();
        let queue = self.directory.queue(task.queue);
        let wanted = queue.is_some_and(|queue| queue.abandoned == Abandoned::CalledBack);
        if !left || !wanted || call.is_for_help(TaskId(task.key.0)) || self.is_calling_back(call) {
            return;
        }
        let number = call.caller().filter(|number| is_number(number)).cloned();
        let number = number.filter(|_| call.kind == Kind::Inbound);
        let Some(number) = number else { return };
        let wanted = self.wanted_by(call, task, number, CallbackCause::Abandoned);
        if let Some(key) = self.add_callback(now, wanted) {
            self.begin_callback(now, key);
        }
    }

    /// Somebody joins a queue in which they are to be called back: they have that place, and need not
    /// be called.
    pub(super) fn merge_callback(&mut self, now: Time, call: &mut Call, queue: QueueId) {
        // Each callback has a time when it is over.
        if self.state.expiries.is_empty() {
            return;
        }
        let Some(own) = call.caller().map(|number| digits(number)).filter(|own| !own.is_empty())
        else {
            return;
        };
        let is_theirs = |(_, entry): &(&TaskKey, &TaskEntry)| {
            let callback = entry.callback.as_ref().filter(|_| entry.queue == queue);
            callback.is_some_and(|callback| digits(&callback.number) == own)
        };
        let Some((key, entry)) = self.state.tasks.iter().find(is_theirs) else { return };
        let Some(callback) = &entry.callback else { return };
        let (key, start, at) = (*key, acd::Utc(callback.virtual_start), entry.call);
        call.virtual_start = Some(call.virtual_start.map_or(start, |own| own.min(start)));
        if let Some(at) = at {
            self.with_call(at, |switch, other| {
                other.tasks.retain(|task| task.key != key);
                switch.end_call(now, other, CallResult::Failed, "the customer calls", 480);
            });
        }
        self.callback_over(now, key, CallbackEnd::Merged);
    }
}
