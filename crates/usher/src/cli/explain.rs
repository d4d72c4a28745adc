//! `usher explain`: why a task went where it went, why an operator is idle.

use serde_json::Value;

use super::Failure;
use super::ctl::{details, pretty};
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

/// Asks for the decisions and prints them, oldest first.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let value = arguments.server.ask(Verb::Get, &path(&arguments.whom), None)?;
    say(&if arguments.json { pretty(&value) } else { shown(&value) })
}

fn path(whom: &str) -> String {
    match whom.strip_prefix("operator:") {
        Some(operator) => format!("/operators/{}/decisions", segment(operator)),
        None => format!("/tasks/{}/decisions", segment(whom)),
    }
}

/// A line for each decision that brings its text; otherwise an outline.
fn shown(value: &Value) -> String {
    let items = value.get("items").and_then(Value::as_array);
    let Some(items) = items else { return details(value) };
    if items.is_empty() {
        return "nothing was decided yet".to_owned();
    }
    let line = |item: &Value| match (item.get("at"), item.get("text").and_then(Value::as_str)) {
        (Some(Value::String(at)), Some(text)) => format!("{at}  {text}"),
        (_, Some(text)) => text.to_owned(),
        (_, None) => details(item),
    };
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{path, shown};
    use serde_json::json;

    #[test]
    fn tasks_and_operators() {
        assert_eq!(path("t1"), "/tasks/t1/decisions");
        assert_eq!(path("operator:alice"), "/operators/alice/decisions");
    }

    #[test]
    fn decisions_are_lines() {
        let items = json!({"items": [{"at": "12:00", "text": "alice: in wrap-up"}, {"rule": "x"}]});
        assert_eq!(shown(&items), "12:00  alice: in wrap-up\nrule: x");
        assert_eq!(shown(&json!({"items": []})), "nothing was decided yet");
    }
}
