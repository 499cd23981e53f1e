//! Reaching a running sidecar.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use super::server::MAX_MESSAGE;
use super::v1::control_client::ControlClient;

/// How long the connection may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why a sidecar cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers at the socket.
    #[error("no sidecar answers at {}: {why}", socket.display())]
    Nobody {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        why: String,
    },
    /// The socket is another user's.
    #[error("the sidecar's socket {} may not be opened by this user", socket.display())]
    Denied {
        /// The socket.
        socket: PathBuf,
    },
    /// It is a file of another kind.
    #[error("{} is not a socket", file.display())]
    NoSocket {
        /// The file.
        file: PathBuf,
    },
    /// Somebody else answers at the socket.
    #[error("what answers at {} is not a sidecar: it does not speak gRPC", socket.display())]
    Stranger {
        /// The socket.
        socket: PathBuf,
    },
}

/// How an HTTP/2 client begins: the preface, and a frame SETTINGS that changes nothing (RFC 9113 §3.4).
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The type of a frame SETTINGS, with which a server begins; the fourth of a frame's first nine bytes.
const SETTINGS: u8 = 4;

/// The control service over a connection.
pub fn client(channel: Channel) -> ControlClient<Channel> {
    ControlClient::new(channel).max_decoding_message_size(MAX_MESSAGE)
}

/// Connects to the sidecar that listens on a unix socket.
///
/// # Errors
/// When nobody does, or this user may not.
pub async fn connect(socket: &Path) -> Result<Channel, ConnectError> {
    let nobody = |why: String| ConnectError::Nobody {
        socket: socket.into(),
        why,
    };
    // Asked first, since what gRPC tells of a failed connection is not for people.
    match UnixStream::connect(socket).await {
        Ok(stream) => match timeout(TIMEOUT, is_grpc(stream)).await {
            Ok(true) => {}
            Ok(false) => {
                return Err(ConnectError::Stranger {
                    socket: socket.into(),
                });
            }
            Err(_) => return Err(nobody(format!("no answer in {} s", TIMEOUT.as_secs()))),
        },
        Err(error) => {
            return Err(match error.kind() {
                io::ErrorKind::PermissionDenied => ConnectError::Denied {
                    socket: socket.into(),
                },
                io::ErrorKind::NotFound => nobody("there is no such socket".into()),
                io::ErrorKind::ConnectionRefused if is_file(socket) => ConnectError::NoSocket {
                    file: socket.into(),
                },
                io::ErrorKind::ConnectionRefused => nobody("it is not running any more".into()),
                _ => nobody(error.to_string()),
            });
        }
    }
    let path = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    // The address is not looked at: the connector knows where to go.
    let endpoint = Endpoint::from_static("http://sidecar").connect_timeout(TIMEOUT);
    let channel = endpoint.connect_with_connector(connector).await;
    channel.map_err(|error| nobody(error.to_string()))
}

/// Whether something is there which is not a socket.
fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| !about.file_type().is_socket())
}

/// Whether a server answers as those of gRPC do.
async fn is_grpc(mut stream: UnixStream) -> bool {
    let mut head = [0; 9];
    let asked = stream.write_all(GREETING).await;
    let answered = stream.read_exact(&mut head).await;
    asked.is_ok() && answered.is_ok() && head[3] == SETTINGS
}
