//! The whole of what Envoy should have, immutable and versioned.
//!
//! A [`Snapshot`] is a value: streams keep the one they last sent and compare it with the newest.
//! Snapshots share structure, so one that differs in a single resource costs a few nodes of a tree,
//! and [`Snapshot::changes`] costs what the difference is, not what the snapshot holds.

mod step;

use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;

use crate::envoy::{Resource, ResourceType, Version};
use step::Step;

type Table = OrdMap<Arc<str>, Arc<Resource>>;

/// Every resource of every type at one moment.
#[derive(Clone, Default)]
pub struct Snapshot {
    tables: [Table; ResourceType::ALL.len()],
    digests: [u64; ResourceType::ALL.len()],
    /// How many resources there are of which only the version is known.
    unknown: usize,
    /// How it came to be, if that is known.
    step: Option<Arc<Step>>,
}

/// What became of one resource between two snapshots.
#[derive(Debug, Clone)]
pub enum Change<'a> {
    /// New, or with another content.
    Put(&'a Arc<Resource>),
    /// Gone.
    Removed(&'a Arc<str>),
}

impl Snapshot {
    /// The resource of a type and name.
    pub fn get(&self, kind: ResourceType, name: &str) -> Option<&Arc<Resource>> {
        self.tables[kind as usize].get(name)
    }

    /// The resources of a type, by name.
    pub fn iter(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<Resource>> {
        self.tables[kind as usize].values()
    }

    /// The resources of a type from a name on, by name.
    pub fn iter_from<'a>(
        &'a self,
        kind: ResourceType,
        name: &str,
    ) -> impl Iterator<Item = &'a Arc<Resource>> + use<'a> {
        let from = (Bound::Included(name), Bound::Unbounded);
        let table = &self.tables[kind as usize];
        table.range::<_, str>(from).map(|(_, resource)| resource)
    }

    /// How many resources of a type there are.
    pub fn len(&self, kind: ResourceType) -> usize {
        self.tables[kind as usize].len()
    }

    /// Whether there is no resource of a type.
    pub fn is_empty(&self, kind: ResourceType) -> bool {
        self.tables[kind as usize].is_empty()
    }

    /// The version of a type as a whole: equal sets of resources have an equal version, whatever
    /// the order in which they came to be.
    pub fn version(&self, kind: ResourceType) -> Version {
        Version::from_number(self.digests[kind as usize])
    }

    /// The version that a type would have if some of its resources were others: each pair is what is
    /// here (`None`: nothing) and what would be in its place.
    pub fn version_with<'a>(
        &self,
        kind: ResourceType,
        others: impl IntoIterator<Item = (Option<&'a Resource>, Option<&'a Resource>)>,
    ) -> Version {
        let digest =
            others
                .into_iter()
                .fold(self.digests[kind as usize], |digest, (here, other)| {
                    digest
                        .wrapping_sub(here.map_or(0, mark))
                        .wrapping_add(other.map_or(0, mark))
                });
        Version::from_number(digest)
    }

    /// The same, about to take the place of an `older` one: what differs is found now, and not by each who
    /// has the older one and asks.
    #[must_use]
    pub fn in_place_of(mut self, older: &Self) -> Self {
        self.step = Step::between(older, &self).map(Arc::new);
        self
    }

    /// How many resources there are of which only the version is known.
    pub fn unknown(&self) -> usize {
        self.unknown
    }

    /// Whether another snapshot has the same resources, and the content of as many of them.
    pub fn is_same(&self, other: &Self) -> bool {
        let mut kinds = ResourceType::ALL.into_iter();
        self.unknown == other.unknown && kinds.all(|kind| self.version(kind) == other.version(kind))
    }

    /// What differs from an `older` snapshot, by name.
    pub fn changes<'a>(
        &'a self,
        older: &'a Self,
        kind: ResourceType,
    ) -> impl Iterator<Item = Change<'a>> {
        let known = self.step.as_ref();
        let known = known.and_then(|step| step.changes_from(older, kind));
        let (older, newer) = (&older.tables[kind as usize], &self.tables[kind as usize]);
        let is_open = known.is_none() && !older.ptr_eq(newer);
        let difference = is_open.then(|| older.diff(newer));
        let difference = difference.into_iter().flatten().map(|item| match item {
            DiffItem::Add(_, new) | DiffItem::Update { new: (_, new), .. } => Change::Put(new),
            DiffItem::Remove(name, _) => Change::Removed(name),
        });
        known.into_iter().flatten().chain(difference)
    }

    /// Adds a resource or replaces the one of its type and name. Returns whether anything changed.
    pub fn put(&mut self, mut resource: Resource) -> bool {
        let slot = resource.kind as usize;
        let old = self.tables[slot].get(&resource.name);
        // What was only known by its version, as after a restart, is not the same with its content.
        let is_same = |old: &Arc<Resource>| {
            old.version == resource.version && (old.is_known() || !resource.is_known())
        };
        if old.is_some_and(is_same) {
            return false;
        }
        let removed = old.map_or(0, |old| mark(old));
        let was_unknown = old.is_some_and(|old| !old.is_known());
        self.unknown -= usize::from(was_unknown);
        self.unknown += usize::from(!resource.is_known());
        self.step = None;
        self.digests[slot] = self.digests[slot]
            .wrapping_sub(removed)
            .wrapping_add(mark(&resource));
        resource.since = Some(SystemTime::now());
        self.tables[slot].insert(resource.name.clone(), Arc::new(resource));
        true
    }

    /// Removes a resource. Returns whether it was there.
    pub fn remove(&mut self, kind: ResourceType, name: &str) -> bool {
        let slot = kind as usize;
        let Some(old) = self.tables[slot].remove(name) else {
            return false;
        };
        self.step = None;
        self.digests[slot] = self.digests[slot].wrapping_sub(mark(&old));
        self.unknown -= usize::from(!old.is_known());
        true
    }
}

impl std::fmt::Debug for Snapshot {
    /// How many resources of each type; never their content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let counts = ResourceType::ALL.map(|kind| (kind, self.len(kind)));
        f.debug_map().entries(counts).finish()
    }
}

/// A resource's share in its type's digest. Shares are added, so the sum does not depend on order
/// and changes in O(1).
fn mark(resource: &Resource) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(resource.name.as_bytes());
    hasher.update(&resource.version.get().to_be_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests;
