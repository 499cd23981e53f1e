//! What is remembered of changes and of the Envoys that follow them.
//!
//! The sidecar tells of each snapshot before it publishes it; the xDS server tells what it sends and
//! what comes back. Put together, that is which Envoy runs what, which it refused, and how long a
//! change took from the daemon to Envoy's acknowledgement.

mod change;
mod envoys;
mod histogram;
mod ledger;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use tokio::sync::watch;

pub use change::{Acknowledgement, Change, Part};
pub use envoys::{Envoy, Refusal, TypeState};
pub use histogram::{BOUNDS, Histogram};
pub use ledger::{Counters, Report};

use crate::snapshot::Snapshot;
use crate::xds::{Event, Observer, Stream};
use ledger::Ledger;

/// Watches over changes and Envoys. Shared by those who tell it and those who ask.
#[derive(Debug)]
pub struct Telemetry {
    ledger: Mutex<Ledger>,
    happened: AtomicU64,
    beat: watch::Sender<()>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            ledger: Mutex::default(),
            happened: AtomicU64::new(0),
            beat: watch::Sender::new(()),
        }
    }
}

impl Telemetry {
    /// A snapshot is about to be published because of something that happened at `since`. To be
    /// called before an Envoy can be sent any of it.
    pub fn publishing(&self, snapshot: &Snapshot, since: Instant) {
        self.ledger().publishing(snapshot, since, SystemTime::now());
        self.beat();
    }

    /// What is served was kept from before, and last known to be current at this time; or it is what the
    /// daemon says (`None`).
    pub fn serving_since(&self, known_at: Option<SystemTime>) {
        self.ledger().serving_since(known_at);
        self.beat();
    }

    /// Everything that is known now.
    pub fn report(&self) -> Report {
        self.ledger().report(Instant::now())
    }

    /// How often anything happened.
    pub fn happened(&self) -> u64 {
        self.happened.load(Ordering::Acquire)
    }

    /// Changes with everything that happens.
    pub fn beats(&self) -> watch::Receiver<()> {
        self.beat.subscribe()
    }

    fn beat(&self) {
        self.happened.fetch_add(1, Ordering::Release);
        // Nobody watches, as a rule. Who begins to watch now looks at everything first.
        if self.beat.receiver_count() > 0 {
            self.beat.send_replace(());
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Telemetry {
    fn observe(&self, stream: &Stream, event: &Event<'_>) {
        let now = (Instant::now(), SystemTime::now());
        self.ledger().observe(stream, event, now);
        self.beat();
    }
}
