//! What was written for Envoy's v2 API.

use serde_json::json;

use super::{FILTERS, filter, notes, router, web};
use crate::exposes::{But, tcp};
use crate::shown::{cluster, refused, translated};

#[test]
fn clusters_written_for_v2_serve_as_they_did() {
    let expose = tcp().with_cluster_data(json!({
        "drain_connections_on_host_removal": false,
        "http2_protocol_options": {"max_concurrent_streams": 9},
        "max_requests_per_connection": 5,
        "tls_context": {"sni": "inner.org"},
    }));
    let shown = cluster(&expose);
    assert_eq!(shown["ignore_health_on_host_removal"], json!(null));
    assert_eq!(
        shown["transport_socket"],
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": "inner.org",
            },
        })
    );
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    assert_eq!(
        shown["typed_extension_protocol_options"],
        json!({options: {
            "@type": format!("type.googleapis.com/{options}"),
            "common_http_protocol_options": {"max_requests_per_connection": 5},
            "explicit_http_config": {"http2_protocol_options": {"max_concurrent_streams": 9}},
        }})
    );
    assert_eq!(shown["http2_protocol_options"], json!(null));
    assert_eq!(
        notes(&expose)[0],
        "passthrough-v2: expose#0.cluster_data: drain_connections_on_host_removal is Envoy v2; it \
         is served as ignore_health_on_host_removal"
    );
}

#[test]
fn the_v2_original_destination_policy_is_the_keywords() {
    let expose = tcp().with_cluster_data(json!({"lb_policy": "ORIGINAL_DST_LB"}));
    let shown = cluster(&expose);
    assert_eq!(shown["type"], "ORIGINAL_DST");
    assert_eq!(shown["lb_policy"], "CLUSTER_PROVIDED");
    assert!(translated(&expose).attachment.unwrap().original_dst);
}

#[test]
fn filters_written_for_v2_serve_as_they_did() {
    let expose = web().with_filter_data(json!({
        "codec_type": "auto",
        "idle_timeout": "60s",
        "tracing": {"operation_name": "ingress"},
        "access_log": [{"name": "envoy.file_access_log", "config": {"path": "/dev/stdout"}}],
        "http_filters": [{"name": "envoy.cors", "config": {}}, {"name": "envoy.router", "config": {}}],
    }));
    let manager = filter(expose);
    assert_eq!(
        manager["common_http_protocol_options"],
        json!({"idle_timeout": "60s"})
    );
    assert_eq!(manager["tracing"], json!({}));
    assert_eq!(
        manager["access_log"],
        json!([{
            "name": "envoy.file_access_log",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": "/dev/stdout",
            },
        }])
    );
    assert_eq!(
        manager["http_filters"][1],
        json!({
            "name": "envoy.router",
            "typed_config": {"@type": format!("{FILTERS}.http.router.v3.Router")},
        })
    );
}

#[test]
fn an_untyped_config_of_an_unknown_name_cannot_be_translated() {
    let data = json!({"http_filters": [{"name": "envoy.gzip", "config": {}}, router()]});
    assert_eq!(
        refused(&web().with_filter_data(data))[0],
        "passthrough-v2: expose#0.filter_config_data: 'envoy.gzip' with an untyped config has no \
         v3 translation; write its typed_config with '@type', as Envoy's v3 documentation has it"
    );
}
