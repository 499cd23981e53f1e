//! The dashboard in a real browser: what it shows, how it is used by keyboard, by ear and on a
//! phone, and how it bears two thousand exposes.
//!
//! Needs Chromium (the package `chromium` of Debian and others). Pictures of every view, from a run
//! with a real Envoy, are written into `target/screenshots`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod chromium;
#[path = "../http/gateway.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests of the API"
)]
mod gateway;
mod keyboard;
mod live;
mod pictures;
mod scale;
mod served;
#[path = "../http/stories.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests of the API"
)]
mod stories;
#[path = "../support/mod.rs"]
mod support;
mod views;

// Where the tests of the API have it.
use support::self_signed;
