//! Hand-built Envoy resources, as small as Envoy accepts them.

use std::net::SocketAddr;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, EdsClusterConfig,
};
use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, AggregatedConfigSource, ApiVersion, ConfigSource, SocketAddress,
};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints,
};
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::ClusterSpecifier;
use envoy_types::pb::google::protobuf::Duration;
use igw_envoy::envoy::{Reference, Resource, ResourceType, encode, pack};

fn address(of: SocketAddr) -> Option<Address> {
    Some(Address {
        address: Some(AddressKind::SocketAddress(SocketAddress {
            address: of.ip().to_string(),
            port_specifier: Some(PortSpecifier::PortValue(of.port().into())),
            ..Default::default()
        })),
    })
}

fn names(kind: ResourceType, name: &str) -> Vec<Reference> {
    vec![Reference {
        kind,
        name: name.into(),
    }]
}

/// A cluster whose endpoints have its name.
pub fn cluster(name: &str, connect_timeout: i64) -> Resource {
    let cluster = Cluster {
        name: name.to_owned(),
        connect_timeout: Some(Duration {
            seconds: connect_timeout,
            nanos: 0,
        }),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Eds.into())),
        eds_cluster_config: Some(EdsClusterConfig {
            eds_config: Some(ConfigSource {
                resource_api_version: ApiVersion::V3.into(),
                config_source_specifier: Some(ConfigSourceSpecifier::Ads(
                    AggregatedConfigSource {},
                )),
                ..Default::default()
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let references = names(ResourceType::Endpoints, name);
    Resource::new(ResourceType::Cluster, name, encode(&cluster), references)
}

/// The endpoints of a cluster.
pub fn endpoints(cluster: &str, at: &[SocketAddr]) -> Resource {
    let lb_endpoints = at.iter().map(|at| LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint {
            address: address(*at),
            ..Default::default()
        })),
        ..Default::default()
    });
    let assignment = ClusterLoadAssignment {
        cluster_name: cluster.to_owned(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: lb_endpoints.collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let body = encode(&assignment);
    Resource::new(ResourceType::Endpoints, cluster, body, vec![])
}

/// A TCP listener that leads to a cluster.
pub fn tcp_listener(at: SocketAddr, cluster: &str) -> Resource {
    let proxy = TcpProxy {
        stat_prefix: cluster.to_owned(),
        cluster_specifier: Some(ClusterSpecifier::Cluster(cluster.to_owned())),
        ..Default::default()
    };
    let name = format!("{at}/tcp");
    let listener = Listener {
        name: name.clone(),
        address: address(at),
        filter_chains: vec![FilterChain {
            filters: vec![Filter {
                name: "envoy.filters.network.tcp_proxy".to_owned(),
                config_type: Some(ConfigType::TypedConfig(pack(&proxy))),
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let references = names(ResourceType::Cluster, cluster);
    Resource::new(ResourceType::Listener, name, encode(&listener), references)
}
