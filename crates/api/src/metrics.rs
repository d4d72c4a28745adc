//! `/metrics`: counted as events pass, and read off the model when scraped.

use std::sync::{Mutex, PoisonError};

use b2bua::config::Name;
use b2bua::event::{CallResult, Effective};
use b2bua::{Event, Utc, What};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::meters::Meters;
use crate::model::Model;

/// Upper bounds of waits in seconds.
const WAITS_S: [f64; 14] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQueue {
    queue: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    queue: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTrunk {
    trunk: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: String,
    node: String,
}

/// Every metric there is.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    pub(crate) meters: Meters,
    calls: Family<ByResult, Counter>,
    waits: Family<ByQueue, Histogram>,
    abandoned: Family<ByQueue, Counter>,
    live: Mutex<Live>,
}

/// What is set at each scrape.
#[derive(Debug, Default)]
struct Live {
    calls: Gauge,
    waiting: Family<ByQueue, Gauge>,
    service_level: Family<ByQueue, Gauge<f64, std::sync::atomic::AtomicU64>>,
    operators: Family<ByState, Gauge>,
    trunks: Family<ByTrunk, Gauge>,
}

impl Metrics {
    pub(crate) fn new(node: &str, version: &str) -> Self {
        let mut registry = Registry::default();
        let build = Build { version: version.to_owned(), node: node.to_owned() };
        registry.register("usher_build", "What runs here", Info::new(build));
        let live = Live::register(&mut registry);
        let calls = Family::default();
        registry.register("usher_calls", "Calls that ended, by result", Family::clone(&calls));
        let waits = Family::new_with_constructor(wait as fn() -> Histogram);
        let help = "Waits until an operator answered or the caller was gone";
        registry.register("usher_queue_wait_seconds", help, Family::clone(&waits));
        let abandoned = Family::default();
        let help = "Callers who left the queue before an operator answered";
        registry.register("usher_queue_abandoned", help, Family::clone(&abandoned));
        let meters = Meters::register(&mut registry);
        Self { registry, meters, calls, waits, abandoned, live: Mutex::new(live) }
    }

    /// One event; whether it is of a customer who is to be called, whose wait is no caller's.
    pub(crate) fn observe(&self, event: &Event, of_callback: bool) {
        match &event.what {
            What::CallEnded { result, .. } => {
                self.calls.get_or_create(&ByResult { result: result_name(*result) }).inc();
            }
            _ if of_callback => {}
            What::TaskAssigned { queue, wait_ms, .. }
            | What::TaskExpired { queue, wait_ms }
            | What::TaskOverflowed { queue, wait_ms } => {
                self.waited(queue, *wait_ms);
            }
            What::TaskAbandoned { queue, wait_ms } => {
                self.waited(queue, *wait_ms);
                self.abandoned.get_or_create(&by(queue)).inc();
            }
            _ => {}
        }
    }

    fn waited(&self, queue: &Name, wait_ms: u64) {
        self.waits.get_or_create(&by(queue)).observe(crate::model::seconds(wait_ms));
    }

    /// The text of a scrape (OpenMetrics 1.0).
    pub(crate) fn scrape(&self, model: &Model, now: Utc) -> Result<String, std::fmt::Error> {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.read(model, now);
        for queue in &model.queues {
            // A queue counts from 0, not from its first caller: a rate needs the step.
            let _ = self.abandoned.get_or_create(&by(queue.key()));
            let _ = self.waits.get_or_create(&by(queue.key()));
        }
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Live {
    fn register(registry: &mut Registry) -> Self {
        let live = Self::default();
        registry.register("usher_calls_active", "Calls alive", live.calls.clone());
        let help = "Tasks waiting";
        registry.register("usher_queue_waiting", help, live.waiting.clone());
        let help = "Share of today's calls answered or abandoned in time";
        registry.register("usher_queue_service_level", help, live.service_level.clone());
        let help = "Operators of a queue, by effective state";
        registry.register("usher_operators", help, live.operators.clone());
        registry.register(
            "usher_trunk_up",
            "0 where a trunk is known to be down",
            live.trunks.clone(),
        );
        live
    }

    fn read(&self, model: &Model, now: Utc) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.calls.set(count(model.calls.len()));
        self.waiting.clear();
        self.service_level.clear();
        for queue in &model.queues {
            let labels = by(queue.key());
            self.waiting.get_or_create(&labels).set(count(queue.waiting.len()));
            if let Some(level) = queue.service_level(now) {
                self.service_level.get_or_create(&labels).set(level);
            }
        }
        self.operators.clear();
        for queue in &model.queues {
            // Each is told also where nobody is.
            for state in Effective::ALL {
                let labels = ByState { queue: queue.key().to_string(), state: state.as_str() };
                self.operators.get_or_create(&labels).set(0);
            }
        }
        for operator in &model.operators {
            for queue in &operator.serves() {
                let state = operator.effective.state.as_str();
                self.operators.get_or_create(&ByState { queue: queue.to_string(), state }).inc();
            }
        }
        self.trunks.clear();
        for trunk in &model.trunks {
            // One that does not register is usable until it is known not to be.
            let labels = ByTrunk { trunk: trunk.key().to_string() };
            self.trunks.get_or_create(&labels).set(trunk.up.unwrap_or(true).into());
        }
    }
}

fn by(queue: &Name) -> ByQueue {
    ByQueue { queue: queue.to_string() }
}

fn wait() -> Histogram {
    Histogram::new(WAITS_S)
}

fn result_name(result: CallResult) -> &'static str {
    match result {
        CallResult::Answered => "answered",
        CallResult::Abandoned => "abandoned",
        CallResult::Failed => "failed",
        CallResult::Ended => "ended",
        CallResult::Crash => "crash",
    }
}
