//! Histograms that a media tick may update: no lock, no allocation.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds of [`Timing`] in nanoseconds, 20 µs to 1 s; one more bucket takes the rest.
const TIMES_NS: [u64; 14] = [
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

/// Upper bounds of [`Scores`] in thousandths.
const SCORES: [u64; 8] = [1_500, 2_000, 2_600, 3_100, 3_600, 4_000, 4_300, 5_000];

/// Counts of whole numbers up to each bound.
#[derive(Clone)]
pub(crate) struct Tally(Arc<Buckets>);

struct Buckets {
    bounds: &'static [u64],
    /// How many of the numbers counted make one of the unit that is told.
    per_unit: f64,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Tally {
    fn new(bounds: &'static [u64], per_unit: f64) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets { bounds, per_unit, counts, sum: AtomicU64::new(0) }))
    }

    fn observe(&self, value: u64) {
        let Buckets { bounds, counts, sum, .. } = &*self.0;
        counts[bounds.partition_point(|&bound| bound < value)].fetch_add(1, Relaxed);
        sum.fetch_add(value, Relaxed);
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally").finish_non_exhaustive()
    }
}

impl TypedMetric for Tally {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Tally {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "for a chart")]
        let units = |value: u64| value as f64 / self.0.per_unit;
        let bounds = self.0.bounds.iter().map(|&bound| units(bound)).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = units(self.0.sum.load(Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

/// A histogram of short times that is safe to update within a media tick: no lock, no allocation.
#[derive(Debug, Clone)]
pub struct Timing(Tally);

impl Default for Timing {
    fn default() -> Self {
        Self(Tally::new(&TIMES_NS, 1e9))
    }
}

impl Timing {
    /// Counts one.
    pub fn observe(&self, took: Duration) {
        self.0.observe(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(crate) fn metric(&self) -> Tally {
        self.0.clone()
    }
}

/// A histogram of mean opinion scores.
#[derive(Debug, Clone)]
pub(crate) struct Scores(Tally);

impl Default for Scores {
    fn default() -> Self {
        Self(Tally::new(&SCORES, 1e3))
    }
}

impl Scores {
    /// Counts one, in thousandths.
    pub(crate) fn observe(&self, mos: u16) {
        self.0.observe(mos.into());
    }

    pub(crate) fn metric(&self) -> Tally {
        self.0.clone()
    }
}

/// What is known of the audio that came from a leg, from its first packet to now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heard {
    /// Its mean opinion score in thousandths, if anything came.
    pub mos: Option<u16>,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter: Duration,
    /// Round trip to it, if it sends reports (RFC 3550 6.4.1).
    pub round_trip: Option<Duration>,
}
