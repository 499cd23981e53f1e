//! `cluster_data` and `filter_config_data`.

mod extensions;
mod keys;
mod rules;
mod v2;

use igw_envoy::model::{Expose, LbPolicy};
use serde_json::{Value, json};

use crate::exposes::{But, certificate, http, plain_vhost, tcp, udp};
use crate::shown::{cluster, lines, listener_of, refused, translated};

const FILTERS: &str = "type.googleapis.com/envoy.extensions.filters";

fn web() -> Expose {
    http(vec![plain_vhost("a.org")])
}

fn filter(expose: Expose) -> Value {
    listener_of(&[expose])["filter_chains"][0]["filters"][0]["typed_config"].clone()
}

fn router() -> Value {
    json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": format!("{FILTERS}.http.router.v3.Router")},
    })
}

fn notes(expose: &Expose) -> Vec<String> {
    lines(&translated(expose).warnings)
}

#[test]
fn any_field_of_envoys_cluster_may_be_given_in_either_spelling() {
    let cluster = cluster(&tcp().with_cluster_data(json!({
        "connectTimeout": "1.5s",
        "circuit_breakers": {"thresholds": [{"priority": "high", "maxConnections": 7}]},
        "outlier_detection": {"consecutive_5xx": 3},
        "metadata": {"filter_metadata": {"b": {"x": 1}, "a": {"y": [true, null]}}},
    })));
    assert_eq!(cluster["connect_timeout"], "1.500s");
    assert_eq!(
        cluster["circuit_breakers"],
        json!({"thresholds": [{"priority": "HIGH", "max_connections": 7}]})
    );
    assert_eq!(cluster["outlier_detection"], json!({"consecutive_5xx": 3}));
    assert_eq!(
        cluster["metadata"]["filter_metadata"]["a"],
        json!({"y": [true, null]})
    );
    assert_eq!(cluster["type"], "EDS", "the rest is the gateway's");
    assert_eq!(cluster["health_checks"][0]["interval"], "30s");
}

#[test]
fn defaults_yield_to_what_is_written_even_when_it_is_nothing() {
    let cluster = cluster(&tcp().with_cluster_data(json!({
        "health_checks": [],
        "ignore_health_on_host_removal": false,
        "lb_policy": "round_robin",
        "connect_timeout": null,
    })));
    assert_eq!(cluster["health_checks"], json!(null));
    assert_eq!(cluster["ignore_health_on_host_removal"], json!(null));
    assert_eq!(cluster["connect_timeout"], "0.250s", "null is absence");
    let manager = filter(web().with_filter_data(json!({"upgrade_configs": []})));
    assert_eq!(manager["upgrade_configs"], json!(null));
}

#[test]
fn mistakes_are_named_by_their_path() {
    for (data, message) in [
        (
            json!({"conect_timeout": "1s"}),
            "passthrough-unknown-field: expose#0.cluster_data: conect_timeout: unknown field \
             'conect_timeout' (Envoy v3 envoy.config.cluster.v3.Cluster); did you mean \
             'connect_timeout'?",
        ),
        (
            json!({"health_checks": [{"interval": 5}]}),
            "passthrough-invalid: expose#0.cluster_data: health_checks[0].interval: 5 is not a \
             duration such as \"1.5s\"",
        ),
        (
            json!({"lb_policy": "ROUND"}),
            "passthrough-invalid: expose#0.cluster_data: lb_policy: \"ROUND\" is not one of its \
             values; write one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, \
             CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG",
        ),
        (
            json!({"max_requests_per_connection": -1}),
            "passthrough-invalid: expose#0.cluster_data: max_requests_per_connection: -1 is not a whole number from 0 \
             to 4294967295",
        ),
        (
            json!({"circuit_breakers": {"thresholds": {"max_retries": 3}}}),
            "passthrough-invalid: expose#0.cluster_data: circuit_breakers.thresholds: \
             is an object, not a list; put it in brackets, as in [1, 2]",
        ),
        (
            json!({"ring_hash_lb_config": {}, "maglev_lb_config": {}}),
            "passthrough-invalid: expose#0.cluster_data: ring_hash_lb_config: excludes \
             'maglev_lb_config'; keep one of the two",
        ),
        (
            json!({"transport_socket": {"name": "tls", "typed_config": {}}}),
            "passthrough-invalid: expose#0.cluster_data: transport_socket.typed_config: has no \
             '@type'; write \"@type\": \"type.googleapis.com/envoy.…\"",
        ),
        (
            json!({"transport_socket": {
                "name": "tls",
                "typed_config": {"@type": "type.googleapis.com/envoy.api.v2.auth.UpstreamTlsContext"},
            }}),
            "passthrough-invalid: expose#0.cluster_data: transport_socket.typed_config: \
             'type.googleapis.com/envoy.api.v2.auth.UpstreamTlsContext' is a type of Envoy's v2 \
             API, which is gone; write the v3 type and its fields",
        ),
        (
            json!({"connect_timeout": "1s", "connectTimeout": "2s"}),
            "passthrough-invalid: expose#0.cluster_data: connect_timeout: is given twice, also as \
             'connectTimeout'",
        ),
        (
            json!({"connect_timeout": "0s"}),
            "envoy-constraint: expose#0.cluster_data: connect_timeout must be greater than 0s",
        ),
    ] {
        assert_eq!(refused(&tcp().with_cluster_data(data)), [message]);
    }
}

