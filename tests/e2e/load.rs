//! Requests that go on while something happens, none of which may fail.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::clients::{Asking, Request};
use crate::eventually;

/// What the requests came to so far.
#[derive(Debug, Default, Clone)]
struct Count {
    answers: BTreeMap<String, u64>,
    failures: Vec<String>,
}

/// Clients that ask again and again.
pub(crate) struct Load {
    count: Arc<Mutex<Count>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Half of the clients stay on one connection, half take a new one for every request.
    pub(crate) fn start(request: &Request) -> Self {
        Self::of(&[false, true, false, true], request)
    }

    /// Every request takes a new connection: bytes stay with the endpoint that they began with.
    pub(crate) fn on_new_connections(request: &Request) -> Self {
        Self::of(&[false; 3], request)
    }

    fn of(stays: &[bool], request: &Request) -> Self {
        let count = Arc::new(Mutex::new(Count::default()));
        let clients = stays.iter().map(|stays| {
            let client = ask_on(request.clone(), *stays, count.clone());
            tokio::spawn(client)
        });
        Self {
            clients: clients.collect(),
            count,
        }
    }

    /// Waits until another number of requests was answered since now.
    pub(crate) async fn goes_on(&self, answers: u64) {
        let before = self.answers();
        eventually("requests are answered", || async {
            match self.answers() - before {
                more if more >= answers => Ok(()),
                more => Err(format!("{more} of {answers}: {:?}", self.count())),
            }
        })
        .await;
    }

    /// Waits until exactly these instances answer: `answers` requests in a row by no other, and by
    /// each of them.
    pub(crate) async fn is_served_by(&self, instances: &[&str], answers: u64) {
        eventually(format!("{instances:?} answer, and nobody else"), || async {
            let before = self.count().answers;
            self.goes_on(answers).await;
            let after = self.count().answers;
            let came = |(name, count): &(&String, &u64)| before.get(*name) != Some(*count);
            let who: Vec<&str> = after.iter().filter(came).map(|(name, _)| &**name).collect();
            match who == instances {
                true => Ok(()),
                false => Err(format!("{who:?} answer")),
            }
        })
        .await;
    }

    /// Ends the clients. Panics where a request failed.
    pub(crate) async fn ends_without_failure(self) {
        for client in &self.clients {
            client.abort();
        }
        let count = self.count();
        assert!(count.answers.values().sum::<u64>() > 0);
        assert!(count.failures.is_empty(), "{count:?}");
    }

    fn answers(&self) -> u64 {
        self.count().answers.values().sum()
    }

    fn count(&self) -> Count {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.clone()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.clients.iter().for_each(JoinHandle::abort);
    }
}

async fn ask_on(request: Request, stays: bool, count: Arc<Mutex<Count>>) {
    let mut client = Asking::new(request, stays);
    loop {
        let answer = client.ask().await;
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) if answer.status == 200 => {
                let who = answer.instance().to_owned();
                *count.answers.entry(who).or_default() += 1;
            }
            Ok(answer) => count
                .failures
                .push(format!("{} {}", answer.status, answer.body)),
            Err(error) => count.failures.push(error),
        }
    }
}
