//! What goes in and what comes out.
use crate::config::Config;
use crate::explain::DecisionRecord;
use crate::ids::{Kind, OperatorId, QueueId, ReservationId, TaskId, Time, Utc, WorkId};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the owner tells the machine. An input about something that is no more (they cross on the
/// way) is ignored, but for [`Input::Accepted`], which is answered by [`Output::TooLate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The first configuration, or a reload: tasks, reservations and calls stay as they are.
    Configure(Config),
    /// The local date, as a number that changes at midnight. What is counted by the day begins anew
    /// when it is another one.
    Day(i32),
    /// The operator's phone signed them in: ready, unless they chose another state before, offline
    /// included, or did not answer. [`Input::Choose`] is what a person says.
    SignIn {
        /// Who.
        operator: OperatorId,
    },
    /// The operator's phone signed them out; it may sign them in again, unless they had chosen
    /// offline already. A call goes on.
    SignOut {
        /// Who.
        operator: OperatorId,
    },
    /// Whether a live registration exists.
    Reachable {
        /// Who.
        operator: OperatorId,
        /// True from the first registration to the loss of the last.
        reachable: bool,
    },
    /// They have live registrations, and nobody answers at any of them: as unreachable, for another
    /// cause. [`Input::Reachable`] when one does again.
    Silent {
        /// Who.
        operator: OperatorId,
    },
    /// The operator chose a state; during a call it takes effect after it.
    Choose {
        /// Who.
        operator: OperatorId,
        /// What.
        choice: Choice,
    },
    /// The operator's phone rings for a call that is not from here: [`Effective::Ringing`], and
    /// work like that call's for their limits. [`Input::Occupy`] with the same work when they
    /// answer, [`Input::Vacate`] when they do not.
    Alert {
        /// Who.
        operator: OperatorId,
        /// Which work.
        work: WorkId,
    },
    /// The operator began a call that is not from here, or answered it.
    Occupy {
        /// Who.
        operator: OperatorId,
        /// Which work.
        work: WorkId,
    },
    /// That call ended, or rings no more.
    Vacate {
        /// Who.
        operator: OperatorId,
        /// Which work.
        work: WorkId,
    },
    /// The operator is done with wrap-up.
    EndWrapUp {
        /// Who.
        operator: OperatorId,
    },
    /// Wrap-up lasts longer.
    ExtendWrapUp {
        /// Who.
        operator: OperatorId,
        /// By how many milliseconds.
        ms: u64,
    },
    /// A new task. One whose id lives already is ignored.
    Enqueue(Enqueue),
    /// The task ends: its caller is gone, or it goes elsewhere. An operator who has answered for it wraps
    /// up.
    Withdraw {
        /// Which.
        task: TaskId,
        /// Why.
        cause: Withdrawal,
    },
    /// The task goes back to its place in the queue; an operator who had it goes to wrap-up.
    Requeue {
        /// Which.
        task: TaskId,
    },
    /// The task is to be looked at again then, and not before: it leaves the queue, and an operator
    /// who had it goes to wrap-up.
    Defer {
        /// Which.
        task: TaskId,
        /// When it joins its queue again.
        until: Time,
    },
    /// A task that waits on hold, or till a later time, may be given to somebody from now on.
    Release {
        /// Which.
        task: TaskId,
    },
    /// The task has another head start.
    Prioritise {
        /// Which.
        task: TaskId,
        /// Seconds.
        priority_s: u32,
    },
    /// The task waits, and this operator is to have it if [`crate::Acd::may_take`] says so: they are
    /// asked as by the queue, whether they serve it or not, and whether or not tasks are connected by
    /// themselves. If they do not take it that is not held against them, and it waits as before.
    Assign {
        /// Which.
        task: TaskId,
        /// To whom.
        operator: OperatorId,
    },
    /// The booking that [`Output::Book`] asked for is made.
    Booked(ReservationId),
    /// The booking was refused.
    Refused(ReservationId, Refusal),
    /// A phone of the operator's rings.
    Ringing(ReservationId),
    /// The operator answered.
    Accepted(ReservationId),
    /// The operator did not.
    Rejected(ReservationId, Rejection),
    /// An operator has answered for a task that waits, at a phone that was not rung for it: it is
    /// theirs, if [`crate::Acd::may_take`] says so, and nobody else is rung for it any more.
    Taken {
        /// Which.
        task: TaskId,
        /// Who.
        operator: OperatorId,
    },
    /// Customer and operator hear each other.
    Connected {
        /// Which.
        task: TaskId,
    },
    /// The operator's part is over: wrap-up, then ready or what they chose.
    Completed {
        /// Which.
        task: TaskId,
    },
    /// The operator's leg was lost: back to the queue at the task's virtual start, no wrap-up.
    Lost {
        /// Which.
        task: TaskId,
        /// Before everybody who is not ahead as well.
        ahead: bool,
    },
    /// The operator's part is over and the task goes to another one, past the queue: wrap-up for
    /// the one, who need not be asked, the task for the other, who has answered already.
    Handed {
        /// Which.
        task: TaskId,
        /// To whom; to nobody yet, as long as their phone rings.
        to: Option<OperatorId>,
    },
}

