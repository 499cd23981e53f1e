//! E: what keeps an Envoy safe.

use std::collections::BTreeSet;
use std::net::IpAddr;

use envoy_types::pb::envoy::service::status::v3::ClientStatusRequest;
use envoy_types::pb::envoy::service::status::v3::client_status_discovery_service_client::ClientStatusDiscoveryServiceClient;
use igw_envoy::envoy::ResourceType::{Cluster, Endpoints, Listener, Routes, Secret};
use igw_envoy::envoy::constraints;
use prost::Message;
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::client::{Client, node};
use crate::gateway::{self, Gateway};
use crate::item::{Case, everywhere, items, long_silence, silence};
use crate::model::Follower;
use crate::support::eventually;
use crate::things::{WILD, shown, thing};

items! {
    63 "Nothing is answered before the daemon's state is known, but for what was served before" everywhere => no_state,
        "An empty answer would make an Envoy drop all that it serves.";
    64 "A daemon that is lost takes nothing away; back, only what differs is sent" everywhere => daemon_lost;
    65 "One bad expose among a thousand costs itself, and keeps what was served of it" everywhere => one_bad;
    66 "What conflicts never reaches Envoy, and the loser is told the winner" everywhere => conflicts,
        "Who was there first stays.";
    67 "Every resource keeps Envoy's proto constraints" everywhere => constraints_kept;
    68 "A refusal is counted, recorded with its owner, and logged once" everywhere => refusal_told;
    69 "No private key in logs, pages, metrics or client status" everywhere => no_keys;
    70 "No resource has a time to live" everywhere => no_ttl,
        "TTLs are not used: what is served must outlive the control plane.";
}

async fn no_state(case: Case) {
    let gateway = Gateway::start(gateway::Settings {
        daemon: false,
        ..Default::default()
    })
    .await;
    gateway
        .node()
        .deploy("web", &gateway::tcp_service(1, 8000))
        .unwrap();
    let channel = gateway.connect(case.way).await;
    let mut clients = Vec::new();
    for kind in WILD {
        let mut client = Client::open(&channel, case.stream_of(kind), case.variant).await;
        client.want(kind, &[]).await;
        clients.push((kind, client));
    }
    for (_, client) in &mut clients {
        client.quiet_for(long_silence()).await;
    }
    gateway.node().start_daemon().unwrap();
    for (_, client) in &mut clients {
        let heard = client.hear_within(crate::support::PATIENCE).await;
        assert_eq!(heard.resources.len(), 1, "the first answer is whole");
    }

    // What was served before is served at once, the daemon up or not, in the same versions.
    let mut gateway = Gateway::start(gateway::Settings::default()).await;
    gateway
        .deploy("web", &gateway::http_service(1, 8000, "web"))
        .await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    let before = follower.versions();
    gateway.restart_without_daemon().await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    assert_eq!(follower.versions(), before);
}

async fn daemon_lost(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    gateway
        .deploy("web", &gateway::http_service(1, 8000, "web"))
        .await;
    gateway.deploy("gone", &gateway::tcp_service(2, 8001)).await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    assert_eq!(follower.count(Cluster), 2);
    follower.forget_log();
    gateway.node().stop_daemon();
    gateway
        .node()
        .set("web", &["ip#1.ipname=10.0.0.99"])
        .unwrap();
    assert_eq!(follower.hear_within(long_silence()).await, None);
    gateway.node().start_daemon().unwrap();
    follower.settle_after(Endpoints).await;
    assert_eq!(
        follower.kinds(),
        [Endpoints],
        "what differs, and nothing else"
    );
    assert_eq!(follower.sent_resources(), ["web.expose#0"]);
}

/// How many exposes there are beside the bad one.
const GOOD: usize = 999;

async fn one_bad(case: Case) {
    static SEEN: OnceCell<Result<(), String>> = OnceCell::const_new();
    let _ = case;
    crate::run::once(&SEEN, one_bad_everywhere()).await;
}

