//! The recorder: a thread that owns the files of all recordings. The media threads' rings bring it what
//! is said, the stream of events whose words those are. Nobody waits for it: while a disk is slow the
//! rings fill, and what finds no room is silence in the file, an event and a count.
//!
//! | what | when |
//! | --- | --- |
//! | samples reach the file, and its header tells of them | within a second |
//! | who is there and who hears whom reaches the JSON beside it | at once |
//! | a recording that cannot be written, or would fill the disk | `recording.failed`, and the call goes on |
//! | what was open when the process died | made playable at the next start, closed as `crash` |

mod expiry;
mod frames;
mod notes;
mod shelf;
mod sidecar;
mod tape;
mod thread;
mod wave;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use api::Meters;
use b2bua::config::Name;
use b2bua::{CallKey, Event, RecordingKey, Utc, What, Writing};
use jiff::civil::Date;

pub(super) use frames::{FrameSender, ring};
pub(super) use shelf::Shelf;
pub(super) use thread::{RecorderFeed, prepare};

use expiry::Sweep;
use frames::Frame;
use notes::Notes;
use sidecar::Sidecar;
use tape::{File, Tape};

/// How often the disk is brought up to date: with all delays it is less than a second behind.
const FLUSH_EVERY: Duration = Duration::from_millis(800);
/// How long frames may come after the event that says there are no more, and before the first.
const GRACE: Duration = Duration::from_millis(250);
/// Frames that wait for the event that says whose they are.
const EARLY_MAX: usize = 512;
/// How often the disk's free space is asked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Old files deleted in one turn.
const DELETED_AT_ONCE: usize = 20;
/// Recordings remembered whose end the disk does not take.
const UNFINISHED_MAX: usize = 1_000;

/// Octets free on the disk of a folder.
type Free = dyn Fn(&Path) -> io::Result<u64> + Send;
/// Opens a recording to be written.
type Open = dyn Fn(&Shelf, &str) -> io::Result<File> + Send;

/// What the recorder reaches.
pub(super) struct Outside {
    /// Tells the core.
    pub(super) tell: Box<dyn Fn(Writing) + Send>,
    /// Octets free on the disk of a folder.
    pub(super) free: Box<Free>,
    /// Opens a recording to be written.
    pub(super) open: Box<Open>,
    /// What is counted.
    pub(super) meters: Meters,
}

impl Outside {
    /// The disk as it is.
    pub(super) fn new(tell: impl Fn(Writing) + Send + 'static, meters: Meters) -> Self {
        let free = |dir: &Path| -> io::Result<u64> {
            // The folder is made when the first recording begins.
            let there = dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
            let room = rustix::fs::statvfs(there)?;
            Ok(room.f_bavail.saturating_mul(room.f_frsize))
        };
        let open = |shelf: &Shelf, file: &str| -> io::Result<File> {
            shelf.begin(file).map(|file| Box::new(file) as File)
        };
        Self { tell: Box::new(tell), free: Box::new(free), open: Box::new(open), meters }
    }
}

/// All recordings that are being written.
pub(super) struct Recorder {
    shelf: Shelf,
    node: Name,
    free_min: u64,
    keep_days: u32,
    outside: Outside,
    calls: BTreeMap<CallKey, Notes>,
    /// By the number that frames bring.
    tapes: BTreeMap<u64, Tape>,
    /// Frames of recordings not known yet, and since when they wait.
    early: Vec<(Duration, Frame)>,
    has_space: bool,
    look_at: Duration,
    /// The day that was begun last.
    day: Option<Date>,
    sweep: Option<Sweep>,
}

impl Recorder {
    /// One that has nothing to do.
    pub(super) fn new(
        shelf: Shelf,
        node: Name,
        (free_min, keep_days): (u64, u32),
        outside: Outside,
    ) -> Self {
        Self {
            shelf,
            node,
            free_min,
            keep_days,
            outside,
            calls: BTreeMap::new(),
            tapes: BTreeMap::new(),
            early: Vec::new(),
            has_space: true,
            look_at: Duration::ZERO,
            day: None,
            sweep: None,
        }
    }

    /// Makes playable what a dead process was writing.
    fn repair(&self) {
        for file in self.shelf.unfinished() {
            match self.shelf.repair(&file) {
                Ok(()) => tracing::warn!("recording {file} was not ended; it is repaired"),
                Err(error) => tracing::error!("recording {file} cannot be repaired: {error}"),
            }
        }
    }

    /// Whether there is anything to be done soon.
    fn is_busy(&self) -> bool {
        !self.tapes.is_empty() || self.sweep.is_some()
    }

