//! What a request's form rules out, within a dialog, and bodies of several parts.

use sip::msg::{Method, Name};
use sip::{Command, Event, Headers, Time};

use super::net::{answer, sdp, title};
use super::{ACCEPT, Bench, CONTACT, US, answered, request};

const MIXED: &str = "Content-Type: multipart/mixed;boundary=\"a b\"";

/// A multipart body: SDP, and a part of this kind.
fn parts(kind: &str) -> String {
    format!(
        "ignored\r\n--a b\r\n{kind}\r\n\r\nstrange\r\n\
         --a b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--a b--\r\n"
    )
}

const ISUP: &str = "Content-Type: application/isup;version=itu-t92+";
const ODD: &str = "Content-Type: application/unheard-of";

#[test]
fn what_is_refused_by_its_form_has_used_up_its_number() {
    let known = "Content-Type: application/sdp";
    let refused: &[(&str, &str, &[&str], &str, &str)] = &[
        ("UPDATE", US, &["Content-Type: text/html"], "<p>", "415 UPDATE"),
        ("UPDATE", US, &[known, "Accept: text/html"], "v=0", "406 UPDATE"),
        ("OPTIONS", US, &["Require: foo"], "", "420 OPTIONS"),
        ("INFO", "http://x", &[], "", "416 INFO"),
        ("INFO", "sips:600@192.0.2.1", &[], "", "416 INFO"),
    ];
    for (method, uri, lines, body, expected) in refused {
        let mut bench = Bench::new();
        let (_, to) = answered(&mut bench);
        bench.hears(request("ACK", US, 10, &[&to], ""));
        let lines: Vec<&str> = lines.iter().copied().chain([&*to]).collect();
        bench.hears(request(method, uri, 12, &lines, body));
        assert_eq!(bench.titles(), [*expected]);
        // Neither it nor what is older may come again, whatever its form.
        bench.hears(request("MESSAGE", US, 12, &[&to], ""));
        bench.hears(request(method, uri, 11, &lines, body));
        assert_eq!(bench.last().seconds(Name::RetryAfter), Some(1));
        assert_eq!(bench.titles(), ["500 MESSAGE".to_owned(), format!("500 {method}")]);
        bench.hears(request("BYE", US, 13, &[&to], ""));
        assert_eq!(bench.titles(), ["200 BYE"]);
        assert_eq!(bench.seen(), ["Acked", "Ended Bye"], "{expected}");
    }
}

#[test]
fn what_ends_here_needs_no_hops() {
    for hops in [&["Max-Forwards: 0"][..], &[]] {
        let mut bench = Bench::new();
        bench.hears(request("OPTIONS", US, 1, hops, ""));
        assert_eq!(bench.titles(), ["200 OPTIONS"]);
        let (leg, to) = answered(&mut bench);
        bench.hears(request("ACK", US, 10, &[&to], ""));
        let lines: Vec<&str> = hops.iter().copied().chain([&*to, CONTACT]).collect();
        bench.hears(request("OPTIONS", US, 11, &lines, ""));
        bench.hears(request("UPDATE", US, 12, &lines, ""));
        assert_eq!(bench.titles(), ["200 OPTIONS", "200 UPDATE"]);
        bench.hears(request("INFO", US, 13, &lines, ""));
        bench.hears(request("PRACK", US, 14, &lines, ""));
        bench.hears(request("INVITE", US, 15, &lines, ""));
        assert_eq!(bench.titles(), ["481 PRACK", "100 INVITE"]);
        assert_eq!(bench.seen(), ["Acked", "Request INFO", "Reinvite"]);
        let (headers, body) = (Headers::new(), Some(sdp("answer")));
        bench.command(Command::Respond { leg, status: 200, headers, body });
        bench.hears(request("ACK", US, 15, &[&to], ""));
        bench.hears(request("BYE", US, 16, &lines, ""));
        assert_eq!(bench.titles(), ["200 INVITE", "200 BYE"]);
        assert_eq!(bench.seen(), ["Acked", "Ended Bye"]);
    }
}

#[test]
fn what_we_do_not_take_in_a_dialog_says_what_we_do() {
    for (method, status) in [("MESSAGE", 405), ("PUBLISH", 405), ("FOO", 501)] {
        let mut bench = Bench::new();
        let (_, to) = answered(&mut bench);
        bench.hears(request("ACK", US, 10, &[&to], ""));
        bench.hears(request(method, US, 11, &[&to], "hi"));
        let last = bench.last();
        assert_eq!(last.status(), Some(status), "{method}");
        assert!(last.lists(Name::Allow, "SUBSCRIBE") && !last.lists(Name::Allow, method));
        assert_eq!(bench.seen(), ["Acked"]);
    }
}

