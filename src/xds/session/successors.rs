//! Listeners that are removed because what they lead to is served elsewhere from now on.
//!
//! The socket of an expose is the name of its listener, so that an expose which moves has one listener
//! removed and another put by one update. Envoy may refuse the one, as it cannot bind the address, and has
//! removed the other by then: nothing would lead to the expose any more. So the old listener goes once the
//! client took what leads to the same cluster in its place, and stays while that is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use foldhash::HashMap;

use super::Session;
use super::has::Has;
use super::ledger::{Ledger, Pending};
use super::newcomers::{Gate, clusters};
use super::order::SEARCH;
use crate::envoy::{Resource, ResourceType};

/// The clusters that removed listeners lead to, and whether what leads there in their place has come.
type Gates<'a> = HashMap<&'a str, Gate>;

impl Session {
    /// Whether each of the listeners that are to be removed may go, by name.
    pub(super) fn successions<'a>(
        &'a self,
        pending: &'a BTreeMap<Arc<str>, Pending>,
        now: Instant,
    ) -> HashMap<&'a str, Gate> {
        let is_gone = |name: &str| self.view.get(ResourceType::Listener, name).is_none();
        let removed = pending.iter().filter(|(name, _)| is_gone(name));
        let removed = removed.map(|(name, pending)| {
            let had = [&pending.has, &pending.maybe].into_iter();
            (&**name, self.led_to(had.filter_map(Has::resource)))
        });
        let removed: Vec<(&str, Vec<&str>)> = removed.collect();
        let mut gates: Gates<'_> = HashMap::default();
        let all = removed.iter().flat_map(|(_, clusters)| clusters);
        gates.extend(all.map(|cluster| (*cluster, Gate::Open)));
        if gates.is_empty() {
            return HashMap::default();
        }
        for kind in [ResourceType::Listener, ResourceType::Routes] {
            if let Some(lane) = self.lane(kind) {
                self.await_arrivals(kind, &lane.ledger, &mut gates, now);
            }
        }
        let gate = |clusters: Vec<&str>| {
            let gates = clusters.iter().filter_map(|cluster| gates.get(cluster));
            gates.fold(Gate::Open, |all, gate| all.and(*gate))
        };
        removed
            .into_iter()
            .map(|(name, clusters)| (name, gate(clusters)))
            .collect()
    }

    /// Closes the gates of the clusters to which something leads that the client does not have yet.
    fn await_arrivals(
        &self,
        kind: ResourceType,
        ledger: &Ledger,
        gates: &mut Gates<'_>,
        now: Instant,
    ) {
        let pending = ledger.pending().iter().filter_map(|(name, pending)| {
            let target = self.view.get(kind, name);
            target.filter(|target| !pending.surely_has(target))
        });
        let refused = ledger.held.keys();
        let refused = refused.filter_map(|name| self.view.get(kind, name));
        let staying = pending.chain(refused).map(|target| (target, Gate::Shut));
        let flights = ledger.flights().iter();
        let flying = flights
            .filter(|flight| now < flight.given_up_at())
            .flat_map(|flight| {
                let news = flight.items.iter().filter(|item| item.is_news());
                let sent = news.filter_map(|item| item.sent.resource());
                sent.map(|sent| (sent, Gate::Until(flight.given_up_at())))
            });
        for (resource, gate) in staying.chain(flying) {
            let routes = self.routes_of(resource).map(Arc::as_ref);
            for leading in std::iter::once(&**resource).chain(routes) {
                close(gates, leading, gate);
            }
        }
    }

    /// The clusters that listeners which the client has lead to, by themselves or by their routes.
    fn led_to<'a>(&'a self, listeners: impl Iterator<Item = &'a Arc<Resource>>) -> Vec<&'a str> {
        let led_to = listeners.flat_map(|listener| {
            let routes = listener.references.of(ResourceType::Routes);
            let routes = routes.filter_map(|name| self.routes_had(name));
            let by_routes = routes.flat_map(|routes| clusters(&routes.references));
            clusters(&listener.references).chain(by_routes)
        });
        led_to.map(|name| &**name).collect()
    }

    /// The route configurations that a listener is to have.
    fn routes_of<'a>(&'a self, listener: &'a Resource) -> impl Iterator<Item = &'a Arc<Resource>> {
        let names = listener.references.of(ResourceType::Routes);
        names.filter_map(|name| self.view.get(ResourceType::Routes, name))
    }

    /// A route configuration as the client has it, also if it is to be removed.
    fn routes_had(&self, name: &str) -> Option<&Arc<Resource>> {
        let ledger = self.lane(ResourceType::Routes).map(|lane| &lane.ledger);
        let has = ledger.and_then(|ledger| {
            let pending = ledger.pending().get(name).map(|pending| &pending.has);
            pending.or_else(|| ledger.held.get(name).map(|held| &held.has))
        });
        match has.and_then(Has::resource) {
            Some(has) => Some(has),
            None => self.view.get(ResourceType::Routes, name),
        }
    }
}

/// Closes the gates of the clusters to which a resource leads. Whichever is shorter is walked: a route
/// configuration may name thousands.
fn close(gates: &mut Gates<'_>, resource: &Resource, gate: Gate) {
    if gates.len() * SEARCH < resource.references.len() {
        let gates = gates.iter_mut();
        let named = gates.filter(|(name, _)| resource.references(ResourceType::Cluster, name));
        named.for_each(|(_, known)| *known = known.and(gate));
    } else {
        for name in clusters(&resource.references) {
            if let Some(known) = gates.get_mut(&**name) {
                *known = known.and(gate);
            }
        }
    }
}
