//! How far a receiver has been told: a file that outlives the process.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// One receiver's mark.
#[derive(Debug)]
pub(super) struct Mark {
    file: PathBuf,
    told: u64,
    saved: Option<u64>,
}

impl Mark {
    /// What the last run has left in `folder`; else that of one who begins after `newest`.
    pub(super) fn open(folder: &Path, name: &str, newest: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = folder.join(file_name(name));
        let told = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => newest,
            Err(error) => return Err(error),
        };
        let mut mark = Self { file, told, saved: None };
        mark.save()?;
        Ok(mark)
    }

    /// The last event that is done with.
    pub(super) fn told(&self) -> u64 {
        self.told
    }

    /// Another is.
    pub(super) fn advance(&mut self, seq: u64) {
        self.told = seq;
    }

    /// Writes it down. The old mark or the new one is there, whatever happens meanwhile.
    pub(super) fn save(&mut self) -> io::Result<()> {
        if self.saved == Some(self.told) {
            return Ok(());
        }
        let beside = self.file.with_extension("new");
        let mut file = File::create(&beside)?;
        writeln!(file, "{}", self.told)?;
        fs::rename(&beside, &self.file)?;
        self.saved = Some(self.told);
        Ok(())
    }
}

/// A name of a file that says whose it is, and is no other's.
fn file_name(name: &str) -> String {
    let sum = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let shown: String = name.chars().map(plain).take(40).collect();
    format!("{shown}-{sum:016x}.seq")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_again() {
        let folder = std::env::temp_dir().join(format!("usher-mark-{}", std::process::id()));
        let mut mark = Mark::open(&folder, "https://a/b", 7).unwrap();
        assert_eq!(mark.told(), 7, "what was before is nobody's news");
        assert_eq!(Mark::open(&folder, "https://a/b", 9).unwrap().told(), 7, "also if none came");
        mark.advance(12);
        mark.save().unwrap();
        assert_eq!(Mark::open(&folder, "https://a/b", 20).unwrap().told(), 12);
        assert_eq!(Mark::open(&folder, "https://a/c", 20).unwrap().told(), 20);
        fs::write(folder.join(file_name("x")), "no number").unwrap();
        assert!(Mark::open(&folder, "x", 1).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
