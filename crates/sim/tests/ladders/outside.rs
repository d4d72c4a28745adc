//! Operators who are called at a number outside.

use sim::{Caller, Scenario};

use super::check;

/// A caller, and an operator who has no phone registered.
fn house(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::quiet(1);
    scenario.callers = vec![Caller { talk_ms: 2_000, ..Caller::calm(1_000) }];
    scenario.outside = vec![0];
    scenario.wrap_up_s = 0;
    change(&mut scenario);
    scenario
}

#[test]
fn who_answers_outside_is_asked_first() {
    let about =
        |line| ["Choosing the operator 1: an operator at an outside number presses 1.", line];
    let taken = house(|_| ());
    check("outside.txt", &about("They do, and the caller is put through."), &taken);
    let left = house(|house| {
        house.operators[0].leaves_ms = Some(1_800);
    });
    check("outside-declined.txt", &about("They hang up before: it is offered again."), &left);
}
