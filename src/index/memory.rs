//! What an index knows that no configuration says: what is served and who was there first, and which
//! ports it chose.

use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::{ExposeView, Index, Serving, View, Work};
use crate::envoy::ResourceType;
use crate::model::{Expose, ExposeId, Protocol};
use crate::snapshot::Snapshot;
use crate::translate::endpoint_count;
use crate::verdict::prepare;

/// What a gateway that starts again should know from before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The exposes that are served, the first served first: who wins a conflict.
    pub incumbents: Vec<Incumbent>,
    /// The listener ports that were chosen and are not in the configuration yet.
    pub ports: Vec<ChosenPort>,
}

/// An expose that is served.
#[derive(Debug, Clone, PartialEq)]
pub struct Incumbent {
    /// Its name.
    pub id: ExposeId,
    /// As it is served, which may not be as it is configured; `None` where that is not known any more.
    pub served: Option<Arc<Expose>>,
    /// Whether that holds a private key.
    pub confidential: bool,
}

/// A listener port that the gateway chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenPort {
    /// The expose that asked for one.
    pub expose: ExposeId,
    /// The address that it listens on.
    pub addr: IpAddr,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The port.
    pub port: NonZeroU16,
}

impl Index {
    /// What the next run should know.
    pub fn memory(&self) -> Memory {
        let slots = self.slots.iter();
        let served = slots.filter_map(|(id, slot)| Some((slot.since, id, slot.served.as_ref()?)));
        let mut served: Vec<_> = served.collect();
        served.sort_by_key(|(since, id, _)| (*since, *id));
        let incumbents = served.into_iter().map(|(_, id, served)| Incumbent {
            id: id.clone(),
            served: Some(served.expose.clone()),
            confidential: served.is_confidential(),
        });
        Memory {
            incumbents: incumbents.collect(),
            ports: self.ports.all().collect(),
        }
    }

    /// Takes over what an earlier run knew, and the secrets of the snapshot that it `served`. To be
    /// called before any event.
    pub fn recall(&mut self, memory: Memory, served: &Snapshot) {
        for (rank, incumbent) in (0..).zip(memory.incumbents) {
            if let Some(served) = incumbent.served {
                self.last_good.insert(incumbent.id.clone(), served);
            }
            self.recalled.insert(incumbent.id, rank);
            self.admitted = rank + 1;
        }
        self.secrets.recall(served.iter(ResourceType::Secret));
        for chosen in memory.ports {
            self.ports.recall(chosen);
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
        let Some(expose) = self.last_good.remove(id) else {
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
        slot.served = Some(candidate);
        slot.since = self.recalled.get(id).copied();
        work.admit.insert(id.clone());
    }
}
