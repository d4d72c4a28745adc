//! `[codes]`: feature codes, dialled and pressed.

use b2bua::config::{Codes, Name};

use super::section::Section;
use super::server::section;

/// Codes that begin as another one does could never be told from it.
pub(super) fn read(root: &Section<'_>) -> Codes {
    let table = section(root, "codes");
    let usual = Codes::default();
    let code = |key: &'static str, usual: &Name| code(&table, key, usual);
    let codes = Codes {
        ready: code("ready", &usual.ready),
        not_ready: code("not_ready", &usual.not_ready),
        monitor: code("monitor", &usual.monitor),
        whisper: code("whisper", &usual.whisper),
        barge: code("barge", &usual.barge),
        hold: code("hold", &usual.hold),
        two_party_help: code("two_party_help", &usual.two_party_help),
        three_party_help: code("three_party_help", &usual.three_party_help),
        cold_transfer: code("cold_transfer", &usual.cold_transfer),
        warm_transfer: code("warm_transfer", &usual.warm_transfer),
        complete: code("complete", &usual.complete),
        take_back: code("take_back", &usual.take_back),
        wait_ms: table.seconds("wait_s", None, 1..=30).unwrap_or(usual.wait_ms),
    };
    let named = codes.named();
    for (at, (key, one)) in named.iter().enumerate() {
        let clash = named[at + 1..].iter().find(|(_, other)| {
            !one.is_empty()
                && !other.is_empty()
                && (one.starts_with(&***other) || other.starts_with(&***one))
        });
        if let Some((other, _)) = clash {
            table.report.fault(
                table.at,
                format!("`{key}` and `{other}` of [codes] begin alike: one hides the other"),
            );
        }
    }
    table.finish(&[]);
    codes
}

fn code(table: &Section<'_>, key: &'static str, usual: &Name) -> Name {
    let expected = "`*` and up to 15 digits, such as \"*83\", or \"\" for none";
    let Some(text) = table.text(key, expected) else { return usual.clone() };
    let is_code = text.text.strip_prefix('*').is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    });
    if !is_code && !text.text.is_empty() {
        table
            .report
            .fault(text.at, format!("`{key}` of [codes] is `{}`; expected {expected}", text.text));
    }
    text.text.into()
}
