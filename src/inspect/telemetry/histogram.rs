//! Durations, counted by how long they are.

use std::time::Duration;

/// The upper bounds of the buckets, in seconds: from a tenth of a millisecond, which is the least
/// that a change can take, to half a minute, by which something is wrong.
pub const BOUNDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0, 30.0,
];

/// A histogram of durations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    buckets: [u64; BOUNDS.len()],
    /// How many there were.
    pub count: u64,
    /// How long they were together, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// Counts a duration.
    pub fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let place = BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(bucket) = place.and_then(|place| self.buckets.get_mut(place)) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += seconds;
    }

    /// How many were at most as long as each of [`BOUNDS`].
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let totals = self.buckets.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        });
        BOUNDS.into_iter().zip(totals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_up_to_each_bound() {
        let mut histogram = Histogram::default();
        for micros in [50, 100, 101, 1_000, 60_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts[..4], [2, 3, 3, 4]);
        assert_eq!(counts[15], 4, "a minute is beyond the last bound");
        assert_eq!(histogram.count, 5);
    }
}
