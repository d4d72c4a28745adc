//! A run is a function of its scenario: twice the same, and the same in another body.

use sim::{Scenario, ladder};

#[test]
fn a_seed_gives_one_ladder_whatever_body_the_switch_lives_in() {
    for seed in 0..200 {
        let mut scenario = Scenario::rough(seed);
        scenario.carry_permille = 0;
        let once = ladder(&scenario);
        assert!(once == ladder(&scenario), "seed {seed}: not the same twice");
        // Carried and resumed before each input and each timeout.
        scenario.carry_permille = 1_000;
        let carried = ladder(&scenario);
        let differs = once.lines().zip(carried.lines()).find(|(one, other)| one != other);
        assert!(once == carried, "seed {seed}: carried it goes otherwise: {differs:?}");
    }
}
