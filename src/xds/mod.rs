//! The xDS v3 server: what Envoy asks, and in which order it is answered.
//!
//! [`serve`] takes bound sockets and a watched [`Snapshot`](crate::snapshot::Snapshot).

mod observer;
mod server;
pub mod wire;

pub use observer::{Event, Log, Observer, Refusal, Stream};
pub use server::{Listener, Options, ServeError, Snapshots, Transport, serve};
