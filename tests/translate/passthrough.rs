//! `cluster_data` and `filter_config_data`.

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
            "passthrough-invalid: expose#0.cluster_data: max_requests_per_connection: -1 is not a \
             number",
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
    let errors =
        refused(&web().with_filter_data(json!({"http_filters": [{"name": "envoy.router"}]})));
    assert!(errors[0].contains("http_filters[0] 'envoy.router' has no typed_config"));
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

/// A TLS context with a key of its own.
fn own_key() -> Value {
    json!({"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": {"tls_certificates": [{
            "certificate_chain": {"filename": "/chain"},
            "private_key": {"inline_string": "KEY"},
        }]},
    }})
}

#[test]
fn a_key_in_cluster_data_makes_the_cluster_confidential_and_says_so() {
    let translation = translated(&tcp().with_cluster_data(json!({"transport_socket": own_key()})));
    assert!(translation.cluster.confidential);
    let warnings: Vec<_> = translation.warnings.iter().map(|w| w.code).collect();
    assert_eq!(warnings, ["passthrough-secret"]);
    let mut named = own_key();
    let certificate = &mut named["typed_config"]["common_tls_context"]["tls_certificates"][0];
    certificate["private_key"] = json!({"filename": "/key"});
    let translation = translated(&tcp().with_cluster_data(json!({"transport_socket": named})));
    assert!(!translation.cluster.confidential);
    assert_eq!(translation.warnings, []);
    let misplaced = json!({"alt_stat_name": "-----BEGIN PRIVATE KEY-----"});
    let translation = translated(&tcp().with_cluster_data(misplaced));
    assert!(translation.cluster.confidential);
}

#[test]
fn a_token_in_filter_config_data_is_refused_as_the_listener_is_shared() {
    let log = |header: &str| {
        json!({"access_log": [{"name": "grpc", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {"log_name": "a", "grpc_service": {
                "envoy_grpc": {"cluster_name": "a"},
                "initial_metadata": [{"key": header, "value": "T"}],
            }},
        }}]})
    };
    assert_eq!(
        refused(&web().with_filter_data(log("authorization"))),
        [
            "passthrough-secret: expose#0.filter_config_data: holds a private key, password or token \
             itself, and a listener is no secret; put it into a file that Envoy can read, and write \
             its filename"
        ]
    );
    translated(&web().with_filter_data(log("x-tenant")));
}

#[test]
fn certificates_that_cluster_data_replaces_are_not_wanted() {
    let certificates = vec![certificate("certificate#0", "sec/web")];
    let replaced = tcp()
        .with_upstream_tls(certificates.clone())
        .with_cluster_data(json!({"transport_socket": {
            "name": "tls",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"},
        }}));
    let translation = translated(&replaced);
    assert_eq!(translation.wanted, []);
    let codes: Vec<_> = translation.warnings.iter().map(|w| w.code).collect();
    assert_eq!(
        codes,
        ["passthrough-overrides"],
        "and no word of what is not used"
    );
    let kept = tcp().with_upstream_tls(certificates);
    assert_eq!(translated(&kept).wanted.len(), 1);
}

