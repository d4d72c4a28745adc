//! `usher ctl tasks …`.

use clap::Subcommand;
use serde_json::json;

use super::{Request, TASKS};
use crate::cli::http::{Verb, segment};

#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// All of them.
    List,
    /// Those that ended without an operator, the last ones.
    Unserved,
    /// Everything known of one.
    Show {
        /// Which.
        id: String,
    },
    /// Somebody is to be called back.
    Add {
        /// By whose operators.
        queue: String,
        /// Their number, as it is dialled.
        number: String,
        /// Their name.
        #[arg(long)]
        name: Option<String>,
        /// Not before, RFC 3339.
        #[arg(long)]
        not_before: Option<String>,
        /// Head start, seconds.
        #[arg(long)]
        priority_s: Option<u32>,
    },
    /// One that is kept back or put off may be given to somebody now.
    Release {
        /// Which.
        id: String,
    },
    /// One whose operator is done with it: with the wrap-up, or with a customer who was brought to them
    /// at a number outside.
    Complete {
        /// Which.
        id: String,
    },
    /// Another head start for one.
    Priority {
        /// Which.
        id: String,
        /// Seconds.
        seconds: u32,
    },
    /// One that ended without an operator: the customer is called back.
    Callback {
        /// Which.
        id: String,
    },
    /// Give one that waits to an operator.
    Assign {
        /// Which.
        id: String,
        /// Whom.
        operator: String,
    },
    /// Take one off the list: a caller's call ends, a customer is not called back.
    Withdraw {
        /// Which.
        id: String,
    },
}

impl Act {
    pub(super) fn request(&self) -> Request {
        let path = |id: &str| format!("/tasks/{}", segment(id));
        match self {
            Self::List => Request::List("/tasks", TASKS),
            Self::Unserved => Request::List("/tasks?state=unserved", TASKS),
            Self::Show { id } => Request::Show(path(id)),
            Self::Add { queue, number, name, not_before, priority_s } => {
                let mut body = json!({ "queue": queue, "number": number });
                let more = [
                    ("name", name.as_ref().map(|name| json!(name))),
                    ("not_before", not_before.as_ref().map(|at| json!(at))),
                    ("priority_s", priority_s.map(|seconds| json!(seconds))),
                ];
                for (field, value) in more {
                    if let Some(value) = value {
                        body[field] = value;
                    }
                }
                Request::People(Verb::Post, "/tasks".into(), body)
            }
            Self::Release { id } => Request::Set(path(id), json!({ "state": "release" }), TASKS),
            Self::Complete { id } => Request::Set(path(id), json!({ "state": "complete" }), TASKS),
            Self::Priority { id, seconds } => {
                Request::Set(path(id), json!({ "priority_s": seconds }), TASKS)
            }
            Self::Callback { id } => Request::Set(path(id), json!({ "state": "callback" }), TASKS),
            Self::Assign { id, operator } => {
                let path = format!("{}/assign", path(id));
                Request::People(Verb::Post, path, json!({ "operator": operator }))
            }
            Self::Withdraw { id } => Request::Hangup(path(id)),
        }
    }
}