    /// Takes an event; one thread's, in order.
    fn event(&mut self, now: Duration, event: &Event) {
        let Some(call) = event.call else { return };
        match &event.what {
            What::CallStarted { kind, from, to, .. } => {
                self.calls.insert(call, Notes::new(*kind, from, to));
            }
            What::CallEnded { .. } => {
                self.calls.remove(&call);
            }
            What::RecordingStarted { recording, file, hz, by, .. } => {
                let file = (file.clone(), *hz);
                if let Err(error) = self.begin(now, (call, *recording), file, by, event.at) {
                    self.failed(call, *recording, reason(&error));
                }
            }
            What::RecordingPaused { recording, by } => {
                self.change(*recording, |tape| tape.sidecar.pause(event.at, by.clone()));
            }
            What::RecordingResumed { recording, .. } => {
                self.change(*recording, |tape| tape.sidecar.end_pause(event.at));
            }
            What::RecordingStopped { recording, cause, .. } => {
                self.change(*recording, |tape| tape.stop(now + GRACE, event.at, cause));
            }
            _ => {
                let Some(notes) = self.calls.get_mut(&call) else { return };
                if notes.observe(event)
                    && let Some(tape) = notes.recording.and_then(|key| self.tapes.get_mut(&key))
                {
                    notes.tell(&mut tape.sidecar);
                    tape.is_stale = true;
                }
            }
        }
    }

    fn change(&mut self, recording: RecordingKey, change: impl FnOnce(&mut Tape)) {
        if let Some(tape) = self.tapes.get_mut(&recording.0) {
            change(tape);
            tape.is_stale = true;
        }
    }