/// What its protos allow and a real Envoy refuses all the same.
#[test]
fn rules_that_envoy_keeps_to_itself_are_kept() {
    const TLS: &str = "transport_socket.typed_config.common_tls_context";
    let tls = |common: Value| {
        json!({"transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common,
        }}})
    };
    let check = |kind: &str, check: Value| {
        json!({"health_checks": [{
            "timeout": "1s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, kind: check,
        }]})
    };
    const HTTP: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let http = |fields: Value| {
        let mut options = json!({"@type": format!("type.googleapis.com/{HTTP}")});
        let object = options.as_object_mut().unwrap();
        object.extend(fields.as_object().unwrap().clone());
        json!({"typed_extension_protocol_options": {HTTP: options}})
    };
    let bind = |bind: Value| json!({ "upstream_bind_config": bind });
    let san = json!([{"san_type": "DNS", "matcher": {"exact": "a.org"}}]);
    for (data, problem) in [
        (
            json!({"ring_hash_lb_config": {"maximum_ring_size": 512}}),
            "ring_hash_lb_config has a minimum_ring_size of 1024 and a maximum of 512".to_owned(),
        ),
        (
            json!({"maglev_lb_config": {"table_size": 100}}),
            "maglev_lb_config.table_size 100 is not a prime number".to_owned(),
        ),
        (
            json!({"lb_policy": "LOAD_BALANCING_POLICY_CONFIG"}),
            "load_balancing_policy names no policy".to_owned(),
        ),
        (
            json!({"upstream_bind_config": {"source_address": {"address": "a", "port_value": 0}}}),
            "upstream_bind_config.source_address.address is not an ip address".to_owned(),
        ),
        (
            check("grpc_health_check", json!({})),
            "health_checks[0].grpc_health_check needs HTTP/2 towards the endpoints".to_owned(),
        ),
        (
            check("tcp_health_check", json!({"send": {"text": "zz"}})),
            "health_checks[0].tcp_health_check has a text that is not hexadecimal".to_owned(),
        ),
        (
            check(
                "http_health_check",
                json!({"path": "/", "expected_statuses": [{"start": 200, "end": 200}]}),
            ),
            "health_checks[0] has the statuses 200 to 200".to_owned(),
        ),
        (
            tls(json!({"validation_context": {"match_typed_subject_alt_names": san}})),
            format!(
                "{TLS}.validation_context judges names without an authority that vouches for them"
            ),
        ),
        (
            tls(json!({"validation_context": {"trusted_ca": {"inline_string": "garbage"}}})),
            format!("{TLS}.validation_context cannot be used: trusted_ca holds no PEM certificate"),
        ),
        (
            tls(json!({"tls_certificates": [{"certificate_chain": {"filename": "/a"}}]})),
            format!("{TLS}.tls_certificates[0] has no private_key"),
        ),
        (
            tls(
                json!({"tls_certificate_sds_secret_configs": [{"name": "a", "sds_config": {"ads": {}}}]}),
            ),
            format!(
                "{TLS}.tls_certificate_sds_secret_configs names a secret that Envoy gets from nowhere"
            ),
        ),
        (
            tls(json!({"alpn_protocols": ["h2", ""]})),
            format!("{TLS}.alpn_protocols has a name that is empty or longer than 255 bytes"),
        ),
        (
            tls(json!({"validation_context": {"crl": {"inline_string": "CRL"}}})),
            format!("{TLS}.validation_context has a crl without trusted_ca"),
        ),
        (
            json!({"transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "auto_sni_san_validation": true,
            }}}),
            "transport_socket.typed_config.auto_sni_san_validation has nothing to validate with"
                .to_owned(),
        ),
        (
            json!({"transport_socket": {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            }}}),
            "transport_socket is a DownstreamTlsContext, which is not for endpoints"
                .to_owned(),
        ),
        (
            json!({"transport_socket_matches": [{"name": "a", "match": {}}]}),
            "transport_socket_matches[0].transport_socket is missing".to_owned(),
        ),
        (
            json!({"load_balancing_policy": {"policies": [{}]}}),
            "load_balancing_policy names no policy that Envoy knows".to_owned(),
        ),
        (
            json!({"lb_subset_config": {"subset_selectors": [
                {"keys": ["a"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["a"]},
            ]}}),
            "lb_subset_config.subset_selectors[0].fallback_keys_subset is no part of the keys"
                .to_owned(),
        ),
        (
            json!({"lb_subset_config": {"subset_selectors": [
                {"keys": ["a"], "fallback_keys_subset": ["a"]},
            ]}}),
            "lb_subset_config.subset_selectors[0].fallback_keys_subset belongs to another \
             fallback_policy"
                .to_owned(),
        ),
        (
            bind(json!({"extra_source_addresses": [{"address": {"address": "::1", "port_value": 0}}]})),
            "upstream_bind_config has extra addresses and no source_address".to_owned(),
        ),
        (
            bind(json!({
                "source_address": {"address": "10.0.0.1", "port_value": 0},
                "extra_source_addresses": [{"address": {"address": "10.0.0.2", "port_value": 0}}],
            })),
            "upstream_bind_config has two addresses of one IP version".to_owned(),
        ),
        (
            json!({"typed_extension_protocol_options": {"mine": http(json!({"auto_config": {}}))["typed_extension_protocol_options"][HTTP]}}),
            "typed_extension_protocol_options names 'mine', and no extension of Envoy does"
                .to_owned(),
        ),
        (
            http(json!({"auto_config": {}})),
            "typed_extension_protocol_options auto_config asks for a protocol by TLS".to_owned(),
        ),
        (
            http(json!({"explicit_http_config": {"http3_protocol_options": {}}})),
            "typed_extension_protocol_options http3_protocol_options needs QUIC".to_owned(),
        ),
        (
            http(json!({"explicit_http_config": {}, "http_filters": [router()]})),
            "typed_extension_protocol_options http_filters does not end with the one codec that it \
             needs"
                .to_owned(),
        ),
    ] {
        let told = refused(&tcp().with_cluster_data(data));
        assert_eq!(told.len(), 1, "{told:?}");
        let wanted = format!("passthrough-invalid: expose#0.cluster_data: {problem}; ");
        assert!(told[0].starts_with(&wanted), "{told:?}");
    }
    let named = json!({"transport_socket": {"name": "nobody.knows"}});
    let told = refused(&tcp().with_cluster_data(named));
    assert_eq!(
        told,
        [
            "envoy-constraint: expose#0.cluster_data: transport_socket.typed_config must be given: \
             an extension is found by its type"
        ]
    );
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
    ] {
        let told = refused(&web().with_filter_data(data));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(problem), "{told:?}");
    }
}
