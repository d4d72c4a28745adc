//! The command line. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod check;
mod ctl;
mod explain;
pub(crate) mod http;
mod output;
mod table;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config;
use crate::demo;
use crate::run;
use check::{check_config, count};
use output::complain;

/// Call centre switch: callers wait in queues, operators' phones ring, calls are recorded in a
/// database, and everything can be seen and steered over HTTP.
#[derive(Debug, Parser)]
#[command(name = "usher", version, max_term_width = 100)]
struct Arguments {
    /// How log lines on standard error look.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or a filter such as `info,sip=debug`.
    /// Default: info; of `demo`: warn.
    #[arg(long, global = true, env = "RUST_LOG", value_name = "LEVEL")]
    log_level: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the switch. SIGHUP reloads the configuration, SIGTERM drains, a second SIGTERM stops.
    Serve(File),
    /// Show it at work: the switch on loopback, with callers and operators of its own who talk over
    /// real SIP and RTP.
    Demo(demo::Arguments),
    /// Check a configuration: exit 0, or 1 with every fault as FILE:LINE: what; what helps.
    CheckConfig(File),
    /// List, show and steer what a running switch does, over its HTTP interface.
    Ctl(ctl::Arguments),
    /// Say why a task went where it went, or why an operator is idle.
    Explain(explain::Arguments),
}

#[derive(Debug, clap::Args)]
struct File {
    /// The configuration.
    #[arg(short, long, value_name = "FILE", default_value = "configs/usher.toml")]
    config: PathBuf,
}

/// Reads the arguments and does what they say.
pub(crate) fn main() -> ExitCode {
    // On wrong usage this exits with 2 by itself, and with 0 for --help and --version.
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Command::Serve(file) => {
            let writer = BoxMakeWriter::new(std::io::stderr);
            logging(&arguments, "info", writer).and_then(|()| serve(&file.config))
        }
        Command::Demo(demo) => show(&arguments, demo),
        Command::CheckConfig(file) => check_config(&file.config),
        Command::Ctl(arguments) => ctl::run(arguments),
        Command::Explain(arguments) => explain::run(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The exit code.
    code: u8,
    /// For people, without a newline at the end.
    text: String,
}

impl Failure {
    /// Exit code 1.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { code: 1, text: text.into() }
    }

    fn usage(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }
}

fn logging(arguments: &Arguments, default: &str, writer: BoxMakeWriter) -> Result<(), Failure> {
    let level = arguments.log_level.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(level)
        .map_err(|error| Failure::usage(format!("usher: --log-level {level}: {error}")))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    // A file or a journal is read by programs: colours are for a terminal.
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    match arguments.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

fn show(arguments: &Arguments, demo: &demo::Arguments) -> Result<(), Failure> {
    let log = demo::Log::default();
    let writer = match demo.draws() && std::io::stderr().is_terminal() {
        true => {
            let log = log.clone();
            BoxMakeWriter::new(move || log.clone())
        }
        false => BoxMakeWriter::new(std::io::stderr),
    };
    logging(arguments, "warn", writer)?;
    demo::run(demo, &log)
}

fn serve(path: &Path) -> Result<(), Failure> {
    let loaded = config::load(path).map_err(|unusable| {
        Failure::failed(format!(
            "{}\nusher: not started: {}",
            unusable.faults,
            count(unusable.faults.0.len(), "fault")
        ))
    })?;
    for warning in loaded.warnings.0 {
        tracing::warn!("{warning}");
    }
    let reload = || {
        let loaded = config::load(path).map_err(|unusable| unusable.faults)?;
        for warning in loaded.warnings.0 {
            tracing::warn!("{warning}");
        }
        Ok(loaded.setup)
    };
    run::serve(loaded.setup, reload).map_err(|failure| Failure::failed(format!("usher: {failure}")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_sound() {
        super::Arguments::command().debug_assert();
    }
}
