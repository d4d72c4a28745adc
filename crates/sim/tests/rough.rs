//! Short runs full of trouble: loss, duplication, reordering, impatient callers, phones that lie,
//! the switch carried and resumed in the middle. A failure prints the seed and the shortest ladder.

use sim::{Scenario, run};

#[test]
fn whatever_happens_nothing_is_lost_or_left_over() {
    let mut recorded = 0;
    for seed in 0..4_000 {
        match run(&Scenario::rough(seed)) {
            Ok(summary) => recorded += summary.recorded,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(recorded > 1_000, "only {recorded} recordings in all those runs");
}

/// Calls are handed on, blind and after a word, from either side, and phones take each other's place.
#[test]
fn whoever_hands_a_call_on_leaves_nothing_behind() {
    let mut transferred = 0;
    for seed in 0..600 {
        match run(&Scenario::moving(seed)) {
            Ok(summary) => transferred += summary.transferred,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(transferred > 100, "only {transferred} transfers in all those runs");
}

/// Calls are handed on by order, cold and warm, and that is completed or called off, at every moment.
#[test]
fn whoever_is_handed_on_by_order_is_never_left_alone() {
    let mut transferred = 0;
    for seed in 0..300 {
        match run(&Scenario::handing(seed)) {
            Ok(summary) => transferred += summary.transferred,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(transferred > 100, "only {transferred} transfers in all those runs");
}

/// Most callers talk with a bot first, which hands them on, by REFER or by order, and gets them back.
#[test]
fn whoever_a_bot_hands_on_is_never_left_alone() {
    let mut transferred = 0;
    for seed in 0..300 {
        match run(&Scenario::greeting(seed)) {
            Ok(summary) => transferred += summary.transferred,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(transferred > 100, "only {transferred} transfers in all those runs");
}

/// Supervisors come, change their modes, take over and leave, and people are held, muted, asked in
/// and sent away, at every moment: whoever hears whom is worked out once more beside the switch.
#[test]
fn nobody_hears_whom_they_should_not_whoever_watches() {
    let mut all = [0; 3];
    for seed in (0..600).chain([792]) {
        match run(&Scenario::watching(seed)) {
            Ok(summary) => {
                all.iter_mut().zip(summary.watched).for_each(|(sum, more)| *sum += more);
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    let [came, changed, intercepted] = all;
    assert!(came > 500 && changed > 200 && intercepted > 50, "only {all:?} in all those runs");
}

/// Operators are told something before they are put through, or wait for a word; callers and operators
/// leave meanwhile.
#[test]
fn whoever_is_told_something_first_keeps_nobody_waiting_for_ever() {
    let (mut answered, mut abandoned) = (0, 0);
    for seed in 0..160 {
        match run(&Scenario::briefing(seed)) {
            Ok(summary) => {
                answered += summary.answered;
                abandoned += summary.abandoned;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(answered > 150 && abandoned > 150, "{answered} answered, {abandoned} abandoned");
}

/// Callers come to a menu, are told where they stand, leave the queue by a key or by its limits.
#[test]
fn whoever_is_asked_first_comes_somewhere() {
    let (mut calls, mut answered, mut abandoned) = (0, 0, 0);
    for seed in 0..300 {
        match run(&Scenario::receiving(seed)) {
            Ok(summary) => {
                calls += summary.calls;
                answered += summary.answered;
                // Whoever comes back from an operator may give up as well.
                abandoned += summary.abandoned;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    let ended = calls - answered - abandoned;
    assert!(answered > 300 && ended > 100, "{answered} answered, {ended} ended otherwise");
}

/// Colleagues and queues are asked for help, with the customer and without, and everybody leaves at every
/// moment.
#[test]
fn whoever_is_asked_for_help_hears_only_whom_they_should() {
    let mut all = [0; 2];
    for seed in (0..200).chain([743, 1_037, 1_048]) {
        match run(&Scenario::helping(seed)) {
            Ok(summary) => {
                all.iter_mut().zip(summary.helped).for_each(|(sum, more)| *sum += more);
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    let [talked, parted] = all;
    assert!(talked > 80 && parted > 8, "only {all:?} in all those runs");
}

#[test]
fn a_smooth_day_serves_everybody() {
    let summary = run(&Scenario::smooth(1, 500, 10)).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(summary.answered + summary.abandoned, summary.calls, "{summary:?}");
    assert!(summary.answered > summary.calls * 9 / 10, "{summary:?}");
}

/// Trunks are asked to bring customers to their operators, and do what trunks do.
#[test]
fn whoever_is_brought_to_an_operator_is_never_lost() {
    let mut answered = 0;
    for seed in 0..400 {
        match run(&Scenario::delivering(seed)) {
            Ok(summary) => answered += summary.answered,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(answered > 500, "only {answered} calls answered in all those runs");
}
