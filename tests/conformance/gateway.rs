//! The sidecar as its users run it: its own process, behind a simulated OpenSVC node.

use std::fmt::Write as _;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use igw_envoy::envoy::ResourceType::{Cluster, Endpoints};
use igw_envoy::simnode::{Settings as NodeSettings, SimNode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::client::Client;
use crate::item::{Case, is_long};
use crate::support::discovery::{VARIANTS, WAYS, Way};
use crate::support::{PATIENCE, eventually, free_address};

/// How a sidecar is started.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) name: &'static str,
    /// Whether its daemon is there.
    pub(crate) daemon: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "envoy",
            daemon: true,
        }
    }
}

/// A sidecar and the node that it follows. Killed when dropped.
pub(crate) struct Gateway {
    node: Arc<SimNode>,
    settings: Settings,
    process: Child,
    folder: Arc<TempDir>,
    place: PathBuf,
    tcp: SocketAddr,
    http: SocketAddr,
}

impl Gateway {
    /// A sidecar that is ready, as far as its daemon is there.
    pub(crate) async fn start(settings: Settings) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let node = SimNode::start(NodeSettings::at(folder.path().join("lsnr.sock"))).unwrap();
        if !settings.daemon {
            node.stop_daemon();
        }
        Self::run(settings, Arc::new(node), folder).await
    }

    /// Another sidecar of the same node.
    pub(crate) async fn beside(&self, settings: Settings) -> Self {
        Self::run(settings, self.node.clone(), self.folder.clone()).await
    }

    async fn run(settings: Settings, node: Arc<SimNode>, folder: Arc<TempDir>) -> Self {
        let (tcp, http) = (free_address(), free_address());
        let place = folder.path().join(tcp.to_string());
        std::fs::create_dir(&place).unwrap();
        let process = spawn(settings.name, node.socket(), &place, tcp, http);
        let mut gateway = Self {
            node,
            settings,
            process,
            folder,
            place,
            tcp,
            http,
        };
        gateway.serves().await;
        gateway
    }

    /// Stops it, and starts it again at the same place.
    pub(crate) async fn restart(&mut self) {
        self.terminate();
        self.exit().await;
        let (tcp, http) = (self.tcp, self.http);
        self.process = spawn(
            self.settings.name,
            self.node.socket(),
            &self.place,
            tcp,
            http,
        );
        self.serves().await;
    }

    fn kill(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// What it serves when it has nothing but what it kept.
    pub(crate) async fn restart_without_daemon(&mut self) {
        self.node.stop_daemon();
        self.restart().await;
    }

    async fn serves(&mut self) {
        let path = if self.settings.daemon {
            "/readyz"
        } else {
            "/healthz"
        };
        eventually("the sidecar is ready", async || {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none(), "the sidecar ended: {}", self.log());
            let answer = http(self.http, path).await?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        })
        .await;
    }

    /// The node behind it.
    pub(crate) fn node(&self) -> &SimNode {
        &self.node
    }

    /// Deploys a service, and waits until the sidecar has judged it.
    pub(crate) async fn deploy(&self, service: &str, config: &str) {
        self.node.deploy(service, config).unwrap();
        eventually("the service is judged", async || {
            let told = self
                .try_get(&format!("/api/v1/exposes?service={service}"))
                .await?;
            let told: Value = serde_json::from_str(&told).unwrap();
            let exposes = told["exposes"].as_array().unwrap();
            let judged = |expose: &Value| expose["standing"] != "waiting";
            (!exposes.is_empty() && exposes.iter().all(judged)).then_some(())
        })
        .await;
    }

    /// Gives a secret a new certificate, and its key, which is returned.
    pub(crate) fn secret(&self, path: &str, name: &str) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        self.node.set_secret_key(path, "certificate_chain", &chain);
        self.node
            .set_secret_key(path, "private_key", &key.serialize_pem());
        key.serialize_pem()
    }

    /// Where Envoy finds it.
    pub(crate) fn address(&self, way: Way) -> igw_envoy::envoy::bootstrap::XdsAddress {
        use igw_envoy::envoy::bootstrap::XdsAddress;
        match way {
            Way::Unix => XdsAddress::Unix(self.place.join("xds.sock")),
            Way::Tcp => XdsAddress::Tcp(self.tcp),
        }
    }

    pub(crate) async fn connect(&self, way: Way) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.tcp)).unwrap();
        let path = self.place.join("xds.sock");
        match way {
            Way::Tcp => endpoint.connect().await.unwrap(),
            Way::Unix => {
                let connector = tower::service_fn(move |_: Uri| {
                    let path = path.clone();
                    async move { UnixStream::connect(path).await.map(TokioIo::new) }
                });
                endpoint.connect_with_connector(connector).await.unwrap()
            }
        }
    }

    /// A page of its HTTP interface.
    pub(crate) async fn get(&self, path: &str) -> String {
        let answer = self.try_get(path).await;
        answer.unwrap_or_else(|| panic!("no {path}"))
    }

    /// A page of its HTTP interface, if it is there.
    pub(crate) async fn try_get(&self, path: &str) -> Option<String> {
        let answer = http(self.http, path).await?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.place.join("log")).unwrap_or_default()
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = self.process.id().to_string();
        let killed = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(killed.success());
    }

    /// How it ended: its status.
    pub(crate) async fn exit(&mut self) -> Option<i32> {
        let status = eventually("the sidecar ends", async || {
            self.process.try_wait().unwrap()
        });
        status.await.code()
    }

    /// Its resident memory, in bytes.
    fn resident(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().unwrap() << 10
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("The sidecar's log:\n{}", self.log());
        }
    }
}

