//! `callback` of a queue: how its callers are called back; and whether those are who give up.

use b2bua::config::{Abandoned, CallbackPolicy, First};

use super::fault::Report;
use super::menu::KEYS;
use super::names::{Names, Thing};
use super::section::Section;
use super::{hours, queue, trunk};

const EXAMPLE: &str = "callback = { trunk = \"carrier\" }";

/// None where there are no callbacks.
pub(super) fn read(section: &Section<'_>, names: &mut Names) -> Option<CallbackPolicy> {
    let table = section.table("callback")?;
    let enabled = table.switch("enabled", true);
    let trunk = table.text("trunk", "the trunk to call over");
    if let Some(trunk) = trunk {
        names.refer(Thing::Trunk, trunk, table.what());
    }
    let words = [("operator", First::Operator), ("customer", First::Customer)];
    let policy = CallbackPolicy {
        key: key(&table),
        trunk: trunk.map(|trunk| trunk.text.into()),
        first: table.choice("first", &words, &[]),
        confirm: table.switch("confirm", true),
        attempts_max: table.whole("attempts", 3, 1..=100),
        gap_ms: table.seconds("gap_s", None, 1..=7 * 86_400).unwrap_or(600_000),
        expires_ms: table.seconds("expires_s", None, 1..=30 * 86_400).unwrap_or(86_400_000),
        share: share(&table),
        hours: hours::read(&table),
    };
    table.finish(&[]);
    enabled.then_some(policy)
}

/// What a caller presses; none where that is empty.
fn key(table: &Section<'_>) -> Option<char> {
    let expected = "one of 0 to 9, * and #, or \"\" for none";
    let Some(text) = table.text("key", expected) else { return Some('*') };
    let mut digits = text.text.chars();
    match (digits.next(), digits.next()) {
        (None, _) => None,
        (Some(digit), None) if KEYS.contains(digit) => Some(digit),
        _ => {
            let what = table.what();
            let fault = format!("`key` of {what} is `{}`; expected {expected}", text.text);
            table.report.fault(text.at, fault);
            None
        }
    }
}

/// Thousandths.
fn share(table: &Section<'_>) -> u32 {
    let share = table.fraction("share", 0.0, 0.0..=1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000")]
    let thousandths = (share * 1_000.0).round() as u32;
    thousandths
}

/// `on_abandon`; `policy` is what there is of callbacks.
pub(super) fn abandoned(section: &Section<'_>, policy: Option<&CallbackPolicy>) -> Abandoned {
    let words = [("remove", Abandoned::Removed), ("callback", Abandoned::CalledBack)];
    let then = section.choice("on_abandon", &words, &[]);
    if then == Abandoned::CalledBack && policy.is_none() {
        let has = match section.has("callback") {
            true => "its `callback` is not enabled",
            false => "it has no `callback`",
        };
        section.report.fault(
            section.at,
            format!(
                "{} calls back who gives up, and {has}; expected such as {EXAMPLE}",
                section.what()
            ),
        );
    }
    then
}

/// What is promised to a customer could not be kept over a trunk that calls nobody.
pub(super) fn check(queues: &[queue::Read], trunks: &[trunk::Read], report: &Report) {
    for queue in queues {
        let Some(name) = queue.core.callback.as_ref().and_then(|policy| policy.trunk.as_ref())
        else {
            continue;
        };
        if trunks.iter().any(|trunk| trunk.core.name == *name && trunk.core.proxy.is_none()) {
            report.fault(
                &queue.at,
                format!(
                    "`callback` of [[queue]] `{}` calls over trunk `{name}`, which has no `proxy`; \
                     add one",
                    queue.core.name
                ),
            );
        }
    }
}
