use b2bua::event::HeldBy;
use b2bua::{Choice, Command, Considered, Explanation, Idle, Lacking, Problem, Reply};

use super::*;

const CALL: &str = "c0000000000001";
const TASK: &str = "t0000000000009";

#[tokio::test]
async fn a_call_and_its_parts() {
    let mut node = Node::start().await;
    node.talk();
    let list = node.get("/v1/calls").await;
    assert_eq!(list.status, 200);
    let list = list.json();
    assert_eq!(list["next"], Value::Null);
    let call = node.get(&format!("/v1/calls/{CALL}")).await.json();
    assert_eq!(list["items"], json!([call]));
    assert_eq!(call["id"], CALL);
    assert_eq!((&call["kind"], &call["state"]), (&json!("inbound"), &json!("talking")));
    assert_eq!(call["queue"], "support");
    assert_eq!(call["tasks"], json!([TASK]));
    assert_eq!(call["conference"]["name"], TASK);
    assert_eq!(call["customer"], json!({ "number": "+7495", "name": null }));
    assert_eq!(call["context"], json!({ "X-Line": "vip" }));
    assert!(call["answered"].is_string());
    let operator = json!({
        "id": "p0000000000002", "role": "operator", "operator": "alice",
        "uri": "sip:somebody@example.com", "state": "connected", "held": false,
        "held_by": [], "muted": false, "mode": null, "whisper_to": null,
        "hears": ["p0000000000001"],
    });
    assert_eq!(call["participants"][1], operator);
    assert_eq!(call["segments"].as_array().unwrap().len(), 2);
    assert!(call["segments"][0]["length_s"].is_number());
    assert_eq!(call["segments"][1]["length_s"], Value::Null);
    assert_eq!(node.get("/v1/trunks").await.json()["items"][0]["calls"], 1);

    let (participant, by) = (ParticipantId(1), HeldBy::Phone);
    node.observe(1, None, What::ParticipantHeld { participant, by, audio: None });
    node.observe(1, None, segment(Phase::Hold, &[(1, "music:default"), (2, "silence")]));
    let call = node.get(&format!("/v1/calls/{CALL}")).await.json();
    assert_eq!((&call["state"], &call["participants"][0]["held"]), (&json!("held"), &json!(true)));

    assert_eq!(node.get("/v1/operators/alice").await.json()["calls"], json!([CALL]));
    node.observe(1, None, ended(CallResult::Answered));
    assert_eq!(node.get("/v1/calls").await.json()["items"], json!([]));
    assert_eq!(node.get(&format!("/v1/calls/{CALL}")).await.status, 404);
    assert_eq!(node.get("/v1/operators/alice").await.json()["calls"], json!([]));
}

