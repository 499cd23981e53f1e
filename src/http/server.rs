//! The router on a socket, with limits.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::router::{Hosts, router};
use super::seats::{Doing, Seats, Taken};
use crate::inspect::State;

/// How many connections are served at a time; one more ends that which was silent longest.
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
    let router = router(state, hosts);
    let seats = Seats::new(CONNECTIONS);
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::debug!(%error, "HTTP: cannot accept");
                    tokio::time::sleep(RECOVER).await;
                    continue;
                }
            };
            while connections.try_join_next().is_some() {}
            connections.spawn(connection(stream, router.clone(), seats.take()));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = shutdown => {}
    }
    Ok(())
}

/// Serves a connection until it ends or somebody else needs its seat.
async fn connection(stream: TcpStream, router: Router, seat: Taken) {
    let seat = Arc::new(seat);
    let answering = seat.clone();
    let service = hyper::service::service_fn(move |request| {
        let (router, seat) = (router.clone(), answering.clone());
        async move {
            seat.is(Doing::Answering);
            let answer = router.oneshot(request).await;
            let follows = answer.as_ref().is_ok_and(|answer| {
                let kind = answer.headers().get(header::CONTENT_TYPE);
                kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
            });
            seat.is(if follows {
                Doing::Following
            } else {
                Doing::Idle
            });
            answer
        }
    });
    let mut protocol = http1::Builder::new();
    protocol.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let served = protocol.serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A client that breaks off is no concern of anybody's.
        _ = served => {}
        () = seat.lost() => {}
    }
}
