//! The events as somebody would tell them who watches: one line each, for those worth a line.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use super::cast;
use super::desk::text;

/// Calls that are remembered after their end: what becomes of a task is told a little later.
const ENDED_MAX: usize = 100;

/// Remembers whose call is which, and nothing else.
#[derive(Debug, Default)]
pub(super) struct Story {
    calls: BTreeMap<String, Who>,
    /// Oldest first.
    ended: VecDeque<String>,
}

#[derive(Debug, Default)]
struct Who {
    /// As the trunk said it.
    number: String,
    /// Number of the caller of ours.
    caller: Option<u64>,
    /// By participant.
    people: BTreeMap<String, String>,
}

/// Who spoke with whom, according to the switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) caller: u64,
    pub(super) operator: String,
}

/// What an event means to the demonstration.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// For people.
    pub(super) line: Option<String>,
    /// A call was given to an operator.
    pub(super) matched: Option<Match>,
    /// An operator was taken out for not answering.
    pub(super) taken_out: Option<String>,
}

impl Story {
    /// Takes the next event.
    pub(super) fn tell(&mut self, event: &Value) -> Told {
        let mut told = Told::default();
        let key = text(&event["call"]);
        let kind = event["type"].as_str().unwrap_or_default();
        match kind {
            "call.started" => self.begins(key, event),
            "participant.joined" => {
                let who = self.calls.entry(key).or_default();
                let name = event["operator"]
                    .as_str()
                    .map_or_else(|| cast::spaced(&who.number), str::to_owned);
                who.people.insert(text(&event["participant"]), name);
            }
            "task.assigned" => {
                let operator = text(&event["operator"]);
                let caller = self.calls.get(&key).and_then(|who| who.caller);
                told.matched = caller.map(|caller| Match { caller, operator });
                told.line = Some(self.line(kind, &key, event));
            }
            "operator.state" if event["effective"]["cause"] == "rona" => {
                told.taken_out = Some(text(&event["operator"]));
                told.line = Some(self.line(kind, &key, event));
            }
            "task.queued"
            | "task.abandoned"
            | "task.expired"
            | "task.failed"
            | "reservation.timeout"
            | "participant.held"
            | "participant.resumed"
            | "node.fault"
            | "security.refused" => told.line = Some(self.line(kind, &key, event)),
            "call.ended" => {
                let is_worth_it = event["result"] != "abandoned";
                told.line = is_worth_it.then(|| self.line(kind, &key, event));
                self.ended.push_back(key);
                if self.ended.len() > ENDED_MAX
                    && let Some(oldest) = self.ended.pop_front()
                {
                    self.calls.remove(&oldest);
                }
            }
            _ => {}
        }
        told
    }

    fn begins(&mut self, key: String, event: &Value) {
        let caller = event["context"][cast::CALLER_HEADER].as_str();
        let caller = caller.and_then(|number| number.parse().ok());
        let who = Who { number: text(&event["from"]), caller, people: BTreeMap::new() };
        self.calls.insert(key, who);
    }

    fn line(&self, kind: &str, key: &str, event: &Value) -> String {
        let who = self.calls.get(key);
        let caller = who.map_or_else(|| key.to_owned(), |who| cast::spaced(&who.number));
        let one = |field: &str| text(&event[field]);
        let whole = |field: &str| event[field].as_u64().unwrap_or(0);
        let wait_s = whole("wait_ms") / 1_000;
        let holder = || {
            let name = who.and_then(|who| who.people.get(&one("participant")));
            name.cloned().unwrap_or_else(|| "somebody".to_owned())
        };
        let said = match kind {
            "task.queued" => {
                format!("{caller} waits in {} as number {}", one("queue"), whole("position"))
            }
            "task.assigned" => format!("{} answers {caller} after {wait_s} s", one("operator")),
            "task.abandoned" => format!("{caller} gave up after {wait_s} s"),
            "task.expired" => format!("{caller} waited too long, {wait_s} s"),
            "task.failed" => format!("{caller} is lost: {}", one("cause")),
            "reservation.timeout" => format!("{} does not answer", one("operator")),
            "operator.state" => format!("{} is taken out, and not rung any more", one("operator")),
            "participant.held" => format!("{} puts {caller} on hold", holder()),
            "participant.resumed" => format!("{} takes {caller} back", holder()),
            "call.ended" => match event["result"].as_str() {
                Some("answered") => {
                    let talk_s = whole("talk_ms") / 1_000;
                    format!("{caller}: over after {talk_s} s of talk")
                }
                _ => format!("{caller}: {} ({})", one("result"), one("cause")),
            },
            "security.refused" => format!("refused: {} {}", one("source"), one("reason")),
            _ => format!("{kind}: {}", one("what")),
        };
        let at = one("at");
        format!("{}  {said}", at.get(11..19).unwrap_or("--:--:--"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_is_told() {
        let mut story = Story::default();
        let mut tell = |mut event: Value| {
            event["at"] = "2026-11-21T12:00:05.123Z".into();
            event["call"] = "c1".into();
            story.tell(&event)
        };
        let line = |said: &str| Some(format!("12:00:05  {said}"));
        let start = json!({ "type": "call.started", "from": "+442079460007",
                            "context": { "X-Demo-Caller": "7" } });
        assert_eq!(tell(start), Told::default());
        let queued = json!({ "type": "task.queued", "queue": "support", "position": 3 });
        assert_eq!(tell(queued).line, line("+44 20 7946 0007 waits in support as number 3"));
        let assigned = json!({ "type": "task.assigned", "operator": "alice", "wait_ms": 4_900 });
        let told = tell(assigned);
        assert_eq!(told.line, line("alice answers +44 20 7946 0007 after 4 s"));
        assert_eq!(told.matched, Some(Match { caller: 7, operator: "alice".to_owned() }));
        tell(json!({ "type": "participant.joined", "participant": "p2", "operator": "alice" }));
        let held = json!({ "type": "participant.held", "participant": "p2" });
        assert_eq!(tell(held).line, line("alice puts +44 20 7946 0007 on hold"));
        let ended = json!({ "type": "call.ended", "result": "answered", "talk_ms": 9_000 });
        assert_eq!(tell(ended).line, line("+44 20 7946 0007: over after 9 s of talk"));
        let gone = json!({ "type": "task.abandoned", "wait_ms": 18_200 });
        assert_eq!(tell(gone).line, line("+44 20 7946 0007 gave up after 18 s"), "known still");
        let effective = json!({ "state": "not-ready", "cause": "rona" });
        let rona = json!({ "type": "operator.state", "operator": "dave", "effective": effective });
        assert_eq!(tell(rona).taken_out.as_deref(), Some("dave"));
    }
}
