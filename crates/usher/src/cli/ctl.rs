//! `usher ctl`: the HTTP interface from the shell.

mod people;
mod reports;
mod tasks;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::Failure;
use super::http::{Server, Verb, segment};
use super::output::say;
use super::table::table;

/// Lists by default; `show`, `hangup`, `record` and `set` act on one.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    server: Server,
    /// Print the JSON as it came.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Calls that live.
    Calls {
        #[command(subcommand)]
        act: Option<CallAct>,
    },
    /// Queues: who waits, how long, how well they are served.
    Queues {
        #[command(subcommand)]
        act: Option<Act>,
    },
    /// Operators and their states.
    Operators {
        #[command(subcommand)]
        act: Option<OperatorAct>,
    },
    /// Tasks that wait or are served, and customers who are to be called back.
    Tasks {
        #[command(subcommand)]
        act: Option<tasks::Act>,
    },
    /// What happened in queues, or what operators did, by intervals of time.
    Reports(reports::Arguments),
    /// Trunks and their calls.
    Trunks {
        #[command(subcommand)]
        act: Option<ListAct>,
    },
}

#[derive(Debug, Subcommand)]
enum ListAct {
    /// All of them.
    List,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// All of them.
    List,
    /// Everything known of one.
    Show {
        /// Which.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum CallAct {
    /// All of them.
    List,
    /// Everything known of one.
    Show {
        /// Which.
        id: String,
    },
    /// End one.
    Hangup {
        /// Which.
        id: String,
    },
    /// Record one, pause that, or stop it.
    Record {
        /// Which.
        id: String,
        /// What holds from now on.
        state: Recorded,
    },
    #[command(flatten)]
    People(people::Act),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recorded {
    On,
    Paused,
    Off,
}

impl Recorded {
    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Paused => "paused",
            Self::Off => "off",
        }
    }
}

#[derive(Debug, Subcommand)]
enum OperatorAct {
    /// All of them.
    List,
    /// Everything known of one.
    Show {
        /// Which.
        id: String,
    },
    /// Choose a state for one.
    Set {
        /// Which.
        id: String,
        /// The state.
        state: State,
        /// Why not ready: lunch, training, …
        reason: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    Ready,
    NotReady,
    Offline,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::Offline => "offline",
        }
    }
}

/// A column: its head, and the JSON pointer of its cells.
type Column = (&'static str, &'static str);

const CALLS: &[Column] = &[
    ("ID", "/id"),
    ("KIND", "/kind"),
    ("STATE", "/state"),
    ("FROM", "/from"),
    ("TO", "/to"),
    ("TRUNK", "/trunk"),
    ("QUEUE", "/queue"),
    ("STARTED", "/started"),
];
const RECORDING: &[Column] = &[("STATE", "/state"), ("SINCE", "/since"), ("FILE", "/file")];
const QUEUES: &[Column] = &[
    ("NAME", "/name"),
    ("NUMBER", "/number"),
    ("WAITING", "/waiting"),
    ("LONGEST_S", "/longest_wait_s"),
    ("OPERATORS", "/operators"),
    ("SERVICE_LEVEL", "/service_level"),
    ("OFFERED", "/today/offered"),
    ("ANSWERED", "/today/answered"),
    ("ABANDONED", "/today/abandoned"),
];
const OPERATORS: &[Column] = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("NUMBER", "/number"),
    ("STATE", "/effective/state"),
    ("CAUSE", "/effective/cause"),
    ("SINCE", "/effective/since"),
    ("CHOSEN", "/chosen/state"),
    ("REASON", "/chosen/reason"),
    ("REGISTERED", "/registered"),
    ("CALLS", "/calls"),
];
const TASKS: &[Column] = &[
    ("ID", "/id"),
    ("KIND", "/kind"),
    ("QUEUE", "/queue"),
    ("NUMBER", "/number"),
    ("STATE", "/state"),
    ("POSITION", "/position"),
    ("WAIT_S", "/wait_s"),
    ("OPERATOR", "/operator"),
    ("ATTEMPTS", "/attempts"),
    ("NOT_BEFORE", "/not_before"),
];
const TRUNKS: &[Column] = &[
    ("NAME", "/name"),
    ("STATE", "/state"),
    ("CAUSE", "/cause"),
    ("SINCE", "/since"),
    ("REGISTERED", "/registered"),
    ("CALLS", "/calls"),
];

/// What one command asks of the switch.
#[derive(Debug, PartialEq)]
enum Request {
    List(&'static str, &'static [Column]),
    Show(String),
    Hangup(String),
    Set(String, Value, &'static [Column]),
    /// To somebody in a call: by this verb, with this body.
    People(Verb, String, Value),
}

/// Does what was asked.
pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = &arguments.server;
    if let What::Reports(reports) = &arguments.what {
        return reports.run(server, arguments.json);
    }
    match request(&arguments.what)? {
        Request::List(path, columns) => {
            let items = everything(server, path)?;
            if arguments.json {
                return say(&pretty(&json!({ "items": items })));
            }
            say(&listing(columns, &items))
        }
        Request::Show(path) => {
            let value = server.ask(Verb::Get, &path, None)?;
            say(&if arguments.json { pretty(&value) } else { details(&value) })
        }
        Request::Hangup(path) => {
            let value = server.ask(Verb::Delete, &path, None)?;
            if arguments.json { say(&pretty(&value)) } else { Ok(()) }
        }
        Request::Set(path, body, columns) => {
            let value = server.ask(Verb::Patch, &path, Some(&body))?;
            say(&if arguments.json || value.is_null() {
                pretty(&value)
            } else {
                listing(columns, std::slice::from_ref(&value))
            })
        }
        Request::People(verb, path, body) => {
            let body = Some(&body).filter(|body| !body.is_null());
            let value = server.ask(verb, &path, body)?;
            match (arguments.json, value.is_null()) {
                (true, _) => say(&pretty(&value)),
                (false, true) => Ok(()),
                (false, false) => say(&details(&value)),
            }
        }
    }
}

