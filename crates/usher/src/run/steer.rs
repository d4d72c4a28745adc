//! The main thread: signals or whoever runs the node, the API's orders, the wall clock, the end.

use std::time::Duration;

use api::Order;
use b2bua::Input;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::Failure;
use super::clock::{self, Jumps};
use super::inbox::{Inbox, Item};
use super::reload::Reloader;
use super::start::{self, Ended, Node};
use crate::config::{Faults, Setup};

/// How often the wall clock is compared.
const WALL_EVERY: Duration = Duration::from_secs(10);
/// How long after [`Item::Stop`] the core may take; it limits itself to five seconds.
const STOP_WITHIN: Duration = Duration::from_secs(6);
/// How long the events thread and the API may take to finish.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// Where it comes from that the node is to end or to reload.
pub(super) enum Told {
    /// From the signals of the process.
    Signals {
        /// SIGTERM.
        term: Signal,
        /// SIGINT.
        int: Signal,
        /// SIGHUP.
        hup: Signal,
    },
    /// From its owner in the same process: each message is an [`Act::End`].
    Owner(mpsc::UnboundedReceiver<()>),
}

/// What the node is told.
enum Act {
    /// To drain, and the second time to stop.
    End,
    Reload,
}

impl Told {
    /// All signals that mean something to a node.
    pub(super) fn signals() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::Thread);
        let (term, int) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
        Ok(Self::Signals { term, int, hup: on(SignalKind::hangup())? })
    }

    async fn next(&mut self) -> Act {
        match self {
            Self::Signals { term, int, hup } => tokio::select! {
                _ = term.recv() => Act::End,
                _ = int.recv() => Act::End,
                _ = hup.recv() => Act::Reload,
            },
            Self::Owner(ends) => match ends.recv().await {
                Some(()) => Act::End,
                None => std::future::pending().await,
            },
        }
    }
}

/// How the end goes on.
struct Ending {
    draining: bool,
    stop_by: Option<Instant>,
    died: Option<&'static str>,
    /// Threads that have finished before the core said that it has: theirs ends with its own.
    finished: Vec<&'static str>,
}

impl Ending {
    /// First drain, then stop.
    async fn told(&mut self, inbox: &Inbox) {
        if self.draining {
            tracing::info!("stopping");
            self.stop(inbox).await;
        } else {
            self.draining = true;
            tracing::info!("draining: no new calls; the next signal ends those that are left");
            inbox.drain().await;
        }
    }

    async fn stop(&mut self, inbox: &Inbox) {
        if self.stop_by.is_none() {
            self.stop_by = Some(Instant::now() + STOP_WITHIN);
            let told = inbox.item_waiting(Item::Stop);
            // A core that hangs takes nothing in.
            let _ = timeout(STOP_WITHIN, told).await;
        }
    }
}

/// Works until the core has ended, and then sees that everything said is stored.
pub(super) async fn steer(
    mut node: Node,
    reloader: &Reloader<impl Fn() -> Result<Setup, Faults>>,
    mut told: Told,
) -> Result<(), Failure> {
    let mut wall = interval(WALL_EVERY);
    wall.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut jumps = Jumps::new(node.clock.now(), clock::wall());
    let mut day = None;
    let mut ending = Ending { draining: false, stop_by: None, died: None, finished: Vec::new() };
    loop {
        let stop_by = ending.stop_by;
        let too_late = async {
            match stop_by {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            act = told.next() => match act {
                Act::End => ending.told(&node.inbox).await,
                Act::Reload => reload(None, &node, reloader).await,
            },
            Some(order) = node.orders.recv() => take(order, &node, reloader).await,
            _ = wall.tick() => {
                let (now, since_unix) = (node.clock.now(), clock::wall());
                let today = reloader.day(since_unix);
                if day.replace(today) != Some(today) {
                    node.inbox.input_waiting(Input::Day(today)).await;
                }
                if jumps.jumped(now, since_unix) {
                    tracing::warn!("the wall clock has been set");
                    node.inbox.input_waiting(Input::Wall { since_unix }).await;
                }
            }
            Some(Ended { name, panicked }) = node.ended.recv() => {
                if panicked {
                    tracing::error!("thread {name} died of a fault");
                    ending.died = ending.died.or(Some(name));
                }
                match (name, panicked) {
                    ("core", _) => break,
                    (_, true) => ending.stop(&node.inbox).await,
                    (_, false) => ending.finished.push(name),
                }
            }
            () = too_late => return Err(ending.died.map_or(Failure::Stuck, Failure::Died)),
        }
    }
    finish(node, &ending.finished).await?;
    ending.died.map_or(Ok(()), |name| Err(Failure::Died(name)))
}

async fn take(order: Order, node: &Node, reloader: &Reloader<impl Fn() -> Result<Setup, Faults>>) {
    match order {
        Order::Command { command, reply } => {
            let order = super::inbox::Order { command, reply };
            // One that finds no room is dropped with its reply: the API says 503.
            let _ = node.inbox.item(Item::Order(Box::new(order)));
        }
        Order::Reload { reply } => reload(Some(reply), node, reloader).await,
    }
}

/// Where the answer to a reload goes.
type Reloaded = oneshot::Sender<Result<(), Vec<String>>>;

/// The folders of sounds may take their time to be read: whoever waits does, nobody else.
async fn reload(
    reply: Option<Reloaded>,
    node: &Node,
    reloader: &Reloader<impl Fn() -> Result<Setup, Faults>>,
) {
    // Faults are in the log as well.
    let answer = |result| reply.map(|reply| reply.send(result));
    let setup = match reloader.reload(&node.inbox, &node.api).await {
        Ok(setup) => setup,
        Err(faults) => return drop(answer(Err(faults))),
    };
    let sounds = node.sounds.clone();
    let seed = start::chance().unwrap_or_default();
    let read = tokio::task::spawn_blocking(move || sounds.reload(setup, seed));
    let answer = async {
        let _ = read.await;
        answer(Ok(()))
    };
    tokio::spawn(answer);
}

/// The core is gone, and its events with it: waits until they are stored, and recordings whole.
async fn finish(mut node: Node, finished: &[&str]) -> Result<(), Failure> {
    drop(node.api_stop);
    let mut missing = vec!["events", "recorder"];
    missing.retain(|name| !finished.contains(name));
    let stored = async {
        while !missing.is_empty()
            && let Some(Ended { name, .. }) = node.ended.recv().await
        {
            missing.retain(|other| *other != name);
        }
    };
    let _ = timeout(FINISH_WITHIN, stored).await;
    let _ = timeout(FINISH_WITHIN, node.api_task).await;
    if missing.contains(&"recorder") {
        tracing::warn!("the disk is too slow: recordings are ended at the next start");
    }
    tracing::info!("ended");
    if missing.contains(&"events") { Err(Failure::Stuck) } else { Ok(()) }
}
