//! What somebody is to hear, as the API and the configuration write it, and which sounds there are.
//!
//! | written | is |
//! | --- | --- |
//! | `music:NAME` | a sound that is looped; each listener joins where it is |
//! | `prompt:NAME` | a sound played once; several with `+` between them |
//! | `prompt:number:342`, `prompt:time:15:30`, `prompt:digits:0042` | composed in the caller's language; also between names |
//! | `say:TEXT` | a text that is spoken |
//! | `http://…`, `https://…` | a sound that is fetched |
//!
//! A prompt is looked for in the caller's language first (`LANGUAGE/NAME`), then as it is; what was
//! uploaded wins over what a folder has, and that over what is made in (`Sounds::find`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::api::{Problem, Time};
use crate::config::Name;
use crate::phrase::Phrase;

/// Characters of a text that is spoken at once.
pub const TEXT_MAX: usize = 1_000;
/// Characters of a URL, and of a sound's name.
const URL_MAX: usize = 2_048;
const NAME_MAX: usize = 128;
/// Names told where one is not known.
const TOLD_MAX: usize = 12;
/// How long a sound may take to be made. Whoever waits for it has an answer then.
pub const MAKE_WITHIN: Time = Time::from_secs(8);
/// The folder of names that we give to what is made, and nobody else may.
pub const MADE: &str = "made";

/// What somebody is to hear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Audio {
    /// A sound by name, looped.
    Music(Name),
    /// Sounds by name, one after the other, once.
    Prompt(Vec<Name>),
    /// To be made first.
    Made(Making),
}

/// A sound that has to be made before it can be heard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Making {
    /// A text to be spoken.
    Speak {
        /// At most [`TEXT_MAX`] characters, none of them control characters.
        text: Name,
        /// As in [`crate::config::Queue::language`]; that of the call where absent.
        language: Option<Name>,
    },
    /// A file to be fetched, by http or https.
    Fetch {
        /// From where.
        url: Name,
    },
}

impl FromStr for Audio {
    type Err = Problem;

    /// Reads what the table at the top says. Whether there is such a sound is not asked here.
    fn from_str(text: &str) -> Result<Self, Problem> {
        let invalid = |what: String| Err(Problem::Invalid(what));
        match text.split_once(':') {
            Some(("music", name)) => Ok(Self::Music(named(name)?)),
            Some(("prompt", names)) => {
                Ok(Self::Prompt(names.split('+').map(named).collect::<Result<_, _>>()?))
            }
            Some(("say", said)) => {
                // A line break is a pause, and what else there is has no sound.
                let said: String =
                    said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                let said = said.trim();
                if said.is_empty() || said.chars().count() > TEXT_MAX {
                    return invalid(format!("`say:` takes 1 to {TEXT_MAX} characters"));
                }
                Ok(Self::Made(Making::Speak { text: said.into(), language: None }))
            }
            Some(("http" | "https", rest))
                if rest.len() > 2
                    && rest.starts_with("//")
                    && text.len() <= URL_MAX
                    && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok(Self::Made(Making::Fetch { url: text.into() }))
            }
            _ => invalid(format!(
                "`{}` is nothing to hear; expected `music:NAME`, `prompt:NAME`, `say:TEXT`, or a \
                 URL of http or https",
                text.chars().take(80).collect::<String>().escape_debug()
            )),
        }
    }
}

impl fmt::Display for Audio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Music(name) => write!(f, "music:{name}"),
            Self::Prompt(names) => write!(f, "prompt:{}", names.join("+")),
            Self::Made(Making::Speak { text, .. }) => write!(f, "say:{text}"),
            Self::Made(Making::Fetch { url }) => f.write_str(url),
        }
    }
}

impl Audio {
    /// Whether it has to be made first: an order that names it is answered within
    /// [`MAKE_WITHIN`], not at once.
    #[must_use]
    pub fn is_made(&self) -> bool {
        matches!(self, Self::Made(_))
    }

    /// Something to be heard once, as the configuration names it: a sound, a number or time, or what the
    /// API takes; no music.
    #[must_use]
    pub fn once(text: &str) -> Option<Self> {
        if is_name(text) || Phrase::named(text).is_some() {
            return Some(Self::Prompt(vec![text.into()]));
        }
        text.parse().ok().filter(|audio| !matches!(audio, Self::Music(_)))
    }