#[tokio::test]
async fn tasks_and_queues() {
    let mut node = Node::start().await;
    node.talk();
    let queued = || What::TaskQueued {
        work: b2bua::event::Work::CALL,
        queue: "support".into(),
        position: 1,
        virtual_start: at(),
        priority_s: 0,
    };
    node.observe(2, Some(10), queued());
    node.observe(3, Some(11), queued());
    let abandoned = What::TaskAbandoned { queue: "support".into(), wait_ms: 30_000 };
    node.observe(3, Some(11), abandoned);

    let ids = |answer: Answer| {
        let json = answer.json();
        let items = json["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (second, third) = ("t000000000000a", "t000000000000b");
    assert_eq!(ids(node.get("/v1/tasks").await), [TASK, second]);
    assert_eq!(ids(node.get("/v1/tasks?state=waiting&queue=support").await), [second]);
    assert_eq!(ids(node.get("/v1/tasks?state=unserved").await), [third]);
    assert_eq!(ids(node.get("/v1/tasks?queue=sales").await), [""; 0]);
    let task = node.get(&format!("/v1/tasks/{TASK}")).await.json();
    assert_eq!((&task["state"], &task["operator"]), (&json!("assigned"), &json!("alice")));
    assert_eq!((&task["wait_s"], &task["attempts"]), (&json!(4.0), &json!(1)));
    assert_eq!(task["context"]["X-Line"], "vip");
    assert_eq!(node.get(&format!("/v1/tasks/{third}")).await.json()["wait_s"], 30.0);

    // Who is to be called back is no caller who waits, or has waited.
    let to_be_called = || What::TaskQueued {
        work: b2bua::event::Work::CALLBACK,
        queue: "support".into(),
        position: 1,
        virtual_start: at(),
        priority_s: 0,
    };
    let (operator, wait_ms) = ("alice".into(), 9_000_000);
    let assigned = What::TaskAssigned { queue: "support".into(), operator, wait_ms };
    node.observe(0, Some(12), to_be_called());
    node.observe(0, Some(13), to_be_called());
    let waits = node.get("/v1/queues/support").await.json();
    assert_eq!((&waits["waiting"], &waits["callbacks"]), (&json!(1), &json!(2)));
    node.observe(4, Some(12), assigned);
    let scrape = node.get("/metrics").await.text;
    assert!(scrape.contains("usher_queue_wait_seconds_count{queue=\"support\"} 2"), "{scrape}");
    let expired = What::TaskExpired { queue: "support".into(), wait_ms: 9_000_000 };
    node.observe(0, Some(13), expired);
    let reached = to_be_called();
    node.observe(5, Some(12), reached);
    let waits = node.get("/v1/queues/support").await.json();
    assert_eq!((&waits["waiting"], &waits["callbacks"]), (&json!(2), &json!(0)), "on the line");
    node.observe(0, Some(12), What::TaskWithdrawn { queue: "support".into() });
    let task = node.get("/v1/tasks/t000000000000c").await.json();
    assert_eq!((&task["kind"], &task["channel"]), (&json!("callback"), &json!("voice")));

    let queue = node.get("/v1/queues/support").await.json();
    assert_eq!((&queue["waiting"], &queue["service_level"]), (&json!(1), &json!(0.5)));
    assert!(queue["longest_wait_s"].is_number());
    let sums = json!({ "offered": 3, "answered": 1, "abandoned": 1, "service_level": 0.5 });
    assert_eq!(queue["last_hour"], sums);
    assert_eq!(queue["operators"], json!({ "offline": 2 }));
    let list = node.get("/v1/queues").await.json();
    assert_eq!(list["items"][0]["name"], "sales");
    assert_eq!(list["items"][0]["service_level"], Value::Null);
    assert_eq!(list["items"][1], queue_without_wait(queue, &list["items"][1]));
}

/// The longest wait goes on between two questions.
fn queue_without_wait(mut queue: Value, other: &Value) -> Value {
    queue["longest_wait_s"] = other["longest_wait_s"].clone();
    queue
}

#[tokio::test]
async fn operators_and_their_phones() {
    let mut node = Node::start().await;
    let (operator, contact) = (|| "alice".into(), || "sip:alice@10.0.0.1".into());
    node.observe(0, None, state("alice", Effective::Ready));
    node.observe(0, None, What::RegistrationAdded { operator: operator(), contact: contact() });
    let alice = node.get("/v1/operators/alice").await.json();
    assert_eq!(alice["registered"], true);
    let chosen = json!({ "state": "ready", "reason": null, "cause": "chosen" });
    assert_eq!(alice["chosen"], chosen);
    assert_eq!(alice["effective"]["cause"], "call");
    let cause = "expired".into();
    let removed = What::RegistrationRemoved { operator: operator(), contact: contact(), cause };
    node.observe(0, None, removed);
    assert_eq!(node.get("/v1/operators/alice").await.json()["registered"], false);
    let list = node.get("/v1/operators?limit=1").await.json();
    assert_eq!((&list["items"][0]["id"], &list["next"]), (&json!("alice"), &json!("alice")));
    let list = node.get("/v1/operators?limit=1&cursor=alice").await.json();
    assert_eq!((&list["items"][0]["id"], &list["next"]), (&json!("bob"), &Value::Null));

    let mut smaller = directory();
    smaller.operators.remove(0);
    node.api.reconfigure(&smaller);
    assert_eq!(node.get("/v1/operators/bob").await.status, 404);
    assert_eq!(node.get("/v1/operators/alice").await.json()["chosen"]["state"], "ready");
}

#[tokio::test]
async fn trunks_go_down() {
    let mut node = Node::start().await;
    let trunk = json!({
        "name": "carrier", "state": null, "cause": null, "since": null, "registered": null,
        "calls": 0,
    });
    assert_eq!(node.get("/v1/trunks").await.json()["items"], json!([trunk]));
    let (trunk, cause) = ("carrier".into(), "timeout".into());
    node.observe(0, None, What::TrunkDown { trunk, cause });
    let trunk = node.get("/v1/trunks").await.json()["items"][0].clone();
    assert_eq!((&trunk["state"], &trunk["cause"]), (&json!("down"), &json!("timeout")));
}

/// Answers a command, giving it back.
fn reply(order: Order, with: Result<Reply, Problem>) -> Command {
    let Order::Command { command, reply } = order else { panic!("{order:?}") };
    reply.send(with).unwrap();
    command
}

#[tokio::test]
async fn orders_reach_the_switch() {
    let mut node = Node::start().await;
    node.talk();
    let address = node.address;
    let path = format!("/v1/calls/{CALL}");
    for token in ["alice", "boss"] {
        let asking = ask(address, "DELETE", &path, token, "");
        let (answer, command) = node.order(asking, |order| reply(order, Ok(Reply::Done))).await;
        assert_eq!((answer.status, &*answer.text), (204, ""));
        assert_eq!(command, Command::HangUp { call: CallKey(1) });
    }
    let asking = ask(address, "DELETE", "/v1/calls/c0000000000002", "boss", "");
    let gone = Problem::NotFound { what: "call", name: "c0000000000002".into() };
    let (answer, _) = node.order(asking, |order| reply(order, Err(gone))).await;
    assert_eq!(answer.problem()["detail"], "no such call: c0000000000002");
    assert_eq!(answer.status, 404);

    let operator = || "alice".into();
    for (body, expected) in [
        (
            json!({ "state": "ready" }),
            Command::Choose { operator: operator(), state: Choice::Ready },
        ),
        (
            json!({ "state": "not-ready", "reason": "lunch" }),
            Command::Choose {
                operator: operator(),
                state: Choice::NotReady { reason: Some("lunch".into()) },
            },
        ),
        (json!({ "wrap_up": "extend" }), Command::ExtendWrapUp { operator: operator() }),
        (json!({ "wrap_up": "end" }), Command::EndWrapUp { operator: operator() }),
    ] {
        let body = body.to_string();
        let asking = ask(address, "PATCH", "/v1/operators/alice", "alice", &body);
        let (answer, command) = node.order(asking, |order| reply(order, Ok(Reply::Done))).await;
        assert_eq!((answer.status, command), (200, expected), "{body}");
        assert_eq!(answer.json()["id"], "alice");
    }
    let asking = ask(address, "PATCH", "/v1/operators/alice", "boss", r#"{"wrap_up":"end"}"#);
    let conflict = Problem::Conflict("alice has no wrap-up".into());
    let (answer, _) = node.order(asking, |order| reply(order, Err(conflict))).await;
    assert_eq!((answer.status, &answer.problem()["detail"]), (409, &json!("alice has no wrap-up")));
}

fn considered(
    operator: &str,
    verdict: &str,
    score: Option<(u64, &'static str)>,
    lacks: Option<(b2bua::config::Name, u32, u32)>,
) -> Considered {
    let filter = lacks.is_some().then_some("skill");
    Considered { operator: operator.into(), verdict: verdict.into(), score, filter, lacks }
}

#[tokio::test]
async fn decisions_are_told() {
    let mut node = Node::start().await;
    let decision = Explanation {
        at: at(),
        task: Some(TaskKey(9)),
        queue: "support".into(),
        kept: None,
        chosen: Some("alice".into()),
        strategy: "longest-idle",
        demand: vec![("russian".into(), 3)],
        wanted: None,
        considered: vec![
            considered("alice", "idle 30.0 s", Some((30_000, "idle_ms")), None),
            considered("bob", "lacks russian: 1 of 3", None, Some(("russian".into(), 1, 3))),
        ],
        excluded: vec![("not ready".into(), 2)],
    };
    let lacking =
        Lacking { queue: "support".into(), tasks: 1, skill: "russian".into(), level: 1, asked: 3 };
    let idle = Idle {
        filter: None,
        waiting: 2,
        backed_off: vec![TaskKey(9)],
        lacking: vec![lacking],
        meant: 0,
        by_hand: 0,
        ringing: 0,
    };
    for (path, expected, told) in [
        (
            format!("/v1/tasks/{TASK}/decisions"),
            Command::ExplainTask { task: TaskKey(9) },
            Reply::Decisions(vec![decision.clone()]),
        ),
        (
            "/v1/operators/alice/decisions".to_owned(),
            Command::ExplainOperator { operator: "alice".into() },
            Reply::Idle(idle, vec![decision]),
        ),
    ] {
        let asking = ask(node.address, "GET", &path, "boss", "");
        let (answer, command) = node.order(asking, |order| reply(order, Ok(told))).await;
        assert_eq!(command, expected);
        let (json, item) = (answer.json(), answer.json()["items"][0].clone());
        assert_eq!(item["demand"], json!({ "russian": 3 }));
        assert_eq!(
            item["considered"],
            json!([
                { "operator": "alice", "verdict": "idle 30.0 s", "score": 30_000, "unit": "idle_ms",
                  "filter": null, "lacks": null },
                { "operator": "bob", "verdict": "lacks russian: 1 of 3", "score": null,
                  "unit": null, "filter": "skill", "lacks": { "skill": "russian", "level": 1, "asked": 3 } },
            ])
        );
        assert_eq!(item["excluded"], json!([{ "filter": "not ready", "count": 2 }]));
        if path.contains("operators") {
            assert_eq!(json["idle"]["backed_off"], json!([TASK]));
            assert_eq!(json["idle"]["lacking"][0]["skill"], "russian");
        }
    }
}

#[tokio::test]
async fn a_reload_is_done_or_explained() {
    let mut node = Node::start().await;
    for (faults, status) in [(vec![], 204), (vec!["usher.toml:3: unknown key".to_owned()], 422)] {
        let result = if faults.is_empty() { Ok(()) } else { Err(faults) };
        let asking = ask(node.address, "POST", "/v1/reload", "root", "");
        let take = |order| {
            let Order::Reload { reply } = order else { panic!("{order:?}") };
            reply.send(result).unwrap();
        };
        let (answer, ()) = node.order(asking, take).await;
        assert_eq!(answer.status, status);
        if status == 422 {
            assert_eq!(answer.problem()["errors"][0]["detail"], "usher.toml:3: unknown key");
        }
    }
}
