//! From exposes to Envoy v3, as JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exposes;
mod shown;

mod clusters;
mod defects;
mod endpoints;
mod listeners;
mod passthrough;
mod routes;
mod tls;
