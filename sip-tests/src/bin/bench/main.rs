//! The figures of a release build: `cargo xtask bench`.
//!
//! CPU time is quoted rather than elapsed time wherever that says the same, since it hardly hangs on
//! what else the machine does; what does hang on it stands in a note beside the load of the machine.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench prints, and ends by panicking where it cannot go on"
)]

mod code;
mod delay;
mod media;
mod memory;
mod overload;
mod profile;
mod quality;
mod report;
mod signalling;
mod sipp;

use std::process::ExitCode;

use report::Report;

const USAGE: &str = "\
Usage: cargo xtask bench [OPTION…] [FIGURE…]

Figures (all of them where none is named):
  start       from the start to the first answer, and idle memory
  signalling  CPU time of a call without media
  delay       from a caller's INVITE to the operator's
  gap         from an operator's freedom to their next INVITE
  capacity    calls a second without a failure
  overload    what happens at twice the capacity
  media       calls with audio: CPU time, memory, loss, delay
  memory      after ten thousand calls
  acd         a decision among 10,000 operators and 100,000 waiting
  parse       reading a message, against rsip
  codec       a frame of each codec, both ways, and of each change of rate
  sim         100,000 calls in virtual time
  quality     speech after loss and jitter, by PESQ, against baresip's receiver (espeak-ng, PyPI)

Options:
  --json FILE     the figures as JSON as well
  --rate N        calls a second offered by `overload` (twice what `capacity` found, or 2000) and by
                  `--profile signalling` (300)
  --profile NAME  where the time goes, by perf, instead of figures: signalling, media
";

/// Ports for audio, as many as the default configuration has.
const PORTS: u16 = 10_000;

/// What the command line says.
#[derive(Debug, Default)]
struct Options {
    names: Vec<String>,
    json: Option<String>,
    rate: Option<u32>,
    profile: Option<String>,
}

type Figure = fn(&mut Report, &Options);

const FIGURES: [(&str, Figure); 13] = [
    ("start", memory::start),
    ("signalling", signalling::cpu),
    ("delay", delay::through),
    ("gap", delay::gap),
    ("capacity", signalling::capacity),
    ("overload", overload::overload),
    ("media", media::media),
    ("memory", memory::after),
    ("acd", code::acd),
    ("parse", code::parse),
    ("codec", code::codec),
    ("sim", code::sim),
    ("quality", quality::quality),
];

fn options() -> Option<Options> {
    let mut options = Options::default();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--json" => options.json = Some(words.next()?),
            "--rate" => options.rate = Some(words.next()?.parse().ok()?),
            "--profile" => options.profile = Some(words.next()?),
            name if FIGURES.iter().any(|(known, _)| *known == name) => options.names.push(word),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--help" || word == "-h") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(options) = options() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(name) = &options.profile {
        return if profile::run(name, &options) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut report = Report::default();
    for (name, figure) in FIGURES {
        if options.names.is_empty() || options.names.iter().any(|wanted| wanted == name) {
            eprintln!("{name} …");
            figure(&mut report, &options);
        }
    }
    println!("{}", report.table());
    if let Some(file) = &options.json {
        std::fs::write(file, report.json()).expect("the file can be written");
    }
    if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
