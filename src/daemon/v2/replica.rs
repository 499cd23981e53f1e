//! The watched part of the daemon's dataset, kept up to date.
//!
//! States are shared with whoever received them and copied on write: a change costs a copy of the
//! instance that it touches.
//!
//! A daemon that starts reports its services one by one, and its peers' when it hears of them; what
//! is missing then is not gone. So what was known of a node stays until the node is known anew. Nor is a
//! service gone whose configuration is listed: the daemon calls itself started when all statuses are
//! written, which is up to seconds before it was told the last one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::OrdMap;

use super::change::Change;
use super::dataset::Phase;
use super::instance;
use super::json::Anomaly;
use super::path::Scope;
use super::tables::Tables;
use super::whole::{Known, Texts};
use crate::daemon::{Instance, Named, ServiceState, Update};
use crate::model::{ObjectKind, ObjectPath};

/// The services and secrets of every node; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Replica {
    phases: BTreeMap<Arc<str>, Phase>,
    services: OrdMap<ObjectPath, Arc<ServiceState>>,
    /// Checksums by node.
    secrets: OrdMap<ObjectPath, Named<Arc<str>>>,
    /// Objects that are missing on a node and may still come, each with whether the node lists its
    /// configuration: what is listed is waited for even when the node has started.
    retained: BTreeMap<(Arc<str>, ObjectPath), bool>,
    /// The instances of the last whole state by their text.
    texts: Texts,
    /// How many services there were then.
    texts_of: usize,
    /// Objects that changed since the last [`Replica::take`].
    dirty: BTreeSet<ObjectPath>,
}

impl Replica {
    /// Applies what one message says. All of it is tried; the first anomaly is returned.
    pub(super) fn apply(&mut self, mut changes: Vec<Change>) -> Result<(), Anomaly> {
        changes.dedup_by(|next, last| last.takes_in(next));
        let mut result = Ok(());
        for change in changes {
            result = result.and(self.change(change));
        }
        result
    }

    fn change(&mut self, change: Change) -> Result<(), Anomaly> {
        match change {
            Change::Odd => return Err(Anomaly::WrongType),
            Change::Part(scope, tables) => self.replace(&scope, tables),
            Change::Phase(node, phase) => {
                match phase {
                    Some(phase) => self.phases.insert(node.into(), phase),
                    None => self.phases.remove(&*node),
                };
                self.forget_retained();
            }
            Change::Instance(node, service, Some(instance)) => {
                self.put_instance(node.into(), service, Arc::new(instance));
            }
            Change::Secret(node, secret, Some(checksum)) => {
                self.put_secret(node.into(), secret, checksum);
            }
            Change::Instance(node, object, None) | Change::Secret(node, object, None) => {
                self.remove(node.into(), object, false);
            }
            Change::Listed(node, service, scope) => {
                let is_listed = scope.is_some_and(|scope| scope.has(&node));
                let missing = (node.into(), service);
                if self.retained.remove(&missing).is_some() {
                    self.remove(missing.0, missing.1, is_listed);
                }
            }
            Change::RunsOn(node, service) => {
                if self.retained.contains_key(&(node.into(), service)) {
                    return Err(Anomaly::NotKept);
                }
            }
            Change::Checksum(node, secret, checksum) => {
                let known = self.secrets.get(&secret);
                if known.is_some_and(|nodes| nodes.contains_key(&node)) {
                    self.put_secret(node.into(), secret, checksum);
                } else if !checksum.is_empty() {
                    return Err(Anomaly::MissingParent);
                }
            }
            Change::Field {
                node,
                service,
                field,
                deleted,
            } => {
                let state = self.services.get(&service);
                let Some(known) = state.and_then(|state| state.instances.get(&node)) else {
                    return missing_parent(deleted);
                };
                if let Some(changed) = instance::changed(known, field, deleted)?
                    && let Some(state) = self.services.get_mut(&service)
                    && let Some(known) = Arc::make_mut(state).instances.get_mut(&node)
                {
                    *known = Arc::new(changed);
                    self.dirty.insert(service);
                }
            }
        }
        Ok(())
    }

    /// What is known, for reading the whole state again.
    pub(super) fn known(&self) -> Known {
        Known {
            services: self.services.clone(),
            texts: self.texts.clone(),
        }
    }

