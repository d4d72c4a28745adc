//! An INVITE with Replaces (RFC 3891): another phone takes a participant's seat. Nobody else in the
//! call hears more of it than another voice.
//!
//! Whose seat it may be: an operator's for a phone of theirs, and for those of others as their
//! `pickup` says; a trunk's for the same trunk. Those who ring can be answered for (a pickup): somebody
//! dialled, and somebody rung for a queue's call, if the distributor lets whoever answers have it
//! ([`acd::Acd::may_take`]). It is theirs then as if they had been rung, and for the others it was
//! answered elsewhere.

use sip::msg::Message;
use sip::{Flow, LegId, Peer};

use super::end::Gone;
use crate::api::Time;
use crate::call::{Call, LegState, NewLeg, Participant, Why};
use crate::config::{Operator, Pickup};
use crate::event::{TransferMode, What};
use crate::id::ParticipantId;
use crate::switch::B2bua;

impl B2bua {
    pub(crate) fn replace(
        &mut self,
        now: Time,
        leg: LegId,
        old: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) {
        let done = self.with_leg(old, |switch, call| {
            switch.may_replace(now, call, old, peer, flow)?;
            switch.replacement(call, leg, old, peer, flow, request)?;
            switch.state.legs.insert(leg, call.key);
            switch.take_seat(now, call, leg, old);
            Ok(())
        });
        if let Err((status, headers)) = done.unwrap_or_else(|| Err((481, Vec::new()))) {
            self.command_sip(now, sip::Command::End { leg, status, headers });
        }
    }

    fn may_replace(
        &mut self,
        now: Time,
        call: &Call,
        old: LegId,
        peer: &Peer,
        flow: Flow,
    ) -> Result<(), (u16, sip::Headers)> {
        let refuse = |status| Err((status, Vec::new()));
        let Some(old) = call.participant(old) else { return refuse(481) };
        let (allowed, who) = match (peer, old.operator, &old.trunk) {
            // What somebody supervises, or is told before a call, is for nobody else's ears.
            (Peer::User(user), Some(_), _) if old.supervises() || old.is_briefed() => {
                (self.directory.operator_id(user) == old.operator, user)
            }
            (Peer::User(user), Some(theirs), _) => {
                let theirs = self.directory.operator_name(theirs);
                let both = self.directory.operator(user).zip(self.directory.operator(&theirs));
                (both.is_some_and(|(who, whose)| may_pick_up(who, whose)), user)
            }
            (Peer::Trunk(name), None, Some(trunk)) => (name == trunk, name),
            (Peer::User(name) | Peer::Trunk(name), ..) => (false, name),
        };
        if !allowed {
            let (source, user) = (flow.remote.to_string().into(), who.to_string());
            let (reason, method) = ("replaces".into(), "INVITE".into());
            self.emit(now, None, None, What::SecurityRefused { reason, source, method, user });
            return refuse(603);
        }
        let can = match old.why {
            Why::Dialled => true,
            Why::Serve(_) if old.rings() => return self.may_serve(call, peer),
            Why::Arrived | Why::Serve(_) | Why::Asked(_) => old.state == LegState::Up,
            Why::First
            | Why::CalledBack
            | Why::Referred
            | Why::Helps(_)
            | Why::Left
            | Why::Lent => false,
        };
        match (can, &call.transfer) {
            (true, None) => Ok(()),
            (true, Some(_)) => refuse(491),
            (false, _) => refuse(603),
        }
    }

    /// Whether whoever answers for somebody who is rung for a queue's call may have it.
    fn may_serve(&self, call: &Call, peer: &Peer) -> Result<(), (u16, sip::Headers)> {
        let operator = match peer {
            Peer::User(user) => self.directory.operator_id(user),
            Peer::Trunk(_) => None,
        };
        let may = operator.zip(call.task()).map(|(operator, task)| {
            let task = acd::TaskId(task.key.0);
            self.acd.may_take(task, operator)
        });
        let status = match may {
            Some(Ok(())) => return Ok(()),
            Some(Err(acd::Filter::OnCall | acd::Filter::Limit)) => 486,
            Some(Err(_)) | None => 603,
        };
        Err((status, Vec::new()))
    }

    /// Who takes the seat, if its offer can be answered on the call's own thread.
    fn replacement(
        &mut self,
        call: &mut Call,
        leg: LegId,
        old: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) -> Result<(), (u16, sip::Headers)> {
        let lease = self.lease(call.thread_wanted()).ok_or((503, Vec::new()))?;
        let others = call.participants.iter().filter(|other| other.leg != old);
        let had = others.filter_map(|other| other.negotiation.plan()).map(|plan| plan.codec).next();
        let (negotiation, reply) = self.first_answer((leg, lease), peer, flow, request, had)?;
        let (operator, trunk) = match peer {
            Peer::User(user) => (self.directory.operator_id(user), None),
            Peer::Trunk(name) => (None, Some(name.clone())),
        };
        self.count_trunk(trunk.as_ref());
        let id = ParticipantId(self.mint());
        let Some(old) = call.participant(old) else { return Err((481, Vec::new())) };
        let uri = match peer {
            Peer::User(user) => self.own_uri(user).to_string().into(),
            Peer::Trunk(_) => old.uri.clone(),
        };
        let new = NewLeg {
            id,
            leg,
            role: old.role,
            operator,
            uri,
            trunk,
            why: old.why,
            state: LegState::Invited,
            lease,
            negotiation,
            reply,
        };
        let (seat, hold) = (old.seat.clone(), old.hold.clone());
        let (muted, watch, is_aware) = (old.muted, old.watch, old.is_aware);
        let new = Participant { seat, hold, muted, watch, is_aware, ..Participant::new(new) };
        let old = old.id;
        call.participants.push(new);
        call.follows(old, id);
        Ok(())
    }