#[test]
fn every_mistake_is_reported() {
    let data = json!({"a": 1, "b": 2, "health_checks": [{"timeout": "x"}, {"interval": "y"}]});
    assert_eq!(refused(&tcp().with_cluster_data(data)).len(), 4);
}

#[test]
fn what_the_gateway_decides_is_ignored_with_a_warning() {
    let expose = tcp().with_cluster_data(json!({
        "@type": "type.googleapis.com/envoy.api.v2.Cluster",
        "name": "mine",
        "type": "STRICT_DNS",
        "hosts": [],
    }));
    let shown = cluster(&expose);
    assert_eq!(
        (&shown["name"], &shown["type"]),
        (&json!("web.expose#0"), &json!("EDS"))
    );
    let warnings = notes(&expose);
    assert_eq!(warnings.len(), 4);
    assert_eq!(
        warnings[1],
        "passthrough-ignored: expose#0.cluster_data: 'name' is the gateway's to set; it is \
         ignored; remove it"
    );
    let proxy = filter(tcp().with_filter_data(json!({"cluster": "other", "stat_prefix": "mine"})));
    assert_eq!(proxy["cluster"], "web.expose#0");
    assert_eq!(proxy["stat_prefix"], "ingress_web.expose#0");
    let manager = filter(web().with_filter_data(json!({"rds": {}, "server_name": "gw"})));
    assert_eq!(manager["rds"]["route_config_name"], "0.0.0.0:8080/tcp");
    assert_eq!(manager["server_name"], "gw");
}

#[test]
fn what_contradicts_the_section_is_refused() {
    for (expose, message) in [
        (
            tcp().with_cluster_data(json!({"load_assignment": {"cluster_name": "x"}})),
            "passthrough-contradicts: expose#0.cluster_data: 'load_assignment' contradicts the \
             section's keywords; the service's ip resources give the endpoints",
        ),
        (
            tcp().with_cluster_data(json!({"lb_policy": "CLUSTER_PROVIDED"})),
            "passthrough-contradicts: expose#0.cluster_data: lb_policy CLUSTER_PROVIDED does not \
             go with the service's endpoints; write lb_policy = original_dst_lb in the section",
        ),
        (
            tcp().with_filter_data(json!({"weighted_clusters": {}})),
            "passthrough-contradicts: expose#0.filter_config_data: 'weighted_clusters' \
             contradicts the section's keywords; an expose leads to one service",
        ),
        (
            web().with_filter_data(json!({"routeConfig": {}})),
            "passthrough-contradicts: expose#0.filter_config_data: 'route_config' contradicts the \
             section's keywords; write vhost and route sections",
        ),
        (
            udp().with_filter_data(json!({"matcher": {}})),
            "passthrough-contradicts: expose#0.filter_config_data: 'matcher' contradicts the \
             section's keywords; an expose leads to one service",
        ),
    ] {
        assert_eq!(refused(&expose), [message]);
    }
}

#[test]
fn http_filters_end_with_the_router() {
    let cors = json!({
        "name": "envoy.filters.http.cors",
        "typed_config": {"@type": format!("{FILTERS}.http.cors.v3.Cors")},
    });
    let manager = filter(web().with_filter_data(json!({"http_filters": [cors, router()]})));
    assert_eq!(manager["http_filters"], json!([cors, router()]));
    for filters in [json!([]), json!([router(), cors])] {
        let errors = refused(&web().with_filter_data(json!({"http_filters": filters})));
        assert!(
            errors[0].contains("does not end with the router"),
            "{errors:?}"
        );
    }
    let errors = refused(&web().with_filter_data(json!({"http_filters": [{"name": "mine"}]})));
    assert!(errors[0].contains("http_filters[0] 'mine' has no typed_config"));
}

#[test]
fn datagrams_take_their_own_filters_fields() {
    let expose = udp().with_filter_data(json!({"idle_timeout": "10s", "cluster": "x"}));
    let listener = listener_of(&[expose]);
    let proxy = &listener["listener_filters"][0]["typed_config"];
    assert_eq!(proxy["idle_timeout"], "10s");
    assert_eq!(
        proxy["matcher"]["on_no_match"]["action"]["typed_config"]["cluster"],
        "web.expose#0"
    );
}

#[test]
fn cluster_data_wins_over_keywords_aloud() {
    let expose = tcp()
        .balanced(LbPolicy::Maglev)
        .with_upstream_tls(vec![certificate("certificate#0", "sec/web")])
        .with_cluster_data(json!({
            "lb_policy": "least_request",
            "transport_socket": {
                "name": "tls",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                    "sni": "inner.org",
                },
            },
        }));
    let shown = cluster(&expose);
    assert_eq!(shown["lb_policy"], "LEAST_REQUEST");
    assert_eq!(
        shown["transport_socket"]["typed_config"]["sni"],
        "inner.org"
    );
    let overrides = notes(&expose);
    assert_eq!(
        overrides
            .iter()
            .filter(|n| n.starts_with("passthrough-overrides"))
            .count(),
        2
    );
}
