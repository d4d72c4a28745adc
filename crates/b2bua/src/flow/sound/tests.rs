use super::*;
use crate::api::Input;
use crate::config::{Codes, Config, Limits, Media, Notify, Record, Supervise};
use crate::id::CallKey;
use crate::sound::{Origin, Sound};
use crate::switch::Start;

fn switch() -> B2bua {
    let sip = sip::Config {
        domain: "usher.example".into(),
        advertise: None,
        streams: Vec::new(),
        product: "usher".into(),
        users: Vec::new(),
        trunks: Vec::new(),
        strangers: sip::Strangers::Forbid,
        expires_s_min: 60,
        expires_s_max: 3_600,
        contacts_max: 1,
        legs_max: 1,
        transactions_max: 1,
        watch: sip::Watch::default(),
        sha256_first: false,
    };
    let media = Media {
        listen: [0, 0, 0, 0].into(),
        advertise: None,
        codecs: vec![media::Codec::Pcma],
        music: "default".into(),
        language: "en".into(),
        dead_audio_ms: None,
        asymmetric_rtp: false,
        record: Record::Never,
    };
    let config = Config {
        sip,
        listeners: Vec::new(),
        node: 0,
        media,
        operators: Vec::new(),
        queues: Vec::new(),
        trunks: Vec::new(),
        routes: Vec::new(),
        menus: Vec::new(),
        hooks: Vec::new(),
        auto_connect: true,
        limits: Limits { calls_max: 1, context_value_max: 1, context_values_max: 1 },
        supervise: Supervise { notify: Notify::Nothing, auto_answer: true },
        bots: Vec::new(),
        codes: Codes::default(),
        header_prefix: "X-CRM-".into(),
    };
    let start = Start { seed: [0; 32], first_seq: 1, since_unix: Time::ZERO, leases: Vec::new() };
    let mut switch = B2bua::new(config, start);
    let sound = |origin| Sound { origin, ms: 1_000 };
    let sounds = Sounds {
        sounds: [
            ("default".into(), sound(Origin::MadeIn)),
            ("en/closed".into(), sound(Origin::MadeIn)),
            ("en/digits/3".into(), sound(Origin::MadeIn)),
        ]
        .into(),
        mute: None,
    };
    switch.handle(Time::ZERO, Input::Sounds(Box::new(sounds)));
    switch
}

fn audio(text: &str) -> Audio {
    text.parse().unwrap()
}

fn making(text: &str) -> Making {
    match audio(text) {
        Audio::Made(making) => spoken(&making, &"en".into()),
        other => panic!("{other} is not made"),
    }
}

/// An order that fails whenever it is carried out: its reply shows that it was.
fn order(request: u64) -> Waiter {
    Waiter::Order(request, Box::new(Command::HangUp { call: CallKey(request) }))
}

const S: Time = Time::from_secs(1);

