//! A limit of a queue has met a caller: nobody free, nobody there, no room, too long, closed. It is told
//! once for each task and limit, and what becomes of the caller is the queue's to say (`on_limit`).

use acd::{LimitReason, TaskId, Withdrawal};

use super::wait::Joins;
use crate::api::Time;
use crate::call::{Call, Next};
use crate::config::{Manner, OnLimit, Then};
use crate::event::{CallResult, What};
use crate::id::TaskKey;
use crate::switch::B2bua;

/// How often a limit may send a caller on: two full queues could name each other.
const OVERFLOWS_MAX: u8 = 8;

impl B2bua {
    pub(super) fn limit(&mut self, now: Time, task: TaskId, reason: LimitReason) {
        let Some(queue) = self.queue_of(task) else { return };
        self.tell_task(now, task, What::QueueLimit { queue, reason: reason.as_str().into() });
        let waits = self.acd.task(task).is_some();
        self.with_task(task, |switch, call| {
            if call.is_for_help(task) {
                return switch.help_limited(now, call, task, &OnLimit::usual(reason, waits));
            }
            let Some(of) = call.tasks.iter().find(|of| of.key.0 == task.0).copied() else { return };
            let queue = switch.directory.queue(of.queue);
            let step = queue.and_then(|queue| {
                queue.on_limit.iter().find(|step| step.reasons.contains(&reason)).cloned()
            });
            let step = step.unwrap_or_else(|| OnLimit::usual(reason, waits));
            switch.limited(now, call, (of, waits), reason, step);
        });
    }

    /// `waits`: the task has a place; otherwise it was not let in.
    fn limited(
        &mut self,
        now: Time,
        call: &mut Call,
        (task, waits): (crate::call::Task, bool),
        reason: LimitReason,
        step: OnLimit,
    ) {
        let stays = step.then == Then::Wait && waits;
        if call.transfer.is_some() {
            // Whoever has them moved is told that it cannot be.
            if !stays {
                let status = if let Then::HangUp(status) = step.then { status } else { 480 };
                self.leave_queue(now, call, task.key, Withdrawal::Expired);
                self.transfer_failed(now, call, status);
            }
            return;
        }
        match step.then {
            Then::Wait => {
                if !waits {
                    call.tasks.retain(|other| other.key != task.key);
                    let queue = self.directory.queue_name(task.queue);
                    let joins = Joins {
                        priority_s: Some(task.priority_s),
                        manner: Manner::default(),
                        despite_limits: true,
                    };
                    self.enqueue(now, call, &queue, joins);
                }
                if let Some(audio) = step.say {
                    self.tell_waiting(now, call, &audio);
                }
            }
            Then::Go(go) if call.overflows < OVERFLOWS_MAX => {
                call.overflows += 1;
                self.leave_queue(now, call, task.key, Withdrawal::Overflowed);
                match step.say {
                    Some(audio) => self.tell_caller(now, call, audio, Next::Go(go)),
                    None => self.route(now, call, Some(go)),
                }
            }
            Then::Go(_) => {
                self.leave_queue(now, call, task.key, Withdrawal::Expired);
                self.end_call(now, call, CallResult::Failed, reason.as_str(), 480);
            }
            Then::HangUp(status) => {
                self.leave_queue(now, call, task.key, Withdrawal::Expired);
                let end = (CallResult::Failed, reason.as_str());
                match step.say {
                    Some(audio) => {
                        let next = Next::End(end.0, end.1.into(), status);
                        self.tell_caller(now, call, audio, next);
                    }
                    None => self.end_call(now, call, end.0, end.1, status),
                }
            }
        }
    }

    /// A task that nobody serves leaves its queue, and its call goes on.
    pub(super) fn leave_queue(
        &mut self,
        now: Time,
        call: &mut Call,
        task: TaskKey,
        cause: Withdrawal,
    ) {
        call.tasks.retain(|other| other.key != task);
        self.acd.handle(now, acd::Input::Withdraw { task: TaskId(task.0), cause });
    }
}
