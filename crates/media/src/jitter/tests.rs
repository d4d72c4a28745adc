use proptest::prelude::*;

use super::*;

/// A sender and a network, in virtual time.
struct Wire {
    buffer: Buffer,
    codec: Codec,
    /// Ticks of a packet.
    step: u32,
    number: u32,
    sequence: u16,
    timestamp: u32,
    now_us: u64,
    played: Vec<i16>,
}

impl Wire {
    fn new(codec: Codec, ptime_ms: u32) -> Self {
        let mut buffer = Buffer::new();
        buffer.prepare([codec].into_iter());
        buffer.open();
        let step = codec.rtp_hz() / 1_000 * ptime_ms;
        // Both wrap around soon.
        let (sequence, timestamp) = (65_500, u32::MAX - 30_000);
        let played = Vec::new();
        Self { buffer, codec, step, number: 0, sequence, timestamp, now_us: 0, played }
    }

    /// A tone of 200 Hz, or a level.
    fn payload(&self, value: Option<i16>) -> Vec<u8> {
        let sine = |n: u32| {
            let turn = f64::from((self.number + n) % 40) / 40.0;
            let level = 8_000.0 * (turn * std::f64::consts::TAU).sin();
            #[expect(clippy::cast_possible_truncation, reason = "below 8000")]
            (level as i16)
        };
        (0..self.step).map(|n| crate::g711::ulaw(value.unwrap_or_else(|| sine(n)))).collect()
    }

    /// Makes the next packet; it arrives when its turn comes, or is put in here.
    fn packet(&mut self, value: Option<i16>) -> (Header, Vec<u8>) {
        let payload = self.payload(value);
        let header =
            Header { sequence: self.sequence, timestamp: self.timestamp, ..Header::default() };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.step);
        self.number += self.step;
        (header, payload)
    }

    fn put(&mut self, (header, payload): &(Header, Vec<u8>)) -> Inserted {
        self.buffer.insert(Time::from_micros(self.now_us), header, self.codec, payload)
    }

    fn send(&mut self, value: i16) -> Inserted {
        let packet = self.packet(Some(value));
        self.put(&packet)
    }

    /// Plays 20 ms, after which so much time has passed.
    fn pull(&mut self) -> Vec<i16> {
        let mut out = [1; FRAME_MAX];
        let (count, _) = self.buffer.pull(Time::from_micros(self.now_us), &mut out);
        self.now_us += 20_000;
        self.played.extend(&out[..count]);
        out[..count].to_vec()
    }

    /// A tone for so many milliseconds. Each packet is sent at the sender's beat, which is fast by so
    /// many millionths, arrives later as `late_us` says of its number, or never.
    fn talk(&mut self, ms: u64, ppm: i64, mut late_us: impl FnMut(u64) -> Option<u64>) {
        let begin = self.now_us;
        let packet_us = u64::from(self.step) * 1_000_000 / u64::from(self.codec.rtp_hz());
        let beat = i64::try_from(packet_us * 1_000_000).unwrap();
        let mut on_their_way = Vec::new();
        let mut sent = 0;
        while self.now_us < begin + ms * 1_000 {
            let passed = i64::try_from(self.now_us - begin).unwrap();
            while passed * (1_000_000 + ppm) >= beat * i64::try_from(sent).unwrap() {
                let packet = self.packet(None);
                if let Some(late_us) = late_us(sent) {
                    let at = beat * i64::try_from(sent).unwrap() / (1_000_000 + ppm);
                    on_their_way.push((begin + u64::try_from(at).unwrap() + late_us, packet));
                }
                sent += 1;
            }
            on_their_way.sort_by_key(|(at, _)| *at);
            let now = self.now_us;
            let arrived = on_their_way.partition_point(|(at, _)| *at <= now);
            for (at, packet) in on_their_way.drain(..arrived) {
                self.now_us = at;
                self.put(&packet);
            }
            self.now_us = now;
            self.pull();
        }
    }

    /// The greatest step between two samples from so many milliseconds on.
    fn greatest_step(&self, from_ms: usize) -> u16 {
        let pairs = self.played[from_ms * 8..].windows(2);
        pairs.map(|pair| pair[0].abs_diff(pair[1])).max().unwrap_or(0)
    }
}

