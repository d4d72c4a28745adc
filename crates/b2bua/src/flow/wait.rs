//! Waiting in a queue: with music, or with the caller's phone ringing.

use acd::{Enqueue, QueueId, TaskId, Wanted};

use crate::api::Time;
use crate::call::{Call, LegState, Task, TaskEntry};
use crate::config::{Answer, Manner, Name};
use crate::event::CallResult;
use crate::id::TaskKey;
use crate::switch::B2bua;

/// How a call joins a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joins {
    /// Head start; that of the queue if none.
    pub(super) priority_s: Option<u32>,
    pub(super) manner: Manner,
    /// Although there is no room, nobody there, or nobody at work.
    pub(super) despite_limits: bool,
}

impl B2bua {
    /// Hands a call to the distributor. Whether it may wait is known when its outputs are drained,
    /// so the INVITE is answered on [`acd::Output::Queued`].
    pub(super) fn enqueue(&mut self, now: Time, call: &mut Call, queue: &str, joins: Joins) {
        let Some(id) = self.directory.queue_id(queue) else {
            self.end_call(now, call, CallResult::Failed, "no such queue", 404);
            return;
        };
        self.merge_callback(now, call, id);
        let config = self.directory.queue(id);
        let Joins { priority_s, manner, despite_limits } = joins;
        let is_held = manner.hold.or(config.map(|queue| queue.hold)).unwrap_or(false);
        let hold = config.map(|queue| queue.hold_for).filter(|_| is_held);
        let priority_s = priority_s.or(config.map(|queue| queue.priority_s)).unwrap_or(0);
        let caller =
            config.filter(|queue| queue.sticky_ms > 0).and_then(|_| call.caller().cloned());
        let wanted = caller.as_ref().and_then(|caller| self.last_operator(now, id, caller));
        let key = TaskKey(self.mint());
        self.moves_on(call);
        call.tasks.push(Task { key, queue: id, priority_s, served: false });
        let music = self.music(call);
        if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
        let entry = TaskEntry { caller, ..TaskEntry::new(Some(call.key), id, now) };
        self.state.tasks.insert(key, entry);
        // Before there is a task: an operator who calls a queue is not rung for their own call.
        self.tell_occupied(now, call);
        // Whatever queue they come to next, they have waited since then.
        let start = *call.virtual_start.get_or_insert(acd::Utc(self.unix(now)));
        let task = Enqueue {
            priority_s,
            wanted,
            auto_connect: manner.auto_connect,
            hold,
            despite_limits,
            ..Enqueue::call(TaskId(key.0), id, start)
        };
        let lead = self.delivery_lead(call, id);
        let lead_ms = u64::try_from(lead.as_millis()).unwrap_or(0);
        self.acd.handle(now, acd::Input::Enqueue(Enqueue { lead_ms, ..task }));
    }

    /// Who served the caller a while ago, and how long they are waited for.
    fn last_operator(&self, now: Time, id: QueueId, caller: &Name) -> Option<Wanted> {
        let queue = self.directory.queue(id)?;
        let within = Time::from_millis(queue.sticky_ms);
        let operator = self.state.sticky.last(now, within, id, caller)?;
        Some(Wanted { operator, for_ms: Some(queue.sticky_wait_ms), sticky: true })
    }

    /// A task has its place: the caller hears that they wait.
    pub(crate) fn waits(&mut self, now: Time, call: &mut Call) {
        let Some(task) = call.task().filter(|task| !task.served) else { return };
        self.announces(now, call);
        if call.transfer.is_some() {
            return self.transfer_queued(now, call);
        }
        let answer = self.directory.queue(task.queue).map_or(Answer::AtOnce, |queue| queue.answer);
        match answer {
            Answer::AtOnce => self.answer_customer(now, call),
            Answer::OnConnect => self.customer_rings(now, call),
        }
    }

    /// 180 to a caller whose INVITE is open.
    pub(crate) fn customer_rings(&mut self, now: Time, call: &Call) {
        if let Some(customer) = call.origin().filter(|c| c.state == LegState::Invited) {
            let (leg, headers, body) = (customer.leg, Vec::new(), None);
            self.command_sip(now, sip::Command::Respond { leg, status: 180, headers, body });
        }
    }

    /// 200 to a caller whose INVITE is open; with our answer, or our offer where they sent none.
    pub(crate) fn answer_customer(&mut self, now: Time, call: &mut Call) {
        if let Some(customer) = call.origin().map(|customer| customer.leg) {
            self.answer_leg(now, call, customer);
        }
    }

    /// 200 to whoever's INVITE is open.
    pub(crate) fn answer_leg(&mut self, now: Time, call: &mut Call, leg: sip::LegId) {
        let invited = call.participant_mut(leg).filter(|c| c.state == LegState::Invited);
        let Some(customer) = invited else { return };
        customer.is_up(now);
        let id = customer.id;
        let sdp = customer.reply.take();
        // What was agreed before the answer, by PRACK, is not offered again.
        let is_new = sdp.is_none() && customer.negotiation.plan().is_none();
        let sdp = sdp.or_else(|| is_new.then(|| customer.negotiation.offer()));
        let (leg, body) = (customer.leg, sdp.map(sip::Body::sdp));
        let respond = sip::Command::Respond { leg, status: 200, headers: Vec::new(), body };
        self.command_sip(now, respond);
        self.judge_silence(now, call, id);
    }
}
