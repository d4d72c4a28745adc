//! The folder of all recordings: `YYYY/MM/DD/CALL.wav` and `CALL.json`, and `.open/CALL` for each that is
//! being written, so that what a dead process left is found without a search.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use jiff::civil::Date;

use super::sidecar::Sidecar;
use super::wave;

/// The folder of what is being written.
const OPEN: &str = ".open";

/// Where recordings are. What they are called comes from events: `YYYY/MM/DD/CALL.wav`.
#[derive(Debug, Clone)]
pub(in crate::run) struct Shelf(PathBuf);

/// A file that nobody but we, and our group, may read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(path)
}

fn folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(path)
}

/// Removes what may be gone already.
fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Shelf {
    /// In this folder, which need not be there.
    pub(in crate::run) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.0
    }

    /// The place of a recording; none for a name that leads elsewhere.
    fn path(&self, file: &str) -> Option<PathBuf> {
        let name = Path::new(file);
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        (plain && name.extension().is_some_and(|end| end == "wav")).then(|| self.0.join(name))
    }

    fn place(&self, file: &str) -> io::Result<PathBuf> {
        self.path(file).ok_or_else(|| io::ErrorKind::InvalidFilename.into())
    }

    /// Where what stands beside it is.
    pub(super) fn sidecar(&self, file: &str) -> io::Result<PathBuf> {
        Ok(self.place(file)?.with_extension("json"))
    }

    fn open_mark(&self, file: &str) -> io::Result<PathBuf> {
        let path = self.place(file)?;
        let stem = path.file_stem().ok_or(io::ErrorKind::InvalidFilename)?;
        Ok(self.0.join(OPEN).join(stem))
    }

    /// Opens a recording to be written, and notes that it is.
    pub(super) fn begin(&self, file: &str) -> io::Result<File> {
        let path = self.place(file)?;
        folder(&self.0.join(OPEN))?;
        folder(path.parent().unwrap_or(&self.0))?;
        fs::write(self.open_mark(file)?, file)?;
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o640).open(path)
    }

    /// A recording is written to its end.
    pub(super) fn end(&self, file: &str) -> io::Result<()> {
        remove(&self.open_mark(file)?).map(drop)
    }

    /// Opens a recording to be read, with the octets that its header tells of; none where it is gone.
    pub(in crate::run) fn open(&self, file: &str) -> io::Result<Option<(File, u64)>> {
        let opened = File::open(self.place(file)?);
        let opened = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut header = [0; 44];
        let read = std::os::unix::fs::FileExt::read_exact_at(&opened, &mut header, 0);
        let told = read.map_or(0, |()| wave::HEADER + wave::told(&header));
        let length = opened.metadata()?.len().min(told);
        Ok(Some((opened, length)))
    }

    /// Deletes a recording and what stands beside it.
    pub(in crate::run) fn erase(&self, file: &str) -> io::Result<()> {
        let path = self.place(file)?;
        remove(&path.with_extension("json"))?;
        remove(&path).map(drop)
    }

    /// Those that a dead process was writing.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(OPEN)).into_iter().flatten().flatten();
        entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect()
    }

    /// Makes one of those playable, and closes what stands beside it.
    pub(super) fn repair(&self, file: &str) -> io::Result<()> {
        let path = self.place(file)?;
        let sidecar = path.with_extension("json");
        let mut told = Sidecar::read(&sidecar);
        match OpenOptions::new().write(true).open(&path) {
            Ok(mut wav) => {
                let hz = told.as_ref().map_or(8_000, |told| told.hz);
                let length = wav.metadata()?.len();
                let data = wave::repair(&mut wav, length, hz)?;
                if let Some(told) = &mut told {
                    told.crashed(data / 4 * 1_000 / u64::from(hz.max(1)));
                    told.write(&sidecar)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                remove(&sidecar)?;
            }
            Err(error) => return Err(error),
        }
        self.end(file)
    }

    /// The days of which there is a folder, the oldest first.
    pub(super) fn days(&self) -> Vec<Date> {
        let numbers = |path: &Path| -> Vec<(i16, PathBuf)> {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let number = |name: std::ffi::OsString| name.to_str()?.parse().ok();
            entries.filter_map(|entry| Some((number(entry.file_name())?, entry.path()))).collect()
        };
        let mut days = Vec::new();
        for (year, path) in numbers(&self.0) {
            for (month, path) in numbers(&path) {
                for (day, _) in numbers(&path) {
                    let (month, day) = (i8::try_from(month), i8::try_from(day));
                    let (Ok(month), Ok(day)) = (month, day) else { continue };
                    days.extend(Date::new(year, month, day));
                }
            }
        }
        days.sort_unstable();
        days
    }

    /// The folder of a day.
    pub(super) fn day(&self, day: Date) -> PathBuf {
        self.0.join(day.strftime("%Y/%m/%d").to_string())
    }

    /// Removes the folder of a day that is empty, and those above if they are.
    pub(super) fn clear(&self, day: Date) {
        let path = self.day(day);
        for folder in path.ancestors().take(3) {
            if fs::remove_dir(folder).is_err() {
                return;
            }
        }
    }

    /// Whether this is being written.
    pub(super) fn is_open(&self, path: &Path) -> bool {
        path.file_stem().is_some_and(|stem| self.0.join(OPEN).join(stem).exists())
    }
}