/// The distinct values of a frame in order, in thousands.
fn shape(frame: &[i16]) -> Vec<i16> {
    let mut values: Vec<i16> = frame.iter().map(|v| (v + v.signum() * 500) / 1_000).collect();
    values.dedup();
    values
}

/// Evenly spread below a limit, the same each time.
fn chance() -> impl FnMut(u64) -> u64 {
    let mut state = 7_u64;
    move |limit| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) % limit
    }
}

/// The step between two samples of the tone, and what A- and µ-law and a cross-fade add to it.
const SMOOTH: u16 = 8_000 / 6 + 300;

#[test]
fn a_stream_is_played_one_packet_and_one_frame_later_at_most() {
    for ptime_ms in [10, 20, 30, 40, 60] {
        let mut wire = Wire::new(Codec::Pcmu, ptime_ms);
        wire.now_us = 5_000;
        wire.talk(1_000, 0, |_| Some(0));
        let first = wire.played.iter().position(|sample| sample.unsigned_abs() > 300).unwrap();
        let most = (usize::try_from(ptime_ms).unwrap().max(20) + 20) * 8 + 8;
        assert!(first <= most, "{ptime_ms}: {first}");
        assert_eq!((wire.buffer.late(), wire.buffer.concealed_ms()), (0, 0), "{ptime_ms}");
        assert!(wire.greatest_step(100) <= SMOOTH, "{ptime_ms}: {}", wire.greatest_step(100));
    }
}

#[test]
fn a_network_without_jitter_is_known_after_a_while() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    wire.talk(30_000, 0, |_| Some(15_000));
    assert_eq!(wire.buffer.target_ms(), 5);
    // The tone at the end is the one that was sent 5 ms before, and the next at their 20.
    let (mut newest, mut played) = (wire.packet(None), wire.pull());
    newest.1.drain(..0);
    let sent: Vec<i16> =
        newest.1.iter().map(|b| crate::g711::ULAW_TO_PCM[usize::from(*b)]).collect();
    played.truncate(160);
    assert_eq!(
        sent, played,
        "one packet behind: the one that is on its way now has the same phase"
    );
    assert!(wire.greatest_step(100) <= SMOOTH);
}

#[test]
fn a_mix_begins_with_what_was_said_just_before() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    for n in 0..50_i16 {
        wire.send(n * 600);
        wire.now_us += 20_000;
    }
    wire.now_us -= 15_000;
    // 49 · 600 came 5 ms ago; the one before it has waited for 25.
    assert_eq!(shape(&wire.pull()), [29]);
    wire.send(30_000);
    assert_eq!(shape(&wire.pull()).last(), Some(&29));
}

#[test]
fn order_and_repetition_do_not_matter() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    let packets: Vec<_> = (1..=6).map(|n| wire.packet(Some(n * 1_000))).collect();
    for n in [0, 2, 1, 3, 5, 4] {
        assert_eq!(wire.put(&packets[n]), Inserted::New);
        assert_eq!(wire.put(&packets[n]), Inserted::Duplicate);
        wire.now_us += 20_000;
    }
    // The overtaken ones were 40 ms later than the fastest.
    let heard: Vec<_> = (0..2).map(|_| shape(&wire.pull())).collect();
    assert_eq!(heard, [[5], [6]]);
    assert_eq!(wire.put(&packets[5]), Inserted::Duplicate);
    let old = (Header { sequence: 65_499, ..packets[0].0 }, packets[0].1.clone());
    assert_eq!(wire.put(&old), Inserted::Late);
    assert_eq!(wire.buffer.late(), 1);
}

