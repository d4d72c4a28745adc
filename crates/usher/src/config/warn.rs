//! What is allowed, but hardly meant.

use b2bua::config::{Before, Go, Limits, Media, Name, Rank, Record};

use super::fault::Report;
use super::section::Section;
use super::setup::{HttpSetup, MediaSetup, Role, TokenSetup};
use super::{operator, queue, route};
use crate::sound::{SoundSetup, prompt_names};

pub(super) fn all(
    root: &Section<'_>,
    operators: &[operator::Read],
    queues: &[queue::Read],
    routes: &[route::Read],
    http: &HttpSetup,
) {
    let report = root.report;
    of_queues(report, operators, queues, routes);
    of_operators(report, operators);
    if routes.is_empty() {
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

fn of_queues(
    report: &Report,
    operators: &[operator::Read],
    queues: &[queue::Read],
    routes: &[route::Read],
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
        let leads = |route: &route::Read| matches!(&route.core.go, Go::Queue { queue, .. } if queue == name);
        if queue.core.number.is_none() && !routes.iter().any(leads) {
            report.warn(
                &queue.at,
                format!("nothing leads to queue `{name}`; give it a `number`, or a [[route]]"),
            );
        }
        if !queue.core.auto_connect {
            report.warn(
                &queue.at,
                format!("queue `{name}` connects nobody by itself: `auto_connect` is off"),
            );
        }
    }
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

/// What operators are told before the bridge: where it cannot be, they are put through without.
pub(super) fn briefings(
    report: &Report,
    queues: &[queue::Read],
    sounds: &SoundSetup,
    language: &Name,
) {
    let told = |queue: &queue::Read| queue.core.pre_bridge.as_ref().map(|told| told.before.clone());
    if queues.iter().all(|queue| told(queue).is_none()) {
        return;
    }
    let there = prompt_names(sounds);
    for queue in queues {
        let name = &queue.core.name;
        let language = queue.core.language.as_ref().unwrap_or(language);
        match told(queue) {
            Some(Before::Play(prompt))
                if !there.contains(&prompt)
                    && !there.contains(&*format!("{language}/{prompt}")) =>
            {
                report.warn(
                    &queue.at,
                    format!(
                        "`pre_bridge` of queue `{name}` plays `{prompt}`, which is not there, so \
                         operators are told nothing; upload it, or see `prompts` of [media]"
                    ),
                );
            }
            Some(Before::Say(_)) if sounds.speech.is_empty() => report.warn(
                &queue.at,
                format!(
                    "`pre_bridge` of queue `{name}` says a text, and `speech` of [media] is empty, so \
                     operators are told nothing"
                ),
            ),
            _ => {}
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
