//! What the daemon says becomes what exposes ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

use serde_json::Value;

use super::logical::Touch;
use super::spare::give_back;
use super::{Index, Request, StorePort, Work};
use crate::daemon::{ServiceState, Update};
use crate::model::{Diagnostic, Document, Expose, ExposeId, ObjectPath, Section, Severity};
use crate::validate::keywords::Group;
use crate::validate::keywords::expose::{GATEWAY, LISTENER_PORT};
use crate::validate::{Context, Validated, codes, validate};
use crate::verdict::prepare;

/// New values by key; `None` where the key is gone.
type Changes<T> = Vec<(ObjectPath, Option<T>)>;

impl Index {
    pub(super) fn take_update(&mut self, update: Update, context: &Context, work: &mut Work) {
        let (services, secrets) = self.as_changes(update);
        for (path, revision) in secrets {
            let reads = self.secrets.revise(&path, revision);
            work.requests.extend(reads.into_iter().map(Request::Read));
            work.admit.extend(self.secrets.users(&path));
        }
        let mut touched = Vec::with_capacity(services.len());
        for (path, state) in services {
            touched.extend(self.services.put(&path, state));
        }
        // Keeps the larger touch of each.
        touched.sort_by(|(a, touch), (b, other)| a.cmp(b).then(other.cmp(touch)));
        touched.dedup_by(|(next, _), (owner, _)| next == owner);
        let mut portless = Vec::new();
        for (owner, touch) in touched {
            match touch {
                Touch::Document => portless.extend(self.read_document(&owner, context, work)),
                Touch::Endpoints => {
                    work.endpoints.insert(owner);
                }
            }
        }
        if !portless.is_empty() {
            // Whoever names a port comes first, so that none is chosen that is named elsewhere.
            self.admit(work);
            for expose in portless {
                self.portless.insert(expose.id.clone(), expose.clone());
                self.choose_port(expose, work);
            }
        }
    }

    /// The whole state is a change too: what it does not hold is gone.
    fn as_changes(&mut self, update: Update) -> (Changes<Arc<ServiceState>>, Changes<String>) {
        match update {
            Update::Patch { services, secrets } => (services, secrets),
            Update::Reset { services, secrets } => {
                self.known = true;
                (
                    difference(self.services.paths(), services),
                    difference(self.secrets.paths(), secrets),
                )
            }
        }
    }

    /// Judges what a service exposes. Returns the exposes for which a port must be chosen.
    fn read_document(
        &mut self,
        owner: &ObjectPath,
        context: &Context,
        work: &mut Work,
    ) -> Vec<Expose> {
        work.report.insert(owner.clone());
        let document = self.services.document(owner);
        let mine = document.as_ref().map(|document| self.exposes_of(document));
        let mine = mine.unwrap_or_default();
        self.leave_but(&mine, owner, work);
        let Some(document) = document else {
            self.reports.remove(owner);
            give_back(&mut self.reports);
            return Vec::new();
        };
        let Validated {
            service,
            mut report,
        } = validate(&document, context);
        report.diagnostics.extend(self.scoped_values(owner));
        report.diagnostics.retain(|diagnostic| {
            let section = diagnostic.section.as_ref();
            let section = section.and_then(|name| document.sections.get(name));
            section.is_none_or(|section| self.is_mine(section))
        });
        self.reports.insert(owner.clone(), report);
        let exposes = service.exposes.into_iter();
        let mut valid: BTreeMap<_, _> = exposes.map(|e| (e.id.clone(), e)).collect();
        let mut portless = Vec::new();
        for id in mine {
            self.resume(&id, work);
            let slot = self.slots.entry(&id);
            slot.documented = self.services.documented(owner, &id.section);
            match valid.remove(&id) {
                Some(expose) if expose.listener_port.is_none() => portless.push(expose),
                Some(expose) => {
                    self.ports.forget(&id);
                    work.is_freed |= self.portless.remove(&id).is_some();
                    self.unstored.remove(&id);
                    self.ask(expose, work);
                }
                None => {
                    slot.refuse(Vec::new());
                    self.portless.remove(&id);
                    // It does not queue any more, nor want the secrets of what it asked for.
                    work.admit.insert(id);
                }
            }
        }
        portless
    }

    /// Withdraws the exposes of a service that it has no more.
    fn leave_but(&mut self, mine: &[ExposeId], owner: &ObjectPath, work: &mut Work) {
        let known = self.slots.of(owner).iter().map(|(id, _)| id);
        let gone: Vec<ExposeId> = known
            .filter(|id| mine.binary_search(id).is_err())
            .cloned()
            .collect();
        for id in &gone {
            self.leave(id, work);
        }
    }

    /// That keywords have other values on some nodes.
    fn scoped_values(&self, owner: &ObjectPath) -> impl Iterator<Item = Diagnostic> {
        let scoped = self.services.scoped(owner).into_iter();
        scoped.map(|(section, keyword, node)| {
            let message = format!("has another value on {node}, which is not looked at");
            Diagnostic::new(Severity::Info, codes::SCOPED_VALUE, message)
                .at(&section, &format!("{keyword}@{node}"))
                .hint("write it without scope: a gateway serves all nodes alike")
        })
    }

