//! Requests that go on all the time, and how many of them failed.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::clients::{Asking, Request};
use crate::support::eventually;

/// What requests came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Count {
    pub(crate) answered: u64,
    pub(crate) failures: Vec<String>,
}

/// A moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    answered: u64,
    failed: usize,
}

/// Clients that ask again and again.
#[derive(Default)]
pub(crate) struct Traffic {
    count: Arc<Mutex<Count>>,
    clients: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// One more client that stays on its connection, and one that takes a new one for every request.
    pub(crate) fn add(&mut self, request: &Request) {
        for stays in [true, false] {
            let client = ask_on(request.clone(), stays, self.count.clone());
            self.clients.push(tokio::spawn(client));
        }
    }

    pub(crate) fn mark(&self) -> Mark {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        Mark {
            answered: count.answered,
            failed: count.failures.len(),
        }
    }

    /// What happened since a moment.
    pub(crate) fn since(&self, mark: Mark) -> Count {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        Count {
            answered: count.answered - mark.answered,
            failures: count.failures[mark.failed..].to_vec(),
        }
    }

    /// Waits until another number of requests was answered.
    pub(crate) async fn goes_on(&self, answers: u64) {
        let mark = self.mark();
        eventually("requests are answered", async || {
            (self.since(mark).answered >= answers).then_some(())
        })
        .await;
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

async fn ask_on(request: Request, stays: bool, count: Arc<Mutex<Count>>) {
    let shown = format!("{request:?}");
    let mut client = Asking::new(request, stays);
    loop {
        let failure = match client.ask().await {
            Ok(answer) if answer.status == 200 => None,
            Ok(answer) => Some(format!("{} {}", answer.status, answer.body)),
            Err(error) => Some(error),
        };
        {
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            match failure {
                None => count.answered += 1,
                Some(failure) => count.failures.push(format!("{shown}: {failure}")),
            }
        }
        // Two cores are shared with what is tested.
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
