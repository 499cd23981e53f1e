//! Responses, from what there is to send.

use std::sync::Arc;
use std::time::Instant;

use foldhash::HashSet;

use super::Session;
use super::batch::Batch;
use super::flight::Item;
use super::has::Has;
use super::lane::Claim;
use super::ledger::{Ledger, Pending};
use super::newcomers::endpoints;
use super::outbound::Plan;
use crate::envoy::{Resource, ResourceType, Variant, Version};
use crate::xds::Event;
use crate::xds::wire::{Resources, Response};

impl Session {
    /// Delta: what changed, and what is no more.
    pub(super) fn delta_response(
        &mut self,
        kind: ResourceType,
        plan: Plan,
        now: Instant,
    ) -> Response {
        let removed = plan.removals.iter().chain(&plan.absent).cloned().collect();
        let version = self.view.version(kind);
        self.send(kind, version, plan.puts.clone(), removed, plan, now)
    }

    /// State of the world for endpoints, secrets and routes: what changed.
    pub(super) fn partial_response(
        &mut self,
        kind: ResourceType,
        plan: Plan,
        now: Instant,
    ) -> Response {
        let version = self.version(kind, &plan);
        self.send(kind, version, plan.puts.clone(), Vec::new(), plan, now)
    }

    /// State of the world for clusters and listeners: everything that the client is to have, as what
    /// is absent is removed by that. In place of what waits, that is what the client has.
    pub(super) fn full_response(
        &mut self,
        kind: ResourceType,
        mut plan: Plan,
        now: Instant,
    ) -> Option<Response> {
        let lane = self.lane(kind)?;
        if !lane.answered && lane.claim != Claim::Nothing {
            // The first response decides what a client that reconnects keeps, so it tells even of what
            // names a refused cluster, which the client may well have.
            plan.puts
                .extend(plan.waits.drain(..).filter_map(|(_, target)| target));
        }
        let replaced: HashSet<&str> = self.replaced(kind, &plan).map(|(name, _)| name).collect();
        let is_target = |name: &str| replaced.is_empty() || !replaced.contains(name);
        let in_place = self.replaced(kind, &plan).filter_map(|(_, has)| has);
        let resources: Vec<Arc<Resource>> = if lane.subscription.is_wildcard() {
            let all = self.view.iter(kind);
            all.filter(|r| is_target(&r.name))
                .chain(in_place)
                .cloned()
                .collect()
        } else {
            let names = lane.subscription.names();
            names
                .filter(|name| is_target(name))
                .filter_map(|name| self.view.get(kind, name))
                .chain(in_place)
                .cloned()
                .collect()
        };
        // The client may have what cannot be sent before the daemon tells it again; without it, it would be
        // removed.
        if resources.iter().any(|resource| !resource.is_known()) {
            return None;
        }
        let version = self.version(kind, &plan);
        Some(self.send(kind, version, resources, Vec::new(), plan, now))
    }

    /// Either variant: a batch, to a client that has nothing of it.
    pub(super) fn batch_response(
        &mut self,
        kind: ResourceType,
        batch: &Arc<Batch>,
        now: Instant,
    ) -> Response {
        let version = match self.stream.variant {
            Variant::Delta => self.view.version(kind),
            Variant::StateOfTheWorld => self.version(kind, &Plan::default()),
        };
        let response = self.response(kind, version, batch.resources.clone(), Vec::new());
        let bytes = response.encoded_len();
        let sequence = self.nonces;
        let mut due = Vec::new();
        match kind {
            ResourceType::Cluster if self.is_aggregated() => {
                self.newcomers.sent_batch(batch, sequence, now);
                if let Some(lane) = self.lane(ResourceType::Endpoints) {
                    let all = batch
                        .resources
                        .iter()
                        .flat_map(|c| endpoints(&c.references));
                    due.extend(all.filter(|name| lane.subscription.wants(name)).cloned());
                }
            }
            ResourceType::Endpoints => self.newcomers.sent_endpoints_batch(batch),
            _ => {}
        }
        if let Some(lane) = self.lane_mut(kind) {
            lane.depart(&response, bytes, batch.items.clone(), sequence, now);
        }
        self.send_endpoints(&due);
        self.told(kind, response, bytes)
    }

