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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing<'a> {
    /// Who.
    #[serde(borrow, rename = "o")]
    pub(crate) operator: Text<'a>,
    /// What holds, as `operator.state` says it.
    #[serde(borrow, rename = "e")]
    pub(crate) effective: Text<'a>,
    /// What they chose.
    #[serde(borrow, rename = "c")]
    pub(crate) chosen: Text<'a>,
    /// Why.
    #[serde(borrow, default, rename = "r", skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Text<'a>>,
}

/// One thing that counts. Its words are on disk: they stay what they are, and new ones come last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fact<'a> {
    /// A task takes its place in a queue, for the first time or again.
    #[serde(rename = "q")]
    Queued {
        t: u64,
        c: u64,
        #[serde(borrow)]
        q: Text<'a>,
        p: u64,
    },
    /// It is put before an operator.
    #[serde(rename = "o")]
    Offered {
        t: u64,
        r: u64,
        #[serde(borrow)]
        q: Text<'a>,
        #[serde(borrow)]
        o: Text<'a>,
    },
    /// That is over: `accepted`, `timeout`, `rejected`, `ours`, `task-gone`, `other`.
    #[serde(rename = "x")]
    OfferEnded {
        r: u64,
        #[serde(borrow)]
        o: Text<'a>,
        #[serde(borrow)]
        how: Text<'a>,
    },
    /// An operator has it.
    #[serde(rename = "a")]
    Assigned {
        t: u64,
        #[serde(borrow)]
        q: Text<'a>,
        #[serde(borrow)]
        o: Text<'a>,
        w: u64,
    },
    /// They talk no more.
    #[serde(rename = "w")]
    Wrapping {
        t: u64,
        #[serde(borrow)]
        o: Text<'a>,
    },
    /// It is done: milliseconds of talk with hold, of hold, of wrap-up.
    #[serde(rename = "d")]
    Completed {
        t: u64,
        #[serde(borrow)]
        q: Text<'a>,
        #[serde(borrow)]
        o: Text<'a>,
        m: (u64, u64, u64),
    },
    /// It ended without an operator: `abandoned`, `expired`, `overflowed`, `failed`, `withdrawn`,
    /// or `refused` before it had a place; how long it waited, where that is told.
    #[serde(rename = "u")]
    Unserved {
        t: u64,
        #[serde(borrow)]
        q: Text<'a>,
        #[serde(borrow)]
        how: Text<'a>,
        w: Option<u64>,
    },
    /// Whoever served it has handed it on; blind or not, and to whom.
    #[serde(rename = "t")]
    Transferred {
        t: u64,
        #[serde(borrow)]
        q: Text<'a>,
        b: bool,
        #[serde(borrow)]
        to: Text<'a>,
    },
    /// An operator stands otherwise.
    #[serde(rename = "s")]
    State(#[serde(borrow)] Standing<'a>),
    /// The process begins; the one before ended then, with so many tasks waiting by queue.
    #[serde(rename = "b")]
    Began(#[serde(borrow)] Vec<(Text<'a>, u64)>),
}
