//! The peers among themselves: before a server is judged by them, they must agree with each other.

use std::net::SocketAddr;

use serde_json::json;
use sip_tests::{Phone, Ports, Softphone};

#[test]
fn a_softphone_calls_the_phone_made_of_text_and_both_hear_the_other() {
    let ports = Ports::take();
    let mut soft = Softphone::start(ports.peer(0));
    let peer = SocketAddr::from(([127, 0, 0, 1], ports.peer(0)));
    let mut phone = Phone::towards(peer, "127.0.0.1", "text", 1_130.0);
    soft.order(json!({"do": "account", "account":
        "<sip:soft@127.0.0.1;transport=udp>;regint=0;answermode=manual;audio_codecs=pcmu,pcma"}));
    soft.order(json!({"do": "dial", "uri": format!("sip:text@{}", phone.address())}));
    phone.expect("INVITE");
    phone.reply_invite("180 Ringing");
    phone.answer();
    soft.events.wait("established", &[("call", "0")]);
    soft.order(json!({"do": "tone", "call": 0, "hz": 1_570.0}));
    phone.audio.hears(1_570.0);
    soft.hears(0, 1_130.0);
    phone.audio.press('7');
    soft.events.wait("dtmf", &[("digit", "7")]);
    phone.reinvite();
    phone.expect_answer();
    phone.audio.hears(1_570.0);
    phone.hang_up();
    soft.events.wait("closed", &[("call", "0")]);
}

#[test]
fn the_phone_made_of_text_calls_a_softphone_and_gives_up() {
    let ports = Ports::take();
    let mut soft = Softphone::start(ports.peer(0));
    let peer = SocketAddr::from(([127, 0, 0, 1], ports.peer(0)));
    let mut phone = Phone::towards(peer, "127.0.0.1", "text", 1_130.0);
    soft.order(json!({"do": "account", "account":
        "<sip:soft@127.0.0.1;transport=udp>;regint=0;answermode=manual;audio_codecs=pcmu"}));
    phone.invite("soft");
    soft.rings(0);
    phone.expect_status(180);
    phone.cancel();
    assert_eq!(phone.expect_response("CANCEL").status(), Some(200));
    phone.expect_status(487);
    soft.events.wait("closed", &[("call", "0")]);
}
