//! One recording while it is written: its file, what stands beside it, and how far it is.

use std::io;
use std::time::Duration;

use b2bua::Utc;
use b2bua::config::Name;

use super::frames::Frame;
use super::notes::Stopped;
use super::shelf::Shelf;
use super::sidecar::{Gap, Sidecar, seconds};
use super::wave::{Disk, FRAME_MS, Wave};

/// Where a recording goes.
pub(in crate::run) type File = Box<dyn Disk + Send>;

impl Disk for File {
    fn put(&mut self, at: u64, octets: &[u8]) -> io::Result<()> {
        (**self).put(at, octets)
    }

    fn resize(&mut self, length: u64) -> io::Result<()> {
        (**self).resize(length)
    }
}

/// See the module.
pub(super) struct Tape {
    pub(super) sidecar: Sidecar,
    wave: Wave<File>,
    /// Nothing is written any more but how it ended.
    pub(super) has_failed: bool,
    /// What stands beside it is not what is on the disk.
    pub(super) is_stale: bool,
    pub(super) flush_at: Duration,
    /// When no more frames can come.
    pub(super) close_at: Option<Duration>,
    /// When it ended, and how.
    end: Option<(Utc, String)>,
    /// It has just begun to go on: what is missing now was not to be there.
    was_off: bool,
    /// Frames lost that were not told of yet, and when they may be.
    lost: u64,
    tell_at: Duration,
}

/// A disk that is slow for long is told of so often.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Tape {
    pub(super) fn begin(sidecar: Sidecar, disk: File) -> io::Result<Self> {
        let wave = Wave::begin(disk, sidecar.hz)?;
        Ok(Self::of(sidecar, wave))
    }

    /// Goes on with one that was put away.
    pub(super) fn resume(stopped: &Stopped, disk: File, at: Utc, by: Option<Name>) -> Self {
        let mut sidecar = stopped.sidecar.clone();
        sidecar.go_on(at, by);
        let wave = Wave::resume(disk, sidecar.hz, stopped.stored, stopped.first);
        Self { was_off: true, ..Self::of(sidecar, wave) }
    }

    fn of(sidecar: Sidecar, wave: Wave<File>) -> Self {
        Self {
            sidecar,
            wave,
            has_failed: false,
            is_stale: true,
            flush_at: Duration::ZERO,
            close_at: None,
            end: None,
            was_off: false,
            lost: 0,
            tell_at: Duration::ZERO,
        }
    }

    /// Stopped or failed a moment ago, it goes on.
    pub(super) fn go_on(&mut self, at: Utc, by: Option<Name>) {
        self.sidecar.stopped = self.end.take().map(|(end, _)| end);
        self.sidecar.go_on(at, by);
        (self.close_at, self.has_failed) = (None, false);
        (self.was_off, self.is_stale) = (true, true);
    }

    /// It is over as soon as no more frames can come.
    pub(super) fn stop(&mut self, close_at: Duration, at: Utc, cause: &str) {
        self.close_at.get_or_insert(close_at);
        self.end.get_or_insert_with(|| (at, cause.to_owned()));
    }

    /// Nothing more comes, whatever was still waited for.
    pub(super) fn close(&mut self, now: Duration, at: Utc, cause: &str) {
        self.stop(now, at, cause);
        self.close_at = Some(now);
    }

    /// It cannot be written.
    pub(super) fn fail(&mut self, now: Duration, cause: &str) {
        self.has_failed = true;
        // What can still be told is told.
        if self.wave.flush().is_err() {
            self.wave.give_up();
        }
        let ms = i64::try_from(self.wave.length_ms()).unwrap_or(0);
        let end = Utc::from_millisecond(self.sidecar.started.as_millisecond().saturating_add(ms));
        self.end = Some((end.unwrap_or(self.sidecar.started), format!("failed: {cause}")));
        self.close_at = Some(now);
    }

    pub(super) fn push(&mut self, frame: &Frame) -> io::Result<()> {
        if self.has_failed {
            return Ok(());
        }
        let missing = self.wave.push(frame.number, frame.channels())?;
        if !std::mem::take(&mut self.was_off) {
            self.lost += missing;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.has_failed { Ok(()) } else { self.wave.flush() }
    }

    /// Where the file ends by now and how much before was lost, if anything was; told once.
    pub(super) fn take_gap(&mut self, now: Duration) -> Option<(u64, u64)> {
        let is_over = self.close_at.is_some_and(|at| at <= now);
        if self.lost == 0 || (now < self.tell_at && !is_over) {
            return None;
        }
        self.tell_at = now + TELL_EVERY;
        let lost_ms = std::mem::take(&mut self.lost) * FRAME_MS;
        let at_ms = self.wave.length_ms();
        self.sidecar.gaps.push(Gap { at_s: seconds(at_ms), lost_s: seconds(lost_ms) });
        self.is_stale = true;
        Some((at_ms, lost_ms))
    }

    /// Says how it ended.
    pub(super) fn finish(&mut self) {
        if let Some((at, result)) = &self.end {
            self.sidecar.finish(*at, self.wave.length_ms(), result);
            self.is_stale = true;
        }
    }

    pub(super) fn write_sidecar(&mut self, shelf: &Shelf) -> io::Result<()> {
        self.sidecar.write(&shelf.sidecar(&self.sidecar.file)?)?;
        self.is_stale = false;
        Ok(())
    }

    /// What it takes to go on with it.
    pub(super) fn into_stopped(self) -> Stopped {
        let (stored, first) = (self.wave.data(), self.wave.first());
        Stopped { sidecar: self.sidecar, stored, first }
    }
}
