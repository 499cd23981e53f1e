//! Many resources at once, for clients that have none of them.
//!
//! A client that connects is told thousands of resources, and what there is to remember of each is the same
//! as for every other client that connects. So it is made once, and shared.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use foldhash::HashMap;
use foldhash::quality::RandomState;

use super::CHUNK;
use super::flight::Item;
use super::listed::List;
use super::view::View;
use crate::envoy::{Resource, ResourceType, Version};
use crate::xds::wire::Resources;

/// From how many resources on it is worth it.
const MANY: usize = 64;

/// How many things are known before it is looked which are still kept.
const FEW: usize = 64;

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

    /// How many batches there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
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
    /// The names, if it is not everything: kept, as the [`Key`] says where they are.
    _list: Option<Arc<List>>,
    /// The batches, in the order of names.
    pub(super) batches: Vec<Arc<Batch>>,
    /// The listed names that are in none.
    pub(super) others: Vec<Arc<str>>,
}

impl Wanted {
    fn everything(kind: ResourceType, view: &View, in_one: bool, many: usize) -> Option<Self> {
        let all: Vec<_> = view.iter(kind).cloned().collect();
        let is_apt = all.len() >= many && all.iter().all(|resource| resource.is_known());
        is_apt.then(|| Self {
            _list: None,
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
            _list: Some(list.clone()),
            batches: split(&found, true),
            others,
        }
    }
}

/// What tells what one client wants from what others do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    kind: ResourceType,
    /// Where the list of names is; `None` for everything.
    list: Option<usize>,
    /// The version of the type, which stands for what is in the batches.
    version: Version,
    /// Whether what is confidential is in it.
    confidential: bool,
    /// Whether there is one batch, as what a response leaves out is removed by that.
    in_one: bool,
}

impl Key {
    fn of(kind: ResourceType, view: &View, list: Option<&Arc<List>>, in_one: bool) -> Self {
        Self {
            kind,
            list: list.map(|list| Arc::as_ptr(list).addr()),
            version: view.version(kind),
            confidential: view.is_confidential(),
            in_one,
        }
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
#[derive(Debug, Clone)]
pub struct Batches {
    many: usize,
    made: Arc<Mutex<Made>>,
}

impl Default for Batches {
    fn default() -> Self {
        Self::from(MANY)
    }
}

#[derive(Debug, Default)]
struct Made {
    wanted: Known<Key, Wanted>,
    /// By a hash of the names.
    lists: Known<u64, List>,
    hasher: RandomState,
}

impl Batches {
    /// Batches of resources of which a client is told so many at once, or more.
    pub fn from(many: usize) -> Self {
        Self {
            many,
            made: Arc::default(),
        }
    }

    /// Whether so many resources go into batches.
    pub(super) fn are_for(&self, count: usize) -> bool {
        count >= self.many
    }

    /// Everything of a type; `None` where that is little, or cannot be sent.
    pub(super) fn everything(
        &self,
        kind: ResourceType,
        view: &View,
        in_one: bool,
    ) -> Option<Arc<Wanted>> {
        let key = Key::of(kind, view, None, in_one);
        let known = &mut self.made().wanted;
        known.find(&key).or_else(|| {
            let made = Wanted::everything(kind, view, in_one, self.many)?;
            Some(known.keep(key, made))
        })
    }

    /// What is on a list.
    pub(super) fn listed(&self, kind: ResourceType, view: &View, list: &Arc<List>) -> Arc<Wanted> {
        let key = Key::of(kind, view, Some(list), false);
        let known = &mut self.made().wanted;
        known
            .find(&key)
            .unwrap_or_else(|| known.keep(key, Wanted::listed(kind, view, list)))
    }

    /// The list of sorted names.
    pub(super) fn list(&self, names: &[&str], make: impl FnOnce() -> List) -> Arc<List> {
        let made = &mut *self.made();
        let hash = made.hasher.hash_one(names);
        // Another list may have the same hash, and then makes room.
        let known = made.lists.find(&hash).filter(|known| known.is(names));
        known.unwrap_or_else(|| made.lists.keep(hash, make()))
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What somebody keeps, by what tells it from others.
#[derive(Debug)]
struct Known<K, T>(HashMap<K, Weak<T>>);

impl<K, T> Default for Known<K, T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<K: Eq + Hash, T> Known<K, T> {
    fn find(&self, key: &K) -> Option<Arc<T>> {
        self.0.get(key)?.upgrade()
    }

    /// Makes something known as long as somebody keeps it.
    fn keep(&mut self, key: K, made: T) -> Arc<T> {
        if self.0.len() == self.0.capacity() {
            // It has doubled since, so that this is cheap for each.
            self.0.retain(|_, known| known.strong_count() > 0);
            self.0.shrink_to(2 * self.0.len());
            self.0.reserve(self.0.len().max(FEW));
        }
        let made = Arc::new(made);
        self.0.insert(key, Arc::downgrade(&made));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_known_as_long_as_somebody_keeps_it() {
        let batches = Batches::default();
        let list = |name: &str| batches.list(&[name], || List::new([name.into()]));
        let kept = list("kept");
        for at in 0..10_000 {
            list(&at.to_string());
        }
        assert!(Arc::ptr_eq(&kept, &list("kept")));
        let known = batches.made().lists.0.len();
        assert!(known < 1_000, "{known} of which one is kept");
    }
}
