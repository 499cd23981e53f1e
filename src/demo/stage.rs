//! Everything that runs during the demo.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::backends::{self, Backends};
use super::certificates::Certificates;
use super::client::{Client, Target};
use super::envoy::{self, Envoy};
use super::examples::{self, Example};
use super::folder::Folder;
use super::gateway::Gateway;
use super::ports::Ports;
use super::screen::Screen;
use super::{Failure, Options};
use crate::simnode::{Settings, SimNode};

/// The host that the SNI expose of svcweb serves.
pub(super) const SNI_HOST: &str = "svcweb.acme.org";
/// The host that the vhost of svcweb serves.
pub(super) const VHOST: &str = "alt-svcweb.acme.org";
/// The host that svcshop serves.
pub(super) const SHOP_HOST: &str = "shop.acme.org";

/// The node, the web servers, the sidecar and Envoy.
pub(super) struct Stage {
    pub(super) node: SimNode,
    pub(super) gateway: Gateway,
    pub(super) envoy: Envoy,
    pub(super) client: Client,
    pub(super) ports: Ports,
    pub(super) svcweb: Example,
    pub(super) svcshop: Example,
    backends: Arc<Backends>,
    folder: Folder,
}

impl Stage {
    /// Starts everything, in the order of a real gateway: the node is there first, Envoy last.
    pub(super) async fn set_up(options: &Options, screen: &Screen) -> Result<Self, Failure> {
        let binary = envoy::find(options.envoy_bin.as_deref())?;
        let svcweb = examples::read(options.examples.as_deref(), "svcweb")?;
        let svcshop = examples::read(options.examples.as_deref(), "svcshop")?;
        let (ports, notes) = Ports::find()?;
        let network = backends::free_network()
            .ok_or("no loopback network 127.20.x.0/24 has its ports free")?;
        let folder = Folder::new()?;
        folder.log_here()?;
        let certificates = Certificates::new(&[SNI_HOST, VHOST])?;
        let backends = Arc::new(Backends::new(Arc::clone(&certificates.instance)));

        let mut settings = Settings::at(folder.path().join("lsnr.sock"));
        settings.backend_network = network;
        settings.noise = true;
        settings.coalesce = Duration::from_millis(300);
        settings.workload = Some(backends.clone());
        let node = SimNode::start(settings)?;
        let secret = |name: &str, key: &str, value: &str| {
            node.set_secret_key(&format!("sec/{name}"), key, value);
        };
        secret(
            "svcweb-front",
            "certificate_chain",
            &certificates.front.chain,
        );
        secret("svcweb-front", "private_key", &certificates.front.key);
        secret("svcweb-back", "certificate_chain", &certificates.back.chain);
        secret("svcweb-back", "private_key", &certificates.back.key);
        secret("svcweb-back", "trusted_ca", &certificates.authority);

        let xds = folder.path().join("xds.sock");
        let gateway = Gateway::start(node.socket(), &xds, ports).await?;
        let envoy = Envoy::start(binary, folder.path(), &xds, ports.admin_address()).await?;

        let socket = node.socket().display();
        screen.fact(
            "node",
            &format!("simulated OpenSVC node1, daemon socket {socket}"),
        );
        screen.fact("instances", &format!("web servers from {network} on"));
        screen.fact(
            "sidecar",
            &format!("xds, serving Envoy on {}", xds.display()),
        );
        screen.fact(
            "Envoy",
            &format!("{}, {}", envoy.version, shortened(&envoy.binary).display()),
        );
        for note in notes {
            screen.fact("note", &note);
        }
        Ok(Self {
            client: Client::new(certificates.client),
            node,
            gateway,
            envoy,
            ports,
            svcweb,
            svcshop,
            backends,
            folder,
        })
    }

    /// Creates a service, moves its listeners to the ports of this demo, and starts it.
    pub(super) fn deploy(
        &self,
        service: &str,
        example: &Example,
        changes: &[String],
    ) -> Result<(), Failure> {
        self.node.create(service, &example.text)?;
        let changes: Vec<&str> = changes.iter().map(String::as_str).collect();
        self.node.set(service, &changes)?;
        self.node.thaw(service);
        self.node.start_service(service);
        self.node.flush();
        match self.backends.problems().as_slice() {
            [] => Ok(()),
            problems => Err(problems.join("; ").into()),
        }
    }

    /// A target on the gateway.
    pub(super) fn target(&self, host: &'static str, path: &'static str) -> Target {
        let (port, secure) = match host {
            SHOP_HOST => (self.ports.shop, false),
            _ => (self.ports.tls, true),
        };
        Target {
            host,
            port,
            path,
            secure,
        }
    }

    /// The L4 expose of svcweb, which any host name reaches.
    pub(super) fn l4(&self) -> Target {
        Target {
            host: SNI_HOST,
            port: self.ports.l4,
            path: "/",
            secure: false,
        }
    }

    /// Where to go from here.
    pub(super) fn look_further(&self, screen: &mut Screen) {
        let admin = self.ports.admin_address();
        let folder = self.folder.path().display();
        screen.scene("Look further");
        screen.say(&format!("curl http://127.0.0.1:{}/", self.ports.l4));
        screen.say(&format!(
            "curl -k --resolve {VHOST}:{port}:127.0.0.1 https://{VHOST}:{port}/",
            port = self.ports.tls
        ));
        // Where it is not known, it is on the PATH as good as anywhere.
        let xds = std::env::current_exe().unwrap_or_else(|_| "xds".into());
        let xds = shortened(&xds).display();
        screen.say(&format!(
            "export IGW_XDS_SOCKET={folder}/xds.sock OPENSVC_LSNR_SOCK={folder}/lsnr.sock"
        ));
        screen.say(&format!("{xds} status"));
        screen.say(&format!(
            "{xds} explain https://{VHOST}:{port}/",
            port = self.ports.tls
        ));
        screen.line("");
        screen.fact(
            " dashboard",
            &format!(" http://{}", self.ports.http_address()),
        );
        screen.fact(" Envoy", &format!(" http://{admin}"));
        screen.fact(
            " all it has",
            &format!(" http://{admin}/config_dump?include_eds"),
        );
        screen.fact(
            " its files",
            &format!(" {folder}/envoy.json, envoy.log, sidecar.log"),
        );
        screen.fact(" xDS socket", &format!(" {folder}/xds.sock"));
        screen.fact(" node", " simulated: no om of this machine reaches it");
        screen.fact(
            " services",
            &format!(
                " were read from {} and {}",
                self.svcweb.from, self.svcshop.from
            ),
        );
    }

    /// Keeps the logs, and says where.
    pub(super) fn keep_logs(&mut self) -> String {
        self.folder.keep();
        format!("logs: {}", self.folder.path().display())
    }

    /// Ends everything, Envoy first so that it never sees its sidecar go.
    pub(super) async fn tear_down(self) -> Result<(), Failure> {
        self.envoy.stop().await;
        self.gateway.stop().await
    }
}

/// A path as seen from here, where it is below.
fn shortened(path: &Path) -> &Path {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok())
        .unwrap_or(path)
}
