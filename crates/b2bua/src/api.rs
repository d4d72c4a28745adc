//! What goes into the switch and what comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::act::{Act, Asker};
use crate::callback::Restored;
use crate::config::{Config, Level, Name};
use crate::event::{Event, Membership, Recorded, Utc};
use crate::hook::{HookAnswer, HookQuestion};
use crate::id::{CallKey, ParticipantId, PlayKey, RecordingKey, ReservationKey, TaskKey};
use crate::sound::{Audio, Making, Sounds};

/// Time since the node's epoch.
pub type Time = core::time::Duration;

/// What goes into the switch. All of it is plain data: a journal of inputs replays a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Input {
    /// From the network; only the variants about messages, flows and resolution.
    Sip(sip::Input),
    /// From a media thread.
    Media(media::Event),
    /// From whoever writes the recordings.
    Writing(Writing),
    /// From the API; answered by one [`Output::Reply`] with the same number.
    Command {
        /// To be given back.
        request: u64,
        /// The order.
        command: Command,
    },
    /// UTC at `now`: since the Unix epoch. Given at the start and whenever the wall clock jumps.
    Wall {
        /// Since the Unix epoch.
        since_unix: Time,
    },
    /// The local date, as a number that changes at midnight: days since the Unix epoch, say. Given at
    /// the start and whenever it is another one; what is counted by the day begins anew.
    Day(i32),
    /// A new configuration. Calls and places in queues are never touched by it.
    Configure(Box<Config>),
    /// All sounds that the media threads have: given at the start, and whenever that changes.
    Sounds(Box<Sounds>),
    /// The answer to an [`Output::Make`]. What has been made is with the media threads before.
    Made {
        /// From the output.
        token: u64,
        /// The bytes its samples take, or why there is none, for whoever asked.
        result: Result<u64, String>,
    },
    /// What the last process has left: given once, at the start.
    Restore(Box<Restored>),
    /// What a hook has answered to an [`Output::Ask`], or why it has not.
    Answered {
        /// From the output.
        token: u64,
        /// It.
        result: Result<HookAnswer, String>,
    },
    /// All events up to [`Output::Confirm`] with this token are on the disk.
    Stored {
        /// From the output.
        token: u64,
    },
    /// Take no new calls from now on (planned stop).
    Drain,
    /// End all calls now.
    Stop,
}

/// What is told by whoever writes the recordings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Writing {
    /// One cannot be written any more.
    Failed {
        /// Whose it is.
        call: CallKey,
        /// Which.
        recording: RecordingKey,
        /// `no space`, or what the system says.
        cause: Name,
    },
    /// Some of one never reached the disk; silence stands in its place.
    Gap {
        /// Whose it is.
        call: CallKey,
        /// Which.
        recording: RecordingKey,
        /// Where the last of it ends, from the beginning of the file.
        at_ms: u64,
        /// How much, since the last time it was told.
        lost_ms: u64,
    },
    /// Old ones were deleted.
    Expired {
        /// All that began before.
        before: Utc,
        /// How many there were.
        recordings: u64,
    },
}

/// What comes out.
#[derive(Debug, Clone)]
pub enum Output {
    /// Send one message.
    Transmit {
        /// Whereto.
        flow: sip::Flow,
        /// One whole message.
        bytes: Bytes,
    },
    /// See [`sip::Output::Resolve`].
    Resolve {
        /// To be given back.
        query: u64,
        /// A name or literal address.
        host: String,
        /// The port, where given.
        port: Option<u16>,
        /// The transport, where given.
        transport: Option<sip::Transport>,
        /// `sips:`.
        secure: bool,
    },
    /// For one media thread.
    Media {
        /// Its number.
        thread: u16,
        /// The order.
        command: media::Command,
    },
    /// Make a sound, give it to all media threads by this name, and then answer with
    /// [`Input::Made`]. Whoever waits for it waits [`crate::MAKE_WITHIN`] at most.
    Make {
        /// To be given back.
        token: u64,
        /// Its name, which begins with [`crate::MADE`].
        name: Name,
        /// What it is; a language is always given.
        making: Making,
    },
    /// What was made by this name is not needed any more: all media threads are to remove it.
    Forget {
        /// From [`Output::Make`].
        name: Name,
    },
    /// Ask a hook, and answer with [`Input::Answered`].
    Ask {
        /// To be given back.
        token: u64,
        /// What, and whom.
        question: Box<HookQuestion>,
    },
    /// Something happened.
    Event(Arc<Event>),
    /// [`Input::Stored`] is waited for, for a second at most.
    Confirm {
        /// To be given back.
        token: u64,
    },
    /// The answer to a command.
    Reply {
        /// From the input.
        request: u64,
        /// How it went.
        result: Result<Reply, Problem>,
    },
}

