//! Calling somebody without the distributor: an operator by number, a URI, a number outside.

use sip::msg::{Message, NameAddr, Uri};
use sip::{LegId, Redirects, Target};

use super::end::HUNG_UP;
use super::ring::{Callee, Errand, Rung};
use super::{DIAL_TIMEOUT, reason};
use crate::api::Time;
use crate::call::{Call, Participant, Timer, Why};
use crate::config::{Go, Name};
use crate::event::{CallResult, Role, What};
use crate::switch::B2bua;

/// Why nobody is rung at all.
pub(crate) struct Refused {
    /// For the record.
    pub(crate) cause: &'static str,
    /// For whoever asked.
    pub(crate) status: u16,
}

const fn refused(cause: &'static str, status: u16) -> Refused {
    Refused { cause, status }
}

impl B2bua {
    /// Rings an operator, a number or a URI.
    pub(crate) fn dial(
        &mut self,
        now: Time,
        call: &mut Call,
        go: Go,
        errand: impl Into<Errand>,
    ) -> Result<(), Refused> {
        let errand = errand.into();
        match go {
            Go::Operator(name) => self.dial_operator(now, call, &name, errand),
            Go::Uri(uri) => self.dial_uri(now, call, uri, None, errand),
            Go::Number { number, trunk } => self.dial_number(now, call, &number, &trunk, errand),
            Go::Bot(name) => self.dial_bot(now, call, name, errand),
            Go::Queue { .. }
            | Go::Announce(_)
            | Go::Menu(_)
            | Go::Park { .. }
            | Go::Hook(_)
            | Go::Reject(_)
            | Go::Drop => Err(refused("nobody to dial", 404)),
        }
    }

    /// Rings an operator directly. They need not be ready, only free and at their phone.
    fn dial_operator(
        &mut self,
        now: Time,
        call: &mut Call,
        name: &str,
        errand: Errand,
    ) -> Result<(), Refused> {
        let operator = self.directory.operator_id(name);
        let operator = operator.ok_or(refused("no such operator", 404))?;
        let busy = self.acd.operator(operator).is_some_and(|view| {
            use acd::Effective::{OnCall, Reserved, Ringing};
            matches!(view.effective.state, OnCall | Reserved | Ringing)
        });
        // Whoever has handed the call on may have it back, but is not asked in by order as they leave.
        let leaves = |p: &Participant| p.why == Why::Left && p.operator == Some(operator);
        let is_asked = matches!(errand.why, Why::Asked(_) | Why::Helps(_));
        let is_here = call.operators().contains(&operator)
            || is_asked && call.participants.iter().any(leaves);
        if busy || is_here {
            return Err(refused("busy", 486));
        }
        if errand.why == Why::Dialled {
            call.wanted = Some(operator);
        }
        match self.ring_operator(now, call, operator, errand) {
            Rung::Rings => Ok(()),
            Rung::NoPhone => Err(refused("not registered", 480)),
            Rung::NoPort => Err(refused("no port", 503)),
        }
    }

    pub(super) fn dial_number(
        &mut self,
        now: Time,
        call: &mut Call,
        number: &str,
        name: &Name,
        errand: Errand,
    ) -> Result<(), Refused> {
        let trunk = self.directory.trunk(name);
        let uri = trunk.and_then(|trunk| trunk.reaches(number));
        let uri = uri.ok_or(refused("trunk has no proxy", 503))?;
        if self.trunk_is_full(name) {
            return Err(refused("trunk is full", 503));
        }
        self.dial_uri(now, call, uri, Some(name.clone()), errand)
    }

    pub(super) fn dial_uri(
        &mut self,
        now: Time,
        call: &mut Call,
        uri: Uri,
        trunk: Option<Name>,
        errand: Errand,
    ) -> Result<(), Refused> {
        let there = call.origin().or(call.participants.first());
        let address = there.map(|there| there.negotiation.settings().address);
        let address = address.or_else(|| self.callback_address(call));
        let address = address.or_else(|| self.own_address());
        let address = address.ok_or(refused("nobody there", 480))?;
        let known = trunk.as_deref().and_then(|name| self.directory.trunk(name));
        let own = || Redirects::Own(Vec::new());
        let callee = Callee {
            redirects: known.map_or_else(own, |trunk| trunk.redirects.clone()),
            to: NameAddr::new(uri.bare()),
            target: Target::Uri { uri, proxy: None },
            address,
            role: errand.role.unwrap_or(Role::Customer),
            operator: errand.outside,
            errand,
            credentials: known.and_then(|trunk| trunk.credentials.clone()),
            trunk,
        };
        if self.ring(now, call, callee) { Ok(()) } else { Err(refused("no port", 503)) }
    }

    pub(crate) fn dialling(&mut self, now: Time, call: &mut Call) {
        self.set_timer(call, Timer::Dial, Some(now + DIAL_TIMEOUT));
    }