/// A new task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enqueue {
    /// Its id.
    pub task: TaskId,
    /// Where to.
    pub queue: QueueId,
    /// What it is.
    pub kind: Kind,
    /// The time that orders it.
    pub virtual_start: Utc,
    /// Head start, seconds: as if it had come that much earlier.
    pub priority_s: u32,
    /// Meant for one operator.
    pub wanted: Option<Wanted>,
    /// Off: waits to be picked.
    pub auto_connect: bool,
    /// It has its place, and is given to nobody yet.
    pub hold: Option<Hold>,
    /// It joins the queue then, and not before.
    pub not_before: Option<Time>,
    /// Before the operator's phone rings the owner does something that takes so long at most: that is
    /// added to how long they are rung, until it rings.
    pub lead_ms: u64,
    /// Join although the queue is full, closed or empty: the owner keeps waiting on a limit.
    pub despite_limits: bool,
}

impl Enqueue {
    /// A call with no wishes.
    #[must_use]
    pub const fn call(task: TaskId, queue: QueueId, virtual_start: Utc) -> Self {
        Self {
            task,
            queue,
            kind: Kind::Call,
            virtual_start,
            priority_s: 0,
            wanted: None,
            auto_connect: true,
            hold: None,
            not_before: None,
            lead_ms: 0,
            despite_limits: false,
        }
    }
}

/// How long a task is kept back that has its place already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// For so many milliseconds, or till [`Input::Release`].
    For(u64),
    /// Till [`Input::Release`].
    Released,
}

/// A task that is meant for one operator, who need not serve its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Who.
    pub operator: OperatorId,
    /// After so many milliseconds in the queue anybody may have it; `None` is never.
    pub for_ms: Option<u64>,
    /// They served this caller before, and it is the queue that wants them: nobody waits for one who
    /// does not serve it any more or is not ready, be it behind a call. It is an offer of the queue's
    /// like any other, and if they do not take it, anybody may have it at once.
    pub sticky: bool,
}

/// What a person chooses to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Wants work.
    Ready,
    /// Signed in, wants no work.
    NotReady {
        /// Why, in words of the site's own.
        reason: Option<Arc<str>>,
    },
    /// Signed out.
    Offline,
}

/// What holds for an operator now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Effective {
    /// Signed out.
    Offline,
    /// Signed in, but no phone.
    Unreachable,
    /// Signed in, wants no work or is given none.
    NotReady,
    /// Can be given work.
    Ready,
    /// A task has a claim on them, nothing rings yet.
    Reserved,
    /// Their phone rings.
    Ringing,
    /// Talking, or on a call of their own.
    OnCall,
    /// Work after a call.
    WrapUp,
}

/// Why a state is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// It has been so since the operator was configured.
    Configured,
    /// They are configured no more.
    Removed,
    /// They signed in.
    SignedIn,
    /// They signed out.
    SignedOut,
    /// They chose it.
    Chosen,
    /// They did not answer.
    Rona,
    /// A phone registered.
    Registered,
    /// The last registration was lost.
    RegistrationLost,
    /// Their phones are registered, and do not answer.
    NoAnswer,
    /// A task was reserved for them.
    Reservation,
    /// A reservation ended without an answer of theirs.
    ReservationEnded,
    /// They answered.
    Answered,
    /// A call that is not from here.
    OwnCall,
    /// A call ended.
    CallEnded,
    /// Their leg was lost.
    LegLost,
    /// Wrap-up ended by time or by hand.
    WrapUpEnded,
}

/// A state, why and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since<T> {
    /// The state.
    pub state: T,
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: Time,
}

/// Why a task was withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Withdrawal {
    /// The caller hung up.
    Abandoned,
    /// It waited long enough.
    Expired,
    /// It goes on as another task, or elsewhere.
    Moved,
    /// A limit sent it to another destination.
    Overflowed,
    /// It cannot be served.
    Failed,
    /// Somebody took it off the list.
    Removed,
}

/// Why a booking was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// Another node was first.
    Taken,
    /// The place where bookings are made does not answer.
    Unavailable,
}

