//! The last known good of an earlier sidecar, until it is served or not needed.

use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::daemon::{Connection, Link};
use crate::snapshot::Snapshot;

/// How long a daemon that can be reached is given to tell its state. What was kept may lack the last
/// changes that an Envoy has: they are written some time after they were served.
const FIRST_STATE: Duration = Duration::from_secs(2);

/// What was kept, and is served if the daemon's state is late.
#[derive(Debug)]
pub(super) struct Recalled {
    pub(super) snapshot: Snapshot,
    /// When the daemon said so.
    pub(super) known_at: SystemTime,
    until: Instant,
    connection: watch::Receiver<Connection>,
}

impl Recalled {
    pub(super) fn new(
        snapshot: Snapshot,
        known_at: SystemTime,
        connection: watch::Receiver<Connection>,
    ) -> Self {
        Self {
            snapshot,
            known_at,
            until: Instant::now() + FIRST_STATE,
            connection,
        }
    }

    /// Completes when it is to be served: at once if the daemon cannot be reached or is not ready, and
    /// if it is silent after a moment.
    pub(super) async fn due(&mut self) {
        let is_away = |connection: &Connection| matches!(connection.link, Link::Waiting { .. });
        tokio::select! {
            _ = self.connection.wait_for(is_away) => {}
            () = sleep_until(self.until) => {}
        }
    }

    /// The same, with a daemon that was given its moment already.
    #[cfg(test)]
    pub(super) fn no_longer(mut self) -> Self {
        self.until = Instant::now();
        self
    }

    /// The same, with a daemon that is given all the time in the world.
    #[cfg(test)]
    pub(super) fn patiently(mut self) -> Self {
        self.until += Duration::from_secs(3600);
        self
    }
}
