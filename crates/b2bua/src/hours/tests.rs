use jiff::Timestamp;

use super::{Calendar, DAYS_AHEAD, Hours, parse_day};
use crate::api::Time;

fn hours(text: &str) -> Hours {
    Hours::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn unix(text: &str) -> Time {
    let at: Timestamp = text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"));
    Time::from_secs(at.as_second().unsigned_abs())
}

fn shown(time: Option<Time>) -> String {
    let second = time.map(|time| i64::try_from(time.as_secs()).unwrap());
    second.map_or("never".into(), |at| Timestamp::from_second(at).unwrap().to_string())
}

#[test]
fn when_it_is_open() {
    // 2026-11-30 is a Monday.
    let table = [
        ("Mo-Fr 09:00-18:00", "2026-11-30T08:59:59Z", false),
        ("Mo-Fr 09:00-18:00", "2026-11-30T09:00:00Z", true),
        ("Mo-Fr 09:00-18:00", "2026-11-30T17:59:59Z", true),
        ("Mo-Fr 09:00-18:00", "2026-11-30T18:00:00Z", false),
        ("Mo-Fr 09:00-18:00", "2026-12-05T12:00:00Z", false),
        ("Mo-Fr 09:00-18:00 Europe/Moscow", "2026-11-30T05:59:59Z", false),
        ("Mo-Fr 09:00-18:00 Europe/Moscow", "2026-11-30T06:00:00Z", true),
        ("Mo-Fr 09:00-18:00 europe/moscow", "2026-11-30T15:00:00Z", false),
        ("Mo-Fr 09:00-18:00; Sa 10:00-14:00 Europe/Moscow", "2026-12-05T07:00:00Z", true),
        ("Mo-Fr 09:00-18:00;Sa 10:00-14:00 Europe/Moscow", "2026-12-05T11:00:00Z", false),
        ("Mo,We,Fr 9:00-18:00", "2026-12-01T12:00:00Z", false),
        ("mo, we, fr 09:00-12:00, 13:00-18:00", "2026-12-02T12:00:00Z", false),
        ("Mo,We,Fr 09:00-12:00,13:00-18:00", "2026-12-02T13:00:00Z", true),
        ("Fr-Mo 09:00-18:00", "2026-11-29T12:00:00Z", true),
        ("Fr-Mo 09:00-18:00", "2026-11-30T12:00:00Z", true),
        ("Fr-Mo 09:00-18:00", "2026-12-01T12:00:00Z", false),
        ("09:00-18:00", "2026-11-29T12:00:00Z", true),
        ("00:00-24:00", "2026-11-29T23:59:59Z", true),
        ("Su 22:00-06:00", "2026-11-29T21:59:59Z", false),
        ("Su 22:00-06:00", "2026-11-29T23:59:59Z", true),
        ("Su 22:00-06:00", "2026-11-30T05:59:59Z", true),
        ("Su 22:00-06:00", "2026-11-30T06:00:00Z", false),
        ("Su 22:00-06:00", "2026-11-29T05:00:00Z", false),
        ("Mo 20:00-00:00", "2026-11-30T23:59:59Z", true),
        ("Mo 20:00-00:00", "2026-12-01T00:00:00Z", false),
    ];
    for (text, at, is_open) in table {
        assert_eq!(hours(text).is_open(unix(at)), is_open, "{text} at {at}");
    }
}

#[test]
fn when_that_changes() {
    let table = [
        ("Mo-Fr 09:00-18:00", "2026-11-30T08:00:00Z", "2026-11-30T09:00:00Z"),
        ("Mo-Fr 09:00-18:00", "2026-11-30T09:00:00Z", "2026-11-30T18:00:00Z"),
        ("Mo-Fr 09:00-18:00", "2026-12-04T18:00:00Z", "2026-12-07T09:00:00Z"),
        ("Mo 09:00-18:00", "2026-11-30T18:00:00Z", "2026-12-07T09:00:00Z"),
        // Two rules that meet, and midnight between two days that are open, change nothing.
        ("Mo 09:00-12:00,12:00-15:00", "2026-11-30T09:00:00Z", "2026-11-30T15:00:00Z"),
        ("Mo-Tu 00:00-24:00", "2026-11-30T09:00:00Z", "2026-12-02T00:00:00Z"),
        ("22:00-06:00", "2026-11-30T23:00:00Z", "2026-12-01T06:00:00Z"),
        ("00:00-24:00", "2026-11-30T23:00:00Z", "never"),
        // Berlin leaves its summer at 2026-10-25T01:00Z, and enters the next at 2027-03-28T01:00Z.
        ("09:00-18:00 Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T08:00:00Z"),
        ("09:00-18:00 Europe/Berlin", "2027-03-27T20:00:00Z", "2027-03-28T07:00:00Z"),
        // The clock never shows what it opens at, and shows three o'clock instead.
        ("02:30-18:00 Europe/Berlin", "2027-03-28T00:30:00Z", "2027-03-28T01:00:00Z"),
        ("02:15-02:45 Europe/Berlin", "2027-03-28T00:30:00Z", "2027-03-29T00:15:00Z"),
        // It shows the hour before three twice.
        ("02:15-02:45 Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:15:00Z"),
        ("02:15-02:45 Europe/Berlin", "2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z"),
        ("02:15-02:45 Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"),
        ("02:15-02:45 Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-25T01:45:00Z"),
        // And is put back out of the hours.
        ("02:30-03:00 Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
        ("02:30-03:00 Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"),
    ];
    for (text, at, next) in table {
        assert_eq!(shown(hours(text).next_change(unix(at))), next, "{text} after {at}");
    }
}

/// Minute by minute, over a year that has all of it.
#[test]
fn the_next_change_is_the_next_change() {
    for text in ["Sa-Mo 01:30-02:45 Europe/Berlin", "23:30-00:30 America/St_Johns"] {
        let hours = hours(text);
        let (mut at, end) = (unix("2026-10-20T00:00:00Z"), unix("2027-04-05T00:00:00Z"));
        let (mut was, mut next) = (hours.is_open(at), hours.next_change(at));
        while at < end {
            at += Time::from_secs(60);
            if hours.is_open(at) != was {
                assert_eq!(next, Some(at), "{text} at {}", shown(Some(at)));
                (was, next) = (!was, hours.next_change(at));
            }
            assert!(next.is_some_and(|next| next > at), "{text} at {}", shown(Some(at)));
        }
    }
}

#[test]
fn holidays_are_closed_all_day_where_the_hours_are() {
    let day = |text| parse_day(text).unwrap();
    let moscow = Calendar {
        hours: Some(hours("Mo-Fr 09:00-18:00 Europe/Moscow")),
        holidays: vec![day("2026-12-01")],
    };
    assert!(!moscow.is_open(unix("2026-12-01T10:00:00Z")));
    assert_eq!(shown(moscow.next_change(unix("2026-11-30T20:00:00Z"))), "2026-12-02T06:00:00Z");
    let night = Calendar {
        hours: Some(hours("22:00-06:00 Europe/Moscow")),
        holidays: vec![day("2026-12-01")],
    };
    assert_eq!(shown(night.next_change(unix("2026-11-30T20:00:00Z"))), "2026-11-30T21:00:00Z");
    let always = Calendar { hours: None, holidays: vec![day("2027-01-01")] };
    assert_eq!(shown(always.next_change(unix("2026-11-30T20:00:00Z"))), "2027-01-01T00:00:00Z");
    assert_eq!(shown(always.next_change(unix("2027-01-01T20:00:00Z"))), "2027-01-02T00:00:00Z");
    assert_eq!(shown(always.next_change(unix("2027-01-02T20:00:00Z"))), "never");
    assert!(Calendar::default().is_empty() && Calendar::default().is_open(Time::ZERO));
}

#[test]
fn what_is_a_holiday_whenever_it_would_open_never_opens() {
    let first = parse_day("2026-11-30").unwrap();
    let mondays = (0..60).map(|week| first.saturating_add(jiff::Span::new().weeks(week)));
    let calendar = Calendar { hours: Some(hours("Mo 9:00-10:00")), holidays: mondays.collect() };
    let at = unix("2026-11-30T00:00:00Z");
    assert!(calendar.is_never_open(at));
    assert!(!calendar.is_never_open(at + Time::from_hours(24 * DAYS_AHEAD.unsigned_abs())));
}

#[test]
fn what_is_wrong_is_said() {
    let table = [
        ("", "a rule is empty; expected such as Mo-Fr 09:00-18:00"),
        ("Mo-Fr", "`Mo-Fr` has no time of day; expected such as Mo-Fr 09:00-18:00"),
        ("Mo-Fr 09:00-18:00;", "a rule is empty; expected such as Mo-Fr 09:00-18:00"),
        ("Mo-Xx 09:00-18:00", "`Xx` is no day of the week; expected Mo, Tu, We, Th, Fr, Sa or Su"),
        ("Mo 09:00", "`09:00` is no time of day; expected such as 09:00-18:00"),
        ("Mo 09:00-25:00", "`09:00-25:00` is no time of day; expected such as 09:00-18:00"),
        ("Mo 24:00-06:00", "`24:00-06:00` is no time of day; expected such as 09:00-18:00"),
        ("Mo 09:60-18:00", "`09:60-18:00` is no time of day; expected such as 09:00-18:00"),
        (
            "Mo 09:00-09:00",
            "`09:00-09:00` ends when it begins; expected such as 09:00-18:00, or 00:00-24:00 for all \
             day",
        ),
        (
            "Mo 09:00-18:00 Europe/Moskva",
            "`Europe/Moskva` is no time zone; expected such as Europe/Moscow at the end, or none",
        ),
    ];
    for (text, fault) in table {
        assert_eq!(Hours::parse(text).map(|_| ()), Err(fault.to_owned()), "{text}");
    }
    for text in ["2027-1-1", "01.01.2027", "2027-02-29", "2027-01-01T00:00"] {
        assert!(parse_day(text).is_err(), "{text}");
    }
}

#[test]
fn it_is_carried_as_it_was_written() {
    let text = "Mo-Fr 09:00-18:00; Sa 10:00-14:00 Europe/Moscow";
    let bytes = postcard::to_allocvec(&hours(text)).unwrap();
    let back: Hours = postcard::from_bytes(&bytes).unwrap();
    assert_eq!((back.as_str(), back.zone.iana_name()), (text, Some("Europe/Moscow")));
}