    /// Chooses again for the exposes that leave their port to the gateway and have none, or one on
    /// which somebody else sits: a port may be free now.
    pub(super) fn choose_again(&mut self, work: &mut Work) {
        let stuck = |id: &ExposeId| {
            let slot = self.slots.get(id);
            slot.is_some_and(|slot| slot.wanted.is_none() || slot.conflict.is_some())
        };
        let again: Vec<Expose> = self
            .portless
            .iter()
            .filter(|(id, _)| stuck(id))
            .map(|(_, expose)| expose.clone())
            .collect();
        // Where one finds nothing, the next of its kind would not either.
        let mut used_up = BTreeSet::new();
        for expose in again {
            let kind = (expose.listener_addr, expose.protocol);
            if !used_up.contains(&kind) && !self.choose_port(expose, work) {
                used_up.insert(kind);
            }
        }
    }

    /// Gives an expose the port that it leaves to the gateway. Tells whether there was one.
    fn choose_port(&mut self, mut expose: Expose, work: &mut Work) -> bool {
        let Some((port, to_store)) = self.ports.choose(&expose, &self.occupancy) else {
            let range = self.ports.range();
            let exhausted = Diagnostic::new(
                Severity::Error,
                codes::PORTS_EXHAUSTED,
                format!(
                    "no port is left to choose from: all of {}-{} are taken on {}",
                    range.start(),
                    range.end(),
                    expose.listener_addr
                ),
            )
            .at(&expose.id.section, LISTENER_PORT.name)
            .hint("write a port, or give the gateway a larger --port-range");
            self.slots.entry(&expose.id).refuse(vec![exhausted]);
            self.unstored.remove(&expose.id);
            work.report.insert(expose.id.service);
            return false;
        };
        expose.listener_port = Some(port);
        if to_store {
            let store = self.store_request(&expose.id);
            work.requests.extend(store.map(Request::Store));
        }
        self.ask(expose, work);
        true
    }

    /// The request that has the chosen port of an expose written into its service's configuration
    /// and, for a scaler, into its slaves', which are copies. `None` where none was chosen.
    pub(super) fn store_request(&self, id: &ExposeId) -> Option<StorePort> {
        let port = self.ports.chosen(id)?.get();
        let members = self.services.members(&id.service).cloned();
        let mut services: Vec<ObjectPath> = members.chain([id.service.clone()]).collect();
        services.sort();
        services.dedup();
        Some(StorePort {
            expose: id.clone(),
            services,
            port,
        })
    }

    /// Notes what an expose asks for. What it asked for already is not translated again.
    fn ask(&mut self, expose: Expose, work: &mut Work) {
        let id = expose.id.clone();
        let slot = self.slots.entry(&id);
        let same = slot.wanted.as_ref().is_some_and(|w| *w.expose == expose);
        if !same {
            match prepare(expose) {
                Ok(mut candidate) => {
                    self.publication.share(&mut candidate);
                    slot.want(candidate);
                }
                Err(diagnostics) => slot.refuse(diagnostics),
            }
        }
        work.admit.insert(id);
    }

    /// The exposes of a document that this gateway serves: of type envoy, not another gateway's,
    /// and listed by an ip resource, without which nothing could ever answer; sorted.
    fn exposes_of(&self, document: &Document) -> Vec<ExposeId> {
        let published = document.published();
        document
            .sections
            .iter()
            .filter(|(name, section)| {
                Group::Expose.owns(name, section)
                    && self.is_mine(section)
                    && published.contains(&***name)
            })
            .map(|(name, _)| ExposeId {
                service: document.path.clone(),
                section: name.clone(),
            })
            .collect()
    }

    /// Whether a section names no gateway, or this one. Only exposes can name one.
    fn is_mine(&self, section: &Section) -> bool {
        let is_own = |name: &str| name.trim().is_empty() || name.trim() == self.gateway;
        match section.keywords.get(GATEWAY.name) {
            Some(Value::String(name)) => is_own(name),
            Some(Value::Number(name)) => is_own(&name.to_string()),
            // What is not a name is an error of the expose, which has to be told somewhere.
            _ => true,
        }
    }
}

/// The changes that lead from the known keys to a whole new state.
fn difference<'a, K: Hash + Ord + Clone + 'a, T>(
    known: impl Iterator<Item = &'a K>,
    new: BTreeMap<K, T>,
) -> Vec<(K, Option<T>)> {
    let gone: Vec<K> = known
        .filter(|key| !new.contains_key(key))
        .cloned()
        .collect();
    let gone = gone.into_iter().map(|key| (key, None));
    let there = new.into_iter().map(|(key, value)| (key, Some(value)));
    gone.chain(there).collect()
}
