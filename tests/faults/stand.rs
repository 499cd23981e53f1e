//! A node, its services, the sidecar as a process that can be killed, and Envoy.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::XdsAddress;
use igw_envoy::simnode::{Settings, SimNode, Workload};
use serde_json::Value;

use crate::backends::{Backends, HTTP};
use crate::clients::{self, Request};
use crate::pki;
use crate::support::envoy::{self, Envoy};
use crate::support::{eventually, free_address};
use crate::traffic::Traffic;

pub(crate) struct Stand {
    pub(crate) node: SimNode,
    pub(crate) envoy: Envoy,
    pub(crate) traffic: Traffic,
    pub(crate) variant: Variant,
    binary: PathBuf,
    address: Ipv4Addr,
    http: SocketAddr,
    sidecar: Option<Child>,
    folder: tempfile::TempDir,
    changes: u16,
}

impl Stand {
    /// Starts everything, and requests to all that is served. `None` where there is no Envoy.
    pub(crate) async fn start(variant: Variant) -> Option<Self> {
        let binary = envoy::binary("faults")?;
        let folder = tempfile::tempdir().unwrap();
        let address = own_address();
        let [a, b, c, _] = address.octets();
        let backends = Arc::new(Backends::new());
        let node = SimNode::start(Settings {
            backend_network: Ipv4Addr::new(a, b, c, 100),
            workload: Some(backends.clone()),
            ..Settings::at(folder.path().join("lsnr.sock"))
        });
        let xds = XdsAddress::Unix(folder.path().join("xds.sock"));
        let mut stand = Self {
            node: node.unwrap(),
            envoy: Envoy::start(&binary, "test", xds, variant),
            traffic: Traffic::default(),
            variant,
            binary,
            address,
            http: free_address(),
            sidecar: None,
            folder,
            changes: 0,
        };
        for (last, service) in [(2, "web"), (3, "front"), (4, "probe")] {
            let address = IpAddr::V4(Ipv4Addr::new(a, b, c, last));
            backends.start(service, address);
        }
        stand.deploy_services();
        stand.start_sidecar().await;
        for request in stand.requests() {
            eventually(&format!("{request:?} is answered"), async || {
                clients::http(&request)
                    .await
                    .ok()
                    .filter(|a| a.status == 200)
            })
            .await;
            stand.traffic.add(&request);
        }
        stand.traffic.goes_on(10).await;
        Some(stand)
    }

    fn deploy_services(&self) {
        let [a, b, c, _] = self.address.octets();
        let at = |last: u8| format!("[ip#1]\nipname = {a}.{b}.{c}.{last}\nexpose = expose#0\n");
        let hosts = |name: &str| {
            format!(
                "[vhost#0]\ntype = envoy\ndomains = {name}\nroutes = route#0\n\
                 [route#0]\ntype = envoy\nmatch_prefix = /\n"
            )
        };
        let expose = |port: u16| {
            format!("[expose#0]\ntype = envoy\nport = {HTTP}\nlistener_port = {port}\n")
        };
        let web = at(2) + &expose(8080) + "vhosts = vhost#0\n" + &hosts("www.org");
        self.deploy("web", &web);
        self.rotate("front.org");
        let front = at(3)
            + &expose(8443)
            + "vhosts = vhost#0\nlistener_certificates = certificate#0\n"
            + "[certificate#0]\ntype = tls\ncertificate_secret = front\n"
            + &hosts("front.org");
        self.deploy("front", &front);
        let scaler =
            "[DEFAULT]\ntopology = flex\nscale = 2\n[ip#1]\ntype = cni\nexpose = expose#0\n";
        self.deploy("many", &(scaler.to_owned() + &expose(8000)));
        self.deploy("probe", &(at(4) + &expose(9000)));
    }

    /// What clients ask for all the time.
    pub(crate) fn requests(&self) -> [Request; 3] {
        [
            Request::get(self.at(8080), "www.org", "/"),
            Request::get(self.at(8443), "front.org", "/").secure("front.org"),
            Request::get(self.at(8000), "many", "/"),
        ]
    }

    /// Deploys a service whose exposes listen on this gateway's address.
    pub(crate) fn deploy(&self, service: &str, config: &str) {
        let listen = format!("[DEFAULT]\nlistener_addr = {}\n", self.address);
        let config = config.strip_prefix("[DEFAULT]\n").unwrap_or(config);
        let deployed = self.node.deploy(service, &format!("{listen}{config}"));
        deployed.unwrap();
    }

