//! Whatever comes, in whatever order, the engine goes on.
#![allow(clippy::unwrap_used, reason = "test helpers are not recognised as tests")]

mod common;

use common::{Bench, ms, phone, plan, port, prompt, row, sound, speakers};
use media::rtp::{HEADER, Header, is_rtcp};
use media::{Channel, Codec, Command, Events, Hears, Input, LegId, Output, Plan, Source};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Rtp { leg: u64, header: (u8, u16, u32, u32), size: usize, known: bool },
    Bytes { leg: u64, rtcp: bool, data: Vec<u8> },
    Plan { leg: u64, generation: u64, send: bool, receive: bool, law: bool, events: bool },
    Rows(Vec<(u64, u8)>),
    End(u64),
    Digits(u64),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let kinds = prop_oneof![Just(0u8), Just(8), Just(13), Just(96), Just(101), any::<u8>()];
    // Near each other, so that buffers fill, and now and then anywhere.
    let sequence = prop_oneof![4 => 0u16..60, 1 => any::<u16>()];
    let timestamp = prop_oneof![4 => (0u32..60).prop_map(|n| n * 160), 1 => any::<u32>()];
    let header = (kinds, sequence, timestamp, 0u32..3);
    prop_oneof![
        8 => (1..5u64, header, 0usize..1_400, any::<bool>())
            .prop_map(|(leg, header, size, known)| Act::Rtp { leg, header, size, known }),
        2 => (1..5u64, any::<bool>(), prop::collection::vec(any::<u8>(), 0..80))
            .prop_map(|(leg, rtcp, data)| Act::Bytes { leg, rtcp, data }),
        1 => (1..5u64, 1..9u64, any::<(bool, bool, bool, bool)>()).prop_map(
            |(leg, generation, (send, receive, law, events))| Act::Plan {
                leg, generation, send, receive, law, events
            }
        ),
        2 => prop::collection::vec((1..6u64, any::<u8>()), 0..5).prop_map(Act::Rows),
        1 => (1..5u64).prop_map(Act::End),
        1 => (1..5u64).prop_map(Act::Digits),
        4 => (1..700u64).prop_map(Act::Wait),
    ]
}

fn hears(bits: u8) -> Hears {
    match bits >> 5 {
        0 => Hears::Silence,
        1 => Hears::Source(Source::Music("x".into())),
        2 => prompt(1, "short"),
        3 => Hears::Source(Source::Tone { hz: 400, on_ms: 0, off_ms: bits.into() }),
        _ => speakers(&(1..6).filter(|leg| bits & (1 << (leg - 1)) != 0).collect::<Vec<_>>()),
    }
}

fn command(act: &Act, generation: &mut u64) -> Option<Command> {
    *generation += 1;
    Some(match act {
        Act::Plan { leg, generation, send, receive, law, events } => {
            let codec = if *law { Codec::Pcmu } else { Codec::Pcma };
            let events_out = events.then_some(Events { payload_type: 101, hz: 8_000 });
            let (generation, send, receive) = (*generation, *send, *receive);
            // Whose number is even takes packets of at most 20 ms.
            let maxptime_ms = leg.is_multiple_of(2).then_some(20);
            let plan = plan(*leg, codec);
            Command::Leg(Plan { generation, send, receive, events_out, maxptime_ms, ..plan })
        }
        Act::Rows(rows) => {
            let rows = rows.iter().map(|(leg, bits)| row(*leg, hears(*bits))).collect();
            let conference = *generation % 2;
            Command::Matrix { conference, generation: *generation, rows }
        }
        Act::End(leg) => Command::EndLeg(LegId(*leg)),
        Act::Digits(leg) => {
            Command::SendDtmf { leg: LegId(*leg), digits: "12#".into(), duration_ms: 80 }
        }
        Act::Rtp { .. } | Act::Bytes { .. } | Act::Wait(_) => return None,
    })
}

fn goes_on(acts: &[Act]) -> Result<(), TestCaseError> {
    let mut engine = Bench::new().engine;
    engine.handle(ms(0), Input::Command(sound("short", &[9; 333])));
    let (mut now, mut generation) = (1_000, 0);
    for act in acts {
        match act {
            Act::Rtp { leg, header: (payload_type, sequence, timestamp, ssrc), size, known } => {
                let header = Header {
                    payload_type: *payload_type,
                    marker: *known,
                    sequence: *sequence,
                    timestamp: *timestamp,
                    ssrc: *ssrc,
                };
                let packet = [&header.bytes()[..], &vec![5; *size]].concat();
                let from = phone(if *known { *leg } else { 9 });
                engine.packet(ms(now), port(*leg), Channel::Rtp, from, &packet);
            }
            Act::Bytes { leg, rtcp, data } => {
                let channel = if *rtcp { Channel::Rtcp } else { Channel::Rtp };
                engine.packet(ms(now), port(*leg), channel, phone(*leg), data);
            }
            Act::Wait(millis) => {
                now += millis;
                engine.handle_timeout(ms(now));
                while let Some(output) = engine.poll_output() {
                    if let Output::Packet { port: from, data, .. } = output {
                        prop_assert!(data.len() >= 8);
                        let is_limited = [2, 4].map(port).contains(&from) && !is_rtcp(data);
                        prop_assert!(!is_limited || data.len() <= HEADER + 160);
                    }
                }
            }
            other => {
                let command = command(other, &mut generation);
                let command = command.map(Input::Command);
                command.into_iter().for_each(|input| engine.handle(ms(now), input));
            }
        }
    }
    for leg in 1..5 {
        engine.handle(ms(now), Input::Command(Command::EndLeg(LegId(leg))));
    }
    for conference in 0..2 {
        let command = Command::Matrix { conference, generation: u64::MAX, rows: Vec::new() };
        engine.handle(ms(now), Input::Command(command));
    }
    let counters = engine.counters();
    prop_assert_eq!((counters.legs, counters.conferences), (0, 0));
    prop_assert_eq!(engine.carry().legs.len(), 0);
    Ok(())
}

proptest! {
    #[test]
    fn nothing_panics_and_everything_ends(acts in prop::collection::vec(act(), 1..150)) {
        goes_on(&acts)?;
    }
}

/// Once found by chance: what was left over was more than fits when multiplied.
#[test]
fn a_clock_that_jumps_by_half_its_range() {
    let agreed = |leg, receive| Act::Plan {
        leg,
        generation: 1,
        send: false,
        receive,
        law: false,
        events: false,
    };
    let rtp = |sequence, timestamp, size| Act::Rtp {
        leg: 4,
        header: (0, sequence, timestamp, 1),
        size,
        known: true,
    };
    let acts = [
        agreed(2, false),
        agreed(4, true),
        rtp(18, 2_147_484_488, 721),
        Act::Rows(vec![(4, 0), (2, 136)]),
        rtp(0, 0, 1),
        Act::Wait(151),
        Act::Wait(354),
    ];
    goes_on(&acts).unwrap();
}
