use std::collections::BTreeMap;

use b2bua::config::First;
use b2bua::event::{Chosen, ChosenState, Effective, EffectiveState};
use b2bua::{Callback, CallbackCause, CallbackEnd, Choice, Restored, Terms};

use super::*;

fn chosen(state: Chosen, reason: Option<&str>, cause: &str) -> What {
    What::OperatorState {
        operator: "alice".into(),
        chosen: ChosenState { state, reason: reason.map(Into::into), cause: cause.into() },
        effective: EffectiveState { state: Effective::Ready, cause: "chosen".into(), since: at(0) },
    }
}

pub(super) const TERMS: Terms =
    Terms { first: First::Operator, confirm: true, attempts_max: 3, gap_ms: 600_000 };

pub(super) fn created(predecessor: CallKey) -> What {
    What::CallbackCreated {
        work: b2bua::event::Work::CALLBACK,
        queue: "support".into(),
        number: "+74951234567".into(),
        name: Some("Anna \"A\"".to_owned()),
        trunk: "carrier".into(),
        cause: CallbackCause::Key,
        predecessor: Some(predecessor),
        virtual_start: at(-60_000),
        priority_s: 5,
        not_before: None,
        expires: at(86_400_000),
        attempts: 0,
        terms: TERMS,
        restored: false,
        context: BTreeMap::from([("X-Line".to_owned(), "vip".to_owned())]),
    }
}

#[test]
fn callbacks_and_choices_are_there_for_the_next_process() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let (mut one, mut other) = (Script::new(&store, 7), Script::new(&store, 8));
    other.seq += 100;
    let attempt = What::CallbackAttempt {
        queue: "support".into(),
        number: "+74951234567".into(),
        attempt: 1,
        result: "busy".into(),
        next: Some(at(600_000)),
    };
    let done = What::CallbackDone {
        queue: "support".into(),
        number: "+74951234567".into(),
        result: CallbackEnd::Reached,
    };
    let predecessor = one.call;
    write(
        &store,
        &[
            one.event(0, false, chosen(Chosen::Offline, None, "configured")),
            one.event(1, true, created(predecessor)),
            one.event(2, false, chosen(Chosen::NotReady, Some("tea"), "chosen")),
            // Each change of what holds tells it again.
            one.event(3, false, chosen(Chosen::NotReady, Some("tea"), "chosen")),
            one.event(4, true, attempt),
            other.event(5, true, created(predecessor)),
            other.event(6, true, done),
        ],
    );
    drop(store);
    let store = scratch.open();
    let unix = |at: Utc| Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap());
    let callback = Callback {
        number: "+74951234567".into(),
        name: Some("Anna \"A\"".to_owned()),
        trunk: "carrier".into(),
        context: BTreeMap::from([("X-Line".to_owned(), "vip".to_owned())]),
        predecessor: Some(predecessor),
        cause: CallbackCause::Key,
        virtual_start: unix(at(-60_000)),
        priority_s: 5,
        not_before: Some(unix(at(600_000))),
        expires: unix(at(86_400_000)),
        attempts: 1,
        terms: TERMS,
    };
    let choice = Choice::NotReady { reason: Some("tea".into()) };
    let expected = Restored {
        callbacks: vec![(TaskKey(7), "support".into(), callback)],
        chosen: vec![("alice".into(), choice)],
    };
    assert_eq!(store.reader().standing().unwrap(), expected);
    // Their phone signs them out: the next process knows of no choice.
    let mut again = Script::new(&store, 9);
    write(&store, &[again.event(0, false, chosen(Chosen::Offline, None, "signed-out"))]);
    assert_eq!(store.reader().standing().unwrap().chosen, Vec::new());
}

#[test]
fn who_waits_for_the_disk_is_told_after_it() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let (told, heard) = std::sync::mpsc::channel();
    let mut script = Script::new(&store, 7);
    let predecessor = script.call;
    store.append(script.event(0, true, created(predecessor)));
    let reader = store.reader();
    store.after(Box::new(move || {
        let there = reader.standing().unwrap().callbacks.len();
        told.send(there).unwrap();
    }));
    assert_eq!(heard.recv_timeout(LONG), Ok(1));
}
