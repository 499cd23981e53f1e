//! The control service: what a running gateway tells its operators over its unix socket.
//!
//! ```text
//!  inspect ─► convert ─► Control (server) ─► unix socket ─► connect (client) ─► the commands
//! ```
//!
//! `proto/igw/control/v1/control.proto` defines it. The code in [`v1`] is generated from that and
//! committed, so that building needs no compiler of protos; a test holds the two against each other.

mod client;
mod convert;
mod server;
mod words;

/// The messages, the client and the server as they are generated.
#[rustfmt::skip]
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, unused_qualifications)]
pub mod v1 {
    include!("generated/status.rs");
    include!("generated/explanation.rs");
    include!("generated/client.rs");
    include!("generated/server.rs");
}

pub use client::{ConnectError, client, connect};
pub use convert::explanation;
pub use server::{Gateway, MAX_MESSAGE, service};
pub(crate) use words::moment;
