//! Real clients of the gateway.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap};
use hyper::{Request as HyperRequest, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::pki::{self, Identity};

/// How long one exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The HTTP version that a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

/// How a client speaks TLS.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// The server name that it asks for, and that the certificate must be for.
    name: String,
    /// The identity that it shows.
    identity: Option<Identity>,
}

/// A GET request, on a connection of its own.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    to: SocketAddr,
    host: String,
    path: String,
    headers: Vec<(String, String)>,
    version: Version,
    tls: Option<Tls>,
}

impl Request {
    pub(crate) fn get(to: SocketAddr, host: &str, path: &str) -> Self {
        Self {
            to,
            host: host.into(),
            path: path.into(),
            headers: Vec::new(),
            version: Version::One,
            tls: None,
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Over HTTP/2.
    pub(crate) fn version_2(mut self) -> Self {
        self.version = Version::Two;
        self
    }

    /// Under TLS, asking for a server name.
    pub(crate) fn secure(mut self, name: &str) -> Self {
        self.tls = Some(Tls {
            name: name.into(),
            identity: None,
        });
        self
    }

    /// Shows a certificate to the server.
    pub(crate) fn identified(mut self, name: &str) -> Self {
        if let Some(tls) = &mut self.tls {
            tls.identity = Some(pki::identity(name));
        }
        self
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The service instance that answered; empty where the gateway did itself.
    pub(crate) fn instance(&self) -> &str {
        self.header("x-instance")
    }
}

/// Makes a request.
pub(crate) async fn http(request: &Request) -> Result<Answer, String> {
    patiently(async {
        let stream = TcpStream::connect(request.to).await.map_err(text)?;
        match &request.tls {
            None => exchange(stream, request).await,
            Some(tls) => exchange(secure(stream, tls, request.version).await?, request).await,
        }
    })
    .await
}

/// Opens a websocket, says something, and returns the status and what comes back.
pub(crate) async fn websocket(request: &Request, say: &str) -> Result<String, String> {
    patiently(async {
        let stream = TcpStream::connect(request.to).await.map_err(text)?;
        match &request.tls {
            None => converse(stream, request, say).await,
            Some(tls) => converse(secure(stream, tls, Version::One).await?, request, say).await,
        }
    })
    .await
}

/// Sends a datagram, and returns what comes back.
pub(crate) async fn udp(to: SocketAddr, say: &str) -> Result<String, String> {
    let any = if to.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    let socket = UdpSocket::bind(any).await.map_err(text)?;
    socket.connect(to).await.map_err(text)?;
    socket.send(say.as_bytes()).await.map_err(text)?;
    let mut buffer = [0; 1500];
    let received = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await;
    let length = received.map_err(|_| "no answer")?.map_err(text)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into())
}

/// The certificate that is shown to who asks for a name, as PEM.
pub(crate) async fn certificate(
    to: SocketAddr,
    name: &str,
) -> Result<CertificateDer<'static>, String> {
    patiently(async {
        let stream = TcpStream::connect(to).await.map_err(text)?;
        let tls = Tls {
            name: name.into(),
            identity: None,
        };
        let stream = secure(stream, &tls, Version::One).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let first = shown.and_then(|chain| chain.first());
        Ok(first.ok_or("no certificate")?.clone().into_owned())
    })
    .await
}

/// A connection that stays, over which requests go one after the other.
pub(crate) struct Connection {
    sender: hyper::client::conn::http1::SendRequest<Empty<Bytes>>,
}

impl Connection {
    /// Connects to where a request goes, as it goes there.
    pub(crate) async fn open(request: &Request) -> Result<Self, String> {
        patiently(async {
            let stream = TcpStream::connect(request.to).await.map_err(text)?;
            match &request.tls {
                None => Self::over(stream).await,
                Some(tls) => Self::over(secure(stream, tls, Version::One).await?).await,
            }
        })
        .await
    }

