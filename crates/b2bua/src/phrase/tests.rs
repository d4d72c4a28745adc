use std::collections::BTreeSet;

use super::*;
use crate::sound::{Origin, Sound};

fn check(language: Language, phrase: &Phrase, expected: &str) {
    let said: Vec<String> = names(language, phrase)
        .iter()
        .map(|name| name.replace("digits/", "").replace("queue-", "~"))
        .collect();
    assert_eq!(said.join(" "), expected, "{language} {phrase:?}");
}

#[test]
fn english_numbers() {
    for (value, expected) in [
        (0, "0"),
        (1, "1"),
        (13, "13"),
        (20, "20"),
        (21, "20 1"),
        (40, "40"),
        (99, "90 9"),
        (100, "1 hundred"),
        (101, "1 hundred 1"),
        (120, "1 hundred 20"),
        (999, "9 hundred 90 9"),
        (1_000, "1 thousand"),
        (1_001, "1 thousand 1"),
        (11_200, "11 thousand 2 hundred"),
        (342_015, "3 hundred 40 2 thousand 15"),
        (999_999, "9 hundred 90 9 thousand 9 hundred 90 9"),
        (1_000_000, "9 hundred 90 9 thousand 9 hundred 90 9"),
    ] {
        check(Language::English, &Phrase::Number(value), expected);
    }
}

#[test]
fn russian_numbers() {
    for (value, expected) in [
        (0, "0"),
        (1, "1"),
        (2, "2"),
        (12, "12"),
        (20, "20"),
        (22, "20 2"),
        (100, "100"),
        (111, "100 11"),
        (221, "200 20 1"),
        (999, "900 90 9"),
        (1_000, "thousand"),
        (1_001, "thousand 1"),
        (2_002, "2f thousands-i 2"),
        (5_000, "5 thousands"),
        (11_000, "11 thousands"),
        (21_000, "20 1f thousand"),
        (101_000, "100 1f thousand"),
        (112_000, "100 12 thousands"),
        (342_015, "300 40 2f thousands-i 15"),
        (999_999, "900 90 9 thousands 900 90 9"),
        (u32::MAX, "900 90 9 thousands 900 90 9"),
    ] {
        check(Language::Russian, &Phrase::Number(value), expected);
    }
}

#[test]
fn places_in_the_queue() {
    use Language::{English, Russian};
    use Phrase::{Ahead, Position};
    for (language, phrase, expected) in [
        (English, Position(0), "~youarenext"),
        (English, Position(1), "~youarenext"),
        (English, Position(3), "~thereare 3 ~callswaiting"),
        (English, Position(121), "~thereare 1 hundred 20 1 ~callswaiting"),
        (English, Ahead(0), "~youarenext"),
        (English, Ahead(1), "~ahead 1 ~caller"),
        (English, Ahead(21), "~ahead 20 1 ~callers"),
        (Russian, Position(1), "~youarenext"),
        (Russian, Position(2), "~thereare 2 ~callswaiting"),
        (Russian, Position(31), "~thereare 30 1 ~callswaiting"),
        (Russian, Ahead(0), "~youarenext"),
        (Russian, Ahead(1), "~ahead 1 ~caller"),
        (Russian, Ahead(3), "~ahead 3 ~callers-a"),
        (Russian, Ahead(5), "~ahead 5 ~callers"),
        (Russian, Ahead(11), "~ahead 11 ~callers"),
        (Russian, Ahead(21), "~ahead 20 1 ~caller"),
        (Russian, Ahead(112), "~ahead 100 12 ~callers"),
        (Russian, Ahead(122), "~ahead 100 20 2 ~callers-a"),
    ] {
        check(language, &phrase, expected);
    }
}

