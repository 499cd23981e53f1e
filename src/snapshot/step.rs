//! What a snapshot differs in from the one that it takes the place of, found once for all who ask.

use std::sync::Arc;

use super::{Change, Snapshot, Table};
use crate::envoy::{Resource, ResourceType};

/// Up to how many changes are kept. A step keeps what was there before as well: of snapshots that share
/// all else, not much.
const FEW: usize = 64;

/// The way from one snapshot to the next.
pub(super) struct Step {
    from: [Table; ResourceType::ALL.len()],
    changes: [Vec<Known>; ResourceType::ALL.len()],
}

/// A [`Change`], kept.
enum Known {
    Put(Arc<Resource>),
    Removed(Arc<str>),
}

impl Step {
    /// The step between two snapshots, where it is a small one.
    pub(super) fn between(older: &Snapshot, newer: &Snapshot) -> Option<Self> {
        let mut room = FEW;
        let mut changes = [const { Vec::new() }; ResourceType::ALL.len()];
        for kind in ResourceType::ALL {
            for change in newer.changes(older, kind) {
                room = room.checked_sub(1)?;
                changes[kind as usize].push(match change {
                    Change::Put(resource) => Known::Put(resource.clone()),
                    Change::Removed(name) => Known::Removed(name.clone()),
                });
            }
        }
        Some(Self {
            from: older.tables.clone(),
            changes,
        })
    }

    /// The changes of a type, if the step is one from a snapshot.
    pub(super) fn changes_from(
        &self,
        older: &Snapshot,
        kind: ResourceType,
    ) -> Option<impl Iterator<Item = Change<'_>>> {
        let slot = kind as usize;
        let changes = self.from[slot]
            .ptr_eq(&older.tables[slot])
            .then(|| self.changes[slot].iter());
        changes.map(|changes| {
            changes.map(|change| match change {
                Known::Put(resource) => Change::Put(resource),
                Known::Removed(name) => Change::Removed(name),
            })
        })
    }
}
