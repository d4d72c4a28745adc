//! When something was so, as far back as anybody asks.
use crate::OCCUPANCY_OVER;
use crate::ids::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// More changes than that within the time are forgotten.
const SPANS_MAX: usize = 1_024;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Track {
    since: Option<Time>,
    past: VecDeque<Span>,
    /// How long it was so in all.
    total: Time,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Span {
    from: Time,
    to: Time,
    /// How long it had been so before.
    before: Time,
}

impl Track {
    pub(crate) fn set(&mut self, now: Time, is_so: bool) {
        match (self.since, is_so) {
            (None, true) => self.since = Some(now),
            (Some(from), false) => {
                self.since = None;
                let to = now.max(from);
                self.past.push_back(Span { from, to, before: self.total });
                self.total += to - from;
                let start = now.saturating_sub(OCCUPANCY_OVER);
                while self.past.front().is_some_and(|span| span.to <= start)
                    || self.past.len() > SPANS_MAX
                {
                    self.past.pop_front();
                }
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// For how much of the last [`OCCUPANCY_OVER`] it was so.
    pub(crate) fn lately(&self, now: Time) -> Time {
        let start = now.saturating_sub(OCCUPANCY_OVER);
        let first = self.past.partition_point(|span| span.to <= start);
        let past = self.past.get(first).map_or(Time::ZERO, |span| {
            self.total.saturating_sub(span.before + start.saturating_sub(span.from))
        });
        past + self.since.map_or(Time::ZERO, |since| now.saturating_sub(since.max(start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_sum_over_the_seconds() {
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        let mut dice = |sides| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % sides
        };
        let (mut track, mut seconds) = (Track::default(), Vec::new());
        for _ in 0..400 {
            let (is_so, long) = (dice(2) == 0, 1 + dice(150));
            track.set(Time::from_secs(seconds.len() as u64), is_so);
            seconds.extend((0..long).map(|_| is_so));
            let now = Time::from_secs(seconds.len() as u64);
            let lately = seconds.iter().rev().take(3_600).filter(|so| **so).count();
            assert_eq!(track.lately(now), Time::from_secs(lately as u64), "at {now:?}");
        }
        assert!(seconds.len() > 4 * 3_600 && track.past.len() < 100);
    }
}
