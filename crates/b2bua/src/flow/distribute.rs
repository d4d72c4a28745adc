//! Outputs of the distributor: whom to ring, who won, what became of a task.

use acd::{End, OperatorId, Outcome, Output as Acd, ReservationId, Withdrawal};

use super::connect::answered_for;
use super::ring::Rung;
use crate::api::Time;
use crate::call::{Call, Participant, Why};
use crate::event::What;
use crate::id::{ReservationKey, TaskKey};
use crate::switch::B2bua;

impl B2bua {
    pub(crate) fn on_acd(&mut self, now: Time, output: Acd) {
        match output {
            // One node: whoever asks may have.
            Acd::Book { reservation, task, operator, .. } => {
                self.reserved(now, reservation, task, operator);
                self.acd.handle(now, acd::Input::Booked(reservation));
            }
            Acd::Ring { reservation, task, operator, .. } => {
                self.ring_for(now, reservation, task, operator);
            }
            Acd::Rescind { reservation, task, cause, .. } => {
                let reason = match cause {
                    acd::Rescission::AnsweredElsewhere => super::connect::ELSEWHERE,
                    _ => "",
                };
                self.stop_ringing(now, task, reservation, reason);
            }
            Acd::Resolved { reservation, task, operator, end } => {
                self.resolved(now, task, reservation, operator, end);
            }
            Acd::TooLate { reservation } => self.too_late(now, reservation),
            Acd::Operator { operator, effective, chosen } => {
                self.operator_changed(now, operator, &effective, &chosen);
            }
            Acd::Queued { task, position, .. } => self.queued(now, task, position),
            Acd::Position { task, position } => {
                if let Some(queue) = self.queue_of(task) {
                    let position = position as usize;
                    self.tell_task(now, task, What::TaskPosition { queue, position });
                }
            }
            Acd::Assigned { task, reservation, operator, waited } => {
                self.give(now, task, reservation, operator, waited);
            }
            Acd::Wrapping { task, operator, until } => self.wrapping(now, task, operator, until),
            Acd::Released { task } => {
                if let Some(queue) = self.queue_of(task) {
                    self.tell_task(now, task, What::TaskWaiting { queue });
                }
            }
            Acd::Limit { task, reason, .. } => self.limit(now, task, reason),
            Acd::Decision(record) => self.state.decisions.keep(record),
            Acd::Done { task, outcome } => self.done(now, task, outcome),
        }
    }

    pub(super) fn with_task(&mut self, task: acd::TaskId, act: impl FnOnce(&mut Self, &mut Call)) {
        let entry = self.state.tasks.get(&TaskKey(task.0));
        if let Some(call) = entry.and_then(|entry| entry.call) {
            self.with_call(self.call_named(call), act);
        }
    }

    pub(super) fn queue_of(&self, task: acd::TaskId) -> Option<crate::config::Name> {
        let entry = self.state.tasks.get(&TaskKey(task.0))?;
        Some(self.directory.queue_name(entry.queue))
    }

    /// An event of a task, whose call may be over.
    pub(super) fn tell_task(&mut self, now: Time, task: acd::TaskId, what: What) {
        let key = TaskKey(task.0);
        let call = self.state.tasks.get(&key).and_then(|entry| entry.call);
        self.emit(now, call, Some(key), what);
    }

    fn queued(&mut self, now: Time, task: acd::TaskId, position: u32) {
        let Some(queue) = self.queue_of(task) else { return };
        if let Some(view) = self.acd.task(task) {
            let ms = i64::try_from(view.virtual_start.0.as_millis()).unwrap_or(i64::MAX);
            let queued = What::TaskQueued {
                queue: queue.clone(),
                work: view.kind.into(),
                position: position as usize,
                virtual_start: crate::Utc::from_millisecond(ms).unwrap_or(crate::Utc::MAX),
                priority_s: view.priority_s,
            };
            self.tell_task(now, task, queued);
            if let acd::TaskPlace::Waiting { held: true, .. } = view.place {
                self.tell_task(now, task, What::TaskHeld { queue });
            }
        }
        self.with_task(task, |switch, call| switch.waits(now, call));
    }

