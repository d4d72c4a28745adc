//! UPDATE: RFC 3311 section 5, by the rules for offers of RFC 3264 section 4.
//!
//! | the peer's brings | while                                                       | it gets          |
//! | ----------------- | ----------------------------------------------------------- | ---------------- |
//! | no offer          | an UPDATE or PRACK with one is open                         | 500, Retry-After |
//! | no offer          | else, in an early dialog too                                | 200              |
//! | an offer          | one of theirs is open: UPDATE, PRACK, re-INVITE, an INVITE  | 500, Retry-After |
//! |                   | that we have not answered reliably, a 2xx we owe an ACK     |                  |
//! | an offer          | one of ours may be open: an INVITE that was not answered    | 491              |
//! |                   | reliably in this dialog, re-INVITE, a reliable response     |                  |
//! |                   | without PRACK, a 2xx not acknowledged                       |                  |
//! | an offer          | we have given the call up, or our BYE waits for an ACK      | 481              |
//! | an offer          | else, in an early dialog too                                | the owner's word |
//!
//! Before the INVITE's final response the first exchange ends by reliable provisional responses
//! alone (RFC 3262, RFC 6337 section 2.2): what else a 183 says is a foretaste.

use super::reinvite::overlapping;
use super::{Leg, Phase};
use crate::ground::{Core, supported, with_headers};
use crate::msg::{Message, Method, Name};
use crate::{Body, Flow, Headers, Time};

/// How long the owner may take: an UPDATE is to be answered promptly, and with 504 by whoever
/// cannot (section 5.2). The peer would wait for 64·T1. So it is with an offer by PRACK.
pub(super) const PROMPTLY: Time = Time::from_secs(10);

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
        if self.offered.is_some() || (is_offer && self.is_offered()) {
            return overlapping(core, now, server);
        }
        if !is_offer {
            return self.refreshed(core, now, flow, server, request);
        }
        if self.is_offering(&request.from_tag()) {
            return core.reply(now, server, 491, &[]);
        }
        if self.silent {
            return core.reply(now, server, 481, &[]);
        }
        self.take_offer(core, now + PROMPTLY, server, request);
    }

    /// Whether the peer waits for our answer to an offer by INVITE, or in a 2xx.
    fn is_offered(&self) -> bool {
        if self.phase == Phase::Alerting {
            let reliable = self.reliable.as_ref();
            return reliable.is_none_or(|r| !r.is_done() && !r.is_offering());
        }
        self.open.is_some() || self.owed.is_some()
    }

    /// Whether we may be waiting for the peer's answer in its dialog of this tag.
    fn is_offering(&mut self, tag: &str) -> bool {
        match (&mut self.calling, &self.reliable) {
            (Some(calling), _) => !calling.earlies.is_done(tag),
            (None, Some(reliable)) if reliable.is_offering() => true,
            _ => {
                self.is_reinviting()
                    || self.unacked.as_ref().is_some_and(|unacked| unacked.is_offer)
            }
        }
    }

    /// The owner's final response to an offer by UPDATE or PRACK. An UPDATE brings the peer's new
    /// Contact with it, a PRACK does not.
    pub(super) fn answer_offered(
        &mut self,
        core: &mut Core,
        now: Time,
        status: u16,
        headers: &Headers,
        body: Option<&Body>,
    ) {
        let Some(open) = self.offered.take() else { return };
        if status < 300 {
            let answer = self.answer(core, &open, status, headers, body);
            let Some(mut builder) = answer else { return };
            let is_update = open.request.method() == Some(&Method::Update);
            if is_update && self.phase == Phase::Confirmed {
                self.expiry.grant(now, &core.config.watch, &open.request, &mut builder);
            }
            core.respond(now, open.server, builder);
            let tag = open.request.from_tag();
            if let Some(calling) = &mut self.calling {
                calling.earlies.renewed(&tag, &open.request);
            }
            if is_update && let Some(dialog) = self.dialog_with(&tag) {
                dialog.refresh(&open.request);
            }
        } else if let Some(builder) = core.response(open.server, status) {
            core.respond(now, open.server, with_headers(builder, headers));
        }
        self.progressed(core, now);
        self.next_reinvite(core, now);
    }

    /// The owner took too long over its answer.
    pub(super) fn offered_due(&mut self, core: &mut Core, now: Time) {
        if self.offered.as_ref().and_then(|open| open.due).is_some_and(|at| at <= now) {
            self.answer_offered(core, now, 504, &Headers::new(), None);
        }
    }

    /// Nothing but the peer's new Contact, in the dialog that it names, and that it is there.
    fn refreshed(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        server: u64,
        request: &Message,
    ) {
        let tag = request.from_tag();
        if let Some(dialog) = self.dialog_with(&tag) {
            dialog.refresh(request);
        }
        let Some(mut response) = core.response(server, 200) else { return };
        response.push(Name::Contact, core.contact(&flow, &self.user));
        if self.phase == Phase::Confirmed {
            response.push(Name::Supported, supported(true));
            self.expiry.grant(now, &core.config.watch, request, &mut response);
        }
        core.respond(now, server, response);
    }

    /// A final response to a request of ours: that to an UPDATE may bring a new Contact
    /// (RFC 3261 section 12.2.1.2).
    pub(super) fn update_answered(
        &mut self,
        core: &Core,
        now: Time,
        method: &Method,
        response: &Message,
    ) {
        let is_success = response.status().is_some_and(|status| status < 300);
        if *method == Method::Update
            && is_success
            && let Some(dialog) = self.dialogs.first_mut()
        {
            dialog.refresh(response);
            self.expiry.settle(now, &core.config.watch, response);
        }
    }
}
