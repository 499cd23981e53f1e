//! The commands as whoever types them meets them: the real binary, its output and its exit code.

#![allow(unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod edges;
mod explainer;
mod gateway;
mod live;
mod offline;
mod proto;
mod reference;
mod run;
#[path = "../support/mod.rs"]
mod support;
mod trouble;
