//! The machine as plain data, and back.
use crate::machine::{Acd, Dirty, State};
use crate::timer::Timers;
use serde::{Deserialize, Serialize};

/// All of the machine as versioned plain data. Indexes and the timer table are not part of it: they
/// follow from the rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Carried {
    /// The first version.
    V1(CarriedV1),
}

/// The first version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CarriedV1(State);

impl Acd {
    /// The machine as data, outputs that were not drained included.
    #[must_use]
    pub fn carry(&self) -> Carried {
        Carried::V1(CarriedV1(self.state.clone()))
    }

    /// The same machine again.
    #[must_use]
    pub fn resume(carried: Carried) -> Self {
        let Carried::V1(CarriedV1(state)) = carried;
        let mut acd = Self { state, timers: Timers::default(), dirty: Dirty::default() };
        acd.rebuild();
        // Nothing is matched here: before the machine was carried no pair was left.
        acd.dirty = Dirty::default();
        acd
    }
}
