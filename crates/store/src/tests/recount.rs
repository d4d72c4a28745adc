//! What a report should say, counted anew: each figure by going through all events from their
//! beginning, as its definition reads. It shares nothing with the fold, and the simulator's tests
//! take this file for their runs.

#![expect(unreachable_pub, reason = "a crate of tests has no other side")]

use b2bua::event::{Effective, TransferMode};
use b2bua::{CallbackEnd, SharedEvent, What};

/// In this order: offered, answered, abandoned, expired, overflowed, failed, withdrawn, refused,
/// transferred, completed, in time, then milliseconds: waited, the longest, talk, hold, wrap-up; all
/// that of callers. Then callbacks: promised, reached, failed, expired, merged, withdrawn, and the
/// milliseconds that operators had with them.
pub type OfQueue = [u64; 23];

/// In this order: offered, answered, missed, rejected, taken back, completed, then milliseconds:
/// talk, hold, wrap-up, signed in, ready, not ready, ringing, busy.
pub type OfOperator = [u64; 14];

/// Of one queue, from one moment to another.
pub fn queue(events: &[SharedEvent], name: &str, from: i64, to: i64, within: u64) -> OfQueue {
    let mut sums = [0; 23];
    for (at, event) in events.iter().enumerate() {
        let ms = event.at.as_millisecond();
        if ms < from || ms >= to {
            continue;
        }
        if of_callback(&events[..=at], event) {
            count_callback(&mut sums[16..], &event.what, name);
            continue;
        }
        let mut waited = None;
        match &event.what {
            What::TaskQueued { queue, .. } if **queue == *name => {
                sums[0] += u64::from(!waits(&events[..at], event, name));
            }
            What::TaskAssigned { queue, wait_ms, .. } if **queue == *name => {
                (sums[1], waited) = (sums[1] + 1, Some(*wait_ms));
                sums[10] += u64::from(*wait_ms <= within);
            }
            What::TaskAbandoned { queue, wait_ms } if **queue == *name => {
                (sums[2], waited) = (sums[2] + 1, Some(*wait_ms));
                sums[10] += u64::from(*wait_ms <= within);
            }
            What::TaskExpired { queue, wait_ms } if **queue == *name => {
                (sums[3], waited) = (sums[3] + 1, Some(*wait_ms));
            }
            What::TaskOverflowed { queue, wait_ms } if **queue == *name => {
                (sums[4], waited) = (sums[4] + 1, Some(*wait_ms));
            }
            What::TaskFailed { queue, cause } if **queue == *name => {
                sums[if **cause == *"failed" { 5 } else { 7 }] += 1;
            }
            What::TaskWithdrawn { queue } if **queue == *name => sums[6] += 1,
            What::TransferCompleted { .. } if moved_from(&events[..at], event) == Some(name) => {
                sums[8] += 1;
            }
            What::TaskCompleted { queue, talk_ms, hold_ms, wrap_up_ms, .. } if **queue == *name => {
                sums[9] += 1;
                sums[13] += talk_ms - hold_ms;
                sums[14] += hold_ms;
                sums[15] += wrap_up_ms;
            }
            _ => {}
        }
        sums[11] += waited.unwrap_or(0);
        sums[12] = sums[12].max(waited.unwrap_or(0));
    }
    sums
}

/// Whether its task is one of those who are to be called.
fn of_callback(until: &[SharedEvent], event: &SharedEvent) -> bool {
    // The end of a transfer is of the call: its beginning says of which task.
    let started = || {
        let is_it = |one: &&SharedEvent| {
            one.call == event.call && matches!(one.what, What::TransferStarted { .. })
        };
        until.iter().rev().find(is_it).and_then(|one| one.task)
    };
    let task = match &event.what {
        What::TransferCompleted { .. } => started(),
        _ => event.task,
    };
    let created = |one: &SharedEvent| matches!(one.what, What::CallbackCreated { .. });
    task.is_some() && until.iter().any(|one| one.task == task && created(one))
}

