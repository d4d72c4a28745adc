//! Recordings that have been kept for long enough are deleted, at the start and when a day begins: a few
//! files at a time, since others are being written meanwhile.

use std::collections::VecDeque;
use std::fs::{self, ReadDir};

use b2bua::Utc;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::shelf::Shelf;

/// The day of a moment, in UTC as the folders are.
pub(super) fn day_of(at: Utc) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The first day that is kept; none where all are.
pub(super) fn first_kept(today: Date, keep_days: u32) -> Option<Date> {
    let days = Span::new().try_days(keep_days).ok().filter(|_| keep_days > 0)?;
    today.checked_sub(days).ok()
}

/// What is being deleted.
#[derive(Debug)]
pub(super) struct Sweep {
    before: Date,
    days: VecDeque<Date>,
    /// Of the first of these days.
    entries: Option<ReadDir>,
    recordings: u64,
}

/// What was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Swept {
    /// All that began before.
    pub(super) before: Utc,
    /// How many recordings there were.
    pub(super) recordings: u64,
}

impl Sweep {
    /// Of all days before this one.
    pub(super) fn new(shelf: &Shelf, before: Date) -> Self {
        let days = shelf.days().into_iter().filter(|day| *day < before).collect();
        Self { before, days, entries: None, recordings: 0 }
    }

    /// Deletes so many files at most; done when there are no more.
    pub(super) fn step(&mut self, shelf: &Shelf, files_max: usize) -> Option<Swept> {
        for _ in 0..files_max {
            let Some(day) = self.days.front().copied() else {
                let before = self.before.to_zoned(TimeZone::UTC);
                let before = before.map_or(Timestamp::MIN, |midnight| midnight.timestamp());
                return Some(Swept { before, recordings: self.recordings });
            };
            let mut entries = match self.entries.take() {
                None => fs::read_dir(shelf.day(day)).ok(),
                open => open,
            };
            let Some(Ok(entry)) = entries.as_mut().and_then(Iterator::next) else {
                shelf.clear(day);
                self.days.pop_front();
                continue;
            };
            self.entries = entries;
            let path = entry.path();
            let is = |kind: &str| path.extension().is_some_and(|end| end == kind);
            let ours = is("wav") || is("json") || is("new");
            if ours && !shelf.is_open(&path) && fs::remove_file(&path).is_ok() {
                self.recordings += u64::from(is("wav"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::run::recorder::tests::Folder;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_kept_for_as_many_days_as_it_says() {
        let check = |today, days, expected: Option<&str>| {
            assert_eq!(first_kept(date(today), days), expected.map(date), "{today} {days}");
        };
        check("2026-11-21", 0, None);
        check("2026-11-21", 1, Some("2026-11-20"));
        check("2026-03-01", 1, Some("2026-02-28"));
        check("2026-11-21", 365, Some("2025-11-21"));
        assert_eq!(day_of("2026-11-21T23:59:59.999Z".parse().unwrap()), date("2026-11-21"));
    }

    fn put(folder: &Path, name: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    #[test]
    fn old_recordings_go_and_nothing_else() {
        let folder = Folder::new();
        for name in [
            "2026/10/20/c1.wav",
            "2026/10/20/c1.json",
            "2026/10/20/c2.wav",
            "2025/12/31/c3.wav",
            "2025/12/31/c3.json.new",
            "2026/10/19/notes.txt",
            "2026/10/19/c4.wav",
            "2026/10/18/c5.wav",
            ".open/c5",
            "2026/10/21/c6.wav",
            "2026/13/01/c7.wav",
            "other/01/01/c8.wav",
        ] {
            put(&folder.0, name);
        }
        let shelf = Shelf::new(&folder.0);
        let mut sweep = Sweep::new(&shelf, date("2026-10-21"));
        let mut steps = 0;
        let swept = loop {
            steps += 1;
            if let Some(swept) = sweep.step(&shelf, 2) {
                break swept;
            }
        };
        assert!(steps > 3, "{steps}");
        let before = "2026-10-21T00:00:00Z".parse().unwrap();
        assert_eq!(swept, Swept { before, recordings: 4 });
        assert_eq!(
            folder.files(),
            [
                ".open/c5",
                "2026/10/18/c5.wav",
                "2026/10/19/notes.txt",
                "2026/10/21/c6.wav",
                "2026/13/01/c7.wav",
                "other/01/01/c8.wav"
            ]
        );
        assert!(!folder.0.join("2025").exists());
    }
}
