//! An attended transfer: an operator with two calls, or somebody behind a trunk, leaves both, and the
//! far ends talk (RFC 5589 section 7). The second call's legs come over into the first one's
//! conference, so that the leg of the customer, who may have waited long, is not touched; its record
//! closes and names the first.
//!
//! What was left ringing or waiting in the second call is waited for in the first: the same as if the
//! far end had been transferred there without asking before.

use sip::LegId;

use super::DIAL_TIMEOUT;
use super::transfer::Beginning;
use crate::api::Time;
use crate::call::{Call, Cause, LegState, Participant, Seat, Task, Terms, Timer, Told, Why};
use crate::config::Name;
use crate::event::{CallResult, Phase, TransferMode, What};
use crate::id::CallKey;
use crate::switch::B2bua;

impl B2bua {
    /// Joins the call `key`, in which the leg of whoever asks is `theirs`, to `call`, in which it is
    /// `by`.
    pub(super) fn join(
        &mut self,
        now: Time,
        call: &mut Call,
        (by, token): (LegId, u64),
        (key, theirs): (CallKey, LegId),
        room: Vec<media::Lease>,
    ) {
        let Some(mut second) = self.state.calls.remove(&key) else { return };
        let to = far_end(&second, theirs);
        let (refer, mode, terms) = (Some((by, token)), TransferMode::Attended, Terms::default());
        let beginning = Beginning { by: Some(by), refer, to, mode, terms };
        self.transfer_begins(now, call, beginning);
        if let Some(participant) = call.participant_mut(by) {
            participant.waits(media::Source::Ringing);
        }
        self.leave_second(now, &mut second, theirs);
        let came = self.move_over(now, call, &mut second, room);
        let tasks = self.move_tasks(call, &mut second);
        // Told first, so that nobody is free for a moment in between.
        self.tell_occupied(now, call);
        self.close_second(now, call, second);
        self.settle_joined(now, call, came, tasks);
    }

    /// Whoever asks leaves the second call, and with them the task they served in it.
    fn leave_second(&mut self, now: Time, second: &mut Call, theirs: LegId) {
        let served = second.participant(theirs).is_some_and(|p| matches!(p.why, Why::Serve(_)));
        // And with them whoever has handed that one on and has not left yet.
        for leg in second.legs(|p| p.leg == theirs || p.why == Why::Left) {
            self.drop_leg(now, second, leg, "");
        }
        if let Some(at) = second.tasks.iter().position(|task| served && task.served) {
            let task = second.tasks.remove(at);
            if let Some(entry) = self.state.tasks.get_mut(&task.key) {
                entry.stop_talk(now);
            }
            self.acd.handle(now, acd::Input::Completed { task: acd::TaskId(task.key.0) });
        }
        self.end_conference(second);
    }

    /// Legs change their call, and their ports where those of the call are on another thread; who
    /// of them talks, whoever serves before those who were asked in.
    fn move_over(
        &mut self,
        now: Time,
        call: &mut Call,
        second: &mut Call,
        mut room: Vec<media::Lease>,
    ) -> Option<LegId> {
        for (timer, due) in core::mem::take(&mut second.timers) {
            self.state.timers.remove(&(due, second.key, timer));
            // What is a participant's goes with them.
            if timer.participant().is_some() {
                self.set_timer(call, timer, Some(due));
            }
        }
        let mut came: Option<(u8, LegId)> = None;
        for mut moved in core::mem::take(&mut second.participants) {
            moved.why = match moved.why {
                Why::Arrived => Why::Dialled,
                Why::Dialled if moved.rings() => Why::Referred,
                why => why,
            };
            if moved.rings() {
                moved.seat = Seat::Waiting(media::Source::Ringing);
            }
            let rank = moved.why.rank();
            if moved.talks() && came.is_none_or(|(least, _)| rank <= least) {
                came = Some((rank, moved.leg));
            }
            let is_elsewhere = Some(moved.lease.thread) != call.thread_wanted();
            if let Some(lease) = room.pop_if(|_| is_elsewhere) {
                self.relocate(now, call, &mut moved, lease);
            }
            self.change_call(now, second, call, moved);
        }
        came.map(|(_, leg)| leg)
    }

