use super::*;

mod codecs;

fn leg() -> Negotiation {
    leg_with(&[Codec::Pcma, Codec::Pcmu])
}

fn leg_with(codecs: &[Codec]) -> Negotiation {
    Negotiation::new(LegSettings {
        leg: LegId(7),
        lease: Lease { thread: 1, port: 30_000 },
        address: "192.0.2.1".parse().unwrap(),
        signalling: None,
        ssrc: 9,
        cname: [9; 12],
        sdp_id: 1_000,
        codecs: codecs.to_vec(),
        ptime_ms: 20,
    })
}

/// A peer's description with these lines after its `m=audio 5000 RTP/AVP`.
fn peer(formats: &str, lines: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.2\r\ns=-\r\nc=IN IP4 198.51.100.2\r\nt=0 0\r\n\
         m=audio 5000 RTP/AVP {formats}\r\n{lines}"
    )
}

const EVENTS_96: &str = "a=rtpmap:96 telephone-event/8000\r\n";

fn text(body: &Bytes) -> &str {
    core::str::from_utf8(body).unwrap()
}

fn line<'a>(body: &'a Bytes, prefix: &str) -> Vec<&'a str> {
    text(body).lines().filter(|line| line.starts_with(prefix)).collect()
}

fn version(body: &Bytes) -> u64 {
    Description::parse(body).unwrap().version
}

#[test]
fn an_offer_and_its_answer() {
    let mut leg = leg();
    let offer = leg.offer();
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 8 0 101"]);
    assert_eq!(leg.offer(), offer);
    assert!(leg.plan().is_none() && leg.is_offering());
    leg.on_answer(peer("0 96", EVENTS_96).as_bytes()).unwrap();
    let plan = leg.plan().unwrap();
    assert_eq!((plan.leg, plan.generation, plan.thread, plan.port), (LegId(7), 1, 1, 30_000));
    assert_eq!(plan.remote_rtp, "198.51.100.2:5000".parse().unwrap());
    assert_eq!(plan.remote_rtcp, "198.51.100.2:5001".parse().unwrap());
    assert_eq!((plan.codec, plan.payload_out), (Codec::Pcmu, 0));
    // Asymmetric: we send with their number and receive with ours.
    let at_8k = |payload_type| Events { payload_type, hz: 8_000 };
    assert_eq!(plan.events_out, Some(at_8k(96)));
    assert_eq!(plan.events_in, [at_8k(101), at_8k(96)]);
    assert!(plan.send && plan.receive && !plan.mux && !leg.held_by_peer());
    // The same answer again, in the 200 after a 183, changes nothing; another one wins.
    leg.on_answer(peer("0 96", EVENTS_96).as_bytes()).unwrap();
    assert_eq!(leg.plan(), Some(plan));
    leg.on_answer(peer("8", "").as_bytes()).unwrap();
    let plan = leg.plan().unwrap();
    assert_eq!((plan.generation, plan.codec, plan.events_out), (2, Codec::Pcma, None));
}

#[test]
fn the_codec_of_the_other_side_goes_first() {
    let mut calling = leg();
    let offer = calling.offer_for(&[Codec::Pcmu]);
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 0 8 101"]);
    let mut called = leg();
    let answer = called.on_offer(peer("0 8", "").as_bytes()).unwrap();
    assert_eq!(line(&answer, "m="), ["m=audio 30000 RTP/AVP 0"]);
    let mut called = leg();
    called.prefer(&[Codec::Pcma]);
    let answer = called.on_offer(peer("0 8", "").as_bytes()).unwrap();
    assert_eq!(line(&answer, "m="), ["m=audio 30000 RTP/AVP 8"]);
}

