//! `cargo xtask test`: the whole of CI. The cheapest steps come first; the tests come last, so that
//! the last lines of the output are their summary.

use crate::system::{Failed, cargo, components, packages, phones, step, target, works};

/// Runs every step, up to the first that fails.
pub(crate) fn run() -> Result<(), Failed> {
    packages()?;
    components()?;
    let python = phones()?;

    step("format", &mut cargo("fmt --all --check"))?;
    step("lints", &mut cargo("clippy --workspace --all-targets -- -D warnings"))?;
    step(
        "documentation",
        cargo("doc --no-deps --workspace --document-private-items --quiet")
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    if works(&mut cargo("deny --version")) {
        step(
            "licences and duplicates",
            &mut cargo("deny --all-features check licenses bans sources"),
        )?;
    } else {
        eprintln!(
            "\n==> licences and duplicates: SKIPPED, `cargo install cargo-deny --locked` first"
        );
    }
    step("release build", &mut cargo("build --release --package usher"))?;
    step(
        "tests",
        cargo("test --workspace --no-fail-fast")
            .env("USHER_BIN", target().join("release").join("usher"))
            .env("USHER_TEST_PYTHON", python),
    )
}
