//! Queues are joined, paused and left one by one, by order, which holds until another one, whatever the
//! configuration says by then.
//!
//! | | serves the queue | is shown with it |
//! | --- | --- | --- |
//! | joined | yes | yes |
//! | paused | no | yes |
//! | left | no | no |
//!
//! What has been offered or is served goes on. Without an order an operator has joined the queues of the
//! configuration, and has left the others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::api::{Problem, Reply, Time};
use crate::config::Name;
use crate::directory::Directory;
use crate::event::{Membership, What};
use crate::switch::B2bua;

/// What orders have said, by operator and queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memberships(BTreeMap<Name, BTreeMap<Name, Membership>>);

impl Memberships {
    /// The distributor's configuration with what has been ordered.
    pub(super) fn over(&self, mut config: acd::Config, directory: &Directory) -> acd::Config {
        for (id, operator) in &mut config.operators {
            let Some(ordered) = self.0.get(&directory.operator_name(*id)) else { continue };
            for (queue, membership) in ordered {
                let Some(queue) = directory.queue_id(queue) else { continue };
                let serves = operator.queues.iter().position(|known| *known == queue);
                match (membership, serves) {
                    (Membership::Joined, None) => operator.queues.push(queue),
                    (Membership::Paused | Membership::Left, Some(at)) => {
                        operator.queues.remove(at);
                    }
                    _ => {}
                }
            }
        }
        config
    }
}

impl B2bua {
    /// An operator joins, pauses or leaves queues: all of those named, or none.
    pub(super) fn change_queues(
        &mut self,
        now: Time,
        operator: &Name,
        queues: BTreeMap<Name, Membership>,
    ) -> Result<Reply, Problem> {
        self.known(operator)?;
        if let Some(unknown) = queues.keys().find(|queue| self.directory.queue_id(queue).is_none())
        {
            return Err(Problem::Field {
                field: "queues",
                what: format!("no such queue: {unknown}"),
            });
        }
        let directory = &self.directory;
        let memberships = &mut self.state.memberships.0;
        // Of those who are gone nothing need be known.
        memberships.retain(|known, _| directory.operator_id(known).is_some());
        let ordered = memberships.entry(operator.clone()).or_default();
        ordered.retain(|queue, _| directory.queue_id(queue).is_some());
        let configured = directory.operator(operator).map(|one| one.queues.clone());
        let configured = configured.unwrap_or_default();
        let mut changed = Vec::new();
        for (queue, membership) in queues {
            let usual =
                if configured.contains(&queue) { Membership::Joined } else { Membership::Left };
            let before = ordered.insert(queue.clone(), membership).unwrap_or(usual);
            if before != membership {
                changed.push((queue, membership));
            }
        }
        if changed.is_empty() {
            return Ok(Reply::Done);
        }
        self.distribute_anew(now);
        for (queue, state) in changed {
            let operator = operator.clone();
            self.emit(now, None, None, What::OperatorQueue { operator, queue, state });
        }
        Ok(Reply::Done)
    }
}
