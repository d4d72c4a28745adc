//! Requests too large for a datagram: RFC 3261 section 18.1.1.
//!
//! A request of more than 1300 octets goes by TCP where UDP would only have been the default: to a
//! trunk, a URI, a Contact. Its Via says so, everything else stays as it is, the Contact too: the rule
//! is about one request. Where no connection comes about, or none on which anything was answered, the
//! same request goes by UDP after all, in the same transaction: whoever got it twice takes the second
//! for a repetition. So a fallback can never ring a phone twice. What refused is not asked again for
//! a while.
//!
//! The rule is not applied
//!
//! - to a registered phone: it is reached by the flow it registered on, whatever the size. Behind a
//!   NAT there is no other way in (RFC 5626 section 4.3), and datagrams arrive in fragments,
//! - where the URI says `transport=udp`,
//! - without a TCP listener of ours, where the peer could answer if the connection were lost,
//! - to an ACK of a 2xx, which has no transaction and so nobody to hear of a failure.
//!
//! ACK of a refusal and CANCEL are bound to their INVITE's way (sections 9.1 and 17.1.1.3).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::core::Core;
use crate::msg::{Builder, Message, Name};
use crate::transaction::{ClientKey, Purpose, Spare};
use crate::{Flow, Time, Transport};

/// Octets of the largest request that is sent as a datagram: the path's MTU is not known.
const DATAGRAM_MAX: usize = 1300;
/// How long a destination that refused a connection is spared the next.
const REFUSED: Time = Time::from_secs(300);
/// Destinations remembered.
const REFUSALS_MAX: usize = 256;

/// Who took no connection, and until when that is believed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Refusals {
    until: BTreeMap<SocketAddr, Time>,
}

impl Refusals {
    fn stands(&self, now: Time, remote: &SocketAddr) -> bool {
        self.until.get(remote).is_some_and(|until| now < *until)
    }

    fn note(&mut self, now: Time, remote: SocketAddr) {
        self.until.retain(|_, until| now < *until);
        if self.until.len() >= REFUSALS_MAX {
            let oldest = self.until.iter().min_by_key(|(_, until)| **until);
            if let Some(oldest) = oldest.map(|(remote, _)| *remote) {
                self.until.remove(&oldest);
            }
        }
        self.until.insert(remote, now + REFUSED);
    }
}

impl Core {
    /// Sends a request to an address as a transaction of its own: by stream if it is too large for
    /// the datagram that it would be. The message's branch must be `key`'s.
    pub(crate) fn send_by_size(
        &mut self,
        now: Time,
        key: ClientKey,
        flow: Flow,
        request: Message,
        purpose: Purpose,
    ) {
        let is_large = request.wire().len() > DATAGRAM_MAX;
        let stream = if is_large { self.stream(now, &flow) } else { None };
        let Some(stream) = stream else { return self.send(now, key, flow, request, purpose) };
        let via = self.via(&stream, key.branch);
        let streamed = Builder::copy(&request).set(Name::Via, via).build();
        self.send(now, key, stream, streamed, purpose);
        if let Some(client) = self.clients.get_mut(&key) {
            client.spare = Some(Box::new(Spare { flow, request }));
        }
    }

    /// The stream to where a datagram would go: from a listener on the same address of ours, on the
    /// same port if there is one.
    fn stream(&self, now: Time, flow: &Flow) -> Option<Flow> {
        if flow.transport != Transport::Udp || self.refusals.stands(now, &flow.remote) {
            return None;
        }
        let ours = flow.local;
        let suits = |at: &&SocketAddr| {
            at.is_ipv4() == ours.is_ipv4() && (at.ip().is_unspecified() || at.ip() == ours.ip())
        };
        let streams = self.config.streams.iter().filter(suits);
        let port = streams.map(SocketAddr::port).min_by_key(|port| *port != ours.port())?;
        let local = SocketAddr::new(ours.ip(), port);
        Some(Flow { transport: Transport::Tcp, local, ..*flow })
    }

    /// After a failure of its way: sends a request that nobody has answered by its other way; `false`
    /// if it has none.
    pub(crate) fn fall_back(&mut self, now: Time, key: ClientKey) -> bool {
        let Some(client) = self.clients.get_mut(&key) else { return false };
        let Some(spare) = client.spare.take().filter(|_| client.state.is_unheard()) else {
            return false;
        };
        let (purpose, Spare { flow, request }) = (client.purpose, *spare);
        self.refusals.note(now, flow.remote);
        self.send(now, key, flow, request, purpose);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_few_and_end() {
        let at = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let s = Time::from_secs;
        let mut refusals = Refusals::default();
        refusals.note(s(1), at(1));
        let stands = [s(1), s(300), s(301)].map(|now| refusals.stands(now, &at(1)));
        assert_eq!(stands, [true, true, false]);
        assert!(!refusals.stands(s(1), &at(2)));
        for port in 2..1000 {
            refusals.note(s(2), at(port));
        }
        assert_eq!(refusals.until.len(), REFUSALS_MAX);
        assert!(refusals.stands(s(3), &at(999)) && !refusals.stands(s(3), &at(1)));
        refusals.note(s(400), at(1));
        assert_eq!(refusals.until.len(), 1);
    }
}
