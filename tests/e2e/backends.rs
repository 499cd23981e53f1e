//! What runs in the services' containers: on every address a web server, the same under TLS, and a
//! UDP echo. Each says who and where it is.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, UdpSocket as StdUdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HOST, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use igw_envoy::simnode::Workload;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::clients::{Peers, server};

/// Where the web server listens.
pub(crate) const HTTP: u16 = 8080;
/// Where the same listens under TLS, with a certificate for [`NAMES`].
pub(crate) const HTTPS: u16 = 8443;
/// Where the same listens under TLS, for clients of the test authority only.
pub(crate) const MUTUAL: u16 = 8444;
/// What the certificate of every service is for.
pub(crate) const NAMES: &str = "backend.org,one.org,two.org,*.two.org";
/// Where the UDP echo listens.
pub(crate) const UDP: u16 = 5353;

/// How long `/slow` takes to answer.
pub(crate) const SLOW: Duration = Duration::from_secs(5);

type Name = Arc<Mutex<String>>;

/// The services' servers. One that is stopped goes on serving whoever still comes: as a container
/// that ends gracefully does for a while. So a request that fails was sent to a wrong place.
pub(crate) struct Backends {
    runtime: Handle,
    running: Mutex<BTreeMap<IpAddr, (Name, Vec<AbortHandle>)>>,
}

impl Backends {
    pub(crate) fn new() -> Self {
        Self {
            runtime: Handle::current(),
            running: Mutex::default(),
        }
    }

    /// Serves HTTP somewhere on `::1`, where all gateways of a run meet. Returns the port.
    pub(crate) fn start_on_loopback_6(&self, service: &str) -> u16 {
        let name = Name::new(Mutex::new(service.to_owned()));
        let listener = StdListener::bind("[::1]:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let _runtime = self.runtime.enter();
        let listener = TcpListener::from_std(listener).unwrap();
        self.runtime.spawn(accept(listener, None, name, address));
        address.port()
    }

    fn listen(&self, address: IpAddr, name: &Name) -> std::io::Result<Vec<AbortHandle>> {
        let tls = |peers| Some(TlsAcceptor::from(server(NAMES, peers)));
        let mut tasks = Vec::new();
        let _runtime = self.runtime.enter();
        for (port, tls) in [
            (HTTP, None),
            (HTTPS, tls(Peers::Anybody)),
            (MUTUAL, tls(Peers::OfTheAuthority)),
        ] {
            let address = SocketAddr::new(address, port);
            let listener = StdListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let serving = accept(listener, tls, name.clone(), address);
            tasks.push(self.runtime.spawn(serving).abort_handle());
        }
        let socket = StdUdpSocket::bind(SocketAddr::new(address, UDP))?;
        socket.set_nonblocking(true)?;
        let echoing = echo_datagrams(UdpSocket::from_std(socket)?, name.clone());
        tasks.push(self.runtime.spawn(echoing).abort_handle());
        Ok(tasks)
    }
}

impl Workload for Backends {
    /// Serves on an address, in the name of a service; another may have served there before.
    fn start(&self, service: &str, address: IpAddr) {
        let mut running = lock(&self.running);
        if let Some((name, _)) = running.get(&address) {
            *lock(name) = service.to_owned();
            return;
        }
        let name = Name::new(Mutex::new(service.to_owned()));
        let tasks = self.listen(address, &name).unwrap();
        running.insert(address, (name, tasks));
    }

    fn stop(&self, _service: &str) {}
}

impl Drop for Backends {
    fn drop(&mut self) {
        for (_, tasks) in lock(&self.running).values() {
            tasks.iter().for_each(AbortHandle::abort);
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, name: Name, address: SocketAddr) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (tls, name) = (tls.clone(), name.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, name, address).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, name, address).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(stream: S, name: Name, address: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request| {
        let name = lock(&name).clone();
        async move { Ok::<_, Infallible>(respond(request, name, address).await) }
    });
    hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await
        .ok();
}

/// Answers with what was asked, and by whom.
async fn respond(
    mut request: Request<Incoming>,
    name: String,
    address: SocketAddr,
) -> Response<Full<Bytes>> {
    if request.uri().path() == "/slow" {
        tokio::time::sleep(SLOW).await;
    }
    let host = request.headers().get(HOST).cloned();
    let mut response = Response::new(Full::from("served\n"));
    let headers = response.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).unwrap();
    headers.insert("x-instance", value(&name));
    headers.insert("x-endpoint", value(&address.to_string()));
    headers.insert("x-path", value(&request.uri().to_string()));
    headers.insert("x-host", host.unwrap_or(HeaderValue::from_static("")));
    let key = request.headers().get(SEC_WEBSOCKET_KEY);
    if let Some(accept) = key.map(|key| derive_accept_key(key.as_bytes())) {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, value(&accept));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.body_mut() = Full::default();
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(stream) = upgrade.await {
                echo_messages(TokioIo::new(stream), &name).await;
            }
        });
    }
    response
}

async fn echo_messages<S: AsyncRead + AsyncWrite + Unpin>(stream: S, name: &str) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_text() {
            let reply = format!("{}, says {name}", message.into_text().unwrap());
            if socket.send(reply.into()).await.is_err() {
                return;
            }
        }
    }
}

async fn echo_datagrams(socket: UdpSocket, name: Name) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let name = lock(&name).clone();
        let said = String::from_utf8_lossy(&buffer[..length]);
        let reply = format!("{said}, says {name}");
        socket.send_to(reply.as_bytes(), from).await.ok();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
