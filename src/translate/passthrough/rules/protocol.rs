//! The protocols spoken with endpoints.

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType;
use envoy_types::pb::envoy::extensions::filters::http::upstream_codec::v3::UpstreamCodec;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::transport_sockets::quic::v3::QuicUpstreamTransport;
use envoy_types::pb::envoy::extensions::transport_sockets::raw_buffer::v3::RawBuffer;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    UpstreamProtocolOptions as Options, explicit_http_config::ProtocolConfig,
};
use prost::{Message, Name};

use super::{DataFindings, is_of};
use crate::envoy::{has_protocol_options, is_extension, shown};

const PATH: &str = "typed_extension_protocol_options";

/// `tls` is whether the section itself asks for TLS.
pub(super) fn check(cluster: &Cluster, tls: bool, findings: &mut DataFindings<'_>) {
    let mut names: Vec<&String> = cluster.typed_extension_protocol_options.keys().collect();
    names.sort();
    for name in names {
        if !has_protocol_options(name) && !is_extension(name, "envoy.upstream_options") {
            let what = format_args!("names '{}', and no extension of Envoy does", shown(name));
            let hint = "write the name of a filter, or of a message of protocol options";
            findings.break_rule(PATH, what, hint);
        }
    }
    let options = &cluster.typed_extension_protocol_options;
    let options = options.get(&HttpProtocolOptions::full_name());
    // Options that cannot be read are for Envoy to judge.
    let options = options.and_then(|options| HttpProtocolOptions::decode(&*options.value).ok());
    let Some(options) = options else {
        return;
    };
    let socket = cluster.transport_socket.as_ref();
    let socket = socket.and_then(|socket| socket.config_type.as_ref());
    let socket = socket.map(|ConfigType::TypedConfig(config)| config);
    match &options.upstream_protocol_options {
        Some(Options::AutoConfig(_)) if !socket.map_or(tls, |s| !is_of::<RawBuffer>(s)) => {
            let hint = "name certificates in cluster_certificates, or write explicit_http_config";
            findings.break_rule(PATH, "auto_config asks for a protocol by TLS", hint);
        }
        Some(Options::ExplicitHttpConfig(explicit))
            if matches!(
                explicit.protocol_config,
                Some(ProtocolConfig::Http3ProtocolOptions(_))
            ) && !socket.is_some_and(is_of::<QuicUpstreamTransport>) =>
        {
            let hint = "write http2_protocol_options";
            findings.break_rule(PATH, "http3_protocol_options needs QUIC", hint);
        }
        Some(Options::UseDownstreamProtocolConfig(downstream))
            if downstream.http3_protocol_options.is_some()
                && !socket.is_some_and(is_of::<QuicUpstreamTransport>) =>
        {
            let hint = "remove http3_protocol_options";
            findings.break_rule(PATH, "http3_protocol_options needs QUIC", hint);
        }
        _ => {}
    }
    if let [early @ .., last] = options.http_filters.as_slice()
        && (!is_codec(last) || early.iter().any(is_codec))
    {
        let what = "http_filters does not end with the one codec that it needs";
        let hint =
            "end it with the type envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
        findings.break_rule(PATH, what, hint);
    }
}

/// Whether QUIC may carry what is sent to an endpoint, by any of the cluster's transport sockets.
pub(super) fn may_speak_quic(cluster: &Cluster) -> bool {
    let matches = cluster.transport_socket_matches.iter();
    let matches = matches.filter_map(|choice| choice.transport_socket.as_ref());
    let mut sockets = cluster.transport_socket.iter().chain(matches);
    sockets.any(|socket| match &socket.config_type {
        Some(ConfigType::TypedConfig(config)) => is_of::<QuicUpstreamTransport>(config),
        None => false,
    })
}

fn is_codec(filter: &HttpFilter) -> bool {
    super::http::config(filter).is_some_and(is_of::<UpstreamCodec>)
}
