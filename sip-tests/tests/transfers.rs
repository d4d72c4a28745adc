//! REFER (RFC 3515) as phones of text send it: what they are told, and who may send a call whereto.
//! What softphones do with it is in `handsets.rs`.

use std::net::SocketAddr;

use sip_tests::{Config, Phone, Server, Sip, connected, record};

const BOB_HZ: f64 = 2_210.0;
const OUT_HZ: f64 = 1_900.0;
/// Where the second trunk is.
const OUT: &str = "127.0.0.5";

/// The answer to a REFER within the phone's call.
#[track_caller]
fn refer(phone: &mut Phone, target: &str) -> Option<u16> {
    phone.request("REFER", &format!("Refer-To: <{target}>\r\n"));
    phone.expect_response("REFER").status()
}

/// The state and the body of the next NOTIFY, which is left without an answer.
#[track_caller]
fn told(phone: &mut Phone) -> (Sip, String) {
    let notify = phone.expect("NOTIFY");
    let state = notify.must("Subscription-State").to_owned();
    (notify, state)
}

#[test]
fn whoever_handed_on_hears_that_the_caller_has_gone_before_the_bye() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    assert_eq!(refer(&mut alice, "sip:bob@usher.test"), Some(202));
    let (_, state) = told(&mut alice);
    assert!(state.starts_with("active"), "{state}");
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    server.events.wait("leg.ringing", &[("operator", "bob")]);
    caller.hang_up();
    // The NOTIFY before has not been answered.
    let (last, state) = told(&mut alice);
    assert_eq!(state, "terminated;reason=noresource");
    assert!(last.body.starts_with("SIP/2.0 487 "), "{}", last.text());
    let bye = alice.expect_bye();
    assert!(bye.cseq().0 > last.cseq().0, "{}\n{}", bye.text(), last.text());
    bob.expect_cancel();
    let ended = server.events.wait("transfer.failed", &[("reason", "caller_gone")]);
    assert_eq!(record(&server, sip_tests::call_of(&ended))["result"], "answered");
    server.finish();
}

/// Answers NOTIFYs up to the last one; what that says.
#[track_caller]
fn outcome(phone: &mut Phone) -> String {
    loop {
        let (notify, state) = told(phone);
        phone.reply(&notify, "200 OK", "", "");
        if state.starts_with("terminated") {
            return notify.body.trim_end().to_owned();
        }
    }
}

/// Somebody on a second trunk, which numbers with a plus go out by; and the server, whose first trunk
/// has these keys more.
fn two_trunks(keys: &str) -> (Server, Phone) {
    let mut out = Phone::towards(SocketAddr::from(([127, 0, 0, 1], 9)), OUT, "out", OUT_HZ);
    let mut config = Config::default();
    config.trunks += keys;
    config.trunks += &format!(
        "[[trunk]]\nname = \"out\"\nhosts = [\"{OUT}\"]\nproxy = \"sip:{}\"\n",
        out.address()
    );
    config.operators =
        config.operators.replacen("number = \"101\"", "number = \"101\"\noutgoing = ['^\\+7']", 1);
    config.routes +=
        "[[route]]\nto = '^\\+'\ngo = { number = \"+74950001122\", trunk = \"out\" }\n";
    let server = Server::start(&config);
    out.aim(&server);
    (server, out)
}

/// Another call to Bob, who answers.
#[track_caller]
fn talks_with_bob(phone: &mut Phone, bob: &mut Phone) {
    phone.invite("102");
    bob.expect("INVITE");
    bob.answer();
    phone.expect_answer();
    phone.audio.hears(BOB_HZ);
}

/// A Refer-To that names the dialog of a call to Bob.
fn named(replaces: &str) -> String {
    let value = replaces.replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
    format!("sip:102@usher.test?Replaces={value}")
}

