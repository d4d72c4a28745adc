//! An operator's record: what they chose, what holds, and what keeps them from work.
use crate::config::{OperatorConfig, RonaState};
use crate::explain::Filter;
use crate::ids::{Channel, QueueId, ReservationId, TaskId, Time, WorkId};
use crate::io::{Cause, Choice, Effective, Since};
use crate::line::Key;
use crate::merit::Merit;
use crate::task::nanos;
use crate::track::Track;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Operator {
    pub(crate) config: OperatorConfig,
    /// Place in configuration order.
    pub(crate) place: u64,
    /// Configured no more; goes when the last call has ended.
    pub(crate) removed: bool,
    /// Queues served: as configured, and those before that are being drained.
    pub(crate) serves: Vec<QueueId>,
    pub(crate) chosen: Since<Choice>,
    pub(crate) forced: Option<RonaState>,
    pub(crate) reach: Reach,
    /// Why they cannot be reached, if so.
    pub(crate) lost_by: Cause,
    pub(crate) tasks: Vec<(TaskId, Channel)>,
    pub(crate) own: Vec<WorkId>,
    /// Own calls to be, which their phone rings for.
    pub(crate) alerting: Vec<WorkId>,
    pub(crate) reservations: Vec<Held>,
    pub(crate) wrap_up: Option<WrapUp>,
    pub(crate) idle_since: Time,
    /// How long they talked since midnight, tasks that are over.
    pub(crate) talked: Time,
    /// Tasks given since midnight.
    pub(crate) given: u32,
    /// When they were given their last task.
    pub(crate) given_at: Time,
    /// When they were on a call or in wrap-up.
    pub(crate) busy: Track,
    /// When they were signed in.
    pub(crate) signed_in: Track,
    pub(crate) missed: u32,
    /// A reload set limits below what they have.
    pub(crate) lowered: bool,
    pub(crate) effective: Since<Effective>,
    #[serde(skip)]
    pub(crate) index: Index,
}

/// All of this follows from the records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    pub(crate) standing: [Option<Filter>; 2],
    /// What stands in the lanes of the queues served. It lags behind only while the operator is
    /// among the dirty ones: most who come free are taken at once, and never enter as free.
    pub(crate) entered: Entered,
    pub(crate) present: bool,
    /// Tasks not to be tried yet.
    pub(crate) back_off: BTreeSet<TaskId>,
    /// Tasks that only this operator may have.
    pub(crate) wanted: [BTreeSet<Key>; 2],
}

/// What the lanes say of an operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Entered {
    pub(crate) standing: [Option<Filter>; 2],
    pub(crate) merit: Merit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reach {
    Yes,
    /// Lost a moment ago; from then on absent.
    Lost {
        absent_at: Time,
    },
    No,
}

/// What the operator's side needs to know of a reservation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) id: ReservationId,
    pub(crate) task: TaskId,
    pub(crate) channel: Channel,
    pub(crate) ringing: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct WrapUp {
    pub(crate) task: TaskId,
    pub(crate) until: Time,
}

impl Operator {
    pub(crate) fn new(config: OperatorConfig, now: Time) -> Self {
        let cause = Cause::Configured;
        Self {
            config,
            place: 0,
            removed: false,
            serves: Vec::new(),
            chosen: Since { state: Choice::Offline, cause, since: now },
            forced: None,
            reach: Reach::No,
            lost_by: Cause::RegistrationLost,
            tasks: Vec::new(),
            own: Vec::new(),
            alerting: Vec::new(),
            reservations: Vec::new(),
            wrap_up: None,
            idle_since: now,
            talked: Time::ZERO,
            given: 0,
            given_at: Time::ZERO,
            busy: Track::default(),
            signed_in: Track::default(),
            missed: 0,
            lowered: false,
            effective: Since { state: Effective::Offline, cause, since: now },
            index: Index::default(),
        }
    }

    /// Reservations, tasks and own calls, those that ring included, on a channel.
    pub(crate) fn load(&self, channel: Channel) -> usize {
        let own = self.own.len() + self.alerting.len();
        let own = if channel == Channel::Voice { own } else { 0 };
        self.tasks.iter().filter(|(_, c)| *c == channel).count()
            + self.reservations.iter().filter(|held| held.channel == channel).count()
            + own
    }

    /// What the strategies compare, as far as it only changes with the record.
    pub(crate) fn merit(&self) -> Merit {
        let load = self.load(Channel::Voice) + self.load(Channel::Dialog);
        Merit {
            idle_since: nanos(self.idle_since),
            talked: nanos(self.talked),
            given: self.given,
            load: u32::try_from(load).unwrap_or(u32::MAX),
            given_at: nanos(self.given_at),
        }
    }

    pub(crate) fn given_task(&mut self, now: Time, task: TaskId, channel: Channel) {
        self.tasks.push((task, channel));
        self.given += 1;
        self.given_at = now;
    }

    /// Notes whether they are busy and signed in from now on.
    pub(crate) fn track(&mut self, now: Time) {
        let is_busy = self.is_on_call() || self.wrap_up.is_some();
        self.busy.set(now, is_busy);
        self.signed_in.set(now, is_busy || !self.is_offline());
    }

