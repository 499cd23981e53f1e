//! End to end: a simulated OpenSVC node, the sidecar, a real Envoy, real clients, real services.
//!
//! Each group of stories runs against an Envoy of its own, once in each variant of the xDS protocol.
//! Nothing waits for a time: everything is waited for, and a deadline ends what never comes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backends;
mod clients;
mod gateway;
mod life;
mod load;
#[path = "../support/pki.rs"]
mod pki;
mod plain;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod web;

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use igw_envoy::envoy::Variant;

use gateway::Gateway;
use support::PATIENCE;

/// Waits for something to come true. Panics with the last reason why it had not.
async fn eventually<T, E, F>(what: impl Display, mut attempt: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, E>>,
    E: Display,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(reason) if Instant::now() > deadline => panic!("{what}: {reason}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(25)).await,
        }
    }
}

/// The stories of a group, in both variants of the protocol.
macro_rules! stories {
    ($($name:ident: $stories:path;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn by_delta() {
                run(Variant::Delta).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn by_state_of_the_world() {
                run(Variant::StateOfTheWorld).await;
            }

            async fn run(variant: Variant) {
                if let Some(mut gateway) = Gateway::start(variant).await {
                    $stories(&mut gateway).await;
                }
            }
        }
    )*};
}

stories! {
    tcp_and_udp: plain::stories;
    tls_of_every_kind: tls::stories;
    http_by_virtual_host: web::stories;
    what_may_happen: life::stories;
}

/// The Python janitor died where Envoy was not up before it, and with it the container.
#[tokio::test]
async fn the_sidecar_waits_for_neither_daemon_nor_envoy() {
    let folder = tempfile::tempdir().unwrap();
    let options = igw_envoy::sidecar::Options {
        daemon_socket: folder.path().join("none.sock"),
        unix_socket: folder.path().join("xds.sock"),
        tcp: None,
        ..Default::default()
    };
    let sidecar = igw_envoy::sidecar::Sidecar::bind(options).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut running = tokio::spawn(sidecar.run(async {
        stopped.await.ok();
    }));
    let waited = tokio::time::timeout(Duration::from_millis(300), &mut running).await;
    assert!(waited.is_err(), "it ended by itself: {waited:?}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}
