//! The engine as a driver sees it: packets in, ticks, packets out.
#![allow(clippy::unwrap_used, reason = "test helpers are not recognised as tests")]

mod common;

use common::{Bench, addr, ms, phone, plan, port, prompt, row, speakers, strength_at};
use media::rtp::Header;
use media::{Channel, Codec, Command, Event, Events, Hears, LegId, Plan, Source, dtmf};

const A: f64 = 500.0;
const B: f64 = 900.0;
const C: f64 = 1_300.0;
const ALL: [f64; 3] = [A, B, C];

fn music() -> Hears {
    Hears::Source(Source::Music("default".into()))
}

fn two() -> Bench {
    let mut bench = Bench::new();
    bench.leg(1, Codec::Pcmu, A);
    bench.leg(2, Codec::Pcmu, B);
    bench.matrix(1, vec![row(1, speakers(&[2])), row(2, speakers(&[1]))]);
    bench
}

fn three() -> Bench {
    let mut bench = two();
    bench.leg(3, Codec::Pcma, C);
    bench.phones[1].offset_ms = 7;
    bench
}

#[test]
fn two_are_forwarded_at_once_and_untouched() {
    let mut bench = two();
    bench.run(100);
    bench.listen(1_000);
    assert_eq!((bench.tones(1, &ALL), bench.tones(2, &ALL)), (vec![900], vec![500]));
    assert_eq!(bench.engine.counters().mixed, 0);
    bench.assert_continuous(1);
    let mut twin = bench.phones[0].twin();
    let packet = twin.packet();
    bench.sent.clear();
    bench.send(1, phone(1), &packet);
    let sent = &bench.packets(2)[0];
    assert_eq!((sent.at, sent.to), (ms(bench.now), phone(2)));
    assert_eq!(sent.payload, packet[12..]);
    // Any payload, any size, without a word about it.
    let header = Header {
        sequence: twin.sequence,
        timestamp: twin.timestamp,
        ssrc: twin.ssrc,
        ..Header::default()
    };
    let mut odd = header.bytes().to_vec();
    odd.extend([1, 2, 3]);
    bench.send(1, phone(1), &odd);
    assert_eq!(bench.packets(2)[1].payload, [1, 2, 3]);
}

#[test]
fn thirty_milliseconds_and_another_law_are_forwarded_too() {
    let mut bench = Bench::new();
    bench.leg(1, Codec::Pcma, A);
    bench.leg(2, Codec::Pcmu, B);
    bench.phones[0].ptime_ms = 30;
    bench.matrix(1, vec![row(1, speakers(&[2])), row(2, speakers(&[1]))]);
    bench.run(200);
    bench.listen(1_200);
    assert_eq!((bench.tones(1, &ALL), bench.tones(2, &ALL)), (vec![900], vec![500]));
    assert_eq!(bench.engine.counters().mixed, 0);
    assert!(bench.packets(2).iter().all(|s| s.payload.len() == 240 && s.header.payload_type == 0));
    bench.assert_continuous(2);
}

#[test]
fn every_packet_time_from_10_to_120_ms_is_heard_forwarded_and_mixed() {
    for (ptime_ms, codec) in [10, 20, 30, 40, 60, 80, 120]
        .into_iter()
        .flat_map(|ms| [Codec::Pcmu, Codec::G722, Codec::Opus].map(|codec| (ms, codec)))
        .filter(|of| *of != (30, Codec::Opus))
    {
        let what = format!("{codec:?} {ptime_ms} ms");
        let mut bench = Bench::new();
        bench.leg(1, codec, A);
        bench.leg(2, codec, B);
        bench.leg(3, Codec::Pcmu, C);
        bench.phones[0].ptime_ms = ptime_ms;
        let all = |leg: u64| {
            let others: Vec<u64> = (1..=3).filter(|other| *other != leg).collect();
            row(leg, speakers(&others))
        };
        bench.matrix(2, vec![row(1, speakers(&[2])), row(2, speakers(&[1])), all(3)]);
        bench.run(600);
        bench.listen(1_200);
        let level =
            |leg: u64, hz| strength_at(&bench.heard(leg), hz, bench.rate(leg)) * 32_768.0 / 6_000.0;
        let heard = [level(2, A), level(3, A), level(3, B)];
        assert!(heard.iter().all(|level| (0.9..1.1).contains(level)), "{what}: {heard:?}");
        // Nothing of ours between them.
        assert_eq!(bench.packets(2).len() as u64, 1_200 / ptime_ms, "{what}");
        bench.assert_continuous(2);
        bench.assert_continuous(3);
    }
}

