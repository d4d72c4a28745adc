//! What somebody will do, and when.

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant, sleep_until};

/// Acts in the order of their times.
#[derive(Debug)]
pub(super) struct Agenda<A> {
    acts: BTreeMap<(Instant, u64), A>,
    count: u64,
}

impl<A> Default for Agenda<A> {
    fn default() -> Self {
        Self { acts: BTreeMap::new(), count: 0 }
    }
}

impl<A> Agenda<A> {
    /// Adds one.
    pub(super) fn after(&mut self, delay: Duration, act: A) {
        self.count += 1;
        self.acts.insert((Instant::now() + delay, self.count), act);
    }

    /// Waits for the next that is due, for ever where there is none. Nothing is lost where this is
    /// dropped before.
    pub(super) async fn next(&mut self) -> A {
        loop {
            let Some((due, _)) = self.acts.first_key_value().map(|(key, _)| *key) else {
                std::future::pending::<()>().await;
                continue;
            };
            sleep_until(due).await;
            if let Some((_, act)) = self.acts.pop_first() {
                return act;
            }
        }
    }
}