#[test]
fn a_trunks_side_moves_calls_as_its_policy_says() {
    let inside = ["sip:102@usher.test", "sip:600@usher.test"];
    let by_route = "sip:+7999@usher.test";
    let by_uri = "sip:desk@127.0.0.9";
    let check = |keys: &str, refused: &[&str], taken: &[&str]| {
        let (server, mut out) = two_trunks(keys);
        let (mut caller, mut alice) = connected(&server);
        let mut bob = Phone::operator(&server, "bob", BOB_HZ);
        for target in refused {
            assert_eq!(refer(&mut caller, target), Some(403), "{keys}: {target}");
        }
        assert_eq!(refer(&mut caller, "sip:999@usher.test"), Some(404), "{keys}: nobody");
        for target in taken {
            assert_eq!(refer(&mut caller, target), Some(202), "{keys}: {target}");
            // Whoever it is declines, and the call goes on.
            let target = if target.contains('+') { &mut out } else { &mut bob };
            target.expect("INVITE");
            target.reply_invite("486 Busy Here");
            assert_eq!(outcome(&mut caller), "SIP/2.0 486 Busy Here", "{keys}");
            caller.audio.hears(alice.audio.hz());
            alice.audio.hears(caller.audio.hz());
        }
        assert_eq!(server.events.count("transfer.started", &[]), taken.len());
        caller.hang_up();
        alice.expect_bye();
        server.finish();
    };
    let [operator, queue] = inside;
    check("", &[by_route, by_uri], &[operator]);
    check("outgoing = \"none\"\n", &[operator, queue, by_route, by_uri], &[]);
    check("outgoing = ['^\\+7']\n", &[by_uri], &[operator, by_route]);
    check("outgoing = ['^\\+1', '^sip:desk@127\\.0\\.0\\.9$']\n", &[by_route], &[operator]);
}

#[test]
fn a_trunks_side_moves_a_call_out_again() {
    let (server, mut out) = two_trunks("outgoing = ['^\\+7']\n");
    let (mut caller, mut alice) = connected(&server);
    assert_eq!(refer(&mut caller, "tel:+7999"), Some(202));
    out.expect("INVITE");
    out.answer();
    assert_eq!(outcome(&mut caller), "SIP/2.0 200 OK");
    caller.hang_up();
    alice.audio.hears(OUT_HZ);
    out.audio.hears(alice.audio.hz());
    alice.audio.is_continuous();
    out.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn somebody_behind_a_trunk_lets_two_they_have_called_talk() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    // Their second line.
    let mut second = Phone::caller(&server, OUT_HZ);
    talks_with_bob(&mut second, &mut bob);
    assert_eq!(refer(&mut caller, &named(&second.replaces())), Some(202));
    second.expect_bye();
    assert_eq!(outcome(&mut caller), "SIP/2.0 200 OK");
    alice.audio.hears(BOB_HZ);
    bob.audio.hears(alice.audio.hz());
    caller.expect_bye();
    let done = server.events.wait("transfer.completed", &[("operator", "bob")]);
    alice.audio.is_continuous();
    bob.audio.is_continuous();
    alice.hang_up();
    bob.expect_bye();
    assert_eq!(record(&server, sip_tests::call_of(&done))["result"], "answered");
    for operator in ["alice", "bob"] {
        let fields = [("operator", operator), ("/effective/state", "ready")];
        server.events.wait_from(server.events.mark().saturating_sub(12), "operator.state", &fields);
    }
    server.finish();
}

