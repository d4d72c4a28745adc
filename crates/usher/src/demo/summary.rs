//! The end: what the records say, and whether they agree with what the callers saw.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::board::count;
use super::callers::End;
use super::cast::{CALLER_HEADER, IN_TIME_S, QUEUES};
use super::desk::{Picture, text};

/// Who hung up in the moment in which somebody answered did not hear them.
const CROSSED_S: f64 = 1.5;

/// One queue's calls, from the records.
#[derive(Debug, Default, Clone, PartialEq)]
struct Row {
    offered: u64,
    answered: u64,
    abandoned: u64,
    in_time: u64,
    waits_s: Vec<f64>,
}

/// The last words, and everything that does not fit together.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) text: String,
    pub(super) faults: Vec<String>,
}

/// Of the records of all calls; `ends` says how each of `dialled` callers ended, `picture` what the
/// switch shows now, where that is of the same day.
pub(super) fn summary(
    dialled: u64,
    ends: &BTreeMap<u64, End>,
    records: &[Value],
    picture: Option<&Picture>,
) -> Summary {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for task in records.iter().flat_map(|record| record["tasks"].as_array().into_iter().flatten()) {
        rows.entry(text(&task["queue"])).or_default().count(task);
    }
    let mut faults = lost(dialled, ends, records);
    for queue in picture.into_iter().flat_map(|picture| &picture.queues) {
        let row = rows.get(&queue.name).cloned().unwrap_or_default();
        if (row.answered, row.abandoned) != (queue.answered, queue.abandoned) {
            faults.push(format!(
                "{}: the records have {} answered and {} abandoned, the API {} and {}",
                queue.name, row.answered, row.abandoned, queue.answered, queue.abandoned,
            ));
        }
    }
    let mut lines = vec![format!(
        "QUEUE      OFFERED  ANSWERED  ABANDONED   IN {IN_TIME_S} S  MEAN WAIT  LONGEST"
    )];
    let names = QUEUES.iter().map(|queue| queue.name);
    lines.extend(names.map(|name| rows.get(name).cloned().unwrap_or_default().line(name)));
    let all = rows.into_values().reduce(Row::plus).unwrap_or_default();
    lines.push(all.line("all"));
    let result = |result: &str| records.iter().filter(|one| one["result"] == result).count();
    let (answered, abandoned) = (result("answered"), result("abandoned"));
    let neither = records.len() - answered - abandoned;
    let cut_off = ends.values().filter(|end| **end == End::CutOff).count();
    lines.push(format!(
        "{}, {}: {answered} answered, {abandoned} abandoned, {neither} neither\n\
         {cut_off} still waited when it was over",
        count(usize::try_from(dialled).unwrap_or(usize::MAX), "call"),
        count(records.len(), "record"),
    ));
    Summary { text: lines.join("\n"), faults }
}

impl Row {
    fn count(&mut self, task: &Value) {
        self.offered += 1;
        let wait_s = task["wait_s"].as_f64().unwrap_or(0.0);
        let is_answered = !task["assigned"].is_null();
        let is_abandoned = task["outcome"] == "abandoned";
        self.answered += u64::from(is_answered);
        self.abandoned += u64::from(is_abandoned);
        if is_answered || is_abandoned {
            self.in_time += u64::from(wait_s <= f64::from(IN_TIME_S));
            self.waits_s.push(wait_s);
        }
    }

    fn plus(mut self, other: Self) -> Self {
        self.offered += other.offered;
        self.answered += other.answered;
        self.abandoned += other.abandoned;
        self.in_time += other.in_time;
        self.waits_s.extend(other.waits_s);
        self
    }

    fn line(&self, name: &str) -> String {
        let Self { offered, answered, abandoned, in_time, waits_s } = self;
        let all = u32::try_from(waits_s.len()).unwrap_or(u32::MAX);
        let mean = waits_s.iter().sum::<f64>() / f64::from(all.max(1));
        let longest = waits_s.iter().copied().fold(0.0, f64::max);
        let share = u32::try_from(*in_time).map_or(0.0, f64::from) * 100.0 / f64::from(all.max(1));
        let level = if all == 0 { String::new() } else { format!("{share:.0} %") };
        format!(
            "{name:<9}  {offered:>7}  {answered:>8}  {abandoned:>9}  {level:>7}  {mean:>7.1} s  \
             {longest:>5.1} s"
        )
    }
}

