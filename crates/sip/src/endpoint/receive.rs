//! What arrives, up to the transaction or dialog it belongs to.

use super::Endpoint;
use crate::access::Verdict;
use crate::ground::reply_flow;
use crate::msg::{Malformed, Message, Method, Name};
use crate::rng::{number, token};
use crate::transaction::{ServerIn, key};
use crate::{Flow, Headers, LegId, Strangers, Time};

impl Endpoint {
    pub(super) fn receive(&mut self, now: Time, flow: Flow, message: &Message) {
        match message.method().cloned() {
            None => self.receive_response(now, message),
            Some(Method::Ack) => self.receive_ack(now, flow, message),
            Some(method) => self.receive_request(now, flow, message, &method),
        }
    }

    /// An ACK belongs to a failure of ours by its branch, or to a 2xx of ours by its dialog. It is
    /// never answered.
    fn receive_ack(&mut self, now: Time, flow: Flow, ack: &Message) {
        let Some(key) = key::server(ack, &Method::Invite) else { return };
        if let Some(id) = self.core.server_by_key(&key) {
            self.server_acked(now, id);
        }
        if let Some(id) = self.leg_of(ack) {
            self.with_leg(id, |leg, core| leg.ack_received(core, now, flow, ack));
        }
    }

    fn receive_request(&mut self, now: Time, flow: Flow, request: &Message, method: &Method) {
        let Some(key) = key::server(request, method) else { return };
        if let Some(id) = self.core.server_by_key(&key) {
            self.core.server_step(now, id, ServerIn::Request, None);
        } else if *method == Method::Cancel {
            self.receive_cancel(now, flow, request, key);
        } else if request.to_tag().is_some() && *method != Method::Register {
            self.receive_in_dialog(now, flow, request, key);
        } else {
            self.receive_new(now, flow, request, method, key);
        }
    }

    /// CANCEL (RFC 3261 section 9.2): ends only what has no final answer yet.
    fn receive_cancel(&mut self, now: Time, flow: Flow, request: &Message, key: String) {
        let invite = key::server(request, &Method::Invite);
        let Some(invite) = invite.and_then(|key| self.core.server_by_key(&key)) else {
            return self.answer_strangely(now, flow, request, 481);
        };
        let id = self.core.serve(now, key, flow, request, None);
        let of = self.core.servers.get(&invite).map(|s| (s.tag, s.leg, s.label));
        let Some((tag, leg, label)) = of else { return };
        if let Some(server) = self.core.servers.get_mut(&id) {
            (server.tag, server.label) = (tag, label);
        }
        self.core.reply(now, id, 200, &[]);
        if let Some(leg) = leg {
            self.with_leg(leg, |leg, core| leg.cancelled(core, now, invite, request));
        }
    }

    fn receive_in_dialog(&mut self, now: Time, flow: Flow, request: &Message, key: String) {
        let Some(id) = self.leg_of(request) else {
            return self.answer_strangely(now, flow, request, 481);
        };
        let server = self.core.serve(now, key, flow, request, Some(id));
        if request.method() == Some(&Method::Invite) {
            self.core.trying(now, server);
        }
        // What is refused has used up its number all the same, and what is out of order is that
        // whatever its form (section 12.2.2).
        let (legs, core) = (&mut self.legs, &mut self.core);
        let is_next = legs.get_mut(&id).is_some_and(|leg| leg.takes(core, now, server, request));
        if !is_next {
            return core.reply(now, server, 500, &[(Name::RetryAfter, "1")]);
        }
        if core.refused_by_form(now, server, request) {
            return;
        }
        self.with_leg(id, |leg, core| leg.received(core, now, flow, server, request));
    }

    /// The leg in one of whose dialogs a message is: by our tag, which nobody can guess, and then
    /// by Call-ID and the peer's tag.
    fn leg_of(&self, message: &Message) -> Option<LegId> {
        let tag = number(&message.to_tag()?)?;
        let id = *self.core.tags.get(&tag)?;
        let leg = self.legs.get(&id)?;
        leg.has_dialog(message.call_id(), &message.from_tag()).then_some(id)
    }

    /// Answers who has no dialog with us, unless the configuration says not to speak to strangers.
    fn answer_strangely(&mut self, now: Time, flow: Flow, request: &Message, status: u16) {
        if self.may_answer(now, flow, request) {
            self.core.answer_once(flow, request, status, &Headers::new());
        }
    }

    /// Whether the sender may learn that somebody is here.
    fn may_answer(&mut self, now: Time, flow: Flow, request: &Message) -> bool {
        let core = &mut self.core;
        core.config.strangers == Strangers::Forbid
            || matches!(
                core.access.judge(now, &core.config, &core.registrar, &flow, request),
                Verdict::Admit(_)
            )
    }

    /// 400 and its like, where enough of the message survived. An ACK gets none.
    pub(super) fn receive_malformed(&mut self, now: Time, flow: Flow, malformed: &Malformed) {
        let Some(survived) = malformed.survived() else { return };
        if !self.may_answer(now, flow, survived) {
            return;
        }
        let tag = token(self.core.rng.next_u64());
        let Some(response) = malformed.respond(&tag) else { return };
        // What survived of the request may not bear another reading: its copy in the response does.
        let response = response.stamp_via(flow.remote);
        self.core.transmit(reply_flow(flow, &response), response.wire().clone());
    }
}
