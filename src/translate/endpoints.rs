//! The endpoints of a cluster: the part that changes most, so it takes the shortest way.

use std::net::IpAddr;
use std::sync::Arc;

use envoy_types::pb::envoy::config::core::v3::Locality;
use envoy_types::pb::envoy::config::endpoint::v3::{
    self as eds, ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};

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

/// Field numbers of `ClusterLoadAssignment` and `LocalityLbEndpoints`, whose parts are appended encoded: prost
/// would measure each once for every message around it.
const ENDPOINTS: u32 = 2;
const LB_ENDPOINTS: u32 = 2;

/// The `ClusterLoadAssignment` of a cluster.
///
/// The endpoints may come in any order and repeat. None of them is an assignment without
/// endpoints, which empties the cluster; leaving the assignment out would keep the old ones.
pub fn load_assignment(cluster: impl Into<Arc<str>>, endpoints: &[Endpoint]) -> Resource {
    let cluster = cluster.into();
    let mut endpoints: Vec<&Endpoint> = endpoints.iter().collect();
    endpoints.sort();
    endpoints.dedup();
    let head = ClusterLoadAssignment {
        cluster_name: cluster.to_string(),
        ..ClusterLoadAssignment::default()
    };
    let mut body = head.encode_to_vec();
    for group in endpoints.chunk_by(|a, b| a.locality == b.locality) {
        let locality = group
            .first()
            .and_then(|endpoint| endpoint.locality.as_deref());
        wire::append(&mut body, ENDPOINTS, &locality_endpoints(locality, group));
    }
    Resource::new(ResourceType::Endpoints, cluster, body.into(), Vec::new())
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
        wire::append(
            &mut body,
            LB_ENDPOINTS,
            &lb_endpoint(endpoint).encode_to_vec(),
        );
    }
    body
}

fn lb_endpoint(endpoint: &Endpoint) -> LbEndpoint {
    // An endpoint's protocol is left at its default for UDP too: Envoy looks at the listener's.
    let address = socket_address(endpoint.addr, endpoint.port, Protocol::Tcp);
    LbEndpoint {
        host_identifier: Some(lb_endpoint::HostIdentifier::Endpoint(eds::Endpoint {
            address: Some(address),
            ..eds::Endpoint::default()
        })),
        ..LbEndpoint::default()
    }
}
