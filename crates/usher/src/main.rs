//! The usher binary: configuration, sockets, threads, command line.
#![forbid(unsafe_code)]

mod config;
mod run;

fn main() {}
