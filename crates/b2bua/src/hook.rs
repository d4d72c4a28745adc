//! Hooks: somebody outside is asked where a call goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Go, Name};
use crate::event::Kind;
use crate::id::CallKey;

/// What is asked. As JSON it is the body of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HookQuestion {
    /// Which hook.
    pub hook: Name,
    /// Where it is.
    #[serde(skip)]
    pub url: Name,
    /// How long an answer is waited for, milliseconds.
    #[serde(skip)]
    pub deadline_ms: u64,
    /// The call.
    pub call: CallKey,
    /// Whence it came.
    pub kind: Kind,
    /// Who calls.
    pub from: Name,
    /// Their name.
    pub name: Option<String>,
    /// What they dialled.
    pub to: Name,
    /// The trunk they came by.
    pub trunk: Option<Name>,
    /// What is known of it.
    pub context: BTreeMap<String, String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookAnswer {
    /// Where the call goes; not to a hook.
    pub go: Go,
    /// What is known of it from now on, besides.
    pub context: BTreeMap<String, String>,
}
