//! Codecs of several clocks, and the telephone-events that go with them.

use super::*;

const DEFAULT: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

fn any() -> Negotiation {
    leg_with(&DEFAULT)
}

/// As a browser writes it.
const BROWSER: &str = "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
    a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
    a=rtpmap:126 telephone-event/8000\r\na=maxptime:60\r\n";
const BROWSER_FORMATS: &str = "111 63 9 0 8 13 110 126";

fn at(hz: u32, payload_type: u8) -> Events {
    Events { payload_type, hz }
}

#[test]
fn an_offer_has_telephone_event_at_each_clock() {
    let lines = |body: &Bytes| line(body, "a=rtpmap").join(" ") + &line(body, "a=fmtp").join(" ");
    let mut leg = any();
    let offer = leg.offer();
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 111 9 8 0 110 101"]);
    assert_eq!(
        lines(&offer),
        "a=rtpmap:111 opus/48000/2 a=rtpmap:9 G722/8000 a=rtpmap:8 PCMA/8000 \
         a=rtpmap:0 PCMU/8000 a=rtpmap:110 telephone-event/48000 \
         a=rtpmap:101 telephone-event/8000\
         a=fmtp:111 minptime=10;useinbandfec=1 a=fmtp:110 0-16 a=fmtp:101 0-16"
    );
    let offer = leg_with(&[Codec::G722, Codec::Pcma]).offer();
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 9 8 101"]);
    let offer = leg_with(&[Codec::Opus]).offer();
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 111 110"]);
}

#[test]
fn a_browser_is_answered_with_its_own_numbers() {
    let check = |codecs: &[Codec], had: &[Codec], formats: &str, maps: &[&str], events: Events| {
        let mut leg = leg_with(codecs);
        leg.prefer(had);
        let answer = leg.on_offer(peer(BROWSER_FORMATS, BROWSER).as_bytes()).unwrap();
        assert_eq!(line(&answer, "m="), [format!("m=audio 30000 RTP/AVP {formats}")]);
        assert_eq!(line(&answer, "a=rtpmap"), maps);
        let plan = leg.plan().unwrap();
        assert_eq!(plan.events_out, Some(events), "{formats}");
        // Whichever of its own it sends, it is understood.
        assert_eq!(plan.events(110), Some(at(48_000, 110)), "{formats}");
        assert_eq!(plan.events(126), Some(at(8_000, 126)), "{formats}");
        assert_eq!(plan.events(13), None);
        assert_eq!(plan.ptime_ms, 20);
    };
    let opus = ["a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/48000"];
    check(&DEFAULT, &[], "111 110", &opus, at(48_000, 110));
    // A trunk on the other side has G.711: nothing is transcoded for it.
    let pcmu = ["a=rtpmap:0 PCMU/8000", "a=rtpmap:126 telephone-event/8000"];
    check(&DEFAULT, &[Codec::Pcmu], "0 126", &pcmu, at(8_000, 126));
    let g722 = ["a=rtpmap:9 G722/8000", "a=rtpmap:126 telephone-event/8000"];
    check(&[Codec::G722, Codec::Opus], &[], "9 126", &g722, at(8_000, 126));
}

#[test]
fn telephone_event_of_another_clock_is_better_than_none() {
    let check = |formats: &str, maps: &str, answered: &str, events: Option<Events>| {
        let mut leg = any();
        let answer = leg.on_offer(peer(formats, maps).as_bytes()).unwrap();
        assert_eq!(line(&answer, "m="), [format!("m=audio 30000 RTP/AVP {answered}")]);
        let plan = leg.plan().unwrap();
        assert_eq!(plan.events_out, events, "{formats}");
        assert_eq!(plan.events_in, Vec::from_iter(events), "{formats}");
        // The other way round: it answers so to our offer.
        let mut leg = any();
        leg.offer();
        leg.on_answer(peer(formats, maps).as_bytes()).unwrap();
        let plan = leg.plan().unwrap();
        assert_eq!(plan.events_out, events, "{formats}");
        for events in events.into_iter().chain([at(48_000, 110), at(8_000, 101)]) {
            assert_eq!(plan.events(events.payload_type), Some(events), "{formats}");
        }
    };
    let opus = "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 stereo=0;cbr=1;x-unknown;usedtx=1\r\n";
    let both = format!("{opus}a=rtpmap:97 telephone-event/8000\r\n");
    check("96 97", &both, "96 97", Some(at(8_000, 97)));
    let both = format!("{opus}a=rtpmap:97 telephone-event\r\n");
    check("96 97", &both, "96 97", Some(at(8_000, 97)));
    check("96", opus, "96", None);
    check("8 97", "a=rtpmap:97 telephone-event/48000\r\n", "8 97", Some(at(48_000, 97)));
    check("8 97", "a=rtpmap:97 telephone-event/16000\r\n", "8 97", Some(at(16_000, 97)));
    check("8 97", "a=rtpmap:97 telephone-event/0\r\n", "8 97", Some(at(8_000, 97)));
    check("8 97", "a=rtpmap:97 telephone-event/5\r\n", "8", None);
}

