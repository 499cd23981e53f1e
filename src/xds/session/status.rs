//! What a client has, resource by resource: asked for now and then by somebody who wants to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::has::Has;
use super::lane::Lane;
use crate::envoy::{Resource, ResourceType, Version};

/// How a client stands to a resource that it wants, or that it still has.
#[derive(Debug, Clone)]
pub struct ResourceStatus {
    /// The type of the resource.
    pub kind: ResourceType,
    /// Its name.
    pub name: Arc<str>,
    /// Whether it has what it should.
    pub state: ConfigStatus,
    /// The version that it has, or was sent last; `None` where it has nothing.
    pub version: Option<Version>,
    /// The content of that version, where it is known.
    pub resource: Option<Arc<Resource>>,
}

/// Whether a client has what it should of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigStatus {
    /// It acknowledged the newest version.
    Synced,
    /// It was sent the newest version, or its removal, and did not answer yet.
    Sent,
    /// There is a newer version, or a removal, that it was not sent yet.
    NotSent,
    /// It refused the newest version.
    Refused {
        /// Its words.
        text: Arc<str>,
        /// The version that it refused; `None` where that is its removal.
        version: Option<Version>,
        /// When.
        at: Instant,
    },
    /// It asked for a name under which there is nothing.
    Absent,
}

impl Session {
    /// What the client has of everything that it wants, by type and name.
    pub fn statuses(&self) -> Vec<ResourceStatus> {
        let kinds = ResourceType::ALL.into_iter();
        let lanes = kinds.filter_map(|kind| Some((kind, self.lane(kind)?)));
        lanes
            .flat_map(|(kind, lane)| self.statuses_of(kind, lane))
            .collect()
    }

    fn statuses_of(&self, kind: ResourceType, lane: &Lane) -> Vec<ResourceStatus> {
        let mut names: BTreeSet<&Arc<str>> = lane.subscription.names().collect();
        if lane.subscription.is_wildcard() && self.live {
            names.extend(self.view.iter(kind).map(|resource| &resource.name));
        }
        names.extend(lane.ledger.pending().keys());
        // What it refused to give up.
        names.extend(lane.ledger.held.keys());
        // What is under way, but for what a full state merely repeats.
        let flights = lane.ledger.flights().iter();
        let flying: BTreeMap<&Arc<str>, &Has> = flights
            .flat_map(|flight| &*flight.items)
            .filter(|item| !item.sent.is_same(&item.had))
            .map(|item| (&item.name, &item.sent))
            .collect();
        names.extend(flying.keys());
        let status = |name: &Arc<str>| {
            let target = self.view.get(kind, name);
            let pending = lane.ledger.pending_at(name);
            let (state, has) = if let Some(pending) = pending {
                let absent = pending.has.is_nothing() && target.is_none();
                let state = if absent {
                    ConfigStatus::Absent
                } else {
                    ConfigStatus::NotSent
                };
                (state, pending.has.clone())
            } else if let Some(sent) = flying.get(name) {
                (ConfigStatus::Sent, (*sent).clone())
            } else if let Some(held) = lane.ledger.held.get(name) {
                (ConfigStatus::Synced, held.has.clone())
            } else {
                let state = if target.is_some() {
                    ConfigStatus::Synced
                } else {
                    ConfigStatus::Absent
                };
                (state, Has::sent(target))
            };
            let refused = lane.complaints.get(name);
            let is_suspect = pending.is_some_and(|pending| pending.group.is_some());
            let is_held = lane.ledger.held.contains_key(name);
            let state = match refused.filter(|_| is_held || is_suspect) {
                Some(complaint) => ConfigStatus::Refused {
                    text: complaint.text.clone(),
                    version: complaint.version,
                    at: complaint.at,
                },
                None => state,
            };
            let (version, resource) = match has {
                Has::Nothing => (None, None),
                Has::Resource(resource) => (Some(resource.version), Some(resource)),
                Has::Earlier(version) => (version, None),
            };
            ResourceStatus {
                kind,
                name: name.clone(),
                state,
                version,
                resource,
            }
        };
        names.into_iter().map(status).collect()
    }
}
