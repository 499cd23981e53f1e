//! Envoy's own words at the edge of what it takes: `cluster_data` and `filter_config_data`.
//!
//! Not here is what only Envoy can tell: ciphers and curves that its TLS library knows, scripts, log
//! formats, and what the filters demand of their own configuration.

use serde_json::{Value, json};

const TLS: &str =
    "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

const HTTP: &str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

fn tls(common: Value) -> Value {
    json!({"transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": {
        "@type": TLS, "common_tls_context": common,
    }}})
}

fn with(kind: &str, fields: Value) -> Value {
    let mut config = json!({"@type": kind});
    let object = config.as_object_mut().unwrap();
    object.extend(fields.as_object().unwrap().clone());
    config
}

fn socket(kind: &str, fields: Value) -> Value {
    let kind = format!("type.googleapis.com/envoy.extensions.transport_sockets.{kind}");
    json!({"transport_socket": {"name": "socket", "typed_config": with(&kind, fields)}})
}

fn http(options: Value) -> Value {
    let name = HTTP.rsplit('/').next().unwrap();
    json!({"typed_extension_protocol_options": {name: with(HTTP, options)}})
}

fn codec() -> Value {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec";
    json!({"name": "codec", "typed_config": {"@type": kind}})
}

fn subset(selector: Value) -> Value {
    json!({"lb_subset_config": {"subset_selectors": [selector]}})
}

fn bind(source: &[&str], extra: &[&str]) -> Value {
    let address = |address: &&str| json!({"address": address, "port_value": 0});
    let extra: Vec<Value> = extra
        .iter()
        .map(|e| json!({"address": address(e)}))
        .collect();
    json!({"upstream_bind_config": {
        "source_address": source.first().map(address), "extra_source_addresses": extra,
    }})
}

