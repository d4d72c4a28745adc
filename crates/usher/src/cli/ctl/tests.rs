//! What `usher ctl` asks for and how it shows the answers.

use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn asked(line: &str) -> Result<Request, Failure> {
    let words = std::iter::once("ctl").chain(line.split_whitespace());
    let line = Line::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?;
    request(&line.arguments.what)
}

#[test]
fn lines_become_requests() {
    let check = |line: &str, expected: Request| assert_eq!(asked(line), Ok(expected), "{line}");
    check("calls", Request::List("/calls", CALLS));
    check("calls list --json", Request::List("/calls", CALLS));
    check("calls show c1", Request::Show("/calls/c1".into()));
    check("calls hangup a/b", Request::Hangup("/calls/a%2Fb".into()));
    check("queues show support", Request::Show("/queues/support".into()));
    check("trunks", Request::List("/trunks", TRUNKS));
    check("tasks list", Request::List("/tasks", TASKS));
    check("tasks", Request::List("/tasks", TASKS));
    check("tasks unserved", Request::List("/tasks?state=unserved", TASKS));
    check(
        "tasks add support +7495 --priority-s 5",
        Request::People(
            Verb::Post,
            "/tasks".into(),
            json!({"queue": "support", "number": "+7495", "priority_s": 5}),
        ),
    );
    check(
        "tasks assign t1 alice",
        Request::People(Verb::Post, "/tasks/t1/assign".into(), json!({"operator": "alice"})),
    );
    check("tasks release t1", Request::Set("/tasks/t1".into(), json!({"state": "release"}), TASKS));
    check("tasks withdraw t1", Request::Hangup("/tasks/t1".into()));
    check(
        "operators set alice ready",
        Request::Set("/operators/alice".into(), json!({"state": "ready"}), OPERATORS),
    );
    check(
        "calls record c1 paused",
        Request::Set("/calls/c1/recording".into(), json!({"state": "paused"}), RECORDING),
    );
    check(
        "operators set alice not-ready lunch",
        Request::Set(
            "/operators/alice".into(),
            json!({"state": "not-ready", "reason": "lunch"}),
            OPERATORS,
        ),
    );
}

#[test]
fn lines_about_people() {
    let check = |line: &str, verb, path: &str, body: Value| {
        let expected = Request::People(verb, path.into(), body);
        assert_eq!(asked(line), Ok(expected), "{line}");
    };
    let alice = "/calls/c1/participants/alice";
    check("calls hold c1 alice", Verb::Patch, alice, json!({"hold": true}));
    check(
        "calls hold c1 alice --audio music:jazz",
        Verb::Patch,
        alice,
        json!({"hold": true, "hold_audio": "music:jazz"}),
    );
    check("calls connect c1", Verb::Post, "/calls/c1/connect", json!({}));
    check(
        "calls connect c1 --queue support",
        Verb::Post,
        "/calls/c1/connect",
        json!({"go": {"queue": "support"}}),
    );
    let play = "/calls/c1/play";
    check(
        "calls play c1 --prompt closed",
        Verb::Post,
        play,
        json!({"to": "everybody", "prompt": "closed"}),
    );
    check(
        "calls play c1 --say Hello --to 101",
        Verb::Post,
        play,
        json!({"to": "101", "say": "Hello"}),
    );
    check(
        "calls play c1 --fetch http://x/",
        Verb::Post,
        play,
        json!({"to": "everybody", "url": "http://x/"}),
    );
    assert!(asked("calls play c1").is_err(), "nothing to play");
    assert!(asked("calls play c1 --say a --fetch http://x/").is_err(), "one of them");
    check("calls resume c1 alice", Verb::Patch, alice, json!({"hold": false}));
    check("calls mute c1 alice", Verb::Patch, alice, json!({"muted": true}));
    check(
        "calls unmute c1 +74/",
        Verb::Patch,
        "/calls/c1/participants/%2B74%2F",
        json!({"muted": false}),
    );
    check("calls remove c1 alice", Verb::Delete, alice, Value::Null);
    let all = "/calls/c1/participants";
    let listen = json!({"operator": "bob", "role": "supervisor", "mode": "monitor"});
    check("calls listen c1 --as bob", Verb::Post, all, listen);
    let whisper = json!({"operator": "bob", "role": "supervisor", "mode": "whisper",
        "whisper_to": "alice"});
    check("calls listen c1 --as bob --mode whisper --whisper-to alice", Verb::Post, all, whisper);
    check("calls mode c1 alice --mode intercept", Verb::Patch, alice, json!({"mode": "intercept"}));
}

#[test]
fn wrong_lines_are_wrong_usage() {
    for line in [
        "",
        "agents",
        "calls hangup",
        "queues hangup x",
        "calls record c1",
        "calls record c1 loud",
        "operators set alice busy",
        "operators set alice ready lunch",
        "trunks show x",
        "calls hold c1",
        "calls listen c1",
        "calls mode c1 bob --mode spy",
    ] {
        assert_eq!(asked(line).map_err(|failure| failure.code), Err(2), "{line}");
    }
}

#[test]
fn lists_are_tables_without_empty_columns() {
    let items = [
        json!({"id": "alice", "name": "Alice", "registered": true, "calls": ["c1"],
            "effective": {"state": "busy", "cause": "call", "since": "2027-01-01T00:00:00Z"},
            "chosen": {"state": "ready", "reason": null}}),
        json!({"id": "bob", "name": "Bob", "registered": false, "calls": [],
            "effective": {"state": "offline", "cause": "", "since": null}}),
    ];
    assert_eq!(
        listing(OPERATORS, &items),
        "\
ID     NAME   STATE    CAUSE  SINCE                 CHOSEN  REGISTERED  CALLS
alice  Alice  busy     call   2027-01-01T00:00:00Z  ready   yes         c1
bob    Bob    offline                                       no"
    );
    assert_eq!(listing(CALLS, &[]), "none");
}

#[test]
fn one_thing_is_an_outline() {
    let call = json!({"id": "c1", "queue": null, "tasks": ["t1", "t2"], "context": {},
        "participants": [{"id": "p1", "role": "customer"}, {"id": "p2", "hears": ["p1"]}]});
    assert_eq!(
        details(&call),
        "\
context:
id: c1
participants:
  - id: p1
    role: customer
  - hears: p1
    id: p2
queue:
tasks: t1,t2"
    );
}

#[test]
fn cells() {
    let check = |value: Value, expected: &str| assert_eq!(cell(&value), expected, "{value}");
    check(json!(null), "");
    check(json!(0.8333333), "0.83");
    check(json!(12), "12");
    check(json!(["c1", "c2"]), "c1,c2");
    check(json!([{}, {}]), "2");
    check(json!({"idle": 1, "busy": 2}), "busy:2 idle:1");
}
