//! Operators: what they chose, what holds, and their day.

use std::collections::{BTreeMap, BTreeSet};

use b2bua::config::Name;
use b2bua::event::{Chosen, ChosenState, Effective, EffectiveState, Membership};
use b2bua::{CallKey, Event, Utc, What};
use serde_json::{Value, json};

use super::{Model, seconds};
use crate::settings::OperatorEntry;

/// One operator.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) entry: OperatorEntry,
    chosen: ChosenState,
    pub(crate) effective: EffectiveState,
    contacts: BTreeSet<Name>,
    calls: BTreeSet<CallKey>,
    /// What orders have made of the queues they serve.
    memberships: BTreeMap<Name, Membership>,
    stats: Stats,
}

/// Since midnight UTC.
#[derive(Debug, Clone, Copy, Default)]
struct Stats {
    /// Since 1970.
    day: i64,
    answered: u64,
    missed: u64,
    talk_ms: u64,
    wrap_up_ms: u64,
}

impl Model {
    /// The part of an event that concerns an operator.
    pub(super) fn observe_operator(&self, event: &Event) {
        match &event.what {
            What::OperatorState { operator, chosen, effective } => self.change(operator, |one| {
                (one.chosen, one.effective) = (chosen.clone(), effective.clone());
            }),
            What::OperatorQueue { operator, queue, state } => self.change(operator, |one| {
                one.memberships.insert(queue.clone(), *state);
            }),
            What::RegistrationAdded { operator, contact } => self.change(operator, |one| {
                one.contacts.insert(contact.clone());
            }),
            What::RegistrationRemoved { operator, contact, .. } => self.change(operator, |one| {
                one.contacts.remove(contact);
            }),
            What::LegRinging { operator: Some(operator), .. }
            | What::LegAnswered { operator: Some(operator), .. }
            | What::ParticipantJoined { operator: Some(operator), .. } => {
                self.change(operator, |one| one.calls.extend(event.call));
            }
            What::LegFailed { operator: Some(operator), .. }
            | What::LegEnded { operator: Some(operator), .. } => self.recount(operator, event.call),
            What::TaskAssigned { operator, .. } => {
                self.change(operator, |one| one.today(event.at).answered += 1);
            }
            What::ReservationTimeout { operator, .. } => {
                self.change(operator, |one| one.today(event.at).missed += 1);
            }
            What::TaskCompleted { operator, talk_ms, wrap_up_ms, .. } => {
                self.change(operator, |one| {
                    let stats = one.today(event.at);
                    stats.talk_ms += talk_ms;
                    stats.wrap_up_ms += wrap_up_ms;
                });
            }
            _ => {}
        }
    }

    fn change(&self, operator: &Name, with: impl FnOnce(&mut Operator)) {
        if let Some(mut operator) = self.operators.get_mut(operator) {
            with(&mut operator);
        }
    }

    /// Several of an operator's phones may ring: the call is theirs while one leg is left.
    pub(super) fn recount(&self, operator: &Name, call: Option<CallKey>) {
        let Some(key) = call else { return };
        let stays = self.calls.get(&key).is_some_and(|call| call.has(operator));
        if !stays {
            self.change(operator, |one| {
                one.calls.remove(&key);
            });
        }
    }
}

impl Operator {
    /// One of whom nothing is known yet.
    pub(crate) fn new(entry: &OperatorEntry, now: Utc) -> Self {
        Self {
            entry: entry.clone(),
            chosen: ChosenState {
                state: Chosen::Offline,
                reason: None,
                cause: "configured".into(),
            },
            effective: EffectiveState {
                state: Effective::Offline,
                cause: "chosen".into(),
                since: now,
            },
            contacts: BTreeSet::new(),
            calls: BTreeSet::new(),
            memberships: BTreeMap::new(),
            stats: Stats::default(),
        }
    }

    /// The queues they are shown with, and of these those in which they pause.
    pub(crate) fn queues(&self) -> (Vec<Name>, Vec<Name>) {
        let mut all = self.entry.queues.clone();
        for (queue, membership) in &self.memberships {
            match membership {
                Membership::Joined | Membership::Paused if !all.contains(queue) => {
                    all.push(queue.clone());
                }
                Membership::Left => all.retain(|known| known != queue),
                Membership::Joined | Membership::Paused => {}
            }
        }
        let pauses = |queue: &&Name| self.memberships.get(*queue) == Some(&Membership::Paused);
        let paused = all.iter().filter(pauses).cloned().collect();
        (all, paused)
    }

    /// The queues that they serve.
    pub(crate) fn serves(&self) -> Vec<Name> {
        let (mut all, paused) = self.queues();
        all.retain(|queue| !paused.contains(queue));
        all
    }

    fn today(&mut self, at: Utc) -> &mut Stats {
        let day = day(at);
        if self.stats.day != day {
            self.stats = Stats { day, ..Stats::default() };
        }
        &mut self.stats
    }

    /// As JSON; `calls` are those of theirs that may be shown.
    pub(crate) fn view(&self, now: Utc, shown: impl Fn(&CallKey) -> bool) -> Value {
        let stats = if self.stats.day == day(now) { self.stats } else { Stats::default() };
        let (queues, paused) = self.queues();
        json!({
            "id": self.entry.id,
            "name": self.entry.name,
            "number": self.entry.number,
            "queues": queues,
            "paused": paused,
            "chosen": { "state": self.chosen.state, "reason": self.chosen.reason, "cause": self.chosen.cause },
            "effective": self.effective,
            "registered": !self.contacts.is_empty(),
            "contacts": self.contacts,
            "calls": self.calls.iter().filter(|key| shown(key)).collect::<Vec<_>>(),
            "dialogs": [],
            "stats": {
                "answered": stats.answered,
                "missed": stats.missed,
                "talk_s": seconds(stats.talk_ms),
                "wrap_up_s": seconds(stats.wrap_up_ms),
            },
        })
    }
}

fn day(at: Utc) -> i64 {
    at.as_second().div_euclid(86_400)
}
