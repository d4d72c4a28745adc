//! A hook is asked where a call goes: it answers, wrongly, late or not at all, and nobody is lost.

use serde_json::json;
use sip_tests::{Config, Crm, Invite, Phone, Server, call_of};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const BOB_HZ: f64 = 2_210.0;

/// Whoever dials 700 goes where the hook says, or to Bob.
fn house(crm: &Crm, deadline_ms: u32) -> (Server, Phone, Phone) {
    let url = crm.url();
    let mut config = Config::default();
    config.more += &format!(
        "[[hook]]\nname = \"crm\"\nurl = \"{url}\"\ndeadline_ms = {deadline_ms}\n\
         on_error = {{ operator = \"bob\" }}\n"
    );
    config.routes += "[[route]]\nto = \"^700$\"\ngo = { hook = \"crm\" }\n";
    let server = Server::start(&config);
    let alice = Phone::operator(&server, "alice", ALICE_HZ);
    let bob = Phone::operator(&server, "bob", BOB_HZ);
    (server, alice, bob)
}

#[test]
fn the_call_goes_where_the_hook_says_with_its_context() {
    let crm = Crm::start();
    let (server, mut alice, _bob) = house(&crm, 5_000);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite_as("700", &Invite { headers: "X-Account: 4711\r\n", ..Invite::default() });
    let go = json!({ "queue": "support", "priority_s": 60 });
    let answer = json!({ "go": go, "context": { "X-CRM-Tier": "gold" } });
    let asked = crm.answers(200, &answer.to_string()).event();
    let started = server.events.wait("call.started", &[]);
    assert_eq!((&asked["hook"], &asked["call"]), (&json!("crm"), &started["call"]));
    assert_eq!((&asked["to"], &asked["from"]), (&json!("700"), &json!("+74951234567")));
    assert_eq!(
        (&asked["trunk"], &asked["context"]["X-Account"]),
        (&json!("carrier"), &json!("4711"))
    );
    let invite = alice.expect("INVITE");
    assert_eq!(invite.must("X-CRM-Tier"), "gold");
    assert_eq!(invite.must("X-Account"), "4711");
    assert_eq!(invite.must("X-Usher-Queue"), "support");
    assert_eq!(server.events.wait("task.queued", &[])["priority_s"], 60);
    alice.answer();
    caller.expect_answer();
    caller.audio.hears(ALICE_HZ);
    alice.audio.hears(CALLER_HZ);
    caller.hang_up();
    alice.expect_bye();
    let record = sip_tests::record(&server, call_of(&started));
    assert_eq!(record["context"]["X-CRM-Tier"], "gold", "{record}");
    server.finish();
}

#[test]
fn what_cannot_be_followed_goes_where_on_error_says() {
    let crm = Crm::start();
    let (server, _alice, mut bob) = house(&crm, 1_000);
    let answers = [
        (500, String::new(), "answered by 500"),
        (200, "nonsense".to_owned(), "its answer"),
        (200, json!({ "go": { "queue": "nowhere" } }).to_string(), "no such queue: nowhere"),
        (
            200,
            json!({ "go": { "queue": "support" }, "context": { "Via": "x" } }).to_string(),
            "Via",
        ),
        (
            200,
            json!({ "go": { "queue": "support" }, "context": { "X-A": "1\r\nX-B: 2" } })
                .to_string(),
            "X-A",
        ),
    ];
    for (status, body, reason) in answers {
        let mark = server.events.mark();
        let mut caller = Phone::caller(&server, CALLER_HZ);
        caller.invite("700");
        crm.answers(status, &body);
        bob.expect("INVITE");
        bob.answer();
        caller.expect_answer();
        caller.audio.hears(BOB_HZ);
        let failed = server.events.wait_from(mark, "hook.failed", &[("hook", "crm")]);
        let told = failed["reason"].as_str().expect("a reason");
        assert!(told.contains(reason), "{told} is not about {reason}");
        caller.hang_up();
        bob.expect_bye();
    }
    server.finish();
}

#[test]
fn nobody_waits_longer_than_the_deadline() {
    let crm = Crm::start();
    let (server, _alice, mut bob) = house(&crm, 300);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("700");
    crm.asked();
    bob.expect("INVITE");
    bob.answer();
    caller.expect_answer();
    caller.audio.hears(BOB_HZ);
    caller.hang_up();
    bob.expect_bye();
    // Who leaves while it is asked has left.
    caller.invite("700");
    caller.expect_status(100);
    caller.cancel();
    caller.expect_status(487);
    caller.ack();
    server.events.wait("call.ended", &[("result", "abandoned")]);
    server.finish();
}
