//! RTCP of legs both ways, and what is told of how they fare.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{Bench, addr, ms, port, row, speakers};
use media::rtcp::{self, Block, PACKET_MAX, Statistics};
use media::{Channel, Codec, Command, Hears, LegId, Report};

const NAME: &[u8; rtcp::CNAME] = &[9; rtcp::CNAME];

fn two() -> Bench {
    let mut bench = Bench::new();
    bench.leg(1, Codec::Pcmu, 500.0);
    bench.leg(2, Codec::Pcmu, 900.0);
    bench.matrix(1, vec![row(1, speakers(&[2])), row(2, speakers(&[1]))]);
    bench
}

/// The phone of leg 1 reports, from this address.
fn send(bench: &mut Bench, from: &str, block: Option<Block>, bye: bool) {
    let mut packet = [0; PACKET_MAX];
    let length = rtcp::write(&mut packet, ms(bench.now), (71, NAME), None, block, bye);
    let (now, from) = (ms(bench.now), addr(from));
    bench.engine.packet(now, port(1), Channel::Rtcp, from, &packet[..length]);
}

/// How leg 1 fared when it was last told.
fn last(bench: &Bench) -> Report {
    *bench.fares.iter().rev().find(|report| report.leg == LegId(1)).unwrap()
}

/// Types and bodies of the packets of a compound, by another way than the code under test.
fn packets(mut data: &[u8]) -> Vec<(u8, u8, Vec<u8>)> {
    let mut found = Vec::new();
    while let [flags, kind, high, low, rest @ ..] = data {
        let (body, after) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])) * 4);
        found.push((*flags, *kind, body.to_vec()));
        data = after;
    }
    assert!(data.is_empty());
    found
}

#[test]
fn reports_go_out_at_uneven_times_as_compounds_with_a_name() {
    let mut bench = two();
    let mut times = Vec::new();
    for _ in 0..120 {
        let before = bench.reports.len();
        bench.run(1_000);
        let mine = bench.reports[before..].iter().filter(|(from, ..)| *from == port(1));
        times.extend(mine.map(|_| bench.now / 1_000));
    }
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (3..=7).contains(gap)), "{gaps:?}");
    assert!(gaps.windows(2).any(|pair| pair[0] != pair[1]), "{gaps:?}");
    assert!((20..=28).contains(&times.len()), "{}", times.len());
    let mine: Vec<_> = bench.reports.iter().filter(|(from, ..)| *from == port(1)).collect();
    let (_, channel, to, report) = mine[1];
    assert_eq!((*channel, *to), (Channel::Rtcp, addr("10.0.0.1:6003")));
    let [(sender, 200, body), (0x81, 202, name)] = &packets(report)[..] else {
        panic!("{report:?}")
    };
    assert_eq!((*sender, body.len()), (0x81, 24 + 24));
    // SSRC, item 1 of 16 characters that are none of ours, zeros.
    assert_eq!(name[..6], [0, 0, 0x10, 1, 1, 16]);
    assert_eq!(name[6..], *b"BwcHBwcHBwcHBwcH\0\0");
}

#[test]
fn who_sends_nothing_is_a_receiver_and_the_last_report_says_goodbye() {
    let mut bench = Bench::new();
    bench.leg(1, Codec::Pcmu, 500.0);
    bench.matrix(1, vec![row(1, Hears::Silence)]);
    bench.run(9_000);
    // It has no row any more: two reports later it is no sender.
    bench.matrix(2, Vec::new());
    bench.run(21_000);
    let kind = |report: &[u8]| packets(report)[0].1;
    let kinds: Vec<u8> = bench.reports.iter().map(|(.., report)| kind(report)).collect();
    assert_eq!(kinds.first(), Some(&200));
    assert_eq!(kinds.last(), Some(&201));
    let senders = kinds.iter().take_while(|kind| **kind == 200).count();
    assert!(kinds[senders..].iter().all(|kind| *kind == 201), "{kinds:?}");
    let silent = bench.fares.iter().filter(|told| told.packets_out == last(&bench).packets_out);
    // The first of those has something to tell still, and the one after it.
    assert_eq!(kinds.len() - senders, silent.count() - 2, "{kinds:?}");
    bench.command(Command::EndLeg(LegId(1)));
    let (.., report) = bench.reports.last().unwrap();
    assert_eq!(packets(report).last().unwrap().1, 203);
}

