//! What the commands are run beside: a node with the services of `examples`, in the state in which
//! `xds demo` leaves them, and the sidecar.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use igw_envoy::index::Serving;
use igw_envoy::sidecar::{Http, Options, Sidecar};
use igw_envoy::simnode::{Settings, SimNode};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{eventually, free_address};

/// Where the pages say that things are.
const HTTP: &str = "127.0.0.1:9902";
const SOCKET: &str = "/var/run/xds/xds.sock";

/// A node, and a sidecar that follows it.
pub(crate) struct Stage {
    http: SocketAddr,
    socket: PathBuf,
    node: SimNode,
    sidecar: JoinHandle<()>,
    _folder: TempDir,
}

impl Stage {
    pub(crate) async fn set_up() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = SimNode::start(Settings::at(folder.path().join("lsnr.sock"))).unwrap();
        let example = |name, config| node.deploy(name, config).unwrap();
        example("svcweb", include_str!("../../examples/svcweb.conf"));
        node.scale("svcweb", 6);
        example("svcshop", include_str!("../../examples/svcshop.conf"));
        for secret in ["sec/svcweb-front", "sec/svcweb-back"] {
            let (chain, key) = certificate();
            node.set_secret_key(secret, "certificate_chain", &chain);
            node.set_secret_key(secret, "private_key", &key);
            node.set_secret_key(secret, "trusted_ca", &chain);
        }
        let http = free_address();
        let socket = folder.path().join("xds.sock");
        let sidecar = Sidecar::bind(Options {
            daemon_socket: node.socket().to_owned(),
            unix_socket: socket.clone(),
            tcp: None,
            http: Some(Http {
                addr: http,
                required: true,
            }),
            ..Options::default()
        })
        .await
        .unwrap();
        let views = sidecar.views();
        let sidecar = tokio::spawn(async { sidecar.run(std::future::pending()).await.unwrap() });
        let doing = |serving| {
            let view = views.borrow();
            let exposes = view.exposes.values();
            exposes.filter(|expose| expose.serving == serving).count()
        };
        eventually("the good exposes are served", async || {
            (doing(Serving::Served) == 4).then_some(())
        })
        .await;
        // As the demo does: mended, and then spoilt again.
        node.set("svcshop", &["expose#1.port=8081"]).unwrap();
        node.flush();
        eventually("the mended expose is served", async || {
            (doing(Serving::Served) == 5).then_some(())
        })
        .await;
        node.set("svcshop", &["expose#1.port=80810"]).unwrap();
        node.flush();
        eventually("the last good version is kept", async || {
            (doing(Serving::Kept) == 1).then_some(())
        })
        .await;
        Self {
            http,
            socket,
            node,
            sidecar,
            _folder: folder,
        }
    }

    pub(crate) fn daemon_socket(&self) -> PathBuf {
        self.node.socket().to_owned()
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// A command of a page, with the addresses of this stage.
    pub(crate) fn real(&self, command: &str) -> String {
        let socket = self.socket.display().to_string();
        command
            .replace(HTTP, &self.http.to_string())
            .replace(SOCKET, &socket)
    }

    /// What a command printed, with the addresses of the pages.
    pub(crate) fn as_documented(&self, output: &str) -> String {
        let socket = self.socket.display().to_string();
        output
            .replace(&self.http.to_string(), HTTP)
            .replace(&socket, SOCKET)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.sidecar.abort();
    }
}

fn certificate() -> (String, String) {
    let names = ["svcweb.acme.org", "alt-svcweb.acme.org"];
    let names = names.iter().map(|name| (*name).to_owned());
    let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>()).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}
