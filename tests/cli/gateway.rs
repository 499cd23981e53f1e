//! A gateway to ask: the sidecar in its own process, and the simulated node that it follows.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use igw_envoy::envoy::Variant;
use igw_envoy::envoy::bootstrap::XdsAddress;
use igw_envoy::simnode::{Settings, SimNode};

use serde_json::Value;

use crate::run::{Done, command, xds};
use crate::support::envoy::Envoy;
use crate::support::{eventually, free_address};

/// A sidecar of its own process, and the node that it follows.
pub struct Gateway {
    sidecar: Child,
    pub node: SimNode,
    pub socket: PathBuf,
    pub folder: tempfile::TempDir,
    /// Where its services listen.
    pub address: IpAddr,
    /// Where its API and dashboard are.
    pub http: SocketAddr,
}

impl Gateway {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = SimNode::start(Settings::at(folder.path().join("lsnr.sock"))).unwrap();
        let socket = folder.path().join("xds.sock");
        let http = free_address();
        let sidecar = command(&["--port", "0", "--grace", "0"])
            .args(["--http", &http.to_string(), "--socket"])
            .arg(node.socket())
            .arg("--janitor-socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let gateway = Self {
            sidecar,
            node,
            socket,
            folder,
            address: free_address().ip(),
            http,
        };
        eventually("the sidecar is ready", async || {
            let status = gateway.ask(&["status", "--quiet"]).await;
            (status.code == 0).then_some(())
        })
        .await;
        gateway
    }

    /// Runs a command against the sidecar; not on the node's own threads, which must go on.
    pub async fn ask(&self, args: &[&str]) -> Done {
        let socket = self.socket.to_str().unwrap();
        let args = [args, &["--janitor-socket", socket]].concat();
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let run = move || xds(&args.iter().map(String::as_str).collect::<Vec<_>>());
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// What the API answers.
    pub async fn api(&self, path: &str) -> Value {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let uri = format!("http://{}{path}", self.http).parse().unwrap();
        let answer = client.get(uri).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap()
    }

    pub fn deploy(&self, path: &str, config: &str) {
        let listen = format!(
            "[DEFAULT]\nnodes = node1\nlistener_addr = {}\n",
            self.address
        );
        self.node
            .deploy(path, &format!("{listen}{config}"))
            .unwrap();
    }

    pub fn envoy(&self, binary: &PathBuf, node: &str) -> Envoy {
        let xds = XdsAddress::Unix(self.socket.clone());
        Envoy::start(binary, node, xds, Variant::Delta)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.sidecar.kill();
        let _ = self.sidecar.wait();
    }
}
