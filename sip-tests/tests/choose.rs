//! Who is chosen: skills that relax, the operator of the last call again, a ring that grows.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;
use sip_tests::{Config, Phone, Server, connect};

const CALLER_HZ: f64 = 1_130.0;
const ALICE_HZ: f64 = 1_570.0;
const BOB_HZ: f64 = 2_210.0;

/// Alice has a little of the skill, Bob much of it.
fn skilled(queue: &str) -> Config {
    let mut config = Config { operators: String::new(), ..Config::queue(queue) };
    for (id, number, level) in [("alice", "101", 1), ("bob", "102", 5)] {
        let _ = writeln!(
            config.operators,
            "[[operator]]\nid = \"{id}\"\npassword = \"{id}-secret\"\nnumber = \"{number}\"\n\
             queues = [\"support\"]\nskills = {{ russian = {level} }}"
        );
    }
    config
}

#[test]
fn a_call_goes_to_who_has_the_skill_and_later_to_who_has_less_of_it() {
    let server = Server::start(&skilled(
        "skills = { russian = 3 }\nrelax = [{ after_s = 2, skills = { russian = 1 } }]",
    ));
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut first = Phone::caller(&server, CALLER_HZ);
    let began = Instant::now();
    first.invite("600");
    first.expect_answer();
    let queued = server.events.wait("task.queued", &[]);
    let task = queued["task"].as_str().expect("a task").to_owned();
    let task = task.as_str();
    let why = server.api.get(&format!("/tasks/{task}/decisions")).1;
    let decision = &why["items"][0];
    assert_eq!(decision["demand"], json!({ "russian": 3 }), "{why}");
    let lacks = json!({ "skill": "russian", "level": 1, "asked": 3 });
    let considered = decision["considered"].as_array().expect("a list");
    let of_alice = considered.iter().find(|one| one["operator"] == "alice").expect("alice");
    assert_eq!((&of_alice["filter"], &of_alice["lacks"]), (&json!("skill"), &lacks), "{why}");
    let idle = server.api.get("/operators/alice/decisions").1["idle"].clone();
    assert_eq!((&idle["waiting"], &idle["lacking"][0]["skill"]), (&json!(1), &json!("russian")));
    let told = sip_tests::run(&["explain", "--url", server.api.base(), "operator:alice"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("1 in support: lacks russian, has 1 of 3"), "{told}");

    alice.expect("INVITE");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_millis(1_900), "rung after {waited:?}");
    connect(&first, &mut alice);

    // Bob has been idle for less long, and has the skill.
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    first.hang_up();
    alice.expect_bye();
    let mut second = Phone::caller(&server, CALLER_HZ);
    second.invite("600");
    second.expect_answer();
    bob.expect("INVITE");
    connect(&second, &mut bob);
    second.hang_up();
    bob.expect_bye();
    server.finish();
}

#[test]
fn a_caller_who_calls_again_waits_for_the_same_operator() {
    let server = Server::start(&Config::queue("sticky_s = 600\nsticky_wait_s = 2\nring_s = 1"));
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    let call = |caller: &mut Phone| {
        caller.invite("600");
        caller.expect_answer();
    };
    call(&mut caller);
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.events.wait("task.completed", &[("operator", "alice")]);

    // Alice is busy with somebody else: Bob, who is free, is not rung.
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let mut other = Phone::at("127.0.0.1", &server, "+74950000000", 900.0);
    call(&mut other);
    alice.expect("INVITE");
    connect(&other, &mut alice);
    let mut again = Phone::caller(&server, CALLER_HZ);
    call(&mut again);
    bob.expect_nothing(Duration::from_millis(700));
    other.hang_up();
    alice.expect_bye();
    alice.expect("INVITE");
    connect(&again, &mut alice);
    let mark = server.events.mark();
    again.hang_up();
    alice.expect_bye();
    server.events.wait_from(mark, "task.completed", &[("operator", "alice")]);

    // She does not take it: anybody may have it.
    let mut last = Phone::caller(&server, CALLER_HZ);
    call(&mut last);
    alice.expect("INVITE");
    alice.reply_invite("486 Busy Here");
    bob.expect("INVITE");
    connect(&last, &mut bob);
    last.hang_up();
    bob.expect_bye();
    server.finish();
}

#[test]
fn one_phone_more_rings_after_each_step_and_the_losers_stop() {
    let queue = "strategy = \"progressive\"\nstep_s = 1\nring_s = 10\nwrap_up_s = 0".to_owned();
    let server = Server::start(&Config { queue, ..Config::default() });
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    server.events.wait("operator.state", &[("operator", "alice")]);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let mut caller = Phone::caller(&server, CALLER_HZ);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    let began = Instant::now();
    alice.reply_invite("180 Ringing");
    bob.expect("INVITE");
    let step = began.elapsed();
    assert!(step >= Duration::from_millis(900), "the second phone rang after {step:?}");
    connect(&caller, &mut bob);
    let reason = alice.expect_cancel().must("Reason").to_owned();
    assert_eq!(reason, "SIP;cause=200;text=\"Call completed elsewhere\"");
    caller.hang_up();
    bob.expect_bye();
    server.finish();
}

#[test]
fn whoever_pauses_in_a_queue_or_has_left_it_gets_none_of_its_calls() {
    let server = Server::start(&Config::default());
    let mut alice = Phone::operator(&server, "alice", ALICE_HZ);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let becomes = |state: &str| {
        let body = json!({ "queues": { "support": state } });
        let (status, shown) = server.api.patch("/operators/alice", &body);
        assert_eq!(status, 200, "{shown}");
        server.events.wait("operator.queue", &[("operator", "alice"), ("state", state)]);
        (shown["queues"].clone(), shown["paused"].clone())
    };
    let rings = |caller: &mut Phone, operator: &mut Phone| {
        caller.invite("600");
        caller.expect_answer();
        operator.expect("INVITE");
        operator.reply_invite("180 Ringing");
        caller.hang_up();
        operator.expect_cancel();
    };
    let mut caller = Phone::caller(&server, CALLER_HZ);
    assert_eq!(becomes("paused"), (json!(["support"]), json!(["support"])));
    rings(&mut caller, &mut bob);
    assert_eq!(becomes("left"), (json!([]), json!([])));
    rings(&mut caller, &mut bob);
    assert_eq!(becomes("joined"), (json!(["support"]), json!([])));
    rings(&mut caller, &mut alice);
    // Nothing changes where one of them is not there.
    let body = json!({ "queues": { "support": "left", "lost": "left" } });
    assert_eq!(server.api.patch("/operators/alice", &body).0, 422);
    rings(&mut caller, &mut alice);
    server.finish();
}
