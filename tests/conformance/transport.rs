//! A: the transport, in both variants.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use envoy_types::pb::envoy::service::discovery::v3::DeltaDiscoveryRequest;
use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints, Listener, Routes, Secret};
use igw_envoy::envoy::Variant;
use igw_envoy::snapshot::Snapshot;
use tonic::Code;

use crate::client::{Client, node, owned};
use crate::gateway::{self, Gateway};
use crate::item::{Case, Scope, aggregated, everywhere, items, per_type};
use crate::support::discovery::{Server, WAYS};
use crate::support::{PATIENCE, eventually};
use crate::things::{NAMED, WILD, thing, things};

items! {
    1 "All twelve methods answer; what is not implemented says so at once" everywhere => methods;
    2 "The v2 API is not implemented" everywhere => version_2;
    3 "An aggregated request needs a type; on a per-type stream it is implied" everywhere => empty_type;
    4 "A per-type stream serves no other type" per_type => foreign_type,
        "The stream ends with INVALID_ARGUMENT, and says which type it serves: a mistake in a bootstrap shows itself, rather than as silence.";
    5 "An unknown type harms no other" aggregated => unknown_type,
        "State of the world is silent about it, as an empty response would be a claim; delta says that the names do not exist, so that Envoy does not wait for them.";
    6 "Only the first request carries the node" everywhere => node_once;
    7 "Types, nonces and the control plane's identifier are in every response" everywhere => every_response;
    8 "No name twice in a response, no name both sent and removed" everywhere => names_once;
    9 "50,000 names of 80 bytes are taken, responses above 4 MiB are given" everywhere => large;
    10 "A client that is done is let go; SIGTERM ends streams and the process in time" everywhere => ends,
        "On SIGTERM streams end with UNAVAILABLE: Envoy keeps what it has and connects again.";
    11 "Of a hundred requests at once, the last one counts" everywhere => unread_requests;
    12 "A client that stops reading costs no memory and delays no other" everywhere => slow_reader,
        "Nothing is queued for a client: a response is made when the transport takes it, from the newest state.";
    13 "Streams of one node all get every update; gateways do not see each other" everywhere => two_streams,
        "A sidecar serves one gateway, that of --name: two gateways are two sidecars.";
    14 "Unix socket and TCP give the same content and versions" everywhere => same_everywhere;
}

fn kinds(case: Case) -> Vec<ResourceType> {
    match case.scope {
        Scope::PerType => ResourceType::ALL.to_vec(),
        Scope::Aggregated => vec![Cluster],
    }
}

fn one_of_each() -> Vec<igw_envoy::envoy::Resource> {
    ResourceType::ALL
        .iter()
        .map(|kind| thing(*kind, "a", 1))
        .collect()
}