    async fn over<S>(stream: S) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        let (sender, connection) = hyper::client::conn::http1::handshake(io)
            .await
            .map_err(text)?;
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub(crate) async fn get(&mut self, request: &Request) -> Result<Answer, String> {
        patiently(async {
            self.sender.ready().await.map_err(text)?;
            let response = self.sender.send_request(hyper_request(request)?).await;
            answer(response.map_err(text)?).await
        })
        .await
    }
}

async fn secure(
    stream: TcpStream,
    tls: &Tls,
    version: Version,
) -> Result<TlsStream<TcpStream>, String> {
    let alpn: &[u8] = match version {
        Version::One => b"http/1.1",
        Version::Two => b"h2",
    };
    let config = client(tls.identity.as_ref(), alpn);
    let name = ServerName::try_from(tls.name.clone()).map_err(text)?;
    let stream = TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(text)?;
    let agreed = stream.get_ref().1.alpn_protocol();
    match (version, agreed) {
        (Version::Two, agreed) if agreed != Some(b"h2") => Err(format!("agreed on {agreed:?}")),
        _ => Ok(stream),
    }
}

async fn exchange<S>(stream: S, request: &Request) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let response = match request.version {
        Version::One => {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
                .await
                .map_err(text)?;
            tokio::spawn(connection);
            sender.send_request(hyper_request(request)?).await
        }
        Version::Two => {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                    .await
                    .map_err(text)?;
            tokio::spawn(connection);
            sender.send_request(hyper_request(request)?).await
        }
    };
    answer(response.map_err(text)?).await
}

fn hyper_request(request: &Request) -> Result<HyperRequest<Empty<Bytes>>, String> {
    let mut built = HyperRequest::builder();
    built = match request.version {
        Version::One => built.uri(&request.path).header(HOST, &request.host),
        Version::Two => {
            let scheme = if request.tls.is_some() {
                "https"
            } else {
                "http"
            };
            built
                .version(hyper::Version::HTTP_2)
                .uri(format!("{scheme}://{}{}", request.host, request.path))
        }
    };
    for (name, value) in &request.headers {
        built = built.header(name, value);
    }
    built.body(Empty::new()).map_err(text)
}

async fn answer(response: Response<Incoming>) -> Result<Answer, String> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.into_body().collect().await.map_err(text)?;
    Ok(Answer {
        status,
        headers,
        body: String::from_utf8_lossy(&body.to_bytes()).into(),
    })
}

async fn converse<S>(stream: S, request: &Request, say: &str) -> Result<String, String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let scheme = if request.tls.is_some() { "wss" } else { "ws" };
    let url = format!("{scheme}://{}{}", request.host, request.path);
    let opened = tokio_tungstenite::client_async(url, stream).await;
    let (mut socket, _) = opened.map_err(text)?;
    socket.send(say.to_owned().into()).await.map_err(text)?;
    let reply = socket.next().await.ok_or("closed without a reply")?;
    Ok(reply.map_err(text)?.into_text().map_err(text)?.to_string())
}

/// Whom a TLS server lets in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peers {
    Anybody,
    OfTheAuthority,
}

/// A TLS server that shows the certificate of a name.
pub(crate) fn server(name: &str, peers: Peers) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match peers {
        Peers::Anybody => builder.with_no_client_auth(),
        Peers::OfTheAuthority => {
            let judge = WebPkiClientVerifier::builder_with_provider(roots(), provider);
            builder.with_client_cert_verifier(judge.build().unwrap())
        }
    };
    let (chain, key) = parsed(&pki::identity(name));
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

fn client(identity: Option<&Identity>, alpn: &[u8]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots());
    let mut config = match identity.map(parsed) {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    Arc::new(config)
}

fn roots() -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(der(&pki::authority())).unwrap();
    Arc::new(roots)
}

/// The first certificate of a PEM text.
pub(crate) fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn parsed(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    (vec![der(&identity.chain)], key)
}

async fn patiently<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A client that asks again and again: on one connection as long as that stays, or each time on a new
/// one.
pub(crate) struct Asking {
    request: Request,
    stays: bool,
    connection: Option<Connection>,
}

impl Asking {
    pub(crate) fn new(request: Request, stays: bool) -> Self {
        Self {
            request,
            stays,
            connection: None,
        }
    }

    pub(crate) async fn ask(&mut self) -> Result<Answer, String> {
        let answer = match (&mut self.connection, self.stays) {
            (Some(connection), true) => connection.get(&self.request).await,
            (None, true) => match Connection::open(&self.request).await {
                Ok(opened) => self.connection.insert(opened).get(&self.request).await,
                Err(error) => Err(error),
            },
            (_, false) => http(&self.request).await,
        };
        // Envoy may ask for the end of a connection; that is not a failure.
        let is_over = |answer: &Answer| answer.header("connection") == "close";
        if answer.as_ref().map_or(true, is_over) {
            self.connection = None;
        }
        answer
    }
}
