//! Who may register and call, and who may not.

use std::time::Duration;

use sip_tests::{Config, Phone, Server, connect};

fn registered(server: &Server, operator: &str) -> bool {
    server.api.get(&format!("/operators/{operator}")).1["registered"] == true
}

#[test]
fn a_wrong_password_and_an_unknown_user_get_the_same_answer_and_a_line_for_the_ban_list() {
    let server = Server::plain();
    let mut wrong = Phone::of(&server, "alice", 1_570.0).with_password("guess");
    let mut unknown = Phone::of(&server, "nobody", 1_570.0);
    let (first, second) = (wrong.register(60), unknown.register(60));
    assert_eq!(first.status(), second.status());
    assert!([Some(401), Some(403)].contains(&first.status()), "{}", first.text());
    for phone in [&wrong, &unknown] {
        let source = format!("src={}", phone.address());
        server.wait_log(&["SIP auth failure", "reason=", &source]);
    }
    assert!(!registered(&server, "alice"));
    server.finish();
}

#[test]
fn an_unknown_source_gets_403_and_a_line_for_the_ban_list() {
    let server = Server::plain();
    let mut stranger = Phone::at("127.0.0.2", &server, "stranger", 2_750.0);
    stranger.invite("600");
    stranger.expect_status(403);
    let source = format!("src={}", stranger.address());
    server.wait_log(&["SIP auth failure", "reason=", &source]);
    assert_eq!(server.events.count("call.started", &[]), 0);
    server.finish();
}

#[test]
fn an_unknown_source_gets_nothing_where_strangers_are_met_with_silence() {
    let config = Config { sip: "strangers = \"silence\"".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let mut stranger = Phone::at("127.0.0.2", &server, "stranger", 2_750.0);
    stranger.invite("600");
    server.wait_log(&["SIP auth failure", &format!("src={}", stranger.address())]);
    stranger.expect_nothing(Duration::from_millis(300));
    server.finish();
}

#[test]
fn a_registration_that_is_too_short_gets_423() {
    let server = Server::plain();
    let mut alice = Phone::of(&server, "alice", 1_570.0);
    let answer = alice.register(5);
    assert_eq!((answer.status(), answer.header("Min-Expires")), (Some(423), Some("60")));
    assert_eq!(alice.register(60).status(), Some(200));
    server.finish();
}

#[test]
fn a_registration_ends_when_its_time_is_over() {
    let config = Config { sip: "min_expires_s = 1".to_owned(), ..Config::default() };
    let server = Server::start(&config);
    let mut alice = Phone::of(&server, "alice", 1_570.0);
    let answer = alice.register(1);
    assert_eq!(answer.status(), Some(200), "{}", answer.text());
    server.events.wait("registration.added", &[("operator", "alice")]);
    server.events.wait("registration.removed", &[("operator", "alice")]);
    server.api.until("not registered", |_| (!registered(&server, "alice")).then_some(()));
    server.finish();
}

#[test]
fn a_star_removes_all_contacts_and_only_with_expires_0() {
    let server = Server::plain();
    let mut desk = Phone::operator(&server, "alice", 1_570.0);
    let mut mobile = Phone::of(&server, "alice", 2_210.0);
    let answer = mobile.register(3_600);
    assert_eq!(answer.all("Contact").flat_map(|line| line.split(',')).count(), 2);
    assert_eq!(desk.register_with("Contact: *\r\nExpires: 60\r\n").status(), Some(400));
    let mark = server.events.mark();
    let answer = desk.register_with("Contact: *\r\nExpires: 0\r\n");
    assert_eq!((answer.status(), answer.header("Contact")), (Some(200), None));
    let offline = [("operator", "alice"), ("/effective/state", "offline")];
    server.events.wait_from(mark, "operator.state", &offline);
    assert!(!registered(&server, "alice"));
    server.finish();
}

#[test]
fn expires_0_signs_out_and_a_new_registration_signs_in() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut caller = Phone::caller(&server, 1_130.0);
    assert_eq!(alice.register(0).status(), Some(200));
    server.events.wait("registration.removed", &[("operator", "alice")]);
    caller.invite("600");
    caller.expect_answer();
    alice.expect_nothing(Duration::from_millis(300));
    assert_eq!(alice.register(60).status(), Some(200));
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_trunk_is_known_by_its_credentials() {
    let trunk = "[[trunk]]\nname = \"carrier\"\nusername = \"trunk\"\npassword = \"t-secret\"\n";
    let server = Server::start(&Config { trunks: trunk.to_owned(), ..Config::default() });
    let mut wrong = Phone::at("127.0.0.2", &server, "trunk", 1_900.0).with_password("guess");
    let mut caller = Phone::at("127.0.0.2", &server, "trunk", 1_130.0).with_password("t-secret");
    for (phone, code) in [(&mut wrong, 403), (&mut caller, 200)] {
        phone.invite("600");
        let challenge = phone.expect_refusal();
        phone.invite_again(&challenge);
        if code == 200 {
            phone.expect_answer();
        } else {
            let refused = phone.expect_refusal();
            assert!([Some(401), Some(407), Some(403)].contains(&refused.status()));
        }
    }
    server.wait_log(&["SIP auth failure", "reason=", &format!("src={}", wrong.address())]);
    caller.audio.hears_music(&[1_130.0]);
    let started = server.events.wait("call.started", &[("trunk", "carrier")]);
    assert_eq!(started["kind"], "inbound");
    caller.hang_up();
    server.finish();
}

#[test]
fn a_phone_that_is_registered_dials_a_colleague() {
    let server = Server::plain();
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut bob = Phone::operator(&server, "bob", 2_210.0);
    alice.invite("102");
    let invite = bob.expect("INVITE");
    assert!(invite.must("From").contains("101") || invite.must("From").contains("alice"));
    bob.reply_invite("180 Ringing");
    alice.expect_status(180);
    bob.pick_up();
    alice.expect_answer();
    bob.expect("ACK");
    alice.audio.hears(2_210.0);
    bob.audio.hears(1_570.0);
    let started = server.events.wait("call.started", &[]);
    assert_eq!(started["kind"], "internal");
    bob.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn a_phone_behind_nat_is_reached_where_it_registered_from() {
    let server = Server::plain();
    let mut alice = Phone::of(&server, "alice", 1_570.0);
    let contact = "Contact: <sip:alice@192.0.2.77:5060>\r\nExpires: 600\r\n";
    assert_eq!(alice.register_with(contact).status(), Some(200));
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    alice.expect("INVITE");
    connect(&caller, &mut alice);
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn an_operator_who_signs_in_explicitly_is_offline_until_then() {
    let mut config = Config::default();
    config.operators.push_str("sign_in = \"explicit\"\n");
    let server = Server::start(&config);
    let mut bob = Phone::of(&server, "bob", 2_210.0);
    assert_eq!(bob.register(600).status(), Some(200));
    let mut caller = Phone::caller(&server, 1_130.0);
    caller.invite("600");
    caller.expect_answer();
    caller.audio.hears_music(&[1_130.0]);
    assert_eq!(server.api.get("/operators/bob").1["effective"]["state"], "offline");
    let ready = serde_json::json!({"state": "ready"});
    assert_eq!(server.api.patch("/operators/bob", &ready).0, 200);
    bob.expect("INVITE");
    connect(&caller, &mut bob);
    caller.hang_up();
    bob.expect_bye();
    server.finish();
}
