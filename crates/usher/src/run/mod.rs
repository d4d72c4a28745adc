//! The runtime: sockets, threads and clocks round the deterministic core.
//!
//! | thread | owns | fed by |
//! | --- | --- | --- |
//! | `core` | the switch; reads and sends datagrams itself | UDP, [`inbox`], the media threads' rings |
//! | `media`, one per core | an engine, its RTP sockets | a ring of commands, a bell |
//! | `events` | the order of what happened | a channel the core never waits for |
//! | `store` | the database | the same, behind `events` |
//! | `recorder` | the files of recordings | the media threads' rings, `events` |
//! | `webhook`, one per receiver | how far it has been told | the stored events |
//! | `io`, the runtime's | connections, DNS, HTTP | the network |
//! | main | signals, orders, reload, the end | all of them |

mod busy;
mod clock;
mod connections;
mod core;
mod dns;
mod doorbell;
mod events;
mod hooks;
mod inbox;
mod media;
mod ports;
mod receive;
mod recorder;
mod records;
mod reload;
mod route;
mod sounds;
mod start;
mod steer;
mod sys;
mod tcp;
mod udp;
mod webhooks;

use std::net::SocketAddr;

use crate::config::{Faults, Setup};
use clock::Clock;
use reload::Reloader;
use steer::Told;
use tokio::sync::mpsc;

/// Threads of the runtime at most: sockets are read faster than the core can think.
const IO_THREADS_MAX: usize = 4;
/// Threads for what blocks: name look-ups and the database's readers.
const BLOCKING_THREADS_MAX: usize = 16;

/// Why the node could not start, or ended when nobody had told it to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A listener.
    #[error("cannot listen on {}://{address}: {error}", what.to_lowercase())]
    Bind {
        /// The protocol.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// Not one pair of RTP ports.
    #[error("[media] ports: not one pair could be bound")]
    NoPorts,
    /// The database.
    #[error("store: {0}")]
    Store(#[from] store::StoreError),
    /// What webhooks have been told.
    #[error("data_dir, webhooks: {0}")]
    Webhooks(String),
    /// A thread, or what it needs.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// No seed.
    #[error("no random numbers from the system: {0}")]
    Chance(String),
    /// A fault of ours.
    #[error("thread {0} died of a fault; this is a bug")]
    Died(&'static str),
    /// Too slow an end.
    #[error("did not stop in time")]
    Stuck,
}

/// Runs a node until a signal ends it. `reload` reads the configuration again.
///
/// # Errors
/// It could not start, or a thread died.
pub(crate) fn serve(
    setup: Setup,
    reload: impl Fn() -> Result<Setup, Faults>,
) -> Result<(), Failure> {
    run(setup, reload, Told::signals)
}

/// The same for a node in a process whose signals are somebody else's: the first message of `ends`
/// drains it, the second one stops it.
///
/// # Errors
/// As [`serve`].
pub(crate) fn serve_for(
    setup: Setup,
    reload: impl Fn() -> Result<Setup, Faults>,
    ends: mpsc::UnboundedReceiver<()>,
) -> Result<(), Failure> {
    run(setup, reload, || Ok(Told::Owner(ends)))
}

fn run(
    setup: Setup,
    reload: impl Fn() -> Result<Setup, Faults>,
    told: impl FnOnce() -> Result<Told, Failure>,
) -> Result<(), Failure> {
    let clock = Clock::start();
    // Before there is any other thread.
    let descriptors = sys::raise_open_files();
    sys::make_room_for_files(start::descriptors_wanted(&setup.media).min(descriptors));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(IO_THREADS_MAX))
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("io")
        .enable_all()
        .build()
        .map_err(Failure::Thread)?;
    let ended = runtime.block_on(async {
        let node = start::start(&setup, clock, descriptors).await?;
        steer::steer(node, &Reloader::new(reload, setup), told()?).await
    });
    // Look-ups and connections that are still under way are nobody's any more.
    runtime.shutdown_background();
    ended
}
