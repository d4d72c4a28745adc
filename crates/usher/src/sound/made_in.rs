//! What is compiled in: spoken prompts, a beep, the music. Nothing needs installing.
//!
//! The prompts come from `crates/usher/sounds/LANGUAGE.txt` by `cargo xtask sounds`, which says how
//! they are coded. They are unpacked once, at the start.

use std::sync::Arc;

use b2bua::Language;
use b2bua::config::Name;
use media::{Pcm, RATE_HZ};

use super::Shelf;

const STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66,
    73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449,
    494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272,
    2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493,
    10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
const MOVES: [i32; 8] = [-1, 0, 1, 2, 3, 4, 6, 8];

/// The name of the music that plays where nothing else does.
pub(crate) const MUSIC: &str = "default";
/// The name of a short tone.
const BEEP: &str = "beep";

/// All of it, by name.
pub(crate) fn shelf() -> Shelf {
    let mut shelf: Shelf = Language::ALL.into_iter().flat_map(spoken).collect();
    let sound = |samples: Arc<[i16]>| Pcm { hz: RATE_HZ, samples };
    shelf.insert(MUSIC.into(), sound(media::sound::music()));
    let mut beep = [0; (RATE_HZ / 4) as usize];
    media::sound::tone(1_000, 250, 250, 0, &mut beep);
    shelf.insert(BEEP.into(), sound(beep.into()));
    shelf
}

fn packed(language: Language) -> &'static [u8] {
    match language {
        Language::English => include_bytes!("../../sounds/en.sounds"),
        Language::Russian => include_bytes!("../../sounds/ru.sounds"),
    }
}

/// The prompts of a language, with it in their names.
fn spoken(language: Language) -> Vec<(Name, Pcm)> {
    let file = packed(language);
    let end = file.windows(2).position(|pair| pair == b"\n\n").map_or(0, |at| at + 1);
    let (index, data) = file.split_at(end);
    let mut data = data.get(1..).unwrap_or_default();
    let mut sounds = Vec::new();
    for line in std::str::from_utf8(index).unwrap_or_default().lines() {
        let Some((name, count)) = line.rsplit_once(' ') else { continue };
        let Ok(count) = count.parse::<usize>() else { continue };
        let (codes, rest) = data.split_at(data.len().min(count.div_ceil(4) * 3));
        data = rest;
        let samples = unpack(codes, count).into();
        sounds.push((format!("{language}/{name}").into(), Pcm { hz: RATE_HZ, samples }));
    }
    sounds
}

fn unpack(codes: &[u8], count: usize) -> Vec<i16> {
    let four = |three: &[u8]| {
        let word = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        [18, 12, 6, 0].map(|shift| word >> shift & 63)
    };
    let (mut value, mut step) = (0_i32, 0_i32);
    let sample = |code: u32| {
        let part = code & 31;
        let change = STEPS[step.unsigned_abs() as usize] * (2 * part.cast_signed() + 1) / 32;
        value = if code & 32 == 0 { value + change } else { value - change };
        value = value.clamp(i16::MIN.into(), i16::MAX.into());
        step = (step + MOVES[part as usize / 4]).clamp(0, 88);
        i16::try_from(value).unwrap_or(0)
    };
    codes.chunks_exact(3).flat_map(four).take(count).map(sample).collect()
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
                let peak = pcm.samples.iter().map(|sample| sample.unsigned_abs()).max();
                assert!(peak > Some(3_000), "{name}: {peak:?}");
                // It fades, and a code that ran away would not.
                let tail = &pcm.samples[pcm.samples.len() - 8..];
                let rest = tail.iter().map(|sample| sample.unsigned_abs()).max();
                assert!(rest < Some(2_000), "{name}: {rest:?}");
            }
        }
        assert!(shelf["beep"].samples.iter().any(|sample| *sample > 5_000));
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
