use std::net::{IpAddr, Ipv4Addr};

use media::{Hears, Lease, LegSettings, Negotiation};

use super::*;
use crate::call::{Cause, LegState, Message, NewLeg, Watch, Why};
use crate::event::Role;
use crate::id::ParticipantId;

/// Somebody whose media stands and who sits inside.
fn inside(number: u64, role: Role) -> Participant {
    let lease = Lease { thread: 0, port: 2 * u16::try_from(number).unwrap() };
    let settings = LegSettings {
        leg: LegId(number),
        lease,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        signalling: None,
        ssrc: 1,
        cname: [0; media::rtcp::CNAME],
        sdp_id: 1,
        codecs: media::Codec::ALL.to_vec(),
        ptime_ms: 20,
    };
    let ours = !matches!(role, Role::Customer | Role::Bot);
    let new = NewLeg {
        id: ParticipantId(number + 100),
        leg: sip::LegId(number),
        role,
        operator: ours.then(|| acd::OperatorId(u32::try_from(number).unwrap())),
        uri: "".into(),
        trunk: None,
        why: if number == 1 { Why::Arrived } else { Why::Dialled },
        state: LegState::Up,
        lease,
        negotiation: Negotiation::new(settings),
        reply: None,
    };
    Participant { planned: Some(1), seat: Seat::Connected, ..Participant::new(new) }
}

fn customer() -> Participant {
    inside(1, Role::Customer)
}

fn operator() -> Participant {
    inside(2, Role::Operator)
}

fn colleague() -> Participant {
    inside(3, Role::Consultant)
}

fn supervisor(mode: Mode) -> Participant {
    watcher(4, mode, None)
}

fn watcher(number: u64, mode: Mode, to: Option<u64>) -> Participant {
    let watch = Watch { mode, to: to.map(|number| ParticipantId(number + 100)) };
    Participant { watch, ..inside(number, Role::Supervisor) }
}

/// By their own phone.
fn holds(p: Participant) -> Participant {
    Participant { held: true, ..p }
}

/// By order.
fn held(p: Participant) -> Participant {
    Participant { hold: Some(Source::Music("chosen".into())), ..p }
}

fn muted(p: Participant) -> Participant {
    Participant { muted: true, ..p }
}

fn waits(p: Participant) -> Participant {
    Participant { seat: Seat::Waiting(Source::Ringing), ..p }
}

fn told(p: Participant) -> Participant {
    let source = Source::Tone { hz: 1_400, on_ms: 1, off_ms: 0 };
    Participant { message: Some(Message { source, cause: Cause::Watched }), ..p }
}

/// `1:23`, one hears two and three; `1:music`.
fn short(people: &[Participant]) -> String {
    let server = people.iter().find(|p| p.talks() && p.role == Role::Operator);
    let music = Source::Music("music".into());
    let rows = media::hears(&seats(
        people,
        &Others { music: &music, server: server.map(|p| p.leg), asks: None },
    ));
    let row = |row: media::Row| {
        let heard = match row.hears {
            Hears::Silence => "-".to_owned(),
            Hears::Source(Source::Music(name)) => name.to_string(),
            Hears::Source(Source::Tone { .. }) => "beep".to_owned(),
            Hears::Source(other) => format!("{other:?}").to_lowercase(),
            Hears::Speakers(legs) => legs.iter().map(|leg| leg.0.to_string()).collect(),
        };
        format!("{}:{heard}", row.leg.0)
    };
    rows.into_iter().map(row).collect::<Vec<_>>().join(" ")
}

fn check(people: &[Participant], expected: &str) {
    assert_eq!(short(people), expected);
}

#[test]
fn holding_and_being_held() {
    check(&[customer(), operator()], "1:2 2:1");
    // Who presses hold is out, and the other is not left in silence.
    check(&[customer(), holds(operator())], "1:music 2:music");
    check(&[holds(customer()), operator()], "1:music 2:music");
    // By order it is the one held who is out, with what was chosen for them.
    check(&[held(customer()), operator()], "1:chosen 2:music");
    check(&[customer(), held(operator())], "1:music 2:chosen");
    check(&[held(holds(customer())), operator()], "1:chosen 2:music");
    check(&[muted(customer()), operator()], "1:2 2:-");
    // Among three the others talk on.
    check(&[held(customer()), operator(), colleague()], "1:chosen 2:3 3:2");
    check(&[customer(), holds(operator()), colleague()], "1:3 2:music 3:1");
    check(&[held(customer()), holds(operator()), colleague()], "1:chosen 2:music 3:music");
}

