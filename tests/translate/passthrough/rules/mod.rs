//! Rules that Envoy keeps to itself: what its protos allow and a real one refuses all the same.

mod anywhere;
mod clusters;
mod filters;
