//! Where a logical service runs: read once for all that it exposes, of which one ip may list thousands.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::logical::{Services, exposes, own_port, text};
use crate::daemon::{Availability, Info, Instance, ResourceState, ResourceStatus};
use crate::model::ObjectPath;
use crate::translate::Endpoint;

/// The instances of a logical service, and what their ips say.
pub(super) struct Placement<'a>(pub(super) Vec<Placed<'a>>);

/// An instance.
pub(super) struct Placed<'a> {
    /// Its service, which may be a slave of the logical one.
    pub(super) service: &'a ObjectPath,
    /// Its node.
    pub(super) node: &'a str,
    /// What the daemon says of it.
    pub(super) instance: &'a Instance,
    ips: Vec<Ip<'a>>,
}

/// An ip resource of an instance.
pub(super) struct Ip<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// What the daemon says of it.
    pub(super) resource: &'a ResourceState,
    /// The address that it has, as it is told.
    pub(super) address: Option<Value>,
    locality: Option<Arc<str>>,
    /// The sections that it lists, sorted.
    listed: Vec<String>,
}

impl<'a> Ip<'a> {
    fn of(name: &'a str, resource: &'a ResourceState) -> Self {
        let keywords = ["expose", "ipaddr", "locality"];
        let [exposed, address, locality] = resource.info.pick(keywords);
        let mut listed: Vec<String> = exposes(exposed).collect();
        listed.sort();
        Self {
            name,
            resource,
            address,
            locality: locality.and_then(text).map(Into::into),
            listed,
        }
    }

    fn lists(&self, section: &str) -> bool {
        let place = self
            .listed
            .binary_search_by(|listed| (**listed).cmp(section));
        place.is_ok()
    }

    /// The address, where somebody answers there: at 0.0.0.0 the gateway itself would.
    fn host(&self) -> Option<IpAddr> {
        let addr = self.address.as_ref()?.as_str()?.parse::<IpAddr>().ok()?;
        (!addr.is_unspecified() && !addr.is_multicast()).then_some(addr)
    }
}

impl Placed<'_> {
    /// The ips that list an expose.
    pub(super) fn listing(&self, section: &str) -> impl Iterator<Item = &Ip<'_>> {
        self.ips.iter().filter(move |ip| ip.lists(section))
    }
}

impl Services {
    /// Where a logical service runs.
    pub(super) fn placement(&self, owner: &ObjectPath) -> Placement<'_> {
        let members = self.members(owner);
        let states = members.filter_map(|path| Some((path, self.state(path)?)));
        let placed = states.flat_map(|(service, state)| {
            state.instances.iter().map(move |(node, instance)| {
                let resources = instance.resources.iter();
                let ips = resources.filter(|(name, _)| name.starts_with("ip#"));
                Placed {
                    service,
                    node,
                    instance,
                    ips: ips.map(|(name, ip)| Ip::of(name, ip)).collect(),
                }
            })
        });
        Placement(placed.collect())
    }
}

impl Placement<'_> {
    /// Where an expose runs now: every ip resource that lists it and is up, of every instance that
    /// may serve; sorted. Slaves of a scaler may share an address, which is one endpoint.
    ///
    /// The port is the instance's own where it differs from the `documented` one, since a keyword
    /// may be scoped by node; otherwise the `served` one, which is what Envoy was configured for. An
    /// instance whose own is not a port has no endpoint: at another port something else may answer.
    pub(super) fn endpoints(&self, section: &str, documented: &Info, served: u16) -> Vec<Endpoint> {
        let serving = self
            .0
            .iter()
            .filter(|placed| placed.instance.avail == Availability::Serving);
        let mut endpoints = Vec::new();
        for placed in serving {
            let Ok(own) = own_port(placed.instance, section, documented) else {
                continue;
            };
            let port = own.unwrap_or(served);
            let up = placed
                .listing(section)
                .filter(|ip| ip.resource.status != ResourceStatus::NotUp && !ip.resource.disabled);
            endpoints.extend(up.filter_map(|ip| {
                Some(Endpoint {
                    addr: ip.host()?,
                    port,
                    locality: ip.locality.clone(),
                })
            }));
        }
        endpoints.sort();
        endpoints.dedup();
        endpoints
    }
}