#[test]
fn waiting_and_being_told() {
    check(&[waits(customer())], "1:ringing");
    check(&[waits(customer()), waits(operator())], "1:ringing 2:ringing");
    // A message before the bridge: the caller keeps what they hear.
    check(&[waits(customer()), told(operator())], "1:ringing 2:beep");
    check(&[customer(), told(operator())], "1:2 2:beep");
    check(&[told(held(customer())), operator()], "1:beep 2:music");
    // Whoever has no media yet is nowhere.
    let coming = Participant { planned: None, ..operator() };
    check(&[customer(), coming], "1:music");
}

/// Whatever becomes of people, something told to one of them changes what that one hears, and nobody
/// else.
#[test]
fn what_is_told_to_one_is_heard_by_that_one_only() {
    let change: [fn(Participant) -> Participant; 5] = [|p| p, holds, held, muted, waits];
    let watches = [Mode::Monitor, Mode::Whisper, Mode::Barge, Mode::Intercept];
    for n in 0..5 * 5 * 5 * 4 {
        let mut people = [
            change[n % 5](customer()),
            change[n / 5 % 5](operator()),
            change[n / 25 % 5](colleague()),
            supervisor(watches[n / 125]),
        ];
        let before = short(&people);
        for listener in 0..people.len() {
            let one = people[listener].clone();
            people[listener] = told(one.clone());
            let rows = short(&people);
            for (at, (was, is)) in before.split(' ').zip(rows.split(' ')).enumerate() {
                let beep = format!("{}:beep", one.leg.0);
                assert_eq!(is, if at == listener { &beep } else { was }, "{before} -> {rows}");
            }
            people[listener] = one;
        }
    }
}

#[test]
fn supervisors_are_no_company() {
    let talk = |mode, expected: &str| check(&[customer(), operator(), supervisor(mode)], expected);
    talk(Mode::Monitor, "1:2 2:1 4:12");
    talk(Mode::Intercept, "1:2 2:1 4:12");
    talk(Mode::Whisper, "1:2 2:14 4:12");
    talk(Mode::Barge, "1:24 2:14 4:12");
    let waiting = |mode, expected: &str| check(&[waits(customer()), supervisor(mode)], expected);
    waiting(Mode::Monitor, "1:ringing 4:-");
    waiting(Mode::Barge, "1:ringing 4:-");
    // Left with a listener is left alone; with one who speaks it is not.
    check(&[customer(), supervisor(Mode::Monitor)], "1:music 4:1");
    check(&[customer(), supervisor(Mode::Whisper)], "1:music 4:1");
    check(&[customer(), supervisor(Mode::Barge)], "1:4 4:1");
    check(&[customer(), muted(supervisor(Mode::Barge))], "1:- 4:1");
    check(&[customer(), held(supervisor(Mode::Barge))], "1:music 4:chosen");
    check(&[customer(), holds(operator()), supervisor(Mode::Barge)], "1:4 2:music 4:1");
    check(&[customer(), holds(operator()), supervisor(Mode::Monitor)], "1:music 2:music 4:1");
}

#[test]
fn whispers() {
    // On hold is when coaching is done.
    check(&[held(customer()), operator(), supervisor(Mode::Whisper)], "1:chosen 2:4 4:2");
    check(&[held(customer()), operator(), supervisor(Mode::Monitor)], "1:chosen 2:music 4:2");
    let all = |to| [customer(), operator(), colleague(), watcher(4, Mode::Whisper, to)];
    check(&all(None), "1:23 2:134 3:12 4:123");
    check(&all(Some(3)), "1:23 2:13 3:124 4:123");
    // The one it was for has left.
    check(&all(Some(9)), "1:23 2:13 3:12 4:123");
    let two =
        [customer(), operator(), watcher(4, Mode::Whisper, None), watcher(5, Mode::Barge, None)];
    check(&two, "1:25 2:145 4:125 5:12");
}
