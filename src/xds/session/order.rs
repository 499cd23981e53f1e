//! What must wait for what, so that a client is never left with a reference to something it lacks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use foldhash::{HashMap, HashSet};

use super::has::Has;
use super::lane::Claim;
use super::ledger::{Leftover, Pending};
use super::newcomers::{self, Gate};
use super::outbound::Plan;
use super::{SETTLE, Session};
use crate::envoy::{Resource, ResourceType};

/// From this many removals, who still names what is indexed rather than searched for each.
const MANY: usize = 16;

/// Walking along so many references costs what a search among them costs.
pub(super) const SEARCH: usize = 16;

/// What the client may still have that could name resources of a type.
pub(super) struct Holders<'a> {
    kind: ResourceType,
    leftovers: Vec<Leftover<'a>>,
    /// Some holder may name anything.
    anything: Gate,
    named: Option<HashMap<&'a str, Gate>>,
}

impl<'a> Holders<'a> {
    /// Whether nothing holds a name any more.
    fn gate(&self, name: &str) -> Gate {
        match &self.named {
            Some(named) => named
                .get(name)
                .map_or(Gate::Open, |g| *g)
                .and(self.anything),
            None => self
                .leftovers
                .iter()
                .filter(|leftover| leftover.has.may_name(self.kind, name))
                .fold(Gate::Open, |all, leftover| all.and(until(leftover))),
        }
    }

    /// Gathers who still names each of some names.
    fn index(&mut self, names: &'a BTreeMap<Arc<str>, Pending>) {
        let mut named: HashMap<&'a str, Gate> = HashMap::default();
        // What is under way comes after what it replaces, which is in the response before.
        let mut seen = HashSet::default();
        for leftover in &self.leftovers {
            match leftover.has {
                Has::Nothing => {}
                Has::Earlier(_) => self.anything = self.anything.and(until(leftover)),
                Has::Resource(resource) => {
                    if !seen.insert((Arc::as_ptr(resource), leftover.until)) {
                        continue;
                    }
                    let mut note = |name: &'a str| {
                        let gate = named.entry(name).or_insert(Gate::Open);
                        *gate = gate.and(until(leftover));
                    };
                    // Whichever is shorter is walked: a route configuration may name thousands.
                    if names.len() * SEARCH < resource.references.len() {
                        let names = names.keys().filter(|n| resource.references(self.kind, n));
                        names.for_each(|name| note(name));
                    } else {
                        resource
                            .references
                            .of(self.kind)
                            .for_each(|name| note(name));
                    }
                }
            }
        }
        self.named = Some(named);
    }
}

fn until(leftover: &Leftover<'_>) -> Gate {
    leftover.until.map_or(Gate::Shut, Gate::Until)
}

/// The types whose resources may name those of a type and must let go of them first.
fn holders_of(kind: ResourceType) -> &'static [ResourceType] {
    use ResourceType::{Cluster, Endpoints, Listener, Routes, Secret};
    match kind {
        Cluster => &[Listener, Routes],
        Endpoints => &[Cluster],
        Secret => &[Cluster, Listener],
        Routes => &[Listener],
        Listener => &[],
    }
}

