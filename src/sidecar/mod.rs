//! The gateway's control plane as one thing to start: options in, wiring, shutdown.

mod keeper;
mod options;
mod recalled;
mod report;
mod requests;
mod sockets;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tonic::service::Routes;

use crate::control;
use crate::daemon::{Daemon, DaemonV2, Link, Updates};
use crate::http;
use crate::index::{Event, Index, View};
use crate::inspect::{self, Telemetry};
use crate::keep;
use crate::snapshot::Snapshot;
use crate::validate::Context;
use crate::validate::conflict::Reserved;
use crate::xds;
use keeper::Keeper;
use recalled::Recalled;
use requests::DaemonRequests;
use sockets::UnixSocket;

pub use options::{Http, Options, State};
pub use sockets::BindError;

/// How long the first snapshot waits for secrets that are being read. Serving before they are there
/// would make an Envoy that runs already drop the listeners that need them.
const FIRST_SECRETS: Duration = Duration::from_secs(10);

/// How long the last state may take to be written when the sidecar stops.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// How often what could not be done is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Why a sidecar cannot start, or ended on its own.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The server failed.
    #[error(transparent)]
    Serve(#[from] xds::ServeError),
    /// The daemon is not followed any more, which is a defect of this program.
    #[error("the task that follows the daemon ended, which is a defect; start the sidecar again")]
    Follow,
}

/// A sidecar with its sockets bound: what connects from now on is answered once it [runs](Self::run).
#[derive(Debug)]
pub struct Sidecar {
    options: Options,
    unix: UnixSocket,
    tcp: Option<TcpListener>,
    http: Option<TcpListener>,
    views: watch::Sender<View>,
}

