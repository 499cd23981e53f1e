//! The xDS v3 server: what Envoy asks, and in which order it is answered.
//!
//! [`serve`] takes bound sockets and a watched [`Snapshot`](crate::snapshot::Snapshot). Each stream
//! is a [`Session`], which holds every rule of the protocol and does no I/O; an [`Observer`] is told
//! what happens on it. The same server tells who has what (CSDS), its health, and its own services
//! (reflection).

mod clients;
mod observer;
mod reflection;
mod requests;
mod responses;
mod server;
mod service;
pub mod session;
mod status;
mod streaming;
mod told;
pub mod wire;

pub use observer::{Event, Log, Observer, Refusal, Stream};
pub use server::{Listener, Options, ServeError, Snapshots, Transport, serve, serve_beside};
pub use session::Session;
