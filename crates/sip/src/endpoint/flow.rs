//! Ways that failed, and ways that were found.

use super::Endpoint;
use crate::transaction::ClientIn;
use crate::{Flow, LegId, Time};

impl Endpoint {
    /// A connection closed or a datagram came back: what was sent that way is lost, and who was
    /// registered on a connection is gone.
    pub(super) fn flow_failed(&mut self, now: Time, flow: Flow) {
        for key in self.core.clients_on(&flow) {
            let sent = self.core.client_step(now, key, ClientIn::TransportFailed, None);
            self.dispatch(now, sent);
        }
        let events = self.core.registrar.flow_failed(&flow);
        self.core.events(events);
        if flow.connection != 0 {
            let on = (flow.connection, LegId(0))..=(flow.connection, LegId(u64::MAX));
            let legs: Vec<LegId> = self.by_connection.range(on).map(|(_, leg)| *leg).collect();
            for leg in legs {
                self.with_leg(leg, |leg, core| leg.flow_closed(core, now, &flow));
            }
        }
    }

    /// The resolver's answer.
    pub(super) fn resolved(&mut self, now: Time, query: u64, flows: Vec<Flow>) {
        if let Some(leg) = self.core.queries.remove(&query) {
            self.with_leg(leg, |leg, core| leg.resolved(core, now, flows));
        }
    }
}
