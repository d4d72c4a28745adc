//! A growing list of JSON objects that tests wait on: the server's events, a softphone's.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::SOON;

/// Cheap to clone; all clones see the same list.
#[derive(Debug, Clone, Default)]
pub struct Feed {
    inner: Arc<(Mutex<Vec<Value>>, Condvar)>,
}

impl Feed {
    fn list(&self) -> MutexGuard<'_, Vec<Value>> {
        self.inner.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, value: Value) {
        self.list().push(value);
        self.inner.1.notify_all();
    }

    /// All of them so far.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        self.list().clone()
    }

    /// How many there are: a mark for [`Self::wait_from`].
    #[must_use]
    pub fn mark(&self) -> usize {
        self.list().len()
    }

    /// How many there are of this type with these fields.
    #[must_use]
    pub fn count(&self, kind: &str, fields: &[(&str, &str)]) -> usize {
        self.list().iter().filter(|value| fits(value, kind, fields)).count()
    }

    /// The first of this type with these fields, from the very first one on.
    #[track_caller]
    pub fn wait(&self, kind: &str, fields: &[(&str, &str)]) -> Value {
        self.wait_from(0, kind, fields)
    }

    /// The first of this type with these fields after a mark.
    #[track_caller]
    pub fn wait_from(&self, mark: usize, kind: &str, fields: &[(&str, &str)]) -> Value {
        self.wait_within(SOON, mark, kind, fields)
    }

    /// The same, for what takes longer.
    ///
    /// # Panics
    /// When it has not come in time.
    #[track_caller]
    pub fn wait_within(
        &self,
        within: Duration,
        mark: usize,
        kind: &str,
        fields: &[(&str, &str)],
    ) -> Value {
        let found =
            self.poll(within, mark, |value| fits(value, kind, fields).then(|| value.clone()));
        found.unwrap_or_else(|| {
            let seen: Vec<String> = self.list().iter().skip(mark).map(Value::to_string).collect();
            panic!("no {kind} with {fields:?} within {within:?}; there were\n{}", seen.join("\n"))
        })
    }

    /// The first of this type from a mark on, and the mark behind it.
    ///
    /// # Panics
    /// When it has not come in time.
    #[track_caller]
    pub fn next_after(&self, mark: usize, kind: &str) -> (usize, Value) {
        let event = self.wait_from(mark, kind, &[]);
        let at = self.list().iter().skip(mark).position(|value| value["type"] == kind);
        (mark + at.unwrap_or(0) + 1, event)
    }

    /// The first that `find` takes, none when time is up.
    pub fn poll<T>(
        &self,
        within: Duration,
        mark: usize,
        find: impl Fn(&Value) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + within;
        let mut list = self.list();
        loop {
            if let Some(found) = list.iter().skip(mark).find_map(&find) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let waited = self.inner.1.wait_timeout(list, left);
            list = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(list, _)| list);
        }
    }
}

/// Whether `type` is this, and each field (`/effective/state` for nested ones) is that.
fn fits(value: &Value, kind: &str, fields: &[(&str, &str)]) -> bool {
    value["type"] == kind
        && fields.iter().all(|(name, expected)| {
            let found = if name.starts_with('/') { value.pointer(name) } else { value.get(*name) };
            match found {
                Some(Value::String(text)) => text == expected,
                // A number, say.
                Some(other) => serde_json::from_str::<Value>(expected).is_ok_and(|e| e == *other),
                None => false,
            }
        })
}
