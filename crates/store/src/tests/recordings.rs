use b2bua::RecordingKey;

use super::*;
use crate::{KeptRecording, RecordingRecord};

const KEY: RecordingKey = RecordingKey(5);

fn started(call: u64) -> What {
    What::RecordingStarted {
        recording: KEY,
        file: format!("2027/01/15/c{call}.wav").into(),
        hz: 8_000,
        cause: "policy".into(),
        by: None,
    }
}

fn stopped(cause: &str) -> What {
    What::RecordingStopped { recording: KEY, cause: cause.into(), by: None }
}

fn of(store: &Store, call: u64) -> RecordingRecord {
    let record = store.reader().call(CallKey(call)).unwrap().unwrap().recording;
    assert_eq!(store.reader().recording(CallKey(call)).unwrap(), record);
    record.unwrap()
}

#[test]
fn a_recording_is_part_of_its_calls_record() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 7);
    let mut events = vec![script.started(0, "+7495")];
    assert_eq!(store.reader().recording(CallKey(7)).unwrap(), None);
    events.push(script.event(1_000, false, started(7)));
    write(&store, &events);
    let live = of(&store, 7);
    assert_eq!((live.started, live.stopped, live.cause), (at(1_000), None, None));
    let gap = What::RecordingGap { recording: KEY, at_ms: 900, lost_ms: 40 };
    let totals = Totals::default();
    let events = [
        script.event(2_000, false, stopped("order")),
        script.event(3_000, false, started(7)),
        script.event(3_500, false, gap.clone()),
        script.event(3_600, false, gap),
        script.event(4_000, false, stopped("ended")),
        script.ended(4_000, CallResult::Answered, totals),
        script.event(5_000, false, What::RecordingPlayed { by: "boss".into() }),
    ];
    write(&store, &events);
    write(&store, &events);
    let over = of(&store, 7);
    assert_eq!((over.started, over.stopped), (at(1_000), Some(at(4_000))));
    assert_eq!((over.cause.as_deref(), over.lost_ms), (Some("ended"), 80));
    let json = serde_json::to_value(&over).unwrap();
    assert_eq!(json["id"], "r0000000000005");
    assert_eq!((&json["lost_s"], &json["erased"]), (&0.08.into(), &serde_json::Value::Null));
    let played = serde_json::json!([{ "at": "2027-01-15T08:00:05Z", "by": "boss" }]);
    assert_eq!(json["played"], played);
}

#[test]
fn one_that_failed_says_why_and_one_of_a_dead_process_says_crash() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let failed = What::RecordingFailed { recording: KEY, cause: "no space".into() };
    let mut events = vec![
        script.started(0, "1"),
        script.event(10, false, started(1)),
        script.event(20, false, failed),
        script.event(20, false, stopped("failed")),
    ];
    script.call = CallKey(2);
    events.push(script.started(30, "2"));
    events.push(script.event(40, false, started(2)));
    write(&store, &events);
    drop(store);
    let store = scratch.open();
    assert_eq!(of(&store, 1).cause.as_deref(), Some("failed: no space"));
    let crashed = of(&store, 2);
    assert_eq!((crashed.cause.as_deref(), crashed.stopped), (Some("crash"), Some(at(40))));
}

#[test]
fn they_are_found_by_number_until_they_are_erased_or_old() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let mut events = Vec::new();
    for (call, from) in [(1, "+7495"), (2, "sip:+7495@carrier"), (3, "+7496"), (4, "+7495")] {
        script.call = CallKey(call);
        let ms = i64::try_from(call).unwrap() * 1_000;
        events.push(script.started(ms, from));
        events.push(script.event(ms, false, started(call)));
        if call < 4 {
            events.push(script.event(ms + 100, false, stopped("ended")));
        }
    }
    write(&store, &events);
    let found = |store: &Store, number: &str| -> Vec<u64> {
        let kept = store.reader().recordings_of(number).unwrap();
        kept.iter().map(|kept| kept.call.0).collect()
    };
    assert_eq!(found(&store, "+7495"), [1, 2, 4]);
    for spelling in ["7495", "+7 (4) 95", "7-4.95"] {
        assert_eq!(found(&store, spelling), [1, 2, 4], "{spelling}");
    }
    assert_eq!(found(&store, "495"), [0; 0]);
    assert_eq!(found(&store, "600"), [1, 2, 3, 4]);
    let file = "2027/01/15/c4.wav".to_owned();
    let live = KeptRecording { call: CallKey(4), file, is_live: true };
    assert_eq!(store.reader().recordings_of("+7495").unwrap()[2], live);

    script.call = CallKey(2);
    let erased = script.event(9_000, false, What::RecordingErased { by: "root".into() });
    write(&store, &[erased]);
    assert_eq!(found(&store, "+7495"), [1, 4]);
    assert_eq!(of(&store, 2).erased, Some(at(9_000)));

    let what = What::RecordingExpired { before: at(3_000), recordings: 1 };
    let expired = Event { seq: script.seq, at: at(9_500), call: None, task: None, what };
    write(&store, &[Arc::new(expired)]);
    assert_eq!(found(&store, "600"), [3, 4]);
    assert_eq!((of(&store, 1).erased, of(&store, 2).erased), (Some(at(9_500)), Some(at(9_000))));
}
