//! `[[route]]`: the first that matches decides.

use b2bua::config::{Go, Route};

use super::fault::Report;
use super::names::{Names, Thing};
use super::section::{Section, Text};
use super::source::{At, Kind};
use super::{destination, hours, trunk};

/// A route as the core sees it.
pub(super) struct Read {
    pub(super) at: At,
    pub(super) core: Route,
}

pub(super) fn read(section: &Section<'_>, names: &mut Names) -> Read {
    let pattern = |key| {
        let text = section.text(key, "an expression such as \"^600$\"")?;
        Some(expression(section, key, text))
    };
    let (to, from) = (pattern("to"), pattern("from"));
    let trunk = section.text("trunk", "a trunk's name");
    if let Some(trunk) = trunk {
        names.refer(Thing::Trunk, trunk, section.what());
    }
    let header = section.table("header").map(|table| headers(&table)).unwrap_or_default();
    let hours = hours::read(section);
    let go = if section.has("go") {
        section.table("go").and_then(|table| destination::read(&table, names))
    } else {
        section.entry("go");
        section.report.fault(
            section.at,
            "[[route]] has no `go`; expected such as go = { queue = \"support\" }",
        );
        None
    };
    section.finish(&["name"]);
    Read {
        at: section.at.clone(),
        core: Route {
            to,
            from,
            trunk: trunk.map(|trunk| trunk.text.into()),
            header,
            hours,
            // With a fault nothing of this is run.
            go: go.unwrap_or(Go::Drop),
        },
    }
}

/// A regular expression. One that does not compile is a fault, and returned all the same: as long
/// as it is there, its route is not one that takes every call.
pub(super) fn expression(section: &Section<'_>, key: &str, text: Text<'_>) -> String {
    if let Err(error) = regex_lite::Regex::new(text.text) {
        section.report.fault(
            text.at,
            format!(
                "`{key}` of {} is `{}`, which is no regular expression: {error}; in TOML, '…' \
                 spares doubling each \\",
                section.what(),
                text.text
            ),
        );
    }
    text.text.to_owned()
}

fn headers(table: &Section<'_>) -> Vec<(b2bua::config::Name, String)> {
    let mut headers = Vec::new();
    for entry in table.entries() {
        if !sip::msg::is_token(&entry.key) {
            table.report.fault(
                &entry.value.at,
                format!("`{}` is no name of a header field; expected such as X-Line", entry.key),
            );
        }
        let Kind::Text(text) = &entry.value.kind else {
            table.report.fault(
                &entry.value.at,
                format!("`{}` is {}; expected an expression", entry.key, entry.value.kind.name()),
            );
            continue;
        };
        let text = Text { at: &entry.value.at, text };
        headers.push((entry.key.as_str().into(), expression(table, &entry.key, text)));
    }
    headers
}

/// Whether a pattern lets everything through.
fn is_open(pattern: Option<&String>) -> bool {
    pattern.is_none_or(|pattern| ["", "^", ".*", "^.*", "^.*$", ".*$"].contains(&pattern.as_str()))
}

/// Routes that nothing reaches, and trunks that cannot be called.
pub(super) fn check(routes: &[Read], trunks: &[trunk::Read], report: &Report) {
    for (index, route) in routes.iter().enumerate() {
        if let Go::Number { trunk, .. } = &route.core.go
            && trunks.iter().any(|t| t.core.name == *trunk && t.core.proxy.is_none())
        {
            report.fault(
                &route.at,
                format!("[[route]] calls over trunk `{trunk}`, which has no `proxy`; add one"),
            );
        }
        let hides = |earlier: &&Read| {
            let (wide, narrow) = (&earlier.core, &route.core);
            let covered = |wide: &Option<String>, narrow: &Option<String>| {
                is_open(wide.as_ref()) || wide == narrow
            };
            covered(&wide.to, &narrow.to)
                && covered(&wide.from, &narrow.from)
                && (wide.trunk.is_none() || wide.trunk == narrow.trunk)
                && (wide.hours.is_none() || wide.hours == narrow.hours)
                && wide.header.iter().all(|header| narrow.header.contains(header))
        };
        if let Some(earlier) = routes[..index].iter().find(hides) {
            report.warn(
                &route.at,
                format!(
                    "this [[route]] is never reached: the one at {}:{} takes all its calls; put it \
                     above that",
                    earlier.at.file.display(),
                    earlier.at.line
                ),
            );
        }
    }
}
