//! An INVITE arrives: a call is born, or refused.

use bytes::Bytes;
use media::{Codec, Lease, Negotiation};
use sip::msg::{Message, Name as Header, Uri};
use sip::{Flow, LegId, Peer};

use super::RETRY_AFTER_S;
use crate::api::Time;
use crate::call::{Call, LegState, NewCall, NewLeg, Participant, Why};
use crate::config::{Go, Name};
use crate::event::{Kind, Role, What};
use crate::headers::{self, Taken};
use crate::id::{CallKey, ParticipantId, TaskKey};
use crate::identity::{self, Caller};
use crate::switch::B2bua;

impl B2bua {
    pub(crate) fn arrive(
        &mut self,
        now: Time,
        leg: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) {
        if self.comes_back(now, leg, peer, flow, request)
            || self.watches_dialled(now, leg, peer, flow, request)
        {
            return;
        }
        match self.admit(now, leg, peer, flow, request) {
            Ok(mut call) => {
                self.state.legs.insert(leg, call.key);
                self.begin(now, &mut call, request);
                if !call.over {
                    self.dirty.insert(call.key);
                    self.state.calls.insert(call.key, Box::new(call));
                }
            }
            Err((status, headers)) => {
                self.command_sip(now, sip::Command::End { leg, status, headers });
            }
        }
    }

    /// The call, if there is room for it and its offer can be answered.
    fn admit(
        &mut self,
        now: Time,
        leg: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) -> Result<Call, (u16, sip::Headers)> {
        let (kind, trunk, operator) = match peer {
            Peer::Trunk(name) => (Kind::Inbound, Some(name.clone()), None),
            Peer::User(user) => (Kind::Internal, None, self.directory.operator_id(user)),
        };
        let full = self.state.calls.len() >= self.directory.config.limits.calls_max;
        let trunk_full = trunk.as_deref().is_some_and(|name| self.trunk_is_full(name));
        if self.state.draining || full || trunk_full {
            return Err(unavailable());
        }
        let thread = operator.and_then(|operator| self.thread_of(operator));
        let lease = self.lease_with_company(thread).ok_or_else(unavailable)?;
        let (negotiation, reply) = self.first_answer((leg, lease), peer, flow, request, None)?;
        let caller = self.caller(peer, request);
        let uri = uri_of(&caller, request, |user| self.own_uri(user)).to_string().into();
        self.count_trunk(trunk.as_ref());
        let origin = Participant::new(NewLeg {
            id: ParticipantId(self.mint()),
            leg,
            role: if operator.is_some() { Role::Operator } else { Role::Customer },
            operator,
            uri,
            trunk: trunk.clone(),
            why: Why::Arrived,
            state: LegState::Invited,
            lease,
            negotiation,
            reply,
        });
        let key = CallKey(self.mint());
        let hops = request.max_forwards().unwrap_or(70).saturating_sub(1);
        let to = self.directory.number_in(trunk.as_deref()).of(&dialled(request)).into();
        let uuid = self.endpoint.uuid(leg);
        let mut call = Call::new(now, NewCall { key, kind, caller, to, trunk, hops, uuid });
        call.participants.push(origin);
        Ok(call)
    }

    fn begin(&mut self, now: Time, call: &mut Call, request: &Message) {
        let go = self.destination(now, call, request);
        if call.kind == Kind::Internal && matches!(go, Some(Go::Uri(_) | Go::Number { .. })) {
            call.kind = Kind::Outbound;
        }
        let taken = self.context(call, request);
        call.context = taken.context;
        self.tell_started(now, call);
        if !taken.dropped.is_empty() {
            self.tell(now, call, What::ContextDropped { headers: taken.dropped });
        }
        if let (Some(Go::Queue { .. }), Some(origin)) = (&go, call.origin_mut()) {
            origin.role = Role::Customer;
        }
        self.joined(now, call, 0);
        if !self.obeys_dialled(now, call) {
            self.route(now, call, go);
        }
    }

    pub(super) fn tell_started(&mut self, now: Time, call: &Call) {
        let started = What::CallStarted {
            kind: call.kind,
            predecessor: None,
            from: call.from.clone(),
            to: call.to.clone(),
            trunk: call.trunk.clone(),
            uuid: call.uuid.map(|uuid| uuid.to_string()),
            context: call.context.clone(),
        };
        self.tell(now, call, started);
    }

