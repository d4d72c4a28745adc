//! What operators choose, and what holds for them.

use serde::{Deserialize, Serialize};

use super::Utc;
use crate::config::Name;

/// What an operator can choose to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// Wants work.
    Ready,
    /// Wants none.
    NotReady,
    /// Signed out.
    Offline,
}

impl Chosen {
    /// As events and records have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::Offline => "offline",
        }
    }
}

/// What an operator can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effective {
    /// Signed out.
    Offline,
    /// Can be given work.
    Ready,
    /// By choice, or for not answering.
    NotReady,
    /// Signed in, but no phone.
    Unreachable,
    /// A task has a claim on them, nothing rings yet.
    Reserved,
    /// Their phone rings.
    Ringing,
    /// Talking, or on a call of their own.
    OnCall,
    /// Work after a call.
    WrapUp,
}

impl Effective {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Offline,
        Self::Ready,
        Self::NotReady,
        Self::Unreachable,
        Self::Reserved,
        Self::Ringing,
        Self::OnCall,
        Self::WrapUp,
    ];

    /// As events and records have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::Unreachable => "unreachable",
            Self::Reserved => "reserved",
            Self::Ringing => "ringing",
            Self::OnCall => "on-call",
            Self::WrapUp => "wrap-up",
        }
    }
}

impl From<acd::Effective> for Effective {
    fn from(state: acd::Effective) -> Self {
        match state {
            acd::Effective::Offline => Self::Offline,
            acd::Effective::Unreachable => Self::Unreachable,
            acd::Effective::NotReady => Self::NotReady,
            acd::Effective::Ready => Self::Ready,
            acd::Effective::Reserved => Self::Reserved,
            acd::Effective::Ringing => Self::Ringing,
            acd::Effective::OnCall => Self::OnCall,
            acd::Effective::WrapUp => Self::WrapUp,
        }
    }
}

/// What an operator chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChosenState {
    /// Which.
    pub state: Chosen,
    /// For not ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Name>,
    /// `chosen` by a person, `signed-in` and `signed-out` by their phone, or as `configured`.
    pub cause: Name,
}

/// What holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveState {
    /// Which.
    pub state: Effective,
    /// Why: `chosen`, `rona`, `call`, …
    pub cause: Name,
    /// Since when.
    pub since: Utc,
}