    /// Replaces everything in a scope.
    pub(super) fn replace(&mut self, scope: &Scope, mut new: Tables) {
        if *scope == Scope::Root && !new.texts.is_empty() {
            self.texts = std::mem::take(&mut new.texts);
            self.texts_of = 0;
        }
        if scope.has_phases() {
            let of = scope.node();
            self.phases
                .retain(|node, _| of.is_some_and(|of| of != &**node));
        }
        for (node, phase) in new.phases() {
            self.phases.entry(node.clone()).or_insert(phase);
        }

        let (instances, secrets) = (new.take_instances(), new.take_secrets());
        let mut gone: Vec<(Arc<str>, ObjectPath)> = Vec::new();
        if scope.has_statuses() {
            gone.extend(missing(scope, &self.services, &instances, |s| &s.instances));
        }
        if scope.has_configs() {
            gone.extend(missing(scope, &self.secrets, &secrets, |nodes| nodes));
        }
        if !gone.is_empty() || !self.retained.is_empty() {
            let listed = new.take_listed();
            if scope.has_configs() {
                let of = scope.node();
                let retained = self.retained.iter_mut();
                retained
                    .filter(|((node, _), _)| of.is_none_or(|of| *of == **node))
                    .for_each(|(missing, is_listed)| *is_listed = listed.contains(missing));
            }
            for missing in gone {
                let is_listed = listed.contains(&missing);
                self.remove(missing.0, missing.1, is_listed);
            }
        }
        for (service, nodes) in instances {
            self.put_instances(service, nodes);
        }
        for (secret, nodes) in secrets {
            for (node, checksum) in nodes.iter() {
                self.put_secret(node.clone(), secret.clone(), checksum.clone());
            }
        }
        self.forget_retained();
        self.texts_of = self.texts_of.max(self.services.len());
    }

    /// Lets the texts go once most of the services are gone: what is known by its text keeps its place in
    /// memory until the whole state is read again, when there is little to recognise.
    fn forget_texts(&mut self) {
        if self.services.len() < self.texts_of / 2 {
            self.texts = Texts::default();
            self.texts_of = 0;
        }
    }

    /// Takes in the instances of a service; most are known already, whenever a whole state is read again.
    fn put_instances(&mut self, service: ObjectPath, instances: Named<Arc<Instance>>) {
        let known = self.services.get(&service);
        if self.retained.is_empty() {
            match known {
                Some(state) if state.instances == instances => return,
                Some(_) => {}
                None => {
                    let state = Arc::new(ServiceState { instances });
                    self.services.insert(service.clone(), state);
                    self.dirty.insert(service);
                    return;
                }
            }
        }
        for (node, instance) in instances.iter() {
            self.put_instance(node.clone(), service.clone(), instance.clone());
        }
    }

    fn put_instance(&mut self, node: Arc<str>, service: ObjectPath, instance: Arc<Instance>) {
        self.know(&node, &service);
        let state = self.services.entry(service.clone()).or_default();
        if state.instances.get(&node) != Some(&instance) {
            Arc::make_mut(state).instances.insert(node, instance);
            self.dirty.insert(service);
        }
    }

    fn put_secret(&mut self, node: Arc<str>, secret: ObjectPath, checksum: Arc<str>) {
        self.know(&node, &secret);
        self.change_secret(secret, |nodes| {
            nodes.insert(node, checksum);
        });
    }

    /// A node that has the same content as the others makes no difference.
    fn change_secret(&mut self, secret: ObjectPath, change: impl FnOnce(&mut Named<Arc<str>>)) {
        let nodes = self.secrets.entry(secret.clone()).or_default();
        let before = fingerprint(nodes);
        let was_empty = nodes.is_empty();
        change(nodes);
        if nodes.is_empty() != was_empty || fingerprint(nodes) != before {
            self.dirty.insert(secret.clone());
        }
        if nodes.is_empty() {
            self.secrets.remove(&secret);
        }
    }

    fn know(&mut self, node: &str, object: &ObjectPath) {
        if !self.retained.is_empty() {
            self.retained.remove(&(node.into(), object.clone()));
        }
    }

    /// Removes an object from a node, or retains it while the node is not known, or lists it.
    fn remove(&mut self, node: Arc<str>, object: ObjectPath, is_listed: bool) {
        if !self.holds(&node, &object) {
            return;
        }
        if is_listed || self.is_unknown(&node) {
            self.retained.insert((node, object), is_listed);
            return;
        }
        if let Some(state) = self.services.get_mut(&object) {
            Arc::make_mut(state).instances.remove(&node);
            if state.instances.is_empty() {
                self.services.remove(&object);
            }
            self.dirty.insert(object);
        } else {
            self.change_secret(object, |nodes| {
                nodes.remove(&node);
            });
        }
    }

