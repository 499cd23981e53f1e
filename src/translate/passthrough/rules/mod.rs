//! What Envoy refuses though its protos allow it: rules found by asking a real Envoy, which a test
//! does again. Some only Envoy can judge, such as scripts and files.

mod anywhere;
mod balancing;
mod binding;
mod format;
mod health;
mod http;
mod names;
mod protocol;
mod tcp;
mod tls;
mod udp;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::extensions::upstreams::http::udp::v3::UdpConnectionPoolProto;
use envoy_types::pb::google::protobuf::Any;
use prost::Name;

pub(super) use http::{is_router, manager};
pub(super) use tcp::proxy;
pub(super) use udp::proxy as datagrams;

use super::DataFindings;
use crate::validate::codes;

impl DataFindings<'_> {
    fn break_rule(&mut self, path: &str, what: impl std::fmt::Display, hint: &str) {
        self.refuse(codes::PASSTHROUGH_INVALID, format!("{path} {what}"), hint);
    }
}

/// Whether a message of a type is in an `Any`.
fn is_of<M: Name>(any: &Any) -> bool {
    any.type_url.rsplit('/').next() == Some(&M::full_name())
}

/// Judges `cluster_data`. `tls` is whether the section itself asks for TLS towards the endpoints.
pub(super) fn cluster(
    cluster: &Cluster,
    original_dst: bool,
    tls: bool,
    findings: &mut DataFindings<'_>,
) {
    if original_dst && cluster.lb_subset_config.is_some() {
        let hint = "remove it, or write another lb_policy";
        findings.break_rule(
            "lb_subset_config",
            "cannot be used with original_dst_lb",
            hint,
        );
    }
    for (index, filter) in cluster.filters.iter().enumerate() {
        if filter.typed_config.is_none() && filter.config_discovery.is_none() {
            let hint = "write its typed_config with '@type'";
            findings.break_rule(&format!("filters[{index}]"), "has no typed_config", hint);
        }
    }
    let upstream = cluster.upstream_config.as_ref();
    let upstream = upstream.and_then(|upstream| upstream.typed_config.as_ref());
    if upstream.is_some_and(is_of::<UdpConnectionPoolProto>) {
        let hint = "remove it: Envoy chooses the pool that suits";
        let what = "is a UdpConnectionPoolProto, with which Envoy ends at the first request";
        findings.break_rule("upstream_config", what, hint);
    }
    anywhere::check(cluster, findings);
    balancing::check(cluster, findings);
    health::check(cluster, findings);
    protocol::check(cluster, tls, findings);
    if let Some(bind) = &cluster.upstream_bind_config {
        binding::check(bind, findings);
    }
    if let Some(socket) = &cluster.transport_socket {
        tls::check(socket, "transport_socket", findings);
    }
    for (index, choice) in cluster.transport_socket_matches.iter().enumerate() {
        let path = format!("transport_socket_matches[{index}].transport_socket");
        match &choice.transport_socket {
            Some(socket) => tls::check(socket, &path, findings),
            None => findings.break_rule(&path, "is missing", "write one for each match"),
        }
    }
}
