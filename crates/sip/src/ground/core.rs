//! What legs and the endpoint share: the configuration, chance, transactions, deadlines, and the way out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::build::{ACCEPT, ALLOW, failure_ack, reply_flow, supported, transport_named};
use super::size::Refusals;
use crate::access::Access;
use crate::deadlines::Deadlines;
use crate::msg::{Builder, Host, Message, Method, Name, NameAddr, Uri, Via};
use crate::registrar::Registrar;
use crate::rng::{Rng, token};
use crate::transaction::{
    Acked, Action, Class, Client, ClientIn, ClientKey, ClientState, Purpose, Server, ServerIn,
    ServerState, client_invite, client_request, key, server_invite, server_request,
};
use crate::{Config, Event, Flow, LegId, Output, Time, Transport};

/// Whose deadline it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Key {
    Client(ClientKey),
    Server(u64),
    Leg(LegId),
}

/// What the core of a user agent hears from a client transaction.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) key: ClientKey,
    pub(crate) purpose: Purpose,
    /// What was sent.
    pub(crate) request: Message,
    pub(crate) flow: Flow,
    pub(crate) outcome: Outcome,
}

/// How a request fared.
#[derive(Debug)]
pub(crate) enum Outcome {
    Response(Message),
    TimedOut,
    TransportFailed,
}

impl Outcome {
    /// Whether the peer said something.
    pub(crate) fn is_response(&self) -> bool {
        matches!(self, Self::Response(_))
    }

    /// The status; 408 where no answer came (RFC 3261 section 8.1.3.1), none where it was not sent.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Response(response) => response.status(),
            Self::TimedOut => Some(408),
            Self::TransportFailed => None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    pub(crate) access: Access,
    pub(crate) registrar: Registrar,
    pub(crate) deadlines: Deadlines<Key>,
    pub(crate) clients: BTreeMap<ClientKey, Box<Client>>,
    /// Client transactions by where they were sent, for errors of the transport.
    sent_to: BTreeSet<(SocketAddr, ClientKey)>,
    pub(crate) servers: BTreeMap<u64, Box<Server>>,
    server_keys: BTreeMap<Arc<str>, u64>,
    /// Of requests outside dialogs, for the test of section 8.2.2.2.
    merged_keys: BTreeSet<Arc<str>>,
    /// Our tags, which name legs.
    pub(crate) tags: BTreeMap<u64, LegId>,
    /// Call-IDs of the calls we placed, to know one that comes back.
    pub(crate) own_calls: BTreeSet<Arc<str>>,
    /// Who takes no streams.
    pub(super) refusals: Refusals,
    /// Registered contacts that are being asked whether they are there, by the branch of the OPTIONS.
    pub(crate) asked: BTreeMap<u64, (Arc<str>, u64)>,
    /// Legs that wait for the resolver.
    pub(crate) queries: BTreeMap<u64, LegId>,
    last_leg: u64,
    last_server: u64,
    last_query: u64,
    #[serde(skip)]
    pub(crate) outputs: VecDeque<Output>,
}

impl Core {
    pub(crate) fn new(config: Config, mut rng: Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill(&mut secret);
        Self {
            config,
            rng,
            access: Access::new(secret),
            registrar: Registrar::default(),
            deadlines: Deadlines::default(),
            clients: BTreeMap::new(),
            sent_to: BTreeSet::new(),
            servers: BTreeMap::new(),
            server_keys: BTreeMap::new(),
            merged_keys: BTreeSet::new(),
            tags: BTreeMap::new(),
            own_calls: BTreeSet::new(),
            refusals: Refusals::default(),
            asked: BTreeMap::new(),
            queries: BTreeMap::new(),
            last_leg: 0,
            last_server: 0,
            last_query: 0,
            outputs: VecDeque::new(),
        }
    }

    pub(crate) fn next_leg(&mut self) -> LegId {
        self.last_leg += 1;
        LegId(self.last_leg)
    }

