//! How a leg was is told once, and not before its end.

use std::collections::BTreeSet;

use b2bua::{ParticipantId, What};

/// Those who have left, and of whom nothing was told yet.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    left: BTreeSet<ParticipantId>,
    /// Legs of which it was told.
    pub(crate) told: u64,
}

impl Figures {
    pub(super) fn event(&mut self, what: &What) -> Result<(), String> {
        match what {
            What::LegEnded { participant, .. } => {
                self.left.insert(*participant);
                Ok(())
            }
            What::LegQuality(quality) if &*quality.cause == "ended" => {
                self.told += 1;
                let who = quality.participant;
                let is_due = self.left.remove(&who);
                is_due.then_some(()).ok_or_else(|| format!("leg.quality of {who}, not left"))
            }
            _ => Ok(()),
        }
    }
}
