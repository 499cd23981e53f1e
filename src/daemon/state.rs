//! The part of the daemon's dataset that the gateway depends on.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Info, Named};
use crate::model::ObjectPath;

/// The status of a resource, `monitor.nodes.*.services.status.*.resources.*.status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ResourceStatus {
    /// `up`
    Up,
    /// `stdby up`: up on every node of the service, active or not.
    StandbyUp,
    /// Anything else: `down`, `stdby down`, `warn`, `n/a`, `undef`, unknown.
    #[default]
    NotUp,
}

/// The aggregated availability of an instance, `avail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Availability {
    /// `up`, `warn`, or `n/a` (nothing that counts): the instance may serve.
    Serving,
    /// `down`, `stdby up`, `stdby down`, `undef`, unknown: it must not be sent traffic.
    #[default]
    NotServing,
}

/// One resource of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceState {
    /// The driver, such as `expose.envoy` or `ip.host`; `ip` without driver is possible.
    pub driver: Arc<str>,
    /// Whether it is up.
    pub status: ResourceStatus,
    /// Whether the configuration disables it.
    pub disabled: bool,
    /// The evaluated keywords; what could not be evaluated is absent.
    pub info: Info,
}

/// A service on one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Instance {
    /// Whether it may be sent traffic.
    pub avail: Availability,
    /// Whether the service is a slave of a scaler.
    pub scaler_slave: bool,
    /// By section name, only the groups `ip`, `expose`, `vhost`, `route`, `hashpolicy` and
    /// `certificate`.
    pub resources: Named<ResourceState>,
}

impl ResourceState {
    /// How much memory it takes, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        128 + self.driver.len() + self.info.text().len()
    }
}

impl Instance {
    /// How much memory it takes, about, in bytes.
    pub(super) fn weight(&self) -> usize {
        let resources = self.resources.iter();
        let resources = resources.map(|(name, resource)| name.len() + resource.weight());
        128 + resources.sum::<usize>()
    }
}

/// A service on every node that has an instance of it, by node name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceState {
    /// The instances.
    pub instances: Named<Arc<Instance>>,
}

/// What happened in the daemon.
#[derive(Debug, Clone)]
pub enum Update {
    /// The whole state: at the start, and after every resynchronisation. Whatever is not in it is
    /// gone.
    Reset {
        /// Every service that has an instance.
        services: BTreeMap<ObjectPath, Arc<ServiceState>>,
        /// Every secret object, with a text that changes when its content does.
        secrets: BTreeMap<ObjectPath, String>,
    },
    /// What one patch changed.
    Patch {
        /// The new state of each touched service; `None` where the last instance is gone.
        services: Vec<(ObjectPath, Option<Arc<ServiceState>>)>,
        /// The same for secrets.
        secrets: Vec<(ObjectPath, Option<String>)>,
    },
}