    pub(crate) fn transmit(&mut self, flow: Flow, bytes: Bytes) {
        self.outputs.push_back(Output::Transmit { flow, bytes });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn events(&mut self, events: Vec<Event>) {
        self.outputs.extend(events.into_iter().map(Output::Event));
    }

    /// Asks how to reach the host of a URI, on behalf of a leg.
    pub(crate) fn resolve(&mut self, leg: LegId, uri: &Uri) -> u64 {
        self.last_query += 1;
        let query = self.last_query;
        self.queries.insert(query, leg);
        let host = uri.host().map_or_else(String::new, |host| match host {
            Host::Name(name) => name.clone(),
            Host::V4(ip) => ip.to_string(),
            Host::V6(ip) => ip.to_string(),
        });
        let secure = *uri.scheme() == crate::msg::Scheme::Sips;
        let transport = uri.param("transport").and_then(transport_named);
        self.outputs.push_back(Output::Resolve {
            query,
            host,
            port: uri.port(),
            transport,
            secure,
        });
        query
    }

    /// Our address on a flow as others should see it.
    fn advertised(&self, flow: &Flow) -> Host {
        self.config.advertise.unwrap_or(flow.local.ip()).to_canonical().into()
    }

    pub(crate) fn via(&self, flow: &Flow, branch: u64) -> Via {
        let transport = crate::msg::Transport::parse(flow.transport.as_str());
        let port = Some(flow.local.port());
        Via::new(transport, self.advertised(flow), port, &key::branch(branch))
    }

    /// Our Contact on a flow: nothing in it but our address and a user part of our choice.
    pub(crate) fn contact(&self, flow: &Flow, user: &str) -> NameAddr {
        let uri = Uri::sip(user, self.advertised(flow), Some(flow.local.port()));
        NameAddr::new(match flow.transport {
            Transport::Udp => uri,
            Transport::Tcp => uri.with_param("transport", Some("tcp")),
            Transport::Tls => uri.with_param("transport", Some("tls")),
            Transport::Ws | Transport::Wss => uri.with_param("transport", Some("ws")),
        })
    }

    /// Sends a request as a transaction of its own. The message's branch must be `key`'s.
    pub(crate) fn send(
        &mut self,
        now: Time,
        key: ClientKey,
        flow: Flow,
        request: Message,
        purpose: Purpose,
    ) {
        let reliable = flow.transport.is_reliable();
        let state = match request.method() {
            Some(Method::Invite) => ClientState::Invite(client_invite::State::new(now, reliable)),
            _ => ClientState::Request(client_request::State::new(now, reliable)),
        };
        self.transmit(flow, request.wire().clone());
        self.deadlines.set(Key::Client(key), state.due());
        self.sent_to.insert((flow.remote, key));
        let client = Client {
            state,
            flow,
            request,
            purpose,
            spare: None,
            acked: Vec::new(),
            numbers: Vec::new(),
        };
        self.clients.insert(key, Box::new(client));
    }

    /// Steps a client transaction, and says what its user must hear.
    pub(crate) fn client_step(
        &mut self,
        now: Time,
        key: ClientKey,
        input: ClientIn,
        response: Option<&Message>,
    ) -> Option<Sent> {
        let client = self.clients.get_mut(&key)?;
        let flow = client.flow;
        let actions = client.state.step(now, flow.transport.is_reliable(), input);
        let state = client.state;
        let mut outcome = None;
        for action in actions {
            match action {
                Action::Resend => {
                    let bytes = client.request.wire().clone();
                    self.outputs.push_back(Output::Transmit { flow, bytes });
                }
                Action::Ack => {
                    if let Some(response) = response {
                        let bytes = failure_ack(&client.request, response).wire().clone();
                        self.outputs.push_back(Output::Transmit { flow, bytes });
                    }
                }
                Action::Pass => outcome = response.cloned().map(Outcome::Response),
                Action::TimedOut => outcome = Some(Outcome::TimedOut),
                Action::TransportFailed => outcome = Some(Outcome::TransportFailed),
                Action::Send | Action::SendTrying => {}
            }
        }
        let sent = outcome.map(|outcome| Sent {
            key,
            purpose: client.purpose,
            request: client.request.clone(),
            flow,
            outcome,
        });
        if state.is_terminated() {
            self.drop_client(key);
        } else {
            self.deadlines.set(Key::Client(key), state.due());
        }
        sent
    }

    fn drop_client(&mut self, key: ClientKey) {
        if let Some(client) = self.clients.remove(&key) {
            self.sent_to.remove(&(client.flow.remote, key));
        }
        self.deadlines.set(Key::Client(key), None);
    }

    /// The client transactions whose requests went over a flow that failed.
    pub(crate) fn clients_on(&self, flow: &Flow) -> Vec<ClientKey> {
        let first = (flow.remote, ClientKey { branch: 0, cancel: false });
        let last = (flow.remote, ClientKey { branch: u64::MAX, cancel: true });
        let at = self.sent_to.range(first..=last).map(|(_, key)| *key);
        at.filter(|key| self.clients.get(key).is_some_and(|c| is_same_way(&c.flow, flow))).collect()
    }

    /// Repeats the ACK of a 2xx that was acknowledged already; `false` if it was not.
    pub(crate) fn ack_again(&mut self, key: ClientKey, to_tag: &str) -> bool {
        let Some(client) = self.clients.get(&key) else { return false };
        let Some(acked) = client.acked.iter().find(|acked| acked.to_tag == to_tag) else {
            return false;
        };
        let (flow, bytes) = (acked.flow, acked.ack.clone());
        self.transmit(flow, bytes);
        true
    }

    /// Sends the ACK of a 2xx, and keeps it for the 2xx's repetitions.
    pub(crate) fn ack(&mut self, invite: ClientKey, to_tag: &str, flow: Flow, ack: &Message) {
        let ack = ack.wire().clone();
        self.transmit(flow, ack.clone());
        if let Some(client) = self.clients.get_mut(&invite) {
            client.acked.push(Acked { to_tag: to_tag.to_owned(), flow, ack });
        }
    }

    /// The next CSeq of ours in an early dialog that an INVITE has made: one more than the last, which
    /// each of them counts for itself (RFC 3261 section 12.2.1.1).
    pub(crate) fn next_early_number(&mut self, invite: ClientKey, to_tag: &str) -> Option<u32> {
        let client = self.clients.get_mut(&invite)?;
        let number = match client.numbers.iter_mut().find(|(tag, _)| tag == to_tag) {
            Some((_, number)) => number,
            None => {
                let first = client.request.cseq().ok()?.number;
                client.numbers.push((to_tag.to_owned(), first));
                client.numbers.last_mut().map(|(_, number)| number)?
            }
        };
        *number += 1;
        Some(*number)
    }

    /// The last CSeq of ours in the dialog that a response to an INVITE of ours makes.
    pub(crate) fn last_early_number(&self, invite: ClientKey, to_tag: &str) -> Option<u32> {
        let client = self.clients.get(&invite)?;
        let known = client.numbers.iter().find(|(tag, _)| tag == to_tag);
        known.map(|(_, number)| *number).or_else(|| Some(client.request.cseq().ok()?.number))
    }

    /// Opens a server transaction for a request that has none yet.
    pub(crate) fn serve(
        &mut self,
        now: Time,
        key: String,
        flow: Flow,
        request: &Message,
        leg: Option<LegId>,
    ) -> u64 {
        self.last_server += 1;
        let id = self.last_server;
        let state = match request.method() {
            Some(Method::Invite) => ServerState::Invite(server_invite::State::Proceeding),
            _ => ServerState::Request(server_request::State::new(now)),
        };
        let key: Arc<str> = key.into();
        self.server_keys.insert(key.clone(), id);
        let merged = if request.to_tag().is_none() { key::merged(request) } else { None };
        let merged = merged.map(Arc::<str>::from);
        let merged = merged.filter(|merged| self.merged_keys.insert(merged.clone()));
        let request = request.stamp_via(flow.remote);
        let flow = reply_flow(flow, &request);
        let tag = self.rng.next_u64();
        let (request, last, label) = (Some(request), None, None);
        let server = Server { state, flow, key, merged, request, last, tag, leg, label };
        self.deadlines.set(Key::Server(id), state.due());
        self.servers.insert(id, Box::new(server));
        id
    }

    pub(crate) fn server_by_key(&self, key: &str) -> Option<u64> {
        self.server_keys.get(key).copied()
    }

    /// Whether a transaction for the same request exists, which came another way.
    pub(crate) fn is_merged(&self, request: &Message) -> bool {
        request.to_tag().is_none()
            && key::merged(request).is_some_and(|key| self.merged_keys.contains(key.as_str()))
    }

    /// The skeleton of a response in a server transaction; `None` once it has its final one.
    pub(crate) fn response(&self, id: u64, status: u16) -> Option<Builder> {
        let server = self.servers.get(&id)?;
        let tag = token(server.tag);
        let mut builder = server.request.as_ref()?.respond(status, None, Some(&tag));
        if let Some(label) = server.label {
            builder.push(Name::SessionId, label);
        }
        Some(builder.header(Name::Server, &self.config.product))
    }

    /// Sends a response; gives it back if the transaction let it go.
    pub(crate) fn respond(&mut self, now: Time, id: u64, response: Builder) -> Option<Bytes> {
        let response = response.build();
        let class = Class::of(response.status().unwrap_or(500));
        self.server_step(now, id, ServerIn::Respond(class), Some(response.wire()))
    }

    /// Answers with a status and some header fields, and nothing else.
    pub(crate) fn reply(&mut self, now: Time, id: u64, status: u16, headers: &[(Name, &str)]) {
        let Some(mut response) = self.response(id, status) else { return };
        for (name, value) in headers {
            response.push(*name, *value);
        }
        self.respond(now, id, response);
    }

    /// OPTIONS: what we can do (RFC 3261 section 11.2).
    pub(crate) fn reply_options(&mut self, now: Time, server: u64) {
        let supported = supported(true);
        let headers =
            [(Name::Allow, ALLOW), (Name::Accept, ACCEPT), (Name::Supported, &*supported)];
        self.reply(now, server, 200, &headers);
    }

    /// Steps a server transaction; gives back what was sent of `response`.
    pub(crate) fn server_step(
        &mut self,
        now: Time,
        id: u64,
        input: ServerIn,
        response: Option<&Bytes>,
    ) -> Option<Bytes> {
        let server = self.servers.get_mut(&id)?;
        let flow = server.flow;
        let actions = server.state.step(now, flow.transport.is_reliable(), input);
        let state = server.state;
        let mut sent = None;
        for action in actions {
            let bytes = match action {
                Action::Resend => server.last.clone(),
                Action::SendTrying => {
                    let request = server.request.as_ref();
                    server.last =
                        request.map(|r| r.respond(100, None, None).build().wire().clone());
                    server.last.clone()
                }
                Action::Send => {
                    if input != ServerIn::Respond(Class::Provisional) {
                        server.request = None;
                    }
                    server.last = response.cloned();
                    sent = response.cloned();
                    response.cloned()
                }
                Action::Ack | Action::Pass | Action::TimedOut | Action::TransportFailed => None,
            };
            if let Some(bytes) = bytes {
                self.outputs.push_back(Output::Transmit { flow, bytes });
            }
        }
        if state.is_terminated() {
            self.drop_server(id);
        } else {
            self.deadlines.set(Key::Server(id), state.due());
        }
        sent
    }

    /// Responses go another way from now on, and the last one again.
    pub(crate) fn answer_by(&mut self, now: Time, id: u64, flow: Flow) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.flow = flow;
            self.server_step(now, id, ServerIn::Request, None);
        }
    }

    pub(crate) fn server_due(&mut self, now: Time, id: u64) {
        self.server_step(now, id, ServerIn::Due, None);
    }

    pub(crate) fn drop_server(&mut self, id: u64) {
        if let Some(server) = self.servers.remove(&id) {
            self.server_keys.remove(&server.key);
            if let Some(merged) = server.merged {
                self.merged_keys.remove(&merged);
            }
        }
        self.deadlines.set(Key::Server(id), None);
    }
}

/// Whether what was sent over `sent` is lost when `failed` failed.
fn is_same_way(sent: &Flow, failed: &Flow) -> bool {
    sent.transport == failed.transport
        && sent.remote == failed.remote
        && (sent.connection == failed.connection || failed.connection == 0 || sent.connection == 0)
}
