//! Where a leg's requests go: RFC 3261 section 8.1.2 and 12.2.1.1, RFC 5626, and what NAT leaves.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Leg, Phase};
use crate::dialog::Dialog;
use crate::ground::Core;
use crate::msg::{Host, Message, Scheme, Uri};
use crate::transaction::timer::T1_64;
use crate::{Binding, EndCause, Flow, Peer, Time, Transport};

/// How the peer is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Way {
    /// A registered phone: wherever its binding is by now, not where it was at first.
    Phone {
        user: Arc<str>,
        binding: u64,
        instance: Option<(Arc<str>, u32)>,
        /// The last flow seen.
        flow: Flow,
    },
    /// By the dialog's route set and target.
    Direct {
        /// The flow the leg began on; none before the resolver answered.
        flow: Option<Flow>,
        /// Its connection closed.
        closed: bool,
        /// What the resolver said of a hop.
        cache: Option<(Uri, Flow)>,
    },
}

/// Where the next request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route {
    Flow(Flow),
    /// The resolver must be asked.
    Ask(Uri),
    Nowhere,
}

impl Way {
    pub(super) fn phone(user: Arc<str>, binding: &Binding) -> Self {
        let (flow, instance) = (binding.flow, binding.instance.clone());
        Self::Phone { user, binding: binding.id, instance, flow }
    }

    pub(super) fn direct(flow: Option<Flow>) -> Self {
        Self::Direct { flow, closed: false, cache: None }
    }

    /// The way back to who sent us a request.
    pub(super) fn back(core: &Core, peer: &Peer, flow: Flow) -> Self {
        if let Peer::User(user) = peer
            && let Some(binding) = core.registrar.bindings(user).iter().find(|b| b.flow == flow)
        {
            return Self::phone(user.clone(), binding);
        }
        Self::direct(Some(flow))
    }

    /// The flow that was last in use, whether or not it still stands.
    pub(super) fn flow(&self) -> Option<Flow> {
        match self {
            Self::Phone { flow, .. } => Some(*flow),
            Self::Direct { flow, .. } => *flow,
        }
    }

    /// Where a request goes in a dialog.
    pub(super) fn route(&self, core: &Core, dialog: &Dialog) -> Route {
        match self {
            Self::Phone { user, binding, instance, flow } => {
                let bindings = core.registrar.bindings(user);
                let by_id = bindings.iter().find(|b| b.id == *binding);
                let found = by_id.or_else(|| {
                    bindings.iter().find(|b| instance.is_some() && b.instance == *instance)
                });
                match found {
                    Some(found) => Route::Flow(found.flow),
                    // Datagrams may still arrive where they used to.
                    None if !flow.transport.is_reliable() => Route::Flow(*flow),
                    None => Route::Nowhere,
                }
            }
            Self::Direct { flow: None, .. } => Route::Nowhere,
            Self::Direct { flow: Some(flow), closed, cache } => {
                direct(*flow, *closed, cache.as_ref(), dialog.next_hop())
            }
        }
    }
}

/// Where a request goes without a registration. A standing connection is never left for a Contact
/// behind it; datagrams follow the route set and the Contact, unless that cannot be reached.
fn direct(flow: Flow, closed: bool, cache: Option<&(Uri, Flow)>, hop: &Uri) -> Route {
    let fallback = if closed { Route::Nowhere } else { Route::Flow(flow) };
    if flow.transport.is_reliable() && !closed {
        return fallback;
    }
    if matches!(flow.transport, Transport::Ws | Transport::Wss) {
        return Route::Nowhere;
    }
    if let Some((_, known)) = cache.filter(|(uri, _)| uri == hop) {
        return Route::Flow(*known);
    }
    let Some(host) = hop.host().filter(|host| is_routable(host)) else { return fallback };
    let named = hop.param("transport").and_then(crate::ground::transport_named);
    let is_udp = named.unwrap_or(Transport::Udp) == Transport::Udp && *hop.scheme() == Scheme::Sip;
    match host.ip() {
        Some(ip) if is_udp && flow.transport == Transport::Udp => {
            if ip.is_ipv4() == flow.local.is_ipv4() {
                let remote = SocketAddr::new(ip, hop.port().unwrap_or(5060));
                Route::Flow(Flow { remote, ..flow })
            } else {
                fallback
            }
        }
        _ => Route::Ask(hop.clone()),
    }
}

