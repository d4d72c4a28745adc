//! Calling somebody without the distributor: an operator by number, a URI, a number outside.

use sip::msg::{NameAddr, Uri};
use sip::{LegId, Target};

use super::DIAL_TIMEOUT;
use super::ring::Callee;
use crate::api::Time;
use crate::call::{Call, LegState, Stage};
use crate::event::{CallResult, Role, What};
use crate::id::CallKey;
use crate::switch::B2bua;

impl B2bua {
    /// Rings an operator directly. They need not be ready, only free and at their phone.
    pub(crate) fn dial_operator(&mut self, now: Time, call: &mut Call, name: &str) {
        let Some(operator) = self.directory.operator_id(name) else {
            self.end_call(now, call, CallResult::Failed, "no such operator", 404);
            return;
        };
        let busy = self.acd.operator(operator).is_some_and(|view| {
            use acd::Effective::{OnCall, Reserved, Ringing};
            matches!(view.effective.state, OnCall | Reserved | Ringing)
        });
        if busy {
            self.end_call(now, call, CallResult::Failed, "busy", 486);
            return;
        }
        call.stage = Stage::Dialling;
        if self.ring_operator(now, call, operator, None) == 0 {
            self.end_call(now, call, CallResult::Failed, "not registered", 480);
            return;
        }
        let work = acd::WorkId(call.key.0);
        self.acd.handle(now, acd::Input::Occupy { operator, work });
        call.callee = Some(operator);
        self.dialling(now, call);
    }

    pub(crate) fn dial_uri(
        &mut self,
        now: Time,
        call: &mut Call,
        uri: Uri,
        credentials: Option<sip::Credentials>,
    ) {
        call.stage = Stage::Dialling;
        let address = call.customer().map(|customer| customer.negotiation.settings().address);
        let Some(address) = address else { return };
        let callee = Callee {
            to: NameAddr::new(uri.bare()),
            target: Target::Uri { uri, proxy: None },
            address,
            operator: None,
            reservation: None,
            credentials,
        };
        if self.ring(now, call, callee) {
            self.dialling(now, call);
        } else {
            self.end_call(now, call, CallResult::Failed, "no port", 503);
        }
    }

    fn dialling(&mut self, now: Time, call: &mut Call) {
        self.customer_rings(now, call);
        self.set_deadline(call, Some(now + DIAL_TIMEOUT));
    }

    pub(crate) fn dial_timeout(&mut self, now: Time, key: CallKey) {
        self.with_call(key, |switch, call| {
            call.deadline = None;
            if call.stage == Stage::Dialling {
                switch.end_call(now, call, CallResult::Failed, "no answer", 480);
            }
        });
    }

    /// A leg of ours was refused or never answered.
    pub(crate) fn leg_failed(&mut self, now: Time, call: &mut Call, leg: LegId, status: u16) {
        let Some(participant) = call.participant(leg) else { return };
        let (id, who, claim) = (participant.id, participant.operator, participant.reservation);
        let operator = who.map(|id| self.directory.operator_name(id));
        self.tell(
            now,
            call,
            What::LegFailed { participant: id, operator: operator.clone(), status },
        );
        self.forget_leg(now, call, leg);
        let rings = |p: &crate::call::Participant| {
            p.role == Role::Operator && p.state < LegState::Up && p.reservation == claim
        };
        if call.participants.iter().any(rings) {
            return;
        }
        match claim {
            Some(claim) => {
                if let Some(operator) = operator {
                    let cause = cause_of(status).into();
                    self.tell(now, call, What::OperatorFailed { operator, cause });
                }
                let rejected = acd::Input::Rejected(claim, rejection(status));
                self.acd.handle(now, rejected);
            }
            None if call.stage == Stage::Dialling => {
                self.end_call(now, call, CallResult::Failed, cause_of(status), passed_on(status));
            }
            None => {}
        }
    }
}

fn rejection(status: u16) -> acd::Rejection {
    match status {
        486 | 600 => acd::Rejection::Busy,
        403 | 603 | 607 => acd::Rejection::Declined,
        404 | 408 | 410 | 480 | 503 | 604 => acd::Rejection::Unreachable,
        _ => acd::Rejection::Error,
    }
}

fn cause_of(status: u16) -> &'static str {
    match rejection(status) {
        acd::Rejection::Busy => "busy",
        acd::Rejection::Declined => "declined",
        acd::Rejection::Unreachable => "unreachable",
        acd::Rejection::Error => "error",
    }
}

/// What a caller is told when the one they called refused: nothing they could take for their own
/// affair (a challenge, a redirection).
fn passed_on(status: u16) -> u16 {
    match status {
        300..=399 | 401 | 407 | 481 | 482 | 487 | 491 => 480,
        500..=599 => 503,
        other => other,
    }
}
