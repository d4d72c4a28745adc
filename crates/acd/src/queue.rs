//! A queue's record and its indexes.
use crate::RING_ALL_MAX;
use crate::config::{QueueConfig, Strategy};
use crate::ids::{Channel, OperatorId, TaskId, Time};
use crate::line::{Key, Line};
use crate::merit::Rank;
use crate::task::Waiting;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

/// How many filters an operator can fail whatever the task is: the first of `Filter`.
pub(crate) const STANDINGS: usize = 8;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub(crate) config: QueueConfig,
    pub(crate) draining: bool,
    /// Round-robin's memory: whom the last reservation went to.
    pub(crate) cursor: Option<Rank>,
    /// Of the last assignments made while a callback waited, the newest last: whether it was one.
    pub(crate) shared: VecDeque<bool>,
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
    /// Of these, callbacks that may be given to somebody.
    pub(crate) callbacks: BTreeSet<Key>,
    pub(crate) members: BTreeSet<OperatorId>,
    /// Members who count as signed in.
    pub(crate) present: u32,
    lanes: [Lane; 2],
}

/// What meets what, on one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lane {
    /// By ring of the demand.
    pub(crate) rings: Vec<Meeting>,
    /// Operators who can take a task, whatever they can do.
    pub(crate) free: u32,
    /// How many of the others each filter excludes.
    pub(crate) tally: [u32; STANDINGS],
}

/// What meets what in one ring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meeting {
    /// Tasks that anybody may have who meets the demand.
    pub(crate) open: BTreeSet<Key>,
    /// Operators who meet it and can take one, in the order of the strategy.
    pub(crate) free: BTreeSet<Rank>,
}

impl Lane {
    pub(crate) fn ring(&self, ring: usize) -> &Meeting {
        static EMPTY: Meeting = Meeting { open: BTreeSet::new(), free: BTreeSet::new() };
        self.rings.get(ring).unwrap_or(&EMPTY)
    }

    pub(crate) fn ring_mut(&mut self, ring: usize) -> &mut Meeting {
        if self.rings.len() <= ring {
            self.rings.resize_with(ring + 1, Meeting::default);
        }
        &mut self.rings[ring]
    }
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
            shared: VecDeque::new(),
            told: None,
            tell_at: None,
            index: Index::default(),
        }
    }

    /// Free operators who meet the demand of a ring, the best first.
    pub(crate) fn best_first(
        &self,
        channel: Channel,
        ring: usize,
    ) -> impl Iterator<Item = &Rank> + Clone {
        let free = &self.index.lane(channel).ring(ring).free;
        let (from, to) = match self.remembered() {
            Some(cursor) => (Bound::Excluded(cursor), Bound::Included(cursor)),
            None => (Bound::Unbounded, Bound::Excluded(((0, 0), OperatorId(0)))),
        };
        free.range((from, Bound::Unbounded)).chain(free.range((Bound::Unbounded, to)))
    }

    /// The same order as a number to compare.
    pub(crate) fn preference(&self, rank: Rank) -> (bool, Rank) {
        (self.remembered().is_some_and(|cursor| rank <= cursor), rank)
    }

    fn remembered(&self) -> Option<Rank> {
        self.cursor.filter(|_| self.config.strategy == Strategy::RoundRobin)
    }

    /// Whether a task that `claims` operators are rung for may ring another one.
    pub(crate) const fn rings_more(&self, waiting: &Waiting) -> bool {
        waiting.wanted.is_none()
            && !waiting.by_hand
            && waiting.reservations.len() < RING_ALL_MAX
            && match self.config.strategy {
                Strategy::RingAll => true,
                Strategy::Progressive => waiting.step_at.is_none(),
                _ => false,
            }
    }
}