/// An answerer that looks at names only, not at clocks.
#[test]
fn a_number_that_is_answered_twice_is_no_harm() {
    let mut leg = any();
    leg.offer();
    let maps = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n\
                a=rtpmap:110 telephone-event/8000\r\n";
    leg.on_answer(peer("111 110 110", maps).as_bytes()).unwrap();
    let plan = leg.plan().unwrap();
    assert_eq!((plan.codec, plan.payload_out), (Codec::Opus, 111));
    assert_eq!(plan.events_out, Some(at(48_000, 110)));
    assert_eq!(plan.events_in, [at(48_000, 110), at(8_000, 101)]);
}

#[test]
fn numbers_keep_their_meaning() {
    let mut leg = any();
    // The peer has other ideas of ours: Opus is 101, its events are 9.
    let maps = "a=rtpmap:101 opus/48000\r\na=rtpmap:9 telephone-event/48000\r\n";
    let answer = leg.on_offer(peer("101 9", maps).as_bytes()).unwrap();
    assert_eq!(line(&answer, "m="), ["m=audio 30000 RTP/AVP 101 9"]);
    let plan = leg.plan().unwrap();
    assert_eq!((plan.payload_out, plan.events(9)), (101, Some(at(48_000, 9))));
    assert!(plan.payloads_in.iter().all(|(number, _)| *number != 9));
    let offer = leg.offer();
    assert_eq!(line(&offer, "m="), ["m=audio 30000 RTP/AVP 101 96 8 0 9 97"]);
    assert_eq!(
        line(&offer, "a=rtpmap")[1..],
        [
            "a=rtpmap:96 G722/8000",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:9 telephone-event/48000",
            "a=rtpmap:97 telephone-event/8000"
        ]
    );
}

#[test]
fn our_order_decides_and_between_two_laws_theirs() {
    let check = |codecs: &[Codec], had: &[Codec], formats: &str, expected: &str| {
        let mut leg = leg_with(codecs);
        leg.prefer(had);
        let body = peer(formats, "a=rtpmap:111 opus/48000/2\r\n");
        let answer = leg.on_offer(body.as_bytes()).unwrap();
        let expected = format!("m=audio 30000 RTP/AVP {expected}");
        assert_eq!(line(&answer, "m="), [expected], "{codecs:?} {had:?} {formats}");
    };
    let laws = [Codec::Pcma, Codec::Pcmu];
    check(&DEFAULT, &[], "0 8 9 111", "111");
    check(&DEFAULT, &[], "0 8 9", "9");
    check(&DEFAULT, &[], "0 8", "0");
    check(&laws, &[], "111 9 0 8", "0");
    check(&laws[..1], &[], "111 9 0 8", "8");
    check(&[Codec::Pcmu, Codec::Opus], &[], "111 8 0", "0");
    // What the other side has, or what is made of it byte by byte.
    check(&DEFAULT, &[Codec::Pcma], "111 9 0 8", "8");
    check(&DEFAULT, &[Codec::Pcma], "111 9 0", "0");
    check(&DEFAULT, &[Codec::Pcma], "111 9", "111");
    check(&DEFAULT, &[Codec::G722], "111 9 0", "9");
    check(&DEFAULT, &[Codec::G722], "111 0", "111");
    check(&laws, &[Codec::Opus], "111 0", "0");
}

/// A decoder for each codec that was only offered would cost every call tens of kilobytes.
#[test]
fn what_an_answer_leaves_out_is_not_listened_for() {
    let check = |formats: &str, expected: &[(u8, Codec)]| {
        let mut leg = leg_with(&DEFAULT);
        leg.offer();
        leg.on_answer(peer(formats, "a=rtpmap:111 opus/48000/2\r\n").as_bytes()).unwrap();
        assert_eq!(leg.plan().unwrap().payloads_in, expected, "{formats}");
    };
    let laws = [(8, Codec::Pcma), (0, Codec::Pcmu)];
    check("8", &laws);
    check("0", &laws);
    check("9 8", &[&[(9, Codec::G722)][..], &laws].concat());
    check("111 9", &[&[(111, Codec::Opus), (9, Codec::G722)][..], &laws].concat());
}

#[test]
fn an_offer_begins_with_what_the_other_side_has() {
    let check = |had: &[Codec], expected: &str| {
        let offer = any().offer_for(had);
        assert_eq!(line(&offer, "m="), [format!("m=audio 30000 RTP/AVP {expected}")]);
    };
    check(&[Codec::Opus], "111 9 8 0 110 101");
    check(&[Codec::G722], "9 111 8 0 101 110");
    check(&[Codec::Pcmu], "0 8 111 9 101 110");
    check(&[Codec::Pcma], "8 0 111 9 101 110");
}

#[test]
fn lengths_of_packets() {
    let check = |lines: &str, ptime_ms, maxptime_ms| {
        let mut leg = any();
        leg.on_offer(peer("8", lines).as_bytes()).unwrap();
        let plan = leg.plan().unwrap();
        assert_eq!((plan.ptime_ms, plan.maxptime_ms), (ptime_ms, maxptime_ms), "{lines}");
    };
    check("", 20, None);
    check("a=ptime:30\r\n", 30, Some(30));
    check("a=ptime:5\r\n", 20, None);
    check("a=ptime:100\r\n", 20, None);
    check("a=ptime:60\r\na=maxptime:40\r\n", 40, Some(40));
    check("a=ptime:40\r\na=maxptime:20\r\n", 20, Some(20));
    check("a=maxptime:10\r\n", 10, Some(10));
    check("a=maxptime:3\r\n", 20, None);
    check("a=maxptime:150\r\n", 20, Some(150));
}
