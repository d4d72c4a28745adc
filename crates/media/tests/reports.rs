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

#[test]
fn forged_reports_make_figures_wrong_and_nothing_else() {
    let mut bench = two();
    bench.run(1_000);
    let strangers = bench.engine.counters().strangers;
    let worst = Block {
        ssrc: 0x1001,
        fraction: 255,
        lost: i32::MAX,
        highest: u32::MAX,
        jitter: u32::MAX,
        last_report: u32::MAX / 2,
        delay: u32::MAX,
    };
    for lost in [i32::MIN, -1, i32::MAX] {
        let block = Block { lost, ..worst };
        send(&mut bench, "10.0.0.1:6003", Some(block), true);
        send(&mut bench, "6.6.6.6:6003", Some(block), true);
        bench.run(8_000);
        let told = last(&bench);
        assert_eq!(told.remote_mos_now, Some(1_000));
        assert_eq!(told.remote_lost, Some(if lost < 0 { 0 } else { 0x7f_ffff }));
        assert_eq!(told.rtt_us, None);
    }
    let counters = *bench.engine.counters();
    assert_eq!((counters.rtcp_in, counters.strangers - strangers), (3, 3));
    bench.listen(500);
    let all = [500.0, 900.0];
    assert_eq!((bench.tones(1, &all), bench.tones(2, &all)), (vec![900], vec![500]));
}
