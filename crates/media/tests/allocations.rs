//! In steady state a tick allocates nothing: music, forwarding and mixing are watched by an
//! allocator that counts.
#![allow(unsafe_code, reason = "a global allocator cannot be written without")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use common::{Phone, ms, phone, plan, port, row, speakers};
use media::{Channel, Codec, Command, Engine, EngineSettings, Hears, Input, Output, Row, Source};

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: all is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Twelve seconds of these conferences, reports included; the first two do not count.
fn allocations(conferences: &[Vec<Row>]) -> (u64, u64) {
    let mut engine = Engine::new(EngineSettings::default());
    let mut phones = Vec::new();
    for (id, rows) in (1..).zip(conferences) {
        for row in rows {
            let codec = if row.leg.0 % 2 == 0 { Codec::Pcmu } else { Codec::Pcma };
            let command = Command::Leg(plan(row.leg.0, codec));
            engine.handle(ms(0), Input::Command(command));
            phones.push(Phone::new(row.leg.0, codec, 500.0));
        }
        let command = Command::Matrix { conference: id, generation: 1, rows: rows.clone() };
        engine.handle(ms(0), Input::Command(command));
    }
    let (mut allocated, mut sent) = (0, 0);
    for tick in 1..=2_400u64 {
        let now = ms(tick * 5);
        let packets: Vec<_> = match tick % 4 {
            0 => phones.iter_mut().map(|phone| (phone.leg, phone.packet())).collect(),
            _ => Vec::new(),
        };
        let before = COUNT.load(Ordering::Relaxed);
        for (leg, packet) in &packets {
            engine.packet(now, port(*leg), Channel::Rtp, phone(*leg), packet);
        }
        engine.handle_timeout(now);
        while let Some(output) = engine.poll_output() {
            sent += u64::from(matches!(output, Output::Packet { .. }));
        }
        if tick > 400 {
            allocated += COUNT.load(Ordering::Relaxed) - before;
        }
    }
    (allocated, sent)
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
        let (allocated, sent) = allocations(&conferences);
        assert_eq!(allocated, 0, "{name}");
        assert!(sent >= packets - 50, "{name}: {sent}");
    }
}