#[test]
fn a_duplicate_is_not_forwarded_and_a_loss_shows() {
    let mut bench = two();
    bench.phones.iter_mut().for_each(|phone| phone.mute = true);
    let mut twin = bench.phones[0].twin();
    let packets: Vec<_> = (0..5).map(|_| twin.packet()).collect();
    for packet in [&packets[0], &packets[0], &packets[1], &packets[4], &packets[3]] {
        bench.send(1, phone(1), packet);
    }
    let first = bench.packets(2)[0].header;
    let seen: Vec<_> = bench
        .packets(2)
        .iter()
        .map(|s| {
            (s.header.sequence - first.sequence, s.header.timestamp.wrapping_sub(first.timestamp))
        })
        .collect();
    assert_eq!(seen, [(0, 0), (1, 160), (4, 640), (3, 480)]);
    assert!(first.marker);
}

#[test]
fn everything_is_heard_in_turn_without_a_break() {
    let mut bench = three();
    bench.run(300);
    bench.sent.clear();
    let stages: [(Hears, Hears, &[u32]); 7] = [
        (music(), speakers(&[1]), &[]),
        (speakers(&[2]), speakers(&[1]), &[900]),
        (speakers(&[2, 3]), speakers(&[1, 3]), &[900, 1_300]),
        (speakers(&[3]), speakers(&[1]), &[1_300]),
        (Hears::Silence, Hears::Silence, &[]),
        (speakers(&[3]), speakers(&[1]), &[1_300]),
        (Hears::Source(Source::Tone { hz: 500, on_ms: 100, off_ms: 0 }), Hears::Silence, &[500]),
    ];
    let mut all = Vec::new();
    for (generation, (one, two, expected)) in (2..).zip(stages) {
        let third = if generation == 2 { Hears::Silence } else { speakers(&[1, 2]) };
        bench.matrix(generation, vec![row(1, one), row(2, two), row(3, third)]);
        bench.run(60);
        let before = bench.packets(1).len();
        all.extend(bench.packets(1).to_vec());
        bench.sent.remove(&1);
        bench.run(600);
        assert_eq!(bench.tones(1, &ALL), expected, "generation {generation}");
        assert!(before >= 2);
        all.extend(bench.packets(1).to_vec());
        bench.sent.remove(&1);
    }
    bench.sent.insert(1, all);
    bench.assert_continuous(1);
    bench.assert_continuous(3);
    let marks = bench.packets(1).iter().filter(|sent| sent.header.marker).count();
    assert!((6..=9).contains(&marks), "{marks}");
}

#[test]
fn each_hears_the_others_and_a_whisper_is_for_one() {
    let mut bench = three();
    bench.leg(4, Codec::Pcma, 1_700.0);
    let tones = [A, B, C, 1_700.0];
    // 1 customer, 2 operator, 3 colleague, 4 supervisor who whispers to 2.
    let rows = vec![
        row(1, speakers(&[2, 3])),
        row(2, speakers(&[1, 3, 4])),
        row(3, speakers(&[1, 2])),
        row(4, speakers(&[1, 2, 3])),
    ];
    bench.matrix(2, rows);
    bench.run(200);
    bench.listen(1_000);
    assert_eq!(bench.tones(1, &tones), [900, 1_300]);
    assert_eq!(bench.tones(2, &tones), [500, 1_300, 1_700]);
    assert_eq!(bench.tones(3, &tones), [500, 900]);
    assert_eq!(bench.tones(4, &tones), [500, 900, 1_300]);
    (1..=4).for_each(|leg| bench.assert_continuous(leg));
}

#[test]
fn one_encode_for_all_who_hear_the_same() {
    let mut bench = three();
    bench.leg(4, Codec::Pcma, 1_700.0);
    bench.matrix(
        2,
        (1..=4).map(|leg| row(leg, speakers(if leg < 3 { &[3, 4] } else { &[1, 2] }))).collect(),
    );
    bench.run(100);
    let before = bench.engine.counters().mixed;
    bench.run(1_000);
    assert_eq!(bench.engine.counters().mixed - before, 100);
}

