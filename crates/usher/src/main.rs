//! The usher binary: configuration, sockets, threads, command line.
#![forbid(unsafe_code)]

mod cli;
mod client;
mod config;
mod demo;
mod run;
mod sound;

use std::process::ExitCode;

/// Messages, events and rows are many small pieces, freed by other threads than made them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
