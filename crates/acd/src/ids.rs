//! Names of things. Every id but a reservation's is minted by the owner of the machine.
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// A point in time: the duration since the node's epoch.
pub type Time = Duration;

/// A point in wall time: the duration since the Unix epoch. It is given in by the owner, because a
/// virtual start must mean the same after a restart and on another node.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Utc(pub Duration);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub struct $name(pub $int);
    };
}

id!(
    /// One unit of work for one operator. Never used twice by the owner.
    TaskId(u64)
);
id!(
    /// The exclusive, expiring claim of one task on one operator; numbered by the machine, and
    /// never twice: see [`crate::Acd::new`].
    ReservationId(u64)
);

impl ReservationId {
    /// Numbers between two epochs that follow each other. A power of two small enough that a number
    /// stays exact in JSON (below 2^53) as long as epochs are below 2^43.
    const PER_EPOCH: u64 = 1 << 10;

    /// The `made`-th reservation of a machine of that epoch.
    pub(crate) const fn mint(epoch: u64, made: u64) -> Self {
        Self(epoch.wrapping_mul(Self::PER_EPOCH).wrapping_add(made))
    }
}

id!(
    /// A person who serves.
    OperatorId(u32)
);
id!(
    /// An ordered set of tasks with a policy.
    QueueId(u32)
);
id!(
    /// Something that an operator can do, at a level.
    SkillId(u32)
);
id!(
    /// Work of an operator that the distributor did not assign: their own or a direct call.
    WorkId(u64)
);

/// What a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A caller who is on the line.
    Call,
    /// A person to be called.
    Callback,
    /// Work that lives elsewhere: a chat, a letter.
    Dialog,
}

impl Kind {
    /// The channel whose limit the task counts against.
    #[must_use]
    pub const fn channel(self) -> Channel {
        match self {
            Self::Call | Self::Callback => Channel::Voice,
            Self::Dialog => Channel::Dialog,
        }
    }
}

/// What an operator has a separate limit for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Mouth and ears: `Limits::voice` and `Limits::total`.
    Voice,
    /// Everything else: `Limits::total` only.
    Dialog,
}

impl Channel {
    pub(crate) const ALL: [Self; 2] = [Self::Voice, Self::Dialog];
}
