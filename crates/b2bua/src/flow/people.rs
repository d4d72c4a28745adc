//! Orders about the people in a call: who may give them, and to whom a name refers.

use sip::LegId;

use super::dtmf;
use super::end::Gone;
use crate::act::{Act, Asker};
use crate::api::{Command, Problem, Reply, Time};
use crate::call::{Call, LegState, Participant, Why};
use crate::event::{CallResult, Role};
use crate::id::{CallKey, ParticipantId};
use crate::switch::B2bua;

/// Keys at once.
const DIGITS_MAX: usize = 64;

impl B2bua {
    pub(super) fn conference_order(
        &mut self,
        now: Time,
        key: CallKey,
        by: &Asker,
        act: &Act,
    ) -> Result<Reply, Problem> {
        let done = self.with_call(self.call_named(key), |switch, call| {
            switch.may_order(call, by)?;
            switch.act(now, call, by, act)
        });
        done.unwrap_or_else(|| Err(Problem::NotFound { what: "call", name: key.to_string() }))
    }

    fn act(&mut self, now: Time, call: &mut Call, by: &Asker, act: &Act) -> Result<Reply, Problem> {
        match act {
            Act::Add(add) => {
                self.may_rule(call, by, None)?;
                if call.participants.iter().all(|p| p.why == Why::Left) {
                    return Err(Problem::Conflict("whoever called has gone".into()));
                }
                self.ask_in(now, call, by, add).map(Reply::Participants)
            }
            Act::Change { participant, change } => {
                let who = self.found(call, by, participant)?;
                self.may_rule(call, by, Some(who))?;
                self.change(now, call, by, who, change)?;
                Ok(Reply::Participants(vec![who]))
            }
            Act::Remove { participant } => {
                let who = self.found(call, by, participant)?;
                self.may_rule(call, by, Some(who))?;
                self.remove(now, call, who).map(|()| Reply::Done)
            }
            Act::Help(wanted) => {
                self.may_rule(call, by, None)?;
                self.ask_for_help(now, call, by, wanted)
            }
            Act::TakeBack => {
                self.may_rule(call, by, call.helper().map(|p| p.id))?;
                self.take_back(now, call).map(|()| Reply::Done)
            }
            Act::Press { to, digits, duration_ms } => {
                let to = match to {
                    Some(name) => Some(self.found(call, by, name)?),
                    None => None,
                };
                self.press(call, to, digits, *duration_ms).map(|()| Reply::Done)
            }
            Act::Describe { context } => self.describe(now, call, context).map(|()| Reply::Done),
            Act::Connect { to } => {
                self.may_rule(call, by, None)?;
                match to {
                    Some(to) => self.connect_parked(now, call, by, to),
                    None => self.connect_briefed(now, call),
                }
                .map(|()| Reply::Done)
            }
            Act::Transfer(order) => {
                self.may_rule(call, by, None)?;
                self.order_transfer(now, call, by, order).map(|()| Reply::Done)
            }
            Act::CompleteTransfer => {
                self.may_rule(call, by, None)?;
                self.complete_transfer(now, call).map(|()| Reply::Done)
            }
            Act::CancelTransfer => {
                self.may_rule(call, by, None)?;
                self.cancel_transfer(now, call).map(|()| Reply::Done)
            }
            Act::Play { to, audio } => {
                self.may_rule(call, by, None)?;
                let listeners = self.listeners(call, by, to)?;
                self.play(now, call, listeners, audio)
            }
        }
    }

    /// Whether an order could be carried out, as far as that is known before its sound is made.
    pub(crate) fn may_be_given(&self, command: &Command) -> Result<(), Problem> {
        let Command::Conference { call: key, by, act } = command else { return Ok(()) };
        let none = || Problem::NotFound { what: "call", name: key.to_string() };
        let call = self.state.calls.get(&self.call_named(*key)).ok_or_else(none)?;
        self.may_order(call, by)?;
        match act {
            Act::Play { to, .. } => {
                self.may_rule(call, by, None)?;
                self.listeners(call, by, to).map(|_| ())
            }
            Act::Change { participant, .. } => {
                let who = self.found(call, by, participant)?;
                self.may_rule(call, by, Some(who))
            }
            Act::Add(_)
            | Act::Remove { .. }
            | Act::Help(_)
            | Act::TakeBack
            | Act::Press { .. }
            | Act::Describe { .. }
            | Act::Connect { .. }
            | Act::Transfer(_)
            | Act::CompleteTransfer
            | Act::CancelTransfer => Ok(()),
        }
    }

    /// Whether the call is theirs to order about.
    fn may_order(&self, call: &Call, by: &Asker) -> Result<(), Problem> {
        let (may, whose) = match by {
            Asker::Admin => return Ok(()),
            Asker::Supervisor { queues } => {
                (self.queues_of(call).iter().any(|queue| queues.contains(queue)), "your queues")
            }
            Asker::Operator(name) => {
                let who = self.directory.operator_id(name);
                let is_theirs =
                    |p: &Participant| who.is_some() && p.operator == who && is_in(call, p);
                (call.participants.iter().any(is_theirs), "your own")
            }
        };
        if may { Ok(()) } else { Err(Problem::Forbidden(format!("this call is none of {whose}"))) }
    }

