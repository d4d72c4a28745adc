//! What stands beside a recording, as JSON: whose words they are, and who heard whom when. Written
//! whole into a file of its own and renamed, so that there is always one that can be read.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use b2bua::config::Name;
use b2bua::event::{Hears, Kind, Phase, Role};
use b2bua::{CallKey, ParticipantId, RecordingKey, Utc};
use serde::{Deserialize, Serialize};

/// The layout below.
const VERSION: u32 = 1;
/// `result` of one that is being written.
pub(super) const RUNNING: &str = "recording";

/// A recording. Times into the file (`at_s`) are seconds from its beginning.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Sidecar {
    pub(super) version: u32,
    pub(super) call: CallKey,
    pub(super) recording: RecordingKey,
    pub(super) node: Name,
    pub(super) kind: Kind,
    pub(super) from: Name,
    pub(super) to: Name,
    /// Below the folder of recordings.
    pub(super) file: Name,
    pub(super) hz: u32,
    /// Left and right.
    pub(super) channels: [Name; 2],
    pub(super) started: Utc,
    pub(super) stopped: Option<Utc>,
    /// How long it plays; told at its end.
    pub(super) length_s: Option<f64>,
    /// [`RUNNING`], the `cause` of `recording.stopped`, `failed: …`, or `crash` where the process ended
    /// before the call.
    pub(super) result: String,
    pub(super) participants: BTreeMap<ParticipantId, Party>,
    pub(super) segments: Vec<Segment>,
    pub(super) pauses: Vec<Interval>,
    /// Where it was off in between.
    pub(super) offs: Vec<Interval>,
    pub(super) gaps: Vec<Gap>,
}

/// Somebody who took part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Party {
    pub(super) role: Role,
    pub(super) operator: Option<Name>,
    pub(super) uri: Name,
    pub(super) joined: Utc,
    pub(super) left: Option<Utc>,
}

/// An interval in which nobody came or went and everybody heard the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) at_s: f64,
    pub(super) start: Utc,
    pub(super) phase: Phase,
    pub(super) participants: Vec<ParticipantId>,
    pub(super) hears: Hears,
}

/// Silence that was wanted, and whose wish it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Interval {
    pub(super) at_s: f64,
    pub(super) start: Utc,
    pub(super) end: Option<Utc>,
    pub(super) by: Option<Name>,
}

/// Silence that was not: what the disk did not take in time, up to `at_s`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Gap {
    pub(super) at_s: f64,
    pub(super) lost_s: f64,
}

/// Milliseconds as seconds.
pub(super) fn seconds(ms: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "exact to the millisecond for 285,000 years")]
    let ms = ms as f64;
    ms / 1e3
}

impl Sidecar {
    /// One that has just begun.
    pub(super) fn new(
        (call, recording): (CallKey, RecordingKey),
        node: &Name,
        (kind, from, to): (Kind, Name, Name),
        (file, hz): (Name, u32),
        started: Utc,
    ) -> Self {
        Self {
            version: VERSION,
            call,
            recording,
            node: node.clone(),
            kind,
            from,
            to,
            file,
            hz,
            channels: ["customer".into(), "others".into()],
            started,
            stopped: None,
            length_s: None,
            result: RUNNING.to_owned(),
            participants: BTreeMap::new(),
            segments: Vec::new(),
            pauses: Vec::new(),
            offs: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// Seconds into the file.
    pub(super) fn at_s(&self, at: Utc) -> f64 {
        let ms = at.as_millisecond() - self.started.as_millisecond();
        seconds(u64::try_from(ms).unwrap_or(0))
    }

    /// Ends what was open, and says how.
    pub(super) fn finish(&mut self, at: Utc, length_ms: u64, result: &str) {
        self.stopped = Some(at);
        self.length_s = Some(seconds(length_ms));
        result.clone_into(&mut self.result);
        self.end_pause(at);
    }

    /// It was stopped, and goes on.
    pub(super) fn go_on(&mut self, at: Utc, by: Option<Name>) {
        if let Some(start) = self.stopped.take() {
            let at_s = self.at_s(start);
            self.offs.push(Interval { at_s, start, end: Some(at), by });
        }
        self.length_s = None;
        RUNNING.clone_into(&mut self.result);
    }

    /// Silence from here on, as somebody wants.
    pub(super) fn pause(&mut self, at: Utc, by: Option<Name>) {
        let at_s = self.at_s(at);
        self.pauses.push(Interval { at_s, start: at, end: None, by });
    }

    /// And no longer.
    pub(super) fn end_pause(&mut self, at: Utc) {
        if let Some(pause) = self.pauses.last_mut().filter(|pause| pause.end.is_none()) {
            pause.end = Some(at);
        }
    }

    /// The process ended before the call; so much of it is there.
    pub(super) fn crashed(&mut self, length_ms: u64) {
        if self.stopped.is_none() {
            let ms = i64::try_from(length_ms).unwrap_or(0);
            let end = self.started.as_millisecond().saturating_add(ms);
            let end = Utc::from_millisecond(end).unwrap_or(self.started);
            self.finish(end, length_ms, "crash");
        }
    }

    /// What stands at this place.
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Puts it there, whole.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let new = path.with_extension("json.new");
        let text = serde_json::to_vec_pretty(self)?;
        super::shelf::create(&new).and_then(|mut file: File| file.write_all(&text))?;
        fs::rename(&new, path)
    }
}
