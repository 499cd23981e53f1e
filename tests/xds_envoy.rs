//! A real Envoy follows this crate's xDS server, in both variants and over both transports.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::net::SocketAddr;
use std::path::PathBuf;

use igw_envoy::envoy::ResourceType;
use igw_envoy::envoy::Variant;
use support::discovery::{Server, VARIANTS, WAYS, Way};
use support::envoy::{Envoy, binary};
use support::named::{answers, backend, web, who};
use support::resources::{cluster, endpoints, tcp_listener};
use support::{eventually, free_address};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};

async fn follows(binary: &PathBuf, way: Way, variant: Variant) {
    let (one, two) = (backend("one").await, backend("two").await);
    let front = free_address();
    let server = Server::with(web(one, &[front])).await;
    let mut envoy = Envoy::start(binary, "envoy1", server.address(way), variant);
    envoy.ready().await;
    answers(front, "one").await;

    // Endpoints take their own way: neither cluster nor listener moves.
    let cds = envoy.stat("cluster_manager.cds.update_success").await;
    server.publish([endpoints("web", &[two])]);
    answers(front, "two").await;
    let still = envoy.stat("cluster_manager.cds.update_success").await;
    assert_eq!(still, cds, "clusters moved with their endpoints");

    // A changed cluster is warmed by the endpoints that follow it, long before Envoy's own 15 s.
    let changed_at = Instant::now();
    server.publish([cluster("web", 2)]);
    eventually("the cluster is changed and warm", async || {
        let stats = envoy
            .stats("cluster_manager\\.(cluster_modified|warming_clusters)$")
            .await;
        let done = stats["cluster_manager.cluster_modified"] == 1
            && stats["cluster_manager.warming_clusters"] == 0;
        done.then_some(())
    })
    .await;
    assert!(changed_at.elapsed() < Duration::from_secs(3));
    answers(front, "two").await;

    // No endpoints at all are said so, and the old ones are not kept.
    server.publish([endpoints("web", &[])]);
    eventually("nobody answers", async || {
        who(front).await.is_none().then_some(())
    })
    .await;
    server.publish([endpoints("web", &[one])]);
    answers(front, "one").await;

    // A swap of clusters under an established listener.
    server.change(|state| {
        state.put(cluster("new", 1));
        state.put(endpoints("new", &[two]));
        state.put(tcp_listener(front, "new"));
        state.remove(ResourceType::Cluster, "web");
        state.remove(ResourceType::Endpoints, "web");
    });
    answers(front, "two").await;
    eventually("the old cluster is gone", async || {
        (envoy.stat("cluster_manager.active_clusters").await == 2).then_some(())
    })
    .await;

    // The listener is removed, then its cluster.
    server.change(|state| {
        state.remove(ResourceType::Listener, &format!("{front}/tcp"));
        state.remove(ResourceType::Cluster, "new");
        state.remove(ResourceType::Endpoints, "new");
    });
    eventually("the port is closed", async || {
        TcpStream::connect(front).await.is_err().then_some(())
    })
    .await;
    eventually("only the way to the sidecar is left", async || {
        (envoy.stat("cluster_manager.active_clusters").await == 1).then_some(())
    })
    .await;
    assert_eq!(envoy.refused().await, 0, "Envoy refused something");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_follows_over_both_transports_in_both_variants() {
    let Some(binary) = binary("envoy_follows_over_both_transports_in_both_variants") else {
        return;
    };
    for way in WAYS {
        for variant in VARIANTS {
            eprintln!("{way:?}, {variant:?}");
            follows(&binary, way, variant).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_is_ready_at_once_when_there_is_nothing_to_serve() {
    let Some(binary) = binary("envoy_is_ready_at_once_when_there_is_nothing_to_serve") else {
        return;
    };
    for variant in VARIANTS {
        let server = Server::with([]).await;
        let started_at = Instant::now();
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        // Without an answer it would wait 15 s for clusters and 15 s for listeners.
        assert!(started_at.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_listener_leaves_the_others_served() {
    let Some(binary) = binary("one_refused_listener_leaves_the_others_served") else {
        return;
    };
    // An address that is not this machine's, from the range for documentation.
    let foreign: SocketAddr = "192.0.2.1:80".parse().unwrap();
    let one = backend("one").await;
    for variant in VARIANTS {
        let front = free_address();
        let server = Server::with(web(one, &[foreign, front])).await;
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        answers(front, "one").await;
        eventually("the refusal is told", async || {
            (server.notes.count("refused") == 1).then_some(())
        })
        .await;
        let another = free_address();
        server.publish([tcp_listener(another, "web")]);
        answers(another, "one").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_sends_nothing_that_envoy_has() {
    let Some(binary) = binary("a_restarted_server_sends_nothing_that_envoy_has") else {
        return;
    };
    let (one, two) = (backend("one").await, backend("two").await);
    for variant in VARIANTS {
        let front = free_address();
        let server = Server::with(web(one, &[front])).await;
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        answers(front, "one").await;

        let server = server.restart().await;
        answers(front, "one").await;
        eventually("Envoy is connected again", async || {
            (server.notes.count("opened") == 1).then_some(())
        })
        .await;
        server.publish([endpoints("web", &[two])]);
        answers(front, "two").await;
        // State of the world must answer names again: that of the endpoints.
        let expected = match variant {
            Variant::Delta => 1..=1,
            Variant::StateOfTheWorld => 1..=2,
        };
        let sent = server.notes.count("sent");
        assert!(expected.contains(&sent), "{variant:?}: {sent} responses");
        assert_eq!(envoy.refused().await, 0);
    }
}
