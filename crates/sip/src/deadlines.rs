//! The index of what is due when.
//!
//! It holds no truth: every state carries its own deadlines, and its owner writes the earliest of
//! them here after each step. A timer cannot outlive its state, because it is not kept anywhere else.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Time;

/// At most one deadline for each key, ordered by time and then by key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deadlines<K: Ord> {
    queue: BTreeSet<(Time, K)>,
    at: BTreeMap<K, Time>,
}

impl<K: Ord> Default for Deadlines<K> {
    fn default() -> Self {
        Self { queue: BTreeSet::new(), at: BTreeMap::new() }
    }
}

impl<K: Ord + Copy> Deadlines<K> {
    /// States when `key` is due next, in place of what was said before.
    pub(crate) fn set(&mut self, key: K, due: Option<Time>) {
        let before = match due {
            Some(at) => self.at.insert(key, at),
            None => self.at.remove(&key),
        };
        if before == due {
            return;
        }
        if let Some(at) = before {
            self.queue.remove(&(at, key));
        }
        if let Some(at) = due {
            self.queue.insert((at, key));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes out one key that is due.
    pub(crate) fn pop(&mut self, now: Time) -> Option<K> {
        let &(at, key) = self.queue.first().filter(|(at, _)| *at <= now)?;
        self.queue.remove(&(at, key));
        self.at.remove(&key);
        Some(key)
    }

    /// How many keys have a deadline.
    pub(crate) fn len(&self) -> usize {
        self.at.len()
    }
}

/// The earlier of two deadlines.
pub(crate) fn earlier(a: Option<Time>, b: Option<Time>) -> Option<Time> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_deadline() {
        let at = Time::from_secs;
        let mut deadlines = Deadlines::default();
        deadlines.set('a', Some(at(5)));
        deadlines.set('b', Some(at(3)));
        deadlines.set('a', Some(at(1)));
        deadlines.set('b', Some(at(3)));
        assert_eq!((deadlines.next(), deadlines.len()), (Some(at(1)), 2));
        assert_eq!(deadlines.pop(at(0)), None);
        assert_eq!(deadlines.pop(at(4)), Some('a'));
        assert_eq!(deadlines.pop(at(4)), Some('b'));
        deadlines.set('c', Some(at(9)));
        deadlines.set('c', None);
        assert_eq!((deadlines.next(), deadlines.len()), (None, 0));
        assert_eq!(earlier(Some(at(2)), Some(at(1))), Some(at(1)));
        assert_eq!(earlier(None, Some(at(1))), Some(at(1)));
    }
}
