//! Each two of what can happen to a call, at the same instant in either order, and one while the answers
//! to the other are on their way, at every stage of a call: nobody is left in silence, no leg stays, and
//! there is one record.

#![expect(clippy::panic, reason = "a test panics when it fails")]

use b2bua::event::{HelpMode, Mode, Role};
use b2bua::{Act, Add, Asker, Audio, Change, HelpWanted, Listeners, Whom};
use sim::{Caller, Race, Racer, Scenario, exactly, hand_on};

/// What is under way when it happens.
const STAGES: [&str; 10] = [
    "op0 rings",
    "op0 talks",
    "op0 holds the caller",
    "op0 talks, watched by op2",
    "two-party help rings at op1",
    "two-party help with op1",
    "three-party help with op1",
    "a cold transfer rings at op1",
    "a warm transfer rings at op1",
    "a warm transfer talks with op1",
];

/// When that stands.
const AT_MS: u64 = 8_000;
/// How long a phone rings that nobody picks up by themselves.
const NOBODY_MS: u64 = 100_000;

fn operator(who: &str) -> Whom {
    Whom::Operator(who.into())
}

fn help(mode: HelpMode, who: &str) -> Act {
    let whom = operator(who);
    Act::Help(HelpWanted { by: None, whom, mode, headers: Vec::new(), timeout_ms: 10_000 })
}

fn add(who: &str, role: Role, mode: Option<Mode>) -> Act {
    let whom = operator(who);
    let (whisper_to, headers) = (None, Vec::new());
    Act::Add(Add { whom, role, mode, whisper_to, headers, timeout_ms: 10_000 })
}

fn change(who: &str, change: Change) -> Act {
    Act::Change { participant: who.into(), change }
}

fn hold(who: &str) -> Act {
    change(who, Change { hold: Some(true), ..Change::default() })
}

/// A caller of the queue, two operators and one who watches.
fn house(stage: usize) -> Scenario {
    let mut house = Scenario::quiet(3);
    house.strategy = acd::Strategy::InOrder;
    house.supervisors = 1;
    house.dead_audio_ms = Some(2_000);
    house.wrap_up_s = 1;
    house.callers = vec![Caller { talk_ms: 40_000, ..Caller::calm(2_000) }];
    let mut order = |at_ms, act| house.script.push((at_ms, Asker::Admin, act));
    match stage {
        2 => order(5_000, hold("c0")),
        3 => order(5_000, add("op2", Role::Supervisor, Some(Mode::Barge))),
        4 | 5 => order(5_000, help(HelpMode::TwoParty, "op1")),
        6 => order(5_000, help(HelpMode::ThreeParty, "op1")),
        7 => order(5_000, Act::Transfer(hand_on(operator("op1"), false))),
        8 | 9 => order(5_000, Act::Transfer(hand_on(operator("op1"), true))),
        _ => {}
    }
    match stage {
        0 => house.operators[0].answer_ms = NOBODY_MS,
        4 | 7 | 8 => house.operators[1].answer_ms = NOBODY_MS,
        _ => {}
    }
    house
}

fn racers() -> Vec<Racer> {
    let two = |racer: fn(usize) -> Racer| [racer(0), racer(1)];
    let mut all = vec![
        Racer::CallerHangsUp,
        Racer::CallerReinvites,
        Racer::CallerIsSilent,
        Racer::Ends,
        Racer::HangsUp(2),
    ];
    all.extend(two(Racer::HangsUp));
    all.extend(two(Racer::Holds));
    all.extend(two(Racer::IsSilent));
    all.extend(two(Racer::Answers));
    all.extend(two(Racer::Refuses));
    let resume = Change { hold: Some(false), ..Change::default() };
    let mute = Change { muted: Some(true), ..Change::default() };
    let intercept = Change { mode: Some(Mode::Intercept), ..Change::default() };
    let orders = [
        hold("c0"),
        hold("op0"),
        change("c0", resume),
        change("op0", mute),
        change("op2", intercept),
        Act::Remove { participant: "c0".into() },
        Act::Remove { participant: "op0".into() },
        Act::Remove { participant: "op1".into() },
        help(HelpMode::TwoParty, "op1"),
        Act::TakeBack,
        add("op1", Role::Consultant, None),
        add("op2", Role::Supervisor, Some(Mode::Monitor)),
        Act::Transfer(hand_on(operator("op1"), false)),
        Act::Transfer(hand_on(operator("op1"), true)),
        Act::Transfer(hand_on(Whom::Queue("support".into()), false)),
        Act::CompleteTransfer,
        Act::CancelTransfer,
        Act::Play { to: Listeners::Everybody, audio: Audio::Prompt(vec!["closed".into()]) },
    ];
    all.extend(orders.map(Racer::Orders));
    all
}

fn all_pairs(stages: core::ops::Range<usize>) {
    let racers = racers();
    let (mut runs, mut raced) = (0, 0);
    for stage in stages {
        for first in &racers {
            for second in &racers {
                for gap_ms in [0, 15] {
                    let pair = vec![first.clone(), second.clone()];
                    let race = Some(Race { at_ms: AT_MS, racers: pair, gap_ms });
                    let scenario = Scenario { race, ..house(stage) };
                    match exactly(&scenario) {
                        Ok(summary) => raced += summary.raced,
                        Err(failure) => panic!(
                            "{}; {first:?}, {gap_ms} ms later {second:?}\n{failure}",
                            STAGES[stage]
                        ),
                    }
                    runs += 1;
                }
            }
        }
    }
    assert!(raced > runs, "{raced} of {} did anything", 2 * runs);
}

#[test]
fn while_a_phone_rings_and_two_talk() {
    all_pairs(0..4);
}

#[test]
fn while_a_colleague_helps() {
    all_pairs(4..7);
}

#[test]
fn while_a_call_is_handed_on() {
    all_pairs(7..STAGES.len());
}
