//! The messages of RFC 4475 and RFC 5118 said to an endpoint from a trunk's address: it lives, gives
//! one of the allowed final answers, and keeps nothing.
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test panics when it fails")]

#[path = "../src/msg/torture/corpus.rs"]
mod corpus;
#[expect(dead_code, reason = "each test binary uses its part of the network")]
mod net;

use corpus::{Case, cases};
use net::{A, B, address, config, ms};
use sip::msg::frame::{Frame, Stream, datagram};
use sip::msg::{Limits, Method};
use sip::{Command, Endpoint, Event, Flow, Headers, Input, Output, Time, Transport};

/// What the application says to whoever calls it: a status that nothing else in here gives.
const APPLICATION: u16 = 486;
const SECOND: Time = Time::from_secs(1);

/// What an endpoint finally answers, until nothing more can come (64*T1 is 32 s; half a minute is
/// added for the BYE or ACK that never comes).
fn answers(inputs: Vec<Input>) -> Vec<u16> {
    let mut endpoint = Endpoint::new(config(), [7; 32]);
    let mut now = ms(1000);
    let mut statuses = Vec::new();
    let mut drain = |endpoint: &mut Endpoint, now| {
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => {
                    // Not read by our parser: a 400 to a bad Via has the Via as it came.
                    let line = bytes.strip_prefix(b"SIP/2.0 ").expect("a response");
                    let status = str::from_utf8(&line[..3]).expect("digits");
                    statuses.push(status.parse().expect("digits"));
                }
                Output::Event(Event::Invite { leg, .. }) => {
                    let end = Command::End { leg, status: APPLICATION, headers: Headers::new() };
                    endpoint.handle(now, Input::Command(end));
                }
                Output::Event(_) => {}
                Output::Resolve { .. } => unreachable!("responses go by Via and source"),
            }
        }
    };
    for input in inputs {
        endpoint.handle(now, input);
        drain(&mut endpoint, now);
    }
    let until = now + 64 * SECOND;
    while let Some(at) = endpoint.poll_timeout().filter(|at| *at <= until) {
        now = at;
        endpoint.handle_timeout(now);
        drain(&mut endpoint, now);
    }
    assert_eq!(endpoint.counts(), sip::Counts::default(), "something is left");
    statuses.retain(|status| *status >= 200);
    statuses.dedup();
    statuses
}

fn flow(transport: Transport) -> Flow {
    let connection = u64::from(transport != Transport::Udp);
    Flow { transport, local: address(A), remote: address(B), connection }
}

fn input(flow: Flow, frame: Frame) -> Option<Input> {
    match frame {
        Frame::Message(message) => Some(Input::Message { flow, message }),
        Frame::Malformed(malformed) => Some(Input::Malformed { flow, malformed }),
        Frame::Ping | Frame::Junk => None,
    }
}

/// The allowed answers of a case as statuses; `None` is silence.
fn allowed(case: &Case) -> Vec<Option<u16>> {
    let status = |answer: &&str| match *answer {
        "app" => Some(APPLICATION),
        "none" => None,
        status => Some(status.parse().expect("a status")),
    };
    case.answers.iter().map(status).collect()
}

#[test]
fn by_datagram() {
    let flow = flow(Transport::Udp);
    let mut wrong = Vec::new();
    for case in cases() {
        let frame = datagram(case.wire.clone().into(), &Limits::default());
        let got = answers(input(flow, frame).into_iter().collect());
        assert!(got.len() < 2, "{}: one final answer, not {got:?}", case.name);
        if !allowed(&case).contains(&got.first().copied()) {
            wrong.push(format!("{} {}: {got:?}", case.section, case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Over a stream the same, octet by octet, unless the message's length is the fault: then it may
/// also be waited for, or what follows it be a second message.
#[test]
fn by_stream() {
    let flow = flow(Transport::Tcp);
    for case in cases() {
        let mut stream = Stream::new(Limits::default());
        let mut inputs = Vec::new();
        for octet in case.wire.chunks(1) {
            stream.push(octet);
            while let Some(frame) = stream.next() {
                let frame = frame.unwrap_or_else(|error| Frame::Malformed(error.0));
                inputs.extend(input(flow, frame));
            }
        }
        let got = answers(inputs);
        let framed = stream.pending() == 0 && case.name != "dblreq" && case.name != "inv2543";
        if framed {
            let is_allowed = allowed(&case).contains(&got.first().copied());
            assert!(is_allowed, "{} {}: {got:?}", case.section, case.name);
        }
    }
}

/// Each of them twice, as UDP may bring them: one transaction, one answer, said again.
#[test]
fn repeated() {
    let flow = flow(Transport::Udp);
    for case in cases() {
        let frame = || input(flow, datagram(case.wire.clone().into(), &Limits::default()));
        let once = answers(frame().into_iter().collect());
        let twice = answers(frame().into_iter().chain(frame()).collect());
        assert_eq!(once, twice, "{} {}", case.section, case.name);
    }
}

/// All of them to one endpoint, which then still serves a clean request.
#[test]
fn one_endpoint_hears_them_all() {
    let flow = flow(Transport::Udp);
    let frames = cases().into_iter().map(|case| datagram(case.wire.into(), &Limits::default()));
    let clean = net::raw(
        "OPTIONS sip:192.0.2.1 SIP/2.0",
        &[
            "Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKclean",
            "Max-Forwards: 70",
            "From: <sip:a@192.0.2.2>;tag=clean",
            "To: <sip:192.0.2.1>",
            "Call-ID: clean",
            "CSeq: 1 OPTIONS",
        ],
        "",
    );
    assert!(net::is(&clean, &Method::Options));
    let mut inputs: Vec<Input> = frames.filter_map(|frame| input(flow, frame)).collect();
    inputs.push(Input::Message { flow, message: clean });
    let got = answers(inputs);
    assert_eq!(got.iter().rev().find(|status| **status == 200), Some(&200));
}
