//! Calls that the API makes (`POST /v1/calls`), and the switches of queues.
#![expect(clippy::expect_used, reason = "a test panics when it fails")]

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sip_tests::{Config, Phone, Server, call_of, record};

const ALICE_HZ: f64 = 1_570.0;
const CARRIER_HZ: f64 = 2_210.0;

/// Alice, who may call +1555…, and a carrier to call it by.
fn house() -> (Server, Phone, Phone) {
    let mut carrier =
        Phone::towards(SocketAddr::from(([127, 0, 0, 1], 9)), "127.0.0.1", "carrier", CARRIER_HZ);
    let mut config = Config::default();
    config.operators = config.operators.replace(
        "id = \"alice\"\n",
        "id = \"alice\"\noutgoing = [\"^\\\\+1555\"]\ncaller_id = \"+15550199\"\n",
    );
    let proxy = carrier.address();
    config.trunks += &format!("[[trunk]]\nname = \"out\"\nproxy = \"sip:{proxy}\"\n");
    let server = Server::start(&config);
    carrier.aim(&server);
    let alice = Phone::operator(&server, "alice", ALICE_HZ);
    (server, alice, carrier)
}

fn wish(to: &str) -> Value {
    json!({
        "operator": "alice", "to": to, "trunk": "out",
        "headers": { "X-Order": "7" }, "context": { "X-Customer": "42" },
    })
}

/// Orders it; Alice's phone rings and shows whom she will call.
#[track_caller]
fn clicked(server: &Server, alice: &mut Phone, to: &str) -> String {
    let (status, told) = server.api.post("/calls", &wish(to));
    assert_eq!(status, 201, "{told}");
    assert_eq!(told["participants"].as_array().map(Vec::len), Some(1), "{told}");
    let call = told["call"].as_str().expect("a call").to_owned();
    let invite = alice.expect("INVITE");
    assert!(invite.must("From").contains(&format!("sip:{to}@")), "{}", invite.must("From"));
    assert_eq!(invite.must("X-Customer"), "42");
    alice.reply_invite("180 Ringing");
    server.events.wait("leg.ringing", &[("operator", "alice"), ("call", &call)]);
    call
}

#[test]
fn the_operator_is_rung_then_whom_they_call_and_both_hear_each_other() {
    let (server, mut alice, mut carrier) = house();
    let call = clicked(&server, &mut alice, "+15550100");
    let (_, live) = server.api.get(&format!("/calls/{call}"));
    assert_eq!((&live["kind"], &live["state"]), (&json!("outbound"), &json!("ringing")), "{live}");
    alice.answer();
    let invite = carrier.expect("INVITE");
    assert!(invite.request_uri().starts_with("sip:+15550100@"), "{}", invite.start);
    assert!(invite.must("From").contains("sip:+15550199@"), "{}", invite.must("From"));
    assert_eq!((invite.must("X-Order"), invite.must("X-Customer")), ("7", "42"));
    carrier.reply_invite("180 Ringing");
    let rings = [("role", "customer"), ("call", call.as_str())];
    server.events.wait("leg.ringing", &rings);
    let state = [("operator", "alice"), ("/effective/state", "on-call")];
    server.events.wait("operator.state", &state);
    carrier.pick_up();
    carrier.expect("ACK");
    alice.audio.hears(CARRIER_HZ);
    carrier.audio.hears(ALICE_HZ);
    let (_, live) = server.api.get(&format!("/calls/{call}"));
    assert_eq!(
        (&live["state"], &live["customer"]["number"]),
        (&json!("talking"), &json!("+15550100"))
    );
    // A conference like any other: held by order, and taken back.
    let hold = |on: bool| {
        server.api.patch(&format!("/calls/{call}/participants/+15550100"), &json!({ "hold": on }))
    };
    assert_eq!(hold(true).0, 200);
    server.events.wait("participant.held", &[("call", &call)]);
    assert_eq!(hold(false).0, 200);
    server.events.wait("participant.resumed", &[("call", &call)]);
    carrier.audio.hears(ALICE_HZ);
    let (status, context) = server
        .api
        .patch(&format!("/calls/{call}/context"), &json!({ "X-Customer": null, "note": "x" }));
    assert_eq!((status, context), (200, json!({ "X-CRM-note": "x" })));
    alice.hang_up();
    carrier.expect_bye();
    let record = record(&server, &call);
    assert_eq!((&record["result"], &record["kind"]), (&json!("answered"), &json!("outbound")));
    assert_eq!(record["context"], json!({ "X-CRM-note": "x" }));
    server.finish();
}

