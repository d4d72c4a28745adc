//! English, as Asterisk composes it.

use super::{NUMBER_MAX, Phrase};

pub(super) fn names(phrase: &Phrase) -> Vec<String> {
    let mut names = Vec::new();
    let mut say = |name: &str| names.push(name.to_owned());
    match *phrase {
        Phrase::Position(0 | 1) | Phrase::Ahead(0) => say("queue-youarenext"),
        Phrase::Position(place) => {
            say("queue-thereare");
            number(place, &mut say);
            say("queue-callswaiting");
        }
        Phrase::Ahead(count) => {
            say("queue-ahead");
            number(count, &mut say);
            say(if count == 1 { "queue-caller" } else { "queue-callers" });
        }
        Phrase::Wait { minutes_max: 0, .. } => {
            for name in ["queue-holdtime", "queue-less-than", "digits/1", "queue-minute"] {
                say(name);
            }
        }
        Phrase::Wait { minutes_min, minutes_max } => {
            say("queue-holdtime");
            let from = minutes_min.max(1);
            if from < minutes_max {
                number(from, &mut say);
                say("queue-to");
            }
            number(minutes_max, &mut say);
            say(if minutes_max == 1 { "queue-minute" } else { "queue-minutes" });
        }
        Phrase::Time { hour, minute } => time(hour % 24, minute % 60, &mut say),
        Phrase::Number(value) => number(value, &mut say),
        Phrase::Digits(_) => {}
    }
    names
}

/// Twelve hours: `nine oh five a.m.`.
fn time(hour: u8, minute: u8, say: &mut impl FnMut(&str)) {
    number(u32::from((hour + 11) % 12 + 1), say);
    match minute {
        0 => say("digits/oclock"),
        1..=9 => {
            say("digits/oh");
            number(minute.into(), say);
        }
        _ => number(minute.into(), say),
    }
    say(if hour < 12 { "digits/a-m" } else { "digits/p-m" });
}

fn number(value: u32, say: &mut impl FnMut(&str)) {
    let value = value.min(NUMBER_MAX);
    if value >= 1_000 {
        number(value / 1_000, say);
        say("digits/thousand");
    }
    let rest = value % 1_000;
    if rest >= 100 {
        say(&format!("digits/{}", rest / 100));
        say("digits/hundred");
    }
    match rest % 100 {
        0 if value > 0 => {}
        rest @ 0..=20 => say(&format!("digits/{rest}")),
        rest => {
            say(&format!("digits/{}", rest / 10 * 10));
            if rest % 10 > 0 {
                say(&format!("digits/{}", rest % 10));
            }
        }
    }
}
