//! What reports are made of, kept for good: of the events that count what counts of them, in the
//! order they came in. All that reports, and the queue log, say is a fold of these and of nothing
//! else.
//!
//! A row for each batch that had any, written by the writer in the batch's transaction: a line each,
//! its milliseconds after the row's first, a space, its JSON. The first row of an hour, and of a run,
//! also says how every operator stood before it, so that whoever asks for a range reads no more than
//! an hour from before it. There is no other index: a line costs the writer its text.

mod read;
mod write;

use std::borrow::Cow;

use b2bua::CallbackEnd;
use b2bua::event;
use serde::{Deserialize, Serialize};

pub(crate) use read::{Chunks, LOOK_BACK_MS, Row};
#[cfg(test)]
pub(crate) use read::{END, READ, START};
pub(crate) use write::{History, began};

/// The table, and where an hour begins in it.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE history (
        row INTEGER PRIMARY KEY,
        first_ms INTEGER NOT NULL,
        standing TEXT,
        body TEXT NOT NULL
    );
    CREATE INDEX history_standing ON history (first_ms) WHERE standing IS NOT NULL;
";

/// Milliseconds between two rows that say how everybody stood.
pub(crate) const STANDING_EVERY_MS: i64 = 3_600_000;

pub(crate) type Text<'a> = Cow<'a, str>;

/// How an operator stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Signed out.
    #[serde(rename = "o")]
    Offline,
    /// Signed in, and no phone.
    #[serde(rename = "u")]
    Unreachable,
    /// By choice, or for not answering.
    #[serde(rename = "n")]
    NotReady,
    /// Nothing comes.
    #[serde(rename = "r")]
    Ready,
    /// Reserved or ringing.
    #[serde(rename = "i")]
    Ringing,
    /// Theirs or a queue's.
    #[serde(rename = "c")]
    OnCall,
    /// After a call.
    #[serde(rename = "w")]
    WrapUp,
}

/// An operator, and how they stand; the reason, maybe empty, where they chose not to be ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing<'a>(
    #[serde(borrow)] pub(crate) Text<'a>,
    pub(crate) State,
    #[serde(borrow)] pub(crate) Option<Text<'a>>,
);

/// How an offer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OfferEnd {
    /// Answered.
    #[serde(rename = "a")]
    Accepted,
    /// Not answered in time.
    #[serde(rename = "t")]
    Timeout,
    /// Busy, declined, not to be reached.
    #[serde(rename = "r")]
    Rejected,
    /// The caller was gone.
    #[serde(rename = "g")]
    CallerGone,
    /// Taken back for another reason.
    #[serde(rename = "o")]
    TakenBack,
}

/// How a task ended that nobody served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Left {
    /// The caller hung up.
    #[serde(rename = "a")]
    Abandoned,
    /// It waited for as long as is allowed.
    #[serde(rename = "e")]
    Expired,
    /// A limit sent it elsewhere.
    #[serde(rename = "o")]
    Overflowed,
    /// It could not be served.
    #[serde(rename = "f")]
    Failed,
    /// It went elsewhere, or was taken off.
    #[serde(rename = "w")]
    Withdrawn,
    /// It never had a place.
    #[serde(rename = "r")]
    Refused,
}

/// What a task is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    #[default]
    #[serde(rename = "c")]
    Call,
    #[serde(rename = "b")]
    Callback,
    #[serde(rename = "d")]
    Dialog,
}

/// What it takes of its operator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Channel {
    #[default]
    #[serde(rename = "v")]
    Voice,
    #[serde(rename = "d")]
    Dialog,
}

/// What kind of work a task is. Of a call, by voice, nothing is written, nor was of anything before
/// there were others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Work(pub(crate) Kind, pub(crate) Channel);

