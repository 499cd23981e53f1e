//! Rules of clusters, in `cluster_data`.

use serde_json::{Value, json};

use super::super::router;
use crate::exposes::{But, certificate, tcp};
use crate::shown::{refused, translated};

const TLS: &str = "transport_socket.typed_config.common_tls_context";

const HTTP: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// A cluster that speaks TLS to its endpoints.
fn tls(common: Value) -> Value {
    json!({"transport_socket": {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": common,
    }}})
}

/// A cluster with a health check of a kind.
fn check(kind: &str, check: Value) -> Value {
    json!({"health_checks": [{
        "timeout": "1s", "interval": "1s", "unhealthy_threshold": 1, "healthy_threshold": 1, kind: check,
    }]})
}

/// A cluster with options of HTTP.
fn http(fields: Value) -> Value {
    let mut options = json!({"@type": format!("type.googleapis.com/{HTTP}")});
    let object = options.as_object_mut().unwrap();
    object.extend(fields.as_object().unwrap().clone());
    json!({"typed_extension_protocol_options": {HTTP: options}})
}

fn bind(bind: Value) -> Value {
    json!({ "upstream_bind_config": bind })
}

#[test]
fn clusters_that_a_real_envoy_refuses_are_refused() {
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
            tls(json!({"tls_params": {"cipher_suites": ["FOO"]}})),
            format!("{TLS}.tls_params.cipher_suites names 'FOO', which TLS does not have"),
        ),
        (
            tls(json!({"tls_params": {"ecdh_curves": ["FOO"]}})),
            format!("{TLS}.tls_params.ecdh_curves names 'FOO', which TLS does not have"),
        ),
        (
            tls(json!({"tls_params": {"signature_algorithms": ["FOO"]}})),
            format!("{TLS}.tls_params.signature_algorithms names 'FOO', which TLS does not have"),
        ),
        (
            tls(json!({"tls_certificates": [
                {"certificate_chain": {"filename": "/a"}, "private_key": {"filename": "/a"}},
                {"certificate_chain": {"filename": "/b"}, "private_key": {"filename": "/b"}},
            ]})),
            format!("{TLS}.tls_certificates has more than the one certificate of a client"),
        ),
        (
            tls(json!({"validation_context": {"verify_certificate_hash": ["z".repeat(64)]}})),
            format!(
                "{TLS}.validation_context.verify_certificate_hash has one that is not SHA-256 in \
                 hexadecimal"
            ),
        ),
        (
            tls(json!({"validation_context": {"verify_certificate_spki": ["A".repeat(44)]}})),
            format!(
                "{TLS}.validation_context.verify_certificate_spki has one that is not SHA-256 in base64"
            ),
        ),
        (
            tls(json!({"validation_context": {
                "trusted_ca": {"filename": "/ca"},
                "match_typed_subject_alt_names": [
                    {"san_type": "DNS", "matcher": {"safe_regex": {"regex": "("}}},
                ],
            }})),
            format!(
                "{TLS}.validation_context.match_typed_subject_alt_names[0].matcher.safe_regex.regex \
                 is not a regular expression: a ( is never closed"
            ),
        ),
        (
            check(
                "http_health_check",
                json!({"path": "/", "expected_statuses": [{"start": 99, "end": 200}]}),
            ),
            "health_checks[0] has the statuses 99 to 200".to_owned(),
        ),
        (
            json!({"load_balancing_policy": {"policies": [{"typed_extension_config": {
                "name": "maglev", "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev",
                    "table_size": 100,
                },
            }}]}}),
            "load_balancing_policy has a Maglev table_size of 100, which is not a prime number"
                .to_owned(),
        ),
        (
            json!({"typed_extension_protocol_options": {"envoy.foo": http(json!({"auto_config": {}}))["typed_extension_protocol_options"][HTTP]}}),
            "typed_extension_protocol_options names 'envoy.foo', and no extension of Envoy does"
                .to_owned(),
        ),
        (
            http(json!({"use_downstream_protocol_config": {"http3_protocol_options": {}}})),
            "typed_extension_protocol_options http3_protocol_options needs QUIC".to_owned(),
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
            "lb_subset_config.subset_selectors[0].fallback_keys_subset is not part of the keys"
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
}

#[test]
fn what_a_real_envoy_takes_next_to_that_is_taken() {
    let random = "envoy.extensions.load_balancing_policies.random.v3.Random";
    let policy = |kind: &str| {
        let config = json!({"@type": format!("type.googleapis.com/{kind}")});
        json!({"typed_extension_config": {"name": "policy", "typed_config": config}})
    };
    for data in [
        tls(json!({"alpn_protocols": ["h2", "http/1.1"]})),
        tls(json!({"alpn_protocols": [""]})),
        json!({"load_balancing_policy": {"policies": [
            policy("envoy.extensions.filters.http.router.v3.Router"), policy(random),
        ]}}),
        json!({"lb_subset_config": {"subset_selectors": [
            {"keys": ["a", "b"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["b"]},
        ]}}),
        bind(json!({
            "source_address": {"address": "10.0.0.1", "port_value": 0},
            "extra_source_addresses": [{"address": {"address": "::1", "port_value": 0}}],
        })),
        http(
            json!({"explicit_http_config": {"http2_protocol_options": {}}, "http_filters": [{"name": "codec", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
            }}]}),
        ),
    ] {
        translated(&tcp().with_cluster_data(data));
    }
    translated(
        &tcp()
            .with_upstream_tls(vec![certificate("certificate#0", "sec/web")])
            .with_cluster_data(http(json!({"auto_config": {}}))),
    );
}

#[test]
fn an_extension_needs_a_type() {
    let named = json!({"transport_socket": {"name": "nobody.knows"}});
    let told = refused(&tcp().with_cluster_data(named));
    assert_eq!(
        told,
        [
            "envoy-constraint: expose#0.cluster_data: transport_socket.typed_config must be given: \
             an extension is found by its type"
        ]
    );
}
