//! How a range of time is cut into intervals: days begin at midnight somewhere, hours and quarters are
//! counted from there.

use b2bua::Utc;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::now;
use crate::query::Params;

/// How long an interval is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    Quarter,
    Hour,
    Day,
}

/// The words for them, and how many days are told at once: each call of them is read.
pub(crate) const EVERY: [(&str, Every, i64); 3] =
    [("15m", Every::Quarter, 31), ("1h", Every::Hour, 100), ("1d", Every::Day, 100)];

/// Days of an export at most.
pub(crate) const DAYS_MAX: i64 = 366;

const DAY_S: i64 = 86_400;

/// What time is asked about, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Utc,
    pub(crate) to: Utc,
    pub(crate) zone: TimeZone,
}

impl Range {
    /// `from`, `to` and `tz`, of so many days at most: today until now, where nothing else is said.
    /// None where something is wrong with them, which `params` tell then.
    pub(crate) fn of(params: &mut Params, days_max: i64) -> Option<Self> {
        let zone = match params.text("tz") {
            None => TimeZone::UTC,
            Some(name) => match TimeZone::get(&name) {
                Ok(zone) => zone,
                Err(_) => {
                    params.wrong("tz", format!("{name:?} is no time zone as in Europe/Berlin"));
                    return None;
                }
            },
        };
        let known = params.is_right();
        let (from, to) = (params.time("from"), params.time("to"));
        if known && !params.is_right() {
            return None;
        }
        let to = to.unwrap_or_else(now);
        let today = || midnight(&zone, to.to_zoned(zone.clone()).date());
        let Some(from) = from.or_else(today) else {
            params.wrong("from", "is needed with such a to".to_owned());
            return None;
        };
        if to < from {
            params.wrong("to", "is before from".to_owned());
            return None;
        }
        // A day of 25 hours may be among them.
        if to.as_second() - from.as_second() > days_max * DAY_S + DAY_S / 12 {
            params.wrong("to", format!("is more than {days_max} days after from"));
            return None;
        }
        Some(Self { from, to, zone })
    }

    /// Where intervals begin, and where the last one ends: the first and the last may be parts.
    pub(crate) fn bounds(&self, every: Every) -> Vec<Utc> {
        let mut bounds = vec![self.from];
        let mut date = self.from.to_zoned(self.zone.clone()).date();
        while let Some(begin) = midnight(&self.zone, date).filter(|begin| *begin < self.to) {
            let tomorrow = date.tomorrow().ok();
            let end = tomorrow.and_then(|date| midnight(&self.zone, date)).unwrap_or(self.to);
            let step = match every {
                Every::Quarter => DAY_S / 96,
                Every::Hour => DAY_S / 24,
                Every::Day => end.as_second() - begin.as_second(),
            };
            let mut second = begin.as_second();
            while second < end.as_second() {
                let bound = Utc::from_second(second).unwrap_or(self.to);
                if bound > self.from && bound < self.to {
                    bounds.push(bound);
                }
                second += step.max(1);
            }
            match tomorrow {
                Some(tomorrow) => date = tomorrow,
                None => break,
            }
        }
        bounds.push(self.to);
        bounds
    }
}

/// The first moment of a day.
fn midnight(zone: &TimeZone, date: Date) -> Option<Utc> {
    Some(date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(from: &str, to: &str, zone: &str, every: Every) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let range = Range { from: from.parse().unwrap(), to: to.parse().unwrap(), zone };
        range.bounds(every).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_and_the_last_may_be_parts() {
        let found = bounds("2026-03-01T10:20:00Z", "2026-03-01T11:05:00Z", "UTC", Every::Quarter);
        let expected = ["10:20", "10:30", "10:45", "11:00", "11:05"];
        assert_eq!(found, expected.map(|time| format!("2026-03-01T{time}:00Z")));
        let found = bounds("2026-03-01T10:30:00Z", "2026-03-01T10:30:00Z", "UTC", Every::Hour);
        assert_eq!(found.len(), 2, "nothing, told as one interval without length");
    }

    #[test]
    fn a_day_is_as_long_as_it_is_there() {
        let day = |from: &str, to| bounds(from, to, "Europe/Berlin", Every::Day);
        // 23 hours, and 25.
        let found = day("2026-03-28T23:00:00Z", "2026-03-30T22:00:00Z");
        assert_eq!(found, ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"]);
        let found = day("2026-10-24T22:00:00Z", "2026-10-26T23:00:00Z");
        assert_eq!(found, ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z"]);
        let hours = |from: &str, to| bounds(from, to, "Europe/Berlin", Every::Hour).len() - 1;
        assert_eq!(hours("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"), 23);
        assert_eq!(hours("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"), 25);
    }

    #[test]
    fn hours_are_whole_where_the_clock_is_half_an_hour_off() {
        let found =
            bounds("2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z", "Asia/Kolkata", Every::Hour);
        let expected = ["10:00", "10:30", "11:30", "12:00"];
        assert_eq!(found, expected.map(|time| format!("2026-03-01T{time}:00Z")));
    }

    #[test]
    fn the_ends_of_time_are_no_fault() {
        for (from, to) in [
            ("-009999-01-02T01:59:59Z", "-009999-01-03T00:00:00Z"),
            ("9999-12-29T00:00:00Z", "9999-12-30T22:00:00Z"),
        ] {
            for (_, every, _) in EVERY {
                assert!(bounds(from, to, "Pacific/Kiritimati", every).len() >= 2);
                assert!(bounds(from, to, "Pacific/Niue", every).len() >= 2);
            }
        }
    }
}
