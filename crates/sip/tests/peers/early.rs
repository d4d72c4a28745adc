//! What callees say before they answer: early dialogs, reliable responses, early media and UPDATE.

use sip::msg::{Message, Method, Name};
use sip::{Event, LegId, Time, Transport};

use super::net::{answer, ms, raw, sdp, title};
use super::{Bench, credentials, flow};

/// A provisional response in the early dialog of that tag; reliable where it has a number.
fn says(invite: &Message, status: u16, tag: &str, rseq: Option<u32>, sdp: &str) -> Message {
    let contact = format!("<sip:{tag}@192.0.2.2:5071>");
    let mut builder = invite.respond(status, None, Some(tag)).header(Name::Contact, contact);
    if let Some(rseq) = rseq {
        builder = builder.header(Name::Require, "100rel").header(Name::RSeq, rseq);
    }
    if sdp.is_empty() {
        builder.build()
    } else {
        builder.body("application/sdp", sdp.to_owned().into()).build()
    }
}

impl Bench {
    /// The answers that the events since the last look brought, and their names.
    fn heard(&mut self) -> Vec<String> {
        let of = |event: Event| match event {
            Event::Progress { response, answer, .. } | Event::Answered { response, answer, .. } => {
                let answer = String::from_utf8(answer.to_vec()).unwrap();
                format!("{} {answer}", response.status().unwrap())
            }
            other => super::short(&other),
        };
        std::mem::take(&mut self.events).into_iter().map(of).collect()
    }

    /// The RAcks of the PRACKs sent since the last look, with the tag of their dialogs.
    fn pracked(&mut self) -> Vec<String> {
        let of = |(_, message): (_, Message)| {
            assert_eq!(title(&message), "PRACK");
            format!("{} {}", message.to_tag().unwrap(), message.header(Name::RAck).unwrap())
        };
        std::mem::take(&mut self.sent).into_iter().map(of).collect()
    }
}

#[test]
fn a_reliable_response_is_acknowledged_in_its_dialog() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    assert!(invite.lists(Name::Supported, "100rel") && invite.lists(Name::Allow, "PRACK"));
    bench.titles();
    let routes = "<sip:203.0.113.2;lr>, <sip:203.0.113.1:5066;lr>";
    let early = says(&invite, 183, "one", Some(7), "media");
    let early = sip::msg::Builder::copy(&early).header(Name::RecordRoute, routes).build();
    bench.hears(early.clone());
    let (way, prack) = bench.sent[0].clone();
    assert_eq!(way.remote.to_string(), "203.0.113.1:5066");
    assert_eq!(prack.request_uri(), Some("sip:one@192.0.2.2:5071"));
    let expected = ["<sip:203.0.113.1:5066;lr>", "<sip:203.0.113.2;lr>"];
    assert_eq!(prack.headers(Name::Route).collect::<Vec<_>>(), expected);
    assert_eq!(prack.header(Name::RAck), Some("7 1 INVITE"));
    assert_eq!(prack.cseq().unwrap().to_string(), "2 PRACK");
    assert_eq!((prack.from_tag(), prack.to_tag()), (invite.from_tag(), Some("one".to_owned())));
    assert_eq!(prack.call_id(), invite.call_id());
    assert!(prack.header(Name::Contact).is_none() && prack.max_forwards().is_some());
    bench.pracked();
    bench.hears(early);
    assert!(bench.titles().is_empty(), "its PRACK repeats itself");
    bench.pass(ms(500));
    assert_eq!(bench.pracked(), ["one 7 1 INVITE"]);
    bench.hears(answer(&prack, 200, "one", None));
    bench.pass(Time::from_secs(5));
    assert!(bench.titles().is_empty());
    assert_eq!(bench.heard(), ["183 media"]);
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    assert_eq!(bench.last().cseq().unwrap().to_string(), "1 ACK");
    assert_eq!(bench.heard(), ["200 media"], "the 200 has none");
    bench.end(leg);
    assert_eq!(bench.last().cseq().unwrap().to_string(), "3 BYE");
    bench.nothing_left();
}

