//! From served exposes to the snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use foldhash::HashMap;

use super::shared::SharedRoutes;
use super::spare::give_back;
use crate::envoy::{Resource, ResourceType};
use crate::model::{ExposeId, Socket};
use crate::snapshot::Snapshot;
use crate::translate::{self, Attachment, Endpoint, Shape};
use crate::verdict::Candidate;

/// The snapshot, and what its shared resources are made of.
#[derive(Debug, Default)]
pub(super) struct Publication {
    snapshot: Snapshot,
    sockets: HashMap<Socket, Attached>,
    secret_users: HashMap<Arc<str>, BTreeSet<ExposeId>>,
    dirty: BTreeSet<Socket>,
    /// The last filter chain that is equal in all exposes which share it: held once, not in each.
    chain: Bytes,
}

/// What is attached to a socket.
#[derive(Debug, Default)]
struct Attached {
    candidates: BTreeMap<ExposeId, Arc<Candidate>>,
    routes: SharedRoutes,
    /// The exposes of which something else is attached than is published.
    changed: BTreeSet<ExposeId>,
    /// Whether that makes another listener.
    listener_changed: bool,
}

impl Attached {
    fn attachments(&self) -> Vec<&Attachment> {
        let candidates = self.candidates.values();
        candidates
            .filter_map(|candidate| attachment(candidate))
            .collect()
    }

    fn attach(&mut self, id: &ExposeId, candidate: &Arc<Candidate>) {
        self.candidates.insert(id.clone(), candidate.clone());
        self.note(id, candidate);
    }

    fn detach(&mut self, id: &ExposeId, candidate: &Candidate) {
        self.candidates.remove(id);
        self.note(id, candidate);
    }

    /// Notes that a candidate came or went.
    fn note(&mut self, id: &ExposeId, candidate: &Candidate) {
        // Not looked for twice: it may be one of thousands that came at once.
        self.listener_changed = self.listener_changed || self.concerns_listener(id, candidate);
        self.changed.insert(id.clone());
    }

    /// Whether the listener is another with a candidate than without. Of the thousands that share a chain,
    /// the first speaks for all that ask the same of the listener.
    fn concerns_listener(&self, id: &ExposeId, candidate: &Candidate) -> bool {
        let Some(mine) = shared(candidate) else {
            return true;
        };
        let mut others = self.candidates.iter().filter(|(other, _)| *other != id);
        let first = others.find_map(|(id, other)| Some((id, shared(other)?)));
        first.is_none_or(|(first_id, first)| {
            id < first_id
                || mine.original_dst != first.original_dst
                || mine.references != first.references
        })
    }
}

fn attachment(candidate: &Candidate) -> Option<&Attachment> {
    candidate.translation.attachment.as_ref()
}

/// The attachment of a candidate that shares its chain.
fn shared(candidate: &Candidate) -> Option<&Attachment> {
    attachment(candidate).filter(|a| matches!(a.shape, Shape::SharedHttp { .. }))
}

impl Publication {
    pub(super) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    pub(super) fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// Lets a candidate share what others have as well.
    pub(super) fn share(&mut self, candidate: &mut Candidate) {
        let attachment = candidate.translation.attachment.as_mut();
        if let Some(Shape::SharedHttp { chain, .. }) = attachment.map(|a| &mut a.shape) {
            match *chain == self.chain {
                true => chain.clone_from(&self.chain),
                false => self.chain.clone_from(chain),
            }
        }
    }

    /// Serves an expose.
    pub(super) fn serve(&mut self, candidate: &Arc<Candidate>) {
        let id = &candidate.expose.id;
        let translation = &candidate.translation;
        self.snapshot.put(translation.cluster.clone());
        for secret in &translation.secrets {
            let users = self.secret_users.entry(secret.name.clone()).or_default();
            users.insert(id.clone());
            self.snapshot.put(secret.clone());
        }
        if let Some(attachment) = &translation.attachment {
            if let Some(routes) = attachment.own_routes() {
                self.snapshot.put(routes.clone());
            }
            let attached = self.sockets.entry(attachment.socket).or_default();
            attached.attach(id, candidate);
            self.dirty.insert(attachment.socket);
        }
    }