#[test]
fn unknown_media_keep_their_places() {
    let mut leg = leg();
    let offer = "m=video 9 RTP/AVP 96\r\nm=audio 9 RTP/SAVP 0\r\nm=image 9 udptl t38\r\n\
                 m=audio 4000 RTP/AVP 111 0\r\nc=IN IP4 198.51.100.2\r\na=rtcp-mux\r\n\
                 m=audio 6 RTP/AVP 8\r\nm=text 5 RTP/AVP\r\n";
    let answer = leg.on_offer(offer.as_bytes()).unwrap();
    let expected = [
        "m=video 0 RTP/AVP 96",
        "m=audio 0 RTP/SAVP 0",
        "m=image 0 udptl t38",
        "m=audio 30000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 8",
        "m=text 0 RTP/AVP 0",
    ];
    assert_eq!(line(&answer, "m="), expected);
    assert_eq!(line(&answer, "a=rtcp-mux").len(), 1);
    let plan = leg.plan().unwrap();
    assert!(plan.mux && plan.remote_rtcp == plan.remote_rtp);
    // Our own offer keeps them too.
    let offer = leg.offer();
    assert_eq!(line(&offer, "m=").len(), 6);
    assert_eq!(line(&offer, "m=")[3], "m=audio 30000 RTP/AVP 0 8 101");
    let answer = text(&answer).replace("30000", "4000").replace("192.0.2.1", "198.51.100.2");
    leg.on_answer(answer.as_bytes()).unwrap();
    // Each agreement counts, even on what was agreed before.
    assert_eq!(leg.plan().unwrap().generation, plan.generation + 1);
}

#[test]
fn every_spelling_of_hold() {
    let check = |lines: &str, address: &str, answered: &str, send, receive| {
        let mut leg = leg();
        let offer = peer("8", "");
        let first = leg.on_offer(offer.as_bytes()).unwrap();
        let hold = peer("8", lines).replace("c=IN IP4 198.51.100.2", address);
        for generation in 2..4 {
            let answer = leg.on_offer(hold.as_bytes()).unwrap();
            assert_eq!(line(&answer, answered).len(), 1, "{lines} {answer:?}");
            let plan = leg.plan().unwrap();
            let (ours, theirs) = (plan.send, plan.receive);
            assert_eq!((ours, theirs, plan.generation), (send, receive, generation));
            assert_eq!(plan.remote_rtp, "198.51.100.2:5000".parse().unwrap());
            assert!(leg.held_by_peer(), "{lines}");
        }
        let back = leg.on_offer(offer.as_bytes()).unwrap();
        assert!(!leg.held_by_peer() && leg.plan().unwrap().send);
        assert!(version(&back) >= version(&first));
    };
    let same = "c=IN IP4 198.51.100.2";
    check("a=sendonly\r\n", same, "a=recvonly", false, true);
    check("a=inactive\r\n", same, "a=inactive", false, false);
    check("a=recvonly\r\n", same, "a=sendonly", true, false);
    check("", "c=IN IP4 0.0.0.0", "a=sendrecv", false, true);
    check("a=inactive\r\n", "c=IN IP4 0.0.0.0", "a=inactive", false, false);
    // Somebody who never spoke is no holder.
    let mut leg = leg();
    leg.on_offer(peer("8", "a=recvonly\r\n").as_bytes()).unwrap();
    assert!(!leg.held_by_peer());
}

#[test]
fn the_version_rises_with_changes_only() {
    let mut leg = leg();
    let offer = peer("8", "");
    let first = leg.on_offer(offer.as_bytes()).unwrap();
    let second = leg.on_offer(offer.as_bytes()).unwrap();
    assert_eq!(first, second);
    let held = leg.on_offer(peer("8", "a=sendonly\r\n").as_bytes()).unwrap();
    assert_eq!(version(&held), version(&first) + 1);
    // An offer of ours that was refused has used up its version all the same.
    let refused = leg.offer();
    assert_eq!(version(&refused), version(&held) + 1);
    assert_eq!(leg.on_offer(offer.as_bytes()).unwrap_err().status, 491);
    let before = leg.plan();
    leg.rollback();
    assert_eq!(leg.plan(), before);
    let again = leg.on_offer(offer.as_bytes()).unwrap();
    assert_eq!(version(&again), version(&refused) + 1);
}

