//! Clusters and their endpoints.

use envoy_types::pb::envoy::config::cluster::v3 as envoy;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, LbPolicy,
};
use envoy_types::pb::envoy::config::core::v3::{address, socket_address, transport_socket};
use envoy_types::pb::envoy::config::endpoint::v3::{ClusterLoadAssignment, lb_endpoint};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext;
use prost::Message;
use serde::Serialize;
use utoipa::ToSchema;

use super::listener::{certificates, judge, unpack};
use crate::envoy::Resource;

/// A group of endpoints that serve the same expose.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Cluster {
    /// Its name: the expose's.
    #[schema(example = "test/svc/web.expose#0")]
    pub name: String,
    /// How an endpoint is picked, in Envoy's word.
    #[schema(example = "ROUND_ROBIN")]
    pub lb_policy: String,
    /// Whether connections go on to where they were made for, whatever the endpoints.
    pub original_destination: bool,
    /// Whether Envoy checks the health of endpoints by itself.
    pub health_checked: bool,
    /// Whether TLS is spoken with endpoints.
    pub tls: bool,
    /// The certificates presented to endpoints, by the name of their secret.
    pub certificates: Vec<String>,
    /// What judges the certificates of endpoints; absent where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints_judged_by: Option<String>,
}

/// Where an instance of a service answers. OpenSVC says of all that are listed that they are up.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Endpoint {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
    /// Where it is, where the service says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
}

impl Cluster {
    /// Decodes a cluster.
    pub(super) fn read(resource: &Resource) -> Option<Self> {
        let cluster = envoy::Cluster::decode(&*resource.body).ok()?;
        let original = ClusterDiscoveryType::Type(DiscoveryType::OriginalDst.into());
        let socket = cluster.transport_socket.as_ref();
        let tls = socket.and_then(|socket| socket.config_type.as_ref());
        let tls = tls.map(|config| match config {
            transport_socket::ConfigType::TypedConfig(any) => {
                unpack::<UpstreamTlsContext>(any).unwrap_or_default()
            }
        });
        let common = tls.as_ref().and_then(|tls| tls.common_tls_context.as_ref());
        Some(Self {
            lb_policy: lb_policy(cluster.lb_policy()).into(),
            original_destination: cluster.cluster_discovery_type == Some(original),
            health_checked: !cluster.health_checks.is_empty(),
            tls: tls.is_some(),
            certificates: common.map(certificates).unwrap_or_default(),
            endpoints_judged_by: common.and_then(judge),
            name: cluster.name,
        })
    }
}

fn lb_policy(policy: LbPolicy) -> &'static str {
    policy.as_str_name()
}

/// Decodes a cluster's load assignment.
pub(super) fn endpoints(resource: &Resource) -> Option<Vec<Endpoint>> {
    let assignment = ClusterLoadAssignment::decode(&*resource.body).ok()?;
    let mut endpoints = Vec::new();
    for group in &assignment.endpoints {
        let locality = group
            .locality
            .as_ref()
            .map(|locality| locality.zone.clone());
        let addresses = group.lb_endpoints.iter().filter_map(socket);
        endpoints.extend(addresses.map(|(address, port)| Endpoint {
            address,
            port,
            locality: locality.clone(),
        }));
    }
    Some(endpoints)
}

fn socket(
    endpoint: &envoy_types::pb::envoy::config::endpoint::v3::LbEndpoint,
) -> Option<(String, u16)> {
    let lb_endpoint::HostIdentifier::Endpoint(endpoint) = endpoint.host_identifier.as_ref()? else {
        return None;
    };
    match endpoint.address.as_ref()?.address.as_ref()? {
        address::Address::SocketAddress(socket) => match socket.port_specifier.as_ref()? {
            socket_address::PortSpecifier::PortValue(port) => {
                Some((socket.address.clone(), u16::try_from(*port).ok()?))
            }
            socket_address::PortSpecifier::NamedPort(_) => None,
        },
        _ => None,
    }
}
