//! A server under test, and plain gRPC clients for it.

#![allow(unused_imports, reason = "each test binary uses a part")]

mod server;
mod talk;

use igw_envoy::envoy::Variant;

pub use server::{Notes, Server};
pub use talk::{ANSWER, Ask, Heard, SILENCE, Talk, call, path};

/// How a client reaches the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Unix,
    Tcp,
}

pub const WAYS: [Way; 2] = [Way::Unix, Way::Tcp];
pub const VARIANTS: [Variant; 2] = [Variant::StateOfTheWorld, Variant::Delta];
