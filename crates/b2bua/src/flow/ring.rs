//! Ringing an operator: all their phones at once, as one set of legs.

use acd::OperatorId;
use media::{Lease, LegSettings, Negotiation};
use sip::msg::NameAddr;
use sip::{Flow, Headers, Invite, LegId, Redirects, Target};
use std::net::IpAddr;

use crate::api::Time;
use crate::call::{Call, LegState, NewLeg, Participant, Watch, Why};
use crate::config::Name;
use crate::event::{Role, What};
use crate::id::ParticipantId;
use crate::switch::B2bua;

/// What somebody is rung for.
#[derive(Debug, Clone)]
pub(crate) struct Errand {
    pub(crate) why: Why,
    /// Another than that of whoever is inside or outside.
    pub(crate) role: Option<Role>,
    /// Where that is a supervisor's.
    pub(crate) watch: Watch,
    /// Header fields beside those that every INVITE has.
    pub(crate) headers: Headers,
    /// The operator on whose behalf, where it is not the caller's own call.
    pub(crate) by: Option<OperatorId>,
    /// The operator who is reached outside by it.
    pub(crate) outside: Option<OperatorId>,
}

impl From<Why> for Errand {
    fn from(why: Why) -> Self {
        Self {
            why,
            role: None,
            watch: Watch::MONITOR,
            headers: Headers::new(),
            by: None,
            outside: None,
        }
    }
}

/// One INVITE to be sent.
pub(crate) struct Callee {
    pub(crate) target: Target,
    pub(crate) to: NameAddr,
    pub(crate) address: IpAddr,
    pub(crate) role: Role,
    pub(crate) operator: Option<OperatorId>,
    pub(crate) errand: Errand,
    pub(crate) trunk: Option<Name>,
    pub(crate) credentials: Option<sip::Credentials>,
    pub(crate) redirects: Redirects,
}

/// What came of ringing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rung {
    /// At least one phone rings.
    Rings,
    /// They have none registered.
    NoPhone,
    /// We have no port left: our own want, not theirs.
    NoPort,
}

impl B2bua {
    /// Rings every contact an operator has registered that is there.
    pub(crate) fn ring_operator(
        &mut self,
        now: Time,
        call: &mut Call,
        operator: OperatorId,
        errand: impl Into<Errand>,
    ) -> Rung {
        let errand = errand.into();
        // Who is called back has had time enough to leave.
        for leg in call.legs(|p| p.why == Why::Left && p.operator == Some(operator)) {
            self.drop_leg(now, call, leg, "");
        }
        let name = self.directory.operator_name(operator);
        if let Some(contact) = self.directory.operator(&name).and_then(|o| o.contact.clone()) {
            return self.ring_outside(now, call, operator, contact, errand);
        }
        let shown = self.directory.operator(&name).map(|operator| operator.name.to_string());
        let to = NameAddr::new(self.own_uri(&name)).with_display(&shown.unwrap_or_default());
        let there = self.endpoint.bindings(&name).iter().filter(|binding| !binding.lost);
        let media = &self.directory.config.media;
        let bindings: Vec<_> =
            there.filter_map(|b| Some((b.id, media.address(b.flow.local.ip())?))).collect();
        let mut rung = if bindings.is_empty() { Rung::NoPhone } else { Rung::NoPort };
        for (binding, address) in bindings {
            let callee = Callee {
                target: Target::Binding { user: name.clone(), binding },
                to: to.clone(),
                address,
                role: errand.role.unwrap_or(Role::Operator),
                operator: Some(operator),
                errand: errand.clone(),
                trunk: None,
                credentials: None,
                redirects: Redirects::Refused,
            };
            if self.ring(now, call, callee) {
                rung = Rung::Rings;
            }
        }
        rung
    }

