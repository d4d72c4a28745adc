//! Where most scenarios begin.

use serde_json::Value;

use crate::{Phone, Server};

/// The caller's tone in [`connected`].
const CALLER_HZ: f64 = 1_130.0;
/// The operator's.
const OPERATOR_HZ: f64 = 1_570.0;

/// A caller of the queue hears music, and Alice's phone rings; she is the only one registered.
#[track_caller]
#[must_use]
pub fn ring(server: &Server) -> (Phone, Phone) {
    let mut alice = Phone::operator(server, "alice", OPERATOR_HZ);
    let mut caller = Phone::caller(server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    alice.reply_invite("180 Ringing");
    server.events.wait("leg.ringing", &[("operator", "alice")]);
    (caller, alice)
}

/// The two of them talk, each heard by the other.
#[track_caller]
#[must_use]
pub fn connected(server: &Server) -> (Phone, Phone) {
    let (caller, mut alice) = ring(server);
    connect(&caller, &mut alice);
    (caller, alice)
}

/// The operator, whose phone rings, answers; both are heard.
#[track_caller]
pub fn connect(caller: &Phone, operator: &mut Phone) {
    operator.answer();
    caller.audio.hears(operator.audio.hz());
    operator.audio.hears(caller.audio.hz());
}

/// The record of a call that is over, after it was checked: there is one, and its parts add up.
///
/// # Panics
/// Where that is not so.
#[track_caller]
#[must_use]
pub fn record(server: &Server, call: &str) -> Value {
    let record = server.api.until("a closed record", |api| {
        let (status, record) = api.get(&format!("/records/calls/{call}"));
        (status == 200 && record["state"] == "ended").then_some(record)
    });
    let of_call = |record: &&Value| record["id"] == call;
    assert_eq!(server.api.items("/records/calls?limit=1000").iter().filter(of_call).count(), 1);
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let length = number(&record["length_s"]);
    let segments = record["segments"].as_array().expect("segments");
    let sum: f64 = segments.iter().map(|segment| number(&segment["length_s"])).sum();
    let phases = ["wait_s", "ring_s", "talk_s", "hold_s"];
    let phases: f64 = phases.iter().map(|phase| number(&record[phase])).sum();
    for total in [sum, phases] {
        assert!((total - length).abs() < 0.0015, "{total} is not {length}: {record}");
    }
    record
}

/// The call that an event is about.
///
/// # Panics
/// Where it is about none.
#[track_caller]
#[must_use]
pub fn call_of(event: &Value) -> &str {
    event["call"].as_str().unwrap_or_else(|| panic!("no call in {event}"))
}
