//! What the index wants of the daemon, asked one thing at a time: a daemon that is asked too often
//! delivers its events late.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::daemon::{Assignment, Daemon, RequestError};
use crate::index::{Event, ReadSecret, Request, SecretContent, StorePort};
use crate::validate::keywords::expose::LISTENER_PORT;

/// How long to wait before a daemon that does not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// How often a secret is asked for again, each time after all others. The index asks anew, later.
const ATTEMPTS: u32 = 30;

/// The way in for requests; the answers come back as events.
///
/// Secrets and ports have a task each, since storing a port takes the agent more than a second.
#[derive(Debug)]
pub(super) struct DaemonRequests {
    reads: UnboundedSender<ReadSecret>,
    stores: UnboundedSender<StorePort>,
}

impl DaemonRequests {
    /// Starts asking. The tasks end when this is dropped.
    pub(super) fn start(daemon: Arc<dyn Daemon>) -> (Self, UnboundedReceiver<Event>) {
        let (answers, events) = unbounded_channel();
        let (reads, to_read) = unbounded_channel();
        let (stores, to_store) = unbounded_channel();
        tokio::spawn(read_all(daemon.clone(), to_read, answers.clone()));
        tokio::spawn(store_all(daemon, to_store, answers));
        (Self { reads, stores }, events)
    }

    /// Queues a request.
    pub(super) fn send(&self, request: Request) {
        // The tasks only end with this, or with the process.
        let _ = match request {
            Request::Read(read) => self.reads.send(read).is_ok(),
            Request::Store(store) => self.stores.send(store).is_ok(),
        };
    }
}

async fn read_all(
    daemon: Arc<dyn Daemon>,
    mut reads: UnboundedReceiver<ReadSecret>,
    answers: UnboundedSender<Event>,
) {
    let mut queue = VecDeque::new();
    loop {
        if queue.is_empty() {
            match reads.recv().await {
                Some(request) => queue.push_back((request, ATTEMPTS)),
                None => return,
            }
        }
        while let Ok(request) = reads.try_recv() {
            queue.push_front((request, ATTEMPTS));
        }
        let Some((request, attempts)) = queue.pop_front() else {
            continue;
        };
        match read(&*daemon, &request).await {
            // One that does not come must not hold up the others.
            Err(error) if error.is_temporary() && attempts > 0 => {
                tracing::debug!(secret = %request.secret.path, %error, "asking again");
                queue.push_back((request, attempts - 1));
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => {}
                    request = reads.recv() => match request {
                        Some(request) => queue.push_front((request, ATTEMPTS)),
                        None => return,
                    },
                }
            }
            content => {
                let content = content.map_err(|error| error.to_string());
                if answers.send(Event::SecretRead(request, content)).is_err() {
                    return;
                }
            }
        }
    }
}

async fn read(daemon: &dyn Daemon, request: &ReadSecret) -> Result<SecretContent, RequestError> {
    let mut content = SecretContent::new();
    for key in request.keys() {
        let value = daemon.secret_key(&request.secret.path, key).await?;
        content.extend(value.map(|value| ((*key).to_owned(), value)));
    }
    Ok(content)
}

async fn store_all(
    daemon: Arc<dyn Daemon>,
    mut stores: UnboundedReceiver<StorePort>,
    answers: UnboundedSender<Event>,
) {
    while let Some(request) = stores.recv().await {
        let outcome = store(&*daemon, &request).await;
        let outcome = outcome.map_err(|error| error.to_string());
        if answers.send(Event::PortStored(request, outcome)).is_err() {
            return;
        }
    }
}

async fn store(daemon: &dyn Daemon, request: &StorePort) -> Result<(), RequestError> {
    let port = Assignment {
        section: request.expose.section.clone(),
        keyword: LISTENER_PORT.name.into(),
        value: request.port.to_string(),
    };
    for service in &request.services {
        daemon.set(service, std::slice::from_ref(&port)).await?;
    }
    tracing::info!(expose = %request.expose, port = request.port, "stored the chosen listener port");
    Ok(())
}
