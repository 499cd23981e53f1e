//! What Envoy refuses though its protos allow it: rules found by asking a real Envoy, which a test
//! does again. Some only Envoy can judge, such as ciphers, scripts and log formats.

mod balancing;
mod health;
mod http;
mod tls;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;

pub(super) use http::{is_router, manager};

use super::Place;
use crate::validate::codes;

impl Place<'_> {
    fn break_rule(&mut self, path: &str, what: impl std::fmt::Display, hint: &str) {
        self.refuse(codes::PASSTHROUGH_INVALID, format!("{path} {what}"), hint);
    }
}

/// Judges `cluster_data`.
pub(super) fn cluster(cluster: &Cluster, original_dst: bool, place: &mut Place<'_>) {
    if original_dst && cluster.lb_subset_config.is_some() {
        let hint = "remove it, or write another lb_policy";
        place.break_rule(
            "lb_subset_config",
            "cannot be used with original_dst_lb",
            hint,
        );
    }
    for (index, filter) in cluster.filters.iter().enumerate() {
        let nothing = filter.typed_config.is_none() && filter.config_discovery.is_none();
        if nothing && !filter.name.starts_with("envoy.") {
            let hint = "write its typed_config with '@type'";
            place.break_rule(&format!("filters[{index}]"), "has no typed_config", hint);
        }
    }
    balancing::check(cluster, place);
    health::check(cluster, place);
    let source = cluster.upstream_bind_config.as_ref();
    let source = source.and_then(|bind| bind.source_address.as_ref());
    if let Some(source) = source
        && source.address.parse::<std::net::IpAddr>().is_err()
    {
        let path = "upstream_bind_config.source_address.address";
        place.break_rule(
            path,
            "is not an ip address",
            "write an IPv4 or IPv6 address",
        );
    }
    if let Some(socket) = &cluster.transport_socket {
        tls::check(socket, "transport_socket", place);
    }
    for (index, choice) in cluster.transport_socket_matches.iter().enumerate() {
        if let Some(socket) = &choice.transport_socket {
            let path = format!("transport_socket_matches[{index}].transport_socket");
            tls::check(socket, &path, place);
        }
    }
}
