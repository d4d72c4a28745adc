//! The registrar (RFC 3261 section 10, RFC 3327 Path, RFC 5626 instances): who is reachable where.
//!
//! A binding keeps the flow of the last REGISTER that named it. Requests to a user always go there
//! and never where the Contact points, so NAT, `.invalid` contacts of browsers and contacts that
//! name somebody else's host do no harm: the Contact is only the Request-URI.
//!
//! Choices where the RFCs leave one:
//! - A REGISTER is applied whole or not at all; its answer lists every contact left.
//! - More contacts than the limit: 403, nothing changes. (Dropping the oldest instead would let
//!   whoever knows one password unseat that operator's desk without a trace.)
//! - A contact without an expiry of its own or of the message gets an hour, within our limits.
//! - `+sip.instance` without `reg-id` counts as `reg-id=0`, so that a phone that comes back from
//!   another port replaces itself instead of ringing twice.
//! - A contact that does not answer stays bound, for its REGISTERs and requests, but is told as gone
//!   (`qualify`).
//! - CSeq must rise within a Call-ID for each contact; equal is refused like lower (500).

mod contact;
#[cfg(test)]
mod model;
mod qualify;
mod register;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::qualify::Check;
use crate::deadlines::earlier;
use crate::{Binding, Config, Event, Flow, Headers, Time, UnbindCause};

/// All bindings of all users, with indexes by flow and by expiry.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Registrar {
    /// Only users with a binding.
    records: BTreeMap<Arc<str>, Record>,
    /// Hundreds of users may share one UDP address.
    by_flow: BTreeMap<Flow, BTreeSet<Arc<str>>>,
    by_expiry: BTreeSet<(Time, Arc<str>, u64)>,
    /// When who is to be asked whether they are there.
    by_check: BTreeSet<(Time, Arc<str>, u64)>,
    /// How many do not answer.
    lost: usize,
    /// The number of the last binding made.
    last_id: u64,
}

/// What must be stored of a [`Registrar`]: the indexes follow from it.
#[derive(Serialize, Deserialize)]
struct Saved {
    records: Vec<(Arc<str>, Record)>,
    last_id: u64,
}

/// The bindings of one address of record, in the order of their first registration.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Record {
    bindings: Vec<Binding>,
    /// As many as there are bindings.
    marks: Vec<Mark>,
}

/// What the registrar alone needs to know of a binding.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    /// Of the last REGISTER that named it.
    call_id: Arc<str>,
    /// Of the last REGISTER that named it.
    cseq: u32,
    /// The preference in thousandths, where one was given.
    q: Option<u16>,
    /// Whether the instance came with a `reg-id`, so that the answer repeats it.
    reg_id: bool,
    /// Path values (RFC 3327), first the one next to us.
    path: Vec<Arc<str>>,
    check: Check,
}

/// The answer to a REGISTER.
#[derive(Debug)]
pub(crate) struct Registered {
    /// 200, 400, 403, 423 or 500.
    pub(crate) status: u16,
    /// Contact, Path, Min-Expires.
    pub(crate) headers: Headers,
    /// What changed, or who was refused.
    pub(crate) events: Vec<Event>,
}

impl Registrar {
    /// The bindings of a user, in the order of their first registration; none for a stranger.
    pub(crate) fn bindings(&self, user: &str) -> &[Binding] {
        self.records.get(user).map_or(&[], |record| &record.bindings)
    }

    /// One binding of a user.
    pub(crate) fn binding(&self, user: &str, id: u64) -> Option<&Binding> {
        self.bindings(user).iter().find(|binding| binding.id == id)
    }

    /// The Path of a binding (RFC 3327 5.2): Route values of a request to it, in their order.
    pub(crate) fn path(&self, user: &str, id: u64) -> &[Arc<str>] {
        let Some(record) = self.records.get(user) else { return &[] };
        let at = record.bindings.iter().position(|binding| binding.id == id);
        at.and_then(|at| record.marks.get(at)).map_or(&[], |mark| &mark.path)
    }

    /// The users with a binding on exactly this flow, in order.
    pub(crate) fn users_on(&self, flow: &Flow) -> impl Iterator<Item = &str> {
        self.by_flow.get(flow).into_iter().flatten().map(|user| &**user)
    }

    /// Whether a user has a binding on exactly this flow.
    pub(crate) fn is_on(&self, flow: &Flow, user: &str) -> bool {
        self.by_flow.get(flow).is_some_and(|users| users.contains(user))
    }

    /// How many bindings there are.
    pub(crate) fn len(&self) -> usize {
        self.by_expiry.len()
    }

