//! Delivery by REFER: the trunk is asked to bring the customer to the operator, where the queue says so
//! (`delivery = "refer"`).
//!
//! | | then |
//! | --- | --- |
//! | an operator at a number outside is found | the customer's leg gets REFER to that number |
//! | the trunk says that it is done, or has agreed and hangs up | the task is the operator's; our media leaves the path, and the call is over. They are occupied until an order, or `refer_busy_s` |
//! | an operator with a phone of ours is found | REFER to an address of ours that is good for once |
//! | an INVITE of a trunk's comes there | that is the customer, in the same call; the operator's phone rings |
//! | the trunk refuses, fails, says nothing for ten seconds, or not that a phone rings for 32 more | the customer is put through as usual, and to whoever else is found for them |
//! | it tells that the phone rings, and `ring_s` goes by | as if a phone of ours had not been answered; somebody else is sought once it is known what came of it |
//! | the customer hangs up before | they have abandoned |
//!
//! Only a customer who came by a trunk and is alone in the call is delivered, and once. What the trunk
//! tells is all that is known: one that has told of a ringing phone and hangs up tells that the customer
//! has; one that has told no more than that it agrees has brought them there.

use acd::{OperatorId, ReservationId, TaskId};
use sip::msg::{Host, Message, NameAddr, Uri};
use sip::{EndCause, Flow, LegId, Peer, Refer, Referral};

use super::arrive::dialled;
use super::ring::Rung;
use crate::api::Time;
use crate::call::{Call, Delivering, LegState, NewLeg, Participant, Seat, Timer, Why};
use crate::config::{Delivery, Go, Name};
use crate::event::{CallResult, Role, What};
use crate::headers;
use crate::id::{ParticipantId, TaskKey};
use crate::switch::B2bua;

/// How long a trunk may take to say anything: one that knows no REFER may drop it.
const ANSWERED_WITHIN: Time = Time::from_secs(10);
/// How long it may take from then on until a phone rings.
const RINGS_WITHIN: Time = Time::from_secs(32);
/// How long after an operator's time to answer the trunk may still say that they did.
const LATE: Time = Time::from_secs(5);
/// How long a customer may take to come back whose trunk has hung up.
const RETURNS_WITHIN: Time = Time::from_secs(10);

impl B2bua {
    fn may_deliver(&self, call: &Call, queue: acd::QueueId) -> bool {
        let delivery = self.directory.queue(queue).map(|queue| queue.delivery);
        let refers = matches!(delivery, Some(Delivery::Refer { .. }));
        let mut origin = call.origin().into_iter();
        let is_outside = origin.any(|o| o.role == Role::Customer && o.trunk.is_some());
        let is_plain = call.transfer.is_none() && call.help.is_none() && call.lent.is_none();
        refers && is_outside && is_plain && !call.is_bridged
    }

    /// How long it takes at most before the phone rings of whoever is found for a call.
    pub(super) fn delivery_lead(&self, call: &Call, queue: acd::QueueId) -> Time {
        if self.may_deliver(call, queue) { ANSWERED_WITHIN + RINGS_WITHIN } else { Time::ZERO }
    }

    /// Has a customer brought to an operator; none where they are put through.
    pub(super) fn deliver(
        &mut self,
        now: Time,
        call: &mut Call,
        task: TaskId,
        (claim, operator): (ReservationId, OperatorId),
    ) -> Option<Rung> {
        if call.delivery.is_some() {
            // Nobody else until it is known what comes of that.
            return Some(Rung::NoPort);
        }
        let own = call.task().filter(|own| own.key.0 == task.0)?;
        let [customer] = call.participants.as_slice() else { return None };
        if !self.may_deliver(call, own.queue) || customer.why != Why::Arrived {
            return None;
        }
        let leg = customer.leg;
        let (target, door) = self.way_to(customer, operator)?;
        let context = self.context_for(call, customer.trunk.as_ref());
        let target = context.iter().fold(target, |uri, (name, value)| uri.with_header(name, value));
        let by = NameAddr::new(self.own_uri(&call.to)).to_string();
        let token = self.mint();
        let refer = Refer {
            leg,
            token,
            target,
            replaces: None,
            told: true,
            headers: vec![("Referred-By".into(), by)],
        };
        self.answer_customer(now, call);
        self.command_sip(now, sip::Command::Refer(Box::new(refer)));
        if let Some(door) = &door {
            self.state.doors.insert(door.clone(), call.key);
        }
        let (task, claim) = (own.key, Some(claim));
        call.delivery = Some(Delivering {
            leg,
            token,
            task,
            claim,
            operator,
            door,
            agreed: false,
            rings: false,
            done: false,
        });
        self.set_timer(call, Timer::Delivery, Some(now + ANSWERED_WITHIN));
        let operator = self.directory.operator_name(operator);
        self.tell(now, call, What::DeliveryStarted { operator });
        Some(Rung::Rings)
    }

