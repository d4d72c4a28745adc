//! What of a call is recorded: worked out from who takes part, what the queue says and what somebody
//! has ordered; told to the media thread as it changes (`flow/record.rs`).
//!
//! A call has one recording, whoever comes and goes in it. It begins when two are put through to each
//! other for the first time: music and announcements of the queue before that are nobody's words. From
//! then on it lasts as long as the call, over hold, transfer and a wait in between, unless it is
//! switched off; switched on again it goes on in the same file, with silence for what is not there.

use acd::QueueId;
use media::{LegId, Tap};
use serde::{Deserialize, Serialize};

use crate::call::{Call, Participant, Why};
use crate::config::{Name, Record};
use crate::event::{Recorded, Role};
use crate::id::RecordingKey;

/// Samples per second where everybody's codec is narrowband, and where not.
const NARROW_HZ: u32 = 8_000;
const WIDE_HZ: u32 = 16_000;

/// A call's recording, from the first order or the first word on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Recording {
    /// What holds, and of which queue: a reload changes nothing for calls that live.
    rule: Option<(Option<QueueId>, Record)>,
    /// What somebody has ordered, and who.
    pub(crate) ordered: Option<(Recorded, Name)>,
    /// It could not be written, and is not tried again by itself.
    pub(crate) failed: bool,
    /// A bot has handed the call on, and what was recorded was not to go on.
    pub(crate) is_left_behind: bool,
    /// Once it has begun.
    pub(crate) file: Option<File>,
    /// What the media thread was told last.
    pub(crate) tap: Option<Tap>,
}

/// What stays the same however often it is switched off and on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) key: RecordingKey,
    /// Below the folder of all recordings.
    pub(crate) name: Name,
    pub(crate) hz: u32,
}

impl Recording {
    /// Whether a call of this queue, or of none, is recorded; asked of `now` once for each queue.
    pub(crate) fn rule(&mut self, queue: Option<QueueId>, now: impl FnOnce() -> Record) -> Record {
        match self.rule {
            Some((known, rule)) if known == queue => rule,
            _ => {
                let rule = now();
                self.rule = Some((queue, rule));
                rule
            }
        }
    }

    /// What it should be while two talk.
    pub(crate) fn wanted(&self, rule: Record) -> Recorded {
        match (rule, &self.ordered) {
            (Record::Never, _) => Recorded::Off,
            _ if self.failed || self.is_left_behind && rule != Record::Always => Recorded::Off,
            (_, Some((ordered, _))) => *ordered,
            (Record::Always, None) => Recorded::On,
            (Record::OnDemand, None) => Recorded::Off,
        }
    }

    /// What it is.
    pub(crate) fn state(&self) -> Recorded {
        match &self.tap {
            None => Recorded::Off,
            Some(tap) if tap.paused => Recorded::Paused,
            Some(_) => Recorded::On,
        }
    }

    /// What it should be now.
    pub(crate) fn due(&self, call: &Call, rule: Record) -> Recorded {
        let begins = || call.participants.iter().filter(|p| is_heard(p)).count() > 1;
        if call.over || call.rows.is_empty() || (self.file.is_none() && !begins()) {
            return Recorded::Off;
        }
        self.wanted(rule)
    }
}

fn is_heard(participant: &Participant) -> bool {
    participant.talks() && participant.planned.is_some()
}

/// The rate that loses nothing of what those who talk send.
pub(crate) fn rate(call: &Call) -> u32 {
    let talking = call.participants.iter().filter(|p| is_heard(p));
    let mut plans = talking.filter_map(|p| p.negotiation.plan());
    match plans.any(|plan| plan.codec.audio_hz() > NARROW_HZ) {
        true => WIDE_HZ,
        false => NARROW_HZ,
    }
}

/// Who is on the left: the customers. Where there is nobody but customers, or none, it is the caller,
/// and whoever is there stays there as long as they are in the call.
pub(crate) fn left(call: &Call) -> Vec<LegId> {
    let there = |keep: &dyn Fn(&Participant) -> bool| -> Vec<LegId> {
        call.legs(|p| keep(p)).into_iter().map(|leg| LegId(leg.0)).collect()
    };
    let customers = there(&|p| p.role == Role::Customer);
    let serves = |p: &Participant| !matches!(p.role, Role::Customer | Role::Supervisor);
    if !customers.is_empty() && call.participants.iter().any(serves) {
        return customers;
    }
    let before = call.recording.tap.as_ref().map_or(&[][..], |tap| &tap.left);
    let stay = there(&|p| before.contains(&LegId(p.leg.0)));
    match stay.is_empty() {
        true => there(&|p| p.why == Why::Arrived),
        false => stay,
    }
}
