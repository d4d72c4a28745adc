//! The same POST twice.

use super::*;

async fn press(address: SocketAddr, token: &str, key: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST /v1/calls/c0000000000001/dtmf HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         authorization: Bearer {token}\r\nidempotency-key: {key}\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    read(stream).await
}

fn done(order: Order) {
    let Order::Command { reply, .. } = order else { panic!("{order:?}") };
    reply.send(Ok(b2bua::Reply::Done)).unwrap();
}

#[tokio::test]
async fn it_is_done_once() {
    let mut node = Node::start().await;
    node.talk();
    let (address, body) = (node.address, r#"{"digits":"1"}"#);
    let (answer, ()) = node.order(press(address, "boss", "k1", body), done).await;
    assert_eq!(answer.status, 204);
    let again = press(address, "boss", "\"k1\"", body).await;
    assert_eq!(again.status, 204, "the key is the same with quotes");
    assert!(node.orders.try_recv().is_err(), "nothing was ordered again");
    let other = press(address, "boss", "k1", r#"{"digits":"2"}"#).await;
    assert_eq!(other.status, 422);
    other.problem();
    // Another caller's key, and another key, are others.
    for (token, key) in [("root", "k1"), ("boss", "k2")] {
        let (answer, ()) = node.order(press(address, token, key, body), done).await;
        assert_eq!(answer.status, 204, "{token} {key}");
    }
    assert_eq!(press(address, "boss", "a b", body).await.status, 400);
    assert_eq!(press(address, "nobody", "k1", body).await.status, 401);
}

#[tokio::test]
async fn while_it_is_done_it_is_a_conflict() {
    let mut node = Node::start().await;
    node.talk();
    let (address, body) = (node.address, r#"{"digits":"1"}"#);
    let first = tokio::spawn(press(address, "boss", "k1", body));
    let order = node.orders.recv().await.unwrap();
    let second = press(address, "boss", "k1", body).await;
    assert_eq!(second.status, 409);
    second.problem();
    done(order);
    assert_eq!(first.await.unwrap().status, 204);
}

#[tokio::test]
async fn whoever_has_gone_finds_it_done() {
    let mut node = Node::start().await;
    node.talk();
    let (address, body) = (node.address, r#"{"digits":"1"}"#);
    let first = tokio::spawn(press(address, "boss", "k1", body));
    let order = node.orders.recv().await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    done(order);
    let started = std::time::Instant::now();
    loop {
        let again = press(address, "boss", "k1", body).await;
        match again.status {
            204 => break,
            409 => assert!(started.elapsed() < Duration::from_secs(5)),
            other => panic!("{other}"),
        }
    }
    assert!(node.orders.try_recv().is_err(), "nothing was ordered again");
}

#[tokio::test]
async fn what_failed_here_is_tried_again() {
    let mut node = Node::start().await;
    node.talk();
    let (address, body) = (node.address, r#"{"digits":"1"}"#);
    let (answer, ()) = node.order(press(address, "boss", "k1", body), drop).await;
    assert_eq!(answer.status, 503);
    let (answer, ()) = node.order(press(address, "boss", "k1", body), done).await;
    assert_eq!(answer.status, 204);
    let gone = |order| {
        let Order::Command { reply, .. } = order else { panic!("{order:?}") };
        let problem = b2bua::Problem::Conflict("nobody talks".to_owned());
        reply.send(Err(problem)).unwrap();
    };
    let (answer, ()) = node.order(press(address, "boss", "k2", body), gone).await;
    assert_eq!(answer.status, 409);
    let again = press(address, "boss", "k2", body).await;
    assert_eq!((again.status, again.text), (409, answer.text), "a refusal is an answer");
}
