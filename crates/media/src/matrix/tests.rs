//! The matrix by name: rows that a reader can check against the documents.

use super::*;

mod exhaustive;

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

fn waiting(participant: Participant) -> Participant {
    Participant { stage: Stage::Waiting(music()), ..participant }
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
    check(&[waits(music()), told(operator(), "summary")], "C:music O:summary");
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
    // Whoever is told something hears that, wherever they are.
    check(&[told(held(customer()), "beep"), operator()], "C:beep O:-");
    check(&[told(waiting(customer()), "you are second"), operator()], "C:you are second O:-");
    check(&[told(muted(customer()), "beep"), operator()], "C:beep O:-");
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

/// The table of `behaviours.md`, Help: what each moment sounds like.
#[test]
fn help_by_its_table() {
    let check = |moment: &str, participants: &[Participant], expected: &str| {
        assert_eq!(short(participants), expected, "{moment}");
    };
    let rings = || Participant::waiting(H, Role::Consultant, Source::Ringing);
    // Two-party: the customer is held from the answer on, or from the request on.
    check("C rings", &[customer(), operator(), rings()], "C:O O:C H:ringing");
    check(
        "C rings, B held at the request",
        &[held(customer()), operator(), rings()],
        "C:music O:- H:ringing",
    );
    check("C answers", &[held(customer()), operator(), helper()], "C:music O:H H:O");
    check(
        "A listens in silence",
        &[held(customer()), muted(operator()), helper()],
        "C:music O:H H:-",
    );
    // Three-party.
    check("C answers, three", &[customer(), operator(), helper()], "C:OH O:CH H:CO");
    check("B held among three", &[held(customer()), operator(), helper()], "C:music O:H H:O");
    check("A held among three", &[customer(), held(operator()), helper()], "C:H O:music H:C");
    check("C held among three", &[customer(), operator(), held(helper())], "C:O O:C H:music");
    // Either way.
    check("C leaves, A takes B back, C does not answer", &[customer(), operator()], "C:O O:C");
    check("A leaves", &[customer(), helper()], "C:H H:C");
    check("B leaves", &[operator(), helper()], "O:H H:O");
    check("A leaves while C rings", &[waiting(customer()), rings()], "C:music H:ringing");
    check("A and C vanish", &[waiting(customer())], "C:music");
}

/// A supervisor listens to each moment of help, and coaches the one who asked.
#[test]
fn help_under_supervision() {
    let check = |mode, participants: &[Participant], expected: &str| {
        let all = [participants, &[supervisor(S, Some(mode))]].concat();
        assert_eq!(short(&all), expected, "{mode:?}");
    };
    let two = [held(customer()), operator(), helper()];
    let three = [customer(), operator(), helper()];
    check(Mode::Monitor, &two, "C:music O:H H:O S:OH");
    check(Mode::Whisper { to: O }, &two, "C:music O:HS H:O S:OH");
    check(Mode::Whisper { to: H }, &two, "C:music O:H H:OS S:OH");
    check(Mode::Barge, &two, "C:music O:HS H:OS S:OH");
    check(Mode::Monitor, &three, "C:OH O:CH H:CO S:COH");
    check(Mode::Whisper { to: O }, &three, "C:OH O:CHS H:CO S:COH");
    check(Mode::Barge, &three, "C:OHS O:CHS H:COS S:COH");
}

/// Intercept: the operator's leg is gone, the supervisor's is an operator's now.
#[test]
fn intercept_is_a_role() {
    let taken = Participant::connected(S, Role::Operator);
    assert_eq!(short(&[customer(), taken.clone()]), "C:S S:C");
    assert_eq!(short(&[held(customer()), taken]), "C:music S:-");
}

/// States in which a mode has nothing to say.
#[test]
fn a_mode_without_a_listener() {
    let check = |participants: &[Participant], expected: &str| {
        assert_eq!(short(participants), expected);
    };
    let whisper = |to| supervisor(S, Some(Mode::Whisper { to }));
    check(&[customer(), held(operator()), whisper(O)], "C:- O:music S:C");
    check(&[customer(), waiting(operator()), whisper(O)], "C:- O:music S:C");
    check(&[customer(), told(operator(), "summary"), whisper(O)], "C:O O:summary S:CO");
    check(&[customer(), operator(), whisper(H)], "C:O O:C S:CO");
    check(&[customer(), operator(), whisper(S)], "C:O O:C S:CO");
    check(&[whisper(O)], "S:-");
    check(&[supervisor(S, Some(Mode::Barge))], "S:-");
    check(&[waiting(customer()), supervisor(S, Some(Mode::Barge))], "C:music S:-");
    // Two who watch: one may coach the other.
    let second = |mode| supervisor(T, Some(mode));
    check(&[customer(), operator(), whisper(T), second(Mode::Monitor)], "C:O O:C S:CO T:COS");
    check(
        &[customer(), operator(), whisper(O), second(Mode::Whisper { to: O })],
        "C:O O:CST S:CO T:CO",
    );
    check(&[supervisor(S, None), second(Mode::Barge)], "S:T T:-");
}
