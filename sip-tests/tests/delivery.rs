//! Operators at numbers outside, and delivery by REFER: the trunk is asked to bring the caller there, or
//! back to us, and does or does not.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sip_tests::{Config, Invite, Phone, Server, Sip, call_of, record};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const OUTSIDE_HZ: f64 = 2_210.0;
const BACK_HZ: f64 = 820.0;
const NUMBER: &str = "+74957777777";

/// Dora is at a number outside, over the trunk `out`, whose proxy is the phone that is given back.
fn house(queue: &str, alice: bool) -> (Server, Phone) {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut outside = Phone::towards(nowhere, "127.0.0.1", "outside", OUTSIDE_HZ);
    let proxy = outside.address();
    let dora = format!(
        "[[operator]]\nid = \"dora\"\ncontact = \"tel:{NUMBER}\"\ntrunk = \"out\"\n\
         queues = [\"support\"]\n"
    );
    let mut config = Config::queue(queue);
    config.operators = if alice { config.operators } else { dora };
    config.trunks += &format!("[[trunk]]\nname = \"out\"\nproxy = \"sip:{proxy}\"\n");
    config.routes =
        config.routes.replace("[[route]]\nto = \"^101$\"\ngo = { operator = \"alice\" }\n", "");
    let server = Server::start(&config);
    outside.aim(&server);
    if !alice {
        let (status, _) = server.api.patch("/operators/dora", &json!({ "state": "ready" }));
        assert_eq!(status, 200);
    }
    (server, outside)
}

fn state(server: &Server, operator: &str) -> Value {
    server.api.get(&format!("/operators/{operator}")).1["effective"]["state"].clone()
}

/// The caller of the queue is asked to go elsewhere: the REFER, not answered yet.
#[track_caller]
fn is_referred(caller: &mut Phone, context: &str) -> Sip {
    caller.invite_as("600", &Invite { headers: context, ..Invite::default() });
    caller.expect_answer();
    caller.expect("REFER")
}

/// What the trunk tells of it.
#[track_caller]
fn notify(trunk: &mut Phone, refer: &Sip, status: &str) {
    let state =
        if status.starts_with('1') { "active;expires=60" } else { "terminated;reason=noresource" };
    let headers = format!(
        "Event: refer;id={}\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n",
        refer.cseq().0
    );
    trunk.request_with("NOTIFY", &headers, &format!("SIP/2.0 {status}\r\n"));
    assert_eq!(trunk.expect_response("NOTIFY").status(), Some(200));
}

#[test]
fn an_operator_at_a_number_outside_presses_1() {
    let (server, mut outside) = house("", false);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    let invite = outside.expect("INVITE");
    assert!(invite.request_uri().starts_with(&format!("sip:{NUMBER}@")), "{}", invite.start);
    outside.answer();
    // A mailbox says nothing that counts: the caller does not hear it.
    server.events.wait("leg.answered", &[("operator", "dora")]);
    server.api.until("ringing", |_| (state(&server, "dora") == "ringing").then_some(()));
    let offered = server.api.items("/reservations");
    assert_eq!((offered.len(), &offered[0]["operator"]), (1, &json!("dora")), "{offered:?}");
    outside.audio.press('1');
    caller.audio.hears(OUTSIDE_HZ);
    outside.audio.hears(CALLER_HZ);
    assert_eq!(state(&server, "dora"), "on-call");
    outside.hang_up();
    caller.expect_bye();
    server.events.wait("task.completed", &[("operator", "dora")]);
    server.finish();
}

