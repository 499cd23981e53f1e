//! A simulated node, and whoever listens to it.

use std::path::Path;

use igw_envoy::simnode::{Fault, Settings, SimNode};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

pub(crate) const WEB0: &str = "\
[DEFAULT]
nodes = node1

[ip#1]
ipname = 10.22.0.20
ipdev = dum0
netmask = 24
expose = expose#0

[expose#0]
type = envoy
port = 8080
listener_port = 80
";

pub(crate) const SCALER: &str = "\
[DEFAULT]
nodes = node1
topology = flex
orchestrate = ha
scale = 2

[ip#1]
ipname = 10.22.0.30
ipdev = dum0
netmask = 24
expose = expose#0

[expose#0]
type = envoy
port = 8080
listener_port = 8888
";
pub(crate) struct Fixture {
    pub(crate) node: SimNode,
    _folder: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let node = SimNode::start(Settings::at(folder.path().join("lsnr.sock"))).unwrap();
        // A client that comes later than the first message never sees the daemon's start.
        node.flush();
        Self {
            node,
            _folder: folder,
        }
    }

    pub(crate) async fn events(&self) -> Events {
        Events::open(self.node.socket(), &self.node).await
    }
}

/// A stream of events, read frame by frame.
pub(crate) struct Events(BufReader<UnixStream>);

impl Events {
    pub(crate) async fn open(socket: &Path, node: &SimNode) -> Self {
        let before = node.streams();
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream
            .write_all(b"{\"action\":\"events\"}\0")
            .await
            .unwrap();
        while node.streams() == before {
            tokio::task::yield_now().await;
        }
        Self(BufReader::new(stream))
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Vec<u8>> {
        let mut frame = Vec::new();
        self.0.read_until(0, &mut frame).await.unwrap();
        (!frame.is_empty()).then_some(frame)
    }

    pub(crate) async fn message(&mut self) -> Value {
        let frame = self.next().await.unwrap();
        serde_json::from_slice(frame.strip_suffix(&[0]).unwrap()).unwrap()
    }

    pub(crate) async fn patch(&mut self) -> Value {
        loop {
            let message = self.message().await;
            if message["kind"] == "patch" {
                return message;
            }
        }
    }

    /// The changes so far: a message of an unknown kind marks their end.
    pub(crate) async fn changes(&mut self, node: &SimNode) -> Vec<Value> {
        node.inject(&Fault::UnknownKind);
        let mut changes = Vec::new();
        loop {
            let message = self.message().await;
            match message["kind"].as_str().unwrap() {
                "patch" => changes.extend(message["data"].as_array().unwrap().clone()),
                "news" => return changes,
                _ => {}
            }
        }
    }
}

pub(crate) async fn request(node: &SimNode, request: &Value) -> Value {
    let mut stream = UnixStream::connect(node.socket()).await.unwrap();
    let mut bytes = request.to_string().into_bytes();
    bytes.push(0);
    stream.write_all(&bytes).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    serde_json::from_slice(reply.strip_suffix(&[0]).unwrap()).unwrap()
}
