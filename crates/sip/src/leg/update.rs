//! UPDATE: RFC 3311 section 5, by the rules for offers of RFC 3264 section 4.
//!
//! | the peer's brings | while                                                    | it gets          |
//! | ----------------- | -------------------------------------------------------- | ---------------- |
//! | no offer          | an UPDATE with one is open                               | 500, Retry-After |
//! | no offer          | else, in an early dialog too                             | 200              |
//! | an offer          | one of theirs is open: INVITE, UPDATE, 2xx we owe an ACK | 500, Retry-After |
//! | an offer          | one of ours may be open: INVITE, 2xx not acknowledged    | 491              |
//! | an offer          | our BYE waits for an ACK                                 | 481              |
//! | an offer          | else                                                     | the owner's word |
//!
//! Without reliable provisional responses (RFC 3262) the first exchange ends with the INVITE's 2xx:
//! what a 183 says is a foretaste. So no offer is taken by UPDATE in an early dialog.

use super::accept::Open;
use super::reinvite::overlapping;
use super::{Leg, Phase};
use crate::ground::Core;
use crate::msg::{Message, Method, Name};
use crate::{Event, Flow, Time};

/// How long the owner may take: an UPDATE is to be answered promptly, and with 504 by whoever
/// cannot (section 5.2). The peer would wait for 64·T1.
const PROMPTLY: Time = Time::from_secs(10);

impl Leg {
    /// The peer's UPDATE.
    pub(super) fn update_received(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        server: u64,
        request: &Message,
    ) {
        let is_offer = !request.sdp().is_empty();
        let is_overlapping = match &self.open {
            Some(open) => is_offer || open.is_update(),
            None => is_offer && self.owed.is_some(),
        };
        if is_overlapping {
            return overlapping(core, now, server);
        }
        if !is_offer {
            return self.refreshed(core, now, flow, server, request);
        }
        let is_offering = self.unacked.as_ref().is_some_and(|unacked| unacked.is_offer);
        if self.phase != Phase::Confirmed || self.is_reinviting() || is_offering {
            return core.reply(now, server, 491, &[]);
        }
        if self.silent {
            return core.reply(now, server, 481, &[]);
        }
        let due = Some(now + PROMPTLY);
        self.open = Some(Open { server, request: request.clone(), due });
        let request = request.clone();
        self.tell(core, |leg| Event::Reinvite { leg, request });
    }

    /// Nothing but the peer's new Contact, in the dialog that it names.
    fn refreshed(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        server: u64,
        request: &Message,
    ) {
        let tag = request.from_tag();
        if let Some(dialog) = self.dialogs.iter_mut().find(|dialog| dialog.remote_tag == tag) {
            dialog.refresh(request);
        }
        let contact = core.contact(&flow, &self.user).to_string();
        core.reply(now, server, 200, &[(Name::Contact, &contact)]);
    }

    /// A final response to a request of ours: that to an UPDATE may bring a new Contact
    /// (RFC 3261 section 12.2.1.2).
    pub(super) fn update_answered(&mut self, method: &Method, response: &Message) {
        let is_success = response.status().is_some_and(|status| status < 300);
        if *method == Method::Update
            && is_success
            && let Some(dialog) = self.dialogs.first_mut()
        {
            dialog.refresh(response);
        }
    }
}