    /// Gives the HTTPS service a new certificate.
    pub(crate) fn rotate(&self, name: &str) {
        let identity = pki::issue(name);
        for (key, value) in [
            ("certificate_chain", &identity.chain),
            ("private_key", &identity.key),
        ] {
            self.node.set_secret_key("sec/front", key, value);
        }
    }

    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address.into(), port)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where the last known good is.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state/envoy.state")
    }

    fn arguments(&self) -> Vec<String> {
        let path = |name: &str| self.path(name).display().to_string();
        [
            ["--port", "0"].map(str::to_owned),
            ["--grace", "1"].map(str::to_owned),
            ["--janitor-socket".to_owned(), path("xds.sock")],
            ["--socket".to_owned(), path("lsnr.sock")],
            ["--state-dir".to_owned(), path("state")],
            ["--http".to_owned(), self.http.to_string()],
        ]
        .concat()
    }

    pub(crate) async fn start_sidecar(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path("log"));
        let sidecar = Command::new(env!("CARGO_BIN_EXE_xds"))
            .args(self.arguments())
            .env_remove("OPENSVC_LSNR_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn();
        self.sidecar = Some(sidecar.unwrap());
        self.connected().await;
    }

    /// Starts a sidecar that can write no file at all, as on a full disk.
    pub(crate) async fn start_sidecar_on_a_full_disk(&mut self) {
        let sidecar = Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_xds"))
            .args(self.arguments())
            .env_remove("OPENSVC_LSNR_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.sidecar = Some(sidecar.unwrap());
        self.connected().await;
    }

    async fn connected(&self) {
        eventually("Envoy is connected", async || {
            let state = stat(&self.envoy, "control_plane.connected_state").await?;
            (state == 1).then_some(())
        })
        .await;
    }

    /// Ends the sidecar as a crash would.
    pub(crate) fn kill_sidecar(&mut self) {
        if let Some(mut sidecar) = self.sidecar.take() {
            sidecar.kill().unwrap();
            sidecar.wait().unwrap();
        }
    }

    /// How much memory the sidecar holds, in kB.
    pub(crate) fn memory(&self) -> u64 {
        let id = self.sidecar.as_ref().unwrap().id();
        let status = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"));
        let status = status.unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let words = line.unwrap_or_default().split_whitespace().next();
        words.and_then(|kb| kb.parse().ok()).unwrap_or(0)
    }

    /// The JSON of the sidecar's API at a path, if it answers.
    pub(crate) async fn api(&self, path: &str) -> Option<Value> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let uri = format!("http://{}{path}", self.http).parse().unwrap();
        let answer = client.get(uri).await.ok()?;
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        serde_json::from_slice(&body).ok()
    }

    /// A change of now reaches Envoy.
    pub(crate) async fn changes_arrive(&mut self) {
        self.changes += 1;
        let port = 9000 + self.changes;
        let listener = format!("expose#0.listener_port={port}");
        self.node.set("probe", &[&listener]).unwrap();
        let request = Request::get(self.at(port), "any", "/");
        eventually("a change arrives", async || {
            clients::http(&request).await.ok()
        })
        .await;
    }

    /// An Envoy that starts now is served everything that needs no private key.
    pub(crate) async fn a_new_envoy_is_served(&self) {
        let xds = XdsAddress::Unix(self.path("xds.sock"));
        let new = Envoy::start(&self.binary, "new", xds, self.variant);
        eventually("a new Envoy has listeners", async || {
            let active = stat(&new, "listener_manager.total_listeners_active").await?;
            (active >= 2).then_some(())
        })
        .await;
        assert_eq!(new.refused().await, 0);
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.path("log")).unwrap_or_default();
            eprintln!("The sidecar's log:\n{log}");
        }
        self.kill_sidecar();
    }
}

/// A gauge of an Envoy that may not be up yet.
async fn stat(envoy: &Envoy, name: &str) -> Option<u64> {
    let text = envoy.get(&format!("/stats?filter=^{name}$")).await?;
    text.rsplit_once(": ")?.1.trim().parse().ok()
}

/// A loopback address that no other stand, and hardly another run, uses.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let run = u8::try_from(std::process::id() % 150).unwrap();
    Ipv4Addr::new(
        127,
        100 + run,
        100 + NEXT.fetch_add(1, Ordering::Relaxed),
        1,
    )
}
