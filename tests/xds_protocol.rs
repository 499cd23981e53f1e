//! The xDS transport protocol over real gRPC: what can only be seen with a transport. The rules of
//! the conversation itself are told by the tests beside `src/xds/session`.

mod support;

use std::net::SocketAddr;

use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints, Listener, Routes, Secret};
use igw_envoy::envoy::Variant;
use igw_envoy::envoy::{Resource, encode};
use support::discovery::{Ask, Server, Talk, VARIANTS, WAYS, Way, path};
use support::resources::{cluster, endpoints, tcp_listener};
use support::{PATIENCE, eventually};
use tonic::Code;

const SCOPES: [Option<ResourceType>; 6] = [
    None,
    Some(Cluster),
    Some(Endpoints),
    Some(Secret),
    Some(Listener),
    Some(Routes),
];

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn secret(name: &str) -> Resource {
    use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::Secret as Message;
    let message = Message {
        name: name.to_owned(),
        ..Message::default()
    };
    Resource::new(Secret, name, encode(&message), vec![])
}

fn routes(name: &str) -> Resource {
    use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
    let message = RouteConfiguration {
        name: name.to_owned(),
        ..RouteConfiguration::default()
    };
    Resource::new(Routes, name, encode(&message), vec![])
}

/// One of each type.
fn one_of_each() -> [Resource; 5] {
    [
        cluster("a", 1),
        endpoints("a", &[at(1)]),
        secret("s"),
        tcp_listener(at(2), "a"),
        routes("r"),
    ]
}

fn name_of(kind: ResourceType) -> &'static str {
    match kind {
        Cluster | Endpoints => "a",
        Secret => "s",
        Listener => "127.0.0.1:2/tcp",
        Routes => "r",
    }
}

#[tokio::test]
async fn every_method_answers_on_every_transport() {
    let server = Server::with(one_of_each()).await;
    for way in WAYS {
        let channel = server.connect(way).await;
        for (variant, scope) in VARIANTS.iter().flat_map(|v| SCOPES.map(|s| (*v, s))) {
            let kind = scope.unwrap_or(Cluster);
            let mut talk = Talk::open(&channel, scope, variant).await.unwrap();
            talk.want(kind, &[name_of(kind)]).await;
            let heard = talk.expect(kind, &[name_of(kind)]).await;
            assert_eq!(heard.control_plane, "igw");
            assert!(!heard.nonce.is_empty());
        }
    }
}

#[tokio::test]
async fn what_is_not_implemented_says_so() {
    let server = Server::with([]).await;
    let channel = server.connect(Way::Unix).await;
    for path in [
        "/envoy.service.cluster.v3.ClusterDiscoveryService/FetchClusters",
        "/envoy.service.runtime.v3.RuntimeDiscoveryService/StreamRuntime",
        "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
        "/envoy.api.v2.ClusterDiscoveryService/StreamClusters",
    ] {
        let status = Talk::open_path(&channel, path, Variant::StateOfTheWorld).await;
        let code = status.err().map(|status| status.code());
        assert_eq!(code, Some(Code::Unimplemented), "{path}");
    }
}

#[tokio::test]
async fn an_aggregated_request_needs_a_type_and_a_per_type_one_does_not() {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(Way::Unix).await;
    for variant in VARIANTS {
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.ask(Ask::default()).await;
        assert_eq!(talk.end().await.unwrap().code(), Code::InvalidArgument);

        let mut talk = Talk::open(&channel, Some(Cluster), variant).await.unwrap();
        talk.ask(Ask::default()).await;
        talk.expect(Cluster, &["a"]).await;
    }
}

#[tokio::test]
async fn a_per_type_stream_refuses_another_type() {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(Way::Unix).await;
    for variant in VARIANTS {
        let mut talk = Talk::open(&channel, Some(Cluster), variant).await.unwrap();
        talk.want(Listener, &[]).await;
        let status = talk.end().await.unwrap();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("Cluster"), "{status}");
    }
}

#[tokio::test]
async fn an_unknown_type_harms_no_other() {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(Way::Unix).await;
    let runtime = "type.googleapis.com/envoy.service.runtime.v3.Runtime";
    for variant in VARIANTS {
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.ask(Ask {
            type_url: runtime,
            names: &["layer"],
            ..Ask::default()
        })
        .await;
        if variant == Variant::Delta {
            let heard = talk.hear().await;
            assert_eq!(heard.type_url, runtime);
            assert_eq!(heard.removed, ["layer"]);
        }
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a"]).await;
    }
}

#[tokio::test]
async fn only_the_first_request_needs_a_node() {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(Way::Tcp).await;
    for variant in VARIANTS {
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.ask(Ask {
            type_url: Cluster.type_url(),
            without_node: true,
            ..Ask::default()
        })
        .await;
        let status = talk.end().await.unwrap();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("node"), "{status}");

        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        let mut nonces = Vec::new();
        for kind in [Cluster, Endpoints, Listener, Secret, Routes] {
            talk.want(kind, &[name_of(kind)]).await;
            nonces.push(talk.expect(kind, &[name_of(kind)]).await.nonce);
        }
        nonces.sort();
        nonces.dedup();
        assert_eq!(nonces.len(), 5, "no nonce twice");
    }
}

