//! The HTTP interface, for people and their tools: a JSON API, metrics for Prometheus, and a
//! dashboard. Everything is read only, and nothing that is secret is in it.
//!
//! What it shows comes from [`inspect`](crate::inspect).
//!
//! [`router`] is the whole of it as a function from requests to responses; [`serve`] puts it on a
//! socket, with limits.

pub mod api;
mod dashboard;
pub mod metrics;
mod router;
mod seats;
mod server;

pub use api::Problem;
pub use router::{Hosts, MAX_BODY, router};
pub use server::serve;
