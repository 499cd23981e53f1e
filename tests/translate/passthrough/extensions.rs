//! Extensions of Envoy: each in its place, and with what Envoy cannot do without.

use serde_json::{Value, json};

use super::{FILTERS, filter, notes, router, web};
use crate::exposes::{But, tcp, udp};
use crate::shown::{cluster, refused, translated};

const CREDENTIALS: &str = "type.googleapis.com/envoy.extensions.http.injected_credentials";

fn extension(url: &str, fields: Value) -> Value {
    let mut config = json!({"@type": format!("type.googleapis.com/{url}")});
    let object = config.as_object_mut().unwrap();
    object.extend(fields.as_object().unwrap().clone());
    json!({"name": "x", "typed_config": config})
}

fn http(name: &str, fields: Value) -> Value {
    let filter = extension(&format!("envoy.extensions.filters.http.{name}"), fields);
    json!({"http_filters": [filter, router()]})
}

fn injector() -> Value {
    json!({"credential": {"name": "x", "typed_config": {
        "@type": format!("{CREDENTIALS}.generic.v3.Generic"), "credential": {"name": "x"},
    }}})
}

/// HTTP filters of a cluster.
fn upstream(filter: Value) -> Value {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let codec = extension(
        "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        json!({}),
    );
    json!({"typed_extension_protocol_options": {options: {
        "@type": format!("type.googleapis.com/{options}"),
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [filter, codec],
    }}})
}

#[test]
fn what_ends_an_envoy_is_refused() {
    let injecting = "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector";
    let tap = json!({"common_config": {"static_config": {
        "match": {"any_match": true},
        "output_config": {"sinks": [{"streaming_grpc": {
            "tap_id": "x", "grpc_service": {"envoy_grpc": {"cluster_name": "x"}},
        }}]},
    }}});
    for (expose, problem) in [
        (
            web().with_filter_data(http("ext_authz.v3.ExtAuthz", json!({}))),
            "http_filters[0].typed_config.services must be given: one of grpc_service, http_service",
        ),
        (
            web().with_filter_data(http(
                "credential_injector.v3.CredentialInjector",
                injector(),
            )),
            "http_filters[0].typed_config.credential.typed_config.credential.sds_config must be given",
        ),
        (
            tcp().with_cluster_data(upstream(extension(injecting, injector()))),
            "http_filters[0].typed_config.credential.typed_config.credential.sds_config must be given",
        ),
        (
            web().with_filter_data(http("tap.v3.Tap", tap)),
            "output_config.sinks[0].streaming_grpc is not implemented by Envoy",
        ),
        (
            tcp().with_cluster_data(json!({"health_checks": [{
                "timeout": "1s", "interval": "1s", "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/", "codec_client_type": "HTTP3"},
            }]})),
            "health_checks[0].http_health_check.codec_client_type HTTP3 needs QUIC",
        ),
        (
            tcp().with_cluster_data(json!({"upstream_config": extension(
                "envoy.extensions.upstreams.http.udp.v3.UdpConnectionPoolProto", json!({}),
            )})),
            "upstream_config is a UdpConnectionPoolProto",
        ),
    ] {
        let told = refused(&expose);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(problem), "{told:?}");
    }
}

