//! A real Envoy judges what exposes are translated to: `envoy --mode validate`.
//!
//! Needs ENVOY_BIN. Without it the tests say so and pass, unless REQUIRE_ALL=1 asks for all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

#[path = "translate/exposes.rs"]
mod exposes;
#[path = "translate/judge.rs"]
mod judge;
#[path = "translate/registered.rs"]
mod registered;
#[path = "translate/shown.rs"]
mod shown;
#[path = "support/mod.rs"]
mod support;

use std::time::Duration;

use exposes::*;
use igw_envoy::envoy::Resource;
use igw_envoy::model::{
    Certificate, Destination, Expose, HashKey, HashPolicy, LbPolicy, PathRewrite, RedirectCode,
};
use igw_envoy::translate::{SecretUse, tls_certificate, validation_context};
use judge::{accepted, bootstrap, judge};
use serde_json::{Value, json};

/// A self-signed certificate and its key, in PEM.
fn pair(name: &str) -> (String, String) {
    let signed = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    (signed.cert.pem(), signed.signing_key.serialize_pem())
}

/// The Envoy secrets of the OpenSVC secrets `sec/<name>`.
fn key_pairs(names: &[&str]) -> Vec<Resource> {
    let secret = |name: &&str| {
        let (chain, key) = pair(&format!("{name}.org"));
        let of = secret(&format!("sec/{name}"));
        tls_certificate(&SecretUse::KeyPair.resource_name(&of), &chain, &key, None)
    };
    names.iter().map(secret).collect()
}

fn authority(name: &str) -> Resource {
    let of = secret(&format!("sec/{name}"));
    let name = SecretUse::Validation.resource_name(&of);
    validation_context(&name, Some(&pair("ca").0), &["0123456789abcdef".repeat(4)])
}

fn by_secret(name: &str) -> Vec<Certificate> {
    vec![certificate("certificate#0", &format!("sec/{name}"))]
}

#[test]
fn the_judge_refuses_what_envoy_would_not_take() {
    // Two chains that take every connection: a conflict that nothing here looks for.
    let exposes = [tcp(), tcp().named("other.expose#0")];
    if let Some(judged) = judge(&bootstrap(&exposes, Vec::new())) {
        let why = judged.expect_err("a conflict");
        assert!(why.contains("same matching rules"), "{why}");
    }
}

#[test]
fn envoy_takes_tcp_on_both_families() {
    let exposes = [
        tcp(),
        tcp().named("test/svc/web1.expose#0").on("127.0.0.1", 8081),
        tcp().named("v6.expose#0").on("::1", 8080),
        tcp().named("any6.expose#0").on("::", 8082),
    ];
    accepted(&exposes, Vec::new());
}

#[test]
fn envoy_takes_sni_tls_and_plain_tcp_on_one_port() {
    let exposes = [
        sni(&["*.b.org", "a.org"]).named("pass.expose#0"),
        sni(&["c.org"])
            .named("end.expose#0")
            .with_tls(by_secret("c")),
        tcp().named("tls.expose#0").with_tls(by_secret("tls")),
        tcp().named("plain.expose#0"),
    ];
    accepted(&exposes, key_pairs(&["c", "tls"]));
}

#[test]
fn envoy_takes_udp_beside_tcp() {
    let exposes = [
        udp(),
        tcp().named("tcp.expose#0"),
        udp()
            .named("six.expose#0")
            .on("::1", 53)
            .with_filter_data(json!({"idle_timeout": "10s"})),
    ];
    accepted(&exposes, Vec::new());
}

#[test]
fn envoy_takes_http_and_https_on_one_port() {
    let (chain, key) = pair("d.org");
    let exposes = [
        http(vec![
            plain_vhost("a.org"),
            vhost("vhost#1", &["*.a.org"], Vec::new()),
        ])
        .named("a.expose#0"),
        http(vec![plain_vhost("*")]).named("b.expose#0"),
        http(vec![plain_vhost("c.org")])
            .named("c.expose#0")
            .with_tls(by_secret("c")),
        http(vec![
            plain_vhost("d.org"),
            vhost("vhost#1", &["[::1]", "www.*"], Vec::new()),
        ])
        .named("d.expose#0")
        .with_tls(vec![
            inline_certificate("certificate#0", &chain, &key),
            certificate("certificate#1", "sec/d"),
            validation("certificate#2", "sec/ca"),
        ]),
    ];
    let mut secrets = key_pairs(&["c", "d"]);
    secrets.push(authority("ca"));
    accepted(&exposes, secrets);
}