/// One sidecar, and all kinds of clients.
async fn one_bad_everywhere() {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    // Twenty services, so that the node has less to say.
    for service in 0..20 {
        let exposes = if service == 0 { 49 } else { 50 };
        let config = gateway::many_exposes(service, exposes);
        gateway.deploy(&format!("s{service}"), &config).await;
    }
    gateway
        .deploy(
            "bad",
            &gateway::tcp_service(1, 9000).replace("port = 80\n", "port = 80810\n"),
        )
        .await;
    let mut clients = Vec::new();
    for case in Case::all() {
        for kind in WILD {
            let channel = gateway.connect(case.way).await;
            let mut client = Client::open(&channel, case.stream_of(kind), case.variant).await;
            client.want(kind, &[]).await;
            let mut names = BTreeSet::new();
            while names.len() < GOOD {
                let heard = client.hear_within(crate::support::PATIENCE).await;
                client.accept(&heard).await;
                names.extend(heard.names().into_iter().map(str::to_owned));
            }
            assert_eq!(names.len(), GOOD);
            assert!(!names.iter().any(|name| name.contains("bad")), "{names:?}");
            clients.push(client);
        }
    }
    eventually("the verdict is told", async || {
        let told = gateway.get("/api/v1/exposes?service=bad").await;
        told.contains("80810").then_some(())
    })
    .await;
    // A good one becomes bad: what was served of it stays.
    gateway.node().set("s7", &["expose#3.port=80811"]).unwrap();
    eventually("the verdict is told", async || {
        let told = gateway.get("/api/v1/exposes?service=s7").await;
        told.contains("80811").then_some(())
    })
    .await;
    for client in &mut clients {
        client.quiet().await;
    }
}

async fn conflicts(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    gateway
        .deploy("first", &gateway::http_service(1, 8000, "shop"))
        .await;
    gateway.deploy("tcp", &gateway::tcp_service(3, 8001)).await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    let before = follower.versions();
    // The same domain; bytes where there is HTTP; HTTP where there are bytes.
    gateway
        .deploy("second", &gateway::http_service(2, 8000, "shop"))
        .await;
    gateway
        .deploy("third", &gateway::tcp_service(4, 8000))
        .await;
    gateway
        .deploy("fourth", &gateway::http_service(5, 8001, "other"))
        .await;
    for (loser, winner) in [("second", "first"), ("third", "first"), ("fourth", "tcp")] {
        eventually("the loser is told", async || {
            let told = gateway
                .get(&format!("/api/v1/exposes/{loser}.expose%230"))
                .await;
            told.contains(&format!("{winner}.expose#0")).then_some(())
        })
        .await;
    }
    follower.settle().await;
    // What can be served beside it is: the loser's cluster may be there, its claims are not.
    for (kind, name, version) in before {
        assert_eq!(
            follower.get(kind, &name).unwrap().version,
            version,
            "{kind:?} {name}"
        );
    }
    assert_eq!(follower.count(Listener), 2);
    for name in follower.names(Routes) {
        let text = shown(Routes, &follower.get(Routes, name).unwrap().body).to_string();
        assert_eq!(text.matches("\"shop.org\"").count(), 1, "{text}");
    }
}

/// Services of every kind, published on one address.
pub(crate) async fn town(gateway: &Gateway, listen: IpAddr) {
    for name in ["web", "front"] {
        gateway.secret(&format!("sec/{name}"), &format!("{name}.org"));
    }
    for (service, config) in [
        ("web", gateway::https_service(1, 8443, "web")),
        ("front", gateway::https_service(2, 8443, "front")),
        ("http", gateway::http_service(3, 8000, "http")),
        ("tcp", gateway::tcp_service(4, 8001)),
        (
            "sni",
            gateway::tcp_service(5, 8443) + "sni = sni.org *.sni.org\n",
        ),
        ("udp", gateway::tcp_service(6, 8053) + "protocol = udp\n"),
    ] {
        let listen = format!("[DEFAULT]\nlistener_addr = {listen}\n");
        gateway.deploy(service, &(listen + &config)).await;
    }
}

async fn constraints_kept(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    town(&gateway, IpAddr::from([127, 0, 0, 1])).await;
    let mut follower = Follower::connect(&gateway.connect(case.way).await, case).await;
    follower.settle().await;
    for kind in [Cluster, Endpoints, Listener, Routes, Secret] {
        assert!(follower.count(kind) >= 1, "nothing of {kind:?}");
    }
    for (kind, name, has) in follower.all() {
        if let Err(broken) = constraints::check_encoded(kind.type_url(), &has.body) {
            panic!("{kind:?} {name}: {broken:?}");
        }
    }
}