    /// Sends one INVITE; false where no port is left.
    pub(crate) fn ring(&mut self, now: Time, call: &mut Call, callee: Callee) -> bool {
        let Some(lease) = self.lease(call.thread_wanted()) else { return false };
        let introduction = self.introduction(call, &callee);
        let leg = self.endpoint.next_leg();
        let codecs = self.directory.codecs(callee.operator, callee.trunk.as_deref()).to_vec();
        let mut negotiation = self.new_negotiation(leg, lease, (callee.address, None), codecs);
        let spoken = call.origin().and_then(|origin| origin.negotiation.plan());
        let offer = match spoken {
            Some(plan) => negotiation.offer_for(&[plan.codec]),
            None => negotiation.offer(),
        };
        let uri: Name = match &callee.target {
            Target::Binding { .. } => callee.to.uri.to_string().into(),
            Target::Uri { uri, .. } => uri.clone().without_headers().to_string().into(),
        };
        self.count_trunk(callee.trunk.as_ref());
        let rung = Participant::new(NewLeg {
            id: ParticipantId(self.mint()),
            leg,
            role: callee.role,
            operator: callee.operator,
            uri,
            trunk: callee.trunk,
            why: callee.errand.why,
            state: LegState::Calling,
            lease,
            negotiation,
            reply: None,
        });
        call.participants.push(Participant { watch: callee.errand.watch, ..rung });
        self.state.legs.insert(leg, call.key);
        let (from, headers) = introduction;
        let invite = Invite {
            headers,
            body: Some(sip::Body::sdp(offer)),
            credentials: callee.credentials,
            max_forwards: call.hops,
            uuid: call.uuid,
            redirects: callee.redirects,
            ..Invite::new(leg, callee.target, from, callee.to)
        };
        self.command_sip(now, sip::Command::Invite(Box::new(invite)));
        true
    }

    /// Where a leg's signalling comes from, for its audio.
    pub(crate) fn signalling(&self, leg: LegId, flow: Flow) -> media::Signalling {
        let other_port = if self.endpoint.is_natted(leg) {
            media::OtherPort::Natted
        } else if self.directory.config.media.asymmetric_rtp {
            media::OtherPort::Sender
        } else {
            media::OtherPort::Stranger
        };
        media::Signalling { host: flow.remote.ip(), other_port }
    }

    pub(crate) fn new_negotiation(
        &mut self,
        leg: LegId,
        lease: Lease,
        (address, signalling): (IpAddr, Option<media::Signalling>),
        codecs: Vec<media::Codec>,
    ) -> Negotiation {
        let chance = self.endpoint.rng().next_u64();
        let [a, b, c, d, ..] = chance.to_le_bytes();
        let name = [self.endpoint.rng().next_u64(), self.endpoint.rng().next_u64()];
        let mut cname = [0; media::rtcp::CNAME];
        let bytes = name.into_iter().flat_map(u64::to_le_bytes);
        cname.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Negotiation::new(LegSettings {
            leg: media::LegId(leg.0),
            lease,
            address,
            signalling,
            ssrc: u32::from_le_bytes([a, b, c, d]),
            cname,
            sdp_id: chance >> 33,
            codecs,
            ptime_ms: 20,
        })
    }

    /// A pair for a caller, if enough are left for those who will serve the callers that are there:
    /// a caller who could never be put through is better refused.
    pub(crate) fn lease_with_company(&mut self, thread: Option<u16>) -> Option<Lease> {
        let near = thread.and_then(|thread| self.lease(Some(thread)));
        let lease = near.or_else(|| self.lease(None))?;
        // Two for each call, this one included, less those that are taken.
        let missing = (2 * (self.state.calls.len() + 1)).saturating_sub(self.state.leased);
        let kept_back = missing.min(self.directory.config.operators.len());
        if self.state.pool.free() >= kept_back.max(1) {
            return Some(lease);
        }
        self.release(lease);
        None
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
    pub(crate) fn joined(&mut self, now: Time, call: &mut Call, at: usize) {
        let Some(p) = call.participants.get_mut(at).filter(|p| !p.joined) else { return };
        (p.joined, p.told.watch) = (true, p.watch);
        let operator = p.operator.map(|id| self.directory.operator_name(id));
        let watch = Some(p.watch).filter(|_| p.supervises());
        let joined = What::ParticipantJoined {
            participant: p.id,
            role: p.role,
            operator,
            uri: p.uri.clone(),
            mode: watch.map(|watch| watch.mode),
            whisper_to: watch.and_then(|watch| watch.to),
        };
        self.tell(now, call, joined);
    }
}
