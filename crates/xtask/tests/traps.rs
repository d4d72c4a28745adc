//! `sip-tests/TRAPS.md` names tests: they exist, where it says.

use std::fs;
use std::path::Path;

#[test]
fn every_test_that_the_table_of_traps_names_exists() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = crates.and_then(Path::parent).unwrap_or(Path::new("."));
    let table = fs::read_to_string(root.join("sip-tests/TRAPS.md")).unwrap_or_default();
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with('|')).skip(2).collect();
    assert!(rows.len() > 30, "the table has {} rows", rows.len());
    for row in rows {
        let cell = row.trim_end_matches('|').rsplit(" | ").next().unwrap_or_default();
        let mut file = String::new();
        let mut named = 0;
        for word in cell.split('`').skip(1).step_by(2) {
            if word.contains('/') {
                file = fs::read_to_string(root.join(word)).unwrap_or_default();
                assert!(!file.is_empty(), "no such file: {word}");
            } else if !file.is_empty() {
                // A test, or one of the deeds that are run with each phone.
                let is_there = file.contains(&format!("fn {word}("));
                assert!(is_there, "no test {word} where this says: {row}");
                named += 1;
            }
        }
        assert!(named > 0, "no test in: {row}");
    }
}
