//! A snapshot as one transport shows it.

use std::sync::Arc;

use crate::envoy::{Resource, ResourceType, Version};
use crate::snapshot::{Change, Snapshot};

/// Of how many resources one is searched for, rather than walked to.
const FEW: usize = 16;

/// A snapshot without what the transport must not show.
#[derive(Clone)]
pub(super) struct View {
    snapshot: Arc<Snapshot>,
    confidential: bool,
}

impl View {
    /// A snapshot on a transport that shows private keys, or not.
    pub(super) fn new(snapshot: Arc<Snapshot>, confidential: bool) -> Self {
        Self {
            snapshot,
            confidential,
        }
    }

    /// Another snapshot on the same transport.
    pub(super) fn of(&self, snapshot: Arc<Snapshot>) -> Self {
        Self::new(snapshot, self.confidential)
    }

    /// Whether private keys are shown.
    pub(super) fn is_confidential(&self) -> bool {
        self.confidential
    }

    fn shows(&self, resource: &Resource) -> bool {
        self.confidential || !resource.confidential
    }

    /// The resource of a type and name.
    pub(super) fn get(&self, kind: ResourceType, name: &str) -> Option<&Arc<Resource>> {
        self.snapshot.get(kind, name).filter(|r| self.shows(r))
    }

    /// Whether there is a resource of a type and name that is not shown.
    pub(super) fn hides(&self, kind: ResourceType, name: &str) -> bool {
        !self.confidential
            && self
                .snapshot
                .get(kind, name)
                .is_some_and(|r| !self.shows(r))
    }

    /// The resources of a type, by name.
    pub(super) fn iter(&self, kind: ResourceType) -> impl Iterator<Item = &Arc<Resource>> {
        self.snapshot.iter(kind).filter(|r| self.shows(r))
    }

    /// The same for names in ascending order, of which there are `count`. Many are found by walking along
    /// all resources, rather than by a search for each from the root of the tree.
    pub(super) fn finder<'a>(
        &'a self,
        kind: ResourceType,
        count: usize,
    ) -> impl FnMut(&str) -> Option<&'a Arc<Resource>> {
        let is_walk = count > self.snapshot.len(kind) / FEW;
        let mut walk = None;
        move |name| {
            if !is_walk {
                return self.get(kind, name);
            }
            let all = walk.get_or_insert_with(|| {
                let all = self.snapshot.iter_from(kind, name);
                all.filter(|resource| self.shows(resource)).peekable()
            });
            // It is the next one, as a rule, and its very name.
            let is_it = |resource: &&Arc<Resource>| std::ptr::eq(&*resource.name, name);
            if let Some(next) = all.next_if(is_it) {
                return Some(next);
            }
            while all.next_if(|resource| *resource.name < *name).is_some() {}
            all.next_if(|resource| *resource.name == *name)
        }
    }

    /// The names of a type that changed since an older view, with what was there.
    pub(super) fn changes<'a>(
        &'a self,
        older: &'a Self,
        kind: ResourceType,
    ) -> impl Iterator<Item = (&'a Arc<str>, Option<&'a Arc<Resource>>)> {
        let changes = self.snapshot.changes(&older.snapshot, kind);
        changes.map(move |change| {
            let name = match change {
                Change::Put(resource) => &resource.name,
                Change::Removed(name) => name,
            };
            (name, older.get(kind, name))
        })
    }

    /// The version of a type. It covers what is hidden as well, so that it is the same everywhere.
    pub(super) fn version(&self, kind: ResourceType) -> Version {
        self.snapshot.version(kind)
    }

    /// The version of a type with others in place of some resources.
    pub(super) fn version_with<'a>(
        &self,
        kind: ResourceType,
        others: impl IntoIterator<Item = (Option<&'a Resource>, Option<&'a Resource>)>,
    ) -> Version {
        self.snapshot.version_with(kind, others)
    }
}
