//! `usher demo`: the switch as `serve` runs it, on loopback, with callers and operators of its own.
//!
//! ```text
//! place      free ports, a folder, a configuration        → run::serve_for, on a thread
//! cast       who plays, and how they are
//! callers, operators: people with a peer each              → SIP over UDP and TCP
//! peer, way  a user agent: the endpoint of `sip`, the other way round
//! line, ear  everybody's audio on one thread               → RTP, and what was heard of it
//! desk       what the switch says of itself, over HTTP and a WebSocket
//! story, board, screen, summary, proof: what is shown
//! ```
//!
//! What is shown is what the API says. What people saw is compared with it at the end.

mod agenda;
mod board;
mod callers;
mod cast;
mod desk;
mod ear;
mod line;
mod log;
mod operators;
mod peer;
mod place;
mod proof;
mod screen;
mod show;
mod story;
mod summary;
mod way;

use std::io::IsTerminal as _;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use tokio::sync::mpsc;

use crate::cli::Failure;
use crate::config;
use crate::run;
pub(crate) use log::Log;
use place::Place;

/// Files that must be open at once: the database, everybody's sockets, ports for thirty calls.
const FILES_MIN: u64 = 256;
/// How often a start is tried.
const STARTS_MAX: u32 = 5;
/// The longest that can be asked for, in minutes: a week.
const MINUTES_MAX: f64 = 7.0 * 24.0 * 60.0;

/// Of `usher demo`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Arguments {
    /// End after so many minutes, 0.5 say; without it, Ctrl-C does.
    #[arg(long, value_name = "N", value_parser = minutes)]
    minutes: Option<Duration>,
    /// Print for five calls, or as many as it takes until one was put on hold, which tone each side
    /// sent and what the other heard; then end, with exit code 1 where something was not heard.
    #[arg(long)]
    audio_proof: bool,
}

impl Arguments {
    /// Whether the terminal is drawn upon, so that nothing else may write there.
    pub(crate) fn draws(&self) -> bool {
        std::io::stdout().is_terminal() && !self.audio_proof
    }
}

fn minutes(text: &str) -> Result<Duration, String> {
    let minutes = text.parse().ok().filter(|minutes| (0.0..=MINUTES_MAX).contains(minutes));
    let length = minutes.map(|minutes: f64| Duration::from_secs_f64(minutes * 60.0));
    length
        .filter(|length| !length.is_zero())
        .ok_or_else(|| format!("expected a number of minutes over 0, at most {MINUTES_MAX}"))
}

/// Runs the demonstration. `log` is what is logged meanwhile, where the terminal is drawn upon.
pub(crate) fn run(arguments: &Arguments, log: &Log) -> Result<(), Failure> {
    let files = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
    if files < FILES_MIN {
        return Err(Failure::failed(format!(
            "usher: this process may open only {files} files, and the demo wants {FILES_MIN}; \
             `ulimit -n` says and sets how many"
        )));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("usher: cannot start: {error}")))?;
    let mut starts = 1;
    let ended = loop {
        let place = Place::make()?;
        let server = Server::start(&place)?;
        let shown = runtime.block_on(show::run(arguments, log, &place, &server));
        match server.end() {
            // Somebody was quicker to take a port that was free.
            Err(run::Failure::Bind { .. } | run::Failure::NoPorts) if starts < STARTS_MAX => {
                starts += 1;
            }
            Err(failure) => break Err(Failure::failed(format!("usher: {failure}"))),
            Ok(()) => break shown,
        }
    };
    // What is still being asked of the switch is nobody's any more.
    runtime.shutdown_background();
    ended
}

/// The switch, on a thread.
struct Server {
    ends: mpsc::UnboundedSender<()>,
    thread: JoinHandle<Result<(), run::Failure>>,
}

impl Server {
    fn start(place: &Place) -> Result<Self, Failure> {
        let path = place.config();
        let loaded = config::load(&path).map_err(|unusable| {
            Failure::failed(format!("{}\nusher: not started", unusable.faults))
        })?;
        let reload = move || match config::load(&path) {
            Ok(loaded) => Ok(loaded.setup),
            Err(unusable) => Err(unusable.faults),
        };
        let (ends, told) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name("switch".to_owned())
            .spawn(move || run::serve_for(loaded.setup, reload, told))
            .map_err(|error| Failure::failed(format!("usher: cannot start a thread: {error}")))?;
        Ok(Self { ends, thread })
    }

    /// Whether it has ended by itself, which it never should.
    fn is_gone(&self) -> bool {
        self.thread.is_finished()
    }

    /// Ends it, where it has not ended yet; it limits the time that takes by itself.
    fn end(self) -> Result<(), run::Failure> {
        // The first drains, the second stops.
        let _ = self.ends.send(());
        let _ = self.ends.send(());
        self.thread.join().unwrap_or(Err(run::Failure::Died("switch")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_read() {
        assert_eq!(minutes("0.5"), Ok(Duration::from_secs(30)));
        for wrong in ["0", "-1", "NaN", "inf", "1e9", "1m", ""] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_configuration_is_fine() {
        let place = Place::make().unwrap();
        let loaded = config::load(&place.config()).unwrap();
        assert_eq!(loaded.warnings.to_string(), "");
        assert_eq!(loaded.setup.core.queues.len(), cast::QUEUES.len());
        assert_eq!(loaded.setup.core.operators.len(), cast::OPERATORS.len());
        let folder = place.config();
        drop(place);
        assert!(!folder.exists(), "it is removed again");
    }
}
