//! `skills` of operators and queues, and how a queue's demand relaxes.

use b2bua::config::{Asks, Level};

use super::section::Section;
use super::source::Kind;

const LEVEL_MAX: i64 = 100;

/// `skills = { support = 3, russian = 5 }`.
pub(super) fn levels(section: &Section<'_>) -> Vec<Level> {
    let Some(table) = section.table("skills") else { return Vec::new() };
    let level = |entry: &super::source::Entry| match entry.value.kind {
        Kind::Whole(level) if (0..=LEVEL_MAX).contains(&level) => {
            Some((entry.key.as_str().into(), u32::try_from(level).ok()?))
        }
        _ => {
            section.report.fault(
                &entry.value.at,
                format!(
                    "`{}` in {} is no level; expected a whole number from 0 to {LEVEL_MAX}",
                    entry.key,
                    table.what()
                ),
            );
            None
        }
    };
    table.entries().iter().filter_map(level).collect()
}

/// `relax = [{ after_s = 30, skills = { support = 1 } }]`: each ring takes the place of the last.
pub(super) fn asks(section: &Section<'_>) -> Asks {
    let skills = levels(section);
    let shown = "relax = [{ after_s = 30, skills = { support = 1 } }]";
    let rings = section.tables("relax", shown);
    if rings.len() > acd::RINGS_MAX {
        let (most, what) = (acd::RINGS_MAX, section.what());
        section.report.fault(section.at, format!("`relax` of {what} has over {most} steps"));
    }
    let mut asks = Asks { skills, relax: Vec::new() };
    for ring in rings {
        let what = format!("`relax` of {}", section.what());
        if !ring.has("after_s") {
            ring.report.fault(ring.at, format!("a step of {what} has no `after_s`; add it"));
        }
        let after_ms = ring.seconds("after_s", Some(0), 0..=86_400).unwrap_or(0);
        let skills = levels(&ring);
        ring.finish(&[]);
        let (before_ms, before) =
            asks.relax.last().map_or((0, &asks.skills), |(ms, skills)| (*ms, skills));
        if after_ms < before_ms || (after_ms == before_ms && !asks.relax.is_empty()) {
            ring.report.fault(
                ring.at,
                format!("`after_s` of {what} is not later than that of the step before; sort them"),
            );
        }
        let more = skills.iter().find(|(name, level)| {
            !before.iter().any(|(other, before)| other == name && before >= level) && *level > 0
        });
        if let Some((name, level)) = more {
            ring.report.warn(
                ring.at,
                format!("a step of {what} asks for more than the one before: {name} {level}"),
            );
        }
        asks.relax.push((after_ms, skills));
    }
    asks
}
