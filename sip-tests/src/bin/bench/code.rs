//! What needs no server: the benches of crates, and the simulator.

use std::env;
use std::process::Command;

use sip_tests::workspace;

use super::Options;
use super::report::{Report, Row};

fn cargo(words: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words.split_whitespace()).current_dir(workspace());
    command
}

/// What a bench prints.
fn bench(words: &str) -> String {
    let output = cargo(&format!("bench --quiet {words}")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The numbers in the line that begins with this word.
fn numbers(text: &str, word: &str) -> Vec<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    line.map_or(Vec::new(), |line| {
        line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    })
}

/// Decisions of the distributor.
pub(crate) fn acd(report: &mut Report, _: &Options) {
    let text = bench("-p acd --bench decide");
    for (word, what) in [("free", "an operator is free"), ("call", "a call comes")] {
        let micros: Vec<f64> = numbers(&text, word).iter().take(3).map(|ns| ns / 1e3).collect();
        report.row(
            Row::new(&format!("ACD decision when {what}, p50 / p99 / p99.9"), "µs", &micros)
                .limits(&[5.0, 20.0, 100.0], &[1.0, 3.0, 20.0]),
        );
    }
}

/// Reading an INVITE, against rsip.
pub(crate) fn parse(report: &mut Report, _: &Options) {
    let text = bench("-p sip --bench parse");
    let (ours, theirs) = (numbers(&text, "parse"), numbers(&text, "rsip"));
    let [ns, times] = ours.as_slice() else { panic!("no line `parse NS TIMES` in\n{text}") };
    report.row(
        Row::new("reading an INVITE: times as fast as rsip", "", &[*times])
            .limits(&[3.0], &[])
            .at_least()
            .note(format!("{ns} ns against {} ns", theirs.first().unwrap_or(&f64::NAN))),
    );
}

/// A frame of each codec, and of each change of rate.
pub(crate) fn codec(report: &mut Report, _: &Options) {
    let text = bench("-p media --bench codec");
    for line in text.lines().skip(1) {
        let Some((what, micros)) = line.split_once(' ') else { continue };
        let what = what.replace('_', " ");
        let micros = micros.trim().parse().expect("microseconds");
        let row = Row::new(&format!("20 ms, {what}"), "µs", &[micros]);
        let heavy = what == "encode opus";
        report.row(if heavy { row.limits(&[], &[120.0]) } else { row });
    }
}

/// A long day in virtual time.
pub(crate) fn sim(report: &mut Report, _: &Options) {
    let before = children_s();
    let status = cargo("run --release --quiet -p sim -- smooth 100000 200").status();
    let seconds = children_s() - before;
    if !status.is_ok_and(|status| status.success()) {
        report.fault("sim smooth 100000 200 did not hold");
    }
    report.row(
        Row::new("simulator: 100,000 calls, 200 operators", "s CPU", &[seconds])
            .note(format!("{:.0} calls a second of CPU", 100_000.0 / seconds)),
    );
}

/// CPU time of children that have ended, in seconds.
fn children_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(13).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