/// An order from the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// End a call.
    HangUp {
        /// Which.
        call: CallKey,
    },
    /// Click to dial: [`Reply::Dialled`].
    Dial(Box<Dial>),
    /// What goes by itself, from now on: what is `None` stays as it is.
    Switch {
        /// Of one queue; else of all of them together.
        queue: Option<Name>,
        /// Tasks go to operators by themselves.
        auto_connect: Option<bool>,
        /// New tasks are taken; of a queue only.
        open: Option<bool>,
    },
    /// Somebody is to be called back: [`Reply::Task`].
    AddTask(Box<NewTask>),
    /// Something about a task.
    ChangeTask {
        /// Which.
        task: TaskKey,
        /// What.
        change: TaskChange,
    },
    /// An operator joins, pauses or leaves queues.
    ChangeQueues {
        /// Who.
        operator: Name,
        /// Which, and what they are to it.
        queues: BTreeMap<Name, Membership>,
    },
    /// What an operator says to a task that is put before them.
    AnswerReservation {
        /// Which.
        reservation: ReservationKey,
        /// What they say.
        word: Word,
    },
    /// An operator is to have a task that waits.
    AssignTask {
        /// Which.
        task: TaskKey,
        /// Who.
        operator: Name,
    },
    /// Something about who takes part in a call.
    Conference {
        /// Which.
        call: CallKey,
        /// Who wants it.
        by: Asker,
        /// What.
        act: Act,
    },
    /// An operator's choice.
    Choose {
        /// Who.
        operator: Name,
        /// What.
        state: Choice,
    },
    /// End after-call work.
    EndWrapUp {
        /// Whose.
        operator: Name,
    },
    /// Prolong after-call work by its configured length.
    ExtendWrapUp {
        /// Whose.
        operator: Name,
    },
    /// Record a call, pause that, or stop it.
    Record {
        /// Which.
        call: CallKey,
        /// What holds from now on.
        state: Recorded,
        /// Who wants it.
        by: Name,
    },
    /// Note that somebody listens to a recording; the call may be over.
    RecordingPlayed {
        /// Whose.
        call: CallKey,
        /// Who.
        by: Name,
    },
    /// Note that a recording was deleted; the call is over.
    RecordingErased {
        /// Whose.
        call: CallKey,
        /// Who wanted it.
        by: Name,
    },
    /// Why a task went where it went.
    ExplainTask {
        /// Which.
        task: TaskKey,
    },
    /// Why an operator is idle.
    ExplainOperator {
        /// Who.
        operator: Name,
    },
}

impl Command {
    /// What it lets somebody hear. A sound that has to be made for it is made first; until then the
    /// order waits, and nothing changes.
    #[must_use]
    pub fn audio(&self) -> Option<Audible<'_>> {
        match self {
            Self::Conference { call, act, .. } => {
                let (audio, field) = act.audio()?;
                Some(Audible { audio, call: *call, field })
            }
            Self::HangUp { .. }
            | Self::Dial(_)
            | Self::AddTask(_)
            | Self::ChangeTask { .. }
            | Self::AssignTask { .. }
            | Self::AnswerReservation { .. }
            | Self::ChangeQueues { .. }
            | Self::Switch { .. }
            | Self::Choose { .. }
            | Self::EndWrapUp { .. }
            | Self::ExtendWrapUp { .. }
            | Self::ExplainTask { .. }
            | Self::ExplainOperator { .. }
            | Self::Record { .. }
            | Self::RecordingPlayed { .. }
            | Self::RecordingErased { .. } => None,
        }
    }
}

