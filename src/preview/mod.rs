//! What Envoy would get for configurations that nobody has deployed: the same validation and
//! translation as in the sidecar, put together into a snapshot that is served to no one.
//!
//! ```text
//!  documents ─► verdict ─► Preview ─► Snapshot ─┬─► differences, field by field
//!  (before, after)                              └─► drains: which connections would end
//! ```

mod difference;
mod drain;

use std::collections::BTreeMap;
use std::net::IpAddr;

pub use difference::{Difference, Field, Kind, differences};
pub use drain::{Drain, Extent, drains};

use crate::model::{Document, Expose, ExposeId};
use crate::snapshot::Snapshot;
use crate::translate::{self, Endpoint};
use crate::validate::conflict::Occupancy;
use crate::verdict::{self, Candidate, Verdict};

/// An address of a service, and the `ip#…` section that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The section.
    pub section: String,
    /// The address.
    pub addr: IpAddr,
}

/// What one gateway would serve.
#[derive(Debug, Clone)]
pub struct Preview {
    gateway: String,
    served: BTreeMap<ExposeId, (Candidate, Vec<Endpoint>)>,
}

impl Preview {
    /// A gateway of a name that serves nothing yet.
    pub fn new(gateway: impl Into<String>) -> Self {
        Self {
            gateway: gateway.into(),
            served: BTreeMap::new(),
        }
    }

    /// Serves what other services expose, as far as they do not contradict each other.
    pub fn serve_others(&mut self, others: &[Expose]) {
        let mut occupancy = Occupancy::new(Vec::new());
        for expose in others {
            if expose.is_for(&self.gateway)
                && occupancy.claim(expose).is_ok()
                && let Ok(candidate) = verdict::prepare(expose.clone())
            {
                self.put(candidate, Vec::new());
            }
        }
    }

    /// Serves what a verdict lets through, in place of what it served of the service before.
    ///
    /// An expose that was served, is still configured and is refused now goes on as it was, as it
    /// does in the sidecar. Returns those.
    pub fn serve(
        &mut self,
        document: &Document,
        verdict: &Verdict,
        addresses: &[Address],
    ) -> Vec<ExposeId> {
        let service = &document.path;
        let is_new = |id: &ExposeId| verdict.served().any(|served| served == id);
        let is_kept = |id: &ExposeId| document.sections.contains_key(&id.section) && !is_new(id);
        let own = self.served.keys().filter(|id| id.service == *service);
        let (kept, gone): (Vec<ExposeId>, Vec<ExposeId>) = own.cloned().partition(is_kept);
        for id in gone {
            self.served.remove(&id);
        }
        for candidate in &verdict.candidates {
            if candidate.expose.is_for(&self.gateway) {
                let endpoints = endpoints(document, &candidate.expose, addresses);
                self.put(candidate.clone(), endpoints);
            }
        }
        kept
    }

    /// Everything that Envoy would get, but for secrets that only the daemon knows.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let candidates = self.served.values().map(|(candidate, _)| candidate);
        for resource in verdict::assemble(candidates) {
            snapshot.put(resource);
        }
        for (candidate, endpoints) in self.served.values() {
            if candidate.has_endpoints() {
                let name = candidate.translation.cluster.name.clone();
                snapshot.put(translate::load_assignment(name, endpoints));
            }
        }
        snapshot
    }

    fn put(&mut self, candidate: Candidate, endpoints: Vec<Endpoint>) {
        let id = candidate.expose.id.clone();
        self.served.insert(id, (candidate, endpoints));
    }
}

/// Where an expose would answer: at the addresses of the ip sections that list it.
fn endpoints(document: &Document, expose: &Expose, addresses: &[Address]) -> Vec<Endpoint> {
    let lists_it = |address: &&Address| {
        let ip = document.ips.get(&address.section);
        ip.is_some_and(|ip| ip.exposes.contains(&expose.id.section))
    };
    let at = addresses.iter().filter(lists_it).map(|address| Endpoint {
        locality: None,
        addr: address.addr,
        port: expose.port.get(),
    });
    at.collect()
}

#[cfg(test)]
mod tests;
