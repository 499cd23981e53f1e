//! A logical service: what users name and Envoy clusters are named after.
//!
//! A plain service is one. A scaler and its slaves are one together: the slaves `0.web`, `1.web`, …
//! are copies that OpenSVC made of `web`, and serve under its name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use serde_json::Value;

use super::spare::give_back;
use crate::daemon::{Info, Instance, ResourceState, ServiceState};
use crate::model::{Document, Expose, IpSection, ObjectPath, Section};
use crate::validate::{Context, validate};

/// What services expose, whatever their state: the incumbents that a newcomer is judged against. An
/// expose that no ip lists is nobody's incumbent: it is never served.
pub fn exposed(
    services: BTreeMap<ObjectPath, Arc<ServiceState>>,
    context: &Context,
) -> Vec<Expose> {
    let mut all = Services::default();
    for (path, state) in services {
        all.put(&path, Some(state));
    }
    let mut owners: Vec<&ObjectPath> = all.members.keys().collect();
    owners.sort();
    owners
        .into_iter()
        .filter_map(|owner| all.document(owner))
        .flat_map(|document| {
            let mut exposes = validate(&document, context).service.exposes;
            let published = document.published();
            exposes.retain(|expose| published.contains(&*expose.id.section));
            exposes
        })
        .collect()
}

/// The services of the daemon, and which logical service each belongs to.
#[derive(Debug, Default)]
pub(super) struct Services {
    states: HashMap<ObjectPath, Arc<ServiceState>>,
    /// Those of each logical service, sorted; nearly all have one.
    members: HashMap<ObjectPath, Vec<ObjectPath>>,
}

/// What became of a logical service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// Only where it runs, not what it exposes.
    Endpoints,
    /// What it exposes, too.
    Document,
}

impl Services {
    /// Replaces the state of a service. Returns the logical services that it touches: two when the
    /// service has just become, or ceased to be, the slave of a scaler.
    pub(super) fn put(
        &mut self,
        path: &ObjectPath,
        state: Option<Arc<ServiceState>>,
    ) -> Vec<(ObjectPath, Touch)> {
        let old = match &state {
            Some(state) => self.states.insert(path.clone(), state.clone()),
            None => {
                let gone = self.states.remove(path);
                give_back(&mut self.states);
                gone
            }
        };
        let old_owner = old.as_ref().map(|old| owner(path, old));
        let new_owner = state.as_ref().map(|new| owner(path, new));
        if let (Some(old), Some(new), Some(owner)) = (&old, &state, &new_owner)
            && old_owner == new_owner
        {
            let touch = match same_documents(old, new) {
                true => Touch::Endpoints,
                false => Touch::Document,
            };
            return vec![(owner.clone(), touch)];
        }
        if let Some(owner) = &old_owner
            && let Some(members) = self.members.get_mut(owner)
        {
            members.retain(|member| member != path);
            if members.is_empty() {
                self.members.remove(owner);
                give_back(&mut self.members);
            }
        }
        if let Some(owner) = &new_owner {
            let members = self.members.entry(owner.clone());
            let members = members.or_insert_with(|| Vec::with_capacity(1));
            if let Err(place) = members.binary_search(path) {
                members.insert(place, path.clone());
            }
        }
        let touched = old_owner.into_iter().chain(new_owner);
        touched.map(|owner| (owner, Touch::Document)).collect()
    }

    /// The paths of all services that the daemon told of.
    pub(super) fn paths(&self) -> impl Iterator<Item = &ObjectPath> {
        self.states.keys()
    }

    /// The services behind a logical service: itself, and the slaves where it is a scaler.
    pub(super) fn members(&self, owner: &ObjectPath) -> impl Iterator<Item = &ObjectPath> {
        self.members.get(owner).into_iter().flatten()
    }

    /// The state of a service.
    pub(super) fn state(&self, path: &ObjectPath) -> Option<&ServiceState> {
        self.states.get(path).map(Arc::as_ref)
    }

    /// The services behind a logical service, newest copy of the configuration first.
    fn newest_first(&self, owner: &ObjectPath) -> Vec<&ObjectPath> {
        let mut members: Vec<&ObjectPath> = self.members(owner).collect();
        members.sort_by_key(|path| std::cmp::Reverse(path.scaler().map(|(index, _)| index)));
        members
    }

    /// The instances of a logical service, newest copy of the configuration first: a scaler adds
    /// slaves at the end, each a copy of the scaler's configuration at that time.
    fn instances(&self, owner: &ObjectPath) -> Vec<&Instance> {
        self.newest_first(owner)
            .into_iter()
            .filter_map(|path| self.states.get(path))
            .flat_map(|state| state.instances.values())
            .map(Arc::as_ref)
            .collect()
    }

    /// What a logical service exposes: each section as the newest copy has it. `None` where there
    /// is no such service, or it exposes nothing.
    pub(super) fn document(&self, owner: &ObjectPath) -> Option<Document> {
        let mut document = Document::new(owner.clone());
        document.evaluated = true;
        for instance in self.instances(owner) {
            for (name, resource) in &instance.resources {
                if name.starts_with("ip#") {
                    let ip = document.ips.entry((**name).into()).or_insert(IpSection {
                        exposes: Vec::new(),
                        encap: false,
                    });
                    ip.exposes.extend(exposes(resource.info.get("expose")));
                } else if !document.sections.contains_key(&**name) {
                    let driver = resource.driver.split_once('.');
                    let section = Section {
                        driver: driver.map(|(_, driver)| driver.into()),
                        keywords: Arc::new(resource.info.read()),
                    };
                    document.sections.insert((**name).into(), section);
                }
            }
        }
        for ip in document.ips.values_mut() {
            ip.exposes.sort();
            ip.exposes.dedup();
        }
        let exposes_something = document.sections.keys().any(|s| s.starts_with("expose#"));
        exposes_something.then_some(document)
    }

