//! What changed, and who has it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::envoy::{ResourceType, Version};
use crate::snapshot::{Change as Difference, Snapshot};

/// How many names of a change are remembered, for each type.
const NAMES: usize = 8;

/// A new state, and how it spread.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its number, from 1.
    pub number: u64,
    /// When it was made.
    pub at: SystemTime,
    /// When the event behind it was received.
    pub since: Instant,
    /// What changed, by type; never empty.
    pub parts: Vec<Part>,
    /// Who acknowledged which part.
    pub acknowledged: Vec<Acknowledgement>,
}

/// What a change is to one type.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The type.
    pub kind: ResourceType,
    /// The version of the type as a whole, after the change.
    pub version: Version,
    /// How many resources are new or differ.
    pub put: usize,
    /// How many are gone.
    pub removed: usize,
    /// The names of the first few of them.
    pub names: Vec<Arc<str>>,
}

/// An Envoy that has a part of a change.
#[derive(Debug, Clone, PartialEq)]
pub struct Acknowledgement {
    /// The Envoy's stream.
    pub stream: u64,
    /// The Envoy's `node.id`.
    pub node: Arc<str>,
    /// Which part.
    pub kind: ResourceType,
    /// The time from the event behind the change to the acknowledgement.
    pub after: Duration,
}

impl Change {
    /// The change from an older state; `None` where there is none.
    pub(super) fn between(
        older: &Snapshot,
        newer: &Snapshot,
        number: u64,
        since: Instant,
        at: SystemTime,
    ) -> Option<Self> {
        let kinds = ResourceType::ALL.into_iter();
        let parts: Vec<Part> = kinds
            .filter(|kind| older.version(*kind) != newer.version(*kind))
            .map(|kind| Part::between(older, newer, kind))
            .collect();
        (!parts.is_empty()).then(|| Self {
            number,
            at,
            since,
            parts,
            acknowledged: Vec::new(),
        })
    }

    /// What it is to a type.
    pub fn part(&self, kind: ResourceType) -> Option<&Part> {
        self.parts.iter().find(|part| part.kind == kind)
    }
}

impl Part {
    fn between(older: &Snapshot, newer: &Snapshot, kind: ResourceType) -> Self {
        let mut part = Self {
            kind,
            version: newer.version(kind),
            put: 0,
            removed: 0,
            names: Vec::new(),
        };
        for difference in newer.changes(older, kind) {
            let name = match difference {
                Difference::Put(resource) => {
                    part.put += 1;
                    &resource.name
                }
                Difference::Removed(name) => {
                    part.removed += 1;
                    name
                }
            };
            if part.names.len() < NAMES {
                part.names.push(name.clone());
            }
        }
        part
    }
}