    /// A connection closed: its bindings are gone. Datagrams have no connection to lose (an ICMP
    /// error may be forged, and NAT devices reboot), so theirs stay until they run out.
    pub(crate) fn flow_failed(&mut self, flow: &Flow) -> Vec<Event> {
        let mut events = Vec::new();
        if flow.transport.is_reliable() {
            let users: Vec<_> = self.by_flow.get(flow).into_iter().flatten().cloned().collect();
            for user in users {
                self.retain(&user, UnbindCause::FlowGone, &mut events, |b| b.flow != *flow);
            }
        }
        events
    }

    /// Drops all bindings of a user.
    pub(crate) fn unregister(&mut self, user: &str) -> Vec<Event> {
        let mut events = Vec::new();
        self.retain(user, UnbindCause::Revoked, &mut events, |_| false);
        events
    }

    /// Users who are no longer configured lose their bindings.
    pub(crate) fn configure(&mut self, now: Time, config: &Config) -> Vec<Event> {
        let known: BTreeSet<&str> = config.users.iter().map(|user| &*user.username).collect();
        let gone = self.records.keys().filter(|user| !known.contains(&***user));
        let gone: Vec<_> = gone.cloned().collect();
        let mut events: Vec<_> = gone.iter().flat_map(|user| self.unregister(user)).collect();
        events.extend(self.watch(now, &config.watch));
        events
    }

    /// When the next binding runs out, or is to be asked.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        let first = |index: &BTreeSet<(Time, _, _)>| index.first().map(|(at, ..)| *at);
        earlier(first(&self.by_expiry), first(&self.by_check))
    }

    /// Drops what has run out by `now`.
    pub(crate) fn handle_timeout(&mut self, now: Time) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some((at, user, _)) = self.by_expiry.first() {
            if *at > now {
                break;
            }
            let user = user.clone();
            self.retain(&user, UnbindCause::Expired, &mut events, |b| b.expires > now);
        }
        events
    }

    /// Keeps only those bindings of `user` that `keep` wants.
    fn retain(
        &mut self,
        user: &str,
        cause: UnbindCause,
        events: &mut Vec<Event>,
        keep: impl Fn(&Binding) -> bool,
    ) {
        let Some((user, record)) = self.records.get_key_value(user) else { return };
        let user = user.clone();
        let (kept, gone): (Vec<_>, Vec<_>) =
            record.entries().into_iter().partition(|(binding, _)| keep(binding));
        // Those that do not answer have been told as gone before.
        let there = |entries: &[(Binding, Mark)]| entries.iter().filter(|(b, _)| !b.lost).count();
        let mut left = there(&kept) + there(&gone);
        for (binding, _) in gone.iter().filter(|(binding, _)| !binding.lost) {
            left -= 1;
            let (user, contact) = (user.clone(), binding.contact.clone());
            events.push(Event::Unbound { user, binding: binding.id, contact, cause, left });
        }
        self.put(user, kept);
    }

    /// Replaces the bindings of `user`, and keeps the indexes in step. The only way to change them.
    fn put(&mut self, user: Arc<str>, entries: Vec<(Binding, Mark)>) {
        let before = self.records.remove(&user).unwrap_or_default();
        for (binding, mark) in before.bindings.into_iter().zip(before.marks) {
            self.lost -= usize::from(binding.lost);
            if let Some(due) = mark.check.due {
                self.by_check.remove(&(due, user.clone(), binding.id));
            }
            self.by_expiry.remove(&(binding.expires, user.clone(), binding.id));
            if let Some(users) = self.by_flow.get_mut(&binding.flow) {
                users.remove(&user);
                if users.is_empty() {
                    self.by_flow.remove(&binding.flow);
                }
            }
        }
        for (binding, mark) in &entries {
            self.lost += usize::from(binding.lost);
            self.by_check.extend(mark.check.due.map(|due| (due, user.clone(), binding.id)));
            self.by_expiry.insert((binding.expires, user.clone(), binding.id));
            self.by_flow.entry(binding.flow).or_default().insert(user.clone());
        }
        if !entries.is_empty() {
            let (bindings, marks) = entries.into_iter().unzip();
            self.records.insert(user, Record { bindings, marks });
        }
    }
}

impl Record {
    fn entries(&self) -> Vec<(Binding, Mark)> {
        self.bindings.iter().cloned().zip(self.marks.iter().cloned()).collect()
    }
}

impl From<Saved> for Registrar {
    fn from(saved: Saved) -> Self {
        let mut registrar = Self { last_id: saved.last_id, ..Self::default() };
        for (user, record) in saved.records {
            registrar.put(user, record.entries());
        }
        registrar
    }
}

impl From<Registrar> for Saved {
    fn from(registrar: Registrar) -> Self {
        Self { records: registrar.records.into_iter().collect(), last_id: registrar.last_id }
    }
}
