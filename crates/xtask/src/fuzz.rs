//! `cargo xtask fuzz`: gives the targets of `crates/fuzz` to libFuzzer, one after the other.

use std::fs;
use std::process::Command;

use crate::system::{Failed, root, step, target, works};

/// How many inputs a target is tried with unless it is said: what a release has behind it.
const RUNS: u64 = 10_000_000;

/// A target: its name, its dictionary, the longest input and a part of the runs, since a sequence
/// takes as long as many messages.
struct Target(&'static str, &'static str, u32, u64);

/// As `crates/fuzz` has them.
const TARGETS: &[Target] = &[
    Target("message", "sip", 4096, 1),
    Target("stream", "sip", 4096, 1),
    Target("uri", "sip", 256, 1),
    Target("headers", "sip", 256, 1),
    Target("auth", "sip", 256, 1),
    Target("multipart", "sip", 4096, 1),
    Target("sdp", "sdp", 4096, 1),
    Target("endpoint", "sip", 256, 10),
    Target("switch", "sip", 512, 10),
];

/// Runs one target or all of them; the first that finds something ends it.
pub(crate) fn run(words: &[&str]) -> Result<(), Failed> {
    let (name, runs) = match words {
        [] => (None, RUNS),
        [name] => (Some(*name), RUNS),
        [name, runs] => (Some(*name), runs.parse().map_err(|_| usage())?),
        _ => return Err(usage()),
    };
    let all = name.is_none_or(|name| name == "all");
    let wanted = |target: &&Target| all || name == Some(target.0);
    let wanted: Vec<&Target> = TARGETS.iter().filter(wanted).collect();
    if wanted.is_empty() {
        return Err(usage());
    }
    provided()?;
    for target in wanted {
        one(target, if words.len() == 2 { runs } else { runs / target.3 })?;
    }
    Ok(())
}

fn usage() -> Failed {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.0).collect();
    eprintln!("Usage: cargo xtask fuzz [all|{} [RUNS]]", names.join("|"));
    Failed(2)
}

/// Names what libFuzzer needs beyond a stable compiler, if it is not there.
fn provided() -> Result<(), Failed> {
    let needs = [
        ("+nightly --version", "a nightly compiler: rustup toolchain install nightly"),
        ("fuzz --version", "cargo-fuzz: cargo install cargo-fuzz --locked"),
    ];
    // Through rustup, which alone knows `+nightly`.
    let is_missing = |words: &str| !works(Command::new("cargo").args(words.split_whitespace()));
    let missing: Vec<&str> =
        needs.iter().filter(|(words, _)| is_missing(words)).map(|(_, what)| *what).collect();
    for what in &missing {
        eprintln!("missing: {what}");
    }
    if missing.is_empty() { Ok(()) } else { Err(Failed(1)) }
}

/// Without a sanitizer: the core forbids `unsafe`, so that one would slow it down and find nothing.
/// What is tried out on the way is kept under `target`; the seeds stay as they are.
fn one(Target(name, dictionary, length_max, _): &Target, runs: u64) -> Result<(), Failed> {
    let corpus = target().join("fuzz").join(name);
    let found = target().join("fuzz").join("found");
    for folder in [&corpus, &found] {
        fs::create_dir_all(folder).map_err(|error| {
            eprintln!("{}: {error}", folder.display());
            Failed(1)
        })?;
    }
    let ours = root().join("crates").join("fuzz");
    let mut fuzz = Command::new("cargo");
    fuzz.current_dir(root())
        .args([
            "+nightly",
            "fuzz",
            "run",
            "--sanitizer",
            "none",
            "--fuzz-dir",
            "sip-tests/fuzz",
            name,
        ])
        .args([&corpus, &ours.join("seeds").join(name)])
        .arg("--")
        .args([format!("-runs={runs}"), format!("-max_len={length_max}")])
        .arg(format!("-dict={}/dictionaries/{dictionary}.dict", ours.display()))
        .arg(format!("-artifact_prefix={}/{name}-", found.display()))
        .env("CARGO_TARGET_DIR", target().join("libfuzzer"));
    step(&format!("fuzz {name}: {runs} runs"), &mut fuzz)
}