    /// Somebody takes part in another call from now on, as they did in the one before. What is played
    /// to them is over.
    pub(super) fn change_call(
        &mut self,
        now: Time,
        from: &Call,
        to: &mut Call,
        mut moved: Participant,
    ) {
        self.play_left(now, from, &moved);
        moved.message.take_if(|message| message.cause != Cause::Watched);
        let had_joined = core::mem::take(&mut moved.joined);
        let present = had_joined || moved.connected() || moved.early;
        if had_joined {
            self.tell(now, from, What::ParticipantLeft { participant: moved.id });
        }
        // A hold goes on, and is told again there.
        (moved.held, moved.apart, moved.told) = (false, false, Told::NOTHING);
        let (id, leg) = (moved.id, moved.leg);
        self.state.legs.insert(leg, to.key);
        to.participants.push(moved);
        if present {
            let at = to.participants.len() - 1;
            self.joined(now, to, at);
        }
        self.judge_silence(now, to, id);
    }

    fn move_tasks(&mut self, call: &Call, second: &mut Call) -> Vec<Task> {
        let tasks = core::mem::take(&mut second.tasks);
        for task in &tasks {
            if let Some(entry) = self.state.tasks.get_mut(&task.key) {
                entry.call = Some(call.key);
            }
        }
        tasks
    }

    fn close_second(&mut self, now: Time, call: &Call, mut second: Box<Call>) {
        second.over = true;
        self.record(now, &mut second);
        self.tell_occupied(now, &mut second);
        let totals = second.clock.turn(now, Phase::Wait);
        let result = if second.answered { CallResult::Answered } else { CallResult::Ended };
        let cause: Name = format!("joined to {}", call.key).into();
        self.tell(now, &second, What::CallEnded { result, cause, totals });
        self.dirty.remove(&second.key);
    }

    /// The far ends talk, or the one that stays waits for the other as it was.
    fn settle_joined(&mut self, now: Time, call: &mut Call, came: Option<LegId>, tasks: Vec<Task>) {
        let target = came.and_then(|leg| call.participant(leg)).and_then(|p| p.operator);
        let serves = came.and_then(|leg| call.participant(leg)).map(|p| p.why);
        let serves = serves.filter(|why| matches!(why, Why::Serve(_)));
        let music = self.music(call);
        if came.is_some() || !tasks.is_empty() {
            // One who serves a task of the second call has work already.
            let to = target.filter(|_| serves.is_none());
            if let (Some(why), Some(leg)) = (self.hand_over(now, call, to), came)
                && let Some(target) = call.participant_mut(leg)
            {
                target.why = why;
            }
            call.tasks.extend(tasks);
            if let Some(origin) = call.origin_mut() {
                match came {
                    Some(_) => origin.seat = Seat::Connected,
                    None => origin.waits(music),
                }
            }
            let operator = target.map(|id| self.directory.operator_name(id));
            self.transferred(now, call, came, operator);
            return;
        }
        let rings = |p: &Participant| p.why == Why::Referred && p.state == LegState::Ringing;
        if !call.participants.iter().any(|p| p.why == Why::Referred) {
            return self.transfer_failed(now, call, 480);
        }
        self.set_timer(call, Timer::Dial, Some(now + DIAL_TIMEOUT));
        if call.participants.iter().any(rings) {
            self.transfer_rings(now, call);
        } else if let Some(origin) = call.origin_mut() {
            origin.waits(music);
        }
    }
}

/// Whom they talk with, or have called, in the second call.
fn far_end(second: &Call, theirs: LegId) -> Name {
    let is_far = |p: &&Participant| p.leg != theirs && p.state == LegState::Up && !p.supervises();
    match second.participants.iter().find(is_far) {
        Some(far) => far.uri.clone(),
        None => second.to.clone(),
    }
}
