//! D: order and consistency, on aggregated streams.

use std::collections::VecDeque;
use std::time::Duration;

use igw_envoy::envoy::ResourceType::{self, Cluster, Endpoints, Listener, Routes};
use igw_envoy::snapshot::Snapshot;
use igw_envoy::xds::session::FALLBACK;
use tokio::time::Instant;

use crate::gateway::{self, Gateway};
use crate::item::{Case, aggregated, everywhere, items, silence};
use crate::model::Follower;
use crate::support::discovery::{Heard, Server};
use crate::support::resources::{cluster, endpoints, tcp_listener};
use crate::things::{http_listener, routes_to, shown};

items! {
    56 "After every response, all that listeners and routes lead to is there: a thousand random changes" aggregated => integrity;
    57 "What is new comes in order, what goes goes in the other" aggregated => order;
    58 "A swap is make before break" aggregated => swap,
        "A cluster is removed when what named it was acknowledged away, or 5 s after that was sent.";
    59 "Nothing leads to a cluster that was refused; all else goes on" aggregated => refused_cluster;
    60 "A client that acknowledges nothing is not waited for longer than the fallback" aggregated => fallback,
        "5 s: what does not depend on the missing answer is not held up at all.";
    61 "A changed cluster is followed by its endpoints, also when a client reconnects" everywhere => warming,
        "On per-type streams the server cannot know one stream's clusters from another's, and answers each by itself: Envoy asks for the endpoints of a cluster again when it warms.";
    62 "A cluster without endpoints is told so" everywhere => no_endpoints;
}

fn at(port: u16) -> std::net::SocketAddr {
    ([127, 0, 0, 1], port).into()
}

async fn follow(case: Case, server: &Server) -> Follower {
    let mut follower = Follower::connect(&server.connect(case.way).await, case).await;
    follower.settle().await;
    follower
}

fn kind_of(heard: &Heard) -> ResourceType {
    ResourceType::from_type_url(&heard.type_url).unwrap()
}