    /// Whether they may order about others in it: a colleague who was asked in may not.
    pub(super) fn may_rule(
        &self,
        call: &Call,
        by: &Asker,
        whom: Option<ParticipantId>,
    ) -> Result<(), Problem> {
        let Asker::Operator(name) = by else { return Ok(()) };
        let who = self.directory.operator_id(name);
        // A colleague who goes on alone with the customer is none any more.
        let server = call.server().map(|p| p.id);
        let is_guest =
            |p: &Participant| p.role == Role::Consultant && ![whom, server].contains(&Some(p.id));
        let mut own = call.participants.iter().filter(|p| p.operator == who && is_in(call, p));
        if own.all(is_guest) {
            let why = "a consultant changes nothing but their own part";
            return Err(Problem::Forbidden(why.into()));
        }
        Ok(())
    }

    /// Whom a name refers to: a participant's id, an operator's id or number, or the number or URI
    /// somebody was reached by. Of several the one who takes part. An operator knows no supervisors.
    pub(super) fn find<'a>(
        &self,
        call: &'a Call,
        by: &Asker,
        name: &str,
    ) -> Result<&'a Participant, Problem> {
        let id: Option<ParticipantId> = name.parse().ok();
        let is_number = |p: &Participant| {
            let user = sip::msg::Uri::parse(&p.uri).ok();
            let user = user.as_ref().and_then(sip::msg::Uri::user);
            *p.uri == *name || user.is_some_and(|user| user == name)
        };
        let is_meant = |p: &&Participant| {
            let operator = p.operator.map(|id| self.directory.operator_name(id));
            let operator = operator.and_then(|name| self.directory.operator(&name));
            Some(p.id) == id
                || operator.is_some_and(|o| *o.id == *name || o.number.as_deref() == Some(name))
                || is_number(p)
        };
        let seen = |p: &&Participant| !(p.supervises() && matches!(by, Asker::Operator(_)));
        let found = call.participants.iter().filter(seen).filter(is_meant);
        let found = found.min_by_key(|p| (!p.connected(), p.state != LegState::Up));
        found.ok_or_else(|| Problem::NotFound { what: "participant", name: name.to_owned() })
    }

    fn found(&self, call: &Call, by: &Asker, name: &str) -> Result<ParticipantId, Problem> {
        self.find(call, by, name).map(|p| p.id)
    }

    /// One leaves by order. Those who are left go on as if they had been lost.
    fn remove(&mut self, now: Time, call: &mut Call, who: ParticipantId) -> Result<(), Problem> {
        let Some(p) = call.participants.iter().find(|p| p.id == who) else { return Ok(()) };
        let (leg, gone, is_rung) = (p.leg, Gone::of(p), p.rings() || p.asked);
        if is_rung && !matches!(p.why, Why::Asked(_) | Why::Helps(_)) {
            return Err(Problem::Conflict("they are rung for the call itself".into()));
        }
        if call.transfer.is_some() && !p.supervises() {
            return Err(Problem::Conflict("the call is being transferred".into()));
        }
        if call.help.as_ref().is_some_and(|help| help.has(p)) {
            return self.take_back(now, call);
        }
        self.help_becomes_transfer(now, call, leg);
        if call.transfer.as_ref().is_some_and(|transfer| transfer.by == Some(leg)) {
            self.drop_leg(now, call, leg, "");
            self.transferor_left(now, call);
            return Ok(());
        }
        let goes_on = gone.role == Role::Customer && call.helper().is_some();
        if gone.why == Why::Arrived && !goes_on {
            self.end_call(now, call, CallResult::Ended, "removed by order", 480);
            return Ok(());
        }
        self.drop_leg(now, call, leg, "");
        if !self.goes_on_apart(now, call, gone.role, "removed by order") {
            self.parted(now, call, &gone, false);
        }
        Ok(())
    }

    fn press(
        &mut self,
        call: &Call,
        to: Option<ParticipantId>,
        digits: &str,
        duration_ms: u16,
    ) -> Result<(), Problem> {
        let field = |field, what: String| Err(Problem::Field { field, what });
        let known = |c: char| "0123456789*#ABCD".contains(c);
        if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.chars().all(known) {
            let what = format!("1 to {DIGITS_MAX} of 0 to 9, *, #, A to D");
            return field("digits", what);
        }
        if !dtmf::LENGTHS.contains(&duration_ms) {
            let (least, most) = (dtmf::LENGTHS.start(), dtmf::LENGTHS.end());
            return field("duration_s", format!("from {least} to {most} ms"));
        }
        let is_meant = |p: &&Participant| match to {
            Some(id) => p.id == id,
            None => p.role == Role::Customer,
        };
        let listeners = call.participants.iter().filter(is_meant);
        let listeners: Vec<LegId> =
            listeners.filter(|p| p.state == LegState::Up).map(|p| p.leg).collect();
        if listeners.is_empty() {
            return Err(Problem::Conflict("there is nobody who could hear them".into()));
        }
        for leg in listeners {
            self.send_keys(call, leg, digits, duration_ms);
        }
        Ok(())
    }
}

/// Whether somebody is in a call to have a say in it: who talks, or would but for a briefing or the
/// transfer they have asked for.
fn is_in(call: &Call, p: &Participant) -> bool {
    let asked = call.transfer.as_ref().is_some_and(|transfer| transfer.by == Some(p.leg));
    p.talks() || p.is_briefed() || asked
}