    /// Where a trunk finds an operator; with the address that is good for once, if it is one of ours.
    fn way_to(
        &mut self,
        customer: &Participant,
        operator: OperatorId,
    ) -> Option<(Uri, Option<Name>)> {
        let name = self.directory.operator_name(operator);
        let contact = self.directory.operator(&name)?.contact.clone();
        match contact {
            Some(Go::Number { number, .. }) => Some((self.number_at(customer, &number)?, None)),
            Some(Go::Uri(uri)) => Some((uri, None)),
            Some(_) => None,
            None => {
                let is_there = self.endpoint.bindings(&name).iter().any(|binding| !binding.lost);
                let own = self.endpoint.contact(customer.leg).filter(|_| is_there)?;
                let door: Name = self.endpoint.rng().uuid().to_string().into();
                Some((own.with_user(&door), Some(door)))
            }
        }
    }

    /// A number, as the customer's trunk is asked for it.
    fn number_at(&self, customer: &Participant, number: &str) -> Option<Uri> {
        let trunk = customer.trunk.as_deref().and_then(|name| self.directory.trunk(name));
        let known = trunk.and_then(|trunk| trunk.reaches(number));
        known.or_else(|| {
            let number = trunk.map_or(number.into(), |trunk| trunk.number_out.of(number));
            let remote = self.endpoint.leg_flow(customer.leg)?.remote;
            Some(Uri::sip(&number, Host::from(remote.ip()), Some(remote.port())))
        })
    }

    /// What is told of the call to whoever the customer is brought to, by way of the trunk.
    fn context_for(&self, call: &Call, trunk: Option<&Name>) -> sip::Headers {
        let (rules, party) = self.policy(None, trunk);
        let mut told = headers::told(&call.context, rules, party);
        told.extend(self.ids_of(call));
        told
    }

    /// What a trunk tells of a REFER of ours.
    pub(crate) fn referral(&mut self, now: Time, leg: LegId, token: u64, referral: Referral) {
        self.with_leg(leg, |switch, call| {
            let Some(delivery) = call.delivery.as_mut().filter(|d| d.token == token) else {
                return;
            };
            let is_outside = delivery.door.is_none();
            if !std::mem::replace(&mut delivery.agreed, true) && delivery.claim.is_some() {
                switch.set_timer(call, Timer::Delivery, Some(now + RINGS_WITHIN));
            }
            let Some(delivery) = call.delivery.as_mut() else { return };
            match referral {
                Referral::Progress(101..) if is_outside && !delivery.rings => {
                    delivery.rings = true;
                    if let Some(claim) = delivery.claim {
                        switch.acd.handle(now, acd::Input::Ringing(claim));
                        // The distributor says when they have rung for long enough.
                        switch.set_timer(call, Timer::Delivery, None);
                    }
                }
                Referral::Done(200..=299) if is_outside => switch.delivered(now, call),
                Referral::Done(status @ 300..) | Referral::Refused(status) => {
                    switch.bridges(now, call, status);
                }
                Referral::Accepted
                | Referral::Progress(_)
                | Referral::Done(_)
                | Referral::Untold => {}
            }
        });
    }

    /// A customer whose leg has ended is where the trunk was asked to bring them, or on the way back
    /// to us.
    pub(super) fn leaves_delivered(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        cause: EndCause,
    ) -> bool {
        let Some(delivery) = call.delivery.as_ref().filter(|d| d.leg == leg) else { return false };
        if !delivery.agreed || delivery.rings || cause != EndCause::Bye {
            self.delivery_fails(now, call, 487);
            return false;
        }
        if delivery.door.is_none() {
            self.delivered(now, call);
        } else {
            self.delivery_waits(now, call, RETURNS_WITHIN);
        }
        true
    }

