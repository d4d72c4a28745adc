//! What a conference does beyond two laws of one codec: rates, seams, packets of other lengths,
//! prompts of several sounds, recordings.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test")]

mod common;

use common::{Bench, number, plan, row, speakers, strength, strength_at};
use media::{Codec, Command, Event, Hears, LegId, OpusWishes, Pcm, Plan, Source, Tap};

const A: f64 = 500.0;
const B: f64 = 900.0;
const C: f64 = 1_300.0;
const ALL: [f64; 3] = [A, B, C];

fn everybody(legs: u64) -> Vec<media::Row> {
    let others = |leg: u64| (1..=legs).filter(|other| *other != leg).collect::<Vec<_>>();
    (1..=legs).map(|leg| row(leg, speakers(&others(leg)))).collect()
}

fn music() -> Hears {
    Hears::Source(Source::Music("default".into()))
}

fn tone(hz: u16) -> Hears {
    Hears::Source(Source::Tone { hz, on_ms: 1_000, off_ms: 0 })
}

/// The tones a leg heard lately, once what came before has died away.
fn settled(bench: &mut Bench, leg: u64) -> Vec<u32> {
    bench.run(300);
    bench.listen(500);
    bench.tones(leg, &ALL)
}

#[test]
fn each_codec_hears_each_other_at_its_strength() {
    for first in Codec::ALL {
        for second in Codec::ALL {
            let mut bench = Bench::new();
            bench.leg(1, first, A);
            bench.leg(2, second, B);
            bench.matrix(1, everybody(2));
            bench.run(500);
            bench.listen(1_000);
            for (leg, hz) in [(1, B), (2, A)] {
                let rate = bench.rate(leg);
                let heard = bench.heard(leg);
                let strength = strength_at(&heard, hz, rate) * 32_768.0;
                let level_db = 20.0 * (strength / 6_000.0).log10();
                assert!(level_db.abs() < 0.7, "{first:?} {second:?} {leg}: {level_db} dB");
                bench.assert_continuous(leg);
            }
        }
    }
}

#[test]
fn all_codecs_in_one_conference() {
    let mut bench = Bench::new();
    for ((leg, codec), hz) in (1..).zip([Codec::Pcma, Codec::Opus, Codec::Pcmu]).zip(ALL) {
        bench.leg(leg, codec, hz);
    }
    bench.matrix(1, everybody(3));
    assert_eq!(settled(&mut bench, 1), [900, 1_300]);
    assert_eq!(settled(&mut bench, 2), [500, 1_300]);
    assert_eq!(settled(&mut bench, 3), [500, 900]);
    // The one with the best codec leaves, and comes back.
    bench.matrix(2, vec![row(1, speakers(&[3])), row(2, music()), row(3, speakers(&[1]))]);
    assert_eq!(settled(&mut bench, 1), [1_300]);
    assert_eq!(settled(&mut bench, 2), [0_u32; 0]);
    bench.matrix(3, everybody(3));
    assert_eq!(settled(&mut bench, 2), [500, 1_300]);
    (1..=3).for_each(|leg| bench.assert_continuous(leg));
}

/// The steepest step between two samples.
fn steepest(pcm: &[i16]) -> u16 {
    pcm.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap()
}

#[test]
fn a_change_of_source_is_heard_within_40_ms_and_makes_no_click() {
    for law in [Codec::Pcma, Codec::Pcmu] {
        let mut bench = Bench::new();
        bench.leg(1, law, A);
        bench.leg(2, Codec::Pcma, B);
        bench.leg(3, Codec::Pcma, C);
        let steps: [(Hears, f64); 7] = [
            (tone(400), 400.0),
            (speakers(&[2]), B),
            (tone(700), 700.0),
            (speakers(&[2, 3]), C),
            (tone(1_000), 1_000.0),
            (speakers(&[3]), C),
            (speakers(&[2]), B),
        ];
        bench.run(20);
        for (generation, (hears, hz)) in (1..).zip(steps) {
            // Not at the same point of the tones each time.
            bench.run(203 + generation);
            bench.matrix(generation, vec![row(1, hears), row(2, music()), row(3, music())]);
            bench.run(40);
            bench.listen(60);
            let heard = bench.heard(1);
            assert!(strength(&heard, hz) > 0.1, "{law:?} {generation}: {hz} not heard");
        }
        let mut bench = Bench::new();
        bench.leg(1, law, 0.0);
        // Not at a zero where a frame begins.
        bench.leg(2, Codec::Pcma, 517.0);
        bench.run(100);
        for generation in 1..200 {
            let hears = if generation % 2 == 0 { speakers(&[2]) } else { tone(463) };
            bench.matrix(generation, vec![row(1, hears), row(2, music())]);
            bench.run(60 + generation % 23);
        }
        // 500 Hz at 7300: a step of 2900 between two samples; a break goes up to 14600.
        let steep = steepest(&bench.heard(1)[160..]);
        assert!(steep < 5_000, "{law:?}: {steep}");
        bench.assert_continuous(1);
    }
}