async fn methods(case: Case) {
    let server = Server::with(one_of_each()).await;
    for kind in ResourceType::ALL {
        let mut client = case.client(&server, kind).await;
        client.want(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
    }
    let channel = server.connect(case.way).await;
    for path in [
        "cluster.v3.ClusterDiscoveryService/FetchClusters",
        "endpoint.v3.EndpointDiscoveryService/FetchEndpoints",
        "listener.v3.ListenerDiscoveryService/FetchListeners",
        "route.v3.RouteDiscoveryService/FetchRoutes",
        "secret.v3.SecretDiscoveryService/FetchSecrets",
        "route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts",
        "route.v3.ScopedRoutesDiscoveryService/StreamScopedRoutes",
        "runtime.v3.RuntimeDiscoveryService/StreamRuntime",
        "extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs",
    ] {
        unimplemented(&channel, &format!("/envoy.service.{path}"), case.variant).await;
    }
}

async fn unimplemented(channel: &tonic::transport::Channel, path: &str, variant: Variant) {
    let status = Client::open_path(channel, path, variant).await.err();
    let code = status.map(|status| status.code());
    assert_eq!(code, Some(Code::Unimplemented), "{path}");
}

async fn version_2(case: Case) {
    let server = Server::with(one_of_each()).await;
    let channel = server.connect(case.way).await;
    let how = if case.is_sotw() { "Stream" } else { "Delta" };
    let path = match case.scope {
        Scope::PerType => format!("/envoy.api.v2.ClusterDiscoveryService/{how}Clusters"),
        Scope::Aggregated => format!(
            "/envoy.service.discovery.v2.AggregatedDiscoveryService/{how}AggregatedResources"
        ),
    };
    unimplemented(&channel, &path, case.variant).await;
}

async fn empty_type(case: Case) {
    let server = Server::with(one_of_each()).await;
    for kind in kinds(case) {
        let mut client = case.client(&server, kind).await;
        client.without_type = true;
        client.want(kind, &["a"]).await;
        if case.scope == Scope::PerType {
            client.expect(kind, &["a"]).await;
        } else {
            let status = client.end().await.expect("a complaint");
            assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        }
    }
}

async fn foreign_type(case: Case) {
    let server = Server::with(one_of_each()).await;
    for kind in ResourceType::ALL {
        let foreign = if kind == Cluster { Listener } else { Cluster };
        let mut client = case.client(&server, kind).await;
        client.want(foreign, &["a"]).await;
        match client.next().await {
            Err(status) => assert_eq!(status.code(), Code::InvalidArgument, "{status}"),
            Ok(said) => panic!("{said:?}"),
        }
    }
}

async fn unknown_type(case: Case) {
    let server = Server::with(one_of_each()).await;
    let mut client = case.client(&server, Cluster).await;
    let runtime = "type.googleapis.com/envoy.service.runtime.v3.Runtime".to_owned();
    if case.is_sotw() {
        client
            .sotw(
                envoy_types::pb::envoy::service::discovery::v3::DiscoveryRequest {
                    type_url: runtime,
                    resource_names: owned(&["layer"]),
                    ..Default::default()
                },
            )
            .await;
    } else {
        client
            .delta(DeltaDiscoveryRequest {
                type_url: runtime.clone(),
                resource_names_subscribe: owned(&["layer"]),
                ..DeltaDiscoveryRequest::default()
            })
            .await;
        let heard = client.hear().await;
        assert_eq!(
            (heard.type_url, heard.removed),
            (runtime, owned(&["layer"]))
        );
    }
    for kind in ResourceType::ALL {
        client.want(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
    }
}

async fn node_once(case: Case) {
    let server = Server::with(one_of_each()).await;
    for kind in kinds(case) {
        let mut nameless = case.client(&server, kind).await.be(None);
        nameless.want(kind, &["a"]).await;
        let status = nameless.end().await.expect("a complaint");
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("node"), "{status}");

        let mut client = case.client(&server, kind).await;
        let others = match case.scope {
            Scope::PerType => vec![kind; 10],
            Scope::Aggregated => ResourceType::ALL.repeat(2),
        };
        let mut asked = BTreeSet::new();
        for (n, kind) in others.into_iter().enumerate() {
            if asked.insert(kind) {
                client.want(kind, &["a"]).await;
            } else {
                server.publish([thing(kind, "a", 100 + n as u32)]);
            }
            client.expect(kind, &["a"]).await;
        }
    }
}

/// The checks are those that the client makes of every response.
async fn every_response(case: Case) {
    let server = Server::with(one_of_each()).await;
    let mut talks = Vec::new();
    for kind in ResourceType::ALL {
        if talks.is_empty() || case.scope == Scope::PerType {
            talks.push((Vec::new(), case.client(&server, kind).await));
        }
        let (kinds, client) = talks.last_mut().unwrap();
        kinds.push(kind);
        client.want(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
    }
    for content in 2..12 {
        for (kinds, client) in &mut talks {
            for kind in kinds {
                server.publish([thing(*kind, "a", content)]);
                client.expect(*kind, &["a"]).await;
            }
        }
    }
}

async fn names_once(case: Case) {
    let names = ["a", "b", "c", "d"];
    for kind in ResourceType::ALL {
        let (server, mut client) = case.talk(kind, things(kind, &names)).await;
        client.want(kind, &["a", "b", "c", "d", "a"]).await;
        client.gather(kind, &names).await;
        // Several changes of several names in one state, some of them back and forth.
        server.change(|state| {
            state.remove(kind, "a");
            state.put(thing(kind, "a", 2));
            state.put(thing(kind, "b", 2));
            state.remove(kind, "b");
            state.put(thing(kind, "c", 2));
            state.remove(kind, "d");
        });
        let heard = client.hear().await;
        assert_eq!(heard.names(), ["a", "c"]);
        let removed = if case.is_sotw() {
            vec![]
        } else {
            owned(&["b", "d"])
        };
        assert_eq!(heard.removed, removed);
    }
}

/// Many resources of a type; made once, as a snapshot is cheap to share.
fn many(kind: ResourceType) -> (Vec<String>, Snapshot) {
    let names: Vec<_> = (0..50_000).map(|n| format!("{n:0>80}")).collect();
    let mut state = Snapshot::default();
    for name in &names {
        state.put(thing(kind, name, 1));
    }
    (names, state)
}

async fn large(case: Case) {
    static CLUSTERS: LazyLock<(Vec<String>, Snapshot)> = LazyLock::new(|| many(Cluster));
    static ENDPOINTS: LazyLock<(Vec<String>, Snapshot)> = LazyLock::new(|| many(Endpoints));
    let (kind, (names, state)) = match case.scope {
        Scope::PerType => (Endpoints, &*ENDPOINTS),
        Scope::Aggregated => (Cluster, &*CLUSTERS),
    };
    let (server, mut client) = case.talk(kind, []).await;
    server.change(|newest| *newest = state.clone());
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    client.want(kind, &names).await;
    let mut count = 0;
    while count < names.len() {
        count += client.hear_within(PATIENCE * 5).await.resources.len();
    }
    assert_eq!(count, names.len());
}

async fn ends(case: Case) {
    let mut gateway = Gateway::start(gateway::Settings::default()).await;
    gateway.deploy("web", &gateway::tcp_service(1, 8000)).await;
    let streams = async |gateway: &Gateway| {
        let metrics = gateway.get("/metrics").await;
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("igw_xds_streams{"));
        lines
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
            .sum::<u64>()
    };
    for kind in kinds(case) {
        let channel = gateway.connect(case.way).await;
        let mut client = Client::open(&channel, case.stream_of(kind), case.variant).await;
        client.want(kind, &["*"]).await;
        eventually("the stream is counted", async || {
            (streams(&gateway).await == 1).then_some(())
        })
        .await;
        client.finish();
        let end = client.end().await;
        assert!(end.is_none(), "ended with {end:?}");
        eventually("the stream is counted no more", async || {
            (streams(&gateway).await == 0).then_some(())
        })
        .await;
    }
    let channel = gateway.connect(case.way).await;
    let mut client = Client::open(&channel, case.stream_of(Cluster), case.variant).await;
    client.want(Cluster, &["*"]).await;
    client.hear().await;
    gateway.terminate();
    let end = client.end().await.map(|status| status.code());
    assert_eq!(end, Some(Code::Unavailable));
    assert_eq!(
        gateway.exit().await,
        Some(0),
        "SIGTERM is a way to end well"
    );
}

async fn unread_requests(case: Case) {
    let names: Vec<_> = (0..100).map(|n| format!("e{n:02}")).collect();
    let all = names.iter().map(|name| thing(Endpoints, name, 1));
    let (server, mut client) = case.talk(Endpoints, all).await;
    let mut before: Vec<&str> = Vec::new();
    for name in &names {
        if case.is_sotw() {
            client.list(Endpoints, &[name]).await;
        } else {
            client.adjust(Endpoints, &[name], &before).await;
        }
        before = vec![name];
    }
    let mut responses = 1;
    loop {
        let heard = client.hear().await;
        client.accept(&heard).await;
        if heard.names().contains(&"e99") {
            break;
        }
        responses += 1;
    }
    assert!(responses <= 100, "{responses} responses");
    client.quiet().await;
    // The last request's name is wanted, and none of the others.
    server.publish([thing(Endpoints, "e98", 2)]);
    client.quiet().await;
    server.publish([thing(Endpoints, "e99", 2)]);
    client.expect(Endpoints, &["e99"]).await;
}

async fn slow_reader(case: Case) {
    gateway::slow_reader(case).await;
}

async fn two_streams(case: Case) {
    for kind in ResourceType::ALL {
        let server = Server::with([thing(kind, "a", 1)]).await;
        let mut clients = [
            case.client(&server, kind).await,
            case.client(&server, kind).await,
        ];
        for client in &mut clients {
            client.want(kind, &["a"]).await;
            client.expect(kind, &["a"]).await;
        }
        for content in 2..5 {
            server.publish([thing(kind, "a", content)]);
            for client in &mut clients {
                let heard = client.expect(kind, &["a"]).await;
                assert_eq!(heard.resources[0].2, thing(kind, "a", content).body);
            }
        }
    }
    // Two sidecars on one daemon, each of another gateway.
    let inner = Gateway::start(gateway::Settings {
        name: "inner",
        ..Default::default()
    })
    .await;
    let outer = inner
        .beside(gateway::Settings {
            name: "outer",
            ..Default::default()
        })
        .await;
    for (n, name) in ["inner", "outer"].into_iter().enumerate() {
        let config = gateway::tcp_service(n as u8 + 1, 8000) + &format!("gateway = {name}\n");
        inner.node().deploy(name, &config).unwrap();
    }
    for (gateway, name) in [(&inner, "inner"), (&outer, "outer")] {
        let channel = gateway.connect(case.way).await;
        for kind in WILD {
            let mut client = Client::open(&channel, case.stream_of(kind), case.variant)
                .await
                .be(Some(node("envoy1", name)));
            client.want(kind, &[]).await;
            let heard = eventually("its own service is there", async || {
                let heard = client.hear().await;
                client.accept(&heard).await;
                (!heard.resources.is_empty()).then_some(heard)
            })
            .await;
            assert_eq!(heard.resources.len(), 1);
            if kind == Cluster {
                assert!(heard.names()[0].starts_with(name), "{heard:?}");
            }
        }
    }
}

async fn same_everywhere(case: Case) {
    let server = Server::with(one_of_each()).await;
    let mut seen = Vec::new();
    for way in WAYS {
        for kind in WILD.into_iter().chain(NAMED) {
            let mut client = Case { way, ..case }.client(&server, kind).await;
            client.want(kind, &["a"]).await;
            let heard = client.expect(kind, &["a"]).await;
            seen.push((kind, heard.version, heard.resources));
        }
    }
    let (unix, tcp) = seen.split_at(seen.len() / 2);
    assert_eq!(unix, tcp);
    let _ = (Routes, Secret);
}
