//! Who hears whom: a pure function of a call's state, sent whole after each change.
//!
//! A listener hears one thing: the first of these that applies.
//!
//! | a listener who is … | hears |
//! | --- | --- |
//! | being told something | that message alone |
//! | held | the source chosen for the hold |
//! | waiting, not bridged yet | the source of the wait: music, ringing, a prompt |
//! | connected | everybody who speaks to them, or silence |
//!
//! Somebody speaks to a listener when connected, not held and not muted, and when their mode lets
//! them: a monitor speaks to nobody, a whisperer to one, everybody else to all. A supervisor
//! without a mode is a monitor. Nobody hears themselves. What a listener hears does not hang on
//! their own role, mode or mute, nor does being told something keep anybody from being heard.
//!
//! What of this is a feature of the house:
//!
//! | | |
//! | --- | --- |
//! | two-party help | the customer is held, operator and colleague talk: hold silences both ways, so no sample passes between customer and colleague |
//! | three-party help | three who are connected |
//! | a message before the bridge | the operator connected and told it, the caller still waiting with their music |
//! | monitor, whisper, barge | the mode of a supervisor: another mode, another row set, the same leg |
//! | intercept | no mode: the operator's leg is gone and the supervisor's has the role of an operator |
//! | a bot with the caller; the caller lent to an operator | a bot is a speaker like any other; held meanwhile |
//!
//! Where modes and states meet:
//!
//! | | |
//! | --- | --- |
//! | a whisper to one who is held, waits or is told something | is heard by nobody: to be on hold is to be outside |
//! | a whisper to one who has left | is heard by nobody; the whisperer listens on, as a monitor does |
//! | two supervisors | hear each other only where one barges; a whisper is for its one listener, supervisors included |
//! | a supervisor with nobody to hear | hears silence. Music is for those who are left alone, which is for whoever owns the call to say: a supervisor is no company |
//! | a supervisor on hold | hears their own source and is heard by nobody, whatever the mode |

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::LegId;

/// What a listener gets in place of people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// A sound by name, looped; each listener joins where it is. An unknown name plays the
    /// built-in music.
    Music(Arc<str>),
    /// The ringing tone: 425 Hz, one second in five (ETSI TR 101 041-1).
    Ringing,
    /// A tone in a cadence. `off_ms` of 0 is a continuous tone.
    Tone {
        /// Its frequency.
        hz: u16,
        /// How long it sounds in each period.
        on_ms: u16,
        /// How long it pauses in each period.
        off_ms: u16,
    },
    /// Sounds by name, one after the other, once from the beginning; then silence and an event.
    Prompt {
        /// Tells one playing of the same sounds from the next.
        play: u64,
        /// The sounds.
        sounds: Arc<[Arc<str>]>,
    },
}

impl Source {
    /// The playing of a prompt; 0 of anything else.
    #[must_use]
    pub fn play(&self) -> u64 {
        match self {
            Self::Prompt { play, .. } => *play,
            Self::Music(_) | Self::Ringing | Self::Tone { .. } => 0,
        }
    }
}

/// What one leg hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hears {
    /// Nothing (silent frames are sent all the same).
    Silence,
    /// One source.
    Source(Source),
    /// People, in order of their ids, never empty.
    Speakers(Vec<LegId>),
}

/// A row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The listener.
    pub leg: LegId,
    /// What they hear.
    pub hears: Hears,
}

/// What a participant is in the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The one the call is for.
    Customer,
    /// The one who serves.
    Operator,
    /// A colleague who was asked for help, or the target of a transfer.
    Consultant,
    /// Somebody who listens in.
    Supervisor,
    /// A voice bot.
    Bot,
}

/// How far a participant takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Hears everybody, heard by nobody.
    Monitor,
    /// Hears everybody, heard by one only.
    Whisper {
        /// The one who hears the whisper.
        to: LegId,
    },
    /// A full participant.
    Barge,
}

/// Whether a participant has been bridged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Not yet: hears this source and is heard by nobody.
    Waiting(Source),
    /// Takes part.
    Connected,
}

/// One leg in a conference, with all that decides what it hears.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// The leg.
    pub leg: LegId,
    /// What it is in the call.
    pub role: Role,
    /// Whether it is bridged.
    pub stage: Stage,
    /// On hold, and what it hears meanwhile: neither hears nor is heard.
    pub held: Option<Source>,
    /// Not heard by anybody.
    pub muted: bool,
    /// A supervising mode; `None` is a full participant, but a monitor where the role is
    /// [`Role::Supervisor`].
    pub mode: Option<Mode>,
    /// Something told to this leg alone, in place of whatever it would hear. Who hears the leg does
    /// not hang on it.
    pub message: Option<Source>,
}

impl Participant {
    /// A connected participant: not held, not muted, no mode.
    #[must_use]
    pub fn connected(leg: LegId, role: Role) -> Self {
        let stage = Stage::Connected;
        Self { leg, role, stage, held: None, muted: false, mode: None, message: None }
    }

    /// A participant who is not bridged yet and hears a source.
    #[must_use]
    pub fn waiting(leg: LegId, role: Role, source: Source) -> Self {
        Self { stage: Stage::Waiting(source), ..Self::connected(leg, role) }
    }

    fn takes_part(&self) -> bool {
        self.held.is_none() && self.stage == Stage::Connected
    }

    /// What it hears in place of people.
    fn source(&self) -> Option<&Source> {
        let waits = match &self.stage {
            Stage::Waiting(source) => Some(source),
            Stage::Connected => None,
        };
        self.message.as_ref().or(self.held.as_ref()).or(waits)
    }

    fn speaks_to(&self, listener: LegId) -> bool {
        let reaches = match (self.mode, self.role) {
            (Some(Mode::Monitor), _) | (None, Role::Supervisor) => false,
            (Some(Mode::Whisper { to }), _) => to == listener,
            (Some(Mode::Barge) | None, _) => true,
        };
        reaches && self.takes_part() && !self.muted && self.leg != listener
    }
}

/// The matrix: one row per participant, in their order.
#[must_use]
pub fn hears(participants: &[Participant]) -> Vec<Row> {
    let row = |listener: &Participant| {
        let hears = match listener.source() {
            Some(source) => Hears::Source(source.clone()),
            None => speakers(participants, listener.leg),
        };
        Row { leg: listener.leg, hears }
    };
    participants.iter().map(row).collect()
}

fn speakers(participants: &[Participant], listener: LegId) -> Hears {
    let speaking = participants.iter().filter(|speaker| speaker.speaks_to(listener));
    let mut legs: Vec<LegId> = speaking.map(|speaker| speaker.leg).collect();
    legs.sort_unstable();
    legs.dedup();
    if legs.is_empty() { Hears::Silence } else { Hears::Speakers(legs) }
}

#[cfg(test)]
mod tests;
