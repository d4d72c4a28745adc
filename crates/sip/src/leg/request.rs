//! Other requests in the dialog, both ways.

use super::bye::because;
use super::parcel::{Order, Parcel};
use super::reinvite::overlapping;
use super::{Leg, Phase};
use crate::ground::{ALLOW, Core, Outcome, Sent};
use crate::msg::{Message, Method, Name};
use crate::{EndCause, Event, Flow, Time};

impl Leg {
    /// Notes that a request of the peer's came, and tells whether it is the next of its dialog
    /// (RFC 3261 section 12.2.2); its number is used up with that.
    pub(crate) fn takes(
        &mut self,
        core: &mut Core,
        now: Time,
        server: u64,
        request: &Message,
    ) -> bool {
        self.hear(now, request);
        if let Some(server) = core.servers.get_mut(&server) {
            server.label = Some(self.label);
        }
        let tag = request.from_tag();
        let dialog = self.dialogs.iter_mut().find(|dialog| dialog.remote_tag == tag);
        dialog.zip(request.cseq().ok()).is_some_and(|(dialog, cseq)| dialog.accept(cseq.number))
    }

    /// A request of the peer's in one of our dialogs, in order; `server` is its transaction.
    pub(crate) fn received(
        &mut self,
        core: &mut Core,
        now: Time,
        flow: Flow,
        server: u64,
        request: &Message,
    ) {
        let Some(method) = request.method() else { return };
        self.note_flow(flow);
        match (self.phase, method) {
            (Phase::Alerting | Phase::Confirmed | Phase::Leaving, Method::Bye) => {
                self.bye_received(core, now, server, request);
            }
            (_, Method::Options) => core.reply_options(now, server),
            (Phase::Leaving, Method::Prack) => self.prack_received(core, now, server, request),
            (Phase::Confirmed | Phase::Telling, Method::Subscribe) => {
                self.subscribe_received(core, now, server, request);
            }
            (Phase::Telling | Phase::Leaving | Phase::Over, _) | (Phase::Calling, Method::Bye) => {
                core.reply(now, server, 481, &[]);
            }
            (Phase::Confirmed, Method::Invite) => {
                self.reinvite_received(core, now, server, request);
            }
            (Phase::Alerting, Method::Invite) => overlapping(core, now, server),
            (Phase::Calling, Method::Invite) => core.reply(now, server, 491, &[]),
            (_, Method::Update) => self.update_received(core, now, flow, server, request),
            (Phase::Confirmed, Method::Refer) => {
                self.refer_received(core, now, server, request);
            }
            (Phase::Confirmed, Method::Notify) => self.notify_received(core, now, server, request),
            (_, Method::Refer) => core.reply(now, server, 403, &[]),
            (_, Method::Info) => {
                let (token, request) = (server, request.clone());
                if self.silent {
                    return core.reply(now, server, 481, &[]);
                }
                self.tell(core, |leg| Event::Request { leg, token, request });
            }
            (_, Method::Notify | Method::Subscribe) => core.reply(now, server, 481, &[]),
            (_, Method::Prack) => self.prack_received(core, now, server, request),
            (_, Method::Other(_)) => core.reply(now, server, 501, &[(Name::Allow, ALLOW)]),
            _ => core.reply(now, server, 405, &[(Name::Allow, ALLOW)]),
        }
    }

    /// The owner's request in the dialog.
    pub(crate) fn send_request(&mut self, core: &mut Core, now: Time, order: Order) {
        let ours = [Method::Invite, Method::Ack, Method::Bye, Method::Cancel];
        // An offer goes by re-INVITE, for which the leg waits until the dialog is free.
        let is_offer = order.method == Method::Update && order.body.is_some();
        let may_go = !is_offer && !ours.contains(&order.method);
        if self.phase == Phase::Confirmed && !self.silent && may_go {
            self.auth.begin();
            self.post(core, now, Parcel::Request(order));
        } else {
            self.unsent(core, order);
        }
    }

    /// The owner's request cannot be sent.
    pub(super) fn unsent(&self, core: &mut Core, order: Order) {
        let Order { token, method, .. } = order;
        self.tell(core, |leg| Event::Response { leg, token, method, response: None });
    }

    /// What became of the owner's request.
    pub(crate) fn request_outcome(&mut self, core: &mut Core, now: Time, sent: &Sent, token: u64) {
        let Some(method) = sent.request.method().cloned() else { return };
        let response = match &sent.outcome {
            Outcome::Response(response) => Some(response),
            Outcome::TimedOut | Outcome::TransportFailed => None,
        };
        if let Some(response) = response {
            self.hear(now, response);
        }
        let status = response.and_then(Message::status);
        if status.is_some_and(|status| status < 200) {
            return;
        }
        if let Some(response) = response {
            if self.try_again(core, now, sent, response, true).is_some() {
                return;
            }
            self.update_answered(core, now, &method, response);
        }
        let answer = response.cloned();
        self.tell(core, |leg| Event::Response { leg, token, method, response: answer });
        if let Some(status) = sent.outcome.status() {
            self.dialog_doubted(core, now, status);
        }
    }

    /// A request in the dialog was answered so (408: not at all): whether the dialog still stands
    /// (section 12.2.1.2). If not, the leg ends.
    pub(super) fn dialog_doubted(&mut self, core: &mut Core, now: Time, status: u16) -> bool {
        if self.phase != Phase::Confirmed || self.silent {
            return false;
        }
        match status {
            481 => {
                self.ended(core, EndCause::DialogGone);
                self.over(core, now);
            }
            408 => {
                self.ended(core, EndCause::DialogGone);
                self.leave(core, now, because(408, "No answer to a request"));
            }
            _ => return false,
        }
        true
    }
}
