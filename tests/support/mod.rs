//! What the integration tests share: waiting, ports, a served state, xDS clients and a real Envoy.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(
    unreachable_pub,
    reason = "each test binary has it as a private module"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by panicking"
)]

pub mod discovery;
pub mod envoy;
pub mod machine;
pub mod named;
pub mod resources;
pub mod self_signed;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer; panics after [`PATIENCE`], saying what was awaited.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A loopback address that nobody listens on, nor will before the test does.
///
/// A free port of 127.0.0.1 may be gone a moment later, as the near end of somebody's connection or
/// in another test. So each call has an IP address of its own, made of the process id and a count.
pub fn free_address() -> SocketAddr {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = COUNT.fetch_add(1, Ordering::Relaxed);
    let ip = Ipv4Addr::new(127, 1 + high % 254, low, last);
    let listener = TcpListener::bind((ip, 0)).unwrap();
    listener.local_addr().unwrap()
}
