//! Help: what is ordered, and what is shown of it.

use b2bua::config::Name;
use b2bua::event::{HeldBy, HelpEnd, HelpMode};
use b2bua::{Act, Command, HelpWanted, Reply, Whom};

use super::*;

const CALL: &str = "/v1/calls/c0000000000001";
const HELP: &str = "/v1/calls/c0000000000005";

/// What the switch was asked to do, in which call.
async fn asked(node: &mut Node, method: &str, path: &str, body: &str) -> (Answer, CallKey, Act) {
    let asking = ask(node.address, method, path, "alice", body);
    let (answer, (call, act)) = node
        .order(asking, |order| match order {
            Order::Command { command: Command::Conference { call, act, .. }, reply } => {
                let result = match &act {
                    Act::Help(_) => Reply::Help {
                        help: CallKey(5),
                        call: CallKey(1),
                        participants: vec![ParticipantId(3)],
                    },
                    _ => Reply::Done,
                };
                reply.send(Ok(result)).unwrap();
                (call, act)
            }
            other => panic!("{other:?}"),
        })
        .await;
    (answer, call, act)
}

#[tokio::test]
async fn help_is_asked_of_a_colleague_or_of_a_queue() {
    let mut node = Node::start().await;
    node.talk();
    let plain = |whom| HelpWanted {
        by: None,
        whom,
        mode: HelpMode::TwoParty,
        headers: Vec::new(),
        timeout_ms: 30_000,
    };
    let number = Whom::Number { number: "600".into(), trunk: None };
    for (body, expected) in [
        (json!({ "operator": "bob" }), plain(Whom::Operator("bob".into()))),
        (json!({ "queue": "sales" }), plain(Whom::Queue("sales".into()))),
        (
            json!({ "number": "600", "by": "alice", "mode": "three-party", "timeout_s": 5,
                "context": { "X-Why": "a bill" } }),
            HelpWanted {
                by: Some("alice".into()),
                mode: HelpMode::ThreeParty,
                headers: vec![("X-Why".into(), "a bill".into())],
                timeout_ms: 5_000,
                ..plain(number)
            },
        ),
    ] {
        let path = format!("{CALL}/help");
        let (answer, call, act) = asked(&mut node, "POST", &path, &body.to_string()).await;
        assert_eq!((call, act), (CallKey(1), Act::Help(expected)), "{body}");
        let told = json!({ "help": "c0000000000005", "call": "c0000000000001",
            "participant": "p0000000000003", "participants": ["p0000000000003"] });
        assert_eq!((answer.status, answer.json()), (201, told));
    }
    for (body, field) in [
        (json!({}), "operator"),
        (json!({ "operator": "bob", "queue": "sales" }), "operator"),
        (json!({ "operator": "bob", "mode": "four-party" }), "mode"),
        (json!({ "operator": "bob", "trunk": "carrier" }), "trunk"),
    ] {
        let path = format!("{CALL}/help");
        let answer = ask(node.address, "POST", &path, "alice", &body.to_string()).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.problem()["errors"][0]["field"], field, "{body}");
    }
}

#[tokio::test]
async fn the_customer_is_taken_back_by_the_call_and_by_the_help() {
    let mut node = Node::start().await;
    node.talk();
    let (answer, call, act) = asked(&mut node, "DELETE", &format!("{CALL}/help"), "").await;
    assert_eq!((answer.status, call, act), (204, CallKey(1), Act::TakeBack));
    let (help, mode, by) = (CallKey(5), HelpMode::TwoParty, ParticipantId(2));
    let (operator, to) = (Some("alice".into()), Name::from("bob"));
    let alerting =
        What::HelpAlerting { help, mode, by, operator: operator.clone(), to: to.clone() };
    node.observe(1, None, alerting);
    let (participant, helper) = (ParticipantId(3), Some("bob".into()));
    node.observe(1, None, joined(3, Part::Consultant, Some("bob")));
    let talking = What::HelpTalking {
        help,
        mode,
        by,
        operator: operator.clone(),
        to: to.clone(),
        participant,
        helper,
    };
    node.observe(1, None, talking);
    let held = ParticipantId(1);
    let held = What::ParticipantHeld { participant: held, by: HeldBy::Help, audio: None };
    node.observe(1, None, held);
    let shown = node.get(HELP).await.json();
    assert_eq!(shown["id"], "c0000000000001", "the call that it is part of");
    let told = json!({ "id": "c0000000000005", "mode": "two-party", "by": "p0000000000002",
        "to": "bob", "state": "talking", "participant": "p0000000000003" });
    assert_eq!(shown["help"], told);
    assert_eq!(shown["participants"][0]["held_by"], json!(["help"]));
    let (answer, call, act) = asked(&mut node, "DELETE", HELP, "").await;
    assert_eq!((answer.status, call, act), (204, CallKey(5), Act::TakeBack));
    let ended = What::HelpEnded { help, operator, to, cause: HelpEnd::TakenBack };
    node.observe(1, None, ended);
    assert_eq!(node.get(CALL).await.json()["help"], Value::Null);
    assert_eq!(ask(node.address, "DELETE", HELP, "alice", "").await.status, 404);
}
