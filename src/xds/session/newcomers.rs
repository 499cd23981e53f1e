//! Clusters that a client does not surely have yet.
//!
//! A listener or route that names such a cluster waits, so that no request meets a cluster that Envoy
//! does not know ("make before break", in "Eventual consistency considerations" of Envoy's xDS
//! protocol description). A cluster is there for good once the client acknowledged it and its
//! endpoints were sent.

use std::collections::hash_map;
use std::sync::Arc;
use std::time::Instant;

use foldhash::HashMap;

use super::batch::Batch;
use super::cohort::Cohort;
use super::flight::{Flight, Item, Sequence};
use super::has::Has;
use super::{FALLBACK, SETTLE};
use crate::envoy::{References, Resource, ResourceType};

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

/// A cluster that the client does not surely have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newcomer {
    /// The response that brought it; what the client says of older ones is not about this.
    pub(super) sequence: Sequence,
    pub(super) sent_at: Instant,
    pub(super) accepted_at: Option<Instant>,
    /// How many assignments of endpoints it waits for.
    pub(super) owed: usize,
}

/// What there is to say of a name.
#[derive(Debug, Default)]
struct Entry {
    /// The cluster of this name, if the client does not surely have it.
    newcomer: Option<Newcomer>,
    /// The cluster that was sent, because of which the endpoints of this name must be sent.
    owed_to: Option<Arc<str>>,
}

impl Entry {
    fn sent_endpoints(&mut self) {
        if let Some(newcomer) = &mut self.newcomer {
            newcomer.owed = newcomer.owed.saturating_sub(1);
        }
    }
}

/// The clusters that a client does not surely have, and the endpoints due to it. A cluster and its endpoints
/// have one name, as a rule, so both are in one table; those that came at once are kept together, as long
/// as there is the same to say of them.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    entries: HashMap<Arc<str>, Entry>,
    /// No two have a cluster in common, nor is one of theirs among the entries.
    cohorts: Vec<Cohort>,
}

