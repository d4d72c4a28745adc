//! `hours` and `holidays`.

use std::fmt::Write as _;

use super::{OPERATOR, QUEUE, ROUTE, check, check_warnings, sound};

const TRUNK: &str = "[[trunk]]\nname = \"t\"\nhosts = [\"1.2.3.4\"]\nproxy = \"sip:1.2.3.4\"\n";

#[test]
fn what_is_wrong_is_said() {
    check(
        &format!(
            "{QUEUE}hours = \"Mo-Xx 09:00-18:00\"\nholidays = [\n\"2027-01-01\",\n\"1.1.2027\", 3]\n\
             callback = {{ hours = \"Mo-Fr\" }}\n{OPERATOR}{TRUNK}[[route]]\nto = \"1\"\nhours = 9\n\
             go = {{ queue = \"q\" }}\n[[route]]\nhours = \"9:00-18:00 Europe/Moskva\"\n\
             go = {{ queue = \"q\" }}\n[[queue]]\nname = \"p\"\nhours = \"Mo 9:00-9:00\""
        ),
        &[
            "a:4: `hours` of [[queue]] `q`: `Xx` is no day of the week; expected Mo, Tu, We, Th, Fr, Sa \
             or Su",
            "a:7: `holidays` of [[queue]] `q` is a whole number; expected a list of days such as \
             [\"2027-01-01\"]",
            "a:7: `holidays` of [[queue]] `q`: `1.1.2027` is no day; expected such as 2027-01-01",
            "a:8: `hours` of `callback` of [[queue]] `q`: `Mo-Fr` has no time of day; expected such as \
             Mo-Fr 09:00-18:00",
            "a:19: `hours` of [[route]] is a whole number; expected hours such as \"Mo-Fr 09:00-18:00 \
             Europe/Moscow\"",
            "a:22: `hours` of [[route]]: `Europe/Moskva` is no time zone; expected such as Europe/Moscow \
             at the end, or none",
            "a:26: `hours` of [[queue]] `p`: `9:00-9:00` ends when it begins; expected such as \
             09:00-18:00, or 00:00-24:00 for all day",
        ],
    );
}

#[test]
fn what_is_right_is_read() {
    let setup = sound(&format!(
        "{QUEUE}hours = \"Mo-Fr 09:00-18:00 Europe/Moscow\"\nholidays = [\"2027-01-01\"]\n\
         callback = {{ hours = \"10:00-17:00\" }}\n{OPERATOR}{TRUNK}[[route]]\n\
         hours = \"Sa 10:00-14:00\"\ngo = {{ queue = \"q\" }}"
    ));
    let queue = &setup.core.queues[0];
    let hours = queue.calendar.hours.as_ref().map(b2bua::Hours::as_str);
    assert_eq!(hours, Some("Mo-Fr 09:00-18:00 Europe/Moscow"));
    assert_eq!(queue.calendar.holidays[0].to_string(), "2027-01-01");
    let policy = queue.callback.as_ref().and_then(|policy| policy.hours.as_ref());
    assert_eq!(policy.map(b2bua::Hours::as_str), Some("10:00-17:00"));
    let route = setup.core.routes[0].hours.as_ref();
    assert_eq!(route.map(b2bua::Hours::as_str), Some("Sa 10:00-14:00"));
}

#[test]
fn what_is_hardly_meant_is_warned_of() {
    // Closed on each of the days on which it would open, for longer than anybody looks ahead.
    let mut days = String::new();
    let now = super::super::hours::now().as_secs().cast_signed();
    let today = jiff::Timestamp::from_second(now).unwrap_or_default();
    let today = jiff::tz::TimeZone::UTC.to_datetime(today).date();
    for day in 0..410 {
        let date = today.saturating_add(jiff::Span::new().days(day));
        let _ = write!(days, "\"{date}\", ");
    }
    check_warnings(
        &format!("{QUEUE}hours = \"09:00-18:00\"\nholidays = [{days}]\n{OPERATOR}{ROUTE}"),
        &[
            "a:1: queue `q` is never open: all that its `hours` leave are `holidays`, for the next 400 \
           days",
        ],
    );
    check_warnings(
        &format!("{QUEUE}holidays = [\"2027-01-01\"]\n{OPERATOR}{ROUTE}"),
        &[
            "a:1: [[queue]] `q` has `holidays` and no `hours`, so its days are those of UTC; hours = \
           \"00:00-24:00 Europe/Moscow\" makes them another place's",
        ],
    );
    let weekdays =
        format!("{QUEUE}callback = {{ hours = \"Mo-Fr 09:00-18:00\" }}\n{OPERATOR}{TRUNK}{ROUTE}");
    check_warnings(
        &weekdays,
        &[
            "a:1: `callback` of queue `q` has `hours` that pause for 226800 s and `expires_s` of 86400 s, \
           so callbacks may be over before anybody is called",
        ],
    );
}

#[test]
fn a_route_hides_another_only_while_it_matches() {
    let hours = |hours: &str| ROUTE.replace("go =", &format!("hours = \"{hours}\"\ngo ="));
    let day = hours("09:00-18:00");
    check_warnings(&format!("{QUEUE}{OPERATOR}{day}{ROUTE}"), &[]);
    check_warnings(&format!("{QUEUE}{OPERATOR}{day}{}", hours("18:00-09:00")), &[]);
    let hidden = |line| {
        format!(
            "a:{line}: this [[route]] is never reached: the one at a:8 takes all its calls; put it above \
             that"
        )
    };
    check_warnings(&format!("{QUEUE}{OPERATOR}{day}{day}"), &[&hidden(12)]);
    check_warnings(&format!("{QUEUE}{OPERATOR}{ROUTE}{day}"), &[&hidden(11)]);
}
