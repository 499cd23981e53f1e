//! A simulated OpenSVC 2.1 node: configuration files in, the daemon's real socket protocol out.
//!
//! `xds demo` publishes its service with it, and tests follow it as they would a real daemon. What
//! it says is held against recordings of a real one: the dataset, the patches with their gaps in
//! meaning, the replies and the errors. It speaks the raw socket only, and where the real daemon
//! takes seconds it is immediate, so that nothing has to wait.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use igw_envoy::simnode::{Settings, SimNode};
//!
//! let node = SimNode::start(Settings::at("/tmp/lsnr.sock"))?;
//! node.deploy("web", "[DEFAULT]\nnodes = node1\n[ip#1]\nipname = 10.0.0.1\nexpose = expose#0\n\
//!                     [expose#0]\ntype = envoy\nport = 80\nlistener_port = 8080\n").ok();
//! node.set("web", &["expose#0.port=81"]).ok();
//! # Ok(())
//! # }
//! ```

mod config;
mod drivers;
mod edit;
mod journal;
mod operations;
mod requests;
mod server;
mod state;
mod status;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use edit::Complaints;
use server::Server;
use state::{State, Tell};

/// How a node is simulated.
#[derive(Clone)]
pub struct Settings {
    /// The unix socket to serve, the real daemon's `lsnr.sock`.
    pub socket: PathBuf,
    /// The nodes of the cluster; the first is the one whose daemon this is.
    pub nodes: Vec<String>,
    /// The first address that an ip resource of type `cni` is given.
    pub backend_network: Ipv4Addr,
    /// Changes that follow a message within this time wait for the next change, as in the real
    /// daemon, whose time is 0.3 s. Zero sends every operation at once.
    pub coalesce: Duration,
    /// Whether clients' connections and the passing of time appear in the patches, as they do in
    /// the real daemon.
    pub noise: bool,
    /// What runs in the services' containers.
    pub workload: Option<Arc<dyn Workload>>,
}

impl Settings {
    /// A quiet, immediate node `node1` behind a socket.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            nodes: vec!["node1".to_owned()],
            backend_network: Ipv4Addr::new(127, 20, 1, 1),
            coalesce: Duration::ZERO,
            noise: false,
            workload: None,
        }
    }
}

/// What runs in the containers of a service, told about by the node.
pub trait Workload: Send + Sync {
    /// An instance starts: its ip resource comes up when this returns.
    fn start(&self, service: &str, address: IpAddr);
    /// The instances of a service stopped.
    fn stop(&self, service: &str);
}

/// What the agent prints when it refuses a command: one complaint per line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// Trouble that a real daemon makes for its clients now and then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// A message is lost: the next number is missing.
    Gap,
    /// A message that is not JSON.
    Garbage,
    /// A message of a kind that nobody knows.
    UnknownKind,
    /// Half of a message, then the end of the stream: what a client sees that read too slowly.
    HalfMessage,
    /// The end of the stream; the daemon goes on.
    EndOfStream,
    /// A message with this text.
    Raw(String),
}

/// A simulated node. Dropping it stops its daemon.
pub struct SimNode {
    state: Arc<Mutex<State>>,
    server: Mutex<Option<Server>>,
    socket: PathBuf,
    noise: bool,
}

