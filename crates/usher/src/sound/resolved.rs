//! What a configuration comes to: which folders sounds are from and how many were found, and who speaks.

use std::collections::BTreeSet;
use std::path::Path;

use b2bua::Language;

use super::{Library, Shelf, folder, made_in, music, program};

impl Library {
    /// A line each for music, prompts, uploaded sounds and speech.
    pub(crate) fn resolved(&self) -> Vec<String> {
        let prompts = match &self.setup.prompts {
            Some(path) => {
                let files = folder::prompts(path);
                let names = files.iter().map(|(name, _)| &**name);
                let said = languages(names);
                format!("prompts: {}, {}", found(path, files.len(), &self.prompts), said)
            }
            None => {
                let names = made_in::names();
                format!("prompts: built in, {}", languages(names.iter().map(|name| &**name)))
            }
        };
        let uploads = &self.setup.uploads;
        let files = folder::files(uploads).len();
        let uploads = format!("uploaded sounds: {}", found(uploads, files, &self.uploads));
        vec![self.music_resolved(), prompts, uploads, self.speech_resolved()]
    }

    fn music_resolved(&self) -> String {
        let Some(path) = &self.setup.music else { return "music: built in".to_owned() };
        let pieces = music::pieces(path, &self.setup.named);
        let files: BTreeSet<_> = pieces.into_values().flatten().collect();
        let names: Vec<&str> = self.music.keys().map(|name| &**name).collect();
        let heard = match names.is_empty() {
            true => "none that can be heard: it is what is built in".to_owned(),
            false => format!("heard as {}", names.join(", ")),
        };
        format!("music: {}: {}, {heard}", path.display(), counted(files.len()))
    }

    fn speech_resolved(&self) -> String {
        let found = self.setup.speech.first().and_then(|name| program(name));
        match (&self.mute, found) {
            (None, Some(path)) => format!("speech: `say:` is spoken by {}", path.display()),
            (mute, _) => {
                let why = mute.as_deref().unwrap_or("no program speaks");
                format!("speech: none, {why}")
            }
        }
    }
}

fn found(path: &Path, files: usize, read: &Shelf) -> String {
    let left_out = match files.saturating_sub(read.len()) {
        0 => String::new(),
        left_out => format!(", {left_out} of them left out"),
    };
    format!("{}: {}{left_out}", path.display(), counted(files))
}

fn counted(files: usize) -> String {
    match files {
        1 => "1 file".to_owned(),
        _ => format!("{files} files"),
    }
}

/// The languages that the names of prompts begin with.
fn languages<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let languages: Vec<Language> =
        names.filter_map(|name| name.split_once('/')?.0.parse().ok()).collect();
    let known = Language::ALL.into_iter().filter(|language| languages.contains(language));
    let languages: Vec<&str> = known.map(Language::as_str).collect();
    match languages.is_empty() {
        true => "of no language".to_owned(),
        false => format!("languages {}", languages.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::SoundSetup;
    use super::super::tests::{Scratch, tone};
    use super::*;

    fn lines(setup: SoundSetup, scratch: &Scratch) -> Vec<String> {
        let lines = Library::open(setup, 1).0.resolved();
        let folder = format!("{}/", scratch.path("").display());
        lines.into_iter().map(|line| line.replace(&folder, "")).collect()
    }

    #[test]
    fn what_is_found_where_is_told() {
        let scratch = Scratch::new();
        let fine = tone(8_000, 500, 80);
        for file in [
            "moh/a.wav",
            "moh/b.wav",
            "moh/jazz/c.wav",
            "prompts/closed.wav",
            "prompts/en/digits/1.wav",
            "prompts/en/digits/2.wav",
            "prompts/ru_RU/hello.wav",
            "var/sounds/x.wav",
            "voice",
        ] {
            scratch.file(file, &fine);
        }
        scratch.file("prompts/en/bad.wav", b"bad");
        let setup = SoundSetup {
            uploads: scratch.path("var/sounds"),
            mb_max: 1,
            speech: vec![scratch.path("voice").display().to_string()],
            ..SoundSetup::default()
        };
        let own = SoundSetup {
            music: Some(scratch.path("moh")),
            prompts: Some(scratch.path("prompts")),
            ..setup.clone()
        };
        let expected = [
            "music: moh: 3 files, heard as default, jazz",
            "prompts: prompts: 5 files, 1 of them left out, languages en, ru",
            "uploaded sounds: var/sounds: 1 file",
            "speech: `say:` is spoken by voice",
        ];
        assert_eq!(lines(own, &scratch), expected);
        let empty = SoundSetup { music: Some(scratch.path("empty")), ..setup.clone() };
        let heard = "music: empty: 0 files, none that can be heard: it is what is built in";
        assert_eq!(lines(empty, &scratch)[0], heard);
        let mute = SoundSetup {
            prompts: Some(scratch.path("moh")),
            uploads: scratch.path("none"),
            speech: vec!["no-such-program".to_owned()],
            ..setup.clone()
        };
        let expected = [
            "music: built in",
            "prompts: moh: 3 files, of no language",
            "uploaded sounds: none: 0 files",
            "speech: none, no text can be spoken: `no-such-program`, which `speech` of [media] names, is \
             not there",
        ];
        assert_eq!(lines(mute, &scratch), expected);
        let nothing = SoundSetup { speech: Vec::new(), ..setup };
        let nothing = lines(nothing, &scratch);
        assert_eq!(nothing[1], "prompts: built in, languages en, ru");
        assert!(nothing[3].starts_with("speech: none, no text is spoken here"), "{nothing:?}");
    }
}
