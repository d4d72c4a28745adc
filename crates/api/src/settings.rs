//! What the API is told by the runtime.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use b2bua::config::{Config, Name, Notify, Rank};

use crate::ports::Sounds;
use crate::sessions::Secret;

/// What a bearer of a token may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read what is live; act as the operator whose id is the token's name, end their calls, and
    /// change who takes part in them.
    Operator,
    /// Act for any operator, end any call, read records and the stored events; watch and change the
    /// calls of the queues they supervise.
    Supervisor,
    /// Everything.
    Admin,
}

impl Role {
    /// As configuration and API have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }
}

/// `[[http.token]]`.
#[derive(Clone)]
pub struct Token {
    /// Who: an operator's id for [`Role::Operator`], free for the others.
    pub name: Name,
    /// What `Authorization: Bearer` must carry.
    pub secret: String,
    /// What it allows.
    pub role: Role,
    /// Of [`Role::Supervisor`]: these queues, and those that the operator of the token's name
    /// supervises.
    pub supervises: Vec<Name>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, role, .. } = self;
        f.debug_struct("Token").field("name", name).field("role", role).finish_non_exhaustive()
    }
}

/// A condition of readiness: its name, and a closure that says why not.
pub type Check = (&'static str, Arc<dyn Fn() -> Result<(), String> + Send + Sync>);

/// What the API is told at its start.
#[derive(Clone)]
pub struct Settings {
    /// `[node] name`.
    pub node: Name,
    /// The product's version, for `usher_build_info`.
    pub version: Name,
    /// Who may come in. With none, everything under `/v1` answers 401.
    pub tokens: Vec<Token>,
    /// What `/readyz` asks; ready where there is none.
    pub checks: Vec<Check>,
    /// How long an order may take before it is answered with 503.
    pub reply_within: Duration,
    /// Music and prompts; without, asking for them is answered with 503.
    pub sounds: Option<Arc<dyn Sounds>>,
    /// Octets of a sound that is put.
    pub sound_bytes_max: usize,
    /// WebSocket subscribers at once; one more gets 503.
    pub subscribers_max: usize,
    /// How many events a subscriber may be behind before it is closed; as many are kept in memory
    /// for those who come back.
    pub subscriber_lag_max: usize,
}

impl Settings {
    /// The defaults, with no token and no check.
    #[must_use]
    pub fn new(node: &str, version: &str) -> Self {
        Self {
            node: node.into(),
            version: version.into(),
            tokens: Vec::new(),
            checks: Vec::new(),
            reply_within: Duration::from_secs(2),
            sounds: None,
            sound_bytes_max: 20 << 20,
            subscribers_max: 1_000,
            subscriber_lag_max: 4_096,
        }
    }
}

/// What is known from the configuration before anything happens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// `[[queue]]`.
    pub queues: Vec<QueueEntry>,
    /// `[[operator]]`.
    pub operators: Vec<OperatorEntry>,
    /// `[[trunk]]`.
    pub trunks: Vec<Name>,
    /// `[acd] auto_connect`.
    pub auto_connect: bool,
    /// Operators are not to learn that somebody supervises.
    pub is_discreet: bool,
}

/// One queue of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Unique.
    pub name: Name,
    /// What others dial.
    pub number: Option<Name>,
    /// Whether tasks go to operators by themselves.
    pub auto_connect: bool,
    /// Answered or abandoned within this time counts as served well.
    pub service_level_ms: u64,
}

/// One operator of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorEntry {
    /// Unique.
    pub id: Name,
    /// For people.
    pub name: Name,
    /// What others dial.
    pub number: Option<Name>,
    /// Queues served.
    pub queues: Vec<Name>,
    /// Queues whose calls they may watch.
    pub supervises: Vec<Name>,
    /// What they may do who sign in.
    pub role: Role,
    /// What they sign in with; they cannot where there is none.
    pub password: Option<Secret>,
}

impl From<&Config> for Directory {
    fn from(config: &Config) -> Self {
        let queue = |queue: &b2bua::config::Queue| QueueEntry {
            name: queue.name.clone(),
            number: queue.number.clone(),
            auto_connect: queue.auto_connect,
            service_level_ms: queue.service_level_ms,
        };
        let users = config.sip.users.iter();
        let passwords: HashMap<&str, &str> =
            users.map(|user| (&*user.username, &*user.password)).collect();
        let operator = |operator: &b2bua::config::Operator| OperatorEntry {
            id: operator.id.clone(),
            name: operator.name.clone(),
            number: operator.number.clone(),
            queues: operator.queues.clone(),
            supervises: operator.supervises.clone(),
            role: match operator.rank {
                Rank::Operator => Role::Operator,
                Rank::Supervisor => Role::Supervisor,
                Rank::Admin => Role::Admin,
            },
            password: passwords.get(&*operator.id).map(|text| Secret((*text).into())),
        };
        Self {
            auto_connect: config.auto_connect,
            is_discreet: config.supervise.notify == Notify::Nothing,
            queues: config.queues.iter().map(queue).collect(),
            operators: config.operators.iter().map(operator).collect(),
            trunks: config.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
        }
    }
}
