//! What Envoy has, read back from the snapshot in the words in which people ask about it.
//!
//! Everything here comes from the encoded resources themselves, so what is shown, and what an
//! [explanation](super::explain) follows, is what Envoy was sent and not what somebody meant.
//! Private keys are never decoded into anything.

mod certificate;
mod cluster;
mod listener;
mod owners;
mod routes;

use std::sync::Arc;

use imbl::OrdMap;

pub use certificate::{Anchor, Certificate, Leaf, Secret, SecretKind, owner};
pub use cluster::{Cluster, Endpoint};
pub use listener::{Chain, Listener, Next, Termination};
pub use owners::Owners;
pub use routes::{Action, PathKind, Route, RouteTable, VirtualHost};

use crate::envoy::{Resource, ResourceType};
use crate::snapshot::{Change, Snapshot};

type Table<T> = OrdMap<Arc<str>, Arc<T>>;

/// The resources of a snapshot, decoded. Cheap to clone; following a newer snapshot costs what
/// differs.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    snapshot: Snapshot,
    /// The listeners, by name.
    pub listeners: Table<Listener>,
    /// The route configurations, by name.
    pub routes: Table<RouteTable>,
    /// The clusters, by name.
    pub clusters: Table<Cluster>,
    /// The endpoints of clusters, by the cluster's name.
    pub endpoints: Table<Vec<Endpoint>>,
    /// Certificates and trust anchors, by name.
    pub secrets: Table<Secret>,
}

impl Catalog {
    /// The resources of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut catalog = Self::default();
        catalog.follow(snapshot);
        catalog
    }

    /// The snapshot that it was read from.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Brings everything up to a newer snapshot.
    pub fn follow(&mut self, snapshot: &Snapshot) {
        let old = std::mem::replace(&mut self.snapshot, snapshot.clone());
        for kind in ResourceType::ALL {
            for change in snapshot.changes(&old, kind) {
                match kind {
                    ResourceType::Listener => apply(&mut self.listeners, change, Listener::read),
                    ResourceType::Routes => apply(&mut self.routes, change, RouteTable::read),
                    ResourceType::Cluster => apply(&mut self.clusters, change, Cluster::read),
                    ResourceType::Endpoints => {
                        apply(&mut self.endpoints, change, cluster::endpoints)
                    }
                    ResourceType::Secret => apply(&mut self.secrets, change, Secret::read),
                }
            }
        }
    }

    /// The endpoints of a cluster; none where it has none.
    pub fn endpoints_of(&self, cluster: &str) -> &[Endpoint] {
        self.endpoints
            .get(cluster)
            .map_or(&[], |endpoints| endpoints)
    }
}

/// Puts or removes one resource. One whose content is not known is left out; and one that cannot be read,
/// which only a bug can cause: this crate wrote it.
fn apply<T>(table: &mut Table<T>, change: Change<'_>, read: impl Fn(&Resource) -> Option<T>) {
    match change {
        Change::Put(resource) => match Some(&**resource).filter(|r| r.is_known()).and_then(read) {
            Some(value) => table.insert(resource.name.clone(), Arc::new(value)),
            None => table.remove(&resource.name),
        },
        Change::Removed(name) => table.remove(name),
    };
}
