//! What a decoder makes of a change of source where the codec has a memory: no burst, no click.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test")]

mod common;

use common::{Bench, row, speakers};
use media::{Codec, Hears, Source};

const TURNS: usize = 10;
/// Frames that are looked at after a change, and those by which it is over.
const AFTER: usize = 10;
const OVER: std::ops::Range<usize> = 18..24;

/// What a leg may hear: forwarded, a mix of one whose codec is another, a mix of two, music, silence.
fn sources() -> [(&'static str, Hears); 5] {
    [
        ("forwarded", speakers(&[2])),
        ("transcoded", speakers(&[3])),
        ("mixed", speakers(&[3, 5])),
        ("music", Hears::Source(Source::Music("default".into()))),
        ("silence", Hears::Silence),
    ]
}

/// The loudest sample, and the steepest step between two.
fn measured(pcm: &[i16]) -> (u16, u16) {
    let peak = pcm.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    let step = pcm.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
    (peak, step)
}

/// What a leg heard of 20 ms each, and in which of them it began to hear something else.
struct Ear {
    codec: Codec,
    heard: Vec<i16>,
    turns: Vec<usize>,
}

impl Ear {
    fn frames(&self, range: std::ops::Range<usize>) -> (u16, u16) {
        let of = self.codec.frame();
        measured(&self.heard[range.start * of..range.end * of])
    }

    /// Once the change is over. Music is not as loud everywhere: its loudest counts.
    fn steady(&self, turn: usize, what: &str) -> (u16, u16) {
        let at = self.turns[turn];
        let (peak, step) = self.frames(at + OVER.start..at + OVER.end);
        let least = match what {
            "music" if self.codec == Codec::Opus => (4_910, 310),
            "music" => (4_910, 900),
            _ => (500, 150),
        };
        (peak.max(least.0), step.max(least.1))
    }
}

/// Leg 1 goes to and fro between two sources, leg 4 hears the second all the time.
fn to_and_fro(codec: Codec, first: &Hears, second: &Hears) -> [Ear; 2] {
    let mut bench = Bench::new();
    let codecs = [codec, codec, Codec::Pcma, codec, Codec::Pcma];
    for (leg, codec) in (1..).zip(codecs) {
        bench.leg(leg, codec, if leg == 2 || leg == 3 { 517.0 } else { 0.0 });
    }
    let rows = |hears: &Hears| {
        let talkers = [2, 3, 5].map(|leg| row(leg, Hears::Silence));
        [row(1, hears.clone()), row(4, second.clone())].into_iter().chain(talkers).collect()
    };
    bench.run(20);
    bench.matrix(1, rows(first));
    bench.run(1_000);
    let mut turns = Vec::new();
    for turn in 0..TURNS as u64 + 2 {
        bench.matrix(2 + turn, rows(if turn % 2 == 0 { second } else { first }));
        turns.push([1, 4].map(|leg| bench.packets(leg).len()));
        // Not at the same point of the tone each time.
        bench.run(500 + turn % 7 * 3);
    }
    [(0, 1), (1, 4)].map(|(n, leg)| {
        bench.assert_continuous(leg);
        Ear { codec, heard: bench.heard(leg), turns: turns.iter().map(|at| at[n]).collect() }
    })
}

#[test]
fn a_change_of_source_is_no_burst_and_no_click_to_a_decoder_with_a_memory() {
    let mut wrong = Vec::new();
    for codec in [Codec::G722, Codec::Opus] {
        for (n, (from, first)) in sources().into_iter().enumerate() {
            for (to, second) in sources().into_iter().skip(n + 1) {
                let [ear, other] = to_and_fro(codec, &first, &second);
                for turn in 1..=TURNS {
                    let (old, new) = if turn % 2 == 0 { (from, to) } else { (to, from) };
                    let (before, after) = (ear.steady(turn - 1, old), ear.steady(turn, new));
                    let most = (before.0.max(after.0), before.1.max(after.1));
                    let is = ear.frames(ear.turns[turn]..ear.turns[turn] + AFTER);
                    // What another's encoder makes of Opus goes as it is.
                    let within =
                        if codec == Codec::Opus && new == "forwarded" { 1.35 } else { 1.15 };
                    let bound = |most: u16| f64::from(most) * within;
                    if f64::from(is.0) > bound(most.0) || f64::from(is.1) > bound(most.1) {
                        wrong.push(format!("{codec:?} {old} -> {new}, {turn}: {is:?} of {most:?}"));
                    }
                    let (most, at) = (other.steady(turn, to), other.turns[turn]);
                    let is = other.frames(at..at + AFTER);
                    if f64::from(is.0) > f64::from(most.0) * 1.12
                        || f64::from(is.1) > f64::from(most.1) * 1.15
                    {
                        wrong.push(format!("{codec:?} beside {to}, {turn}: {is:?} of {most:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
