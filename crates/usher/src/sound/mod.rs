//! The sounds of a node: from the program itself, from folders, uploaded, spoken and fetched. They
//! are read and made here, off the core and the media threads, which are handed samples by name.
//!
//! | shelf | from | names |
//! | --- | --- | --- |
//! | [`made_in`] | the program | `default`, `beep`, `LANGUAGE/NAME` |
//! | [`music`] | `music` of `[media]` | a folder's, a file's |
//! | [`folder`] | `prompts` of `[media]` | a file's, behind its folders |
//! | [`uploads`] | the API, kept in `data_dir/sounds` | as given |
//!
//! Of two with one name the one further down is heard.

mod fetch;
mod folder;
mod made_in;
mod music;
mod rate;
mod resolved;
mod speech;
mod uploads;
pub(crate) mod wave;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use b2bua::config::Name;
use b2bua::{Origin, Sound, Sounds};
use media::{Pcm, Samples};

pub(crate) use fetch::{Fetch, fetch};
use folder::Budget;
pub(crate) use made_in::MUSIC;
pub(crate) use speech::speak;
use speech::{program, why_mute};
pub(crate) use uploads::Refused;

/// Sounds by name.
pub(crate) type Shelf = BTreeMap<Name, Pcm>;

/// Where sounds are from: `[media]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SoundSetup {
    /// A folder of music, or one file.
    pub(crate) music: Option<PathBuf>,
    /// A folder of prompts.
    pub(crate) prompts: Option<PathBuf>,
    /// Where uploaded sounds are kept; made when the first one comes.
    pub(crate) uploads: PathBuf,
    /// Memory for all that is not made in, in megabytes.
    pub(crate) mb_max: usize,
    /// The largest file that is uploaded, in megabytes.
    pub(crate) upload_mb_max: usize,
    /// Music that queues name.
    pub(crate) named: BTreeSet<Name>,
    /// The program that speaks, and its arguments; nothing where no text is to be spoken.
    pub(crate) speech: Vec<String>,
    /// Which URLs are fetched.
    pub(crate) fetch: Fetch,
}

/// All sounds of a node.
#[derive(Debug)]
pub(crate) struct Library {
    setup: SoundSetup,
    made_in: Shelf,
    music: Shelf,
    prompts: Shelf,
    uploads: Shelf,
    /// Why no text can be spoken.
    mute: Option<Name>,
    /// What may still be heard, though it is gone: a media thread that lets go of it must not be
    /// the one that frees it.
    retired: Vec<Samples>,
}

/// What differs from before, for the media threads and the core.
#[derive(Debug)]
pub(crate) struct Change {
    /// New, or with other samples than before.
    pub(crate) add: Vec<(Name, Pcm)>,
    /// Gone.
    pub(crate) remove: Vec<Name>,
    /// All there is now.
    pub(crate) sounds: Sounds,
}

impl Library {
    /// Reads everything, and what to tell of it: what cannot be read is left out. The seed decides
    /// the order of music.
    pub(crate) fn open(setup: SoundSetup, seed: u64) -> (Self, Vec<String>) {
        let mut library = Self {
            setup: SoundSetup::default(),
            made_in: made_in::shelf(),
            music: Shelf::new(),
            prompts: Shelf::new(),
            uploads: Shelf::new(),
            mute: None,
            retired: Vec::new(),
        };
        let complaints = library.read(setup, seed);
        (library, complaints)
    }

    /// Reads everything again.
    pub(crate) fn reload(&mut self, setup: SoundSetup, seed: u64) -> (Change, Vec<String>) {
        let before = self.all();
        let complaints = self.read(setup, seed);
        (self.since(before), complaints)
    }

