//! UPDATE (RFC 3311) from a peer that writes its messages by hand.

use sip::msg::{Message, Method, Name};
use sip::{Command, Endpoint, Event, Headers, Input, LegId, Time, Transport};

use super::net::{answer, ms, raw, sdp};
use super::{Bench, CONTACT, US, answered, flow, request};

const KIND: &str = "Content-Type: application/sdp";
const MOVED: &str = "Contact: <sip:carol@192.0.2.2:5099>";

/// An UPDATE with an offer, and a new Contact.
fn offer(number: u32, to: &str) -> Message {
    request("UPDATE", US, number, &[to, MOVED, KIND], "v=0")
}

/// An UPDATE that brings nothing but a new Contact.
fn bare(number: u32, to: &str) -> Message {
    request("UPDATE", US, number, &[to, MOVED], "")
}

impl Bench {
    /// The same endpoint after a restart.
    pub(super) fn carried(&mut self) {
        let carried = postcard::to_stdvec(&self.endpoint.carry()).unwrap();
        self.endpoint = Endpoint::resume(postcard::from_bytes(&carried).unwrap()).unwrap();
    }

    /// Hears this and answers with nothing but this.
    pub(super) fn check(&mut self, message: Message, expected: &[&str]) {
        let what = super::title(&message);
        self.titles();
        self.hears(message);
        let last = self.sent.last().map(|(_, message)| message.clone());
        assert_eq!(self.titles(), expected, "to {what}");
        let Some(last) = last.filter(|last| last.status() == Some(500)) else { return };
        assert!(last.seconds(Name::RetryAfter).is_some_and(|seconds| seconds <= 10));
    }

    pub(super) fn respond(&mut self, leg: LegId, status: u16) {
        let body = (status == 200).then(|| sdp("answer"));
        let headers = vec![("Warning".into(), "399 usher \"why\"".to_owned())];
        self.command(Command::Respond { leg, status, headers, body });
    }

    /// Where our next request goes: our BYE, which ends the leg.
    fn target(&mut self, leg: LegId) -> String {
        self.end(leg);
        assert_eq!(self.last().method(), Some(&Method::Bye));
        self.last().request_uri().unwrap().to_owned()
    }
}

/// A call from the trunk that stands.
fn confirmed() -> (Bench, LegId, String) {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.seen();
    (bench, leg, to)
}

#[test]
fn an_offer_is_answered_like_that_of_a_reinvite() {
    let (mut bench, leg, to) = confirmed();
    bench.check(offer(11, &to), &[]);
    assert_eq!(bench.seen(), ["Reinvite"]);
    bench.carried();
    bench.check(offer(11, &to), &[]);
    bench.respond(leg, 180);
    assert!(bench.titles().is_empty(), "RFC 4320: nothing provisional");
    bench.respond(leg, 200);
    let ok = bench.last();
    assert_eq!(bench.titles(), ["200 UPDATE"]);
    assert_eq!(
        (ok.body(), ok.content_type()),
        (sdp("answer").bytes, Some("application/sdp".into()))
    );
    assert!(ok.header(Name::Contact).is_some_and(|contact| contact.contains("192.0.2.1")));
    assert!(ok.header(Name::Allow).is_some_and(|allow| allow.contains("UPDATE")));
    bench.carried();
    bench.hears(offer(11, &to));
    assert_eq!(bench.last().wire(), ok.wire(), "the same again");
    bench.titles();
    bench.pass(Time::from_secs(40));
    assert!(bench.titles().is_empty(), "there is no ACK to wait for");
    assert!(bench.seen().is_empty());
    assert_eq!(bench.target(leg), "sip:carol@192.0.2.2:5099");
    bench.nothing_left();
}

