//! What other stacks stumble over: spellings, ACKs, and who hangs up in the middle of an offer.

use super::*;

/// A call in the strangest spelling that is still SIP: compact names in any case, folds, lists
/// joined by commas, a comma and a quote in a quoted name, an empty Supported, a space before a
/// colon, the largest CSeq there is, no reason for any of it.
fn strange_invite() -> Message {
    let body = "v=0";
    let text = format!(
        "INVITE {US} SIP/2.0\r\n\
         v: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKnew ,SIP / 2.0 / UDP\r\n 10.0.0.7;branch=old\r\n\
         F: \"Smith, \\\"J\\\" <x>\"\r\n\t<sip:carol@192.0.2.2>\r\n ;tag=them\r\n\
         T : <{US}>\r\ni:theirs\r\nMAX-FORWARDS: 0070\r\n\
         cseq:   2147483647\r\n  INVITE\r\n\
         record-ROUTE: <sip:a@203.0.113.2;lr>, \"Jones, B\" <sip:203.0.113.3;lr>\r\n\
         m: \"a, b\" <sip:carol@192.0.2.2:5070>;expires=1\r\n\
         k:\r\nX-Header :  v\r\nc: application/sdp\r\nl: {}\r\n\r\n{body}",
        body.len()
    );
    Message::parse(Bytes::from(text)).expect("this is SIP")
}

#[test]
fn a_call_in_its_strangest_spelling() {
    let mut bench = Bench::new();
    bench.hears(strange_invite());
    let Some(Event::Invite { leg, request, .. }) = bench.events.pop() else { panic!("no INVITE") };
    assert_eq!(request.header_named("x-hEADER"), Some("v"));
    assert_eq!(request.from().unwrap().display.as_deref(), Some("Smith, \"J\" <x>"));
    assert_eq!(request.body(), &b"v=0"[..]);
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    let (way, ok) = bench.sent.pop().unwrap();
    assert_eq!(way.remote, address(B));
    assert_eq!(ok.list(Name::Via).count(), 2, "{ok:?}");
    let cseq = ok.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (2_147_483_647, Method::Invite));
    let to = format!("To: {}", ok.header(Name::To).unwrap());
    bench.hears(request_ack(&to));
    assert_eq!(bench.seen(), ["Acked"]);
    bench.titles();
    // The dialog's way: their routes in their order, and their Contact.
    bench.end(leg);
    let (way, bye) = bench.sent.pop().unwrap();
    assert_eq!(way.remote.to_string(), "203.0.113.2:5060");
    assert_eq!(bye.request_uri(), Some("sip:carol@192.0.2.2:5070"));
    let routes: Vec<&str> = bye.headers(Name::Route).collect();
    assert_eq!(routes.len(), 2, "{routes:?}");
    assert!(routes[1].contains("203.0.113.3"), "{routes:?}");
    bench.nothing_left();
}

fn request_ack(to: &str) -> Message {
    request("ACK", US, 2_147_483_647, &[to], "")
}

#[test]
fn a_refusals_ack_is_of_its_transaction_and_a_2xxs_is_one_of_its_own() {
    let mut bench = Bench::new();
    let branch = |message: &Message| message.top_via().unwrap().branch().to_owned();
    let (_, invite) = bench.call(None);
    bench.hears(answer(&invite, 486, "b", None));
    let ack = bench.last();
    assert_eq!((ack.method(), branch(&ack)), (Some(&Method::Ack), branch(&invite)));
    assert_eq!(ack.request_uri(), invite.request_uri());
    assert_eq!(ack.to_tag().as_deref(), Some("b"));
    // Again for each repetition, to the letter.
    bench.hears(answer(&invite, 486, "b", None));
    assert_eq!(bench.last().wire(), ack.wire());

    let (leg, invite) = bench.call(None);
    let ok = answer(&invite, 200, "b", Some("<sip:bob@192.0.2.2:5070>"));
    bench.hears(ok.clone());
    let first = bench.last();
    assert_eq!(first.request_uri(), Some("sip:bob@192.0.2.2:5070"));
    assert_eq!(first.cseq().unwrap().number, invite.cseq().unwrap().number);
    assert_ne!(branch(&first), branch(&invite));
    bench.titles();
    bench.hears(ok);
    assert_eq!(bench.last().wire(), first.wire());
    assert_eq!(bench.titles(), ["ACK"]);
    bench.end(leg);
    bench.nothing_left();
}

