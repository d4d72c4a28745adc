//! HTTP, WebSocket events, metrics.
//!
//! A fold of the event stream ([`Api::observe`]) answers every question about what is live; orders
//! go to the runtime over one channel ([`Order`]); what is over is asked of [`Records`]. Nothing here
//! can delay the switch: an order that finds no answer in time is a 503, a subscriber that reads
//! too slowly is closed.
#![forbid(unsafe_code)]

mod meters;
mod ports;
mod settings;

use std::sync::Arc;

use b2bua::SharedEvent;
use tokio::sync::mpsc;

pub use meters::{Meters, Timing};
pub use ports::{Order, RecordPage, RecordQuery, Records, RecordsError, StoredEvent};
pub use settings::{Check, Directory, OperatorEntry, QueueEntry, Role, Settings, Token};

/// The API. Cloning shares it.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    orders: mpsc::Sender<Order>,
    records: Option<Arc<dyn Records>>,
    meters: Meters,
}

impl Api {
    /// An API that has seen nothing yet. Without `records` what is over answers 503.
    #[must_use]
    pub fn new(
        settings: Settings,
        directory: Directory,
        orders: mpsc::Sender<Order>,
        records: Option<Arc<dyn Records>>,
    ) -> Self {
        let mut registry = prometheus_client::registry::Registry::default();
        let meters = Meters::register(&mut registry);
        drop(directory);
        Self { inner: Arc::new(Inner { settings, orders, records, meters }) }
    }

    /// The counters that are the runtime's to update.
    #[must_use]
    pub fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    /// Folds one event; called once for each, in order, from one thread. Does not block.
    pub fn observe(&self, event: &SharedEvent) {
        let _ = (event, &self.inner.settings, &self.inner.orders, &self.inner.records);
    }

    /// Takes over a new configuration: queues, operators and trunks come and go.
    pub fn reconfigure(&self, directory: &Directory) {
        let _ = directory;
    }

    /// Serves until `stop` is ready, then lets open requests finish, at most five seconds.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve(
        self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let _ = listener;
        stop.await;
        Ok(())
    }
}
