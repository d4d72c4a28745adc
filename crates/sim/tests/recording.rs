//! Recordings follow the call: over holds, transfers of every kind and lost operators there is one, from
//! the first word to the end. The checks of every run say so (`src/check/recording.rs`); here they have
//! something to look at, and nobody interferes.

#![expect(clippy::panic, reason = "a test panics when it fails")]

use b2bua::config::Record;
use sim::{Caller, Scenario, Summary, run};

fn recorded(scenario: &Scenario) -> Summary {
    run(scenario).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn over_transfers_of_every_kind() {
    let mut sum = Summary::default();
    for seed in 0..300 {
        let house = Scenario { record: Record::Always, record_ms: None, ..Scenario::moving(seed) };
        let one = recorded(&house);
        sum.transferred += one.transferred;
        sum.recorded += one.recorded;
        sum.answered += one.answered;
    }
    assert!(sum.transferred > 50, "{sum:?}");
    // One whose answer to our offer never came was answered, and said nothing.
    assert!(sum.recorded > sum.answered * 9 / 10 && sum.recorded <= sum.answered, "{sum:?}");
}

#[test]
fn over_holds_and_operators_who_are_lost() {
    let mut sum = Summary::default();
    for seed in 0..50 {
        let mut house = Scenario::quiet(2);
        (house.seed, house.record) = (seed, Record::Always);
        house.dead_audio_ms = Some(3_000);
        for operator in &mut house.operators {
            (operator.hold_permille, operator.die_permille) = (1_000, 500);
        }
        house.callers.push(Caller { talk_ms: 40_000, ..Caller::calm(2_000) });
        let one = recorded(&house);
        assert_eq!(one.recorded, one.answered, "seed {seed}: {one:?}");
        sum.lost += one.lost;
    }
    assert!(sum.lost > 10, "{sum:?}");
}

#[test]
fn on_demand_means_when_somebody_wants_it() {
    let (mut wanted, mut began) = (0, 0);
    for seed in 0..100 {
        let house = Scenario { record: Record::OnDemand, ..Scenario::rough(seed) };
        assert_eq!(recorded(&Scenario { record_ms: None, ..house.clone() }).recorded, 0);
        let one = recorded(&Scenario { record_ms: Some(2_000), ..house });
        (wanted, began) = (wanted + one.answered, began + one.recorded);
    }
    assert!(began > wanted / 10, "{began} of {wanted}");
}
