//! Clusters that came to a client in one batch, and their endpoints.

use std::sync::Arc;
use std::time::Instant;

use super::batch::Batch;
use super::flight::{Item, Sequence};
use super::newcomers::{Newcomer, endpoints};
use crate::envoy::Resource;

/// [Newcomers](super::newcomers::Newcomers) of which there is the same to say, but for whose endpoints were
/// sent. Each has endpoints of its own name, or none.
#[derive(Debug)]
pub(super) struct Cohort {
    batch: Arc<Batch>,
    /// The response that brought it.
    pub(super) sequence: Sequence,
    sent_at: Instant,
    pub(super) accepted_at: Option<Instant>,
    /// Which of its endpoints are due still.
    owed: Vec<bool>,
    /// How many these are.
    left: usize,
}

impl Cohort {
    /// A batch of clusters that was sent; `None` where their endpoints have other names.
    pub(super) fn of(batch: &Arc<Batch>, sequence: Sequence, now: Instant) -> Option<Self> {
        let owed: Option<Vec<bool>> = batch.resources.iter().map(|c| owes_own(c)).collect();
        let owed = owed?;
        Some(Self {
            batch: batch.clone(),
            sequence,
            sent_at: now,
            accepted_at: None,
            left: owed.iter().filter(|owed| **owed).count(),
            owed,
        })
    }

    /// Whether it may have clusters that are in another batch too: some of theirs are between some of the other's.
    pub(super) fn overlaps(&self, other: &Batch) -> bool {
        let (mine, others) = (&self.batch.items, &other.items);
        let (Some(first), Some(last)) = (mine.first(), mine.last()) else {
            return false;
        };
        let is_apart = |from: &Item, to: &Item| to.name < first.name || last.name < from.name;
        others
            .first()
            .zip(others.last())
            .is_some_and(|(from, to)| !is_apart(from, to))
    }

    /// Whether nothing need wait for any of it.
    pub(super) fn is_settled(&self) -> bool {
        self.accepted_at.is_some() && self.left == 0
    }

    /// Whether a cluster is in it.
    pub(super) fn contains(&self, cluster: &str) -> bool {
        self.batch.position(cluster).is_some()
    }

    /// One of its clusters.
    pub(super) fn get(&self, cluster: &str) -> Option<Newcomer> {
        self.batch.position(cluster).map(|at| self.newcomer(at))
    }

    /// What there is to say of those that are waited for longest.
    pub(super) fn last(&self) -> Newcomer {
        Newcomer {
            sequence: self.sequence,
            sent_at: self.sent_at,
            accepted_at: self.accepted_at,
            owed: self.left,
        }
    }

    /// The name of endpoints that are due, to be shared.
    pub(super) fn owed(&self, name: &str) -> Option<&Arc<str>> {
        let at = self.batch.position(name)?;
        let is_owed = self.owed.get(at).copied().unwrap_or_default();
        self.batch
            .items
            .get(at)
            .filter(|_| is_owed)
            .map(|item| &item.name)
    }

    /// Endpoints were sent. Returns whether they are of one of its clusters.
    pub(super) fn sent_endpoints(&mut self, name: &str) -> bool {
        let at = self.batch.position(name);
        if let Some(owed) = at.and_then(|at| self.owed.get_mut(at))
            && std::mem::take(owed)
        {
            self.left -= 1;
        }
        at.is_some()
    }

    /// A batch of endpoints was sent.
    pub(super) fn sent_all_endpoints(&mut self, sent: &Batch) {
        if !self.overlaps(sent) {
            return;
        }
        let mut mine = self.batch.items.iter().zip(&mut self.owed).peekable();
        for sent in &*sent.items {
            // A cluster and its endpoints share their name, as a rule.
            let is_it = |item: &Item| Arc::ptr_eq(&item.name, &sent.name) || item.name == sent.name;
            while mine
                .next_if(|(item, _)| !Arc::ptr_eq(&item.name, &sent.name) && item.name < sent.name)
                .is_some()
            {}
            if let Some((_, owed)) = mine.next_if(|(item, _)| is_it(item))
                && std::mem::take(owed)
            {
                self.left -= 1;
            }
        }
    }

    /// Its clusters one by one, each with whether its endpoints are due.
    pub(super) fn dissolve(&self) -> impl Iterator<Item = (&Arc<str>, Newcomer, bool)> {
        let clusters = self.batch.items.iter().zip(&self.owed).enumerate();
        clusters.map(|(at, (item, owed))| (&item.name, self.newcomer(at), *owed))
    }

    fn newcomer(&self, at: usize) -> Newcomer {
        Newcomer {
            owed: self.owed.get(at).copied().unwrap_or_default().into(),
            ..self.last()
        }
    }
}

/// Whether a cluster has endpoints; `None` where they have another name.
fn owes_own(cluster: &Resource) -> Option<bool> {
    let mut endpoints = endpoints(&cluster.references);
    match (endpoints.next(), endpoints.next()) {
        (None, _) => Some(false),
        (Some(own), None) => (*own == cluster.name).then_some(true),
        (Some(_), Some(_)) => None,
    }
}
