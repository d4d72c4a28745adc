//! Sounds in folders of the system: which files there are, what they are called, and what of them
//! fits into memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use b2bua::Language;
use b2bua::config::Name;
use media::Pcm;

use super::{Shelf, wave};

/// Folders within folders that are looked into.
const DEPTH_MAX: usize = 4;
/// Files named one by one in a warning.
const TOLD_MAX: usize = 3;

/// A file, and the name of its sound.
pub(super) type File = (String, PathBuf);

/// All sounds of a folder, by name, in order: that of the file without its ending, behind the
/// folders that it lies in. Of two files with one name the better is taken.
pub(super) fn files(folder: &Path) -> Vec<File> {
    let sounds = found(folder).sounds;
    sounds.into_iter().map(|(name, (_, path))| (name, path)).collect()
}

/// What to tell of a folder whose sounds are of kinds that are not read.
pub(super) fn unread(folder: &Path) -> Option<String> {
    let Found { sounds, mut others } = found(folder);
    others.retain(|name, _| !sounds.contains_key(name));
    let (_, path) = others.first_key_value()?;
    let more = match others.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{}{more}: {}", path.display(), wave::unread()))
}

/// By name: how good the ending is, and where. And those that cannot be read.
#[derive(Default)]
struct Found {
    sounds: BTreeMap<String, (usize, PathBuf)>,
    others: BTreeMap<String, PathBuf>,
}

fn found(folder: &Path) -> Found {
    let (mut found, mut seen) = (Found::default(), BTreeSet::new());
    walk(folder, "", DEPTH_MAX, &mut found, &mut seen);
    found
}

fn walk(
    folder: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Found,
    seen: &mut BTreeSet<PathBuf>,
) {
    // One folder under two names, as a link makes it, is read once; so a link to above ends here.
    let is_new = folder.canonicalize().is_ok_and(|real| seen.insert(real));
    let Some(entries) = fs::read_dir(folder).ok().filter(|_| is_new) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let Some(file) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        if path.is_dir() {
            if depth > 0 && !file.starts_with('.') {
                let within = if prefix.is_empty() { language_of(&file) } else { None };
                let within = within.map_or(&*file, |language| language.as_str());
                walk(&path, &format!("{prefix}{within}/"), depth - 1, found, seen);
            }
            continue;
        }
        let Some((stem, ending)) = file.rsplit_once('.') else { continue };
        let ending = ending.to_lowercase();
        let name = format!("{prefix}{stem}");
        let Some(rank) = wave::ENDINGS.iter().position(|known| *known == ending) else {
            if wave::ENDINGS_OF_OTHERS.contains(&&*ending) {
                found.others.insert(name, path);
            }
            continue;
        };
        let is_better = found.sounds.get(&name).is_none_or(|(other, _)| rank < *other);
        if b2bua::is_name(&name) && is_better {
            found.sounds.insert(name, (rank, path));
        }
    }
}

/// The language that a folder's name begins with, as in `en` and `en_US_f_Allison`.
pub(super) fn language_of(folder: &str) -> Option<Language> {
    folder.split(['_', '-']).next()?.parse().ok()
}

/// The prompts of a folder: where its own name is a language, they are in that.
pub(super) fn prompts(folder: &Path) -> Vec<File> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let files = files(folder);
    match name.as_deref().and_then(language_of) {
        None => files,
        Some(language) => {
            files.into_iter().map(|(name, path)| (format!("{language}/{name}"), path)).collect()
        }
    }
}

/// Memory for sounds, and what did not fit or could not be read.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes of samples that may still be taken.
    left: usize,
    /// `max_sound_mb`.
    mb: usize,
    /// Files left out for want of room.
    refused: Vec<PathBuf>,
    /// What to tell.
    pub(super) complaints: Vec<String>,
}

impl Budget {
    pub(super) fn new(mb: usize) -> Self {
        Self { left: mb << 20, mb, refused: Vec::new(), complaints: Vec::new() }
    }

    /// Takes memory for a sound from a file; whether there is enough.
    pub(super) fn take(&mut self, pcm: &Pcm, path: &Path) -> bool {
        let fits = self.has(bytes(pcm));
        if fits {
            self.left -= bytes(pcm);
        } else {
            self.refused.push(path.to_owned());
        }
        fits
    }

    pub(super) fn has(&self, bytes: usize) -> bool {
        bytes <= self.left
    }

    /// Reads one file; a complaint where that fails.
    pub(super) fn read(&mut self, path: &Path) -> Option<Pcm> {
        let size = fs::metadata(path).map_or(0, |data| data.len());
        // Stereo takes half of it, and nothing takes less.
        if usize::try_from(size / 2).is_ok_and(|half| !self.has(half)) {
            self.refused.push(path.to_owned());
            return None;
        }
        let ending = path.extension().map(|end| end.to_string_lossy().to_lowercase());
        let file = fs::read(path).map_err(|error| error.to_string());
        let wave = file.and_then(|file| wave::read(&ending.unwrap_or_default(), &file));
        match wave.and_then(wave::Wave::into_pcm) {
            Ok(pcm) => Some(pcm),
            Err(why) => {
                self.complaints.push(format!("{}: {why}; it is left out", path.display()));
                None
            }
        }
    }

