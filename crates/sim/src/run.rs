//! One run, and what to say of it: the numbers, or the shortest ladder that still fails.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use b2bua::SharedEvent;

use crate::scenario::{Caller, Network, Operator, Scenario};
use crate::world::World;

/// What a run that held did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Callers, and calls that orders made.
    pub calls: u64,
    /// Answered by an operator.
    pub answered: u64,
    /// Left the queue before.
    pub abandoned: u64,
    /// Operators who vanished out of a conversation.
    pub lost: u64,
    /// Transfers that succeeded.
    pub transferred: u64,
    /// Transfers that whoever asked for them did not wait for.
    pub left: u64,
    /// Supervisors who came, changes of their modes, and operators' places that they took.
    pub watched: [u64; 3],
    /// Helps in which they talked, and calls that went on without their customer.
    pub helped: [u64; 2],
    /// Callbacks whose customers were reached, and others.
    pub called_back: [u64; 2],
    /// Recordings that began.
    pub recorded: u64,
    /// What took part in a race.
    pub raced: u64,
    /// The longest call in milliseconds.
    pub longest_ms: u64,
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
        Err((what, _)) => {
            let mut failure = explain(&shrink(scenario, &kind(&what)));
            failure.seed = scenario.seed;
            Err(Box::new(failure))
        }
    }
}

/// Runs a scenario of which nothing can be left out.
///
/// # Errors
/// A [`Failure`] with the ladder.
pub fn exactly(scenario: &Scenario) -> Result<Summary, Box<Failure>> {
    attempt(scenario, false).map_err(|_| Box::new(explain(scenario)))
}

/// The last line of a ladder whose run held.
pub const HELD: &str = "Every check held, and at the end nothing is left over.";

/// How a scenario goes, as a ladder, whether or not it holds; [`HELD`] or what did not hold is
/// the last line.
#[must_use]
pub fn ladder(scenario: &Scenario) -> String {
    let mut world = World::new(scenario.clone(), true);
    let outcome = world.run();
    let last = outcome.map_or_else(|broken| format!("BROKEN: {broken}"), |()| HELD.to_owned());
    format!("{}\n{last}\n", world.ladder.text())
}

/// All that was told in a run, to its end or to where something does not hold.
#[must_use]
pub fn events(scenario: &Scenario) -> Vec<SharedEvent> {
    let mut world = World::new(scenario.clone(), false);
    world.told = Some(Vec::new());
    // Whether all holds is for others to ask.
    let _ = world.run();
    world.told.unwrap_or_default()
}

fn attempt(scenario: &Scenario, trace: bool) -> Result<Summary, (String, String)> {
    let mut world = World::new(scenario.clone(), trace);
    let outcome = quietly(|| catch_unwind(AssertUnwindSafe(|| world.run())));
    let outcome = outcome.unwrap_or_else(|panic| Err(panic_text(panic.as_ref())));
    outcome.map_err(|what| (what, world.ladder.text()))?;
    Ok(Summary {
        calls: scenario.callers.len() as u64 + world.clicked,
        answered: world.checker.answered,
        abandoned: world.checker.abandoned(),
        lost: world.checker.lost,
        transferred: world.checker.transferred,
        left: world.checker.moving,
        watched: world.checker.watched,
        helped: [world.checker.helps.talked, world.checker.helps.parted],
        called_back: world.checker.called_back(),
        recorded: world.checker.recordings.started,
        raced: world.raced,
        longest_ms: world.checker.longest_ms,
    })
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// A panic inside is a result, not something to print; elsewhere in the process it is as ever.
fn quietly<T>(act: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let done = act();
    QUIET.set(false);
    done
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("?"))
}

/// What kind of failure it is: its words, without names and numbers.
fn kind(what: &str) -> String {
    let words = what.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 3);
    words.take(6).collect::<Vec<_>>().join(" ")
}

/// Leaves out whatever can be left out, until nothing more can: callers, faults of the network,
/// restarts, manners.
fn shrink(scenario: &Scenario, kind: &str) -> Scenario {
    let mut best = scenario.clone();
    for _ in 0..4 {
        let before = best.clone();
        fewer_callers(&mut best, kind);
        for change in CALMER {
            let mut candidate = best.clone();
            change(&mut candidate);
            adopt(&mut best, candidate, kind);
        }
        for at in (0..best.callers.len()).rev() {
            for change in SIMPLER {
                let mut candidate = best.clone();
                change(&mut candidate.callers[at]);
                adopt(&mut best, candidate, kind);
            }
        }
        for at in (0..best.operators.len()).rev() {
            for change in MILDER {
                let mut candidate = best.clone();
                change(&mut candidate.operators[at]);
                adopt(&mut best, candidate, kind);
            }
        }
        if best == before {
            break;
        }
    }
    best
}