    fn begin(
        &mut self,
        now: Duration,
        (call, recording): (CallKey, RecordingKey),
        (file, hz): (Name, u32),
        by: &Option<Name>,
        at: Utc,
    ) -> io::Result<()> {
        self.look(now);
        if !self.has_space {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Some(tape) = self.tapes.get_mut(&recording.0) {
            // It was stopped, and is not put away yet.
            tape.go_on(at, by.clone());
            return Ok(());
        }
        let notes = self.calls.get_mut(&call);
        let notes = notes.ok_or_else(|| io::Error::other("nothing is known of the call"))?;
        let open = |file: &str| (self.outside.open)(&self.shelf, file);
        let tape = match &notes.stopped {
            Some(stopped) => open(&file).map(|disk| Tape::resume(stopped, disk, at, by.clone())),
            None => {
                let parties = (notes.kind, notes.from.clone(), notes.to.clone());
                let (key, its) = ((call, recording), (file.clone(), hz));
                let told = Sidecar::new(key, &self.node, parties, its, at);
                open(&file).and_then(|disk| Tape::begin(told, disk))
            }
        };
        let tape = tape.and_then(|mut tape| {
            notes.tell(&mut tape.sidecar);
            tape.flush_at = now + FLUSH_EVERY;
            tape.write_sidecar(&self.shelf)?;
            Ok(tape)
        });
        let tape = tape.inspect_err(|_| {
            // Half begun is worse than not at all.
            if notes.stopped.is_none() {
                let _ = self.shelf.erase(&file).and_then(|()| self.shelf.end(&file));
            }
        })?;
        (notes.stopped, notes.recording) = (None, Some(recording.0));
        self.tapes.insert(recording.0, tape);
        self.count_active();
        let (its, others) = std::mem::take(&mut self.early)
            .into_iter()
            .partition(|(_, frame)| frame.recording == recording.0);
        self.early = others;
        for (_, frame) in its {
            self.frame(now, &frame);
        }
        Ok(())
    }

    /// Takes what was said in one recording; its number says when.
    fn frame(&mut self, now: Duration, frame: &Frame) {
        let Some(tape) = self.tapes.get_mut(&frame.recording) else {
            // The event that says whose it is comes another way.
            if self.early.len() < EARLY_MAX {
                self.early.push((now, frame.clone()));
            }
            return;
        };
        if let Err(error) = tape.push(frame) {
            self.fail(now, frame.recording, reason(&error));
        }
    }

    /// Lets time pass.
    fn tick(&mut self, now: Duration, wall: Utc) {
        if now >= self.look_at && !self.tapes.is_empty() {
            self.look(now);
        }
        for key in self.tapes.keys().copied().collect::<Vec<_>>() {
            self.tend(now, key);
        }
        self.early.retain(|(since, _)| now < *since + GRACE);
        self.sweep(wall);
    }

    /// Brings the files of one recording up to date, and puts it away when it is over.
    fn tend(&mut self, now: Duration, key: u64) {
        let Some(tape) = self.tapes.get_mut(&key) else { return };
        let is_over = tape.close_at.is_some_and(|at| at <= now);
        if is_over || tape.flush_at <= now {
            tape.flush_at = now + FLUSH_EVERY;
            let flushed = tape.flush();
            if let Some((at_ms, lost_ms)) = tape.take_gap(now) {
                let (call, recording) = (tape.sidecar.call, tape.sidecar.recording);
                (self.outside.tell)(Writing::Gap { call, recording, at_ms, lost_ms });
            }
            if let Err(error) = flushed {
                return self.fail(now, key, reason(&error));
            }
        }
        if is_over {
            tape.finish();
        }
        if !tape.is_stale {
            return;
        }
        let written = tape.write_sidecar(&self.shelf);
        match written {
            Ok(()) if is_over => self.put_away(key),
            Ok(()) => {}
            Err(error) if !tape.has_failed && !is_over => self.fail(now, key, reason(&error)),
            // Again, later; the next start finds it otherwise.
            Err(_) if self.tapes.len() <= UNFINISHED_MAX => {
                if let Some(tape) = self.tapes.get_mut(&key) {
                    tape.close_at = Some(now + LOOK_EVERY);
                }
            }
            Err(_) => {
                self.tapes.remove(&key);
            }
        }
    }

    /// One is whole and on the disk. Its call may go on with it.
    fn put_away(&mut self, key: u64) {
        let Some(tape) = self.tapes.remove(&key) else { return };
        self.count_active();
        if let Err(error) = self.shelf.end(&tape.sidecar.file) {
            tracing::warn!("recording {} stays marked as open: {error}", tape.sidecar.file);
        }
        if let Some(notes) = self.calls.get_mut(&tape.sidecar.call) {
            notes.recording = None;
            notes.stopped = Some(Box::new(tape.into_stopped()));
        }
    }

    /// Gives one up; what was written of it stays.
    fn fail(&mut self, now: Duration, key: u64, cause: Name) {
        let Some(tape) = self.tapes.get_mut(&key).filter(|tape| !tape.has_failed) else { return };
        tape.fail(now, &cause);
        let (call, recording) = (tape.sidecar.call, tape.sidecar.recording);
        self.count_active();
        self.failed(call, recording, cause);
    }

    /// Those that are being written; of one that has failed only its words may still wait for room.
    fn count_active(&self) {
        let active = self.tapes.values().filter(|tape| !tape.has_failed).count();
        self.outside.meters.recordings.set(count(active));
    }

    fn failed(&self, call: CallKey, recording: RecordingKey, cause: Name) {
        self.outside.meters.recordings_failed.inc();
        tracing::error!("{call} is not recorded: {cause}");
        (self.outside.tell)(Writing::Failed { call, recording, cause });
    }

    /// Looks whether the disk has room.
    fn look(&mut self, now: Duration) {
        self.look_at = now + LOOK_EVERY;
        let free = (self.outside.free)(self.shelf.dir());
        self.has_space = free.map_or(true, |free| free >= self.free_min);
        if !self.has_space {
            for key in self.tapes.keys().copied().collect::<Vec<_>>() {
                self.fail(now, key, reason(&io::ErrorKind::StorageFull.into()));
            }
        }
    }

    /// Deletes what is too old: looks for it when a day begins.
    fn sweep(&mut self, wall: Utc) {
        let today = expiry::day_of(wall);
        if self.day != Some(today) {
            self.day = Some(today);
            let before = expiry::first_kept(today, self.keep_days);
            self.sweep = before.map(|before| Sweep::new(&self.shelf, before));
        }
        let swept = self.sweep.as_mut().and_then(|sweep| sweep.step(&self.shelf, DELETED_AT_ONCE));
        let Some(swept) = swept else { return };
        self.sweep = None;
        if swept.recordings > 0 {
            let expiry::Swept { before, recordings } = swept;
            tracing::info!("{recordings} recordings were older than {before} and are deleted");
            (self.outside.tell)(Writing::Expired { before, recordings });
        }
    }

    /// The node ends: whatever is still open is closed.
    fn finish(&mut self, now: Duration, wall: Utc) {
        for tape in self.tapes.values_mut() {
            tape.close(now, wall, "node stopped");
        }
        self.tick(now, wall);
    }
}

/// An error in the word of `recording.failed`.
fn reason(error: &io::Error) -> Name {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "no space".into(),
        _ => error.to_string().into(),
    }
}

fn count(tapes: usize) -> i64 {
    i64::try_from(tapes).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(super) mod tests;
