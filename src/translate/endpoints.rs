//! The endpoints of a cluster: the part that changes most, so it takes the shortest way.

use std::net::IpAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::Locality;
use envoy_types::pb::envoy::config::endpoint::v3::{ClusterLoadAssignment, LocalityLbEndpoints};

use prost::Message;

use super::parts::socket_address;
use crate::envoy::{Resource, ResourceType, wire};
use crate::model::Protocol;

/// Where an instance of the service answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// Where it is, as Envoy's locality zone; `None` where the service does not say.
    pub locality: Option<Arc<str>>,
    /// The address of the ip resource.
    pub addr: IpAddr,
    /// The expose's port.
    pub port: u16,
}

/// Field numbers of `ClusterLoadAssignment`, `LocalityLbEndpoints`, `LbEndpoint` and `Endpoint`, whose parts are
/// appended encoded: prost would measure each once for every message around it.
const CLUSTER_NAME: u32 = 1;
const ENDPOINTS: u32 = 2;
const LB_ENDPOINTS: u32 = 2;
const ENDPOINT: u32 = 1;
const ADDRESS: u32 = 1;

/// The `ClusterLoadAssignment` of a cluster.
///
/// The endpoints may come in any order and repeat. None of them is an assignment without
/// endpoints, which empties the cluster; leaving the assignment out would keep the old ones.
pub fn load_assignment(cluster: impl Into<Arc<str>>, endpoints: &[Endpoint]) -> Resource {
    let cluster = cluster.into();
    let mut endpoints: Vec<&Endpoint> = endpoints.iter().collect();
    endpoints.sort();
    endpoints.dedup();
    let mut body = wire::message(&[(CLUSTER_NAME, cluster.as_bytes())]);
    for group in endpoints.chunk_by(|a, b| a.locality == b.locality) {
        let locality = group
            .first()
            .and_then(|endpoint| endpoint.locality.as_deref());
        wire::append(&mut body, ENDPOINTS, &locality_endpoints(locality, group));
    }
    let body = body.into_boxed_slice().into();
    Resource::new(ResourceType::Endpoints, cluster, body, Vec::new())
}

/// How many endpoints a [`load_assignment`] has; 0 where a resource is none.
pub fn endpoint_count(assignment: &Resource) -> usize {
    let assignment = ClusterLoadAssignment::decode(&*assignment.body).unwrap_or_default();
    let groups = assignment.endpoints.iter();
    groups.map(|group| group.lb_endpoints.len()).sum()
}

/// The encoded endpoints of a zone.
fn locality_endpoints(zone: Option<&str>, endpoints: &[&Endpoint]) -> Vec<u8> {
    let head = LocalityLbEndpoints {
        locality: zone.map(|zone| Locality {
            zone: zone.into(),
            ..Locality::default()
        }),
        ..LocalityLbEndpoints::default()
    };
    let mut body = head.encode_to_vec();
    for endpoint in endpoints {
        wire::append(&mut body, LB_ENDPOINTS, &lb_endpoint(endpoint));
    }
    body
}

/// The encoded endpoint.
fn lb_endpoint(endpoint: &Endpoint) -> Vec<u8> {
    // An endpoint's protocol is left at its default for UDP too: Envoy looks at the listener's.
    let address = socket_address(endpoint.addr, endpoint.port, Protocol::Tcp).encode_to_vec();
    wire::message(&[(ENDPOINT, &wire::message(&[(ADDRESS, &address)]))])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use envoy_types::pb::envoy::config::endpoint::v3::{self as eds, LbEndpoint, lb_endpoint};

    use super::*;

    #[test]
    fn an_assignment_is_encoded_as_prost_does() {
        let endpoint = |zone: Option<&str>, addr: &str| Endpoint {
            locality: zone.map(Into::into),
            addr: addr.parse().unwrap(),
            port: 8080,
        };
        let near = [endpoint(None, "10.0.0.1"), endpoint(None, "2001:db8::7")];
        let far = [endpoint(Some("far"), "10.0.0.1")];
        let locality = |zone: Option<&str>, endpoints: &[Endpoint]| {
            let endpoints = endpoints.iter().map(|endpoint| {
                let address = socket_address(endpoint.addr, endpoint.port, Protocol::Tcp);
                let host = eds::Endpoint {
                    address: Some(address),
                    ..eds::Endpoint::default()
                };
                LbEndpoint {
                    host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(host)),
                    ..LbEndpoint::default()
                }
            });
            LocalityLbEndpoints {
                locality: zone.map(|zone| Locality {
                    zone: zone.into(),
                    ..Locality::default()
                }),
                lb_endpoints: endpoints.collect(),
                ..LocalityLbEndpoints::default()
            }
        };
        let assignment = ClusterLoadAssignment {
            cluster_name: "web/expose#0".into(),
            endpoints: vec![locality(None, &near), locality(Some("far"), &far)],
            ..ClusterLoadAssignment::default()
        };
        let all = [&far[..], &near[..]].concat();
        let encoded = load_assignment("web/expose#0", &all);
        assert_eq!(*encoded.body, *assignment.encode_to_vec());
        assert_eq!(endpoint_count(&encoded), 3);
    }
}
