use std::collections::VecDeque;

use super::*;
use crate::run::clock::Clock;
use crate::run::connections::{ConnectionLimits, Sent};
use crate::run::doorbell::Doorbell;
use crate::run::inbox::{Inbox, Item};

fn reception() -> (Reception, Inbox) {
    let inbox = Inbox::new(Arc::new(Doorbell::new().unwrap()));
    let reception = Reception {
        inbox: inbox.clone(),
        clock: Clock::start(),
        limits: sip::msg::Limits::default(),
        counted: Arc::default(),
    };
    (reception, inbox)
}

fn table() -> Arc<Connections> {
    Connections::new(ConnectionLimits { total_max: 10, per_source_max: 10 })
}

/// A request to be answered.
fn options(id: u32) -> String {
    ack(id).replace("ACK", "OPTIONS")
}

/// A request that nobody answers.
fn ack(id: u32) -> String {
    format!(
        "ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK{id}\r\nFrom: <sip:c@d>;tag=f\r\n\
         To: <sip:a@b>\r\nCall-ID: {id}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Everything that is in the inbox, in one word each.
fn taken(inbox: &Inbox) -> VecDeque<String> {
    let mut words = VecDeque::new();
    while let Some(item) = inbox.next(Duration::ZERO) {
        words.push_back(match item {
            Item::Message { flow, message, .. } => {
                assert_ne!(flow.connection, 0);
                format!("message {}", message.call_id())
            }
            Item::Input(input) => match *input {
                b2bua::Input::Sip(sip::Input::FlowFailed { flow }) => {
                    format!("failed {}", if flow.connection == 0 { "any" } else { "it" })
                }
                b2bua::Input::Sip(sip::Input::Malformed { .. }) => "malformed".to_owned(),
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        });
    }
    words
}

/// What a peer gets back, and what reaches the core, when it writes `chunks` and closes.
async fn check(chunks: &[&str], back: &str, expected: &[&str]) {
    let (reception, inbox) = reception();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(accept(listener, table(), reception));
    let mut peer = TcpStream::connect(address).await.unwrap();
    for chunk in chunks {
        peer.write_all(chunk.as_bytes()).await.unwrap();
        peer.flush().await.unwrap();
    }
    peer.shutdown().await.unwrap();
    let mut got = String::new();
    peer.read_to_string(&mut got).await.unwrap();
    assert!(got.starts_with(back) && got.is_empty() == back.is_empty(), "{got:?}");
    let mut words = VecDeque::new();
    while words.back().map(String::as_str) != Some("failed it") {
        words.extend(taken(&inbox));
        tokio::task::yield_now().await;
    }
    assert_eq!(words, expected);
    task.abort();
}

#[tokio::test]
async fn messages_come_out_of_a_stream_however_it_is_cut() {
    let (one, two) = (ack(1), ack(2));
    let both = format!("{one}{two}");
    check(&[&both], "", &["message 1", "message 2", "failed it"]).await;
    check(&[&both[..150], &both[150..]], "", &["message 1", "message 2", "failed it"]).await;
    check(&[&one[..20]], "", &["failed it"]).await;
}

#[tokio::test]
async fn a_ping_gets_a_pong_and_a_broken_stream_an_answer() {
    check(&["\r\n\r\n", &ack(1)], "\r\n", &["message 1", "failed it"]).await;
    let bad = options(1).replace("Length: 0", "Length: -5");
    check(&[&bad], "SIP/2.0 400 ", &["failed it"]).await;
}

/// A connection between the two, served.
async fn served() -> (TcpStream, Arc<Connections>, Inbox, tokio::task::JoinHandle<()>) {
    let (reception, inbox) = reception();
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let table = table();
    let task = tokio::spawn(accept(listener, table.clone(), reception));
    (TcpStream::connect(address).await.unwrap(), table, inbox, task)
}

/// The flow that the next message came by.
async fn message(inbox: &Inbox) -> Flow {
    loop {
        if let Some(Item::Message { flow, .. }) = inbox.next(Duration::ZERO) {
            return flow;
        }
        tokio::task::yield_now().await;
    }
}

fn answer(status: u16) -> Bytes {
    Bytes::from(format!("SIP/2.0 {status} X\r\nContent-Length: 0\r\n\r\n"))
}

#[tokio::test]
async fn who_has_finished_speaking_still_gets_its_answers() {
    let (mut peer, table, inbox, task) = served().await;
    peer.write_all(format!("{}{}", options(1), options(2)).as_bytes()).await.unwrap();
    peer.shutdown().await.unwrap();
    let flow = message(&inbox).await;
    assert_eq!(message(&inbox).await, flow);
    for status in [100, 200, 404] {
        assert!(matches!(table.send(flow, answer(status)), Sent::Queued));
        tokio::task::yield_now().await;
    }
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, [answer(100), answer(200), answer(404)].concat());
    while table.len() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(taken(&inbox), ["failed it"]);
    task.abort();
}

#[tokio::test]
async fn what_waits_is_written_before_an_end() {
    let (mut peer, table, inbox, task) = served().await;
    peer.write_all(options(1).as_bytes()).await.unwrap();
    let flow = message(&inbox).await;
    assert!(matches!(table.send(flow, answer(200)), Sent::Queued));
    peer.write_all(options(2).replace("Length: 0", "Length: x").as_bytes()).await.unwrap();
    let mut heard = String::new();
    peer.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("SIP/2.0 200 X") && heard.contains("SIP/2.0 400 "), "{heard}");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn who_has_finished_speaking_is_not_kept_for_long() {
    let (reception, inbox) = reception();
    let table = table();
    let at = |port| ([127, 0, 0, 1], port).into();
    let (place, queued) = table.accept(Transport::Tcp, at(1), at(2)).unwrap();
    let (ours, mut theirs) = tokio::io::duplex(1_024);
    let (reader, writer) = tokio::io::split(ours);
    theirs.write_all(options(1).as_bytes()).await.unwrap();
    theirs.shutdown().await.unwrap();
    let started = Instant::now();
    serve(&place, queued, reader, writer, &reception).await;
    assert_eq!(started.elapsed().as_secs(), LINGER.as_secs());
    assert_eq!(taken(&inbox), ["message 1"]);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_given_up() {
    let (reception, _inbox) = reception();
    let table = table();
    let at = |port| ([127, 0, 0, 1], port).into();
    let (place, queued) = table.accept(Transport::Tcp, at(1), at(2)).unwrap();
    let (ours, _theirs) = tokio::io::duplex(8);
    let (reader, writer) = tokio::io::split(ours);
    assert!(matches!(table.send(place.flow, answer(200)), Sent::Queued));
    let started = Instant::now();
    serve(&place, queued, reader, writer, &reception).await;
    assert_eq!(started.elapsed().as_secs(), PATIENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn who_lets_too_much_wait_is_given_up_at_once() {
    let (reception, _inbox) = reception();
    let table = table();
    let at = |port| ([127, 0, 0, 1], port).into();
    let (place, queued) = table.accept(Transport::Tcp, at(1), at(2)).unwrap();
    let (ours, _theirs) = tokio::io::duplex(8);
    let (reader, writer) = tokio::io::split(ours);
    while matches!(table.send(place.flow, answer(200)), Sent::Queued) {}
    let started = Instant::now();
    serve(&place, queued, reader, writer, &reception).await;
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_connection_is_opened_on_demand_and_used_both_ways() {
    let (reception, inbox) = reception();
    let table = table();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        local: "127.0.0.1:5060".parse().unwrap(),
        remote: listener.local_addr().unwrap(),
        connection: 0,
    };
    let Sent::Opening(place, queued) = table.send(flow, Bytes::from_static(b"hello")) else {
        panic!("not opened")
    };
    let task = tokio::spawn(open(place, queued, reception));
    let (mut peer, _) = listener.accept().await.unwrap();
    let mut heard = [0; 5];
    peer.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    peer.write_all(ack(7).as_bytes()).await.unwrap();
    drop(peer);
    task.await.unwrap();
    assert_eq!(taken(&inbox), ["message 7", "failed it", "failed any"]);
    assert_eq!(table.len(), 0);
}

#[tokio::test]
async fn who_cannot_be_reached_is_reported() {
    let (reception, inbox) = reception();
    let table = table();
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let flow = Flow {
        transport: Transport::Tcp,
        local: "127.0.0.1:5060".parse().unwrap(),
        remote: unused,
        connection: 0,
    };
    let Sent::Opening(place, queued) = table.send(flow, Bytes::new()) else { panic!("not opened") };
    open(place, queued, reception).await;
    assert_eq!(taken(&inbox), ["failed it", "failed any"]);
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_does_not_hold_a_connection() {
    let (reception, inbox) = reception();
    let table = table();
    let at = |port| ([127, 0, 0, 1], port).into();
    let (place, queued) = table.accept(Transport::Tcp, at(1), at(2)).unwrap();
    let (ours, theirs) = tokio::io::duplex(1_024);
    let (reader, writer) = tokio::io::split(ours);
    let started = Instant::now();
    let slow = async {
        let (_reader, mut writer) = tokio::io::split(theirs);
        for byte in options(1).bytes() {
            let _ = writer.write_all(&[byte]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = serve(&place, queued, reader, writer, &reception) => {}
        () = slow => panic!("it was let"),
    }
    assert_eq!(started.elapsed().as_secs(), HASTE.as_secs());
    assert!(taken(&inbox).is_empty());
}
