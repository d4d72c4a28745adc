//! Skills, strategies, and what belongs to them.

use super::{OPERATOR, QUEUE, ROUTE, check, check_warnings, sound};

#[test]
fn what_is_asked_for_and_held() {
    let setup = sound(&format!(
        "{QUEUE}skills = {{ support = 3, russian = 1 }}\n\
         relax = [{{ after_s = 30, skills = {{ support = 1 }} }}, {{ after_s = 60.5 }}]\n\
         {OPERATOR}skills = {{ support = 5, russian = 3 }}\nweight = 4\n"
    ));
    let (queue, operator) = (&setup.core.queues[0], &setup.core.operators[0]);
    let levels = |all: &[(&str, u32)]| -> Vec<b2bua::config::Level> {
        all.iter().map(|(name, level)| ((*name).into(), *level)).collect()
    };
    assert_eq!(queue.asks.skills, levels(&[("support", 3), ("russian", 1)]));
    let relax = [(30_000, levels(&[("support", 1)])), (60_500, Vec::new())];
    assert_eq!(queue.asks.relax, relax);
    assert_eq!(operator.skills, levels(&[("support", 5), ("russian", 3)]));
    assert_eq!(operator.weight, 4);

    check(
        &format!(
            "{QUEUE}skills = {{ a = 101, b = \"x\" }}\n\
             relax = [{{ after_s = 9 }}, {{ after_s = 9, skill = 1 }}, {{ skills = 3 }}]\n"
        ),
        &[
            "a:4: `a` in `skills` of [[queue]] `q` is no level; expected a whole number from 0 \
             to 100",
            "a:4: `b` in `skills` of [[queue]] `q` is no level; expected a whole number from 0 \
             to 100",
            "a:5: `after_s` of `relax` of [[queue]] `q` is not later than that of the step before; \
                 sort them",
            "a:5: `skills` of relax = [{ after_s = 30, skills = { support = 1 } }] is a whole \
                 number; expected a table",
            "a:5: a step of `relax` of [[queue]] `q` has no `after_s`; add it",
            "a:5: unknown key `skill` in relax = [{ after_s = 30, skills = { support = 1 } }]; \
                 did you mean `skills`?",
        ],
    );
    let many = (1..10).map(|n| format!("{{ after_s = {n} }}")).collect::<Vec<_>>().join(",");
    check(
        &format!("{QUEUE}relax = [{many}]\n"),
        &["a:1: `relax` of [[queue]] `q` has over 8 steps"],
    );
}

#[test]
fn who_could_serve_at_all() {
    let check = |asks: &str, held: &str, expected: &[&str]| {
        check_warnings(&format!("{QUEUE}{asks}\n{OPERATOR}{held}\n{ROUTE}"), expected);
    };
    let (one, two) = ("skills = { a = 1 }", "skills = { a = 2, b = 1 }");
    check(one, two, &[]);
    check(
        two,
        one,
        &[
            "a:1: nobody who serves queue `q` has the `skills` it asks for, and no step of `relax` \
             changes that",
            "a:1: queue `q` asks for skill `b`, which nobody has",
        ],
    );
    check(
        "skills = { a = 9 }\nrelax = [{ after_s = 20, skills = { a = 2 } }]",
        two,
        &[
            "a:1: nobody who serves queue `q` has the `skills` it asks for, so each call waits 20 s \
           until it relaxes",
        ],
    );
    check(
        "skills = { a = 1 }\nrelax = [{ after_s = 20, skills = { a = 1, b = 1 } }]",
        two,
        &["a:5: a step of `relax` of [[queue]] `q` asks for more than the one before: b 1"],
    );
}

#[test]
fn what_means_nothing() {
    let check = |keys: &str, expected: &str| {
        check_warnings(
            &format!("{QUEUE}{keys}\n{OPERATOR}{ROUTE}"),
            &[&format!("a:1: [[queue]] `q`: {expected}")],
        );
    };
    check(
        "step_s = 3",
        "`step_s` is of the strategy progressive, and means nothing to longest-idle",
    );
    check(
        "strategy = \"progressive\"\nstep_s = 20",
        "`step_s` is not below `ring_s`; never more than one phone rings",
    );
    check("sticky_wait_s = 5", "`sticky_wait_s` means nothing without `sticky_s`");
    check(
        "strategy = \"best-skill\"",
        "best-skill compares the skills that a queue asks for, and it asks for none",
    );
}

#[test]
fn an_operator_who_does_not_answer_may_be_signed_out() {
    let setup = sound(&format!("{QUEUE}rona = {{ after = 1, state = \"offline\" }}\n{OPERATOR}"));
    let queue = &setup.core.queues[0];
    assert_eq!((queue.rona_after, queue.rona_state), (1, acd::RonaState::Offline));
}

#[test]
fn a_day_begins_somewhere() {
    let zone = |text: &str| sound(&format!("[node]\n{text}\n{QUEUE}{OPERATOR}")).time_zone;
    assert_eq!(zone(""), jiff::tz::TimeZone::UTC);
    assert_eq!(zone("time_zone = \"Europe/Moscow\"").iana_name(), Some("Europe/Moscow"));
    check(
        "[node]\ntime_zone = \"Europe/Muscovy\"\n",
        &["a:2: `time_zone` of [node] is `Europe/Muscovy`; expected a time zone such as \
           \"Europe/Moscow\""],
    );
}
