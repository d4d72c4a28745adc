//! An INVITE arrives: a call is born, or refused.

use std::collections::BTreeMap;

use media::Source;
use sip::msg::{Message, Name as Header};
use sip::{Flow, LegId, Peer};

use super::RETRY_AFTER_S;
use crate::api::Time;
use crate::call::{Call, LegState, Participant, PhaseClock, Seat, Why};
use crate::config::{Go, Name};
use crate::event::{Kind, Phase, Role, What};
use crate::id::{CallKey, ParticipantId};
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
        let address = self.directory.config.media.advertise.unwrap_or_else(|| flow.local.ip());
        let lease = self.lease_with_company().ok_or_else(unavailable)?;
        let mut negotiation = self.new_negotiation(leg, lease, address, Some(flow.remote.ip()));
        let body = request.sdp();
        let reply = if body.is_empty() { Ok(None) } else { negotiation.on_offer(&body).map(Some) };
        let reply = reply.map_err(|refusal| {
            self.release(lease);
            let warning = format!("399 {address} \"{}\"", refusal.text());
            (refusal.status, vec![("Warning".into(), warning)])
        })?;
        let (number, display) = caller(request);
        let uri =
            request.from().map_or_else(|_| number.clone(), |f| f.uri.bare().to_string().into());
        self.count_trunk(trunk.as_ref());
        let origin = Participant {
            id: ParticipantId(self.mint()),
            leg,
            role: if operator.is_some() { Role::Operator } else { Role::Customer },
            operator,
            uri,
            trunk: trunk.clone(),
            why: Why::Arrived,
            state: LegState::Invited,
            seat: Seat::Waiting(Source::Ringing),
            held: false,
            silent_since: None,
            lease,
            negotiation,
            reply,
            planned: None,
        };
        Ok(Call {
            key: CallKey(self.mint()),
            kind,
            from: number,
            display,
            to: dialled(request),
            context: self.context(trunk.as_deref(), request),
            trunk,
            uuid: self.endpoint.uuid(leg),
            hops: request.max_forwards().unwrap_or(70).saturating_sub(1),
            participants: vec![origin],
            tasks: Vec::new(),
            wanted: None,
            timers: BTreeMap::new(),
            begun: false,
            answered: false,
            clock: PhaseClock::new(now, Phase::Wait),
            occupied: BTreeMap::new(),
            thread: None,
            rows: Vec::new(),
            generation: 0,
            parting: None,
            over: false,
        })
    }

    fn begin(&mut self, now: Time, call: &mut Call, request: &Message) {
        let go = self.destination(call, request);
        if call.kind == Kind::Internal && matches!(go, Some(Go::Uri(_) | Go::Number { .. })) {
            call.kind = Kind::Outbound;
        }
        let started = What::CallStarted {
            kind: call.kind,
            from: call.from.clone(),
            to: call.to.clone(),
            trunk: call.trunk.clone(),
            uuid: call.uuid.map(|uuid| uuid.to_string()),
            context: call.context.clone(),
        };
        self.tell(now, call, started);
        if let (Some(Go::Queue { .. }), Some(origin)) = (&go, call.origin_mut()) {
            origin.role = Role::Customer;
        }
        self.joined(now, call, 0);
        self.route(now, call, go);
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

    /// Header fields that the trunk lets in, as the call's context.
    fn context(&self, trunk: Option<&str>, request: &Message) -> BTreeMap<String, String> {
        let Some(trunk) = trunk.and_then(|name| self.directory.trunk(name)) else {
            return BTreeMap::new();
        };
        let limits = &self.directory.config.limits;
        let wanted = |name: &str| trunk.headers_in.iter().any(|pattern| covers(pattern, name));
        request
            .fields()
            .filter(|(name, value)| wanted(name) && value.len() <= limits.context_value_max)
            .take(limits.context_values_max)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// Header fields known to SIP that may become context all the same: they speak of the customer's
/// affair. Every other known one speaks of the leg it came by and never crosses to another.
const CONTEXT: [Header; 2] = [Header::UserToUser, Header::Subject];

/// Whether a pattern with an optional `*` at its end covers a header field's name.
fn covers(pattern: &str, name: &str) -> bool {
    let internal = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("X-Usher-"));
    if internal || Header::lookup(name).is_some_and(|known| !CONTEXT.contains(&known)) {
        return false;
    }
    match pattern.strip_suffix('*') {
        Some(start) => name.get(..start.len()).is_some_and(|n| n.eq_ignore_ascii_case(start)),
        None => name.eq_ignore_ascii_case(pattern),
    }
}

fn unavailable() -> (u16, sip::Headers) {
    (503, vec![("Retry-After".into(), RETRY_AFTER_S.to_string())])
}

/// Number and display name of the caller, as From has them.
fn caller(request: &Message) -> (Name, Option<String>) {
    let Ok(from) = request.from() else { return ("anonymous".into(), None) };
    let number =
        from.uri.user().map_or_else(|| "anonymous".into(), |user| user.into_owned().into());
    (number, from.display.filter(|display| !display.trim().is_empty()))
}

/// The user part dialled; of a `tel:` URI the number.
fn dialled(request: &Message) -> Name {
    let user = request.uri().ok().and_then(|uri| uri.user().map(std::borrow::Cow::into_owned));
    let to =
        || request.address(Header::To).ok().flatten().and_then(|to| Some(to.uri.user()?.into()));
    user.or_else(to).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn patterns_of_header_names() {
        let check = |pattern, name, expected| assert_eq!(covers(pattern, name), expected, "{name}");
        check("X-*", "x-crm-id", true);
        check("X-*", "X-Usher-Call", false);
        check("X-*", "X", false);
        check("User-to-User", "user-to-user", true);
        check("User-to-User", "User-to-User-2", false);
        check("*", "Subject", true);
        check("*", "Require", false);
        check("Session-Expires", "Session-Expires", false);
    }
}