    fn read(&mut self, setup: SoundSetup, seed: u64) -> Vec<String> {
        let mut budget = Budget::new(setup.mb_max);
        // What somebody uploaded comes first: it was promised to be there.
        self.uploads = folder::load(folder::files(&setup.uploads), &mut budget);
        let music = setup.music.as_deref();
        self.music = music
            .map(|music| music::load(music, &setup.named, seed, &mut budget))
            .unwrap_or_default();
        let prompts = setup.prompts.as_deref();
        self.prompts = prompts
            .map(|prompts| folder::load(folder::prompts(prompts), &mut budget))
            .unwrap_or_default();
        self.mute = match setup.speech.first() {
            None => Some("no text is spoken here: `speech` of [media] is empty".into()),
            Some(name) if program(name).is_none() => {
                Some(format!("no text can be spoken: {}", why_mute(name)).into())
            }
            Some(_) => None,
        };
        let folders = setup.music.iter().chain(&setup.prompts).chain([&setup.uploads]);
        budget.complaints.extend(folders.filter_map(|folder| folder::unread(folder)));
        self.setup = setup;
        budget.finish()
    }

    fn shelves(&self) -> [(Origin, &Shelf); 4] {
        [
            (Origin::MadeIn, &self.made_in),
            (Origin::Music, &self.music),
            (Origin::Prompts, &self.prompts),
            (Origin::Uploaded, &self.uploads),
        ]
    }

    /// Each name's sound.
    fn all(&self) -> BTreeMap<Name, (Origin, Pcm)> {
        let of = |(origin, shelf): (Origin, &Shelf)| -> Vec<_> {
            shelf.iter().map(|(name, pcm)| (name.clone(), (origin, pcm.clone()))).collect()
        };
        self.shelves().into_iter().flat_map(of).collect()
    }

    /// What is different since it was `before`.
    fn since(&mut self, mut before: BTreeMap<Name, (Origin, Pcm)>) -> Change {
        self.retired.retain(Samples::is_shared);
        let mut add = Vec::new();
        for (name, (_, pcm)) in self.all() {
            match before.remove(&name) {
                Some((_, old)) if old == pcm => {}
                Some((_, old)) => {
                    self.retired.push(old.samples);
                    add.push((name, pcm));
                }
                None => add.push((name, pcm)),
            }
        }
        let remove = before.keys().cloned().collect();
        self.retired.extend(before.into_values().map(|(_, pcm)| pcm.samples));
        Change { add, remove, sounds: self.sounds() }
    }

    /// All there is, for somebody who has nothing yet.
    pub(crate) fn everything(&mut self) -> Change {
        self.since(BTreeMap::new())
    }

    /// What there is, without the samples.
    pub(crate) fn sounds(&self) -> Sounds {
        let sound = |(origin, pcm): (Origin, Pcm)| Sound { origin, ms: length_ms(&pcm) };
        let sounds = self.all().into_iter().map(|(name, entry)| (name, sound(entry))).collect();
        Sounds { sounds, mute: self.mute.clone() }
    }

    /// A sound and where it is from.
    pub(crate) fn find(&self, name: &str) -> Option<(Origin, &Pcm)> {
        let mut shelves = self.shelves().into_iter().rev();
        shelves.find_map(|(origin, shelf)| Some((origin, shelf.get(name)?)))
    }
}

/// The names of music there are, without reading any; for whoever checks a configuration.
pub(crate) fn music_names(setup: &SoundSetup) -> BTreeSet<Name> {
    let mut names = BTreeSet::from([Name::from(MUSIC)]);
    // Whatever of the folder is named is there.
    let files = setup.music.as_deref().map(folder::files).unwrap_or_default();
    let named: BTreeSet<Name> = files.into_iter().map(|(name, _)| name.into()).collect();
    names.extend(setup.music.iter().flat_map(|music| music::pieces(music, &named).into_keys()));
    names.extend(folder::files(&setup.uploads).into_iter().map(|(name, _)| name.into()));
    names
}

/// The names of all that can be played once, without reading any.
pub(crate) fn prompt_names(setup: &SoundSetup) -> BTreeSet<Name> {
    let of = |files: Vec<folder::File>| files.into_iter().map(|(name, _)| Name::from(name));
    let mut names: BTreeSet<Name> = made_in::names().into_iter().collect();
    names.extend(setup.prompts.iter().flat_map(|prompts| of(folder::prompts(prompts))));
    names.extend(of(folder::files(&setup.uploads)));
    names
}

/// How long a sound is.
pub(crate) fn length_ms(pcm: &Pcm) -> u64 {
    pcm.samples.len() as u64 * 1_000 / u64::from(pcm.hz.max(1))
}

#[cfg(test)]
pub(crate) mod tests;