#[test]
fn an_offer_among_other_parts() {
    let mut bench = Bench::new();
    bench.hears(request("INVITE", US, 10, &[CONTACT, MIXED], &parts(ISUP)));
    let Some(Event::Invite { leg, request: invite, .. }) = bench.events.pop() else {
        panic!("no INVITE")
    };
    assert_eq!(invite.sdp(), "v=0");
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    bench.titles();
    // The offer was theirs: an UPDATE may bring the next before the ACK.
    bench.hears(request("UPDATE", US, 11, &[&to, CONTACT, MIXED], &parts(ISUP)));
    assert_eq!(bench.seen(), ["Reinvite"]);
    let (headers, body) = (Headers::new(), Some(sdp("answer 2")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    assert_eq!(bench.titles(), ["200 UPDATE"]);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    // Parts without an offer make no offer.
    let no_offer = parts(ISUP).replace("application/sdp", "text/plain");
    bench.hears(request("UPDATE", US, 12, &[&to, CONTACT, MIXED], &no_offer));
    assert_eq!((bench.titles(), bench.seen()), (vec!["200 UPDATE".into()], vec!["Acked".into()]));
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn parts_without_an_offer_ask_for_one() {
    let mut bench = Bench::new();
    let body = parts(ISUP).replace("application/sdp", "image/png");
    bench.hears(request("INVITE", US, 10, &[CONTACT, MIXED], &body));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    let (headers, body) = (Headers::new(), Some(sdp("offer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    let to = format!("To: {}", bench.last().header(Name::To).unwrap());
    bench.titles();
    // Glare, for our offer is open until the ACK brings its answer.
    bench.hears(request("UPDATE", US, 11, &[&to, CONTACT, MIXED], &parts(ISUP)));
    assert_eq!(bench.titles(), ["491 UPDATE"]);
    bench.hears(request("ACK", US, 10, &[&to, MIXED], &parts(ISUP)));
    let Some(Event::Acked { request: ack, .. }) = bench.events.pop() else { panic!("no ACK") };
    assert_eq!(ack.sdp(), "v=0");
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_part_that_we_must_know_and_do_not() {
    let check = |part: &str, expected: &str| {
        let mut bench = Bench::new();
        bench.hears(request("INVITE", US, 1, &[CONTACT, MIXED], &parts(part)));
        let last = bench.last();
        assert_eq!(title(&last), expected, "{part}");
        let accept = last.header(Name::Accept);
        assert_eq!(accept, (last.status() == Some(415)).then_some(ACCEPT), "{part}");
    };
    check(ISUP, "100 INVITE");
    check(&format!("{ISUP}\r\nContent-Disposition: signal;handling=required"), "415 INVITE");
    check(ODD, "415 INVITE");
    check(&format!("{ODD}\r\nContent-Disposition: x;handling=optional"), "100 INVITE");
}

#[test]
fn a_bye_of_ours_says_why() {
    let reason = |bench: &Bench| {
        let bye = bench.last();
        assert_eq!(title(&bye), "BYE");
        bye.header(Name::Reason).unwrap_or_default().to_owned()
    };
    // Nobody acknowledges our 200.
    let mut bench = Bench::new();
    answered(&mut bench);
    bench.pass(Time::from_secs(32));
    assert_eq!(reason(&bench), "SIP;cause=408;text=\"No ACK\"");
    // The owner has a reason of its own.
    let mut bench = Bench::new();
    let (leg, _) = answered(&mut bench);
    let headers = vec![("Reason".into(), "Q.850;cause=16".to_owned())];
    bench.command(Command::End { leg, status: 480, headers });
    bench.pass(Time::from_secs(32));
    assert_eq!(reason(&bench), "Q.850;cause=16");
    // Nobody answers a request, or what comes back is no dialog.
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    let (token, method, headers, body) = (1, Method::Info, Headers::new(), None);
    bench.command(Command::Request { leg, token, method, headers, body });
    bench.pass(Time::from_secs(32));
    assert_eq!(reason(&bench), "SIP;cause=408;text=\"No answer to a request\"");
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    let ok = invite.respond(200, None, Some("t")).header(Name::Contact, "<sip:x@192.0.2.2>");
    bench.hears(ok.header(Name::RecordRoute, "<<<").build());
    assert_eq!(reason(&bench), "SIP;cause=502;text=\"No usable dialog\"");
    // Another fork was first.
    let mut bench = Bench::new();
    let (_, invite) = bench.call(None);
    bench.hears(answer(&invite, 200, "one", Some("<sip:one@192.0.2.2>")));
    bench.hears(answer(&invite, 200, "two", Some("<sip:two@192.0.2.2>")));
    assert_eq!(reason(&bench), "SIP;cause=200;text=\"Call completed elsewhere\"");
}