#[test]
fn a_mix_gives_way_to_forwarding_in_a_silence_only() {
    let mut bench = three();
    bench
        .matrix(2, vec![row(1, speakers(&[2, 3])), row(2, speakers(&[1])), row(3, speakers(&[1]))]);
    bench.run(500);
    bench.matrix(3, vec![row(1, speakers(&[2])), row(2, speakers(&[1])), row(3, speakers(&[1]))]);
    bench.run(500);
    let before = bench.engine.counters().mixed;
    bench.run(200);
    assert_eq!(bench.engine.counters().mixed - before, 10);
    bench.phones[1].hz = 0.0;
    bench.run(400);
    bench.phones[1].hz = B;
    let before = bench.engine.counters().mixed;
    bench.listen(400);
    assert_eq!(bench.engine.counters().mixed, before);
    assert_eq!(bench.tones(1, &ALL), [900]);
    bench.assert_continuous(1);
}

#[test]
fn a_speaker_who_sends_nothing_leaves_a_moment_of_silence_and_a_sign_of_life() {
    let mut bench = two();
    bench.run(300);
    bench.phones[1].mute = true;
    bench.listen(500);
    let hush = bench.packets(1);
    assert_eq!(hush.len(), 5);
    bench.assert_continuous(1);
    bench.listen(10_000);
    assert_eq!(bench.packets(1).len(), 10);
    bench.listen(500);
    bench.phones[1].mute = false;
    bench.listen(500);
    assert_eq!(bench.tones(1, &ALL), [900]);
}

#[test]
fn strangers_are_neither_heard_nor_answered() {
    let mut bench = two();
    bench.run(100);
    let mut stranger = common::Phone::new(1, Codec::Pcmu, C);
    stranger.from = addr("6.6.6.6:666");
    bench.phones.push(stranger);
    let before = bench.engine.counters().strangers;
    bench.listen(2_000);
    assert_eq!(bench.tones(2, &ALL), [500]);
    assert!(bench.packets(1).iter().all(|sent| sent.to == phone(1)));
    assert_eq!(bench.engine.counters().strangers - before, 100);
    assert_eq!(bench.events, []);
    bench.assert_continuous(2);
}

#[test]
fn a_phone_behind_nat_is_found_and_a_move_is_followed() {
    let mut bench = two();
    bench.phones[0].from = addr("1.2.3.4:77");
    bench.run(500);
    assert!(bench.events.contains(&Event::Latched { leg: LegId(1), addr: addr("1.2.3.4:77") }));
    bench.listen(200);
    assert!(bench.packets(1).iter().all(|sent| sent.to == addr("1.2.3.4:77")));
    let moved = addr("10.0.0.9:7000");
    bench.events.clear();
    bench.command(Command::Leg(Plan { generation: 2, remote_rtp: moved, ..plan(1, Codec::Pcmu) }));
    bench.phones[0].from = moved;
    // The old plan again is too late.
    bench.command(Command::Leg(plan(1, Codec::Pcmu)));
    bench.run(200);
    let expected =
        [Event::Unlatched { leg: LegId(1) }, Event::Latched { leg: LegId(1), addr: moved }];
    assert_eq!(bench.events, expected);
    bench.listen(200);
    assert!(bench.packets(1).iter().all(|sent| sent.to == moved));
}

#[test]
fn directions_are_respected() {
    let mut bench = two();
    bench.run(100);
    bench.command(Command::Leg(Plan {
        generation: 2,
        send: false,
        receive: false,
        ..plan(1, Codec::Pcmu)
    }));
    bench.listen(500);
    assert_eq!(bench.packets(1).len(), 0);
    assert_eq!(bench.tones(2, &ALL), [0u32; 0]);
    bench.command(Command::Leg(Plan { generation: 3, ..plan(1, Codec::Pcmu) }));
    bench.listen(500);
    assert_eq!((bench.tones(1, &ALL), bench.tones(2, &ALL)), (vec![900], vec![500]));
}

fn event(phone: &mut common::Phone, timestamp: u32, end: bool, duration: u16) -> Vec<u8> {
    key(phone, timestamp, dtmf::Payload { event: 5, end, volume: 10, duration })
}

