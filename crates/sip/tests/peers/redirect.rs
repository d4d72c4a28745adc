//! A callee that sends us elsewhere (RFC 3261 sections 8.1.3.4 and 21.3).

use sip::msg::{Message, Name, NameAddr, Uri};
use sip::{Block, Command, Input, Invite, LegId, Redirects, Target};

use super::{Bench, answer, challenge, credentials};

/// A call to bob at 192.0.2.2, and its INVITE.
fn call(bench: &mut Bench, redirects: Redirects) -> (LegId, Message) {
    let leg = bench.endpoint.next_leg();
    let uri = Uri::parse("sip:bob@192.0.2.2").unwrap();
    let from = NameAddr::new(Uri::parse("sip:queue@usher.example").unwrap());
    let target = Target::Uri { uri: uri.clone(), proxy: None };
    let invite = Invite {
        redirects,
        credentials: Some(credentials()),
        headers: vec![("P-Asserted-Identity".into(), "<sip:carol@usher.example>".to_owned())],
        ..Invite::new(leg, target, from, NameAddr::new(uri))
    };
    bench.command(Command::Invite(Box::new(invite)));
    (leg, found(bench))
}

/// Whoever is asked for is found, and sent an INVITE: the last one.
fn found(bench: &mut Bench) -> Message {
    bench.resolve();
    bench.last()
}

fn own() -> Redirects {
    Redirects::Own(vec![Block { address: "198.51.100.0".parse().unwrap(), prefix: 24 }])
}

fn moved(invite: &Message, status: u16, contacts: &[&str]) -> Message {
    let mut response = invite.respond(status, None, Some("m"));
    for contact in contacts {
        response.push(Name::Contact, contact);
    }
    response.build()
}

