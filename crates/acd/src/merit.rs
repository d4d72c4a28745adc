//! What strategies compare. Most of it changes only when something happens to the operator, so that
//! the free ones of a queue are kept in order. What changes as time goes by, or is chance, is worked
//! out among those who are free when a task is given away.
use crate::config::Strategy;
use crate::ids::{OperatorId, Time};
use crate::machine::Acd;
use crate::operator::Operator;
use crate::queue::Queue;
use crate::task::{Task, nanos};

/// Orders free operators, the best first.
pub(crate) type Rank = ((u64, u64), OperatorId);

/// What strategies compare of an operator. Times in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Merit {
    pub(crate) idle_since: u64,
    pub(crate) talked: u64,
    pub(crate) given: u32,
    pub(crate) load: u32,
    pub(crate) given_at: u64,
}

impl Strategy {
    /// Whether the best one is sought among the free ones, and not found at the head of their order.
    pub(crate) const fn is_sought(self) -> bool {
        matches!(self, Self::LeastOccupied | Self::Random | Self::WeightedRandom)
    }
}

impl Queue {
    /// Where an operator of this merit stands among the free ones.
    pub(crate) fn rank(&self, id: OperatorId, person: &Operator, merit: &Merit) -> Rank {
        let idle = merit.idle_since;
        let order = match self.config.strategy {
            Strategy::LongestIdle
            | Strategy::RingAll
            | Strategy::Progressive
            | Strategy::LeastOccupied
            | Strategy::Random
            | Strategy::WeightedRandom => (idle, 0),
            Strategy::InOrder | Strategy::RoundRobin => (person.place, 0),
            Strategy::LeastTalkTime => (merit.talked, idle),
            Strategy::FewestCalls => (merit.given.into(), idle),
            Strategy::FewestDialogs => (merit.load.into(), merit.given_at),
            Strategy::BestSkill => (u64::MAX - person.config.fitness(&self.config), idle),
        };
        (order, id)
    }

    /// The score that an explanation shows, in the unit that [`crate::Strategy`] gives it.
    pub(crate) fn score(&self, now: Time, person: &Operator) -> u64 {
        let since =
            |time: Time| u64::try_from(now.saturating_sub(time).as_millis()).unwrap_or(u64::MAX);
        match self.config.strategy {
            Strategy::LongestIdle | Strategy::RingAll | Strategy::Progressive => {
                since(person.idle_since)
            }
            Strategy::InOrder | Strategy::RoundRobin => person.place,
            Strategy::LeastTalkTime => nanos(person.talked) / 1_000_000,
            Strategy::FewestCalls => person.given.into(),
            Strategy::LeastOccupied => person.occupancy(now),
            Strategy::FewestDialogs => person.merit().load.into(),
            Strategy::Random => 1,
            Strategy::WeightedRandom => person.config.weight.into(),
            Strategy::BestSkill => person.config.fitness(&self.config),
        }
    }
}

impl Acd {
    /// The one of the free that a strategy likes best which keeps no order.
    pub(crate) fn sought(&self, now: Time, task: &Task, queue: &Queue) -> Option<OperatorId> {
        let channel = task.kind.channel();
        // The lane may say something old of those who are dirty.
        let entered = queue.best_first(channel, task.ring()).map(|(_, id)| *id);
        let entered = entered.filter(|id| !self.dirty.operators.contains(id));
        let fresh = self.fresh(task).map(|(id, _)| id);
        let able = entered.chain(fresh).filter(|id| !self.is_apart(task, *id));
        let able = able.filter_map(|id| Some((id, self.state.operators.get(&id)?)));
        if queue.config.strategy == Strategy::LeastOccupied {
            let key = |(id, person): &(OperatorId, &Operator)| {
                (person.occupancy(now), person.idle_since, *id)
            };
            return able.min_by_key(key).map(|(id, _)| id);
        }
        let weight = |person: &Operator| match queue.config.strategy {
            Strategy::WeightedRandom => u64::from(person.config.weight),
            _ => 1,
        };
        let mut drawn: Vec<_> = able.map(|(id, person)| (id, weight(person))).collect();
        drawn.sort_unstable();
        let all = drawn.iter().map(|(_, weight)| weight).sum();
        let mut left = self.state.chance.below(all);
        let won = drawn.iter().find(|(_, weight)| {
            let is_here = left < *weight;
            left = left.saturating_sub(*weight);
            is_here
        });
        // Where all have the weight 0 somebody must have it all the same.
        won.or(drawn.first()).map(|(id, _)| *id)
    }
}