fn key(phone: &mut common::Phone, timestamp: u32, payload: dtmf::Payload) -> Vec<u8> {
    let header = Header {
        payload_type: 96,
        marker: false,
        sequence: phone.sequence,
        timestamp,
        ssrc: phone.ssrc,
    };
    phone.sequence += 1;
    [&header.bytes()[..], &payload.bytes()].concat()
}

fn digit(bench: &Bench, leg: u64) -> Vec<(u8, u32, bool, u16)> {
    let events = bench.packets(leg).iter().filter(|sent| sent.header.payload_type == 101);
    events
        .map(|sent| {
            let payload = dtmf::Payload::parse(&sent.payload).unwrap();
            (payload.event, sent.header.timestamp, payload.end, payload.duration)
        })
        .collect()
}

#[test]
fn a_digit_is_told_once_and_passed_on_over_both_paths() {
    for mixed in [false, true] {
        for ends in [3, 0] {
            let mut bench = three();
            let heard = if mixed { speakers(&[1, 3]) } else { speakers(&[1]) };
            bench.matrix(2, vec![row(1, speakers(&[2])), row(2, heard), row(3, Hears::Silence)]);
            bench.run(500);
            bench.sent.clear();
            bench.events.clear();
            bench.phones[0].mute = true;
            let mut keys = bench.phones[0].twin();
            // A source and a clock of its own, as some phones have it.
            (keys.ssrc, keys.sequence) = (4_711, 3);
            for n in 1..=5 {
                let packet = event(&mut keys, 777, false, n * 160);
                bench.send(1, phone(1), &packet);
                bench.run(20);
            }
            for _ in 0..ends {
                let packet = event(&mut keys, 777, true, 960);
                bench.send(1, phone(1), &packet);
            }
            bench.phones[0].mute = false;
            bench.run(500);
            let pressed: Vec<_> = bench.events.iter().collect();
            let duration_ms = if ends == 0 { 100 } else { 120 };
            let expected = Event::Dtmf { leg: LegId(1), digit: '5', duration_ms };
            assert_eq!(pressed, [&expected], "mixed {mixed}, {ends} ends");
            let relayed = digit(&bench, 2);
            assert_eq!(relayed.len(), 8, "mixed {mixed}, {ends} ends");
            assert!(
                relayed
                    .iter()
                    .all(|(event, timestamp, ..)| *event == 5 && *timestamp == relayed[0].1)
            );
            assert_eq!(relayed.iter().filter(|(_, _, end, _)| *end).count(), 3);
            for pair in bench.packets(2).windows(2) {
                assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
                // Ends that come late still carry the time of the beginning.
                let step = media::rtp::ahead(pair[1].header.timestamp, pair[0].header.timestamp);
                assert!(
                    step.abs() <= 2_400,
                    "mixed {mixed}, {ends} ends: {step} at {:?}",
                    pair[1].at
                );
            }
        }
    }
}

/// From a `*` on the keys of a leg that is guarded are told, and nobody hears them, until it is guarded
/// anew: then the late ends of the last one are not heard either.
#[test]
fn the_keys_of_a_code_are_heard_by_nobody() {
    for (mixed, knows_events) in [(false, true), (true, true), (false, false), (true, false)] {
        let mut bench = three();
        let heard = if mixed { speakers(&[1, 3]) } else { speakers(&[1]) };
        bench.matrix(2, vec![row(1, speakers(&[2])), row(2, heard), row(3, Hears::Silence)]);
        let events_out = plan(2, Codec::Pcmu).events_out.filter(|_| knows_events);
        bench.command(Command::Leg(Plan { generation: 2, events_out, ..plan(2, Codec::Pcmu) }));
        let guard = Command::Keys { leg: LegId(1), guarded: true };
        bench.command(guard.clone());
        bench.run(500);
        let mut keys = bench.phones[0].twin();
        (keys.ssrc, keys.sequence) = (4_711, 3);
        for (n, (pressed, hears)) in
            [(5, true), (10, false), (1, false), (7, true), (10, false)].into_iter().enumerate()
        {
            bench.events.clear();
            bench.listen(0);
            let timestamp = 777 + 4_800 * u32::try_from(n).unwrap();
            for at in 1..=10_u16 {
                let (end, duration) = (at >= 8, at.min(8) * 160);
                let payload = dtmf::Payload { event: pressed, end, volume: 10, duration };
                let packet = key(&mut keys, timestamp, payload);
                bench.send(1, phone(1), &packet);
                bench.run(20);
                if (pressed, at) == (1, 8) {
                    bench.command(guard.clone());
                }
            }
            bench.run(300);
            let told = bench.events.iter().filter(|e| matches!(e, Event::Dtmf { .. })).count();
            assert_eq!(told, 1, "{pressed}");
            let relayed = digit(&bench, 2).len();
            assert_eq!(relayed, if hears && knows_events { 10 } else { 0 }, "{pressed}, {mixed}");
            // 5 and 7 as tones have the rows 770 and 852; `*` has 941, 1 has 697.
            let tones = bench.tones(2, &[770.0, 852.0, 941.0, 697.0]);
            let row = if pressed == 5 { 770 } else { 852 };
            let expected = if hears && !knows_events { vec![row] } else { vec![] };
            assert_eq!(tones, expected, "{pressed}, {mixed}");
        }
    }
}

