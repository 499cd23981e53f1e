//! Why a request to the daemon failed.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::ObjectPath;

/// Why a request to the daemon failed.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The socket does not exist, refuses connections, or is not ours to open.
    #[error("cannot connect to the daemon on {}: {source}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the daemon broke: {0}")]
    Io(#[from] io::Error),
    /// No complete reply in time.
    #[error("the daemon did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The daemon closed the connection before its reply was complete, or ended the event stream.
    #[error("the daemon closed the connection too early")]
    Closed,
    /// A reply larger than this client is ready to hold, in bytes.
    #[error("the daemon's reply is larger than {0} bytes")]
    TooLarge(usize),
    /// A reply that is not what the protocol says.
    #[error("the daemon's reply is not understood: {0}")]
    Malformed(String),
    /// The daemon refused the request.
    #[error("the daemon refused (status {status}): {message}")]
    Refused {
        /// The daemon's status: 1, or an HTTP status such as 404.
        status: i64,
        /// The daemon's words.
        message: String,
    },
    /// The daemon ran the action and it failed; a keyword that `set` refuses, for instance.
    #[error("{service}: the action failed (exit code {code}): {output}")]
    Failed {
        /// The service.
        service: ObjectPath,
        /// The exit code of the action.
        code: i64,
        /// What the action wrote on its error output, or its output.
        output: String,
    },
}

impl RequestError {
    /// Whether the daemon may answer when it is asked again later: it was not reached, or did not
    /// finish. What it said itself, it would say again.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Io(_) | Self::Timeout(_) | Self::Closed
        )
    }
}
