//! Russian: numbers agree in gender with what they count, nouns in number with them.
//!
//! | count | form | минута | тысяча |
//! | --- | --- | --- | --- |
//! | 1, 21, 31 … but 11 | nominative | `queue-minute` | `digits/thousand` |
//! | 2 to 4, 22 to 24 … but 12 to 14 | genitive singular | `queue-minutes-i` | `digits/thousands-i` |
//! | others | genitive plural | `queue-minutes` | `digits/thousands` |
//!
//! `digits/1f` and `digits/2f` are feminine. Hundreds have a word each, `digits/100` to `digits/900`.

use super::{NUMBER_MAX, Phrase};

/// The gender of what is counted.
#[derive(Clone, Copy)]
enum Gender {
    Masculine,
    Feminine,
}

/// The three forms of a noun behind a number.
type Forms = [&'static str; 3];

const MINUTES: Forms = ["queue-minute", "queue-minutes-i", "queue-minutes"];
const HOURS: Forms = ["digits/hour", "digits/hours-a", "digits/hours"];
const CALLERS: Forms = ["queue-caller", "queue-callers-a", "queue-callers"];
const THOUSANDS: Forms = ["digits/thousand", "digits/thousands-i", "digits/thousands"];

pub(super) fn names(phrase: &Phrase) -> Vec<String> {
    let mut names = Vec::new();
    let mut say = |name: &str| names.push(name.to_owned());
    match *phrase {
        Phrase::Position(0 | 1) | Phrase::Ahead(0) => say("queue-youarenext"),
        Phrase::Position(place) => {
            say("queue-thereare");
            number(place, Gender::Masculine, &mut say);
            say("queue-callswaiting");
        }
        Phrase::Ahead(count) => {
            say("queue-ahead");
            counted(count, Gender::Masculine, CALLERS, &mut say);
        }
        Phrase::Wait { minutes_max: 0, .. } => {
            // Less than one: the genitive is of the sound.
            say("queue-holdtime");
            say("queue-less-than-a-minute");
        }
        Phrase::Wait { minutes_min, minutes_max } => {
            say("queue-holdtime");
            let from = minutes_min.max(1);
            if from < minutes_max {
                // "Две-три минуты": one number after the other is a range.
                number(from, Gender::Feminine, &mut say);
            }
            counted(minutes_max, Gender::Feminine, MINUTES, &mut say);
        }
        Phrase::Time { hour, minute } => {
            counted((hour % 24).into(), Gender::Masculine, HOURS, &mut say);
            match minute % 60 {
                0 => say("digits/oclock"),
                minute => counted(minute.into(), Gender::Feminine, MINUTES, &mut say),
            }
        }
        Phrase::Number(value) => number(value, Gender::Masculine, &mut say),
        Phrase::Digits(_) => {}
    }
    names
}

/// A number and what it counts.
fn counted(value: u32, gender: Gender, forms: Forms, say: &mut impl FnMut(&str)) {
    number(value, gender, say);
    say(forms[form(value.min(NUMBER_MAX))]);
}

/// Which form of a noun stands behind a number.
fn form(value: u32) -> usize {
    match (value % 100, value % 10) {
        (11..=14, _) => 2,
        (_, 1) => 0,
        (_, 2..=4) => 1,
        _ => 2,
    }
}

fn number(value: u32, gender: Gender, say: &mut impl FnMut(&str)) {
    let value = value.min(NUMBER_MAX);
    if value >= 1_000 {
        let thousands = value / 1_000;
        if thousands > 1 {
            number(thousands, Gender::Feminine, say);
        }
        say(THOUSANDS[form(thousands)]);
    }
    let rest = value % 1_000;
    if rest >= 100 {
        say(&format!("digits/{}", rest / 100 * 100));
    }
    let rest = rest % 100;
    let (tens, units) = if rest > 20 { (rest / 10 * 10, rest % 10) } else { (0, rest) };
    if tens > 0 {
        say(&format!("digits/{tens}"));
    }
    if units > 0 || value == 0 {
        let feminine = matches!((gender, units), (Gender::Feminine, 1 | 2));
        say(&format!("digits/{units}{}", if feminine { "f" } else { "" }));
    }
}
