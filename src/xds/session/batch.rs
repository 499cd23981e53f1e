//! Many resources at once, for clients that have none of them.
//!
//! A client that connects is told thousands of resources, and what there is to remember of each is the same
//! as for every other client that connects. So it is made once, and shared.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::CHUNK;
use super::flight::Item;
use super::listed::List;
use super::view::View;
use crate::envoy::{Resource, ResourceType, Version};
use crate::xds::wire::Resources;

/// From how many resources on it is worth it. Tests have few.
pub(super) const MANY: usize = if cfg!(test) { 3 } else { 64 };

/// Resources that go into one response, sorted by name.
#[derive(Debug)]
pub(super) struct Batch {
    /// The resources.
    pub(super) resources: Resources,
    /// The same as what a response carries to a client that has nothing.
    pub(super) items: Arc<[Item]>,
    /// Whether the client asked for each by name, and is to be answered whatever becomes of it.
    pub(super) is_asked: bool,
}

impl Batch {
    fn new(resources: &[Arc<Resource>], is_asked: bool) -> Arc<Self> {
        Arc::new(Self {
            is_asked,
            resources: Resources::shared(resources),
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

/// What a client wants of a type, of which it has nothing.
#[derive(Debug)]
pub(super) struct Wanted {
    kind: ResourceType,
    /// The names; `None` for everything.
    list: Option<Arc<List>>,
    /// The version of the type, which stands for what is in the batches.
    version: Version,
    /// Whether what is confidential is in it.
    confidential: bool,
    /// Whether there is one batch, as what a response leaves out is removed by that.
    in_one: bool,
    /// The batches, in the order of names.
    pub(super) batches: Vec<Arc<Batch>>,
    /// The listed names that are in none.
    pub(super) others: Vec<Arc<str>>,
}

impl Wanted {
    fn everything(kind: ResourceType, view: &View, in_one: bool) -> Option<Self> {
        let all: Vec<_> = view.iter(kind).cloned().collect();
        let is_apt = all.len() >= MANY && all.iter().all(|resource| resource.is_known());
        is_apt.then(|| Self {
            kind,
            list: None,
            version: view.version(kind),
            confidential: view.is_confidential(),
            in_one,
            batches: match in_one {
                true => vec![Batch::new(&all, false)],
                false => split(&all, false),
            },
            others: Vec::new(),
        })
    }

    fn listed(kind: ResourceType, view: &View, list: &Arc<List>) -> Self {
        let (mut found, mut others) = (Vec::new(), Vec::new());
        let mut find = view.finder(kind, list.names().len());
        for name in list.names() {
            match find(name).filter(|resource| resource.is_known()) {
                Some(resource) => found.push(resource.clone()),
                None => others.push(name.clone()),
            }
        }
        Self {
            kind,
            list: Some(list.clone()),
            version: view.version(kind),
            confidential: view.is_confidential(),
            in_one: false,
            batches: split(&found, true),
            others,
        }
    }

    fn is(&self, kind: ResourceType, view: &View, list: Option<&Arc<List>>, in_one: bool) -> bool {
        (self.kind, self.version, self.confidential, self.in_one)
            == (kind, view.version(kind), view.is_confidential(), in_one)
            && self.list.as_ref().map(Arc::as_ptr) == list.map(Arc::as_ptr)
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
pub struct Batches(Arc<Mutex<Made>>);

#[derive(Debug, Default)]
struct Made {
    wanted: Vec<Weak<Wanted>>,
    lists: Vec<Weak<List>>,
}

impl Batches {
    /// Everything of a type; `None` where that is little, or cannot be sent.
    pub(super) fn everything(
        &self,
        kind: ResourceType,
        view: &View,
        in_one: bool,
    ) -> Option<Arc<Wanted>> {
        let known = &mut self.made().wanted;
        find(known, |known| known.is(kind, view, None, in_one)).or_else(|| {
            let made = Wanted::everything(kind, view, in_one)?;
            Some(keep(known, made))
        })
    }

    /// What is on a list.
    pub(super) fn listed(&self, kind: ResourceType, view: &View, list: &Arc<List>) -> Arc<Wanted> {
        let known = &mut self.made().wanted;
        find(known, |known| known.is(kind, view, Some(list), false))
            .unwrap_or_else(|| keep(known, Wanted::listed(kind, view, list)))
    }

    /// The list of sorted names.
    pub(super) fn list(&self, names: &[&str], make: impl FnOnce() -> List) -> Arc<List> {
        let lists = &mut self.made().lists;
        find(lists, |known| known.is(names)).unwrap_or_else(|| keep(lists, make()))
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Finds what somebody keeps.
fn find<T>(known: &mut Vec<Weak<T>>, is_it: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    known.retain(|known| known.strong_count() > 0);
    known
        .iter()
        .filter_map(Weak::upgrade)
        .find(|known| is_it(known))
}

/// Makes something known as long as somebody keeps it.
fn keep<T>(known: &mut Vec<Weak<T>>, made: T) -> Arc<T> {
    let made = Arc::new(made);
    known.push(Arc::downgrade(&made));
    made
}