#[test]
fn each_early_dialog_has_its_own_order() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.titles();
    type Step = (&'static str, u32, &'static str, &'static [&'static str], &'static [&'static str]);
    let steps: [Step; 7] = [
        ("one", 5, "1a", &["one 5 1 INVITE"], &["183 1a"]),
        ("two", 900, "2a", &["two 900 1 INVITE"], &["183 2a"]),
        ("one", 7, "", &[], &[]),
        ("one", 6, "1b", &["one 6 1 INVITE"], &["183 "]),
        ("one", 5, "1a", &[], &[]),
        ("one", 7, "", &["one 7 1 INVITE"], &["183 "]),
        ("two", 901, "", &["two 901 1 INVITE"], &["183 "]),
    ];
    for (tag, rseq, sdp, pracked, heard) in steps {
        bench.hears(says(&invite, 183, tag, Some(rseq), sdp));
        bench.carried();
        assert_eq!((bench.pracked(), bench.heard()), (strings(pracked), strings(heard)), "{rseq}");
    }
    bench.end(leg);
    bench.hears(answer(&invite, 487, "one", None));
    bench.nothing_left();
}

#[test]
fn a_prack_that_nobody_answers_ends_the_invite() {
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    bench.hears(says(&invite, 183, "one", Some(7), "media"));
    bench.titles();
    bench.seen();
    bench.pass(ms(31_999));
    assert!(bench.seen().is_empty());
    assert!(bench.pracked().iter().all(|prack| prack == "one 7 1 INVITE"));
    bench.pass(ms(1));
    assert_eq!(bench.seen(), ["Failed 408"]);
    assert_eq!(bench.titles(), ["CANCEL"]);
    bench.hears(answer(&invite, 487, "one", None));
    assert_eq!(bench.titles(), ["ACK"]);
    bench.nothing_left();
    assert!(bench.seen().is_empty());

    // It answers after all: ACK and BYE, as after any CANCEL.
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    bench.hears(says(&invite, 183, "one", Some(7), "media"));
    bench.pass(ms(32_000));
    bench.titles();
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK", "BYE"]);
    bench.nothing_left();
    assert_eq!(bench.seen(), ["Progress 183", "Failed 408"]);
}

#[test]
fn a_fork_that_answers_no_prack_does_not_end_the_others() {
    for ends in [false, true] {
        let mut bench = Bench::new();
        let (leg, invite) = bench.call(None);
        bench.hears(says(&invite, 183, "one", Some(7), "media"));
        bench.hears(says(&invite, 180, "two", None, ""));
        bench.pass(ms(40_000));
        assert_eq!(bench.seen(), ["Progress 183", "Progress 180"]);
        assert_eq!(bench.endpoint.counts().dialogs, 1);
        bench.carried();
        bench.titles();
        let from = if ends { "one" } else { "two" };
        bench.hears(answer(&invite, 200, from, Some("<sip:x@192.0.2.2>")));
        assert_eq!((bench.titles(), bench.seen()), (strings(&["ACK"]), strings(&["Answered 200"])));
        bench.end(leg);
        bench.nothing_left();
    }
}

#[test]
fn a_prack_that_nobody_answers_ends_nothing_that_was_answered() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.hears(says(&invite, 183, "one", Some(7), "media"));
    bench.pass(ms(20_000));
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    bench.pass(ms(60_000));
    assert_eq!(bench.seen(), ["Progress 183", "Answered 200"]);
    bench.end(leg);
    bench.nothing_left();
}

