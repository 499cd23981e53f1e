//! The way of an [`Update`] from the task that follows a daemon to whoever consumes it.
//!
//! The follower must never wait: the daemon drops a client that reads slowly. So updates that
//! nobody took yet are merged into one, whose size is bounded by the state itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};

use super::{Connection, ServiceState, Update};
use crate::model::ObjectPath;

/// A publisher and the updates that it publishes.
pub fn channel() -> (Publisher, Updates) {
    let (wake, woken) = mpsc::channel(1);
    let (connection, watched) = watch::channel(Connection::default());
    let pending = Arc::new(Mutex::new(None));
    let publisher = Publisher {
        wake,
        pending: pending.clone(),
        connection,
    };
    let updates = Updates {
        woken,
        pending,
        connection: watched,
    };
    (publisher, updates)
}

/// What a follower writes to; never blocks.
#[derive(Debug)]
pub struct Publisher {
    wake: mpsc::Sender<()>,
    pending: Arc<Mutex<Option<Pending>>>,
    connection: watch::Sender<Connection>,
}

impl Publisher {
    /// Hands an update over, merged with those that were not taken yet.
    pub fn publish(&self, update: Update) {
        {
            let mut slot = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            *slot = Some(match slot.take() {
                Some(pending) => pending.merge(update),
                None => Pending::from(update),
            });
        }
        // Full: the consumer has been woken and did not look yet. Closed: nobody cares any more.
        let _ = self.wake.try_send(());
    }

    /// Where the state of the connection is written.
    pub fn connection(&self) -> &watch::Sender<Connection> {
        &self.connection
    }

    /// Resolves when the consumer is gone.
    pub async fn closed(&self) {
        self.wake.closed().await;
    }
}

/// What happens in a daemon. Dropping it ends the following.
#[derive(Debug)]
pub struct Updates {
    woken: mpsc::Receiver<()>,
    pending: Arc<Mutex<Option<Pending>>>,
    connection: watch::Receiver<Connection>,
}

impl Updates {
    /// Everything that happened since the last call, as one update; waits for something to happen.
    /// `None` when the follower ended. Cancel safe.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            let alive = self.woken.recv().await;
            let pending = self
                .pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            match (pending, alive) {
                (Some(pending), _) => return Some(pending.into()),
                (None, Some(())) => {}
                (None, None) => return None,
            }
        }
    }

    /// The state of the connection, to watch. Receivers are woken when its link or a count of
    /// resynchronisations changes; the other fields are simply current.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.clone()
    }
}

/// An update that was not taken yet, by path so that a later one replaces what it repeats.
#[derive(Debug)]
enum Pending {
    Reset {
        services: BTreeMap<ObjectPath, Arc<ServiceState>>,
        secrets: BTreeMap<ObjectPath, String>,
    },
    Patch {
        services: BTreeMap<ObjectPath, Option<Arc<ServiceState>>>,
        secrets: BTreeMap<ObjectPath, Option<String>>,
    },
}

impl Pending {
    fn merge(mut self, update: Update) -> Self {
        let (newer_services, newer_secrets) = match update {
            Update::Patch { services, secrets } => (services, secrets),
            reset @ Update::Reset { .. } => return reset.into(),
        };
        match &mut self {
            Self::Reset { services, secrets } => {
                replace(services, newer_services);
                replace(secrets, newer_secrets);
            }
            Self::Patch { services, secrets } => {
                services.extend(newer_services);
                secrets.extend(newer_secrets);
            }
        }
        self
    }
}

fn replace<V>(table: &mut BTreeMap<ObjectPath, V>, newer: Vec<(ObjectPath, Option<V>)>) {
    for (path, value) in newer {
        match value {
            Some(value) => table.insert(path, value),
            None => table.remove(&path),
        };
    }
}

impl From<Update> for Pending {
    fn from(update: Update) -> Self {
        match update {
            Update::Reset { services, secrets } => Self::Reset { services, secrets },
            Update::Patch { services, secrets } => Self::Patch {
                services: services.into_iter().collect(),
                secrets: secrets.into_iter().collect(),
            },
        }
    }
}

impl From<Pending> for Update {
    fn from(pending: Pending) -> Self {
        match pending {
            Pending::Reset { services, secrets } => Self::Reset { services, secrets },
            Pending::Patch { services, secrets } => Self::Patch {
                services: services.into_iter().collect(),
                secrets: secrets.into_iter().collect(),
            },
        }
    }
}
