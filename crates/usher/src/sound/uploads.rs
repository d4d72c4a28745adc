//! Sounds that come by the API: `data_dir/sounds/NAME.wav`. A file is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use b2bua::MADE;

use super::{Change, Library, folder, wave};

/// Uploaded sounds at most.
const UPLOADS_MAX: usize = 4_096;
/// The end of a name while its file is written. No sound ends so.
const UNFINISHED: &str = "part";

/// What a sound can be called.
const NAMES: &str = "it has letters A to Z and a to z, digits, `-`, `_`, `.`, and `/` between folders, \
                     none of which is empty, begins with `.` or is `made` at the beginning";

/// Why a sound was not taken, or not deleted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nobody has uploaded it.
    NotFound,
    /// It is there, but not uploaded.
    NotUploaded,
    /// The name or the file is none that we take, and what helps.
    Invalid(String),
    /// There is no room.
    TooLarge(String),
    /// The disk.
    Failed(String),
}

impl Library {
    /// Takes a WAVE file as a sound of this name; one of the name is replaced. Also whether it is
    /// the first of its name that was uploaded.
    pub(crate) fn put(&mut self, name: &str, file: &[u8]) -> Result<(Change, bool), Refused> {
        // Those of before, and of folders, may have more in them: they are found and deleted as they are.
        if let Some(other) =
            name.chars().find(|c| !(c.is_ascii_alphanumeric() || "-_./".contains(*c)))
        {
            return Err(Refused::Invalid(format!(
                "{other:?} cannot be in a sound's name: {NAMES}"
            )));
        }
        let path = self.path(name)?;
        let pcm = wave::read("wav", file).map_err(Refused::Invalid)?.fitted();
        let old = self.uploads.get(name);
        if old.is_none() && self.uploads.len() >= UPLOADS_MAX {
            return Err(Refused::TooLarge(format!("there are {UPLOADS_MAX} uploaded sounds")));
        }
        let shelves = [&self.music, &self.prompts, &self.uploads];
        let all = shelves.iter().flat_map(|shelf| shelf.values());
        let used: usize = all.map(folder::bytes).sum::<usize>() - old.map_or(0, folder::bytes);
        let mb = self.setup.mb_max;
        if used + folder::bytes(&pcm) > mb << 20 {
            let why = format!("sounds have {mb} MB; raise `max_sound_mb` of [media]");
            return Err(Refused::TooLarge(why));
        }
        // A folder of that name, or a file where a folder must be, is another sound's.
        let is_new = old.is_none();
        write(&path, &wave::write(&pcm)).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::AlreadyExists => {
                Refused::Invalid("another sound has a part of this name".to_owned())
            }
            _ => Refused::Failed(format!("{}: {error}", path.display())),
        })?;
        let before = self.all();
        self.uploads.insert(name.into(), pcm);
        Ok((self.since(before), is_new))
    }

    /// Deletes an uploaded sound. Another of its name that it hid is heard again.
    pub(crate) fn delete(&mut self, name: &str) -> Result<Change, Refused> {
        if !self.uploads.contains_key(name) {
            let there = self.find(name).is_some();
            return Err(if there { Refused::NotUploaded } else { Refused::NotFound });
        }
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Refused::Failed(format!("{}: {error}", path.display())));
            }
            _ => {}
        }
        // Folders that are empty now; one that is not refuses.
        let above = path.ancestors().skip(1).take_while(|above| *above != self.setup.uploads);
        let _ = above.map(fs::remove_dir).take_while(Result::is_ok).count();
        let before = self.all();
        self.uploads.remove(name);
        Ok(self.since(before))
    }

    fn path(&self, name: &str) -> Result<PathBuf, Refused> {
        if !b2bua::is_name(name) || name.split('/').next() == Some(MADE) {
            return Err(Refused::Invalid(format!("that is no name of a sound: {NAMES}")));
        }
        Ok(self.setup.uploads.join(format!("{name}.wav")))
    }
}

/// Writes a file beside where it belongs, and moves it there once it is on the disk.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(UNFINISHED);
    let written = (|| {
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        // What cannot be written may well not be removed either.
        let _ = fs::remove_file(&unfinished);
    }
    written
}
