//! A task's record. It is in one place: in the queue, with an operator, between two of them, being
//! wrapped up, or put off.
use crate::ids::{Kind, OperatorId, QueueId, ReservationId, TaskId, Time, Utc};
use crate::io::{Hold, LimitReason, Wanted};
use crate::line::Key;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) queue: QueueId,
    pub(crate) kind: Kind,
    pub(crate) virtual_start: Utc,
    pub(crate) priority_s: u32,
    /// Before everybody who is not: it was with an operator already.
    pub(crate) ahead: bool,
    /// A callback that is next, since callbacks got less than their share.
    pub(crate) owed: bool,
    pub(crate) auto_connect: bool,
    /// See [`crate::Enqueue::lead_ms`]; 0 once it has rung.
    pub(crate) lead_ms: u64,
    pub(crate) queued: Time,
    /// How long it waited before, each time until somebody had it.
    pub(crate) waited: Time,
    pub(crate) attempts: u32,
    /// Bits of the reasons told.
    limits_told: u8,
    /// The position told last, from 1; 0 for none.
    pub(crate) position_told: u32,
    pub(crate) back_off: Vec<(OperatorId, Time)>,
    pub(crate) place: Place,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Place {
    Waiting(Waiting),
    Assigned {
        operator: OperatorId,
        reservation: ReservationId,
        connected: Option<Time>,
    },
    Wrapping {
        operator: OperatorId,
    },
    /// With nobody: handed on, and the next one has not taken it. Who had it last.
    Between {
        operator: OperatorId,
    },
    /// With nobody, and outside the queue till then.
    Deferred(Deferred),
}

/// Put off, and what is asked for from the time it joins its queue.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Deferred {
    pub(crate) until: Time,
    pub(crate) wanted: Option<Wanted>,
    pub(crate) hold: Option<Hold>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) reservations: Vec<ReservationId>,
    pub(crate) wanted: Option<Wish>,
    pub(crate) max_wait: MaxWait,
    /// Which demand of its queue it makes.
    pub(crate) ring: usize,
    /// When it makes the next one.
    pub(crate) relax_at: Option<Time>,
    /// When one phone more rings for it.
    pub(crate) step_at: Option<Time>,
    pub(crate) held: Option<Held>,
    /// It is claimed for somebody by name, and nobody else is asked meanwhile.
    pub(crate) by_hand: bool,
}

/// Given to nobody yet.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) until: Option<Time>,
}

/// Only this operator; nobody else before `until`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(crate) operator: OperatorId,
    pub(crate) until: Option<Time>,
    /// They served this caller before: see [`crate::Wanted::sticky`].
    pub(crate) sticky: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MaxWait {
    /// Never, or told already.
    #[default]
    Never,
    At(Time),
    /// Over, but somebody's phone rings for it: told when that leads to nothing.
    Over,
}

impl Task {
    pub(crate) fn new(enqueue: &crate::Enqueue, now: Time, place: Place) -> Self {
        Self {
            queue: enqueue.queue,
            kind: enqueue.kind,
            virtual_start: enqueue.virtual_start,
            priority_s: enqueue.priority_s,
            ahead: false,
            owed: false,
            auto_connect: enqueue.auto_connect,
            lead_ms: enqueue.lead_ms,
            queued: now,
            waited: Time::ZERO,
            attempts: 0,
            limits_told: 0,
            position_told: 0,
            back_off: Vec::new(),
            place,
        }
    }

    /// Orders tasks: virtual start minus head start; those ahead before all others, and then what is
    /// owed to callbacks.
    pub(crate) fn key(&self, id: TaskId) -> Key {
        const CLASS: u32 = 62;
        let start = self.virtual_start.0.saturating_sub(Time::from_secs(self.priority_s.into()));
        let rank = nanos(start).min((1 << CLASS) - 1);
        let class = if self.ahead { 0 } else { 2 - u64::from(self.owed) };
        (class << CLASS | rank, id)
    }

    pub(crate) fn is_backed_off(&self, operator: OperatorId) -> bool {
        self.back_off.iter().any(|(o, _)| *o == operator)
    }

    pub(crate) const fn waiting(&self) -> Option<&Waiting> {
        match &self.place {
            Place::Waiting(waiting) => Some(waiting),
            Place::Assigned { .. }
            | Place::Wrapping { .. }
            | Place::Between { .. }
            | Place::Deferred(_) => None,
        }
    }

    pub(crate) const fn waiting_mut(&mut self) -> Option<&mut Waiting> {
        match &mut self.place {
            Place::Waiting(waiting) => Some(waiting),
            Place::Assigned { .. }
            | Place::Wrapping { .. }
            | Place::Between { .. }
            | Place::Deferred(_) => None,
        }
    }

    pub(crate) fn ring(&self) -> usize {
        self.waiting().map_or(0, |w| w.ring)
    }

    pub(crate) fn wish(&self) -> Option<Wish> {
        self.waiting().and_then(|w| w.wanted)
    }

    pub(crate) const fn is_told(&self, reason: LimitReason) -> bool {
        self.limits_told & (1 << reason as u8) != 0
    }

    /// True the first time.
    pub(crate) const fn tell(&mut self, reason: LimitReason) -> bool {
        let first = !self.is_told(reason);
        self.limits_told |= 1 << reason as u8;
        first
    }
}

pub(crate) fn nanos(time: Time) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
