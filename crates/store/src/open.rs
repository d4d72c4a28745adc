//! What is open: the rows that events still write to, so that most need no look-up.

use std::collections::{BTreeMap, HashMap};

use b2bua::config::Name;
use b2bua::event::ChosenState;
use b2bua::{CallKey, TaskKey};
use rusqlite::{Connection, OptionalExtension};

/// Calls and tasks remembered each; beyond, all are forgotten and looked up again. Only events that
/// were lost let so many gather.
const REMEMBERED_MAX: usize = 65_536;

/// An open call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenCall {
    pub(crate) row: i64,
    /// Whether its first queue is written.
    pub(crate) queued: bool,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    /// Its call's row; 0 where it is no call's.
    pub(crate) call: i64,
    pub(crate) seq: i64,
    pub(crate) queue: Name,
    pub(crate) operator: Option<Name>,
    pub(crate) ended: bool,
    pub(crate) is_callback: bool,
}

/// The row of no call.
pub(crate) const NO_CALL: i64 = 0;

/// Calls and tasks of this run that have not ended.
#[derive(Debug)]
pub(crate) struct Open {
    calls: HashMap<CallKey, OpenCall>,
    tasks: HashMap<TaskKey, Task>,
    /// What operators chose last.
    chosen: HashMap<Name, ChosenState>,
    /// Rows of calls that are open, or have open tasks, and how often each is remembered.
    rows: BTreeMap<i64, u32>,
    /// Above all rows there are.
    next: i64,
    /// Where anything was forgotten: it may be open from here on.
    forgotten: Option<i64>,
}

impl Open {
    pub(crate) fn new(next: i64) -> Self {
        Self {
            calls: HashMap::new(),
            tasks: HashMap::new(),
            chosen: HashMap::new(),
            rows: BTreeMap::new(),
            next,
            forgotten: None,
        }
    }

    /// Whether no call is open, and no task.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lowest row of a call that may be open, or may have an open task.
    pub(crate) fn from(&self) -> i64 {
        let lowest = self.rows.first_key_value().map_or(self.next, |(row, _)| *row);
        self.forgotten.map_or(lowest, |forgotten| forgotten.min(lowest))
    }

    /// Forgets everything, after which `from` is `committed` at most.
    pub(crate) fn forget(&mut self, committed: i64) {
        self.forgotten = Some(self.from().min(committed));
        self.calls.clear();
        self.tasks.clear();
        self.chosen.clear();
        self.rows.clear();
    }

    /// Whether it is another choice than the last that was written.
    pub(crate) fn chose(&mut self, operator: &Name, chosen: &ChosenState) -> bool {
        if self.chosen.get(operator) == Some(chosen) {
            return false;
        }
        self.chosen.insert(operator.clone(), chosen.clone());
        true
    }

    pub(crate) fn add_call(&mut self, key: CallKey, call: OpenCall) {
        if self.calls.len() >= REMEMBERED_MAX {
            self.forget(call.row);
        }
        self.next = self.next.max(call.row + 1);
        if self.calls.insert(key, call).is_none() {
            *self.rows.entry(call.row).or_default() += 1;
        }
    }

    pub(crate) fn add_task(&mut self, key: TaskKey, task: Task) {
        if self.tasks.len() >= REMEMBERED_MAX {
            self.forget(if task.call == NO_CALL { i64::MAX } else { task.call });
        }
        let row = task.call;
        if self.tasks.insert(key, task).is_none() && row != NO_CALL {
            *self.rows.entry(row).or_default() += 1;
        }
    }

    pub(crate) fn end_call(&mut self, key: CallKey) {
        if let Some(call) = self.calls.remove(&key) {
            self.leave(call.row);
        }
    }

    pub(crate) fn end_task(&mut self, key: TaskKey) {
        if let Some(task) = self.tasks.remove(&key) {
            self.leave(task.call);
        }
    }

    fn leave(&mut self, row: i64) {
        if let Some(times) = self.rows.get_mut(&row) {
            *times -= 1;
            if *times == 0 {
                self.rows.remove(&row);
            }
        }
    }

    /// The call's row, whether it is remembered or not.
    pub(crate) fn call(
        &mut self,
        db: &Connection,
        key: CallKey,
    ) -> rusqlite::Result<Option<OpenCall>> {
        if let Some(call) = self.calls.get(&key) {
            return Ok(Some(*call));
        }
        let mut statement = db.prepare_cached(
            "SELECT row, queue IS NOT NULL, ended_ms IS NULL FROM call WHERE id = ?1",
        )?;
        let found = statement
            .query_row([key.to_string()], |row| {
                Ok((OpenCall { row: row.get(0)?, queued: row.get(1)? }, row.get::<_, bool>(2)?))
            })
            .optional()?;
        if let Some((call, true)) = found {
            self.add_call(key, call);
        }
        Ok(found.map(|(call, _)| call))
    }

    /// The call's first queue is written.
    pub(crate) fn queued(&mut self, key: CallKey) {
        if let Some(call) = self.calls.get_mut(&key) {
            call.queued = true;
        }
    }

    /// The task's row, whether it is remembered or not.
    pub(crate) fn task(&mut self, db: &Connection, key: TaskKey) -> rusqlite::Result<Option<Task>> {
        if let Some(task) = self.tasks.get(&key) {
            return Ok(Some(task.clone()));
        }
        let mut statement = db.prepare_cached(
            "SELECT call, seq, queue, operator, ended_ms IS NOT NULL, kind = 'callback'
             FROM task WHERE id = ?1",
        )?;
        let found = statement
            .query_row([key.to_string()], |row| {
                Ok(Task {
                    call: row.get(0)?,
                    seq: row.get(1)?,
                    queue: row.get(2)?,
                    operator: row.get(3)?,
                    ended: row.get(4)?,
                    is_callback: row.get(5)?,
                })
            })
            .optional()?;
        if let Some(task) = found.as_ref().filter(|task| !task.ended) {
            self.add_task(key, task.clone());
        }
        Ok(found)
    }

    /// The task is another call's from now on.
    pub(crate) fn follow(&mut self, key: TaskKey, task: Task) {
        self.end_task(key);
        if !task.ended {
            self.add_task(key, task);
        }
    }

    /// The task has changed; only an open one is remembered.
    pub(crate) fn change(&mut self, key: TaskKey, change: impl FnOnce(&mut Task)) {
        if let Some(task) = self.tasks.get_mut(&key) {
            change(task);
        }
    }
}
