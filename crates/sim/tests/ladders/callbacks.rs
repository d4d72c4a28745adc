//! Customers who are called back.

use b2bua::config::{Abandoned, CallbackPolicy, First};
use sim::{Callbacks, Caller, Scenario};

use super::check;

/// One who calls at two seconds and is patient, or for so long; one operator, on a call of their own
/// until somebody says so.
fn house(patience_ms: u64) -> Scenario {
    let mut scenario = Scenario::quiet(1);
    let talks = Caller { talk_ms: 4_000, ..Caller::calm(1_000) };
    scenario.callers = vec![talks, Caller { patience_ms, ..Caller::calm(2_000) }];
    scenario.operators[0].hang_up_permille = 0;
    scenario.operators[0].answer_ms = 300;
    scenario.operators[0].ignore_permille = 0;
    scenario.wrap_up_s = 1;
    scenario.callbacks = Some(Callbacks {
        policy: CallbackPolicy {
            key: Some('*'),
            trunk: None,
            first: First::Operator,
            confirm: true,
            attempts_max: 2,
            gap_ms: 5_000,
            expires_ms: 120_000,
            share: 0,
            hours: None,
        },
        abandoned: Abandoned::Removed,
        star_permille: 0,
        stored_ms: Some(90),
        no_permille: 0,
        mute_permille: 0,
        busy_permille: 0,
        away_permille: 0,
        talk_ms: 2_000,
        numbers: None,
    });
    scenario
}

pub(super) fn with(patience_ms: u64, change: impl FnOnce(&mut Callbacks)) -> Scenario {
    let mut scenario = house(patience_ms);
    if let Some(house) = &mut scenario.callbacks {
        change(house);
    }
    scenario
}

#[test]
fn a_caller_presses_the_star_and_is_called_back() {
    let stars = with(60_000, |house| house.star_permille = 1_000);
    let about = [
        "behaviours.md, Callers 4: a caller asks to be called back. It is written down before they are",
        "told so; their place is the callback's. The operator who is free for it is asked, presses 1,",
        "and hears it ring; from the customer's answer on it is a call of the queue's.",
    ];
    check("callback-star.txt", &about, &stars);
}

#[test]
fn what_cannot_be_written_down_is_not_promised() {
    let stars = with(60_000, |house| (house.star_permille, house.stored_ms) = (1_000, None));
    let about = [
        "The disk does not answer within a second: the caller keeps their place, is told so, and is",
        "served as if they had pressed nothing.",
    ];
    check("callback-not-stored.txt", &about, &stars);
}

#[test]
fn who_gives_up_is_called_back() {
    let gives_up = with(2_000, |house| {
        house.abandoned = Abandoned::CalledBack;
        house.busy_permille = 1_000;
    });
    let about = [
        "behaviours.md, Choosing 8 and 9: on_abandon = \"callback\". The customer is busy: once more",
        "after gap_s, and after the second attempt it is over.",
    ];
    check("callback-busy.txt", &about, &gives_up);
}

#[test]
fn the_operator_says_no() {
    let gives_up = with(2_000, |house| {
        house.abandoned = Abandoned::CalledBack;
        house.mute_permille = 1_000;
        house.policy.expires_ms = 30_000;
    });
    let about = [
        "The operator says nothing for 15 s after the question: no attempt at the customer. They are",
        "asked again after back_off_s, until it is too late.",
    ];
    check("callback-silence.txt", &about, &gives_up);
}

#[test]
fn the_customer_is_called_first() {
    let gives_up = with(2_000, |house| {
        house.abandoned = Abandoned::CalledBack;
        house.policy.first = First::Customer;
    });
    let about = [
        "first = \"customer\": the operator is kept free while the customer is called, and rung when they",
        "have answered.",
    ];
    check("callback-customer-first.txt", &about, &gives_up);
}

#[test]
fn who_calls_again_has_their_old_place() {
    let mut scenario = with(1_000, |house| {
        house.abandoned = Abandoned::CalledBack;
        house.numbers = Some(2);
    });
    let again = Caller { at_ms: 4_000, ..Caller::calm(4_000) };
    // The third has the number of the first; the second gave up, and has that of the fourth.
    scenario.callers[0].talk_ms = 6_000;
    scenario.callers.push(Caller { at_ms: 3_500, ..Caller::calm(3_500) });
    scenario.callers.push(again);
    let about = [
        "behaviours.md, Choosing 8: a customer who is to be called back rings again. They have the place",
        "they had, before somebody who came in between, and the callback is over.",
    ];
    check("callback-merged.txt", &about, &scenario);
}