#[test]
fn an_operator_takes_what_is_offered_or_not_by_order() {
    let (server, mut outside) = house("back_off_s = 1", false);
    let says = |word: &str| {
        let offered = server.api.items("/reservations");
        let path = format!("/reservations/{}", offered[0]["id"].as_str().unwrap_or_default());
        server.api.patch(&path, &json!({ "state": word })).0
    };
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    outside.expect("INVITE");
    outside.reply_invite("180 Ringing");
    server.events.wait("leg.ringing", &[("operator", "dora")]);
    assert_eq!(says("accepted"), 409, "nobody has picked up");
    assert_eq!(says("rejected"), 204);
    outside.expect_cancel();
    let rejected = server.events.wait("reservation.rejected", &[("operator", "dora")]);
    assert_eq!(rejected["cause"], "declined");
    outside.expect("INVITE");
    outside.answer();
    server.events.wait("leg.answered", &[("operator", "dora")]);
    assert_eq!(says("accepted"), 204);
    caller.audio.hears(OUTSIDE_HZ);
    assert!(server.api.items("/reservations").is_empty());
    assert_eq!(
        server.api.patch("/reservations/v0000000000001", &json!({ "state": "rejected" })).0,
        404
    );
    caller.hang_up();
    outside.expect_bye();
    server.finish();
}

#[test]
fn an_operator_outside_who_presses_another_key_has_declined() {
    let (server, mut outside) = house("back_off_s = 1", false);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    outside.expect("INVITE");
    outside.answer();
    server.events.wait("leg.answered", &[("operator", "dora")]);
    outside.audio.press('9');
    outside.expect_bye();
    let rejected = server.events.wait("reservation.rejected", &[("operator", "dora")]);
    assert_eq!(rejected["cause"], "declined");
    // They are asked again, and the caller has waited.
    outside.expect("INVITE");
    outside.answer();
    outside.audio.press('1');
    caller.audio.hears(OUTSIDE_HZ);
    caller.hang_up();
    outside.expect_bye();
    server.finish();
}

#[test]
fn the_trunk_brings_a_caller_to_an_operator_outside() {
    let (server, mut outside) = house("delivery = \"refer\"\nrefer_busy_s = 600", false);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    let refer = is_referred(&mut caller, "X-Account: 4711\r\n");
    let to = refer.must("Refer-To");
    // The caller's trunk has no proxy: they know the number where they are.
    assert!(to.starts_with(&format!("<sip:{NUMBER}@127.0.0.1:")), "{to}");
    for part in ["X-Account=4711", "X-Usher-Call=c", "X-Usher-Task=t", "X-Usher-Queue=support"] {
        assert!(to.contains(part), "{part} is not in {to}");
    }
    caller.reply(&refer, "202 Accepted", "", "");
    notify(&mut caller, &refer, "100 Trying");
    notify(&mut caller, &refer, "180 Ringing");
    server.api.until("ringing", |_| (state(&server, "dora") == "ringing").then_some(()));
    notify(&mut caller, &refer, "200 OK");
    caller.expect_bye();
    let done = server.events.wait("delivery.completed", &[("operator", "dora")]);
    let ended = server.events.wait("call.ended", &[("call", call_of(&done))]);
    assert_eq!(
        (&ended["result"], &ended["cause"]),
        (&json!("answered"), &json!("delivered by REFER"))
    );
    let assigned = server.events.wait("task.assigned", &[("operator", "dora")]);
    let record = record(&server, call_of(&done));
    assert_eq!(record["result"], "answered", "{record}");
    // Nothing of ours is left of it, and Dora has it until it is said to be over.
    assert_eq!(server.api.metric("usher_calls_active"), Some(0.0));
    assert_eq!(state(&server, "dora"), "on-call");
    let mut next = Phone::caller(&server, BACK_HZ);
    next.invite("600");
    next.expect_answer();
    outside.expect_nothing(Duration::from_millis(300));
    let task = format!("/tasks/{}", assigned["task"].as_str().unwrap_or_default());
    let (status, body) = server.api.patch(&task, &json!({ "state": "complete" }));
    assert_eq!(status, 200, "{body}");
    server.events.wait("task.completed", &[("operator", "dora")]);
    next.expect("REFER");
    next.hang_up();
    server.finish();
}

