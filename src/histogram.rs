//! How long things took, counted as Prometheus wants it: how many took at most so long, for each of a few lengths, and all
//! together. What is measured and where the lengths lie is for those who count.

use std::time::Duration;

/// More lengths than any histogram here has.
const MAX_BOUNDS: usize = 12;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Histogram {
    /// Rising; at most twelve.
    bounds: &'static [Duration],
    /// Those that took longer than the bound before and at most as long as this; the last one is for all that took longer.
    counts: [u64; MAX_BOUNDS + 1],
    sum: Duration,
}

impl Histogram {
    pub const fn new(bounds: &'static [Duration]) -> Self {
        assert!(bounds.len() <= MAX_BOUNDS, "a histogram has at most twelve bounds");
        Self { bounds, counts: [0; MAX_BOUNDS + 1], sum: Duration::ZERO }
    }

    pub fn observe(&mut self, took: Duration) {
        let bucket = self.bounds.iter().position(|bound| took <= *bound).unwrap_or(MAX_BOUNDS);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(took);
    }

    /// Each bound with how many took at most so long.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.bounds.iter().zip(self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((*bound, *below))
        })
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub const fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];

    #[test]
    fn a_bound_belongs_to_its_bucket_and_all_are_counted() {
        let mut histogram = Histogram::new(&BOUNDS);
        for millis in [0, 1_000, 1_001, 5_000, 5_001, 900_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets, [(BOUNDS[0], 2), (BOUNDS[1], 4)]);
        assert_eq!((histogram.count(), histogram.sum()), (6, Duration::from_millis(912_002)));
    }
}
