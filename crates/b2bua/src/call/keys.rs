//! The keys that a leg presses: each once, though it may come with the audio and by INFO.

use serde::{Deserialize, Serialize};

use crate::Time;

/// How a key comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// With the audio, as telephone-event.
    Audio,
    /// By INFO.
    Info,
}

/// The keys that a leg has pressed lately.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    /// Told, and not yet come the other way: the digit, how it came, and when.
    told: Vec<(char, Way, Time)>,
    /// Come by INFO, not heard by others yet since they may come with the audio: the digit, its length
    /// in ms, and when.
    held: Vec<(char, u16, Time)>,
    /// What came by INFO did not come with the audio.
    is_info_alone: bool,
}

/// How long a key may take to come the other way too.
const TWICE_WITHIN: Time = Time::from_secs(1);
/// Keys in that time.
const TWICE_MAX: usize = 16;

impl Keys {
    /// Whether a key is a new one: not the other way's of one that is told.
    pub(crate) fn is_new(&mut self, now: Time, digit: char, way: Way) -> bool {
        self.told.retain(|(.., at)| now.saturating_sub(*at) < TWICE_WITHIN);
        let twin = |(known, how, _): &(char, Way, Time)| *known == digit && *how != way;
        if let Some(at) = self.told.iter().position(twin) {
            self.told.remove(at);
            self.is_info_alone = false;
            if let Some(at) = self.held.iter().position(|(held, ..)| *held == digit) {
                self.held.remove(at);
            }
            return false;
        }
        if self.told.len() < TWICE_MAX {
            self.told.push((digit, way, now));
        }
        true
    }

    /// Keeps a key that came by INFO until it has come with the audio too or [`Self::due`] is over.
    /// Whether it has to wait.
    pub(crate) fn hold(&mut self, now: Time, digit: char, length_ms: u16) -> bool {
        let waits = !self.is_info_alone && self.held.len() < TWICE_MAX;
        if waits {
            self.held.push((digit, length_ms, now));
        }
        waits
    }

    /// Until when what is held waits.
    pub(crate) fn due(&self) -> Option<Time> {
        self.held.first().map(|(.., since)| *since + TWICE_WITHIN)
    }

    /// What has waited in vain, and all after it: such a phone presses by INFO alone.
    pub(crate) fn overdue(&mut self, now: Time) -> Vec<(char, u16)> {
        if self.due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        self.is_info_alone = true;
        self.held.drain(..).map(|(digit, length_ms, _)| (digit, length_ms)).collect()
    }
}
