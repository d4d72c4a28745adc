//! What the time of a call is spent on.

use serde::{Deserialize, Serialize};

use crate::Time;
use crate::event::{Phase, Totals};

/// Adds up a call's time by phase, in whole milliseconds of the node's clock, so that the sum of
/// the phases is the length of the call to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhaseClock {
    phase: Phase,
    since_ms: u64,
    totals: Totals,
}

fn ms(now: Time) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

impl PhaseClock {
    pub(crate) fn new(now: Time, phase: Phase) -> Self {
        Self { phase, since_ms: ms(now), totals: Totals::default() }
    }

    /// From now on time goes to `phase`.
    pub(crate) fn turn(&mut self, now: Time, phase: Phase) -> Totals {
        let spent = ms(now).saturating_sub(self.since_ms);
        let total = match self.phase {
            Phase::Wait => &mut self.totals.wait_ms,
            Phase::Ring => &mut self.totals.ring_ms,
            Phase::Talk => &mut self.totals.talk_ms,
            Phase::Hold => &mut self.totals.hold_ms,
        };
        *total += spent;
        (self.since_ms, self.phase) = (ms(now), phase);
        self.totals
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_add_up_to_the_call() {
        let at = Time::from_micros;
        let mut clock = PhaseClock::new(at(1_999), Phase::Wait);
        clock.turn(at(3_400), Phase::Ring);
        clock.turn(at(5_900), Phase::Talk);
        clock.turn(at(5_950), Phase::Hold);
        let totals = clock.turn(at(9_001), Phase::Talk);
        assert_eq!(totals, Totals { wait_ms: 2, ring_ms: 2, talk_ms: 0, hold_ms: 4 });
        assert_eq!(totals.wait_ms + totals.ring_ms + totals.talk_ms + totals.hold_ms, 9 - 1);
    }
}