#[test]
fn waits() {
    use Language::{English, Russian};
    for (language, min, max, expected) in [
        (English, 0, 0, "~holdtime ~less-than 1 ~minute"),
        (English, 0, 1, "~holdtime 1 ~minute"),
        (English, 1, 1, "~holdtime 1 ~minute"),
        (English, 0, 2, "~holdtime 1 ~to 2 ~minutes"),
        (English, 3, 5, "~holdtime 3 ~to 5 ~minutes"),
        (English, 5, 5, "~holdtime 5 ~minutes"),
        (English, 7, 5, "~holdtime 5 ~minutes"),
        (Russian, 0, 0, "~holdtime ~less-than-a-minute"),
        (Russian, 1, 1, "~holdtime 1f ~minute"),
        (Russian, 1, 2, "~holdtime 1f 2f ~minutes-i"),
        (Russian, 2, 3, "~holdtime 2f 3 ~minutes-i"),
        (Russian, 4, 5, "~holdtime 4 5 ~minutes"),
        (Russian, 11, 11, "~holdtime 11 ~minutes"),
        (Russian, 20, 21, "~holdtime 20 20 1f ~minute"),
        (Russian, 22, 22, "~holdtime 20 2f ~minutes-i"),
    ] {
        check(language, &Phrase::Wait { minutes_min: min, minutes_max: max }, expected);
    }
}

#[test]
fn times_of_day() {
    use Language::{English, Russian};
    for (language, hour, minute, expected) in [
        (English, 0, 0, "12 oclock a-m"),
        (English, 0, 30, "12 30 a-m"),
        (English, 9, 5, "9 oh 5 a-m"),
        (English, 11, 59, "11 50 9 a-m"),
        (English, 12, 0, "12 oclock p-m"),
        (English, 21, 41, "9 40 1 p-m"),
        (Russian, 0, 0, "0 hours oclock"),
        (Russian, 1, 1, "1 hour 1f minute"),
        (Russian, 2, 2, "2 hours-a 2f minutes-i"),
        (Russian, 9, 5, "9 hours 5 minutes"),
        (Russian, 11, 11, "11 hours 11 minutes"),
        (Russian, 21, 0, "20 1 hour oclock"),
        (Russian, 23, 41, "20 3 hours-a 40 1f minute"),
    ] {
        let expected = expected.replace("minute", "~minute");
        check(language, &Phrase::Time { hour, minute }, &expected);
    }
}

#[test]
fn telephone_numbers() {
    for language in Language::ALL {
        check(language, &Phrase::Digits("+7 (495) 123*#".into()), "plus 7 4 9 5 1 2 3 star pound");
        check(language, &Phrase::Digits(String::new()), "");
    }
}

/// Every name a phrase can have, so that whoever makes the sounds can see that all are there.
fn vocabulary(language: Language) -> BTreeSet<String> {
    let numbers = (0..=NUMBER_MAX).step_by(997).chain(0..3_000).map(Phrase::Number);
    let places = (0..200).flat_map(|n| [Phrase::Position(n), Phrase::Ahead(n)]);
    let wait = |n| Phrase::Wait { minutes_min: n / 2, minutes_max: n };
    let day = (0..24).flat_map(|hour| (0..60).map(move |minute| Phrase::Time { hour, minute }));
    let digits = Phrase::Digits("+0123456789*#".into());
    let all = numbers.chain(places).chain((0..120).map(wait)).chain(day).chain([digits]);
    all.flat_map(|phrase| names(language, &phrase)).collect()
}

#[test]
fn a_phrase_is_of_the_sounds_that_there_are() {
    for language in Language::ALL {
        let words = vocabulary(language);
        assert!((40..100).contains(&words.len()), "{language}: {}", words.len());
        assert!(words.iter().all(|word| crate::is_name(word)));
    }
    let sound = |origin| Sound { origin, ms: 500 };
    let mut sounds = Sounds::default();
    for name in vocabulary(Language::English) {
        sounds.sounds.insert(format!("en/{name}").into(), sound(Origin::MadeIn));
    }
    sounds.sounds.insert("digits/3".into(), sound(Origin::Prompts));
    let said = sounds.phrase(Language::English, &Phrase::Position(3));
    let said: Vec<&str> = said.iter().map(|name| &**name).collect();
    assert_eq!(said, ["en/queue-thereare", "digits/3", "en/queue-callswaiting"]);
    let said = sounds.phrase(Language::Russian, &Phrase::Position(3));
    assert_eq!(said, ["digits/3".into()], "there is no Russian here");
}