impl Newcomers {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.cohorts.is_empty()
    }

    /// A batch of clusters was sent to a client that had none of them.
    pub(super) fn sent_batch(&mut self, batch: &Arc<Batch>, sequence: Sequence, now: Instant) {
        let is_apart = self.entries.is_empty() && !self.cohorts.iter().any(|c| c.overlaps(batch));
        match Cohort::of(batch, sequence, now).filter(|_| is_apart) {
            Some(cohort) => self.cohorts.push(cohort),
            None => {
                let clusters = batch.resources.iter();
                clusters
                    .for_each(|cluster| self.sent_cluster(cluster, &Has::Nothing, sequence, now));
            }
        }
    }

    /// A batch of endpoints was sent.
    pub(super) fn sent_endpoints_batch(&mut self, batch: &Batch) {
        for cohort in &mut self.cohorts {
            cohort.sent_all_endpoints(batch);
        }
        self.cohorts.retain(|cohort| !cohort.is_settled());
        if !self.entries.is_empty() {
            batch
                .items
                .iter()
                .for_each(|item| self.sent_endpoints(&item.name));
        }
    }

    /// The client has the clusters of a response.
    pub(super) fn accepted_all(&mut self, flight: &Flight, now: Instant) {
        let cohort = self
            .cohorts
            .iter()
            .position(|c| c.sequence == flight.sequence);
        if let Some(cohort) = cohort.and_then(|at| self.cohorts.get_mut(at)) {
            cohort.accepted_at = Some(now);
            self.cohorts.retain(|cohort| !cohort.is_settled());
            return;
        }
        for item in &*flight.items {
            self.took(item, flight.sequence, now);
        }
    }

    /// The client did with a cluster what a response says.
    pub(super) fn took(&mut self, item: &Item, sequence: Sequence, now: Instant) {
        match item.sent {
            Has::Nothing => self.lacks(&item.name, item.had.resource(), sequence),
            _ => self.accepted(&item.name, sequence, now),
        }
    }

    /// From now on, there is something else to say of one in a cohort than of the others.
    fn dissolve(&mut self, name: &str) {
        let Some(at) = self.cohorts.iter().position(|cohort| cohort.contains(name)) else {
            return;
        };
        for (name, newcomer, is_owed) in self.cohorts.swap_remove(at).dissolve() {
            if !newcomer.is_settled() {
                let entry = Entry {
                    newcomer: Some(newcomer),
                    owed_to: is_owed.then(|| name.clone()),
                };
                self.entries.insert(name.clone(), entry);
            }
        }
    }

    /// A cluster was sent to a client that had something else, or nothing, or the very same. Its
    /// endpoints are due.
    pub(super) fn sent_cluster(
        &mut self,
        cluster: &Resource,
        had: &Has,
        sequence: Sequence,
        now: Instant,
    ) {
        self.dissolve(&cluster.name);
        let mut owed = 0;
        for endpoints in endpoints(&cluster.references) {
            owed += 1;
            self.dissolve(endpoints);
            let entry = self.entries.entry(endpoints.clone()).or_default();
            entry.owed_to = Some(cluster.name.clone());
        }
        if had.is(cluster) {
            return;
        }
        let newcomer = Newcomer {
            sequence,
            sent_at: now,
            accepted_at: None,
            owed,
        };
        if had.is_nothing() {
            let entry = self.entries.entry(cluster.name.clone()).or_default();
            entry.newcomer = Some(newcomer);
        } else if let Some(known) = self.newcomer_mut(&cluster.name) {
            // Nobody waits longer because it changes while the client says nothing.
            *known = Newcomer {
                sent_at: known.sent_at,
                ..newcomer
            };
        }
    }

    /// Endpoints were sent.
    pub(super) fn sent_endpoints(&mut self, name: &Arc<str>) {
        if self
            .cohorts
            .iter_mut()
            .any(|cohort| cohort.sent_endpoints(name))
        {
            self.cohorts.retain(|cohort| !cohort.is_settled());
            return;
        }
        let mut other = None;
        self.change(name, |entry| match entry.owed_to.take() {
            Some(cluster) if cluster == *name => entry.sent_endpoints(),
            cluster => other = cluster,
        });
        if let Some(cluster) = other {
            self.change(&cluster, Entry::sent_endpoints);
        }
    }

    /// Whether endpoints are due because their cluster was sent.
    pub(super) fn owes(&self, name: &str) -> bool {
        self.owed(name).is_some()
    }

    /// The name of endpoints that are due, to be shared.
    pub(super) fn owed(&self, name: &str) -> Option<&Arc<str>> {
        let in_cohort = || self.cohorts.iter().find_map(|cohort| cohort.owed(name));
        let entry = self.entries.get_key_value(name);
        let owed = entry.filter(|(_, entry)| entry.owed_to.is_some());
        owed.map(|(name, _)| name).or_else(in_cohort)
    }

    /// The client has a cluster.
    pub(super) fn accepted(&mut self, cluster: &Arc<str>, sequence: Sequence, now: Instant) {
        self.change(cluster, |entry| {
            let newcomer = entry.newcomer.as_mut();
            if let Some(newcomer) = newcomer.filter(|newcomer| newcomer.sequence <= sequence) {
                newcomer.accepted_at = Some(now);
            }
        });
    }

    /// The client says that it does not have a cluster, as it refused it or took its removal: no endpoints are
    /// due to it. A removal that was only sent may be refused, and what there was to wait for is waited for.
    pub(super) fn lacks(
        &mut self,
        cluster: &Arc<str>,
        was: Option<&Arc<Resource>>,
        sequence: Sequence,
    ) {
        let newcomer = self.newcomer_mut(cluster);
        if newcomer.is_some_and(|newcomer| newcomer.sequence > sequence) {
            return;
        }
        self.change(cluster, |entry| entry.newcomer = None);
        for endpoints in was.into_iter().flat_map(|was| endpoints(&was.references)) {
            self.change(endpoints, |entry| entry.owed_to = None);
        }
    }

    /// Changes what there is to say of a name, which may be nothing more.
    fn change(&mut self, name: &Arc<str>, change: impl FnOnce(&mut Entry)) {
        self.dissolve(name);
        if self.entries.is_empty() {
            return;
        }
        if let hash_map::Entry::Occupied(mut known) = self.entries.entry(name.clone()) {
            let entry = known.get_mut();
            change(entry);
            entry.newcomer.take_if(|newcomer| newcomer.is_settled());
            if entry.newcomer.is_none() && entry.owed_to.is_none() {
                known.remove();
            }
        }
        if self.entries.is_empty() {
            // All is settled, and thousands may have been: the room for them is given back.
            self.entries = HashMap::default();
        }
    }

    fn newcomer_mut(&mut self, cluster: &str) -> Option<&mut Newcomer> {
        self.dissolve(cluster);
        self.entries.get_mut(cluster)?.newcomer.as_mut()
    }

    /// Whether what names clusters may be sent, whichever these are; `None` where that depends on which.
    pub(super) fn gate_of_all(&self, endpoints_wanted: bool, now: Instant) -> Option<Gate> {
        let gates = self
            .cohorts
            .iter()
            .map(|c| c.last().gate(endpoints_wanted, now));
        let is_one = self.entries.is_empty();
        is_one.then(|| gates.fold(Gate::Open, Gate::and))
    }

    /// Whether a resource may be sent, as far as the clusters sent are concerned.
    ///
    /// A client that takes no endpoints from this stream (`endpoints_wanted`) is given the moment it
    /// may need to ask for them.
    pub(super) fn gate(&self, resource: &Resource, endpoints_wanted: bool, now: Instant) -> Gate {
        let gate = |n: &Newcomer| n.gate(endpoints_wanted, now);
        let in_cohorts = self
            .cohorts
            .iter()
            .flat_map(|cohort| clusters(&resource.references).filter_map(|name| cohort.get(name)));
        let in_cohorts = in_cohorts.fold(Gate::Open, |all, newcomer| all.and(gate(&newcomer)));
        // Whichever is shorter is walked: a big route configuration and one new cluster are common.
        let others = if self.entries.len() < resource.references.len() {
            let newcomers = self.entries.iter();
            newcomers
                .filter_map(|(name, entry)| Some((name, entry.newcomer.as_ref()?)))
                .filter(|(name, _)| resource.references(ResourceType::Cluster, name))
                .fold(Gate::Open, |all, (_, newcomer)| all.and(gate(newcomer)))
        } else {
            clusters(&resource.references)
                .filter_map(|name| self.entries.get(name)?.newcomer.as_ref())
                .fold(Gate::Open, |all, newcomer| all.and(gate(newcomer)))
        };
        in_cohorts.and(others)
    }
}

impl Newcomer {
    /// Whether nothing need wait for it any more.
    pub(super) fn is_settled(&self) -> bool {
        self.accepted_at.is_some() && self.owed == 0
    }

    pub(super) fn gate(&self, endpoints_wanted: bool, now: Instant) -> Gate {
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
pub(super) fn endpoints(references: &References) -> impl Iterator<Item = &Arc<str>> {
    references.of(ResourceType::Endpoints)
}

/// The names of the clusters among some references.
pub(super) fn clusters(references: &References) -> impl Iterator<Item = &Arc<str>> {
    references.of(ResourceType::Cluster)
}