#[test]
fn hold_and_resume_one_after_the_other() {
    let (mut bench, leg, to) = confirmed();
    for number in 11..16 {
        bench.check(offer(number, &to), &[]);
        bench.respond(leg, 200);
        assert_eq!(bench.titles(), ["200 UPDATE"]);
    }
    bench.check(request("INVITE", US, 16, &[&to, CONTACT], ""), &["100 INVITE"]);
    assert_eq!(bench.seen(), ["Reinvite"; 6]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn over_a_stream_too() {
    let mut bench = Bench::new();
    let tcp = |bench: &mut Bench, message| {
        bench.input(Input::Message { flow: flow(Transport::Tcp, 7), message });
    };
    tcp(&mut bench, request("INVITE", US, 10, &[CONTACT, KIND], "v=0"));
    let leg = LegId(1);
    bench.respond(leg, 200);
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    tcp(&mut bench, request("ACK", US, 10, &[&to], ""));
    bench.titles();
    tcp(&mut bench, offer(11, &to));
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 UPDATE", "INVITE"]);
    assert_eq!(bench.seen(), ["Invite", "Acked", "Reinvite"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_refused_offer_leaves_the_dialog_as_it_was() {
    let (mut bench, leg, to) = confirmed();
    bench.check(offer(11, &to), &[]);
    bench.respond(leg, 488);
    assert!(bench.last().header(Name::Warning).is_some());
    bench.check(offer(11, &to), &["488 UPDATE"]);
    assert_eq!(bench.seen(), ["Reinvite"]);
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    assert_eq!(bench.titles(), ["INVITE"], "the dialog is free");
    assert_eq!(bench.target(leg), "sip:carol@192.0.2.2:5070");
    bench.nothing_left();
}

#[test]
fn what_overlaps_comes_again_later() {
    let (mut bench, leg, to) = confirmed();
    bench.check(offer(11, &to), &[]);
    bench.check(offer(12, &to), &["500 UPDATE"]);
    bench.check(bare(13, &to), &["500 UPDATE"]);
    bench.check(request("INVITE", US, 14, &[&to, CONTACT], ""), &["100 INVITE", "500 INVITE"]);
    bench.carried();
    bench.check(bare(15, &to), &["500 UPDATE"]);
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    assert!(bench.titles().is_empty(), "our own offer waits");
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 UPDATE", "INVITE"]);
    assert_eq!(bench.seen(), ["Reinvite"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_reinvite_that_is_open_lets_no_offer_through() {
    let (mut bench, leg, to) = confirmed();
    bench.hears(request("INVITE", US, 11, &[&to, CONTACT, KIND], "v=0"));
    bench.check(offer(12, &to), &["500 UPDATE"]);
    bench.check(bare(13, &to), &["200 UPDATE"]);
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 INVITE"]);
    // Its exchange is done with the 2xx, whatever becomes of the ACK.
    bench.check(offer(14, &to), &[]);
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 UPDATE"]);
    bench.hears(request("ACK", US, 11, &[&to], ""));
    assert_eq!(bench.seen(), ["Reinvite", "Reinvite", "Acked"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn an_offer_that_we_owe_an_answer_overlaps_too() {
    let (mut bench, leg, to) = confirmed();
    bench.answers_wishes = false;
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    bench.command(Command::Offer { leg, body: None });
    let reinvite = bench.last();
    let ok = reinvite.respond(200, None, Some("them"));
    bench.hears(
        ok.header(Name::Contact, "<sip:carol@192.0.2.2>")
            .body("application/sdp", "v=0".into())
            .build(),
    );
    bench.check(offer(11, &to), &["500 UPDATE"]);
    bench.check(bare(12, &to), &["200 UPDATE"]);
    bench.command(Command::Ack { leg, body: Some(sdp("late")) });
    assert_eq!(bench.titles(), ["ACK"]);
    bench.check(offer(13, &to), &[]);
    assert_eq!(bench.seen(), ["OfferWanted", "ReinviteAnswered 200", "Reinvite"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn glare_is_491_and_ours_is_made_anew() {
    let (mut bench, leg, to) = confirmed();
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    let reinvite = bench.last();
    bench.check(offer(11, &to), &["491 UPDATE"]);
    bench.check(offer(11, &to), &["491 UPDATE"]);
    bench.check(bare(12, &to), &["200 UPDATE"]);
    assert!(bench.seen().is_empty());
    // The peer does the same by us: while we wait, its offer passes.
    bench.hears(answer(&reinvite, 491, "them", None));
    bench.carried();
    bench.check(offer(13, &to), &[]);
    assert_eq!(bench.seen(), ["Reinvite"]);
    bench.pass(ms(2010));
    assert!(bench.titles().is_empty(), "the dialog is not free yet");
    bench.respond(leg, 200);
    assert_eq!(bench.last().body(), &b"again 2"[..]);
    assert_eq!(bench.titles(), ["200 UPDATE", "INVITE"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn our_offer_in_a_2xx_is_open_until_its_ack() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.check(offer(11, &to), &["491 UPDATE"]);
    bench.check(bare(12, &to), &["200 UPDATE"]);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.check(offer(13, &to), &[]);
    assert_eq!(bench.seen(), ["Acked", "Reinvite"]);
    bench.end(leg);
    bench.nothing_left();
}

/// A call from the trunk with an offer; our To with tag, from the response of that status.
fn offered(status: u16) -> (Bench, LegId, String) {
    let mut bench = Bench::new();
    bench.hears(request("INVITE", US, 10, &[CONTACT, KIND], "v=0"));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    bench.respond(leg, status);
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    bench.titles();
    (bench, leg, to)
}

#[test]
fn our_answer_in_a_2xx_ends_the_first_exchange() {
    let (mut bench, leg, to) = offered(200);
    bench.check(offer(11, &to), &[]);
    assert_eq!(bench.seen(), ["Reinvite"]);
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 UPDATE"]);
    bench.pass(ms(600));
    assert_eq!(bench.titles(), ["200 INVITE"], "which still waits for its ACK");
    bench.end(leg);
    bench.check(offer(12, &to), &["481 UPDATE"]);
    bench.check(request("ACK", US, 10, &[&to], ""), &["BYE"]);
    bench.nothing_left();
}

#[test]
fn no_offer_before_we_have_answered_the_first() {
    let (mut bench, leg, to) = offered(183);
    bench.check(offer(11, &to), &["500 UPDATE"]);
    bench.check(bare(12, &to), &["200 UPDATE"]);
    bench.carried();
    bench.check(bare(12, &to), &["200 UPDATE"]);
    bench.check(bare(11, &to), &["500 UPDATE"]);
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 INVITE"], "nothing of it was harmed");
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert_eq!(bench.seen(), ["Acked"]);
    assert_eq!(bench.target(leg), "sip:carol@192.0.2.2:5099");
    bench.nothing_left();
}

/// A request of whom we call, with this tag.
fn callee(invite: &Message, tag: &str, number: u32, body: &str) -> Message {
    let field = |name| invite.header(name).unwrap();
    let lines = [
        format!("Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-{tag}-{number}"),
        format!("From: {};tag={tag}", field(Name::To)),
        format!("To: {}", field(Name::From)),
        format!("Call-ID: {}", field(Name::CallId)),
        format!("CSeq: {number} UPDATE"),
        format!("Contact: <sip:{tag}@192.0.2.2:5099>"),
        "Max-Forwards: 70".to_owned(),
        KIND.to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    raw("UPDATE sip:queue@192.0.2.1 SIP/2.0", &lines, body)
}

#[test]
fn no_offer_before_ours_is_answered() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.check(callee(&invite, "one", 1, ""), &["481 UPDATE"]);
    for tag in ["one", "two"] {
        let early = invite.respond(183, None, Some(tag));
        let early = early.header(Name::Contact, format_args!("<sip:{tag}@192.0.2.2>"));
        bench.hears(early.body("application/sdp", "v=0".into()).build());
    }
    bench.check(callee(&invite, "one", 2, "v=0"), &["491 UPDATE"]);
    bench.check(callee(&invite, "one", 3, ""), &["200 UPDATE"]);
    bench.carried();
    bench.check(callee(&invite, "two", 3, ""), &["200 UPDATE"]);
    bench.check(callee(&invite, "two", 3, ""), &["200 UPDATE"]);
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2:5071>")));
    assert_eq!(bench.titles(), ["ACK"]);
    assert_eq!(bench.seen(), ["Progress 183", "Progress 183", "Answered 200"]);
    bench.check(callee(&invite, "one", 3, "v=0"), &["200 UPDATE"]);
    bench.check(callee(&invite, "one", 4, "v=0"), &[]);
    bench.respond(leg, 200);
    assert_eq!(bench.target(leg), "sip:one@192.0.2.2:5099");
    bench.nothing_left();
}

#[test]
fn an_owner_who_says_nothing_is_answered_for() {
    let (mut bench, leg, to) = confirmed();
    bench.check(offer(11, &to), &[]);
    bench.respond(leg, 180);
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    bench.pass(Time::from_secs(9));
    assert_eq!(bench.titles(), ["100 UPDATE"], "RFC 4320: once the peer has slowed down");
    bench.carried();
    bench.pass(Time::from_secs(1));
    assert_eq!(bench.titles(), ["504 UPDATE", "INVITE"], "the dialog is free again");
    bench.respond(leg, 200);
    assert!(bench.titles().is_empty());
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_bye_ends_an_offer_that_is_open() {
    let (mut bench, _, to) = confirmed();
    bench.check(offer(11, &to), &[]);
    bench.check(request("BYE", US, 12, &[&to], ""), &["200 BYE", "487 UPDATE"]);
    assert_eq!(bench.seen(), ["Reinvite", "Ended Bye"]);
    bench.nothing_left();
}

#[test]
fn its_form_is_judged_as_an_invites() {
    let (mut bench, leg, to) = confirmed();
    let mut number = 10;
    let mut check = |lines: &[&str], body: &str, expected: &str| {
        number += 1;
        let lines = [&[&*to, CONTACT], lines].concat();
        bench.check(request("UPDATE", US, number, &lines, body), &[expected]);
    };
    check(&["Content-Type: application/json"], "{}", "415 UPDATE");
    check(&["Content-Type: multipart/mixed"], "--b\r\n\r\n--b--", "415 UPDATE");
    check(&[KIND, "Content-Encoding: gzip"], "v=0", "415 UPDATE");
    check(&[], "v=0", "415 UPDATE");
    check(&[KIND, "Accept: text/plain"], "v=0", "406 UPDATE");
    check(&["Accept: text/plain"], "", "200 UPDATE");
    check(&[KIND, "Require: foo"], "v=0", "420 UPDATE");
    bench.hears(request("UPDATE", US, 90, &[&to, CONTACT, "Content-Type: text/plain"], "v=0"));
    assert_eq!(bench.last().header(Name::Accept), Some(super::ACCEPT));
    assert!(bench.seen().is_empty());
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn an_update_of_ours_brings_their_contact_and_never_an_offer() {
    let (mut bench, leg, _) = confirmed();
    for (body, expected) in [(Some(sdp("offer")), &[][..]), (None, &["UPDATE"][..])] {
        let (method, headers) = (Method::Update, Headers::new());
        bench.titles();
        bench.command(Command::Request { leg, token: 7, method, headers, body });
        let sent = bench.sent.iter().map(|(_, message)| super::title(message));
        assert_eq!(sent.collect::<Vec<_>>(), expected);
    }
    let update = bench.last();
    assert!(update.header(Name::Contact).is_some());
    bench.hears(answer(&update, 200, "them", Some("<sip:carol@192.0.2.2:5077>")));
    assert_eq!(bench.seen(), ["Response 0", "Response 200"]);
    assert_eq!(bench.target(leg), "sip:carol@192.0.2.2:5077");
    bench.nothing_left();
}
