//! Feature codes: what is dialled from a phone, or pressed in a call, for something to happen. Pure: what
//! a text means, and whether more of it may come.

use serde::{Deserialize, Serialize};

use crate::config::Name;
use crate::event::{HelpMode, Mode};

/// `[codes]`. Each begins with `*`; an empty one is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codes {
    /// Dialled by an operator: ready from now on.
    pub ready: Name,
    /// Dialled by an operator: not ready.
    pub not_ready: Name,
    /// Dialled with an operator's number behind it: listens to their call. Pressed by one who supervises
    /// a call: the same from now on. So are the next two.
    pub monitor: Name,
    /// Speaks to that operator alone.
    pub whisper: Name,
    /// Speaks to all.
    pub barge: Name,
    /// Pressed: the others are put on hold, or taken off it.
    pub hold: Name,
    /// Pressed with a number behind it, and `#`: help without the customer.
    pub two_party_help: Name,
    /// The same with the customer.
    pub three_party_help: Name,
    /// Pressed with a number behind it, and `#`: the customer is handed on, and the operator free.
    pub cold_transfer: Name,
    /// The same; the operator talks with whoever is there first, while the customer hears music.
    pub warm_transfer: Name,
    /// Pressed: they have the customer now.
    pub complete: Name,
    /// Pressed: whoever was asked for help, or is to have the customer, is out.
    pub take_back: Name,
    /// How long the next key of a code may take.
    pub wait_ms: u64,
}

impl Default for Codes {
    fn default() -> Self {
        Self {
            ready: "*81".into(),
            not_ready: "*82".into(),
            monitor: "*83".into(),
            whisper: "*84".into(),
            barge: "*85".into(),
            hold: "*1".into(),
            two_party_help: "*2".into(),
            three_party_help: "*3".into(),
            cold_transfer: "*4".into(),
            warm_transfer: "*5".into(),
            complete: "*6".into(),
            take_back: "*9".into(),
            wait_ms: 2_500,
        }
    }
}

/// A number behind a code is not longer.
const NUMBER_MAX: usize = 32;

/// What a dialled number is, if it is a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dialled {
    Ready,
    NotReady,
    /// The call of the operator with this number.
    Watch(Mode, String),
}

/// What keys in a call want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Hold,
    Help(HelpMode, String),
    /// Cold, or warm.
    HandOn {
        is_warm: bool,
        to: String,
    },
    Complete,
    TakeBack,
    Mode(Mode),
}

/// What keys are so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// A code.
    Is(Wish),
    /// More may come.
    Unfinished,
    /// No code.
    Nothing,
}

impl Codes {
    /// What a number means that an operator dials.
    pub(crate) fn dialled(&self, to: &str) -> Option<Dialled> {
        let is = |code: &Name| !code.is_empty() && **code == *to;
        if is(&self.ready) {
            return Some(Dialled::Ready);
        }
        if is(&self.not_ready) {
            return Some(Dialled::NotReady);
        }
        self.modes().into_iter().find_map(|(code, mode)| {
            let number = to.strip_prefix(&**code).filter(|_| !code.is_empty())?;
            (!number.is_empty()).then(|| Dialled::Watch(mode, number.to_owned()))
        })
    }

    /// What keys mean that are pressed in a call.
    pub(crate) fn read(&self, typed: &str) -> Read {
        let plain = [
            (&self.hold, Wish::Hold),
            (&self.complete, Wish::Complete),
            (&self.take_back, Wish::TakeBack),
        ];
        let modes = self.modes().map(|(code, mode)| (code, Wish::Mode(mode)));
        let mut is_begun = false;
        for (code, wish) in plain.into_iter().chain(modes).filter(|(code, _)| !code.is_empty()) {
            if **code == *typed {
                return Read::Is(wish);
            }
            is_begun |= code.starts_with(typed);
        }
        type Wanted = fn(String) -> Wish;
        let numbered: [(&Name, Wanted); 4] = [
            (&self.two_party_help, |to| Wish::Help(HelpMode::TwoParty, to)),
            (&self.three_party_help, |to| Wish::Help(HelpMode::ThreeParty, to)),
            (&self.cold_transfer, |to| Wish::HandOn { is_warm: false, to }),
            (&self.warm_transfer, |to| Wish::HandOn { is_warm: true, to }),
        ];
        for (code, wish) in numbered.into_iter().filter(|(code, _)| !code.is_empty()) {
            is_begun |= code.starts_with(typed);
            let Some(rest) = typed.strip_prefix(&**code) else { continue };
            match rest.strip_suffix('#') {
                Some(number) if is_number(number) => {
                    return Read::Is(wish(number.to_owned()));
                }
                None => is_begun |= rest.is_empty() || is_number(rest),
                Some(_) => {}
            }
        }
        if is_begun { Read::Unfinished } else { Read::Nothing }
    }