/// Whether a response takes a resource away from whoever has it.
fn removes(case: Case, heard: &Heard, kind: ResourceType, name: &str) -> bool {
    kind_of(heard) == kind
        && if case.is_full(kind) {
            !heard.names().contains(&name)
        } else {
            heard.removed.iter().any(|removed| removed == name)
        }
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

const SERVICES: usize = 8;

#[derive(Default, Clone)]
struct Service {
    present: bool,
    cluster: i64,
    endpoints: u16,
    listener: Option<usize>,
    host: Option<usize>,
}

/// A state in which every reference resolves.
fn state(services: &[Service]) -> Snapshot {
    let present = |n: &usize| services[*n].present;
    let mut state = Snapshot::default();
    for (n, service) in services.iter().enumerate().filter(|(_, s)| s.present) {
        let name = format!("c{n}");
        state.put(cluster(&name, 1 + service.cluster));
        state.put(endpoints(&name, &[at(1 + service.endpoints)]));
        if let Some(to) = service.listener.filter(present) {
            state.put(tcp_listener(at(1000 + n as u16), &format!("c{to}")));
        }
    }
    for routes in 0..2 {
        let hosts = (0..SERVICES).filter(|s| present(s) && services[*s].host == Some(routes));
        let hosts: Vec<_> = hosts.map(|s| format!("c{s}")).collect();
        let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
        if !hosts.is_empty() {
            let name = format!("r{routes}");
            state.put(http_listener(&format!("http{routes}"), &name, 1));
            state.put(routes_to(&name, &hosts));
        }
    }
    state
}

async fn integrity(case: Case) {
    // Who stalls is not waited for, by design (60), and this machine may be busy.
    for _ in 0..5 {
        if random_life(case).await < FALLBACK / 4 {
            return;
        }
    }
    panic!("this machine is too busy to tell");
}

/// A thousand changes; returns how long the longest moment took, between two of which a client read or
/// answered something.
async fn random_life(case: Case) -> Duration {
    let mut longest = Duration::ZERO;
    let mut dice = Dice(17);
    let mut services = vec![Service::default(); SERVICES];
    let server = Server::with([]).await;
    let channel = server.connect(case.way).await;
    let mut follower = follow(case, &server).await;
    let mut unanswered = VecDeque::new();
    for _ in 0..1000 {
        let service = dice.below(SERVICES);
        let (to, host) = (dice.below(SERVICES + 1), dice.below(3));
        let service = &mut services[service];
        match dice.below(9) {
            0..3 => service.present = !service.present,
            3 => service.cluster += 1,
            4 => service.endpoints = (service.endpoints + 1) % 100,
            5 | 6 => service.listener = (to < SERVICES).then_some(to),
            _ => service.host = (host < 2).then_some(host),
        }
        let started = Instant::now();
        let newest = state(&services);
        server.change(|state| *state = newest);
        // The client reads and answers when it pleases, its answers in order.
        for _ in 0..dice.below(4) {
            if let Some(heard) = follower.hear_within(Duration::from_millis(2)).await {
                unanswered.push_back(heard);
            }
        }
        for _ in 0..dice.below(4) {
            if let Some(heard) = unanswered.pop_front() {
                follower.accept(&heard).await;
            }
        }
        // What a state-of-the-world client has is not known to a new stream.
        if !case.is_sotw() && dice.below(100) == 0 {
            unanswered.clear();
            follower.reconnect(&channel).await;
        }
        longest = longest.max(started.elapsed());
        if longest >= FALLBACK / 4 {
            return longest;
        }
    }
    for heard in unanswered {
        follower.accept(&heard).await;
    }
    follower.settle().await;
    let wanted = state(&services);
    for kind in [Cluster, Endpoints, Listener, Routes] {
        let names: Vec<_> = wanted.iter(kind).map(|resource| &*resource.name).collect();
        assert_eq!(follower.names(kind), names, "{kind:?} in the end");
        for resource in wanted.iter(kind) {
            let has = follower.get(kind, &resource.name).unwrap();
            assert_eq!(has.body, resource.body, "{kind:?} {}", resource.name);
        }
    }
    longest
}

async fn order(case: Case) {
    let server = Server::with([cluster("old", 1), endpoints("old", &[at(1)])]).await;
    let mut follower = follow(case, &server).await;
    follower.forget_log();
    server.publish([
        http_listener("http", "r", 1),
        routes_to("r", &["web"]),
        endpoints("web", &[at(2)]),
        cluster("web", 1),
    ]);
    follower.settle_after(Routes).await;
    assert_eq!(follower.kinds(), [Cluster, Endpoints, Listener, Routes]);

    follower.forget_log();
    server.change(|state| {
        for (kind, name) in [
            (Cluster, "web"),
            (Endpoints, "web"),
            (Listener, "http"),
            (Routes, "r"),
        ] {
            state.remove(kind, name);
        }
    });
    follower.settle_after(Cluster).await;
    let place = |kind, name| {
        follower
            .log()
            .iter()
            .position(|heard| removes(case, heard, kind, name))
    };
    let (listener, cluster) = (place(Listener, "http"), place(Cluster, "web"));
    assert!(
        listener.is_some() && listener < cluster,
        "{listener:?}, {cluster:?}"
    );
}

/// A service `x` behind a route.
async fn routed(case: Case) -> (Server, Follower) {
    let server = Server::with([
        cluster("x", 1),
        endpoints("x", &[at(1)]),
        http_listener("http", "r", 1),
        routes_to("r", &["x"]),
    ])
    .await;
    let mut follower = follow(case, &server).await;
    assert_eq!(follower.count(Routes), 1);
    follower.forget_log();
    (server, follower)
}

async fn swap(case: Case) {
    let (server, mut follower) = routed(case).await;
    server.change(|state| {
        state.put(cluster("y", 1));
        state.put(endpoints("y", &[at(2)]));
        state.put(routes_to("r", &["y"]));
        state.remove(Cluster, "x");
        state.remove(Endpoints, "x");
    });
    let clusters = follower.hear().await;
    assert!(clusters.names().contains(&"y"));
    assert!(!removes(case, &clusters, Cluster, "x"), "still routed to");
    assert_eq!(
        follower.hear_within(silence()).await,
        None,
        "the cluster is not acknowledged"
    );
    follower.accept(&clusters).await;
    let assigned = follower.hear().await;
    assert_eq!(
        (kind_of(&assigned), assigned.names()),
        (Endpoints, vec!["y"])
    );
    follower.accept(&assigned).await;
    let routes = follower.hear().await;
    assert_eq!(kind_of(&routes), Routes);
    assert_eq!(
        follower.hear_within(silence()).await,
        None,
        "the routes are not acknowledged"
    );
    follower.accept(&routes).await;
    let removal = follower.hear().await;
    assert!(removes(case, &removal, Cluster, "x"));
    follower.accept(&removal).await;
    follower.settle().await;
}

async fn refused_cluster(case: Case) {
    let (server, mut follower) = routed(case).await;
    let bad = cluster("bad", 1);
    server.publish([
        bad.clone(),
        endpoints("bad", &[at(2)]),
        routes_to("r", &["x", "bad"]),
        cluster("good", 1),
        endpoints("good", &[at(3)]),
    ]);
    server.publish([tcp_listener(at(1000), "good"), endpoints("x", &[at(9)])]);
    let deadline = Instant::now() + silence() * 5;
    let mut refusals = 0;
    let mut listeners = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = if listeners {
            left
        } else {
            crate::support::PATIENCE
        };
        let Some(heard) = follower.hear_within(wait).await else {
            break;
        };
        let text = shown_routes(&heard);
        assert!(
            !text.contains("bad"),
            "led to a cluster that was refused: {text}"
        );
        if heard.resources.iter().any(|(_, _, body)| *body == bad.body) {
            refusals += 1;
            assert!(refusals <= 2, "what was refused comes again and again");
            follower
                .refuse(&heard, "Error adding/updating cluster(s) bad: no")
                .await;
            follower.ask(&heard).await;
        } else {
            follower.accept(&heard).await;
        }
        listeners |= kind_of(&heard) == Listener
            && !heard.names().is_empty()
            && follower.names(Listener).len() == 2;
    }
    assert!(refusals > 0);
    // Mended, it is routed to.
    server.publish([cluster("bad", 2)]);
    follower.settle_after(Routes).await;
    assert_eq!(follower.names(Routes), ["r"]);
}