/// Two seconds of a key, from a leg at one clock to a leg at another; at 48 kHz that is two segments.
#[test]
fn a_digit_is_the_same_at_either_clock() {
    let at = |payload_type, hz| Events { payload_type, hz };
    for (from_hz, to_hz) in [(48_000, 8_000), (8_000, 48_000), (48_000, 48_000)] {
        let mut bench = two();
        let events_in = vec![at(96, from_hz)];
        bench.command(Command::Leg(Plan { generation: 2, events_in, ..plan(1, Codec::Pcmu) }));
        let events_out = Some(at(101, to_hz));
        let codec = if to_hz == 8_000 { Codec::Pcmu } else { Codec::Opus };
        bench.command(Command::Leg(Plan { generation: 2, events_out, ..plan(2, codec) }));
        bench.run(500);
        bench.sent.clear();
        bench.events.clear();
        bench.phones[0].mute = true;
        let mut keys = bench.phones[0].twin();
        (keys.ssrc, keys.sequence) = (4_711, 3);
        for n in 1..=100 {
            let progress =
                dtmf::Progress { event: 5, end: n == 100, volume: 10, duration: n * 160 };
            let (payload, before) = progress.packet(from_hz);
            let packet = event(&mut keys, 777 + before, payload.end, payload.duration);
            bench.send(1, phone(1), &packet);
            bench.run(20);
        }
        let expected = Event::Dtmf { leg: LegId(1), digit: '5', duration_ms: 2_000 };
        assert_eq!(bench.events, [expected], "{from_hz} to {to_hz}");
        let relayed = digit(&bench, 2);
        // And one that says that the first segment is over.
        let full = |packet: &&(u8, u32, bool, u16)| packet.3 == 0xffff;
        assert_eq!(relayed.iter().filter(full).count(), usize::from(to_hz == 48_000));
        assert_eq!(relayed.iter().filter(|packet| !full(packet)).count(), 100);
        let mut receiver = dtmf::Receiver::default();
        let heard = relayed.iter().map(|(event, timestamp, end, duration)| {
            let payload =
                dtmf::Payload { event: *event, end: *end, volume: 10, duration: *duration };
            receiver.packet(ms(0), *timestamp, payload, to_hz)
        });
        let heard: Vec<_> = heard.collect();
        let pressed: Vec<_> = heard.iter().filter_map(|heard| heard.pressed).collect();
        let expected = dtmf::Pressed { number: 1, event: 5, duration: 16_000 };
        assert_eq!(pressed, [expected], "{from_hz} {to_hz}");
        let durations = heard.iter().map(|heard| heard.progress.duration);
        let durations = durations.filter(|duration| duration.is_multiple_of(160));
        assert!(durations.eq((1..=100).map(|n| n * 160)), "{from_hz} to {to_hz}");
    }
}

