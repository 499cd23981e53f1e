//! The Envoy cluster of an expose.

use std::sync::Arc;
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, EdsClusterConfig, LbPolicy as EnvoyLbPolicy,
};
use envoy_types::pb::envoy::config::core::v3::HealthCheck;
use envoy_types::pb::envoy::config::core::v3::health_check::{HealthChecker, TcpHealthCheck};
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext;
use envoy_types::pb::google::protobuf::UInt32Value;

use super::parts::{ads, duration, tls_socket};
use super::passthrough::Base;
use super::tls::Tls;
use crate::envoy::{Reference, Resource, ResourceType, encode, holds_pem_key};
use crate::model::{Expose, LbPolicy, Traffic};

/// How long a connection to an endpoint may take, unless `cluster_data` says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Lays the expose's own fields over what `cluster_data` gives.
///
/// Name, type and endpoint source are the expose's; everything else is a default that
/// `cluster_data` may replace.
pub(super) fn cluster(
    expose: &Expose,
    lb_policy: LbPolicy,
    base: Base<Cluster>,
    tls: Option<&Tls<UpstreamTlsContext>>,
) -> Resource {
    let name: Arc<str> = expose.id.to_string().into();
    let mut references = Vec::new();
    let original_dst = lb_policy == LbPolicy::OriginalDst;
    let default_health_check =
        !base.gives("health_checks") && !original_dst && !matches!(expose.traffic, Traffic::Udp);
    let default_lb_policy = original_dst || !base.gives("lb_policy");
    let default_drain = !base.gives("ignore_health_on_host_removal");

    let mut cluster = base.message;
    cluster.name = name.to_string();
    if original_dst {
        cluster.cluster_discovery_type = Some(discovery(DiscoveryType::OriginalDst));
    } else {
        cluster.cluster_discovery_type = Some(discovery(DiscoveryType::Eds));
        cluster.eds_cluster_config = Some(EdsClusterConfig {
            eds_config: Some(ads()),
            ..EdsClusterConfig::default()
        });
        references.push(Reference {
            kind: ResourceType::Endpoints,
            name: name.clone(),
        });
    }
    if default_lb_policy {
        cluster.lb_policy = envoy_lb_policy(lb_policy).into();
    }
    cluster
        .connect_timeout
        .get_or_insert_with(|| duration(CONNECT_TIMEOUT));
    if default_health_check {
        cluster.health_checks.push(tcp_health_check());
    }
    if default_drain {
        cluster.ignore_health_on_host_removal = true;
    }
    if let (None, Some(tls)) = (&cluster.transport_socket, tls) {
        cluster.transport_socket = Some(tls_socket(&tls.context));
        references.extend_from_slice(&tls.references);
    }
    let body = encode(&cluster);
    // Only Envoy's own words can hold a key in a field that is not for one.
    let holds_key = expose.cluster_data.is_some() && holds_pem_key(&body);
    let resource = Resource::new(ResourceType::Cluster, name, body, references);
    match holds_key {
        true => resource.confidential(),
        false => resource,
    }
}

fn discovery(kind: DiscoveryType) -> ClusterDiscoveryType {
    ClusterDiscoveryType::Type(kind.into())
}

fn envoy_lb_policy(policy: LbPolicy) -> EnvoyLbPolicy {
    match policy {
        LbPolicy::RoundRobin => EnvoyLbPolicy::RoundRobin,
        LbPolicy::LeastRequest => EnvoyLbPolicy::LeastRequest,
        LbPolicy::RingHash => EnvoyLbPolicy::RingHash,
        LbPolicy::Random => EnvoyLbPolicy::Random,
        LbPolicy::Maglev => EnvoyLbPolicy::Maglev,
        LbPolicy::OriginalDst => EnvoyLbPolicy::ClusterProvided,
    }
}

/// An endpoint is left out after three failed connections, 30 s apart, and back after a good one.
fn tcp_health_check() -> HealthCheck {
    let seconds = |s| Some(duration(Duration::from_secs(s)));
    HealthCheck {
        timeout: seconds(5),
        interval: seconds(30),
        interval_jitter: seconds(15),
        unhealthy_threshold: Some(UInt32Value { value: 3 }),
        healthy_threshold: Some(UInt32Value { value: 1 }),
        health_checker: Some(HealthChecker::TcpHealthCheck(TcpHealthCheck::default())),
        ..HealthCheck::default()
    }
}