/// The sharpest bend of what a leg heard in these frames of 20 ms: the second difference of three
/// samples, those of a rate of 8 kHz, so that the rate makes none of it.
fn bend(bench: &Bench, heard: &[i16], leg: u64, frames: core::ops::Range<usize>) -> u32 {
    let hz = bench.rate(leg) as usize;
    let (of, apart) = (hz / 50, hz / 8_000);
    let part = &heard[frames.start * of..frames.end * of];
    let at = |n: usize| i32::from(part[n]);
    let bends = apart..part.len() - apart;
    bends.map(|n| (at(n - apart) - 2 * at(n) + at(n + apart)).unsigned_abs()).max().unwrap()
}

/// How often of 16 times, each at another point of the tones, what the first leg hears bends sharper
/// by half where what the others say ends than before and after that; and the sharpest.
fn kinks(
    codecs: [Codec; 3],
    says: [f64; 3],
    mut turn: impl FnMut(&mut Bench, u64, bool),
) -> (usize, f64) {
    let mut bench = Bench::new();
    for ((leg, codec), hz) in (1..).zip(codecs).zip(says) {
        bench.leg(leg, codec, hz);
    }
    let mut turns = Vec::new();
    for generation in 1..=32 {
        turn(&mut bench, generation, generation % 2 == 0);
        turns.push(bench.packets(1).len());
        bench.run(480 + generation * 3);
    }
    let heard = bench.heard(1);
    let bend = |from: usize, to: usize| f64::from(bend(&bench, &heard, 1, from..to));
    turns.push(bench.packets(1).len());
    // Who sends nothing is soon left to be heard as that.
    let ends: Vec<_> = turns.windows(2).skip(1).step_by(2).map(|of| (of[0], of[1] - 1)).collect();
    // Music bends here more and there less: its sharpest counts.
    let after = ends.iter().filter(|(at, next)| at + 8 < *next);
    let after = after.map(|(at, next)| bend(at + 8, *next)).fold(0.0, f64::max);
    let seam = |(at, next): &(usize, usize)| {
        bend(at - 1, *next.min(&(at + 5))) / bend(at - 12, at - 2).max(after)
    };
    let seams: Vec<f64> = ends.iter().map(seam).collect();
    let worst = seams.iter().fold(0.0, |worst: f64, seam| worst.max(*seam));
    (seams.iter().filter(|seam| **seam > 1.5).count(), worst)
}

