//! The usher binary: configuration, sockets, threads, command line.
#![forbid(unsafe_code)]

mod cli;
mod config;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
