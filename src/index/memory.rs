//! What an index knows that no configuration says: what is served and who was there first, and which
//! ports it chose.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use imbl::OrdMap;

use super::{ExposeView, Index, Serving, View, Work};
use crate::envoy::ResourceType;
use crate::model::{Expose, ExposeId, Protocol};
use crate::snapshot::Snapshot;
use crate::translate::endpoint_count;
use crate::verdict::prepare;

/// What a gateway that starts again should know from before: an immutable value that shares structure with
/// the ones before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The exposes that are served.
    pub incumbents: OrdMap<ExposeId, Incumbent>,
    /// The listener ports that were chosen and are not in the configuration yet, by the expose that asked
    /// for one.
    pub ports: OrdMap<ExposeId, ChosenPort>,
}

impl Memory {
    /// Whether a memory was never changed since it was this one.
    pub fn is_same(&self, other: &Self) -> bool {
        self.incumbents.ptr_eq(&other.incumbents) && self.ports.ptr_eq(&other.ports)
    }
}

/// An expose that is served.
#[derive(Debug, Clone, PartialEq)]
pub struct Incumbent {
    /// When it was first served, as a sequence number: of two that want the same, the lower one wins.
    pub rank: u64,
    /// As it is served, which may not be as it is configured; `None` where that is not known any more.
    pub served: Option<Arc<Expose>>,
    /// Whether that holds a private key.
    pub confidential: bool,
}

/// A listener port that the gateway chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenPort {
    /// The address that it listens on.
    pub addr: IpAddr,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: NonZeroU16,
}

impl Index {
    /// What the next run should know. Cheap to clone.
    pub fn memory(&self) -> Memory {
        Memory {
            incumbents: self.incumbents.clone(),
            ports: self.ports.all().clone(),
        }
    }

    /// Takes over what an earlier run knew, and the secrets of the snapshot that it `served`. To be
    /// called before any event.
    pub fn recall(&mut self, memory: Memory, served: &Snapshot) {
        let mut by_rank: Vec<_> = memory.incumbents.into_iter().collect();
        by_rank.sort_by(|(a, first), (b, second)| (first.rank, a).cmp(&(second.rank, b)));
        for (rank, (id, incumbent)) in (0..).zip(by_rank) {
            if let Some(served) = incumbent.served {
                self.last_good.insert(id.clone(), served);
            }
            self.recalled.insert(id, rank);
            self.admitted = rank + 1;
        }
        self.secrets.recall(served.iter(ResourceType::Secret));
        for (id, chosen) in memory.ports {
            self.ports.recall(id, chosen);
        }
    }

    /// Forgets what an earlier run knew of exposes that were deleted while there was no gateway.
    pub(super) fn forget_gone(&mut self) {
        let slots = &self.slots;
        self.recalled.retain(|id, _| slots.get(id).is_some());
        self.ports.retain(|id| slots.get(id).is_some());
    }

    /// What there is to tell of what an earlier run `served`, as long as nothing else is known.
    pub fn recalled_view(&self, served: &Snapshot) -> View {
        let exposes = self.recalled.keys().map(|id| {
            let assignment = served.get(ResourceType::Endpoints, &id.to_string());
            let view = ExposeView {
                serving: Serving::Kept,
                socket: self.last_good.get(id).and_then(|expose| expose.socket()),
                endpoints: assignment.map_or(0, |assignment| endpoint_count(assignment)),
                idle: None,
            };
            (id.clone(), view)
        });
        View {
            exposes: exposes.collect(),
            ..View::default()
        }
    }

    /// Serves an expose as an earlier run did, when it is first heard of: what its configuration says
    /// now is then a change like any other. All of them sit before anybody chooses.
    pub(super) fn resume(&mut self, id: &ExposeId, work: &mut Work) {
        let recalled = (self.last_good.remove(id), self.recalled.get(id).copied());
        let (Some(expose), Some(rank)) = recalled else {
            return;
        };
        // What this version cannot serve, or where the gateway itself sits now, is not served.
        let Ok(mut candidate) = prepare(Arc::unwrap_or_clone(expose)) else {
            return;
        };
        if self.occupancy.claim(&candidate.expose).is_err() {
            return;
        }
        self.publication.share(&mut candidate);
        let candidate = Arc::new(candidate);
        self.publication.serve(&candidate);
        let slot = self.slots.entry(id);
        slot.wanted = Some(candidate.clone());
        slot.since = Some(rank);
        self.sit(id, rank, candidate);
        work.admit.insert(id.clone());
    }
}