/// What came out: `make NAME`, `forget NAME`, `REQUEST STATUS`.
fn drain(switch: &mut B2bua) -> Vec<String> {
    switch.settle(S);
    core::iter::from_fn(|| switch.poll_output())
        .map(|output| match output {
            Output::Make { token, name, making: Making::Speak { text, language } } => {
                assert_eq!(*name, *format!("made/{token}"));
                format!("speak {text} in {} as {name}", language.unwrap())
            }
            Output::Make { name, making: Making::Fetch { url }, .. } => {
                format!("fetch {url} as {name}")
            }
            Output::Forget { name } => format!("forget {name}"),
            Output::Reply { request, result } => match result {
                Err(Problem::NotFound { .. }) => format!("{request} carried out"),
                other => format!("{request} {other:?}"),
            },
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn an_order_waits_for_its_sound_and_for_that_only() {
    let mut switch = switch();
    switch.make(S, making("say:Hello"), order(1));
    switch.make(S, making("say:Hello"), order(2));
    assert_eq!(drain(&mut switch), ["speak Hello in en as made/1"], "made once for both");
    switch.make(S, making("https://example.com/a.wav"), order(3));
    assert_eq!(drain(&mut switch), ["fetch https://example.com/a.wav as made/2"]);

    assert!(switch.source(S, &audio("say:Hello"), None).is_err(), "not yet");
    switch.handle(S, Input::Made { token: 1, result: Ok(1_000) });
    assert_eq!(drain(&mut switch), ["1 carried out", "2 carried out"]);
    let Ok(Source::Prompt { play, sounds }) = switch.source(S, &audio("say:Hello"), None) else {
        panic!("it is there");
    };
    assert_eq!(&*sounds, ["made/1".into()]);
    let again = switch.source(S, &audio("say:Hello"), None).unwrap();
    assert!(again.play() > play, "each playing has its own number");

    switch.handle(S, Input::Made { token: 2, result: Err("404 Not Found".into()) });
    assert_eq!(drain(&mut switch), ["3 Err(Invalid(\"404 Not Found\"))"]);
    assert_eq!(switch.poll_timeout(), None);
}

#[test]
fn who_waits_too_long_is_told_and_what_comes_after_is_forgotten() {
    let mut switch = switch();
    switch.make(S, making("say:Hello"), order(1));
    switch.make(S * 2, making("say:Bye"), order(2));
    drain(&mut switch);
    assert_eq!(switch.poll_timeout(), Some(S + MAKE_WITHIN));
    switch.handle_timeout(S + MAKE_WITHIN);
    assert_eq!(drain(&mut switch), ["1 Err(Busy(\"the sound was not made in time\"))"]);
    assert_eq!(switch.poll_timeout(), Some(S * 2 + MAKE_WITHIN));
    switch.handle(S * 10, Input::Made { token: 1, result: Ok(1) });
    assert_eq!(drain(&mut switch), ["forget made/1"]);
    switch.handle(S * 10, Input::Made { token: 1, result: Err("late".into()) });
    assert_eq!(drain(&mut switch), [""; 0]);
}

#[test]
fn without_a_voice_nothing_is_said_but_what_was_said_before() {
    let mut switch = switch();
    let wanted = |switch: &mut B2bua, text: &str| match audio(text) {
        Audio::Made(making) => switch.unmade(S, &making, None),
        other => panic!("{other} is not made"),
    };
    assert_eq!(wanted(&mut switch, "say:Hello"), Ok(Some(making("say:Hello"))));
    switch.make(S, making("say:Hello"), order(1));
    let token = switch.state.desk.under_way.keys().next().copied().unwrap();
    switch.handle(S, Input::Made { token, result: Ok(1) });
    let mute = Some("install espeak-ng".into());
    let sounds = Sounds { mute, ..switch.state.desk.sounds.clone() };
    switch.handle(S, Input::Sounds(Box::new(sounds)));
    assert_eq!(wanted(&mut switch, "say:Hello"), Ok(None));
    let refused = Err(Problem::Invalid("install espeak-ng".into()));
    assert_eq!(wanted(&mut switch, "say:Bye"), refused);
    assert_eq!(wanted(&mut switch, "http://x/a"), Ok(Some(making("http://x/a"))));
}

#[test]
fn so_much_is_made_at_once_and_no_more() {
    let mut switch = switch();
    for n in 0..MAKING_MAX as u64 {
        switch.make(S, making(&format!("say:{n}")), order(n));
    }
    assert_eq!(drain(&mut switch).len(), MAKING_MAX);
    switch.make(S, making("say:more"), order(99));
    assert_eq!(drain(&mut switch), ["99 Err(Busy(\"too many sounds are being made\"))"]);
    for n in 0..(WAITING_MAX - MAKING_MAX) as u64 {
        switch.make(S, making("say:0"), order(100 + n));
    }
    assert_eq!(drain(&mut switch), [""; 0]);
    switch.make(S, making("say:0"), order(99));
    assert_eq!(drain(&mut switch).len(), 1);
}

#[test]
fn what_was_made_is_kept_but_not_for_ever() {
    let mut switch = switch();
    let mut make = |now, text: &str, bytes| {
        switch.make(now, making(text), order(1));
        let token = switch.state.desk.under_way.keys().next().copied().unwrap();
        switch.handle(now, Input::Made { token, result: Ok(bytes) });
        let forgotten: Vec<String> =
            drain(&mut switch).into_iter().filter(|line| line.starts_with("forget")).collect();
        (format!("made/{token}"), forgotten)
    };
    // A fetched file may be another one later.
    let (first, _) = make(S, "http://x/a", 1);
    let (second, gone) = make(S + FETCHED_FOR, "http://x/a", 1);
    assert_eq!(gone, [format!("forget {first}")]);
    // Too much is as bad as too many; the oldest goes.
    let (large, gone) = make(S * 90, "say:large", KEPT_BYTES_MAX);
    assert_eq!(gone, [format!("forget {second}")]);
    let (larger, gone) = make(S * 90, "say:larger", KEPT_BYTES_MAX + 1);
    assert_eq!(gone, [format!("forget {large}")]);
    let (_, gone) = make(S * 90, "say:0", 1);
    assert_eq!(gone, [format!("forget {larger}")]);
    for n in 1..KEPT_MAX {
        assert_eq!(make(S * 90, &format!("say:{n}"), 1).1, [""; 0], "{n}");
    }
    assert!(switch.source(S * 90, &audio("say:0"), None).is_ok(), "and is new again by that");
    let mut switch = switch;
    switch.make(S * 90, making("say:more"), order(1));
    let token = switch.state.desk.under_way.keys().next().copied().unwrap();
    switch.handle(S * 90, Input::Made { token, result: Ok(1) });
    assert!(switch.source(S * 90, &audio("say:0"), None).is_ok());
    assert!(switch.source(S * 90, &audio("say:1"), None).is_err(), "the one not used for longest");
}

#[test]
fn names_become_sources_in_the_language_of_the_node() {
    let mut switch = switch();
    let mut check = |text: &str, expected: Result<&str, &str>| {
        let found = switch.source(S, &audio(text), None).map(|source| match source {
            Source::Music(name) => format!("music {name}"),
            Source::Prompt { sounds, .. } => format!("prompt {}", sounds.join(" ")),
            other => format!("{other:?}"),
        });
        let found = found.map_err(|problem| problem.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    };
    check("music:default", Ok("music default"));
    check("music:closed", Err("no such music: closed; there are: default"));
    check("prompt:closed+digits/3", Ok("prompt en/closed en/digits/3"));
    check(
        "prompt:closed+opened",
        Err("no such prompt: opened; there are: closed, default, digits/3"),
    );
}

#[test]
fn all_of_it_is_carried() {
    let mut switch = switch();
    switch.make(S, making("say:Hello"), order(1));
    switch.make(S, making("say:Bye"), order(2));
    switch.handle(S, Input::Made { token: 1, result: Ok(1) });
    let carried = postcard::to_stdvec(&switch.carry()).unwrap();
    let mut switch = B2bua::resume(postcard::from_bytes(&carried).unwrap()).unwrap();
    assert!(switch.source(S, &audio("say:Hello"), None).is_ok());
    let token = switch.state.desk.under_way.keys().next().copied().unwrap();
    switch.handle(S, Input::Made { token, result: Ok(1) });
    assert_eq!(drain(&mut switch), ["2 carried out"]);
}
