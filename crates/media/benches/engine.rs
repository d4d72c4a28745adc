//! What a leg's 20 ms cost in the engine: its packet in, and what it is sent.
//!
//! `cargo bench -p media --bench engine` prints nanoseconds for each leg and frame, the least of
//! several runs; `… -- NAME FRAMES` does one thing that often and prints nothing, for callgrind.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench reads the clock, prints, and panics when its input is bad"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use common::{Phone, ms, phone, plan, port, row, speakers};
use media::{
    Channel, Codec, Command, Engine, EngineSettings, Hears, Input, LegId, Row, Source, Tap,
};

/// Conferences at once.
const CALLS: u64 = 100;
/// Packets of each phone, made before and sent in turn.
const PACKETS: usize = 100;

/// What the legs of one conference hear, by their places.
type Shape = fn(&[u64]) -> Vec<Row>;

struct Case {
    name: &'static str,
    codecs: &'static [Codec],
    shape: Shape,
    recorded: bool,
}

fn waiting(legs: &[u64]) -> Vec<Row> {
    legs.iter().map(|leg| row(*leg, Hears::Source(Source::Music("default".into())))).collect()
}

fn everybody(legs: &[u64]) -> Vec<Row> {
    let others = |leg: u64| legs.iter().copied().filter(|o| *o != leg).collect::<Vec<_>>();
    legs.iter().map(|leg| row(*leg, speakers(&others(*leg)))).collect()
}

fn monitored(legs: &[u64]) -> Vec<Row> {
    let [customer, operator, supervisor] = legs else { return Vec::new() };
    vec![
        row(*customer, speakers(&[*operator])),
        row(*operator, speakers(&[*customer])),
        row(*supervisor, speakers(&[*customer, *operator])),
    ]
}

const LAWS: &[Codec] = &[Codec::Pcma, Codec::Pcma];
const THREE: &[Codec] = &[Codec::Pcma, Codec::Pcma, Codec::Pcma];
const MIXED: &[Codec] = &[Codec::Pcma, Codec::Opus];

const CASES: &[Case] = &[
    Case { name: "waiting", codecs: LAWS, shape: waiting, recorded: false },
    Case { name: "forwarded", codecs: LAWS, shape: everybody, recorded: false },
    Case { name: "forwarded_recorded", codecs: LAWS, shape: everybody, recorded: true },
    Case { name: "monitored", codecs: THREE, shape: monitored, recorded: false },
    Case { name: "three", codecs: THREE, shape: everybody, recorded: false },
    Case { name: "three_recorded", codecs: THREE, shape: everybody, recorded: true },
    Case { name: "transcoded", codecs: MIXED, shape: everybody, recorded: false },
];

struct Running {
    engine: Engine,
    legs: Vec<(u64, Vec<Vec<u8>>)>,
    tick: u64,
}

impl Case {
    fn start(&self) -> Running {
        let mut engine = Engine::new(EngineSettings::default());
        let mut legs = Vec::new();
        for call in 0..CALLS {
            let first = 1 + call * self.codecs.len() as u64;
            let ids: Vec<u64> = (first..).take(self.codecs.len()).collect();
            let mut command = |command| engine.handle(ms(0), Input::Command(command));
            for (leg, codec) in ids.iter().zip(self.codecs) {
                command(Command::Leg(plan(*leg, *codec)));
                let mut phone = Phone::new(*leg, *codec, 300.0 + 7.0 * (*leg % 64) as f64);
                legs.push((*leg, (0..PACKETS).map(|_| phone.packet()).collect()));
            }
            let tap = Tap { recording: call, hz: 8_000, left: vec![LegId(first)], paused: false };
            let tap = self.recorded.then_some(tap);
            command(Command::Record { conference: call, tap });
            command(Command::Matrix { conference: call, generation: 1, rows: (self.shape)(&ids) });
        }
        Running { engine, legs, tick: 1 }
    }
}

impl Running {
    /// Twenty milliseconds of everybody.
    fn frame(&mut self, number: usize) {
        for _ in 0..4 {
            let now = ms(self.tick * 5);
            // The phones are spread over the four phases.
            for (leg, packets) in self.legs.iter_mut().filter(|(leg, _)| leg % 4 == self.tick % 4) {
                let packet = &mut packets[number % PACKETS];
                // Each time round the numbers go on.
                let round = u16::try_from(number / PACKETS * PACKETS).expect("a short run");
                let sequence = u16::from_be_bytes([packet[2], packet[3]]);
                let ticks = if packet.len() == 172 { 160 } else { 960 };
                let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
                let mut sent = [0; 1_500];
                sent[..packet.len()].copy_from_slice(packet);
                sent[2..4].copy_from_slice(&sequence.wrapping_add(round).to_be_bytes());
                let moved = timestamp.wrapping_add(u32::from(round) * ticks);
                sent[4..8].copy_from_slice(&moved.to_be_bytes());
                let sent = &sent[..packet.len()];
                self.engine.packet(now, port(*leg), Channel::Rtp, phone(*leg), sent);
            }
            self.engine.handle_timeout(now);
            while self.engine.poll_output().is_some() {}
            self.tick += 1;
        }
    }

    fn run(&mut self, frames: usize) {
        let begin = usize::try_from(self.tick / 4).expect("a short run");
        (begin..begin + frames).for_each(|number| self.frame(number));
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [name, frames] = &words[..] {
        let case = CASES.iter().find(|case| case.name == name).expect("the name of a case");
        case.start().run(frames.parse().expect("a number of frames"));
        return;
    }
    for case in CASES {
        let mut running = case.start();
        running.run(50);
        let legs = running.legs.len() as f64;
        let measure = |_| {
            let start = Instant::now();
            running.run(100);
            start.elapsed().as_secs_f64() * 1e9 / (100.0 * legs)
        };
        let least = (0..10).map(measure).fold(f64::INFINITY, f64::min);
        println!("{:20} {least:8.0} ns", case.name);
    }
}