#[test]
fn envoy_takes_routes_of_every_kind() {
    let policy = |key| HashPolicy {
        section: "hashpolicy#0".into(),
        key,
        terminal: true,
    };
    let everything = forward_to(Destination::Own, |extras| {
        extras.prefix_rewrite = Some("/new".into());
        extras.host_rewrite = Some("b.org".into());
        extras.timeout = Some(Duration::from_millis(1500));
        extras.websocket = Some(false);
        extras.hash_policies = vec![
            policy(HashKey::Header {
                name: "x-user".into(),
            }),
            policy(HashKey::Cookie {
                name: "sticky".into(),
                path: Some("/".into()),
                ttl: Some(Duration::from_secs(60)),
            }),
            policy(HashKey::SourceIp),
        ];
    });
    let mut any_case = route(prefix("/Case"), forward());
    any_case.case_sensitive = false;
    let mut routes = vec![
        route(exact("/exact"), everything),
        any_case,
        route(regex("/user/[0-9]+"), forward()),
        route(
            prefix("/by-header"),
            forward_to(Destination::ClusterHeader("x-cluster".into()), |_| {}),
        ),
        route(
            prefix("/to-host"),
            redirect(|to| {
                to.host = Some("b.org:8443".into());
                to.https = true;
                to.strip_query = true;
            }),
        ),
        route(
            prefix("/to-path"),
            redirect(|to| to.path = Some(PathRewrite::Path("/x".into()))),
        ),
    ];
    for code in [
        RedirectCode::MovedPermanently,
        RedirectCode::Found,
        RedirectCode::SeeOther,
        RedirectCode::TemporaryRedirect,
        RedirectCode::PermanentRedirect,
    ] {
        routes.push(route(
            prefix("/to-prefix"),
            redirect(|to| {
                to.path = Some(PathRewrite::Prefix("/y".into()));
                to.code = code;
            }),
        ));
    }
    let expose = http(vec![vhost("vhost#0", &["a.org"], routes)]).balanced(LbPolicy::RingHash);
    accepted(&[expose], Vec::new());
}

#[test]
fn envoy_takes_every_lb_policy() {
    let policies = [
        LbPolicy::RoundRobin,
        LbPolicy::LeastRequest,
        LbPolicy::RingHash,
        LbPolicy::Random,
        LbPolicy::Maglev,
        LbPolicy::OriginalDst,
    ];
    let exposes: Vec<Expose> = policies
        .into_iter()
        .zip(8080..)
        .map(|(policy, port)| {
            tcp()
                .named(&format!("svc{port}.expose#0"))
                .on("0.0.0.0", port)
                .balanced(policy)
        })
        .collect();
    accepted(&exposes, Vec::new());
}

#[test]
fn envoy_takes_upstream_tls_with_and_without_validation() {
    let exposes = [
        tcp().with_upstream_tls(by_secret("a")),
        tcp()
            .named("b.expose#0")
            .on("0.0.0.0", 8081)
            .with_upstream_tls(vec![
                certificate("certificate#0", "sec/b"),
                validation("certificate#1", "sec/ca"),
            ]),
        tcp()
            .named("c.expose#0")
            .on("0.0.0.0", 8082)
            .with_upstream_tls(vec![validation("certificate#0", "sec/ca")]),
    ];
    let mut secrets = key_pairs(&["a", "b"]);
    secrets.push(authority("ca"));
    accepted(&exposes, secrets);
}