#[test]
fn a_move_and_a_switched_off_medium() {
    let mut leg = leg();
    leg.on_offer(peer("8", "").as_bytes()).unwrap();
    let moved = peer("8", "").replace("198.51.100.2", "198.51.100.3");
    leg.on_offer(moved.as_bytes()).unwrap();
    let plan = leg.plan().unwrap();
    assert_eq!((plan.generation, plan.remote_rtp.to_string()), (2, "198.51.100.3:5000".into()));
    let off = peer("8", "").replace("5000", "0");
    let answer = leg.on_offer(off.as_bytes()).unwrap();
    assert_eq!(line(&answer, "m="), ["m=audio 0 RTP/AVP 8"]);
    let plan = leg.plan().unwrap();
    assert_eq!((plan.generation, plan.send, plan.receive), (3, false, false));
    assert!(leg.held_by_peer());
    let offer = leg.offer();
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 8 0 101"]);
}

#[test]
fn what_is_refused() {
    let check = |body: &str, status, reason| {
        let mut leg = leg();
        assert_eq!(leg.on_offer(body.as_bytes()), Err(Refusal { status, reason }), "{body}");
        assert!(leg.plan().is_none());
        leg.offer();
        let refusal = leg.on_answer(body.as_bytes()).unwrap_err();
        assert_eq!((refusal.status, leg.is_offering()), (status, true), "{body}");
        assert!(!refusal.text().is_empty());
    };
    check("hello", 400, Reason::Unreadable);
    check("m=audio 99999 RTP/AVP 0\r\n", 400, Reason::Unreadable);
    check(&"m=audio 9 RTP/AVP 0\r\n".repeat(1_000), 488, Reason::TooLarge);
    check("m=video 9 RTP/AVP 96\r\n", 488, Reason::NoAudio);
    check("m=audio 9 RTP/SAVP 0\r\n", 488, Reason::NoAudio);
    check("m=audio 0 RTP/AVP 0\r\n", 488, Reason::NoAudio);
    check(&peer("18", ""), 488, Reason::NoCodec);
    check(&peer("0", "a=rtpmap:0 G726/8000\r\n"), 488, Reason::NoCodec);
    check(&peer("0", "c=IN IP4 224.0.0.1\r\n"), 488, Reason::ForbiddenAddress);
    check(&peer("0", "a=rtcp:9 IN IP4 169.254.169.254\r\n"), 488, Reason::ForbiddenAddress);
    let refusal = leg().on_answer(peer("0", "").as_bytes()).unwrap_err();
    assert_eq!((refusal.status, refusal.reason), (400, Reason::NoOffer));
}

#[test]
fn mux_takes_two() {
    // We did not offer it, so the answer cannot have it.
    let mut leg = leg();
    leg.offer();
    leg.on_answer(peer("8", "a=rtcp-mux\r\n").as_bytes()).unwrap();
    let plan = leg.plan().unwrap();
    assert_eq!((plan.mux, plan.remote_rtcp), (false, "198.51.100.2:5001".parse().unwrap()));
}

