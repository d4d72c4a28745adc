//! A call as data: who takes part, what it waits for, how its time was spent.

use std::collections::BTreeMap;

use acd::{OperatorId, QueueId, ReservationId};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::config::Name;
use crate::event::{Kind, Phase, Role, Totals};
use crate::id::{CallKey, ParticipantId, TaskKey};

/// One customer's interaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) key: CallKey,
    pub(crate) kind: Kind,
    /// The caller: number and display name.
    pub(crate) from: Name,
    pub(crate) display: Option<String>,
    pub(crate) to: Name,
    pub(crate) trunk: Option<Name>,
    /// The operator who placed it, occupied as long as it lasts.
    pub(crate) caller: Option<OperatorId>,
    /// The operator it rang directly, occupied as well.
    pub(crate) callee: Option<OperatorId>,
    pub(crate) context: BTreeMap<String, String>,
    pub(crate) participants: Vec<Participant>,
    pub(crate) stage: Stage,
    /// The end of [`Stage::Dialling`].
    pub(crate) deadline: Option<Time>,
    pub(crate) answered: bool,
    pub(crate) clock: PhaseClock,
    /// The media thread that has the conference, from the first matrix on.
    pub(crate) thread: Option<u16>,
    /// What the conference was last told, and how often.
    pub(crate) rows: Vec<media::Row>,
    pub(crate) generation: u64,
    /// The call is over and must not be kept.
    pub(crate) over: bool,
}

/// What a call is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The distributor has it: waiting, or somebody rings for it.
    Queued(Task),
    /// Somebody is rung without the distributor.
    Dialling,
    /// Two or more are connected; with the task that the distributor counts as being served.
    Talking(Option<Task>),
}

/// The part of a call that the distributor knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) queue: QueueId,
}

/// What is kept of a task as long as the distributor has it: longer than its call, by the wrap-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskEntry {
    pub(crate) call: CallKey,
    pub(crate) queue: QueueId,
    /// When it first joined.
    pub(crate) queued: Time,
    /// Since when it is served.
    pub(crate) served: Option<Time>,
    pub(crate) talk: Time,
    /// Since when its operator is in wrap-up.
    pub(crate) wrapping: Option<Time>,
}

impl TaskEntry {
    /// The operator's part ends, or never was.
    pub(crate) fn stop_talk(&mut self, now: Time) {
        if let Some(since) = self.served.take() {
            self.talk += now.saturating_sub(since);
        }
    }
}

impl Stage {
    pub(crate) fn task(&self) -> Option<Task> {
        match self {
            Self::Queued(task) | Self::Talking(Some(task)) => Some(*task),
            Self::Dialling | Self::Talking(None) => None,
        }
    }
}

/// A leg in a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Participant {
    pub(crate) id: ParticipantId,
    pub(crate) leg: sip::LegId,
    pub(crate) role: Role,
    pub(crate) operator: Option<OperatorId>,
    pub(crate) uri: Name,
    /// The claim it is rung for.
    pub(crate) reservation: Option<ReservationId>,
    pub(crate) lease: media::Lease,
    pub(crate) negotiation: media::Negotiation,
    /// Our answer to the offer its INVITE brought, until it is sent.
    pub(crate) reply: Option<bytes::Bytes>,
    pub(crate) state: LegState,
    /// The plan the media thread has.
    pub(crate) planned: Option<u64>,
    /// Held by its own phone.
    pub(crate) held: bool,
}

/// How far a leg has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum LegState {
    /// Its INVITE came and is not answered yet.
    Invited,
    /// Our INVITE is out.
    Calling,
    /// It rings.
    Ringing,
    /// It answered, the distributor has not said yet whether it won.
    Answered,
    /// Connected.
    Up,
}

impl Call {
    pub(crate) fn participant(&self, leg: sip::LegId) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.leg == leg)
    }

    pub(crate) fn participant_mut(&mut self, leg: sip::LegId) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|participant| participant.leg == leg)
    }

    /// The leg the call began with, as long as it lives.
    pub(crate) fn customer(&self) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.role == Role::Customer)
    }

    pub(crate) fn customer_mut(&mut self) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|participant| participant.role == Role::Customer)
    }

    /// Legs that match, by id: a copy, so that the call can change meanwhile.
    pub(crate) fn legs(&self, keep: impl Fn(&Participant) -> bool) -> Vec<sip::LegId> {
        self.participants.iter().filter(|p| keep(p)).map(|p| p.leg).collect()
    }

    /// What the call's time goes to as it stands.
    pub(crate) fn phase(&self) -> Phase {
        let rings = |p: &Participant| p.role == Role::Operator && p.state < LegState::Up;
        match &self.stage {
            Stage::Queued(_) if self.participants.iter().any(rings) => Phase::Ring,
            Stage::Queued(_) => Phase::Wait,
            Stage::Dialling => Phase::Ring,
            Stage::Talking(_) if self.participants.iter().any(|p| p.held) => Phase::Hold,
            Stage::Talking(_) => Phase::Talk,
        }
    }
}

/// Adds up a call's time by phase, in whole milliseconds of the node's clock, so that the sum of
/// the phases is the length of the call to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseClock {
    phase: Phase,
    since_ms: u64,
    totals: Totals,
}

fn ms(now: Time) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl PhaseClock {
    pub(crate) fn new(now: Time, phase: Phase) -> Self {
        Self { phase, since_ms: ms(now), totals: Totals::default() }
    }

    /// From now on time goes to `phase`.
    pub(crate) fn turn(&mut self, now: Time, phase: Phase) -> Totals {
        let spent = ms(now).saturating_sub(self.since_ms);
        let total = match self.phase {
            Phase::Wait => &mut self.totals.wait_ms,
            Phase::Ring => &mut self.totals.ring_ms,
            Phase::Talk => &mut self.totals.talk_ms,
            Phase::Hold => &mut self.totals.hold_ms,
        };
        *total += spent;
        (self.since_ms, self.phase) = (ms(now), phase);
        self.totals
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_add_up_to_the_call() {
        let at = Time::from_micros;
        let mut clock = PhaseClock::new(at(1_999), Phase::Wait);
        clock.turn(at(3_400), Phase::Ring);
        clock.turn(at(5_900), Phase::Talk);
        clock.turn(at(5_950), Phase::Hold);
        let totals = clock.turn(at(9_001), Phase::Talk);
        assert_eq!(totals, Totals { wait_ms: 2, ring_ms: 2, talk_ms: 0, hold_ms: 4 });
        assert_eq!(totals.wait_ms + totals.ring_ms + totals.talk_ms + totals.hold_ms, 9 - 1);
    }
}
