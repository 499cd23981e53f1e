//! A running gateway as those see it who ask: people, scripts, metrics. Two faces show it, the HTTP
//! interface ([`http`](crate::http)) and the control service ([`control`](crate::control)); neither
//! knows the other.
//!
//! ```text
//!  sidecar ─► State ─┬─ snapshots, views, connection (watched)
//!                    └─ Telemetry (told by the sidecar and, as an Observer, by xds)
//!                         │
//!     Catalog (the snapshot, decoded) ─► Board (exposes) ─► http, control
//!           └─► explain (a request's way)      └─► Follower (what is new in it)
//! ```
//!
//! Everything is read only, and nothing that is secret is in it.

pub mod board;
pub mod catalog;
pub mod explain;
mod follow;
mod moment;
pub(crate) mod refusal;
mod state;
pub mod telemetry;

pub use follow::{Follower, Step};
pub use moment::Moment;
pub use state::{Sources, State};
pub use telemetry::Telemetry;