impl Session {
    /// What the client may still have that could name resources of a type, of which some are pending and
    /// may have to be removed.
    pub(super) fn holders<'a>(
        &'a self,
        kind: ResourceType,
        pending: &'a BTreeMap<Arc<str>, Pending>,
        now: Instant,
    ) -> Holders<'a> {
        let lanes = holders_of(kind).iter().filter_map(|kind| self.lane(*kind));
        let mut holders = Holders {
            kind,
            leftovers: Vec::new(),
            anything: Gate::Open,
            named: None,
        };
        holders.leftovers = lanes.flat_map(|lane| lane.ledger.leftovers(now)).collect();
        if kind == ResourceType::Listener {
            // Nothing names a listener, but another may be about to take its place.
            holders.named = Some(self.successions(pending, now));
        } else if pending.len() > MANY {
            holders.index(pending);
        }
        holders
    }

    /// Whether a resource may be removed: nothing that the client has names it.
    pub(super) fn removal_gate(&self, name: &str, holders: &Holders<'_>, now: Instant) -> Gate {
        let kind = holders.kind;
        let gate = holders.gate(name);
        // A client that reconnects has more than it asked for yet.
        let unasked = || {
            holders_of(kind)
                .iter()
                .any(|kind| self.lane(*kind).is_none())
        };
        match self.lane(kind) {
            Some(lane) if lane.claim != Claim::Nothing && self.is_aggregated() => {
                let settled_at = lane.opened_at + SETTLE;
                if now < settled_at && unasked() {
                    gate.and(Gate::Until(settled_at))
                } else {
                    gate
                }
            }
            _ => gate,
        }
    }

    /// Whether a resource may be sent: the client has the clusters that it names.
    pub(super) fn gate(&self, resource: &Resource, is_new: bool, now: Instant) -> Gate {
        use ResourceType::{Listener, Routes};
        if !matches!(resource.kind, Listener | Routes) {
            return Gate::Open;
        }
        let gate = self.clusters_gate(resource, now);
        if resource.kind != Listener || !is_new {
            return gate;
        }
        // A new listener comes after what its routes lead to, as its routes do. That is order for its
        // own sake, so nothing that was refused keeps the listener away.
        let routes = resource.references.of(Routes);
        let routes = routes.filter_map(|name| self.view.get(Routes, name));
        routes.fold(gate, |all, routes| match self.clusters_gate(routes, now) {
            Gate::Shut => all,
            gate => all.and(gate),
        })
    }

    /// Whether the next batch may be sent: the client has the clusters that it names, which came in batches as
    /// well. `None` where there is something else to say of some of it than of the rest.
    pub(super) fn batch_gate(&self, kind: ResourceType, now: Instant) -> Option<Gate> {
        use ResourceType::{Cluster, Endpoints, Listener, Routes};
        let ledger = &self.lane(kind)?.ledger;
        // What tells all of a type must tell of what is pending as well.
        if self.is_whole(kind) && !ledger.is_untold_only() {
            return None;
        }
        let clusters = self.lane(Cluster).map(|lane| &lane.ledger);
        let Some(clusters) = clusters.filter(|_| matches!(kind, Listener | Routes)) else {
            return Some(Gate::Open);
        };
        if !clusters.pending().is_empty() || !clusters.held.is_empty() {
            return None;
        }
        let endpoints_wanted = self.lane(Endpoints).is_some();
        let newcomers = self.newcomers.gate_of_all(endpoints_wanted, now)?;
        let untold = match clusters.untold.is_empty() {
            true => Gate::Open,
            false => Gate::Shut,
        };
        Some(untold.and(newcomers))
    }

    /// Whether the first answer waits until all of it can be sent, which will be soon. An Envoy takes the first
    /// that it is told of its listeners for all of them, and says that it is ready; and where a response tells
    /// all of a type, the first decides what a client that reconnects keeps.
    pub(super) fn is_too_early(&self, kind: ResourceType, plan: &Plan) -> bool {
        let Some(lane) = self.lane(kind) else {
            return false;
        };
        let is_first = match self.is_whole(kind) {
            // What it leaves out it removes, and what repairs a refused response is owed as well.
            true => !lane.answered,
            false => lane.owes_answer,
        };
        let clusters = self.lane(ResourceType::Cluster);
        let is_behind = || clusters.is_some_and(|clusters| !clusters.ledger.untold.is_empty());
        is_first && (plan.wake.is_some() || !plan.waits.is_empty() && is_behind())
    }

    fn clusters_gate(&self, resource: &Resource, now: Instant) -> Gate {
        use ResourceType::{Cluster, Endpoints};
        let Some(clusters) = self.lane(Cluster) else {
            return Gate::Open;
        };
        let clusters = &clusters.ledger;
        let untold = &clusters.untold;
        let is_untold = |name: &Arc<str>| untold.contains(name);
        let untold = !untold.is_empty() && newcomers::clusters(&resource.references).any(is_untold);
        let unsent = names_any(resource, clusters.pending(), |name, pending| {
            pending.has.is_nothing() && self.view.get(Cluster, name).is_some()
        });
        let refused = names_any(resource, &clusters.held, |_, held| held.has.is_nothing());
        if untold || unsent || refused {
            return Gate::Shut;
        }
        let endpoints_wanted = self.lane(Endpoints).is_some();
        self.newcomers.gate(resource, endpoints_wanted, now)
    }
}

/// Whether a resource names one of some clusters of which something is true. Whichever is shorter is walked:
/// thousands of clusters come at once when a client connects.
fn names_any<T>(
    resource: &Resource,
    clusters: &BTreeMap<Arc<str>, T>,
    is_true: impl Fn(&str, &T) -> bool,
) -> bool {
    if clusters.len() < resource.references.len() {
        let mut clusters = clusters.iter();
        let cluster = ResourceType::Cluster;
        clusters.any(|(name, of)| is_true(name, of) && resource.references(cluster, name))
    } else {
        let mut named = newcomers::clusters(&resource.references);
        named.any(|name| clusters.get(name).is_some_and(|of| is_true(name, of)))
    }
}