impl Work {
    fn is_call(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn is_callback(self) -> bool {
        self.0 == Kind::Callback
    }
}

impl From<event::Work> for Work {
    fn from(work: event::Work) -> Self {
        let kind = match work.kind {
            event::TaskKind::Call => Kind::Call,
            event::TaskKind::Callback => Kind::Callback,
            event::TaskKind::Dialog => Kind::Dialog,
        };
        let channel = match work.channel {
            event::Channel::Voice => Channel::Voice,
            event::Channel::Dialog => Channel::Dialog,
        };
        Self(kind, channel)
    }
}

/// How a callback ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Called {
    /// The customer talked with an operator, or was on the line for one.
    #[serde(rename = "r")]
    Reached,
    /// They were called as often as the queue says.
    #[serde(rename = "f")]
    Failed,
    /// It was not done in time.
    #[serde(rename = "e")]
    Expired,
    /// They have called themselves.
    #[serde(rename = "m")]
    Merged,
    /// By order.
    #[serde(rename = "w")]
    Withdrawn,
    /// It was never promised.
    #[serde(rename = "l")]
    Lost,
}

impl From<CallbackEnd> for Called {
    fn from(end: CallbackEnd) -> Self {
        match end {
            CallbackEnd::Reached => Self::Reached,
            CallbackEnd::Failed => Self::Failed,
            CallbackEnd::Expired => Self::Expired,
            CallbackEnd::Merged => Self::Merged,
            CallbackEnd::Withdrawn => Self::Withdrawn,
            CallbackEnd::Lost => Self::Lost,
        }
    }
}

/// One thing that counts. Its letters are on disk: they stay what they are. A task, a call and a
/// reservation are their numbers, times are milliseconds. What is last may be missing: see [`Work`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fact<'a> {
    /// A task of a call takes its place in a queue, for the first time or again: which place.
    #[serde(rename = "q")]
    Queued(
        u64,
        u64,
        #[serde(borrow)] Text<'a>,
        u64,
        #[serde(default, skip_serializing_if = "Work::is_call")] Work,
    ),
    /// A task by a reservation, of a queue, is put before an operator.
    #[serde(rename = "o")]
    Offered(u64, u64, #[serde(borrow)] Text<'a>, #[serde(borrow)] Text<'a>),
    /// The reservation, whose, and how it ended.
    #[serde(rename = "x")]
    OfferEnded(u64, #[serde(borrow)] Text<'a>, OfferEnd),
    /// A task of a queue is an operator's, after so long a wait.
    #[serde(rename = "a")]
    Assigned(
        u64,
        #[serde(borrow)] Text<'a>,
        #[serde(borrow)] Text<'a>,
        u64,
        #[serde(default, skip_serializing_if = "Work::is_call")] Work,
    ),
    /// The talk of a task is over, whose it was.
    #[serde(rename = "w")]
    Wrapping(u64, #[serde(borrow)] Text<'a>),
    /// A task of a queue is done, whose it was; talk with hold, hold, wrap-up.
    #[serde(rename = "d")]
    Completed(
        u64,
        #[serde(borrow)] Text<'a>,
        #[serde(borrow)] Text<'a>,
        u64,
        u64,
        u64,
        #[serde(default, skip_serializing_if = "Work::is_call")] Work,
    ),
    /// A task of a queue ended without an operator; how long it waited, where that is told.
    #[serde(rename = "u")]
    Unserved(
        u64,
        #[serde(borrow)] Text<'a>,
        Left,
        Option<u64>,
        #[serde(default, skip_serializing_if = "Work::is_call")] Work,
    ),
    /// Whoever served a task of a queue has handed it on; blind or not, and to whom.
    #[serde(rename = "t")]
    Transferred(
        u64,
        #[serde(borrow)] Text<'a>,
        bool,
        #[serde(borrow)] Text<'a>,
        #[serde(default, skip_serializing_if = "Work::is_call")] Work,
    ),
    /// A task of a queue came to be: somebody is to be called back.
    #[serde(rename = "c")]
    Promised(u64, #[serde(borrow)] Text<'a>),
    /// That is over.
    #[serde(rename = "k")]
    Called(u64, #[serde(borrow)] Text<'a>, Called),
    /// An operator stands otherwise.
    #[serde(rename = "s")]
    Stands(#[serde(borrow)] Text<'a>, State),
    /// The same of one who chose not to be ready, and why.
    #[serde(rename = "p")]
    Pauses(#[serde(borrow)] Text<'a>, State, #[serde(borrow)] Text<'a>),
    /// The process begins; the one before ended then, with so many tasks waiting by queue.
    #[serde(rename = "b")]
    Began(#[serde(borrow)] Vec<(Text<'a>, u64)>),
}
