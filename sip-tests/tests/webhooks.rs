//! Webhooks: a receiver that fails first, a node that dies in between, and nothing lost.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde_json::Value;
use sip_tests::{Config, Phone, Server};

const SECRET: &str = "a-secret-nobody-guesses";
/// A pause after a failure, and some.
const WITHIN: Duration = Duration::from_secs(10);

/// What came.
#[derive(Debug)]
struct Delivery {
    id: String,
    signature: String,
    body: String,
}

/// Somebody who is told, and answers as a test says.
struct Crm {
    port: u16,
    came: Receiver<Delivery>,
    answers: Sender<u16>,
}

impl Crm {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let (deliveries, came) = channel();
        let (answers, wanted) = channel::<u16>();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream);
                // One connection may bring several.
                while let Some(delivery) = read(&mut reader) {
                    if deliveries.send(delivery).is_err() {
                        return;
                    }
                    let Ok(status) = wanted.recv() else { return };
                    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                    if reader.get_mut().write_all(answer.as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        Self { port, came, answers }
    }

    /// The next delivery, answered so.
    #[track_caller]
    fn takes(&self, status: u16) -> Delivery {
        let delivery = self.came.recv_timeout(WITHIN).expect("something is delivered");
        self.answers.send(status).expect("it is answered");
        delivery
    }

    #[track_caller]
    fn has_nothing(&self) {
        let more = self.came.recv_timeout(Duration::from_millis(500));
        assert!(more.is_err(), "{more:?}");
    }
}

fn read(reader: &mut BufReader<std::net::TcpStream>) -> Option<Delivery> {
    let (mut id, mut signature, mut length) = Default::default();
    let mut first = true;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if std::mem::take(&mut first) {
            assert_eq!(line, "POST /hook HTTP/1.1");
        }
        match line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value)) {
            None if line.is_empty() => break,
            Some((name, value)) if name == "usher-event-id" => id = value.to_owned(),
            Some((name, value)) if name == "usher-signature" => signature = value.to_owned(),
            Some((name, value)) if name == "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Delivery { id, signature, body: String::from_utf8(body).ok()? })
}

impl Delivery {
    fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    /// Checked by another's code.
    #[track_caller]
    fn is_signed(&self) {
        let (time, code) = self.signature.split_once(",v1=").expect("two parts");
        let time = time.strip_prefix("t=").expect("a time");
        let script = "import hmac, sys; s, t, b = sys.argv[1:]; \
                      print(hmac.new(s.encode(), f'{t}.{b}'.encode(), 'sha256').hexdigest())";
        let output =
            Command::new("python3").args(["-c", script, SECRET, time, &self.body]).output();
        let output = output.expect("Python");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), code);
    }
}

fn house(receiver: &Crm) -> Server {
    let port = receiver.port;
    let more = format!(
        "[[webhook]]\nname = \"crm\"\nurl = \"http://127.0.0.1:{port}/hook\"\n\
         events = [\"call.started\", \"call.ended\"]\nsecret = \"{SECRET}\"\n"
    );
    Server::start(&Config { more, ..Config::default() })
}

/// Somebody calls nobody.
fn calls(server: &Server) {
    let mut caller = Phone::caller(server, 1_130.0);
    caller.invite("nowhere");
    assert_eq!(caller.expect_refusal().status(), Some(404));
}

#[test]
fn what_fails_is_sent_again_with_the_same_id_and_in_order() {
    let receiver = Crm::start();
    let server = house(&receiver);
    calls(&server);
    let first = receiver.takes(503);
    first.is_signed();
    assert_eq!(first.event()["type"], "call.started");
    assert_eq!(first.event()["seq"].to_string(), first.id);
    let again = receiver.takes(200);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body));
    again.is_signed();
    let second = receiver.takes(204);
    assert_eq!(second.event()["type"], "call.ended");
    receiver.has_nothing();
    let metric =
        |result| format!("usher_webhook_deliveries_total{{webhook=\"crm\",result=\"{result}\"}}");
    server
        .api
        .until("two are taken", |api| (api.metric(&metric("taken")) == Some(2.0)).then_some(()));
    assert_eq!(server.api.metric(&metric("failed")), Some(1.0));
    // What is refused is given up, and does not stop what comes after it.
    calls(&server);
    let refused = receiver.takes(400);
    for _ in 0..2 {
        assert_eq!(receiver.takes(400).id, refused.id);
    }
    assert_eq!(receiver.takes(200).event()["type"], "call.ended");
    server.finish();
}

#[test]
fn what_a_dead_node_had_not_sent_the_next_one_sends() {
    let receiver = Crm::start();
    let mut server = house(&receiver);
    calls(&server);
    let first = receiver.takes(200);
    let second = receiver.takes(503);
    server.crash();
    let again = receiver.takes(200);
    assert_eq!((&again.id, &again.body), (&second.id, &second.body));
    assert_ne!(again.id, first.id);
    receiver.has_nothing();
    calls(&server);
    assert_eq!(receiver.takes(200).event()["type"], "call.started");
    assert_eq!(receiver.takes(200).event()["type"], "call.ended");
    receiver.has_nothing();
    server.finish();
}
