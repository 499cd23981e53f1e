//! The clients of the demo: each request on a connection of its own, as separate users would.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::header::HOST;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::backends::{ENDPOINT_HEADER, INSTANCE_HEADER};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a request goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The host that it is for: the `Host` header and, under TLS, the name asked for (SNI).
    pub(super) host: &'static str,
    /// The port of the gateway.
    pub(super) port: u16,
    /// The path.
    pub(super) path: &'static str,
    /// Whether under TLS.
    pub(super) secure: bool,
}

/// Who answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The instance, such as `0.svcweb`; empty where the gateway answered itself.
    pub(super) instance: String,
    /// Its address and port.
    pub(super) endpoint: String,
}

impl Answer {
    fn of<B>(response: &Response<B>) -> Self {
        let header = |name: &str| {
            let value = response.headers().get(name);
            let text = value.and_then(|value| value.to_str().ok());
            text.unwrap_or_default().to_owned()
        };
        Self {
            status: response.status().as_u16(),
            instance: header(INSTANCE_HEADER),
            endpoint: header(ENDPOINT_HEADER),
        }
    }
}

impl Target {
    /// The address that a browser would show.
    pub(super) fn url(&self, scheme: &str) -> String {
        let secure = if self.secure { "s" } else { "" };
        format!(
            "{scheme}{secure}://{}:{}{}",
            self.host, self.port, self.path
        )
    }
}

/// Makes requests of the gateway on this machine.
#[derive(Clone)]
pub(super) struct Client {
    tls: TlsConnector,
}

impl Client {
    pub(super) fn new(tls: Arc<ClientConfig>) -> Self {
        Self {
            tls: TlsConnector::from(tls),
        }
    }

    /// One GET request.
    pub(super) async fn get(&self, target: &Target) -> Result<Answer, String> {
        patiently(async {
            let stream = connect(target).await?;
            let response = if target.secure {
                exchange(self.secure(target, stream).await?, target).await?
            } else {
                exchange(stream, target).await?
            };
            Ok(Answer::of(&response))
        })
        .await
    }

    /// Opens a websocket under TLS, says something, and returns what comes back.
    pub(super) async fn websocket(
        &self,
        target: &Target,
        say: &str,
    ) -> Result<(Answer, String), String> {
        patiently(async {
            let stream = connect(target).await?;
            let stream = self.secure(target, stream).await?;
            let (mut socket, response) = tokio_tungstenite::client_async(target.url("ws"), stream)
                .await
                .map_err(text)?;
            socket.send(say.to_owned().into()).await.map_err(text)?;
            let reply = socket.next().await.ok_or("closed without a reply")?;
            let reply = reply.map_err(text)?.into_text().map_err(text)?;
            socket.close(None).await.ok();
            Ok((Answer::of(&response), reply.to_string()))
        })
        .await
    }

    async fn secure(
        &self,
        target: &Target,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(target.host).map_err(text)?;
        self.tls.connect(name, stream).await.map_err(text)
    }
}

async fn connect(target: &Target) -> Result<TcpStream, String> {
    TcpStream::connect(("127.0.0.1", target.port))
        .await
        .map_err(text)
}

async fn exchange<S>(stream: S, target: &Target) -> Result<Response<()>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(text)?;
    tokio::spawn(connection);
    let request = Request::get(target.path)
        .header(HOST, format!("{}:{}", target.host, target.port))
        .body(Empty::<Bytes>::new())
        .map_err(text)?;
    let response = sender.send_request(request).await.map_err(text)?;
    Ok(response.map(|_| ()))
}

async fn patiently<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs())))
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
