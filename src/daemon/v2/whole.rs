//! A whole state, read again and again: what was read before is recognised by its text.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Weak};

use foldhash::quality::RandomState;
use imbl::OrdMap;

use super::dataset::{self, Avail, Config, NodeMonitor, Status, is_watched};
use super::message::read;
use super::shape::{Object, Shape, is_plain};
use super::tables::{Node, Tables};
use crate::daemon::walk::{Cursor, Lost, Walk, inner, unescaped};
use crate::daemon::{Info, Instance, Named, ResourceState, ServiceState};
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
/// A text is known by a hash of 64 bits under a key of this process, with which no two of a cluster's are
/// taken for each other by chance. What became of an instance since is not kept for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    hasher: RandomState,
    instances: Arc<ByText>,
}

/// Instances and their services by the hash of their text.
type ByText = HashMap<u64, (ObjectPath, Weak<Instance>), RandomState>;

impl Texts {
    /// Whether nothing is known by its text.
    pub(super) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }
}

/// Reads the reply to `daemon_status` on the way. A reply that is not JSON, or not a state, is an error.
pub(super) fn tables(reply: &mut impl Walk, known: &Known) -> Result<Tables, Lost> {
    let mut tables = Tables::default();
    let mut reading = Reading {
        words: HashSet::default(),
        infos: HashSet::default(),
        known,
        new: HashMap::with_capacity_and_hasher(known.texts.instances.len(), RandomState::default()),
    };
    let mut is_state = false;
    reply.members(|reply, name| match name {
        b"monitor" => {
            is_state = true;
            tables.clear();
            let monitor = reply.members(|reply, name| match name {
                b"nodes" => {
                    tables.clear();
                    let nodes = reply.members(|reply, name| {
                        let node = tables.node(utf8(name)?);
                        reading.node(reply, node)
                    });
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

struct Reading<'k> {
    /// Names and drivers: a few, in all services alike.
    words: HashSet<Arc<str>, RandomState>,
    /// Keywords: most are the same on every node, and many in every service.
    infos: HashSet<Arc<str>, RandomState>,
    known: &'k Known,
    new: ByText,
}

impl Reading<'_> {
    /// `monitor.nodes.NODE`
    fn node(&mut self, walk: &mut impl Walk, node: &mut Node) -> Result<(), Lost> {
        let is_object = walk.members(|walk, name| match name {
            b"monitor" => {
                node.says = parsed(walk.value()?, || NodeMonitor)?;
                Ok(())
            }
            b"services" => {
                node.clear_services();
                node.has_services = self.services(walk, node)?;
                Ok(())
            }
            _ => walk.pass(),
        });
        is_object.map(drop)
    }

    /// `monitor.nodes.NODE.services`; returns whether it is an object.
    fn services(&mut self, walk: &mut impl Walk, node: &mut Node) -> Result<bool, Lost> {
        walk.members(|walk, name| match name {
            b"status" => {
                node.statuses.clear();
                let statuses = walk.members(|walk, name| self.status(walk, node, name));
                statuses.map(drop)
            }
            b"config" => {
                node.clear_configs();
                let configs = walk.members(|walk, name| config(walk, node, name));
                configs.map(drop)
            }
            _ => walk.pass(),
        })
    }

    /// `monitor.nodes.NODE.services.status.OBJECT`
    fn status(&mut self, walk: &mut impl Walk, node: &mut Node, name: &[u8]) -> Result<(), Lost> {
        let name = utf8(name)?;
        if !dataset::is_service(name) {
            return walk.pass();
        }
        let text = walk.value()?;
        let texts = &self.known.texts;
        let hash = texts.hasher.hash_one((name, text));
        if let Some((path, known)) = texts.instances.get(&hash)
            && let Some(shared) = known.upgrade()
        {
            self.new.insert(hash, (path.clone(), known.clone()));
            node.statuses.push((path.clone(), Some(shared)));
            return Ok(());
        }
        let read = self.instance(text)?;
        let Some(path) = dataset::service(name) else {
            return Ok(());
        };
        let shared = read.map(|read| {
            // It may be known by what a message said.
            let known = self.known.services.get(&path);
            let known = known.and_then(|state| state.instances.get(&node.name));
            let known = known.filter(|known| ***known == read).cloned();
            known.unwrap_or_else(|| Arc::new(read))
        });
        if let Some(shared) = &shared {
            let known = Arc::downgrade(shared);
            self.new.insert(hash, (path.clone(), known));
        }
        node.statuses.push((path, shared));
        Ok(())
    }

    /// `….SERVICE`; `None` where it is not an object.
    fn instance(&mut self, text: &[u8]) -> Result<Option<Instance>, Lost> {
        let mut instance = Instance::default();
        let is_object = Cursor::new(text).members(|walk, name| {
            match name {
                b"avail" => instance.avail = said(walk.value()?, Avail)?,
                b"scaler_slave" => instance.scaler_slave = walk.value()? == b"true",
                b"resources" => instance.resources = self.resources(walk)?,
                _ => walk.pass()?,
            }
            Ok(())
        })?;
        Ok(is_object.then_some(instance))
    }

    /// `….SERVICE.resources`
    fn resources(&mut self, walk: &mut Cursor<'_>) -> Result<Named<ResourceState>, Lost> {
        let mut told = Vec::new();
        walk.members(|walk, name| {
            if !is_watched(name) {
                return walk.pass();
            }
            let name = share(&mut self.words, utf8(name)?);
            told.push((name, self.resource(walk)?));
            Ok(())
        })?;
        Ok(Named::told(told))
    }

    /// `….RESOURCE`; `None` where it is not an object.
    fn resource(&mut self, walk: &mut Cursor<'_>) -> Result<Option<ResourceState>, Lost> {
        let mut resource = ResourceState::default();
        let is_object = walk.members(|walk, name| {
            match name {
                b"type" => resource.driver = self.driver(walk.value()?)?,
                b"status" => resource.status = said(walk.value()?, Status)?,
                b"disable" => resource.disabled = walk.value()? == b"true",
                b"info" => resource.info = self.info(walk.value()?)?,
                _ => walk.pass()?,
            }
            Ok(())
        })?;
        Ok(is_object.then_some(resource))
    }

    /// `….RESOURCE.type`
    fn driver(&mut self, text: &[u8]) -> Result<Arc<str>, Lost> {
        let driver = match text.starts_with(b"\"") {
            true => word(text)?,
            false => Cow::Borrowed(""),
        };
        Ok(share(&mut self.words, &driver))
    }

    /// `….RESOURCE.info`
    fn info(&mut self, text: &[u8]) -> Result<Info, Lost> {
        let known = std::str::from_utf8(text).ok();
        if let Some(known) = known.and_then(|text| self.infos.get(text)) {
            return Ok(Info::known(known.clone()));
        }
        let info = info(text)?;
        self.infos.insert(info.shared());
        Ok(info)
    }
}

/// `monitor.nodes.NODE.services.config.OBJECT`
fn config(walk: &mut impl Walk, node: &mut Node, name: &[u8]) -> Result<(), Lost> {
    let name = utf8(name)?;
    if let Some(secret) = dataset::secret(name) {
        let checksum = parsed(walk.value()?, || Config)?;
        node.configs.push((secret, checksum));
    } else if !dataset::is_service(name) {
        walk.pass()?;
    } else if runs_on(walk.value()?, &node.name)?
        && let Some(service) = dataset::service(name)
    {
        node.listed.push(service);
    }
    Ok(())
}

/// Whether a service may run on a node, as its configuration is told: see [`dataset::ServiceConfig`].
fn runs_on(config: &[u8], node: &str) -> Result<bool, Lost> {
    let mut is_among = false;
    Cursor::new(config).members(|config, name| {
        if name != b"scope" {
            return config.pass();
        }
        is_among = false;
        let scope = config.elements(|scope| {
            let name = scope.value()?;
            is_among |= name.starts_with(b"\"") && word(name)? == node;
            Ok(())
        });
        scope.map(drop)
    })?;
    Ok(is_among)
}

/// The keywords that a text tells. Nearly every text can stay as it is.
fn info(text: &[u8]) -> Result<Info, Lost> {
    if text.starts_with(b"{")
        && let Ok(text) = std::str::from_utf8(text)
        && is_plain(text)
    {
        return Ok(Info::known(text.into()));
    }
    parsed(text, || Object).map(Info::from)
}

fn share(words: &mut HashSet<Arc<str>, RandomState>, word: &str) -> Arc<str> {
    if let Some(known) = words.get(word) {
        return known.clone();
    }
    let new: Arc<str> = word.into();
    words.insert(new.clone());
    new
}

fn utf8(text: &[u8]) -> Result<&str, Lost> {
    std::str::from_utf8(text).or(Err(Lost))
}

/// What a shape makes of a value that is a text, or of any other.
pub(super) fn said<V: Default>(
    value: &[u8],
    shape: impl for<'de> Shape<'de, Value = V>,
) -> Result<V, Lost> {
    if !value.starts_with(b"\"") {
        return Ok(V::default());
    }
    let word = word(value)?;
    Ok(shape.text(Cow::Borrowed(&word)))
}

/// What a text in quotes says.
fn word(text: &[u8]) -> Result<Cow<'_, str>, Lost> {
    let inner = inner(text)?;
    match inner.contains(&b'\\') {
        true => unescaped(inner).map(Cow::Owned),
        false => utf8(inner).map(Cow::Borrowed),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::dataset::ServiceConfig;
    use super::*;

    /// What the quick way says of a configuration, the thorough one says too.
    #[test]
    fn a_service_may_run_where_its_scope_says() {
        for config in [
            r#"{"csum": "x", "scope": ["n1", "n2"], "updated": 1.5}"#,
            r#"{"scope": ["n2", "n1"]}"#,
            r#"{"scope": ["n\u0031"]}"#,
            r#"{"scope": [1, null, ["n1"], "n2"]}"#,
            r#"{"scope": ["n1"], "scope": ["n2"]}"#,
            r#"{"scope": ["n1"], "scope": null}"#,
            r#"{"scope": "n1"}"#,
            "{}",
            "null",
            r#"["n1"]"#,
        ] {
            for node in ["n1", "n2"] {
                let read = parsed(config.as_bytes(), || ServiceConfig).unwrap();
                let thorough = read.is_some_and(|scope| scope.has(node));
                assert_eq!(
                    runs_on(config.as_bytes(), node),
                    Ok(thorough),
                    "{config} {node}"
                );
            }
        }
    }
}
