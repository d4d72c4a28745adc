//! A call is recorded, or no longer: what the media thread writes down is compared with what it
//! should, once per turn, so that no flow can forget it.

use media::{Command, Tap};

use crate::api::{Output, Problem, Reply, Time, Writing};
use crate::call::Call;
use crate::config::{Name, Record};
use crate::event::{Recorded, What};
use crate::id::{CallKey, RecordingKey};
use crate::recording::{self, File};
use crate::switch::B2bua;

impl B2bua {
    /// Tells the media thread what to record from now on, and everybody what that means.
    pub(crate) fn record(&mut self, now: Time, call: &mut Call) {
        let rule = self.record_rule(call);
        let due = call.recording.due(call, rule);
        let left = if due == Recorded::Off { Vec::new() } else { recording::left(call) };
        // Whoever is told that a caller has gone is alone.
        let due = if left.is_empty() { Recorded::Off } else { due };
        let was = call.recording.state();
        if due == Recorded::Off {
            if was != Recorded::Off {
                self.stop_recording(now, call, rule);
            }
            return;
        }
        let file = self.recording_file(now, call);
        let (recording, hz) = (file.key.0, file.hz);
        let paused = due == Recorded::Paused;
        let tap = Tap { recording, hz, left, paused };
        if call.recording.tap.as_ref() == Some(&tap) {
            return;
        }
        self.tap(call, Some(tap));
        let (by, cause) = self.who_ordered(call);
        let recording = file.key;
        if was == Recorded::Off {
            let started =
                What::RecordingStarted { recording, file: file.name, hz, cause, by: by.clone() };
            self.tell(now, call, started);
        }
        match (was, due) {
            (Recorded::Paused, Recorded::On) => {
                self.tell(now, call, What::RecordingResumed { recording, by });
            }
            (Recorded::On | Recorded::Off, Recorded::Paused) => {
                self.tell(now, call, What::RecordingPaused { recording, by });
            }
            _ => {}
        }
    }

    fn stop_recording(&mut self, now: Time, call: &mut Call, rule: Record) {
        let Some(recording) = call.recording.file.as_ref().map(|file| file.key) else { return };
        self.tap(call, None);
        let (by, cause) = match call {
            _ if call.over || recording::left(call).is_empty() => (None, "ended".into()),
            _ if rule == Record::Never => (None, "policy".into()),
            _ if call.recording.failed => (None, "failed".into()),
            _ if call.recording.is_left_behind => (None, "transfer".into()),
            _ => self.who_ordered(call),
        };
        self.tell(now, call, What::RecordingStopped { recording, cause, by });
    }

    /// Who wants it as it is, and why.
    fn who_ordered(&self, call: &Call) -> (Option<Name>, Name) {
        let by = call.recording.ordered.as_ref().map(|(_, by)| by.clone());
        let cause = if by.is_some() { "order" } else { "policy" };
        (by, cause.into())
    }

    fn tap(&mut self, call: &mut Call, tap: Option<Tap>) {
        call.recording.tap.clone_from(&tap);
        if let Some(thread) = call.thread {
            let command = Command::Record { conference: call.key.0, tap };
            self.output(Output::Media { thread, command });
        }
    }

    /// What the call's recording is called; given to it when it begins.
    fn recording_file(&mut self, now: Time, call: &mut Call) -> File {
        if let Some(file) = &call.recording.file {
            return file.clone();
        }
        let day = self.utc(now).strftime("%Y/%m/%d");
        let file = File {
            key: RecordingKey(self.mint()),
            name: format!("{day}/{}.wav", call.key).into(),
            hz: recording::rate(call),
        };
        call.recording.file = Some(file.clone());
        file
    }

    fn record_rule(&self, call: &mut Call) -> Record {
        let queue = call.task().map(|task| task.queue);
        let everywhere = self.directory.config.media.record;
        call.recording.rule(queue, || {
            let queue = queue.and_then(|queue| self.directory.queue(queue));
            queue.and_then(|queue| queue.record).unwrap_or(everywhere)
        })
    }

    /// Somebody wants it on, paused or off.
    pub(crate) fn order_recording(
        &mut self,
        now: Time,
        key: CallKey,
        state: Recorded,
        by: Name,
    ) -> Result<Reply, Problem> {
        let ordered = self.with_call(key, |switch, call| {
            let rule = switch.record_rule(call);
            if rule == Record::Never {
                let what = "calls of this queue, or of none, are never recorded: `record` says so";
                return Err(Problem::Conflict(what.into()));
            }
            let recording = &mut call.recording;
            if state == Recorded::Paused && recording.wanted(rule) == Recorded::Off {
                return Err(Problem::Conflict("nothing is recorded that could be paused".into()));
            }
            recording.is_left_behind &= state != Recorded::On;
            if recording.wanted(rule) != state {
                recording.ordered = Some((state, by));
            }
            recording.failed &= state != Recorded::On;
            switch.record(now, call);
            Ok(Reply::Done)
        });
        ordered.unwrap_or_else(|| Err(Problem::NotFound { what: "call", name: key.to_string() }))
    }

    /// How the writing goes.
    pub(crate) fn on_writing(&mut self, now: Time, writing: Writing) {
        match writing {
            Writing::Failed { call, recording, cause } => {
                self.emit(now, Some(call), None, What::RecordingFailed { recording, cause });
                self.with_call(call, |switch, call| {
                    let known = call.recording.file.as_ref().map(|file| file.key);
                    if known == Some(recording) {
                        call.recording.failed = true;
                        switch.record(now, call);
                    }
                });
            }
            Writing::Gap { call, recording, at_ms, lost_ms } => {
                let what = What::RecordingGap { recording, at_ms, lost_ms };
                self.emit(now, Some(call), None, what);
            }
            Writing::Expired { before, recordings } => {
                self.emit(now, None, None, What::RecordingExpired { before, recordings });
            }
        }
    }
}