    fn reserved(
        &mut self,
        now: Time,
        reservation: ReservationId,
        task: acd::TaskId,
        operator: OperatorId,
    ) {
        let name = self.directory.operator_name(operator);
        let queue = self.queue_of(task).unwrap_or_default();
        self.tell_task(
            now,
            task,
            What::TaskReserved { queue: queue.clone(), operator: name.clone() },
        );
        self.tell_task(
            now,
            task,
            What::ReservationOffered {
                reservation: ReservationKey(reservation.0),
                queue,
                operator: name,
            },
        );
    }

    fn ring_for(
        &mut self,
        now: Time,
        reservation: ReservationId,
        task: acd::TaskId,
        operator: OperatorId,
    ) {
        if self.calls_back(now, task, (reservation, operator)) {
            return;
        }
        let mut rung = Rung::NoPhone;
        self.with_task(task, |switch, call| {
            let delivery = switch.deliver(now, call, task, (reservation, operator));
            rung = delivery
                .unwrap_or_else(|| switch.ring_for_task(now, call, task, (reservation, operator)));
        });
        self.not_rung(now, reservation, rung);
    }

    /// Rings the phones of whoever has a claim on a call's task.
    fn ring_for_task(
        &mut self,
        now: Time,
        call: &mut Call,
        task: acd::TaskId,
        (reservation, operator): (ReservationId, OperatorId),
    ) -> Rung {
        let errand = self.errand_for(call, task, reservation);
        let rung = self.ring_operator(now, call, operator, errand);
        if rung == Rung::Rings && !call.is_for_help(task) {
            self.prepare_briefing(now, call);
        }
        rung
    }

    /// The same for one who was to have it in another way.
    pub(super) fn ring_after_all(
        &mut self,
        now: Time,
        call: &mut Call,
        task: acd::TaskId,
        (reservation, operator): (ReservationId, OperatorId),
    ) {
        let rung = self.ring_for_task(now, call, task, (reservation, operator));
        self.not_rung(now, reservation, rung);
    }

    /// The distributor hears where nobody rings.
    fn not_rung(&mut self, now: Time, reservation: ReservationId, rung: Rung) {
        let rejection = match rung {
            Rung::Rings => return,
            Rung::NoPhone => acd::Rejection::Unreachable,
            Rung::NoPort => acd::Rejection::Ours,
        };
        self.acd.handle(now, acd::Input::Rejected(reservation, rejection));
    }

    pub(super) fn stop_ringing(
        &mut self,
        now: Time,
        task: acd::TaskId,
        reservation: ReservationId,
        reason: &str,
    ) {
        self.with_task(task, |switch, call| {
            let whys = [Why::Serve(reservation), Why::Helps(reservation)];
            let rung = |p: &Participant| whys.contains(&p.why) && (p.rings() || p.asked);
            for leg in call.legs(rung) {
                switch.drop_leg(now, call, leg, reason);
            }
            switch.delivery_rescinded(now, call, reservation);
        });
    }

    /// An answer that came when the reservation was gone.
    fn too_late(&mut self, now: Time, reservation: ReservationId) {
        let found = self.state.calls.values().find_map(|call| {
            let legs = call.legs(|p| answered_for(p, reservation));
            legs.first().map(|leg| (call.key, *leg))
        });
        let delivers =
            |call: &Call| call.delivery.as_ref().is_some_and(|d| d.claim == Some(reservation));
        if let Some(key) = self.state.calls.values().find(|call| delivers(call)).map(|c| c.key) {
            self.with_call(key, |switch, call| switch.delivery_rescinded(now, call, reservation));
        }
        if let Some((key, leg)) = found {
            self.with_call(key, |switch, call| {
                switch.drop_leg(now, call, leg, super::connect::ELSEWHERE);
            });
        }
    }