    /// Answers the offer of an INVITE, if it brings one, if it can be with the codec that the call
    /// has; what was leased is given back where there is no answer.
    pub(crate) fn first_answer(
        &mut self,
        (leg, lease): (LegId, Lease),
        peer: &Peer,
        flow: Flow,
        request: &Message,
        had: Option<Codec>,
    ) -> Result<(Negotiation, Option<Bytes>), (u16, sip::Headers)> {
        let local = flow.local.ip();
        let refused = |status, text: &str| {
            let warning = format!("399 {local} \"{text}\"");
            (status, vec![("Warning".into(), warning)])
        };
        let Some(address) = self.directory.config.media.address(local) else {
            self.release(lease);
            return Err(refused(488, "No audio over this IP version"));
        };
        let codecs = match peer {
            Peer::Trunk(name) => self.directory.codecs(None, Some(name)),
            Peer::User(user) => self.directory.codecs(self.directory.operator_id(user), None),
        };
        let codecs = codecs.to_vec();
        let addresses = (address, Some(self.signalling(leg, flow)));
        let mut negotiation = self.new_negotiation(leg, lease, addresses, codecs);
        negotiation.prefer(had.as_slice());
        let body = request.sdp();
        if body.is_empty() {
            return Ok((negotiation, None));
        }
        match negotiation.on_offer(&body) {
            Ok(reply) => Ok((negotiation, Some(reply))),
            Err(refusal) => {
                self.release(lease);
                Err(refused(refusal.status, refusal.text()))
            }
        }
    }

    /// The media thread of another call of an operator's: so that the two can be joined.
    fn thread_of(&self, operator: acd::OperatorId) -> Option<u16> {
        let view = self.acd.operator(operator)?;
        let own = view.own.iter().map(|work| CallKey(work.0));
        let served = view
            .tasks
            .iter()
            .filter_map(|task| self.state.tasks.get(&TaskKey(task.0)).and_then(|entry| entry.call));
        own.chain(served).find_map(|key| self.state.calls.get(&key)?.thread_wanted())
    }

    pub(crate) fn trunk_is_full(&self, name: &str) -> bool {
        let legs = self.state.by_trunk.get(name).copied().unwrap_or_default();
        self.directory.trunk(name).is_some_and(|trunk| legs >= trunk.calls_max)
    }

    pub(crate) fn count_trunk(&mut self, trunk: Option<&Name>) {
        if let Some(trunk) = trunk {
            *self.state.by_trunk.entry(trunk.clone()).or_default() += 1;
        }
    }

    /// What is believed of who calls.
    fn caller(&self, peer: &Peer, request: &Message) -> Caller {
        match peer {
            Peer::Trunk(name) => {
                let trunk = self.directory.trunk(name);
                let is_trusted = trunk.is_some_and(|trunk| trunk.trusted);
                identity::of_trunk(request, is_trusted, self.directory.number_in(Some(name)))
            }
            Peer::User(user) => identity::of_operator(request, user, self.directory.operator(user)),
        }
    }

    /// What the caller's INVITE brings as context.
    fn context(&self, call: &Call, request: &Message) -> Taken {
        let Some(origin) = call.origin() else { return Taken::default() };
        let (rules, party) = self.policy(origin.operator, origin.trunk.as_ref());
        headers::taken(request, rules, party, call.hidden.is_some(), &self.directory.config.limits)
    }
}

pub(super) fn unavailable() -> (u16, sip::Headers) {
    (503, vec![("Retry-After".into(), RETRY_AFTER_S.to_string())])
}

/// The caller's URI: that of From, where it is theirs.
fn uri_of(caller: &Caller, request: &Message, own: impl Fn(&str) -> Uri) -> Uri {
    if caller.hidden.is_some() && &*caller.number == identity::ANONYMOUS {
        return identity::nobody().uri;
    }
    let from = request.from().ok().map(|from| from.uri.bare());
    let is_theirs = |uri: &Uri| uri.user().is_some_and(|user| *user == *caller.number);
    from.filter(is_theirs).unwrap_or_else(|| own(&caller.number))
}

/// The user part dialled; of a `tel:` URI the number.
pub(super) fn dialled(request: &Message) -> Name {
    let user = request.uri().ok().and_then(|uri| uri.user().map(std::borrow::Cow::into_owned));
    let to =
        || request.address(Header::To).ok().flatten().and_then(|to| Some(to.uri.user()?.into()));
    user.or_else(to).unwrap_or_default().into()
}
