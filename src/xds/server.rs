//! Serving: bound sockets in, gRPC out.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};

use super::Observer;
use super::clients::Clients;
use super::reflection::{Reflection, V1, V1_ALPHA};
use super::service::{Discovery, SERVICES};
use super::session::{Batches, Common};
use super::status::{ClientStatus, ClientStatusDiscoveryServiceServer};
use super::streaming::{Streams, stopped};
use crate::snapshot::Snapshot;

/// How often an idle connection is checked, and how long an answer may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// How much a client may send before it must wait: per stream, and per connection. Requests with very
/// many names arrive in few round trips.
const WINDOWS: (u32, u32) = (1 << 20, 4 << 20);

/// The longest HTTP/2 frame that a client may send, in bytes. With HTTP/2's default of 16 KiB a request of
/// thousands of names would come in many pieces, each of which is received, handed over and joined by itself.
const FRAME: u32 = 1 << 20;

/// How many streams a connection may have open at once; more wait. An Envoy has one, or one for each
/// type, or one for each secret; so this only bounds who means harm.
const STREAMS: u32 = 1000;

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

/// Serves as [`serve_beside`] does, and nothing beside it.
pub async fn serve(
    transports: Vec<Transport>,
    snapshots: Snapshots,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    serve_beside(
        |_| Routes::default(),
        transports,
        snapshots,
        options,
        shutdown,
    )
    .await
}

/// Serves discovery, client status (CSDS), gRPC health and reflection on every transport until
/// `shutdown` completes; then ends every stream with `UNAVAILABLE`, which makes Envoy keep what it has
/// and connect again.
///
/// Health is `SERVING` as a whole, and for each discovery service from the first full state on.
///
/// `others` are the services that are served beside these on a transport.
pub async fn serve_beside(
    others: impl Fn(&Transport) -> Routes,
    transports: Vec<Transport>,
    snapshots: Snapshots,
    options: Options,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let (stopper, stop) = watch::channel(false);
    let next_id = Arc::new(AtomicU64::new(1));
    let clients = Clients::default();
    let batches = Batches::default();
    let (reporter, health) = health_reporter();
    let servers = transports.into_iter().map(|transport| {
        let streams = Streams {
            common: Common {
                identifier: options.identifier.clone(),
                transport: transport.name.clone(),
                confidential: transport.confidential,
                observer: options.observer.clone(),
                batches: batches.clone(),
            },
            snapshots: snapshots.clone(),
            stop: stop.clone(),
            next_id: next_id.clone(),
            clients: clients.clone(),
        };
        let status = ClientStatusDiscoveryServiceServer::new(ClientStatus(clients.clone()));
        let routes = others(&transport)
            .add_service(health.clone())
            .add_service(Discovery::<0>(streams.clone()))
            .add_service(Discovery::<1>(streams.clone()))
            .add_service(Discovery::<2>(streams.clone()))
            .add_service(Discovery::<3>(streams.clone()))
            .add_service(Discovery::<4>(streams.clone()))
            .add_service(Discovery::<5>(streams))
            .add_service(status)
            .add_service(Reflection::<V1>)
            .add_service(Reflection::<V1_ALPHA>)
            .prepare();
        listen(transport, routes, stop.clone())
    });
    let servers = async { try_join_all(servers).await.map(drop) };
    let watching_health = async {
        report_health(&reporter, snapshots.clone()).await;
        std::future::pending::<()>().await;
    };
    let signal = async {
        tokio::select! {
            () = shutdown => {}
            () = watching_health => {}
        }
        stopper.send_replace(true);
        tokio::time::sleep(options.grace).await;
    };
    tokio::select! {
        result = servers => result,
        () = signal => Ok(()),
    }
}

/// Serves one transport until told to stop and its connections ended.
async fn listen(
    transport: Transport,
    routes: Routes,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let name = transport.name;
    let signal = async move { stopped(&mut stop).await };
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .max_frame_size(Some(FRAME))
        .max_concurrent_streams(STREAMS)
        .add_routes(routes);
    let served = match transport.listener {
        Listener::Unix(listener) => {
            let incoming = UnixListenerStream::new(listener);
            server.serve_with_incoming_shutdown(incoming, signal).await
        }
        Listener::Tcp(listener) => {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, signal).await
        }
    };
    served.map_err(|source| ServeError::Transport {
        transport: name,
        source,
    })
}

/// Says that discovery is served, once there is something to serve.
async fn report_health(reporter: &HealthReporter, mut snapshots: Snapshots) {
    let report = async |status| {
        for methods in &SERVICES {
            reporter.set_service_status(methods.service, status).await;
        }
    };
    report(ServingStatus::NotServing).await;
    if snapshots.wait_for(Option::is_some).await.is_ok() {
        report(ServingStatus::Serving).await;
    }
}