    /// The customer is with an operator outside: the distributor has the word.
    fn delivered(&mut self, now: Time, call: &mut Call) {
        self.set_timer(call, Timer::Delivery, None);
        let Some(delivery) = call.delivery.as_mut().filter(|d| !d.done) else { return };
        delivery.done = true;
        match delivery.claim {
            Some(claim) => self.acd.handle(now, acd::Input::Accepted(claim)),
            None => self.delivered_late(now, call),
        }
    }

    /// The customer is with an operator to whom the task was offered no more.
    fn delivered_late(&mut self, now: Time, call: &mut Call) {
        let Some(Delivering { task, operator, .. }) = call.delivery else { return };
        let id = TaskId(task.0);
        let is_theirs = call.task().is_some_and(|own| own.key == task);
        if is_theirs && self.acd.may_take(id, operator).is_ok() {
            self.acd.handle(now, acd::Input::Taken { task: id, operator });
            return;
        }
        self.end_delivered(now, call);
    }

    /// The distributor gave the task to whom the customer was brought.
    pub(super) fn delivery_assigned(
        &mut self,
        now: Time,
        call: &mut Call,
        operator: OperatorId,
    ) -> bool {
        let is_theirs = |d: &Delivering| d.done && d.operator == operator;
        let Some(key) = call.delivery.as_ref().filter(|d| is_theirs(d)).map(|d| d.task) else {
            return false;
        };
        let Some(task) = call.tasks.iter().find(|task| task.key == key).copied() else {
            return false;
        };
        self.tell_assigned(now, task);
        self.serves(now, key);
        let name = Some(self.directory.operator_name(operator));
        if !std::mem::replace(&mut call.answered, true) {
            self.tell(now, call, What::CallAnswered { operator: name.clone() });
        }
        self.emit_reached(now, call, name);
        let busy_ms = match self.directory.queue(task.queue).map(|queue| queue.delivery) {
            Some(Delivery::Refer { busy_ms }) => busy_ms,
            _ => 0,
        };
        if let Some(entry) = self.state.tasks.get_mut(&key) {
            entry.delivered = true;
        }
        self.state.expiries.insert((now + Time::from_millis(busy_ms), key));
        call.tasks.retain(|other| other.key != key);
        self.end_delivered(now, call);
        true
    }

    fn end_delivered(&mut self, now: Time, call: &mut Call) {
        if let Some(delivery) = self.delivery_over(call) {
            let operator = self.directory.operator_name(delivery.operator);
            self.emit(
                now,
                Some(call.key),
                Some(delivery.task),
                What::DeliveryCompleted { operator },
            );
        }
        self.end_call(now, call, CallResult::Answered, "delivered by REFER", 480);
    }

    /// The operator to whom a customer was delivered is free again.
    pub(super) fn delivery_done(&mut self, now: Time, key: TaskKey) {
        let Some(entry) = self.state.tasks.get_mut(&key).filter(|entry| entry.delivered) else {
            return;
        };
        entry.delivered = false;
        entry.stop_talk(now);
        self.acd.handle(now, acd::Input::Completed { task: TaskId(key.0) });
    }

    /// The reservation of a delivery is no more.
    pub(super) fn delivery_rescinded(&mut self, now: Time, call: &mut Call, claim: ReservationId) {
        let Some(delivery) = call.delivery.as_mut().filter(|d| d.claim == Some(claim)) else {
            return;
        };
        delivery.claim = None;
        if delivery.done {
            self.delivered_late(now, call);
        } else {
            self.delivery_waits(now, call, LATE);
        }
    }

    /// So long at most from now on.
    fn delivery_waits(&mut self, now: Time, call: &mut Call, time: Time) {
        let due = call.timers.get(&Timer::Delivery).copied().unwrap_or(Time::MAX);
        self.set_timer(call, Timer::Delivery, Some(due.min(now + time)));
    }

    /// It has taken too long.
    pub(crate) fn delivery_overdue(&mut self, now: Time, call: &mut Call) {
        if call.origin().is_some() {
            return self.bridges(now, call, 408);
        }
        self.delivery_fails(now, call, 487);
        self.end_call(now, call, CallResult::Abandoned, "hung up", 487);
    }

