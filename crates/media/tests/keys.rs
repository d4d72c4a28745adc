//! Keys that come at once, or whose listener is turned away in the middle of one: what began is ended,
//! nothing is lost, nothing comes twice.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Bench, phone, prompt, row, speakers};
use media::rtp::Header;
use media::{Codec, Command, Events, Hears, LegId, Plan, dtmf};

/// How long a key is held, and the pause after it, in packets of 20 ms.
const HELD: u32 = 5;
const PAUSE: u32 = 4;

/// Three who talk to each other: a customer, an operator and somebody who has joined in.
fn meeting(codecs: [Codec; 3]) -> Bench {
    let mut bench = Bench::new();
    for (leg, codec) in (1..).zip(codecs) {
        bench.leg(leg, codec, 400.0 + 200.0 * leg as f64);
    }
    bench.matrix(1, all());
    bench.run(500);
    bench.listen(0);
    bench
}

fn all() -> Vec<media::Row> {
    vec![row(1, speakers(&[2, 3])), row(2, speakers(&[1, 3])), row(3, speakers(&[1, 2]))]
}

/// Somebody pressing keys, 20 ms at a time.
struct Thumb {
    leg: u64,
    keys: Vec<u8>,
    step: u32,
    sequence: u16,
}

impl Thumb {
    fn new(leg: u64, keys: &str) -> Self {
        let keys = keys.chars().map(|key| dtmf::event(key).unwrap()).collect();
        Self { leg, keys, step: 0, sequence: 100 }
    }

    /// The packets of the next 20 ms; the end comes thrice, as it should.
    fn next(&mut self) -> Option<Vec<u8>> {
        let whole = HELD + 2 + PAUSE;
        let (key, at) = (self.step / whole, self.step % whole + 1);
        self.step += 1;
        let event = self.keys.get(key as usize).copied()?;
        if at > HELD + 2 {
            return Some(Vec::new());
        }
        let duration = u16::try_from(at.min(HELD) * 160).unwrap();
        let header = Header {
            payload_type: 101,
            marker: at == 1,
            sequence: self.sequence,
            timestamp: 5_000 + key * whole * 160,
            ssrc: 9_000 + u32::try_from(self.leg).unwrap(),
        };
        self.sequence += 1;
        let payload = dtmf::Payload { event, end: at >= HELD, volume: 10, duration };
        Some([&header.bytes()[..], &payload.bytes()].concat())
    }
}

/// They press at once, from 10 ms apart on, while their audio rests; then two seconds pass.
fn press(bench: &mut Bench, mut thumbs: Vec<Thumb>, mut at: impl FnMut(&mut Bench, u64)) {
    for n in 0..120 {
        for thumb in &mut thumbs {
            let packet = thumb.next();
            let phone_of = bench.phones.iter_mut().find(|phone| phone.leg == thumb.leg);
            phone_of.unwrap().mute = packet.is_some();
            if let Some(packet) = packet.filter(|packet| !packet.is_empty()) {
                bench.send(thumb.leg, phone(thumb.leg), &packet);
            }
            bench.run(5);
        }
        bench.run(20 - 5 * thumbs.len() as u64);
        at(bench, n);
    }
    bench.run(3_000);
}

/// The keys a leg was sent, each as its digit, how many packets, how many of them ends, how long in ms.
fn keys(bench: &Bench, leg: u64) -> Vec<(char, usize, usize, u16)> {
    let mut found: Vec<(u32, (char, usize, usize, u16))> = Vec::new();
    for sent in bench.packets(leg).iter().filter(|sent| sent.header.payload_type == 101) {
        let payload = dtmf::Payload::parse(&sent.payload).unwrap();
        let digit = dtmf::digit(payload.event).unwrap();
        let timestamp = sent.header.timestamp;
        if found.last().is_none_or(|(known, _)| *known != timestamp) {
            assert!(found.iter().all(|(known, _)| *known != timestamp), "two at once");
            found.push((timestamp, (digit, 0, 0, 0)));
        }
        let (_, (known, packets, ends, ms)) = found.last_mut().unwrap();
        assert_eq!(*known, digit, "two of one timestamp");
        assert!(payload.end || *ends == 0, "it goes on after its end");
        (*packets, *ends, *ms) =
            (*packets + 1, *ends + usize::from(payload.end), payload.duration / 8);
    }
    found.into_iter().map(|(_, key)| key).collect()
}