#[test]
fn a_cluster_may_say_anything_that_envoy_knows() {
    let v3 = tcp().with_cluster_data(json!({
        "connect_timeout": "1.5s",
        "lb_policy": "ring_hash",
        "ring_hash_lb_config": {"minimum_ring_size": 64},
        "circuit_breakers": {"thresholds": [{"priority": "HIGH", "max_connections": 7}]},
        "outlier_detection": {"consecutive_5xx": 3},
        "health_checks": [{
            "timeout": "1s", "interval": "5s", "unhealthy_threshold": 2, "healthy_threshold": 1,
            "http_health_check": {"path": "/health", "expected_statuses": [{"start": 200, "end": 300}]},
        }],
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "metadata": {"filter_metadata": {"a": {"y": [true, null]}}},
    }));
    let v2 = tcp()
        .named("v2.expose#0")
        .on("0.0.0.0", 8081)
        .with_cluster_data(json!({
            "hosts": [],
            "drain_connections_on_host_removal": true,
            "http2_protocol_options": {"max_concurrent_streams": 9},
            "common_http_protocol_options": {"idle_timeout": "60s"},
            "max_requests_per_connection": 5,
            "tls_context": {"sni": "inner.org"},
        }));
    let original = tcp()
        .named("orig.expose#0")
        .on("0.0.0.0", 8082)
        .with_cluster_data(json!({
            "lb_policy": "ORIGINAL_DST_LB",
        }));
    accepted(&[v3, v2, original], Vec::new());
}

/// A filter of HTTP, in v3.
fn http_filter(name: &str, type_name: &str, config: Value) -> Value {
    let mut config = config;
    config["@type"] =
        format!("type.googleapis.com/envoy.extensions.filters.http.{type_name}").into();
    json!({"name": name, "typed_config": config})
}

#[test]
fn filters_may_say_anything_that_envoy_knows() {
    let v3 = http(vec![plain_vhost("a.org")]).with_filter_data(json!({
        "use_remote_address": true,
        "stream_idle_timeout": "0s",
        "request_headers_timeout": "5s",
        "access_log": [{
            "name": "envoy.access_loggers.stdout",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                "log_format": {"json_format": {"path": "%REQ(:PATH)%"}},
            },
        }],
        "http_filters": [
            http_filter("cors", "cors.v3.Cors", json!({})),
            http_filter("buffer", "buffer.v3.Buffer", json!({"max_request_bytes": 1000})),
            http_filter("fault", "fault.v3.HTTPFault", json!({
                "abort": {"http_status": 503, "percentage": {"numerator": 1}},
            })),
            http_filter("lua", "lua.v3.Lua", json!({
                "default_source_code": {"inline_string": "function envoy_on_request(h) end"},
            })),
            http_filter("limit", "local_ratelimit.v3.LocalRateLimit", json!({
                "stat_prefix": "limit",
                "token_bucket": {"max_tokens": 10, "fill_interval": "1s"},
            })),
            http_filter("gzip", "compressor.v3.Compressor", json!({
                "compressor_library": {
                    "name": "gzip",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.compression.gzip.compressor.v3.Gzip",
                    },
                },
            })),
            http_filter("rbac", "rbac.v3.RBAC", json!({
                "rules": {"action": "DENY", "policies": {"none": {
                    "permissions": [{"any": true}],
                    "principals": [{"header": {"name": "x-bad", "present_match": true}}],
                }}},
            })),
            http_filter("meta", "header_to_metadata.v3.Config", json!({
                "request_rules": [{"header": "x-a", "on_header_present": {"key": "a"}}],
            })),
            http_filter("health", "health_check.v3.HealthCheck", json!({
                "pass_through_mode": false,
                "headers": [{"name": ":path", "string_match": {"exact": "/gw-health"}}],
            })),
            http_filter("router", "router.v3.Router", json!({})),
        ],
    }));
    let v2 = http(vec![plain_vhost("a.org")])
        .named("v2.expose#0")
        .on("0.0.0.0", 8081)
        .with_filter_data(json!({
            "codec_type": "auto",
            "idle_timeout": "60s",
            "tracing": {"operation_name": "ingress"},
            "access_log": [{"name": "envoy.file_access_log", "config": {"path": "/dev/null"}}],
            "http_filters": [
                {"name": "envoy.cors", "config": {}},
                {"name": "envoy.router", "config": {}},
            ],
        }));
    let tcp = tcp()
        .named("tcp.expose#0")
        .on("0.0.0.0", 8082)
        .with_filter_data(json!({
            "idle_timeout": "3600s",
            "max_connect_attempts": 3,
            "hash_policy": [{"source_ip": {}}],
        }));
    accepted(&[v3, v2, tcp], Vec::new());
}