    /// Stops serving an expose.
    pub(super) fn withdraw(&mut self, candidate: &Candidate) {
        self.detach(candidate, &[]);
        let name = candidate.translation.cluster.name.clone();
        self.snapshot.remove(ResourceType::Cluster, &name);
        self.snapshot.remove(ResourceType::Endpoints, &name);
    }

    /// Stops serving a version of an expose, but for what the `next` version has as well.
    pub(super) fn withdraw_but(&mut self, candidate: &Candidate, next: &Candidate) {
        let kept: Vec<&Resource> = own_resources(next).collect();
        self.detach(candidate, &kept);
        if !next.has_endpoints() {
            let name = &next.translation.cluster.name;
            self.snapshot.remove(ResourceType::Endpoints, name);
        }
    }

    fn detach(&mut self, candidate: &Candidate, kept: &[&Resource]) {
        let id = &candidate.expose.id;
        for resource in own_resources(candidate) {
            let is_kept = kept
                .iter()
                .any(|k| (k.kind, &k.name) == (resource.kind, &resource.name));
            if is_kept || self.is_used_by_others(resource, id) {
                continue;
            }
            self.snapshot.remove(resource.kind, &resource.name);
        }
        if let Some(Attachment { socket, .. }) = &candidate.translation.attachment {
            if let Some(attached) = self.sockets.get_mut(socket) {
                attached.detach(id, candidate);
            }
            self.dirty.insert(*socket);
        }
    }

    /// Whether another expose still uses a secret; `id` does not any more.
    fn is_used_by_others(&mut self, resource: &Resource, id: &ExposeId) -> bool {
        let Some(users) = self.secret_users.get_mut(&resource.name) else {
            return false;
        };
        users.remove(id);
        let used = !users.is_empty();
        if !used {
            self.secret_users.remove(&resource.name);
        }
        used
    }

    /// Says where a served expose runs.
    pub(super) fn put_endpoints(&mut self, candidate: &Candidate, endpoints: &[Endpoint]) {
        if candidate.has_endpoints() {
            let cluster = &candidate.translation.cluster.name;
            self.snapshot
                .put(translate::load_assignment(cluster.clone(), endpoints));
        }
    }

    /// Puts the listeners together of which a part changed, and the route configurations that
    /// exposes share.
    pub(super) fn assemble(&mut self) {
        for socket in std::mem::take(&mut self.dirty) {
            let name = socket.to_string();
            let Some(attached) = self.sockets.get_mut(&socket) else {
                continue;
            };
            if attached.candidates.is_empty() {
                self.sockets.remove(&socket);
                give_back(&mut self.sockets);
                self.snapshot.remove(ResourceType::Listener, &name);
                self.snapshot.remove(ResourceType::Routes, &name);
                continue;
            }
            if std::mem::take(&mut attached.listener_changed) {
                let listener = translate::listener(socket, &attached.attachments());
                self.snapshot.put(listener);
            }
            let mut routes = std::mem::take(&mut attached.routes);
            let changed = std::mem::take(&mut attached.changed);
            let changed = changed.iter().map(|id| {
                let candidate = attached.candidates.get(id);
                (id, candidate.and_then(|candidate| attachment(candidate)))
            });
            match routes.update(socket, changed, || attached.attachments()) {
                Some(routes) => self.snapshot.put(routes),
                None => self.snapshot.remove(ResourceType::Routes, &name),
            };
            attached.routes = routes;
        }
    }
}

/// What an expose owns beside its cluster and endpoints: secrets and its own route configuration.
fn own_resources(candidate: &Candidate) -> impl Iterator<Item = &Resource> {
    let attachment = candidate.translation.attachment.as_ref();
    let routes = attachment.and_then(Attachment::own_routes);
    candidate.translation.secrets.iter().chain(routes)
}
