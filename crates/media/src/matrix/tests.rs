use super::*;

const C: LegId = LegId(1);
const O: LegId = LegId(2);
const H: LegId = LegId(3);
const S: LegId = LegId(4);
const T: LegId = LegId(5);
const B: LegId = LegId(6);

fn clip(sound: &str) -> Source {
    Source::Prompt { play: 1, sounds: [sound.into()].into() }
}

fn name(leg: LegId) -> char {
    ['?', 'C', 'O', 'H', 'S', 'T', 'B'][usize::try_from(leg.0).unwrap()]
}

/// The matrix in short: `C:OS` C hears O and S, `C:-` silence, `C:music` a source.
fn short(participants: &[Participant]) -> String {
    let row = |row: Row| {
        let heard = match row.hears {
            Hears::Silence => "-".to_owned(),
            Hears::Source(Source::Music(_)) => "music".to_owned(),
            Hears::Source(Source::Ringing) => "ringing".to_owned(),
            Hears::Source(Source::Prompt { sounds, .. }) => sounds.join("+"),
            Hears::Source(Source::Tone { hz, .. }) => format!("{hz}Hz"),
            Hears::Speakers(legs) => legs.into_iter().map(name).collect(),
        };
        format!("{}:{heard}", name(row.leg))
    };
    hears(participants).into_iter().map(row).collect::<Vec<_>>().join(" ")
}

fn music() -> Source {
    Source::Music("default".into())
}

fn customer() -> Participant {
    Participant::connected(C, Role::Customer)
}

fn operator() -> Participant {
    Participant::connected(O, Role::Operator)
}

fn helper() -> Participant {
    Participant::connected(H, Role::Consultant)
}

fn supervisor(leg: LegId, mode: Option<Mode>) -> Participant {
    Participant { mode, ..Participant::connected(leg, Role::Supervisor) }
}

fn held(participant: Participant) -> Participant {
    Participant { held: Some(music()), ..participant }
}

fn muted(participant: Participant) -> Participant {
    Participant { muted: true, ..participant }
}

fn told(participant: Participant, prompt: &str) -> Participant {
    Participant { message: Some(clip(prompt)), ..participant }
}

#[test]
fn waiting_and_talking() {
    let check = |participants: &[Participant], expected: &str| {
        assert_eq!(short(participants), expected);
    };
    let waits = |source| Participant::waiting(C, Role::Customer, source);
    let rung = Participant::waiting(O, Role::Operator, clip("summary"));
    check(&[], "");
    check(&[customer()], "C:-");
    check(&[waits(music())], "C:music");
    check(&[waits(Source::Ringing)], "C:ringing");
    check(&[waits(Source::Tone { hz: 440, on_ms: 1, off_ms: 1 })], "C:440Hz");
    check(&[customer(), operator()], "C:O O:C");
    // The message before the bridge is the operator's alone; the caller keeps the music.
    check(&[waits(music()), rung.clone()], "C:music O:summary");
    check(&[customer(), rung], "C:- O:summary");
    check(&[waits(music()), operator()], "C:music O:-");
    check(&[customer(), Participant::connected(B, Role::Bot)], "C:B B:C");
    // Called back by the bot while the operator talks on with a colleague.
    check(&[held(Participant::connected(B, Role::Bot)), customer(), operator()], "B:music C:O O:C");
}

#[test]
fn hold_mute_and_message() {
    let check = |participants: &[Participant], expected: &str| {
        assert_eq!(short(participants), expected);
    };
    check(&[held(customer()), operator()], "C:music O:-");
    check(&[customer(), held(operator())], "C:- O:music");
    check(&[held(customer()), held(operator())], "C:music O:music");
    check(&[muted(customer()), operator()], "C:O O:-");
    check(&[customer(), muted(operator())], "C:- O:C");
    check(&[muted(held(customer())), operator()], "C:music O:-");
    check(&[customer(), told(operator(), "beep")], "C:O O:beep");
    check(&[told(held(customer()), "beep"), operator()], "C:music O:-");
    // Help with the customer held: no word passes between customer and colleague.
    check(&[held(customer()), operator(), helper()], "C:music O:H H:O");
    check(&[customer(), operator(), helper()], "C:OH O:CH H:CO");
    check(&[customer(), muted(operator()), helper()], "C:H O:CH H:C");
}

