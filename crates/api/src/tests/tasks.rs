//! Tasks by order.

use b2bua::config::First;
use b2bua::{CallbackCause, Command, NewTask, Reply, TaskChange, TaskStep, Terms};

use super::*;

fn done(order: Order, result: Result<Reply, b2bua::Problem>) -> Command {
    let Order::Command { command, reply } = order else { panic!("{order:?}") };
    reply.send(result).unwrap();
    command
}

const TERMS: Terms =
    Terms { first: First::Operator, confirm: true, attempts_max: 3, gap_ms: 600_000 };

fn created(attempts: u32) -> What {
    What::CallbackCreated {
        work: b2bua::event::Work::CALLBACK,
        queue: "support".into(),
        number: "+74951234567".into(),
        name: Some("Anna".to_owned()),
        trunk: "carrier".into(),
        cause: CallbackCause::Order,
        predecessor: None,
        virtual_start: at(),
        priority_s: 5,
        not_before: None,
        expires: at(),
        attempts,
        terms: TERMS,
        restored: false,
        context: BTreeMap::from([("X-Line".to_owned(), "vip".to_owned())]),
    }
}

#[tokio::test]
async fn somebody_is_to_be_called_back() {
    let mut node = Node::start().await;
    let body = json!({
        "queue": "support", "number": "+74951234567", "name": "Anna", "priority_s": 5,
        "context": { "X-Line": "vip" }, "not_before": "2027-01-01T09:00:00Z",
    })
    .to_string();
    let asking = ask(node.address, "POST", "/v1/tasks", "boss", &body);
    let api = node.api.clone();
    let (answer, order) = node
        .order(asking, |order| {
            api.observe(&event(100, 0, Some(7), created(0)));
            done(order, Ok(Reply::Task(TaskKey(7))))
        })
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let task = answer.json();
    let told = (&task["kind"], &task["number"], &task["name"], &task["state"]);
    let expected = (&json!("callback"), &json!("+74951234567"), &json!("Anna"), &json!("deferred"));
    assert_eq!(told, expected, "{task}");
    let new = NewTask {
        queue: "support".into(),
        number: "+74951234567".into(),
        name: Some("Anna".to_owned()),
        trunk: None,
        context: BTreeMap::from([("X-Line".to_owned(), "vip".to_owned())]),
        priority_s: Some(5),
        virtual_start: None,
        not_before: Some(Duration::from_secs(1_798_794_000)),
        expires: None,
        predecessor: None,
    };
    assert_eq!(order, Command::AddTask(Box::new(new)));
    // Only whoever runs the queue adds to it.
    for who in ["alice", "seller"] {
        let answer = ask(node.address, "POST", "/v1/tasks", who, &body).await;
        assert_eq!(answer.status, 403, "{who}");
    }
    for (body, field) in [
        (json!({ "number": "1" }), "queue"),
        (json!({ "queue": "support" }), "number"),
        (json!({ "queue": "support", "number": "12", "kind": "letter" }), "kind"),
        (json!({ "queue": "support", "number": "12", "expires": "soon" }), "expires"),
        (json!({ "queue": "support", "number": "12", "priority_s": -1 }), "priority_s"),
        (json!({ "queue": "support", "number": "12", "colour": 1 }), "colour"),
    ] {
        let answer = ask(node.address, "POST", "/v1/tasks", "boss", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.problem()["errors"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn who_may_change_a_task_and_who_may_pick_it() {
    let mut node = Node::start().await;
    node.observe(0, Some(7), created(1));
    let path = format!("/v1/tasks/{}", TaskKey(7));
    let body = json!({ "state": "release", "priority_s": 60 }).to_string();
    let change = |priority_s, step| {
        let change = TaskChange { priority_s, step: Some(step) };
        Command::ChangeTask { task: TaskKey(7), change }
    };
    // One order: whatever of it cannot be, nothing of it is.
    for (reply, status) in [
        (Ok(Reply::Done), 200),
        (Err(b2bua::Problem::Conflict("the task is not kept back".into())), 409),
    ] {
        let asking = ask(node.address, "PATCH", &path, "boss", &body);
        let (answer, order) = node.order(asking, |order| done(order, reply)).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert_eq!(order, change(Some(60), TaskStep::Release));
        assert!(node.orders.try_recv().is_err(), "and no other");
    }
    for who in ["alice", "seller"] {
        assert_eq!(ask(node.address, "PATCH", &path, who, &body).await.status, 403, "{who}");
        assert_eq!(ask(node.address, "DELETE", &path, who, "").await.status, 403, "{who}");
    }
    let (answer, order) = node
        .order(ask(node.address, "DELETE", &path, "root", ""), |order| done(order, Ok(Reply::Done)))
        .await;
    assert_eq!((answer.status, order), (204, change(None, TaskStep::Withdraw)));
    // An operator takes what is in their own queues, for themselves.
    let assign = format!("{path}/assign");
    let whom = |operator: &str| json!({ "operator": operator }).to_string();
    let (answer, order) = node
        .order(ask(node.address, "POST", &assign, "alice", &whom("alice")), |order| {
            done(order, Ok(Reply::Done))
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(order, Command::AssignTask { task: TaskKey(7), operator: "alice".into() });
    assert_eq!(ask(node.address, "POST", &assign, "alice", &whom("bob")).await.status, 403);
    let gone = format!("/v1/tasks/{}/assign", TaskKey(8));
    assert_eq!(ask(node.address, "POST", &gone, "boss", &whom("alice")).await.status, 404);
}

#[tokio::test]
async fn who_was_not_served_is_called_back_in_their_place() {
    let mut node = Node::start().await;
    let start = at();
    node.observe(1, None, started());
    let queued = What::TaskQueued {
        work: b2bua::event::Work::CALL,
        queue: "support".into(),
        position: 1,
        virtual_start: start,
        priority_s: 5,
    };
    node.observe(1, Some(9), queued);
    let path = format!("/v1/tasks/{}", TaskKey(9));
    let body = json!({ "state": "callback" }).to_string();
    // Not while they wait.
    assert_eq!(ask(node.address, "PATCH", &path, "boss", &body).await.status, 409);
    let abandoned = What::TaskAbandoned { queue: "support".into(), wait_ms: 1_000 };
    node.observe(1, Some(9), abandoned);
    let api = node.api.clone();
    let (answer, order) = node
        .order(ask(node.address, "PATCH", &path, "boss", &body), |order| {
            api.observe(&event(100, 0, Some(10), created(0)));
            done(order, Ok(Reply::Task(TaskKey(10))))
        })
        .await;
    assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(TaskKey(10))));
    let Command::AddTask(new) = order else { panic!("{order:?}") };
    let ms = u64::try_from(start.as_millisecond()).unwrap();
    assert_eq!(new.virtual_start, Some(Duration::from_millis(ms)));
    assert_eq!((&*new.number, new.predecessor), ("sip:+7495@carrier", Some(CallKey(1))));
}

#[tokio::test]
async fn a_callback_is_shown_to_those_of_its_queue() {
    let mut node = Node::start().await;
    node.observe(0, Some(7), created(0));
    let path = format!("/v1/tasks/{}", TaskKey(7));
    // Alice serves the queue; the seller runs another one.
    for (who, sees) in [("root", true), ("boss", true), ("alice", true), ("seller", false)] {
        let answer = ask(node.address, "GET", &path, who, "").await;
        assert_eq!(answer.status, if sees { 200 } else { 404 }, "{who}");
    }
}
