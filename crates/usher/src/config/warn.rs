//! What is allowed, but hardly meant.

use std::time::Duration;

use b2bua::config::{Before, Go, Level, Limits, Media, Name, Queue, Rank, Record, Then};
use b2bua::{Audio, Making};

use super::fault::Report;
use super::section::Section;
use super::setup::{HttpSetup, MediaSetup, Role, TokenSetup};
use super::source::At;
use super::{hours, menu, operator, queue, route};
use crate::sound::{SoundSetup, prompt_names};

/// What has places to send calls to.
type Read<'a> = (&'a [queue::Read], &'a [menu::Read], &'a [route::Read]);

pub(super) fn all(
    root: &Section<'_>,
    operators: &[operator::Read],
    read: Read<'_>,
    (http, auto_connect): (&HttpSetup, bool),
) {
    let report = root.report;
    of_queues((report, auto_connect), operators, read);
    of_operators(report, operators);
    if read.2.is_empty() {
        report.warn(root.at, "there is no [[route]]: calls from trunks are refused with 404");
    }
    let example = |token: &&TokenSetup| &*token.secret == "change-me";
    if let Some(token) = http.tokens.iter().find(example)
        && !http.listen.ip().is_loopback()
    {
        report.warn(
            root.at,
            format!(
                "[[http.token]] `{}` has the secret of the example, and [http] listens beyond this \
                 machine; choose another",
                token.name
            ),
        );
    }
    for token in &http.tokens {
        let own = operators.iter().find(|operator| operator.core.id == token.name);
        let watches = own.is_some_and(|operator| !operator.core.supervises.is_empty());
        if token.role == Role::Supervisor && token.supervises.is_empty() && !watches {
            report.warn(
                root.at,
                format!(
                    "[[http.token]] `{}` is a supervisor's and may watch no call: neither it nor an \
                     operator of its name `supervises` a queue",
                    token.name
                ),
            );
        }
    }
    if http.tokens.is_empty() {
        report.warn(root.at, "there is no [[http.token]]: nobody can use the API or `usher ctl`");
    }
}

/// Everywhere that calls can be sent to.
fn ways<'a>(
    queues: &'a [queue::Read],
    menus: &'a [menu::Read],
    routes: &'a [route::Read],
) -> impl Iterator<Item = &'a Go> {
    let of_queue = |queue: &'a queue::Read| {
        let limits = queue.core.on_limit.iter().filter_map(|step| match &step.then {
            Then::Go(go) => Some(go),
            Then::Wait | Then::HangUp(_) => None,
        });
        limits.chain(queue.core.exits.values()).chain(&queue.core.after)
    };
    let of_menu = |menu: &'a menu::Read| menu.core.keys.values().chain([&menu.core.otherwise]);
    let of_routes = routes.iter().map(|route| &route.core.go);
    of_routes.chain(menus.iter().flat_map(of_menu)).chain(queues.iter().flat_map(of_queue))
}

fn of_queues(
    (report, auto_connect): (&Report, bool),
    operators: &[operator::Read],
    (queues, menus, routes): Read<'_>,
) {
    for queue in queues {
        let name = &queue.core.name;
        if !operators.iter().any(|operator| operator.core.queues.contains(name)) {
            report.warn(
                &queue.at,
                format!(
                    "nobody can serve queue `{name}`; add queues = [\"{name}\"] to an [[operator]]"
                ),
            );
        }
        of_skills(report, operators, queue);
        of_hours(report, queue);
        let leads = |go: &Go| matches!(go, Go::Queue { queue, .. } if queue == name);
        if queue.core.number.is_none() && !ways(queues, menus, routes).any(leads) {
            report.warn(
                &queue.at,
                format!("nothing leads to queue `{name}`; give it a `number`, or a [[route]]"),
            );
        }
        if !(auto_connect && queue.core.auto_connect) {
            report.warn(
                &queue.at,
                format!("queue `{name}` connects nobody by itself: `auto_connect` is off"),
            );
        }
    }
}

/// Whether it takes calls, and calls back, at all.
fn of_hours(report: &Report, queue: &queue::Read) {
    let Queue { name, calendar, callback, .. } = &queue.core;
    if calendar.is_never_open(hours::now()) {
        report.warn(
            &queue.at,
            format!(
                "queue `{name}` is never open: all that its `hours` leave are `holidays`, for the \
                 next 400 days"
            ),
        );
    }
    let Some(policy) = callback else { return };
    let pause = policy.hours.as_ref().map_or(Duration::ZERO, hours::longest_pause);
    if pause >= Duration::from_millis(policy.expires_ms) {
        report.warn(
            &queue.at,
            format!(
                "`callback` of queue `{name}` has `hours` that pause for {} s and `expires_s` of {} s, \
                 so callbacks may be over before anybody is called",
                pause.as_secs(),
                policy.expires_ms / 1_000
            ),
        );
    }
}

