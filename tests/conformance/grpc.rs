//! gRPC's own clients, in Python: they run where `make peers` put them.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use envoy_types::pb::envoy::config::cluster::v3::Cluster as ClusterMessage;
use envoy_types::pb::envoy::config::endpoint::v3::ClusterLoadAssignment;
use envoy_types::pb::envoy::config::listener::v3::Listener as ListenerMessage;
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use igw_envoy::envoy::Resource;
use igw_envoy::envoy::ResourceType::{Cluster, Endpoints, Listener, Routes};
use igw_envoy::envoy::bootstrap::XdsAddress;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;

use crate::run::{Job, job};
use crate::support::discovery::{Server, WAYS, Way};
use crate::support::{PATIENCE, eventually};
use crate::things::from_json;

/// Them, to be run; none where they are not installed, which is said loudly.
pub(crate) fn all() -> Vec<(String, &'static str, Job<()>)> {
    let Some(python) = python() else {
        return Vec::new();
    };
    let version = std::process::Command::new(&python)
        .args(["-c", "import grpc; print(grpc.__version__)"])
        .output()
        .unwrap();
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    let mut jobs = Vec::new();
    // On a unix socket gRPC calls the server by the socket's path (`:authority`), which hyper's HTTP/2
    // takes for no name; tools can say another one, the xDS client cannot.
    let tcp = python.clone();
    let calls = job(move || calls(tcp, Way::Tcp));
    jobs.push((
        format!("gRPC xDS client {version}"),
        "SotW, ADS, TCP",
        calls,
    ));
    for way in WAYS {
        let python = python.clone();
        let tools = job(move || tools(python, way));
        jobs.push((
            format!("gRPC tools {version}"),
            "reflection, health, CSDS",
            tools,
        ));
    }
    jobs
}

/// The Python that has them: `IGW_PEERS`, else what `make peers` made.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = root.join(".venv/bin/python");
    let named = std::env::var_os("IGW_PEERS").map(PathBuf::from);
    let found = named.unwrap_or(made);
    let has = std::process::Command::new(&found)
        .args(["-c", "import grpc, grpc_health, grpc_reflection"])
        .stderr(Stdio::null())
        .status();
    let has = has.is_ok_and(|status| status.success());
    if !has {
        let required = std::env::var("REQUIRE_ALL").is_ok_and(|value| value == "1");
        assert!(!required, "no gRPC for Python; run `make peers`");
        let skipped = "*** SKIPPED gRPC's own clients: run `make peers` ***";
        let _ = writeln!(std::io::stderr(), "\n{skipped}\n");
    }
    has.then_some(found)
}

/// `peers.py`, told what to do line by line.
struct Peer {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    async fn start(python: &Path, what: &str, bootstrap: Option<&Value>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/peers.py");
        let mut command = Command::new(python);
        command.arg(script).arg(what);
        if let Some(bootstrap) = bootstrap {
            command.env("GRPC_XDS_BOOTSTRAP_CONFIG", bootstrap.to_string());
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap()).lines();
        Self {
            process,
            input,
            output,
        }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE * 2, self.output.next_line()).await;
        let line = line.expect("it says something in time").unwrap();
        line.unwrap_or_else(|| panic!("it ended: {:?}", self.process.try_wait()))
    }

    /// Asks for something; the answer is one line.
    async fn ask(&mut self, what: &str) -> String {
        self.input
            .write_all(format!("{what}\n").as_bytes())
            .await
            .unwrap();
        self.line().await
    }
}

fn target(server: &Server, way: Way) -> String {
    match server.address(way) {
        XdsAddress::Unix(path) => format!("unix:{}", path.display()),
        XdsAddress::Tcp(address) => address.to_string(),
    }
}

/// A gRPC service that says whether it is healthy, which tells one from another.
async fn backend(status: ServingStatus) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", status).await;
    let serving = tonic::transport::Server::builder().add_service(health);
    tokio::spawn(serving.serve_with_incoming(TcpIncoming::from(listener)));
    address
}

fn listener() -> Resource {
    from_json::<ListenerMessage>(
        Listener,
        &json!({"name": "web.org", "api_listener": {"api_listener": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "web",
            "rds": {"route_config_name": "web", "config_source": {"ads": {}, "resource_api_version": "V3"}},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }}],
        }}}),
    )
}

fn routes(cluster: &str) -> Resource {
    from_json::<RouteConfiguration>(
        Routes,
        &json!({"name": "web", "virtual_hosts": [{"name": "web", "domains": ["web.org"],
            "routes": [{"match": {"prefix": ""}, "route": {"cluster": cluster}}]}]}),
    )
}