fn spawn(
    name: &str,
    daemon: &std::path::Path,
    place: &std::path::Path,
    tcp: SocketAddr,
    http: SocketAddr,
) -> Child {
    let log = File::options()
        .create(true)
        .append(true)
        .open(place.join("log"))
        .unwrap();
    Command::new(env!("CARGO_BIN_EXE_xds"))
        .args(["--name", name, "--log-level", "debug", "--tcp-serves-keys"])
        .arg("--socket")
        .arg(daemon)
        .arg("--janitor-socket")
        .arg(place.join("xds.sock"))
        .arg("--state-dir")
        .arg(place)
        .args(["--address", &tcp.ip().to_string()])
        .args(["--port", &tcp.port().to_string()])
        .args(["--http", &http.to_string()])
        .env_remove("OPENSVC_LSNR_SOCK")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

async fn http(at: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(at).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

/// A service at the address 10.0.0.`last`, whose port 80 is published. Lines may be added to its
/// expose.
pub(crate) fn tcp_service(last: u8, listener_port: u16) -> String {
    format!(
        "[ip#1]\nipname = 10.0.0.{last}\nexpose = expose#0\n\
         [expose#0]\ntype = envoy\nport = 80\nlistener_port = {listener_port}\n"
    )
}

/// A service for HTTP on `listener_port`, for the host `name.org`.
pub(crate) fn http_service(last: u8, listener_port: u16, name: &str) -> String {
    tcp_service(last, listener_port)
        + &format!(
            "vhosts = vhost#0\n\
             [vhost#0]\ntype = envoy\ndomains = {name}.org\nroutes = route#0\n\
             [route#0]\ntype = envoy\nmatch_prefix = /\n"
        )
}

/// The same for HTTPS, with the certificate of the secret of its name.
pub(crate) fn https_service(last: u8, listener_port: u16, name: &str) -> String {
    let mut config = http_service(last, listener_port, name);
    config = config.replace(
        "vhosts =",
        "listener_certificates = certificate#0\nvhosts =",
    );
    write!(
        config,
        "[certificate#0]\ntype = tls\ncertificate_secret = {name}\n"
    )
    .unwrap();
    config
}

/// A service that publishes as many ports, from 10000 on.
pub(crate) fn many_exposes(last: u8, count: usize) -> String {
    let names: Vec<_> = (0..count).map(|n| format!("expose#{n}")).collect();
    let mut config = format!(
        "[ip#1]\nipname = 10.0.0.{last}\nexpose = {}\n",
        names.join(" ")
    );
    for n in 0..count {
        let port = 10_000 + usize::from(last) * 50 + n;
        write!(
            config,
            "[expose#{n}]\ntype = envoy\nport = 80\nlistener_port = {port}\n"
        )
        .unwrap();
    }
    config
}

/// How many exposes there are for the slow reader, and how often another one changes.
const SLOW: (usize, u16) = (200, 1000);

/// Clients of every kind stop reading at once, in front of one sidecar, so that what each costs is
/// seen against the noise of an allocator.
pub(crate) async fn slow_reader(case: Case) {
    static SEEN: OnceCell<Result<(), String>> = OnceCell::const_new();
    let _ = case;
    crate::run::once(&SEEN, slow_readers()).await;
}

async fn slow_readers() {
    let gateway = Gateway::start(Settings::default()).await;
    // What changes is small, beside much that does not.
    gateway.deploy("web", &tcp_service(1, 9000)).await;
    gateway.deploy("filler", &many_exposes(2, SLOW.0)).await;
    let mut slow = Vec::new();
    let mut copy = 0;
    for variant in VARIANTS {
        for way in WAYS {
            for scope in [None, Some(Cluster)] {
                let channel = gateway.connect(way).await;
                let mut client = Client::open(&channel, scope, variant).await;
                client.want(Cluster, &[]).await;
                let heard = client.hear().await;
                client.accept(&heard).await;
                copy = heard.resources.iter().map(|r| r.2.len() as u64).sum();
                slow.push(client);
            }
        }
    }
    // Everybody else goes on: the endpoints of the expose that changes.
    let channel = gateway.connect(Way::Unix).await;
    let mut quick = Client::open(&channel, Some(Endpoints), VARIANTS[1]).await;
    quick.want(Endpoints, &["web.expose#0"]).await;
    quick.hear().await;
    let started = Instant::now();
    let mut before = 0;
    for n in 0..SLOW.1 {
        // A tenth of the updates makes the allocator's working set.
        if n == SLOW.1 / 10 {
            before = gateway.resident();
        }
        // The cluster changes too: its health check is that of the port.
        gateway
            .node()
            .set(
                "web",
                &[
                    &format!("expose#0.port={}", 1000 + n),
                    &format!(
                        "expose#0.lb_policy={}",
                        if n % 2 == 0 { "random" } else { "round robin" }
                    ),
                ],
            )
            .unwrap();
        let heard = quick.hear_within(PATIENCE).await;
        quick.accept(&heard).await;
        if is_long() {
            tokio::time::sleep_until(started + n as u32 * std::time::Duration::from_millis(60))
                .await;
        }
    }
    let grown = gateway.resident().saturating_sub(before);
    let bound = copy * slow.len() as u64;
    assert!(
        grown < bound.max(4 << 20),
        "{grown} bytes more for {} clients that do not read; one copy is {copy}",
        slow.len()
    );
    // Who reads again gets what was on its way, then the newest state.
    let channel = gateway.connect(Way::Unix).await;
    let mut fresh = Client::open(&channel, Some(Cluster), VARIANTS[1]).await;
    fresh.want(Cluster, &[]).await;
    let newest = fresh.hear().await.resources;
    let newest = newest.iter().find(|r| r.0 == "web.expose#0").unwrap();
    for client in &mut slow {
        let mut late = 0;
        loop {
            let heard = client.hear_within(PATIENCE).await;
            client.accept(&heard).await;
            late += 1;
            if heard
                .resources
                .iter()
                .any(|r| r.0 == newest.0 && r.2 == newest.2)
            {
                break;
            }
        }
        assert!(
            late < u64::from(SLOW.1) / 2,
            "{late} responses until the newest"
        );
    }
}
