use crate::open::{Open, OpenCall, Task};

use super::*;

fn call(row: i64) -> (CallKey, OpenCall) {
    (CallKey(row.unsigned_abs()), OpenCall { row, queued: false })
}

fn task(number: u64, call: i64) -> (TaskKey, Task) {
    let (seq, queue) = (7, "sales".into());
    (TaskKey(number), Task { call, seq, queue, operator: None, ended: false, is_callback: false })
}

fn open_with(rows: impl IntoIterator<Item = i64>) -> Open {
    let mut open = Open::new(1);
    for row in rows {
        let (key, call) = call(row);
        open.add_call(key, call);
    }
    open
}

#[test]
fn the_mark_is_the_lowest_open_call_or_tasks_call() {
    let mut open = open_with(1..=3);
    let (key, one) = task(1, 1);
    open.add_task(key, one.clone());
    open.add_task(key, one);
    assert_eq!(open.from(), 1);
    open.end_call(CallKey(1));
    open.end_call(CallKey(1));
    assert_eq!(open.from(), 1, "its task wraps up");
    open.end_task(key);
    assert_eq!(open.from(), 2);
    open.end_call(CallKey(3));
    assert_eq!(open.from(), 2);
    open.end_call(CallKey(2));
    assert_eq!(open.from(), 4, "none is open");
    let (key, one) = task(2, 1);
    open.add_task(key, one);
    assert_eq!(open.from(), 1, "a task of an old call is revived");
}

#[test]
fn what_is_forgotten_may_be_open_for_ever() {
    let mut open = open_with(5..=6);
    open.end_call(CallKey(5));
    // That the fifth has ended was not written.
    open.forget(5);
    assert_eq!(open.from(), 5);
    let (key, seventh) = call(7);
    open.add_call(key, seventh);
    assert_eq!(open.from(), 5);
}

#[test]
fn no_more_than_so_many_are_remembered() {
    let mut open = open_with(1..=70_000);
    assert_eq!(open.from(), 1);
    (1..=70_000).for_each(|row| open.end_call(CallKey(row)));
    assert_eq!(open.from(), 1, "the first are no longer known to have ended");
}
