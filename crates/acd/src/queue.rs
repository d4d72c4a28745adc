//! A queue's record and its indexes.
use crate::config::{QueueConfig, Strategy};
use crate::ids::{Channel, OperatorId, TaskId, Time};
use crate::line::{Key, Line};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::ops::Bound;

/// How many filters an operator can fail whatever the task is: the first of `Filter`.
pub(crate) const STANDINGS: usize = 8;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) config: QueueConfig,
    pub(crate) draining: bool,
    /// Round-robin's memory: whom the last reservation went to.
    pub(crate) cursor: Option<(u64, OperatorId)>,
    /// When positions were told last.
    pub(crate) told: Option<Time>,
    /// When they will be told next, if anything moved since.
    pub(crate) tell_at: Option<Time>,
    #[serde(skip)]
    pub(crate) index: Index,
}

/// All of this follows from the records of tasks and operators.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    /// Tasks of the queue, wherever they are.
    pub(crate) tasks: u32,
    /// Tasks in the queue, those being rung for included.
    pub(crate) line: Line,
    /// Of these, the ones to be told that nobody is signed in, should that happen.
    pub(crate) unwarned: BTreeSet<TaskId>,
    /// Of these, the ones to be told that nobody is free, once somebody is signed in.
    pub(crate) unsought: BTreeSet<Key>,
    pub(crate) members: BTreeSet<OperatorId>,
    /// Members who count as signed in.
    pub(crate) present: u32,
    lanes: [Lane; 2],
}

/// What meets what, on one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    /// Tasks that anybody may have.
    pub(crate) open: BTreeSet<Key>,
    /// Operators who can take one, in the order of the strategy.
    pub(crate) free: BTreeSet<(u64, OperatorId)>,
    /// How many of the others each filter excludes.
    pub(crate) tally: [u32; STANDINGS],
}

impl Index {
    pub(crate) const fn lane(&self, channel: Channel) -> &Lane {
        &self.lanes[channel as usize]
    }

    pub(crate) const fn lane_mut(&mut self, channel: Channel) -> &mut Lane {
        &mut self.lanes[channel as usize]
    }
}

impl Queue {
    pub(crate) fn new(config: QueueConfig) -> Self {
        Self {
            config,
            draining: false,
            cursor: None,
            told: None,
            tell_at: None,
            index: Index::default(),
        }
    }

    /// What orders a free operator.
    pub(crate) const fn order(&self, idle_since: u64, place: u64) -> u64 {
        match self.config.strategy {
            Strategy::LongestIdle | Strategy::RingAll => idle_since,
            Strategy::InOrder | Strategy::RoundRobin => place,
        }
    }

    /// Free operators, the best first.
    pub(crate) fn best_first(
        &self,
        channel: Channel,
    ) -> impl Iterator<Item = &(u64, OperatorId)> + Clone {
        let free = &self.index.lane(channel).free;
        let (from, to) = match self.remembered() {
            Some(cursor) => (Bound::Excluded(cursor), Bound::Included(cursor)),
            None => (Bound::Unbounded, Bound::Excluded((0, OperatorId(0)))),
        };
        free.range((from, Bound::Unbounded)).chain(free.range((Bound::Unbounded, to)))
    }

    /// The same order as a number to compare.
    pub(crate) fn preference(&self, key: (u64, OperatorId)) -> (bool, (u64, OperatorId)) {
        (self.remembered().is_some_and(|cursor| key <= cursor), key)
    }

    fn remembered(&self) -> Option<(u64, OperatorId)> {
        self.cursor.filter(|_| self.config.strategy == Strategy::RoundRobin)
    }
}