/// Media that are not ours, each as offered and as it stays for ever.
const FOREIGN: &[(&str, &str)] = &[
    ("video 5002 RTP/AVP 96 97", "video 0 RTP/AVP 96 97"),
    ("video 5002/2 RTP/SAVPF 96", "video 0 RTP/SAVPF 96"),
    ("text 5004 RTP/AVP 98 100", "text 0 RTP/AVP 98 100"),
    ("image 6000 udptl t38", "image 0 udptl t38"),
    ("image 6002 TCP t38", "image 0 TCP t38"),
    ("message 7654 TCP/MSRP *", "message 0 TCP/MSRP *"),
    ("message 7656 TCP/TLS/MSRP *", "message 0 TCP/TLS/MSRP *"),
    (
        "application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ),
    ("application 9 TCP/BFCP *", "application 0 TCP/BFCP *"),
    ("control 9 unheard/of x-y", "control 0 unheard/of x-y"),
    ("audio 5006 RTP/AVP 0 8", "audio 0 RTP/AVP 0 8"),
    ("audio 5008 RTP/SAVP 0 8", "audio 0 RTP/SAVP 0 8"),
    ("audio 5010 RTP/SAVPF 0", "audio 0 RTP/SAVPF 0"),
    ("audio 5012 UDP/TLS/RTP/SAVPF 111 0", "audio 0 UDP/TLS/RTP/SAVPF 111 0"),
    ("audio 9 TCP/RTP/AVP 0", "audio 0 TCP/RTP/AVP 0"),
    ("video 0 RTP/AVP 31", "video 0 RTP/AVP 31"),
];

/// Attributes of the peer's that would be lies in an answer of ours.
const NEVER_OURS: &[&str] =
    &["a=group", "a=mid", "a=crypto", "a=setup", "a=fingerprint", "a=ice", "a=candidate", "b="];

#[test]
fn foreign_media_are_refused_in_their_places_for_ever() {
    let head = "v=0\r\no=- 1 1 IN IP4 198.51.100.2\r\ns=-\r\nc=IN IP4 198.51.100.2\r\nt=0 0\r\n\
                a=group:BUNDLE 0 1\r\nb=AS:900\r\n";
    let more = "a=mid:1\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\na=setup:actpass\r\n\
                a=ice-ufrag:x\r\na=candidate:1 1 UDP 1 10.0.0.1 9 typ host\r\nb=TIAS:64000\r\n";
    let medium = |line: &str| format!("m={line}\r\n{more}");
    let ours = |port: u16, direction: &str| {
        format!("m=audio {port} RTP/AVP 8 0\r\na=mid:0\r\na={direction}\r\n")
    };
    for (offered, refused) in FOREIGN {
        // Audio over RTP/AVP is ours wherever it stands, so its double is foreign behind it only.
        let doubles = offered.starts_with("audio") && offered.contains(" RTP/AVP ");
        for is_first in [true, false].into_iter().filter(|is_first| !(doubles && *is_first)) {
            let offer = |port: u16, direction: &str| match is_first {
                true => format!("{head}{}{}", medium(offered), ours(port, direction)),
                false => format!("{head}{}{}", ours(port, direction), medium(offered)),
            };
            let check = |body: &Bytes, audio: &str| {
                let (foreign, audio) = (format!("m={refused}"), format!("m=audio {audio}"));
                let [first, second] = if is_first { [foreign, audio] } else { [audio, foreign] };
                assert_eq!(line(body, "m="), [first, second], "{offered}");
                for attribute in NEVER_OURS {
                    assert_eq!(line(body, attribute), [""; 0], "{offered}");
                }
            };
            let mut leg = leg();
            check(&leg.on_offer(offer(5000, "sendrecv").as_bytes()).unwrap(), "30000 RTP/AVP 8");
            // Hold, resume, audio off and on again, by the peer's offers and by our own.
            check(&leg.on_offer(offer(5000, "sendonly").as_bytes()).unwrap(), "30000 RTP/AVP 8");
            check(&leg.offer(), "30000 RTP/AVP 8 0 101");
            let answer = offer(5000, "sendrecv").replace(offered, refused);
            leg.on_answer(answer.as_bytes()).unwrap();
            assert_eq!(leg.plan().unwrap().remote_rtp.port(), 5000, "{offered}");
            check(&leg.offer(), "30000 RTP/AVP 8 0 101");
            leg.rollback();
            let again = offer(5000, "sendrecv").replace(offered, refused);
            check(&leg.on_offer(again.as_bytes()).unwrap(), "30000 RTP/AVP 8");
        }
    }
}

#[test]
fn media_that_come_later_are_refused_behind_the_first() {
    let mut leg = leg();
    leg.on_offer(peer("8", "").as_bytes()).unwrap();
    let all: String = FOREIGN.iter().map(|(offered, _)| format!("m={offered}\r\n")).collect();
    let answer = leg.on_offer(peer("8", &all).as_bytes()).unwrap();
    let lines = line(&answer, "m=");
    assert_eq!(lines[0], "m=audio 30000 RTP/AVP 8");
    let refused = FOREIGN.iter().map(|(_, refused)| format!("m={refused}"));
    assert!(lines[1..].iter().copied().eq(refused), "{lines:?}");
    assert_eq!(line(&leg.offer(), "m=").len(), 1 + FOREIGN.len());
    leg.rollback();
    // Nothing but foreign media: there is nothing to say, and what was agreed holds.
    let plan = leg.plan();
    let refusal = leg.on_offer(b"v=0\r\nm=audio 9 RTP/SAVP 0\r\nm=video 9 RTP/AVP 96\r\n");
    assert_eq!(refusal.unwrap_err(), Refusal { status: 488, reason: Reason::NoAudio });
    assert_eq!(leg.plan(), plan);
}
