//! How long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Delays that double from one attempt to the next, up to a ceiling.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    ceiling: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, ceiling: Duration) -> Self {
        Self {
            first,
            ceiling,
            next: first,
        }
    }

    /// The next delay.
    pub(super) fn next(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.ceiling);
        jittered(delay, 0.25)
    }

    /// Begins again with the first delay.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A duration changed at random by at most a `share` of it, so that the gateways of a cluster do
/// not ask all at once.
pub(super) fn jittered(duration: Duration, share: f64) -> Duration {
    // The only use of chance in this crate, for which the keys of a hash map are good enough.
    let random = RandomState::new().hash_one(0u8) as f64 / u64::MAX as f64;
    duration.mul_f64(1.0 + share * (2.0 * random - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_ceiling_and_begin_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        for expected in [1.0, 2.0, 4.0, 4.0] {
            let delay = backoff.next().as_secs_f64();
            assert!((0.75 * expected..=1.25 * expected).contains(&delay));
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_millis(1250));
    }
}
