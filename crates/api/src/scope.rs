//! Which calls somebody sees: an admin all, a supervisor those of the queues given to them, an operator
//! those they are in and those that wait in their queues, with nobody in them yet.
//!
//! A call that was in no queue belongs to the queues of the operators in it. One of which neither is
//! known yet is seen by every supervisor, since it may become theirs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use b2bua::config::Name;
use b2bua::{CallKey, Event, LegQuality, ParticipantId, What};
use serde_json::Value;

use crate::auth::Caller;
use crate::events::Keys;
use crate::model::{Call, Model, Reservation, Task};

/// What a caller of the API may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All there is.
    All,
    /// What belongs to these queues; who they are, as an operator.
    Supervisor(Name, Vec<Name>),
    /// What is theirs, and what waits in these queues.
    Operator(Name, Vec<Name>),
}

impl Scope {
    /// Whether a call that lives is seen.
    pub(crate) fn sees(&self, model: &Model, call: &Call) -> bool {
        match self {
            Self::All => true,
            Self::Supervisor(own, queues) => {
                let of = belongs_to(model, call);
                call.has(own) || of.is_empty() || of.iter().any(|queue| queues.contains(queue))
            }
            Self::Operator(own, queues) => {
                let waits = call.operators().is_empty();
                let is_near = call.queue().is_some_and(|queue| queues.contains(queue));
                call.has(own) || waits && is_near
            }
        }
    }

    /// Whether a task is seen: one of their queues, or theirs.
    pub(crate) fn sees_task(&self, task: &Task) -> bool {
        match self {
            Self::All => true,
            Self::Supervisor(own, queues) | Self::Operator(own, queues) => {
                task.operator.as_ref() == Some(own) || queues.contains(&task.queue)
            }
        }
    }

    /// Whether a reservation is seen: theirs, or of a queue that they run.
    pub(crate) fn sees_reservation(&self, reservation: &Reservation) -> bool {
        match self {
            Self::All => true,
            Self::Supervisor(own, queues) => {
                reservation.operator == *own || queues.contains(&reservation.queue)
            }
            Self::Operator(own, _) => reservation.operator == *own,
        }
    }

    /// Whether the record of a call is seen, by its JSON.
    pub(crate) fn sees_record(&self, model: &Model, record: &Value) -> bool {
        let Self::Supervisor(own, queues) = self else { return *self == Self::All };
        let all = |list: &str, key: &str| -> Vec<Name> {
            let items = record[list].as_array().map_or(&[][..], Vec::as_slice);
            items.iter().filter_map(|item| item[key].as_str()).map(Name::from).collect()
        };
        let (mut of, operators) = (all("tasks", "queue"), all("participants", "operator"));
        if of.is_empty() {
            of = operators.iter().flat_map(|operator| serves(model, operator)).collect();
        }
        operators.contains(own) || of.is_empty() || of.iter().any(|queue| queues.contains(queue))
    }
}

/// The queues that a call belongs to.
fn belongs_to(model: &Model, call: &Call) -> Vec<Name> {
    match call.queue() {
        Some(queue) => vec![queue.clone()],
        None => call.operators().iter().flat_map(|operator| serves(model, operator)).collect(),
    }
}

fn serves(model: &Model, operator: &Name) -> Vec<Name> {
    let operator = model.operators.get(operator);
    operator.map(|operator| operator.queues().0).unwrap_or_default()
}

impl Caller {
    /// What they see.
    pub(crate) fn scope(&self, model: &Model) -> Scope {
        match self.asker(model) {
            b2bua::Asker::Admin => Scope::All,
            b2bua::Asker::Supervisor { queues } => Scope::Supervisor(self.name().clone(), queues),
            b2bua::Asker::Operator(name) => {
                let queues = serves(model, &name);
                Scope::Operator(name, queues)
            }
        }
    }
}

/// Whose a call was when something happened in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    queue: Option<Name>,
    operators: Vec<(ParticipantId, Name)>,
}

/// Calls whose end was a moment ago, and of whose legs something may still be told.
const ENDED_MAX: usize = 1_024;

/// Whose the calls are that live, by their events.
#[derive(Debug, Default)]
pub(crate) struct Audiences {
    living: BTreeMap<CallKey, Arc<Audience>>,
    ended: VecDeque<(CallKey, Arc<Audience>)>,
}

