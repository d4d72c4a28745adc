//! Reports of simulated runs say what a recount of their events says.

#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "all of it is a test, of small numbers"
)]

#[path = "../../store/src/tests/recount.rs"]
mod recount;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use b2bua::{SharedEvent, Utc, What};
use recount::{OfOperator, OfQueue};
use sim::{Scenario, events};
use store::{OperatorRow, QueueRow, ReportQuery, Settings, Store};

/// Some callers wait for longer than that in most runs, and some do not.
const WITHIN_MS: u64 = 5_000;

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Queues, and operators.
fn names(events: &[SharedEvent]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut queues, mut operators) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match &event.what {
            What::TaskQueued { queue, .. }
            | What::TaskFailed { queue, .. }
            | What::CallbackCreated { queue, .. } => {
                queues.insert(queue.to_string());
            }
            What::OperatorState { operator, .. } => {
                operators.insert(operator.to_string());
            }
            _ => {}
        }
    }
    (queues, operators)
}

fn of_queue(row: &QueueRow) -> OfQueue {
    let ended = row.answered + row.abandoned;
    let in_time = row.service_level.map_or(0.0, |level| (level * ended as f64).round()) as u64;
    [
        row.offered,
        row.answered,
        row.abandoned,
        row.expired,
        row.overflowed,
        row.failed,
        row.withdrawn,
        row.refused,
        row.transferred,
        row.completed,
        in_time,
        row.wait_ms,
        row.longest_wait_ms,
        row.talk_ms,
        row.hold_ms,
        row.wrap_up_ms,
        row.callbacks,
        row.callbacks_reached,
        row.callbacks_failed,
        row.callbacks_expired,
        row.callbacks_merged,
        row.callbacks_withdrawn,
        row.callbacks_handle_ms,
    ]
}

fn of_operator(row: &OperatorRow) -> OfOperator {
    [
        row.offered,
        row.answered,
        row.missed,
        row.rejected,
        row.taken_back,
        row.completed,
        row.talk_ms,
        row.hold_ms,
        row.wrap_up_ms,
        row.signed_in_ms,
        row.ready_ms,
        row.not_ready_ms,
        row.ringing_ms,
        row.busy_ms,
    ]
}

/// Stores a run and compares its report; adds up what was in it.
fn check(name: &str, events: &[SharedEvent], seen: &mut (OfQueue, OfOperator)) {
    let folder = std::env::temp_dir().join(format!("usher-sim-{}-{name}", std::process::id()));
    let scratch = Scratch(folder);
    let settings = Settings { commit_within: Duration::ZERO, ..Settings::default() };
    let store = Store::open_with(&scratch.0, "sim", settings).unwrap();
    events.iter().for_each(|event| store.append(event.clone()));
    assert!(store.flush(Duration::from_secs(60)));
    let ms = |event: Option<&SharedEvent>| event.unwrap().at.as_millisecond();
    let (first, last) = (ms(events.first()), ms(events.last()) + 1);
    // Parts of a length that nothing else has.
    let mut bounds: Vec<i64> = (first..last).step_by(17_003).collect();
    bounds.push(last);
    let utc = |ms: &i64| Utc::from_millisecond(*ms).unwrap();
    let query = ReportQuery {
        bounds: bounds.iter().map(utc).collect(),
        now: utc(&last),
        only: None,
        within_ms: BTreeMap::new(),
        otherwise_ms: WITHIN_MS,
    };
    let queues = store.reader().report_queues(&query).unwrap();
    let operators = store.reader().report_operators(&query).unwrap();
    let (known_queues, known_operators) = names(events);
    let mut rows = 0;
    for pair in bounds.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        for one in &known_queues {
            let row = queues.iter().find(|row| row.from == utc(&from) && row.queue == *one);
            let told = row.map_or([0; 23], of_queue);
            let counted = recount::queue(events, one, from, to, WITHIN_MS);
            assert_eq!(told, counted, "{name}: {one} from {from}");
            seen.0.iter_mut().zip(told).for_each(|(sum, one)| *sum += one);
            rows += usize::from(row.is_some());
        }
        for one in &known_operators {
            let row = operators.iter().find(|row| row.from == utc(&from) && row.operator == *one);
            let told = row.map_or([0; 14], of_operator);
            let counted = recount::operator(events, one, from, to, last);
            assert_eq!(told, counted, "{name}: {one} from {from}");
            seen.1.iter_mut().zip(told).for_each(|(sum, one)| *sum += one);
            rows += usize::from(row.is_some());
        }
    }
    assert_eq!(rows, queues.len() + operators.len(), "{name}: rows of others");
}

/// Nobody takes a place who does not leave it, and each offer ends: the runs go on to their end.
fn adds_up(seen: &(OfQueue, OfOperator)) {
    let [offered, answered, abandoned, expired, overflowed, failed, withdrawn, ..] = seen.0;
    assert_eq!(offered, answered + abandoned + expired + overflowed + failed + withdrawn);
    let [.., promised, reached, failed, expired, merged, withdrawn, _] = seen.0;
    assert!(promised >= reached + failed + expired + merged + withdrawn, "some are left");
    let [offered, answered, missed, rejected, taken_back, ..] = seen.1;
    assert_eq!(offered, answered + missed + rejected + taken_back);
    let [.., signed_in, ready, not_ready, ringing, busy] = seen.1;
    assert!(signed_in >= ready + not_ready + ringing + busy, "the rest is unreachable");
}

#[test]
fn reports_of_runs_are_what_a_recount_says() {
    let mut seen = Default::default();
    for seed in 0..40 {
        for (kind, scenario) in [
            ("rough", Scenario::rough(seed)),
            ("handing", Scenario::handing(seed)),
            ("receiving", Scenario::receiving(seed)),
            ("helping", Scenario::helping(seed)),
            ("calling-back", Scenario::calling_back(seed)),
        ] {
            check(&format!("{kind}-{seed}"), &events(&scenario), &mut seen);
        }
    }
    adds_up(&seen);
    // What never happens is not tested.
    let (queue, operator) = &seen;
    // Nobody takes a callback off the list in these.
    let rare = [3, 5, 7, 21];
    let never = |at: &usize| queue[*at] == 0 && !rare.contains(at);
    assert!(!(0..queue.len()).any(|at| never(&at)), "{queue:?}");
    assert!(operator.iter().all(|sum| *sum > 0), "{operator:?}");
}

#[test]
fn reports_of_a_day_are_what_a_recount_says() {
    let mut seen = Default::default();
    check("smooth", &events(&Scenario::smooth(1, 400, 12)), &mut seen);
    adds_up(&seen);
    assert!(seen.0[1] > 300, "{seen:?}");
}
