//! Reaching a running sidecar.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
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
}

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
    if let Err(error) = UnixStream::connect(socket).await {
        return Err(match error.kind() {
            io::ErrorKind::PermissionDenied => ConnectError::Denied {
                socket: socket.into(),
            },
            io::ErrorKind::NotFound => nobody("there is no such socket".into()),
            io::ErrorKind::ConnectionRefused => nobody("it is not running any more".into()),
            _ => nobody(error.to_string()),
        });
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
