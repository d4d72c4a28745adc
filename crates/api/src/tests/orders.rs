//! Orders that make calls, describe them and switch queues.

use b2bua::{Act, Asker, Command, Dial, Reply};

use super::*;

fn command(order: Order, result: Result<Reply, b2bua::Problem>) -> Command {
    let Order::Command { command, reply } = order else { panic!("{order:?}") };
    reply.send(result).unwrap();
    command
}

#[tokio::test]
async fn click_to_dial() {
    let mut node = Node::start().await;
    let body = json!({
        "operator": "alice", "to": "+7495", "trunk": "carrier", "headers": { "X-A": "1" },
        "context": { "X-Customer": "42" },
    })
    .to_string();
    let asking = ask(node.address, "POST", "/v1/calls", "alice", &body);
    let call = CallKey(1);
    let reply = Reply::Dialled { call, participants: vec![ParticipantId(2)] };
    let (answer, order) = node.order(asking, |order| command(order, Ok(reply))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.head.contains("location: /v1/calls/c0000000000001"), "{}", answer.head);
    let told = json!({ "call": "c0000000000001", "participants": ["p0000000000002"] });
    assert_eq!(answer.json(), told);
    let dial = Dial {
        operator: "alice".into(),
        to: "+7495".into(),
        trunk: Some("carrier".into()),
        headers: vec![("X-A".into(), "1".into())],
        context: [("X-Customer".to_owned(), "42".to_owned())].into(),
    };
    assert_eq!(order, Command::Dial(Box::new(dial)));

    let least = json!({ "operator": "bob", "to": "101" }).to_string();
    assert_eq!(ask(node.address, "POST", "/v1/calls", "alice", &least).await.status, 403);
    let asking = ask(node.address, "POST", "/v1/calls", "boss", &least);
    let busy = b2bua::Problem::Conflict("busy".into());
    let (answer, _) = node.order(asking, |order| command(order, Err(busy))).await;
    assert_eq!((answer.status, answer.problem()["detail"].as_str()), (409, Some("busy")));
    for (body, field) in [
        (json!({ "to": "1" }), "operator"),
        (json!({ "operator": "alice" }), "to"),
        (json!({ "operator": "alice", "to": 1 }), "to"),
        (json!({ "operator": "alice", "to": "1", "headers": { "X-A": 1 } }), "headers"),
        (json!({ "operator": "alice", "to": "1", "queue": "support" }), "queue"),
    ] {
        let answer = ask(node.address, "POST", "/v1/calls", "boss", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.problem()["errors"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn the_context_of_a_call_is_changed() {
    let mut node = Node::start().await;
    node.talk();
    let path = "/v1/calls/c0000000000001/context";
    let body = json!({ "X-Line": null, "X-Note": "angry" }).to_string();
    let (api, address) = (node.api.clone(), node.address);
    let context = BTreeMap::from([("X-Note".to_owned(), "angry".to_owned())]);
    let what = What::CallContext { context };
    let event = event(node.seq, 1, Some(9), what);
    let asking = ask(address, "PATCH", path, "root", &body);
    let answering = |order| {
        api.observe(&event);
        command(order, Ok(Reply::Done))
    };
    let (answer, order) = node.order(asking, answering).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "X-Note": "angry" })));
    let context =
        [("X-Line".to_owned(), None), ("X-Note".to_owned(), Some("angry".to_owned()))].into();
    let act = Act::Describe { context };
    assert_eq!(order, Command::Conference { call: CallKey(1), by: Asker::Admin, act });
    let task = node.get("/v1/tasks/t0000000000009").await.json();
    assert_eq!(task["context"], json!({ "X-Note": "angry" }), "the task's is the same");
    for body in ["{}", r#"{"X-A":1}"#] {
        assert_eq!(ask(address, "PATCH", path, "root", body).await.status, 422, "{body}");
    }
}

#[tokio::test]
async fn queues_are_switched() {
    let mut node = Node::start().await;
    let (api, address, seq) = (node.api.clone(), node.address, node.seq);
    let queue = || "sales".into();
    let what = What::QueueSwitched { queue: queue(), auto_connect: true, open: false };
    let told = event(seq, 0, None, what);
    let asking = ask(address, "PATCH", "/v1/queues/sales", "boss", r#"{"open":false}"#);
    let answering = |order| {
        api.observe(&told);
        command(order, Ok(Reply::Done))
    };
    let (answer, order) = node.order(asking, answering).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        (&answer.json()["open"], &answer.json()["auto_connect"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(
        order,
        Command::Switch { queue: Some(queue()), auto_connect: None, open: Some(false) }
    );
    // What was ordered outlives a reload.
    api.reconfigure(&directory());
    assert_eq!(node.get("/v1/queues/sales").await.json()["open"], false);
    for (path, token, body, status) in [
        ("/v1/queues/sales", "alice", r#"{"open":true}"#, 403),
        ("/v1/queues/none", "root", r#"{"open":true}"#, 404),
        ("/v1/queues/sales", "boss", "{}", 422),
        ("/v1/queues/sales", "boss", r#"{"open":1}"#, 422),
        ("/v1/settings", "boss", r#"{"auto_connect":true}"#, 403),
        ("/v1/settings", "root", "{}", 422),
    ] {
        let answer = ask(address, "PATCH", path, token, body).await;
        assert_eq!(answer.status, status, "{path} {token} {body}");
    }
    assert_eq!(node.get("/v1/settings").await.json(), json!({ "auto_connect": true }));
    let told = event(seq + 1, 0, None, What::SettingsSwitched { auto_connect: false });
    let asking = ask(address, "PATCH", "/v1/settings", "root", r#"{"auto_connect":false}"#);
    let answering = |order| {
        api.observe(&told);
        command(order, Ok(Reply::Done))
    };
    let (answer, _) = node.order(asking, answering).await;
    assert_eq!((answer.status, answer.json()), (200, json!({ "auto_connect": false })));
}
