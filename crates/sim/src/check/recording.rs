//! What is recorded: the events and the media threads' orders say the same, everything that begins
//! ends once, and where calls are always recorded no word is missing.

use std::collections::{BTreeMap, BTreeSet};

use b2bua::config::Record;
use b2bua::event::{Mode, Phase, Role};
use b2bua::{CallKey, Event, ParticipantId, RecordingKey, What};
use media::{Command, LegId, Tap};

use super::told_once;

/// The fold.
#[derive(Debug, Default)]
pub(crate) struct Recordings {
    policy: Record,
    /// Of each call, over all its beginnings.
    keys: BTreeMap<CallKey, (RecordingKey, String, u32)>,
    open: BTreeMap<CallKey, bool>,
    taps: BTreeMap<CallKey, Tap>,
    /// Calls in which somebody, or a disk, has interfered.
    meddled: BTreeSet<CallKey>,
    /// Calls in which two have been put through to each other.
    begun: BTreeSet<CallKey>,
    /// Those who only supervise: that they are there is no talk.
    supervisors: BTreeSet<ParticipantId>,
    /// Recordings that began.
    pub(crate) started: u64,
}

impl Recordings {
    pub(crate) fn new(policy: Record) -> Self {
        Self { policy, ..Self::default() }
    }

    pub(crate) fn event(&mut self, event: &Event) -> Result<(), String> {
        let Some(call) = event.call else { return Ok(()) };
        match &event.what {
            // One whose answer comes with the ACK is put through before they hear anything; meanwhile
            // whoever is there, and a bot that has handed them on, hear music.
            What::CallSegment {
                phase: phase @ (Phase::Talk | Phase::Hold),
                participants,
                hears,
            } if participants.iter().filter(|who| !self.supervisors.contains(who)).count() > 1
                && (*phase == Phase::Hold || hears.values().any(|all| !is_music(all))) =>
            {
                self.begun.insert(call);
                Ok(())
            }
            What::ParticipantJoined { participant, role: Role::Supervisor, .. } => {
                self.supervisors.insert(*participant);
                Ok(())
            }
            What::ParticipantMode { participant, mode: Mode::Intercept, .. }
            | What::ParticipantLeft { participant } => {
                self.supervisors.remove(participant);
                Ok(())
            }
            What::CallEnded { .. } => self.ended(call),
            What::RecordingStarted { recording, file, hz, .. } => {
                self.started += 1;
                let file = (*recording, file.to_string(), *hz);
                let known = self.keys.entry(call).or_insert_with(|| file.clone());
                if *known != file {
                    return Err(format!("{call} is recorded as {known:?}, then as {file:?}"));
                }
                if !self.begun.contains(&call) {
                    return Err(format!("{call} is recorded before anybody talks"));
                }
                told_once(self.open.insert(call, false).is_none(), "recording of", &call)
            }
            What::RecordingPaused { recording, .. } => self.paused(call, *recording, true),
            What::RecordingResumed { recording, .. } => self.paused(call, *recording, false),
            What::RecordingStopped { recording, cause, .. } => {
                self.knows(call, *recording)?;
                if &**cause == "ended" {
                    self.begun.remove(&call);
                }
                told_once(self.open.remove(&call).is_some(), "end of the recording of", &call)
            }
            _ => Ok(()),
        }
    }

    fn knows(&self, call: CallKey, recording: RecordingKey) -> Result<(), String> {
        match self.keys.get(&call) {
            Some((known, ..)) if *known == recording => Ok(()),
            known => Err(format!("{call}: recording {recording}, but it is {known:?}")),
        }
    }

    fn paused(&mut self, call: CallKey, key: RecordingKey, paused: bool) -> Result<(), String> {
        self.knows(call, key)?;
        let Some(was) = self.open.insert(call, paused) else {
            return Err(format!("{call} is not recorded, and paused: {paused}"));
        };
        told_once(was != paused, "pause of the recording of", &call)
    }

    fn ended(&mut self, call: CallKey) -> Result<(), String> {
        let tap = self.taps.remove(&call);
        if self.open.contains_key(&call) || tap.is_some() {
            return Err(format!("{call} is over, and still recorded: {tap:?}"));
        }
        self.keys.remove(&call);
        self.meddled.remove(&call);
        self.begun.remove(&call);
        Ok(())
    }

    pub(crate) fn command(&mut self, command: &Command) -> Result<(), String> {
        let Command::Record { conference, tap } = command else { return Ok(()) };
        let call = CallKey(*conference);
        let Some(tap) = tap else {
            let was = self.taps.remove(&call).is_some();
            return told_once(was, "order not to record", &call);
        };
        if tap.left.is_empty() {
            return Err(format!("nobody is on the left of {call}"));
        }
        let changed = self.taps.insert(call, tap.clone()).as_ref() != Some(tap);
        told_once(changed, "order to record", &call)
    }

    /// Somebody ordered something of this call's recording, or it could not be written.
    pub(crate) fn meddled(&mut self, call: CallKey) {
        self.meddled.insert(call);
    }

    /// A recording that is open, by number.
    pub(crate) fn open(&self, at: usize) -> Option<(CallKey, RecordingKey)> {
        let (call, _) = self.open.iter().nth(at.checked_rem(self.open.len())?)?;
        Some((*call, self.keys.get(call)?.0))
    }

    /// What the events say is what the media threads do. `caller` is whose words are on the left in a
    /// call between one caller and one operator.
    pub(crate) fn turn_over(
        &self,
        caller: impl Fn(CallKey) -> Option<LegId>,
    ) -> Result<(), String> {
        for (call, paused) in &self.open {
            let tap = self.taps.get(call).ok_or_else(|| format!("{call} is recorded by nobody"))?;
            if tap.paused != *paused || Some(tap.recording) != self.keys.get(call).map(|k| k.0.0) {
                return Err(format!("{call}: paused is {paused}, and {tap:?}"));
            }
            if let Some(caller) = caller(*call)
                && tap.left != [caller]
            {
                return Err(format!("{call}: {caller:?} calls, and on the left is {tap:?}"));
            }
        }
        if let Some(call) = self.taps.keys().find(|call| !self.open.contains_key(call)) {
            return Err(format!("{call} is recorded, and nobody was told"));
        }
        let should = |call: &&CallKey| !self.meddled.contains(call);
        let untold = self
            .begun
            .iter()
            .filter(should)
            .find(|call| self.open.contains_key(call) != (self.policy == Record::Always));
        match untold {
            Some(call) => {
                Err(format!("{:?}, but of {call}: {:?}", self.policy, self.open.get(call)))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn finish(&self) -> Result<(), String> {
        if self.open.is_empty() && self.taps.is_empty() {
            return Ok(());
        }
        Err(format!("still recorded: {:?} {:?}", self.open, self.taps))
    }
}

fn is_music(heard: &[String]) -> bool {
    heard.iter().all(|what| what.starts_with("music:"))
}
