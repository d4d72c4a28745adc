//! What the runtime counts: atomics that socket, core and media threads update without a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::Registry;

/// Methods that get a label of their own; a peer cannot make up more of them.
const METHODS: [&str; 14] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "PRACK",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "INFO",
    "REFER",
    "MESSAGE",
    "UPDATE",
];

/// Upper bounds of [`Timing`]'s buckets in nanoseconds, 20 µs to 1 s; one more takes the rest.
const BOUNDS_NS: [u64; 14] = [
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
];

/// A histogram of short times that is safe to update within a media tick: no lock, no allocation.
#[derive(Clone, Default)]
pub struct Timing(Arc<Buckets>);

#[derive(Default)]
struct Buckets {
    counts: [AtomicU64; BOUNDS_NS.len() + 1],
    sum_ns: AtomicU64,
}

impl Timing {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.counts[BOUNDS_NS.partition_point(|&bound| bound < ns)].fetch_add(1, Relaxed);
        self.0.sum_ns.fetch_add(ns, Relaxed);
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timing").finish_non_exhaustive()
    }
}

impl TypedMetric for Timing {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Timing {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "seconds for a chart")]
        let seconds = |ns: u64| ns as f64 / 1e9;
        let bounds = BOUNDS_NS.iter().map(|&ns| seconds(ns)).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = seconds(self.0.sum_ns.load(Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Requests {
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Responses {
    method: &'static str,
    code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

/// The runtime's counters. Cloning shares them.
#[derive(Debug, Clone)]
pub struct Meters {
    requests: Family<Requests, Counter>,
    responses: Family<Responses, Counter>,
    /// One turn of the core: an input until its outputs are drained.
    pub core_turn: Timing,
    /// Inputs waiting for the core.
    pub core_inbox: Gauge,
    /// RTP packets received.
    pub rtp_in: Counter,
    /// RTP packets sent.
    pub rtp_out: Counter,
    /// RTP packets that never arrived.
    pub rtp_lost: Counter,
    /// Work of one media tick.
    pub media_tick: Timing,
    /// Events the store had to drop.
    pub events_dropped: Counter,
}

impl Meters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let (requests, responses) = (Family::default(), Family::default());
        let packets = Family::<Direction, Counter>::default();
        let meters = Self {
            requests: Family::clone(&requests),
            responses: Family::clone(&responses),
            core_turn: Timing::default(),
            core_inbox: Gauge::default(),
            rtp_in: packets.get_or_create_owned(&Direction { direction: "in" }),
            rtp_out: packets.get_or_create_owned(&Direction { direction: "out" }),
            rtp_lost: Counter::default(),
            media_tick: Timing::default(),
            events_dropped: Counter::default(),
        };
        registry.register("usher_sip_requests", "SIP requests received, by method", requests);
        registry.register(
            "usher_sip_responses",
            "SIP responses sent, by method and code",
            responses,
        );
        let turn = meters.core_turn.clone();
        registry.register("usher_core_turn_seconds", "One turn of the core", turn);
        let inbox = meters.core_inbox.clone();
        registry.register("usher_core_inbox", "Inputs waiting for the core", inbox);
        registry.register("usher_rtp_packets", "RTP packets, by direction", packets);
        let lost = meters.rtp_lost.clone();
        registry.register("usher_rtp_lost", "RTP packets that never arrived", lost);
        let tick = meters.media_tick.clone();
        registry.register("usher_media_tick_seconds", "Work of one media tick", tick);
        let dropped = meters.events_dropped.clone();
        registry.register("usher_events_dropped", "Events the store had to drop", dropped);
        meters
    }

    /// Counts a request received.
    pub fn sip_request(&self, method: &str) {
        self.requests.get_or_create(&Requests { method: known(method) }).inc();
    }

    /// Counts a response sent, with the method of its CSeq.
    pub fn sip_response(&self, method: &str, code: u16) {
        self.responses.get_or_create(&Responses { method: known(method), code }).inc();
    }
}

fn known(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
