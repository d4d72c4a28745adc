//! Tasks that are kept back, or wait to be picked: with and without automatic connection.

use acd::Hold;
use sim::{Caller, Scenario};

use super::check;

/// Two operators who answer soon, and a caller.
fn house(change: impl FnOnce(&mut Scenario)) -> Scenario {
    let mut scenario = Scenario::quiet(2);
    scenario.callers = vec![Caller { talk_ms: 2_000, ..Caller::calm(1_000) }];
    for operator in &mut scenario.operators {
        (operator.answer_ms, operator.ignore_permille, operator.hang_up_permille) = (300, 0, 0);
    }
    scenario.wrap_up_s = 0;
    change(&mut scenario);
    scenario
}

#[test]
fn kept_back_or_not_connected_or_not() {
    let about = |line| ["behaviours.md, Callers 7 and 8: operators are free all the time.", line];
    let held = house(|house| house.hold = Some(Hold::For(3_000)));
    check("hold.txt", &about("hold, hold_s = 3: queued, and offered three seconds later."), &held);
    let released = house(|house| {
        house.hold = Some(Hold::Released);
        house.picks = vec![(2_500, None)];
    });
    check(
        "hold-released.txt",
        &about("hold_s = \"release\": offered when it is released."),
        &released,
    );
    let picked = house(|house| {
        house.by_hand = true;
        house.picks = vec![(2_500, Some(1))];
    });
    check("picked.txt", &about("auto_connect = false: offered to whom it is assigned."), &picked);
    let both = house(|house| {
        (house.by_hand, house.hold) = (true, Some(Hold::Released));
        house.picks = vec![(2_000, None), (3_000, Some(1))];
    });
    let line = "Both: released it waits to be picked, like one that was never kept back.";
    check("hold-picked.txt", &about(line), &both);
}