#[test]
fn a_type_in_the_wrong_place_is_refused() {
    let router = "envoy.extensions.filters.http.router.v3.Router";
    let compressor = json!({"compressor_library": extension(router, json!({}))});
    for (expose, problem) in [
        (
            web().with_filter_data(http("compressor.v3.Compressor", compressor)),
            "http_filters[0].typed_config.compressor_library.typed_config is a \
             envoy.extensions.filters.http.router.v3.Router, which is none of Envoy's \
             envoy.compression.compressor: write one such as envoy.extensions.compression.",
        ),
        (
            web().with_filter_data(json!({"request_id_extension": {
                "typed_config": {"@type": format!("{FILTERS}.http.cors.v3.Cors")},
            }})),
            "request_id_extension.typed_config is a envoy.extensions.filters.http.cors.v3.Cors",
        ),
        (
            web().with_filter_data(http("gzip.v3.Gzip", json!({}))),
            "http_filters[0].typed_config is a envoy.extensions.filters.http.gzip.v3.Gzip",
        ),
        (
            web().with_filter_data(http("jwt_authn.v3.JwtCacheConfig", json!({}))),
            "which is none of Envoy's envoy.filters.http: write one such as \
             envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        ),
        (
            tcp().with_cluster_data(json!({"transport_socket": extension(
                "envoy.extensions.transport_sockets.tls.v3.Secret", json!({}),
            )})),
            "transport_socket.typed_config is a envoy.extensions.transport_sockets.tls.v3.Secret",
        ),
        (
            tcp().with_cluster_data(upstream(extension(router, json!({})))),
            "which is none of Envoy's envoy.filters.http.upstream",
        ),
    ] {
        let told = refused(&expose);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(problem), "{told:?}");
    }
    let mut optional = http("gzip.v3.Gzip", json!({}));
    optional["http_filters"][0]["is_optional"] = json!(true);
    translated(&web().with_filter_data(optional));
}

#[test]
fn a_filter_may_be_named_alone_as_in_v2() {
    for (cors, router) in [
        ("envoy.cors", "envoy.router"),
        ("envoy.filters.http.cors", "envoy.filters.http.router"),
    ] {
        let expose = web().with_filter_data(json!({
            "http_filters": [{"name": cors}, {"name": router, "config": null}],
        }));
        let shown = filter(expose.clone());
        let typed = |index: usize| shown["http_filters"][index]["typed_config"]["@type"].clone();
        assert_eq!(typed(0), format!("{FILTERS}.http.cors.v3.Cors"));
        assert_eq!(typed(1), format!("{FILTERS}.http.router.v3.Router"));
        let told = format!(
            "passthrough-v2: expose#0.filter_config_data: '{cors}' without a config is Envoy v2; it \
             is served as typed_config with '@type'"
        );
        assert_eq!(notes(&expose)[0], told);
    }
}

#[test]
fn data_of_the_users_own_is_left_alone() {
    let own = json!({"name": "n", "config": {"x": 1.0}});
    let shown =
        cluster(&tcp().with_cluster_data(json!({"metadata": {"filter_metadata": {"a": own}}})));
    assert_eq!(shown["metadata"]["filter_metadata"]["a"], own);
}

#[test]
fn a_policy_next_to_the_sections_original_destination_is_ignored_aloud() {
    let expose = tcp()
        .balanced(igw_envoy::model::LbPolicy::OriginalDst)
        .with_cluster_data(json!({"lb_policy": "RANDOM"}));
    assert_eq!(cluster(&expose)["lb_policy"], "CLUSTER_PROVIDED");
    assert_eq!(
        notes(&expose)[0],
        "passthrough-ignored: expose#0.cluster_data: its lb_policy does not go with the section's \
         original_dst_lb; it is ignored; remove it, or write another lb_policy in the section"
    );
}

#[test]
fn a_broken_rule_is_told_where_it_was_written() {
    for (expose, path) in [
        (
            web().with_filter_data(http("buffer.v3.Buffer", json!({}))),
            "filter_config_data: http_filters[0].typed_config.max_request_bytes must be given",
        ),
        (
            udp().with_filter_data(json!({"session_filters": [{"name": "x"}]})),
            "filter_config_data: session_filters[0].typed_config must be given",
        ),
        (
            tcp().with_cluster_data(
                json!({"http2_protocol_options": {"max_concurrent_streams": 0}}),
            ),
            "cluster_data: http2_protocol_options.max_concurrent_streams must be ",
        ),
        (
            tcp().with_cluster_data(json!({"connect_timeout": "-1s"})),
            "cluster_data: connect_timeout must be greater than 0s",
        ),
    ] {
        let told = refused(&expose);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(&format!("expose#0.{path}")), "{told:?}");
    }
}