    /// The customer is not brought there, and is put through.
    fn bridges(&mut self, now: Time, call: &mut Call, status: u16) {
        let Some(delivery) = self.delivery_fails(now, call, status) else { return };
        self.rings_for(now, call, &delivery);
    }

    /// The operator's phone rings, if the task is still offered to them.
    fn rings_for(&mut self, now: Time, call: &mut Call, delivery: &Delivering) {
        let claim = delivery.claim.filter(|claim| self.acd.reserved(*claim).is_some());
        if let Some(claim) = claim {
            let task = TaskId(delivery.task.0);
            self.ring_after_all(now, call, task, (claim, delivery.operator));
        }
    }

    fn delivery_fails(&mut self, now: Time, call: &mut Call, status: u16) -> Option<Delivering> {
        let delivery = self.delivery_over(call)?;
        let operator = self.directory.operator_name(delivery.operator);
        self.tell(now, call, What::DeliveryFailed { operator, status });
        Some(delivery)
    }

    /// It is decided: once is enough in a call.
    pub(super) fn delivery_over(&mut self, call: &mut Call) -> Option<Delivering> {
        let delivery = call.delivery.take()?;
        call.is_bridged = true;
        self.set_timer(call, Timer::Delivery, None);
        if let Some(door) = &delivery.door {
            self.state.doors.remove(door);
        }
        Some(delivery)
    }

    /// Whether an INVITE is that of a customer who comes back as their trunk was asked.
    pub(crate) fn comes_back(
        &mut self,
        now: Time,
        leg: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) -> bool {
        if self.state.doors.is_empty() {
            return false;
        }
        let Some(key) = self.state.doors.get(&dialled(request)).copied() else { return false };
        let done = match peer {
            Peer::Trunk(trunk) => self.with_call(key, |switch, call| {
                switch.returns(now, call, leg, (peer, trunk), flow, request)
            }),
            Peer::User(_) => Some(Err((403, sip::Headers::new()))),
        };
        if let Some(Err((status, headers))) = done {
            self.command_sip(now, sip::Command::End { leg, status, headers });
        }
        true
    }

    fn returns(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        (peer, trunk): (&Peer, &Name),
        flow: Flow,
        request: &Message,
    ) -> Result<(), (u16, sip::Headers)> {
        if self.trunk_is_full(trunk) {
            return Err(super::arrive::unavailable());
        }
        let lease = self.lease(call.thread_wanted()).ok_or_else(super::arrive::unavailable)?;
        let (negotiation, reply) = self.first_answer((leg, lease), peer, flow, request, None)?;
        let Some(delivery) = self.delivery_over(call) else {
            self.release(lease);
            return Err((481, sip::Headers::new()));
        };
        self.count_trunk(Some(trunk));
        let id = ParticipantId(self.mint());
        let uri = call.origin().map_or_else(
            || self.own_uri(&call.from).to_string().into(),
            |origin| origin.uri.clone(),
        );
        let new = Participant::new(NewLeg {
            id,
            leg,
            role: Role::Customer,
            operator: None,
            uri,
            trunk: Some(trunk.clone()),
            why: Why::Arrived,
            state: LegState::Invited,
            lease,
            negotiation,
            reply,
        });
        let (old, music) = (call.origin().map(|old| (old.id, old.leg)), self.music(call));
        let seat = call.origin().map_or(Seat::Waiting(music), |old| old.seat.clone());
        call.participants.push(Participant { seat, ..new });
        self.state.legs.insert(leg, call.key);
        if let Some((old, leg)) = old {
            call.follows(old, id);
            self.command_sip(now, sip::Command::EndReferred { leg });
            self.leg_over(now, call, leg, "ended", None);
            self.forget_leg(now, call, leg);
        }
        self.answer_leg(now, call, leg);
        let (role, operator) = (Role::Customer, None);
        self.tell(now, call, What::LegAnswered { participant: id, role, operator });
        let at = call.participants.len() - 1;
        self.joined(now, call, at);
        let operator = self.directory.operator_name(delivery.operator);
        self.tell(now, call, What::DeliveryCompleted { operator });
        self.rings_for(now, call, &delivery);
        Ok(())
    }
}