/// Forwarded to or mixed for: a listener without telephone-event hears the key as two tones.
#[test]
fn a_key_sounds_for_those_who_know_no_events() {
    for mixed in [false, true] {
        let mut bench = three();
        let deaf = Plan { generation: 2, events_out: None, ..plan(2, Codec::Pcmu) };
        bench.command(Command::Leg(deaf));
        let heard = if mixed { speakers(&[1, 3]) } else { speakers(&[1]) };
        bench.matrix(2, vec![row(1, speakers(&[2])), row(2, heard), row(3, Hears::Silence)]);
        bench.run(500);
        bench.listen(0);
        let mut keys = bench.phones[0].twin();
        (keys.ssrc, keys.sequence) = (4_711, 3);
        for n in 1..=10 {
            let packet = event(&mut keys, 777, n >= 8, n.min(8) * 160);
            bench.send(1, phone(1), &packet);
            bench.run(20);
        }
        bench.run(100);
        let tones = bench.tones(2, &[770.0, 1_336.0, 697.0, 1_209.0]);
        assert_eq!(tones, [770, 1_336], "mixed {mixed}");
        assert!(digit(&bench, 2).is_empty());
        assert_eq!(bench.events.iter().filter(|e| matches!(e, Event::Dtmf { .. })).count(), 1);
    }
}

#[test]
fn digits_are_sent_as_events_or_as_tones() {
    let mut bench = two();
    bench.run(300);
    bench.listen(0);
    bench.command(Command::SendDtmf { leg: LegId(1), digits: "12".into(), duration_ms: 100 });
    bench.run(600);
    let sent = digit(&bench, 1);
    assert_eq!(sent.len(), 2 * 7);
    assert_eq!(sent.iter().filter(|(_, _, end, _)| *end).count(), 6);
    assert_eq!(bench.tones(1, &ALL), [900]);
    bench.command(Command::Leg(Plan { generation: 2, events_out: None, ..plan(1, Codec::Pcmu) }));
    bench.listen(0);
    bench.command(Command::SendDtmf { leg: LegId(1), digits: "1".into(), duration_ms: 1_000 });
    bench.run(1_000);
    assert_eq!(bench.tones(1, &[697.0, 1_209.0, 900.0]), [697, 1_209]);
}

#[test]
fn music_is_joined_where_it_is_and_a_prompt_is_played_once() {
    let mut bench = Bench::new();
    bench.leg(1, Codec::Pcmu, A);
    bench.leg(2, Codec::Pcmu, B);
    bench.sound("hello", &[5_000; 1_000]);
    bench.matrix(1, vec![row(1, music())]);
    bench.run(1_015);
    let other = |generation, hears| Command::Matrix {
        conference: 2,
        generation,
        rows: vec![row(2, hears)],
    };
    bench.command(other(1, music()));
    bench.listen(500);
    // The phases differ: the same samples, some milliseconds apart.
    let (one, two) = (bench.heard(1), bench.heard(2));
    assert!(one.iter().any(|sample| sample.abs() > 500));
    // Its beginning is faded in.
    let (one, two) = (&one[160..], &two[160..]);
    let found = (0..=480).any(|shift| {
        one[shift..].starts_with(&two[..2_000]) || two[shift..].starts_with(&one[..2_000])
    });
    assert!(found);
    bench.command(other(2, prompt(7, "hello")));
    bench.listen(100);
    bench.command(other(3, prompt(7, "hello")));
    bench.run(300);
    let loud = bench.heard(2).iter().filter(|sample| **sample > 4_000).count();
    // But for the seam at its beginning.
    assert!((960..=1_000).contains(&loud), "{loud}");
    assert_eq!(bench.events, [Event::Played { leg: LegId(2), play: 7, missing: None }]);
    bench.events.clear();
    bench.command(other(4, prompt(8, "nothing")));
    bench.run(100);
    assert_eq!(
        bench.events,
        [Event::Played { leg: LegId(2), play: 8, missing: Some("nothing".into()) }]
    );
    bench.assert_continuous(2);
}

#[test]
fn rows_may_come_before_legs_and_legs_change_conferences() {
    let mut bench = Bench::new();
    bench.matrix(5, vec![row(1, speakers(&[2])), row(2, speakers(&[1]))]);
    bench.leg(1, Codec::Pcmu, A);
    bench.leg(2, Codec::Pcmu, B);
    bench.run(300);
    // An older matrix is ignored.
    bench.matrix(4, vec![]);
    bench.listen(300);
    assert_eq!((bench.tones(1, &ALL), bench.tones(2, &ALL)), (vec![900], vec![500]));
    bench.command(Command::Matrix {
        conference: 2,
        generation: 1,
        rows: vec![row(2, Hears::Silence)],
    });
    bench.listen(300);
    assert_eq!((bench.tones(1, &ALL), bench.tones(2, &ALL)), (vec![], vec![]));
    assert_eq!(bench.packets(1).len(), 15);
    bench.matrix(6, vec![]);
    bench.listen(300);
    assert_eq!((bench.packets(1).len(), bench.packets(2).len()), (0, 15));
    assert_eq!(bench.engine.counters().conferences, 1);
}

