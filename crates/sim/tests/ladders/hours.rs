//! A queue that opens and closes by itself. The simulated clock begins at 14:13:20 UTC on a Monday.

use b2bua::config::{Abandoned, Calendar, Hours};
use sim::{Caller, Scenario};

use super::{callbacks, check};

fn house(hours: &str, callers: Vec<Caller>) -> Scenario {
    let mut scenario = Scenario::quiet(1);
    let hours = Hours::parse(hours);
    assert!(hours.is_ok(), "{hours:?}");
    scenario.reception.calendar = Calendar { hours: hours.ok(), holidays: Vec::new() };
    scenario.operators[0].hang_up_permille = 0;
    scenario.operators[0].answer_ms = 300;
    scenario.operators[0].ignore_permille = 0;
    scenario.wrap_up_s = 1;
    scenario.callers = callers;
    scenario
}

#[test]
fn a_queue_closes_and_opens_by_its_hours() {
    let talks = Caller { talk_ms: 10_000, ..Caller::calm(34_000) };
    let callers = vec![talks, Caller::calm(37_000), Caller::calm(42_000), Caller::calm(101_000)];
    let about = [
        "behaviours.md, Callers 6: a queue closes by its hours at 40 s, and opens at 100 s. Who waits then",
        "is served; who calls then is told so (the default of on_limit), and not let in; who calls when it",
        "is open again is served.",
    ];
    let hours = "Mo 09:00-17:14,17:15-18:00 Europe/Moscow";
    check("hours-closed.txt", &about, &house(hours, callers));
}

#[test]
fn a_callback_waits_for_its_hours() {
    let gives_up = callbacks::with(2_000, |house| {
        house.abandoned = Abandoned::CalledBack;
        house.policy.hours = Hours::parse("Mo 17:14-17:15 Europe/Moscow").ok();
        house.away_permille = 1_000;
        house.policy.attempts_max = 3;
        house.policy.gap_ms = 50_000;
    });
    let about = [
        "behaviours.md, Choosing 9: quiet hours. Nobody is asked to call until 40 s. The customer does not",
        "answer; the next attempt would be a week later, when `expires_s` is over: there is none.",
    ];
    check("callback-hours.txt", &about, &gives_up);
}
