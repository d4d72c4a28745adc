use futures_util::StreamExt;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::*;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn subscribe(node: &Node, query: &str, token: &str) -> Result<Socket, u16> {
    let url = format!("ws://{}/v1/events{query}", node.address);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn next(socket: &mut Socket) -> Value {
    match socket.next().await.unwrap().unwrap() {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The numbers of what comes, up to this one.
async fn until(socket: &mut Socket, last: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    while seqs.last() != Some(&last) {
        seqs.push(next(socket).await["seq"].as_u64().unwrap());
    }
    seqs
}

/// Why it was closed, after whatever came before.
async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
            Message::Close(None) => panic!("closed without a reason"),
            _ => {}
        }
    }
}

fn stored(seq: u64) -> StoredEvent {
    let json = format!(r#"{{"seq":{seq},"at":"2026-11-21T00:00:00Z","type":"call.ended"}}"#);
    StoredEvent { seq, json }
}

fn refused() -> What {
    What::SecurityRefused {
        reason: "unknown source".into(),
        source: "10.0.0.1:5060".into(),
        method: "INVITE".into(),
        user: "x".into(),
    }
}

#[tokio::test]
async fn an_event_is_told_as_it_is() {
    let mut node = Node::start().await;
    let mut socket = subscribe(&node, "", "root").await.unwrap();
    node.observe(1, None, started());
    let event = next(&mut socket).await;
    assert_eq!((&event["seq"], &event["type"]), (&json!(1), &json!("call.started")));
    assert_eq!((&event["call"], &event["trunk"]), (&json!("c0000000000001"), &json!("carrier")));
    assert_eq!(event["context"]["X-Line"], "vip");
    assert!(event.get("task").is_none());
}

/// What comes to a subscriber, as types, up to a mark.
async fn types(socket: &mut Socket) -> Vec<String> {
    let mut types = Vec::new();
    loop {
        let event = next(socket).await;
        let name = event["type"].as_str().unwrap().to_owned();
        assert!(name != "call.segment" || !event.to_string().contains("p0000000000003"));
        if name == "call.answered" {
            return types;
        }
        types.push(name);
    }
}

#[tokio::test]
async fn operators_are_not_told_of_supervisors() {
    let mut node = Node::start().await;
    node.talk();
    let mut alice = subscribe(&node, "?topics=call:c0000000000001", "alice").await.unwrap();
    let mut boss = subscribe(&node, "?topics=leg.*,participant.*", "root").await.unwrap();
    let (participant, role) = (ParticipantId(3), Part::Supervisor);
    let operator = Some("bob".into());
    node.observe(1, None, What::LegRinging { participant, role, operator: operator.clone() });
    node.observe(1, None, What::LegAnswered { participant, role, operator });
    node.observe(1, None, joined(3, role, Some("bob")));
    let (customer, own) = ("p0000000000001", "p0000000000002");
    let with = |phase| segment(phase, &[(1, own), (2, customer), (3, customer)]);
    node.observe(1, None, with(Phase::Talk));
    node.observe(1, None, What::DtmfReceived { participant, digit: '5' });
    let (mode, whisper_to) = (Mode::Barge, None);
    node.observe(1, None, What::ParticipantMode { participant, mode, whisper_to });
    // What changes for the operator is told, without the supervisor.
    node.observe(1, None, with(Phase::Hold));
    node.observe(1, None, What::ParticipantLeft { participant });
    node.observe(1, None, segment(Phase::Hold, &[(1, own), (2, customer)]));
    node.observe(1, None, figures(participant, role, Some("bob".into())));
    node.observe(1, None, What::CallAnswered { operator: None });
    assert_eq!(types(&mut alice).await, ["call.segment"]);
    let mut told = Vec::new();
    for _ in 0..6 {
        told.push(next(&mut boss).await["type"].as_str().unwrap().to_owned());
    }
    let all = ["leg.ringing", "leg.answered", "participant.joined", "participant.mode"];
    assert_eq!(told[..4], all);
    assert_eq!(told[4..], ["participant.left", "leg.quality"]);
}

/// It comes when the call is over: whose leg it was is told, and whose call it was.
#[tokio::test]
async fn how_a_leg_was_is_told_after_the_call() {
    let mut node = Node::start().await;
    let mut alice = subscribe(&node, "?topics=leg.quality", "alice").await.unwrap();
    let mut root = subscribe(&node, "?topics=leg.quality", "root").await.unwrap();
    node.talk();
    node.observe(1, None, ended(CallResult::Answered));
    let of =
        |n, role, operator: Option<&str>| figures(ParticipantId(n), role, operator.map(Into::into));
    let own = node.seq;
    node.observe(1, None, of(2, Part::Operator, Some("alice")));
    let last = node.seq;
    node.observe(1, None, of(9, Part::Operator, Some("bob")));
    assert_eq!(until(&mut root, last).await, [own, last]);
    assert!(until(&mut alice, own).await.contains(&own));
}

/// How somebody's leg was.
fn figures(participant: ParticipantId, role: Part, operator: Option<b2bua::config::Name>) -> What {
    What::LegQuality(Box::new(b2bua::LegQuality {
        participant,
        role,
        operator,
        cause: "ended".into(),
        codec: "PCMA".into(),
        mos: None,
        packets: 1,
        lost: 0,
        jitter_ms: 0,
        round_trip_ms: None,
        remote_mos: None,
        remote_packets: 1,
        remote_lost: None,
        remote_jitter_ms: None,
    }))
}

#[tokio::test]
async fn topics_select() {
    let mut node = Node::start().await;
    let mut by_queue = subscribe(&node, "?topics=queue:support", "root").await.unwrap();
    let mut by_type = subscribe(&node, "?topics=leg.*,call.ended", "root").await.unwrap();
    let mut by_call = subscribe(&node, "?topics=call:c0000000000002", "root").await.unwrap();
    let mut by_operator = subscribe(&node, "?topics=operator:alice", "alice").await.unwrap();
    node.talk();
    let last = node.seq;
    node.observe(2, None, ended(CallResult::Failed));
    assert_eq!(until(&mut by_type, last).await, [7, 8, last]);
    assert_eq!(until(&mut by_call, last).await, [last]);
    assert_eq!(until(&mut by_queue, 10).await, [4, 5, 6, 10]);
    assert_eq!(until(&mut by_operator, 11).await, [5, 6, 7, 8, 9, 10, 11]);
}

#[tokio::test]
async fn the_nodes_own_affairs_are_not_for_operators() {
    let mut node = Node::start().await;
    let mut alice = subscribe(&node, "", "alice").await.unwrap();
    let mut boss = subscribe(&node, "", "root").await.unwrap();
    node.observe(0, None, refused());
    node.observe(0, None, What::OperatorReached { operator: "alice".into() });
    assert_eq!(until(&mut alice, 2).await, [2]);
    assert_eq!(until(&mut boss, 2).await, [1, 2]);
}

#[tokio::test]
async fn who_comes_back_misses_nothing() {
    let settings = Settings { subscriber_lag_max: 4, ..settings() };
    let events = (1..=6).chain(107..=110).map(stored).collect();
    let fake = Arc::new(Fake { events, ..Fake::default() });
    let mut node = Node::start_with(settings, Some(fake)).await;
    // Memory is still empty: all from the records, then live.
    let mut early = subscribe(&node, "?after=3", "root").await.unwrap();
    assert_eq!(until(&mut early, 110).await, [4, 5, 6, 107, 108, 109, 110]);
    node.seq = 109;
    (109..=111).for_each(|_| node.observe(1, None, started()));
    assert_eq!(until(&mut early, 111).await, [111], "nothing twice");
    node.observe(1, None, started());
    assert_eq!(until(&mut early, 112).await, [112]);
    // Memory has 109 to 112, the records 1 to 110.
    for (after, first) in [(0, 1), (1, 2), (6, 107), (107, 108), (108, 109), (111, 112)] {
        let query = format!("?after={after}");
        let mut late = subscribe(&node, &query, "root").await.unwrap();
        let all = (1..=6).chain(107..=112);
        let expected: Vec<u64> = all.filter(|seq| *seq >= first).collect();
        assert_eq!(until(&mut late, 112).await, expected, "after {after}");
    }
    let mut now = subscribe(&node, "?after=112&topics=call.ended", "root").await.unwrap();
    node.observe(1, None, started());
    node.observe(1, None, ended(CallResult::Answered));
    assert_eq!(until(&mut now, 114).await, [114]);
    // Operators come back over what is in memory, as far as it is theirs.
    node.observe(0, None, What::OperatorReached { operator: "alice".into() });
    let mut alice = subscribe(&node, "?after=112", "alice").await.unwrap();
    assert_eq!(until(&mut alice, 115).await, [115]);
    assert_eq!(subscribe(&node, "?after=5", "alice").await.unwrap_err(), 403);
    assert_eq!(subscribe(&node, "?after=116", "root").await.unwrap_err(), 422);
}

#[tokio::test]
async fn what_is_no_longer_kept_is_gone() {
    let fake = Fake { events: (50..=60).map(stored).collect(), ..Fake::default() };
    let node = Node::start_with(settings(), Some(Arc::new(fake))).await;
    assert_eq!(subscribe(&node, "?after=48", "root").await.unwrap_err(), 410);
    let mut whole = subscribe(&node, "?after=49", "root").await.unwrap();
    assert_eq!(until(&mut whole, 51).await, [50, 51]);
    let mut all = subscribe(&node, "?after=0", "root").await.unwrap();
    assert_eq!(until(&mut all, 51).await, [50, 51]);
}

#[tokio::test]
async fn a_slow_subscriber_is_closed_alone() {
    let settings = Settings { subscriber_lag_max: 8, ..settings() };
    let mut node = Node::start_with(settings, None).await;
    let mut slow = subscribe(&node, "", "root").await.unwrap();
    let mut quick = subscribe(&node, "", "root").await.unwrap();
    // More than the buffers of a TCP connection hold.
    for seq in 1..=400 {
        let what = "x".repeat(100_000);
        node.observe(1, None, What::NodeFault { what });
        assert_eq!(next(&mut quick).await["seq"], seq);
    }
    let (code, reason) = closed(&mut slow).await;
    assert_eq!(code, 1008);
    let (_, after) = reason.split_once("go on with after=").unwrap_or_else(|| panic!("{reason}"));
    assert!((1..400).contains(&after.parse::<u64>().unwrap()), "{reason}");
    node.observe(1, None, started());
    assert_eq!(next(&mut quick).await["seq"], 401);
}

#[tokio::test]
async fn there_is_a_limit_and_places_come_free() {
    let settings = Settings { subscribers_max: 1, ..settings() };
    let mut node = Node::start_with(settings, None).await;
    let mut first = subscribe(&node, "", "root").await.unwrap();
    assert_eq!(subscribe(&node, "", "root").await.unwrap_err(), 503);
    first.close(None).await.unwrap();
    while let Some(Ok(_)) = first.next().await {}
    let mut second = loop {
        // The place is given back a moment after the connection is closed.
        if let Ok(socket) = subscribe(&node, "", "root").await {
            break socket;
        }
    };
    node.observe(1, None, started());
    assert_eq!(next(&mut second).await["seq"], 1);
}

#[tokio::test]
async fn the_stop_is_told() {
    let mut node = Node::start().await;
    let mut socket = subscribe(&node, "", "root").await.unwrap();
    node.stop.take();
    assert_eq!(closed(&mut socket).await, (1001, "the node stops".to_owned()));
    node.served.await.unwrap().unwrap();
}

/// Types up to the end of a call, or of another's.
async fn told(socket: &mut Socket, last: u64) -> Vec<String> {
    let mut types = Vec::new();
    loop {
        let event = next(socket).await;
        if event["seq"] == last {
            return types;
        }
        types.push(event["type"].as_str().unwrap().to_owned());
    }
}

#[tokio::test]
async fn calls_of_others_are_told_to_nobody() {
    let mut node = Node::start().await;
    let mut sockets = Vec::new();
    for token in ["root", "boss", "alice", "seller", "bob"] {
        sockets.push((token, subscribe(&node, "", token).await.unwrap()));
    }
    node.talk();
    let participant = ParticipantId(1);
    node.observe(1, None, What::DtmfReceived { participant, digit: '4' });
    node.observe(1, None, ended(CallResult::Answered));
    let last = node.seq;
    node.observe(0, None, What::OperatorReached { operator: "alice".into() });
    for (token, socket) in &mut sockets {
        let types = told(socket, last).await;
        let has = |what: &str| types.iter().any(|told| told == what);
        let (keys, talk, end) = (has("dtmf.received"), has("call.answered"), has("call.ended"));
        let sees = ["root", "boss", "alice"].contains(token);
        assert_eq!((keys, talk, end), (sees, sees, sees), "{token}: {types:?}");
        // That somebody calls is told before it is known whom.
        assert_eq!(has("call.started"), *token != "alice" && *token != "bob", "{token}");
        // Bob serves the queue, and is not in the call.
        assert_eq!(has("task.queued"), *token != "seller", "{token}");
    }
}