fn request(what: &What) -> Result<Request, Failure> {
    let show = |list: &str, id: &str| Request::Show(format!("{list}/{}", segment(id)));
    Ok(match what {
        What::Calls { act: None | Some(CallAct::List) } => Request::List("/calls", CALLS),
        What::Calls { act: Some(CallAct::Show { id }) } => show("/calls", id),
        What::Calls { act: Some(CallAct::Hangup { id }) } => {
            Request::Hangup(format!("/calls/{}", segment(id)))
        }
        What::Calls { act: Some(CallAct::Record { id, state }) } => {
            let path = format!("/calls/{}/recording", segment(id));
            Request::Set(path, json!({ "state": state.word() }), RECORDING)
        }
        What::Calls { act: Some(CallAct::People(act)) } => act.request(),
        What::Queues { act: None | Some(Act::List) } => Request::List("/queues", QUEUES),
        What::Queues { act: Some(Act::Show { id }) } => show("/queues", id),
        What::Operators { act: None | Some(OperatorAct::List) } => {
            Request::List("/operators", OPERATORS)
        }
        What::Operators { act: Some(OperatorAct::Show { id }) } => show("/operators", id),
        What::Operators { act: Some(OperatorAct::Set { id, state, reason }) } => {
            if reason.is_some() && *state != State::NotReady {
                return Err(Failure::usage(format!(
                    "usher: only not-ready has a reason, {} has none",
                    state.word()
                )));
            }
            let mut body = json!({ "state": state.word() });
            if let Some(reason) = reason {
                body["reason"] = json!(reason);
            }
            Request::Set(format!("/operators/{}", segment(id)), body, OPERATORS)
        }
        What::Tasks { act } => act.as_ref().map_or(tasks::Act::List.request(), tasks::Act::request),
        What::Trunks { act: _ } => Request::List("/trunks", TRUNKS),
        What::Reports(reports) => Request::List("/reports", reports.columns()),
    })
}

/// All pages of a list.
fn everything(server: &Server, path: &str) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut query = String::new();
    let next = if path.contains('?') { '&' } else { '?' };
    loop {
        let mut page = server.ask(Verb::Get, &format!("{path}{query}"), None)?;
        match page.get_mut("items").map(Value::take) {
            Some(Value::Array(more)) => items.extend(more),
            _ => return Err(Failure::failed("usher: the answer is no list; is --url usher's?")),
        }
        match page.get("next") {
            Some(Value::String(cursor)) => query = format!("{next}cursor={}", segment(cursor)),
            Some(Value::Number(cursor)) => query = format!("{next}cursor={cursor}"),
            _ => return Ok(items),
        }
    }
}

/// A list for people; columns that nobody fills are left out.
fn listing(columns: &[Column], items: &[Value]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    let at = |item: &Value, pointer: &str| item.pointer(pointer).map(cell).unwrap_or_default();
    let filled = |(_, pointer): &&Column| items.iter().any(|item| !at(item, pointer).is_empty());
    let columns: Vec<&Column> = columns.iter().filter(filled).collect();
    let head: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    let row = |item| columns.iter().map(|(_, pointer)| at(item, pointer)).collect();
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    table(&head, &rows)
}

/// One value in a cell; of a list of things only their number.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => match number.as_f64() {
            Some(fraction) if number.is_f64() => format!("{fraction:.2}"),
            _ => number.to_string(),
        },
        Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_number()) => {
            items.iter().map(cell).collect::<Vec<_>>().join(",")
        }
        Value::Array(items) => items.len().to_string(),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{key}:{}", cell(value));
            fields.iter().map(field).collect::<Vec<_>>().join(" ")
        }
    }
}

/// One thing for people: a line each, what is within indented.
pub(super) fn details(value: &Value) -> String {
    let mut lines = Vec::new();
    nested(value, 0, &mut lines);
    lines.join("\n")
}

fn nested(value: &Value, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let simple = |value: &Value| match value {
        Value::Array(items) => items.iter().all(|item| !item.is_object() && !item.is_array()),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if simple(value) {
                    lines.push(format!("{indent}{key}: {}", cell(value)).trim_end().to_owned());
                } else {
                    lines.push(format!("{indent}{key}:"));
                    nested(value, depth + 1, lines);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let start = lines.len();
                nested(item, depth + 1, lines);
                if let Some(first) = lines.get_mut(start) {
                    // The dash takes the place of the last two spaces.
                    first.replace_range(indent.len()..indent.len() + 2, "- ");
                }
            }
        }
        other => lines.push(format!("{indent}{}", cell(other))),
    }
}

pub(super) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
