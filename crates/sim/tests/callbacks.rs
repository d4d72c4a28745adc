//! Customers who are called back: nobody forgotten, nobody called twice for one, nobody booked twice.

use b2bua::config::Abandoned;
use sim::{Caller, Operator, Scenario, run};

#[test]
fn whatever_happens_every_callback_comes_to_an_end() {
    let mut ends = [0; 2];
    for seed in 0..600 {
        match run(&Scenario::calling_back(seed)) {
            Ok(summary) => {
                ends = [ends[0] + summary.called_back[0], ends[1] + summary.called_back[1]];
            }
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(ends.iter().all(|count| *count > 300), "{ends:?} reached and not, in all those runs");
}

/// The source's own test: thirty callers give up while five operators talk. Each operator who comes free
/// gets one of them at a time (the checker sees to that), and all thirty are reached.
#[test]
fn thirty_who_gave_up_and_five_operators() {
    let mut scenario = Scenario::calling_back(1);
    let five = Caller { talk_ms: 60_000, ..Caller::calm(1_000) };
    let gives_up = |n: u64| Caller { patience_ms: 3_000, ..Caller::calm(3_000 + 300 * n) };
    scenario.callers = (0..5).map(|_| five.clone()).chain((0..30).map(gives_up)).collect();
    let calm: Operator = Scenario::quiet(1).operators[0].clone();
    let operator = Operator { ignore_permille: 0, hang_up_permille: 0, ..calm };
    let quiet = Scenario::quiet(5);
    scenario = Scenario { callers: scenario.callers, callbacks: scenario.callbacks, ..quiet };
    scenario.operators = vec![operator; 5];
    let house = scenario.callbacks.as_mut().unwrap_or_else(|| panic!("it calls back"));
    house.abandoned = Abandoned::CalledBack;
    house.policy.expires_ms = 3_600_000;
    house.policy.confirm = true;
    (house.star_permille, house.no_permille, house.mute_permille) = (0, 0, 0);
    (house.busy_permille, house.away_permille, house.numbers) = (0, 0, None);
    let summary = run(&scenario).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(summary.called_back, [30, 0]);
}
