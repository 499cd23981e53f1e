//! Clusters that a client does not surely have yet.
//!
//! A listener or route that names such a cluster waits, so that no request meets a cluster that Envoy
//! does not know ("make before break", in "Eventual consistency considerations" of Envoy's xDS
//! protocol description). A cluster is there for good once the client acknowledged it and its
//! endpoints were sent.

use std::sync::Arc;
use std::time::Instant;

use foldhash::HashMap;

use super::ledger::{Has, Sequence};
use super::{FALLBACK, SETTLE};
use crate::envoy::{Reference, Resource, ResourceType};

/// Whether something may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Yes.
    Open,
    /// Not before this moment, unless something happens.
    Until(Instant),
    /// Not before something happens.
    Shut,
}

impl Gate {
    /// Both must be open.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Shut, _) | (_, Self::Shut) => Self::Shut,
            (Self::Until(a), Self::Until(b)) => Self::Until(a.max(b)),
            (Self::Until(at), Self::Open) | (Self::Open, Self::Until(at)) => Self::Until(at),
            (Self::Open, Self::Open) => Self::Open,
        }
    }
}

#[derive(Debug)]
struct Newcomer {
    /// The response that brought it; what the client says of older ones is not about this.
    sequence: Sequence,
    sent_at: Instant,
    accepted_at: Option<Instant>,
    /// How many assignments of endpoints it waits for.
    owed: usize,
}

/// The clusters that a client does not surely have, and the endpoints due to it.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    clusters: HashMap<Arc<str>, Newcomer>,
    /// Assignments of endpoints that must be sent because their cluster was, with that cluster.
    owed: HashMap<Arc<str>, Arc<str>>,
}

impl Newcomers {
    /// A cluster was sent to a client that had something else, or nothing, or the very same. Its
    /// endpoints are due.
    pub(super) fn sent_cluster(
        &mut self,
        cluster: &Resource,
        had: &Has,
        sequence: Sequence,
        now: Instant,
    ) {
        let mut owed = 0;
        for endpoints in endpoints(&cluster.references) {
            owed += 1;
            self.owed.insert(endpoints.clone(), cluster.name.clone());
        }
        let is_new = had.is_nothing() || self.clusters.contains_key(&cluster.name);
        if is_new && !had.is(cluster) {
            let newcomer = Newcomer {
                sequence,
                sent_at: now,
                accepted_at: None,
                owed,
            };
            self.clusters.insert(cluster.name.clone(), newcomer);
        }
    }

    /// Endpoints were sent.
    pub(super) fn sent_endpoints(&mut self, name: &str) {
        let Some(cluster) = self.owed.remove(name) else {
            return;
        };
        if let Some(newcomer) = self.clusters.get_mut(&cluster) {
            newcomer.owed = newcomer.owed.saturating_sub(1);
            if newcomer.is_settled() {
                self.clusters.remove(&cluster);
            }
        }
    }

    /// Whether endpoints are due because their cluster was sent.
    pub(super) fn owes(&self, name: &str) -> bool {
        self.owed.contains_key(name)
    }

    /// The name of endpoints that are due, to be shared.
    pub(super) fn owed(&self, name: &str) -> Option<&Arc<str>> {
        self.owed.get_key_value(name).map(|(name, _)| name)
    }

    /// The client has a cluster.
    pub(super) fn accepted(&mut self, cluster: &str, sequence: Sequence, now: Instant) {
        if let Some(newcomer) = self.newcomer(cluster, sequence) {
            newcomer.accepted_at = Some(now);
            if newcomer.is_settled() {
                self.clusters.remove(cluster);
            }
        }
    }

    /// The client refused a cluster, which it did not have before: it is none that was sent, and no
    /// endpoints are due to it.
    pub(super) fn refused(&mut self, cluster: &Resource, sequence: Sequence) {
        if self.newcomer(&cluster.name, sequence).is_some() {
            self.removed(&cluster.name, Some(cluster));
        }
    }

    /// A cluster was removed.
    pub(super) fn removed(&mut self, cluster: &str, had: Option<&Resource>) {
        self.clusters.remove(cluster);
        for endpoints in had.into_iter().flat_map(|had| endpoints(&had.references)) {
            self.owed.remove(endpoints);
        }
    }

    /// A newcomer that a response is about.
    fn newcomer(&mut self, cluster: &str, sequence: Sequence) -> Option<&mut Newcomer> {
        let newcomer = self.clusters.get_mut(cluster)?;
        (newcomer.sequence <= sequence).then_some(newcomer)
    }

    /// Whether a resource may be sent, as far as the clusters sent are concerned.
    ///
    /// A client that takes no endpoints from this stream (`endpoints_wanted`) is given the moment it
    /// may need to ask for them.
    pub(super) fn gate(&self, resource: &Resource, endpoints_wanted: bool, now: Instant) -> Gate {
        let gate = |n: &Newcomer| n.gate(endpoints_wanted, now);
        // Whichever is shorter is walked: a big route configuration and one new cluster are common.
        if self.clusters.len() < resource.references.len() {
            self.clusters
                .iter()
                .filter(|(name, _)| resource.references(ResourceType::Cluster, name))
                .fold(Gate::Open, |all, (_, newcomer)| all.and(gate(newcomer)))
        } else {
            clusters(&resource.references)
                .filter_map(|name| self.clusters.get(name))
                .fold(Gate::Open, |all, newcomer| all.and(gate(newcomer)))
        }
    }
}

impl Newcomer {
    /// Whether nothing need wait for it any more.
    fn is_settled(&self) -> bool {
        self.accepted_at.is_some() && self.owed == 0
    }

    fn gate(&self, endpoints_wanted: bool, now: Instant) -> Gate {
        let given_up_at = self.sent_at + FALLBACK;
        let until = match self.accepted_at {
            Some(_) if self.owed == 0 => return Gate::Open,
            Some(at) if !endpoints_wanted => given_up_at.min(at + SETTLE),
            _ => given_up_at,
        };
        if now < until {
            Gate::Until(until)
        } else {
            Gate::Open
        }
    }
}

/// The names of the assignments of endpoints among some references.
pub(super) fn endpoints(references: &[Reference]) -> impl Iterator<Item = &Arc<str>> {
    of_kind(references, ResourceType::Endpoints)
}

/// The names of the clusters among some references.
pub(super) fn clusters(references: &[Reference]) -> impl Iterator<Item = &Arc<str>> {
    of_kind(references, ResourceType::Cluster)
}

fn of_kind(references: &[Reference], kind: ResourceType) -> impl Iterator<Item = &Arc<str>> {
    let ours = references.iter().filter(move |r| r.kind == kind);
    ours.map(|reference| &reference.name)
}