#[test]
fn what_is_no_payload_is_odd() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    let header = Header::default();
    let mut put = |codec, payload: &[u8]| wire.buffer.insert(Time::ZERO, &header, codec, payload);
    assert_eq!(put(Codec::Pcmu, &[]), Inserted::Odd);
    assert_eq!(put(Codec::Pcmu, &[0; 1_500]), Inserted::Odd);
    // Nobody has made its decoder.
    assert_eq!(put(Codec::Opus, &[0x78, 0, 0]), Inserted::Odd);
    assert_eq!(put(Codec::Pcma, &[0; 480]), Inserted::New);
    wire.buffer.prepare([Codec::Opus].into_iter());
    let other = Header { sequence: 1, timestamp: 7, ..header };
    assert_eq!(wire.buffer.insert(Time::ZERO, &other, Codec::Opus, &[0x78, 0]), Inserted::New);
}

#[test]
fn a_loss_is_heard_as_no_step() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    // Sixteen alone, and one pair.
    wire.talk(20_000, 0, |n| (n < 50 || n % 60 != 0 && n != 421).then_some(0));
    assert!(wire.greatest_step(100) <= SMOOTH, "{}", wire.greatest_step(100));
    assert!((320..=380).contains(&wire.buffer.concealed_ms()), "{}", wire.buffer.concealed_ms());
    let quiet = wire.played[800..].chunks(80).filter(|part| part.iter().all(|s| s.abs() < 2_000));
    assert_eq!(quiet.count(), 0);
}

#[test]
fn a_voice_that_stops_fades_and_its_pause_is_no_loss() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    for round in 0..3 {
        wire.talk(1_000, 0, |_| Some(0));
        // Comfort noise takes numbers, time passes.
        let silence: Vec<_> = (0..10).map(|_| wire.pull()).collect();
        wire.buffer.skip(wire.sequence);
        wire.sequence = wire.sequence.wrapping_add(1);
        wire.timestamp = wire.timestamp.wrapping_add(1_600);
        assert_eq!(shape(silence.last().unwrap()), [0], "{round}");
        assert!(wire.buffer.quiet_ms() > 0);
    }
    assert_eq!((wire.buffer.late(), wire.buffer.concealed_ms()), (0, 0));
    assert!(wire.greatest_step(100) <= 2 * SMOOTH, "{}", wire.greatest_step(100));
}

#[test]
fn a_jump_of_the_timestamps_resumes_at_once() {
    for jump in [800_000_u32, 90_000_u32.wrapping_neg(), 5_000, 5_000_u32.wrapping_neg()] {
        let mut wire = Wire::new(Codec::Pcmu, 20);
        wire.talk(2_000, 0, |_| Some(0));
        wire.timestamp = wire.timestamp.wrapping_add(jump);
        wire.talk(2_000, 0, |_| Some(0));
        let quiet = wire.played[1_600..].chunks(160).filter(|part| part.iter().all(|s| *s == 0));
        assert!(quiet.count() <= 2, "{jump}");
        assert!(wire.buffer.target_ms() <= 20, "{jump}: {}", wire.buffer.target_ms());
    }
}

#[test]
fn a_sender_whose_clock_stood_still_is_heard_again() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    wire.talk(2_000, 0, |_| Some(0));
    (0..250).for_each(|_| drop(wire.pull()));
    wire.talk(3_000, 0, |_| Some(0));
    let quiet = wire.played[7 * 8_000..].chunks(160).map(|part| part.iter().all(|s| *s == 0));
    let quiet: Vec<_> = (0..).zip(quiet).filter(|(_, is_quiet)| *is_quiet).collect();
    assert!(quiet.len() <= 2, "{quiet:?}");
    assert!(wire.buffer.target_ms() <= 25, "{}", wire.buffer.target_ms());
}

#[test]
fn another_source_is_heard_after_a_reset_and_nothing_of_the_old_one() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    wire.talk(2_000, 0, |_| Some(0));
    wire.buffer.reset();
    (wire.sequence, wire.timestamp) = (7, 77);
    let heard: Vec<_> = (0..6)
        .map(|_| {
            wire.send(20_000);
            *shape(&wire.pull()).last().unwrap()
        })
        .collect();
    assert_eq!(heard[3..], [20, 20, 20]);
}