/// Where a client listens whose connection closed, by the Via of its request or our response: at the
/// port of sent-by. One that names the port it called from, as one does that listens nowhere, has gone.
fn elsewhere(message: &Message, failed: &Flow) -> Option<Flow> {
    let can = matches!(failed.transport, Transport::Tcp | Transport::Tls);
    let port = message.top_via().ok().filter(|_| can)?.port_or_default();
    let remote = SocketAddr::new(failed.remote.ip(), port);
    (remote != failed.remote).then_some(Flow { remote, connection: 0, ..*failed })
}

/// Whether a host can be more than decoration (`.invalid` of RFC 2606, as browsers write it).
fn is_routable(host: &Host) -> bool {
    match host {
        Host::Name(name) => name != "invalid" && !name.ends_with(".invalid"),
        Host::V4(ip) => !ip.is_unspecified() && !ip.is_multicast() && !ip.is_broadcast(),
        Host::V6(ip) => !ip.is_unspecified() && !ip.is_multicast(),
    }
}

impl Leg {
    /// The flow that requests go by now.
    pub(crate) fn flow(&self, core: &Core) -> Option<Flow> {
        let route = self.dialog().map(|dialog| self.way.route(core, dialog));
        match route {
            Some(Route::Flow(flow)) => Some(flow),
            _ => self.way.flow(),
        }
    }

    /// Where the peer reaches us over that flow.
    pub(crate) fn contact(&self, core: &Core, flow: &Flow) -> Uri {
        core.contact(flow, &self.user).uri
    }

    /// Whether the peer takes its own address for another than what we see: a NAT is between. Of a
    /// proxy in between, and of who answers from elsewhere than it was called at, nothing is known.
    pub(crate) fn is_natted(&self) -> bool {
        let direct = self.dialog().filter(|dialog| dialog.routes.is_empty());
        let Some((dialog, seen)) = direct.zip(self.way.flow()) else { return false };
        if self.owns_call_id && matches!(self.way, Way::Direct { .. }) {
            return false;
        }
        let Some(host) = dialog.target.host() else { return false };
        let Some(ip) = host.ip() else { return !is_routable(host) };
        let port = dialog.target.port().unwrap_or(5060);
        ip.to_canonical() != seen.remote.ip().to_canonical()
            || !seen.transport.is_reliable() && port != seen.remote.port()
    }

    /// The connection it lives on: the one of its last flow; 0 where the answer to its INVITE goes by
    /// one that is still to be made.
    pub(crate) fn connection(&self) -> Option<u64> {
        if self.away.is_some() {
            return Some(0);
        }
        self.way.flow().map(|flow| flow.connection).filter(|connection| *connection != 0)
    }

    /// The registered contact it goes by.
    pub(crate) fn binding(&self) -> Option<u64> {
        match &self.way {
            Way::Phone { binding, .. } => Some(*binding),
            Way::Direct { .. } => None,
        }
    }

    /// A connection closed. A leg that can go another way stands; a phone's waits for it to come
    /// back; others are over.
    pub(crate) fn flow_closed(&mut self, core: &mut Core, now: Time, failed: &Flow) {
        if self.away.take_if(|away| away.remote == failed.remote).is_some() {
            return self.unreachable(core, now);
        }
        if self.connection() != Some(failed.connection) {
            return;
        }
        if self.answers_elsewhere(core, now, failed) {
            return;
        }
        if self.phase == Phase::Alerting {
            return self.unreachable(core, now);
        }
        if let Way::Direct { closed, .. } = &mut self.way {
            *closed = true;
        }
        if self.phase != Phase::Confirmed {
            return;
        }
        let Some(dialog) = self.dialog() else { return };
        match (&self.way, self.way.route(core, dialog)) {
            (Way::Phone { .. }, Route::Nowhere) => self.lost = Some(now + T1_64),
            (Way::Direct { .. }, Route::Nowhere) => {
                self.ended(core, EndCause::FlowGone);
                self.over(core, now);
            }
            (_, Route::Flow(_) | Route::Ask(_)) => {}
        }
    }

