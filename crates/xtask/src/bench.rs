//! `cargo xtask bench`: builds what is measured and what measures, and lets it measure.

use crate::system::{Failed, cargo, packages, step, target};

/// Passes everything behind `bench` on.
pub(crate) fn run(words: &[&str]) -> Result<(), Failed> {
    packages()?;
    // By itself, as `cargo xtask test` does: what others want of a dependency stays out of it.
    step("release build", &mut cargo("build --release --package usher"))?;
    step(
        "bench",
        cargo("run --release --quiet --package sip-tests --bin bench --")
            .args(words)
            .env("USHER_BIN", target().join("release").join("usher")),
    )
}
