use super::*;
use crate::{SEQ_GAP, Settings};

/// So many segments of one call, in one commit.
fn segments(script: &mut Script, many: usize) -> Vec<SharedEvent> {
    (0..many).map(|_| script.segment(0, Phase::Wait)).collect()
}

fn seqs(store: &Store, after: u64, limit: usize) -> Vec<u64> {
    let found = store.reader().events_after(after, limit).unwrap();
    for event in &found {
        let json: serde_json::Value = serde_json::from_str(&event.json).unwrap();
        assert_eq!(json["seq"], event.seq, "the text is the number's");
    }
    found.iter().map(|event| event.seq).collect()
}

#[test]
fn old_events_are_pruned_by_the_batch() {
    let scratch = Scratch::new();
    let settings = Settings { events_max: 10, ..Settings::default() };
    let store = Store::open_with(&scratch.0, "usher-1", settings.clone()).unwrap();
    assert_eq!(store.reader().oldest_event().unwrap(), None);
    let mut script = Script::new(&store, 1);
    for expected in [1, 1, 8, 15, 22] {
        write(&store, &segments(&mut script, 7));
        assert_eq!(store.reader().oldest_event().unwrap(), Some(expected));
    }
    assert_eq!(seqs(&store, 0, 2), [22, 23], "whoever is behind goes on at the oldest");
    assert_eq!(seqs(&store, 30, 3), [31, 32, 33]);
    assert_eq!(seqs(&store, 35, 3), [0; 0]);
    let json = store.reader().events_after(30, 1).unwrap().remove(0).json;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["seq"], &json["type"]), (&31.into(), &"call.segment".into()));
    drop(store);
    // What was kept before counts in the next run too.
    let store = Store::open_with(&scratch.0, "usher-1", settings).unwrap();
    write(&store, &segments(&mut script, 4));
    assert_eq!(store.reader().oldest_event().unwrap(), Some(29));
}

#[test]
fn pages_begin_and_end_inside_batches() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    for many in [3, 1, 5, 2, 700] {
        write(&store, &segments(&mut script, many));
    }
    for limit in [1, 2, 4, 5, 300, usize::MAX] {
        let mut told = Vec::new();
        loop {
            let page = seqs(&store, told.last().copied().unwrap_or(0), limit);
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            told.extend(page);
            assert!(told.is_sorted_by(|a, b| a < b), "none twice: {told:?}");
        }
        assert!(told.iter().copied().eq(1..=711), "pages of {limit}: {told:?}");
    }
    assert_eq!(seqs(&store, 1, 0), [0; 0]);
    assert_eq!(seqs(&store, u64::MAX, 9), [0; 0]);
}

#[test]
fn positions_are_not_kept_and_leave_gaps() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let mut script = Script::new(&store, 1);
    let position = || What::TaskPosition { queue: "sales".into(), position: 1 };
    let events = [
        script.event(0, true, position()),
        script.started(0, "100"),
        script.event(1, true, position()),
        script.segment(2, Phase::Wait),
        script.event(3, true, position()),
    ];
    write(&store, &events);
    write(&store, &[script.event(4, true, position())]);
    assert_eq!(store.reader().oldest_event().unwrap(), Some(2));
    assert_eq!(seqs(&store, 0, 10), [2, 4]);
    assert_eq!(seqs(&store, 2, 10), [4], "after one of them");
    assert_eq!(seqs(&store, 3, 10), [4], "after one that is missing");
    assert_eq!(seqs(&store, 4, 10), [0; 0]);
    drop(store);
    let store = scratch.open();
    assert_eq!(store.next_seq(), 7, "their numbers are used all the same");
    write(&store, &segments(&mut script, 2));
    assert_eq!(seqs(&store, 2, 2), [4, 7], "one page over two runs");
}

#[test]
fn the_log_goes_on_behind_the_gap_of_a_crash() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let events = segments(&mut Script::new(&store, 1), 3);
    write(&store, &events);
    crash::die(store);
    let copy = crash::copy_of(&scratch);
    let store = copy.open();
    write(&store, &events);
    let mut script = Script::new(&store, 2);
    write(&store, &segments(&mut script, 2));
    let first = 3 + SEQ_GAP + 1;
    assert_eq!(seqs(&store, 0, 100), [1, 2, 3, first, first + 1], "none twice");
    assert_eq!(seqs(&store, 2, 2), [3, first], "over the gap");
    assert_eq!(seqs(&store, 500, 1), [first], "from inside the gap");
    assert_eq!(store.reader().oldest_event().unwrap(), Some(1));
}
