use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;
use crate::SEQ_GAP;

/// Set for the child that is to be killed: its data directory.
const CHILD: &str = "USHER_STORE_TEST_DIR";

/// Leaves the database as a dead process would: written, but not closed.
pub(super) fn die(store: Store) {
    // The writer still holds the database; a copy of its files is what a dead process leaves.
    assert!(store.flush(LONG));
    std::mem::forget(store);
}

pub(super) fn copy_of(scratch: &Scratch) -> Scratch {
    let copy = Scratch::new();
    std::fs::create_dir_all(&copy.0).unwrap();
    for name in ["usher.db", "usher.db-wal"] {
        std::fs::copy(scratch.0.join(name), copy.0.join(name)).unwrap();
    }
    copy
}

#[test]
fn what_was_open_ends_as_crash_once() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let queued = What::TaskQueued {
        work: b2bua::event::Work::CALL,
        queue: "sales".into(),
        position: 1,
        virtual_start: at(0),
        priority_s: 0,
    };
    let events = [
        script.started(0, "100"),
        script.segment(0, Phase::Wait),
        script.event(0, true, queued),
        script.segment(1_500, Phase::Talk),
        script.segment(4_000, Phase::Hold),
        script.event(4_200, false, What::CallAnswered { operator: None }),
    ];
    write(&store, &events);
    die(store);

    let copy = copy_of(&scratch);
    let store = copy.open();
    assert_eq!(store.next_seq(), 6 + SEQ_GAP + 1);
    let first = all(&store);
    let [record] = &first[..] else { panic!("{first:?}") };
    assert_eq!(record.result.as_deref(), Some("crash"));
    assert_eq!(record.ended, Some(at(4_200)));
    assert_eq!((record.wait_ms, record.talk_ms, record.hold_ms), (1_500, 2_500, 200));
    assert_eq!(record.length_ms, Some(4_200));
    assert_eq!(record.tasks[0].outcome.as_deref(), Some("crash"));
    drop(store);
    let store = copy.open();
    assert_eq!(all(&store), first, "closed once");
    assert_eq!(store.next_seq(), 6 + SEQ_GAP + 1, "nothing happened in between");
}

#[test]
fn a_call_in_which_nothing_happens_has_lasted_until_the_process_died() {
    let scratch = Scratch::new();
    let settings = crate::Settings {
        seen_every: Duration::from_millis(1),
        commit_within: Duration::ZERO,
        ..crate::Settings::default()
    };
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    let mut script = Script::new(&store, 1);
    // Long ago.
    write(&store, &[script.started(-800_000_000_000, "100")]);
    let ended = || {
        assert!(store.flush(LONG));
        all(&copy_of(&scratch).open())[0].ended
    };
    let began = Instant::now();
    let lately = jiff::Timestamp::from_second(1_700_000_000).unwrap();
    while ended().is_none_or(|ended| ended < lately) {
        assert!(began.elapsed() < LONG, "it was never seen");
    }
}

#[test]
fn parts_add_up_without_a_segment() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let queued = What::TaskQueued {
        work: b2bua::event::Work::CALL,
        queue: "sales".into(),
        position: 1,
        virtual_start: at(200),
        priority_s: 0,
    };
    write(&store, &[script.started(0, "100"), script.event(200, true, queued)]);
    die(store);
    let copy = copy_of(&scratch);
    let record = &all(&copy.open())[0];
    assert_eq!((record.length_ms, record.wait_ms, record.ring_ms), (Some(200), 200, 0));
}

/// As (call, result, outcomes of its tasks), newest first.
fn outcomes(records: &[CallRecord]) -> Vec<(u64, &str, Vec<&str>)> {
    records
        .iter()
        .map(|record| {
            let tasks = record.tasks.iter().map(|task| task.outcome.as_deref().unwrap_or("open"));
            (record.id.0, record.result.as_deref().unwrap_or("live"), tasks.collect())
        })
        .collect()
}