#[test]
fn a_source_that_ends_makes_no_kink() {
    let none = || Hears::Silence;
    let talk = [row(1, speakers(&[2])), row(2, speakers(&[1])), row(3, none())];
    let end = |hears: Hears| [row(1, hears.clone()), row(2, hears), row(3, none())];
    let (hold, silence) = (end(music()), end(none()));
    let barge = everybody(3);
    let monitor = [row(1, speakers(&[2])), row(2, speakers(&[1])), row(3, speakers(&[1, 2]))];
    let kinds = [Codec::Pcmu, Codec::G722, Codec::Opus];
    let pairs = kinds.into_iter().flat_map(|first| kinds.map(|next| [first, next, Codec::Pcma]));
    let mut wrong = Vec::new();
    for codecs in pairs {
        let mut check = |way: &str, says: [f64; 3], from: &[media::Row], to: &[media::Row]| {
            let (count, worst) = kinks(codecs, says, |bench, generation, ends| {
                bench.phones[1].mute = ends && to.is_empty();
                if !to.is_empty() || generation == 1 {
                    bench.matrix(generation, if ends { to } else { from }.to_vec());
                }
            });
            let line = format!("{codecs:?} {way} {says:?}: {count} of 16, {worst:.2}");
            println!("{line}");
            if count > 0 {
                wrong.push(line);
            }
        };
        for tone in [300.0, 517.0] {
            check("hold", [0.0, tone, 0.0], &talk, &hold);
            check("silence", [0.0, tone, 0.0], &talk, &silence);
        }
        check("forwarded, sends no more", [0.0, 517.0, 0.0], &talk, &[]);
        check("mixed, sends no more", [0.0, 517.0, 0.0], &barge, &[]);
        for says in [[0.0, 0.0, 517.0], [0.0, 517.0, 0.0], [0.0, 517.0, 791.0]] {
            check("barge to monitor", says, &barge, &monitor);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn who_has_been_heard_by_nobody_is_heard_as_they_are_within_40_ms() {
    for codec in Codec::ALL {
        let mut bench = Bench::new();
        bench.leg(1, Codec::Pcma, 0.0);
        bench.leg(2, Codec::Pcma, A);
        bench.leg(3, codec, C);
        let rows = |heard: &[u64]| vec![row(1, speakers(heard)), row(2, music()), row(3, music())];
        bench.matrix(1, rows(&[2]));
        bench.run(1_000);
        bench.matrix(2, rows(&[2, 3]));
        bench.run(20);
        bench.listen(20);
        let heard = strength(&bench.heard(1), C) * 32_768.0 / 6_000.0;
        assert!((0.9..1.1).contains(&heard), "{codec:?}: {heard}");
    }
}

#[test]
fn who_comes_with_a_better_codec_makes_no_click_for_those_who_are_there() {
    let mut bench = Bench::new();
    // One alone and two who share an encoder hear two, one of whom says nothing.
    let codecs = [Codec::Pcma, Codec::G722, Codec::G722, Codec::G722, Codec::Pcma, Codec::Opus];
    for (leg, codec) in (1..).zip(codecs) {
        bench.leg(leg, codec, if leg == 4 { 517.0 } else { 0.0 });
    }
    let left = [LegId(4)].into();
    let tap = Tap { recording: 9, hz: 8_000, left, paused: false };
    bench.command(Command::Record { conference: 1, tap: Some(tap) });
    let hear = |legs: &[u64]| legs.iter().map(|leg| row(*leg, speakers(&[4, 5]))).collect();
    let talk = [row(4, music()), row(5, music())];
    for generation in 1..100 {
        // The mix has 48 kHz while the sixth is there, and 16 without.
        let listeners: Vec<_> = hear(if generation % 2 == 0 { &[1, 2, 3, 6] } else { &[1, 2, 3] });
        bench.matrix(generation, [&listeners[..], &talk].concat());
        if generation == 1 {
            bench.run(500);
            bench.sent.clear();
            bench.recorded.clear();
        }
        bench.run(180 + generation % 23);
    }
    // A step of 2400 between two samples of 8 kHz, or of 1200 of 16; a break goes up to 12000.
    for (leg, most) in [(1, 3_500), (2, 2_500), (3, 2_500)] {
        let steep = steepest(&bench.heard(leg)[800..]);
        assert!(steep < most, "{leg}: {steep}");
        bench.assert_continuous(leg);
    }
    let recorded = bench.recorded.iter().flat_map(|frame| frame.channels[0].clone());
    let steep = steepest(&recorded.collect::<Vec<_>>());
    assert!(steep < 3_500, "recorded: {steep}");
}

/// What share of the power of the last 100 ms that a leg heard these tones are. Its decoder has heard
/// all from the beginning.
fn share(bench: &Bench, leg: u64, tones: &[f64]) -> f64 {
    let (pcm, rate) = (bench.heard(leg), bench.rate(leg));
    let last = &pcm[pcm.len() - rate as usize / 10..];
    let power = |hz: &f64| strength_at(last, *hz, rate).powi(2) / 2.0;
    let all = last.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum::<f64>();
    tones.iter().map(power).sum::<f64>() * last.len() as f64 / all
}

/// While a key is sent, by events or as a tone, the encoder says nothing that the peer does not get.
#[test]
fn a_key_is_clean_and_so_is_what_is_heard_after_it_whatever_the_codec_remembers() {
    let ways = [(true, false), (false, false), (true, true), (false, true)];
    for (codec, (has_events, is_forwarded)) in
        Codec::ALL.into_iter().flat_map(|codec| ways.map(|way| (codec, way)))
    {
        if codec == Codec::Opus && is_forwarded {
            // What another's encoder says after a gap goes as it is.
            continue;
        }
        let what = format!("{codec:?}, events: {has_events}, forwarded: {is_forwarded}");
        let mut bench = Bench::new();
        let plan = plan(1, codec);
        let events_out = plan.events_out.filter(|_| has_events);
        bench.command(Command::Leg(Plan { events_out, ..plan }));
        bench.leg(2, if is_forwarded { codec } else { Codec::Pcma }, A);
        bench.leg(3, Codec::Pcmu, 0.0);
        let heard: &[u64] = if is_forwarded { &[2] } else { &[2, 3] };
        bench.matrix(1, vec![row(1, speakers(heard)), row(2, music()), row(3, music())]);
        bench.run(500);
        let digits = "1".into();
        bench.command(Command::SendDtmf { leg: LegId(1), digits, duration_ms: 500 });
        bench.run(440);
        if !has_events {
            let heard = share(&bench, 1, &[697.0, 1_209.0]);
            assert!(heard > 0.95, "{what}: {heard}");
        }
        bench.run(60);
        // 20 ms of the end and the next 100; before what is forwarded there is a pause of 60.
        bench.run(if is_forwarded { 200 } else { 120 });
        let heard = share(&bench, 1, &[A]);
        assert!(heard > 0.95, "{what}: {heard}");
    }
}

#[test]
fn packets_are_as_long_as_the_peer_wants_them() {
    let codecs = [Codec::Pcma, Codec::G722, Codec::Opus];
    for (ptime_ms, codec) in
        [10, 20, 30, 40, 60].into_iter().flat_map(|ms: u16| codecs.map(|codec| (ms, codec)))
    {
        let what = format!("{codec:?} {ptime_ms}");
        let mut bench = Bench::new();
        bench.command(Command::Leg(Plan { ptime_ms, ..plan(1, codec) }));
        bench.leg(2, Codec::Pcmu, A);
        bench.leg(3, Codec::Pcmu, B);
        bench.matrix(1, vec![row(1, speakers(&[2, 3])), row(2, music()), row(3, music())]);
        bench.run(300);
        bench.sent.clear();
        bench.run(600);
        // It says nothing itself: what it hears is sent to where its description says.
        assert!(bench.packets(1).len() >= 600 / usize::from(ptime_ms) - 1, "{what}");
        let ticks = u32::from(ptime_ms) * codec.rtp_hz() / 1_000;
        let sent = bench.packets(1).iter().map(|sent| codec.ticks(&sent.payload));
        assert!(
            sent.clone().all(|length| length == ticks),
            "{what}: {:?}",
            sent.collect::<Vec<_>>()
        );
        assert_eq!(bench.tones(1, &ALL), [500, 900], "{what}");
        bench.assert_continuous(1);
        // What waits to fill a packet is sent before what is forwarded.
        bench.matrix(2, vec![row(1, music()), row(2, music()), row(3, music())]);
        bench.run(300);
        bench.matrix(3, vec![row(1, speakers(&[4])), row(2, music()), row(3, music())]);
        bench.run(310);
        bench.assert_continuous(1);
    }
}

/// Who takes packets of at most this length, and hears only a speaker of its own codec.
fn takes_at_most(maxptime_ms: u16, codec: Codec) -> Plan {
    let ptime_ms = maxptime_ms.min(20);
    Plan { ptime_ms, maxptime_ms: Some(maxptime_ms), ..plan(1, codec) }
}

fn longest_ms(bench: &Bench, leg: u64, codec: Codec) -> Option<u32> {
    bench
        .packets(leg)
        .iter()
        .map(|sent| codec.ticks(&sent.payload) / (codec.rtp_hz() / 1_000))
        .max()
}

#[test]
fn no_packet_is_longer_than_the_peer_takes() {
    for (codec, (spoken_ms, maxptime_ms, expected_ms)) in Codec::ALL.into_iter().flat_map(|codec| {
        let lengths =
            [(60, 20, 20), (40, 20, 20), (60, 40, 20), (20, 10, 10), (40, 40, 40), (20, 20, 20)];
        lengths.map(|length| (codec, length))
    }) {
        let what = format!("{codec:?}: {spoken_ms} ms to one who takes {maxptime_ms}");
        let mut bench = Bench::new();
        bench.command(Command::Leg(takes_at_most(maxptime_ms, codec)));
        bench.phones.push(common::Phone::new(1, codec, B));
        bench.leg(2, codec, A);
        bench.phones[1].ptime_ms = spoken_ms;
        bench.matrix(1, everybody(2));
        bench.run(600);
        let longest = longest_ms(&bench, 1, codec);
        assert!(
            longest.is_some_and(|longest| longest <= maxptime_ms.into()),
            "{what}: {longest:?}"
        );
        let mixed = bench.engine.counters().mixed;
        bench.listen(1_200);
        assert_eq!(longest_ms(&bench, 1, codec), Some(expected_ms), "{what}");
        let heard = strength_at(&bench.heard(1), A, bench.rate(1)) * 32_768.0 / 6_000.0;
        assert!((0.9..1.1).contains(&heard), "{what}: {heard}");
        bench.assert_continuous(1);
        // Whoever sets no limit is forwarded what comes, and so is whoever takes it.
        assert_eq!(bench.packets(2).len(), 60, "{what}");
        let is_mixed = bench.engine.counters().mixed > mixed;
        assert_eq!(is_mixed, spoken_ms > maxptime_ms.into(), "{what}");
    }
}

#[test]
fn a_speaker_whose_packets_become_too_long_is_heard_on_without_a_click() {
    for codec in Codec::ALL {
        let mut bench = Bench::new();
        bench.command(Command::Leg(takes_at_most(20, codec)));
        bench.leg(2, codec, 517.0);
        bench.matrix(1, vec![row(1, speakers(&[2])), row(2, music())]);
        bench.run(1_001);
        assert_eq!(bench.engine.counters().mixed, 0, "{codec:?}");
        let phone = &mut bench.phones[0];
        phone.ptime_ms = 60;
        bench.run(1_000);
        assert_eq!(longest_ms(&bench, 1, codec), Some(20), "{codec:?}");
        // The speaker says nothing for 40 ms more than before, and is then behind by its buffer.
        let sent = bench.packets(1);
        for pair in sent.windows(2) {
            let (old, new) = (&pair[0], &pair[1]);
            assert_eq!(new.header.ssrc, old.header.ssrc);
            assert_eq!(new.header.sequence, old.header.sequence.wrapping_add(1), "{codec:?}");
            let ticks = new.header.timestamp.wrapping_sub(old.header.timestamp);
            let step_ms = u64::from(ticks / (codec.rtp_hz() / 1_000));
            let gap = new.at - old.at;
            assert!(gap <= common::ms(80) && (20..=80).contains(&step_ms), "{gap:?} {step_ms}");
            assert!(step_ms == 20 || common::ms(step_ms) == gap, "{codec:?}: {gap:?} {step_ms}");
        }
        let rate = bench.rate(1);
        let heard = bench.heard(1);
        let per_ms = rate as usize / 1_000;
        let settled = &heard[200 * per_ms..];
        let is_quiet = |part: &[i16]| part.iter().all(|sample| sample.abs() < 3_000);
        assert!(!settled.chunks_exact(10 * per_ms).any(is_quiet), "{codec:?}");
        // A step of 2440 between two samples of 8 kHz, or of less where there are more; a break goes up
        // to 12000.
        let most = if codec.is_stateless() { 3_000 } else { 1_800 };
        assert!(steepest(settled) < most, "{codec:?}: {}", steepest(settled));
        // Another source of short packets is forwarded again, in the first pause.
        let phone = &mut bench.phones[0];
        (phone.ptime_ms, phone.ssrc, phone.hz) = (20, 99, 0.0);
        bench.run(1_000);
        bench.phones[0].hz = A;
        let mixed = bench.engine.counters().mixed;
        bench.listen(500);
        assert_eq!(bench.engine.counters().mixed, mixed, "{codec:?}");
        assert!(strength_at(&bench.heard(1), A, rate) > 0.1, "{codec:?}");
    }
}

/// RFC 7587 section 6.1: what a peer says in its `a=fmtp` bounds what it is sent.
#[test]
fn opus_is_sent_as_the_peer_wants_it() {
    let wishes = [
        "useinbandfec=1",
        "maxaveragebitrate=12000;cbr=1",
        "maxplaybackrate=8000",
        "maxplaybackrate=16000;maxaveragebitrate=20000",
    ];
    let mut bench = Bench::new();
    for (leg, text) in (1..).zip(wishes) {
        let wishes = OpusWishes::parse(text);
        bench.command(Command::Leg(Plan { wishes, ..plan(leg, Codec::Opus) }));
    }
    bench.leg(8, Codec::Pcmu, A);
    bench.leg(9, Codec::Pcmu, B);
    let listeners = (1..=4).map(|leg| row(leg, speakers(&[8, 9])));
    bench.matrix(1, listeners.chain([row(8, music()), row(9, music())]).collect());
    bench.run(500);
    bench.listen(2_000);
    let sizes = |leg: u64| bench.packets(leg).iter().map(|sent| sent.payload.len());
    let bitrate = |leg: u64| sizes(leg).sum::<usize>() * 8 / 2;
    let bandwidth = |leg: u64| {
        let first = bench.packets(leg)[50].payload[0] >> 3;
        // RFC 6716 table 2: narrow, medium, wide, super-wide and full.
        match first {
            0..=11 => first / 4,
            12..=13 => 3,
            14..=15 => 4,
            _ => [0, 2, 3, 4][usize::from(first - 16) / 4],
        }
    };
    assert!((40_000..50_000).contains(&bitrate(1)), "{}", bitrate(1));
    assert!((10_000..12_500).contains(&bitrate(2)), "{}", bitrate(2));
    assert!(sizes(2).all(|size| size == 30), "{:?}", sizes(2).collect::<Vec<_>>());
    assert!(bitrate(3) < 20_000 && bitrate(4) < 22_000, "{} {}", bitrate(3), bitrate(4));
    assert_eq!([bandwidth(1), bandwidth(3), bandwidth(4)], [4, 0, 2]);
    for leg in 1..=4 {
        assert_eq!(bench.tones(leg, &ALL), [500, 900], "{leg}");
        bench.assert_continuous(leg);
    }
}

fn wave(hz: f64, rate: u32, length_ms: u32) -> Pcm {
    let count = rate / 1_000 * length_ms;
    let sample =
        |n: u32| (f64::from(n) * hz * std::f64::consts::TAU / f64::from(rate)).sin() * 8_000.0;
    Pcm { hz: rate, samples: (0..count).map(|n| sample(n) as i16).collect::<Vec<_>>().into() }
}

#[test]
fn a_prompt_is_its_sounds_in_order_whatever_their_rates() {
    for codec in Codec::ALL {
        let mut bench = Bench::new();
        for (name, hz, rate) in [("a", A, 8_000), ("b", B, 16_000), ("c", C, 48_000)] {
            let sound = wave(hz, rate, 400);
            bench.command(Command::AddSound { name: name.into(), sound });
        }
        bench.leg(1, codec, 0.0);
        let sounds = ["a", "x", "c", "b"].map(Into::into).into();
        bench.matrix(1, vec![row(1, Hears::Source(Source::Prompt { play: 5, sounds }))]);
        let mut order = Vec::new();
        for _ in 0..4 {
            bench.sent.clear();
            bench.run(400);
            let heard = bench.tones(1, &ALL);
            order.push(heard.first().copied());
        }
        assert_eq!(order, [Some(500), Some(1_300), Some(900), None], "{codec:?}");
        let played = Event::Played { leg: LegId(1), play: 5, missing: Some("x".into()) };
        assert_eq!(bench.events.iter().filter(|event| **event == played).count(), 1);
        bench.assert_continuous(1);
    }
}

#[test]
fn wideband_music_is_wideband_for_those_who_can_hear_it() {
    let mut bench = Bench::new();
    let sound = wave(6_000.0, 16_000, 1_000);
    bench.command(Command::AddSound { name: "high".into(), sound });
    for leg in 1..=4 {
        let codec = if leg < 3 { Codec::Opus } else { Codec::Pcma };
        bench.leg(leg, codec, 0.0);
        let hears = Hears::Source(Source::Music("high".into()));
        let rows = vec![row(leg, hears)];
        bench.command(Command::Matrix { conference: leg, generation: 1, rows });
    }
    bench.run(200);
    bench.listen(500);
    for leg in 1..=4 {
        let level = strength_at(&bench.heard(leg), 6_000.0, bench.rate(leg));
        assert_eq!(level > 0.15, leg < 3, "{leg}: {level}");
        // Nothing is folded down to where it does not belong.
        assert!(strength_at(&bench.heard(leg), 2_000.0, bench.rate(leg)) < 0.002, "{leg}");
    }
    // A sound that is taken away plays on for those who hear it.
    bench.command(Command::RemoveSound { name: "high".into() });
    bench.listen(500);
    assert!(strength_at(&bench.heard(1), 6_000.0, 48_000) > 0.15);
    let rows = vec![row(1, music())];
    bench.command(Command::Matrix { conference: 1, generation: 2, rows });
    let rows = vec![row(1, Hears::Source(Source::Music("high".into())))];
    bench.command(Command::Matrix { conference: 1, generation: 3, rows });
    bench.listen(500);
    assert!(
        strength_at(&bench.heard(1), 6_000.0, 48_000) < 0.01,
        "who comes later hears the default"
    );
}

#[test]
fn a_recording_has_the_left_and_the_right_whatever_is_heard() {
    for (codecs, hz) in [
        ([Codec::Pcma, Codec::Pcma, Codec::Pcmu], 8_000),
        ([Codec::Pcma, Codec::Opus, Codec::Pcmu], 16_000),
    ] {
        let mut bench = Bench::new();
        let tap = |paused, left: &[u64]| Command::Record {
            conference: 1,
            tap: Some(Tap {
                recording: 9,
                hz,
                left: left.iter().map(|leg| LegId(*leg)).collect(),
                paused,
            }),
        };
        bench.command(tap(false, &[1]));
        for ((leg, codec), tone) in (1..).zip(codecs).zip(ALL) {
            bench.leg(leg, codec, tone);
        }
        // Two who are forwarded: nothing of it shows, and both are recorded.
        bench.matrix(1, vec![row(1, speakers(&[2])), row(2, speakers(&[1])), row(3, music())]);
        let check = |bench: &mut Bench, left: &[u32], right: &[u32], name: &str| {
            bench.run(200);
            bench.listen(1_000);
            assert_eq!(bench.recorded.len(), 50, "{name}");
            assert!(
                bench.recorded.windows(2).all(|pair| pair[1].frame == pair[0].frame + 1),
                "{name}"
            );
            let channel = |side: usize| -> Vec<u32> {
                let frames = bench.recorded.iter().flat_map(|frame| &frame.channels[side]);
                let pcm: Vec<i16> = frames.copied().collect();
                assert_eq!(pcm.len(), hz as usize, "{name}");
                let heard = |tone: &&f64| strength_at(&pcm, **tone, hz) > 0.05;
                ALL.iter().filter(heard).map(|tone| *tone as u32).collect()
            };
            assert_eq!(channel(0), left, "{name}: left");
            assert_eq!(channel(1), right, "{name}: right");
        };
        check(&mut bench, &[500], &[900], "forwarded");
        bench.matrix(2, everybody(3));
        check(&mut bench, &[500], &[900, 1_300], "three");
        bench.matrix(3, vec![row(1, music()), row(2, speakers(&[3])), row(3, speakers(&[2]))]);
        check(&mut bench, &[], &[900, 1_300], "held");
        bench.command(tap(true, &[1]));
        check(&mut bench, &[], &[], "paused");
        bench.command(tap(false, &[1, 2]));
        // What was said in the pause may be on its way.
        bench.listen(390);
        let is_silent = |frame: &common::Recorded| frame.channels.iter().flatten().all(|s| *s == 0);
        assert!(bench.recorded.len() >= 19 && bench.recorded.iter().all(is_silent));
        check(&mut bench, &[900], &[1_300], "left is told anew");
        bench.command(Command::Record { conference: 1, tap: None });
        bench.listen(200);
        assert!(bench.recorded.is_empty());
        (1..=3).for_each(|leg| bench.assert_continuous(leg));
        assert_eq!(bench.engine.counters().overflowed, 0);
    }
}

#[test]
fn a_payload_that_cannot_be_forwarded_is_not() {
    // Its plan says one law, it sends what the listener could not read.
    let mut bench = Bench::new();
    let mut both = plan(1, Codec::Pcma);
    both.payloads_in.push((number(Codec::Opus), Codec::Opus));
    bench.command(Command::Leg(both));
    bench.phones.push(common::Phone::new(1, Codec::Opus, A));
    bench.leg(2, Codec::Pcma, B);
    bench.matrix(1, everybody(2));
    bench.run(200);
    bench.listen(300);
    assert!(bench.packets(2).iter().all(|sent| sent.payload.len() == 160));
}
