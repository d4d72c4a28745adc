//! Whether registered phones are still there: one that has been silent for long enough is asked by
//! OPTIONS (RFC 3261 section 11), and is not called while it does not answer.
//!
//! | contact | is                                             | then                                   |
//! | ------- | ---------------------------------------------- | -------------------------------------- |
//! | quiet   | registered, or heard, less than a while ago    | at `due` it is asked                   |
//! | asked   | its answer is awaited                          | any final answer: quiet; none: lost    |
//! | lost    | bound as before, and not to be called          | asked again and again; an answer, a    |
//! |         |                                                | request or a REGISTER of its: quiet    |
//!
//! Only a contact whose REGISTER said that it takes OPTIONS is asked, by Allow or by being an instance
//! (RFC 5626): what says neither may be a script that takes it for the end of a call (SIPp does).
//!
//! Contacts are asked half to a whole interval after they were heard, each after its own time: a
//! thousand that registered in the same second are asked one after the other.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Record, Registrar};
use crate::{Event, Flow, Time, UnbindCause, Watch};

/// What is known of one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Check {
    takes_options: bool,
    /// When it is to be asked.
    pub(super) due: Option<Time>,
    /// The branch of the OPTIONS that is under way.
    asked: Option<u64>,
}

impl Check {
    /// A contact was bound.
    pub(super) fn new(now: Time, watch: &Watch, id: u64, takes_options: bool) -> Self {
        let mut check = Self { takes_options, due: None, asked: None };
        check.later(now, watch, id);
        check
    }

    /// It was heard, or is not asked now.
    fn later(&mut self, now: Time, watch: &Watch, id: u64) {
        self.due = next(now, watch, id).filter(|_| self.takes_options);
    }
}

/// When a contact that is heard now is to be asked. The numbers of contacts, times the golden ratio,
/// lie evenly between 0 and 1 however many there are.
fn next(now: Time, watch: &Watch, id: u64) -> Option<Time> {
    let half_ms = u64::from(watch.qualify_s) * 500;
    let place = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48;
    let later_ms = half_ms + ((half_ms * place) >> 16);
    (watch.qualify_s > 0).then(|| now + Time::from_millis(later_ms))
}

impl Registrar {
    /// A contact that is due, if there is one. Whoever takes it says what becomes of it: asked, or
    /// put off.
    pub(crate) fn due_check(&self, now: Time) -> Option<(Arc<str>, u64)> {
        let (at, user, id) = self.by_check.first()?;
        (*at <= now).then(|| (user.clone(), *id))
    }

    /// It is not asked now, being busy.
    pub(crate) fn put_off(&mut self, now: Time, watch: &Watch, user: &str, id: u64) {
        self.check(user, id, |check| check.later(now, watch, id));
    }

    /// It is not asked now, since too many are: it is soon.
    pub(crate) fn put_off_a_little(&mut self, now: Time, watch: &Watch, user: &str, id: u64) {
        self.check(user, id, |check| {
            check.later(now, watch, id);
            check.due = check.due.map(|due| now + due.saturating_sub(now) / 4);
        });
    }

    /// It is being asked, by a request of this branch.
    pub(crate) fn asked(&mut self, user: &str, id: u64, branch: u64) {
        self.check(user, id, |check| (check.due, check.asked) = (None, Some(branch)));
    }

    /// It answered the request of this branch, or did not. What is of an older one, before it
    /// registered anew, says nothing.
    pub(crate) fn answered(
        &mut self,
        now: Time,
        watch: &Watch,
        (user, id): (&str, u64),
        branch: u64,
        is_there: bool,
    ) -> Option<Event> {
        let mut counts = false;
        self.check(user, id, |check| {
            counts = check.asked.take_if(|asked| *asked == branch).is_some();
            if counts {
                check.later(now, watch, id);
            }
        });
        if counts { self.turns(user, id, !is_there) } else { None }
    }

    /// A request came from a user by a flow: whatever was lost there is found.
    pub(crate) fn heard(&mut self, flow: &Flow, user: &str) -> Vec<Event> {
        if self.lost == 0 {
            return Vec::new();
        }
        let found = |binding: &&crate::Binding| binding.lost && binding.flow == *flow;
        let ids: Vec<u64> = self.bindings(user).iter().filter(found).map(|b| b.id).collect();
        ids.into_iter().filter_map(|id| self.turns(user, id, false)).collect()
    }

    /// Contacts are asked from now on, or no more: then none is lost.
    pub(super) fn watch(&mut self, now: Time, watch: &Watch) -> Vec<Event> {
        let users: Vec<_> = self.records.keys().cloned().collect();
        let mut found = Vec::new();
        for user in users {
            let mut entries = self.records.get(&user).map(Record::entries).unwrap_or_default();
            for (binding, mark) in &mut entries {
                let waits = mark.check.due.or(mark.check.asked.map(|_| now));
                if watch.qualify_s == 0 {
                    mark.check.due = None;
                    found.extend(binding.lost.then(|| (user.clone(), binding.id)));
                } else if waits.is_none() {
                    mark.check.later(now, watch, binding.id);
                }
            }
            self.put(user, entries);
        }
        found.into_iter().filter_map(|(user, id)| self.turns(&user, id, false)).collect()
    }

    /// It is lost, or found; told as if it had not been bound meanwhile.
    fn turns(&mut self, user: &str, id: u64, lost: bool) -> Option<Event> {
        let (user, record) = self.records.get_key_value(user)?;
        let user = user.clone();
        let mut entries = record.entries();
        let (binding, _) = entries.iter_mut().find(|(binding, _)| binding.id == id)?;
        if core::mem::replace(&mut binding.lost, lost) == lost {
            return None;
        }
        let binding = binding.clone();
        let left = entries.iter().filter(|(binding, _)| !binding.lost).count();
        self.put(user.clone(), entries);
        Some(if lost {
            let (binding, contact, cause) = (id, binding.contact, UnbindCause::NoAnswer);
            Event::Unbound { user, binding, contact, cause, left }
        } else {
            Event::Bound { user, binding, new: true }
        })
    }

    fn check(&mut self, user: &str, id: u64, change: impl FnOnce(&mut Check)) {
        let Some((user, record)) = self.records.get_key_value(user) else { return };
        let user = user.clone();
        let mut entries = record.entries();
        if let Some((_, mark)) = entries.iter_mut().find(|(binding, _)| binding.id == id) {
            change(&mut mark.check);
            self.put(user, entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_registers_at_once_is_asked_one_after_the_other() {
        let watch = Watch { qualify_s: 60, ..Watch::default() };
        let now = Time::from_secs(1_000);
        for first in [1, 77_777] {
            let mut seconds = [0; 30];
            for id in first..first + 10_000 {
                let due = next(now, &watch, id).unwrap() - now;
                seconds[usize::try_from(due.as_secs()).unwrap() - 30] += 1;
            }
            assert!(seconds.iter().all(|count| (325..345).contains(count)), "{seconds:?}");
        }
        assert_eq!(next(now, &Watch::default(), 1), None);
        let longest = Watch { qualify_s: u32::MAX, ..watch };
        assert!(next(now, &longest, u64::MAX).is_some());
    }
}
