//! The watched part of the daemon's dataset, read without building the rest.
//!
//! Of `{"monitor": {"nodes": {NODE: {"services": {"status": {OBJECT: …}, "config": {OBJECT: …}}}}}}`
//! only services' instances and secrets' checksums are kept, and each node's phase. Every level
//! has a [`Shape`], so that a patch which replaces a level is read like that level of a whole
//! dataset.

use std::borrow::Cow;
use std::sync::Arc;

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::shape::{As, Flag, Object, Shape, Text, Word, members};
use super::tables::{self, Tables};
use crate::daemon::{Availability, Instance, Named, ResourceState, ResourceStatus};
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

/// The path of a service; `None` for every other object.
pub(super) fn service(text: &str) -> Option<ObjectPath> {
    is_service(text).then(|| text.parse().ok()).flatten()
}

/// Whether a path, which need not be valid, is that of a service.
pub(super) fn is_service(text: &str) -> bool {
    // The cluster's own configuration is listed like a service of the root namespace.
    text != "cluster" && is_kind(text.as_bytes(), b"svc")
}

/// The path of a secret; `None` for every other object.
pub(super) fn secret(text: &str) -> Option<ObjectPath> {
    is_secret(text.as_bytes())
        .then(|| text.parse().ok())
        .flatten()
}

/// Whether a path, which need not be valid, is that of a secret.
pub(super) fn is_secret(text: &[u8]) -> bool {
    is_kind(text, b"sec")
}

/// Whether a path, which need not be valid, is of a kind. Allocates nothing: most objects are not
/// watched.
fn is_kind(text: &[u8], kind: &[u8]) -> bool {
    let mut parts = text.rsplit(|byte| *byte == b'/');
    parts.nth(1).unwrap_or(b"svc") == kind
}

/// Whether a resource is of a group that is watched.
pub(super) fn is_watched(resource: &[u8]) -> bool {
    matches!(
        resource.split(|byte| *byte == b'#').next(),
        Some(b"ip" | b"expose" | b"vhost" | b"route" | b"hashpolicy" | b"certificate")
    )
}

/// The whole dataset.
pub(super) struct Dataset<'t>(pub(super) &'t mut Tables);

impl<'de> Shape<'de> for Dataset<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        members!(object, {
            "monitor" => {
                self.0.clear();
                object.next_value_seed(As(Monitor(self.0)))?;
            },
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
            "nodes" => {
                self.0.clear();
                object.next_value_seed(As(Nodes(self.0)))?;
            },
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
            object.next_value_seed(As(Node(self.0.node(&node))))?;
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE`
pub(super) struct Node<'t>(pub(super) &'t mut tables::Node);

impl<'de> Shape<'de> for Node<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self(node) = self;
        members!(object, {
            "monitor" => node.says = object.next_value_seed(As(NodeMonitor))?,
            "services" => {
                node.clear_services();
                object.next_value_seed(As(Services(node)))?;
            },
        });
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
pub(super) struct Services<'t>(pub(super) &'t mut tables::Node);

impl<'de> Shape<'de> for Services<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self(node) = self;
        node.has_services = true;
        members!(object, {
            "status" => {
                node.statuses.clear();
                object.next_value_seed(As(Statuses(node)))?;
            },
            "config" => {
                node.clear_configs();
                object.next_value_seed(As(Configs(node)))?;
            },
        });
        Ok(())
    }
}

/// `monitor.nodes.NODE.services.status`
pub(super) struct Statuses<'t>(pub(super) &'t mut tables::Node);

impl<'de> Shape<'de> for Statuses<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key_seed(As(Word))? {
            let Some(service) = service(&key) else {
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            let instance = object.next_value_seed(As(InstanceStatus))?;
            self.0.statuses.push((service, instance.map(Arc::new)));
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE.services.config`
pub(super) struct Configs<'t>(pub(super) &'t mut tables::Node);

impl<'de> Shape<'de> for Configs<'_> {
    type Value = ();

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key_seed(As(Word))? {
            if let Some(secret) = secret(&key) {
                let checksum = object.next_value_seed(As(Config))?;
                self.0.configs.push((secret, checksum));
            } else if let Some(service) = service(&key) {
                let scope = object.next_value_seed(As(ServiceConfig))?;
                self.0.list(service, scope);
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// `monitor.nodes.NODE.services.config.OBJECT`: its checksum, empty where there is none yet.
pub(super) struct Config;

impl<'de> Shape<'de> for Config {
    type Value = Option<Arc<str>>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut checksum = None;
        members!(object, {
            "csum" => checksum = object.next_value_seed(As(Text::default()))?,
        });
        Ok(Some(checksum.unwrap_or_default().into()))
    }
}

/// The nodes that a service may run on, as its configuration is told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RunsOn(Vec<String>);

impl RunsOn {
    /// Whether a node is among them.
    pub(super) fn has(&self, node: &str) -> bool {
        self.0.iter().any(|name| name == node)
    }

    /// How much memory they take, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let names = self.0.iter();
        names.map(|name| size_of::<String>() + name.len()).sum()
    }
}

/// `monitor.nodes.NODE.services.config.SERVICE`
pub(super) struct ServiceConfig;

impl<'de> Shape<'de> for ServiceConfig {
    /// `None` when it is not an object.
    type Value = Option<RunsOn>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut nodes = RunsOn::default();
        members!(object, {
            "scope" => nodes = RunsOn(object.next_value_seed(As(Words))?),
        });
        Ok(Some(nodes))
    }
}

/// A list of texts.
struct Words;

impl<'de> Shape<'de> for Words {
    type Value = Vec<String>;

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element_seed(As(Word))? {
            words.push(word.into_owned());
        }
        Ok(words)
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

/// `….SERVICE.resources`
pub(super) struct Resources;

impl<'de> Shape<'de> for Resources {
    type Value = Named<ResourceState>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut told = Vec::new();
        while let Some(name) = object.next_key_seed(As(Word))? {
            if is_watched(name.as_bytes()) {
                told.push((name.into(), object.next_value_seed(As(Resource))?));
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Named::told(told))
    }
}

/// `….SERVICE.resources.RESOURCE`
pub(super) struct Resource;

impl<'de> Shape<'de> for Resource {
    type Value = Option<ResourceState>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut resource = ResourceState::default();
        members!(object, {
            "type" => resource.driver = object.next_value_seed(As(Word))?.into(),
            "status" => resource.status = object.next_value_seed(As(Status))?,
            "disable" => resource.disabled = object.next_value_seed(As(Flag))?,
            "info" => resource.info = object.next_value_seed(As(Object))?.into(),
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