fn digits(keys: &[(char, usize, usize, u16)]) -> String {
    keys.iter().map(|key| key.0).collect()
}

/// All of them whole: three ends, and as long as they were held.
fn assert_whole(keys: &[(char, usize, usize, u16)]) {
    for (digit, packets, ends, ms) in keys {
        assert_eq!((*packets, *ends, *ms), (7, 3, 100), "{digit}: {keys:?}");
    }
}

#[test]
fn of_two_who_press_at_once_each_key_comes_whole() {
    use Codec::{G722, Opus, Pcma, Pcmu};
    for codecs in [[Pcmu, Pcmu, Pcmu], [Opus, G722, Pcma], [G722, Opus, Opus]] {
        for (one, other) in [("1", "2"), ("123", "456"), ("777", "777"), ("1234567890", "*#ABCD")] {
            let mut bench = meeting(codecs);
            press(&mut bench, vec![Thumb::new(1, one), Thumb::new(3, other)], |_, _| {});
            let heard = keys(&bench, 2);
            let of = |who: &str| -> String {
                digits(&heard).chars().filter(|digit| who.contains(*digit)).collect()
            };
            assert_eq!(heard.len(), one.len() + other.len(), "{one} {other} {heard:?}");
            if one != other {
                assert_eq!((&*of(one), &*of(other)), (one, other));
            }
            if codecs[1] != Opus {
                assert_whole(&heard);
            }
            // Those who press hear each other's alone.
            assert_eq!(
                (digits(&keys(&bench, 1)), digits(&keys(&bench, 3))),
                (other.into(), one.into())
            );
            let told = bench.events.iter().filter(|e| matches!(e, media::Event::Dtmf { .. }));
            assert_eq!(told.count(), one.len() + other.len());
        }
    }
}

#[test]
fn an_order_for_keys_and_a_speakers_keys_wait_for_each_other() {
    // Before the speaker's first key, in the middle of it, and in its pause.
    for when in [0, 2, 7, 13] {
        for mixed in [true, false] {
            let mut bench = meeting([Codec::Pcmu; 3]);
            if !mixed {
                let rows = vec![row(1, speakers(&[2])), row(2, speakers(&[1]))];
                bench.matrix(2, rows);
                bench.run(500);
                bench.listen(0);
            }
            press(&mut bench, vec![Thumb::new(1, "123")], |bench, n| {
                if n == when {
                    let digits = "789".to_owned();
                    bench.command(Command::SendDtmf { leg: LegId(2), digits, duration_ms: 100 });
                }
            });
            let heard = keys(&bench, 2);
            assert_whole(&heard);
            let heard = digits(&heard);
            let of = |who: &str| heard.chars().filter(|d| who.contains(*d)).collect::<String>();
            assert_eq!((heard.len(), of("123"), of("789")), (6, "123".into(), "789".into()));
        }
    }
}

#[test]
fn a_key_is_ended_before_its_listener_hears_something_else() {
    let hold = || Hears::Source(media::Source::Music("default".into()));
    for instead in [hold(), prompt(1, "x"), Hears::Silence, speakers(&[3])] {
        for mixed in [true, false] {
            let mut bench = meeting([Codec::Pcmu; 3]);
            bench.sound("x", &[900; 8_000]);
            let before = if mixed { speakers(&[1, 3]) } else { speakers(&[1]) };
            bench.matrix(2, vec![row(1, speakers(&[2])), row(2, before), row(3, Hears::Silence)]);
            bench.run(500);
            bench.listen(0);
            let mut turned = None;
            press(&mut bench, vec![Thumb::new(1, "6")], |bench, n| {
                if n == 1 {
                    let rows =
                        [row(1, speakers(&[2])), row(2, instead.clone()), row(3, Hears::Silence)];
                    bench.matrix(3, rows.into());
                    turned = Some(bench.packets(2).len());
                }
            });
            assert_eq!(keys(&bench, 2), [('6', 2 + 3, 3, 40)], "{instead:?}");
            // At once, before the first packet of the other.
            let turned = turned.unwrap();
            let last = &bench.packets(2)[..turned].last().unwrap();
            assert_eq!(last.header.payload_type, 101, "{instead:?}");
            let next = &bench.packets(2)[turned];
            assert_ne!(next.header.payload_type, 101, "{instead:?}");
            assert_eq!(next.header.sequence, last.header.sequence.wrapping_add(1));
        }
    }
}

