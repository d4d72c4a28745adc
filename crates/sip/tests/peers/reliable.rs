//! What a caller who knows 100rel is told before the final answer (RFC 3262, RFC 3311, RFC 6337).

use sip::msg::{Message, Method, Name};
use sip::{Command, Event, Headers, LegId, Time};

use super::net::{ms, sdp, title};
use super::{Bench, CONTACT, US, request};

const KIND: &str = "Content-Type: application/sdp";
const SUPPORTED: &str = "Supported: timer, 100rel";
const REQUIRED: &str = "Require: 100Rel";

/// The To line of requests in the dialog of a response of ours.
fn to_of(response: &Message) -> String {
    format!("To: {}", response.header(Name::To).unwrap())
}

impl Bench {
    /// The caller's INVITE with this line, and an offer unless `body` is empty.
    fn invited(&mut self, line: &str, body: &str) -> LegId {
        let kind: &[&str] = if body.is_empty() { &[] } else { &[KIND] };
        let lines = [&[CONTACT, line], kind].concat();
        self.hears(request("INVITE", US, 10, &lines, body));
        let Some(Event::Invite { leg, .. }) = self.events.pop() else { panic!("no INVITE") };
        assert_eq!(self.titles(), ["100 INVITE"]);
        leg
    }

    fn say(&mut self, leg: LegId, status: u16, body: Option<&str>) {
        let (headers, body) = (Headers::new(), body.map(sdp));
        self.command(Command::Respond { leg, status, headers, body });
    }

    /// The last response: its title and body, with `!` where it is reliable.
    fn last_told(&mut self) -> String {
        let last = self.last();
        let is_reliable = last.header(Name::RSeq).is_some();
        assert_eq!(is_reliable, last.lists(Name::Require, "100rel"));
        assert_eq!(self.titles().len(), 1);
        let mark = if is_reliable { "!" } else { "" };
        let body = String::from_utf8(last.body().to_vec()).unwrap();
        format!("{}{mark} {body}", title(&last))
    }

    /// A PRACK with this CSeq for the last reliable response.
    fn prack(&mut self, number: u32, response: &Message, body: &str) {
        let rack = format!("RAck: {} 10 INVITE", response.rseq().unwrap());
        self.prack_with(number, response, &rack, body);
    }

    fn prack_with(&mut self, number: u32, response: &Message, rack: &str, body: &str) {
        let to = to_of(response);
        let lines = if body.is_empty() { vec![&*to, rack] } else { vec![&*to, rack, KIND] };
        self.hears(request("PRACK", US, number, &lines, body));
    }

    /// When what was sent until then, in ms from now on.
    fn times(&mut self, until: Time) -> Vec<u64> {
        let begin = self.now;
        let mut times = Vec::new();
        while self.now < begin + until {
            self.pass(ms(500));
            let at = u64::try_from((self.now - begin).as_millis()).unwrap();
            times.extend(self.titles().iter().map(|_| at));
        }
        times
    }
}

