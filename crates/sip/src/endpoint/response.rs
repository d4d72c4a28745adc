//! Responses, and requests of ours that got none.

use super::Endpoint;
use crate::ground::{Outcome, Sent};
use crate::leg::stray;
use crate::msg::{Message, Method};
use crate::transaction::{Class, ClientIn, ClientKey, Purpose, key};
use crate::{Headers, Time};

impl Endpoint {
    /// A response arrived. One that answers nothing we asked is dropped (RFC 6026 section 8.9).
    pub(super) fn receive_response(&mut self, now: Time, response: &Message) {
        let Some(key) = key::client(response) else { return };
        let Some(client) = self.core.clients.get(&key) else { return };
        let (Ok(cseq), Ok(asked)) = (response.cseq(), client.request.cseq()) else { return };
        if cseq != asked || response.call_id() != client.request.call_id() {
            return;
        }
        let class = Class::of(response.status().unwrap_or(500));
        if class == Class::Success
            && cseq.method == Method::Invite
            && self.core.ack_again(key, &response.to_tag().unwrap_or_default())
        {
            return;
        }
        let sent = self.core.client_step(now, key, ClientIn::Response(class), Some(response));
        self.dispatch(now, sent);
    }

    pub(super) fn client_due(&mut self, now: Time, key: ClientKey) {
        let sent = self.core.client_step(now, key, ClientIn::Due, None);
        self.dispatch(now, sent);
    }

    /// Tells whoever asked.
    pub(super) fn dispatch(&mut self, now: Time, sent: Option<Sent>) {
        let Some(sent) = sent else { return };
        match sent.purpose {
            Purpose::Invite(id) if self.legs.contains_key(&id) => {
                self.with_leg(id, |leg, core| leg.invite_outcome(core, now, &sent));
            }
            Purpose::Reinvite(id) if self.legs.contains_key(&id) => {
                self.with_leg(id, |leg, core| leg.reinvite_outcome(core, now, &sent));
            }
            Purpose::Invite(_) | Purpose::Reinvite(_) => self.orphaned(now, &sent),
            Purpose::Bye(id) => self.with_leg(id, |leg, core| leg.bye_outcome(core, now, &sent)),
            Purpose::Prack(id) => {
                self.with_leg(id, |leg, core| leg.prack_outcome(core, now, &sent));
            }
            Purpose::Request(id, token) => {
                self.with_leg(id, |leg, core| leg.request_outcome(core, now, &sent, token));
            }
            Purpose::Refer(id, token) => {
                self.with_leg(id, |leg, core| leg.refer_outcome(core, now, &sent, token));
            }
            Purpose::Notify(id, token) => {
                self.with_leg(id, |leg, core| leg.notify_outcome(core, now, &sent, token));
            }
            Purpose::Pulse(id) => {
                self.with_leg(id, |leg, core| leg.pulse_outcome(core, now, &sent));
            }
            Purpose::Qualify => self.qualified(now, &sent),
            Purpose::Nobody => {}
        }
    }

    /// An INVITE of a leg that is gone: it must not wait for ever, and a late 2xx is ended.
    fn orphaned(&mut self, now: Time, sent: &Sent) {
        let Outcome::Response(response) = &sent.outcome else { return };
        match response.status().unwrap_or(500) {
            0..200 => {
                self.core.client_step(now, sent.key, ClientIn::Cancelled, None);
            }
            200..300 => {
                let is_new = matches!(sent.purpose, Purpose::Invite(_));
                let bye = is_new.then(Headers::new);
                stray(&mut self.core, now, sent.key, sent.flow, &sent.request, response, bye);
            }
            _ => {}
        }
    }
}
