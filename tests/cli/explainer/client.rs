//! A client that tells what it sees, and the backends that it is to reach.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use igw_envoy::inspect::explain::Question;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

/// What a client sees of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A backend answered: the address where it stands.
    Forwarded(IpAddr),
    /// A redirect to somewhere.
    Redirected(u16, String),
    /// An answer of Envoy's own.
    Answered(u16),
    /// The connection ended without an answer.
    Closed,
    /// Nothing was heard for as long as the test waited.
    Silent,
    /// The connection was refused.
    NotListening,
}

/// Sends a request as its scheme says, to the gateway.
pub(crate) async fn send(gateway: IpAddr, question: &Question, patience: Duration) -> Seen {
    let address = SocketAddr::new(gateway, question.port);
    let exchange = async {
        let Ok(stream) = TcpStream::connect(address).await else {
            return Seen::NotListening;
        };
        if !question.scheme.is_tls() {
            return talk(stream, question).await;
        }
        let name = match &question.server_name {
            Some(name) => ServerName::try_from(name.clone()).unwrap(),
            None => ServerName::from(gateway),
        };
        *greeted() = None;
        let connector = TlsConnector::from(Arc::new(trusting()));
        match connector.connect(name, stream).await {
            Ok(stream) => talk(stream, question).await,
            // Where Envoy passes TLS through, the backend saw the greeting, and speaks none itself.
            Err(_) => greeted().take().map_or(Seen::Closed, Seen::Forwarded),
        }
    };
    let heard = tokio::time::timeout(patience, exchange).await;
    heard.unwrap_or(Seen::Silent)
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, question: &Question) -> Seen {
    let mut text = String::from("no request\r\n\r\n");
    if question.scheme.is_http() {
        text = format!("GET {} HTTP/1.1\r\nconnection: close\r\n", question.target);
        for (name, value) in &question.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
    }
    // A connection that is closed already is seen below.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    // The head of an answer is enough: Envoy leaves a connection open for a second after it said that it
    // closes it.
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read_buf(&mut answer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    let answer = String::from_utf8_lossy(&answer);
    let head = answer
        .split("\r\n\r\n")
        .next()
        .unwrap_or_default()
        .to_owned();
    let header = |wanted: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.to_owned())
    };
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    match (status, header("location"), header("x-backend")) {
        (None, ..) => Seen::Closed,
        (Some(_), _, Some(address)) => Seen::Forwarded(address.parse().unwrap()),
        (Some(status), Some(location), _) => Seen::Redirected(status, location),
        (Some(status), None, None) => Seen::Answered(status),
    }
}

/// How a TLS connection begins.
const TLS_HANDSHAKE: u8 = 22;

/// The backend that a client last tried to speak TLS with.
fn greeted() -> MutexGuard<'static, Option<IpAddr>> {
    static GREETED: Mutex<Option<IpAddr>> = Mutex::new(None);
    GREETED.lock().unwrap()
}

/// Answers whatever it is sent with where it stands.
pub(crate) async fn backend(address: IpAddr) {
    let listener = TcpListener::bind((address, 8081)).await.unwrap();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nx-backend: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // Health checks come and go without a word.
                let read = stream.read(&mut request).await.unwrap_or(0);
                if read > 0 && request[0] == TLS_HANDSHAKE {
                    *greeted() = Some(address);
                } else if read > 0 {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
    });
}

/// A client that believes every server.
fn trusting() -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let verifier = Arc::new(Believing);
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[derive(Debug)]
struct Believing;

impl ServerCertVerifier for Believing {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let provider = rustls::crypto::ring::default_provider();
        provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
