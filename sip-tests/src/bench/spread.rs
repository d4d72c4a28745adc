//! Times, and how they spread.

use std::time::Duration;

/// A sample of times.
#[derive(Debug, Clone, Default)]
pub struct Spread(Vec<Duration>);

impl Spread {
    /// One more.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time that this share of them, from 0 to 1, does not exceed, in milliseconds; not a
    /// number where there are none.
    #[must_use]
    pub fn ms(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "millions at most"
        )]
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        let at = rank.saturating_sub(1).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_hundred_take_fifty_or_less() {
        let mut spread = Spread::default();
        assert!(spread.ms(0.5).is_nan());
        (1..=100).rev().for_each(|ms| spread.push(Duration::from_millis(ms)));
        let shares = [0.0, 0.5, 0.99, 1.0].map(|share| spread.ms(share).round());
        assert_eq!(shares, [1.0, 50.0, 99.0, 100.0]);
    }
}