/// Calls without a record, with two, or with one that says something else than its caller saw.
fn lost(dialled: u64, ends: &BTreeMap<u64, End>, records: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for record in records {
        let id = text(&record["id"]);
        let caller = record["context"][CALLER_HEADER].as_str().and_then(|text| text.parse().ok());
        let Some(caller) = caller.filter(|caller: &u64| seen.insert(*caller)) else {
            faults.push(format!("record {id} belongs to no call, or to one that has another"));
            continue;
        };
        let result = record["result"].as_str().unwrap_or("no result");
        let end = ends.get(&caller).copied();
        let talk_s = record["talk_s"].as_f64().unwrap_or(0.0);
        let heard = end.map(|end| (end == End::Talked, matches!(end, End::GaveUp | End::CutOff)));
        let fits = match result {
            "answered" => heard.is_some_and(|(talked, left)| talked || left && talk_s < CROSSED_S),
            "abandoned" => heard.is_some_and(|(_, left)| left),
            _ => false,
        };
        if !fits {
            let saw = saw(end);
            faults.push(format!("call {caller}: {saw}, but record {id} says {result}"));
        }
    }
    for caller in (1..=dialled).filter(|caller| !seen.contains(caller)) {
        let saw = saw(ends.get(&caller).copied());
        faults.push(format!("call {caller}: {saw}, and it has no record"));
    }
    faults
}

fn saw(end: Option<End>) -> String {
    end.map_or_else(|| "how it ended the caller never told".to_owned(), |end| end.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::desk::QueueNow;
    use super::*;

    fn record(caller: u64, result: &str, wait_s: f64) -> Value {
        let outcome = if result == "answered" { "completed" } else { "abandoned" };
        let assigned = (result == "answered").then_some("2026-11-21T12:00:00Z");
        json!({
            "id": format!("c{caller}"), "result": result, "talk_s": 3.0,
            "context": { "X-Demo-Caller": caller.to_string() },
            "tasks": [{ "queue": "support", "wait_s": wait_s, "assigned": assigned,
                        "outcome": outcome }],
        })
    }

    #[test]
    fn what_fits_is_summed_up() {
        let ends = BTreeMap::from([(1, End::Talked), (2, End::GaveUp)]);
        let records = [record(1, "answered", 30.0), record(2, "abandoned", 4.0)];
        let queue = |abandoned| Picture {
            queues: vec![QueueNow {
                name: "support".to_owned(),
                answered: 1,
                abandoned,
                ..QueueNow::default()
            }],
            ..Picture::default()
        };
        let said = summary(2, &ends, &records, Some(&queue(1)));
        assert_eq!(said.faults, Vec::<String>::new());
        let row = "support          2         1          1     50 %     17.0 s   30.0 s";
        assert_eq!(said.text.lines().nth(1), Some(row));
        assert!(said.text.ends_with("2 calls, 2 records: 1 answered, 1 abandoned, 0 neither\n0 still waited when it was over"));
        assert_eq!(summary(2, &ends, &records, Some(&queue(2))).faults.len(), 1);
    }

    #[test]
    fn what_is_lost_is_named() {
        let ends = BTreeMap::from([(1, End::Talked), (2, End::GaveUp), (3, End::Refused(503))]);
        let records =
            [record(1, "abandoned", 1.0), record(2, "answered", 1.0), record(2, "abandoned", 1.0)];
        assert_eq!(
            lost(3, &ends, &records),
            [
                "call 1: the caller heard a voice, but record c1 says abandoned",
                "call 2: the caller hung up without having heard a voice, but record c2 says answered",
                "record c2 belongs to no call, or to one that has another",
                "call 3: the caller was refused with 503, and it has no record",
            ]
        );
    }
}