    /// The field of the API by which it is played.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Self::Music(_) => "music",
            Self::Prompt(_) => "prompt",
            Self::Made(Making::Speak { .. }) => "say",
            Self::Made(Making::Fetch { .. }) => "url",
        }
    }
}

fn named(name: &str) -> Result<Name, Problem> {
    match is_name(name) || Phrase::named(name).is_some() {
        true => Ok(name.into()),
        false => Err(Problem::Invalid(format!(
            "`{}` is no name of a sound; expected letters, digits, `-`, `_` and `.`, with `/` \
             between folders, or `number:N`, `time:HH:MM` or `digits:N`",
            name.chars().take(80).collect::<String>().escape_debug()
        ))),
    }
}

/// Whether a sound may be called so: letters and digits of any language, `-`, `_`, `.` and spaces
/// within, folders with `/` between; no folder begins with a dot, none is empty, and it is not long.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    name.len() <= NAME_MAX
        && name.split('/').all(|part| {
            let edges = part.chars().next().zip(part.chars().next_back());
            part.chars().all(fine)
                && edges.is_some_and(|(first, last)| first != '.' && first != ' ' && last != ' ')
        })
}

/// Where a sound is from. Of two with one name the later in this order is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Origin {
    /// The program itself.
    MadeIn,
    /// The folder that `music` of `[media]` names.
    Music,
    /// The folder that `prompts` of `[media]` names.
    Prompts,
    /// The API.
    Uploaded,
}

impl Origin {
    /// The public word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MadeIn => "made-in",
            Self::Music => "music",
            Self::Prompts => "prompts",
            Self::Uploaded => "uploaded",
        }
    }
}

/// A sound that the media threads have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sound {
    /// Where it is from.
    pub origin: Origin,
    /// How long it is.
    pub ms: u64,
}

/// All that can be heard, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sounds {
    /// What the media threads have.
    pub sounds: BTreeMap<Name, Sound>,
    /// Why no text can be spoken, and what helps; `None` where one can.
    pub mute: Option<Name>,
}

impl Sounds {
    /// The sound to be heard for `name` in a language: `LANGUAGE/NAME` or `NAME`, whichever is of
    /// the better origin, and of two such the one in the language.
    #[must_use]
    pub fn find(&self, name: &str, language: &str) -> Option<(&Name, Sound)> {
        let plain = self.sounds.get_key_value(name);
        let spoken = self.sounds.get_key_value(&*format!("{language}/{name}"));
        let better = match (plain, spoken) {
            (Some(plain), Some(spoken)) if plain.1.origin > spoken.1.origin => plain,
            (plain, spoken) => spoken.or(plain)?,
        };
        Some((better.0, *better.1))
    }

