//! `hours` and `holidays`: when something is open.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use b2bua::{Calendar, Hours, hours};

use super::section::Section;

const EXPECTED: &str = "hours such as \"Mo-Fr 09:00-18:00 Europe/Moscow\"";

/// None where there are none.
pub(super) fn read(section: &Section<'_>) -> Option<Hours> {
    let text = section.text("hours", EXPECTED)?;
    match Hours::parse(text.text) {
        Ok(hours) => Some(hours),
        Err(fault) => {
            let fault = format!("`hours` of {}: {fault}", section.what());
            section.report.fault(text.at, fault);
            None
        }
    }
}

/// Both keys of a queue.
pub(super) fn calendar(section: &Section<'_>) -> Calendar {
    let days = section.texts("holidays", "a list of days such as [\"2027-01-01\"]");
    let mut holidays = Vec::new();
    for day in days.into_iter().flatten() {
        match hours::parse_day(day.text) {
            Ok(date) => holidays.push(date),
            Err(fault) => {
                let fault = format!("`holidays` of {}: {fault}", section.what());
                section.report.fault(day.at, fault);
            }
        }
    }
    let hours = read(section);
    if hours.is_none() && !holidays.is_empty() && !section.has("hours") {
        section.report.warn(
            section.at,
            format!(
                "{} has `holidays` and no `hours`, so its days are those of UTC; hours = \
                 \"00:00-24:00 Europe/Moscow\" makes them another place's",
                section.what()
            ),
        );
    }
    Calendar { hours, holidays }
}

/// Since the Unix epoch: whether something opens yet depends on it.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How long it is closed at most, in the next week.
pub(super) fn longest_pause(hours: &Hours) -> Duration {
    let week = Duration::from_hours(7 * 24);
    let first = now();
    let (mut at, mut longest) = (first, Duration::ZERO);
    while let Some(next) = hours.next_change(at).filter(|_| at < first + week) {
        // Where it is closed now, that has lasted for a while: it is seen whole a week on.
        if !hours.is_open(at) && at > first {
            longest = longest.max(next - at);
        }
        at = next;
    }
    longest
}