#[test]
fn a_round_trip_is_measured_and_what_the_phone_loses_is_told() {
    let mut bench = two();
    bench.run(9_000);
    assert_eq!((last(&bench).rtt_us, last(&bench).remote_mos), (None, None));
    assert!(last(&bench).mos >= Some(4_300), "{:?}", last(&bench));
    let (.., report) = bench.reports.iter().rfind(|(from, ..)| *from == port(1)).unwrap();
    let (ours, sent) = rtcp::parse(report, 71).unwrap().sent.unwrap();
    assert_eq!(ours, 0x1001);
    assert!(rtcp::middle(ms(bench.now)).wrapping_sub(sent) < 8 << 16);
    // Of ten packets of ours one is lost on the way, jitter is none.
    let mut theirs = Statistics::default();
    for n in (0..100_u16).filter(|n| n % 10 != 5) {
        theirs.record(ours, n, u32::from(n) * 160, ms(u64::from(n) * 20), 8_000);
    }
    // A report of ours that was sent just now reaches it 20 ms later, its own leaves 100 ms after
    // that and needs 40.
    theirs.reported(rtcp::middle(ms(bench.now)), ms(bench.now + 20));
    let block = theirs.block(ms(bench.now + 120));
    bench.run(160);
    send(&mut bench, "10.0.0.1:6003", block, false);
    bench.run(8_000);
    let told = last(&bench);
    assert_eq!(told.remote_lost, Some(10));
    let (now, all) = (told.remote_mos_now.unwrap(), told.remote_mos.unwrap());
    assert!((3_000..3_500).contains(&now) && all > now, "{now} {all} {told:?}");
    assert!(told.mos_now >= Some(4_200), "{told:?}");
    assert!((59_000..61_000).contains(&told.rtt_us.unwrap()), "{told:?}");
}

#[test]
fn what_is_lost_on_the_way_to_us_is_heard_in_the_score() {
    let mut bench = two();
    bench.run(10_000);
    for round in 0..100 {
        bench.run(200);
        bench.phones[0].sequence += u16::from(round >= 50);
        bench.phones[0].timestamp += if round >= 50 { 160 } else { 0 };
    }
    let told = last(&bench);
    assert!(told.lost >= 30, "{told:?}");
    assert!(told.mos_now < Some(3_700) && told.mos > told.mos_now, "{told:?}");
    // A leg that is silent now has no score of now, and keeps the one of all.
    bench.phones[0].mute = true;
    bench.run(16_000);
    let silent = last(&bench);
    bench.run(8_000);
    assert_eq!((last(&bench).mos_now, last(&bench).mos), (None, silent.mos));
}

/// A report about leg 1 of what can be, but for what is changed in it.
fn bad() -> Block {
    Block {
        ssrc: 0x1001,
        fraction: 200,
        lost: 20,
        highest: 60,
        jitter: 800,
        last_report: 0,
        delay: 0,
    }
}

/// What a report from an address about the peer of leg 1 has changed: the loss that is told.
fn told_lost(bench: &mut Bench, from: &str, block: Block) -> Option<u32> {
    send(bench, from, Some(block), true);
    bench.run(8_000);
    last(bench).remote_lost
}

#[test]
fn reports_from_elsewhere_or_of_what_cannot_be_change_nothing() {
    let mut bench = two();
    bench.run(1_000);
    let before = *bench.engine.counters();
    let jitter = u32::MAX;
    let wrong = [
        ("6.6.6.6:6003", bad()),
        // Another port of the peer's own host.
        ("10.0.0.1:6005", bad()),
        ("10.0.0.1:40000", bad()),
        // The peer itself, of others, and of more than it was ever sent.
        ("10.0.0.1:6003", Block { ssrc: 0x1002, ..bad() }),
        ("10.0.0.1:6003", Block { lost: 0x7f_ffff, ..bad() }),
        ("10.0.0.1:6003", Block { lost: -0x80_0000, fraction: 0, ..bad() }),
        ("10.0.0.1:6003", Block { lost: 3_000, ..bad() }),
        ("10.0.0.1:6003", Block { lost: 0, ..bad() }),
        ("10.0.0.1:6003", Block { jitter, ..bad() }),
        ("10.0.0.1:6003", Block { jitter: 80_001, ..bad() }),
    ];
    for (from, block) in wrong {
        assert_eq!(told_lost(&mut bench, from, block), None, "{from} {block:?}");
        let told = last(&bench);
        assert_eq!((told.remote_mos, told.remote_jitter_us, told.rtt_us), (None, None, None));
    }
    let after = *bench.engine.counters();
    assert_eq!(after.strangers - before.strangers, 3);
    assert_eq!(after.malformed - before.malformed, 6);
    // The one about others was read.
    assert_eq!(after.rtcp_in - before.rtcp_in, 1);
    // A round trip before we began is none; the rest of such a report may well be true.
    let odd = Block { last_report: u32::MAX / 2, delay: u32::MAX, ..bad() };
    assert_eq!(told_lost(&mut bench, "10.0.0.1:6003", odd), Some(20));
    assert_eq!(last(&bench).rtt_us, None);
    // With the audio, as a=rtcp-mux has it.
    assert_eq!(told_lost(&mut bench, "10.0.0.1:6002", Block { lost: 21, ..bad() }), Some(21));
    bench.listen(500);
    let all = [500.0, 900.0];
    assert_eq!((bench.tones(1, &all), bench.tones(2, &all)), (vec![900], vec![500]));
}