    fn resolved(
        &mut self,
        now: Time,
        task: acd::TaskId,
        reservation: ReservationId,
        operator: OperatorId,
        end: End,
    ) {
        let (reservation, operator) =
            (ReservationKey(reservation.0), self.directory.operator_name(operator));
        let what = match end {
            End::Accepted => What::ReservationAccepted { reservation, operator },
            End::Rejected(cause) => {
                What::ReservationRejected { reservation, operator, cause: cause.as_str().into() }
            }
            End::Rescinded(acd::Rescission::Timeout) => {
                What::ReservationTimeout { reservation, operator }
            }
            End::Rescinded(cause @ acd::Rescission::AnsweredElsewhere) => {
                What::ReservationRescinded { reservation, operator, cause: cause.as_str().into() }
            }
            End::Rescinded(cause) => {
                What::ReservationCancelled { reservation, operator, cause: cause.as_str().into() }
            }
            End::Refused(cause) => {
                What::ReservationCancelled { reservation, operator, cause: cause.as_str().into() }
            }
        };
        self.tell_task(now, task, what);
        if end != End::Accepted {
            self.nobody_calls_back(now, task);
        }
    }

    fn give(
        &mut self,
        now: Time,
        task: acd::TaskId,
        reservation: ReservationId,
        operator: OperatorId,
        waited: Time,
    ) {
        if let Some(entry) = self.state.tasks.get_mut(&TaskKey(task.0)) {
            (entry.taken, entry.wrapping) = (Some((operator, now, waited)), None);
            if let Some(caller) = &entry.caller {
                self.state.sticky.served(now, entry.queue, caller, operator);
            }
        }
        self.with_task(task, |switch, call| switch.assigned(now, call, reservation, operator));
    }

    fn wrapping(&mut self, now: Time, task: acd::TaskId, operator: OperatorId, until: Time) {
        let Some(entry) = self.state.tasks.get_mut(&TaskKey(task.0)) else { return };
        // That of one who has handed it on is theirs, and not the task's.
        if entry.served.is_none() {
            entry.wrapping.get_or_insert(now);
        }
        let queue = self.directory.queue_name(entry.queue);
        let operator = self.directory.operator_name(operator);
        let wrap_up_ms = u64::try_from(until.saturating_sub(now).as_millis()).unwrap_or(u64::MAX);
        self.tell_task(now, task, What::TaskWrapping { queue, operator, wrap_up_ms });
    }

    fn done(&mut self, now: Time, task: acd::TaskId, outcome: Outcome) {
        let key = TaskKey(task.0);
        let Some(entry) = self.state.tasks.get(&key).cloned() else { return };
        let ms = |time: Time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let queue = self.directory.queue_name(entry.queue);
        let wait_ms = ms(now.saturating_sub(entry.queued));
        if let (Outcome::Completed { operator }, Some(caller)) = (outcome, &entry.caller) {
            let ended = entry.wrapping.unwrap_or(now);
            self.state.sticky.served(ended, entry.queue, caller, operator);
        }
        let what = match outcome {
            Outcome::Completed { operator } => What::TaskCompleted {
                queue,
                operator: self.directory.operator_name(operator),
                talk_ms: ms(entry.talk),
                hold_ms: ms(entry.hold),
                wrap_up_ms: entry.wrapping.map_or(0, |since| ms(now.saturating_sub(since))),
            },
            Outcome::Withdrawn(Withdrawal::Abandoned) => What::TaskAbandoned { queue, wait_ms },
            Outcome::Withdrawn(Withdrawal::Expired) => What::TaskExpired { queue, wait_ms },
            Outcome::Withdrawn(Withdrawal::Failed) => {
                What::TaskFailed { queue, cause: "failed".into() }
            }
            Outcome::Withdrawn(Withdrawal::Overflowed) => What::TaskOverflowed { queue, wait_ms },
            Outcome::Withdrawn(Withdrawal::Moved | Withdrawal::Removed) => {
                What::TaskWithdrawn { queue }
            }
            Outcome::Refused(reason) => What::TaskFailed { queue, cause: reason.as_str().into() },
        };
        self.tell_task(now, task, what);
        self.state.tasks.remove(&key);
        if let Some(call) = entry.call.and_then(|call| self.state.calls.get_mut(&call)) {
            call.tasks.retain(|task| task.key != key);
        }
    }
}