    /// The keywords of a section as the newest copy has them, which are those of the document.
    pub(super) fn documented(&self, owner: &ObjectPath, section: &str) -> Info {
        let instances = self.instances(owner).into_iter();
        let mut sections = instances.filter_map(|instance| instance.resources.get(section));
        sections
            .next()
            .map(|section| section.info.clone())
            .unwrap_or_default()
    }

    /// The keywords of sections that a node of the newest copy has otherwise than the node whose
    /// document counts: section, keyword and node. Ports are each node's own, and so are ips.
    pub(super) fn scoped(&self, owner: &ObjectPath) -> Vec<(String, String, String)> {
        let newest = self.newest_first(owner).into_iter().next();
        let nodes = newest.and_then(|path| self.states.get(path));
        let mut nodes = nodes.into_iter().flat_map(|state| &state.instances);
        let Some((_, first)) = nodes.next() else {
            return Vec::new();
        };
        let mut scoped = Vec::new();
        for (node, other) in nodes {
            let shared = first
                .resources
                .iter()
                .filter(|(name, _)| !name.starts_with("ip#"));
            for (name, counts) in shared {
                let other = other.resources.get(name);
                let Some(other) = other.filter(|other| other.info != counts.info) else {
                    continue;
                };
                let (counts, other) = (counts.info.read(), other.info.read());
                let keywords: BTreeSet<&String> = counts.keys().chain(other.keys()).collect();
                let differing = keywords.into_iter().filter(|keyword| {
                    *keyword != "port" && counts.get(*keyword) != other.get(*keyword)
                });
                scoped.extend(differing.map(|keyword| {
                    let (name, node) = (String::from(&**name), String::from(&**node));
                    (name, keyword.clone(), node)
                }));
            }
        }
        scoped
    }

    /// The instances whose own port of an expose is not one, by service and node, with what it is.
    pub(super) fn unusable_ports(
        &self,
        owner: &ObjectPath,
        section: &str,
        documented: &Info,
    ) -> Vec<(ObjectPath, String, String)> {
        let members = self.members(owner);
        let states = members.filter_map(|path| Some((path, self.states.get(path)?)));
        let instances = states.flat_map(|(path, state)| {
            let nodes = state.instances.iter();
            nodes.map(move |(node, instance)| (path, node, instance))
        });
        instances
            .filter_map(|(path, node, instance)| {
                let odd = own_port(instance, section, documented).err()?;
                Some((path.clone(), String::from(&**node), odd))
            })
            .collect()
    }
}

/// An instance's own port of an expose, where it differs from the `documented` one. What is not a port
/// is the error, as it is shown.
pub(super) fn own_port(
    instance: &Instance,
    section: &str,
    documented: &Info,
) -> Result<Option<u16>, String> {
    let Some(expose) = instance.resources.get(section) else {
        return Ok(None);
    };
    if expose.info.is_copy(documented) {
        return Ok(None);
    }
    let own = expose.info.get("port");
    if own == documented.get("port") {
        return Ok(None);
    }
    let port = own.as_ref().and_then(|own| match own {
        Value::String(text) => text.trim().parse().ok(),
        own => own.as_u64().and_then(|port| u16::try_from(port).ok()),
    });
    match port {
        Some(port) if port != 0 => Ok(Some(port)),
        _ => Err(own.map_or("not an integer".into(), |own| own.to_string())),
    }
}

/// The logical service that a service belongs to.
fn owner(path: &ObjectPath, state: &ServiceState) -> ObjectPath {
    let is_slave = state.instances.values().any(|i| i.scaler_slave);
    match path.scaler() {
        Some((_, scaler)) if is_slave => scaler,
        _ => path.clone(),
    }
}

/// The sections in an ip resource's `expose`; the rest are port mappings such as `80/tcp`.
pub(super) fn exposes(expose: Option<Value>) -> impl Iterator<Item = String> {
    let listed = match expose {
        Some(Value::Array(listed)) => listed,
        _ => Vec::new(),
    };
    let names = listed.into_iter().filter_map(text);
    names.filter(|name| name.contains('#'))
}

/// A value that is a text.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Whether two states say the same of what is exposed, wherever it runs. Patches share what they do
/// not touch, so most comparisons end at a pointer.
fn same_documents(old: &ServiceState, new: &ServiceState) -> bool {
    old.instances.len() == new.instances.len()
        && old
            .instances
            .iter()
            .zip(&new.instances)
            .all(|(old, new)| old.0 == new.0 && same_sections(old.1, new.1))
}

fn same_sections(old: &Arc<Instance>, new: &Arc<Instance>) -> bool {
    let exposed = |info: &Info| exposes(info.get("expose"));
    let same = |old: &ResourceState, new: &ResourceState, is_ip: bool| match is_ip {
        true => old.info.is_copy(&new.info) || exposed(&old.info).eq(exposed(&new.info)),
        false => old.info == new.info,
    };
    Arc::ptr_eq(old, new)
        || old.resources.len() == new.resources.len()
            && old.resources.iter().zip(&new.resources).all(|(old, new)| {
                old.0 == new.0
                    && old.1.driver == new.1.driver
                    && same(old.1, new.1, old.0.starts_with("ip#"))
            })
}