/// A customer who is to be called back. Times since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTask {
    /// In which queue.
    pub queue: Name,
    /// Their number, as it is dialled.
    pub number: Name,
    /// Their name.
    pub name: Option<String>,
    /// Over which trunk; that of the queue if none.
    pub trunk: Option<Name>,
    /// What is known of them.
    pub context: BTreeMap<String, String>,
    /// Head start; that of the queue if none.
    pub priority_s: Option<u32>,
    /// The time that orders it; now if none.
    pub virtual_start: Option<Time>,
    /// Not before that.
    pub not_before: Option<Time>,
    /// Nobody is called from then on; as the queue has it if none.
    pub expires: Option<Time>,
    /// The call that it comes of.
    pub predecessor: Option<CallKey>,
}

/// What an operator says, by order, to a task that is put before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Word {
    /// They take it.
    Accepted,
    /// They do not: as if their phone had refused.
    Rejected,
}

/// What is to become of a task by order: all of it, or nothing where any of it cannot be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskChange {
    /// Another head start, seconds.
    pub priority_s: Option<u32>,
    /// What happens to it then.
    pub step: Option<TaskStep>,
}

/// What may happen to a task by order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStep {
    /// One that is kept back, or put off, may be given to somebody now.
    Release,
    /// Its operator is done with it: with the wrap-up, or with a customer who was brought to them at a
    /// number outside.
    Complete,
    /// It is taken off the list.
    Withdraw,
}

impl From<TaskStep> for TaskChange {
    fn from(step: TaskStep) -> Self {
        Self { priority_s: None, step: Some(step) }
    }
}

/// A call that is made for an operator: they are rung first, and whom they call when they have
/// answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dial {
    /// Who calls. Their dial policy holds.
    pub operator: Name,
    /// Whom: a number as they would dial it, or a SIP URI.
    pub to: Name,
    /// Over this trunk, the number as it stands.
    pub trunk: Option<Name>,
    /// Header fields of the INVITE to whom they call, as somebody wrote them.
    pub headers: Vec<(String, String)>,
    /// The call's context.
    pub context: BTreeMap<String, String>,
}

/// What an order lets somebody hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audible<'a> {
    /// What.
    pub audio: &'a Audio,
    /// In which call.
    pub call: CallKey,
    /// By which field of the API.
    pub field: &'static str,
}

/// What a person may choose to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Take work.
    Ready,
    /// Take none.
    NotReady {
        /// In their words, at most 64 characters.
        reason: Option<Name>,
    },
    /// Signed out.
    Offline,
}

impl From<Choice> for acd::Choice {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Ready => Self::Ready,
            Choice::NotReady { reason } => Self::NotReady { reason },
            Choice::Offline => Self::Offline,
        }
    }
}

/// What a command that went well brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Nothing but that.
    Done,
    /// A task is made.
    Task(TaskKey),
    /// Who is rung, or has been changed.
    Participants(Vec<ParticipantId>),
    /// A call is made.
    Dialled {
        /// Which.
        call: CallKey,
        /// The operator's phones, which ring.
        participants: Vec<ParticipantId>,
    },
    /// Somebody is asked for help.
    Help {
        /// The part of those two: what takes the customer back, and the call that goes on when the
        /// customer leaves.
        help: CallKey,
        /// The call of the customer.
        call: CallKey,
        /// Who is rung, one for each phone; nobody yet where a queue is asked.
        participants: Vec<ParticipantId>,
    },
    /// Something is played, to these.
    Playing {
        /// What its end is told by.
        play: PlayKey,
        /// Who hears it.
        participants: Vec<ParticipantId>,
    },
    /// An explanation, oldest decision first.
    Decisions(Vec<Explanation>),
    /// The same of an operator, and what keeps them from the tasks that wait.
    Idle(Idle, Vec<Explanation>),
}

