//! HTTP, WebSocket events, metrics.
//!
//! A fold of the event stream ([`Api::observe`]) answers every question about what is live; orders
//! go to the runtime over one channel ([`Order`]); what is over is asked of [`Records`]. Nothing
//! here can delay the switch: an order that finds no answer in time is a 503, a subscriber that
//! reads too slowly is closed.
#![forbid(unsafe_code)]

mod auth;
mod csv;
mod discreet;
mod document;
mod events;
mod fields;
mod idempotency;
mod intervals;
mod meters;
mod metrics;
mod model;
mod ports;
mod problem;
mod query;
mod routes;
mod scope;
mod sessions;
mod settings;
mod tally;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use b2bua::{Command, Reply, SharedEvent, Utc};
use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::events::Hub;
use crate::idempotency::Answered;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::problem::Problem;
use crate::sessions::Sessions;
pub use events::Topics;
pub use meters::Meters;
pub use ports::{
    By, Erased, LogLine, LogLines, Order, RecordPage, RecordQuery, RecordingFile, Records,
    RecordsError, ReportQuery, SoundEntry, SoundRefused, Sounds, StoredEvent,
};
pub use sessions::Secret;
pub use settings::{Check, Directory, OperatorEntry, QueueEntry, Role, Settings, Token};
pub use tally::{Heard, Timing};

/// How long open requests may take after the stop.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Reports and exports that are read at once: they shall leave the disk and the cores to calls.
const LONG_READS: usize = 2;

/// The API. Cloning shares it.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

/// What every request reaches.
pub(crate) struct Inner {
    settings: Settings,
    orders: mpsc::Sender<Order>,
    records: Option<Arc<dyn Records>>,
    metrics: Metrics,
    model: Model,
    hub: Hub,
    answered: Answered,
    sessions: Sessions,
    /// What the API says of itself.
    document: OnceLock<Bytes>,
    /// Those who read a long history at once; others wait for their turn.
    long_reads: Semaphore,
    stopping: watch::Sender<bool>,
    subscribers: Arc<Semaphore>,
}

impl Api {
    /// An API that has seen nothing yet. Without `records` what is over answers 503.
    #[must_use]
    pub fn new(
        settings: Settings,
        directory: &Directory,
        orders: mpsc::Sender<Order>,
        records: Option<Arc<dyn Records>>,
    ) -> Self {
        let model = Model::default();
        model.reconfigure(directory, now());
        let hub = Hub::new(settings.subscriber_lag_max);
        hub.set_discreet(directory.is_discreet);
        let inner = Inner {
            metrics: Metrics::new(&settings.node, &settings.version),
            hub,
            answered: Answered::default(),
            sessions: Sessions::default(),
            document: OnceLock::new(),
            long_reads: Semaphore::new(LONG_READS),
            stopping: watch::Sender::new(false),
            subscribers: Arc::new(Semaphore::new(settings.subscribers_max)),
            settings,
            orders,
            records,
            model,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The counters that are the runtime's to update.
    #[must_use]
    pub fn meters(&self) -> &Meters {
        &self.inner.metrics.meters
    }

    /// Folds one event; called once for each, in order, from one thread. Does not block.
    pub fn observe(&self, event: &SharedEvent) {
        self.inner.model.observe(event);
        self.inner.metrics.observe(event, self.inner.model.is_of_callback(event));
        self.inner.hub.publish(event);
    }

    /// Takes over a new configuration: queues, operators and trunks come and go, what is known of
    /// those that stay is kept.
    pub fn reconfigure(&self, directory: &Directory) {
        self.inner.model.reconfigure(directory, now());
        self.inner.hub.set_discreet(directory.is_discreet);
    }

    /// Serves until `stop` is ready, then closes subscribers and lets open requests finish, for at
    /// most five seconds.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let inner = self.inner;
        let mut stopping = inner.stopping.subscribe();
        let told = Arc::clone(&inner);
        let signal = async move {
            stop.await;
            told.stopping.send_replace(true);
        };
        let patience = async move {
            // The sender lives in `inner`, which outlives this.
            let _ = stopping.wait_for(|stopping| *stopping).await;
            tokio::time::sleep(STOP_WITHIN).await;
        };
        let server = axum::serve(listener, routes::router(inner)).with_graceful_shutdown(signal);
        tokio::select! {
            served = server => served,
            () = patience => Ok(()),
        }
    }
}

impl Inner {
    /// Whether supervisors are nothing for whoever asks to see.
    pub(crate) fn is_discreet(&self, caller: &auth::Caller) -> bool {
        self.hub.is_discreet() && caller.only_operator().is_some()
    }

    /// Gives an order to the switch and waits for the answer, not for long.
    async fn order(&self, command: Command) -> Result<Reply, Problem> {
        let (reply, answer) = oneshot::channel();
        let is_made = command.audio().is_some_and(|audible| audible.audio.is_made());
        let more = if is_made { b2bua::MAKE_WITHIN } else { Duration::ZERO };
        let order = Order::Command { command, reply };
        Ok(self.ask(order, answer, self.settings.reply_within + more).await??)
    }

    async fn ask<T>(
        &self,
        order: Order,
        answer: oneshot::Receiver<T>,
        within: Duration,
    ) -> Result<T, Problem> {
        let busy = || Problem::unavailable("the switch does not answer in time");
        self.orders.try_send(order).map_err(|_| busy())?;
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }

    /// Asks the records on a thread that may block.
    async fn look_up<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Records) -> Result<T, RecordsError> + Send + 'static,
    ) -> Result<T, Problem> {
        let Some(records) = self.records.clone() else {
            return Err(Problem::unavailable("this node keeps no records"));
        };
        let answer = tokio::task::spawn_blocking(move || ask(&*records)).await;
        let answer = answer.map_err(|error| RecordsError::Unavailable(error.to_string()))?;
        Ok(answer?)
    }
}

impl Inner {
    /// The same for what may read much; no more than so many do at once.
    async fn look_far<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Records) -> Result<T, RecordsError> + Send + 'static,
    ) -> Result<T, Problem> {
        // It is never closed.
        let _turn = self.long_reads.acquire().await;
        self.look_up(ask).await
    }
}

fn now() -> Utc {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Utc::from_millisecond(ms).unwrap_or(Utc::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
