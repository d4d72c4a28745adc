//! How a large history is searched: by an index, whatever is asked.

use rusqlite::{Connection, params_from_iter};

use super::*;
use crate::reader::sql;
use crate::recording::of_number_sql;

/// What SQLite says it would do.
fn plan(scratch: &Scratch, query: RecordQuery) -> String {
    let (sql, values) = sql(&RecordQuery { limit: 100, ..query }).unwrap();
    explained(scratch, &sql, values)
}

fn explained(scratch: &Scratch, sql: &str, values: Vec<rusqlite::types::Value>) -> String {
    let db = Connection::open(scratch.0.join("usher.db")).unwrap();
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3));
    steps.unwrap().collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[test]
fn no_filter_reads_the_whole_history() {
    let scratch = Scratch::new();
    let store = scratch.open();
    write(&store, &Script::new(&store, 1).served());
    let some = |text: &str| Some(text.to_owned());
    let base = RecordQuery::default;
    let queries = [
        (RecordQuery { from: Some(at(0)), ..base() }, &["call_started"][..]),
        (RecordQuery { to: Some(at(0)), ..base() }, &["call_started"]),
        (
            RecordQuery { from: Some(at(0)), queue: some("support"), ..base() },
            &["PRIMARY KEY", "call_started", "task_queue"],
        ),
        (RecordQuery { cursor: some("7"), ..base() }, &["PRIMARY KEY"]),
        (RecordQuery { queue: some("support"), ..base() }, &["PRIMARY KEY", "task_queue"]),
        (
            RecordQuery { operator: some("alice"), ..base() },
            &["PRIMARY KEY", "participant_operator", "task_operator"],
        ),
        (RecordQuery { number: some("600"), ..base() }, &["call_caller", "call_callee"]),
    ];
    for (query, indices) in queries {
        let plan = plan(&scratch, query.clone());
        assert!(!plan.contains("SCAN call"), "{query:?}\n{plan}");
        for index in indices {
            assert!(plan.contains(index), "{query:?} without {index}\n{plan}");
        }
    }
    // Without a filter it is read from its end, no further than the page goes.
    let plan = plan(&scratch, base());
    assert_eq!(plan, "SCAN call");
}

#[test]
fn nor_does_a_report() {
    use crate::history::{END, READ, START};
    let scratch = Scratch::new();
    drop(scratch.open());
    for (sql, count) in [(START, 1), (END, 1), (READ, 3)] {
        let plan = explained(&scratch, sql, vec![7.into(); count]);
        let by_index = plan.contains("history_standing") || plan.contains("PRIMARY KEY");
        assert!(by_index && !plan.contains("SCAN history"), "{sql}\n{plan}");
    }
}

#[test]
fn neither_does_who_looks_for_somebodys_recordings() {
    let scratch = Scratch::new();
    drop(scratch.open());
    let plan = explained(&scratch, &of_number_sql(), vec!["600".to_owned().into()]);
    for index in ["call_caller", "call_callee", "SEARCH recording USING INTEGER PRIMARY KEY"] {
        assert!(plan.contains(index) && !plan.contains("SCAN"), "without {index}\n{plan}");
    }
}
