//! The node's clock: time since its epoch, which is the moment the process started serving.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::sys;

/// Copied into every thread; all see the same time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    epoch: Duration,
}

impl Clock {
    /// A clock whose epoch is now.
    pub(super) fn start() -> Self {
        Self { epoch: sys::monotonic() }
    }

    /// Time since the epoch.
    pub(super) fn now(self) -> Duration {
        sys::monotonic().saturating_sub(self.epoch)
    }

    /// Sleeps until `at` since the epoch.
    pub(super) fn sleep_until(self, at: Duration) {
        sys::sleep_until(self.epoch.saturating_add(at));
    }
}

/// UTC since the Unix epoch.
pub(super) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// UTC since 1900, as NTP and RTCP count it.
pub(super) fn ntp() -> Duration {
    const SEVENTY_YEARS: Duration = Duration::from_secs(2_208_988_800);
    wall() + SEVENTY_YEARS
}

/// Notices when the wall clock is set: it and the monotonic one no longer run side by side.
#[derive(Debug)]
pub(super) struct Jumps {
    offset: Duration,
}

impl Jumps {
    /// From a pair of readings taken together.
    pub(super) fn new(now: Duration, wall: Duration) -> Self {
        Self { offset: wall.saturating_sub(now) }
    }

    /// Whether the wall clock has moved by more than a second since it was last said to have.
    pub(super) fn jumped(&mut self, now: Duration, wall: Duration) -> bool {
        let offset = wall.saturating_sub(now);
        let jumped = offset.abs_diff(self.offset) > Duration::from_secs(1);
        if jumped {
            self.offset = offset;
        }
        jumped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_set_clock_is_a_jump() {
        let s = Duration::from_secs;
        let mut jumps = Jumps::new(s(10), s(1_000));
        assert!(!jumps.jumped(s(20), s(1_010)));
        assert!(!jumps.jumped(s(30), s(1_021)), "drift of a second");
        assert!(jumps.jumped(s(40), s(4_630)), "an hour on");
        assert!(!jumps.jumped(s(50), s(4_640)), "told once");
        assert!(jumps.jumped(s(60), s(1_050)), "and back");
    }
}
