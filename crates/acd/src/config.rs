//! Policy: what queues and operators are told to be.
use crate::ids::{OperatorId, QueueId, SkillId};
use serde::{Deserialize, Serialize};

/// Everything configurable, as one value. A reload sends it whole again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Off: tasks of every queue wait to be picked.
    pub auto_connect: bool,
    /// Queues; one that is missing in a later `Config` serves out what waits in it.
    pub queues: Vec<(QueueId, QueueConfig)>,
    /// Operators, in the order that [`Strategy::InOrder`] and [`Strategy::RoundRobin`] follow.
    pub operators: Vec<(OperatorId, OperatorConfig)>,
}

impl Default for Config {
    fn default() -> Self {
        Self { auto_connect: true, queues: Vec::new(), operators: Vec::new() }
    }
}

/// Who of several free operators gets the task. Where two are equal, who has been idle longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strategy {
    /// The one who has been idle longest: since the end of their last call or wrap-up, or since
    /// they became ready, whichever is later. A missed reservation does not make them less idle.
    #[default]
    LongestIdle,
    /// The first in configuration order.
    InOrder,
    /// The next in configuration order after the one reserved last for this queue.
    RoundRobin,
    /// Everybody who is free, at once; the first answer wins. One task at a time rings.
    RingAll,
    /// Who has talked least since midnight, by the tasks that are over.
    LeastTalkTime,
    /// Who was given the fewest tasks since midnight.
    FewestCalls,
    /// Whose calls and wrap-up took the smallest part of the time they were signed in, of the last
    /// [`crate::OCCUPANCY_OVER`].
    LeastOccupied,
    /// Who has the fewest tasks now; of these, who was given their last one the longest ago.
    FewestDialogs,
    /// Anybody, each as likely as the other.
    Random,
    /// Anybody, by [`OperatorConfig::weight`].
    WeightedRandom,
    /// As longest-idle; while nobody answers, one phone more rings every
    /// [`QueueConfig::step_ms`]. The first answer wins.
    Progressive,
    /// The highest sum of levels of the skills that the queue asks for, in whatever ring.
    BestSkill,
}

/// A level of a skill: what somebody has, or at least should have.
pub type Level = (SkillId, u32);

/// What is asked for once a task has waited for so long, instead of what was asked before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// How long it has waited, milliseconds; time with an operator does not count.
    pub after_ms: u64,
    /// What an operator must have.
    pub skills: Vec<Level>,
}

/// A queue's policy. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Who of several free operators gets the task.
    pub strategy: Strategy,
    /// What an operator must have to be given a task that has just come.
    pub skills: Vec<Level>,
    /// How that relaxes, in order of time; at most [`crate::RINGS_MAX`], the rest is left out.
    pub relax: Vec<Ring>,
    /// How long [`Strategy::Progressive`] waits before another phone rings as well.
    pub step_ms: u64,
    /// How long an operator is rung.
    pub ring_ms: u64,
    /// Wrap-up after a call, unless the operator has their own.
    pub wrap_up_ms: u64,
    /// What happens to an operator who does not answer.
    pub rona: Rona,
    /// How long a task is kept from an operator who did not take it; at least
    /// [`crate::BACK_OFF_MS_MIN`].
    pub back_off_ms: u64,
    /// Places, those being rung for included.
    pub max_waiting: u32,
    /// When [`crate::LimitReason::MaxWait`] is told; 0 is never.
    pub max_wait_ms: u64,
    /// Whether a task may join while nobody who serves the queue is signed in.
    pub join_empty: bool,
    /// Thousandths of the last [`crate::SHARED_OF`] assignments made while a callback waited that
    /// callbacks get: where it was less, the earliest of them is next. 0: by their places alone.
    pub share: u32,
    /// Off: tasks wait to be picked.
    pub auto_connect: bool,
    /// Closed: new tasks are refused with [`crate::LimitReason::Closed`].
    pub open: bool,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            strategy: Strategy::LongestIdle,
            skills: Vec::new(),
            relax: Vec::new(),
            step_ms: 5_000,
            ring_ms: 20_000,
            wrap_up_ms: 10_000,
            rona: Rona::default(),
            back_off_ms: 10_000,
            max_waiting: 200,
            max_wait_ms: 600_000,
            join_empty: true,
            share: 0,
            auto_connect: true,
            open: true,
        }
    }
}

/// Ring on no answer: an operator who lets `after` reservations in a row go by is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rona {
    /// Reservations in a row not taken, from whatever queues; 0 is never.
    pub after: u32,
    /// What the operator becomes.
    pub state: RonaState,
}

impl Default for Rona {
    fn default() -> Self {
        Self { after: 2, state: RonaState::NotReady }
    }
}

/// What an operator becomes who does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RonaState {
    /// Signed in, not ready.
    NotReady,
    /// As if signed out.
    Offline,
}

/// An operator's part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorConfig {
    /// Queues served.
    pub queues: Vec<QueueId>,
    /// How much at once.
    pub limits: Limits,
    /// Wrap-up after a call, milliseconds; wins over the queue's.
    pub wrap_up_ms: Option<u64>,
    /// Share of the work that [`Strategy::WeightedRandom`] gives.
    pub weight: u32,
    /// What they can do; a skill that is there twice counts as it is there first.
    pub skills: Vec<Level>,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            limits: Limits::default(),
            wrap_up_ms: None,
            weight: 1,
            skills: Vec::new(),
        }
    }
}

/// How much an operator does at once: reservations, live tasks and own calls together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Of every channel.
    pub total: u32,
    /// Of voice.
    pub voice: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: 1, voice: 1 }
    }
}