async fn refusal_told(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    gateway.deploy("web", &gateway::tcp_service(1, 8000)).await;
    let words = "Error adding/updating cluster(s) web.expose#0: it does not please me";
    // Twice, as two Envoys would, which stay connected.
    let mut clients = Vec::new();
    for _ in 0..2 {
        let channel = gateway.connect(case.way).await;
        let mut client = Client::open(&channel, case.stream_of(Cluster), case.variant)
            .await
            .be(Some(node("envoy7", "envoy")));
        client.want(Cluster, &[]).await;
        let heard = client.hear().await;
        client.refuse(&heard, words).await;
        let started = tokio::time::Instant::now();
        eventually("the refusal is recorded", async || {
            let told = gateway.get("/api/v1/envoys").await;
            let told: Value = serde_json::from_str(&told).unwrap();
            let envoys = told.as_array().unwrap().clone();
            let refusal = envoys
                .iter()
                .flat_map(|e| e["refusals"].as_array().cloned());
            let refusal = refusal.flatten().next()?;
            assert_eq!(refusal["resource"], "web.expose#0");
            assert!(refusal["text"].as_str()?.contains("does not please"));
            assert!(
                refusal["exposes"].to_string().contains("expose#0"),
                "{refusal}"
            );
            Some(())
        })
        .await;
        // Within a second, on a machine that has nothing else to do.
        assert!(started.elapsed() < crate::support::PATIENCE);
        clients.push(client);
    }
    eventually("both are counted", async || {
        let metrics = gateway.get("/metrics").await;
        let mut lines = metrics.lines();
        let counted =
            lines.find(|line| line.starts_with("igw_xds_nacks_total{") && line.contains("envoy7"));
        counted.filter(|line| line.ends_with(" 2")).map(drop)
    })
    .await;
    let expose = gateway.get("/api/v1/exposes/web.expose%230").await;
    assert!(expose.contains("does not please"), "{expose}");
    let logged = gateway.log().matches("does not please").count();
    assert_eq!(logged, 1, "logged once: {}", gateway.log());
}

async fn no_keys(case: Case) {
    let gateway = Gateway::start(gateway::Settings::default()).await;
    let key = gateway.secret("sec/web", "web.org");
    gateway
        .deploy("web", &gateway::https_service(1, 8443, "web"))
        .await;
    let channel = gateway.connect(case.way).await;
    let mut follower = Follower::connect(&channel, case).await;
    follower.settle().await;
    let line = key.lines().nth(1).unwrap();
    let served = follower
        .all()
        .any(|(kind, _, has)| kind == Secret && String::from_utf8_lossy(&has.body).contains(line));
    assert!(served, "the key is served to Envoy");
    let mut told = gateway.log();
    for page in [
        "/",
        "/metrics",
        "/api/v1/status",
        "/api/v1/exposes",
        "/api/v1/envoys",
        "/api/v1/changes",
        "/api/v1/certificates",
        "/api/v1/clusters",
        "/api/v1/listeners",
        "/api/v1/routes",
    ] {
        told += &gateway.get(page).await;
    }
    let mut status = ClientStatusDiscoveryServiceClient::new(channel.clone());
    let answer = status
        .fetch_client_status(ClientStatusRequest::default())
        .await
        .unwrap();
    let answer = answer.into_inner();
    let secrets = answer
        .config
        .iter()
        .flat_map(|config| &config.generic_xds_configs);
    let secrets: Vec<_> = secrets
        .filter(|c| c.type_url == Secret.type_url())
        .collect();
    assert!(!secrets.is_empty(), "secrets are told by name");
    assert!(
        secrets
            .iter()
            .all(|c| c.xds_config.is_none() && !c.name.is_empty())
    );
    told += &String::from_utf8_lossy(&answer.encode_to_vec());
    told += &gateway.log();
    assert!(!told.contains(line), "a private key is shown");
}

/// That nothing carries one is looked at wherever a response is read.
async fn no_ttl(case: Case) {
    for kind in [Cluster, Endpoints] {
        let mut able = node("envoy1", "envoy");
        able.client_features = ["resource-ttl", "resource-in-sotw"]
            .map(|feature| format!("xds.config.supports-{feature}"))
            .to_vec();
        let server = crate::support::discovery::Server::with([thing(kind, "a", 1)]).await;
        let mut client = case.client(&server, kind).await.be(Some(able));
        client.want(kind, &["a"]).await;
        client.expect(kind, &["a"]).await;
        client.quiet_for(silence() * 5).await;
    }
}
