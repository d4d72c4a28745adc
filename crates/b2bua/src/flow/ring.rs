//! Ringing an operator: all their phones at once, as one set of legs.

use acd::{OperatorId, ReservationId};
use media::{Lease, LegSettings, Negotiation};
use sip::msg::NameAddr;
use sip::{Headers, Invite, LegId, Target};
use std::net::IpAddr;

use crate::api::Time;
use crate::call::{Call, LegState, Participant};
use crate::config::Name;
use crate::event::{Role, What};
use crate::id::ParticipantId;
use crate::switch::B2bua;

/// One INVITE to be sent.
pub(crate) struct Callee {
    pub(crate) target: Target,
    pub(crate) to: NameAddr,
    pub(crate) address: IpAddr,
    pub(crate) operator: Option<OperatorId>,
    pub(crate) reservation: Option<ReservationId>,
    pub(crate) credentials: Option<sip::Credentials>,
}

impl B2bua {
    /// Rings every contact an operator has registered; says how many.
    pub(crate) fn ring_operator(
        &mut self,
        now: Time,
        call: &mut Call,
        operator: OperatorId,
        reservation: Option<ReservationId>,
    ) -> usize {
        let name = self.directory.operator_name(operator);
        let shown = self.directory.operator(&name).map(|operator| operator.name.to_string());
        let to = NameAddr::new(self.own_uri(&name)).with_display(&shown.unwrap_or_default());
        let bindings: Vec<_> =
            self.endpoint.bindings(&name).iter().map(|b| (b.id, b.flow.local.ip())).collect();
        let advertise = self.directory.config.media.advertise;
        let rung = bindings.into_iter().filter(|(binding, local)| {
            let callee = Callee {
                target: Target::Binding { user: name.clone(), binding: *binding },
                to: to.clone(),
                address: advertise.unwrap_or(*local),
                operator: Some(operator),
                reservation,
                credentials: None,
            };
            self.ring(now, call, callee)
        });
        rung.count()
    }

    /// Sends one INVITE; false where no port is left.
    pub(crate) fn ring(&mut self, now: Time, call: &mut Call, callee: Callee) -> bool {
        let thread = call.customer().map(|customer| customer.lease.thread);
        let Some(lease) = self.lease(thread) else { return false };
        let leg = self.endpoint.next_leg();
        let mut negotiation = self.new_negotiation(leg, lease, callee.address);
        let spoken = call.customer().and_then(|customer| customer.negotiation.plan());
        let offer = match spoken {
            Some(plan) => negotiation.offer_for(&[plan.codec]),
            None => negotiation.offer(),
        };
        let uri: Name = match &callee.target {
            Target::Binding { .. } => callee.to.uri.to_string().into(),
            Target::Uri { uri, .. } => uri.to_string().into(),
        };
        call.participants.push(Participant {
            id: ParticipantId(self.mint()),
            leg,
            role: Role::Operator,
            operator: callee.operator,
            uri,
            reservation: callee.reservation,
            lease,
            negotiation,
            reply: None,
            state: LegState::Calling,
            planned: None,
            held: false,
        });
        self.state.legs.insert(leg, call.key);
        let invite = Invite {
            leg,
            target: callee.target,
            from: self.shown_caller(call),
            to: callee.to,
            headers: self.context_headers(call, callee.operator.is_some()),
            body: Some(sip::Body::sdp(offer)),
            credentials: callee.credentials,
        };
        self.command_sip(now, sip::Command::Invite(Box::new(invite)));
        true
    }

    /// From: the queue and the caller, as the operator's phone shows them.
    fn shown_caller(&self, call: &Call) -> NameAddr {
        let who = call.display.as_deref().unwrap_or(&call.from);
        let shown = match call.stage.task() {
            Some(task) => format!("{}: {who}", self.directory.queue_name(task.queue)),
            None => who.to_owned(),
        };
        NameAddr::new(self.own_uri(&call.from)).with_display(&shown)
    }

    /// What the other side is told about the call; our own ids only inside the house.
    fn context_headers(&self, call: &Call, inside: bool) -> Headers {
        let mut headers: Headers = call
            .context
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.clone()))
            .collect();
        if inside {
            headers.push(("X-Usher-Call".into(), call.key.to_string()));
            if let Some(task) = call.stage.task() {
                headers.push(("X-Usher-Task".into(), task.key.to_string()));
                let queue = self.directory.queue_name(task.queue).to_string();
                headers.push(("X-Usher-Queue".into(), queue));
            }
        }
        headers
    }

    pub(crate) fn new_negotiation(
        &mut self,
        leg: LegId,
        lease: Lease,
        address: IpAddr,
    ) -> Negotiation {
        let chance = self.endpoint.rng().next_u64();
        let [a, b, c, d, ..] = chance.to_le_bytes();
        Negotiation::new(LegSettings {
            leg: media::LegId(leg.0),
            lease,
            address,
            ssrc: u32::from_le_bytes([a, b, c, d]),
            sdp_id: chance >> 33,
            codecs: self.directory.config.media.codecs.clone(),
            ptime_ms: 20,
        })
    }

    pub(crate) fn lease(&mut self, thread: Option<u16>) -> Option<Lease> {
        let lease = self.state.pool.lease(thread)?;
        self.state.leased += 1;
        Some(lease)
    }

    pub(crate) fn release(&mut self, lease: Lease) {
        self.state.pool.release(lease);
        self.state.leased -= 1;
    }

    /// Tells that a participant takes part from now on.
    pub(crate) fn joined(&mut self, now: Time, call: &Call, at: usize) {
        let Some(p) = call.participants.get(at) else { return };
        let operator = p.operator.map(|id| self.directory.operator_name(id));
        let joined = What::ParticipantJoined {
            participant: p.id,
            role: p.role,
            operator,
            uri: p.uri.clone(),
        };
        self.tell(now, call, joined);
    }
}