#[test]
fn the_delay_follows_the_network_up_and_down() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    let mut chance = chance();
    wire.talk(10_000, 0, |_| Some(0));
    assert_eq!(wire.buffer.target_ms(), 5);
    wire.talk(20_000, 0, |_| Some(chance(60_000)));
    let target = wire.buffer.target_ms();
    assert!((50..=65).contains(&target), "{target}");
    let (late, made) = (wire.buffer.late(), wire.buffer.concealed_ms());
    wire.talk(10_000, 0, |_| Some(chance(60_000)));
    assert!(wire.buffer.late() - late <= 10, "{} late", wire.buffer.late() - late);
    assert!(wire.buffer.concealed_ms() - made <= 400);
    // A stall each second, after which all comes at once.
    wire.talk(20_000, 0, |n| Some(100_000 - 20_000 * (n % 50).min(5)));
    let target = wire.buffer.target_ms();
    assert!((65..=105).contains(&target), "{target}");
    wire.talk(40_000, 0, |_| Some(0));
    assert_eq!(wire.buffer.target_ms(), 5);
    assert!(wire.greatest_step(100) <= 2 * SMOOTH, "{}", wire.greatest_step(100));
    // What waits is no more than that any more: a change of level is heard within 30 ms.
    let waited = (0..4).position(|_| {
        wire.send(30_000);
        shape(&wire.pull()).contains(&30)
    });
    assert!(waited <= Some(1), "{waited:?}");
}

#[test]
fn clocks_that_drift_are_followed_without_a_step() {
    for ppm in [-500, 500, -1_000, 1_500] {
        let mut wire = Wire::new(Codec::Pcmu, 20);
        wire.talk(120_000, ppm, |_| Some(0));
        let (late, made) = (wire.buffer.late(), wire.buffer.concealed_ms());
        assert_eq!((late, made), (0, 0), "{ppm}");
        assert!(wire.greatest_step(100) <= SMOOTH, "{ppm}: {}", wire.greatest_step(100));
        assert!(wire.buffer.target_ms() <= 35, "{ppm}: {}", wire.buffer.target_ms());
        assert!(wire.buffer.stage.pending() <= 320, "{ppm}: {}", wire.buffer.stage.pending());
    }
}

#[test]
fn a_stall_of_the_network_leaves_no_delay_behind() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    wire.talk(5_000, 0, |_| Some(0));
    // Two seconds come at once.
    wire.talk(4_000, 0, |n| Some(2_000_000_u64.saturating_sub(n * 20_000)));
    wire.talk(20_000, 0, |_| Some(0));
    assert!(wire.buffer.target_ms() <= 25, "{}", wire.buffer.target_ms());
    wire.send(30_000);
    wire.pull();
    wire.send(30_000);
    assert!(shape(&wire.pull()).contains(&30));
}

