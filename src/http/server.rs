//! The router on a socket, with limits.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::State;
use super::router::{Hosts, router};

/// How many connections are served at a time; more wait for their turn.
const CONNECTIONS: usize = 256;

/// How long a client may take to send the head of a request, and to begin the next one.
const HEAD: Duration = Duration::from_secs(30);

/// How long to wait after the system would not accept a connection, for want of file descriptors.
const RECOVER: Duration = Duration::from_millis(200);

/// Serves the interface on a bound socket until `shutdown` completes; requests under way end with
/// it.
///
/// # Errors
/// When the socket is not one.
pub async fn serve(
    listener: TcpListener,
    state: State,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let address: SocketAddr = listener.local_addr()?;
    let hosts = match address.ip().is_loopback() {
        true => Hosts::Local,
        false => Hosts::Any,
    };
    let service = TowerToHyperService::new(router(state, hosts));
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let accepting = async {
        loop {
            let Ok(seat) = seats.clone().acquire_owned().await else {
                return;
            };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "HTTP: cannot accept");
                    tokio::time::sleep(RECOVER).await;
                    continue;
                }
            };
            let connection = protocol.serve_connection(TokioIo::new(stream), service.clone());
            while connections.try_join_next().is_some() {}
            connections.spawn(async move {
                let _seat = seat;
                // A client that breaks off is no concern of anybody's.
                let _ = connection.await;
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    Ok(())
}