#[test]
fn behind_a_nat_reports_come_from_one_port_of_the_audios_host() {
    let nat = "10.0.0.1:33000";
    let start = |from: &str| {
        let mut bench = two();
        bench.phones[0].from = addr(from);
        bench.run(9_000);
        assert!(last(&bench).packets_in > 100);
        bench
    };
    let lost = |n| Block { lost: n, ..bad() };
    // The reporter is who sends the audio: then it is latched to, and others are not.
    let mut bench = start(nat);
    bench.phones[0].ssrc = 71;
    assert_eq!(told_lost(&mut bench, "10.0.0.2:40000", lost(1)), None);
    assert_eq!(told_lost(&mut bench, "10.0.0.1:40000", lost(2)), Some(2));
    assert_eq!(told_lost(&mut bench, "10.0.0.1:40002", lost(3)), Some(2));
    assert_eq!(told_lost(&mut bench, "10.0.0.1:40000", lost(4)), Some(4));
    // What we tell goes there too.
    assert_eq!(bench.reports.iter().rfind(|r| r.0 == port(1)).unwrap().2, addr("10.0.0.1:40000"));
    // The port beside the audio's is the likelier one.
    assert_eq!(told_lost(&mut bench, "10.0.0.1:33001", lost(5)), Some(5));
    assert_eq!(told_lost(&mut bench, "10.0.0.1:40000", lost(6)), Some(5));
    // Another reporter is nobody.
    let mut bench = start(nat);
    bench.phones[0].ssrc = 72;
    bench.run(100);
    assert_eq!(told_lost(&mut bench, "10.0.0.1:40000", lost(7)), None);
    assert_eq!(told_lost(&mut bench, nat, lost(8)), Some(8));
}

#[test]
fn sender_reports_tell_one_clock_for_all_legs() {
    let since_1900 = media::Time::from_secs(4_000_000_000);
    let mut bench = two();
    bench.engine = media::Engine::new(media::EngineSettings { since_1900, ..Default::default() });
    bench.command(Command::Leg(common::plan(1, Codec::Pcmu)));
    bench.matrix(1, vec![row(1, Hears::Silence)]);
    bench.run(20_000);
    bench.command(Command::Leg(common::plan(2, Codec::Pcmu)));
    bench.matrix(2, vec![row(1, Hears::Silence), row(2, Hears::Silence)]);
    let began = bench.reports.len();
    bench.run(10_000);
    for (from, _, _, report) in &bench.reports[began..] {
        let seconds = u32::from_be_bytes(report[8..12].try_into().unwrap());
        let since = u64::from(seconds) - 4_000_000_000;
        assert!((21..=31).contains(&since), "{from}: {since}");
    }
    assert!(bench.reports[began..].iter().any(|(from, ..)| *from == port(2)));
}

#[test]
fn the_last_report_knows_the_last_seconds() {
    let mut bench = two();
    bench.run(4_000);
    let before = last(&bench);
    // From now on every second packet is lost, and nothing is reported in between.
    for _ in 0..20 {
        bench.run(20);
        bench.phones[0].sequence += 1;
        bench.phones[0].timestamp += 160;
    }
    bench.command(Command::EndLeg(LegId(1)));
    let told = last(&bench);
    assert_eq!(bench.events.last(), Some(&media::Event::Ended { leg: LegId(1) }));
    assert!(told.packets_in >= before.packets_in + 20 && told.lost >= 19, "{told:?}");
    assert!(told.mos < before.mos && told.mos_now < told.mos, "{told:?}");
    assert_eq!(bench.engine.counters().lost, told.lost);
}