    fn holds(&self, node: &str, object: &ObjectPath) -> bool {
        let instance = self.services.get(object);
        let checksum = self.secrets.get(object);
        instance.is_some_and(|state| state.instances.contains_key(node))
            || checksum.is_some_and(|nodes| nodes.contains_key(node))
    }

    /// Whether what is missing on a node may still come.
    ///
    /// A node in `init` has not evaluated all of its services. A node without data has left, unless
    /// some daemon, possibly the one that is asked, is still waiting to hear of its peers.
    fn is_unknown(&self, node: &str) -> bool {
        match self.phases.get(node) {
            Some(Phase::Init) => true,
            Some(Phase::Rejoin | Phase::Ready) => false,
            None => {
                self.phases.is_empty() || self.phases.values().any(|phase| *phase != Phase::Ready)
            }
        }
    }

    /// Removes what was retained of the nodes that are known by now, but for what they list.
    fn forget_retained(&mut self) {
        for ((node, object), is_listed) in std::mem::take(&mut self.retained) {
            self.remove(node, object, is_listed);
        }
    }

    /// The whole state, as an update; whatever changed before is in it.
    pub(super) fn reset(&mut self) -> Update {
        self.dirty.clear();
        Update::Reset {
            services: self
                .services
                .iter()
                .map(|(service, state)| (service.clone(), state.clone()))
                .collect(),
            secrets: self
                .secrets
                .iter()
                .map(|(secret, nodes)| (secret.clone(), fingerprint(nodes)))
                .collect(),
        }
    }

    /// What changed since the last call, as an update; `None` where nothing did.
    pub(super) fn take(&mut self) -> Option<Update> {
        self.forget_texts();
        let mut services = Vec::new();
        let mut secrets = Vec::new();
        for object in std::mem::take(&mut self.dirty) {
            if object.kind() == ObjectKind::Sec {
                let text = self.secrets.get(&object).map(fingerprint);
                secrets.push((object, text));
            } else {
                let state = self.services.get(&object).cloned();
                services.push((object, state));
            }
        }
        (!services.is_empty() || !secrets.is_empty()).then_some(Update::Patch { services, secrets })
    }

    /// Takes the place of an `older` replica: of what is marked as changed, keeps what differs.
    pub(super) fn supersede(&mut self, older: &Self) {
        let (services, secrets) = (&self.services, &self.secrets);
        self.dirty.retain(|object| {
            services.get(object) != older.services.get(object)
                || secrets.get(object) != older.secrets.get(object)
        });
        self.dirty.extend(older.dirty.iter().cloned());
    }
}

fn missing_parent(deleted: bool) -> Result<(), Anomaly> {
    if deleted {
        Ok(())
    } else {
        Err(Anomaly::MissingParent)
    }
}

/// What a table holds in a scope and a newer one, in the order of its objects, does not.
fn missing<'a, T, U, V: 'a>(
    scope: &'a Scope,
    known: &'a OrdMap<ObjectPath, T>,
    new: &'a [(ObjectPath, Named<U>)],
    nodes: impl Fn(&'a T) -> &'a Named<V> + 'a,
) -> impl Iterator<Item = (Arc<str>, ObjectPath)> + 'a {
    let mut rest = new;
    known.iter().flat_map(move |(object, entry)| {
        let before = rest.iter().take_while(|(other, _)| other < object).count();
        rest = rest.get(before..).unwrap_or_default();
        let kept = rest.first().filter(|(other, _)| other == object);
        nodes(entry)
            .keys()
            .filter(|node| scope.node().is_none_or(|of| *of == ***node))
            .filter(move |node| !kept.is_some_and(|(_, kept)| kept.contains_key(node)))
            .map(|node| (node.clone(), object.clone()))
    })
}

/// A text that changes when a secret does: the checksums that its nodes have. They differ for the
/// moment that a change takes to reach every node.
fn fingerprint(nodes: &Named<Arc<str>>) -> String {
    let checksums: BTreeSet<&str> = nodes.values().map(|checksum| &**checksum).collect();
    checksums.into_iter().collect::<Vec<_>>().join(",")
}