impl SimNode {
    /// Starts a node without services. Needs a tokio runtime.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let node = Self {
            socket: settings.socket.clone(),
            noise: settings.noise,
            state: Arc::new(Mutex::new(State::new(settings))),
            server: Mutex::new(None),
        };
        node.start_daemon()?;
        Ok(node)
    }

    /// The socket of the daemon.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Stops the daemon: the streams end, and the socket's file stays but refuses connections. The
    /// services go on.
    pub fn stop_daemon(&self) {
        *lock(&self.server) = None;
        self.state().tell(&Tell::Close);
    }

    /// Starts the daemon again: it has forgotten its numbers, and its first message tells
    /// everything.
    pub fn start_daemon(&self) -> io::Result<()> {
        self.stop_daemon();
        self.state().boot();
        let server = Server::start(&self.socket, Arc::clone(&self.state), self.noise)?;
        *lock(&self.server) = Some(server);
        Ok(())
    }

    /// `om PATH create` from a configuration file: instances are frozen and down. Returns the
    /// agent's warnings.
    pub fn create(&self, path: &str, configuration: &str) -> Result<String, Refused> {
        let mut state = self.state();
        let verdict = state.create(path, configuration);
        report(&state, path, verdict)
    }

    /// `om PATH deploy`: creates, thaws and starts. A scaler makes and starts its slaves.
    pub fn deploy(&self, path: &str, configuration: &str) -> Result<String, Refused> {
        let said = self.create(path, configuration)?;
        let mut state = self.state();
        state.thaw(path);
        state.run(path, None, true);
        Ok(said)
    }

    /// `om PATH set` with expressions such as `expose#0.port=80` and `ip#1.expose+=expose#1`.
    pub fn set(&self, path: &str, expressions: &[&str]) -> Result<String, Refused> {
        let mut state = self.state();
        let verdict = state.edit(path, |config| {
            expressions
                .iter()
                .try_for_each(|expression| edit::apply(config, expression))
        });
        report(&state, path, verdict)
    }

    /// `om PATH unset`: removes `section.keyword`, or whole sections.
    pub fn unset(&self, path: &str, targets: &[&str]) -> Result<String, Refused> {
        let mut state = self.state();
        let verdict = state.edit(path, |config| {
            for target in targets {
                edit::unset(config, target);
            }
            Ok(())
        });
        report(&state, path, verdict)
    }

    /// `om PATH delete`: the object is gone, a scaler's slaves with it.
    pub fn delete(&self, path: &str) {
        self.state().delete(path);
    }

    /// `om PATH thaw`.
    pub fn thaw(&self, path: &str) {
        self.state().thaw(path);
    }

    /// `om PATH start`: on every node, or on the first for a failover service.
    pub fn start_service(&self, path: &str) {
        self.state().run(path, None, true);
    }

    /// `om PATH start` on one node.
    pub fn start_on(&self, path: &str, node: &str) {
        self.state().run(path, Some(node), true);
    }

    /// `om PATH stop`.
    pub fn stop_service(&self, path: &str) {
        self.state().run(path, None, false);
    }

    /// `om PATH stop` on one node.
    pub fn stop_on(&self, path: &str, node: &str) {
        self.state().run(path, Some(node), false);
    }

    /// Lets one ip resource of a started service go down, or come up again.
    pub fn set_ip(&self, path: &str, rid: &str, up: bool) {
        self.state().set_ip(path, rid, up);
    }

    /// `om PATH scale --to N`.
    pub fn scale(&self, path: &str, to: u32) {
        self.state().scale(path, to);
    }

    /// `om PATH create` for a secret where it does not exist, then `om PATH change --key`.
    pub fn set_secret_key(&self, path: &str, key: &str, value: &str) {
        self.state().set_secret_key(path, key, value);
    }

    /// The addresses that the backend network gave to a service's started instances.
    pub fn addresses(&self, path: &str) -> Vec<IpAddr> {
        self.state().addresses(path)
    }

    /// Makes trouble for whoever follows the events.
    pub fn inject(&self, fault: &Fault) {
        let mut state = self.state();
        let bytes = |text: &str| Tell::Bytes([text.as_bytes(), &[0]].concat().into());
        match fault {
            Fault::Gap => state.skip_id(),
            Fault::Garbage => state.tell(&bytes("{\"kind\": \"patch\", \"id\"; oops")),
            Fault::UnknownKind => state.tell(&bytes("{\"kind\": \"news\", \"data\": {}}")),
            Fault::HalfMessage => {
                let half: Arc<[u8]> = Arc::from(&b"{\"kind\": \"patch\", \"id\": 7, \"da"[..]);
                state.tell(&Tell::Bytes(half));
                state.tell(&Tell::Close);
            }
            Fault::EndOfStream => state.tell(&Tell::Close),
            Fault::Raw(text) => state.tell(&bytes(text)),
        }
    }

    /// Sends what waits to be grouped with the next change.
    pub fn flush(&self) {
        self.state().flush();
    }

    /// What `daemon_status` answers now.
    pub fn dataset(&self) -> Value {
        self.state().dataset().clone()
    }

    /// Every request received so far but `daemon_status` and `events`, oldest first.
    pub fn requests(&self) -> Vec<Value> {
        self.state().requests.clone()
    }

    /// How many clients follow the events.
    pub fn streams(&self) -> usize {
        self.state().streams()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn report(
    state: &State,
    path: &str,
    verdict: Result<Complaints, Complaints>,
) -> Result<String, Refused> {
    let text = |complaints: Complaints| complaints.text(path, state.local_node());
    verdict.map(text).map_err(|c| Refused(text(c)))
}

/// The lock, also after a panic elsewhere: the state is plain data, valid at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
