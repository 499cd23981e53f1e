//! The TCP proxy.

use envoy_types::pb::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use envoy_types::pb::google::protobuf::Duration;

use super::Place;

/// Judges `filter_config_data` of a TCP expose.
pub(in crate::translate::passthrough) fn proxy(proxy: &TcpProxy, place: &mut Place<'_>) {
    if let Some(tunnel) = &proxy.tunneling_config
        && !tunnel.use_post
        && !tunnel.post_path.is_empty()
    {
        let hint = "write use_post as well, or remove it";
        place.break_rule("tunneling_config.post_path", "is for POST alone", hint);
    }
    if let Some(backoff) = &proxy.backoff_options
        && let (Some(base), Some(max)) = (&backoff.base_interval, &backoff.max_interval)
        && time(base) > time(max)
    {
        let hint = "write a max_interval of at least the base_interval";
        place.break_rule("backoff_options", "begins above its maximum", hint);
    }
}

fn time(duration: &Duration) -> (i64, i32) {
    (duration.seconds, duration.nanos)
}
