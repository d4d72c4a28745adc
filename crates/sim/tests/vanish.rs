//! Peers that vanish without a word: nothing reaches them and nothing comes of them. In whatever
//! state they do, the switch notices it by a session timer or by asking, and nobody is left over:
//! no leg, no call without its record, no operator who is on a call with nobody.

#![expect(clippy::panic, reason = "a test panics when it fails")]

use sim::{Caller, Scenario, Summary, run};
use sip::Watch;

const TIMER: Watch = Watch { interval_s: 90, interval_s_min: 90, probe_s: 0, qualify_s: 0 };
const PROBE: Watch = Watch { interval_s: 0, interval_s_min: 90, probe_s: 60, qualify_s: 0 };
const BOTH: Watch = Watch { interval_s: 1_800, interval_s_min: 90, probe_s: 60, qualify_s: 0 };

/// Who vanishes, see `raw/caller.rs`.
const VANISHES: Option<usize> = Some(8);

/// Nobody who has vanished is kept for longer: a timer of 90 s, or 60 s of silence and 32 s without
/// an answer, after the longest ringing and hold that the house has.
const BOUND_MS: u64 = 200_000;

/// Runs a house with one operator and callers who would stay for an hour.
fn check(lie: Option<usize>, change: impl Fn(&mut Scenario)) -> Summary {
    let mut sum = Summary::default();
    for watch in [TIMER, PROBE, BOTH] {
        for seed in 0..40 {
            let mut house = Scenario::quiet(1);
            house.seed = seed;
            house.watch = watch;
            house.wait_s_max = 3_600;
            house.callers.push(Caller {
                talk_ms: 3_600_000,
                patience_ms: 3_600_000,
                lie,
                ..Caller::calm(2_000)
            });
            change(&mut house);
            let one = run(&house).unwrap_or_else(|failure| panic!("{failure}"));
            sum.answered += one.answered;
            sum.abandoned += one.abandoned;
            sum.lost += one.lost;
            sum.longest_ms = sum.longest_ms.max(one.longest_ms);
        }
    }
    sum
}

#[test]
fn a_caller_who_waits() {
    let sum = check(VANISHES, |house| house.operators[0].ignore_permille = 1_000);
    assert_eq!((sum.answered, sum.abandoned), (0, 120), "{sum:?}");
    assert!(sum.longest_ms < BOUND_MS, "{sum:?}");
}

#[test]
fn a_caller_who_hears_ringing() {
    let sum = check(VANISHES, |house| {
        house.at_once = false;
        house.operators[0].ignore_permille = 1_000;
        house.wait_s_max = 120;
    });
    assert!(sum.longest_ms < BOUND_MS, "{sum:?}");
}

#[test]
fn a_caller_who_talks() {
    let sum = check(VANISHES, |_| {});
    assert!(sum.answered > 90, "{sum:?}");
    assert!(sum.longest_ms < BOUND_MS, "{sum:?}");
}

#[test]
fn a_caller_on_hold() {
    let sum = check(VANISHES, |house| house.operators[0].hold_permille = 1_000);
    assert!(sum.answered > 90, "{sum:?}");
    assert!(sum.longest_ms < BOUND_MS, "{sum:?}");
}

#[test]
fn an_operator_who_talks_or_rings_or_holds() {
    for (hold, ignore) in [(0, 0), (1_000, 0), (0, 500)] {
        let sum = check(None, |house| {
            let operator = &mut house.operators[0];
            (operator.hold_permille, operator.ignore_permille) = (hold, ignore);
            operator.die_permille = 1_000;
            house.callers[0].talk_ms = 200_000;
            house.callers[0].patience_ms = 900_000;
        });
        assert!(sum.lost > 60, "{sum:?}");
    }
}

#[test]
fn both_at_once() {
    let sum = check(VANISHES, |house| house.operators[0].die_permille = 1_000);
    assert!(sum.longest_ms < BOUND_MS, "{sum:?}");
}
