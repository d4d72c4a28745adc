//! `[[menu]]`, and the keys by which one leaves a queue.

use std::collections::BTreeMap;

use b2bua::Audio;
use b2bua::config::{Go, Menu};

use super::destination;
use super::names::{Names, Thing};
use super::section::Section;
use super::source::{At, Kind};

pub(super) const KEYS: &str = "0123456789*#";

/// A menu as the core sees it.
pub(super) struct Read {
    pub(super) at: At,
    pub(super) core: Menu,
}

pub(super) fn read(mut section: Section<'_>, names: &mut Names) -> Read {
    let name = section.required("name", "a name such as \"main\"");
    let text = name.map_or("", |name| name.text);
    section.is_called(text);
    if name.is_some() {
        names.define(Thing::Menu, text, section.at, section.report);
    }
    let prompt = destination::audio(&section, "prompt");
    let keys = keys(&section, "keys", names);
    if keys.is_empty() {
        section.report.fault(
            section.at,
            format!(
                "{} has no `keys`; expected such as {{ \"1\" = {{ queue = \"support\" }} }}",
                section.what()
            ),
        );
    }
    let otherwise = match section.table("otherwise") {
        Some(table) => destination::read(&table, names),
        None => {
            section.report.fault(
                section.at,
                format!(
                    "{} has no `otherwise`; expected such as {{ queue = \"support\" }}",
                    section.what()
                ),
            );
            None
        }
    };
    let core = Menu {
        name: text.into(),
        // With a fault nothing of this is run.
        prompt: prompt.unwrap_or_else(|| Audio::Prompt(Vec::new())),
        keys,
        timeout_ms: section.seconds("timeout_s", None, 1..=60).unwrap_or(5_000),
        retries: section.whole("retries", 2, 0..=10),
        otherwise: otherwise.unwrap_or(Go::Drop),
    };
    section.finish(&[]);
    Read { at: section.at.clone(), core }
}

/// Where each key leads.
pub(super) fn keys(
    section: &Section<'_>,
    key: &'static str,
    names: &mut Names,
) -> BTreeMap<char, Go> {
    let mut found = BTreeMap::new();
    let Some(table) = section.table(key) else { return found };
    for entry in table.entries() {
        let mut digits = entry.key.chars();
        let digit = digits.next().filter(|digit| KEYS.contains(*digit) && digits.next().is_none());
        let what = format!("key `{}` in {}", entry.key, table.what());
        let Some(digit) = digit else {
            let fault = format!("{what}: expected one of 0 to 9, * and #");
            table.report.fault(&entry.value.at, fault);
            continue;
        };
        let Kind::Table(inner) = &entry.value.kind else {
            let fault = format!(
                "{what} is {}; expected such as {{ queue = \"support\" }}",
                entry.value.kind.name()
            );
            table.report.fault(&entry.value.at, fault);
            continue;
        };
        let go = Section::of(&what, &entry.value.at, inner, table.report);
        found.extend(destination::read(&go, names).map(|go| (digit, go)));
    }
    found
}
