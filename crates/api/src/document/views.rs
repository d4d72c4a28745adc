//! What is shown, by name. [`crate::model`] makes it; the tests hold one against the other.

use serde_json::{Map, Value, json};

use super::doc::counts;
use super::schema::{
    Schema, about, any_text, count, flag, length, list, named, one_of, or_null, shown, text, texts,
    time,
};

/// Every schema with a name.
pub(super) fn all() -> Map<String, Value> {
    let all = [
        ("Call", call()),
        ("Decision", decision()),
        ("Idle", idle()),
        ("Operator", operator()),
        ("OperatorReport", report(&OPERATOR_COLUMNS)),
        ("Participant", participant()),
        ("Problem", problem()),
        ("Queue", queue()),
        ("QueueReport", report(&QUEUE_COLUMNS)),
        ("Record", record()),
        ("Recording", recording()),
        ("Reservation", reservation()),
        ("Segment", segment()),
        ("Sound", sound()),
        ("Task", task()),
        ("Transfer", transfer()),
        ("Trunk", trunk()),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn maybe_text() -> Schema {
    or_null(&any_text())
}

fn ids() -> Schema {
    list(&text())
}

fn call() -> Schema {
    shown(vec![
        ("id", text()),
        ("kind", one_of(&["inbound", "outbound", "internal"])),
        ("state", one_of(&["queued", "ringing", "talking", "held"])),
        ("predecessor", maybe_text()),
        ("from", any_text()),
        ("to", any_text()),
        ("trunk", maybe_text()),
        ("started", time()),
        ("answered", or_null(&time())),
        ("queue", maybe_text()),
        ("tasks", ids()),
        ("conference", shown(vec![("id", text()), ("name", text())])),
        ("customer", shown(vec![("number", any_text()), ("name", maybe_text())])),
        ("context", texts()),
        ("help", or_null(&help())),
        ("participants", list(&named("Participant"))),
        ("segments", list(&named("Segment"))),
        ("recording", or_null(&named("Recording"))),
    ])
}

fn transfer() -> Schema {
    let status = one_of(&["PENDING", "TALKING", "SUCCESS", "FAIL"]);
    let reasons = ["no_answer", "busy", "declined", "error", "caller_gone", "cancelled"];
    let reason = one_of(&reasons);
    let mut all = shown(vec![
        ("status", status),
        ("hangup", flag()),
        ("number", any_text()),
        ("reason", about(reason, "Of one that has failed")),
    ]);
    // Of others there is none.
    all["required"] = json!(["status", "hangup", "number"]);
    all
}

fn help() -> Schema {
    shown(vec![
        ("id", text()),
        ("mode", one_of(&["two-party", "three-party"])),
        ("by", text()),
        ("to", text()),
        ("state", one_of(&["alerting", "talking"])),
        ("participant", maybe_text()),
    ])
}

fn participant() -> Schema {
    shown(vec![
        ("id", text()),
        ("role", one_of(&["customer", "operator", "consultant", "supervisor", "bot"])),
        ("operator", maybe_text()),
        ("uri", maybe_text()),
        ("state", one_of(&["ringing", "connected"])),
        ("held", flag()),
        ("held_by", list(&one_of(&["phone", "order", "help"]))),
        ("muted", flag()),
        ("mode", or_null(&one_of(&["monitor", "whisper", "barge"]))),
        ("whisper_to", maybe_text()),
        ("hears", ids()),
    ])
}

fn segment() -> Schema {
    let hears = json!({ "type": "object", "additionalProperties": ids() });
    shown(vec![
        ("phase", one_of(&["wait", "ring", "talk", "hold"])),
        ("participants", ids()),
        ("hears", hears),
        ("start", time()),
        ("length_s", or_null(&length())),
    ])
}

fn recording() -> Schema {
    shown(vec![
        ("state", one_of(&["on", "paused", "off"])),
        ("since", or_null(&time())),
        ("file", maybe_text()),
    ])
}

fn task() -> Schema {
    shown(vec![
        ("id", text()),
        ("kind", one_of(&["call", "callback", "dialog"])),
        ("channel", one_of(&["voice", "dialog"])),
        ("number", maybe_text()),
        ("name", maybe_text()),
        ("queue", text()),
        ("call", maybe_text()),
        ("state", text()),
        ("virtual_start", time()),
        ("priority_s", count()),
        ("position", or_null(&count())),
        ("wait_s", length()),
        ("estimate_s", or_null(&list(&length()))),
        ("operator", maybe_text()),
        ("context", texts()),
        ("attempts", count()),
        ("not_before", or_null(&time())),
        ("expires", or_null(&time())),
    ])
}

fn reservation() -> Schema {
    shown(vec![
        ("id", text()),
        ("task", text()),
        ("call", maybe_text()),
        ("queue", text()),
        ("operator", text()),
        ("since", time()),
        ("length_s", length()),
    ])
}

fn operator() -> Schema {
    let chosen = shown(vec![
        ("state", one_of(&["ready", "not-ready", "offline"])),
        ("reason", maybe_text()),
        ("cause", text()),
    ]);
    let effective = shown(vec![("state", text()), ("cause", text()), ("since", time())]);
    let stats = shown(vec![
        ("answered", count()),
        ("missed", count()),
        ("talk_s", length()),
        ("wrap_up_s", length()),
    ]);
    shown(vec![
        ("id", text()),
        ("name", any_text()),
        ("number", maybe_text()),
        ("queues", ids()),
        ("paused", ids()),
        ("chosen", chosen),
        ("effective", effective),
        ("registered", flag()),
        ("contacts", ids()),
        ("calls", ids()),
        ("dialogs", ids()),
        ("stats", stats),
    ])
}

fn queue() -> Schema {
    let level = || or_null(&json!({ "type": "number", "minimum": 0, "maximum": 1 }));
    let period = || {
        shown(vec![
            ("offered", count()),
            ("answered", count()),
            ("abandoned", count()),
            ("service_level", level()),
        ])
    };
    shown(vec![
        ("name", text()),
        ("number", maybe_text()),
        ("auto_connect", flag()),
        ("open", flag()),
        ("waiting", about(count(), "Callers")),
        ("callbacks", about(count(), "Customers who are to be called, whose turn it may be")),
        ("longest_wait_s", length()),
        ("estimate_s", or_null(&list(&length()))),
        ("service_level", level()),
        ("today", period()),
        ("last_hour", period()),
        ("operators", counts()),
    ])
}

fn trunk() -> Schema {
    shown(vec![
        ("name", text()),
        ("state", or_null(&one_of(&["up", "down"]))),
        ("cause", maybe_text()),
        ("since", or_null(&time())),
        ("registered", or_null(&flag())),
        ("calls", count()),
    ])
}

fn sound() -> Schema {
    shown(vec![
        ("name", text()),
        ("origin", text()),
        ("duration_s", length()),
        ("rate_hz", count()),
    ])
}

fn decision() -> Schema {
    let lacks = shown(vec![("skill", text()), ("level", count()), ("asked", count())]);
    let considered = shown(vec![
        ("operator", text()),
        ("verdict", text()),
        ("score", or_null(&count())),
        ("unit", or_null(&one_of(&units()))),
        ("filter", maybe_text()),
        ("lacks", or_null(&lacks)),
    ]);
    let excluded = shown(vec![("filter", text()), ("count", count())]);
    shown(vec![
        ("at", time()),
        ("task", maybe_text()),
        ("queue", text()),
        ("strategy", text()),
        ("demand", counts()),
        ("wanted", maybe_text()),
        ("chosen", maybe_text()),
        ("kept", maybe_text()),
        ("considered", list(&considered)),
        ("excluded", list(&excluded)),
    ])
}

/// What a score may be in.
fn units() -> [&'static str; 8] {
    [
        "idle_ms",
        "place",
        "talk_ms_today",
        "calls_today",
        "occupied_ppm",
        "open_tasks",
        "weight",
        "levels",
    ]
}

fn idle() -> Schema {
    let lacking = shown(vec![
        ("queue", text()),
        ("tasks", count()),
        ("skill", text()),
        ("level", count()),
        ("asked", count()),
    ]);
    shown(vec![
        ("filter", maybe_text()),
        ("waiting", count()),
        ("backed_off", ids()),
        ("lacking", list(&lacking)),
        ("meant", count()),
        ("by_hand", count()),
        ("ringing", count()),
    ])
}

fn record() -> Schema {
    let objects = || list(&json!({ "type": "object" }));
    shown(vec![
        ("id", text()),
        ("node", text()),
        ("kind", text()),
        ("state", one_of(&["live", "ended"])),
        ("from", any_text()),
        ("to", any_text()),
        ("predecessor", maybe_text()),
        ("trunk", maybe_text()),
        ("queue", maybe_text()),
        ("operator", maybe_text()),
        ("started", time()),
        ("answered", or_null(&time())),
        ("ended", or_null(&time())),
        ("result", maybe_text()),
        ("cause", maybe_text()),
        ("length_s", or_null(&length())),
        ("wait_s", length()),
        ("ring_s", length()),
        ("talk_s", length()),
        ("hold_s", length()),
        ("context", texts()),
        ("participants", objects()),
        ("segments", objects()),
        ("tasks", objects()),
        ("recording", or_null(&json!({ "type": "object" }))),
    ])
}

/// What a column of a report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Moment,
    Name,
    Count,
    Seconds,
    /// None where there was nothing to take it of.
    SecondsOrNone,
    RatioOrNone,
}

/// The columns of a report of queues, in the order of its table.
pub(crate) const QUEUE_COLUMNS: [(&str, Figure); 29] = [
    ("from", Figure::Moment),
    ("to", Figure::Moment),
    ("queue", Figure::Name),
    ("offered", Figure::Count),
    ("answered", Figure::Count),
    ("abandoned", Figure::Count),
    ("expired", Figure::Count),
    ("overflowed", Figure::Count),
    ("failed", Figure::Count),
    ("withdrawn", Figure::Count),
    ("crashed", Figure::Count),
    ("refused", Figure::Count),
    ("transferred", Figure::Count),
    ("completed", Figure::Count),
    ("service_level", Figure::RatioOrNone),
    ("average_wait_s", Figure::SecondsOrNone),
    ("longest_wait_s", Figure::Seconds),
    ("average_handle_s", Figure::SecondsOrNone),
    ("wait_s", Figure::Seconds),
    ("talk_s", Figure::Seconds),
    ("hold_s", Figure::Seconds),
    ("wrap_up_s", Figure::Seconds),
    ("callbacks", Figure::Count),
    ("callbacks_reached", Figure::Count),
    ("callbacks_failed", Figure::Count),
    ("callbacks_expired", Figure::Count),
    ("callbacks_merged", Figure::Count),
    ("callbacks_withdrawn", Figure::Count),
    ("callbacks_handle_s", Figure::Seconds),
];

/// The same of operators.
pub(crate) const OPERATOR_COLUMNS: [(&str, Figure); 19] = [
    ("from", Figure::Moment),
    ("to", Figure::Moment),
    ("operator", Figure::Name),
    ("offered", Figure::Count),
    ("answered", Figure::Count),
    ("missed", Figure::Count),
    ("rejected", Figure::Count),
    ("taken_back", Figure::Count),
    ("completed", Figure::Count),
    ("talk_s", Figure::Seconds),
    ("hold_s", Figure::Seconds),
    ("wrap_up_s", Figure::Seconds),
    ("average_handle_s", Figure::SecondsOrNone),
    ("signed_in_s", Figure::Seconds),
    ("ready_s", Figure::Seconds),
    ("not_ready_s", Figure::Seconds),
    ("ringing_s", Figure::Seconds),
    ("busy_s", Figure::Seconds),
    ("occupancy", Figure::RatioOrNone),
];

fn report(columns: &[(&str, Figure)]) -> Schema {
    let schema = |figure| match figure {
        Figure::Moment => time(),
        Figure::Name => any_text(),
        Figure::Count => count(),
        Figure::Seconds => length(),
        Figure::SecondsOrNone => or_null(&length()),
        Figure::RatioOrNone => or_null(&json!({ "type": "number", "minimum": 0, "maximum": 1 })),
    };
    shown(columns.iter().map(|(name, figure)| (*name, schema(*figure))).collect())
}

fn problem() -> Schema {
    let error = shown(vec![("field", any_text()), ("detail", any_text())]);
    let mut problem = shown(vec![
        ("type", text()),
        ("title", text()),
        ("status", count()),
        ("detail", any_text()),
    ]);
    problem["properties"]["errors"] = list(&error);
    problem
}

/// What `[[webhook]]` sends.
pub(super) fn webhook() -> Value {
    let mut event = shown(vec![("seq", count()), ("at", time()), ("type", text())]);
    for (name, schema) in [("call", text()), ("task", text())] {
        event["properties"][name] = schema;
    }
    let header = |name: &str, about: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": about,
            "schema": any_text(),
        })
    };
    json!({ "post": {
        "summary": "An event, as the stream has it",
        "parameters": [
            header("Usher-Event-Id", "The same with each attempt"),
            header("Usher-Signature", "`t=SECONDS,v1=HMAC-SHA256(secret, \"t.body\")` in hex"),
        ],
        "requestBody": { "content": { "application/json": { "schema": event } } },
        "responses": { "2XX": { "description": "Taken; anything else is tried again" } },
    } })
}
