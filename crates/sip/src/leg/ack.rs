//! The ACK of a 2xx to our INVITE: RFC 3261 section 13.2.2.4.
//!
//! It is a transaction of its own with a new branch, goes by the route set to the Contact, and is
//! sent again for each repetition of the 2xx, for which the INVITE's transaction keeps it.

use serde::{Deserialize, Serialize};

use super::Leg;
use super::bye::because;
use super::parcel::Parcel;
use crate::dialog::Dialog;
use crate::ground::{Core, with_body, with_headers};
use crate::msg::{Message, Method, Name};
use crate::transaction::ClientKey;
use crate::{Body, EndCause, Flow, Headers, Time};

/// An ACK that waits for the owner's answer to the offer in the 2xx.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Owed {
    invite: ClientKey,
    cseq: u32,
    pub(super) until: Time,
}

/// How long the owner may take over its answer: less than the 64·T1 of the peer, which began
/// to count when it sent its 2xx.
const ANSWER_MAX: Time = Time::from_secs(31);

impl Leg {
    /// A 2xx came: acknowledges it if the INVITE carried the offer, else waits for the answer.
    pub(super) fn owe_ack(&mut self, core: &mut Core, now: Time, key: ClientKey, invite: &Message) {
        let cseq = invite.cseq().map_or(self.cseq, |cseq| cseq.number);
        if invite.sdp().is_empty() && !self.silent {
            self.owed = Some(Owed { invite: key, cseq, until: now + ANSWER_MAX });
        } else {
            self.post(core, now, Parcel::Ack { invite: key, cseq, body: None });
        }
    }

    /// The owner's answer.
    pub(crate) fn acknowledge(&mut self, core: &mut Core, now: Time, body: Option<Body>) {
        if self.pay_ack(core, now, body) {
            self.next_reinvite(core, now);
        }
    }

    /// Sends the ACK that is owed; `false` if none is.
    pub(super) fn pay_ack(&mut self, core: &mut Core, now: Time, body: Option<Body>) -> bool {
        let Some(Owed { invite, cseq, .. }) = self.owed.take() else { return false };
        self.post(core, now, Parcel::Ack { invite, cseq, body });
        true
    }

    pub(super) fn owed_due(&mut self, core: &mut Core, now: Time) {
        if self.owed.as_ref().is_some_and(|owed| owed.until <= now) {
            self.pay_ack(core, now, None);
            self.ended(core, EndCause::NoAnswer);
            self.leave(core, now, because(500, "No answer to the offer"));
        }
    }

    pub(super) fn ship_ack(
        &mut self,
        core: &mut Core,
        flow: &Flow,
        invite: ClientKey,
        cseq: u32,
        body: Option<&Body>,
    ) {
        let Some(mut builder) = self.in_dialog(core, flow, &Method::Ack, cseq) else { return };
        let branch = core.rng.next_u64();
        builder = builder.header_first(Name::Via, core.via(flow, branch));
        if let Some(client) = core.clients.get(&invite) {
            // An ACK cannot be challenged, so it brings the INVITE's credentials (section 22.1).
            builder = builder
                .headers_from(&client.request, Name::Authorization)
                .headers_from(&client.request, Name::ProxyAuthorization);
        }
        let Some(to_tag) = self.dialog().map(|dialog| dialog.remote_tag.clone()) else { return };
        core.ack(invite, &to_tag, *flow, &with_body(builder, body).build());
    }
}

/// A 2xx that nobody wants: of a fork that lost, or to a leg that is gone. It is acknowledged, and a
/// dialog it made is ended at once, by a BYE with these fields.
pub(crate) fn stray(
    core: &mut Core,
    now: Time,
    key: ClientKey,
    flow: Flow,
    invite: &Message,
    response: &Message,
    bye: Option<Headers>,
) {
    let dialog = Dialog::uac(invite, response).or_else(|_| Dialog::unrouted(invite, response));
    let Ok(dialog) = dialog else { return };
    let number = invite.cseq().map_or(1, |cseq| cseq.number);
    let way = super::Way::direct(Some(flow));
    let flow = match way.route(core, &dialog) {
        super::way::Route::Flow(flow) => flow,
        super::way::Route::Ask(_) | super::way::Route::Nowhere => flow,
    };
    let request = |core: &mut Core, method: &Method, number: u32| {
        let branch = core.rng.next_u64();
        let builder = dialog
            .request(method)
            .header_first(Name::Via, core.via(&flow, branch))
            .header(Name::MaxForwards, 70)
            .headers_from(invite, Name::From)
            .headers_from(invite, Name::CallId)
            .headers_from(invite, Name::SessionId)
            .header(Name::CSeq, format_args!("{number} {method}"));
        (branch, builder)
    };
    let (_, ack) = request(core, &Method::Ack, number);
    core.ack(key, &dialog.remote_tag, flow, &ack.build());
    if let Some(headers) = bye {
        let last = core.last_early_number(key, &dialog.remote_tag).unwrap_or(number);
        let (branch, bye) = request(core, &Method::Bye, last + 1);
        let bye = with_headers(bye, &headers).build();
        let key = ClientKey { branch, cancel: false };
        core.send(now, key, flow, bye, crate::transaction::Purpose::Nobody);
    }
}
