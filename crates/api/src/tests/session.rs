//! Sign-in by password.

use super::*;

async fn sign_in(node: &Node, operator: &str, password: &str) -> Answer {
    let body = json!({ "operator": operator, "password": password }).to_string();
    ask(node.address, "POST", "/v1/session", "", &body).await
}

#[tokio::test]
async fn who_signs_in_is_what_their_role_says() {
    let mut node = Node::start().await;
    node.observe(5, None, started());
    let told = sign_in(&node, "alice", "pw-alice").await;
    assert_eq!(told.status, 201, "{told:?}");
    let told = told.json();
    assert_eq!((&told["operator"], &told["role"]), (&json!("alice"), &json!("operator")));
    assert!(told["expires"].as_str().unwrap().parse::<Utc>().unwrap() > at());
    let alice = told["token"].as_str().unwrap().to_owned();
    let bob = sign_in(&node, "bob", "pw-bob").await.json();
    assert_eq!(bob["role"], "supervisor");
    let bob = bob["token"].as_str().unwrap().to_owned();
    assert_ne!(alice, bob);
    for (token, method, path, body, status) in [
        (&alice, "GET", "/v1/calls", "", 200),
        (&alice, "PATCH", "/v1/operators/bob", r#"{"state":"ready"}"#, 403),
        (&alice, "GET", "/v1/records/calls", "", 403),
        (&bob, "GET", "/v1/records/calls", "", 503),
        (&bob, "PATCH", "/v1/queues/support", r#"{"open":true}"#, 403),
        (&bob, "PATCH", "/v1/settings", r#"{"auto_connect":true}"#, 403),
    ] {
        let answer = ask(node.address, method, path, token, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    }
    assert_eq!(ask(node.address, "DELETE", "/v1/session", &alice, "").await.status, 204);
    assert_eq!(ask(node.address, "GET", "/v1/calls", &alice, "").await.status, 401);
    assert_eq!(ask(node.address, "GET", "/v1/calls", &bob, "").await.status, 200);
    assert_eq!(ask(node.address, "DELETE", "/v1/session", "boss", "").await.status, 409);
}

#[tokio::test]
async fn a_token_is_worth_nothing_once_its_operator_is_another() {
    let node = Node::start().await;
    let token =
        sign_in(&node, "alice", "pw-alice").await.json()["token"].as_str().unwrap().to_owned();
    let mut directory = directory();
    directory.operators[1].password = Some(crate::Secret("another".into()));
    node.api.reconfigure(&directory);
    assert_eq!(ask(node.address, "GET", "/v1/calls", &token, "").await.status, 401);
    assert_eq!(sign_in(&node, "alice", "pw-alice").await.status, 401);
    let token =
        sign_in(&node, "alice", "another").await.json()["token"].as_str().unwrap().to_owned();
    directory.operators.pop();
    node.api.reconfigure(&directory);
    assert_eq!(ask(node.address, "GET", "/v1/calls", &token, "").await.status, 401);
}

#[tokio::test]
async fn a_wrong_password_is_one() {
    let node = Node::start().await;
    for (operator, password) in [("alice", "pw-bob"), ("eve", "pw-eve"), ("alice", "pw-alic")] {
        let answer = sign_in(&node, operator, password).await;
        assert_eq!(answer.status, 401, "{operator}");
        answer.problem();
    }
    for _ in 0..3 {
        assert_eq!(sign_in(&node, "alice", "x").await.status, 401);
    }
    let locked = sign_in(&node, "alice", "pw-alice").await;
    assert_eq!(locked.status, 429);
    locked.problem();
    assert_eq!(sign_in(&node, "bob", "pw-bob").await.status, 201, "others are not");
    for body in ["{}", r#"{"operator":"alice","password":1}"#] {
        assert_eq!(ask(node.address, "POST", "/v1/session", "", body).await.status, 422, "{body}");
    }
}
