//! Requests without a pause, counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::client::{Client, Target};

/// The clients of each target.
const CLIENTS: usize = 2;
/// Between two requests of a client: enough load to notice a failure, little enough for a laptop.
const PAUSE: Duration = Duration::from_millis(5);

/// What the requests met so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// How many were answered with 200 by an instance.
    pub(super) answered: u64,
    /// How many were not, by what came instead.
    pub(super) failed: BTreeMap<String, u64>,
    /// The instances that answered.
    pub(super) instances: BTreeSet<String>,
}

/// Clients that make requests until this is dropped.
pub(super) struct Load {
    tally: Arc<Mutex<Tally>>,
    _clients: JoinSet<()>,
}

impl Load {
    pub(super) fn start(client: &Client, targets: &[Target]) -> Self {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut clients = JoinSet::new();
        for target in targets {
            for _ in 0..CLIENTS {
                clients.spawn(ask(client.clone(), target.clone(), Arc::clone(&tally)));
            }
        }
        Self {
            tally,
            _clients: clients,
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

async fn ask(client: Client, target: Target, tally: Arc<Mutex<Tally>>) {
    loop {
        let outcome = client.get(&target).await;
        {
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(answer) if answer.status == 200 && !answer.instance.is_empty() => {
                    tally.answered += 1;
                    tally.instances.insert(answer.instance);
                }
                Ok(answer) => {
                    *tally
                        .failed
                        .entry(format!("status {}", answer.status))
                        .or_default() += 1;
                }
                Err(error) => *tally.failed.entry(error).or_default() += 1,
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
