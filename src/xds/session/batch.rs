//! Many resources at once, for clients that have none of them.
//!
//! A client that connects is told thousands of resources, and what there is to remember of each is the same
//! as for every other client that connects. So it is made once, and shared.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::CHUNK;
use super::ledger::Item;
use super::view::View;
use crate::envoy::{Resource, ResourceType, Version};

/// From how many resources on it is worth it. Tests have few.
const MANY: usize = if cfg!(test) { 2 } else { 64 };

/// Resources that go into one response, sorted by name.
#[derive(Debug)]
pub(super) struct Batch {
    /// The resources.
    pub(super) resources: Arc<[Arc<Resource>]>,
    /// The same as what a response carries to a client that has nothing.
    pub(super) items: Arc<[Item]>,
    /// Whether the client asked for each by name, and is to be answered whatever becomes of it.
    pub(super) is_asked: bool,
}

impl Batch {
    fn new(resources: &[Arc<Resource>], is_asked: bool) -> Arc<Self> {
        Arc::new(Self {
            is_asked,
            resources: resources.into(),
            items: resources.iter().cloned().map(Item::anew).collect(),
        })
    }

    /// Where a name is in it.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let (first, last) = (self.items.first()?, self.items.last()?);
        // One of many batches is searched.
        if *first.name > *name || *last.name < *name {
            return None;
        }
        self.items
            .binary_search_by(|item| (*item.name).cmp(name))
            .ok()
    }
}

/// What of a type a client was not told yet, batch by batch; it has nothing of it.
#[derive(Debug, Default)]
pub(super) struct Untold(VecDeque<Arc<Batch>>);

impl Untold {
    /// Whether there is nothing more.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is in it.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|batch| batch.position(name).is_some())
    }

    /// Adds batches of names that are not in it.
    pub(super) fn extend(&mut self, batches: &[Arc<Batch>]) {
        self.0.extend(batches.iter().cloned());
    }

    /// Takes out the next batch.
    pub(super) fn next(&mut self) -> Option<Arc<Batch>> {
        self.0.pop_front()
    }

    /// Takes out the batch that a name is in.
    pub(super) fn take_with(&mut self, name: &str) -> Option<Arc<Batch>> {
        let at = self
            .0
            .iter()
            .position(|batch| batch.position(name).is_some());
        self.0.remove(at?)
    }
}

/// Everything of a type, for clients that have none of it.
#[derive(Debug)]
pub(super) struct Whole {
    kind: ResourceType,
    /// What of it there is. It stands for what is in the batches.
    version: Version,
    /// Whether what is confidential is in it.
    confidential: bool,
    /// Whether there is one batch, as what a response leaves out is removed by that.
    in_one: bool,
    /// The batches, in the order of names.
    pub(super) batches: Vec<Arc<Batch>>,
}

impl Whole {
    fn of(kind: ResourceType, view: &View, in_one: bool) -> Option<Self> {
        let all: Vec<_> = view.iter(kind).cloned().collect();
        if all.len() < MANY || !all.iter().all(|resource| resource.is_known()) {
            return None;
        }
        Some(Self {
            kind,
            version: view.version(kind),
            confidential: view.is_confidential(),
            in_one,
            batches: match in_one {
                true => vec![Batch::new(&all, false)],
                false => split(&all, false),
            },
        })
    }

    fn is_of(&self, kind: ResourceType, view: &View, in_one: bool) -> bool {
        (self.kind, self.version, self.confidential, self.in_one)
            == (kind, view.version(kind), view.is_confidential(), in_one)
    }
}

/// Batches of the size of a response.
fn split(mut resources: &[Arc<Resource>], are_asked: bool) -> Vec<Arc<Batch>> {
    let mut batches = Vec::new();
    while !resources.is_empty() {
        let mut bytes = 0;
        let fits = |resource: &&Arc<Resource>| {
            let fits = bytes < CHUNK;
            bytes += resource.body.len();
            fits
        };
        let (batch, rest) = resources.split_at(resources.iter().take_while(fits).count());
        batches.push(Batch::new(batch, are_asked));
        resources = rest;
    }
    batches
}

/// What was made for some client, for others that connect while that one still keeps it.
#[derive(Debug, Clone, Default)]
pub struct Batches(Arc<Mutex<Vec<Weak<Whole>>>>);

impl Batches {
    /// Everything of a type; `None` where that is little, or cannot be sent.
    pub(super) fn everything(
        &self,
        kind: ResourceType,
        view: &View,
        in_one: bool,
    ) -> Option<Arc<Whole>> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|whole| whole.strong_count() > 0);
        let known = made.iter().filter_map(Weak::upgrade);
        if let Some(known) = known
            .into_iter()
            .find(|whole| whole.is_of(kind, view, in_one))
        {
            return Some(known);
        }
        let whole = Arc::new(Whole::of(kind, view, in_one)?);
        made.push(Arc::downgrade(&whole));
        Some(whole)
    }
}
