//! The Envoy cluster of an expose.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
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
use crate::envoy::{Reference, Resource, ResourceType, encode, holds_pem_key, wire};
use crate::model::{Expose, LbPolicy, Traffic};

/// How long a connection to an endpoint may take, unless `cluster_data` says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);

/// Field number of a `Cluster`'s name, the first of its fields.
const NAME: u32 = 1;

/// The cluster of an expose without `cluster_data` and certificates.
///
/// Such clusters differ in their names and in what [`Plain`] says, so all but the name is encoded once for
/// all that are alike. It need not be held against Envoy's constraints either: there are a few, a test
/// does that with each, and all that they ask of a name is that there is one.
pub(super) fn plain(expose: &Expose) -> Resource {
    let kind = Plain::of(expose);
    let unnamed = kind.encoded();
    let name: Arc<str> = expose.id.to_string().into();
    let mut body = Vec::with_capacity(wire::AROUND + name.len() + unnamed.len());
    wire::append(&mut body, NAME, name.as_bytes());
    body.extend_from_slice(unnamed);
    let endpoints = endpoints(kind.lb_policy, &name);
    let references = endpoints.into_iter().collect();
    let body = body.into_boxed_slice().into();
    Resource::new(ResourceType::Cluster, name, body, references)
}

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
    let mut references: Vec<_> = endpoints(lb_policy, &name).into_iter().collect();
    let is_udp = matches!(expose.traffic, Traffic::Udp);
    let mut cluster = unnamed(Plain { lb_policy, is_udp }, base);
    cluster.name = name.to_string();
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

/// What keywords make of a cluster, its name and certificates aside.
#[derive(Debug, Clone, Copy)]
struct Plain {
    lb_policy: LbPolicy,
    is_udp: bool,
}

impl Plain {
    fn of(expose: &Expose) -> Self {
        Self {
            lb_policy: expose.lb_policy,
            is_udp: matches!(expose.traffic, Traffic::Udp),
        }
    }

    /// The encoded cluster, without a name.
    fn encoded(self) -> &'static [u8] {
        static ENCODED: [OnceLock<Bytes>; 2 * LbPolicy::ALL.len()] =
            [const { OnceLock::new() }; 2 * LbPolicy::ALL.len()];
        let place = 2 * (self.lb_policy as usize) + usize::from(self.is_udp);
        ENCODED[place].get_or_init(|| encode(&unnamed(self, Base::default())))
    }
}

fn unnamed(Plain { lb_policy, is_udp }: Plain, base: Base<Cluster>) -> Cluster {
    let original_dst = lb_policy == LbPolicy::OriginalDst;
    let default_health_check = !base.gives("health_checks") && !original_dst && !is_udp;
    let default_lb_policy = original_dst || !base.gives("lb_policy");
    let default_drain = !base.gives("ignore_health_on_host_removal");

    let mut cluster = base.message;
    if original_dst {
        cluster.cluster_discovery_type = Some(discovery(DiscoveryType::OriginalDst));
    } else {
        cluster.cluster_discovery_type = Some(discovery(DiscoveryType::Eds));
        cluster.eds_cluster_config = Some(EdsClusterConfig {
            eds_config: Some(ads()),
            ..EdsClusterConfig::default()
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
    cluster
}

/// The endpoints that a cluster asks for, which bear its name.
fn endpoints(lb_policy: LbPolicy, cluster: &Arc<str>) -> Option<Reference> {
    (lb_policy != LbPolicy::OriginalDst).then(|| Reference {
        kind: ResourceType::Endpoints,
        name: cluster.clone(),
    })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::check;
    use super::*;
    use crate::model::{Document, ObjectPath};
    use crate::validate::{Context, validate};

    fn exposes(service: &str) -> impl Iterator<Item = Expose> {
        let text = "[ip#1]\nexpose = expose#0\n[expose#0]\nport = 80\n";
        let path: ObjectPath = service.parse().unwrap();
        let document = Document::from_config(path, text).unwrap();
        let expose = validate(&document, &Context::default())
            .service
            .exposes
            .remove(0);
        LbPolicy::ALL.into_iter().flat_map(move |lb_policy| {
            let udp = Expose {
                lb_policy,
                traffic: Traffic::Udp,
                ..expose.clone()
            };
            let tcp = Expose {
                lb_policy,
                ..expose.clone()
            };
            [tcp, udp]
        })
    }

    #[test]
    fn every_plain_cluster_is_as_the_keywords_make_it_and_keeps_the_constraints() {
        let long = "x".repeat(1000);
        for service in ["w", "test/svc/web", &*long] {
            for expose in exposes(service) {
                let cluster = cluster(&expose, expose.lb_policy, Base::default(), None);
                let plain = plain(&expose);
                let what = (expose.lb_policy, &expose.traffic, service);
                assert_eq!(plain.body, cluster.body, "{what:?}");
                assert_eq!(plain, cluster, "{what:?}");
                assert!(
                    plain.references.iter().eq(cluster.references.iter()),
                    "{what:?}"
                );
                assert_eq!(plain.confidential, cluster.confidential, "{what:?}");
                assert_eq!(check::cluster(&expose, &plain), Ok(()), "{what:?}");
            }
        }
    }
}
