//! One run, and what to say of it: the numbers, or the shortest ladder that still fails.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::scenario::{Network, Scenario};
use crate::world::World;

/// What a run that held did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Callers.
    pub calls: u64,
    /// Answered by an operator.
    pub answered: u64,
    /// Left the queue before.
    pub abandoned: u64,
}

/// A run in which something did not hold, made as small as it could be.
#[derive(Debug)]
pub struct Failure {
    /// The seed: all that is needed to see it again.
    pub seed: u64,
    /// What did not hold.
    pub what: String,
    /// The smallest run that still fails, and how it went.
    pub ladder: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.what)?;
        f.write_str(&self.ladder)
    }
}

/// Runs a scenario to its end.
///
/// # Errors
/// A [`Failure`] with the smallest scenario that still fails.
pub fn run(scenario: &Scenario) -> Result<Summary, Box<Failure>> {
    match attempt(scenario, false) {
        Ok(summary) => Ok(summary),
        Err(_) => Err(Box::new(explain(shrink(scenario)))),
    }
}

/// How a scenario goes, as a ladder, whether or not it holds.
#[must_use]
pub fn ladder(scenario: &Scenario) -> String {
    let mut world = World::new(scenario.clone(), true);
    let outcome = world.run();
    format!("{}{outcome:?}\n", world.ladder.text())
}

fn attempt(scenario: &Scenario, trace: bool) -> Result<Summary, (String, String)> {
    let mut world = World::new(scenario.clone(), trace);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.run()));
    let outcome = outcome.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())));
    outcome.map_err(|what| (what, world.ladder.text().to_owned()))?;
    Ok(Summary {
        calls: scenario.callers.len() as u64,
        answered: world.checker.answered,
        abandoned: world.checker.abandoned,
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("?"))
}

/// Leaves out whatever can be left out: callers, faults of the network, restarts, manners.
fn shrink(scenario: &Scenario) -> Scenario {
    let fails = |candidate: &Scenario| attempt(candidate, false).is_err();
    let mut best = scenario.clone();
    let mut step = (best.callers.len() / 2).max(1);
    loop {
        let mut at = 0;
        while at < best.callers.len() {
            let mut candidate = best.clone();
            candidate.callers.drain(at..(at + step).min(candidate.callers.len()));
            if fails(&candidate) { best = candidate } else { at += step }
        }
        if step == 1 {
            break;
        }
        step = (step / 2).max(1);
    }
    let calmer: [fn(&mut Scenario); 8] = [
        |s| s.carry_permille = 0,
        |s| s.network = Network { loss_permille: 0, twice_permille: 0, ..s.network },
        |s| s.network = Network { jitter_ms: 0, ..s.network },
        |s| s.operators.truncate(1),
        |s| s.callers.iter_mut().for_each(|c| c.reinvite_ms = None),
        |s| s.callers.iter_mut().for_each(|c| c.late_offer = false),
        |s| s.operators.iter_mut().for_each(|o| o.away_ms.clear()),
        |s| s.operators.iter_mut().for_each(|o| o.phones = 1),
    ];
    for change in calmer {
        let mut candidate = best.clone();
        change(&mut candidate);
        let there = |c: &crate::Caller| c.direct.is_none_or(|at| at < candidate.operators.len());
        if candidate.callers.iter().all(there) && fails(&candidate) {
            best = candidate;
        }
    }
    best
}

fn explain(scenario: Scenario) -> Failure {
    let (what, ladder) = match attempt(&scenario, true) {
        Err(told) => told,
        Ok(_) => ("did not fail again".to_owned(), String::new()),
    };
    let Scenario { seed, callers, operators, network, .. } = &scenario;
    let head = format!("{network:?}\n{callers:#?}\n{operators:#?}\n");
    Failure { seed: *seed, what, ladder: head + &ladder }
}
