//! Responses that are under way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use super::FALLBACK;
use super::has::Has;
use crate::envoy::{Resource, Version};

/// One name in a response.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The name.
    pub(super) name: Arc<str>,
    /// What the client had.
    pub(super) had: Has,
    /// What it may have had instead.
    pub(super) maybe: Has,
    /// What it has once it accepts: nothing after a removal.
    pub(super) sent: Has,
}

impl Item {
    /// A resource for a client that has nothing under its name.
    pub(super) fn anew(resource: Arc<Resource>) -> Self {
        Self {
            name: resource.name.clone(),
            had: Has::Nothing,
            maybe: Has::Nothing,
            sent: Has::Resource(resource),
        }
    }

    /// Whether it put something else in place of what the client had.
    pub(super) fn is_news(&self) -> bool {
        match &self.sent {
            Has::Resource(sent) => !self.had.is(sent) || !self.maybe.is_nothing(),
            Has::Nothing | Has::Earlier(_) => false,
        }
    }

    /// Whether it took away what the client had, or may have had.
    pub(super) fn is_removal(&self) -> bool {
        self.sent.is_nothing() && !(self.had.is_nothing() && self.maybe.is_nothing())
    }

    /// What the client may have instead of what it had, once it refused this and maybe took it in part: what was
    /// sent; or what it may have had before, where that would only have put an end to the doubt.
    pub(super) fn doubt(&self) -> &Has {
        match &self.sent {
            Has::Resource(sent) if !self.had.is(sent) => &self.sent,
            _ => &self.maybe,
        }
    }
}

/// A place in the order in which a stream sent its responses.
pub(super) type Sequence = u64;

/// A response that is not acknowledged yet.
#[derive(Debug)]
pub(super) struct Flight {
    /// Its place among all responses of the stream.
    pub(super) sequence: Sequence,
    /// Its nonce.
    pub(super) nonce: String,
    /// The version it carried.
    pub(super) version: Version,
    /// When it was sent.
    pub(super) sent_at: Instant,
    /// How long it is.
    pub(super) bytes: usize,
    /// What it carried.
    pub(super) items: Arc<[Item]>,
    /// Whether it is the first to a client that has something from an earlier stream.
    pub(super) resumes: bool,
}

impl Flight {
    /// What it carried, to be corrected.
    pub(super) fn items_mut(&mut self) -> &mut [Item] {
        Arc::make_mut(&mut self.items)
    }

    /// Merges the responses `before` this one, which the client left unanswered, into its refusal. For a name
    /// that is in several of them the last content is kept; the others only make it uncertain what the client
    /// has.
    pub(super) fn with_unanswered(mut self, before: Vec<Self>) -> Self {
        if before.is_empty() {
            return self;
        }
        let mut items: BTreeMap<Arc<str>, Item> = BTreeMap::new();
        let last = self.items.iter().cloned();
        for item in before
            .iter()
            .flat_map(|flight| &*flight.items)
            .cloned()
            .chain(last)
        {
            match items.entry(item.name.clone()) {
                Entry::Vacant(vacant) => {
                    vacant.insert(item);
                }
                Entry::Occupied(mut earlier) => {
                    let earlier = earlier.get_mut();
                    earlier.maybe = earlier.doubt().clone();
                    earlier.sent = item.sent;
                }
            }
        }
        self.items = items.into_values().collect();
        self.resumes |= before.iter().any(|flight| flight.resumes);
        self
    }

    /// When others stop waiting for it.
    pub(super) fn given_up_at(&self) -> Instant {
        self.sent_at + FALLBACK
    }
}