    /// The names of those that come closest, for whoever asked for one that is not there.
    pub(crate) fn unknown(&self, kind: &str, name: &str, language: &str) -> Problem {
        let fits = |name: &str, sound: &Sound| match (kind, sound.origin) {
            // What is made in is spoken, but for the music.
            ("music", Origin::MadeIn) => !name.contains('/'),
            ("music", origin) => origin != Origin::Prompts,
            (_, origin) => origin != Origin::Music,
        };
        let prefix = format!("{language}/");
        let fitting = self.sounds.iter().filter(|(name, sound)| fits(name, sound));
        let plain = |name: &'_ Name| name.strip_prefix(&prefix).unwrap_or(name).to_owned();
        let mut names: Vec<String> = fitting.map(|(name, _)| plain(name)).collect();
        // Those that begin alike first.
        let alike =
            |other: &str| name.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        names.sort_by_key(|other| (core::cmp::Reverse(alike(other)), other.clone()));
        names.dedup();
        let more = if names.len() > TOLD_MAX { ", …" } else { "" };
        names.truncate(TOLD_MAX);
        Problem::Invalid(format!("no such {kind}: {name}; there are: {}{more}", names.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_printed_again() {
        let name = |text: &str| Name::from(text);
        let speak = |text: &str| Audio::Made(Making::Speak { text: name(text), language: None });
        let check = |text: &str, expected: Option<Audio>| {
            let read = text.parse::<Audio>();
            if let Ok(audio) = &read {
                assert_eq!(audio.to_string().parse::<Audio>(), read, "{text}");
            }
            assert_eq!(read.ok(), expected, "{text}");
        };
        check("music:default", Some(Audio::Music(name("default"))));
        check("music:jazz/late night", Some(Audio::Music(name("jazz/late night"))));
        check("prompt:closed", Some(Audio::Prompt(vec![name("closed")])));
        let phrase = vec![name("queue-thereare"), name("number:21"), name("time:7:05")];
        check("prompt:queue-thereare+number:21+time:7:05", Some(Audio::Prompt(phrase)));
        check("prompt:time:24:00", None);
        check("prompt:number:-1", None);
        check("prompt:number:1000000", None);
        check("prompt:digits:12a", None);
        let composed = vec![name("queue-thereare"), name("digits/3")];
        check("prompt:queue-thereare+digits/3", Some(Audio::Prompt(composed)));
        check("say: Здравствуйте! ", Some(speak("Здравствуйте!")));
        check("say:http://x", Some(speak("http://x")));
        check("say:one\ntwo\u{7}", Some(speak("one two")));
        let url = "https://example.com/a.wav?b=c";
        check(url, Some(Audio::Made(Making::Fetch { url: name(url) })));
        let most = "x".repeat(TEXT_MAX);
        check(&format!("say:{most}"), Some(speak(&most)));
        check(&format!("say:{most}x"), None);
        for wrong in [
            "",
            "music",
            "music:",
            "Music:default",
            "prompt:",
            "prompt:a+",
            "say:",
            "say: \n",
            "tone:440",
            "music:../secret",
            "music:a/../b",
            "music:/etc/passwd",
            "music:a//b",
            "music:.hidden",
            "music:a/.b",
            "prompt:a\\b",
            "prompt:a\0",
            "prompt: a",
            "http:",
            "http://",
            "ftp://x/y",
            "http://a b",
            "file:///etc/passwd",
            "HTTP://x/",
        ] {
            check(wrong, None);
        }
        check(&format!("music:{}", "x".repeat(NAME_MAX + 1)), None);
        check(&format!("http://{}", "x".repeat(URL_MAX)), None);
    }

    fn sounds(given: &[(&str, Origin)]) -> Sounds {
        let sound = |(name, origin): &(&str, Origin)| {
            (Name::from(*name), Sound { origin: *origin, ms: 1_000 })
        };
        Sounds { sounds: given.iter().map(sound).collect(), mute: None }
    }

    #[test]
    fn the_better_origin_wins_then_the_language() {
        let sounds = sounds(&[
            ("en/made", Origin::MadeIn),
            ("en/both", Origin::MadeIn),
            ("both", Origin::Prompts),
            ("en/alike", Origin::Prompts),
            ("alike", Origin::Prompts),
            ("en/spoken", Origin::Uploaded),
            ("spoken", Origin::Prompts),
            ("plain", Origin::MadeIn),
        ]);
        let check = |name: &str, language: &str, expected: Option<&str>| {
            let found = sounds.find(name, language).map(|(name, _)| &**name);
            assert_eq!(found, expected, "{name} in {language}");
        };
        check("made", "en", Some("en/made"));
        check("made", "ru", None);
        check("en/made", "ru", Some("en/made"));
        check("both", "en", Some("both"));
        check("alike", "en", Some("en/alike"));
        check("alike", "ru", Some("alike"));
        check("spoken", "en", Some("en/spoken"));
        check("plain", "ru", Some("plain"));
    }

    #[test]
    fn who_asks_for_what_is_not_there_is_told_what_is() {
        let sounds = sounds(&[
            ("default", Origin::MadeIn),
            ("en/closed", Origin::MadeIn),
            ("jazz", Origin::Music),
            ("queue-thankyou", Origin::Prompts),
            ("tone", Origin::Uploaded),
        ]);
        let check = |kind, name, expected: &str| {
            assert_eq!(sounds.unknown(kind, name, "en").to_string(), expected);
        };
        check("music", "jass", "no such music: jass; there are: jazz, default, tone");
        check(
            "prompt",
            "queue",
            "no such prompt: queue; there are: queue-thankyou, closed, default, tone",
        );
        let many: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
        let many: Vec<_> = many.iter().map(|name| (name.as_str(), Origin::Uploaded)).collect();
        let told = self::sounds(&many).unknown("music", "n39", "en").to_string();
        assert!(told.contains("there are: n39, n3, n30") && told.ends_with(", …"), "{told}");
    }
}
