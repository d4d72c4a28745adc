//! re-INVITEs against a peer that writes its messages by hand.

use sip::{Command, Headers, Time};

use super::net::{answer, ms, sdp};
use super::{Bench, CONTACT, US, answered, request};

#[test]
fn a_reinvite_before_the_ack() {
    let mut bench = Bench::new();
    let (_, to) = answered(&mut bench);
    bench.hears(request("INVITE", US, 11, &[&to, CONTACT], ""));
    assert_eq!(bench.titles(), ["100 INVITE", "491 INVITE"]);
    bench.hears(request("BYE", US, 12, &[&to], ""));
    assert_eq!(bench.seen(), ["Ended Bye"], "BYE before ACK ends the repetition of the 2xx");
    bench.nothing_left();
}

#[test]
fn a_reinvite_that_outlives_its_leg_does_not_wait_for_ever() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    let reinvite = bench.last();
    bench.hears(request("BYE", US, 11, &[&to], ""));
    assert_eq!(bench.seen(), ["Acked", "Ended Bye"]);
    bench.hears(answer(&reinvite, 180, "them", None));
    bench.nothing_left();
}

#[test]
fn a_late_200_to_a_reinvite_is_acknowledged_only() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    let reinvite = bench.last();
    bench.hears(request("BYE", US, 11, &[&to], ""));
    bench.titles();
    bench.hears(answer(&reinvite, 200, "them", Some("<sip:carol@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK"]);
    bench.nothing_left();
}

#[test]
fn a_reinvite_overtaken_by_our_bye_does_not_wait_for_ever() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    let reinvite = bench.last();
    bench.end(leg);
    let bye = bench.last();
    bench.hears(answer(&reinvite, 180, "them", None));
    bench.hears(answer(&bye, 200, "them", None));
    bench.nothing_left();
}

#[test]
fn a_reinvite_waits_for_the_ack_of_our_200() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    assert!(bench.titles().is_empty());
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert_eq!(bench.titles(), ["INVITE"]);
}

#[test]
fn a_reinvite_with_provisional_answers_only_is_cancelled() {
    for late in [None, Some(487), Some(491), Some(200)] {
        let mut bench = Bench::new();
        let (leg, to) = answered(&mut bench);
        bench.hears(request("ACK", US, 10, &[&to], ""));
        bench.command(Command::Reinvite { leg, headers: Headers::new() });
        let reinvite = bench.last();
        bench.hears(answer(&reinvite, 100, "them", None));
        bench.pass(Time::from_secs(30));
        bench.hears(answer(&reinvite, 180, "them", None));
        bench.titles();
        bench.seen();
        bench.pass(Time::from_secs(3));
        assert_eq!(bench.titles()[0], "CANCEL");
        match late {
            Some(status) => {
                bench.hears(answer(&reinvite, status, "them", Some("<sip:carol@192.0.2.2>")));
                bench.pass(Time::from_secs(5));
            }
            None => bench.pass(Time::from_secs(33)),
        }
        let expected =
            if late == Some(200) { "ReinviteAnswered 200" } else { "ReinviteFailed 408" };
        assert_eq!(bench.seen(), [expected]);
        bench.titles();
        bench.hears(request("INVITE", US, 11, &[&to, CONTACT], ""));
        assert_eq!(bench.seen(), ["Reinvite"], "the dialog is free again");
        bench.end(leg);
        bench.nothing_left();
    }
}

#[test]
fn after_glare_the_offer_is_made_anew() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    let wish = |value: &str| {
        let headers = vec![("X-Why".into(), value.to_owned())];
        Command::Reinvite { leg, headers }
    };
    bench.command(wish("hold"));
    let reinvite = bench.last();
    assert_eq!(reinvite.body(), &b"again 1"[..]);
    bench.hears(answer(&reinvite, 491, "them", None));
    bench.command(wish("resume"));
    bench.titles();
    bench.seen();
    bench.hears(request("INVITE", US, 11, &[&to, CONTACT], ""));
    assert_eq!(bench.seen(), ["Reinvite"], "what the back-off is for");
    bench.pass(ms(2010));
    assert_eq!(bench.titles(), ["100 INVITE"], "the dialog is not free yet");
    bench.command(Command::Respond { leg, status: 200, headers: Headers::new(), body: None });
    bench.titles();
    bench.hears(request("ACK", US, 11, &[&to], ""));
    let reinvite = bench.last();
    assert_eq!(reinvite.body(), &b"again 2"[..]);
    assert_eq!(reinvite.headers_named("X-Why").collect::<Vec<_>>(), ["resume"]);
    assert_eq!(bench.titles(), ["INVITE"], "two wishes are one");
    bench.hears(answer(&reinvite, 200, "them", Some("<sip:carol@192.0.2.2>")));
    assert_eq!(bench.titles(), ["ACK"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_wish_without_an_offer_lapses() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.answers_wishes = false;
    bench.titles();
    bench.seen();
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    bench.pass(Time::from_secs(31));
    assert_eq!(bench.seen(), ["OfferWanted"]);
    bench.pass(Time::from_secs(2));
    assert_eq!(bench.seen(), ["ReinviteFailed 408"]);
    bench.command(Command::Offer { leg, body: Some(sdp("late")) });
    assert!(bench.titles().is_empty());
    bench.end(leg);
    bench.nothing_left();
}