#[test]
fn a_row_that_is_taken_away_again_waits_for_no_leg() {
    let mut bench = Bench::new();
    bench.leg(1, Codec::Pcma, A);
    bench.matrix(1, vec![row(1, music()), row(2, speakers(&[1]))]);
    bench.matrix(2, vec![row(1, music())]);
    bench.leg(2, Codec::Pcma, B);
    bench.run(500);
    assert!(bench.packets(2).is_empty());
    // A conference that ended leaves its place to the next, and none of its rows.
    bench.matrix(3, vec![row(1, music()), row(3, speakers(&[1]))]);
    bench.matrix(4, Vec::new());
    let rows = vec![row(1, speakers(&[2])), row(2, speakers(&[1]))];
    bench.command(Command::Matrix { conference: 2, generation: 1, rows });
    bench.leg(3, Codec::Pcma, C);
    bench.listen(500);
    assert_eq!((bench.packets(3).len(), bench.tones(2, &ALL)), (0, vec![500]));
    assert_eq!(bench.engine.counters().conferences, 1);
}

#[test]
fn the_end_of_a_leg() {
    let mut bench = two();
    bench.run(300);
    bench.events.clear();
    bench.reports.clear();
    bench.command(Command::EndLeg(LegId(2)));
    bench.command(Command::EndLeg(LegId(2)));
    assert_eq!(bench.events, [Event::Ended { leg: LegId(2) }]);
    assert_eq!(bench.reports.len(), 1);
    bench.listen(300);
    assert_eq!((bench.tones(1, &ALL), bench.packets(2).len()), (vec![], 0));
    // The ports serve another leg.
    bench.phones.pop();
    bench.command(Command::Leg(Plan { leg: LegId(9), ..plan(2, Codec::Pcmu) }));
    assert_eq!(bench.engine.counters().legs, 2);
    bench.command(Command::EndLeg(LegId(1)));
    bench.command(Command::EndLeg(LegId(9)));
    bench.matrix(2, vec![]);
    let counters = bench.engine.counters();
    assert_eq!((counters.legs, counters.conferences), (0, 0));
    assert_eq!(bench.engine.poll_timeout(), None);
}

#[test]
fn dead_audio_is_told_once_and_so_is_its_return() {
    let mut bench = two();
    bench.run(2_000);
    bench.events.clear();
    bench.phones[0].mute = true;
    bench.run(25_000);
    let [Event::NoAudio { leg: LegId(1), since }] = bench.events[..] else {
        panic!("{:?}", bench.events)
    };
    assert_eq!(since, ms(3_000));
    bench.phones[0].mute = false;
    bench.run(100);
    assert_eq!(bench.events[1..], [Event::AudioBack { leg: LegId(1) }]);
}

#[test]
fn who_need_not_send_is_not_silent_and_counts_anew_after_it() {
    let mut bench = two();
    bench.run(1_000);
    bench.events.clear();
    bench.phones[0].mute = true;
    bench.run(4_000);
    assert_eq!(bench.events.len(), 1, "{:?}", bench.events);
    let held = |receive, generation| Plan { receive, generation, ..plan(1, Codec::Pcmu) };
    bench.command(Command::Leg(held(false, 10)));
    bench.run(60_000);
    bench.command(Command::Leg(held(true, 11)));
    let resumed = bench.now;
    bench.run(1_900);
    assert_eq!(bench.events[1..], [Event::AudioBack { leg: LegId(1) }]);
    bench.run(1_200);
    let since = ms(resumed);
    assert_eq!(bench.events[2..], [Event::NoAudio { leg: LegId(1), since }]);
}

