//! From what happens in the daemon to what Envoy should have, at the cost of what changed.
//!
//! [`Index::apply`] takes one [`Event`] after the other and keeps three things current: a
//! [`Snapshot`] for Envoy, a [`View`] for people, and the list of things to ask of the daemon.
//! It does no I/O and starts no task, so it is tested by feeding it events.
//!
//! An expose is the unit of everything: it is accepted or refused as a whole, keeps its last good
//! version when a newer one is refused, owns its seats on a socket until it leaves them, and is
//! what every finding is about. Endpoints take a way of their own: a change of them touches one
//! load assignment and nothing else.

mod admission;
mod gathered;
mod idle;
mod intake;
mod logical;
mod memory;
mod placement;
mod ports;
mod publish;
mod report;
mod secrets;
mod shared;
mod slot;
mod slots;
mod spare;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::ops::RangeInclusive;
use std::sync::Arc;

use foldhash::HashMap;
use imbl::OrdMap;

use crate::daemon::Update;
use crate::model::{Expose, ExposeId, ObjectPath, Report, Socket};
use crate::snapshot::Snapshot;
use crate::translate::RequiredSecret;
use crate::validate::Context;
use crate::validate::conflict::{Occupancy, Reserved};
use gathered::Gathered;
use logical::Services;
use ports::Ports;
use publish::Publication;
use secrets::Secrets;
use slots::Slots;

pub use logical::exposed;
pub use memory::{ChosenPort, Incumbent, Memory};
pub use view::{ExposeView, Serving, Values, View};

/// What makes one gateway differ from another.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its name: exposes of other gateways are not its business.
    pub gateway: String,
    /// Where listener ports are chosen from.
    pub ports: RangeInclusive<u16>,
    /// The sockets that it needs for itself.
    pub reserved: Vec<Reserved>,
}

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// In the daemon.
    Daemon(Update),
    /// A [`Request::Read`] was answered: with the keys that the secret has, or why there are none.
    SecretRead(ReadSecret, Result<SecretContent, String>),
    /// A [`Request::Store`] was answered.
    PortStored(StorePort, Result<(), String>),
    /// Time has passed: what could not be done may be tried again.
    Retry,
}

/// Something to ask of the daemon; the answer is an [`Event`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Read a secret.
    Read(ReadSecret),
    /// Write a chosen listener port into the configuration.
    Store(StorePort),
}

/// A secret to read, in the revision that the daemon told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadSecret {
    /// The secret, and what it is for.
    pub secret: RequiredSecret,
    /// The daemon's text for the revision.
    pub revision: String,
}

impl ReadSecret {
    /// The keys to read; each may be missing.
    pub fn keys(&self) -> &'static [&'static str] {
        secrets::keys(self.secret.usage)
    }
}

/// The keys and values of a secret.
pub type SecretContent = BTreeMap<String, String>;

/// A listener port that the gateway chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorePort {
    /// The expose that asked for it.
    pub expose: ExposeId,
    /// The services that carry the expose: the service, or a scaler and its slaves.
    pub services: Vec<ObjectPath>,
    /// The port.
    pub port: u16,
}

/// The state of one gateway.
#[derive(Debug)]
pub struct Index {
    gateway: String,
    services: Services,
    reports: HashMap<ObjectPath, Report>,
    slots: Slots,
    occupancy: Occupancy,
    queues: BTreeMap<Socket, BTreeSet<ExposeId>>,
    ports: Ports,
    /// The exposes that leave their port to the gateway, as the configuration has them.
    portless: BTreeMap<ExposeId, Expose>,
    unstored: BTreeMap<ExposeId, String>,
    secrets: Secrets,
    publication: Publication,
    admitted: u64,
    /// What Envoy has of each expose, for the next run.
    incumbents: OrdMap<ExposeId, Incumbent>,
    recalled: BTreeMap<ExposeId, u64>,
    /// As an earlier run served them, until the daemon's state is known.
    last_good: BTreeMap<ExposeId, Arc<Expose>>,
    view: View,
    known: bool,
    /// Whether it was known when something was tried again before.
    is_steady: bool,
}

impl Index {
    /// An index that knows nothing yet.
    pub fn new(options: Options) -> Self {
        Self {
            gateway: options.gateway,
            services: Services::default(),
            reports: HashMap::default(),
            slots: Slots::default(),
            occupancy: Occupancy::new(options.reserved),
            queues: BTreeMap::new(),
            ports: Ports::new(options.ports),
            portless: BTreeMap::new(),
            unstored: BTreeMap::new(),
            secrets: Secrets::default(),
            publication: Publication::default(),
            admitted: 0,
            incumbents: OrdMap::new(),
            recalled: BTreeMap::new(),
            last_good: BTreeMap::new(),
            view: View::default(),
            known: false,
            is_steady: false,
        }
    }

    /// What Envoy should have. Cheap to clone.
    pub fn snapshot(&self) -> &Snapshot {
        self.publication.snapshot()
    }

    /// What there is to tell people. Cheap to clone.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Whether the daemon's whole state is known. Before that the snapshot must not be used: an
    /// Envoy would take it for "remove everything".
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Whether no secret is being read: a snapshot taken now lacks nothing that is about to come.
    pub fn is_settled(&self) -> bool {
        self.known && self.secrets.settled()
    }

    /// Takes an event into account. Returns what to ask of the daemon.
    pub fn apply(&mut self, event: Event, context: &Context) -> Vec<Request> {
        let mut work = Work::default();
        match event {
            Event::Daemon(update) => self.take_update(update, context, &mut work),
            Event::SecretRead(reading, content) => {
                let snapshot = self.publication.snapshot_mut();
                work.admit
                    .extend(self.secrets.read(&reading, content, snapshot));
            }
            Event::PortStored(store, outcome) => {
                match outcome {
                    Ok(()) => self.unstored.remove(&store.expose),
                    Err(why) => self.unstored.insert(store.expose.clone(), why),
                };
                work.report.insert(store.expose.service);
            }
            Event::Retry => {
                // A daemon that starts may tell of a service late.
                if self.known && mem::replace(&mut self.is_steady, true) {
                    self.forget_gone();
                }
                let unstored = self.unstored.keys();
                let again = unstored.filter_map(|id| self.store_request(id));
                work.requests.extend(again.map(Request::Store));
                let again = self.secrets.again().into_iter();
                work.requests.extend(again.map(Request::Read));
                work.is_freed = true;
            }
        }
        self.admit(&mut work);
        if mem::take(&mut work.is_freed) {
            self.choose_again(&mut work);
            self.admit(&mut work);
        }
        let told = work.report.take();
        work.endpoints.extend(told.iter().cloned());
        let mut told = told.iter().peekable();
        for owner in work.endpoints.take() {
            self.refresh_endpoints(&owner);
            // Now, while what is known of the service is near.
            if told.next_if(|told| **told == owner).is_some() {
                self.refresh_report(&owner);
            }
        }
        self.publication.assemble();
        if self.known {
            self.last_good.clear();
            self.secrets.forget_last_good();
        }
        work.requests
    }
}

/// What one event leaves to do, gathered while it is taken in.
#[derive(Debug, Default)]
struct Work {
    /// Exposes that may have to move: they ask for something else, or for what may be free now.
    admit: Gathered<ExposeId>,
    /// Logical services whose endpoints may differ.
    endpoints: Gathered<ObjectPath>,
    /// Logical services of which there may be something else to tell.
    report: Gathered<ObjectPath>,
    /// Whether a port may be free that was not before.
    is_freed: bool,
    /// What to ask of the daemon.
    requests: Vec<Request>,
}
