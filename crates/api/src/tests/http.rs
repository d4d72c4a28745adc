use super::*;

#[tokio::test]
async fn nobody_without_a_token() {
    let node = Node::start().await;
    for token in ["", "boss2", "bos"] {
        for path in ["/v1/calls", "/v1/nothing", "/v1/events", "/v1"] {
            let answer = ask(node.address, "GET", path, token, "").await;
            assert_eq!(answer.status, 401, "{path} {token:?}");
            assert!(answer.head.contains("www-authenticate: Bearer"), "{answer:?}");
            answer.problem();
        }
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(ask(node.address, "GET", path, "", "").await.status, 200, "{path}");
    }
    let closed = Node::start_with(Settings::new("usher-1", "1.2.3"), None).await;
    assert_eq!(ask(closed.address, "GET", "/v1/calls", "boss", "").await.status, 401);
    assert_eq!(ask(closed.address, "GET", "/healthz", "", "").await.status, 200);
}

#[tokio::test]
async fn roles_reach_so_far() {
    let mut node = Node::start_with(settings(), Some(Arc::new(Fake::default()))).await;
    node.observe(5, None, started());
    for (token, method, path, body, expected) in [
        ("alice", "GET", "/v1/calls", "", 200),
        ("alice", "GET", "/v1/records/calls", "", 403),
        ("alice", "GET", "/v1/records/calls/c0000000000001", "", 403),
        ("alice", "DELETE", "/v1/calls/c0000000000005", "", 403),
        ("alice", "DELETE", "/v1/calls/c0000000000006", "", 404),
        ("alice", "PATCH", "/v1/calls/c0000000000005/recording", r#"{"state":"on"}"#, 403),
        ("alice", "GET", "/v1/records/calls/c0000000000001/recording", "", 403),
        ("boss", "DELETE", "/v1/records/recordings?number=1", "", 403),
        ("alice", "PATCH", "/v1/operators/bob", r#"{"state":"ready"}"#, 403),
        ("alice", "POST", "/v1/reload", "", 403),
        ("boss", "GET", "/v1/records/calls", "", 200),
        ("boss", "POST", "/v1/reload", "", 403),
        ("root", "GET", "/v1/records/calls", "", 200),
    ] {
        let answer = ask(node.address, method, path, token, body).await;
        assert_eq!(answer.status, expected, "{token} {method} {path}");
        if expected >= 400 {
            answer.problem();
        }
    }
    assert!(node.orders.try_recv().is_err(), "nothing was ordered");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let mut node = Node::start_with(settings(), Some(Arc::new(Fake::default()))).await;
    let long = format!("{{\"state\":\"{}\"}}", "x".repeat(1024 * 1024));
    let reason = json!({ "state": "not-ready", "reason": "x".repeat(65) }).to_string();
    for (method, path, body, status, field) in [
        ("GET", "/nothing", "", 404, ""),
        ("GET", "/v1/nothing", "", 404, ""),
        ("GET", "/v1/calls/c1", "", 404, ""),
        ("GET", "/v1/operators/eve", "", 404, ""),
        ("GET", "/v1/queues/none", "", 404, ""),
        ("GET", "/v1/tasks/x", "", 404, ""),
        ("GET", "/v1/operators/%ff", "", 400, ""),
        ("PATCH", "/v1/operators/%ff", "{}", 400, ""),
        ("DELETE", "/v1/calls/%ff", "", 400, ""),
        ("GET", "/v1/records/calls/%ff", "", 400, ""),
        ("GET", "/v1/calls?limit=%ff", "", 422, "limit"),
        ("PUT", "/v1/calls", "", 405, ""),
        ("POST", "/healthz", "", 405, ""),
        ("GET", "/v1/calls?limit=0", "", 422, "limit"),
        ("GET", "/v1/calls?limit=1001", "", 422, "limit"),
        ("GET", "/v1/calls?limit=ten", "", 422, "limit"),
        ("GET", "/v1/calls?limit=1&limit=1", "", 422, "limit"),
        ("GET", "/v1/calls?cursor=x", "", 422, "cursor"),
        ("GET", "/v1/calls?size=1", "", 422, "size"),
        ("GET", "/v1/queues/support?a=b", "", 422, "a"),
        ("GET", "/v1/tasks?state=idle", "", 422, "state"),
        ("GET", "/v1/tasks?queue=none", "", 422, "queue"),
        ("GET", "/v1/records/calls?from=yesterday", "", 422, "from"),
        ("GET", "/v1/records/calls?cursor=x", "", 422, "cursor"),
        ("GET", "/v1/records/calls?cursor=broken", "", 503, ""),
        ("GET", "/v1/records/calls/c0000000000002", "", 404, ""),
        ("PATCH", "/v1/calls/c1/recording", r#"{"state":"on"}"#, 404, ""),
        ("PATCH", "/v1/calls/c0000000000001/recording", "{}", 422, "state"),
        ("PATCH", "/v1/calls/c0000000000001/recording", r#"{"state":"start"}"#, 422, "state"),
        ("PATCH", "/v1/calls/c0000000000001/recording", r#"{"to":1,"state":"on"}"#, 422, "to"),
        ("GET", "/v1/records/calls/c0000000000002/recording", "", 404, ""),
        ("GET", "/v1/records/calls/c0000000000001/recording?a=b", "", 422, "a"),
        ("DELETE", "/v1/records/recordings", "", 422, "number"),
        ("DELETE", "/v1/records/recordings?number=", "", 422, "number"),
        ("GET", "/v1/events?topics=tasks", "", 422, "topics"),
        ("GET", "/v1/events?after=x", "", 422, "after"),
        ("GET", "/v1/events", "", 400, ""),
        ("PATCH", "/v1/operators/eve", r#"{"state":"ready"}"#, 404, ""),
        ("PATCH", "/v1/operators/bob", "", 400, ""),
        ("PATCH", "/v1/operators/bob", "{", 400, ""),
        ("PATCH", "/v1/operators/bob", "[]", 400, ""),
        ("PATCH", "/v1/operators/bob", "{}", 422, "state"),
        ("PATCH", "/v1/operators/bob", r#"{"state":"asleep"}"#, 422, "state"),
        ("PATCH", "/v1/operators/bob", r#"{"state":1}"#, 422, "state"),
        ("PATCH", "/v1/operators/bob", r#"{"state":"ready","reason":"x"}"#, 422, "reason"),
        ("PATCH", "/v1/operators/bob", &reason, 422, "reason"),
        ("PATCH", "/v1/operators/bob", r#"{"wrap_up":"never"}"#, 422, "wrap_up"),
        ("PATCH", "/v1/operators/bob", r#"{"mood":"good","state":"ready"}"#, 422, "mood"),
        ("PATCH", "/v1/operators/bob", &long, 413, ""),
    ] {
        let answer = ask(node.address, method, path, "root", body).await;
        assert_eq!(answer.status, status, "{method} {path} {answer:?}");
        let problem = answer.problem();
        let named = problem["errors"][0]["field"].as_str().unwrap_or_default();
        assert_eq!(named, field, "{method} {path}: {problem}");
        if status == 405 {
            assert!(answer.head.contains("allow: "), "{answer:?}");
        }
    }
    assert!(node.orders.try_recv().is_err(), "nothing was ordered");
}

#[tokio::test]
async fn a_switch_that_does_not_answer() {
    let settings = Settings { reply_within: Duration::from_millis(20), ..settings() };
    let mut node = Node::start_with(settings, None).await;
    let path = "/v1/calls/c0000000000001";
    let check = |answer: Answer| {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
        answer.problem();
    };
    let asking = ask(node.address, "DELETE", path, "boss", "");
    let (answer, kept) = node.order(asking, |order| order).await;
    check(answer);
    let asking = ask(node.address, "DELETE", path, "boss", "");
    check(node.order(asking, drop).await.0);
    drop(kept);
    node.orders.close();
    check(ask(node.address, "DELETE", path, "boss", "").await);
    check(node.get("/v1/records/calls").await);
}

#[tokio::test]
async fn records_are_asked() {
    let fake = Arc::new(Fake::default());
    let node = Node::start_with(settings(), Some(Arc::clone(&fake) as Arc<dyn Records>)).await;
    let path = "/v1/records/calls?from=2026-11-21T00:00:00Z&to=2026-11-22T03:00:00+03:00&limit=7\
        &queue=support&operator=alice&number=+7495";
    let answer = node.get(path).await;
    assert_eq!(answer.json(), json!({ "items": [{ "id": "c1" }], "next": "5" }));
    let expected = RecordQuery {
        from: Some("2026-11-21T00:00:00Z".parse().unwrap()),
        to: Some("2026-11-22T00:00:00Z".parse().unwrap()),
        limit: 7,
        cursor: None,
        queue: Some("support".to_owned()),
        operator: Some("alice".to_owned()),
        number: Some("+7495".to_owned()),
        oldest_first: false,
    };
    assert_eq!(*fake.asked.lock().unwrap(), [expected]);
    let answer = node.get("/v1/records/calls/c0000000000001").await;
    assert_eq!(answer.json(), json!({ "id": "c0000000000001" }));
}

#[tokio::test]
async fn readiness_says_why_not() {
    let down = Arc::new(Mutex::new(true));
    let asked = Arc::clone(&down);
    let check = move || if *asked.lock().unwrap() { Err("disk full".to_owned()) } else { Ok(()) };
    let checks: Vec<crate::Check> = vec![("core", Arc::new(|| Ok(()))), ("store", Arc::new(check))];
    let node = Node::start_with(Settings { checks, ..settings() }, None).await;
    let answer = ask(node.address, "GET", "/readyz", "", "").await;
    assert_eq!(answer.status, 503);
    let errors = json!([{ "field": "store", "detail": "disk full" }]);
    assert_eq!(answer.problem()["errors"], errors);
    *down.lock().unwrap() = false;
    assert_eq!(ask(node.address, "GET", "/readyz", "", "").await.json()["status"], "ready");
}

#[tokio::test]
async fn the_stop_ends_serving() {
    let mut node = Node::start().await;
    node.stop.take();
    node.served.await.unwrap().unwrap();
    assert!(TcpStream::connect(node.address).await.is_err());
}