    /// Whether keys in a call mean anything at all.
    pub(crate) fn are_pressed(&self) -> bool {
        self.read("*") == Read::Unfinished
    }

    fn modes(&self) -> [(&Name, Mode); 3] {
        [(&self.monitor, Mode::Monitor), (&self.whisper, Mode::Whisper), (&self.barge, Mode::Barge)]
    }

    /// Each by its name in the configuration.
    #[must_use]
    pub fn named(&self) -> [(&'static str, &Name); 12] {
        [
            ("ready", &self.ready),
            ("not_ready", &self.not_ready),
            ("monitor", &self.monitor),
            ("whisper", &self.whisper),
            ("barge", &self.barge),
            ("hold", &self.hold),
            ("two_party_help", &self.two_party_help),
            ("three_party_help", &self.three_party_help),
            ("cold_transfer", &self.cold_transfer),
            ("warm_transfer", &self.warm_transfer),
            ("complete", &self.complete),
            ("take_back", &self.take_back),
        ]
    }
}

fn is_number(text: &str) -> bool {
    (1..=NUMBER_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_far_as_they_go() {
        let codes = Codes::default();
        let help = |mode, number: &str| Read::Is(Wish::Help(mode, number.to_owned()));
        for (typed, expected) in [
            ("*", Read::Unfinished),
            ("*1", Read::Is(Wish::Hold)),
            ("*2", Read::Unfinished),
            ("*2101", Read::Unfinished),
            ("*2101#", help(HelpMode::TwoParty, "101")),
            ("*3600#", help(HelpMode::ThreeParty, "600")),
            ("*4600#", Read::Is(Wish::HandOn { is_warm: false, to: "600".into() })),
            ("*5102#", Read::Is(Wish::HandOn { is_warm: true, to: "102".into() })),
            ("*6", Read::Is(Wish::Complete)),
            ("*2#", Read::Nothing),
            ("*21*", Read::Nothing),
            ("*8", Read::Unfinished),
            ("*84", Read::Is(Wish::Mode(Mode::Whisper))),
            ("*81", Read::Nothing),
            ("*9", Read::Is(Wish::TakeBack)),
            ("**", Read::Nothing),
            ("*7", Read::Nothing),
            ("*0", Read::Nothing),
            ("5", Read::Nothing),
        ] {
            assert_eq!(codes.read(typed), expected, "{typed}");
        }
        assert_eq!(codes.read(&format!("*2{}", "1".repeat(NUMBER_MAX))), Read::Unfinished);
        assert_eq!(codes.read(&format!("*2{}", "1".repeat(NUMBER_MAX + 1))), Read::Nothing);
        let none: Name = "".into();
        let dialled_only = Codes {
            monitor: none.clone(),
            whisper: none.clone(),
            barge: none.clone(),
            hold: none.clone(),
            two_party_help: none.clone(),
            three_party_help: none.clone(),
            cold_transfer: none.clone(),
            warm_transfer: none.clone(),
            complete: none.clone(),
            take_back: none,
            ..Codes::default()
        };
        assert!(codes.are_pressed() && !dialled_only.are_pressed());
    }

    #[test]
    fn codes_are_dialled() {
        let codes = Codes::default();
        let watch = |mode, number: &str| Some(Dialled::Watch(mode, number.to_owned()));
        for (to, expected) in [
            ("*81", Some(Dialled::Ready)),
            ("*82", Some(Dialled::NotReady)),
            ("*83101", watch(Mode::Monitor, "101")),
            ("*84alice", watch(Mode::Whisper, "alice")),
            ("*85101", watch(Mode::Barge, "101")),
            ("*83", None),
            ("*811", None),
            ("101", None),
            ("", None),
        ] {
            assert_eq!(codes.dialled(to), expected, "{to}");
        }
        let none = Codes { ready: "".into(), monitor: "".into(), ..codes };
        assert_eq!((none.dialled(""), none.dialled("*83101")), (None, None));
    }
}