    /// Millionths of the time they were signed in lately that they were busy.
    pub(crate) fn occupancy(&self, now: Time) -> u64 {
        let ms = |track: &Track| u64::try_from(track.lately(now).as_millis()).unwrap_or(u64::MAX);
        (ms(&self.busy) * 1_000_000).checked_div(ms(&self.signed_in)).unwrap_or(0)
    }

    /// Whether what is reserved is more than they may have beside the rest.
    pub(crate) fn is_over_limit(&self) -> bool {
        let voice = self.load(Channel::Voice);
        let total = voice + self.load(Channel::Dialog);
        let limits = self.config.limits;
        self.reservations.iter().any(|held| {
            (held.channel == Channel::Voice && voice > limits.voice as usize)
                || total > limits.total as usize
        })
    }

    /// Whether one more may be theirs beside what is, whatever is reserved for them.
    pub(crate) fn has_room(&self, channel: Channel) -> bool {
        let own = self.own.len() + self.alerting.len();
        let voice = self.tasks.iter().filter(|(_, c)| *c == Channel::Voice).count() + own;
        let total = self.tasks.len() + own;
        let limits = self.config.limits;
        (channel != Channel::Voice || voice < limits.voice as usize)
            && total < limits.total as usize
    }

    /// Whether one more claim is more than they may have beside what they have.
    pub(crate) fn is_full(&self, channel: Channel) -> bool {
        let voice = self.load(Channel::Voice);
        let limits = self.config.limits;
        (channel == Channel::Voice && voice >= limits.voice as usize)
            || voice + self.load(Channel::Dialog) >= limits.total as usize
    }

    pub(crate) fn is_on_call(&self) -> bool {
        !self.own.is_empty() || self.tasks.iter().any(|(_, c)| *c == Channel::Voice)
    }

    pub(crate) fn is_offline(&self) -> bool {
        self.removed
            || self.chosen.state == Choice::Offline
            || self.forced == Some(RonaState::Offline)
    }

    /// What keeps them from work of whatever channel, their load and wrap-up aside.
    pub(crate) fn unavailable(&self) -> Option<Filter> {
        if self.is_offline() {
            Some(Filter::Offline)
        } else if self.reach != Reach::Yes {
            Some(Filter::Unreachable)
        } else if self.forced.is_some() || self.chosen.state != Choice::Ready {
            Some(Filter::NotReady)
        } else {
            None
        }
    }

    /// What keeps them from work on the channel; `None` is free.
    pub(crate) fn standing(&self, channel: Channel) -> Option<Filter> {
        if let Some(filter) = self.unavailable() {
            return Some(filter);
        }
        if self.wrap_up.is_some() {
            return Some(Filter::WrapUp);
        }
        let voice = self.load(Channel::Voice);
        let limits = self.config.limits;
        if channel == Channel::Voice && voice >= limits.voice as usize {
            return Some(if self.is_on_call() {
                Filter::OnCall
            } else if !self.alerting.is_empty()
                || self.reservations.iter().any(|h| h.channel == channel && h.ringing)
            {
                Filter::Ringing
            } else if voice > 0 {
                Filter::Reserved
            } else {
                Filter::Limit
            });
        }
        let full = voice + self.load(Channel::Dialog) >= limits.total as usize;
        full.then_some(Filter::Limit)
    }

    /// Whoever comes to be available has been idle from now on, even while a ringing phone hides it.
    pub(crate) fn came_free(&mut self, now: Time, was_available: bool) {
        if !was_available && self.unavailable().is_none() {
            self.idle_since = now;
        }
    }

    pub(crate) fn present(&self) -> bool {
        !self.is_offline() && self.reach != Reach::No
    }

    /// What holds, and the cause where it does not follow from the last event.
    pub(crate) fn holds(&self) -> (Effective, Option<Cause>) {
        let by_rona = self.forced.map(|_| Cause::Rona);
        if self.is_on_call() {
            return (Effective::OnCall, None);
        }
        if self.reservations.iter().any(|held| held.ringing) {
            return (Effective::Ringing, Some(Cause::Reservation));
        }
        if !self.alerting.is_empty() {
            return (Effective::Ringing, Some(Cause::OwnCall));
        }
        if !self.reservations.is_empty() {
            return (Effective::Reserved, Some(Cause::Reservation));
        }
        if self.wrap_up.is_some() {
            return (Effective::WrapUp, Some(Cause::CallEnded));
        }
        match self.unavailable() {
            Some(Filter::Offline) if self.removed => (Effective::Offline, Some(Cause::Removed)),
            Some(Filter::Offline) => (Effective::Offline, by_rona.or(Some(self.chosen.cause))),
            Some(Filter::Unreachable) => (Effective::Unreachable, Some(self.lost_by)),
            Some(_) => (Effective::NotReady, by_rona.or(Some(self.chosen.cause))),
            None => (Effective::Ready, None),
        }
    }

    /// Whether the task is kept from them: not taken a moment ago, or claimed already.
    pub(crate) fn is_apart(&self, task: TaskId) -> bool {
        self.index.back_off.contains(&task) || self.reservations.iter().any(|h| h.task == task)
    }

    /// Nothing left to do for one who is configured no more.
    pub(crate) fn is_gone(&self) -> bool {
        self.removed
            && self.tasks.is_empty()
            && self.own.is_empty()
            && self.alerting.is_empty()
            && self.reservations.is_empty()
            && self.wrap_up.is_none()
    }
}
