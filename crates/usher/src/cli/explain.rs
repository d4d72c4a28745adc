//! `usher explain`: why a task went where it went, why an operator is idle.

use std::fmt::Write as _;

use serde_json::Value;

use super::Failure;
use super::ctl::{cell, details, pretty};
use super::http::{Server, Verb, segment};
use super::output::say;

/// Of which task or operator.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// A task's id, or `operator:ID`.
    #[arg(value_name = "TASK | operator:ID")]
    whom: String,
    /// Print the JSON as it came.
    #[arg(long)]
    json: bool,
}

/// Asks for the decisions and prints them, oldest first; of an operator also what they are now.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let path = path(&arguments.whom);
    let ask = |path: &str| arguments.server.ask(Verb::Get, path, None);
    if arguments.whom.starts_with("operator:") && !arguments.json {
        say(&state(&ask(&path)?))?;
    }
    let value = ask(&format!("{path}/decisions"))?;
    if let Some(idle) = value.get("idle").filter(|_| !arguments.json) {
        say(&why_idle(idle))?;
    }
    say(&if arguments.json { pretty(&value) } else { shown(&value) })
}

fn path(whom: &str) -> String {
    match whom.strip_prefix("operator:") {
        Some(operator) => format!("/operators/{}", segment(operator)),
        None => format!("/tasks/{}", segment(whom)),
    }
}

/// One line on what an operator is and why.
fn state(operator: &Value) -> String {
    let text = |pointer| operator.pointer(pointer).map(cell).unwrap_or_default();
    let reason = match text("/chosen/reason") {
        none if none.is_empty() => none,
        reason => format!(", {reason}"),
    };
    format!(
        "{} is {} since {} ({}); chosen: {}{reason}",
        text("/id"),
        text("/effective/state"),
        text("/effective/since"),
        text("/effective/cause"),
        text("/chosen/state"),
    )
}

/// What keeps an operator from calls, and from each of those that wait.
fn why_idle(idle: &Value) -> String {
    let count = |key: &str| idle.get(key).and_then(Value::as_u64).unwrap_or(0);
    let list = |key: &str| idle.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut lines = Vec::new();
    if let Some(filter) = idle.get("filter").and_then(Value::as_str) {
        lines.push(format!("gets no calls: {filter}"));
    }
    lines.push(match count("waiting") {
        0 => "nobody waits in their queues".to_owned(),
        waiting => format!("{waiting} wait in their queues"),
    });
    for lacking in list("lacking") {
        let text = |key: &str| lacking.get(key).map(cell).unwrap_or_default();
        let (tasks, queue, skill) = (text("tasks"), text("queue"), text("skill"));
        let (level, asked) = (text("level"), text("asked"));
        lines.push(format!("    {tasks} in {queue}: lacks {skill}, has {level} of {asked}"));
    }
    for task in list("backed_off") {
        lines.push(format!("    {}: not taken a moment ago", cell(&task)));
    }
    for (key, what) in [
        ("ringing", "ringing somebody else"),
        ("meant", "meant for somebody else"),
        ("by_hand", "waiting to be picked"),
    ] {
        if count(key) > 0 {
            lines.push(format!("    {}: {what}", count(key)));
        }
    }
    lines.join("\n")
}

/// A few lines for each decision: what was done, and who was considered.
fn shown(value: &Value) -> String {
    let items = value.get("items").and_then(Value::as_array);
    let Some(items) = items else { return details(value) };
    if items.is_empty() {
        return "nothing was decided yet".to_owned();
    }
    items.iter().map(decision).collect::<Vec<_>>().join("\n")
}

fn decision(item: &Value) -> String {
    let text = |key: &str| item.get(key).map(cell).unwrap_or_default();
    let (at, task, queue) = (text("at"), text("task"), text("queue"));
    let outcome = match text("chosen") {
        nobody if nobody.is_empty() => "nobody".to_owned(),
        chosen => chosen,
    };
    let mut head = format!("{at}  task {task} of queue {queue}: {outcome}");
    let strategy = text("strategy");
    if !strategy.is_empty() {
        let _ = write!(head, " ({strategy})");
    }
    let asked = item.get("demand").and_then(Value::as_object).into_iter().flatten();
    let asked: Vec<_> = asked.map(|(skill, level)| format!("{skill} {level}")).collect();
    if !asked.is_empty() {
        let _ = write!(head, "; asked for: {}", asked.join(", "));
    }
    if !text("kept").is_empty() {
        let _ = write!(head, "; kept back: {}", text("kept"));
    }
    if !text("wanted").is_empty() {
        let _ = write!(head, "; meant for {}", text("wanted"));
    }
    let mut lines = vec![head];
    let mut each = |list: &str, name: &str, why: &str| {
        for one in item.get(list).and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| one.get(key).map(cell).unwrap_or_default();
            lines.push(format!("    {}: {}", text(name), text(why)));
        }
    };
    each("considered", "operator", "verdict");
    each("excluded", "filter", "count");
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::{path, shown, state, why_idle};
    use serde_json::json;

    #[test]
    fn tasks_and_operators() {
        assert_eq!(path("t1"), "/tasks/t1");
        assert_eq!(path("operator:alice"), "/operators/alice");
    }

    #[test]
    fn an_operator_is_something() {
        let mut operator = json!({
            "id": "alice",
            "chosen": {"state": "not-ready", "reason": "lunch"},
            "effective": {"state": "not-ready", "cause": "chosen", "since": "12:00"},
        });
        let line = "alice is not-ready since 12:00 (chosen); chosen: not-ready, lunch";
        assert_eq!(state(&operator), line);
        operator["chosen"]["reason"] = json!(null);
        assert_eq!(state(&operator), line.trim_end_matches(", lunch"));
    }

    #[test]
    fn why_somebody_is_idle() {
        let mut idle = json!({"filter": null, "waiting": 0, "lacking": [], "backed_off": []});
        assert_eq!(why_idle(&idle), "nobody waits in their queues");
        idle["filter"] = json!("not-ready");
        idle["waiting"] = json!(4);
        idle["backed_off"] = json!(["t9"]);
        idle["by_hand"] = json!(1);
        idle["lacking"] =
            json!([{"queue": "support", "tasks": 2, "skill": "russian", "level": 1, "asked": 3}]);
        assert_eq!(
            why_idle(&idle),
            "gets no calls: not-ready\n4 wait in their queues\n    2 in support: lacks russian, has 1 \
             of 3\n    t9: not taken a moment ago\n    1: waiting to be picked"
        );
    }

    #[test]
    fn decisions_are_lines() {
        let items = json!({"items": [
            {"at": "12:00", "task": "t1", "queue": "support", "chosen": "bob",
             "considered": [{"operator": "bob", "verdict": "idle 9 s"}],
             "excluded": [{"filter": "not ready", "count": 2}]},
            {"at": "12:01", "task": "t2", "queue": "support", "chosen": null, "wanted": "bob",
             "strategy": "best-skill", "demand": {"russian": 3}},
        ]});
        assert_eq!(
            shown(&items),
            "12:00  task t1 of queue support: bob\n    bob: idle 9 s\n    not ready: 2\n\
             12:01  task t2 of queue support: nobody (best-skill); asked for: russian 3; meant for bob"
        );
        assert_eq!(shown(&json!({"items": []})), "nothing was decided yet");
    }
}