    /// The names under which the client has something else than it should, because that waits or was
    /// refused; with what it has.
    fn replaced<'a>(
        &'a self,
        kind: ResourceType,
        plan: &'a Plan,
    ) -> impl Iterator<Item = (&'a str, Option<&'a Arc<Resource>>)> {
        let ledger = self.lane(kind).map(|lane| &lane.ledger);
        let waits = plan.waits.iter().map(move |(name, _)| {
            let pending = ledger.and_then(|ledger| ledger.pending().get(name));
            (&**name, pending.and_then(|pending| pending.has.resource()))
        });
        let held = ledger.into_iter().flat_map(|ledger| &ledger.held);
        // What came by an earlier stream cannot be repeated. To leave it out would remove it, so it is
        // sent as it should be, which the client refuses, while it takes the others (else it is given up).
        let held = held.filter(|(_, held)| !held.has.is_earlier());
        waits.chain(held.map(|(name, held)| (&**name, held.has.resource())))
    }

    /// The version of what the client will have, which is not the newest state where something waits or
    /// was refused.
    fn version(&self, kind: ResourceType, plan: &Plan) -> Version {
        let others = self.replaced(kind, plan).map(|(name, has)| {
            let target = self.view.get(kind, name);
            (target.map(|target| &**target), has.map(|has| &**has))
        });
        self.view.version_with(kind, others)
    }

    /// Makes the response and notes that the client was sent it.
    fn send(
        &mut self,
        kind: ResourceType,
        version: Version,
        resources: Vec<Arc<Resource>>,
        removed: Vec<Arc<str>>,
        plan: Plan,
        now: Instant,
    ) -> Response {
        let response = self.response(kind, version, resources.into(), removed);
        let bytes = response.encoded_len();
        self.depart(kind, plan, &response, bytes, now);
        self.told(kind, response, bytes)
    }

    fn response(
        &mut self,
        kind: ResourceType,
        version: Version,
        resources: Resources,
        removed: Vec<Arc<str>>,
    ) -> Response {
        Response {
            variant: self.stream.variant,
            type_url: kind.type_url().into(),
            version,
            nonce: self.next_nonce(),
            resources,
            removed,
            identifier: self.common.identifier.clone(),
        }
    }

    /// A response of so many bytes, about which the observer is told.
    fn told(&self, kind: ResourceType, response: Response, bytes: usize) -> Response {
        self.tell(&Event::Sent {
            kind,
            version: response.version,
            nonce: &response.nonce,
            resources: response.resources.len(),
            removed: response.removed.len(),
            bytes,
        });
        response
    }

    fn depart(
        &mut self,
        kind: ResourceType,
        plan: Plan,
        response: &Response,
        bytes: usize,
        now: Instant,
    ) {
        let aggregated = self.is_aggregated();
        let sequence = self.nonces;
        let (follows, whole) = (
            self.lane(ResourceType::Endpoints).is_some(),
            self.is_whole(kind),
        );
        let (newcomers, lanes) = (&mut self.newcomers, &mut self.lanes);
        let Some(lane) = lanes[kind as usize].as_mut() else {
            return;
        };
        let ledger = &mut lane.ledger;
        let mut items = Vec::with_capacity(plan.puts.len() + plan.removals.len());
        let mut due = Vec::new();
        let settled = ledger.settle_all(&plan.puts);
        for (resource, pending) in plan.puts.into_iter().zip(settled) {
            let name = resource.name.clone();
            let (had, maybe) = had(pending);
            match kind {
                ResourceType::Cluster if aggregated => {
                    newcomers.sent_cluster(&resource, &had, sequence, now);
                    if follows {
                        due.extend(endpoints(&resource.references).cloned());
                    }
                }
                ResourceType::Endpoints => newcomers.sent_endpoints(&name),
                _ => {}
            }
            let sent = Has::Resource(resource);
            items.push(Item {
                name,
                had,
                maybe,
                sent,
            });
        }
        for name in plan.removals {
            let (had, maybe) = had(ledger.settle(&name));
            items.push(Item {
                name,
                had,
                maybe,
                sent: Has::Nothing,
            });
        }
        for name in &plan.absent {
            ledger.settle(name);
        }
        if whole {
            // The client's verdict is about these as well.
            let changed: HashSet<&str> = items.iter().map(|item| &*item.name).collect();
            let others = response.resources.iter();
            let others = others.filter(|resource| !changed.contains(&*resource.name));
            let others: Vec<Item> = others.map(|resource| ledger.repeat(resource)).collect();
            let mut gone: Vec<_> = ledger.going().collect();
            if !gone.is_empty() {
                let there: HashSet<&str> = response.resources.iter().map(|r| &*r.name).collect();
                gone.retain(|name| !changed.contains(&***name) && !there.contains(&***name));
            }
            let gone: Vec<Item> = gone.into_iter().map(Ledger::stays_away).collect();
            items.extend(others);
            items.extend(gone);
        }
        if plan.tries {
            ledger.search.sent(sequence, now);
        }
        lane.depart(response, bytes, items.into(), sequence, now);
        self.send_endpoints(&due);
    }

    /// Endpoints follow their cluster, which stays warming without them.
    pub(super) fn send_endpoints(&mut self, due: &[Arc<str>]) {
        let Some(lane) = self.lanes[ResourceType::Endpoints as usize].as_mut() else {
            return;
        };
        for name in due.iter().filter(|name| lane.subscription.wants(name)) {
            let had = Has::sent(self.view.get(ResourceType::Endpoints, name));
            lane.ledger.demand(name, had);
        }
    }
}

/// What a client has, and may have instead, of a name that was pending.
fn had(pending: Option<Pending>) -> (Has, Has) {
    pending.map_or((Has::Nothing, Has::Nothing), |p| (p.has, p.maybe))
}
