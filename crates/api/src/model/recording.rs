//! What is recorded of a live call.

use b2bua::config::Name;
use b2bua::event::Recorded;
use b2bua::{Event, Utc, What};
use serde_json::{Value, json};

/// The recording of a call, from its first beginning on.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    state: Recorded,
    since: Utc,
    file: Name,
}

impl Recording {
    /// Folds an event of the call.
    pub(super) fn observe(recording: &mut Option<Self>, event: &Event) {
        let state = match &event.what {
            What::RecordingStarted { file, .. } => {
                let file = file.clone();
                *recording = Some(Self { state: Recorded::On, since: event.at, file });
                return;
            }
            What::RecordingPaused { .. } => Recorded::Paused,
            What::RecordingResumed { .. } => Recorded::On,
            What::RecordingStopped { .. } => Recorded::Off,
            _ => return,
        };
        if let Some(recording) = recording {
            (recording.state, recording.since) = (state, event.at);
        }
    }

    /// As JSON; `null` where nothing was recorded yet.
    pub(crate) fn view(recording: Option<&Self>) -> Value {
        recording.map_or(Value::Null, |recording| {
            json!({
                "state": recording.state.as_str(),
                "since": recording.since,
                "file": recording.file,
            })
        })
    }
}