#[test]
fn a_response_says_where_the_request_came_from() {
    let check = |lines: &str, expected: &str| {
        let mut bench = Bench::new();
        let text = format!(
            "OPTIONS {US} SIP/2.0\r\nVia: SIP/2.0/UDP {lines}\r\nMax-Forwards: 70\r\n\
             From: <sip:carol@192.0.2.2>;tag=t\r\nTo: <{US}>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        let way = Flow { remote: "192.0.2.2:31337".parse().unwrap(), ..flow(UDP, 0) };
        let message = Message::parse(Bytes::from(text)).unwrap();
        bench.input(Input::Message { flow: way, message });
        let via = bench.last().top_via().unwrap();
        let told = format!("{:?} {:?}", via.received().map(|ip| ip.to_string()), via.rport());
        assert_eq!(told, expected, "{lines}");
    };
    check("10.0.0.1;branch=z9hG4bKx;rport", "Some(\"192.0.2.2\") Some(31337)");
    // A lie is replaced, and a port is told to whoever asks for it only.
    check(
        "10.0.0.1;branch=z9hG4bKx;received=198.51.100.66;rport=1",
        "Some(\"192.0.2.2\") Some(31337)",
    );
    check("10.0.0.1;branch=z9hG4bKx", "Some(\"192.0.2.2\") None");
    check("phone.invalid;branch=z9hG4bKx", "Some(\"192.0.2.2\") None");
}

#[test]
fn their_bye_in_the_middle_of_our_offer() {
    let mut bench = Bench::new();
    let (leg, to) = answered(&mut bench);
    bench.hears(request("ACK", US, 10, &[&to], ""));
    bench.command(Command::Reinvite { leg, headers: Headers::new() });
    let reinvite = bench.last();
    bench.titles();
    bench.seen();
    bench.hears(answer(&reinvite, 100, "", None));
    bench.hears(request("BYE", US, 11, &[&to], ""));
    assert_eq!(bench.titles(), ["200 BYE"]);
    assert_eq!(bench.seen(), ["Ended Bye"]);
    // What they say to the offer now is confirmed and means nothing any more.
    bench.hears(answer(&reinvite, 487, "them", None));
    assert_eq!(bench.titles(), ["ACK"]);
    assert_eq!(bench.seen(), [""; 0]);
    bench.nothing_left();
}

#[test]
fn a_call_over_ipv6() {
    let mut bench = Bench::new();
    let mut config = config();
    let prefix = sip::Block { address: "2001:db8::".parse().unwrap(), prefix: 32 };
    config.trunks[0].hosts = vec![prefix];
    bench.endpoint = Endpoint::new(config, [9; 32]);
    let way = Flow {
        local: "[2001:db8::1]:5060".parse().unwrap(),
        remote: "[2001:db8::2]:5062".parse().unwrap(),
        ..flow(UDP, 0)
    };
    let told = |method: &str, more: &str| {
        let text = format!(
            "{method} sip:600@[2001:db8::1] SIP/2.0\r\n\
             Via: SIP/2.0/UDP [2001:db8::2]:5062;branch=z9hG4bK{method}\r\nMax-Forwards: 70\r\n\
             From: <sip:carol@[2001:db8::2]>;tag=them\r\nCall-ID: x@[2001:db8::2]\r\n\
             CSeq: 1 {method}\r\n{more}Content-Length: 0\r\n\r\n"
        );
        Input::Message { flow: way, message: Message::parse(Bytes::from(text)).unwrap() }
    };
    let contact = "To: <sip:600@[2001:db8::1]>\r\nContact: <sip:carol@[2001:db8::2]:5062>\r\n";
    bench.input(told("INVITE", contact));
    let Some(Event::Invite { leg, .. }) = bench.events.pop() else { panic!("no INVITE") };
    let (headers, body) = (Headers::new(), Some(sdp("answer")));
    bench.command(Command::Respond { leg, status: 200, headers, body });
    let (back, ok) = bench.sent.pop().unwrap();
    assert_eq!(back, way);
    let ours = ok.contacts().unwrap()[0].uri.to_string();
    assert!(ours.ends_with("@[2001:db8::1]:5060") || ours.ends_with("@[2001:db8::1]"), "{ours}");
    bench.input(told("ACK", &format!("To: {}\r\n", ok.header(Name::To).unwrap())));
    assert_eq!(bench.seen(), ["Acked"]);
    bench.end(leg);
    let (there, bye) = bench.sent.pop().unwrap();
    assert_eq!(there.remote, way.remote);
    assert_eq!(bye.request_uri(), Some("sip:carol@[2001:db8::2]:5062"));
    assert!(bye.header(Name::Via).unwrap().contains(" [2001:db8::1]"));
    bench.nothing_left();
}
