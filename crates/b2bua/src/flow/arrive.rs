//! An INVITE arrives: a call is born, or refused.

use std::collections::BTreeMap;

use sip::msg::{Message, Name as Header};
use sip::{Flow, LegId, Peer};

use super::RETRY_AFTER_S;
use crate::api::Time;
use crate::call::{Call, LegState, Participant, PhaseClock, Stage};
use crate::config::Name;
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
        match self.admit(leg, peer, flow, request) {
            Ok(mut call) => {
                call.clock = PhaseClock::new(now, Phase::Wait);
                self.state.legs.insert(leg, call.key);
                self.begin(now, &mut call, request);
                if !call.over {
                    self.dirty.insert(call.key);
                    self.state.calls.insert(call.key, call);
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
        leg: LegId,
        peer: &Peer,
        flow: Flow,
        request: &Message,
    ) -> Result<Call, (u16, sip::Headers)> {
        let full = self.state.calls.len() >= self.directory.config.limits.calls_max;
        if self.state.draining || full || self.trunk_is_full(peer) {
            return Err(unavailable());
        }
        let address = self.directory.config.media.advertise.unwrap_or_else(|| flow.local.ip());
        let lease = self.lease(None).ok_or_else(unavailable)?;
        let mut negotiation = self.new_negotiation(leg, lease, address);
        let body = request.body();
        let reply = if body.is_empty() { Ok(None) } else { negotiation.on_offer(&body).map(Some) };
        let reply = reply.map_err(|refusal| {
            self.release(lease);
            let warning = format!("399 {address} \"{}\"", refusal.text());
            (refusal.status, vec![("Warning".into(), warning)])
        })?;
        let (number, display) = caller(request);
        let customer = Participant {
            id: ParticipantId(self.mint()),
            leg,
            role: Role::Customer,
            operator: None,
            uri: request
                .from()
                .map_or_else(|_| number.clone(), |f| f.uri.bare().to_string().into()),
            reservation: None,
            lease,
            negotiation,
            reply,
            state: LegState::Invited,
            planned: None,
            held: false,
        };
        let (kind, trunk, caller) = match peer {
            Peer::Trunk(name) => (Kind::Inbound, Some(name.clone()), None),
            Peer::User(user) => (Kind::Internal, None, self.directory.operator_id(user)),
        };
        Ok(Call {
            key: CallKey(self.mint()),
            kind,
            from: number,
            display,
            to: dialled(request),
            context: self.context(trunk.as_deref(), request),
            trunk,
            caller,
            callee: None,
            participants: vec![customer],
            stage: Stage::Dialling,
            deadline: None,
            answered: false,
            clock: PhaseClock::new(Time::ZERO, Phase::Wait),
            thread: None,
            rows: Vec::new(),
            generation: 0,
            over: false,
        })
    }

    fn begin(&mut self, now: Time, call: &mut Call, request: &Message) {
        let started = What::CallStarted {
            kind: call.kind,
            from: call.from.clone(),
            to: call.to.clone(),
            trunk: call.trunk.clone(),
            context: call.context.clone(),
        };
        self.tell(now, call, started);
        self.joined(now, call, 0);
        if let Some(operator) = call.caller {
            let work = acd::WorkId(call.key.0);
            self.acd.handle(now, acd::Input::Occupy { operator, work });
        }
        self.route(now, call, request);
    }

    fn trunk_is_full(&self, peer: &Peer) -> bool {
        let Peer::Trunk(name) = peer else { return false };
        let Some(trunk) = self.directory.trunk(name) else { return false };
        // Counting is linear in the calls, so only where a limit could be reached.
        self.state.calls.len() >= trunk.calls_max
            && self.state.calls.values().filter(|call| call.trunk.as_ref() == Some(name)).count()
                >= trunk.calls_max
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

/// Whether a pattern with an optional `*` at its end covers a header field's name.
fn covers(pattern: &str, name: &str) -> bool {
    let internal = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("X-Usher-"));
    match pattern.strip_suffix('*') {
        Some(start) => {
            !internal && name.get(..start.len()).is_some_and(|n| n.eq_ignore_ascii_case(start))
        }
        None => !internal && name.eq_ignore_ascii_case(pattern),
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
    }
}