#[test]
fn who_does_not_answer_is_told_apart() {
    let (server, mut alice, mut carrier) = house();
    let call = clicked(&server, &mut alice, "+15550100");
    alice.reply_invite("486 Busy Here");
    alice.expect("ACK");
    let failed = [("operator", "alice"), ("cause", "busy"), ("call", call.as_str())];
    server.events.wait("operator.failed", &failed);
    server.events.wait("call.ended", &[("call", &call), ("cause", "operator busy")]);
    assert_eq!(record(&server, &call)["cause"], "operator busy");

    let call = clicked(&server, &mut alice, "+15550101");
    alice.answer();
    carrier.expect("INVITE");
    carrier.reply_invite("486 Busy Here");
    carrier.expect("ACK");
    alice.expect_bye();
    server.events.wait("leg.failed", &[("role", "customer"), ("call", &call)]);
    let of_destination = record(&server, &call);
    assert_eq!(
        (&of_destination["cause"], &of_destination["result"]),
        (&json!("busy"), &json!("failed"))
    );

    // She gives up while it rings there: nobody rings any more.
    let call = clicked(&server, &mut alice, "+15550102");
    alice.answer();
    carrier.expect("INVITE");
    carrier.reply_invite("180 Ringing");
    alice.hang_up();
    carrier.expect_cancel();
    assert_eq!(record(&server, &call)["result"], "abandoned");

    // Ended by order while her phone rings.
    let call = clicked(&server, &mut alice, "+15550103");
    assert_eq!(server.api.delete(&format!("/calls/{call}")).0, 204);
    alice.expect_cancel();
    assert_eq!(record(&server, &call)["result"], "ended");
    server.finish();
}

#[test]
fn what_cannot_be_is_refused_before_anything_rings() {
    let (server, mut alice, mut carrier) = house();
    let order = |operator: &str, to: &str, trunk: Option<&str>| {
        let mut body = json!({ "operator": operator, "to": to });
        body["trunk"] = trunk.map_or(Value::Null, Into::into);
        server.api.post("/calls", &body)
    };
    for (operator, to, trunk, status) in [
        ("alice", "+4412345", Some("out"), 403),
        ("alice", "+15550100", Some("none"), 422),
        ("alice", "600", None, 422),
        ("alice", "101", None, 422),
        ("alice", "nowhere", None, 422),
        ("alice", "sip:", None, 422),
        ("eve", "101", None, 404),
        ("bob", "101", None, 409),
    ] {
        let (answered, told) = order(operator, to, trunk);
        assert_eq!(answered, status, "{operator} {to}: {told}");
    }
    alice.expect_nothing(Duration::from_millis(100));
    // Somebody on a call is busy.
    let call = clicked(&server, &mut alice, "+15550100");
    let (status, told) = order("alice", "+15550101", Some("out"));
    assert_eq!((status, &told["detail"]), (409, &json!("busy")));
    alice.answer();
    carrier.expect("INVITE");
    carrier.pick_up();
    carrier.expect("ACK");
    assert_eq!(order("alice", "+15550101", Some("out")).0, 409);
    carrier.hang_up();
    alice.expect_bye();
    assert_eq!(record(&server, &call)["result"], "answered");
    server.finish();
}

#[test]
fn a_colleague_is_called_by_number() {
    let (server, mut alice, _) = house();
    let mut bob = Phone::operator(&server, "bob", 1_900.0);
    let (status, told) = server.api.post("/calls", &json!({ "operator": "alice", "to": "102" }));
    assert_eq!(status, 201, "{told}");
    alice.expect("INVITE");
    alice.answer();
    let invite = bob.expect("INVITE");
    assert!(invite.must("From").contains("sip:alice@"), "{}", invite.must("From"));
    bob.answer();
    alice.audio.hears(1_900.0);
    bob.audio.hears(ALICE_HZ);
    let call = call_of(&told).to_owned();
    assert_eq!(server.api.get(&format!("/calls/{call}")).1["kind"], "internal");
    bob.hang_up();
    alice.expect_bye();
    assert_eq!(record(&server, &call)["result"], "answered");
    server.finish();
}

#[test]
fn a_queue_is_closed_and_opened_and_its_calls_wait_to_be_picked() {
    let limit = "on_limit = [{ reasons = [\"closed\"], do = \"hangup\", code = 480 }]";
    let server = Server::start(&Config::queue(limit));
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(&server, 1_130.0);
    let switch = |body: Value| {
        let (status, queue) = server.api.patch("/queues/support", &body);
        assert_eq!(status, 200, "{queue}");
        queue
    };
    assert_eq!(switch(json!({ "open": false }))["open"], false);
    let told = server.events.wait("queue.switched", &[("queue", "support")]);
    assert_eq!((&told["open"], &told["auto_connect"]), (&json!(false), &json!(true)));
    // A reload opens nothing.
    assert_eq!(server.api.post("/reload", &json!({})).0, 204);
    caller.invite("600");
    assert_eq!(caller.expect_refusal().status(), Some(480));
    server.events.wait("queue.limit", &[("reason", "closed")]);
    switch(json!({ "open": true, "auto_connect": false }));
    caller.invite("600");
    caller.expect_answer();
    alice.expect_nothing(Duration::from_millis(300));
    switch(json!({ "auto_connect": true }));
    alice.expect("INVITE");
    alice.answer();
    caller.audio.hears(ALICE_HZ);
    caller.hang_up();
    alice.expect_bye();
    // The same for all queues together.
    let (status, told) = server.api.patch("/settings", &json!({ "auto_connect": false }));
    assert_eq!((status, told), (200, json!({ "auto_connect": false })));
    caller.invite("600");
    caller.expect_answer();
    alice.expect_nothing(Duration::from_millis(300));
    assert_eq!(server.api.patch("/settings", &json!({ "auto_connect": true })).0, 200);
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    server.events.wait_within(sip_tests::SOON, 0, "leg.ringing", &[("operator", "alice")]);
    caller.hang_up();
    alice.expect_cancel();
    server.finish();
}
