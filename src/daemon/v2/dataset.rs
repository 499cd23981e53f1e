//! The watched part of the daemon's dataset, read without building the rest.
//!
//! Of `{"monitor": {"nodes": {NODE: {"services": {"status": {OBJECT: …}, "config": {OBJECT: …}}}}}}`
//! only services' instances and secrets' checksums are kept, and each node's phase. Every level
//! has a [`Shape`], so that a patch which replaces a level is read like that level of a whole
//! dataset.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::shape::{As, Flag, Object, Shape, Text, Word, members};
use super::whole::Texts;
use crate::daemon::{Availability, Instance, ResourceState, ResourceStatus, ServiceState};
use crate::model::ObjectPath;

/// How far a node's daemon is, `monitor.nodes.*.monitor.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// `init`: it is evaluating its services; those it did not reach yet are missing.
    Init,
    /// `rejoin`: it is waiting for its peers' data.
    Rejoin,
    /// Anything else.
    Ready,
}

/// What was read of some nodes.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// Each node's phase; a node whose data is missing has none.
    pub(super) phases: BTreeMap<String, Phase>,
    /// The instances, by service and node.
    pub(super) instances: BTreeMap<ObjectPath, BTreeMap<String, Arc<Instance>>>,
    /// The checksums of secrets' configuration, by secret and node.
    pub(super) secrets: BTreeMap<ObjectPath, BTreeMap<String, String>>,
    /// What was known before. A whole state that is read again repeats nearly all of it, which is
    /// then shared rather than held twice.
    pub(super) known: OrdMap<ObjectPath, Arc<ServiceState>>,
    /// The instances by their text, where a whole state was read.
    pub(super) texts: Texts,
}

impl Tables {
    /// Whether this is a full state: some node is known, and none is still evaluating its services.
    pub(super) fn is_settled(&self) -> bool {
        !self.phases.is_empty() && self.phases.values().all(|phase| *phase != Phase::Init)
    }

    /// Takes in an instance. Returns it as it is shared from now on.
    pub(super) fn put_instance(
        &mut self,
        node: &str,
        service: &ObjectPath,
        mut instance: Instance,
    ) -> Arc<Instance> {
        let known = self.known.get(service);
        let known = known.and_then(|state| state.instances.get(node));
        let known = known.filter(|known| ***known == instance).cloned();
        let shared = known.unwrap_or_else(|| {
            let nodes = self.instances.get(service);
            if let Some(other) = nodes.and_then(|nodes| nodes.values().next()) {
                share_infos(&mut instance, other);
            }
            Arc::new(instance)
        });
        self.share_instance(node, service, shared)
    }

    /// Takes in an instance that is shared already.
    pub(super) fn share_instance(
        &mut self,
        node: &str,
        service: &ObjectPath,
        instance: Arc<Instance>,
    ) -> Arc<Instance> {
        let nodes = match self.instances.get_mut(service) {
            Some(nodes) => nodes,
            None => self.instances.entry(service.clone()).or_default(),
        };
        nodes.insert(node.into(), instance.clone());
        instance
    }
}

/// Most keywords are the same on every node: hold them once.
fn share_infos(instance: &mut Instance, other: &Instance) {
    for (name, resource) in &mut instance.resources {
        if let Some(twin) = other.resources.get(name)
            && twin.info == resource.info
        {
            resource.info = twin.info.clone();
        }
    }
}

/// The path of a service; `None` for every other object.
pub(super) fn service(text: &str) -> Option<ObjectPath> {
    is_service(text).then(|| text.parse().ok()).flatten()
}

/// Whether a path, which need not be valid, is that of a service.
pub(super) fn is_service(text: &str) -> bool {
    // The cluster's own configuration is listed like a service of the root namespace.
    text != "cluster" && is_kind(text, "svc")
}

/// The path of a secret; `None` for every other object.
pub(super) fn secret(text: &str) -> Option<ObjectPath> {
    is_kind(text, "sec").then(|| text.parse().ok()).flatten()
}

/// Whether a path, which need not be valid, is of a kind. Allocates nothing: most objects are not
/// watched.
fn is_kind(text: &str, kind: &str) -> bool {
    text.rsplit('/').nth(1).unwrap_or("svc") == kind
}

/// Whether a resource is of a group that is watched.
pub(super) fn is_watched(resource: &str) -> bool {
    let group = resource
        .split_once('#')
        .map_or(resource, |(group, _)| group);
    matches!(
        group,
        "ip" | "expose" | "vhost" | "route" | "hashpolicy" | "certificate"
    )
}

/// The whole dataset.
pub(super) struct Dataset<'t>(pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Dataset<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        members!(object, {
            "monitor" => object.next_value_seed(As(Monitor(self.0)))?,
        });
        Ok(())
    }
}

/// `monitor`
pub(super) struct Monitor<'t>(pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Monitor<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        members!(object, {
            "nodes" => object.next_value_seed(As(Nodes(self.0)))?,
        });
        Ok(())
    }
}

/// `monitor.nodes`
pub(super) struct Nodes<'t>(pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Nodes<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(node) = object.next_key_seed(As(Word))? {
            object.next_value_seed(As(Node(&node, self.0)))?;
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE`
pub(super) struct Node<'t>(pub(super) &'t str, pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Node<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self(node, tables) = self;
        let mut phase = None;
        members!(object, {
            "monitor" => phase = object.next_value_seed(As(NodeMonitor))?,
            "services" => object.next_value_seed(As(Services(node, tables)))?,
        });
        if let Some(phase) = phase {
            tables.phases.insert(node.into(), phase);
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE.monitor`
pub(super) struct NodeMonitor;

