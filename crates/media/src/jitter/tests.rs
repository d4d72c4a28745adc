use super::*;

/// A packet whose every sample is `value` as µ-law decodes it.
fn packet(
    buffer: &mut Buffer,
    sequence: u16,
    timestamp: u32,
    ticks: usize,
    value: i16,
) -> Inserted {
    let header = Header { sequence, timestamp, ..Header::default() };
    buffer.insert(&header, Codec::Pcmu, &vec![crate::g711::ulaw(value); ticks], 0)
}

fn pull(buffer: &mut Buffer) -> [i16; FRAME] {
    let mut out = [1; FRAME];
    buffer.pull(&mut out);
    out
}

/// The distinct values of a frame in order, rounded to thousands.
fn shape(frame: &[i16]) -> Vec<i16> {
    let mut values: Vec<i16> = frame.iter().map(|v| (v + v.signum() * 500) / 1_000).collect();
    values.dedup();
    values
}

#[test]
fn plays_what_came_after_one_frame_of_delay() {
    let mut buffer = Buffer::default();
    assert_eq!(shape(&pull(&mut buffer)), [0]);
    for n in 0..20u16 {
        packet(
            &mut buffer,
            n,
            u32::from(n) * 160,
            160,
            1_000 + 1_000 * i16::try_from(n % 4).unwrap(),
        );
        let expected = if n == 0 { 0 } else { 1 + i16::try_from((n - 1) % 4).unwrap() };
        assert_eq!(shape(&pull(&mut buffer)), [expected], "{n}");
    }
}

#[test]
fn begins_with_what_was_said_just_before() {
    let mut buffer = Buffer::default();
    for n in 0..50u16 {
        packet(&mut buffer, n, u32::from(n) * 160, 160, i16::try_from(n).unwrap() * 600);
    }
    // 48 · 600 and 49 · 600: the two newest packets.
    assert_eq!(shape(&pull(&mut buffer)), [29]);
    assert_eq!(shape(&pull(&mut buffer)), [29]);
}

#[test]
fn order_and_repetition_do_not_matter_and_odd_lengths_fit() {
    let mut buffer = Buffer::default();
    let (mut sequence, mut timestamp) = (65_530u16, u32::MAX - 500);
    for ticks in [240, 80, 160, 480, 33, 240] {
        assert_eq!(packet(&mut buffer, sequence, timestamp, ticks, 5_000), Inserted::New);
        assert_eq!(packet(&mut buffer, sequence, timestamp, ticks, 5_000), Inserted::Duplicate);
        sequence = sequence.wrapping_add(1);
        timestamp = timestamp.wrapping_add(u32::try_from(ticks).unwrap());
    }
    for _ in 0..4 {
        assert_eq!(shape(&pull(&mut buffer)), [5]);
    }
    let mut buffer = Buffer::default();
    for n in [0u16, 2, 1] {
        packet(&mut buffer, n, u32::from(n) * 160, 160, 1_000 + 1_000 * i16::try_from(n).unwrap());
    }
    assert_eq!(shape(&pull(&mut buffer)), [2]);
    assert_eq!(shape(&pull(&mut buffer)), [3]);
    assert_eq!(packet(&mut buffer, 0, 0, 160, 9_000), Inserted::Duplicate);
    assert_eq!(packet(&mut buffer, 32, 80, 160, 9_000), Inserted::Late);
    assert_eq!(packet(&mut buffer, 4, 480, 1_500, 9_000), Inserted::Odd);
    assert_eq!(packet(&mut buffer, 4, 480, 0, 9_000), Inserted::Odd);
}

#[test]
fn a_loss_is_faded_over_and_a_dry_buffer_fills_anew() {
    let mut buffer = Buffer::default();
    for n in [0u16, 1, 3, 4] {
        packet(&mut buffer, n, u32::from(n) * 160, 160, 8_000);
    }
    buffer.play = Some(0);
    let heard: Vec<_> = (0..9).flat_map(|_| shape(&pull(&mut buffer))).collect();
    assert_eq!(heard, [8, 8, 4, 8, 8, 4, 1, 0, 0]);
    // Running on, the peer's clock having stood still: nothing is heard twice.
    packet(&mut buffer, 5, 800, 160, 6_000);
    assert_eq!(shape(&pull(&mut buffer)), [0]);
    assert_eq!(shape(&pull(&mut buffer)), [6]);
}

#[test]
fn a_pause_with_a_jump_of_the_clock_resumes_at_once() {
    let mut buffer = Buffer::default();
    packet(&mut buffer, 0, 0, 160, 8_000);
    for _ in 0..2 {
        pull(&mut buffer);
    }
    packet(&mut buffer, 1, 80_000, 160, 8_000);
    assert_eq!(shape(&pull(&mut buffer)), [4]);
    assert_eq!(shape(&pull(&mut buffer)), [8]);
    // And back: a sender that began its timestamps anew.
    packet(&mut buffer, 2, 100, 160, 3_000);
    pull(&mut buffer);
    assert_eq!(shape(&pull(&mut buffer)), [3]);
}

#[test]
fn too_much_delay_is_taken_back() {
    let mut buffer = Buffer::default();
    let mut sequence = 0u16;
    let mut send = |buffer: &mut Buffer, value| {
        packet(buffer, sequence, u32::from(sequence) * 160, 160, value);
        sequence += 1;
    };
    send(&mut buffer, 8_000);
    for _ in 0..2 {
        pull(&mut buffer);
    }
    // A burst of six: 100 ms too much.
    for _ in 0..6 {
        send(&mut buffer, 8_000);
    }
    let spare = |buffer: &Buffer| ahead(buffer.end.unwrap(), buffer.play.unwrap());
    for _ in 0..(50 * 40) {
        pull(&mut buffer);
        send(&mut buffer, 8_000);
    }
    assert!(spare(&buffer) <= 3 * 160, "{}", spare(&buffer));
    assert!(spare(&buffer) >= 160, "{}", spare(&buffer));
}
