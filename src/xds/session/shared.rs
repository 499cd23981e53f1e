//! Names that are kept once.

use std::sync::Arc;

use super::batch::Batches;
use super::listed::List;
use super::newcomers::Newcomers;
use super::subscription::Interner;
use super::view::View;
use crate::envoy::ResourceType;

/// What clients ask for, shared with the resources of the same names and with others that ask for the same.
pub(super) struct Shared<'a> {
    pub(super) kind: ResourceType,
    pub(super) view: &'a View,
    pub(super) newcomers: &'a Newcomers,
    pub(super) batches: &'a Batches,
}

impl Interner for Shared<'_> {
    /// The endpoints that a client asks for after it got their clusters are found without a search in the
    /// view.
    fn name(&self, name: &str) -> Arc<str> {
        let owed = (self.kind == ResourceType::Endpoints).then(|| self.newcomers.owed(name));
        let known = || {
            self.view
                .get(self.kind, name)
                .map(|resource| &resource.name)
        };
        owed.flatten()
            .or_else(known)
            .map_or_else(|| name.into(), Arc::clone)
    }

    fn is_long(&self, count: usize) -> bool {
        self.batches.are_for(count)
    }

    fn list(&self, names: &[&str]) -> Arc<List> {
        let make = || {
            let mut find = self.view.finder(self.kind, names.len());
            List::new(names.iter().map(|name| match find(name) {
                Some(resource) => resource.name.clone(),
                None => self.name(name),
            }))
        };
        match self.is_long(names.len()) {
            true => self.batches.list(names, make),
            false => Arc::new(make()),
        }
    }
}
