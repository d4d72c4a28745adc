//! Counts per minute over a day, so that any shorter interval is a sum.

use std::collections::VecDeque;

use b2bua::Utc;

/// Minutes kept.
const DAY: i64 = 24 * 60;

/// What happened in one minute, or the sum over several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Minute {
    /// Since 1970.
    minute: i64,
    pub(crate) offered: u64,
    pub(crate) answered: u64,
    pub(crate) abandoned: u64,
    /// Answered or abandoned within the service level's time.
    pub(crate) in_time: u64,
}

impl Minute {
    /// (answered within T + abandoned within T) / (answered + abandoned).
    pub(crate) fn service_level(&self) -> Option<f64> {
        let all = self.answered + self.abandoned;
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts of one day")]
        let ratio = (all > 0).then(|| self.in_time as f64 / all as f64);
        ratio
    }
}

/// The last day by minutes, oldest first; minutes without anything are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window(VecDeque<Minute>);

impl Window {
    /// The entry to count into. Time that went back counts into the newest minute.
    pub(crate) fn at(&mut self, at: Utc) -> &mut Minute {
        let minute = at.as_second().div_euclid(60);
        while self.0.front().is_some_and(|oldest| oldest.minute <= minute - DAY) {
            self.0.pop_front();
        }
        if self.0.back().is_none_or(|newest| newest.minute < minute) {
            self.0.push_back(Minute { minute, ..Minute::default() });
        }
        let newest = self.0.len() - 1;
        &mut self.0[newest]
    }

    /// Since midnight UTC.
    pub(crate) fn today(&self, now: Utc) -> Minute {
        self.since(now.as_second().div_euclid(86_400) * DAY)
    }

    /// This minute and the 59 before it.
    pub(crate) fn last_hour(&self, now: Utc) -> Minute {
        self.since(now.as_second().div_euclid(60) - 59)
    }

    fn since(&self, first: i64) -> Minute {
        let mut sums = Minute { minute: first, ..Minute::default() };
        for minute in self.0.iter().rev().take_while(|minute| minute.minute >= first) {
            sums.offered += minute.offered;
            sums.answered += minute.answered;
            sums.abandoned += minute.abandoned;
            sums.in_time += minute.in_time;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_the_hour_and_since_midnight() {
        let at = |text: &str| text.parse::<Utc>().unwrap();
        let mut window = Window::default();
        for (time, in_time) in [
            ("2026-11-20T10:30:00Z", 1),
            ("2026-11-20T23:59:59Z", 1),
            ("2026-11-21T00:00:00Z", 0),
            ("2026-11-21T10:30:59Z", 1),
            ("2026-11-21T11:30:00Z", 1),
        ] {
            let minute = window.at(at(time));
            minute.answered += 1;
            minute.in_time += in_time;
        }
        let now = at("2026-11-21T11:30:30Z");
        assert_eq!(window.today(now).answered, 3);
        assert_eq!(window.today(now).service_level(), Some(2.0 / 3.0));
        assert_eq!(window.last_hour(now).answered, 1);
        assert_eq!(window.last_hour(at("2026-11-21T11:29:59Z")).answered, 2);
        assert_eq!(window.0.len(), 4, "the day before yesterday's minute is gone");
        assert_eq!(window.last_hour(at("2026-11-21T20:00:00Z")).service_level(), None);
    }
}
