//! Rules of the filters that `filter_config_data` configures.

use serde_json::json;

use super::super::{router, web};
use crate::exposes::{But, tcp, udp};
use crate::shown::refused;

#[test]
fn filters_of_http_that_a_real_envoy_refuses_are_refused() {
    for (data, problem) in [
        (
            json!({"codec_type": "HTTP3"}),
            "codec_type HTTP3 needs a listener of UDP",
        ),
        (
            json!({"strip_any_host_port": true, "strip_matching_host_port": true}),
            "strip_any_host_port excludes strip_matching_host_port",
        ),
        (
            json!({"upgrade_configs": [{"upgrade_type": "a"}, {"upgrade_type": "A"}]}),
            "upgrade_configs names an upgrade_type twice",
        ),
        (
            json!({"http_filters": [router(), router()]}),
            "http_filters go on after the router",
        ),
        (
            json!({"http_filters": [{
                "name": "router", "typed_config": router()["typed_config"], "disabled": true,
            }]}),
            "http_filters end with a router that is disabled",
        ),
        (
            json!({"use_remote_address": true, "original_ip_detection_extensions": [{
                "name": "xff", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.http.original_ip_detection.xff.v3.XffConfig",
                },
            }]}),
            "original_ip_detection_extensions excludes use_remote_address",
        ),
    ] {
        let told = refused(&web().with_filter_data(data));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(problem), "{told:?}");
    }
}

#[test]
fn filters_of_tcp_that_a_real_envoy_refuses_are_refused() {
    for (data, problem) in [
        (
            json!({"tunneling_config": {"hostname": "a:80", "post_path": "/"}}),
            "tunneling_config.post_path is for POST alone",
        ),
        (
            json!({"backoff_options": {"base_interval": "2s", "max_interval": "1s"}}),
            "backoff_options begins above its maximum",
        ),
        (
            json!({"tunneling_config": {"hostname": "%FOO%"}}),
            "tunneling_config.hostname names the command %FOO%, which Envoy does not have",
        ),
        (
            json!({"upstream_connect_mode": "ON_DOWNSTREAM_DATA"}),
            "upstream_connect_mode ON_DOWNSTREAM_DATA needs max_early_data_bytes",
        ),
    ] {
        let told = refused(&tcp().with_filter_data(data));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(problem), "{told:?}");
    }
}

#[test]
fn filters_of_udp_that_a_real_envoy_refuses_are_refused() {
    let capsule = "envoy.extensions.filters.udp.udp_proxy.session.http_capsule.v3.FilterConfig";
    let session = json!({"name": "x", "typed_config": {
        "@type": format!("type.googleapis.com/{capsule}"),
    }});
    let data = json!({"use_per_packet_load_balancing": true, "session_filters": [session]});
    let told = refused(&udp().with_filter_data(data));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("session_filters are for sessions"),
        "{told:?}"
    );
}
