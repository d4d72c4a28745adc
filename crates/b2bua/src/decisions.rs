//! The last decisions of the distributor, so that a person can ask why.

use std::collections::{BTreeMap, VecDeque};

use acd::{DecisionRecord, TaskId};
use serde::{Deserialize, Serialize};

/// Decisions kept per task, the newest; the first is kept as well.
const PER_TASK: usize = 32;
/// Tasks whose decisions are kept, those decided on last.
const TASKS: usize = 1_000;

/// A bounded memory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Decisions {
    by_task: BTreeMap<TaskId, Vec<DecisionRecord>>,
    order: VecDeque<TaskId>,
}

impl Decisions {
    pub(crate) fn keep(&mut self, record: DecisionRecord) {
        let task = record.task;
        let list = self.by_task.entry(task).or_default();
        if list.is_empty() {
            self.order.push_back(task);
        }
        if list.len() == PER_TASK {
            list.remove(1);
        }
        list.push(record);
        if self.order.len() > TASKS {
            self.order.pop_front().and_then(|oldest| self.by_task.remove(&oldest));
        }
    }

    pub(crate) fn of(&self, task: TaskId) -> &[DecisionRecord] {
        self.by_task.get(&task).map_or(&[], Vec::as_slice)
    }

    /// Decisions in which an operator was considered, oldest first, at most `count`.
    pub(crate) fn about(&self, operator: acd::OperatorId, count: usize) -> Vec<&DecisionRecord> {
        let mut found: Vec<_> = self
            .by_task
            .values()
            .flatten()
            .filter(|record| record.considered.iter().any(|(who, _)| *who == operator))
            .collect();
        found.sort_by_key(|record| record.at);
        found.split_off(found.len().saturating_sub(count))
    }
}