#[tokio::test]
async fn requests_and_responses_may_be_large() {
    let names: Vec<_> = (0..50_000).map(|n| format!("{n:0>80}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let server = Server::with(names.iter().map(|name| endpoints(name, &[at(1)]))).await;
    for (way, variant) in [(Way::Unix, VARIANTS[0]), (Way::Tcp, VARIANTS[1])] {
        let channel = server.connect(way).await;
        let mut talk = Talk::open(&channel, Some(Endpoints), variant)
            .await
            .unwrap();
        talk.want(Endpoints, &names).await;
        let mut count = 0;
        while count < names.len() {
            let heard = talk.hear_within(PATIENCE).await;
            count += heard.resources.len();
        }
        assert_eq!(count, names.len());
    }
    // One response cannot be split: clusters, state of the world.
    let server = Server::with(names.iter().map(|name| cluster(name, 1))).await;
    let channel = server.connect(Way::Unix).await;
    let mut talk = Talk::open(&channel, Some(Cluster), VARIANTS[0])
        .await
        .unwrap();
    talk.want(Cluster, &[]).await;
    assert_eq!(
        talk.hear_within(PATIENCE).await.resources.len(),
        names.len()
    );
}

#[tokio::test]
async fn a_client_that_is_done_is_let_go() {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(Way::Unix).await;
    for (streams, variant) in VARIANTS.into_iter().enumerate() {
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a"]).await;
        assert_eq!(server.notes.count("closed"), streams);
        talk.finish();
        assert!(talk.end().await.is_none(), "ended without a complaint");
        eventually("the stream is closed", async || {
            (server.notes.count("closed") == streams + 1).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_connection_that_vanishes_leaves_nothing_behind() {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(Way::Tcp).await;
    let mut talk = Talk::open(&channel, None, Variant::Delta).await.unwrap();
    talk.want(Cluster, &[]).await;
    talk.expect(Cluster, &["a"]).await;
    drop((talk, channel));
    eventually("the stream is closed", async || {
        (server.notes.count("closed") == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn shutdown_ends_streams_within_the_grace_time() {
    for way in WAYS {
        let mut server = Server::with(one_of_each()).await;
        let channel = server.connect(way).await;
        let mut talk = Talk::open(&channel, None, Variant::Delta).await.unwrap();
        talk.want(Cluster, &[]).await;
        talk.expect(Cluster, &["a"]).await;
        server.signal();
        assert_eq!(talk.end().await.unwrap().code(), Code::Unavailable);
        server.stop().await;
    }
}

#[tokio::test]
async fn requests_written_without_reading_end_in_the_last_ones_state() {
    let names: Vec<_> = (0..100).map(|n| format!("e{n:02}")).collect();
    let server = Server::with(names.iter().map(|name| endpoints(name, &[at(1)]))).await;
    let channel = server.connect(Way::Unix).await;
    let variant = Variant::StateOfTheWorld;
    let mut talk = Talk::open(&channel, None, variant).await.unwrap();
    for name in &names {
        talk.want(Endpoints, &[name]).await;
    }
    let mut responses = 1;
    while talk.hear().await.names() != ["e99"] {
        responses += 1;
    }
    assert!(responses <= 100);
    talk.quiet().await;
}

#[tokio::test]
async fn a_client_that_stops_reading_gets_the_newest_state_and_delays_no_other() {
    let filler = "x".repeat(1000);
    let named = |n: usize| format!("{n:0>4}{filler}");
    let state = |timeout: i64| (0..500).map(move |n| (n, timeout));
    let publish = |server: &Server, timeout: i64| {
        server.publish(state(timeout).map(|(n, timeout)| cluster(&named(n), timeout)));
    };
    let server = Server::with([]).await;
    publish(&server, 1);
    let (slow, quick) = (
        server.connect(Way::Unix).await,
        server.connect(Way::Unix).await,
    );
    for variant in VARIANTS {
        let mut slow = Talk::open(&slow, None, variant).await.unwrap();
        slow.want(Cluster, &[]).await;
        let mut quick = Talk::open(&quick, Some(Endpoints), variant).await.unwrap();
        quick.want(Endpoints, &["e"]).await;
        for update in 0..200 {
            publish(&server, 2 + update);
            // The other client is served meanwhile: it saw this update, or will see the next.
            server.publish([endpoints("e", &[at(1 + update as u16)])]);
        }
        server.publish([endpoints("e", &[at(9999)])]);
        let newest = endpoints("e", &[at(9999)]).body;
        while quick.hear().await.resources.iter().all(|r| r.2 != newest) {}
        // What was written before it stopped reading, then the newest; not 200 times half a megabyte.
        let newest = cluster(&named(499), 201).body;
        let mut bytes = 0;
        loop {
            let heard = slow.hear().await;
            slow.accept(&heard).await;
            bytes += heard.resources.iter().map(|r| r.2.len()).sum::<usize>();
            if heard.resources.iter().any(|r| r.2 == newest) {
                break;
            }
        }
        assert!(bytes < 100_000_000, "{bytes} bytes, {variant:?}");
        slow.quiet().await;
    }
}

#[tokio::test]
async fn every_stream_of_a_node_gets_every_update() {
    let server = Server::with(one_of_each()).await;
    for variant in VARIANTS {
        let mut talks = Vec::new();
        for way in WAYS {
            let channel = server.connect(way).await;
            let mut talk = Talk::open(&channel, None, variant).await.unwrap();
            talk.want(Cluster, &[]).await;
            talk.expect(Cluster, &["a"]).await;
            talks.push(talk);
        }
        for timeout in 2..5 {
            server.publish([cluster("a", timeout)]);
            for talk in &mut talks {
                let heard = talk.expect(Cluster, &["a"]).await;
                assert_eq!(heard.resources[0].2, cluster("a", timeout).body);
            }
        }
        server.publish([cluster("a", 1)]);
    }
}

#[tokio::test]
async fn transports_and_restarts_do_not_change_versions() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = Server::with(one_of_each()).await;
        for way in WAYS {
            let channel = server.connect(way).await;
            for variant in VARIANTS {
                let mut talk = Talk::open(&channel, None, variant).await.unwrap();
                talk.want(Cluster, &[]).await;
                let heard = talk.expect(Cluster, &["a"]).await;
                seen.push((variant, heard.version, heard.resources));
            }
        }
        server.stop().await;
    }
    for (variant, version, resources) in &seen {
        let same = seen.iter().filter(|(v, ..)| v == variant);
        assert!(same.clone().all(|(_, v, r)| (v, r) == (version, resources)));
        assert_eq!(same.count(), 4);
    }
}

#[tokio::test]
async fn private_keys_stay_on_the_unix_socket() {
    let server = Server::with([secret("key").confidential(), secret("ca")]).await;
    let mut unix = Talk::open(&server.connect(Way::Unix).await, None, Variant::Delta)
        .await
        .unwrap();
    unix.want(Secret, &["ca", "key"]).await;
    unix.expect(Secret, &["ca", "key"]).await;
    let mut tcp = Talk::open(&server.connect(Way::Tcp).await, None, Variant::Delta)
        .await
        .unwrap();
    tcp.want(Secret, &["ca", "key"]).await;
    let heard = tcp.expect(Secret, &["ca"]).await;
    assert_eq!(heard.removed, ["key"]);
    assert_eq!(server.notes.count("withheld"), 1);
}

#[tokio::test]
async fn nothing_is_answered_before_the_first_state_is_known() {
    let server = Server::start().await;
    for way in WAYS {
        let channel = server.connect(way).await;
        for variant in VARIANTS {
            let mut talk = Talk::open(&channel, None, variant).await.unwrap();
            talk.want(Cluster, &[]).await;
            talk.want(Listener, &[]).await;
            talk.quiet().await;
        }
    }
    let channel = server.connect(Way::Unix).await;
    let mut talk = Talk::open(&channel, None, Variant::Delta).await.unwrap();
    talk.want(Cluster, &[]).await;
    server.publish([cluster("a", 1)]);
    talk.expect(Cluster, &["a"]).await;
}

#[tokio::test]
async fn health_tells_whether_there_is_a_state() {
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let server = Server::start().await;
    let ask = async |service: &str| {
        let mut client = HealthClient::new(server.connect(Way::Tcp).await);
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        client.check(request).await.unwrap().into_inner().status()
    };
    let path = path(None, Variant::Delta);
    let (service, _) = path[1..].split_once('/').unwrap();
    assert_eq!(ask("").await, ServingStatus::Serving);
    assert_eq!(ask(service).await, ServingStatus::NotServing);
    server.publish([]);
    eventually("the service is served", async || {
        (ask(service).await == ServingStatus::Serving).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_told_once_and_what_was_refused_is_not_sent_again() {
    let server = Server::with(one_of_each()).await;
    for (refused, variant) in VARIANTS.into_iter().enumerate() {
        let channel = server.connect(Way::Unix).await;
        let mut talk = Talk::open(&channel, None, variant).await.unwrap();
        talk.want(Cluster, &[]).await;
        let heard = talk.hear().await;
        talk.refuse(&heard, "a: no").await;
        if variant == Variant::StateOfTheWorld {
            // Everything but what was refused, which is nothing here.
            talk.expect(Cluster, &[]).await;
        }
        talk.quiet().await;
        assert_eq!(server.notes.count("refused"), refused + 1);
        server.publish([cluster("a", 7 + refused as i64)]);
        talk.expect(Cluster, &["a"]).await;
    }
}
