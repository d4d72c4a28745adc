//! Operators who have no phone of ours: they are called at a number or URI outside (`contact`), over a
//! trunk. They need not register; they sign in by order.
//!
//! | a task is offered, and | then |
//! | --- | --- |
//! | it is answered there | they are asked, again and again while they may be rung: a mailbox must get no caller |
//! | 1 is pressed | it is theirs, as if a phone of ours had answered |
//! | another key is, or they hang up | they have declined |
//! | their time is over | as if they had not answered |
//!
//! Whoever dials them directly talks with whoever answers.

use std::net::IpAddr;

use acd::OperatorId;
use media::Source;
use sip::LegId;

use super::end::Gone;
use super::ring::{Errand, Rung};
use crate::api::Time;
use crate::call::{Call, Participant, Seat, Why};
use crate::config::Go;
use crate::event::{Role, What};
use crate::sound::Audio;
use crate::switch::B2bua;

/// What they are asked.
const QUESTION: &str = "call-accept";
/// What they hear where it cannot be said.
const THINKS: Source = Source::Tone { hz: 425, on_ms: 100, off_ms: 4_900 };

impl B2bua {
    /// Whether an operator is called outside.
    pub(super) fn is_outside(&self, operator: OperatorId) -> bool {
        let name = self.directory.operator_name(operator);
        self.directory.operator(&name).is_some_and(|operator| operator.contact.is_some())
    }

    /// Whoever is called outside is always within reach; whoever is no more needs a phone.
    pub(crate) fn reach_outside(&mut self, now: Time) {
        let operators = self.directory.config.operators.iter().map(|operator| {
            let is_there = |binding: &sip::Binding| !binding.lost;
            let has_phone = self.endpoint.bindings(&operator.id).iter().any(is_there);
            (operator.id.clone(), operator.contact.is_some() || has_phone)
        });
        for (name, reachable) in operators.collect::<Vec<_>>() {
            if let Some(operator) = self.directory.operator_id(&name) {
                self.acd.handle(now, acd::Input::Reachable { operator, reachable });
            }
        }
    }

    /// Where audio comes in of somebody outside who is the first in a call.
    pub(super) fn own_address(&self) -> Option<IpAddr> {
        let config = &self.directory.config;
        let listened = config.listeners.iter().map(std::net::SocketAddr::ip);
        let known = config.sip.advertise.into_iter().chain(listened);
        let mut known = known.filter(|ip| !ip.is_unspecified());
        config.media.advertise.or_else(|| known.find_map(|ip| config.media.address(ip)))
    }

    pub(super) fn ring_outside(
        &mut self,
        now: Time,
        call: &mut Call,
        operator: OperatorId,
        contact: Go,
        mut errand: Errand,
    ) -> Rung {
        errand.outside = Some(operator);
        errand.role.get_or_insert(Role::Operator);
        match self.dial(now, call, contact, errand) {
            Ok(()) => Rung::Rings,
            Err(refused) if refused.status == 503 => Rung::NoPort,
            Err(_) => Rung::NoPhone,
        }
    }

    /// They have answered: whether it is they, and they want it.
    pub(super) fn ask_outside(&mut self, now: Time, call: &mut Call, leg: LegId) {
        let question = Audio::Prompt(vec![QUESTION.into()]);
        let source = self.source(now, &question, Some(call)).unwrap_or(THINKS);
        let Some(at) = call.participants.iter().position(|p| p.leg == leg) else { return };
        let p = &mut call.participants[at];
        (p.asked, p.seat) = (true, Seat::Waiting(source));
        if let Why::Serve(claim) | Why::Helps(claim) = p.why {
            // Also one whose phone never told that it rings.
            self.acd.handle(now, acd::Input::Ringing(claim));
        }
        self.joined(now, call, at);
    }

    /// A key of somebody who is asked.
    pub(super) fn answers_outside(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        digit: char,
    ) -> bool {
        let Some(p) = call.participant_mut(leg).filter(|p| p.asked) else { return false };
        let gone = Gone::of(p);
        match p.why {
            Why::Serve(claim) | Why::Helps(claim) if digit == '1' => {
                p.asked = false;
                self.acd.handle(now, acd::Input::Accepted(claim));
            }
            _ => {
                self.drop_leg(now, call, leg, "");
                self.declines_outside(now, call, &gone);
            }
        }
        true
    }

    /// Whoever has answered for a reservation takes it.
    pub(super) fn takes_outside(
        &mut self,
        now: Time,
        call: &mut Call,
        claim: acd::ReservationId,
    ) -> bool {
        let is_asked =
            |p: &Participant| p.asked && [Why::Serve(claim), Why::Helps(claim)].contains(&p.why);
        let leg = call.legs(is_asked).first().copied();
        leg.is_some_and(|leg| self.answers_outside(now, call, leg, '1'))
    }

    /// They do not want it, or have hung up.
    pub(super) fn declines_outside(&mut self, now: Time, call: &Call, gone: &Gone) {
        let (Why::Serve(claim) | Why::Helps(claim)) = gone.why else { return };
        if let Some(operator) = gone.operator.map(|id| self.directory.operator_name(id)) {
            self.tell(now, call, What::OperatorFailed { operator, cause: "declined".into() });
        }
        self.acd.handle(now, acd::Input::Rejected(claim, acd::Rejection::Declined));
    }
}
