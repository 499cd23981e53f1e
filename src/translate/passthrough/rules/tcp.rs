//! The TCP proxy.

use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::{
    TcpProxy, UpstreamConnectMode,
};
use envoy_types::pb::google::protobuf::Duration;

use super::{DataFindings, anywhere, format};

/// Judges `filter_config_data` of a TCP expose.
pub(in crate::translate::passthrough) fn proxy(proxy: &TcpProxy, findings: &mut DataFindings<'_>) {
    anywhere::check(proxy, findings);
    let waits = proxy.upstream_connect_mode() == UpstreamConnectMode::OnDownstreamData;
    if waits && proxy.max_early_data_bytes.is_none() {
        let hint = "write how much may be read before, as in 1024";
        let what = "ON_DOWNSTREAM_DATA needs max_early_data_bytes";
        findings.break_rule("upstream_connect_mode", what, hint);
    }
    if let Some(tunnel) = &proxy.tunneling_config
        && let Some(what) = format::mistake(&tunnel.hostname, !tunnel.formatters.is_empty())
    {
        let hint = "write a host and a port, or a command as in %REQUESTED_SERVER_NAME%:443";
        findings.break_rule("tunneling_config.hostname", what, hint);
    }
    if let Some(tunnel) = &proxy.tunneling_config
        && !tunnel.use_post
        && !tunnel.post_path.is_empty()
    {
        let hint = "write use_post as well, or remove it";
        findings.break_rule("tunneling_config.post_path", "is for POST alone", hint);
    }
    if let Some(backoff) = &proxy.backoff_options
        && let (Some(base), Some(max)) = (&backoff.base_interval, &backoff.max_interval)
        && time(base) > time(max)
    {
        let hint = "write a max_interval of at least the base_interval";
        findings.break_rule("backoff_options", "begins above its maximum", hint);
    }
}

fn time(duration: &Duration) -> (i64, i32) {
    (duration.seconds, duration.nanos)
}