#[test]
fn supervising() {
    let talk = |mode, expected: &str| {
        assert_eq!(short(&[customer(), operator(), supervisor(S, mode)]), expected, "{mode:?}");
    };
    talk(None, "C:O O:C S:CO");
    talk(Some(Mode::Monitor), "C:O O:C S:CO");
    talk(Some(Mode::Whisper { to: O }), "C:O O:CS S:CO");
    talk(Some(Mode::Whisper { to: C }), "C:OS O:C S:CO");
    talk(Some(Mode::Whisper { to: T }), "C:O O:C S:CO");
    talk(Some(Mode::Barge), "C:OS O:CS S:CO");
    let check = |participants: &[Participant], expected: &str| {
        assert_eq!(short(participants), expected);
    };
    let whisper = || supervisor(S, Some(Mode::Whisper { to: O }));
    check(&[held(customer()), operator(), whisper()], "C:music O:S S:O");
    check(&[customer(), held(operator()), whisper()], "C:- O:music S:C");
    check(&[customer(), operator(), muted(whisper())], "C:O O:C S:CO");
    check(&[customer(), operator(), held(whisper())], "C:O O:C S:music");
    check(&[customer(), supervisor(S, Some(Mode::Barge))], "C:S S:C");
    // Two supervisors: the whisper is not for the other one.
    let monitor = || supervisor(T, Some(Mode::Monitor));
    check(&[customer(), operator(), whisper(), monitor()], "C:O O:CS S:CO T:CO");
    let barge = || supervisor(T, Some(Mode::Barge));
    check(&[customer(), operator(), whisper(), barge()], "C:OT O:CST S:COT T:CO");
    // Any role may have a mode: a colleague who only listens.
    let listens = Participant { mode: Some(Mode::Monitor), ..helper() };
    check(&[customer(), operator(), listens], "C:O O:C H:CO");
}

/// What must hold of every combination of two people and a third in any mode.
#[test]
fn every_combination() {
    let modes = [None, Some(Mode::Monitor), Some(Mode::Whisper { to: O }), Some(Mode::Barge)];
    let mut variants = Vec::new();
    for bits in 0..16u8 {
        let bit = |n: u8| bits & (1 << n) != 0;
        variants.push((bit(0), bit(1), bit(2), bit(3)));
    }
    let make = |leg, role, mode, (is_held, is_muted, waits, is_told)| {
        let mut participant = Participant { mode, ..Participant::connected(leg, role) };
        participant.muted = is_muted;
        participant.held = Some(music()).filter(|_| is_held);
        participant.message = Some(clip("told")).filter(|_| is_told);
        if waits {
            participant.stage = Stage::Waiting(Source::Ringing);
        }
        participant
    };
    for a in &variants {
        for b in &variants {
            for (mode, c) in modes.iter().flat_map(|mode| variants.iter().map(move |c| (mode, c))) {
                let all = [
                    make(C, Role::Customer, None, *a),
                    make(O, Role::Operator, None, *b),
                    make(S, Role::Supervisor, *mode, *c),
                ];
                let rows = hears(&all);
                assert_eq!(rows.len(), 3);
                for (row, listener) in rows.iter().zip(&all) {
                    let (is_held, _, waits, is_told) = [*a, *b, *c][match listener.leg {
                        C => 0,
                        O => 1,
                        _ => 2,
                    }];
                    let sourced = is_held || waits || is_told;
                    assert_eq!(sourced, matches!(row.hears, Hears::Source(_)), "{all:?}");
                    let Hears::Speakers(heard) = &row.hears else { continue };
                    assert!(!heard.is_empty() && !heard.contains(&row.leg));
                    for (leg, (is_held, is_muted, waits, _)) in [(C, a), (O, b), (S, c)] {
                        let silent = *is_held || *is_muted || *waits;
                        assert!(!(silent && heard.contains(&leg)), "{all:?}");
                    }
                    let secret = matches!(mode, None | Some(Mode::Monitor))
                        || (matches!(mode, Some(Mode::Whisper { .. })) && row.leg != O);
                    assert!(!(secret && heard.contains(&S)), "{all:?}");
                }
            }
        }
    }
}