#[test]
fn codecs_change_in_the_middle() {
    let mut wire = Wire::new(Codec::Pcmu, 20);
    wire.talk(1_000, 0, |_| Some(0));
    wire.codec = Codec::Pcma;
    wire.talk(1_000, 0, |_| Some(0));
    assert_eq!((wire.buffer.late(), wire.buffer.concealed_ms()), (0, 0));
    wire.buffer.prepare([Codec::Pcmu, Codec::Opus].into_iter());
    let mut encoder = crate::Encoder::new(Codec::Opus);
    let mut out = [0; FRAME_MAX];
    let mut frames = Vec::new();
    for n in 0..100_u32 {
        let now = Time::from_micros(wire.now_us);
        let header = Header { sequence: 5, timestamp: n * 960, ..Header::default() };
        let header = Header { sequence: header.sequence + u16::try_from(n).unwrap(), ..header };
        let pcm: Vec<i16> = (0..960).map(|k| if k % 240 < 120 { 6_000 } else { -6_000 }).collect();
        let mut payload = [0; 320];
        let length = encoder.encode(&pcm, &mut payload);
        let into = wire.buffer.insert(now, &header, Codec::Opus, &payload[..length]);
        assert_eq!(into, Inserted::New, "{n}");
        frames.push(wire.buffer.pull(now, &mut out));
        wire.now_us += 20_000;
    }
    assert_eq!(frames[99], (960, 48_000));
    assert!(frames.iter().filter(|frame| **frame == (160, 8_000)).count() <= 4);
    assert!(out.iter().any(|sample| sample.abs() > 3_000));
    wire.codec = Codec::Pcmu;
    wire.talk(1_000, 0, |_| Some(0));
    assert_eq!(wire.buffer.pull(Time::from_micros(wire.now_us), &mut out), (160, 8_000));
    assert!(wire.played.iter().rev().take(160).any(|sample| *sample > 7_000));
}

#[test]
fn a_leg_of_g711_costs_little() {
    let mut buffer = Buffer::new();
    let all = |buffer: &Buffer| size_of::<Buffer>() + buffer.ring.size() + buffer.stage.size();
    assert!(all(&buffer) <= 4_500, "{} bytes", all(&buffer));
    buffer.open();
    assert!(all(&buffer) <= 8_000, "{} bytes", all(&buffer));
}

/// Before anybody wants to hear a leg, it has nothing to be heard from.
#[test]
fn what_is_not_open_is_silent() {
    let mut buffer = Buffer::new();
    let (header, mut out) = (Header::default(), [1; FRAME_MAX]);
    buffer.insert(Time::ZERO, &header, Codec::Pcmu, &[0; 160]);
    assert_eq!(buffer.pull(Time::from_millis(20), &mut out), (160, 8_000));
    assert_eq!(out[..160], [0; 160]);
}

proptest! {
    #[test]
    fn whatever_comes_is_played_in_frames(
        prepared in any::<[bool; crate::codec::CODECS]>(),
        acts in prop::collection::vec((any::<u8>(), any::<u16>(), any::<u32>(), 0..400_usize), 1..300),
    ) {
        let mut buffer = Buffer::new();
        let codecs = Codec::ALL.into_iter().filter(|codec| prepared[codec.index()]);
        buffer.prepare(codecs);
        buffer.open();
        let (mut now, mut next) = (0_u64, (0_u16, 0_u32));
        let mut out = [0; FRAME_MAX];
        for (act, small, large, length) in acts {
            let codec = Codec::ALL[usize::from(small) % Codec::ALL.len()];
            let step = codec.rtp_hz() / 50;
            match act {
                0..=127 => {
                    // A stream with losses and disorder, now and then anything.
                    let (sequence, timestamp) = match act {
                        0..=100 => next,
                        101..=115 => (next.0.wrapping_add(small % 8), next.1.wrapping_add(u32::from(small % 8) * step)),
                        _ => (small, large),
                    };
                    let header = Header { sequence, timestamp, ..Header::default() };
                    let payload: Vec<u8> = match act % 4 {
                        0 => large.to_le_bytes().into_iter().cycle().take(length).collect(),
                        1 => vec![0x78; length],
                        _ => vec![0x80; usize::try_from(step).unwrap().min(160)],
                    };
                    buffer.insert(Time::from_millis(now), &header, codec, &payload);
                    next = (sequence.wrapping_add(1), timestamp.wrapping_add(step));
                }
                128..=135 => buffer.skip(small),
                136..=138 => buffer.stop(),
                139..=141 => buffer.reset(),
                142..=146 => now += u64::from(large >> 20),
                _ => {
                    let (count, hz) = buffer.pull(Time::from_millis(now), &mut out);
                    prop_assert_eq!(count, hz as usize / 50);
                    prop_assert!([8_000, 16_000, 48_000].contains(&hz));
                    now += 20;
                }
            }
        }
    }
}
