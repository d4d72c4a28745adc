//! Who takes part in a call: what is ordered, by whom, and who sees what of it.

use b2bua::event::HeldBy;
use b2bua::{Act, Add, Asker, Change, Command, Listeners, PlayKey, Problem, Reply, Whom};

use super::*;

const CALL: &str = "/v1/calls/c0000000000001";

/// What the switch was asked, and what whoever asked was told.
async fn asked(
    node: &mut Node,
    (method, path, token): (&str, &str, &str),
    body: &Value,
    result: Result<Reply, Problem>,
) -> (Answer, Asker, Act) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let (path, body) = (format!("{CALL}{path}"), text);
    let asking = ask(node.address, method, &path, token, &body);
    let (answer, (by, act)) = node
        .order(asking, |order| match order {
            Order::Command { command: Command::Conference { call, by, act }, reply } => {
                assert_eq!(call, CallKey(1));
                reply.send(result).unwrap();
                (by, act)
            }
            other => panic!("{other:?}"),
        })
        .await;
    (answer, by, act)
}

fn add(whom: Whom, role: Part) -> Add {
    let (mode, whisper_to, headers) = (None, None, Vec::new());
    Add { whom, role, mode, whisper_to, headers, timeout_ms: 30_000 }
}

fn operator(name: &str) -> Whom {
    Whom::Operator(name.into())
}

#[tokio::test]
async fn orders_say_what_was_asked_for() {
    let mut node = Node::start().await;
    node.talk();
    let number =
        |trunk: Option<&str>| Whom::Number { number: "+7495".into(), trunk: trunk.map(Into::into) };
    let watching = Add {
        mode: Some(Mode::Whisper),
        whisper_to: Some("alice".into()),
        headers: vec![("X-Why".into(), "coaching".into())],
        timeout_ms: 12_500,
        ..add(operator("bob"), Part::Supervisor)
    };
    let rung = Ok(Reply::Participants(vec![ParticipantId(7)]));
    for (body, expected) in [
        (json!({ "operator": "bob" }), add(operator("bob"), Part::Consultant)),
        (json!({ "number": "+7495", "role": "operator" }), add(number(None), Part::Operator)),
        (json!({ "number": "+7495", "trunk": "t" }), add(number(Some("t")), Part::Consultant)),
        (json!({ "uri": "sip:a@b" }), add(Whom::Uri("sip:a@b".into()), Part::Consultant)),
        (
            json!({ "operator": "bob", "role": "supervisor", "mode": "whisper", "timeout_s": 12.5,
                "whisper_to": "alice", "headers": { "X-Why": "coaching" }, "trunk": null }),
            watching,
        ),
    ] {
        let how = ("POST", "/participants", "root");
        let (answer, _, act) = asked(&mut node, how, &body, rung.clone()).await;
        assert_eq!(act, Act::Add(expected), "{body}");
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json(), json!({ "participants": ["p0000000000007"] }));
    }
    let changed = Ok(Reply::Participants(vec![ParticipantId(1)]));
    for (body, expected) in [
        (json!({ "hold": true }), Change { hold: Some(true), ..Change::default() }),
        (
            json!({ "hold": false, "muted": true }),
            Change { hold: Some(false), muted: Some(true), ..Change::default() },
        ),
        (
            json!({ "hold": true, "hold_audio": "prompt:closed" }),
            Change {
                hold: Some(true),
                hold_audio: "prompt:closed".parse().ok(),
                ..Change::default()
            },
        ),
        (
            json!({ "mode": "intercept", "whisper_to": "x" }),
            Change {
                mode: Some(Mode::Intercept),
                whisper_to: Some("x".into()),
                ..Change::default()
            },
        ),
    ] {
        let how = ("PATCH", "/participants/alice%2B", "root");
        let (answer, _, act) = asked(&mut node, how, &body, changed.clone()).await;
        assert_eq!(act, Act::Change { participant: "alice+".into(), change: expected }, "{body}");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["role"], "customer", "whom it was about");
    }
}

