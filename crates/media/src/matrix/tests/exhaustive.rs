//! The matrix against an oracle that is stated the other way round: everybody hears everybody, then
//! lines are struck out.
//!
//! With 640 variants of one participant, four of them are 10^11 conferences. Two families stand for
//! them all: any two variants in any two of four seats, and the line-ups of a contact centre, in
//! which everybody's every state is tried with everybody else's.

use super::*;

const LEGS: [LegId; 4] = [LegId(11), LegId(12), LegId(13), LegId(14)];
const ROLES: [Role; 5] =
    [Role::Customer, Role::Operator, Role::Consultant, Role::Supervisor, Role::Bot];

/// Who hears whom: `[listener][speaker]`.
type Square = [[bool; 4]; 4];

/// Strikes out, rule by rule, what is not heard.
fn people(all: &[Participant]) -> Square {
    let mut square = [[true; 4]; 4];
    for (at, one) in all.iter().enumerate() {
        let is_outside = one.held.is_some() || one.stage != Stage::Connected;
        let only_listens = match one.mode {
            None => one.role == Role::Supervisor,
            Some(mode) => mode == Mode::Monitor,
        };
        for (other, them) in all.iter().enumerate() {
            let is_not_for_them = matches!(one.mode, Some(Mode::Whisper { to }) if to != them.leg);
            if other == at || is_outside || one.muted || only_listens || is_not_for_them {
                square[other][at] = false;
            }
            if is_outside || one.message.is_some() {
                square[at][other] = false;
            }
        }
    }
    square
}

/// In place of people: the newest thing that happened to them.
fn source(one: &Participant) -> Option<Source> {
    let mut heard = None;
    if let Stage::Waiting(source) = &one.stage {
        heard = Some(source);
    }
    if one.held.is_some() {
        heard = one.held.as_ref();
    }
    if one.message.is_some() {
        heard = one.message.as_ref();
    }
    heard.cloned()
}

fn check(all: &[Participant]) {
    let square = people(all);
    let rows = hears(all);
    assert_eq!(rows.len(), all.len());
    for (at, (row, one)) in rows.iter().zip(all).enumerate() {
        let heard = all.iter().zip(square[at]).filter(|(_, is_heard)| *is_heard);
        let heard: Vec<LegId> = heard.map(|(speaker, _)| speaker.leg).collect();
        let expected = match source(one) {
            Some(source) => Hears::Source(source),
            None if heard.is_empty() => Hears::Silence,
            None => Hears::Speakers(heard),
        };
        assert!(row.leg == one.leg && row.hears == expected, "{expected:?}, {row:?}: {all:#?}");
    }
}

/// What of a participant is not the mode: four bits.
fn state(bits: usize, leg: LegId, role: Role, mode: Option<Mode>) -> Participant {
    let mut one = Participant { mode, ..Participant::connected(leg, role) };
    if bits & 1 != 0 {
        one.stage = Stage::Waiting(Source::Ringing);
    }
    one.held = (bits & 2 != 0).then_some(Source::Tone { hz: 440, on_ms: 1, off_ms: 1 });
    one.muted = bits & 4 != 0;
    one.message = (bits & 8 != 0).then_some(Source::Tone { hz: 880, on_ms: 1, off_ms: 1 });
    one
}

fn modes() -> [Option<Mode>; 8] {
    let [a, b, c, d] = LEGS.map(|to| Some(Mode::Whisper { to }));
    [
        None,
        Some(Mode::Monitor),
        Some(Mode::Barge),
        a,
        b,
        c,
        d,
        Some(Mode::Whisper { to: LegId(99) }),
    ]
}

/// Any two of all 640 variants meet in any two of four seats. The seats are taken as `a`, `b`,
/// `a + b` and `a + 2b` modulo a prime above 640, of which any two give back both `a` and `b`; the
/// one number too many is an empty seat.
#[test]
fn any_two_in_any_seats() {
    const PRIME: usize = 641;
    let modes = modes();
    let variant = |number: usize, seat: usize| {
        let (bits, rest) = (number % 16, number / 16);
        let role = ROLES.get(rest / modes.len())?;
        Some(state(bits, LEGS[seat], *role, modes[rest % modes.len()]))
    };
    assert!(variant(PRIME - 2, 0).is_some() && variant(PRIME - 1, 0).is_none());
    let mut all = Vec::new();
    for a in 0..PRIME {
        for b in 0..PRIME {
            let seats = [a, b, (a + b) % PRIME, (a + 2 * b) % PRIME];
            all.clear();
            all.extend(
                seats.iter().enumerate().filter_map(|(seat, number)| variant(*number, seat)),
            );
            check(&all);
        }
    }
}

/// Everybody's every state with everybody else's, and every mode of those who supervise, from one
/// participant to four.
#[test]
fn line_ups() {
    let line_ups: &[&[Role]] = &[
        &[Role::Customer],
        &[Role::Supervisor],
        &[Role::Customer, Role::Operator],
        &[Role::Customer, Role::Bot],
        &[Role::Customer, Role::Supervisor],
        &[Role::Customer, Role::Operator, Role::Consultant],
        &[Role::Customer, Role::Operator, Role::Bot],
        &[Role::Customer, Role::Operator, Role::Supervisor],
        &[Role::Operator, Role::Operator, Role::Supervisor],
        &[Role::Customer, Role::Operator, Role::Consultant, Role::Bot],
        &[Role::Customer, Role::Operator, Role::Consultant, Role::Supervisor],
        &[Role::Customer, Role::Operator, Role::Bot, Role::Supervisor],
        &[Role::Customer, Role::Operator, Role::Supervisor, Role::Supervisor],
    ];
    for roles in line_ups {
        let mut all = Vec::new();
        combine(roles, &mut all);
    }
}

fn combine(roles: &[Role], all: &mut Vec<Participant>) {
    let seat = all.len();
    let Some(role) = roles.get(seat) else { return check(all) };
    let modes = modes();
    let modes = if *role == Role::Supervisor { &modes[..] } else { &modes[..1] };
    for bits in 0..16 {
        for mode in modes {
            all.push(state(bits, LEGS[seat], *role, *mode));
            combine(roles, all);
            all.pop();
        }
    }
}
