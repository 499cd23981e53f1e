//! A server under measurement, with its daemon and its clients.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use igw_envoy::envoy::ResourceType;
use igw_envoy::keep;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::Outcome;
use super::client::{Arrival, Client, channel};
use super::cluster::{Cluster, Kind};
use super::daemon::Daemon;
use super::floor;
use super::meter::Count;
use super::process::Process;
use super::wire::{Type, Variant};

/// How long anything may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long nothing must happen for everything to be over.
const QUIET: Duration = Duration::from_millis(300);

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// The `xds` binary.
    pub(crate) binary: PathBuf,
    /// What it is told beside where its daemon is.
    pub(crate) args: Vec<String>,
}

impl Default for Subject {
    /// The binary that was built with this.
    fn default() -> Self {
        Self {
            binary: env!("CARGO_BIN_EXE_xds").into(),
            args: Vec::new(),
        }
    }
}

/// The daemon, the sidecar and its clients.
pub(crate) struct Rig {
    pub(crate) daemon: Daemon,
    pub(crate) server: Process,
    pub(crate) clients: Vec<Client>,
    pub(crate) arrivals: mpsc::UnboundedReceiver<Arrival>,
    /// From its start to when the whole state could be served.
    pub(crate) ready: Cost,
    /// The second reading of the state, which finds nothing new.
    pub(crate) reread: Duration,
    teller: mpsc::UnboundedSender<Arrival>,
    socket: PathBuf,
    folder: TempDir,
}

/// What something took of the server.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Processor time.
    pub(crate) cpu: Duration,
    /// Wall time.
    pub(crate) wall: Duration,
}

impl Rig {
    /// Starts a sidecar at a daemon of some services, and waits until it has settled.
    pub(crate) async fn start(services: usize, subject: &Subject) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let daemon = Daemon::start(&at("lsnr.sock"), Cluster::new(services))?;
        let socket = at("xds.sock");
        let mut command = Command::new(&subject.binary);
        command.arg("-S").arg(daemon.socket());
        command.arg("--janitor-socket").arg(&socket);
        // A port that the sidecar takes for itself could be one of the services'.
        command
            .args(["-p", "0", "--http", "off", "--state-dir"])
            .arg(at("state"))
            .args(&subject.args);
        let began = Instant::now();
        let server = Process::start(&mut command, &at("xds.log"))?;
        serving(&socket).await?;
        let ready = Cost {
            cpu: server.cpu()?,
            wall: began.elapsed(),
        };
        // Soon after connecting, the state is read once more.
        let before = settled(&server).await?;
        let again = async {
            while daemon.readings() < 2 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, again).await?;
        let reread = settled(&server).await?.saturating_sub(before);
        let (teller, arrivals) = mpsc::unbounded_channel();
        Ok(Self {
            daemon,
            server,
            clients: Vec::new(),
            arrivals,
            ready,
            reread,
            teller,
            socket,
            folder,
        })
    }

    /// Connects clients until there are so many, and waits until each has everything.
    pub(crate) async fn connect(&mut self, clients: usize, variant: Variant) -> Outcome<Cost> {
        let known = self.clients.len();
        let began = Instant::now();
        let cpu = settled(&self.server).await?;
        let connecting = (known..clients)
            .map(|number| Client::connect(number, &self.socket, variant, self.teller.clone()));
        let connected = futures_util::future::try_join_all(connecting).await?;
        self.clients.extend(connected);
        let (services, ports, hosts) = self.daemon.cluster(|cluster| {
            (
                cluster.len(),
                cluster.count(Kind::Port),
                cluster.count(Kind::Host),
            )
        });
        let shared = hosts.min(1);
        let mut missing = (clients - known) * (2 * services + ports + 2 * shared);
        while missing > 0 {
            missing = missing.saturating_sub(self.next().await?.resources);
        }
        let wall = began.elapsed();
        let cpu = settled(&self.server).await?.saturating_sub(cpu);
        Ok(Cost { cpu, wall })
    }

    /// Ends every client.
    pub(crate) async fn disconnect(&mut self) -> Outcome<()> {
        self.clients.clear();
        settled(&self.server).await?;
        while self.arrivals.try_recv().is_ok() {}
        Ok(())
    }

    /// The next response that any client reads.
    pub(crate) async fn next(&mut self) -> Outcome<Arrival> {
        let next = timeout(PATIENCE, self.arrivals.recv()).await;
        let next = next.map_err(|_| "the server does not answer any more")?;
        Ok(next.ok_or("no client is left")?)
    }

    /// Responses until every client read one of a type.
    pub(crate) async fn everybody(&mut self, kind: Type) -> Outcome<Vec<Arrival>> {
        let mut missing = self.clients.len();
        let mut all = Vec::new();
        while missing > 0 {
            let arrival = self.next().await?;
            missing -= usize::from(arrival.kind == kind);
            all.push(arrival);
        }
        Ok(all)
    }

    /// Waits until the server keeps so many services on disk.
    pub(crate) async fn keeps(&self, services: usize) -> Outcome<()> {
        let path = self.folder.path().join("state/envoy.state");
        let kept = || {
            let bytes = std::fs::read(&path).ok()?;
            let read = keep::decode(&bytes.into(), "envoy").ok()?;
            Some(read.kept.snapshot.len(ResourceType::Cluster))
        };
        let written = async {
            while kept() != Some(services) {
                sleep(Duration::from_millis(100)).await;
            }
        };
        Ok(timeout(PATIENCE, written).await?)
    }

    /// How many bytes all clients read from their sockets.
    pub(crate) fn socket_bytes(&self) -> u64 {
        self.clients.iter().map(Client::socket_bytes).sum()
    }
}

