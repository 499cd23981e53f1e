//! The daemon of OpenSVC 2.1, on its unix socket.
//!
//! ```text
//!  events  socket ─► sieve ─► message ─┬─ skim: quick ───────────┬─► change ─► replica ─► Update
//!                                      └─ path, shape: thorough ─┘               ▲
//!  status  socket ─► stream ─► whole: quick ──────┬─► tables ────────────────────┘
//!                              dataset: thorough ─┘
//! ```
//! Nearly every message is about nothing that is watched: the [`sieve`] ends its way where it is read.
//! [`follow`] drives it. Nothing here panics on what the daemon sends: what has another shape than
//! expected counts as missing, and what does not fit makes the whole state be read again.
//!
//! What is watched is named in [`dataset`], [`whole`], [`path`] and [`skim`]: a new field needs all four.

mod backoff;
mod change;
mod dataset;
mod follow;
mod instance;
mod json;
mod message;
mod once;
mod path;
mod repair;
mod replica;
mod request;
mod shape;
mod sieve;
mod skim;
mod socket;
mod stream;
mod tables;
#[cfg(test)]
mod tests;
mod transcript;
mod whole;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::task::JoinError;

pub use self::once::Events;
pub use self::transcript::Transcript;

use self::path::Scope;
use self::replica::Replica;
use super::{Assignment, Daemon, RequestError, ServiceState, Updates, channel};
use crate::model::ObjectPath;

/// How large the dataset may be, as text. Ten thousand services take some 32 MB.
const MAX_STATUS: usize = 1024 * 1024 * 1024;

/// How a daemon is followed.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often the whole state is read again, to mend what no message told; jittered by a tenth.
    pub refetch: Duration,
    /// How long a request may take. Setting keywords takes 1.5 s on an idle node.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            refetch: Duration::from_secs(60),
            timeout: Duration::from_secs(30),
        }
    }
}

/// Reads a whole status: the daemon's reply to `daemon_status`, or what `om daemon status --format
/// json` prints.
///
/// # Errors
/// Where the text is not that.
pub fn read_status(text: &[u8]) -> Result<BTreeMap<ObjectPath, Arc<ServiceState>>, RequestError> {
    let mut tables = message::status(text, &whole::Known::default())?;
    let services = tables.take_instances().into_iter();
    Ok(services
        .map(|(path, instances)| (path, Arc::new(ServiceState { instances })))
        .collect())
}

/// Reads a whole status and applies messages of the event stream to it, as following does, passing over
/// what does not fit. Returns how many services there are then.
///
/// # Errors
/// Where the status is none.
pub fn replay<'a>(
    status: &[u8],
    messages: impl IntoIterator<Item = &'a [u8]>,
) -> Result<usize, RequestError> {
    let mut replica = Replica::default();
    let tables = message::status(status, &replica.known())?;
    replica.replace(&Scope::Root, tables);
    let mut services = match replica.reset() {
        super::Update::Reset { services, .. } => services,
        super::Update::Patch { .. } => BTreeMap::new(),
    };
    for message in messages {
        if let message::Message::Patch { changes, .. } = message::message(message) {
            // What does not fit is read again from the daemon.
            let _ = replica.apply(changes);
        }
        let Some(super::Update::Patch {
            services: changed, ..
        }) = replica.take()
        else {
            continue;
        };
        for (path, state) in changed {
            match state {
                Some(state) => drop(services.insert(path, state)),
                None => drop(services.remove(&path)),
            }
        }
    }
    Ok(services.len())
}

/// The daemon of OpenSVC 2.1.
#[derive(Debug, Clone)]
pub struct DaemonV2 {
    socket: PathBuf,
    options: Options,
    tempo: Tempo,
}

/// How fast things are tried again.
#[derive(Debug, Clone)]
struct Tempo {
    /// The first delay before connecting again, doubled up to twenty times itself.
    reconnect: Duration,
    /// The least time between two readings of the whole state that the stream asked for, doubled
    /// up to thirty times itself. A daemon that is connected to more than twice a second delivers
    /// no events.
    resync: Duration,
    /// How long a cold start waits for a daemon that is still evaluating its services. What it has
    /// by then is better than nothing.
    patience: Duration,
    /// How long after connecting the state is read once more. The daemon serves each connection in
    /// a thread of its own, so it may read the state before it subscribes the stream that was asked
    /// for first; what happens in between is in no message.
    confirm: Duration,
}

impl Default for Tempo {
    fn default() -> Self {
        Self {
            reconnect: Duration::from_millis(250),
            resync: Duration::from_secs(1),
            patience: Duration::from_secs(60),
            confirm: Duration::from_secs(2),
        }
    }
}

impl DaemonV2 {
    /// The daemon that listens on a unix socket, which need not exist yet.
    pub fn new(socket: impl Into<PathBuf>, options: Options) -> Self {
        Self {
            socket: socket.into(),
            options,
            tempo: Tempo::default(),
        }
    }

    async fn exchange(&self, request: &Value, limit: usize) -> Result<Vec<u8>, RequestError> {
        socket::exchange(&self.socket, request, limit, self.options.timeout).await
    }

    /// Reads the whole state and makes what is known into it. Returns also whether it is full:
    /// whether no daemon is still evaluating its services.
    async fn refreshed(&self, mut known: Replica) -> Result<(Replica, bool), RequestError> {
        // Tens of megabytes: not on a thread that serves streams, and not all of them at a time.
        let (socket, timeout) = (&self.socket, self.options.timeout);
        let before = known.known();
        let read = move |reply| message::status_as_it_comes(reply, MAX_STATUS, &before);
        let read = socket::converse(socket, &request::status(), timeout, read).await?;
        // Odd ones are read whole, by who is slower and takes more.
        let odd = match &read {
            Some(_) => None,
            None => Some(self.exchange(&request::status(), MAX_STATUS).await?),
        };
        let replaced = tokio::task::spawn_blocking(move || {
            let tables = match read {
                Some(tables) => tables,
                None => message::status(&odd.unwrap_or_default(), &known.known())?,
            };
            let full = tables.is_settled();
            known.replace(&Scope::Root, tables);
            Ok((known, full))
        });
        let broken = |error: JoinError| Err(RequestError::Malformed(error.to_string()));
        replaced.await.unwrap_or_else(broken)
    }
}

impl Daemon for DaemonV2 {
    fn follow(&self) -> Updates {
        let (publisher, updates) = channel();
        tokio::spawn(follow::follow(self.clone(), publisher));
        updates
    }

    fn secret_key<'a>(
        &'a self,
        secret: &'a ObjectPath,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, RequestError>> {
        async move {
            let request = request::secret_key(secret, key);
            let reply = self.exchange(&request, request::MAX_REPLY).await?;
            request::read_secret_key(secret, key, &reply)
        }
        .boxed()
    }

    fn set<'a>(
        &'a self,
        service: &'a ObjectPath,
        keywords: &'a [Assignment],
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        async move {
            let request = request::set(service, keywords);
            let reply = self.exchange(&request, request::MAX_REPLY).await?;
            request::read_set(service, &reply)
        }
        .boxed()
    }
}
