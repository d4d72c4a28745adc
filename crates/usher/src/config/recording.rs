//! `[recording]`, and the word that says whether calls are recorded.

use std::path::Path;

use b2bua::config::Record;

use super::section::Section;
use super::server::section;
use super::setup::RecordingSetup;

const POLICIES: &[(&str, Record)] =
    &[("never", Record::Never), ("always", Record::Always), ("on-demand", Record::OnDemand)];

/// `record` of `[media]` or of a queue, where it is there.
pub(super) fn policy(section: &Section<'_>) -> Option<Record> {
    let given = section.has("record");
    let policy = section.choice("record", POLICIES, &[]);
    given.then_some(policy)
}

pub(super) fn read(root: &Section<'_>, data_dir: &Path) -> RecordingSetup {
    let table = section(root, "recording");
    let given = table.text("dir", "a folder");
    let dir = given.map_or_else(|| data_dir.join("recordings"), |given| given.text.into());
    if let Some(given) = given.filter(|_| dir.exists() && !dir.is_dir()) {
        let text = format!("`dir` of [recording] is `{}`, which is no folder", given.text);
        table.report.fault(given.at, text);
    }
    let setup = RecordingSetup {
        dir,
        keep_days: table.whole("keep_days", 0, 0..=36_500),
        free_mb_min: table.whole("min_free_mb", 512, 0..=1_000_000_000),
    };
    table.finish(&[]);
    setup
}
