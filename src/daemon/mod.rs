//! The OpenSVC daemon, as the rest of the crate sees it.
//!
//! The socket protocol stays inside this room: what leaves it is an [`Update`], the state of whole
//! services in the daemon's own words, whatever the wire looked like.
//!
//! [`Daemon`] is what a gateway needs of a daemon, of any generation; [`DaemonV2`] is the one that
//! OpenSVC 2.1 runs.

mod connection;
mod error;
mod info;
mod named;
mod state;
mod updates;
mod v2;
mod walk;

use futures_util::future::BoxFuture;

pub use connection::{Connection, Link, Resync};
pub use error::RequestError;
pub use info::Info;
pub use named::Named;
pub use state::{Availability, Instance, ResourceState, ResourceStatus, ServiceState, Update};
pub use updates::{Publisher, Updates, channel};
pub use v2::{DaemonV2, Events, Options, Transcript, read_status, replay};

use crate::model::ObjectPath;

/// Where the daemon's socket may be, in the order in which to look.
pub const SOCKETS: [&str; 3] = [
    "/var/lib/opensvc/lsnr/lsnr.sock",
    // Where the service templates mount the daemon's directory into the gateway's container.
    "/var/run/lsnr/lsnr.sock",
    // The default of the first gateway, for older agents.
    "/var/lib/opensvc/lsnr/osvcd.sock",
];

/// The environment variable that names the daemon's socket.
pub const SOCKET_VARIABLE: &str = "OPENSVC_LSNR_SOCK";

/// What a gateway needs of an OpenSVC daemon.
pub trait Daemon: Send + Sync + 'static {
    /// Follows the services and secrets until the [`Updates`] are dropped, on a task of its own.
    ///
    /// The first update is a [`Update::Reset`]. A daemon that goes away is waited for: nothing is
    /// emitted, what was known stays true.
    fn follow(&self) -> Updates;

    /// The value of a secret's key; `None` where the secret or the key does not exist.
    fn secret_key<'a>(
        &'a self,
        secret: &'a ObjectPath,
        key: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, RequestError>>;

    /// Sets keywords of a service, on whichever node has an instance of it.
    ///
    /// All are set or none is. The change comes back in [`Daemon::follow`], usually within 2 s.
    fn set<'a>(
        &'a self,
        service: &'a ObjectPath,
        keywords: &'a [Assignment],
    ) -> BoxFuture<'a, Result<(), RequestError>>;
}

/// A keyword and its new value: `expose#0.listener_port=1025`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The section, such as `expose#0`.
    pub section: String,
    /// The keyword, such as `listener_port`.
    pub keyword: String,
    /// The value, as in a configuration file.
    pub value: String,
}

impl std::fmt::Display for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}={}", self.section, self.keyword, self.value)
    }
}
