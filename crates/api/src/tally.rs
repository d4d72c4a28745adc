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
    pub(crate) fn observe(&self, mos: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 4.5")]
        self.0.observe((mos * 1e3).round() as u64);
    }

    pub(crate) fn metric(&self) -> Tally {
        self.0.clone()
    }
}

/// What is known of the audio that came from a leg, from its first packet to now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heard {
    /// Packets that came.
    pub packets: u64,
    /// Packets that never came, or came too late to be played.
    pub missed: u64,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter: Duration,
    /// Round trip, zero if it is not known.
    pub round_trip: Duration,
}

impl Heard {
    /// The mean opinion score, 1 to 4.5, that the E-model (ITU-T G.107) with its default values
    /// gives for G.711 with concealment (G.113: Ie 0, Bpl 25.1, random loss). The delay one way is
    /// half the round trip, a packet of 20 ms, and twice the jitter for the jitter buffer; its
    /// impairment is the usual approximation by two straight lines.
    #[must_use]
    pub fn mos(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let loss =
            100.0 * self.missed as f64 / self.packets.saturating_add(self.missed).max(1) as f64;
        let delay_ms =
            self.round_trip.as_secs_f64() * 500.0 + 20.0 + self.jitter.as_secs_f64() * 2_000.0;
        let by_delay = 0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0);
        let by_loss = 95.0 * loss / (loss + 25.1);
        let r = (93.2 - by_delay - by_loss).clamp(0.0, 100.0);
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).clamp(1.0, 4.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quality_is_estimated() {
        let check = |packets, missed, jitter_ms, round_trip_ms, expected: f64| {
            let [jitter, round_trip] = [jitter_ms, round_trip_ms].map(Duration::from_millis);
            let mos = Heard { packets, missed, jitter, round_trip }.mos();
            assert!((mos - expected).abs() < 0.01, "{packets} {missed} {jitter_ms}: {mos}");
        };
        check(0, 0, 0, 0, 4.40);
        check(1_000, 0, 0, 0, 4.40);
        check(990, 10, 5, 40, 4.30);
        check(95, 5, 20, 100, 3.81);
        check(1_000, 0, 0, 800, 2.91);
        check(50, 50, 100, 1_000, 1.0);
        check(u64::MAX / 2, u64::MAX / 2, 0, 0, 1.59);
    }
}
