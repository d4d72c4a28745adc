use rusqlite::Connection;

use super::*;
use crate::{Settings, StoreError};

#[test]
fn a_directory_that_is_none() {
    let scratch = Scratch::new();
    std::fs::write(&scratch.0, "a file").unwrap();
    let error = Store::open(&scratch.0, "usher-1").unwrap_err();
    assert!(matches!(error, StoreError::Directory { .. }), "{error}");
    std::fs::remove_file(&scratch.0).unwrap();
}

#[test]
fn a_second_process_is_kept_out() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let error = Store::open(&scratch.0, "usher-1").unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(store);
    scratch.open();
}

#[test]
fn a_later_schema_is_left_alone() {
    let scratch = Scratch::new();
    drop(scratch.open());
    let path = scratch.0.join("usher.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = Store::open(&scratch.0, "usher-1").unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error}");
}

/// Waits until the store is as said; the writer changes it.
fn until(store: &Store, mut condition: impl FnMut(&Store) -> bool) {
    let start = std::time::Instant::now();
    while !condition(store) {
        assert!(start.elapsed() < LONG, "never");
        std::thread::yield_now();
    }
}

#[test]
fn a_disk_that_refuses_for_a_while_loses_nothing() {
    let scratch = Scratch::new();
    let settings = Settings { retry_after: Duration::from_millis(10), ..Settings::default() };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let blocker = Connection::open(scratch.0.join("usher.db")).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let events = Script::new(&store, 7).served();
    events.iter().for_each(|event| store.append(Arc::clone(event)));
    until(&store, |store| !store.healthy());
    assert_eq!(store.dropped(), 0);
    assert_eq!(all(&store), [], "readers are not disturbed");
    blocker.execute_batch("ROLLBACK").unwrap();
    assert!(store.flush(LONG));
    assert!(store.healthy());
    assert_eq!(all(&store).len(), 1);
    assert_eq!(store.reader().events_after(0, 100).unwrap().len(), events.len());
}

#[test]
fn a_call_goes_on_after_a_refusal_and_is_closed_after_a_crash() {
    let scratch = Scratch::new();
    let settings = Settings { retry_after: Duration::from_millis(10), ..Settings::default() };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let mut scripts = [1, 2].map(|number| Script { seq: 0, ..Script::new(&store, number) });
    let (mut seq, mut parts) = (store.next_seq(), Vec::new());
    // Two calls in turns: their tasks are new when all is rolled back.
    for range in [0..2, 2..9, 9..12] {
        for script in &mut scripts {
            let events = script.served().drain(range.clone()).collect::<Vec<_>>();
            for event in events {
                parts.push(Arc::new(Event { seq, ..Event::clone(&event) }));
                seq += 1;
            }
        }
    }
    write(&store, &parts[..4]);
    let blocker = Connection::open(scratch.0.join("usher.db")).unwrap();
    blocker.busy_timeout(LONG).unwrap();
    let refuse =
        "CREATE TRIGGER refuse BEFORE INSERT ON batch BEGIN SELECT raise(ABORT, 'no'); END";
    blocker.execute_batch(refuse).unwrap();
    parts[4..18].iter().for_each(|event| store.append(Arc::clone(event)));
    until(&store, |store| !store.healthy());
    blocker.execute_batch("DROP TRIGGER refuse").unwrap();
    assert!(store.flush(LONG));
    write(&store, &parts[18..21]);
    crash::die(store);

    let records = all(&crash::copy_of(&scratch).open());
    let [second, first] = &records[..] else { panic!("{records:?}") };
    assert_eq!(first.result.as_deref(), Some("answered"));
    assert_eq!(first.tasks[0].outcome.as_deref(), Some("completed"));
    assert_eq!(second.result.as_deref(), Some("crash"));
    assert_eq!(second.tasks[0].outcome.as_deref(), Some("crash"));
    for record in [first, second] {
        assert_eq!((record.tasks.len(), record.tasks[0].offers), (1, 1), "{record:?}");
        assert_eq!(record.participants.len(), 2, "{record:?}");
    }
}

#[test]
fn a_full_disk_is_told_and_counted() {
    let scratch = Scratch::new();
    let settings = Settings {
        inbox_max: 8,
        commit_within: Duration::ZERO,
        retry_after: Duration::from_millis(1),
        pages_max: Some(60),
        ..Settings::default()
    };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let mut script = Script::new(&store, 1);
    until(&store, |store| {
        store.append(script.started(0, &"9".repeat(1_000)));
        !store.healthy() && store.dropped() > 0
    });
    assert!(!store.flush(Duration::from_millis(10)));
    let kept = store.reader().events_after(0, 1_000).unwrap().len();
    assert!(kept > 0, "what was written before is still there");
    let last = script.seq - 1;
    drop(store);
    let store = scratch.open();
    assert!(store.next_seq() > last, "no number is used twice");
}