impl Sidecar {
    /// Binds the sockets.
    ///
    /// # Errors
    /// When one cannot be bound, or another process serves there.
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let unix = UnixSocket::bind(&options.unix_socket, options.unix_mode)?;
        let tcp = match options.tcp {
            Some(addr) => Some(sockets::bind_tcp(addr).await?),
            None => None,
        };
        let http = match options.http {
            Some(http) => bind_http(http).await?,
            None => None,
        };
        Ok(Self {
            options,
            unix,
            tcp,
            http,
            views: watch::Sender::new(View::default()),
        })
    }

    /// What the gateway thinks of every expose, as it changes.
    pub fn views(&self) -> watch::Receiver<View> {
        self.views.subscribe()
    }

    /// The TCP address that is bound, its port chosen by the system where it was 0.
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }

    /// The address of the HTTP interface, its port chosen by the system where it was 0.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http.as_ref().and_then(|http| http.local_addr().ok())
    }

    /// Follows the daemon and serves Envoy until `shutdown` completes.
    ///
    /// # Errors
    /// When the server fails for good.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let daemon = DaemonV2::new(&self.options.daemon_socket, Default::default());
        self.run_with(Arc::new(daemon), shutdown).await
    }

    /// The same, with a daemon of the caller's.
    ///
    /// # Errors
    /// When the server fails for good.
    pub async fn run_with(
        mut self,
        daemon: Arc<dyn Daemon>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), Error> {
        let (snapshots, watched) = watch::channel(None);
        let telemetry = Arc::new(Telemetry::default());
        let updates = daemon.follow();
        let transports = self.transports();
        let names = transports.iter().map(|transport| transport.name.clone());
        let sources = inspect::Sources {
            gateway: self.options.gateway.clone(),
            transports: names.collect(),
            snapshots: watched.clone(),
            views: self.views(),
            connection: updates.connection(),
            telemetry: telemetry.clone(),
        };
        let mut index = Index::new(self.index_options());
        let state = inspect::State::new(sources);
        let showing = self.http.take().map(|listener| {
            let served = http::serve(listener, state.clone(), std::future::pending());
            tokio::spawn(served)
        });
        let mut shutdown = Box::pin(shutdown);
        let opened = Keeper::open(self.options.state.take(), &self.options.gateway);
        let (keeper, loaded) = tokio::select! {
            opened = opened => opened,
            // A disk that hangs must not keep the sidecar.
            () = &mut shutdown => return Ok(()),
        };
        let recalled = loaded.map(|keep::Loaded { kept, known_at, .. }| {
            index.recall(kept.memory, &kept.snapshot);
            Recalled::new(kept.snapshot, known_at, updates.connection())
        });
        let publisher = IndexPublisher {
            snapshots,
            views: self.views.clone(),
            logged: View::default(),
            telemetry: telemetry.clone(),
            is_current: false,
            recalled,
            patience: FIRST_SECRETS,
        };
        let (stop, stopped) = oneshot::channel();
        let following = follow(index, daemon, updates, publisher, keeper, stopped);
        let mut following = tokio::spawn(following);
        let options = xds::Options {
            identifier: "gw".into(),
            grace: self.options.grace,
            observer: Arc::new((telemetry, xds::Log::default())),
        };
        // What may be asked there is nobody's business who cannot open the socket.
        let control = move |transport: &xds::Transport| match transport.listener {
            xds::Listener::Unix(_) => Routes::new(control::service(state.clone())),
            xds::Listener::Tcp(_) => Routes::default(),
        };
        let serving = xds::serve_beside(control, transports, watched, options, shutdown);
        let served = tokio::select! {
            served = serving => served.map_err(Error::from),
            // Served on, Envoy would get a state that grows old without anybody being told.
            _ = &mut following => Err(Error::Follow),
        };
        drop(stop);
        if tokio::time::timeout(LAST_WRITE, &mut following)
            .await
            .is_err()
        {
            following.abort();
        }
        if let Some(showing) = showing {
            showing.abort();
        }
        served
    }

    fn transports(&mut self) -> Vec<xds::Transport> {
        let unix = self.unix.take().map(|listener| xds::Transport {
            name: self.options.unix_socket.display().to_string().into(),
            listener: xds::Listener::Unix(listener),
            confidential: true,
        });
        let tcp = self.tcp.take().map(|listener| xds::Transport {
            name: "tcp".into(),
            listener: xds::Listener::Tcp(listener),
            confidential: self.options.tcp_serves_keys,
        });
        unix.into_iter().chain(tcp).collect()
    }

    fn index_options(&self) -> crate::index::Options {
        let admin = Reserved {
            addr: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: self.options.envoy_admin_port,
            what: "Envoy's admin interface".into(),
        };
        let xds = self.tcp_addr().map(|addr| Reserved {
            addr: addr.ip(),
            port: addr.port(),
            what: "the xDS server".into(),
        });
        let http = self.http_addr().map(|addr| Reserved {
            addr: addr.ip(),
            port: addr.port(),
            what: "the gateway's HTTP interface".into(),
        });
        crate::index::Options {
            gateway: self.options.gateway.clone(),
            ports: self.options.port_range.clone(),
            reserved: [admin].into_iter().chain(xds).chain(http).collect(),
        }
    }
}

/// Feeds the index, and publishes what comes of it.
async fn follow(
    mut index: Index,
    daemon: Arc<dyn Daemon>,
    mut updates: Updates,
    mut publisher: IndexPublisher,
    mut keeper: Keeper,
    mut stopped: oneshot::Receiver<()>,
) {
    let (requests, mut answers) = DaemonRequests::start(daemon);
    let mut retry = interval(RETRY);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut first_deadline = None;
    loop {
        let event = tokio::select! {
            update = updates.next() => match update {
                Some(update) => Event::Daemon(update),
                None => return,
            },
            Some(answer) = answers.recv() => answer,
            _ = retry.tick() => {
                let following = matches!(updates.connection().borrow().link, Link::Following { .. });
                if publisher.is_current && following {
                    keeper.confirm(&index);
                }
                Event::Retry
            }
            () = until(first_deadline) => {
                tracing::warn!("serving without the secrets that the daemon has not told yet");
                first_deadline = None;
                let changed = publisher.publish(&index, Instant::now());
                keeper.follow(&index, changed);
                publisher.tell(index.view());
                report::log_summary(index.view());
                continue;
            }
            () = publisher.recalled_due() => {
                publisher.publish_recalled(&index);
                continue;
            }
            () = keeper.wait() => {
                keeper.proceed(&index);
                continue;
            }
            _ = &mut stopped => {
                if publisher.is_current {
                    keeper.finish(&index).await;
                }
                return;
            }
        };
        let since = Instant::now();
        let context = Context {
            now: Some(SystemTime::now()),
        };
        for request in index.apply(event, &context) {
            requests.send(request);
        }
        if !index.is_known() {
            continue;
        }
        publisher.tell(index.view());
        let is_first = !publisher.is_current;
        if !is_first || index.is_settled() {
            first_deadline = None;
            // The first time, the file may hold what it should not, or lack what it may hold now.
            let changed = publisher.publish(&index, since) || is_first;
            keeper.follow(&index, changed);
        } else if first_deadline.is_none() {
            first_deadline = Some(Instant::now() + publisher.patience);
        }
        if is_first && publisher.is_current {
            report::log_summary(index.view());
        }
    }
}