#[test]
fn open_calls_and_tasks_are_found_among_those_that_ended() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let mut served = |number: u64, events: usize| {
        (script.call, script.task) = (CallKey(number), TaskKey(number));
        let first = script.seq;
        let mut part = script.served();
        part.truncate(events);
        script.seq = first + events as u64;
        write(&store, &part);
    };
    // Twelve events are a whole call; after ten it talks, after eleven its operator wraps up.
    for (number, events) in [(1, 12), (2, 11), (3, 12), (4, 10), (5, 12), (6, 5)] {
        served(number, events);
    }
    let before = all(&store);
    let done = vec!["completed"];
    let expected = [
        (6, "live", vec!["open"]),
        (5, "answered", done.clone()),
        (4, "live", vec!["open"]),
        (3, "answered", done.clone()),
        (2, "answered", vec!["open"]),
        (1, "answered", done.clone()),
    ];
    assert_eq!(outcomes(&before), expected);
    die(store);

    let after = all(&copy_of(&scratch).open());
    let crash = vec!["crash"];
    let expected = [
        (6, "crash", crash.clone()),
        (5, "answered", done.clone()),
        (4, "crash", crash.clone()),
        (3, "answered", done.clone()),
        (2, "answered", crash.clone()),
        (1, "answered", done.clone()),
    ];
    assert_eq!(outcomes(&after), expected);
    for number in [1, 3, 5] {
        assert_eq!(after[number], before[number], "what was over stays as it was");
    }
    let talked = &after[2];
    assert_eq!(talked.ended, Some(at(20_000)), "the last moment known");
    assert!(talked.participants.iter().all(|one| one.left == talked.ended));
    let lengths: Vec<_> = talked.segments.iter().map(|one| one.length_ms).collect();
    assert_eq!(lengths, [Some(1_000), Some(3_000), Some(16_000)]);
    assert_eq!((talked.wait_ms, talked.ring_ms, talked.talk_ms), (1_000, 3_000, 16_000));
}

#[test]
fn kill_9_loses_less_than_a_tenth_of_a_second() {
    let scratch = Scratch::new();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD, &scratch.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told: Vec<(u64, u128)> = lines
        .map_while(Result::ok)
        .filter_map(|line| {
            let (seq, us) = line.strip_prefix("appended ")?.split_once(' ')?;
            Some((seq.parse().ok()?, us.parse().ok()?))
        })
        .take(600)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(told.len(), 600, "the child wrote");

    let store = scratch.open();
    let found = store.reader().events_after(0, usize::MAX).unwrap();
    let seqs: Vec<u64> = found.iter().map(|event| event.seq).collect();
    assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "a prefix, without holes");
    let last_us = told[told.len() - 1].1;
    let lost = told.iter().filter(|(seq, _)| *seq > seqs.len() as u64);
    let oldest_us = lost.map(|(_, us)| *us).min().unwrap_or(last_us);
    assert!(last_us - oldest_us <= 100_000, "lost the last {} us", last_us - oldest_us);
    // One call per event pair: every one that was started is there, and none is open.
    let records = all(&store);
    assert_eq!(records.len().min(1_000), seqs.len().div_ceil(2).min(1_000));
    assert!(records.iter().all(|record| record.result.is_some()));
    let crashed = |record: &&CallRecord| record.result.as_deref() == Some("crash");
    assert_eq!(records.iter().filter(crashed).count(), seqs.len() % 2);
    assert!(store.next_seq() > told[told.len() - 1].0 + SEQ_GAP / 2);
}

/// The child of the test above: writes until it is killed.
#[test]
#[ignore = "runs as a child process"]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let store = Store::open(dir.as_ref(), "usher-1").unwrap();
    let start = Instant::now();
    let mut script = Script::new(&store, 0);
    let mut out = std::io::stdout();
    for number in 0.. {
        script.call = CallKey(number / 2);
        let event = if number % 2 == 0 {
            script.started(0, "100")
        } else {
            script.ended(1, CallResult::Failed, Totals::default())
        };
        let seq = event.seq;
        store.append(event);
        writeln!(out, "appended {seq} {}", start.elapsed().as_micros()).unwrap();
        out.flush().unwrap();
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