#[test]
fn a_leg_that_cannot_be_taken_is_told() {
    let settings = media::EngineSettings { legs_max: 2, ..Default::default() };
    let mut bench = Bench { engine: media::Engine::new(settings), ..Bench::new() };
    bench.leg(1, Codec::Pcmu, A);
    bench.command(Command::Leg(Plan { port: port(1), ..plan(2, Codec::Pcmu) }));
    assert_eq!(bench.events, [Event::Refused { leg: LegId(2) }]);
    bench.leg(3, Codec::Pcmu, B);
    bench.leg(4, Codec::Pcmu, C);
    assert_eq!(bench.events[1..], [Event::Refused { leg: LegId(4) }]);
    let counters = bench.engine.counters();
    assert_eq!((counters.legs, counters.overflowed), (2, 2));
    // The place of one that ended is another's.
    bench.command(Command::EndLeg(LegId(1)));
    bench.leg(5, Codec::Pcmu, C);
    assert_eq!(bench.events[2..], [Event::Ended { leg: LegId(1) }]);
}

#[test]
fn a_new_source_and_a_pause_are_taken_as_they_come() {
    let mut bench = three();
    bench.matrix(
        2,
        (1..=3)
            .map(|leg| {
                row(leg, speakers(&[1, 2, 3].into_iter().filter(|l| *l != leg).collect::<Vec<_>>()))
            })
            .collect(),
    );
    bench.run(500);
    bench.phones[1].ssrc = 9_999;
    bench.phones[1].timestamp = 12;
    bench.phones[1].sequence = 40_000;
    bench.run(100);
    bench.listen(500);
    assert_eq!(bench.tones(1, &ALL), [900, 1_300]);
    // Comfort noise, and nothing else for a while.
    bench.phones[1].mute = true;
    let header = Header {
        payload_type: 13,
        ssrc: 9_999,
        sequence: bench.phones[1].sequence,
        ..Header::default()
    };
    bench.send(2, phone(2), &[&header.bytes()[..], &[60]].concat());
    bench.listen(500);
    bench.listen(500);
    assert_eq!(bench.tones(1, &ALL), [1_300]);
    assert_eq!(bench.engine.counters().malformed, 0);
    bench.assert_continuous(1);
    bench.phones[1].mute = false;
    bench.phones[1].timestamp += 8_000;
    bench.run(100);
    bench.listen(500);
    assert_eq!(bench.tones(1, &ALL), [900, 1_300]);
}

#[test]
fn a_late_driver_catches_up() {
    let mut bench = two();
    bench.matrix(2, vec![row(1, music()), row(2, music())]);
    bench.run(100);
    bench.listen(0);
    bench.now += 200;
    bench.run(5);
    assert!((10..=11).contains(&bench.packets(1).len()));
    bench.assert_continuous_numbers(1, 0);
    bench.now += 5_000;
    bench.run(100);
    assert!(bench.engine.counters().ticks_skipped > 900);
}

#[test]
fn garbage_is_counted_and_harmless() {
    let mut bench = two();
    bench.run(100);
    let garbage: [&[u8]; 5] = [&[], &[0x80], &[0xff; 40], &[0x40; 12], &[0x80, 200, 0, 0]];
    for data in garbage {
        for channel in [Channel::Rtp, Channel::Rtcp] {
            bench.engine.packet(ms(bench.now), port(1), channel, phone(1), data);
        }
    }
    bench.engine.packet(ms(bench.now), 1, Channel::Rtp, phone(1), &[0x80; 172]);
    let counters = bench.engine.counters();
    assert_eq!((counters.malformed, counters.unclaimed), (10, 1));
    bench.listen(500);
    bench.assert_continuous(2);
}

#[test]
fn a_carried_engine_goes_on_where_it_was() {
    let mut bench = two();
    bench.phones[0].from = addr("1.2.3.4:77");
    bench.matrix(2, vec![row(1, music()), row(2, speakers(&[1]))]);
    bench.run(500);
    let carried = bench.engine.carry();
    bench.engine =
        media::Engine::resume(media::EngineSettings::default(), ms(bench.now), carried.clone())
            .unwrap();
    assert_eq!(bench.engine.carry(), carried);
    let before = bench.packets(1).len();
    bench.run(500);
    assert!(bench.packets(1).len() > before + 20);
    let late = bench.packets(1)[before..].iter().all(|sent| sent.to == addr("1.2.3.4:77"));
    assert!(late);
    bench.assert_continuous(1);
    // It takes a while until the source that moved is trusted again.
    bench.assert_continuous_numbers(2, 6);
    let unknown = media::engine::Carried { version: 99, ..carried };
    let refused = media::Engine::resume(media::EngineSettings::default(), ms(0), unknown);
    assert_eq!(refused.err(), Some(media::engine::WrongVersion(99)));
}