pub(crate) fn clusters() -> Vec<Value> {
    let check = |more: Value| {
        let mut check = json!({
            "timeout": "1s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1,
        });
        check
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"health_checks": [check]})
    };
    let policy = |name: &str, fields: Value| {
        let url = format!("type.googleapis.com/envoy.extensions.load_balancing_policies.{name}");
        let mut config = json!({"@type": url});
        let object = config.as_object_mut().unwrap();
        object.extend(fields.as_object().unwrap().clone());
        json!({"load_balancing_policy": {"policies": [
            {"typed_extension_config": {"name": "policy", "typed_config": config}}
        ]}})
    };
    vec![
        json!({}),
        policy("least_request.v3.LeastRequest", json!({"choice_count": 3})),
        policy("least_request.v3.LeastRequest", json!({"choice_count": 1})),
        policy("maglev.v3.Maglev", json!({"table_size": 101})),
        policy("nobody.v3.Knows", json!({})),
        json!({"connect_timeout": "0s"}),
        json!({"connect_timeout": "0.000000001s"}),
        json!({"connect_timeout": "315576000000s"}),
        json!({"connect_timeout": "-1s"}),
        json!({"connect_timeout": null}),
        json!({"lb_policy": "ring-hash"}),
        json!({"lb_policy": "LOAD_BALANCING_POLICY_CONFIG"}),
        json!({"lb_policy": "CLUSTER_PROVIDED"}),
        json!({"lb_policy": 99}),
        json!({"ring_hash_lb_config": {"minimum_ring_size": 2, "maximum_ring_size": 1}, "lb_policy": "RING_HASH"}),
        json!({"ring_hash_lb_config": {"minimum_ring_size": 2048, "maximum_ring_size": 8_388_608}, "lb_policy": "RING_HASH"}),
        json!({"ring_hash_lb_config": {"maximum_ring_size": 512}, "lb_policy": "RING_HASH"}),
        json!({"ring_hash_lb_config": {"minimum_ring_size": 8_388_609_u64}}),
        json!({"maglev_lb_config": {"table_size": 100}, "lb_policy": "MAGLEV"}),
        json!({"maglev_lb_config": {"table_size": 101}, "lb_policy": "MAGLEV"}),
        json!({"maglev_lb_config": {"table_size": 5_000_012}, "lb_policy": "MAGLEV"}),
        json!({"least_request_lb_config": {"choice_count": 1}}),
        json!({"least_request_lb_config": {"choice_count": 2}}),
        json!({"common_lb_config": {"healthy_panic_threshold": {"value": 101}}}),
        json!({"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}),
        json!({"circuit_breakers": {"thresholds": [{"priority": "HIGH", "max_connections": 0}]}}),
        json!({"circuit_breakers": {"thresholds": [{}, {}]}}),
        json!({"outlier_detection": {"consecutive_5xx": 0, "max_ejection_percent": 100}}),
        json!({"outlier_detection": {"max_ejection_percent": 101}}),
        json!({"outlier_detection": {"interval": "0s"}}),
        json!({"health_checks": []}),
        json!({"health_checks": [{}]}),
        check(json!({"tcp_health_check": {}})),
        check(json!({"http_health_check": {"path": "/"}})),
        check(json!({"http_health_check": {"path": ""}})),
        check(
            json!({"http_health_check": {"path": "/", "expected_statuses": [{"start": 200, "end": 200}]}}),
        ),
        check(
            json!({"http_health_check": {"path": "/", "expected_statuses": [{"start": 200, "end": 300}]}}),
        ),
        check(json!({"grpc_health_check": {}})),
        check(json!({"tcp_health_check": {"send": {"text": "zz"}}})),
        check(json!({"tcp_health_check": {"send": {"text": "6162"}, "receive": [{"text": "61"}]}})),
        check(json!({"custom_health_check": {"name": "nobody.knows"}})),
        json!({"http2_protocol_options": {}}),
        json!({"http2_protocol_options": {"max_concurrent_streams": 0}}),
        json!({"http2_protocol_options": {"initial_stream_window_size": 1}}),
        json!({"protocol_selection": "USE_DOWNSTREAM_PROTOCOL"}),
        json!({"upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 10}}}),
        json!({"per_connection_buffer_limit_bytes": 1}),
        json!({"metadata": {"filter_metadata": {"a": {"b": [1, null, {"c": "d"}]}}}}),
        json!({"alt_stat_name": ""}),
        json!({"dns_lookup_family": "V4_ONLY"}),
        json!({"respect_dns_ttl": true}),
        json!({"close_connections_on_host_health_failure": true}),
        json!({"preconnect_policy": {"per_upstream_preconnect_ratio": 0.5}}),
        json!({"lb_subset_config": {}}),
        json!({"lb_subset_config": {"fallback_policy": "ANY_ENDPOINT", "subset_selectors": [{"keys": []}]}}),
        json!({"slow_start_config": {}}),
        json!({"round_robin_lb_config": {"slow_start_config": {"slow_start_window": "10s"}}}),
        json!({"upstream_bind_config": {"source_address": {"address": "10.0.0.1", "port_value": 0}}}),
        json!({"upstream_bind_config": {"source_address": {"address": "nowhere", "port_value": 0}}}),
        json!({"filters": [{"name": "nobody.knows"}]}),
        json!({"track_timeout_budgets": true, "track_cluster_stats": {"timeout_budgets": true}}),
        json!({"load_balancing_policy": {"policies": []}}),
        json!({"transport_socket": {"name": "nobody.knows"}}),
        json!({"transport_socket_matches": [{"name": "a", "match": {}, "transport_socket": {"name": "nobody.knows"}}]}),
        tls(json!({})),
        tls(
            json!({"tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_2"}}),
        ),
        tls(json!({"validation_context": {"trusted_ca": {"inline_string": "garbage"}}})),
        tls(
            json!({"validation_context": {"match_typed_subject_alt_names": [
                {"san_type": "DNS", "matcher": {"exact": "a.org"}},
            ]}}),
        ),
        tls(json!({"tls_certificates": [{"certificate_chain": {"inline_string": "garbage"}}]})),
        tls(
            json!({"tls_certificates": [{"certificate_chain": {"filename": "/a.crt"}, "private_key": {"filename": "/a.key"}}]}),
        ),
        tls(json!({"tls_certificates": [{}]})),
        tls(json!({"alpn_protocols": ["h2", "http/1.1"]})),
        tls(json!({"alpn_protocols": [""]})),
        tls(json!({"alpn_protocols": ["h2", ""]})),
        tls(json!({"alpn_protocols": [","]})),
        tls(json!({"alpn_protocols": ["x".repeat(255)]})),
        tls(json!({"alpn_protocols": ["x".repeat(256)]})),
        tls(json!({"validation_context": {"crl": {"inline_string": "garbage"}}})),
        socket("tls.v3.DownstreamTlsContext", json!({})),
        socket(
            "tls.v3.UpstreamTlsContext",
            json!({"auto_sni_san_validation": true}),
        ),
        socket("raw_buffer.v3.RawBuffer", json!({})),
        json!({"transport_socket": {"name": "envoy.transport_sockets.raw_buffer"}}),
        json!({"transport_socket_matches": [{"name": "a", "match": {}}]}),
        json!({"filters": [{"name": "envoy.filters.network.tcp_proxy"}]}),
        json!({"load_balancing_policy": {"policies": [{}]}}),
        subset(json!({"keys": ["a", "b"], "fallback_policy": "KEYS_SUBSET"})),
        subset(
            json!({"keys": ["a", "b"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["a"]}),
        ),
        subset(
            json!({"keys": ["a", "b"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["b", "a"]}),
        ),
        subset(
            json!({"keys": ["a", "b"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["c"]}),
        ),
        subset(json!({"keys": ["a", "b"], "fallback_keys_subset": ["a"]})),
        bind(&["10.0.0.1"], &["::1"]),
        bind(&["10.0.0.1"], &["10.0.0.2"]),
        bind(&["10.0.0.1"], &["::1", "::2"]),
        bind(&["10.0.0.1"], &["nowhere"]),
        bind(&[], &["::1"]),
        http(json!({"explicit_http_config": {"http2_protocol_options": {}}})),
        http(json!({"explicit_http_config": {"http3_protocol_options": {}}})),
        http(json!({"auto_config": {}})),
        http(
            json!({"explicit_http_config": {"http_protocol_options": {}}, "http_filters": [codec()]}),
        ),
        http(
            json!({"explicit_http_config": {"http_protocol_options": {}}, "http_filters": [codec(), codec()]}),
        ),
        json!({"typed_extension_protocol_options": {"nobody.knows": {
            "@type": HTTP, "explicit_http_config": {"http2_protocol_options": {}},
        }}}),
        tls(json!({"tls_certificate_sds_secret_configs": [{"name": "nobody"}]})),
    ]
}

pub(crate) fn tcp_proxies() -> Vec<Value> {
    vec![
        json!({}),
        json!({"idle_timeout": "0s"}),
        json!({"idle_timeout": "-1s"}),
        json!({"max_connect_attempts": 0}),
        json!({"max_connect_attempts": 1}),
        json!({"hash_policy": [{"source_ip": {}}]}),
        json!({"hash_policy": [{"source_ip": {}}, {"source_ip": {}}]}),
        json!({"hash_policy": [{}]}),
        json!({"hash_policy": [{"filter_state": {"key": ""}}]}),
        json!({"access_log": [{"name": "a"}]}),
        json!({"access_log": [{"name": "a", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        }}]}),
        json!({"tunneling_config": {"hostname": "a:80"}}),
        json!({"tunneling_config": {}}),
        json!({"max_downstream_connection_duration": "0s"}),
        json!({"max_downstream_connection_duration": "0.001s"}),
        json!({"metadata_match": {"filter_metadata": {"envoy.lb": {"a": "b"}}}}),
        json!({"on_demand": {}}),
        json!({"access_log_options": {"access_log_flush_interval": "0s"}}),
    ]
}

pub(crate) fn udp_proxies() -> Vec<Value> {
    vec![
        json!({}),
        json!({"idle_timeout": "0s"}),
        json!({"idle_timeout": "1s"}),
        json!({"use_original_src_ip": true}),
        json!({"hash_policies": [{"source_ip": true}]}),
        json!({"hash_policies": [{"source_ip": false}]}),
        json!({"hash_policies": [{"key": ""}]}),
        json!({"hash_policies": [{"key": "a"}, {"source_ip": true}]}),
        json!({"use_per_packet_load_balancing": true}),
        json!({"session_filters": [{"name": "nobody.knows"}]}),
    ]
}

pub(crate) fn http_managers() -> Vec<Value> {
    let router = json!({"name": "r", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }});
    let filter = |name: &str, kind: &str, more: Value| {
        let mut config =
            json!({"@type": format!("type.googleapis.com/envoy.extensions.filters.http.{kind}")});
        config
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"name": name, "typed_config": config})
    };
    let filters = |filters: &[Value]| {
        let all: Vec<&Value> = filters.iter().chain([&router]).collect();
        json!({ "http_filters": all })
    };
    vec![
        json!({}),
        json!({"codec_type": "http2"}),
        json!({"codec_type": "HTTP3"}),
        json!({"codec_type": 7}),
        json!({"server_name": "a\nb"}),
        json!({"server_name": ""}),
        json!({"max_request_headers_kb": 0}),
        json!({"max_request_headers_kb": 8193}),
        json!({"max_request_headers_kb": 96}),
        json!({"stream_idle_timeout": "0s"}),
        json!({"request_timeout": "-1s"}),
        json!({"drain_timeout": "1s", "delayed_close_timeout": "1s"}),
        json!({"use_remote_address": true, "xff_num_trusted_hops": 4_294_967_295_u32}),
        json!({"forward_client_cert_details": "SANITIZE_SET", "set_current_client_cert_details": {"uri": true}}),
        json!({"upgrade_configs": [{"upgrade_type": "websocket"}, {"upgrade_type": "WebSocket"}]}),
        json!({"upgrade_configs": [{"upgrade_type": "CONNECT"}, {"upgrade_type": "websocket"}]}),
        json!({"upgrade_configs": [{}]}),
        json!({"http2_protocol_options": {"initial_connection_window_size": 1}}),
        json!({"http2_protocol_options": {"hpack_table_size": 0}}),
        json!({"http_protocol_options": {"accept_http_10": true, "default_host_for_http_10": "a.org"}}),
        json!({"common_http_protocol_options": {"idle_timeout": "0s", "max_headers_count": 0}}),
        json!({"tracing": {}}),
        json!({"tracing": {"random_sampling": {"value": 101}}}),
        json!({"via": "a b", "generate_request_id": false}),
        json!({"path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT", "merge_slashes": true}),
        json!({"strip_matching_host_port": true, "strip_any_host_port": true}),
        json!({"strip_matching_host_port": true}),
        json!({"original_ip_detection_extensions": [{"name": "nobody.knows"}]}),
        json!({"original_ip_detection_extensions": [{"name": "x"}], "use_remote_address": true}),
        json!({"local_reply_config": {"mappers": [{}]}}),
        json!({"early_header_mutation_extensions": [{"name": "nobody.knows"}]}),
        json!({"access_log": [{"name": "a", "filter": {}, "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": "/dev/null",
        }}]}),
        json!({"access_log": [{"name": "a", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog", "path": "",
        }}]}),
        json!({"http_filters": []}),
        json!({"http_filters": [router, router]}),
        json!({"http_filters": [{"name": "envoy.router"}]}),
        filters(&[]),
        filters(&[filter("a", "cors.v3.Cors", json!({}))]),
        filters(&[
            filter("a", "cors.v3.Cors", json!({})),
            filter("a", "cors.v3.Cors", json!({})),
        ]),
        filters(&[filter("a", "buffer.v3.Buffer", json!({}))]),
        filters(&[filter(
            "a",
            "buffer.v3.Buffer",
            json!({"max_request_bytes": 1}),
        )]),
        filters(&[filter(
            "a",
            "fault.v3.HTTPFault",
            json!({"abort": {"http_status": 600}}),
        )]),
        filters(&[filter(
            "a",
            "fault.v3.HTTPFault",
            json!({"abort": {"http_status": 503, "percentage": {"numerator": 1}}}),
        )]),
        filters(&[filter(
            "a",
            "local_ratelimit.v3.LocalRateLimit",
            json!({"stat_prefix": "a"}),
        )]),
        filters(&[filter(
            "a",
            "local_ratelimit.v3.LocalRateLimit",
            json!({"stat_prefix": "a", "token_bucket": {
                "max_tokens": 1, "fill_interval": "1s",
            }}),
        )]),
        filters(&[filter(
            "a",
            "rbac.v3.RBAC",
            json!({"rules": {"policies": {"p": {
                "permissions": [{"any": true}], "principals": [{"any": true}],
            }}}}),
        )]),
        filters(&[filter(
            "a",
            "rbac.v3.RBAC",
            json!({"rules": {"policies": {"p": {}}}}),
        )]),
        filters(&[filter(
            "a",
            "health_check.v3.HealthCheck",
            json!({"pass_through_mode": true}),
        )]),
        filters(&[filter("a", "health_check.v3.HealthCheck", json!({}))]),
        filters(&[filter("a", "compressor.v3.Compressor", json!({}))]),
        filters(&[filter(
            "a",
            "jwt_authn.v3.JwtAuthentication",
            json!({"providers": {"p": {}}}),
        )]),
        filters(&[filter("a", "ext_authz.v3.ExtAuthz", json!({}))]),
        filters(&[filter("a", "header_to_metadata.v3.Config", json!({}))]),
    ]
}