/// Who could be given a call of the queue at all.
fn of_skills(report: &Report, operators: &[operator::Read], queue: &queue::Read) {
    let (name, asks) = (&queue.core.name, &queue.core.asks);
    let held = |skill: &Name, operator: &operator::Read| {
        operator.core.skills.iter().find(|(held, _)| held == skill).map_or(0, |(_, level)| *level)
    };
    let rings: Vec<&[Level]> = core::iter::once(&asks.skills[..])
        .chain(asks.relax.iter().map(|(_, skills)| &skills[..]))
        .collect();
    let mut missing: Vec<&Name> = rings
        .iter()
        .flat_map(|skills| skills.iter())
        .filter(|(skill, level)| {
            *level > 0 && operators.iter().all(|operator| held(skill, operator) == 0)
        })
        .map(|(skill, _)| skill)
        .collect();
    missing.sort();
    missing.dedup();
    for skill in missing {
        report
            .warn(&queue.at, format!("queue `{name}` asks for skill `{skill}`, which nobody has"));
    }
    let serving =
        || operators.iter().filter(|operator| operator.core.queues.contains(&queue.core.name));
    let meets = |skills: &[Level]| {
        serving()
            .any(|operator| skills.iter().all(|(skill, level)| held(skill, operator) >= *level))
    };
    if serving().next().is_none() || meets(rings[0]) {
        return;
    }
    let first = asks.relax.iter().find(|(_, skills)| meets(skills));
    report.warn(
        &queue.at,
        match first {
            Some((after_ms, _)) => format!(
                "nobody who serves queue `{name}` has the `skills` it asks for, so each call waits \
                 {} s until it relaxes",
                after_ms / 1_000
            ),
            None => format!(
                "nobody who serves queue `{name}` has the `skills` it asks for, and no step of \
                 `relax` changes that"
            ),
        },
    );
}

fn of_operators(report: &Report, operators: &[operator::Read]) {
    // Operators of one range are one table, and one line.
    for table in operators.chunk_by(|one, next| one.at == next.at) {
        let operator = &table[0];
        let (rank, watched) = (operator.core.rank, &operator.core.supervises);
        if (rank == Rank::Supervisor) == watched.is_empty() {
            let what = match rank {
                Rank::Supervisor => "is a supervisor, and `supervises` no queue",
                Rank::Admin => "is an admin and may watch every call: `supervises` says nothing",
                Rank::Operator => "`supervises` queues, but is no supervisor by its `role`",
            };
            report.warn(&operator.at, format!("operator `{}` {what}", operator.core.id));
        }
        // Who only watches needs no queue.
        if !operator.core.queues.is_empty() || rank != Rank::Operator {
            continue;
        }
        report.warn(
            &operator.at,
            format!("operator `{}` is in no queue, and gets direct calls only", operator.core.id),
        );
    }
}

/// Two legs a call, two ports a leg.
pub(super) fn ports(root: &Section<'_>, media: &MediaSetup, limits: &Limits) {
    let report: &Report = root.report;
    let ports = usize::from(*media.ports.end()) - usize::from(*media.ports.start()) + 1;
    let calls = ports / 4;
    if calls < limits.calls_max {
        report.warn(
            root.at,
            format!(
                "`ports` of [media] are enough for {calls} calls of two legs, `max_calls` of \
                 [limits] is {}",
                limits.calls_max
            ),
        );
    }
}

/// Something that is said to people, and who goes without it where it cannot be.
struct Told<'a> {
    at: &'a At,
    /// As the fault names it.
    what: String,
    audio: Audio,
    language: &'a Name,
    without: &'static str,
}

/// Where what people are told cannot be said, the call goes on without it.
pub(super) fn words(
    report: &Report,
    (queues, menus, routes): Read<'_>,
    sounds: &SoundSetup,
    language: &Name,
) {
    let mut told = Vec::new();
    let mut tells = |at, what: String, audio: Audio, language, without| {
        told.push(Told { at, what, audio, language, without });
    };
    for queue in queues {
        let (at, name) = (&queue.at, &queue.core.name);
        let language = queue.core.language.as_ref().unwrap_or(language);
        let audio = match queue.core.pre_bridge.as_ref().map(|told| &told.before) {
            Some(Before::Play(name)) => Some(Audio::Prompt(vec![name.clone()])),
            Some(Before::Say(text)) => format!("say:{text}").parse().ok(),
            Some(Before::Decide) | None => None,
        };
        if let Some(audio) = audio {
            let what = format!("`pre_bridge` of queue `{name}`");
            tells(at, what, audio, language, "operators are told nothing");
        }
        for audio in queue.core.on_limit.iter().filter_map(|step| step.say.clone()) {
            let what = format!("`on_limit` of queue `{name}`");
            tells(at, what, audio, language, "callers are told nothing");
        }
    }
    for menu in menus {
        let (what, audio) = (format!("[[menu]] `{}`", menu.core.name), menu.core.prompt.clone());
        tells(&menu.at, what, audio, language, "callers are asked nothing");
    }
    for route in routes {
        if let Go::Announce(audio) = &route.core.go {
            let what = "[[route]]".to_owned();
            tells(&route.at, what, audio.clone(), language, "callers are told nothing");
        }
    }
    if told.is_empty() {
        return;
    }
    let there = prompt_names(sounds);
    for Told { at, what, audio, language, without } in told {
        let lacks = |name: &&Name| {
            !there.contains(*name) && !there.contains(&*format!("{language}/{name}"))
        };
        let warning = match &audio {
            Audio::Prompt(names) => names.iter().find(lacks).map(|name| {
                format!(
                    "{what} plays `{name}`, which is not there, so {without}; upload it, or see \
                     `prompts` of [media]"
                )
            }),
            Audio::Made(Making::Speak { .. }) if sounds.speech.is_empty() => {
                Some(format!("{what} says a text, and `speech` of [media] is empty, so {without}"))
            }
            _ => None,
        };
        if let Some(warning) = warning {
            report.warn(at, warning);
        }
    }
}

pub(super) fn recording(root: &Section<'_>, media: &Media, queues: &[queue::Read]) {
    let mut policies = queues.iter().map(|queue| queue.core.record.unwrap_or(media.record));
    let is_on = media.record != Record::Never || policies.any(|policy| policy != Record::Never);
    if let Some(table) = root.entry("recording")
        && !is_on
    {
        root.report.warn(
            &table.at,
            "[recording] is there, and nothing is recorded; `record` of [media] or of a [[queue]] \
             says what is",
        );
    }
}