impl Audiences {
    /// Takes an event in; whose it is, if it is of a call or a task.
    pub(crate) fn of(&mut self, event: &Event) -> Option<Arc<Audience>> {
        let Some(call) = event.call else {
            // A task without a call is of those who serve its queue, or run it.
            let queue = event.task.and(event.what.queue()).cloned();
            return queue
                .map(|queue| Arc::new(Audience { queue: Some(queue), ..Audience::default() }));
        };
        match &event.what {
            What::CallEnded { .. } => return Some(self.ended(call)),
            What::LegQuality(quality) => return Some(self.of_leg(call, quality)),
            _ => {}
        }
        let audience = self.living.entry(call).or_default();
        match &event.what {
            What::TaskQueued { queue, .. } if audience.queue.as_ref() != Some(queue) => {
                Arc::make_mut(audience).queue = Some(queue.clone());
            }
            What::LegRinging { participant, operator: Some(operator), .. }
            | What::LegAnswered { participant, operator: Some(operator), .. }
            | What::ParticipantJoined { participant, operator: Some(operator), .. }
                if !audience.operators.iter().any(|(known, _)| known == participant) =>
            {
                Arc::make_mut(audience).operators.push((*participant, operator.clone()));
            }
            What::ParticipantLeft { participant }
            | What::LegFailed { participant, .. }
            | What::LegEnded { participant, .. } => {
                // They are told that they have left.
                let before = Arc::clone(audience);
                if before.operators.iter().any(|(known, _)| known == participant) {
                    let rest = Arc::make_mut(audience);
                    rest.operators.retain(|(known, _)| known != participant);
                }
                return Some(before);
            }
            _ => {}
        }
        Some(Arc::clone(audience))
    }

    fn ended(&mut self, call: CallKey) -> Arc<Audience> {
        let audience = self.living.remove(&call).unwrap_or_default();
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back((call, Arc::clone(&audience)));
        audience
    }

    /// How a leg was comes after its end, and that may have been the call's.
    fn of_leg(&self, call: CallKey, quality: &LegQuality) -> Arc<Audience> {
        let ended = || self.ended.iter().rev().find(|(key, _)| *key == call);
        let of_call = self.living.get(&call).or_else(|| ended().map(|(_, audience)| audience));
        let mut audience = of_call.cloned().unwrap_or_default();
        if let Some(operator) = &quality.operator
            && !audience.operators.iter().any(|(_, known)| known == operator)
        {
            Arc::make_mut(&mut audience).operators.push((quality.participant, operator.clone()));
        }
        audience
    }
}

impl Scope {
    /// Whether somebody is told of what happened in a call. Keys pressed may be a card's number: they
    /// are for those in the call, and for supervisors.
    pub(crate) fn is_told(&self, model: &Model, of: &Audience, is_key: bool) -> bool {
        let has = |own: &Name| of.operators.iter().any(|(_, operator)| operator == own);
        match self {
            Self::All => true,
            Self::Supervisor(own, queues) => {
                let theirs: Vec<Name> = match &of.queue {
                    Some(queue) => vec![queue.clone()],
                    None => of.operators.iter().flat_map(|(_, who)| serves(model, who)).collect(),
                };
                let is_open = theirs.is_empty();
                has(own) || is_open || theirs.iter().any(|queue| queues.contains(queue))
            }
            Self::Operator(own, queues) => {
                let is_near = of.queue.as_ref().is_some_and(|queue| queues.contains(queue));
                has(own) || is_near && of.operators.is_empty() && !is_key
            }
        }
    }

    /// Whether an event that is read back later is for them: what it says itself is all there is.
    pub(crate) fn is_told_later(&self, keys: &Keys) -> bool {
        match self {
            Self::All => true,
            Self::Supervisor(own, queues) => {
                let names = |name: &str, all: &[Name]| all.iter().any(|known| **known == *name);
                !(keys.is_of_call() || keys.is_of_task())
                    || keys.queue().is_some_and(|queue| names(queue, queues))
                    || keys.operator().is_some_and(|operator| *operator == **own)
            }
            Self::Operator(..) => false,
        }
    }
}
