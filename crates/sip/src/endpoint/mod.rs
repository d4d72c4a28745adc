//! The endpoint: one machine out of transactions, dialogs, legs, the registrar and access control.

mod command;
mod flow;
mod qualify;
mod receive;
mod request;
mod response;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::deadlines::earlier;
use crate::ground::{Core, Key};
use crate::leg::Leg;
use crate::msg::{Message, Replaces, Uri, Uuid};
use crate::rng::{Rng, number};
use crate::transaction::key;
use crate::{Binding, Config, Flow, Input, LegId, Output, Time};

/// SIP for one node: feed it with [`Endpoint::handle`] and [`Endpoint::handle_timeout`], then drain
/// [`Endpoint::poll_output`] to `None`, then wait until [`Endpoint::poll_timeout`].
#[derive(Debug)]
pub struct Endpoint {
    core: Core,
    legs: BTreeMap<LegId, Box<Leg>>,
    /// Legs by the connection they live on.
    by_connection: BTreeSet<(u64, LegId)>,
    /// Legs by the registered contact they go by.
    by_binding: BTreeSet<(u64, LegId)>,
}

/// The version of [`Carried`] that this code writes and reads.
const VERSION: u32 = 6;

/// The whole state of an endpoint as plain data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Carried {
    version: u32,
    core: Core,
    legs: BTreeMap<LegId, Box<Leg>>,
}

/// A [`Carried`] that another version wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("carried state of version {0} cannot be resumed")]
pub struct WrongVersion(pub u32);

/// How much is alive: for metrics, and to see that nothing is left behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Client and server transactions.
    pub transactions: usize,
    /// Dialogs, early ones included.
    pub dialogs: usize,
    /// Legs.
    pub legs: usize,
    /// Registered contacts.
    pub bindings: usize,
    /// Deadlines of transactions and legs.
    pub timers: usize,
}

