//! What a real Envoy refuses, and what it is served all the same.

use std::net::SocketAddr;

use igw_envoy::envoy::ResourceType;
use tokio::net::TcpStream;

use crate::support::discovery::{Server, VARIANTS, Way};
use crate::support::envoy::{Envoy, binary};
use crate::support::named::{answers, backend, web};
use crate::support::resources::{cluster, endpoints, tcp_listener};
use crate::support::{eventually, free_address};

async fn refused(server: &Server, times: usize) {
    eventually("Envoy refuses", async || {
        (server.notes.count("refused") >= times).then_some(())
    })
    .await;
}

/// Everything that is good is served beside a port that somebody else has; which is taken once it is free.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_port_is_had_when_it_is_free() {
    let Some(binary) = binary("a_busy_port_is_had_when_it_is_free") else {
        return;
    };
    let one = backend("one").await;
    for variant in VARIANTS {
        let squatter = std::net::TcpListener::bind(free_address()).unwrap();
        let busy = squatter.local_addr().unwrap();
        let front = free_address();
        let server = Server::with(web(one, &[busy, front])).await;
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        answers(front, "one").await;
        refused(&server, 1).await;
        let another = free_address();
        server.publish([tcp_listener(another, "web")]);
        answers(another, "one").await;
        drop(squatter);
        answers(busy, "one").await;
        eventually("it is told to be accepted", async || {
            (server.notes.count("cleared") == 1).then_some(())
        })
        .await;
    }
}

/// Envoy took a part of what it refused, without counting it as received. When that is taken back while
/// Envoy is away, it must be told.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_with_a_refused_listener_can_be_taken_back() {
    let Some(binary) = binary("what_came_with_a_refused_listener_can_be_taken_back") else {
        return;
    };
    let (one, two) = (backend("one").await, backend("two").await);
    let foreign: SocketAddr = "192.0.2.1:80".parse().unwrap();
    for variant in VARIANTS {
        let front = free_address();
        let server = Server::with([
            cluster("one", 1),
            endpoints("one", &[one]),
            cluster("two", 1),
            endpoints("two", &[two]),
            tcp_listener(front, "one"),
        ])
        .await;
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        answers(front, "one").await;
        server.publish([tcp_listener(foreign, "one"), tcp_listener(front, "two")]);
        answers(front, "two").await;
        // Two responses of clusters and listeners at first, and one that mends what was refused.
        refused(&server, 1).await;
        let settled = format!("{} listeners settle", server.notes.count("sent"));
        eventually(&settled, async || {
            let (sent, refused) = (server.notes.count("sent"), server.notes.count("refused"));
            (server.notes.count("accepted") + refused == sent).then_some(())
        })
        .await;

        let server = server
            .restart_with(|state| {
                state.put(tcp_listener(front, "one"));
                state.remove(ResourceType::Listener, &format!("{foreign}/tcp"));
            })
            .await;
        answers(front, "one").await;
        drop(server);
    }
}

/// A constraint that is broken makes Envoy take nothing of the response; and it does not name what broke
/// it where a duration is negative.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_cluster_that_envoy_does_not_name_is_found() {
    let Some(binary) = binary("a_bad_cluster_that_envoy_does_not_name_is_found") else {
        return;
    };
    let one = backend("one").await;
    for variant in VARIANTS {
        let names: Vec<String> = (0..20).map(|n| format!("c{n:02}")).collect();
        let fronts: Vec<_> = names.iter().map(|_| free_address()).collect();
        let all = names.iter().zip(&fronts);
        let resources = all.flat_map(|(name, front)| {
            let timeout = if name == "c13" { -1 } else { 1 };
            [
                cluster(name, timeout),
                endpoints(name, &[one]),
                tcp_listener(*front, name),
            ]
        });
        let server = Server::with(resources).await;
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        for (_, front) in names.iter().zip(&fronts).filter(|(name, _)| *name != "c13") {
            answers(*front, "one").await;
        }
        let refusals = server.notes.count("refused");
        assert!(refusals <= 7, "{variant:?}: {refusals} refusals");
        // Mended, it is served.
        server.publish([cluster("c13", 1)]);
        answers(fronts[13], "one").await;
        assert_eq!(server.notes.count("refused"), refusals);
    }
}

/// What an expose leads to is served where it was as long as Envoy cannot bind where it moves to.
#[tokio::test(flavor = "multi_thread")]
async fn an_expose_stays_until_the_port_that_it_moves_to_can_be_had() {
    let Some(binary) = binary("an_expose_stays_until_the_port_that_it_moves_to_can_be_had") else {
        return;
    };
    let one = backend("one").await;
    for variant in VARIANTS {
        let squatter = std::net::TcpListener::bind(free_address()).unwrap();
        let busy = squatter.local_addr().unwrap();
        let old = free_address();
        let server = Server::with(web(one, &[old])).await;
        let mut envoy = Envoy::start(&binary, "envoy1", server.address(Way::Unix), variant);
        envoy.ready().await;
        answers(old, "one").await;
        let moves = |from: SocketAddr, to: SocketAddr| {
            server.change(|state| {
                state.remove(ResourceType::Listener, &format!("{from}/tcp"));
                state.put(tcp_listener(to, "web"));
            });
        };
        let removed = "listener_manager.listener_removed";
        moves(old, busy);
        // It is tried again and again.
        refused(&server, 2).await;
        answers(old, "one").await;
        assert_eq!(envoy.stat(removed).await, 0, "{variant:?}");
        drop(squatter);
        answers(busy, "one").await;
        eventually("the old port is closed", async || {
            TcpStream::connect(old).await.is_err().then_some(())
        })
        .await;
        // All addresses of a port can be bound beside one of them, so here the new one comes first as well.
        let refusals = server.notes.count("refused");
        moves(busy, SocketAddr::from(([0, 0, 0, 0], busy.port())));
        eventually("the one address is given up", async || {
            (envoy.stat(removed).await == 2).then_some(())
        })
        .await;
        answers(busy, "one").await;
        assert_eq!(server.notes.count("refused"), refusals, "{variant:?}");
    }
}
