//! Orders about the people in a call, sensible and not.

use std::collections::BTreeMap;

use b2bua::config::Name;
use b2bua::event::{Mode, Role};
use b2bua::{Act, Add, Asker, Audio, CallKey, Change, Command, Dial, Listeners, Whom};

use crate::dice::Dice;

const NAMES: [&str; 7] = ["alice", "bob", "nobody", "101", "102", "600", ""];
const URIS: [&str; 5] =
    ["sip:x@192.0.2.9", "sip:bob@usher.example", "tel:+7495", "sip:x@192.0.2.9?X-A=b", "x"];
const MODES: [Mode; 4] = [Mode::Monitor, Mode::Whisper, Mode::Barge, Mode::Intercept];
const ROLES: [Role; 5] =
    [Role::Supervisor, Role::Consultant, Role::Operator, Role::Customer, Role::Bot];

pub(crate) fn about_people(dice: &mut Dice<'_>, call: CallKey) -> Command {
    let by = match dice.below(6) {
        0 => Asker::Operator(name(dice)),
        1 => Asker::Supervisor { queues: vec!["support".into()] },
        2 => Asker::Supervisor { queues: Vec::new() },
        _ => Asker::Admin,
    };
    let act = match dice.below(8) {
        0..3 => Act::Add(add(dice)),
        3..6 => Act::Change { participant: name(dice), change: change(dice) },
        6 => match dice.below(4) {
            0 => Act::Remove { participant: name(dice) },
            2 => Act::Describe { context: described(dice) },
            1 => Act::Connect { to: None },
            _ => Act::Play { to: listeners(dice), audio: audio(dice) },
        },
        _ => Act::Press {
            to: some(dice, name),
            digits: dice.word(&["1", "12#*D", "", "x", "1234567890"]).into(),
            duration_ms: u16::from(dice.byte()) * 40,
        },
    };
    Command::Conference { call, by, act }
}

pub(crate) fn click(dice: &mut Dice<'_>) -> Command {
    let to = if dice.below(3) == 0 { dice.word(&URIS).into() } else { name(dice) };
    let context = described(dice).into_iter().filter_map(|(name, value)| Some((name, value?)));
    Command::Dial(Box::new(Dial {
        operator: name(dice),
        to,
        trunk: some(dice, |_| "other".into()),
        headers: headers(dice),
        context: context.collect(),
    }))
}

pub(crate) fn switch(dice: &mut Dice<'_>) -> Command {
    Command::Switch {
        queue: some(dice, |dice| dice.word(&["support", "nobody"]).into()),
        auto_connect: some(dice, |dice| dice.below(3) > 0),
        open: some(dice, |dice| dice.below(3) > 0),
    }
}

fn described(dice: &mut Dice<'_>) -> BTreeMap<String, Option<String>> {
    let names = ["X-A", "x-a", "Note", "Via", "X-B", "a b", "X-C", "X-D"];
    let count = dice.below(6);
    let one = |_| {
        let value = some(dice, |dice| dice.word(&["b", "", "b\r\nVia: c"]).into());
        (dice.word(&names).into(), value)
    };
    (0..count).map(one).collect()
}

fn some<T>(dice: &mut Dice<'_>, make: impl FnOnce(&mut Dice<'_>) -> T) -> Option<T> {
    (dice.below(2) == 0).then(|| make(dice))
}

fn name(dice: &mut Dice<'_>) -> Name {
    dice.word(&NAMES).into()
}

fn mode(dice: &mut Dice<'_>) -> Mode {
    dice.pick(&MODES).unwrap_or(Mode::Monitor)
}

fn add(dice: &mut Dice<'_>) -> Add {
    let whom = match dice.below(6) {
        0 => Whom::Number { number: name(dice), trunk: some(dice, |_| "other".into()) },
        1 => Whom::Uri(dice.word(&URIS).into()),
        _ => Whom::Operator(name(dice)),
    };
    Add {
        whom,
        role: dice.pick(&ROLES).unwrap_or(Role::Supervisor),
        mode: some(dice, mode),
        whisper_to: some(dice, name),
        headers: headers(dice),
        timeout_ms: u64::from(dice.byte()) * 100,
    }
}

fn headers(dice: &mut Dice<'_>) -> Vec<(String, String)> {
    match dice.below(4) {
        0 => vec![("X-A".into(), "b".into()), ("Y".into(), "b\r\nVia: c".into())],
        1 => vec![("Note".into(), "b".into())],
        _ => Vec::new(),
    }
}

fn audio(dice: &mut Dice<'_>) -> Audio {
    let text = dice.word(&["music:default", "prompt:closed", "prompt:x+y", "say:a", "http://x/y"]);
    text.parse().unwrap_or(Audio::Music("default".into()))
}

fn listeners(dice: &mut Dice<'_>) -> Listeners {
    match dice.below(4) {
        0 => Listeners::Having(dice.pick(&ROLES).unwrap_or(Role::Customer)),
        1 => Listeners::Named(name(dice)),
        _ => Listeners::Everybody,
    }
}

fn change(dice: &mut Dice<'_>) -> Change {
    Change {
        hold: some(dice, |dice| dice.below(2) == 0),
        hold_audio: some(dice, audio),
        muted: some(dice, |dice| dice.below(2) == 0),
        mode: some(dice, mode),
        whisper_to: some(dice, name),
    }
}