#[test]
fn whom_we_called_over_a_trunk_lets_two_talk_as_well() {
    let (server, mut out) = two_trunks("");
    let mut alice = Phone::operator(&server, "alice", 1_570.0);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    alice.invite("+7999");
    out.expect("INVITE");
    out.answer();
    alice.expect_answer();
    let mut second = Phone::at(OUT, &server, "out", 1_300.0);
    talks_with_bob(&mut second, &mut bob);
    assert_eq!(refer(&mut out, &named(&second.replaces())), Some(202));
    second.expect_bye();
    assert_eq!(outcome(&mut out), "SIP/2.0 200 OK");
    out.hang_up();
    alice.audio.hears(BOB_HZ);
    bob.audio.hears(alice.audio.hz());
    bob.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn nobody_names_what_is_not_theirs() {
    let (server, mut out) = two_trunks("");
    let (mut caller, mut alice) = connected(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    // Somebody of the other trunk, and of this one.
    let (mut stranger, mut own) =
        (Phone::at(OUT, &server, "x", 1_300.0), Phone::caller(&server, 1.0));
    talks_with_bob(&mut stranger, &mut bob);
    own.invite("600");
    own.expect_answer();
    let guess = own.replaces().replace("to-tag=", "to-tag=0");
    let theirs =
        [stranger.replaces(), alice.replaces(), guess, "no@where;to-tag=1;from-tag=2".into()];
    for (at, replaces) in theirs.iter().enumerate() {
        let mark = server.events.mark();
        assert_eq!(refer(&mut caller, &named(replaces)), Some(603), "{at}");
        let fields = [("reason", "replaces"), ("method", "REFER")];
        server.events.wait_from(mark, "security.refused", &fields);
    }
    // Nor may they have somebody outside whom their policy does not let them call.
    let mut second = Phone::caller(&server, 1_700.0);
    second.invite("+7999");
    out.expect("INVITE");
    out.answer();
    second.expect_answer();
    assert_eq!(refer(&mut caller, &named(&second.replaces())), Some(403));
    assert_eq!(server.events.count("transfer.started", &[]), 0);
    caller.audio.hears(alice.audio.hz());
    bob.audio.hears(stranger.audio.hz());
    for (phone, other) in
        [(&mut caller, Some(&mut alice)), (&mut stranger, Some(&mut bob)), (&mut own, None)]
    {
        phone.hang_up();
        if let Some(other) = other {
            other.expect_bye();
        }
    }
    second.hang_up();
    out.expect_bye();
    server.finish();
}

#[test]
fn whoever_leaves_at_once_hears_how_it_went() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    assert_eq!(refer(&mut alice, "sip:bob@usher.test"), Some(202));
    alice.hang_up();
    bob.expect("INVITE");
    bob.reply_invite("180 Ringing");
    bob.answer();
    assert_eq!(outcome(&mut alice), "SIP/2.0 200 OK");
    caller.audio.hears(BOB_HZ);
    caller.hang_up();
    bob.expect_bye();
    server.finish();
}

#[test]
fn a_call_goes_straight_back_to_whoever_has_just_handed_it_on() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    assert_eq!(refer(&mut alice, "sip:bob@usher.test"), Some(202));
    bob.expect("INVITE");
    bob.answer();
    assert_eq!(outcome(&mut alice), "SIP/2.0 200 OK");
    // She has not hung up, and is not waited for.
    assert_eq!(refer(&mut bob, "sip:alice@usher.test"), Some(202));
    alice.expect_bye();
    alice.expect("INVITE");
    alice.answer();
    assert_eq!(outcome(&mut bob), "SIP/2.0 200 OK");
    caller.audio.hears(alice.audio.hz());
    alice.audio.hears(caller.audio.hz());
    bob.expect_bye();
    caller.hang_up();
    alice.expect_bye();
    server.finish();
}

#[test]
fn our_address_is_ours_by_its_port_and_sips_is_nobodys() {
    let server = Server::plain();
    let (mut caller, mut alice) = connected(&server);
    let mut bob = Phone::operator(&server, "bob", BOB_HZ);
    let own = server.address();
    let foreign = SocketAddr::new(own.ip(), 9);
    for (target, status) in [
        (format!("sip:102@{foreign}"), 403),
        ("sips:102@usher.test".to_owned(), 416),
        ("mailto:bob@usher.test".to_owned(), 416),
    ] {
        assert_eq!(refer(&mut alice, &target), Some(status), "{target}");
    }
    assert_eq!(refer(&mut alice, &format!("sip:102@{own};transport=udp")), Some(202));
    bob.expect("INVITE");
    bob.answer();
    assert_eq!(outcome(&mut alice), "SIP/2.0 200 OK");
    caller.hang_up();
    bob.expect_bye();
    alice.expect_bye();
    server.finish();
}
