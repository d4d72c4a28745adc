use b2bua::event::Recorded;
use b2bua::{Command, Problem, RecordingKey, Reply};

use super::*;

const PATH: &str = "/v1/calls/c0000000000001/recording";
const FILE: &str = "/v1/records/calls/c0000000000001/recording";

fn started() -> What {
    What::RecordingStarted {
        recording: RecordingKey(7),
        file: "2026/11/21/c0000000000001.wav".into(),
        hz: 8_000,
        cause: "policy".into(),
        by: None,
    }
}

/// Answers an order, having seen what it is.
fn answers(order: Order, answer: Result<Reply, Problem>) -> Command {
    let Order::Command { command, reply } = order else { panic!("{order:?}") };
    reply.send(answer).unwrap();
    command
}

#[tokio::test]
async fn a_call_says_what_is_recorded_of_it() {
    let mut node = Node::start().await;
    node.talk();
    let mut expected = vec![(Value::Null, Value::Null)];
    let recording = RecordingKey(7);
    let by = Some("alice".into());
    let mut seen = Vec::new();
    let look = async |node: &Node| {
        let call = node.get("/v1/calls/c0000000000001").await.json();
        (call["recording"]["state"].clone(), call["recording"]["file"].clone())
    };
    seen.push(look(&node).await);
    for (what, state) in [
        (started(), "on"),
        (What::RecordingPaused { recording, by: by.clone() }, "paused"),
        (What::RecordingResumed { recording, by: by.clone() }, "on"),
        (What::RecordingStopped { recording, cause: "order".into(), by }, "off"),
        (started(), "on"),
    ] {
        node.observe(1, None, what);
        seen.push(look(&node).await);
        expected.push((state.into(), "2026/11/21/c0000000000001.wav".into()));
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn an_operator_switches_the_recording_of_their_own_call() {
    let mut node = Node::start().await;
    node.talk();
    let address = node.address;
    let asking = ask(address, "PATCH", PATH, "alice", r#"{"state":"on"}"#);
    let done = |order| answers(order, Ok(Reply::Done));
    let (answer, command) = node.order(asking, done).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), json!({ "state": "off", "since": null, "file": null }));
    let call = CallKey(1);
    let expected = Command::Record { call, state: Recorded::On, by: "alice".into() };
    assert_eq!(command, expected);
    node.observe(1, None, started());
    let asking = ask(address, "PATCH", PATH, "boss", r#"{"state":"on"}"#);
    let (answer, _) = node.order(asking, done).await;
    assert_eq!(answer.json()["state"], "on");
    assert!(answer.json()["since"].is_string());

    let asking = ask(address, "PATCH", PATH, "boss", r#"{"state":"paused"}"#);
    let never = |order| answers(order, Err(Problem::Conflict("never".into())));
    let (answer, _) = node.order(asking, never).await;
    assert_eq!((answer.status, &answer.problem()["detail"]), (409, &json!("never")));
}

/// A file that goes when the test ends.
struct Wav(std::path::PathBuf);

impl Drop for Wav {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Asks for a part, and answers the order that this may cause.
async fn listen(node: &mut Node, range: &str) -> Answer {
    let head = format!(
        "GET {FILE} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nrange: bytes={range}\r\n\
         authorization: Bearer boss\r\n\r\n"
    );
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let orders = &mut node.orders;
    let answering = async {
        while let Some(order) = orders.recv().await {
            answers(order, Ok(Reply::Done));
        }
        unreachable!("the API lives")
    };
    tokio::select! {
        answer = read(stream) => answer,
        never = answering => never,
    }
}

#[tokio::test]
async fn a_recording_is_heard_whole_or_in_part_and_who_hears_it_is_noted_first() {
    let wav = Wav(std::env::temp_dir().join(format!("usher-api-{}.wav", std::process::id())));
    let octets: String = ('a'..='z').cycle().take(200_001).collect();
    std::fs::write(&wav.0, &octets).unwrap();
    let fake = Fake { recording: Some(wav.0.clone()), ..Fake::default() };
    let mut node = Node::start_with(settings(), Some(Arc::new(fake))).await;
    let asking = ask(node.address, "GET", FILE, "boss", "");
    let (answer, command) = node.order(asking, |order| answers(order, Ok(Reply::Done))).await;
    assert_eq!(command, Command::RecordingPlayed { call: CallKey(1), by: "boss".into() });
    assert_eq!((answer.status, &*answer.text), (200, &octets[..200_000]));
    for line in ["content-type: audio/wav", "content-length: 200000", "accept-ranges: bytes"] {
        assert!(answer.head.contains(line), "{line} in {}", answer.head);
    }
    let asking = ask(node.address, "GET", FILE, "boss", "");
    let (answer, ()) = node.order(asking, drop).await;
    assert_eq!(answer.status, 503, "nobody listens unnoted");
    drop(node);
    for (range, status, part) in [
        ("10-19", 206, Some((10, 20))),
        ("70000-", 206, Some((70_000, 200_000))),
        ("-5", 206, Some((199_995, 200_000))),
        ("200000-", 416, None),
    ] {
        let fake = Fake { recording: Some(wav.0.clone()), ..Fake::default() };
        let mut node = Node::start_with(settings(), Some(Arc::new(fake))).await;
        let answer = listen(&mut node, range).await;
        assert_eq!(answer.status, status, "{range}");
        if let Some((first, end)) = part {
            assert_eq!(answer.text, octets[first..end]);
            let told = format!("content-range: bytes {first}-{}/200000", end - 1);
            assert!(answer.head.contains(&told), "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn what_is_erased_is_told_call_by_call() {
    let mut node = Node::start_with(settings(), Some(Arc::new(Fake::default()))).await;
    for (number, status) in [("+7495", 200), ("600", 500)] {
        let path = format!("/v1/records/recordings?number={number}");
        let asking = ask(node.address, "DELETE", &path, "root", "");
        let orders = &mut node.orders;
        let answering = async {
            let mut commands = Vec::new();
            for _ in 0..2 {
                let order = orders.recv().await.unwrap();
                commands.push(answers(order, Ok(Reply::Done)));
            }
            commands
        };
        let (answer, commands) = tokio::join!(asking, answering);
        assert_eq!(answer.status, status, "{answer:?}");
        let by = || "root".into();
        let erased = |call| Command::RecordingErased { call: CallKey(call), by: by() };
        assert_eq!(commands, [erased(1), erased(2)]);
        if status == 200 {
            let calls = ["c0000000000001", "c0000000000002"];
            assert_eq!(answer.json(), json!({ "erased": calls, "live": 3 }));
        }
    }
}
