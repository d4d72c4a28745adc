//! The owner's orders.

use super::Endpoint;
use crate::ground::{with_body, with_headers};
use crate::leg::{Leg, Order};
use crate::transaction::{ServerIn, ServerState};
use crate::{Body, Command, Headers, Invite, LegId, Time};

impl Endpoint {
    pub(super) fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Invite(invite) => self.place(now, *invite),
            Command::Respond { leg, status, headers, body } => self.with_leg(leg, |leg, core| {
                leg.respond(core, now, status, &headers, body.as_ref());
            }),
            Command::Ack { leg, body } => {
                self.with_leg(leg, |leg, core| leg.acknowledge(core, now, body));
            }
            Command::Reinvite { leg, headers } => {
                self.with_leg(leg, |leg, core| leg.reinvite(core, now, headers));
            }
            Command::Offer { leg, body } => {
                self.with_leg(leg, |leg, core| leg.offer(core, now, body));
            }
            Command::Request { leg, token, method, headers, body } => {
                let order = Order { token, method, headers, body };
                self.with_leg(leg, |leg, core| leg.send_request(core, now, order));
            }
            Command::RespondRequest { leg, token, status, headers, body } => {
                self.respond_request(now, leg, token, status, &headers, body.as_ref());
            }
            Command::AnswerRefer { leg, token, status, headers } => {
                self.with_leg(leg, |leg, core| {
                    leg.answer_refer(core, now, token, status.clamp(200, 699), &headers);
                });
            }
            Command::Notify { leg, token, status } => {
                self.with_leg(leg, |leg, core| {
                    leg.notify(core, now, token, status.clamp(100, 699));
                });
            }
            Command::Refer(refer) => {
                self.with_leg(refer.leg, |leg, core| leg.refer(core, now, *refer));
            }
            Command::EndReferred { leg } => {
                self.with_leg(leg, |leg, core| leg.end_referring(core, now));
            }
            Command::End { leg, status, headers } => {
                self.with_leg(leg, |leg, core| leg.end(core, now, status, headers));
            }
            Command::Unregister { user } => {
                let events = self.core.registrar.unregister(&user);
                self.core.events(events);
            }
        }
    }

    /// A number that was used before places no call.
    fn place(&mut self, now: Time, invite: Invite) {
        let id = invite.leg;
        if self.legs.contains_key(&id) {
            return;
        }
        let leg = Leg::outgoing(&mut self.core, invite);
        self.admit(leg);
        self.with_leg(id, |leg, core| leg.place(core, now));
    }

    /// The answer to a request in the dialog; it may be late, and then nobody waits for it.
    fn respond_request(
        &mut self,
        now: Time,
        leg: LegId,
        token: u64,
        status: u16,
        headers: &Headers,
        body: Option<&Body>,
    ) {
        let is_theirs = self.core.servers.get(&token).is_some_and(|server| {
            server.leg == Some(leg) && matches!(server.state, ServerState::Request(_))
        });
        if let Some(builder) = self.core.response(token, status.clamp(200, 699))
            && is_theirs
        {
            let builder = with_body(with_headers(builder, headers), body);
            self.core.respond(now, token, builder);
        }
    }

    /// The transaction of an INVITE heard of an ACK.
    pub(super) fn server_acked(&mut self, now: Time, id: u64) {
        self.core.server_step(now, id, ServerIn::Ack, None);
    }
}