#[test]
fn the_call_goes_on_in_the_same_leg() {
    let mut bench = Bench::new();
    let (leg, first) = call(&mut bench, own());
    bench.hears(moved(&first, 302, &["Bob <sip:bob2@192.0.2.2?Subject=x;method=BYE>;expires=60"]));
    let second = found(&mut bench);
    assert_eq!(bench.titles(), ["INVITE", "ACK", "INVITE"]);
    assert_eq!(second.request_uri(), Some("sip:bob2@192.0.2.2"));
    assert_eq!((second.call_id(), second.from_tag()), (first.call_id(), first.from_tag()));
    assert_eq!(second.header(Name::To), first.header(Name::To));
    assert_eq!(second.cseq().unwrap().number, first.cseq().unwrap().number + 1);
    bench.hears(answer(&second, 200, "t", Some("<sip:bob2@192.0.2.2>")));
    assert_eq!(bench.seen(), ["Answered 200"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn who_may_be_reached_is_the_owners_word() {
    let check = |redirects: Redirects, contact: &str, expected: Option<&str>| {
        let mut bench = Bench::new();
        let (_, first) = call(&mut bench, redirects);
        bench.hears(moved(&first, 302, &[contact]));
        bench.resolve();
        let last = bench.last();
        let uri = last.request_uri().filter(|_| last.method() == first.method());
        assert_eq!(uri, expected, "{contact}");
        if expected.is_none() {
            assert_eq!(bench.seen(), ["Failed 302"], "{contact}");
            bench.nothing_left();
        }
    };
    check(own(), "<sip:x@198.51.100.7:5080>", Some("sip:x@198.51.100.7:5080"));
    check(own(), "<sip:x@203.0.113.7>", None);
    check(own(), "<sip:premium@sbc.example>", None);
    check(Redirects::Any, "<sip:x@sbc.example>", Some("sip:x@sbc.example"));
    check(Redirects::Any, "<tel:+15550100>", None);
    check(Redirects::Any, "<http://192.0.2.2/>", None);
    check(Redirects::Any, "<sips:x@192.0.2.2>", None);
    check(Redirects::Refused, "<sip:x@192.0.2.2>", None);
    // Not a way on, but the place where it came from.
    check(Redirects::Any, "<sip:bob@192.0.2.2>", None);
}

#[test]
fn credentials_and_names_stay_where_they_belong() {
    let mut bench = Bench::new();
    let (_, first) = call(&mut bench, Redirects::Any);
    bench.hears(moved(&first, 302, &["<sip:x@203.0.113.7>"]));
    let second = found(&mut bench);
    assert!(first.header(Name::PAssertedIdentity).is_some());
    assert!(second.header(Name::PAssertedIdentity).is_none());
    bench.hears(challenge(&second, 401, "Digest realm=\"evil\", nonce=\"n\""));
    assert_eq!(bench.seen(), ["Failed 401"]);
    bench.nothing_left();
    let (_, first) = call(&mut bench, own());
    bench.hears(moved(&first, 302, &["<sip:x@192.0.2.2>"]));
    let second = found(&mut bench);
    assert!(second.header(Name::PAssertedIdentity).is_some());
    bench.hears(challenge(&second, 401, "Digest realm=\"trunk\", nonce=\"n\""));
    assert!(bench.last().header(Name::Authorization).is_some());
}

#[test]
fn the_most_wanted_first_and_then_the_next() {
    let mut bench = Bench::new();
    let (_, first) = call(&mut bench, Redirects::Any);
    let contacts = ["<sip:c@h>;q=0.1, <sip:a@h>", "<sip:b@h>;q=0.5", "<sip:d@h>;q=0.05"];
    bench.hears(moved(&first, 300, &contacts));
    let mut tried = Vec::new();
    for status in [486, 404, 603] {
        let invite = found(&mut bench);
        tried.push(invite.request_uri().unwrap().to_owned());
        bench.hears(answer(&invite, status, "t", None));
    }
    assert_eq!(tried, ["sip:a@h", "sip:b@h", "sip:c@h"]);
    assert_eq!(bench.seen(), ["Failed 603"], "nobody is asked after a 6xx");
    bench.nothing_left();
}

#[test]
fn nobody_is_sent_round_in_circles() {
    let mut bench = Bench::new();
    let (_, first) = call(&mut bench, Redirects::Any);
    bench.hears(moved(&first, 301, &["<sip:x@192.0.2.2>"]));
    let second = found(&mut bench);
    bench.hears(moved(&second, 302, &["<sip:bob@192.0.2.2>"]));
    assert_eq!(bench.seen(), ["Failed 302"]);
    let (_, mut invite) = call(&mut bench, Redirects::Any);
    let mut sent = 0;
    while bench.seen().is_empty() {
        sent += 1;
        bench.hears(moved(&invite, 302, &[&format!("<sip:x{sent}@192.0.2.2>")]));
        bench.resolve();
        invite = bench.last();
    }
    assert_eq!(sent, 6, "the first and five more");
    bench.nothing_left();
}

#[test]
fn one_that_cannot_be_found_or_heard_is_passed_over() {
    let mut bench = Bench::new();
    let (_, first) = call(&mut bench, Redirects::Any);
    bench.hears(moved(&first, 302, &["<sip:a@nowhere.example>, <sip:b@mute.example>, <sip:c@h>"]));
    let query = bench.asked.remove(0);
    bench.input(Input::Resolved { query, flows: Vec::new() });
    let mute = found(&mut bench);
    assert_eq!(mute.request_uri(), Some("sip:b@mute.example"));
    bench.pass(crate::Time::from_secs(33));
    assert_eq!(found(&mut bench).request_uri(), Some("sip:c@h"));
    assert!(bench.seen().is_empty());
}

#[test]
fn given_up_between_two() {
    let mut bench = Bench::new();
    let (leg, first) = call(&mut bench, Redirects::Any);
    bench.hears(moved(&first, 302, &["<sip:x@h>"]));
    bench.end(leg);
    bench.resolve();
    assert_eq!(bench.titles(), ["INVITE", "ACK"]);
    bench.nothing_left();
}

#[test]
fn what_asks_for_more_than_another_address_is_a_failure() {
    for status in [305, 380] {
        let mut bench = Bench::new();
        let (_, first) = call(&mut bench, Redirects::Any);
        bench.hears(moved(&first, status, &["<sip:x@h>"]));
        assert_eq!(bench.seen(), [format!("Failed {status}")]);
        bench.nothing_left();
    }
}

#[test]
fn what_was_heard_before_is_void() {
    let mut bench = Bench::new();
    let (_, first) = call(&mut bench, own());
    bench.hears(answer(&first, 183, "early", Some("<sip:bob@192.0.2.2>")));
    assert_eq!(bench.seen(), ["Progress 183"]);
    bench.hears(moved(&first, 302, &["<sip:bob2@192.0.2.2>"]));
    let second = found(&mut bench);
    assert_eq!(bench.seen(), ["StartedOver"]);
    bench.hears(answer(&second, 404, "t", None));
    assert_eq!(bench.seen(), ["Failed 404"]);
    bench.nothing_left();
}
