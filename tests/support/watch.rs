//! A gateway without Envoy: follows a daemon's socket and keeps an index.

use std::path::Path;
use std::time::Duration;

use igw_envoy::daemon::{Assignment, Daemon, DaemonV2, Update, Updates};
use igw_envoy::index::{Event, Index, Options, Request};
use igw_envoy::model::ObjectPath;
use igw_envoy::validate::Context;
use igw_envoy::validate::conflict::Reserved;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The options of a gateway named `envoy`.
pub(crate) fn options() -> Options {
    let reserved = |addr: &str, port, what: &str| Reserved {
        addr: addr.parse().unwrap(),
        port,
        what: what.into(),
    };
    Options {
        gateway: "envoy".into(),
        ports: 30000..=30009,
        reserved: vec![
            reserved("0.0.0.0", 9901, "Envoy's admin interface"),
            reserved("127.0.0.1", 50051, "the xDS server"),
        ],
    }
}

/// An index that is kept current.
pub(crate) struct Watch {
    daemon: DaemonV2,
    updates: Updates,
    pub(crate) index: Index,
    stored: usize,
}

impl Watch {
    /// Follows the daemon behind a socket, until its whole state is known.
    pub(crate) async fn start(socket: &Path) -> Self {
        let daemon = DaemonV2::new(socket, Default::default());
        let mut watch = Self {
            updates: daemon.follow(),
            daemon,
            index: Index::new(options()),
            stored: 0,
        };
        while !watch.index.is_settled() {
            watch.step().await;
        }
        watch
    }

    /// What a gateway makes of a daemon that has come to rest.
    pub(crate) async fn read(socket: &Path) -> Index {
        loop {
            let watch = Self::start(socket).await;
            if watch.stored == 0 {
                return watch.index;
            }
        }
    }

    /// Follows until the daemon tells of a service.
    pub(crate) async fn until(&mut self, service: &ObjectPath) {
        while !self.step().await.contains(service) {}
    }

    /// Takes one update, and answers what the index asks. Returns the services that it tells of.
    async fn step(&mut self) -> Vec<ObjectPath> {
        let update = tokio::time::timeout(PATIENCE, self.updates.next()).await;
        let update = update.expect("the daemon speaks").expect("and lives");
        let told = match &update {
            Update::Reset { services, .. } => services.keys().cloned().collect(),
            Update::Patch { services, .. } => services.iter().map(|(p, _)| p.clone()).collect(),
        };
        let mut requests = self.apply(Event::Daemon(update));
        while let Some(request) = requests.pop() {
            let answer = self.ask(request).await;
            requests.extend(self.apply(answer));
        }
        told
    }

    fn apply(&mut self, event: Event) -> Vec<Request> {
        self.index.apply(event, &Context::default())
    }

    async fn ask(&mut self, request: Request) -> Event {
        match request {
            Request::Read(read) => {
                let mut content = Ok(std::collections::BTreeMap::new());
                for key in read.keys() {
                    match (
                        self.daemon.secret_key(&read.secret.path, key).await,
                        &mut content,
                    ) {
                        (Ok(Some(value)), Ok(content)) => {
                            content.insert((*key).to_owned(), value);
                        }
                        (Err(error), _) => content = Err(error.to_string()),
                        _ => {}
                    }
                }
                Event::SecretRead(read, content)
            }
            Request::Store(store) => {
                let port = Assignment {
                    section: store.expose.section.clone(),
                    keyword: "listener_port".into(),
                    value: store.port.to_string(),
                };
                let mut outcome = Ok(());
                for service in &store.services {
                    let set = self.daemon.set(service, std::slice::from_ref(&port)).await;
                    outcome = outcome.and(set.map_err(|error| error.to_string()));
                }
                self.stored += usize::from(outcome.is_ok());
                Event::PortStored(store, outcome)
            }
        }
    }
}
