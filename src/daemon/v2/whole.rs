//! A whole state, read again and again: what was read before is recognised by its text.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::quality::RandomState;
use imbl::OrdMap;

use super::dataset::{
    self, Avail, Config, Names, NodeMonitor, Phase, Resource, Tables, is_watched,
};
use super::message::read;
use super::shape::{Flag, Shape};
use super::span::{Cursor, Lost, Walk};
use crate::daemon::{Instance, ResourceState, ServiceState};
use crate::model::ObjectPath;

/// What was read before, which is shared rather than read or held twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// The services as they are.
    pub(super) services: OrdMap<ObjectPath, Arc<ServiceState>>,
    /// The instances of the last whole state.
    pub(super) texts: Texts,
}

/// Instances by the text that they were read from.
///
/// A text is known by a hash of 64 bits under a key of this process, so that nobody can write two
/// configurations that are taken for each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    hasher: RandomState,
    instances: Arc<HashMap<u64, (ObjectPath, Arc<Instance>), RandomState>>,
}

impl Texts {
    /// Whether nothing is known by its text.
    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }
}

/// Reads the reply to `daemon_status` on the way. It is an error where it is no JSON, or no state at all.
pub(super) fn tables(reply: &mut impl Walk, known: &Known) -> Result<Tables, Lost> {
    let mut tables = Tables {
        known: known.services.clone(),
        ..Tables::default()
    };
    let mut reading = Reading {
        resources: Resources::default(),
        old: &known.texts,
        new: HashMap::with_capacity_and_hasher(known.texts.instances.len(), RandomState::default()),
        tables: &mut tables,
    };
    let mut is_state = false;
    reply.members(|reply, name| match name {
        "monitor" => {
            is_state = true;
            let monitor = reply.members(|reply, name| match name {
                "nodes" => {
                    let nodes = reply.members(|reply, node| reading.node(reply, node));
                    nodes.map(drop)
                }
                _ => reply.pass(),
            });
            monitor.map(drop)
        }
        _ => reply.pass(),
    })?;
    tables.texts = Texts {
        hasher: known.texts.hasher.clone(),
        instances: Arc::new(reading.new),
    };
    is_state.then_some(tables).ok_or(Lost)
}

/// What resources are read as, by their text: most are the same on every node, and many in every service.
#[derive(Default)]
struct Resources {
    hasher: RandomState,
    known: HashMap<u64, ResourceState, RandomState>,
}

impl Resources {
    /// `….RESOURCE`; `None` where it is no object.
    fn resource(&mut self, text: &[u8]) -> Result<Option<ResourceState>, Lost> {
        let hash = self.hasher.hash_one(text);
        if let Some(known) = self.known.get(&hash) {
            return Ok(Some(known.clone()));
        }
        let resource = parsed(text, || Resource)?;
        if let Some(resource) = &resource {
            self.known.insert(hash, resource.clone());
        }
        Ok(resource)
    }

    /// `….SERVICE`; `None` where it is no object.
    fn instance(&mut self, text: &[u8]) -> Result<Option<Instance>, Lost> {
        let mut instance = Instance::default();
        let is_object = Cursor::new(text).members(|walk, name| {
            match name {
                "avail" => instance.avail = parsed(walk.value()?, || Avail)?,
                "scaler_slave" => instance.scaler_slave = parsed(walk.value()?, || Flag)?,
                "scaler_slaves" => instance.scaler_slaves = parsed(walk.value()?, || Names)?,
                "resources" => instance.resources = self.resources(walk)?,
                _ => drop(walk.value()?),
            }
            Ok(())
        })?;
        Ok(is_object.then_some(instance))
    }

    /// `….SERVICE.resources`
    fn resources(
        &mut self,
        walk: &mut Cursor<'_>,
    ) -> Result<BTreeMap<String, ResourceState>, Lost> {
        let mut resources = BTreeMap::new();
        walk.members(|walk, name| {
            let text = walk.value()?;
            if is_watched(name)
                && let Some(resource) = self.resource(text)?
            {
                resources.insert(name.to_owned(), resource);
            }
            Ok(())
        })?;
        Ok(resources)
    }
}

struct Reading<'a> {
    resources: Resources,
    old: &'a Texts,
    new: HashMap<u64, (ObjectPath, Arc<Instance>), RandomState>,
    tables: &'a mut Tables,
}

impl Reading<'_> {
    /// `monitor.nodes.NODE`
    fn node(&mut self, walk: &mut impl Walk, node: &str) -> Result<(), Lost> {
        let mut phase = None;
        walk.members(|walk, name| match name {
            "monitor" => {
                phase = parsed(walk.value()?, || NodeMonitor)?.or(phase);
                Ok(())
            }
            "services" => {
                // A node that has services is there, whatever it says of itself.
                if self.services(walk, node)? {
                    phase = phase.or(Some(Phase::Ready));
                }
                Ok(())
            }
            _ => walk.pass(),
        })?;
        if let Some(phase) = phase {
            self.tables.phases.insert(node.into(), phase);
        }
        Ok(())
    }

    /// `monitor.nodes.NODE.services`; returns whether it is an object.
    fn services(&mut self, walk: &mut impl Walk, node: &str) -> Result<bool, Lost> {
        walk.members(|walk, name| match name {
            "status" => {
                let statuses = walk.members(|walk, name| self.status(walk, node, name));
                statuses.map(drop)
            }
            "config" => {
                let configs = walk.members(|walk, name| self.config(walk, node, name));
                configs.map(drop)
            }
            _ => walk.pass(),
        })
    }

    /// `monitor.nodes.NODE.services.status.OBJECT`
    fn status(&mut self, walk: &mut impl Walk, node: &str, name: &str) -> Result<(), Lost> {
        if !dataset::is_service(name) {
            return walk.pass();
        }
        let text = walk.value()?;
        let hash = self.old.hasher.hash_one((name, text));
        if let Some((path, known)) = self.old.instances.get(&hash) {
            let shared = self.tables.share_instance(node, path, known.clone());
            self.new.insert(hash, (path.clone(), shared));
            return Ok(());
        }
        let read = self.resources.instance(text)?;
        if let (Some(path), Some(instance)) = (dataset::service(name), read) {
            let shared = self.tables.put_instance(node, &path, instance);
            self.new.insert(hash, (path, shared));
        }
        Ok(())
    }

    /// `monitor.nodes.NODE.services.config.OBJECT`
    fn config(&mut self, walk: &mut impl Walk, node: &str, name: &str) -> Result<(), Lost> {
        let text = walk.value()?;
        if let Some(secret) = dataset::secret(name)
            && let Some(checksum) = parsed(text, || Config)?
        {
            let nodes = self.tables.secrets.entry(secret).or_default();
            nodes.insert(node.into(), checksum);
        }
        Ok(())
    }
}

/// What a value is by a shape.
fn parsed<V, S, F>(text: &[u8], shape: F) -> Result<V, Lost>
where
    S: for<'de> Shape<'de, Value = V>,
    F: Fn() -> S,
{
    read(text, shape).or(Err(Lost))
}
