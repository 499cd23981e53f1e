//! Health checks.

use std::ops::Range;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::health_check::{HealthChecker, Payload, payload};
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    UpstreamProtocolOptions as Options, explicit_http_config::ProtocolConfig,
};
use envoy_types::pb::envoy::r#type::v3::CodecClientType;
use prost::{Message, Name};

use super::DataFindings;
use super::protocol::may_speak_quic;

/// Those of HTTP, as Envoy has them.
const STATUSES: Range<i64> = 100..600;

pub(super) fn check(cluster: &Cluster, findings: &mut DataFindings<'_>) {
    for (index, check) in cluster.health_checks.iter().enumerate() {
        let path = format!("health_checks[{index}]");
        match &check.health_checker {
            Some(HealthChecker::HttpHealthCheck(http)) => {
                if http.codec_client_type() == CodecClientType::Http3 && !may_speak_quic(cluster) {
                    findings.break_rule(
                        &format!("{path}.http_health_check.codec_client_type"),
                        "HTTP3 needs QUIC, and without it Envoy ends",
                        "leave it out, or write HTTP1 or HTTP2",
                    );
                }
                let statuses = http.expected_statuses.iter();
                for range in statuses.chain(&http.retriable_statuses) {
                    if range.start < STATUSES.start || range.end > STATUSES.end {
                        findings.break_rule(
                            &path,
                            format_args!("has the statuses {} to {}", range.start, range.end),
                            "write statuses from 100 to 599; the end is not part of the range",
                        );
                    } else if range.start >= range.end {
                        findings.break_rule(
                            &path,
                            format_args!("has the statuses {} to {}", range.start, range.end),
                            "write an end above the start; the end is not part of the range",
                        );
                    }
                }
            }
            Some(HealthChecker::TcpHealthCheck(tcp)) => {
                let mut payloads = tcp.send.iter().chain(&tcp.receive);
                if !payloads.all(is_hexadecimal) {
                    findings.break_rule(
                        &format!("{path}.tcp_health_check"),
                        "has a text that is not hexadecimal",
                        "write two digits for each byte, as in 50494E47",
                    );
                }
            }
            Some(HealthChecker::GrpcHealthCheck(_)) if !speaks_http2(cluster) => {
                findings.break_rule(
                    &format!("{path}.grpc_health_check"),
                    "needs HTTP/2 towards the endpoints",
                    "add http2_protocol_options",
                );
            }
            _ => {}
        }
    }
}

fn is_hexadecimal(payload: &Payload) -> bool {
    match &payload.payload {
        Some(payload::Payload::Text(text)) => {
            text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit())
        }
        _ => true,
    }
}

/// Whether the cluster may speak HTTP/2. Options that cannot be read are for Envoy to judge.
fn speaks_http2(cluster: &Cluster) -> bool {
    let options = &cluster.typed_extension_protocol_options;
    let Some(options) = options.get(&HttpProtocolOptions::full_name()) else {
        return false;
    };
    let Ok(options) = HttpProtocolOptions::decode(&*options.value) else {
        return true;
    };
    match options.upstream_protocol_options {
        Some(Options::ExplicitHttpConfig(explicit)) => matches!(
            explicit.protocol_config,
            Some(ProtocolConfig::Http2ProtocolOptions(_))
        ),
        _ => true,
    }
}
