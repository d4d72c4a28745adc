//! A tick allocates nothing: music, forwarding, mixing and recording in all codecs are watched by an
//! allocator that counts.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use common::{Phone, ms, phone, plan, port, row, speakers};
use media::{
    Channel, Codec, Command, Engine, EngineSettings, Hears, Input, Output, Plan, Row, Source, Tap,
};

struct Counting;

thread_local! {
    /// Of this thread: tests run beside each other.
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count() -> u64 {
    COUNT.with(Cell::get)
}

fn counted() {
    // A thread that is ending has none any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

fn held(more: usize, less: usize) {
    let change = more.cast_signed() - less.cast_signed();
    let _ = HELD.try_with(|held| held.set(held.get() + change));
}

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        counted();
        held(layout.size(), 0);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        held(0, layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        counted();
        held(size, layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Twelve seconds of these conferences, reports included; the first two do not count.
fn allocations(conferences: &[Vec<Row>], codecs: &[Codec]) -> (u64, u64) {
    let mut engine = Engine::new(EngineSettings::default());
    let mut phones = Vec::new();
    for (id, rows) in (1..).zip(conferences) {
        for row in rows {
            let Some(codec) = codecs.iter().cycle().nth(phones.len()).copied() else { continue };
            let command = Command::Leg(plan(row.leg.0, codec));
            engine.handle(ms(0), Input::Command(command));
            phones.push(Phone::new(row.leg.0, codec, 500.0));
        }
        let command = Command::Matrix { conference: id, generation: 1, rows: rows.clone() };
        engine.handle(ms(0), Input::Command(command));
        let left = rows.iter().map(|row| row.leg).take(1).collect();
        let tap = Some(Tap { recording: id, hz: 16_000, left, paused: false });
        engine.handle(ms(0), Input::Command(Command::Record { conference: id, tap }));
    }
    let (mut allocated, mut sent, mut recorded) = (0, 0, 0);
    for tick in 1..=2_400u64 {
        let now = ms(tick * 5);
        let packets: Vec<_> = match tick % 4 {
            0 => phones.iter_mut().map(|phone| (phone.leg, phone.packet())).collect(),
            _ => Vec::new(),
        };
        let before = count();
        for (leg, packet) in &packets {
            engine.packet(now, port(*leg), Channel::Rtp, phone(*leg), packet);
        }
        engine.handle_timeout(now);
        while let Some(output) = engine.poll_output() {
            match output {
                Output::Packet { .. } => sent += 1,
                Output::Recorded { .. } => recorded += 1,
                Output::Event(_) => {}
            }
        }
        if tick > 400 {
            allocated += count() - before;
        }
    }
    // One less where a conference has gone on in a later phase.
    assert!(recorded >= 599 * conferences.len(), "{recorded}");
    (allocated, sent)
}

/// All that is the engine's in 5 ms; returns how often it took memory.
fn tick(engine: &mut Engine, at_ms: u64, packets: &[(u64, Vec<u8>)]) -> u64 {
    let before = count();
    for (leg, packet) in packets {
        engine.packet(ms(at_ms), port(*leg), Channel::Rtp, phone(*leg), packet);
    }
    engine.handle_timeout(ms(at_ms));
    while engine.poll_output().is_some() {}
    count() - before
}

#[test]
fn a_mix_becomes_forwarding_without_memory_and_a_prompt_ends_without() {
    let mut engine = Engine::new(EngineSettings::default());
    let (codecs, ids) = ([Codec::Pcma, Codec::Pcmu, Codec::Opus], [1, 2, 3]);
    let mut phones: Vec<_> =
        codecs.iter().zip(ids).map(|(codec, leg)| Phone::new(leg, *codec, 500.0)).collect();
    for (codec, leg) in codecs.iter().zip(ids) {
        engine.handle(ms(0), Input::Command(Command::Leg(plan(leg, *codec))));
    }
    let matrix = |engine: &mut Engine, generation, rows| {
        let command = Command::Matrix { conference: 1, generation, rows };
        engine.handle(ms(generation), Input::Command(command));
    };
    let sounds = Command::AddSound {
        name: "short".into(),
        sound: media::Pcm { hz: 16_000, samples: vec![900; 20_000].into() },
    };
    engine.handle(ms(0), Input::Command(sounds));
    let third = |hears| row(3, hears);
    let (one, two) = (row(1, speakers(&[2, 3])), row(2, speakers(&[1, 3])));
    matrix(&mut engine, 1, vec![one, two, third(speakers(&[1, 2]))]);
    let mut allocated = 0;
    for n in 1..=1_200u64 {
        if n == 400 {
            let hears = common::prompt(1, "short");
            let (one, two) = (row(1, speakers(&[2])), row(2, speakers(&[1])));
            matrix(&mut engine, 2, vec![one, two, third(hears)]);
        }
        if n == 600 {
            phones.iter_mut().for_each(|phone| phone.hz = 0.0);
        }
        let packets: Vec<_> = match n % 4 {
            0 => phones.iter_mut().map(|phone| (phone.leg, phone.packet())).collect(),
            _ => Vec::new(),
        };
        let forwarded = engine.counters().forwarded;
        let taken = tick(&mut engine, n * 5, &packets);
        assert!(n > 500 || forwarded == 0, "a mix is not left while somebody speaks");
        if n > 100 {
            allocated += taken;
        }
    }
    assert_eq!(allocated, 0);
    assert!(engine.counters().forwarded > 200);
}

#[test]
fn who_takes_no_long_packets_is_mixed_for_without_memory() {
    for codec in Codec::ALL {
        let mut engine = Engine::new(EngineSettings::default());
        let limited = Plan { maxptime_ms: Some(20), ..plan(1, codec) };
        for plan in [limited, plan(2, codec)] {
            engine.handle(ms(0), Input::Command(Command::Leg(plan)));
        }
        let rows = vec![row(1, speakers(&[2])), row(2, speakers(&[1]))];
        let command = Command::Matrix { conference: 1, generation: 1, rows };
        engine.handle(ms(0), Input::Command(command));
        let mut speaker = Phone::new(2, codec, 500.0);
        let mut allocated = 0;
        for n in 1..=1_200u64 {
            if n == 300 {
                speaker.ptime_ms = 60;
            }
            let is_due = n % if n < 300 { 4 } else { 12 } == 0;
            let packets: Vec<_> = is_due.then(|| (2, speaker.packet())).into_iter().collect();
            let taken = tick(&mut engine, n * 5, &packets);
            assert_eq!(engine.counters().mixed > 0, n >= 300, "{codec:?} {n}");
            // The change itself is arranged with memory, as an order is.
            if n > 40 && n != 300 {
                allocated += taken;
            }
        }
        assert_eq!(allocated, 0, "{codec:?}");
    }
}

#[test]
fn a_tick_allocates_nothing() {
    let music = || Hears::Source(Source::Music("default".into()));
    let waiting: Vec<_> = (1..=20).map(|leg| vec![row(leg, music())]).collect();
    let ringing = vec![row(1, Hears::Source(Source::Ringing)), row(2, Hears::Silence)];
    let talking: Vec<_> = (0..10)
        .map(|call| (2 * call + 1, 2 * call + 2))
        .map(|(a, b)| vec![row(a, speakers(&[b])), row(b, speakers(&[a]))])
        .collect();
    let everybody = |leg: u64| -> Vec<u64> { (1..=7).filter(|other| *other != leg).collect() };
    let meeting: Vec<_> = (1..=7).map(|leg| row(leg, speakers(&everybody(leg)))).collect();
    for (name, conferences, packets) in [
        ("music", waiting, 12_000),
        ("ringing", vec![ringing], 1_200),
        ("forward", talking, 12_000),
        ("mix", vec![meeting], 4_200),
    ] {
        let laws = [Codec::Pcmu, Codec::Pcma];
        let (allocated, sent) = allocations(&conferences, &laws);
        assert_eq!(allocated, 0, "{name}");
        assert!(sent >= packets - 50, "{name}: {sent}");
        // An Opus encoder takes its time: of many of a kind a few will do.
        let few = &conferences[..conferences.len().min(Codec::ALL.len())];
        let (allocated, _) = allocations(few, &Codec::ALL);
        assert_eq!(allocated, 0, "{name} {:?}", Codec::ALL);
    }
}

/// Bytes that each of many calls of two takes in the engine, in these codecs; what libopus itself
/// takes is not seen here.
fn bytes_of_a_call(codecs: [Codec; 2]) -> isize {
    let mut engine = Engine::new(EngineSettings::default());
    let mut begin = |call: u64| {
        let legs = [2 * call, 2 * call + 1];
        for (leg, codec) in legs.into_iter().zip(codecs) {
            engine.handle(ms(0), Input::Command(Command::Leg(plan(leg, codec))));
        }
        let rows = vec![row(legs[0], speakers(&[legs[1]])), row(legs[1], speakers(&[legs[0]]))];
        let command = Command::Matrix { conference: call, generation: 1, rows };
        engine.handle(ms(0), Input::Command(command));
        while engine.poll_output().is_some() {}
    };
    (1..200).for_each(&mut begin);
    let before = HELD.with(Cell::get);
    (200..600).for_each(&mut begin);
    (HELD.with(Cell::get) - before) / 400
}

#[test]
fn a_call_takes_little_memory() {
    let check = |codecs, most| {
        let bytes = bytes_of_a_call(codecs);
        assert!((1_000..=most).contains(&bytes), "{codecs:?}: {bytes} bytes");
    };
    check([Codec::Pcma, Codec::Pcmu], 16_000);
    // 200 ms of what was forwarded last, to follow the peer's decoder by, are 3.2 kB of it.
    check([Codec::G722, Codec::G722], 27_500);
    // As are 7.7 kB the ends of what was heard.
    check([Codec::Opus, Codec::Opus], 43_000);
    check([Codec::Opus, Codec::Pcma], 76_000);
}