#[test]
fn who_comes_in_the_middle_of_a_key_hears_it_when_it_is_over_and_who_leaves_is_not_waited_for() {
    let mut bench = meeting([Codec::Pcmu; 3]);
    bench.matrix(2, vec![row(1, speakers(&[2])), row(2, speakers(&[1])), row(3, Hears::Silence)]);
    press(&mut bench, vec![Thumb::new(1, "8")], |bench, n| {
        if n == 2 {
            bench.matrix(3, all());
        }
    });
    for leg in [2, 3] {
        assert_eq!(digits(&keys(&bench, leg)), "8");
        assert_whole(&keys(&bench, leg));
    }
    bench.listen(0);
    // Who pressed is gone in the middle of it, and another presses.
    let mut thumb = Thumb::new(1, "4");
    let packet = thumb.next().unwrap();
    bench.send(1, phone(1), &packet);
    bench.command(Command::EndLeg(LegId(1)));
    bench.phones[0].mute = true;
    press(&mut bench, vec![Thumb::new(3, "5")], |_, _| {});
    assert_eq!(keys(&bench, 2), [('4', 4, 3, 20), ('5', 7, 3, 100)]);
}

#[test]
fn a_key_whose_end_is_lost_is_ended_before_the_next() {
    let mut bench = meeting([Codec::Pcmu; 3]);
    let mut thumb = Thumb::new(1, "33");
    for n in 0..22 {
        let packet = thumb.next().unwrap();
        if !packet.is_empty() && !(2..11).contains(&n) {
            bench.send(1, phone(1), &packet);
        }
        bench.run(15);
    }
    bench.run(1_000);
    assert_eq!(keys(&bench, 2), [('3', 2 + 3, 3, 40), ('3', 7, 3, 100)]);
}

#[test]
fn whoever_knows_no_events_or_others_alone_is_sent_none() {
    let mut bench = meeting([Codec::Pcmu; 3]);
    let events_out = Some(Events { payload_type: 101, hz: 8_000 });
    bench.command(Command::Leg(Plan {
        generation: 2,
        events_out: None,
        ..common::plan(2, Codec::Pcmu)
    }));
    press(&mut bench, vec![Thumb::new(1, "1"), Thumb::new(3, "2")], |_, _| {});
    assert_eq!(keys(&bench, 2), []);
    bench.command(Command::Leg(Plan { generation: 3, events_out, ..common::plan(2, Codec::Pcmu) }));
    bench.listen(0);
    // An event that our SDP does not name.
    let mut thumb = Thumb::new(1, "1");
    thumb.keys = vec![17];
    press(&mut bench, vec![thumb], |_, _| {});
    assert_eq!(keys(&bench, 2), []);
}

/// A long key that somebody is sent, as one who is strict takes it (RFC 4733 section 2.5.1.3): a segment
/// begins where the one before it has said that it ended, by all that 16 bits hold; only its first
/// packet is marked, and three end it. How long it was in all, by its clock, and in how many segments.
fn strictly(bench: &Bench, leg: u64, audio_hz: u32, hz: u32) -> (u32, u32) {
    let sent = bench.packets(leg).iter().filter(|sent| sent.header.payload_type == 101);
    let sent: Vec<_> =
        sent.map(|sent| (sent.header, dtmf::Payload::parse(&sent.payload).unwrap())).collect();
    for (n, pair) in sent.windows(2).enumerate() {
        let ((old, before), (new, after)) = (pair[0], pair[1]);
        assert_eq!((old.marker, new.marker), (n == 0, false));
        if old.timestamp == new.timestamp {
            assert!(after.duration > before.duration || before.end && after == before, "{pair:?}");
        } else {
            assert_eq!((before.duration, before.end), (0xffff, false), "{pair:?}");
            let moved = new.timestamp.wrapping_sub(old.timestamp);
            assert_eq!(moved, dtmf::rescaled(0xffff, hz, audio_hz), "{pair:?}");
        }
    }
    assert_eq!(sent.iter().filter(|(_, payload)| payload.end).count(), 3);
    let (first, (last, payload)) = (sent[0].0, sent[sent.len() - 1]);
    let moved = last.timestamp.wrapping_sub(first.timestamp);
    let before = dtmf::rescaled(moved, audio_hz, hz);
    (before + u32::from(payload.duration), 1 + before / 0xffff)
}

