//! Session descriptions, and what is negotiated with them.

use bytes::Bytes;
use media::sdp::Description;
use media::{Codec, Lease, LegId, LegSettings, Negotiation};

use crate::dice::Dice;

/// What stands between two descriptions in an input.
const BETWEEN: &[u8] = b"\n==\n";

/// A description is read, printed and read as the same; any order of offers, answers and rollbacks
/// leaves a negotiation whose own words can be read, and whose promises hold.
pub fn sdp(data: &[u8]) {
    let mut dice = Dice::new(data);
    let acts = dice.take(8);
    let mut texts: Vec<&[u8]> = Vec::new();
    let mut rest = dice.rest();
    while let Some(at) = rest.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        texts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    texts.push(rest);
    for text in &texts {
        read(text);
    }
    let mut leg = negotiation();
    for (at, act) in acts.iter().enumerate() {
        turn(&mut leg, *act, texts[at % texts.len()]);
    }
}

/// What a description says is said again by what it prints, but for what does not matter to us: the
/// attributes of media that are refused.
fn read(text: &[u8]) {
    let Ok(first) = Description::parse(text) else { return };
    let printed = first.to_string();
    let second = Description::parse(printed.as_bytes()).expect("what is printed is read");
    assert_eq!((second.id, second.version), (first.id, first.version), "{printed}");
    assert_eq!(second.media.len(), first.media.len(), "{printed}");
    for (second, first) in second.media.iter().zip(&first.media) {
        assert_eq!((&second.kind, second.port), (&first.kind, first.port), "{printed}");
        assert_eq!((&second.protocol, &second.formats), (&first.protocol, &first.formats));
        if first.port != 0 {
            assert_eq!((second.direction, second.mux), (first.direction, first.mux), "{printed}");
        }
    }
    let third = Description::parse(second.to_string().as_bytes());
    assert_eq!(third.as_ref(), Ok(&second), "{printed}");
}

fn negotiation() -> Negotiation {
    Negotiation::new(LegSettings {
        leg: LegId(1),
        lease: Lease { thread: 0, port: 30_000 },
        address: "192.0.2.1".parse().unwrap(),
        signalling: None,
        ssrc: 9,
        cname: [9; 12],
        sdp_id: 1_000,
        codecs: Codec::ALL.to_vec(),
        ptime_ms: 20,
    })
}

/// One step, and what must hold after it.
fn turn(leg: &mut Negotiation, act: u8, text: &[u8]) {
    let before = leg.clone();
    let was_open = leg.is_offering();
    match act % 8 {
        0..3 => match leg.on_offer(text) {
            Ok(answer) => {
                assert!(!was_open);
                answers(&answer, text);
            }
            Err(refusal) => {
                assert!([400, 488, 491].contains(&refusal.status) && !refusal.text().is_empty());
                assert_eq!(*leg, before, "a refused offer leaves all as it was");
            }
        },
        3 => {
            let offer = leg.offer();
            assert!(leg.is_offering() && Description::parse(&offer).is_ok());
            assert_eq!(leg.offer(), offer);
        }
        4 | 5 => match leg.on_answer(text) {
            Ok(()) => assert!(!leg.is_offering() && leg.plan().is_some()),
            Err(_) => assert_eq!(*leg, before, "a refused answer leaves all as it was"),
        },
        6 => {
            leg.rollback();
            assert_eq!((leg.is_offering(), leg.plan()), (false, before.plan()));
        }
        _ => leg.prefer(&[Codec::Pcmu]),
    }
    if let (Some(old), Some(new)) = (before.plan(), leg.plan()) {
        assert_eq!(new.generation, old.generation + u64::from(new != old));
    }
    let _ = leg.held_by_peer();
    let stored = postcard::to_stdvec(leg).unwrap();
    assert_eq!(postcard::from_bytes::<Negotiation>(&stored).as_ref(), Ok(&*leg));
}

/// An answer has the offer's media in its order, and at most one of them is taken.
fn answers(answer: &Bytes, offer: &[u8]) {
    let answer = Description::parse(answer).expect("our answer is read");
    let offer = Description::parse(offer).expect("an offer that was answered is read");
    assert_eq!(answer.media.len(), offer.media.len());
    for (ours, theirs) in answer.media.iter().zip(&offer.media) {
        assert!(ours.kind.eq_ignore_ascii_case(&theirs.kind));
        assert_eq!(ours.protocol, theirs.protocol);
        assert!(ours.port == 0 || theirs.port != 0, "what is off stays off");
        assert!(ours.port == 0 || theirs.is_plain_audio());
    }
    assert!(answer.media.iter().filter(|media| media.port != 0).count() <= 1);
}