#[test]
fn sdp_goes_reliably_and_a_plain_180_does_not() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 180, None);
    assert_eq!(bench.last_told(), "180 INVITE ");
    assert!(bench.times(Time::from_secs(50)).is_empty());
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    assert!((1..1 << 31).contains(&early.rseq().unwrap()));
    assert!(early.header(Name::Contact).is_some());
    assert!(early.lists(Name::Allow, "PRACK"));
    assert_eq!(bench.last_told(), "183 INVITE! answer");
    assert_eq!(bench.times(Time::from_secs(4)), [500, 1500, 3500]);
    for (number, rack) in [(11, "RAck: 1 10 INVITE"), (12, "RAck: x"), (13, "X: y")] {
        bench.prack_with(number, &early, rack, "");
        assert_eq!(bench.last_told(), "481 PRACK ");
    }
    let rseq = early.rseq().unwrap();
    for (number, of) in [(31, "11 INVITE"), (32, "10 UPDATE")] {
        bench.prack_with(number, &early, &format!("RAck: {rseq} {of}"), "");
        assert_eq!(bench.last_told(), "481 PRACK ");
    }
    bench.prack(40, &early, "");
    assert_eq!(bench.last_told(), "200 PRACK ");
    bench.prack(40, &early, "");
    assert_eq!(bench.last_told(), "200 PRACK ", "the same again");
    bench.prack(41, &early, "");
    assert_eq!(bench.last_told(), "481 PRACK ", "it is acknowledged");
    assert!(bench.times(Time::from_secs(40)).is_empty());
    bench.say(leg, 183, Some("answer"));
    assert_eq!(bench.last_told(), "183 INVITE ", "nothing new");
    bench.say(leg, 200, Some("answer"));
    assert_eq!(bench.last_told(), "200 INVITE ", "the answer was given");
    bench.hears(request("ACK", US, 10, &[&to_of(&early)], ""));
    assert_eq!(bench.seen(), ["Acked"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn where_it_is_required_all_go_reliably_one_after_the_other() {
    let mut bench = Bench::new();
    let leg = bench.invited(REQUIRED, "offer");
    bench.say(leg, 180, None);
    let first = bench.last();
    assert_eq!(bench.last_told(), "180 INVITE! ");
    bench.say(leg, 183, Some("answer"));
    bench.say(leg, 181, None);
    assert!(bench.titles().is_empty());
    bench.prack(11, &first, "");
    let second = bench.last();
    assert_eq!(bench.titles(), ["200 PRACK", "181 INVITE"]);
    assert_eq!(second.body(), &b"answer"[..], "the newest, with what the older would have brought");
    assert_eq!(second.rseq(), first.rseq().map(|rseq| rseq + 1));
    bench.prack(12, &first, "");
    assert_eq!(bench.last_told(), "481 PRACK ");
    bench.prack(13, &second, "");
    assert_eq!(bench.last_told(), "200 PRACK ");
    bench.pass(Time::from_secs(61));
    let third = bench.sent[0].1.clone();
    assert_eq!((third.status(), third.rseq()), (Some(181), second.rseq().map(|rseq| rseq + 1)));
    assert!(third.body().is_empty(), "a minute later its like follows, to be acknowledged too");
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn without_a_prack_the_invite_is_refused() {
    for line in [SUPPORTED, REQUIRED] {
        let mut bench = Bench::new();
        let leg = bench.invited(line, "offer");
        bench.say(leg, 183, Some("answer"));
        assert_eq!(bench.last_told(), "183 INVITE! answer");
        bench.say(leg, 200, Some("answer"));
        let times = bench.times(Time::from_millis(31_500));
        assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500]);
        bench.pass(ms(500));
        assert_eq!(bench.last_told(), "504 INVITE ");
        assert_eq!(bench.seen(), ["Ended NoAck"]);
        bench.nothing_left();
    }
}

#[test]
fn a_2xx_waits_for_the_prack_of_what_brought_sdp() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    bench.titles();
    bench.say(leg, 200, Some("answer"));
    bench.say(leg, 180, None);
    assert_eq!(bench.last_told(), "180 INVITE ", "which may still come");
    bench.carried();
    bench.prack(11, &early, "");
    assert!(bench.last().body().is_empty());
    assert_eq!(bench.titles(), ["200 PRACK", "200 INVITE"]);
    let to = to_of(&early);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert_eq!(bench.seen(), ["Acked"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_2xx_does_not_wait_for_others() {
    let mut bench = Bench::new();
    let leg = bench.invited(REQUIRED, "offer");
    bench.say(leg, 180, None);
    let ringing = bench.last();
    bench.titles();
    bench.say(leg, 200, Some("answer"));
    assert_eq!(bench.last_told(), "200 INVITE answer");
    let to = to_of(&ringing);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert!(bench.times(Time::from_secs(40)).is_empty(), "the 180 is not repeated any more");
    bench.prack(11, &ringing, "");
    assert_eq!(bench.last_told(), "200 PRACK ", "but may still be acknowledged");
    bench.prack(12, &ringing, "");
    assert_eq!(bench.last_told(), "481 PRACK ");
    assert_eq!(bench.seen(), ["Acked"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_refusal_does_not_wait() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    bench.titles();
    bench.say(leg, 486, None);
    bench.pass(Time::from_secs(20));
    let titles = bench.titles();
    assert!(
        titles.iter().all(|title| title == "486 INVITE"),
        "the 183 is not repeated: {titles:?}"
    );
    bench.prack(11, &early, "");
    assert_eq!(bench.last_told(), "200 PRACK ", "but may still be acknowledged");
    bench.prack(12, &early, "");
    assert_eq!(bench.last_told(), "481 PRACK ");
    assert!(bench.seen().is_empty());
    bench.nothing_left();
}

/// The caller's CANCEL of its INVITE.
fn cancel(bench: &mut Bench) {
    let cancel = request("CANCEL", US, 10, &[], "");
    let text = String::from_utf8(cancel.wire().to_vec()).unwrap();
    let text = text.replace("z9hG4bK-CANCEL-10", "z9hG4bK-INVITE-10");
    bench.hears(Message::parse(text.into()).unwrap());
}

#[test]
fn a_prack_crosses_the_cancel() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    bench.say(leg, 200, Some("answer"));
    bench.titles();
    cancel(&mut bench);
    assert_eq!(bench.titles(), ["200 CANCEL", "487 INVITE"], "though its owner has answered");
    bench.prack(11, &early, "");
    assert_eq!(bench.last_told(), "200 PRACK ");
    assert_eq!(bench.seen(), ["Ended Cancel"]);
    bench.nothing_left();
}

#[test]
fn without_an_offer_the_first_reliable_response_brings_ours() {
    let mut bench = Bench::new();
    let leg = bench.invited(REQUIRED, "");
    bench.say(leg, 180, None);
    let ringing = bench.last();
    assert_eq!(bench.last_told(), "180 INVITE! again 1", "its owner was asked for it");
    bench.carried();
    bench.say(leg, 183, Some("again 1"));
    bench.say(leg, 200, None);
    assert!(bench.titles().is_empty());
    bench.prack(11, &ringing, "their answer");
    assert!(bench.last().body().is_empty());
    assert_eq!(bench.titles(), ["200 PRACK", "200 INVITE"]);
    let acked = bench.events.pop();
    let Some(Event::Acked { request: prack, .. }) = acked else { panic!("{acked:?}") };
    assert_eq!((prack.method(), prack.body()), (Some(&Method::Prack), "their answer".into()));
    let to = to_of(&ringing);
    bench.check(request("UPDATE", US, 12, &[&to, CONTACT, KIND], "v=0"), &[]);
    bench.say(leg, 200, Some("answer"));
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert_eq!(bench.seen(), ["Reinvite", "Acked"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_prack_without_the_answer_ends_the_call() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "");
    bench.say(leg, 180, None);
    assert_eq!(bench.last_told(), "180 INVITE ", "an offer in it is not needed");
    bench.say(leg, 183, Some("our offer"));
    let early = bench.last();
    assert_eq!(bench.last_told(), "183 INVITE! our offer");
    bench.prack(11, &early, "");
    assert_eq!(bench.titles(), ["200 PRACK", "488 INVITE"]);
    assert_eq!(bench.seen(), ["Ended NoAnswer"]);
    bench.nothing_left();
}

#[test]
fn an_offer_never_goes_by_what_may_be_lost() {
    let mut bench = Bench::new();
    let leg = bench.invited("Supported: timer", "");
    bench.say(leg, 183, Some("our offer"));
    assert_eq!(bench.last_told(), "183 INVITE ");
    bench.say(leg, 200, Some("our offer"));
    assert_eq!(bench.last_told(), "200 INVITE our offer");
    let mut bench = Bench::new();
    let leg = bench.invited("Supported:", "offer");
    for _ in 0..2 {
        bench.say(leg, 183, Some("answer"));
        assert_eq!(bench.last_told(), "183 INVITE answer", "a foretaste");
    }
    bench.say(leg, 200, Some("answer"));
    assert_eq!(bench.last_told(), "200 INVITE answer");
}

#[test]
fn an_offer_by_prack_is_answered_in_its_200() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    bench.say(leg, 200, Some("answer"));
    bench.titles();
    bench.prack(11, &early, "another offer");
    assert!(bench.titles().is_empty());
    assert_eq!(bench.seen(), ["Reinvite"]);
    bench.carried();
    bench.say(leg, 200, Some("another answer"));
    assert_eq!(title(&bench.sent[0].1), "200 PRACK");
    assert_eq!(bench.sent[0].1.body(), "another answer");
    assert_eq!(bench.titles(), ["200 PRACK", "200 INVITE"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn an_offer_by_prack_that_nobody_answers() {
    let mut bench = Bench::new();
    let leg = bench.invited(REQUIRED, "offer");
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    bench.titles();
    bench.prack(11, &early, "another offer");
    bench.pass(Time::from_secs(10));
    assert_eq!(bench.titles(), ["100 PRACK", "504 PRACK"]);
    bench.say(leg, 200, Some("answer"));
    assert_eq!(bench.last_told(), "200 INVITE ");
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn an_offer_by_prack_before_the_first_is_answered() {
    let mut bench = Bench::new();
    let leg = bench.invited(REQUIRED, "offer");
    bench.say(leg, 180, None);
    let ringing = bench.last();
    bench.titles();
    bench.prack(11, &ringing, "another offer");
    assert_eq!(bench.last_told(), "500 PRACK ");
    assert!(bench.times(Time::from_secs(9)).is_empty(), "it came, after all");
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    assert_eq!(bench.last_told(), "183 INVITE! answer");
    bench.prack(12, &early, "");
    assert_eq!(bench.last_told(), "200 PRACK ");
    assert!(bench.seen().is_empty());
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn offers_by_update_once_the_first_is_answered() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 180, None);
    let to = to_of(&bench.last());
    let moved = "Contact: <sip:carol@192.0.2.2:5099>";
    let update = |number, body: &str| {
        let lines = if body.is_empty() { vec![&*to, moved] } else { vec![&*to, moved, KIND] };
        request("UPDATE", US, number, &lines, body)
    };
    bench.check(update(11, "v=0"), &["500 UPDATE"]);
    bench.say(leg, 183, Some("answer"));
    let early = bench.last();
    bench.prack(12, &early, "");
    bench.check(update(13, "v=0"), &[]);
    bench.carried();
    bench.check(update(14, "v=0"), &["500 UPDATE"]);
    bench.check(update(15, ""), &["500 UPDATE"]);
    bench.say(leg, 180, None);
    bench.titles();
    bench.say(leg, 200, Some("another answer"));
    assert_eq!(bench.last_told(), "200 UPDATE another answer");
    bench.say(leg, 200, Some("answer"));
    assert_eq!(bench.last_told(), "200 INVITE ");
    bench.hears(request("ACK", US, 10, &[&to], ""));
    assert_eq!(bench.seen(), ["Reinvite", "Acked"]);
    bench.end(leg);
    assert_eq!(bench.last().request_uri(), Some("sip:carol@192.0.2.2:5099"));
    bench.nothing_left();
}

#[test]
fn offers_by_update_while_ours_is_out() {
    let mut bench = Bench::new();
    let leg = bench.invited(REQUIRED, "");
    bench.say(leg, 180, None);
    let ringing = bench.last();
    let to = to_of(&bench.last());
    let update = |number| request("UPDATE", US, number, &[&to, CONTACT, KIND], "v=0");
    bench.check(update(11), &["491 UPDATE"]);
    bench.prack(12, &ringing, "their answer");
    bench.check(update(13), &[]);
    bench.check(request("BYE", US, 14, &[&to], ""), &["200 BYE", "487 INVITE", "487 UPDATE"]);
    assert_eq!(bench.seen(), ["Acked", "Reinvite", "Ended Bye"]);
    bench.nothing_left();
}

#[test]
fn over_a_stream_too() {
    let mut bench = Bench::new();
    let tcp = super::flow(sip::Transport::Tcp, 7);
    let message = request("INVITE", US, 10, &[CONTACT, SUPPORTED, KIND], "offer");
    bench.input(sip::Input::Message { flow: tcp, message });
    bench.titles();
    bench.say(LegId(1), 183, Some("answer"));
    assert_eq!(bench.last_told(), "183 INVITE! answer");
    assert_eq!(
        bench.times(Time::from_secs(4)),
        [500, 1500, 3500],
        "behind a proxy there may be UDP"
    );
    bench.end(LegId(1));
    bench.nothing_left();
}

#[test]
fn a_reinvite_is_told_nothing_reliably() {
    let mut bench = Bench::new();
    let leg = bench.invited(SUPPORTED, "offer");
    bench.say(leg, 200, Some("answer"));
    let to = to_of(&bench.last());
    bench.hears(request("ACK", US, 10, &[&to], ""));
    for (number, line, expected) in [(11, SUPPORTED, 1), (12, REQUIRED, 0)] {
        bench.hears(request("INVITE", US, number, &[&to, CONTACT, line, KIND], "v=0"));
        bench.titles();
        bench.say(leg, 180, None);
        assert_eq!(bench.titles().len(), expected, "{line}");
        bench.say(leg, 200, Some("answer"));
        assert_eq!(bench.last_told(), "200 INVITE answer");
        bench.hears(request("ACK", US, number, &[&to], ""));
    }
    bench.end(leg);
    bench.nothing_left();
}

/// RFC 6141 section 4.4, and RFC 3261 section 12.2.2.
#[test]
fn an_update_is_newer_than_the_reinvite_before_it() {
    for status in [200, 488] {
        let mut bench = Bench::new();
        let leg = bench.invited("X: y", "offer");
        bench.say(leg, 200, Some("answer"));
        let to = to_of(&bench.last());
        bench.hears(request("ACK", US, 10, &[&to], ""));
        let at = |port: u16| format!("Contact: <sip:carol@192.0.2.2:{port}>");
        bench.hears(request("INVITE", US, 11, &[&to, &at(5081), KIND], "v=0"));
        bench.hears(request("UPDATE", US, 12, &[&to, &at(5082)], ""));
        bench.titles();
        bench.say(leg, status, Some("answer"));
        assert_eq!(bench.titles(), [format!("{status} INVITE")]);
        if status == 200 {
            bench.hears(request("ACK", US, 11, &[&to], ""));
        }
        bench.end(leg);
        assert_eq!(bench.last().request_uri(), Some("sip:carol@192.0.2.2:5082"), "{status}");
        bench.nothing_left();
    }
}