/// Where what comes of the index goes.
struct IndexPublisher {
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    views: watch::Sender<View>,
    /// What the log told of.
    logged: View,
    telemetry: Arc<Telemetry>,
    /// Whether what is published is what the daemon says, and not what was kept.
    is_current: bool,
    /// What was kept and is not published.
    recalled: Option<Recalled>,
    /// How long the first snapshot waits for secrets.
    patience: Duration,
}

impl IndexPublisher {
    /// Completes when what was kept is to be published; never where there is nothing.
    async fn recalled_due(&mut self) {
        match &mut self.recalled {
            Some(recalled) => recalled.due().await,
            None => std::future::pending().await,
        }
    }

    /// Tells people and the log what the daemon's state comes to.
    fn tell(&mut self, view: &View) {
        // Endpoints come and go without a word.
        if !self.views.borrow().is_same(view) {
            self.views.send_replace(view.clone());
            let old = std::mem::replace(&mut self.logged, view.clone());
            report::log_changes(&old, view);
        }
    }

    /// Publishes what was served before this sidecar started, and was recalled by the index.
    fn publish_recalled(&mut self, index: &Index) {
        let Some(Recalled {
            snapshot, known_at, ..
        }) = self.recalled.take()
        else {
            return;
        };
        let age = keeper::age(known_at);
        tracing::info!("serving the last known good, {age} old, until the daemon's state is known");
        self.telemetry
            .publishing(&snapshot, std::time::Instant::now());
        self.telemetry.serving_since(Some(known_at));
        self.views.send_replace(index.recalled_view(&snapshot));
        self.snapshots.send_replace(Some(Arc::new(snapshot)));
    }

    /// Publishes the index's snapshot where it differs from the one that is published; `since` is
    /// when that began which made it differ. Returns whether it did.
    fn publish(&mut self, index: &Index, since: Instant) -> bool {
        self.recalled = None;
        let new = index.snapshot();
        let old = self.snapshots.borrow().clone();
        let same = old.is_some_and(|old| old.is_same(new));
        // Of what was kept, not everything may be known.
        let is_first = !std::mem::replace(&mut self.is_current, true);
        if is_first {
            self.telemetry.serving_since(None);
        }
        if !same || is_first {
            let new = match &*self.snapshots.borrow() {
                // What was recalled shares nothing with the index's, and need not be held beside it.
                Some(old) if !is_first => new.clone().in_place_of(old),
                _ => new.clone(),
            };
            self.telemetry.publishing(&new, since.into_std());
            self.snapshots.send_replace(Some(Arc::new(new)));
        }
        !same
    }
}

/// Binds the socket of the HTTP interface. What Envoy is served does not depend on it, so where it is
/// not required a socket that is taken is only a warning: another gateway of this host may have it.
async fn bind_http(http: Http) -> Result<Option<TcpListener>, BindError> {
    match sockets::bind_tcp(http.addr).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if http.required => Err(error),
        Err(error) => {
            tracing::warn!("no dashboard and no metrics: {error}; choose an address with --http");
            Ok(None)
        }
    }
}

/// Completes at a deadline; never where there is none.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
