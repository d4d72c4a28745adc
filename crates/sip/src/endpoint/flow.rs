//! Ways that failed, and ways that were found.

use super::Endpoint;
use crate::transaction::{ClientIn, ClientKey, Purpose};
use crate::{Flow, LegId, Time};

impl Endpoint {
    /// A connection closed or a datagram came back: what was sent that way is lost, and who was
    /// registered on a connection is gone.
    pub(super) fn flow_failed(&mut self, now: Time, flow: Flow) {
        for key in self.core.clients_on(&flow) {
            if !self.is_given_up(key) && self.core.fall_back(now, key) {
                continue;
            }
            let sent = self.core.client_step(now, key, ClientIn::TransportFailed, None);
            self.dispatch(now, sent);
        }
        let events = self.core.registrar.flow_failed(&flow);
        self.core.events(events);
        if !flow.transport.is_reliable() {
            return;
        }
        // Those on it, and those whose answers would go by any connection to that address.
        let on = |number| (number, LegId(0))..=(number, LegId(u64::MAX));
        let of = |number| self.by_connection.range(on(number)).map(|(_, leg)| *leg);
        let away = of(0).collect::<Vec<_>>();
        let here = (flow.connection != 0).then(|| of(flow.connection).collect::<Vec<_>>());
        for leg in away.into_iter().chain(here.unwrap_or_default()) {
            self.with_leg(leg, |leg, core| leg.flow_closed(core, now, &flow));
        }
    }

    /// Whether a request is an INVITE that its owner has given up.
    fn is_given_up(&self, key: ClientKey) -> bool {
        match self.core.clients.get(&key).map(|client| client.purpose) {
            Some(Purpose::Invite(leg)) => self.legs.get(&leg).is_none_or(|leg| leg.has_given_up()),
            _ => false,
        }
    }

    /// The resolver's answer.
    pub(super) fn resolved(&mut self, now: Time, query: u64, flows: Vec<Flow>) {
        if let Some(leg) = self.core.queries.remove(&query) {
            self.with_leg(leg, |leg, core| leg.resolved(core, now, flows));
        }
    }
}
