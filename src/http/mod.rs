//! The HTTP interface, for people and their tools: a JSON API, metrics for Prometheus, and a
//! dashboard. Everything is read only, and nothing that is secret is in it.
//!
//! ```text
//!  sidecar ─► State ─┬─ snapshots, views, connection (watched)
//!                    └─ Telemetry (told by the sidecar and, as an Observer, by xds)
//!                         │
//!     Catalog (the snapshot, decoded) ─► Board (exposes) ─► api, metrics, dashboard
//! ```
//!
//! [`router`] is the whole of it as a function from requests to responses; [`serve`] puts it on a
//! socket, with limits.

pub mod api;
pub mod board;
pub mod catalog;
mod dashboard;
pub mod explain;
pub mod metrics;
mod moment;
mod router;
mod server;
mod state;
pub mod telemetry;

pub use api::Problem;
pub use moment::Moment;
pub use router::{Hosts, MAX_BODY, router};
pub use server::serve;
pub use state::{Sources, State};
pub use telemetry::Telemetry;