impl<'de> Shape<'de> for NodeMonitor {
    type Value = Option<Phase>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut phase = None;
        members!(object, {
            "status" => phase = object.next_value_seed(As(PhaseText))?,
        });
        Ok(phase)
    }
}

/// `monitor.nodes.NODE.monitor.status`
pub(super) struct PhaseText;

impl<'de> Shape<'de> for PhaseText {
    type Value = Option<Phase>;

    fn text(self, text: Cow<'de, str>) -> Self::Value {
        Some(match &*text {
            "init" => Phase::Init,
            "rejoin" => Phase::Rejoin,
            _ => Phase::Ready,
        })
    }
}

/// `monitor.nodes.NODE.services`
pub(super) struct Services<'t>(pub(super) &'t str, pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Services<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self(node, tables) = self;
        // Until the node's own word, which may come later: it has services, so it is there.
        tables.phases.insert(node.into(), Phase::Ready);
        members!(object, {
            "status" => object.next_value_seed(As(Statuses(node, tables)))?,
            "config" => object.next_value_seed(As(Configs(node, tables)))?,
        });
        Ok(())
    }
}

/// `monitor.nodes.NODE.services.status`
pub(super) struct Statuses<'t>(pub(super) &'t str, pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Statuses<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key_seed(As(Word))? {
            let Some(service) = service(&key) else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(instance) = object.next_value_seed(As(InstanceStatus))? {
                self.1.put_instance(self.0, &service, instance);
            }
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE.services.config`
pub(super) struct Configs<'t>(pub(super) &'t str, pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Configs<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key_seed(As(Word))? {
            let Some(secret) = secret(&key) else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            if let Some(checksum) = object.next_value_seed(As(Config))? {
                let nodes = self.1.secrets.entry(secret).or_default();
                nodes.insert(self.0.into(), checksum);
            }
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE.services.config.OBJECT`: its checksum, empty where there is none yet.
pub(super) struct Config;

impl<'de> Shape<'de> for Config {
    type Value = Option<String>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut checksum = None;
        members!(object, {
            "csum" => checksum = object.next_value_seed(As(Text::default()))?,
        });
        Ok(Some(checksum.unwrap_or_default().into_owned()))
    }
}

/// `monitor.nodes.NODE.services.status.SERVICE`
pub(super) struct InstanceStatus;

impl<'de> Shape<'de> for InstanceStatus {
    type Value = Option<Instance>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut instance = Instance::default();
        members!(object, {
            "avail" => instance.avail = object.next_value_seed(As(Avail))?,
            "scaler_slave" => instance.scaler_slave = object.next_value_seed(As(Flag))?,
            "scaler_slaves" => instance.scaler_slaves = object.next_value_seed(As(Names))?,
            "resources" => instance.resources = object.next_value_seed(As(Resources))?,
        });
        Ok(Some(instance))
    }
}

/// `….SERVICE.avail`
pub(super) struct Avail;

impl<'de> Shape<'de> for Avail {
    type Value = Availability;

    fn text(self, text: Cow<'de, str>) -> Availability {
        match &*text {
            "up" | "warn" | "n/a" => Availability::Serving,
            _ => Availability::NotServing,
        }
    }
}

/// `….SERVICE.scaler_slaves`; an element that is no text is empty, so that the others keep their
/// places.
pub(super) struct Names;

impl<'de> Shape<'de> for Names {
    type Value = Vec<String>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element_seed(As(Word))? {
            names.push(name.into_owned());
        }
        Ok(names)
    }
}

/// `….SERVICE.resources`
pub(super) struct Resources;

impl<'de> Shape<'de> for Resources {
    type Value = BTreeMap<String, ResourceState>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut resources = BTreeMap::new();
        while let Some(name) = object.next_key_seed(As(Word))? {
            if !is_watched(&name) {
                object.next_value::<IgnoredAny>()?;
            } else if let Some(resource) = object.next_value_seed(As(Resource))? {
                resources.insert(name.into_owned(), resource);
            }
        }
        Ok(resources)
    }
}

/// `….SERVICE.resources.RESOURCE`
pub(super) struct Resource;

impl<'de> Shape<'de> for Resource {
    type Value = Option<ResourceState>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut resource = ResourceState::default();
        members!(object, {
            "type" => resource.driver = object.next_value_seed(As(Word))?.into_owned(),
            "status" => resource.status = object.next_value_seed(As(Status))?,
            "disable" => resource.disabled = object.next_value_seed(As(Flag))?,
            "info" => resource.info = Arc::new(object.next_value_seed(As(Object))?),
        });
        Ok(Some(resource))
    }
}

/// `….RESOURCE.status`
pub(super) struct Status;

impl<'de> Shape<'de> for Status {
    type Value = ResourceStatus;

    fn text(self, text: Cow<'de, str>) -> ResourceStatus {
        match &*text {
            "up" => ResourceStatus::Up,
            "stdby up" => ResourceStatus::StandbyUp,
            _ => ResourceStatus::NotUp,
        }
    }
}