/// Why a phone did not take the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rejection {
    /// 486, 600.
    Busy,
    /// 603 and other refusals by a person.
    Declined,
    /// No binding, 408, 480, a dead flow.
    Unreachable,
    /// Everything else.
    Error,
    /// We had nothing to ring with: no port, no room. The pair is kept apart for a while, and
    /// nothing is held against the operator, whose phone did not ring.
    Ours,
}

/// Why the machine takes a reservation back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rescission {
    /// Rung for long enough.
    Timeout,
    /// No answer to [`Output::Book`] in time.
    BookingTimeout,
    /// The task was withdrawn or sent back.
    TaskGone,
    /// Another operator answered first.
    AnsweredElsewhere,
    /// The operator lost their registration.
    Unreachable,
    /// The operator chose not to be ready.
    NotReady,
    /// The operator began a call of their own.
    Occupied,
}

/// How a reservation ended; each does, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum End {
    /// The operator has the task.
    Accepted,
    /// The booking was refused.
    Refused(Refusal),
    /// The operator's phones did not take it.
    Rejected(Rejection),
    /// The machine took it back.
    Rescinded(Rescission),
}

/// Told once per task and reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LimitReason {
    /// Nobody is free; the task waits.
    NoFreeOperator,
    /// Nobody who serves the queue is signed in; waits if it may join an empty queue.
    NobodySignedIn,
    /// Every place is taken; refused.
    QueueFull,
    /// It has waited long; goes on waiting until the owner withdraws it.
    MaxWait,
    /// The queue is closed or unknown; refused.
    Closed,
}

/// How a task ended; each does, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Served, wrap-up included.
    Completed {
        /// By whom.
        operator: OperatorId,
    },
    /// Withdrawn by the owner.
    Withdrawn(Withdrawal),
    /// Never joined the queue.
    Refused(LimitReason),
}

/// What the machine tells the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Book the operator; answer [`Input::Booked`] or [`Input::Refused`].
    Book {
        /// The claim.
        reservation: ReservationId,
        /// The incarnation of this machine, for whoever keeps bookings of several.
        epoch: u64,
        /// For what.
        task: TaskId,
        /// On whom.
        operator: OperatorId,
    },
    /// Ring every binding of the operator's.
    Ring {
        /// The claim.
        reservation: ReservationId,
        /// For what.
        task: TaskId,
        /// Whom.
        operator: OperatorId,
        /// When the machine will rescind by itself.
        until: Time,
    },
    /// Stop ringing and give the booking back. Never follows an end that the owner reported.
    Rescind {
        /// The claim.
        reservation: ReservationId,
        /// For what.
        task: TaskId,
        /// Whom.
        operator: OperatorId,
        /// Why.
        cause: Rescission,
    },
    /// A reservation ended, in whatever way; once each.
    Resolved {
        /// The claim.
        reservation: ReservationId,
        /// For what.
        task: TaskId,
        /// Whom.
        operator: OperatorId,
        /// How.
        end: End,
    },
    /// An answer came for a reservation that is no more: end that leg.
    TooLate {
        /// Which.
        reservation: ReservationId,
    },
    /// An operator's chosen or effective state changed.
    Operator {
        /// Who.
        operator: OperatorId,
        /// What holds.
        effective: Since<Effective>,
        /// What they chose.
        chosen: Since<Choice>,
    },
    /// A task took its place, for the first time or again.
    Queued {
        /// Which.
        task: TaskId,
        /// Where.
        queue: QueueId,
        /// From 1.
        position: u32,
    },
    /// A task that was on hold may be given to somebody from now on.
    Released {
        /// Which.
        task: TaskId,
    },
    /// A task moved: the first [`crate::PLACES_TOLD`] places of a queue, at most once in
    /// [`crate::POSITIONS_EVERY`].
    Position {
        /// Which.
        task: TaskId,
        /// From 1.
        position: u32,
    },
    /// The operator has the task.
    Assigned {
        /// Which.
        task: TaskId,
        /// By which claim.
        reservation: ReservationId,
        /// Who.
        operator: OperatorId,
        /// How long it waited, since it joined the queue or came back to it.
        waited: Duration,
    },
    /// The operator is in wrap-up; told again when it is extended.
    Wrapping {
        /// Of what.
        task: TaskId,
        /// Who.
        operator: OperatorId,
        /// Till when.
        until: Time,
    },
    /// A limit was reached.
    Limit {
        /// By whom.
        task: TaskId,
        /// Where.
        queue: QueueId,
        /// Which.
        reason: LimitReason,
    },
    /// Why a task went where it went, or nowhere.
    Decision(DecisionRecord),
    /// The task is no more.
    Done {
        /// Which.
        task: TaskId,
        /// How it ended.
        outcome: Outcome,
    },
}
