//! What is said to people, composed of sounds by name.
//!
//! The names are those of Asterisk's sounds where it has them, so that its recordings serve, in the
//! order in which it plays them; every one of them is made in as well. Each language is a file: what
//! comes before what, which form a noun takes behind a number, which gender the number has.

mod english;
mod russian;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::Name;
use crate::sound::Sounds;

/// A language that phrases are composed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// `en`.
    English,
    /// `ru`.
    Russian,
}

impl Language {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::English, Self::Russian];

    /// Its code of ISO 639-1, which is also the folder of its sounds.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|language| language.as_str() == text).ok_or(())
    }
}

/// Something that can be said in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phrase {
    /// Which number in the queue a caller is, from 1: they are next, or number three.
    Position(u32),
    /// How many callers are before them.
    Ahead(u32),
    /// How long they will wait, in minutes, between two bounds; 0 is less than one. Bounds that are
    /// equal are said as one.
    Wait {
        /// At least.
        minutes_min: u32,
        /// At most.
        minutes_max: u32,
    },
    /// A time of the day.
    Time {
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
    },
    /// A cardinal number, up to [`NUMBER_MAX`].
    Number(u32),
    /// Digit by digit, as a telephone number is read out. `+`, `*` and `#` are said too, anything
    /// else is not.
    Digits(String),
}

impl Phrase {
    /// What a prompt's name asks for that is composed: `number:342`, `time:15:30`, `digits:0042`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (kind, value) = name.split_once(':')?;
        let number = |text: &str, most: u32| -> Option<u32> {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number| digits && *number <= most)
        };
        let small = |text, most| u8::try_from(number(text, most)?).ok();
        match kind {
            "number" => number(value, NUMBER_MAX).map(Self::Number),
            "time" => {
                let (hour, minute) = value.split_once(':')?;
                Some(Self::Time { hour: small(hour, 23)?, minute: small(minute, 59)? })
            }
            "digits" if (1..=40).contains(&value.len()) => {
                value.chars().all(|c| digit(c).is_some()).then(|| Self::Digits(value.to_owned()))
            }
            _ => None,
        }
    }
}

/// The largest number that can be said; what is larger is said as this.
pub const NUMBER_MAX: u32 = 999_999;

/// The sounds of a phrase by name, without their language.
#[must_use]
pub fn names(language: Language, phrase: &Phrase) -> Vec<String> {
    match (phrase, language) {
        (Phrase::Digits(text), _) => text.chars().filter_map(digit).collect(),
        (phrase, Language::English) => english::names(phrase),
        (phrase, Language::Russian) => russian::names(phrase),
    }
}

fn digit(c: char) -> Option<String> {
    match c {
        '0'..='9' => Some(format!("digits/{c}")),
        '+' => Some("digits/plus".into()),
        '*' => Some("digits/star".into()),
        '#' => Some("digits/pound".into()),
        _ => None,
    }
}

impl Sounds {
    /// The sounds to be played for a phrase; what there is no sound for is left out.
    #[must_use]
    pub fn phrase(&self, language: Language, phrase: &Phrase) -> Vec<Name> {
        let names = names(language, phrase);
        let found = names.iter().filter_map(|name| self.find(name, language.as_str()));
        found.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