fn count_callback(sums: &mut [u64], what: &What, name: &str) {
    match what {
        What::CallbackCreated { queue, restored, .. } if **queue == *name => {
            sums[0] += u64::from(!restored);
        }
        What::CallbackDone { queue, result, .. } if **queue == *name => {
            sums[match result {
                CallbackEnd::Reached => 1,
                CallbackEnd::Failed | CallbackEnd::Lost => 2,
                CallbackEnd::Expired => 3,
                CallbackEnd::Merged => 4,
                CallbackEnd::Withdrawn => 5,
            }] += 1;
        }
        What::TaskCompleted { queue, talk_ms, wrap_up_ms, .. } if **queue == *name => {
            sums[6] += talk_ms + wrap_up_ms;
        }
        _ => {}
    }
}

/// Whether a task waits in a queue, by the last that was told of it.
fn waits(before: &[SharedEvent], task: &SharedEvent, name: &str) -> bool {
    let of_it = before.iter().rev().filter(|event| event.task == task.task);
    let place = of_it.map(|event| &event.what).find_map(|what| match what {
        What::TaskQueued { queue, .. } => Some(**queue == *name),
        What::TaskAssigned { .. }
        | What::TaskCompleted { .. }
        | What::TaskAbandoned { .. }
        | What::TaskExpired { .. }
        | What::TaskOverflowed { .. }
        | What::TaskFailed { .. }
        | What::TaskWithdrawn { .. } => Some(false),
        _ => None,
    });
    place == Some(true)
}

/// The queue of the task whose operator wanted this transfer.
fn moved_from<'a>(before: &'a [SharedEvent], completed: &SharedEvent) -> Option<&'a str> {
    let mut before = before.iter().rev();
    let started = before.by_ref().find(|event| {
        event.call == completed.call && matches!(event.what, What::TransferStarted { .. })
    })?;
    let What::TransferStarted { mode, .. } = &started.what else { return None };
    let by_somebody =
        [TransferMode::Blind, TransferMode::Attended, TransferMode::Cold, TransferMode::Warm];
    if started.task.is_none() || !by_somebody.contains(mode) {
        return None;
    }
    before.filter(|event| event.task == started.task).find_map(|event| match &event.what {
        What::TaskQueued { queue, .. } => Some(&**queue),
        _ => None,
    })
}

/// Of one operator, from one moment to another, when it is `now`.
pub fn operator(events: &[SharedEvent], name: &str, from: i64, to: i64, now: i64) -> OfOperator {
    let mut sums = OfOperator::default();
    let mut state: Option<(Effective, i64)> = None;
    for event in events {
        let ms = event.at.as_millisecond();
        if let What::OperatorState { operator, effective, .. } = &event.what
            && **operator == *name
        {
            if let Some((state, since)) = state {
                spent(&mut sums, state, since.max(from), ms.min(to));
            }
            state = Some((effective.state, ms));
        }
        if ms < from || ms >= to {
            continue;
        }
        match &event.what {
            What::ReservationOffered { operator, .. } if **operator == *name => sums[0] += 1,
            What::ReservationAccepted { operator, .. } if **operator == *name => sums[1] += 1,
            What::ReservationTimeout { operator, .. } if **operator == *name => sums[2] += 1,
            What::ReservationRejected { operator, cause, .. } if **operator == *name => {
                sums[if **cause == *"ours" { 4 } else { 3 }] += 1;
            }
            What::ReservationRescinded { operator, .. }
            | What::ReservationCancelled { operator, .. }
                if **operator == *name =>
            {
                sums[4] += 1;
            }
            What::TaskCompleted { operator, talk_ms, hold_ms, wrap_up_ms, .. }
                if **operator == *name =>
            {
                sums[5] += 1;
                sums[6] += talk_ms - hold_ms;
                sums[7] += hold_ms;
                sums[8] += wrap_up_ms;
            }
            _ => {}
        }
    }
    if let Some((state, since)) = state {
        spent(&mut sums, state, since.max(from), now.min(to));
    }
    sums
}

fn spent(sums: &mut OfOperator, state: Effective, since: i64, until: i64) {
    let ms = u64::try_from(until - since).unwrap_or(0);
    if state == Effective::Offline {
        return;
    }
    sums[9] += ms;
    match state {
        Effective::Ready => sums[10] += ms,
        Effective::NotReady => sums[11] += ms,
        Effective::Reserved | Effective::Ringing => sums[12] += ms,
        Effective::OnCall | Effective::WrapUp => sums[13] += ms,
        Effective::Offline | Effective::Unreachable => {}
    }
}
