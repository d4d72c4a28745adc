//! Webhooks: a receiver that fails first, a node that dies in between, and nothing lost.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::process::Command;

use sip_tests::{Config, Crm, Delivery, Phone, Server};

const SECRET: &str = "a-secret-nobody-guesses";
/// Checked by another's code.
#[track_caller]
fn is_signed(delivery: &Delivery) {
    let (time, code) = delivery.signature.split_once(",v1=").expect("two parts");
    let time = time.strip_prefix("t=").expect("a time");
    let script = "import hmac, sys; s, t, b = sys.argv[1:]; \
                  print(hmac.new(s.encode(), f'{t}.{b}'.encode(), 'sha256').hexdigest())";
    let output =
        Command::new("python3").args(["-c", script, SECRET, time, &delivery.body]).output();
    let output = output.expect("Python");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), code);
}

fn house(receiver: &Crm) -> Server {
    let url = receiver.url();
    let more = format!(
        "[[webhook]]\nname = \"crm\"\nurl = \"{url}\"\n\
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
    is_signed(&first);
    assert_eq!(first.event()["type"], "call.started");
    assert_eq!(first.event()["seq"].to_string(), first.id);
    let again = receiver.takes(200);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body));
    is_signed(&again);
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