#[test]
fn a_trunk_that_agrees_and_hangs_up_has_delivered() {
    let (server, _outside) = house("delivery = \"refer\"\nrefer_busy_s = 1", false);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    let refer = is_referred(&mut caller, "");
    caller.reply(&refer, "202 Accepted", "", "");
    caller.hang_up();
    server.events.wait("delivery.completed", &[("operator", "dora")]);
    // And they are free after a while by themselves.
    server.events.wait("task.completed", &[("operator", "dora")]);
    server.finish();
}

#[test]
fn a_caller_who_hangs_up_while_it_rings_has_abandoned() {
    let (server, _outside) = house("delivery = \"refer\"", false);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    let refer = is_referred(&mut caller, "");
    caller.reply(&refer, "202 Accepted", "", "");
    notify(&mut caller, &refer, "180 Ringing");
    caller.hang_up();
    let failed = server.events.wait("delivery.failed", &[("operator", "dora")]);
    assert_eq!(failed["status"], 487);
    server.events.wait("task.abandoned", &[]);
    server.api.until("ready", |_| (state(&server, "dora") == "ready").then_some(()));
    server.finish();
}

#[test]
fn what_cannot_be_delivered_is_put_through() {
    for status in ["501 Not Implemented", "486 Busy Here"] {
        let (server, mut outside) = house("delivery = \"refer\"", false);
        let mut caller = Phone::caller(&server, CALLER_HZ);
        let refer = is_referred(&mut caller, "");
        if status.starts_with("501") {
            caller.reply(&refer, status, "", "");
        } else {
            caller.reply(&refer, "202 Accepted", "", "");
            notify(&mut caller, &refer, status);
        }
        outside.expect("INVITE");
        outside.answer();
        outside.audio.press('1');
        caller.audio.hears(OUTSIDE_HZ);
        outside.audio.hears(CALLER_HZ);
        caller.hang_up();
        outside.expect_bye();
        server.finish();
    }
}

#[test]
fn the_trunk_brings_a_caller_back_to_an_operator_of_ours() {
    for leaves_first in [false, true] {
        let (server, _outside) = house("delivery = \"refer\"", true);
        let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
        let mut caller = Phone::caller(&server, CALLER_HZ);
        let refer = is_referred(&mut caller, "X-Account: 4711\r\n");
        let to = refer.must("Refer-To").to_owned();
        let at = format!("@{}", server.address());
        let (door, rest) = to.trim_start_matches("<sip:").split_once('@').expect("an address");
        assert!(rest.starts_with(&at[1..]) && door.len() == 32, "{to}");
        caller.reply(&refer, "202 Accepted", "", "");
        if leaves_first {
            caller.hang_up();
        } else {
            notify(&mut caller, &refer, "100 Trying");
        }
        let mut back = Phone::caller(&server, BACK_HZ);
        back.invite(door);
        back.expect_answer();
        let invite = alice.expect("INVITE");
        assert_eq!(invite.must("X-Account"), "4711");
        if !leaves_first {
            caller.expect_nothing(Duration::from_millis(300));
            notify(&mut caller, &refer, "200 OK");
            caller.expect_bye();
        }
        alice.answer();
        alice.audio.hears(BACK_HZ);
        back.audio.hears(ALICE_HZ);
        // It was good for once, and is nothing to anybody else.
        let mut again = Phone::caller(&server, CALLER_HZ);
        again.invite(door);
        assert_eq!(again.expect_refusal().status(), Some(404));
        back.hang_up();
        alice.expect_bye();
        let reached = server.events.wait("operator.reached", &[("operator", "alice")]);
        let record = record(&server, call_of(&reached));
        assert_eq!(record["result"], "answered", "{record}");
        assert_eq!(
            server.events.count("call.started", &[]),
            2,
            "the same call, and the stranger's"
        );
        server.finish();
    }
}