/// Why an operator has nothing to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Idle {
    /// What keeps them from calls at all.
    pub filter: Option<&'static str>,
    /// Tasks waiting in their queues.
    pub waiting: u32,
    /// Of these, those that they did not take a moment ago.
    pub backed_off: Vec<TaskKey>,
    /// Of these, those that ask for a skill they lack, by queue.
    pub lacking: Vec<Lacking>,
    /// Of these, meant for somebody else.
    pub meant: u32,
    /// Of these, waiting to be picked.
    pub by_hand: u32,
    /// Of these, ringing somebody already.
    pub ringing: u32,
}

/// Tasks that ask for what an operator lacks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lacking {
    /// Where.
    pub queue: Name,
    /// How many.
    pub tasks: u32,
    /// What is missing.
    pub skill: Name,
    /// What they have of it.
    pub level: u32,
    /// What is asked for.
    pub asked: u32,
}

/// A decision of the distributor's, with names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// When.
    pub at: Utc,
    /// The task decided on.
    pub task: Option<TaskKey>,
    /// Its queue.
    pub queue: Name,
    /// What ordered those who were eligible.
    pub strategy: &'static str,
    /// What an operator had to have.
    pub demand: Vec<Level>,
    /// Whom the task was meant for.
    pub wanted: Option<Name>,
    /// Who got it, if anybody.
    pub chosen: Option<Name>,
    /// Why nobody was looked for: what of automatic connection is off, or `hold`.
    pub kept: Option<&'static str>,
    /// Who was considered.
    pub considered: Vec<Considered>,
    /// Excluded operators per filter, also those not listed one by one.
    pub excluded: Vec<(String, usize)>,
}

/// What was found about one operator.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Considered {
    /// Who.
    pub operator: Name,
    /// In words.
    pub verdict: String,
    /// Eligible: the score, and the unit it is in.
    pub score: Option<(u64, &'static str)>,
    /// Not eligible: the filter.
    pub filter: Option<&'static str>,
    /// That filter being `skill`: which, what they have of it and what is asked for.
    pub lacks: Option<(Name, u32, u32)>,
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// 404.
    #[error("no such {what}: {name}")]
    NotFound {
        /// `call`, `operator`, `participant`, `queue`, `task`.
        what: &'static str,
        /// As asked.
        name: String,
    },
    /// 403.
    #[error("{0}")]
    Forbidden(String),
    /// 409.
    #[error("{0}")]
    Conflict(String),
    /// 422.
    #[error("{0}")]
    Invalid(String),
    /// 503.
    #[error("{0}")]
    Busy(String),
    /// 422, and which field of the order it is about.
    #[error("{field}: {what}")]
    Field {
        /// By its name in the API.
        field: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl Problem {
    /// What is invalid, as that of one field of the order.
    pub(crate) fn of(self, field: &'static str) -> Self {
        match self {
            Self::Invalid(what) => Self::Field { field, what },
            other => other,
        }
    }

    /// The same of a field that is within another.
    pub(crate) fn in_field(self, field: &'static str) -> Self {
        match self {
            Self::Field { what, .. } | Self::Invalid(what) => Self::Field { field, what },
            other => other,
        }
    }
}

/// How much of everything is alive: for metrics, and for the check that nothing leaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls.
    pub calls: usize,
    /// Legs known to the switch.
    pub legs: usize,
    /// Legs known to the endpoint.
    pub sip_legs: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// Port pairs leased.
    pub ports: usize,
    /// Tasks the distributor knows.
    pub tasks: usize,
    /// Reservations that are open.
    pub reservations: usize,
    /// Timers of the switch itself, and legs whose last figures are waited for.
    pub timers: usize,
}