    fn take_seat(&mut self, now: Time, call: &mut Call, leg: LegId, old: LegId) {
        let rang = call.participant(old).is_some_and(Participant::rings);
        let before = call.participant(old).and_then(|p| p.operator);
        let (operator, why, role) = match call.participant(leg) {
            Some(new) => (new.operator, new.why, new.role),
            None => return,
        };
        self.answer_leg(now, call, leg);
        let name = operator.map(|id| self.directory.operator_name(id));
        if let Some(participant) = call.participant(leg).map(|p| p.id) {
            self.tell(now, call, What::LegAnswered { participant, role, operator: name });
        }
        if let (true, Why::Serve(_)) = (rang, why) {
            // Whom it is assigned to is said by the distributor, which stops those who ring as well.
            if let Some((operator, task)) = operator.zip(call.task()) {
                let task = acd::TaskId(task.key.0);
                self.acd.handle(now, acd::Input::Taken { task, operator });
            }
            return;
        }
        if rang {
            call.wanted = operator;
            return self.connect(now, call, leg);
        }
        let at = call.participants.iter().position(|p| p.leg == leg).unwrap_or_default();
        self.joined(now, call, at);
        // The seat of a caller is nobody's work.
        if operator != before
            && matches!(why, Why::Serve(_))
            && let Some(gone) = call.participant(old).map(Gone::of)
        {
            self.changes_hands(now, call, &gone, operator, TransferMode::Attended);
        }
        self.drop_leg(now, call, old, "");
    }

    /// Another person sits there now: a transfer, done as soon as begun.
    pub(super) fn changes_hands(
        &mut self,
        now: Time,
        call: &Call,
        gone: &Gone,
        to: Option<acd::OperatorId>,
        mode: TransferMode,
    ) {
        let (participant, left) = (Some(gone.id), gone.operator);
        let name = |switch: &Self, id: Option<acd::OperatorId>| {
            id.map(|id| switch.directory.operator_name(id))
        };
        let (operator, came) = (name(self, left), name(self, to));
        let to_name = came.clone().unwrap_or_default();
        let to_told = to_name.clone();
        self.tell(now, call, What::TransferStarted { participant, operator, to: to_told, mode });
        if let Some(task) = call.tasks.iter().find(|task| task.served) {
            let task = acd::TaskId(task.key.0);
            self.acd.handle(now, acd::Input::Handed { task, to });
        }
        self.tell(now, call, What::TransferCompleted { operator: came, to: to_name });
    }
}

/// Whether a phone of one operator may take another's seat.
fn may_pick_up(who: &Operator, whose: &Operator) -> bool {
    match who.pickup {
        Pickup::Nobody => false,
        Pickup::Own => who.id == whose.id,
        Pickup::Queues => {
            who.id == whose.id || who.queues.iter().any(|queue| whose.queues.contains(queue))
        }
        Pickup::Any => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{HeaderRules, Outgoing, Rank, SignIn};

    fn operator(id: &str, queues: &[&str], pickup: Pickup) -> Operator {
        Operator {
            id: id.into(),
            number: None,
            name: id.into(),
            contact: None,
            queues: queues.iter().map(|queue| (*queue).into()).collect(),
            skills: Vec::new(),
            weight: 1,
            wrap_up_ms: None,
            sign_in: SignIn::Register,
            outgoing: Outgoing::Internal,
            total_max: 4,
            voice_max: 1,
            headers: HeaderRules::of_operator(),
            caller_id: None,
            pickup,
            codecs: None,
            rank: Rank::Operator,
            supervises: Vec::new(),
        }
    }

    #[test]
    fn whose_seat_may_be_taken() {
        let check = |pickup: Pickup, expected: [bool; 4]| {
            let who = operator("alice", &["support", "sales"], pickup);
            let of = |id, queues: &[&str]| may_pick_up(&who, &operator(id, queues, Pickup::Any));
            let told = [
                of("alice", &["support", "sales"]),
                of("bob", &["billing", "sales"]),
                of("carol", &["billing"]),
                of("dave", &[]),
            ];
            assert_eq!(told, expected, "{pickup:?}");
        };
        check(Pickup::Nobody, [false, false, false, false]);
        check(Pickup::Own, [true, false, false, false]);
        check(Pickup::Queues, [true, true, false, false]);
        check(Pickup::Any, [true, true, true, true]);
        // Without a queue there is nobody to share one with.
        let alone = operator("alice", &[], Pickup::Queues);
        assert!(may_pick_up(&alone, &alone));
        assert!(!may_pick_up(&alone, &operator("bob", &["sales"], Pickup::Any)));
    }
}