/// A bench of two whose clocks of events these are, with the clocks of their audio.
fn of_clocks(clocks: [(Codec, u32); 2]) -> Bench {
    let mut bench = Bench::new();
    for (leg, (codec, hz)) in (1..).zip(clocks) {
        let events = Events { payload_type: 101, hz };
        let plan = common::plan(leg, codec);
        let (events_in, events_out) = (vec![events], Some(events));
        bench.command(Command::Leg(Plan { events_in, events_out, ..plan }));
        bench.phones.push(common::Phone::new(leg, codec, 0.0));
    }
    bench.matrix(1, vec![row(1, speakers(&[2])), row(2, speakers(&[1]))]);
    bench.run(500);
    bench.listen(0);
    bench
}

#[test]
fn a_long_key_is_one_of_contiguous_segments_at_each_clock() {
    let kinds = [(Codec::Pcmu, 8_000), (Codec::Opus, 48_000), (Codec::Opus, 8_000)];
    for (from, to) in kinds[..2].iter().flat_map(|from| kinds.map(|to| (*from, to))) {
        for length_ms in [1_360, 1_400, 6_000, 20_000] {
            let what = format!("{from:?} to {to:?}, {length_ms} ms");
            let mut bench = of_clocks([from, to]);
            bench.phones[0].mute = true;
            let mut header = Header { payload_type: 101, ssrc: 4_711, ..Header::default() };
            let mut send = |bench: &mut Bench, duration: u32, told: u32| {
                let end = duration == length_ms * 8;
                let progress = dtmf::Progress { event: 5, end, volume: 10, duration };
                for (payload, before) in progress.packets(from.1, told) {
                    let before = dtmf::rescaled(before, from.1, from.0.rtp_hz());
                    let header = Header { timestamp: 777 + before, ..header };
                    bench.send(1, phone(1), &[&header.bytes()[..], &payload.bytes()].concat());
                }
                header.sequence += 1;
            };
            for n in 1..=length_ms / 20 {
                send(&mut bench, n * 160, (n - 1) * 160);
                bench.run(20);
            }
            (0..2).for_each(|_| send(&mut bench, length_ms * 8, length_ms * 8));
            bench.run(500);
            let (is, segments) = strictly(&bench, 2, to.0.rtp_hz(), to.1);
            assert_eq!(is, length_ms * to.1 / 1_000, "{what}");
            assert_eq!(segments, 1 + (is - 1) / 0xffff, "{what}");
            let told = bench.events.iter().filter(|e| matches!(e, media::Event::Dtmf { .. }));
            assert_eq!(told.count(), 1, "{what}");
        }
    }
}

#[test]
fn a_long_key_by_order_is_one_of_contiguous_segments_too() {
    for (codec, hz) in [(Codec::Pcmu, 8_000), (Codec::Opus, 48_000), (Codec::Opus, 8_000)] {
        let mut bench = of_clocks([(codec, hz), (Codec::Pcmu, 8_000)]);
        let digits = "5".to_owned();
        bench.command(Command::SendDtmf { leg: LegId(1), digits, duration_ms: 6_000 });
        bench.run(7_000);
        let expected = (6 * hz, 1 + (6 * hz - 1) / 0xffff);
        assert_eq!(strictly(&bench, 1, codec.rtp_hz(), hz), expected, "{codec:?} {hz}");
    }
}