/// The floor, with a daemon and clients of its own.
pub(crate) struct Floor {
    pub(crate) daemon: Daemon,
    pub(crate) server: Process,
    pub(crate) arrivals: mpsc::UnboundedReceiver<Instant>,
    pub(crate) clients: usize,
    tasks: Vec<AbortHandle>,
    _folder: TempDir,
}

impl Floor {
    /// A floor that sends messages of so many bytes to so many clients.
    pub(crate) async fn start(clients: usize, bytes: usize) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let daemon = Daemon::start(&at("lsnr.sock"), Cluster::new(100))?;
        let socket = at("floor.sock");
        let mut command = Command::new(std::env::current_exe()?);
        command.args(floor::arguments(daemon.socket(), &socket, bytes));
        let server = Process::start(&mut command, &at("floor.log"))?;
        let (teller, arrivals) = mpsc::unbounded_channel();
        let following = async {
            while daemon.followers() == 0 || !socket.exists() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, following).await?;
        let mut tasks = Vec::new();
        for _ in 0..clients {
            // An acknowledgement of endpoints by Envoy: the type, a nonce, and little else.
            tasks.push(floor::client(&socket, 76, teller.clone()).await?);
        }
        settled(&server).await?;
        Ok(Self {
            daemon,
            server,
            arrivals,
            clients,
            tasks,
            _folder: folder,
        })
    }

    /// Waits until every client read a message.
    pub(crate) async fn everybody(&mut self) -> Outcome<Vec<Instant>> {
        let mut all = Vec::new();
        while all.len() < self.clients {
            let next = timeout(PATIENCE, self.arrivals.recv()).await?;
            all.push(next.ok_or("the floor ended")?);
        }
        Ok(all)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The processor time of a process once it does nothing any more.
pub(crate) async fn settled(process: &Process) -> Outcome<Duration> {
    let mut before = process.cpu()?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        sleep(QUIET).await;
        let now = process.cpu()?;
        if now.saturating_sub(before) < Duration::from_micros(500) || Instant::now() > deadline {
            return Ok(now);
        }
        before = now;
    }
}

/// Waits until a sidecar serves the whole state.
async fn serving(socket: &std::path::Path) -> Outcome<()> {
    let watching = async {
        while !socket.exists() {
            sleep(Duration::from_millis(2)).await;
        }
        let channel = channel(socket, Count::default()).await?;
        let request = HealthCheckRequest {
            service: "envoy.service.discovery.v3.AggregatedDiscoveryService".to_owned(),
        };
        let mut answers = HealthClient::new(channel)
            .watch(request)
            .await?
            .into_inner();
        while let Some(answer) = answers.message().await? {
            if answer.status == 1 {
                return Ok(());
            }
        }
        Err("the server ended".into())
    };
    timeout(PATIENCE, watching).await?
}