#[tokio::test]
async fn orders_without_an_answer_are_204() {
    let mut node = Node::start().await;
    node.talk();
    let how = ("DELETE", "/participants/101", "root");
    let (answer, _, act) = asked(&mut node, how, &json!({}), Ok(Reply::Done)).await;
    assert_eq!((answer.status, act), (204, Act::Remove { participant: "101".into() }));
    for body in [json!({}), Value::Null] {
        let how = ("POST", "/connect", "root");
        let (answer, _, act) = asked(&mut node, how, &body, Ok(Reply::Done)).await;
        assert_eq!((answer.status, act), (204, Act::Connect { to: None }));
    }
    let how = ("POST", "/connect", "root");
    let body = json!({ "go": { "queue": "support" } });
    let (answer, _, act) = asked(&mut node, how, &body, Ok(Reply::Done)).await;
    let to = Some(Whom::Queue("support".into()));
    assert_eq!((answer.status, act), (204, Act::Connect { to }));
    let press = |to: Option<&str>, duration_ms| Act::Press {
        to: to.map(Into::into),
        digits: "12#".into(),
        duration_ms,
    };
    for (body, expected) in [
        (json!({ "digits": "12#" }), press(None, 160)),
        (json!({ "digits": "12#", "to": "bob", "duration_s": 0.25 }), press(Some("bob"), 250)),
    ] {
        let how = ("POST", "/dtmf", "root");
        let (answer, _, act) = asked(&mut node, how, &body, Ok(Reply::Done)).await;
        assert_eq!((answer.status, act), (204, expected));
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_named() {
    let mut node = Node::start().await;
    node.talk();
    for (method, path, body, field) in [
        ("POST", "/participants", json!({}), "operator"),
        ("POST", "/participants", json!({ "operator": "bob", "number": "1" }), "operator"),
        ("POST", "/participants", json!({ "operator": "bob", "queue": "support" }), "queue"),
        ("POST", "/participants", json!({ "operator": "bob", "trunk": "t" }), "trunk"),
        ("POST", "/participants", json!({ "operator": 7 }), "operator"),
        ("POST", "/participants", json!({ "operator": "bob", "role": "bot" }), "role"),
        ("POST", "/participants", json!({ "operator": "bob", "mode": "spy" }), "mode"),
        ("POST", "/participants", json!({ "operator": "bob", "timeout_s": 0 }), "timeout_s"),
        ("POST", "/participants", json!({ "operator": "bob", "timeout_s": "5" }), "timeout_s"),
        ("POST", "/participants", json!({ "operator": "bob", "headers": ["a"] }), "headers"),
        ("POST", "/participants", json!({ "operator": "bob", "headers": { "a": 1 } }), "headers"),
        ("POST", "/participants", json!({ "operator": "bob", "colour": 1 }), "colour"),
        ("PATCH", "/participants/bob", json!({}), "hold"),
        ("PATCH", "/participants/bob", json!({ "hold": "yes" }), "hold"),
        ("PATCH", "/participants/bob", json!({ "hold": true, "hold_audio": "x" }), "hold_audio"),
        ("PATCH", "/participants/bob", json!({ "hold_audio": "prompt:../x" }), "hold_audio"),
        ("PATCH", "/participants/bob", json!({ "muted": 1 }), "muted"),
        ("POST", "/connect", json!({ "go": "support" }), "go"),
        ("POST", "/play", json!({}), "say"),
        ("POST", "/play", json!({ "say": "a", "prompt": "b" }), "say"),
        ("POST", "/play", json!({ "say": " " }), "say"),
        ("POST", "/play", json!({ "say": 1 }), "say"),
        ("POST", "/play", json!({ "prompt": "../etc/passwd" }), "prompt"),
        ("POST", "/play", json!({ "url": "music:default" }), "url"),
        ("POST", "/play", json!({ "url": "say:a" }), "url"),
        ("POST", "/play", json!({ "url": "file:///etc/passwd" }), "url"),
        ("POST", "/play", json!({ "prompt": "a", "to": 1 }), "to"),
        ("POST", "/play", json!({ "music": "default" }), "music"),
        ("PATCH", "/participants/bob", json!({ "mode": "" }), "mode"),
        ("POST", "/dtmf", json!({}), "digits"),
        ("POST", "/dtmf", json!({ "digits": "1", "duration_s": 7 }), "duration_s"),
    ] {
        let answer =
            ask(node.address, method, &format!("{CALL}{path}"), "root", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
        let fields: Vec<Value> = answer.problem()["errors"].as_array().unwrap().clone();
        assert!(fields.iter().any(|error| error["field"] == field), "{body}: {fields:?}");
    }
    let unknown = ask(node.address, "POST", "/v1/calls/x/dtmf", "root", r#"{"digits":"1"}"#).await;
    assert_eq!(unknown.status, 404);
    assert!(node.orders.try_recv().is_err(), "nothing was ordered");
    // And what the switch finds wrong.
    let what = || "unheard of".to_owned();
    for (problem, status, field) in [
        (Problem::Forbidden(what()), 403, None),
        (Problem::Conflict(what()), 409, None),
        (Problem::NotFound { what: "participant", name: what() }, 404, None),
        (Problem::Field { field: "whisper_to", what: what() }, 422, Some("whisper_to")),
    ] {
        let how = ("PATCH", "/participants/bob", "root");
        let body = json!({ "muted": true });
        let (answer, ..) = asked(&mut node, how, &body, Err(problem)).await;
        assert_eq!(answer.status, status);
        let told = answer.problem();
        assert!(told["detail"].as_str().unwrap().contains("unheard of"));
        assert_eq!(told["errors"][0]["field"].as_str(), field);
    }
}

#[tokio::test]
async fn an_order_says_who_gives_it() {
    let mut node = Node::start().await;
    let mut directory = directory();
    directory.operators.push(OperatorEntry {
        id: "boss".into(),
        name: "The Boss".into(),
        number: None,
        queues: Vec::new(),
        supervises: vec!["support".into()],
        role: Role::Supervisor,
        password: None,
    });
    node.api.reconfigure(&directory);
    let queues = vec!["support".into(), "sales".into(), "support".into()];
    for (token, expected) in [
        ("alice", Asker::Operator("alice".into())),
        ("boss", Asker::Supervisor { queues }),
        ("root", Asker::Admin),
    ] {
        let how = ("DELETE", "/participants/x", token);
        let (_, by, _) = asked(&mut node, how, &json!({}), Ok(Reply::Done)).await;
        assert_eq!(by, expected);
    }
}

/// What a supervisor's coming and going makes of a talk.
fn watched(node: &mut Node) {
    node.talk();
    let (participant, role) = (ParticipantId(3), Part::Supervisor);
    let operator = Some("bob".into());
    node.observe(1, None, What::LegRinging { participant, role, operator: operator.clone() });
    node.observe(1, None, What::LegAnswered { participant, role, operator });
    node.observe(1, None, joined(3, role, Some("bob")));
    let (customer, alice) = ("p0000000000001", "p0000000000002");
    let listens = segment(Phase::Talk, &[(1, alice), (2, customer), (3, customer)]);
    node.observe(1, None, listens);
    let (mode, whisper_to) = (Mode::Whisper, Some(ParticipantId(2)));
    node.observe(1, None, What::ParticipantMode { participant, mode, whisper_to });
    let mut whispers = segment(Phase::Talk, &[(1, alice), (2, customer), (3, customer)]);
    if let What::CallSegment { hears, .. } = &mut whispers {
        Arc::make_mut(hears).get_mut(&ParticipantId(2)).unwrap().push("p0000000000003".into());
    }
    node.observe(1, None, whispers);
    node.observe(1, None, What::ParticipantMuted { participant });
    let held = What::ParticipantHeld {
        participant: ParticipantId(1),
        by: HeldBy::Order,
        audio: Some("music:default".into()),
    };
    node.observe(1, None, held);
}

#[tokio::test]
async fn what_supervisors_do_is_shown_to_supervisors() {
    let mut node = Node::start().await;
    watched(&mut node);
    let call = node.get(CALL).await.json();
    let bob = &call["participants"][2];
    assert_eq!((&bob["role"], &bob["operator"]), (&json!("supervisor"), &json!("bob")));
    assert_eq!((&bob["mode"], &bob["muted"]), (&json!("whisper"), &json!(true)));
    assert_eq!(bob["whisper_to"], "p0000000000002");
    assert_eq!(bob["hears"], json!(["p0000000000001"]));
    assert_eq!(call["participants"][1]["hears"], json!(["p0000000000001", "p0000000000003"]));
    assert_eq!(call["participants"][0]["held_by"], json!(["order"]));
    assert_eq!(call["segments"].as_array().unwrap().len(), 4);
    assert_eq!(node.get("/v1/operators/bob").await.json()["calls"], json!([call["id"]]));
    // By intercepting they become the operator.
    let (mode, whisper_to) = (Mode::Intercept, None);
    let participant = ParticipantId(3);
    node.observe(1, None, What::ParticipantMode { participant, mode, whisper_to });
    let call = node.get(CALL).await.json();
    let bob = &call["participants"][2];
    assert_eq!((&bob["role"], &bob["mode"]), (&json!("operator"), &Value::Null));
}

#[tokio::test]
async fn operators_see_nothing_of_it_where_they_are_not_to() {
    let mut node = Node::start().await;
    watched(&mut node);
    let see = async |path: &str| ask(node.address, "GET", path, "alice", "").await.json();
    let call = see(CALL).await;
    assert_eq!(call["participants"].as_array().unwrap().len(), 2);
    assert_eq!(call["participants"][1]["hears"], json!(["p0000000000001"]));
    assert_eq!(call["segments"].as_array().unwrap().len(), 2, "as if nothing had happened");
    assert_eq!(see("/v1/calls").await["items"], json!([call]));
    assert_eq!(see("/v1/operators/bob").await["calls"], json!([]));
    assert!(!call.to_string().contains("p0000000000003"), "{call}");
    // And nothing of it may they end as their own.
    let end = ask(node.address, "DELETE", CALL, "bob-token", "").await;
    assert_eq!(end.status, 401);
    let open = Directory { is_discreet: false, ..directory() };
    node.api.reconfigure(&open);
    let call = ask(node.address, "GET", CALL, "alice", "").await.json();
    assert_eq!(call["participants"].as_array().unwrap().len(), 3, "now they are told");
}

#[tokio::test]
async fn something_is_played_to_whom_it_says() {
    let mut node = Node::start().await;
    node.talk();
    let everybody = Listeners::Everybody;
    let named = |name: &str| Listeners::Named(name.into());
    let to = |to: &str| json!({ "to": to, "prompt": "closed" });
    for (body, listeners, audio) in [
        (json!({ "prompt": "closed" }), everybody.clone(), "prompt:closed"),
        (json!({ "prompt": "a+digits/3" }), everybody.clone(), "prompt:a+digits/3"),
        (json!({ "say": "prompt:x" }), everybody.clone(), "say:prompt:x"),
        (json!({ "url": "https://a/b.wav", "to": null }), everybody.clone(), "https://a/b.wav"),
        (to("everybody"), everybody, "prompt:closed"),
        (to("customer"), Listeners::Having(Part::Customer), "prompt:closed"),
        (to("supervisor"), Listeners::Having(Part::Supervisor), "prompt:closed"),
        (to("101"), named("101"), "prompt:closed"),
        (to("p0000000000001"), named("p0000000000001"), "prompt:closed"),
    ] {
        let playing = Reply::Playing { play: PlayKey(7), participants: vec![ParticipantId(1)] };
        let how = ("POST", "/play", "alice");
        let (answer, by, act) = asked(&mut node, how, &body, Ok(playing)).await;
        let audio = audio.parse().unwrap();
        assert_eq!(act, Act::Play { to: listeners, audio }, "{body}");
        assert_eq!(by, Asker::Operator("alice".into()));
        assert_eq!(answer.status, 202);
        let told = json!({ "play": "s0000000000007", "participants": ["p0000000000001"] });
        assert_eq!(answer.json(), told);
    }
}

#[tokio::test]
async fn a_supervisor_of_another_queue_and_another_operator_see_and_change_nothing() {
    let mut node = Node::start().await;
    node.talk();
    let (address, state) = (node.address, r#"{"state":"paused"}"#);
    for token in ["seller", "bob"] {
        let calls = ask(address, "GET", "/v1/calls", token, "").await.json();
        assert_eq!(calls["items"], json!([]), "{token}");
        for (method, path, body) in [
            ("GET", CALL.to_owned(), ""),
            ("DELETE", CALL.to_owned(), ""),
            ("PATCH", format!("{CALL}/recording"), state),
        ] {
            let answer = ask(address, method, &path, token, body).await;
            assert_eq!(answer.status, 403, "{token} {method} {path}: {answer:?}");
        }
    }
    for token in ["root", "boss", "alice"] {
        assert_eq!(ask(address, "GET", CALL, token, "").await.status, 200, "{token}");
    }
}
