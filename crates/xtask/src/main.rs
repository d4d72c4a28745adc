//! `cargo xtask`: the commands of the README, with nothing but std.
#![forbid(unsafe_code)]

mod bench;
mod demo;
mod fuzz;
mod sounds;
mod system;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  demo    A call centre at work in this terminal: callers, operators, real SIP and RTP on loopback
  test    Everything that decides whether a change is good: format, lints, documentation, build, tests
  bench   The figures of a release build, beside what they must be; `bench --help` names them
  sounds  Makes the spoken prompts that are compiled in, with espeak-ng and sox
  fuzz    libFuzzer over one target or all, for so many runs: fuzz [TARGET [RUNS]]
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test"] => test::run(),
        ["demo", more @ ..] => demo::run(more),
        ["sounds"] => sounds::run(),
        ["bench", more @ ..] => bench::run(more),
        ["fuzz", more @ ..] => fuzz::run(more),
        ["help" | "--help" | "-h"] => {
            eprint!("{USAGE}");
            Ok(())
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(system::Failed(code)) => ExitCode::from(code),
    }
}