fn shown_routes(heard: &Heard) -> String {
    let routes = heard.resources.iter().filter(|_| kind_of(heard) == Routes);
    routes
        .map(|(_, _, body)| shown(Routes, body).to_string())
        .collect()
}

async fn fallback(case: Case) {
    let (server, mut follower) = routed(case).await;
    server.publish([
        cluster("y", 1),
        endpoints("y", &[at(2)]),
        routes_to("r", &["x", "y"]),
    ]);
    let started = Instant::now();
    let clusters = follower.hear().await;
    assert_eq!(kind_of(&clusters), Cluster);
    // The endpoints are asked for; the clusters stay without an answer.
    follower.ask(&clusters).await;
    server.publish([endpoints("x", &[at(7)])]);
    let mut seen = Vec::new();
    while !seen.contains(&"r".to_owned()) {
        let heard = follower
            .hear_within(FALLBACK * 4)
            .await
            .expect("routes in the end");
        follower.accept(&heard).await;
        seen.extend(heard.names().into_iter().map(str::to_owned));
    }
    assert!(
        seen.contains(&"x".to_owned()),
        "others are not blocked: {seen:?}"
    );
    assert!(
        started.elapsed() >= FALLBACK / 2,
        "the cluster was waited for"
    );
}

async fn warming(case: Case) {
    let server = Server::with([cluster("c", 1), endpoints("c", &[at(1)])]).await;
    if case.scope == crate::item::Scope::PerType {
        // A client that asks for endpoints again gets them again, whatever it says it has.
        let mut client = case.client(&server, Endpoints).await;
        client.want(Endpoints, &["c"]).await;
        client.expect(Endpoints, &["c"]).await;
        client.drop_names(Endpoints, &["c"]).await;
        client.want(Endpoints, &["c"]).await;
        client.expect(Endpoints, &["c"]).await;
        return;
    }
    let mut follower = follow(case, &server).await;
    follower.forget_log();
    server.publish([cluster("c", 2)]);
    follower.settle_after(Endpoints).await;
    assert_eq!(follower.kinds(), [Cluster, Endpoints]);

    // A new stream that asks for the endpoints, which it has, before the clusters, which changed.
    let mut client = case.client(&server, Cluster).await;
    if case.is_sotw() {
        client.list(Endpoints, &["c"]).await;
        client.expect(Endpoints, &["c"]).await;
        client.list(Cluster, &[]).await;
    } else {
        let has = |resource: igw_envoy::envoy::Resource| {
            [(resource.name.to_string(), resource.version.to_string())]
        };
        client
            .resume(Endpoints, &["c"], has(endpoints("c", &[at(1)])))
            .await;
        client.quiet().await;
        client.resume(Cluster, &[], has(cluster("c", 1))).await;
    }
    client.expect(Cluster, &["c"]).await;
    client.expect(Endpoints, &["c"]).await;
}

async fn no_endpoints(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    gateway.deploy("web", &gateway::tcp_service(1, 8000)).await;
    gateway
        .deploy("shop", &gateway::http_service(2, 8001, "shop"))
        .await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    assert_eq!(follower.count(Endpoints), 2);
    for service in ["web", "shop"] {
        gateway.node().set_ip(service, "ip#1", false);
        follower.settle_after(Endpoints).await;
    }
    assert_eq!(
        follower.names(Cluster),
        follower.names(Endpoints),
        "none is omitted"
    );
    for name in ["web.expose#0", "shop.expose#0"] {
        let has = follower.get(Endpoints, name).expect("told");
        let text = shown(Endpoints, &has.body).to_string();
        assert!(
            !text.contains("lb_endpoints") || text.contains("\"lb_endpoints\":[]"),
            "{text}"
        );
    }
}
