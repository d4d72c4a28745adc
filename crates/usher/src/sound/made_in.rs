//! What is compiled in: spoken prompts, a beep, the music. Nothing needs installing.
//!
//! The prompts come from `crates/usher/sounds/LANGUAGE.txt` by `cargo xtask sounds`, which says how
//! they lie there.

use b2bua::Language;
use b2bua::config::Name;
use bytes::Bytes;
use media::{Pcm, RATE_HZ, Samples};

use super::Shelf;

/// The name of the music that plays where nothing else does.
pub(crate) const MUSIC: &str = "default";
/// The name of a short tone.
const BEEP: &str = "beep";

/// All of it, by name.
pub(crate) fn shelf() -> Shelf {
    let mut shelf: Shelf = Language::ALL.into_iter().flat_map(spoken).collect();
    let sound = |samples: Vec<i16>| Pcm { hz: RATE_HZ, samples: samples.into() };
    shelf.insert(MUSIC.into(), sound(media::sound::music()));
    let mut beep = [0; (RATE_HZ / 4) as usize];
    media::sound::tone(1_000, 250, 250, 0, &mut beep);
    shelf.insert(BEEP.into(), sound(beep.to_vec()));
    shelf
}

/// The names of all that, without unpacking any.
pub(crate) fn names() -> Vec<Name> {
    let of = |language: Language| {
        let index = index(packed(language)).0.lines();
        let names = index.filter_map(|line| Some(line.rsplit_once(' ')?.0));
        names.map(move |name| Name::from(format!("{language}/{name}"))).collect::<Vec<_>>()
    };
    let spoken = Language::ALL.into_iter().flat_map(of);
    spoken.chain([MUSIC.into(), BEEP.into()]).collect()
}

fn packed(language: Language) -> &'static [u8] {
    match language {
        Language::English => include_bytes!("../../sounds/en.sounds"),
        Language::Russian => include_bytes!("../../sounds/ru.sounds"),
    }
}

/// The lines of names, and what is behind them.
fn index(file: &[u8]) -> (&str, &[u8]) {
    let end = file.windows(2).position(|pair| pair == b"\n\n").map_or(0, |at| at + 1);
    let (index, data) = file.split_at(end);
    (std::str::from_utf8(index).unwrap_or_default(), data.get(1..).unwrap_or_default())
}

/// The prompts of a language, with it in their names.
fn spoken(language: Language) -> Vec<(Name, Pcm)> {
    let (index, mut data) = index(packed(language));
    let mut sounds = Vec::new();
    for line in index.lines() {
        let Some((name, count)) = line.rsplit_once(' ') else { continue };
        let Ok(count) = count.parse::<usize>() else { continue };
        let (samples, rest) = data.split_at(data.len().min(count));
        data = rest;
        let samples = Samples::Ulaw(Bytes::from_static(samples));
        sounds.push((format!("{language}/{name}").into(), Pcm { hz: RATE_HZ, samples }));
    }
    sounds
}

#[cfg(test)]
mod tests {
    use b2bua::{Phrase, Sound, Sounds, names};

    use super::*;

    #[test]
    fn every_prompt_is_there_and_speaks() {
        let shelf = shelf();
        for language in Language::ALL {
            let text = match language {
                Language::English => include_str!("../../sounds/en.txt"),
                Language::Russian => include_str!("../../sounds/ru.txt"),
            };
            let lines = text.lines().filter_map(|line| line.split_once(": "));
            for (name, said) in lines.filter(|(name, _)| !name.starts_with('#')) {
                let pcm = &shelf[&*format!("{language}/{name}")];
                // A tenth of a second for each syllable at least, and no voice is that slow.
                let seconds = pcm.samples.len() as f64 / f64::from(pcm.hz);
                let letters = said.chars().count() as f64;
                assert!((0.1..2.0 + letters / 6.0).contains(&seconds), "{name}: {seconds} s");
                let samples = pcm.samples.to_vec();
                let peak = samples.iter().map(|sample| sample.unsigned_abs()).max();
                assert!(peak > Some(3_000), "{name}: {peak:?}");
                // It fades; what begins at another's place would not.
                let (head, tail) = (&samples[..4], &samples[samples.len() - 8..]);
                let ends = head.iter().chain(tail).map(|sample| sample.unsigned_abs()).max();
                assert!(ends < Some(2_000), "{name}: {ends:?}");
            }
        }
        assert!(shelf["beep"].samples.to_vec().iter().any(|sample| *sample > 5_000));
    }

    /// A word that the folder of texts lacks would be left out of what is said.
    #[test]
    fn every_phrase_is_of_these_sounds() {
        let sound = |(name, _): (&Name, &Pcm)| {
            (name.clone(), Sound { origin: b2bua::Origin::MadeIn, ms: 1 })
        };
        let sounds = Sounds { sounds: shelf().iter().map(sound).collect(), mute: None };
        let wait = |n: u32| Phrase::Wait { minutes_min: n.saturating_sub(1), minutes_max: n };
        let phrases = (0..2_000)
            .chain((2_000..=999_999).step_by(1_009))
            .flat_map(|n| [Phrase::Number(n), Phrase::Position(n), Phrase::Ahead(n), wait(n)])
            .chain(
                (0..24).flat_map(|hour| (0..60).map(move |minute| Phrase::Time { hour, minute })),
            )
            .chain([Phrase::Digits("+0123456789*#".into())]);
        for phrase in phrases {
            for language in Language::ALL {
                let found = sounds.phrase(language, &phrase).len();
                assert_eq!(found, names(language, &phrase).len(), "{language} {phrase:?}");
            }
        }
    }
}
