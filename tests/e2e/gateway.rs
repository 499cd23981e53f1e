//! Everything that a story needs: a node, its services, the sidecar and Envoy, on addresses of
//! their own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::XdsAddress;
use igw_envoy::index::{ExposeView, Serving, View};
use igw_envoy::model::{ExposeId, ObjectPath};
use igw_envoy::sidecar::{Options, Sidecar};
use igw_envoy::simnode::{Settings, SimNode};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::backends::Backends;
use crate::clients::Request;
use crate::eventually;
use crate::support::envoy::{self, Envoy};

/// A gateway and the node that it follows.
pub(crate) struct Gateway {
    pub(crate) node: SimNode,
    pub(crate) envoy: Envoy,
    pub(crate) backends: Arc<Backends>,
    pub(crate) address: Ipv4Addr,
    options: Options,
    sidecar: Option<Running>,
    _folder: tempfile::TempDir,
}

/// A sidecar that runs.
struct Running {
    views: watch::Receiver<View>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Starts everything; nothing is deployed yet. `None` where there is no Envoy.
    pub(crate) async fn start(variant: Variant) -> Option<Self> {
        let binary = envoy::binary("end to end")?;
        let folder = tempfile::tempdir().unwrap();
        let address = own_address();
        let [a, b, c, _] = address.octets();
        let backends = Arc::new(Backends::new());
        let node = SimNode::start(Settings {
            backend_network: Ipv4Addr::new(a, b, c, 100),
            workload: Some(backends.clone()),
            ..Settings::at(folder.path().join("lsnr.sock"))
        });
        let options = Options {
            daemon_socket: folder.path().join("lsnr.sock"),
            unix_socket: folder.path().join("xds.sock"),
            tcp: None,
            port_range: 30000..=30099,
            ..Options::default()
        };
        let xds = XdsAddress::Unix(options.unix_socket.clone());
        let sidecar = Running::start(options.clone()).await;
        Some(Self {
            node: node.unwrap(),
            envoy: Envoy::start(&binary, "test", xds, variant),
            backends,
            address,
            options,
            sidecar: Some(sidecar),
            _folder: folder,
        })
    }

    /// Deploys a service whose exposes listen on this gateway's address.
    pub(crate) fn deploy(&self, service: &str, config: &str) {
        let listen = format!("[DEFAULT]\nlistener_addr = {}\n", self.address);
        let config = config.trim_start();
        let config = config.strip_prefix("[DEFAULT]\n").unwrap_or(config);
        self.node
            .deploy(service, &format!("{listen}{config}"))
            .unwrap();
    }

    /// Where an expose listens.
    pub(crate) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address.into(), port)
    }

    /// A request to one of the gateway's ports.
    pub(crate) fn get(&self, port: u16, host: &str, path: &str) -> Request {
        Request::get(self.at(port), host, path)
    }

    /// An address of the gateway's network for a service, from 2 to 99.
    pub(crate) fn service_address(&self, last: u8) -> IpAddr {
        let [a, b, c, _] = self.address.octets();
        Ipv4Addr::new(a, b, c, last).into()
    }

    /// What the gateway thinks, as it is now.
    pub(crate) fn view(&self) -> View {
        let sidecar = self.sidecar.as_ref().unwrap();
        sidecar.views.borrow().clone()
    }

    /// Waits until the gateway thinks something of an expose.
    pub(crate) async fn thinks(&self, expose: &str, serving: Serving) -> ExposeView {
        let (service, section) = expose.rsplit_once('.').unwrap();
        let id = ExposeId {
            service: service.parse().unwrap(),
            section: section.into(),
        };
        eventually(format!("{expose} becomes {serving:?}"), || async {
            let view = self.view();
            match view.exposes.get(&id) {
                Some(expose) if expose.serving == serving => Ok(expose.clone()),
                other => Err(format!("it is {other:?}; {:?}", view.reports)),
            }
        })
        .await
    }

    /// The findings on a service, one line each.
    pub(crate) fn findings(&self, service: &str) -> Vec<String> {
        let view = self.view();
        let service: ObjectPath = service.parse().unwrap();
        let report = view.reports.get(&service);
        let diagnostics = report.map(|report| report.diagnostics.clone());
        let diagnostics = diagnostics.unwrap_or_default();
        diagnostics.iter().map(ToString::to_string).collect()
    }

    /// Ends the sidecar, as an upgrade would.
    pub(crate) async fn stop_sidecar(&mut self) {
        if let Some(sidecar) = self.sidecar.take() {
            sidecar.stop.send(()).ok();
            sidecar.task.await.unwrap();
        }
    }

    /// Starts it again, knowing nothing.
    pub(crate) async fn start_sidecar(&mut self) {
        self.sidecar = Some(Running::start(self.options.clone()).await);
    }

    /// What every group of stories ends with: Envoy took all that it was sent.
    pub(crate) async fn was_never_refused(&self) {
        assert_eq!(self.envoy.refused().await, 0);
        // The counters of a resource end with it; what is logged stays.
        let log = self.envoy.log();
        let refusals = log.lines().filter(|line| line.contains(" rejected: "));
        assert_eq!(refusals.collect::<Vec<_>>(), Vec::<&str>::new());
    }

    /// Waits until Envoy is connected to the sidecar.
    pub(crate) async fn is_connected(&self) {
        eventually("Envoy connects", || async {
            match self.envoy.stat("control_plane.connected_state").await {
                1 => Ok(()),
                state => Err(format!("connected_state {state}")),
            }
        })
        .await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(sidecar) = &self.sidecar
        {
            eprintln!("The gateway thinks: {:#?}", *sidecar.views.borrow());
        }
    }
}

impl Running {
    async fn start(options: Options) -> Self {
        let sidecar = Sidecar::bind(options).await.unwrap();
        let views = sidecar.views();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let shutdown = async {
                stopped.await.ok();
            };
            sidecar.run(shutdown).await.unwrap();
        });
        Self { views, stop, task }
    }
}

/// A loopback address that no other story, and hardly another run, uses.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let run = u8::try_from(std::process::id() % 150).unwrap();
    Ipv4Addr::new(127, 100 + run, NEXT.fetch_add(1, Ordering::Relaxed), 1)
}
