//! What both interfaces answer from: fed by the sidecar, read by every request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Semaphore, watch};

use super::board::Board;
use super::telemetry::Telemetry;
use crate::daemon::Connection;
use crate::index::View;
use crate::snapshot::Snapshot;

/// How many configurations are judged at a time: they take a core each.
const JUDGES: usize = 2;

/// How many clients may follow the stream of changes.
const FOLLOWERS: usize = 64;

/// Where everything comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The gateway's name.
    pub gateway: String,
    /// The names of the transports on which Envoys may connect.
    pub transports: Vec<Arc<str>>,
    /// What Envoy is served; `None` until the daemon's state is known.
    pub snapshots: watch::Receiver<Option<Arc<Snapshot>>>,
    /// What the gateway thinks of every expose.
    pub views: watch::Receiver<View>,
    /// How the following of the daemon goes.
    pub connection: watch::Receiver<Connection>,
    /// What Envoys do.
    pub telemetry: Arc<Telemetry>,
}

/// What requests are answered from. Cheap to clone.
#[derive(Debug, Clone)]
pub struct State(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sources: Sources,
    started: SystemTime,
    pace: Duration,
    board: Mutex<Cached>,
    judges: Arc<Semaphore>,
    followers: Arc<Semaphore>,
}

/// The last board, and what of the sources it has seen.
#[derive(Debug)]
struct Cached {
    sources: Sources,
    /// How often anything had happened; `None` before the first look.
    happened: Option<u64>,
    board: Arc<Board>,
}

impl State {
    /// A state over sources.
    pub fn new(sources: Sources) -> Self {
        let cached = Cached {
            sources: sources.clone(),
            happened: None,
            board: Arc::default(),
        };
        Self(Arc::new(Inner {
            sources,
            started: SystemTime::now(),
            pace: Duration::from_millis(250),
            board: Mutex::new(cached),
            judges: Arc::new(Semaphore::new(JUDGES)),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
        }))
    }

    /// Everything as it is now. What did not change since the last call is not looked at again.
    pub fn board(&self) -> Arc<Board> {
        let mut cached = self.0.board.lock().unwrap_or_else(PoisonError::into_inner);
        let Cached {
            sources,
            happened,
            board,
        } = &mut *cached;
        let now = Some(sources.telemetry.happened());
        // A sender that is gone leaves its last word.
        let is_stale = *happened != now
            || sources.snapshots.has_changed().unwrap_or(false)
            || sources.views.has_changed().unwrap_or(false);
        if is_stale {
            *happened = now;
            let snapshot = sources.snapshots.borrow_and_update().clone();
            let view = sources.views.borrow_and_update().clone();
            *board = Arc::new(board.next(snapshot, view, sources.telemetry.report()));
        }
        board.clone()
    }

    /// Where everything comes from.
    pub fn sources(&self) -> &Sources {
        &self.0.sources
    }

    /// How the following of the daemon goes.
    pub fn connection(&self) -> Connection {
        self.0.sources.connection.borrow().clone()
    }

    /// Whether the part of the process that follows the daemon runs.
    pub fn is_alive(&self) -> bool {
        self.0.sources.snapshots.has_changed().is_ok()
    }

    /// When the process started to serve.
    pub fn started(&self) -> SystemTime {
        self.0.started
    }

    /// The least time between two messages on the stream of changes.
    pub(crate) fn pace(&self) -> Duration {
        self.0.pace
    }

    /// Permits for judging configurations.
    pub(crate) fn judges(&self) -> &Arc<Semaphore> {
        &self.0.judges
    }

    /// Permits for following changes.
    pub(crate) fn followers(&self) -> &Arc<Semaphore> {
        &self.0.followers
    }
}
