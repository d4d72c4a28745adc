//! What outlives a restart: legs with the numbers their peers know, and who hears whom. Sounds are
//! added again, buffers fill again.

use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::leg::Guard;
use super::types::Command;
use super::{Engine, EngineSettings, Input};
use crate::{Plan, Row, Time};

/// The present layout of [`Carried`].
const VERSION: u32 = 4;

/// What was carried is of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("carried media of version {0}, this is version {VERSION}")]
pub struct WrongVersion(pub u32);

/// An engine as plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Carried {
    /// Its layout.
    pub version: u32,
    /// All legs.
    pub legs: Vec<CarriedLeg>,
    /// All conferences.
    pub conferences: Vec<CarriedConference>,
}

/// A leg as plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarriedLeg {
    /// Its plan.
    pub plan: Plan,
    /// The source it is locked to.
    pub latched: Option<SocketAddr>,
    /// Its next sequence number.
    pub sequence: u16,
    /// Its next timestamp.
    pub timestamp: u32,
    /// When it was last sent anything.
    pub last: Option<Time>,
    /// Packets and bytes of payload sent so far.
    pub sent: (u64, u64),
    /// Sequence numbers that have passed so far.
    pub numbers: u64,
    /// What becomes of its keys.
    pub guard: Guard,
}

/// A conference as plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarriedConference {
    /// Its id.
    pub conference: u64,
    /// The generation of its rows.
    pub generation: u64,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Engine {
    /// The engine as plain data.
    #[must_use]
    pub fn carry(&self) -> Carried {
        let legs = self.by_id.values().filter_map(|slot| self.legs[*slot].as_deref());
        let legs = legs.map(|leg| CarriedLeg {
            plan: leg.plan.clone(),
            latched: leg.latch.locked(),
            sequence: leg.tx.sequence,
            timestamp: leg.tx.timestamp,
            last: leg.tx.last(),
            sent: (leg.tx.packets, leg.tx.octets),
            numbers: leg.tx.numbers,
            guard: leg.guard,
        });
        let conferences = self.conferences.iter().flatten().map(|conference| CarriedConference {
            conference: conference.id,
            generation: conference.generation.unwrap_or(0),
            rows: conference.rows.clone(),
        });
        Carried { version: VERSION, legs: legs.collect(), conferences: conferences.collect() }
    }

    /// The engine that was carried; its peers see a short pause. It knows of no silence: whoever
    /// counts one from [`super::Event::NoAudio`] forgets it now, and is told again.
    ///
    /// # Errors
    /// The layout is another version's.
    pub fn resume(
        settings: EngineSettings,
        now: Time,
        carried: Carried,
    ) -> Result<Self, WrongVersion> {
        if carried.version != VERSION {
            return Err(WrongVersion(carried.version));
        }
        let mut engine = Self::new(settings);
        for old in carried.legs {
            let id = old.plan.leg;
            engine.handle(now, Input::Command(Command::Leg(old.plan)));
            let slot = engine.by_id.get(&id).copied();
            if let Some(leg) = slot.and_then(|slot| engine.leg(slot)) {
                leg.tx.resume(old.sequence, old.timestamp, old.last);
                (leg.tx.packets, leg.tx.octets) = old.sent;
                leg.tx.numbers = old.numbers;
                leg.guard = old.guard;
                if let Some(addr) = old.latched {
                    leg.latch.relock(now, addr);
                }
            }
        }
        for CarriedConference { conference, generation, rows } in carried.conferences {
            let command = Command::Matrix { conference, generation, rows };
            engine.handle(now, Input::Command(command));
        }
        Ok(engine)
    }
}
