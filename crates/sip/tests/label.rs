//! Session-ID through a call (RFC 7989 section 6): each side names itself and the other.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test panics when it fails")]

#[expect(dead_code, reason = "each test binary uses its part of the network")]
mod net;

use std::cell::RefCell;
use std::rc::Rc;

use net::{A, B, Net, ms};
use sip::Command;
use sip::msg::Name;

/// What was sent: `A INVITE a;0`, the halves by whose they are, `0` for nil.
type Sent = Rc<RefCell<Vec<(String, String)>>>;

/// A network that notes title and Session-ID of all that is sent.
fn listening() -> (Net, Sent) {
    let mut net = Net::new(1);
    let sent = Sent::default();
    let heard = sent.clone();
    net.fate = Box::new(move |packet, _| {
        let value = packet.message.header(Name::SessionId).unwrap_or("none").to_owned();
        let title = format!("{} {}", ["A", "B"][packet.from], packet.title());
        heard.borrow_mut().push((title, value));
        vec![ms(10)]
    });
    (net, sent)
}

/// The lines with the halves named by whose they are.
fn named(net: &Net, sent: &Sent, a: sip::LegId, b: sip::LegId) -> Vec<String> {
    let half = |side: usize, leg| net.ends[side].uuid(leg).unwrap().to_string();
    let (a, b, nil) = (half(A, a), half(B, b), "0".repeat(32));
    let short = |value: &str| value.replace(&a, "a").replace(&b, "b").replace(&nil, "0");
    sent.borrow().iter().map(|(title, value)| format!("{title} {}", short(value))).collect()
}

#[test]
fn both_halves_are_in_every_message_of_a_call() {
    let (mut net, sent) = listening();
    let a = net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 180);
    net.respond(B, b, 200);
    net.run(ms(100));
    net.command(B, Command::Reinvite { leg: b, headers: Vec::new() });
    net.run(ms(100));
    net.respond(A, a, 200);
    net.run(ms(100));
    let before_the_end = named(&net, &sent, a, b);
    assert_eq!(
        before_the_end,
        [
            "A INVITE a;remote=0",
            "B 100 INVITE none",
            "B 180 INVITE b;remote=a",
            "B 200 INVITE b;remote=a",
            "A ACK a;remote=b",
            "B INVITE b;remote=a",
            "A 100 INVITE none",
            "A 200 INVITE a;remote=b",
            "B ACK b;remote=a",
        ]
    );
    let (of_a, of_b) = (net.ends[A].uuid(a).unwrap(), net.ends[B].uuid(b).unwrap());
    net.end(B, b);
    net.quiesce();
    let sent = sent.borrow();
    let end: Vec<&str> = sent[9..].iter().map(|(_, value)| value.as_str()).collect();
    assert_eq!(end, [format!("{of_b};remote={of_a}"), format!("{of_a};remote={of_b}")]);
}

#[test]
fn a_call_given_up_and_one_refused_keep_theirs() {
    let (mut net, sent) = listening();
    let a = net.call(false);
    net.run(ms(100));
    let b = net.leg_of(B);
    net.respond(B, b, 180);
    net.run(ms(100));
    let lines = named(&net, &sent, a, b);
    assert_eq!(lines.last().unwrap(), "B 180 INVITE b;remote=a");
    net.end(A, a);
    net.run(ms(100));
    let sent = sent.borrow();
    let of = |title: &str| &sent.iter().find(|(sent, _)| sent == title).unwrap().1;
    // CANCEL and the ACK of a failure are the INVITE's, word for word.
    assert_eq!(of("A CANCEL"), of("A INVITE"));
    assert_eq!(of("A ACK"), of("A INVITE"));
    assert_eq!(of("B 200 CANCEL"), of("B 180 INVITE"));
    assert_eq!(of("B 487 INVITE"), of("B 180 INVITE"));
}
