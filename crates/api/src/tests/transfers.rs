//! Customers who are handed on: what is ordered, and what is told of it during the call and after.

use b2bua::event::TransferMode;
use b2bua::{Act, Command, HandOn, OnFailure, Problem, Reply, Whom};

use super::*;

const CALL: &str = "/v1/calls/c0000000000001";

async fn ordered(
    node: &mut Node,
    path: &str,
    body: &Value,
    result: Result<Reply, Problem>,
) -> (Answer, Act) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let path = format!("{CALL}{path}");
    let asking = ask(node.address, "POST", &path, "root", &text);
    node.order(asking, |order| match order {
        Order::Command { command: Command::Conference { call, act, .. }, reply } => {
            assert_eq!(call, CallKey(1));
            reply.send(result).unwrap();
            act
        }
        other => panic!("{other:?}"),
    })
    .await
}

#[tokio::test]
async fn an_order_says_all_that_was_asked_for() {
    let mut node = Node::start().await;
    node.talk();
    let plain = HandOn {
        to: Whom::Queue("sales".into()),
        is_warm: false,
        timeout_ms: 30_000,
        headers: Vec::new(),
        on_failure: OnFailure::Return,
        continue_call: false,
        continue_recording: false,
    };
    for (body, expected) in [
        (json!({ "queue": "sales" }), plain.clone()),
        (
            json!({ "operator": "bob", "mode": "warm", "on_failure": "hangup", "timeout_s": 2.5 }),
            HandOn {
                to: Whom::Operator("bob".into()),
                is_warm: true,
                timeout_ms: 2_500,
                on_failure: OnFailure::HangUp,
                ..plain.clone()
            },
        ),
        (
            json!({ "number": "+7495", "trunk": "t", "headers": { "reason": "support" },
                "continue_call": true, "continue_recording": true, "mode": "cold",
                "on_failure": { "queue": "sales" } }),
            HandOn {
                to: Whom::Number { number: "+7495".into(), trunk: Some("t".into()) },
                headers: vec![("reason".into(), "support".into())],
                on_failure: OnFailure::To(Whom::Queue("sales".into())),
                continue_call: true,
                continue_recording: true,
                ..plain.clone()
            },
        ),
        (json!({ "uri": "sip:a@b" }), HandOn { to: Whom::Uri("sip:a@b".into()), ..plain.clone() }),
    ] {
        let (answer, act) = ordered(&mut node, "/transfer", &body, Ok(Reply::Done)).await;
        assert_eq!(act, Act::Transfer(expected), "{body}");
        assert_eq!(answer.status, 202, "{body}");
    }
    for (path, expected) in
        [("/transfer/complete", Act::CompleteTransfer), ("/transfer/cancel", Act::CancelTransfer)]
    {
        let (answer, act) = ordered(&mut node, path, &Value::Null, Ok(Reply::Done)).await;
        assert_eq!((act, answer.status), (expected, 200));
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let mut node = Node::start().await;
    node.talk();
    for body in [
        json!({}),
        json!({ "operator": "a", "queue": "b" }),
        json!({ "operator": "a", "trunk": "t" }),
        json!({ "operator": "a", "mode": "blind" }),
        json!({ "operator": "a", "timeout_s": 0 }),
        json!({ "operator": "a", "on_failure": "else" }),
        json!({ "operator": "a", "continue_call": "yes" }),
        json!({ "operator": "a", "headers": { "X-A": 1 } }),
        json!({ "operator": "a", "to": "b" }),
    ] {
        let path = format!("{CALL}/transfer");
        let answer = ask(node.address, "POST", &path, "root", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn its_status_outlives_the_call() {
    let mut node = Node::start().await;
    node.talk();
    let begins = |mode| What::TransferStarted {
        participant: Some(ParticipantId(2)),
        operator: Some("alice".into()),
        to: "bob".into(),
        mode,
    };
    let completed = |operator: Option<&str>| What::TransferCompleted {
        operator: operator.map(Into::into),
        to: "bob".into(),
    };
    let failed = What::TransferFailed { to: "bob".into(), reason: "busy".into(), hangup: false };
    let gone = What::TransferEnded { to: "bob".into(), hangup: true };
    let told =
        |word: &str, hangup: bool| json!({ "status": word, "hangup": hangup, "number": "bob" });
    let mut fail = told("FAIL", false);
    fail["reason"] = json!("busy");
    let path = format!("{CALL}/transfer");
    assert_eq!(ask(node.address, "GET", &path, "root", "").await.status, 404);
    for (what, expected) in [
        (begins(TransferMode::Cold), told("PENDING", false)),
        (failed, fail.clone()),
        // Where the customer goes then is another matter.
        (begins(TransferMode::Fallback), fail.clone()),
        (completed(None), fail),
        (begins(TransferMode::Warm), told("PENDING", false)),
        (completed(Some("bob")), told("TALKING", false)),
        (gone, told("SUCCESS", true)),
        (ended(CallResult::Answered), told("SUCCESS", true)),
    ] {
        let seen = format!("{what:?}");
        node.observe(1, None, what);
        let answer = ask(node.address, "GET", &path, "root", "").await;
        assert_eq!((answer.status, answer.json()), (200, expected), "after {seen}");
    }
}
