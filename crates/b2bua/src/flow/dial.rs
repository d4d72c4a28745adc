//! Calling somebody without the distributor: an operator by number, a URI, a number outside.

use sip::msg::{Message, NameAddr, Uri};
use sip::{LegId, Redirects, Target};

use super::ring::{Callee, Rung};
use super::{DIAL_TIMEOUT, reason};
use crate::api::Time;
use crate::call::{Call, Timer, Why};
use crate::config::Name;
use crate::event::{CallResult, Role, What};
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
        if busy || call.operators().contains(&operator) {
            self.end_call(now, call, CallResult::Failed, "busy", 486);
            return;
        }
        call.wanted = Some(operator);
        match self.ring_operator(now, call, operator, Why::Dialled) {
            Rung::Rings => self.dialling(now, call),
            Rung::NoPhone => {
                self.end_call(now, call, CallResult::Failed, "not registered", 480);
            }
            Rung::NoPort => self.end_call(now, call, CallResult::Failed, "no port", 503),
        }
    }

    pub(crate) fn dial_uri(
        &mut self,
        now: Time,
        call: &mut Call,
        uri: Uri,
        credentials: Option<sip::Credentials>,
        trunk: Option<Name>,
    ) {
        let address = call.origin().map(|origin| origin.negotiation.settings().address);
        let Some(address) = address else { return };
        let configured = trunk.as_deref().and_then(|name| self.directory.trunk(name));
        let own = || Redirects::Own(Vec::new());
        let callee = Callee {
            redirects: configured.map_or_else(own, |trunk| trunk.redirects.clone()),
            to: NameAddr::new(uri.bare()),
            target: Target::Uri { uri, proxy: None },
            address,
            role: Role::Customer,
            operator: None,
            why: Why::Dialled,
            trunk,
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
        self.set_timer(call, Timer::Dial, Some(now + DIAL_TIMEOUT));
    }

    pub(crate) fn dial_timeout(&mut self, now: Time, call: &mut Call) {
        for leg in call.legs(|p| p.why == Why::Dialled && p.rings()) {
            self.drop_leg(now, call, leg, "");
        }
        if !call.participants.iter().any(|p| p.why == Why::Dialled) {
            self.end_call(now, call, CallResult::Failed, "no answer", 480);
        }
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
        let operator = who.map(|id| self.directory.operator_name(id));
        let failed = What::LegFailed {
            participant: id,
            operator: operator.clone(),
            status,
            reason: response.and_then(reason::said),
        };
        self.tell(now, call, failed);
        self.forget_leg(now, call, leg);
        if call.participants.iter().any(|p| p.why == why) {
            return;
        }
        match why {
            Why::Serve(claim) => {
                if let Some(operator) = operator {
                    let cause = cause_of(status).into();
                    self.tell(now, call, What::OperatorFailed { operator, cause });
                }
                self.acd.handle(now, acd::Input::Rejected(claim, rejection(status)));
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
            Why::Arrived => {}
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

fn cause_of(status: u16) -> &'static str {
    match rejection(status) {
        acd::Rejection::Busy => "busy",
        acd::Rejection::Declined => "declined",
        acd::Rejection::Unreachable => "unreachable",
        acd::Rejection::Error | acd::Rejection::Ours => "error",
    }
}

/// What a caller is told when the one they called refused: nothing they could take for their own
/// affair (a challenge, a redirection), and of a phone of ours nothing about all the world (6xx).
fn passed_on(status: u16, ours: bool) -> u16 {
    match status {
        300..=399 | 401 | 407 | 481 | 482 | 487 | 491 => 480,
        404 | 410 | 604 if ours => 480,
        600 if ours => 486,
        500..=599 => 503,
        other => other,
    }
}
