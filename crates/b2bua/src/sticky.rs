//! Who served which caller last, so that a queue can bring them together again.

use std::collections::{BTreeMap, BTreeSet};

use acd::{OperatorId, QueueId};
use serde::{Deserialize, Serialize};

use crate::api::Time;
use crate::config::Name;

/// Callers remembered; whoever was served the longest ago is forgotten first.
const CALLERS_MAX: usize = 20_000;

type Caller = (QueueId, Name);

/// A bounded memory.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sticky {
    last: BTreeMap<Caller, (OperatorId, Time)>,
    order: BTreeSet<(Time, Caller)>,
}

impl Sticky {
    /// The operator has the caller's task, or is done with it.
    pub(crate) fn served(
        &mut self,
        now: Time,
        queue: QueueId,
        caller: &Name,
        operator: OperatorId,
    ) {
        let caller = (queue, caller.clone());
        if let Some((_, at)) = self.last.insert(caller.clone(), (operator, now)) {
            self.order.remove(&(at, caller.clone()));
        }
        self.order.insert((now, caller));
        if self.order.len() > CALLERS_MAX
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.last.remove(&oldest);
        }
    }

    /// Who served them last, if that is no longer ago.
    pub(crate) fn last(
        &self,
        now: Time,
        within: Time,
        queue: QueueId,
        caller: &Name,
    ) -> Option<OperatorId> {
        let (operator, at) = self.last.get(&(queue, caller.clone()))?;
        (now.saturating_sub(*at) <= within).then_some(*operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_operator_is_known_for_a_while() {
        let (support, sales) = (QueueId(0), QueueId(1));
        let (mut sticky, s) = (Sticky::default(), Time::from_secs);
        let (ann, ben): (Name, Name) = ("+100".into(), "+200".into());
        sticky.served(s(10), support, &ann, OperatorId(1));
        sticky.served(s(20), support, &ann, OperatorId(2));
        sticky.served(s(30), sales, &ann, OperatorId(3));
        let check = |at, queue, who, expected: Option<u32>| {
            assert_eq!(sticky.last(s(at), s(60), queue, who), expected.map(OperatorId));
        };
        check(25, support, &ann, Some(2));
        check(80, support, &ann, Some(2));
        check(81, support, &ann, None);
        check(81, sales, &ann, Some(3));
        check(40, support, &ben, None);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut sticky = Sticky::default();
        let name = |n: usize| -> Name { format!("+{n}").as_str().into() };
        for n in 0..CALLERS_MAX + 10 {
            sticky.served(Time::from_secs(n as u64), QueueId(0), &name(n), OperatorId(0));
        }
        assert_eq!((sticky.last.len(), sticky.order.len()), (CALLERS_MAX, CALLERS_MAX));
        let (now, for_ever) = (Time::from_secs(1 << 20), Time::from_secs(1 << 30));
        let known = |n| sticky.last(now, for_ever, QueueId(0), &name(n)).is_some();
        assert_eq!((known(9), known(10)), (false, true));
    }
}