    /// All complaints, what was left out for want of room last.
    pub(super) fn finish(mut self) -> Vec<String> {
        let more = self.refused.len().saturating_sub(TOLD_MAX);
        if let [.., last] = self.refused.as_slice() {
            let shown: Vec<String> =
                self.refused.iter().take(TOLD_MAX).map(|path| path.display().to_string()).collect();
            let more = if more > 0 {
                format!(" and {more} more, the last of them {}", last.display())
            } else {
                String::new()
            };
            self.complaints.push(format!(
                "{}{more}: left out, since sounds have {} MB; raise `max_sound_mb` of [media]",
                shown.join(", "),
                self.mb
            ));
        }
        self.complaints
    }
}

/// What a sound takes.
pub(super) fn bytes(pcm: &Pcm) -> usize {
    pcm.samples.len() * 2
}

/// Reads files as they are.
pub(super) fn load(files: Vec<File>, budget: &mut Budget) -> Shelf {
    let mut shelf = Shelf::new();
    for (name, path) in files {
        let pcm = budget.read(&path).filter(|pcm| budget.take(pcm, &path));
        shelf.extend(pcm.map(|pcm| (Name::from(name), pcm)));
    }
    shelf
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tests::{Scratch, tone};

    #[test]
    fn names_are_those_of_files_behind_their_folders() {
        let scratch = Scratch::new();
        for file in [
            "plain.wav",
            "UPPER.WAV",
            "digits/1.wav",
            "digits/1.sln",
            "digits/2.ulaw",
            "notes.txt",
            "de/hallo.wav",
            "en_US_f_Allison/digits/1.wav",
            "en_US_f_Allison/closed.sln16",
            ".hidden/a.wav",
            ".b.wav",
            "a'b.wav",
            "no ending",
            "1/2/3/4/5.wav",
            "1/2/3/4/5/6.wav",
        ] {
            scratch.file(file, &tone(8_000, 440, 80));
        }
        scratch.link("en_US_f_Allison", "ru_RU_f_Link");
        scratch.link(".", "digits/again");
        let names: Vec<String> =
            files(&scratch.path("")).into_iter().map(|(name, _)| name).collect();
        let expected = [
            "1/2/3/4/5",
            "UPPER",
            "de/hallo",
            "digits/1",
            "digits/2",
            "en/closed",
            "en/digits/1",
            "plain",
        ];
        assert_eq!(names, expected);
        let one = files(&scratch.path("")).into_iter().find(|(name, _)| name == "digits/1");
        assert!(one.unwrap().1.ends_with("digits/1.wav"));
        let spoken: Vec<String> =
            prompts(&scratch.path("en_US_f_Allison")).into_iter().map(|(name, _)| name).collect();
        assert_eq!(spoken, ["en/closed", "en/digits/1"]);
        assert_eq!(files(&scratch.path("nowhere")), []);
    }

    #[test]
    fn what_is_of_another_kind_is_told_once() {
        let scratch = Scratch::new();
        for file in ["a.gsm", "b.gsm", "b.wav", "c.mp3", "notes.txt"] {
            scratch.file(file, &tone(8_000, 440, 80));
        }
        let told = unread(&scratch.path("")).unwrap();
        assert!(told.contains("a.gsm and 1 more: not read, which .wav, .sln48"), "{told}");
        assert_eq!(files(&scratch.path("")).len(), 1);
        assert_eq!(unread(&scratch.path("nowhere")), None);
    }

    #[test]
    fn what_does_not_fit_or_cannot_be_read_is_told() {
        let scratch = Scratch::new();
        for n in 0..6 {
            // Each a quarter of a megabyte.
            scratch.file(&format!("{n}.wav"), &tone(8_000, 440, 131_072));
        }
        scratch.file("0bad.wav", b"RIFF");
        let cut = &tone(8_000, 440, 1_000)[..1_000];
        scratch.file("0cut.wav", cut);
        let mut budget = Budget::new(1);
        let shelf = load(files(&scratch.path("")), &mut budget);
        let names: Vec<&str> = shelf.keys().map(|name| &**name).collect();
        assert_eq!(names, ["0", "1", "2", "3"]);
        let complaints = budget.finish();
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].contains("bad.wav: not a WAVE file"), "{complaints:?}");
        let cut =
            "0cut.wav: cut short: its data chunk says 2000 bytes, 956 are there; it is left out";
        assert!(complaints[1].ends_with(cut), "{complaints:?}");
        let expected = ["4.wav, ", "5.wav: left out, since sounds have 1 MB; raise `max_sound_mb`"];
        assert!(expected.iter().all(|part| complaints[2].contains(part)), "{complaints:?}");
    }
}
