//! The UDP proxy.

use envoy_types::pb::envoy::extensions::filters::udp::udp_proxy::v3::UdpProxyConfig;

use super::{DataFindings, anywhere};

/// Judges `filter_config_data` of a UDP expose.
pub(in crate::translate::passthrough) fn proxy(
    proxy: &UdpProxyConfig,
    findings: &mut DataFindings<'_>,
) {
    anywhere::check(proxy, findings);
    if proxy.use_per_packet_load_balancing && !proxy.session_filters.is_empty() {
        let hint = "keep one of the two";
        let what = "are for sessions, and use_per_packet_load_balancing has none";
        findings.break_rule("session_filters", what, hint);
    }
}
