//! An operator's phone sends its caller elsewhere (302): somebody has set a diversion on it.
//!
//! For a call to the operator's own number it is followed, to numbers of ours and as far outside as
//! the operator themselves may call: it is they who lead the caller there. What a queue offers is
//! refused with that ([`super::dial`]): the queue chose the person, and another one is the queue's to
//! choose. It is followed only when none of their phones rings any more, as a proxy would choose
//! among their answers (RFC 3261 section 16.7, step 6); each address once, and five of them at most.

use std::collections::VecDeque;

use acd::OperatorId;
use serde::{Deserialize, Serialize};
use sip::msg::{Message, Scheme, Uri};

use super::DIAL_TIMEOUT;
use super::refer::Mover;
use super::wait::Joins;
use crate::api::Time;
use crate::call::{Call, Timer, Why};
use crate::config::Go;
use crate::switch::B2bua;

/// Addresses that one call is led to at most, as over a trunk.
const TARGETS_MAX: usize = 5;

/// Where a call is to be led.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Diversion {
    /// By whom, and whereto.
    left: VecDeque<(OperatorId, Uri)>,
    seen: Vec<String>,
}

impl Diversion {
    /// Somebody has answered: where else the call could go is of no interest any more.
    pub(super) fn answered(&mut self) {
        self.left.clear();
    }

    /// Takes the contacts of a redirection, the most wanted first.
    pub(super) fn take(&mut self, who: OperatorId, response: &Message) {
        let mut contacts = response.contacts().unwrap_or_default();
        contacts.sort_by_key(|contact| core::cmp::Reverse(contact.q_permille().unwrap_or(1_000)));
        for contact in contacts {
            let uri = contact.uri.without_headers().without_param("method");
            let text = uri.to_string();
            let may = matches!(uri.scheme(), Scheme::Sip | Scheme::Tel);
            if may && self.seen.len() < TARGETS_MAX && !self.seen.contains(&text) {
                self.seen.push(text);
                self.left.push_back((who, uri));
            }
        }
    }
}

impl B2bua {
    /// Nobody is rung any more for this reason: whether the call goes where their phones said.
    pub(super) fn diverted(&mut self, now: Time, call: &mut Call, why: Why) -> bool {
        while let Some((who, uri)) = call.diversion.left.pop_front() {
            let by = Mover { operator: Some(who), trunk: None, bot: None };
            let from = self.directory.operator_name(who);
            let Ok(go) = self.leads_to(now, by, &from, &uri, self.addresses_of(call), None) else {
                continue;
            };
            if let Go::Queue { queue, priority_s, manner } = &go {
                self.set_timer(call, Timer::Dial, None);
                let joins =
                    Joins { priority_s: *priority_s, manner: *manner, despite_limits: false };
                self.enqueue(now, call, queue, joins);
                return true;
            }
            if self.dial(now, call, go, why).is_ok() {
                // Who is called by order has so long, wherever they are.
                let terms = call.transfer.as_ref().map(|transfer| &transfer.terms);
                if terms.is_none_or(|terms| terms.timeout.is_none()) {
                    self.set_timer(call, Timer::Dial, Some(now + DIAL_TIMEOUT));
                }
                return true;
            }
        }
        false
    }
}