    /// The connection closed by which the peer's INVITE came, and our final answer is not
    /// acknowledged: it goes by a new one to where the peer says that it listens (RFC 3261 section
    /// 18.2.2). What was said last is said there at once, so that nobody is rung for somebody who has
    /// gone. `false` where there is nothing to be said, or nobody listens.
    fn answers_elsewhere(&mut self, core: &mut Core, now: Time, failed: &Flow) -> bool {
        let of_open = || Some(self.open.as_ref()?.request.clone());
        let of_unacked = || Message::parse(self.unacked.as_ref()?.response.clone()).ok();
        let is_alerting = self.phase == Phase::Alerting;
        let message = if is_alerting { of_open() } else { of_unacked() };
        let Some(flow) = message.and_then(|message| elsewhere(&message, failed)) else {
            return false;
        };
        self.away = Some(flow);
        match &mut self.way {
            Way::Direct { flow: old, closed, .. } => (*old, *closed) = (Some(flow), true),
            Way::Phone { flow: old, .. } => *old = flow,
        }
        if let Some(open) = self.open.as_ref().filter(|_| is_alerting) {
            core.answer_by(now, open.server, flow);
        } else if let Some(unacked) = &mut self.unacked {
            unacked.flow = flow;
            core.transmit(flow, unacked.response.clone());
        }
        true
    }

    /// The peer cannot be told the answer to its INVITE, or has not heard it.
    fn unreachable(&mut self, core: &mut Core, now: Time) {
        self.ended(core, EndCause::FlowGone);
        if let Some(open) = self.open.take() {
            core.drop_server(open.server);
        }
        self.over(core, now);
    }

    /// The phone had time to come back.
    pub(super) fn give_up_flow(&mut self, core: &mut Core, now: Time) {
        let Some(dialog) = self.dialog() else { return };
        match self.way.route(core, dialog) {
            Route::Nowhere => {
                self.ended(core, EndCause::FlowGone);
                self.over(core, now);
            }
            Route::Flow(_) | Route::Ask(_) => {}
        }
    }

    /// The peer was heard on a flow.
    pub(super) fn note_flow(&mut self, now_on: Flow) {
        match &mut self.way {
            Way::Phone { flow, .. } => *flow = now_on,
            Way::Direct { flow, closed, .. } => {
                let moved = flow.is_some_and(|old| {
                    old.transport == now_on.transport && old.remote.ip() == now_on.remote.ip()
                });
                if *closed && moved {
                    *flow = Some(now_on);
                    *closed = false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(transport: Transport) -> Flow {
        let local = "192.0.2.1:5060".parse().unwrap();
        Flow { transport, local, remote: "198.51.100.9:9999".parse().unwrap(), connection: 0 }
    }

    #[test]
    fn where_requests_go_without_a_registration() {
        let check = |transport, closed, hop: &str, expected: &str| {
            let hop = Uri::parse(hop).unwrap();
            let route = match direct(flow(transport), closed, None, &hop) {
                Route::Flow(flow) => flow.remote.to_string(),
                Route::Ask(_) => "ask".to_owned(),
                Route::Nowhere => "nowhere".to_owned(),
            };
            assert_eq!(route, expected, "{hop}");
        };
        let udp = |hop, expected| check(Transport::Udp, false, hop, expected);
        udp("sip:a@203.0.113.7:5070", "203.0.113.7:5070");
        udp("sip:a@203.0.113.7", "203.0.113.7:5060");
        udp("sip:203.0.113.7;lr;transport=UDP", "203.0.113.7:5060");
        udp("sip:a@203.0.113.7;transport=tcp", "ask");
        udp("sips:a@203.0.113.7", "ask");
        udp("sip:a@pbx.example", "ask");
        udp("sip:a@x7.invalid", "198.51.100.9:9999");
        udp("sip:a@0.0.0.0", "198.51.100.9:9999");
        udp("sip:a@[2001:db8::1]", "198.51.100.9:9999");
        check(Transport::Tcp, false, "sip:a@203.0.113.7:5070", "198.51.100.9:9999");
        check(Transport::Tcp, true, "sip:a@203.0.113.7:5070", "ask");
        check(Transport::Tcp, true, "sip:a@x7.invalid", "nowhere");
        check(Transport::Wss, false, "sip:a@x7.invalid;transport=ws", "198.51.100.9:9999");
        check(Transport::Wss, true, "sip:a@203.0.113.7", "nowhere");
    }
}