impl Endpoint {
    /// An endpoint without state. All its chance follows from `seed`, which must come from a
    /// cryptographic generator: tags and nonces do.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        Self {
            core: Core::new(config, Rng::new(seed)),
            legs: BTreeMap::new(),
            by_connection: BTreeSet::new(),
            by_binding: BTreeSet::new(),
        }
    }

    /// The state, to be given to [`Endpoint::resume`]. Outputs must have been drained before: they
    /// are not part of it.
    #[must_use]
    pub fn carry(&self) -> Carried {
        Carried { version: VERSION, core: self.core.clone(), legs: self.legs.clone() }
    }

    /// The endpoint that was carried.
    ///
    /// # Errors
    /// If another version of this code wrote it.
    pub fn resume(carried: Carried) -> Result<Self, WrongVersion> {
        let Carried { version, core, legs } = carried;
        if version != VERSION {
            return Err(WrongVersion(version));
        }
        let on = |place: fn(&Leg) -> Option<u64>| {
            legs.iter().filter_map(|(id, leg)| Some((place(leg)?, *id))).collect()
        };
        let (by_connection, by_binding) = (on(Leg::connection), on(Leg::binding));
        Ok(Self { core, legs, by_connection, by_binding })
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Message { flow, message } => self.receive(now, flow, &message),
            Input::Malformed { flow, malformed } => self.receive_malformed(now, flow, &malformed),
            Input::FlowFailed { flow } => self.flow_failed(now, flow),
            Input::Resolved { query, flows } => self.resolved(now, query, flows),
            Input::Configure(config) => self.configure(now, config),
            Input::Command(command) => self.command(now, command),
        }
    }

    /// Does all that is due by `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(key) = self.core.deadlines.pop(now) {
            match key {
                Key::Client(key) => self.client_due(now, key),
                Key::Server(id) => self.core.server_due(now, id),
                Key::Leg(leg) => self.with_leg(leg, |leg, core| leg.due(core, now)),
            }
        }
        let events = self.core.registrar.handle_timeout(now);
        self.core.events(events);
        self.qualify(now);
    }

    /// The next output, `None` once all are drained.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.core.outputs.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Time> {
        earlier(self.core.deadlines.next(), self.core.registrar.poll_timeout())
    }

    /// A number for a call to place; never given twice.
    pub fn next_leg(&mut self) -> LegId {
        self.core.next_leg()
    }

    /// The generator, lent to the owner for what it mints.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.core.rng
    }

    /// The registered contacts of a user, in the order of their first registration.
    #[must_use]
    pub fn bindings(&self, user: &str) -> &[Binding] {
        self.core.registrar.bindings(user)
    }

    /// The flow of a binding, so that an offer can name our address before the INVITE is sent.
    #[must_use]
    pub fn binding_flow(&self, user: &str, binding: u64) -> Option<Flow> {
        self.core.registrar.binding(user, binding).map(|binding| binding.flow)
    }

    /// The flow a leg's requests go by now; `None` for one that is not resolved or has none.
    #[must_use]
    pub fn leg_flow(&self, leg: LegId) -> Option<Flow> {
        self.legs.get(&leg)?.flow(&self.core)
    }

    /// Where a leg's peer reaches us.
    #[must_use]
    pub fn contact(&self, leg: LegId) -> Option<Uri> {
        let leg = self.legs.get(&leg)?;
        Some(leg.contact(&self.core, &leg.flow(&self.core)?))
    }

    /// Whether a leg's peer is behind a NAT, as its Contact shows.
    #[must_use]
    pub fn is_natted(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.is_natted())
    }

    /// Our half of a leg's Session-ID (RFC 7989).
    #[must_use]
    pub fn uuid(&self, leg: LegId) -> Option<Uuid> {
        self.legs.get(&leg).map(|leg| leg.uuid())
    }

    /// The leg whose dialog a Replaces of a peer's names (RFC 3891 section 3): our tag first, which
    /// nobody can guess. The peer of RFC 2543 that gave no tag is named by `0`.
    #[must_use]
    pub fn named_by(&self, replaces: &Replaces) -> Option<LegId> {
        let id = *self.core.tags.get(&number(&replaces.to_tag)?)?;
        let leg = self.legs.get(&id)?;
        let is_its = |tag: &str| leg.has_dialog(&replaces.call_id, tag);
        let tag = &*replaces.from_tag;
        (is_its(tag) || tag == "0" && is_its("")).then_some(id)
    }

    /// Whether a request belongs to a transaction that is under way or has ended lately: whether it
    /// is a retransmission (RFC 3261 section 17.2.3).
    #[must_use]
    pub fn knows(&self, request: &Message) -> bool {
        let key = request.method().and_then(|method| key::server(request, method));
        key.is_some_and(|key| self.core.server_by_key(&key).is_some())
    }

    /// How much is alive.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            transactions: self.core.clients.len() + self.core.servers.len(),
            dialogs: self.legs.values().map(|leg| leg.dialogs()).sum(),
            legs: self.legs.len(),
            bindings: self.core.registrar.len(),
            timers: self.core.deadlines.len(),
        }
    }

    /// Takes a new leg in.
    fn admit(&mut self, leg: Leg) {
        self.by_connection.extend(leg.connection().map(|connection| (connection, leg.id)));
        self.by_binding.extend(leg.binding().map(|binding| (binding, leg.id)));
        self.legs.insert(leg.id, Box::new(leg));
    }

    /// Lets a leg do something, then notes its deadline and connection, or that it is over.
    fn with_leg(&mut self, id: LegId, act: impl FnOnce(&mut Leg, &mut Core)) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let before = (leg.connection(), leg.binding());
        act(leg, &mut self.core);
        let lives = !leg.is_over();
        moves(&mut self.by_connection, id, before.0, leg.connection().filter(|_| lives));
        moves(&mut self.by_binding, id, before.1, leg.binding().filter(|_| lives));
        if leg.is_over() {
            leg.forget(&mut self.core);
            self.legs.remove(&id);
        } else {
            let due = leg.next_due();
            self.core.deadlines.set(Key::Leg(id), due);
        }
    }

    fn configure(&mut self, now: Time, config: Config) {
        let events = self.core.registrar.configure(now, &config);
        self.core.config = config;
        self.core.events(events);
    }
}

/// Notes where a leg is now in an index of where legs are.
fn moves(index: &mut BTreeSet<(u64, LegId)>, leg: LegId, from: Option<u64>, to: Option<u64>) {
    if from != to {
        if let Some(from) = from {
            index.remove(&(from, leg));
        }
        index.extend(to.map(|to| (to, leg)));
    }
}
