//! The server, on a unix socket and on TCP.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use igw_envoy::envoy::bootstrap::XdsAddress;
use igw_envoy::envoy::{Resource, ResourceType};
use igw_envoy::snapshot::Snapshot;
use igw_envoy::xds::{Event, Listener, Observer, Options, Stream, Transport, serve};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint, Uri};

use super::Way;

/// Counts what observers are told.
#[derive(Default)]
pub struct Notes(Mutex<Vec<String>>);

impl Notes {
    /// How many events have this name.
    pub fn count(&self, name: &str) -> usize {
        let events = self.0.lock().unwrap();
        events.iter().filter(|event| *event == name).count()
    }
}

impl Observer for Notes {
    fn observe(&self, _: &Stream, event: &Event<'_>) {
        let name = match event {
            Event::Opened => "opened",
            Event::Closed => "closed",
            Event::Sent { .. } => "sent",
            Event::Accepted { .. } => "accepted",
            Event::Refused(_) => "refused",
            Event::Cleared { .. } => "cleared",
            Event::Withheld { .. } => "withheld",
        };
        self.0.lock().unwrap().push(name.to_owned());
    }
}

/// A server on a unix socket, with private keys, and on TCP, without.
pub struct Server {
    pub notes: Arc<Notes>,
    dir: TempDir,
    tcp: std::net::SocketAddr,
    state: watch::Sender<Option<Arc<Snapshot>>>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

impl Server {
    /// A server that knows no state yet.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_at(dir, ([127, 0, 0, 1], 0).into()).await
    }

    /// Another server with the same state in place of this one.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// Another server in place of this one, with a state that changed meanwhile.
    pub async fn restart_with(self, change: impl FnOnce(&mut Snapshot)) -> Self {
        let Self {
            dir,
            tcp,
            state,
            stop,
            served,
            ..
        } = self;
        drop(stop);
        served.await.unwrap();
        std::fs::remove_file(dir.path().join("xds.sock")).unwrap();
        let mut newer = state.borrow().as_deref().cloned().unwrap_or_default();
        change(&mut newer);
        let server = Self::start_at(dir, tcp).await;
        server.state.send_replace(Some(Arc::new(newer)));
        server
    }

    async fn start_at(dir: TempDir, tcp: std::net::SocketAddr) -> Self {
        let unix = UnixListener::bind(dir.path().join("xds.sock")).unwrap();
        let tcp = TcpListener::bind(tcp).await.unwrap();
        let address = tcp.local_addr().unwrap();
        let transports = vec![
            Transport {
                name: "unix".into(),
                listener: Listener::Unix(unix),
                confidential: true,
            },
            Transport {
                name: "tcp".into(),
                listener: Listener::Tcp(tcp),
                confidential: false,
            },
        ];
        let notes = Arc::new(Notes::default());
        let options = Options {
            identifier: "igw".into(),
            grace: Duration::from_secs(5),
            observer: notes.clone(),
        };
        let (state, snapshots) = watch::channel(None);
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            serve(transports, snapshots, options, shutdown)
                .await
                .unwrap();
        });
        Self {
            notes,
            dir,
            tcp: address,
            state,
            stop: Some(stop),
            served,
        }
    }

    /// A server with these resources.
    pub async fn with(resources: impl IntoIterator<Item = Resource>) -> Self {
        let server = Self::start().await;
        server.publish(resources);
        server
    }

    /// Changes the state; the first change makes it known.
    pub fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.state.send_modify(|state| {
            let mut newer = state.as_deref().cloned().unwrap_or_default();
            change(&mut newer);
            *state = Some(Arc::new(newer));
        });
    }

    /// Adds or replaces resources.
    pub fn publish(&self, resources: impl IntoIterator<Item = Resource>) {
        self.change(|state| {
            for resource in resources {
                state.put(resource);
            }
        });
    }

    /// Removes a resource.
    pub fn remove(&self, kind: ResourceType, name: &str) {
        self.change(|state| assert!(state.remove(kind, name), "there is no {name}"));
    }

    /// Where Envoy finds it.
    pub fn address(&self, way: Way) -> XdsAddress {
        match way {
            Way::Unix => XdsAddress::Unix(self.dir.path().join("xds.sock")),
            Way::Tcp => XdsAddress::Tcp(self.tcp),
        }
    }

    /// A connection to it.
    pub async fn connect(&self, way: Way) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.tcp)).unwrap();
        match self.address(way) {
            XdsAddress::Tcp(_) => endpoint.connect().await.unwrap(),
            XdsAddress::Unix(path) => {
                let connector = tower::service_fn(move |_: Uri| {
                    let path = path.clone();
                    async move { UnixStream::connect(path).await.map(TokioIo::new) }
                });
                endpoint.connect_with_connector(connector).await.unwrap()
            }
        }
    }

    /// Asks it to end, and waits until it did.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.served.await.unwrap();
    }

    /// Asks it to end.
    pub fn signal(&mut self) {
        drop(self.stop.take());
    }
}