    pub(crate) fn dial_timeout(&mut self, now: Time, call: &mut Call) {
        let is_rung = |p: &Participant| {
            matches!(p.why, Why::First | Why::Dialled | Why::CalledBack | Why::Referred)
                && p.rings()
        };
        for leg in call.legs(is_rung) {
            self.drop_leg(now, call, leg, "");
        }
        if self.is_calling_back(call) {
            return self.attempt_failed(now, call, "no answer");
        }
        if call.awaited.is_some() {
            return self.caller_failed(now, call, "no answer");
        }
        if call.transfer.is_some() {
            return self.transfer_failed(now, call, 408);
        }
        if call.participants.iter().any(|p| p.why == Why::Dialled) {
            return;
        }
        if call.after.is_some() {
            return self.end_call(now, call, CallResult::Answered, HUNG_UP, 480);
        }
        if call.answered && call.bot.is_some() {
            return self.regret(now, call, 480);
        }
        self.end_call(now, call, CallResult::Failed, "no answer", 480);
    }

    /// A leg of ours was refused or never answered.
    pub(crate) fn leg_failed(
        &mut self,
        now: Time,
        call: &mut Call,
        leg: LegId,
        status: u16,
        response: Option<&Message>,
    ) {
        let Some(participant) = call.participant(leg) else { return };
        let (id, who, why) = (participant.id, participant.operator, participant.why);
        let (role, operator) = (participant.role, who.map(|id| self.directory.operator_name(id)));
        let failed = What::LegFailed {
            participant: id,
            role,
            operator: operator.clone(),
            status,
            reason: response.and_then(reason::said),
        };
        self.tell(now, call, failed);
        self.forget_leg(now, call, leg);
        if status >= 600 {
            // A 6xx speaks for everywhere (RFC 3261 sections 16.7, step 5, and 21.6): it is the person
            // who says so, whichever of their phones it was.
            for other in call.legs(|p| p.why == why && p.rings()) {
                self.drop_leg(now, call, other, &reason::of_status(status));
            }
        }
        let is_dialled = matches!(why, Why::Dialled | Why::Referred);
        if let (300..=302, true, Some(who), Some(response)) = (status, is_dialled, who, response) {
            call.diversion.take(who, response);
        }
        if call.participants.iter().any(|p| p.why == why) {
            return;
        }
        match why {
            Why::Dialled | Why::Referred if self.diverted(now, call, why) => {}
            Why::Serve(claim) => {
                if let Some(operator) = operator {
                    let cause = cause_of(status).into();
                    self.tell(now, call, What::OperatorFailed { operator, cause });
                }
                self.acd.handle(now, acd::Input::Rejected(claim, rejection(status)));
            }
            Why::Dialled if call.after.is_some() => {
                self.end_call(now, call, CallResult::Answered, HUNG_UP, 480);
            }
            Why::Dialled if call.answered && call.bot.is_some() => {
                self.set_timer(call, Timer::Dial, None);
                self.regret(now, call, status);
            }
            Why::Dialled => {
                call.parting = response.and_then(reason::passed_on);
                self.end_call(
                    now,
                    call,
                    CallResult::Failed,
                    cause_of(status),
                    passed_on(status, who.is_some()),
                );
            }
            Why::First => self.caller_failed(now, call, cause_of(status)),
            Why::CalledBack => self.attempt_failed(now, call, cause_of(status)),
            Why::Referred => self.transfer_failed(now, call, status),
            // The distributor tries another of the queue's.
            Why::Helps(claim) => {
                self.acd.handle(now, acd::Input::Rejected(claim, rejection(status)));
            }
            // Whoever asked them in reads of it in the events.
            Why::Asked(_) => self.help_not_answered(call, why, status),
            Why::Arrived | Why::Left | Why::Lent => {}
        }
    }
}

fn rejection(status: u16) -> acd::Rejection {
    match status {
        486 | 600 => acd::Rejection::Busy,
        // A phone that sends its callers elsewhere takes none.
        300..=399 | 403 | 603 | 607 => acd::Rejection::Declined,
        404 | 408 | 410 | 480 | 503 | 604 => acd::Rejection::Unreachable,
        _ => acd::Rejection::Error,
    }
}

pub(super) fn cause_of(status: u16) -> &'static str {
    match rejection(status) {
        acd::Rejection::Busy => "busy",
        acd::Rejection::Declined => "declined",
        acd::Rejection::Unreachable => "unreachable",
        acd::Rejection::Error | acd::Rejection::Ours => "error",
    }
}

/// What a caller is told when the one they called refused: what speaks of the callee, and nothing
/// that speaks of our request, which they could take for their own (a challenge, a redirection, an
/// extension). Of a phone of ours nothing about all the world (6xx), but that a person declined. That
/// a caller without a name is not put through (433), or that the way leads round in circles (482, 483),
/// is theirs to know: with another number, or another way, they may have better luck. A 5xx is 500: a
/// 503 would say that we take no calls (RFC 3261 section 16.7, step 6).
pub(super) fn passed_on(status: u16, ours: bool) -> u16 {
    match status {
        404 | 410 | 604 if ours => 480,
        600 if ours => 486,
        403 | 404 | 408 | 410 | 433 | 480 | 482..=484 | 486 | 488 | 600 | 603 | 604 | 606..=608 => {
            status
        }
        500..=599 => 500,
        _ => 480,
    }
}
