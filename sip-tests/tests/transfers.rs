//! REFER (RFC 3515) as phones of text send it: what they are told, and who may send a call whereto.
//! What softphones do with it is in `handsets.rs`.

use sip_tests::{Phone, Server, Sip, connected, record};

const BOB_HZ: f64 = 2_210.0;

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