/// What the constraints here refuse, Envoy refuses too.
#[test]
fn what_breaks_a_constraint_is_refused_by_envoy_too() {
    let good = bootstrap(&[tcp()], Vec::new());
    for (field, bad) in [
        ("name", json!("")),
        ("connect_timeout", json!("0s")),
        ("lb_policy", json!(99)),
        (
            "health_checks",
            json!([{"timeout": "1s", "interval": "5s"}]),
        ),
    ] {
        let mut bootstrap = good.clone();
        bootstrap["static_resources"]["clusters"][0][field] = bad;
        if let Some(judged) = judge(&bootstrap) {
            assert!(judged.is_err(), "{field}");
        }
    }
}

/// What is refused here in the name of Envoy, Envoy refuses.
#[test]
fn a_type_in_the_wrong_place_is_none_for_envoy_either() {
    let good = bootstrap(&[http(vec![plain_vhost("a.org")])], Vec::new());
    let typed =
        |name: &str| json!({"@type": format!("type.googleapis.com/envoy.extensions.{name}")});
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let cluster = "/static_resources/clusters/0";
    for (place, field, bad) in [
        (
            cluster,
            "transport_socket",
            json!({"name": "x", "typed_config": typed("transport_sockets.tls.v3.Secret")}),
        ),
        (
            cluster,
            "filters",
            json!([{"name": "x", "typed_config": typed("filters.http.router.v3.Router")}]),
        ),
        (
            manager,
            "request_id_extension",
            json!({"typed_config": typed("filters.http.cors.v3.Cors")}),
        ),
        (
            manager,
            "http_filters",
            json!([{"name": "x", "typed_config": typed("filters.http.jwt_authn.v3.JwtCacheConfig")}]),
        ),
    ] {
        let mut bootstrap = good.clone();
        bootstrap.pointer_mut(place).unwrap()[field] = bad;
        if let Some(judged) = judge(&bootstrap) {
            let why = judged.expect_err(field);
            assert!(
                why.contains("Didn't find a registered implementation"),
                "{why}"
            );
        }
    }
}

#[test]
fn formats_and_names_of_tls_that_envoy_knows_are_taken() {
    let format = "[%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%] \"%REQ(:METHOD)% %REQ(X-PATH?:PATH):10%\" \
                  %RESPONSE_CODE%%RESPONSE_FLAGS% 100%% %DOWNSTREAM_TLS_VERSION% %UPSTREAM_HOST% %TRACE_ID% \
                  %BYTES_SENT% %DURATION% %COMMON_DURATION(DS_RX_BEG:DS_RX_END:ms)% %HOSTNAME% %STREAM_ID% \
                  %FILTER_STATE(a)% %DYNAMIC_METADATA(a:b)% %ENVIRONMENT(A)% %QUERY_PARAM(a)% %PATH(NQ)% \
                  %CONNECTION_ID% %GRPC_STATUS% %PROTOCOL% %ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %CUSTOM_FLAGS% \
                  %REQUESTED_SERVER_NAME% %TLS_JA3_FINGERPRINT% %EMIT_TIME% %UNIQUE_ID% %LOCAL_REPLY_BODY%\n";
    let web = http(vec![plain_vhost("a.org")]).with_filter_data(json!({
        "access_log": [{"name": "log", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            "log_format": {"text_format_source": {"inline_string": format}},
        }}],
        "local_reply_config": {"body_format": {"json_format": {"a": "%RESP(X)%%%"}}},
    }));
    let tls = tcp()
        .named("tls.expose#0")
        .on("0.0.0.0", 8081)
        .with_cluster_data(json!({"transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"tls_params": {
                "cipher_suites": [
                    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]", "AES256-SHA",
                    "ECDHE-PSK-AES128-CBC-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA",
                ],
                "ecdh_curves": ["X25519", "P-256", "X25519MLKEM768"],
                "signature_algorithms": ["rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256", "ed25519"],
            }},
        }}}));
    accepted(&[web, tls], Vec::new());
}
