//! How long what somebody says is under way through a mix, whenever their packets come.
#![allow(clippy::unwrap_used, reason = "test helpers are not recognised as tests")]

mod common;

use common::{Bench, phone, row, speakers};
use media::Codec;
use media::rtp::Header;

/// What a phone sends by hand: silence, and a loud packet now and then.
struct Clapper {
    leg: u64,
    offset_ms: u64,
    count: u16,
    clapped: Vec<u64>,
}

impl Clapper {
    fn new(leg: u64, offset_ms: u64) -> Self {
        Self { leg, offset_ms, count: 0, clapped: Vec::new() }
    }

    fn send(&mut self, bench: &mut Bench) {
        if bench.now % 20 != self.offset_ms {
            return;
        }
        let claps = self.count % 40 == 39;
        if claps {
            self.clapped.push(bench.now);
        }
        let header = Header {
            sequence: self.count,
            timestamp: u32::from(self.count) * 160,
            ssrc: 7,
            ..Header::default()
        };
        self.count += 1;
        let mut packet = header.bytes().to_vec();
        packet.extend([if claps { 0x90 } else { 0xff }; 160]);
        bench.send(self.leg, phone(self.leg), &packet);
    }
}

/// The longest delay from what comes of a leg to what another hears of it, in ms, from a moment on. A
/// packet that is forwarded takes none.
fn delay_ms(bench: &Bench, listener: u64, clapped: &[u64], since: u64) -> u64 {
    let mut longest = 0;
    for clap in clapped.iter().filter(|clap| **clap > since && **clap + 400 < bench.now) {
        let loud = bench.packets(listener).iter().find_map(|sent| {
            let first = sent.payload.iter().position(|octet| octet & 0x7f < 0x40)?;
            let at = u64::try_from(sent.at.as_millis()).unwrap() + first as u64 / 8;
            (at >= *clap).then_some(at)
        });
        longest = longest.max(loud.unwrap_or(u64::MAX) - clap);
    }
    assert!(clapped.iter().any(|clap| *clap > since && clap + 400 < bench.now));
    longest
}

/// Two talk, and somebody comes in; where their packets lie in 20 ms is any.
fn longest(offsets: [u64; 3], is_known: bool) -> [u64; 2] {
    let mut bench = Bench::new();
    for leg in 1..=3 {
        bench.leg(leg, Codec::Pcmu, 0.0);
        bench.phones.last_mut().unwrap().mute = true;
    }
    let mut phones: Vec<Clapper> =
        (1..).zip(offsets).map(|(leg, offset)| Clapper::new(leg, offset)).collect();
    bench.matrix(1, vec![row(1, speakers(&[2])), row(2, speakers(&[1]))]);
    let run = |bench: &mut Bench, phones: &mut [Clapper], millis: u64| {
        for _ in 0..millis {
            // As the engine's driver has it: what has come, then the tick.
            bench.now += 1;
            for phone in phones.iter_mut() {
                phone.send(bench);
            }
            bench.now -= 1;
            bench.run(1);
        }
    };
    run(&mut bench, &mut phones[..if is_known { 3 } else { 2 }], 1_000);
    bench.matrix(
        2,
        vec![row(1, speakers(&[2, 3])), row(2, speakers(&[1, 3])), row(3, speakers(&[1, 2]))],
    );
    run(&mut bench, &mut phones, 18_000);
    let since = bench.now - 5_000;
    bench.assert_continuous_numbers(1, 0);
    [delay_ms(&bench, 3, &phones[0].clapped, since), delay_ms(&bench, 1, &phones[2].clapped, since)]
}

#[test]
fn nobody_waits_longer_than_another_frame() {
    let mut worst = [0; 2];
    for one in (0..20).step_by(4) {
        for two in (0..20).step_by(3) {
            for three in (0..20).step_by(3) {
                for is_known in [false, true] {
                    let [first, third] = longest([one, two, three], is_known);
                    worst = [worst[0].max(first), worst[1].max(third)];
                }
            }
        }
    }
    // A wish of 5 ms, a tick, and the largest part of a frame that cannot be avoided.
    assert!(worst.iter().all(|worst| (10..=24).contains(worst)), "{worst:?}");
}
