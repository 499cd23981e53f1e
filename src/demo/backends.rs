//! What runs in the demo's containers: a small web server per instance, on a loopback address.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::simnode::Workload;

/// The port of the instances' plain HTTP.
pub(super) const HTTP_PORT: u16 = 8081;
/// The port of the instances' HTTPS.
pub(super) const HTTPS_PORT: u16 = 8444;
/// The response header that names the instance that answered.
pub(super) const INSTANCE_HEADER: &str = "x-instance";
/// The response header that names its address and port.
pub(super) const ENDPOINT_HEADER: &str = "x-endpoint";

/// The web servers of every running instance.
pub(super) struct Backends {
    runtime: Handle,
    tls: TlsAcceptor,
    running: Mutex<BTreeMap<String, Vec<AbortHandle>>>,
    problems: Mutex<Vec<String>>,
}

impl Backends {
    pub(super) fn new(tls: Arc<ServerConfig>) -> Self {
        Self {
            runtime: Handle::current(),
            tls: TlsAcceptor::from(tls),
            running: Mutex::default(),
            problems: Mutex::default(),
        }
    }

    /// Why instances could not start.
    pub(super) fn problems(&self) -> Vec<String> {
        lock(&self.problems).clone()
    }

    fn listen(&self, service: &str, address: SocketAddr, secure: bool) -> std::io::Result<()> {
        // Bound before this returns: the instance is only up when it can be reached.
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let tls = secure.then(|| self.tls.clone());
        let name: Arc<str> = service.into();
        let _runtime = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let task = self.runtime.spawn(accept(listener, tls, name, address));
        let mut running = lock(&self.running);
        let tasks = running.entry(service.to_owned()).or_default();
        tasks.push(task.abort_handle());
        Ok(())
    }
}

impl Workload for Backends {
    fn start(&self, service: &str, address: IpAddr) {
        for (port, secure) in [(HTTP_PORT, false), (HTTPS_PORT, true)] {
            let address = SocketAddr::new(address, port);
            if let Err(error) = self.listen(service, address, secure) {
                lock(&self.problems).push(format!("{service} cannot listen on {address}: {error}"));
            }
        }
    }

    fn stop(&self, service: &str) {
        for task in lock(&self.running).remove(service).unwrap_or_default() {
            task.abort();
        }
    }
}

/// The first address of a loopback network where the instances' ports are free: several demos may
/// run side by side.
pub(super) fn free_network() -> Option<Ipv4Addr> {
    (1..=250)
        .map(|third| Ipv4Addr::new(127, 20, third, 1))
        .find(|first| StdListener::bind((*first, HTTP_PORT)).is_ok())
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    service: Arc<str>,
    address: SocketAddr,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, service) = (tls.clone(), Arc::clone(&service));
        // A client that breaks off, or a TLS handshake that fails, concerns that client only.
        tokio::spawn(async move {
            match tls {
                None => serve(stream, service, address).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, service, address).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(stream: S, service: Arc<str>, address: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request| {
        let response = respond(request, &service, address);
        async move { Ok::<_, Infallible>(response) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await
        .ok();
}

fn respond(
    mut request: Request<Incoming>,
    service: &Arc<str>,
    address: SocketAddr,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{service} at {address}\n")));
    let headers = response.headers_mut();
    for (name, value) in [
        (INSTANCE_HEADER, service.to_string()),
        (ENDPOINT_HEADER, address.to_string()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    let accept = request
        .headers()
        .get(SEC_WEBSOCKET_KEY)
        .and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok());
    if let Some(accept) = accept {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.body_mut() = Full::default();
        let upgrade = hyper::upgrade::on(&mut request);
        let service = Arc::clone(service);
        tokio::spawn(async move {
            if let Ok(stream) = upgrade.await {
                echo(TokioIo::new(stream), &service).await;
            }
        });
    }
    response
}

/// Sends every text back, with the name of the instance.
async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S, service: &str) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if let Ok(text) = message.to_text()
            && message.is_text()
        {
            let reply = format!("{text}, says {service}");
            if socket.send(reply.into()).await.is_err() {
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
