use rusqlite::Connection;

use super::*;
use crate::SEQ_GAP;

/// A directory with a database of the first version.
fn of_v1() -> Scratch {
    let scratch = Scratch::new();
    std::fs::create_dir_all(&scratch.0).unwrap();
    let db = Connection::open(scratch.0.join("usher.db")).unwrap();
    db.execute_batch(include_str!("v1.sql")).unwrap();
    scratch
}

#[test]
fn the_calls_of_v1_are_still_what_they_were() {
    let scratch = of_v1();
    let store = scratch.open();
    let records = all(&store);
    let ids: Vec<u64> = records.iter().map(|record| record.id.0).collect();
    assert_eq!(ids, [3, 2, 1]);
    let over = &records[2];
    assert_eq!((over.result.as_deref(), over.length_ms), (Some("answered"), Some(5_000)));
    assert_eq!((over.wait_ms, over.ring_ms, over.talk_ms), (500, 1_500, 3_000));
    assert_eq!(over.context["X-Line"], "7");
    let lengths: Vec<_> = over.segments.iter().map(|one| (&*one.phase, one.length_ms)).collect();
    assert_eq!(lengths, [("wait", Some(500)), ("ring", Some(1_500)), ("talk", Some(3_000))]);
    assert_eq!(over.segments[0].hears["p0000000000001"], ["music:default"]);
    let left: Vec<_> = over.participants.iter().map(|one| one.left).collect();
    assert_eq!(left, [Some(at(5_000)), Some(at(4_500))]);
    let [task] = &over.tasks[..] else { panic!("{:?}", over.tasks) };
    assert_eq!((&*task.kind, &*task.channel), ("call", "voice"));
    assert_eq!((&*task.id, task.offers, task.wrap_up_ms), ("t0000000000009", 2, Some(1_000)));
}

#[test]
fn what_v1_left_open_ends_as_crash() {
    let scratch = of_v1();
    let records = all(&scratch.open());
    let (new, talks) = (&records[0], &records[1]);
    assert_eq!((talks.result.as_deref(), talks.ended), (Some("crash"), Some(at(7_000))));
    assert_eq!((talks.wait_ms, talks.ring_ms, talks.talk_ms), (0, 2_000, 4_000));
    assert_eq!(talks.segments[1].length_ms, Some(4_000));
    assert_eq!(talks.participants[0].left, Some(at(7_000)));
    assert_eq!((new.length_ms, new.wait_ms), (Some(500), 500));
    assert_eq!(new.tasks[0].outcome.as_deref(), Some("crash"));
    assert_eq!(all(&scratch.open()), records, "once");
}

#[test]
fn the_events_of_v1_are_still_told() {
    let scratch = of_v1();
    let store = scratch.open();
    assert_eq!(store.next_seq(), 10_000_010 + SEQ_GAP + 1);
    let reader = store.reader();
    assert_eq!(reader.oldest_event().unwrap(), Some(1));
    let found = reader.events_after(0, 100).unwrap();
    let seqs: Vec<u64> = found.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 6, 7, 8, 9, 10_000_010]);
    assert_eq!(found[2].json, r#"{"seq":3,"type":"leg.ended","cause":"line\nbreak"}"#);
    let found = reader.events_after(3, 2).unwrap();
    assert_eq!(found.iter().map(|event| event.seq).collect::<Vec<_>>(), [4, 6]);

    let mut script = Script::new(&store, 9);
    write(&store, &script.served());
    assert_eq!(all(&store)[0].id, CallKey(9), "and it goes on");
    assert_eq!(reader.events_after(10_000_009, 2).unwrap()[1].seq, 10_000_010 + SEQ_GAP + 1);
}

#[test]
fn a_migration_keeps_as_much_as_was_kept() {
    let scratch = of_v1();
    let settings = crate::Settings { events_max: 3, ..crate::Settings::default() };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let mut script = Script::new(&store, 9);
    write(&store, &[script.started(0, "1"), script.segment(0, Phase::Wait)]);
    assert_eq!(store.reader().oldest_event().unwrap(), Some(10_000_010));
}
