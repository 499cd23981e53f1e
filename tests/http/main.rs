//! The HTTP interface, asked as a function from requests to responses; the dashboard in a browser.

#![allow(unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

mod api;
mod connections;
mod explain;
mod gateway;
mod limits;
mod metrics;
mod once;
mod secrets;
#[path = "../support/self_signed.rs"]
mod self_signed;
mod stories;