/// gRPC takes only clusters of endpoints and a few others; `kind` may be one that it refuses.
fn cluster(name: &str, kind: &str) -> Resource {
    from_json::<ClusterMessage>(
        Cluster,
        &json!({"name": name, "type": kind, "lb_policy": "ROUND_ROBIN",
            "eds_cluster_config": {"eds_config": {"ads": {}, "resource_api_version": "V3"}}}),
    )
}

fn endpoints(cluster: &str, at: SocketAddr) -> Resource {
    from_json::<ClusterLoadAssignment>(
        Endpoints,
        &json!({"cluster_name": cluster, "endpoints": [{
            "locality": {"region": "here"}, "load_balancing_weight": 1,
            "lb_endpoints": [{"endpoint": {"address": {"socket_address": {
                "address": at.ip().to_string(), "port_value": at.port()}}}}],
        }]}),
    )
}

/// gRPC's xDS client follows the server.
async fn calls(python: PathBuf, way: Way) {
    let (one, two) = (
        backend(ServingStatus::Serving).await,
        backend(ServingStatus::NotServing).await,
    );
    let server = Server::with([
        listener(),
        routes("c1"),
        cluster("c1", "EDS"),
        endpoints("c1", one),
    ])
    .await;
    let bootstrap = json!({
        "xds_servers": [{"server_uri": target(&server, way), "channel_creds": [{"type": "insecure"}],
                         "server_features": ["xds_v3"]}],
        "node": {"id": "grpc1", "cluster": "envoy"},
    });
    let mut peer = Peer::start(&python, "xds", Some(&bootstrap)).await;
    let mut answers = async |at: SocketAddr| {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let said = peer.ask("call").await;
            let expected = if at == one { "SERVING" } else { "NOT_SERVING" };
            if said == expected {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{at} does not answer: {said}"
            );
        }
    };
    answers(one).await;
    server.publish([endpoints("c1", two)]);
    answers(two).await;
    server.change(|state| {
        state.put(cluster("c2", "EDS"));
        state.put(endpoints("c2", one));
        state.put(routes("c2"));
        state.remove(Cluster, "c1");
        state.remove(Endpoints, "c1");
    });
    answers(one).await;
    assert_eq!(server.notes.count("refused"), 0);
    // A cluster that gRPC cannot use: refused, and the one that it has stays.
    server.publish([cluster("c2", "STATIC")]);
    eventually("gRPC refuses the cluster", async || {
        (server.notes.count("refused") > 0).then_some(())
    })
    .await;
    answers(one).await;
    server.publish([cluster("c2", "EDS"), endpoints("c2", two)]);
    answers(two).await;
    server.remove(Listener, "web.org");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let said = peer.ask("call").await;
        if !said.ends_with("SERVING") {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "the listener is not gone"
        );
    }
}

/// A client that has no protos at all.
async fn tools(python: PathBuf, way: Way) {
    let server = Server::with([
        cluster("c1", "EDS"),
        endpoints("c1", "127.0.0.1:1".parse().unwrap()),
    ])
    .await;
    let channel = server.connect(way).await;
    let mut client =
        crate::client::Client::open(&channel, None, igw_envoy::envoy::Variant::Delta).await;
    client.want(Cluster, &[]).await;
    client.expect(Cluster, &["c1"]).await;
    let mut peer = Peer::start(&python, "tools", None).await;
    let told: Value = serde_json::from_str(&peer.ask(&target(&server, way)).await).unwrap();
    let services = told["services"].to_string();
    for service in [
        "envoy.service.discovery.v3.AggregatedDiscoveryService",
        "envoy.service.cluster.v3.ClusterDiscoveryService",
        "envoy.service.endpoint.v3.EndpointDiscoveryService",
        "envoy.service.listener.v3.ListenerDiscoveryService",
        "envoy.service.route.v3.RouteDiscoveryService",
        "envoy.service.secret.v3.SecretDiscoveryService",
        "envoy.service.status.v3.ClientStatusDiscoveryService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
    ] {
        assert!(services.contains(service), "{service} is not in {services}");
    }
    assert_eq!(told["health"], "SERVING");
    let status = &told["status"]["config"][0];
    assert_eq!(status["node"]["id"], "envoy1", "{status}");
    let cluster = &status["genericXdsConfigs"][0];
    assert_eq!(cluster["name"], "c1");
    assert_eq!(cluster["configStatus"], "SYNCED");
    assert_eq!(cluster["xdsConfig"]["@type"], Cluster.type_url());
    assert_eq!(cluster["xdsConfig"]["name"], "c1");
}
