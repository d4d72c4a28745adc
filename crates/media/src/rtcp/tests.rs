use proptest::prelude::*;

use super::*;

const NAME: &[u8; CNAME] = b"twelve bytes";

const fn ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

#[test]
fn a_report_is_read_by_the_other_side() {
    let mut statistics = Statistics::default();
    for n in 0..10u16 {
        // Packet 4 never comes.
        if n != 4 {
            statistics.record(
                9,
                65_530u16.wrapping_add(n),
                160 * u32::from(n),
                ms(20 * u64::from(n)),
                8_000,
            );
        }
    }
    assert_eq!((statistics.lost(), statistics.jitter()), (1, 0));
    statistics.reported(middle(ms(500)), ms(600));
    let block = statistics.block(ms(1_100));
    let mut packet = [0; PACKET_MAX];
    let sent = Sent { timestamp: 1, packets: 2, octets: 3 };
    let length = write(&mut packet, ms(1_100), (5, NAME), Some(sent), block, true);
    assert_eq!(length % 4, 0);
    let heard = parse(&packet[..length], 9).unwrap();
    assert_eq!(heard.sent, Some((5, middle(ms(1_100)))));
    let block = heard.block.unwrap();
    assert_eq!((block.fraction, block.lost, block.highest), (25, 1, 65_539));
    assert_eq!((block.last_report, block.delay), (middle(ms(500)), 1 << 15));
    let rtt = round_trip_us(ms(1_150), block.last_report, block.delay).unwrap();
    assert!((149_900..150_100).contains(&rtt), "{rtt}");
    assert_eq!(parse(&packet[..length], 8).unwrap().block, None);
}

#[test]
fn nonsense_is_refused() {
    let mut packet = [0; PACKET_MAX];
    let length = write(&mut packet, ms(1), (5, NAME), None, None, false);
    assert!(parse(&packet[..length], 5).is_some());
    for cut in 1..length {
        // A cut on a packet's border leaves a whole receiver report.
        assert_eq!(parse(&packet[..cut], 5).is_some(), cut == 8, "{cut}");
    }
    assert_eq!(parse(&[], 5), None);
    assert_eq!(parse(&[0x81, GOODBYE, 0, 1, 0, 0, 0, 5], 5), None);
    assert_eq!(parse(&[0x41, RECEIVER, 0, 1, 0, 0, 0, 5], 5), None);
}

#[test]
fn jitter_as_in_a8() {
    let mut statistics = Statistics::default();
    for n in 0..1_000u32 {
        let late = u64::from(n % 2) * 10;
        statistics.record(1, (n & 0xffff) as u16, n * 160, ms(u64::from(n) * 20 + late), 8_000);
    }
    // Each packet is 80 units off its neighbour.
    assert!((75..=80).contains(&statistics.jitter()), "{}", statistics.jitter());
    assert!(statistics.record(2, 7, 7, ms(50_000), 8_000));
    assert_eq!(statistics.lost(), 0);
}

/// A packet of a compound.
fn packet(flags: u8, kind: u8, words: u16, body: &[u8]) -> Vec<u8> {
    let [high, low] = words.to_be_bytes();
    [&[flags, kind, high, low], body].concat()
}

#[test]
fn compounds_by_a2() {
    let reporter = [0, 0, 0, 9];
    let receiver = packet(0x80, RECEIVER, 1, &reporter);
    let block = |ssrc: u8| [&[0, 0, 0, ssrc][..], &[7; 20]].concat();
    let goodbye = packet(0x81, GOODBYE, 1, &[0; 4]);
    let padded = packet(0xa1, GOODBYE, 2, &[0, 0, 0, 9, 0, 0, 0, 4]);
    let check = |what: &str, parts: &[&[u8]], expected: Option<Option<u8>>| {
        let heard = parse(&parts.concat(), 5);
        let fraction = heard.map(|heard| heard.block.map(|block| block.fraction));
        assert_eq!(fraction, expected, "{what}");
    };
    check("a receiver report alone", &[&receiver], Some(None));
    check("and others behind it", &[&receiver, &goodbye, &padded], Some(None));
    check("padding before the last packet", &[&receiver, &padded, &goodbye], None);
    check("padding in the first", &[&packet(0xa0, RECEIVER, 2, &[0, 0, 0, 9, 0, 0, 0, 4])], None);
    check("no report first", &[&goodbye, &receiver], None);
    check("another version behind it", &[&receiver, &packet(0x01, GOODBYE, 1, &[0; 4])], None);
    check("a length beyond the end", &[&receiver, &packet(0x81, GOODBYE, 9, &[0; 4])], None);
    check("half a head", &[&receiver, &[0x80, 203]], None);
    let with = |count: u8, blocks: &[u8]| {
        let words = u16::try_from(1 + blocks.len() / 4).unwrap();
        packet(0x80 | count, RECEIVER, words, &[&reporter[..], blocks].concat())
    };
    check("a block about us", &[&with(1, &block(5))], Some(Some(7)));
    check("about somebody else", &[&with(1, &block(6))], Some(None));
    check("ours behind that", &[&with(2, &[block(6), block(5)].concat())], Some(Some(7)));
    check(
        "not counted: an extension of a profile",
        &[&with(1, &[block(6), block(5)].concat())],
        Some(None),
    );
    check("fewer than counted", &[&with(2, &block(5))], None);
    check("thirty-one counted", &[&with(31, &block(5))], None);
    check("no sender", &[&packet(0x80, RECEIVER, 0, &[])], None);
    check("half a sender's part", &[&packet(0x80, SENDER, 3, &[0; 12])], None);
    check("a sender report", &[&packet(0x80, SENDER, 6, &[0; 24])], Some(None));
}

#[test]
fn a_block_is_read_as_it_was_written() {
    for lost in [0, 1, -1, 0x7f_ffff, -0x80_0000] {
        let block =
            Block { ssrc: 1, fraction: 2, lost, highest: 3, jitter: 4, last_report: 5, delay: 6 };
        assert_eq!(Block::parse(&block.bytes()), Some(block));
    }
    let far = Block { lost: i32::MIN, ..Block::default() };
    assert_eq!(Block::parse(&far.bytes()).unwrap().lost, -0x80_0000);
}

#[test]
fn round_trips_that_cannot_be_are_none() {
    let now = Time::from_secs(1_000);
    let ago = |ms: u64| middle(now - Time::from_millis(ms));
    let check = |last, delay, expected: Option<u32>| {
        assert_eq!(round_trip_us(now, last, delay).map(|us| (us + 500) / 1_000), expected);
    };
    check(ago(150), 0, Some(150));
    check(ago(150), 0x8000 / 5, Some(50));
    check(0, 0, None);
    // It held the report for longer than there was time, or an hour ago.
    check(ago(150), 0x1_0000, None);
    check(ago(3_600), 0, Some(3_600));
    check(middle(Time::from_secs(10)), 0, None);
    check(u32::MAX, u32::MAX, None);
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_not(
        data in prop::collection::vec(any::<u8>(), 0..200),
        kind in 198..206_u8,
        count in 0..32_u8,
    ) {
        let _ = parse(&data, 0);
        // With a head that fits, so that more is looked at.
        let words = u16::try_from(data.len() / 4).unwrap();
        let body = &data[..usize::from(words) * 4];
        let compound = packet(0x80 | count, kind, words, body);
        if let Some(heard) = parse(&compound, 0) {
            prop_assert!(matches!(kind, SENDER | RECEIVER));
            prop_assert!(heard.block.is_none_or(|block| block.ssrc == 0));
        }
    }
}