/// Takes the smaller run if it is another one, makes sense, and still fails.
fn adopt(best: &mut Scenario, mut candidate: Scenario, failure: &str) {
    let there = |at: usize| at < candidate.operators.len();
    let sound = candidate.callers.iter().all(|caller| caller.direct.is_none_or(there))
        && candidate.supervisors <= candidate.operators.len()
        && candidate.reloads.iter().all(|(_, _, who)| there(*who));
    if !sound || candidate == *best {
        return;
    }
    // Leaving something out throws all dice anew from there on, so other seeds are as good.
    let seeds = [candidate.seed].into_iter().chain(1..LUCK);
    for seed in seeds {
        candidate.seed = seed;
        let failed = attempt(&candidate, false).err();
        if failed.is_some_and(|(what, _)| kind(&what) == failure) {
            *best = candidate;
            return;
        }
    }
}

/// How many seeds a smaller run is tried with.
const LUCK: u64 = 12;

fn fewer_callers(best: &mut Scenario, failure: &str) {
    let mut step = (best.callers.len() / 2).max(1);
    loop {
        let mut at = 0;
        while at < best.callers.len() {
            let mut candidate = best.clone();
            candidate.callers.drain(at..(at + step).min(candidate.callers.len()));
            let left = candidate.callers.len();
            adopt(best, candidate, failure);
            if best.callers.len() != left {
                at += step;
            }
        }
        if step == 1 {
            return;
        }
        step = (step / 2).max(1);
    }
}

/// What a smaller run may do without.
const CALMER: [fn(&mut Scenario); 22] = [
    |s| s.record_ms = None,
    |s| s.record = b2bua::config::Record::Never,
    |s| s.carry_permille = 0,
    |s| s.people_ms = None,
    |s| s.transfer_ms = None,
    |s| s.help_permille = 0,
    |s| s.notify = b2bua::config::Notify::Nothing,
    |s| s.order_ms = None,
    |s| s.reloads.clear(),
    |s| s.drain_ms = None,
    |s| s.replay_permille = 0,
    |s| s.dead_audio_ms = None,
    |s| s.watch = sip::Watch::default(),
    |s| s.network = Network { loss_permille: 0, twice_permille: 0, ..s.network },
    |s| s.network.loss_permille = 0,
    |s| s.network.twice_permille = 0,
    |s| s.network = Network { jitter_ms: 0, delay_ms: 10, ..s.network },
    |s| fewer_operators(s, 1),
    |s| fewer_operators(s, 2),
    |s| s.wrap_up_s = 0,
    |s| s.asks = b2bua::config::Asks::default(),
    |s| s.strategy = acd::Strategy::LongestIdle,
];

/// Keeps so many of those who only serve.
fn fewer_operators(scenario: &mut Scenario, count: usize) {
    let serving = scenario.operators.len().saturating_sub(scenario.supervisors);
    scenario.operators.drain(count.min(serving)..serving);
}

const SIMPLER: [fn(&mut Caller); 6] = [
    |c| c.reinvite_ms = None,
    |c| c.late_offer = false,
    |c| c.lie = None,
    |c| c.direct = None,
    |c| c.patience_ms = 60_000,
    |c| c.talk_ms = 5_000,
];

const MILDER: [fn(&mut Operator); 15] = [
    |o| o.away_ms.clear(),
    |o| o.dead_ms = None,
    |o| o.leaves_ms = None,
    |o| o.phones = 1,
    |o| o.lie_permille = 0,
    |o| o.die_permille = 0,
    |o| o.decline_permille = 0,
    |o| o.busy_permille = 0,
    |o| o.ignore_permille = 0,
    |o| o.mute_permille = 0,
    |o| o.early_permille = 0,
    |o| o.fumble_permille = 0,
    |o| o.hang_up_permille = 0,
    |o| o.hold_permille = 0,
    |o| o.answer_ms = 1_000,
];

fn explain(scenario: &Scenario) -> Failure {
    let (what, ladder) = match attempt(scenario, true) {
        Err(told) => told,
        Ok(_) => ("did not fail again".to_owned(), String::new()),
    };
    let mut head = String::new();
    for caller in &scenario.callers {
        let _ = writeln!(head, "{caller:?}");
    }
    for operator in &scenario.operators {
        let _ = writeln!(head, "{operator:?}");
    }
    let Scenario { seed, network, dead_audio_ms, watch, carry_permille, at_once, strategy, .. } =
        scenario;
    let _ = writeln!(
        head,
        "{network:?} dead_audio_ms {dead_audio_ms:?} {watch:?} carry {carry_permille} \
         at_once {at_once} {strategy:?}"
    );
    Failure { seed: *seed, what, ladder: head + &ladder }
}