fn strings(of: &[&str]) -> Vec<String> {
    of.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn three_forks_and_two_of_them_answer() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.hears(says(&invite, 183, "one", None, "1"));
    bench.hears(says(&invite, 180, "two", None, ""));
    bench.hears(says(&invite, 183, "three", Some(1), "3"));
    bench.hears(says(&invite, 180, "one", None, ""));
    bench.hears(says(&invite, 183, "one", None, "1 newer"));
    assert_eq!(bench.heard(), ["183 1", "180 ", "183 3", "180 ", "183 1 newer"]);
    assert_eq!(bench.endpoint.counts().dialogs, 3);
    bench.titles();
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    assert_eq!(bench.heard(), ["200 1 newer"], "of its own dialog, not the newest of all");
    bench.hears(answer(&invite, 200, "three", Some("<sip:three@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK", "ACK", "BYE"]);
    assert!(bench.heard().is_empty());
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn each_dialog_of_a_fork_counts_for_itself() {
    for is_gone in [false, true] {
        let mut bench = Bench::new();
        let (leg, invite) = bench.call(None);
        let numbers = |bench: &mut Bench| -> Vec<String> {
            let sent = std::mem::take(&mut bench.sent);
            sent.iter()
                .map(|(_, m)| format!("{} {}", m.to_tag().unwrap_or_default(), m.cseq().unwrap()))
                .collect()
        };
        assert_eq!(numbers(&mut bench), [" 1 INVITE"]);
        for (status, tag, rseq) in
            [(183, "one", 5), (183, "two", 70), (180, "one", 6), (180, "three", 1)]
        {
            bench.hears(says(&invite, status, tag, Some(rseq), ""));
            let prack = bench.last();
            bench.hears(answer(&prack, 200, tag, None));
        }
        let pracks = ["one 2 PRACK", "two 2 PRACK", "one 3 PRACK", "three 2 PRACK"];
        assert_eq!(numbers(&mut bench), pracks);
        bench.carried();
        bench.hears(answer(&invite, 200, "two", Some("<sip:two@192.0.2.2>")));
        assert_eq!(numbers(&mut bench), ["two 1 ACK"]);
        if is_gone {
            bench.end(leg);
            let bye = bench.last();
            assert_eq!(numbers(&mut bench), ["two 3 BYE"]);
            bench.hears(answer(&bye, 200, "two", None));
            assert_eq!(bench.endpoint.counts().legs, 0);
        }
        bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
        let bye = bench.last();
        assert_eq!(numbers(&mut bench), ["one 1 ACK", "one 4 BYE"]);
        bench.hears(answer(&invite, 200, "four", Some("<sip:four@192.0.2.2>")));
        assert_eq!(numbers(&mut bench), ["four 1 ACK", "four 2 BYE"]);
        bench.hears(answer(&bye, 500, "one", None));
        if !is_gone {
            bench.end(leg);
            assert_eq!(numbers(&mut bench), ["two 3 BYE"]);
        }
        bench.nothing_left();
    }
}

#[test]
fn which_of_the_answers_holds() {
    let check = |rseq: Option<u32>, early: &[&str], last: &str, expected: &str| {
        let mut bench = Bench::new();
        let (leg, invite) = bench.call(None);
        for (at, sdp) in early.iter().enumerate() {
            let rseq = rseq.map(|rseq| rseq + u32::try_from(at).unwrap());
            bench.hears(says(&invite, 183, "t", rseq, sdp));
        }
        bench.heard();
        bench.hears(says(&invite, 200, "t", None, last));
        assert_eq!(bench.heard(), [format!("200 {expected}")], "{rseq:?} {early:?} {last}");
        bench.end(leg);
        bench.nothing_left();
    };
    check(None, &["a"], "b", "b");
    check(None, &["a", "b"], "", "b");
    check(None, &["", "a", ""], "", "a");
    check(None, &[], "", "");
    check(Some(1), &["a"], "b", "a");
    check(Some(1), &["", "a", "b"], "c", "a");
    check(Some(1), &[""], "b", "b");
    check(Some(1), &["", ""], "", "");
}

#[test]
fn no_body_but_sdp_is_an_answer() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    let plain = invite.respond(183, None, Some("t")).header(Name::Contact, "<sip:t@192.0.2.2>");
    bench.hears(plain.body("application/isup", "x".into()).build());
    assert_eq!(bench.heard(), ["183 "]);
    bench.end(leg);
}

#[test]
fn a_prack_that_is_refused_ends_nothing() {
    for status in [481, 500] {
        let mut bench = Bench::new();
        let (leg, invite) = bench.call(None);
        bench.hears(says(&invite, 183, "one", Some(1), "media"));
        let prack = bench.last();
        bench.hears(answer(&prack, status, "one", None));
        bench.pass(Time::from_secs(40));
        assert_eq!(bench.heard(), ["183 media"], "{status}");
        bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
        assert_eq!(bench.heard(), ["200 media"], "{status}");
        bench.end(leg);
        bench.nothing_left();
    }
}

#[test]
fn a_prack_is_challenged() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(Some(credentials()));
    let value = "Digest realm=\"trunk\", nonce=\"n1\", qop=\"auth\"";
    bench.hears(super::challenge(&invite, 407, value));
    let invite = bench.last();
    bench.hears(says(&invite, 183, "one", Some(1), "media"));
    let prack = bench.last();
    assert!(prack.header(Name::ProxyAuthorization).unwrap().contains("n1"));
    bench.hears(super::challenge(&prack, 407, &value.replace("\"n1\"", "\"n2\", stale=true")));
    let again = bench.last();
    assert_eq!(
        (again.method(), again.header(Name::RAck)),
        (Some(&Method::Prack), Some("1 2 INVITE"))
    );
    assert!(again.header(Name::ProxyAuthorization).unwrap().contains("n2"));
    bench.hears(answer(&again, 200, "one", None));
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    assert_eq!(bench.heard(), ["183 media", "200 media"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn contacts_with_names_are_resolved_each_for_itself() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.titles();
    let from = |tag: &str, rseq: u32| {
        let response = says(&invite, 183, tag, Some(rseq), tag);
        let contact = format!("<sip:{tag}@{tag}.example>");
        sip::msg::Builder::copy(&response).set(Name::Contact, contact).build()
    };
    bench.hears(from("one", 1));
    bench.hears(from("two", 1));
    bench.hears(from("one", 2));
    assert_eq!((bench.titles().len(), bench.asked.len()), (0, 1));
    bench.carried();
    bench.resolve();
    assert_eq!(bench.pracked(), ["one 1 1 INVITE", "one 2 1 INVITE"]);
    assert_eq!(bench.asked.len(), 1, "two.example");
    // The other fork wins before its name is found, and its 200 brings another Contact.
    bench.hears(says(&invite, 200, "two", None, ""));
    assert!(bench.titles().is_empty());
    bench.resolve();
    assert_eq!(bench.titles(), ["PRACK", "ACK"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_name_asked_for_in_vain_does_not_lead_the_next_invite_astray() {
    let mut bench = Bench::new();
    let leg = bench.endpoint.next_leg();
    let uri = sip::msg::Uri::parse("sip:bob@pbx.example").unwrap();
    let address = sip::msg::NameAddr::new(uri.clone());
    let target = sip::Target::Uri { uri, proxy: None };
    let invite = sip::Invite {
        body: Some(sdp("offer")),
        redirects: sip::Redirects::Any,
        ..sip::Invite::new(leg, target, address.clone(), address)
    };
    bench.command(sip::Command::Invite(Box::new(invite)));
    bench.resolve();
    let invite = bench.last();
    let early = says(&invite, 183, "one", Some(1), "1");
    let named = sip::msg::Builder::copy(&early).set(Name::Contact, "<sip:one@one.example>");
    bench.hears(named.build());
    let old = bench.asked.remove(0);
    bench.hears(answer(&invite, 302, "one", Some("<sip:bob2@two.example>")));
    let new = bench.asked.remove(0);
    bench.titles();
    let way = |port: u16| {
        let remote = std::net::SocketAddr::from(([192, 0, 2, 2], port));
        vec![sip::Flow { remote, ..flow(Transport::Udp, 0) }]
    };
    bench.input(sip::Input::Resolved { query: new, flows: way(5072) });
    bench.input(sip::Input::Resolved { query: old, flows: way(5073) });
    assert_eq!(bench.sent[0].0.remote.port(), 5072);
    let invite = bench.last();
    assert_eq!(
        (bench.titles(), invite.request_uri()),
        (strings(&["INVITE"]), Some("sip:bob2@two.example"))
    );
    bench.end(leg);
    bench.hears(answer(&invite, 487, "two", None));
    bench.nothing_left();
}

#[test]
fn a_registered_phone_gets_its_prack_where_it_registered() {
    let mut bench = Bench::new();
    let way = flow(Transport::Ws, 7);
    let binding = super::register(&mut bench, way, 1);
    let (leg, address) = (bench.endpoint.next_leg(), "sip:alice@usher.example");
    let address = sip::msg::NameAddr::new(sip::msg::Uri::parse(address).unwrap());
    let target = sip::Target::Binding { user: "alice".into(), binding };
    let body = Some(sdp("offer"));
    let invite = sip::Invite { body, ..sip::Invite::new(leg, target, address.clone(), address) };
    bench.command(sip::Command::Invite(Box::new(invite)));
    let invite = bench.last();
    bench.titles();
    let early = says(&invite, 183, "one", Some(1), "media");
    let early =
        sip::msg::Builder::copy(&early).set(Name::Contact, "<sip:x@x7.invalid;transport=ws>");
    bench.input(sip::Input::Message { flow: way, message: early.build() });
    assert_eq!(bench.sent[0].0, way);
    assert_eq!(bench.pracked(), ["one 1 1 INVITE"]);
    bench.end(leg);
    bench.input(sip::Input::Message { flow: way, message: answer(&invite, 487, "one", None) });
}

#[test]
fn a_call_given_up_still_acknowledges() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.hears(answer(&invite, 100, "", None));
    bench.end(leg);
    bench.titles();
    bench.hears(says(&invite, 183, "one", Some(1), "media"));
    assert_eq!(bench.pracked(), ["one 1 1 INVITE"]);
    bench.hears(answer(&invite, 487, "one", None));
    assert_eq!(bench.titles(), ["ACK"]);
    assert!(bench.heard().is_empty());
    bench.hears(says(&invite, 183, "one", Some(2), "media"));
    assert!(bench.titles().is_empty(), "after the final answer");
    bench.nothing_left();
}

#[test]
fn a_late_offer_asks_for_nothing_reliable() {
    let mut bench = Bench::new();
    let leg = bench.endpoint.next_leg();
    let uri = sip::msg::Uri::parse("sip:bob@pbx.example").unwrap();
    let target = sip::Target::Uri { uri: uri.clone(), proxy: None };
    let invite = sip::Invite::new(
        leg,
        target,
        sip::msg::NameAddr::new(uri.clone()),
        sip::msg::NameAddr::new(uri),
    );
    bench.command(sip::Command::Invite(Box::new(invite)));
    bench.resolve();
    let invite = bench.last();
    assert!(!invite.lists(Name::Supported, "100rel"));
    bench.titles();
    bench.hears(says(&invite, 183, "one", Some(1), "an offer nobody asked for"));
    assert!(bench.titles().is_empty());
    bench.end(leg);
    bench.hears(answer(&invite, 487, "one", None));
    bench.nothing_left();
}

/// A request of the callee's in its early dialog.
fn update(invite: &Message, tag: &str, number: u32, body: &str) -> Message {
    let field = |name| invite.header(name).unwrap();
    let lines = [
        format!("Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK-{tag}-{number}"),
        format!("From: {};tag={tag}", field(Name::To)),
        format!("To: {}", field(Name::From)),
        format!("Call-ID: {}", field(Name::CallId)),
        format!("CSeq: {number} UPDATE"),
        format!("Contact: <sip:{tag}@192.0.2.2:5099>"),
        "Max-Forwards: 70".to_owned(),
        "Content-Type: application/sdp".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    raw("UPDATE sip:queue@192.0.2.1 SIP/2.0", &lines, body)
}

#[test]
fn the_callee_offers_by_update_once_it_has_answered_reliably() {
    let mut bench = Bench::new();
    let (leg, invite) = bench.call(None);
    bench.hears(says(&invite, 183, "one", None, "1"));
    bench.hears(says(&invite, 180, "two", Some(1), ""));
    for (tag, number) in [("one", 1), ("two", 1)] {
        bench.check(update(&invite, tag, number, "v=0"), &["491 UPDATE"]);
    }
    bench.hears(says(&invite, 183, "two", Some(2), "2"));
    bench.check(update(&invite, "one", 2, "v=0"), &["491 UPDATE"]);
    bench.heard();
    bench.check(update(&invite, "two", 2, "2 newer"), &[]);
    bench.check(update(&invite, "two", 3, ""), &["500 UPDATE"]);
    assert_eq!(bench.heard(), ["Reinvite"]);
    bench.carried();
    bench.respond(leg, 200);
    assert_eq!(bench.titles(), ["200 UPDATE"]);
    bench.hears(says(&invite, 181, "two", Some(3), ""));
    let prack = bench.last();
    assert_eq!(prack.request_uri(), Some("sip:two@192.0.2.2:5099"), "where it has moved to");
    bench.hears(says(&invite, 181, "one", Some(1), ""));
    assert_eq!(bench.last().request_uri(), Some("sip:one@192.0.2.2:5071"), "the other has not");
    bench.heard();
    bench.hears(answer(&invite, 200, "two", Some("<sip:two@192.0.2.2>")));
    assert_eq!(bench.heard(), ["200 2 newer"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn an_update_that_is_open_when_the_call_is_given_up() {
    let mut bench = Bench::new();
    let (leg, invite): (LegId, Message) = bench.call(None);
    bench.hears(says(&invite, 183, "one", Some(1), "1"));
    bench.check(update(&invite, "one", 1, "v=0"), &[]);
    bench.end(leg);
    bench.check(update(&invite, "one", 2, "v=0"), &["500 UPDATE"]);
    bench.hears(answer(&invite, 487, "one", None));
    bench.nothing_left();
}
