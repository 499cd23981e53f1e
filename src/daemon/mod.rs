//! The OpenSVC daemon, as the rest of the crate sees it.
//!
//! The 2.1 socket protocol stays inside this room: what leaves it is an [`Update`], the state of
//! whole services in the daemon's own words, whatever the wire looked like.

mod state;

pub use state::{Availability, Instance, ResourceState, ResourceStatus, ServiceState, Update};
