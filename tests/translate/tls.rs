//! TLS on both sides.

use igw_envoy::model::KeyPairSource;
use igw_envoy::translate::{SecretUse, tls_certificate, validation_context};
use serde_json::{Value, json};

use crate::exposes::{
    But, certificate, http, inline_certificate, plain_vhost, secret, sni, tcp, validation, vhost,
};
use crate::shown::{attached, cluster, listener_of, references, refused, shown, translated};

const TYPE: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

fn by_sds(name: &str) -> Value {
    json!({
        "name": name,
        "sds_config": {"ads": {}, "resource_api_version": "V3"},
    })
}

fn context(listener: &Value) -> &Value {
    &listener["filter_chains"][0]["transport_socket"]["typed_config"]
}

#[test]
fn https_has_a_chain_and_a_route_configuration_of_its_own() {
    let expose = http(vec![
        plain_vhost("b.org"),
        vhost("vhost#1", &["*.c.org", "a.org"], Vec::new()),
    ])
    .named("test/svc/web1.expose#0")
    .with_tls(vec![certificate("certificate#0", "test/sec/web1")]);
    let (listener, routes) = attached(&[expose]);
    let listener = shown(&listener);
    let chain = &listener["filter_chains"][0];
    assert_eq!(chain["name"], "test/svc/web1.expose#0");
    assert_eq!(
        chain["filter_chain_match"],
        json!({
            "server_names": ["*.c.org", "a.org", "b.org"],
            "transport_protocol": "tls",
        })
    );
    assert_eq!(
        chain["transport_socket"],
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": format!("{TYPE}.DownstreamTlsContext"),
                "common_tls_context": {
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                    "tls_certificate_sds_secret_configs": [
                        by_sds("tls_certificate/test/sec/web1"),
                    ],
                    "alpn_protocols": ["h2", "http/1.1"],
                },
            },
        })
    );
    let manager = &chain["filters"][0]["typed_config"];
    assert_eq!(manager["stat_prefix"], "ingress_0.0.0.0:8080/tcp");
    assert_eq!(
        manager["rds"]["route_config_name"],
        "0.0.0.0:8080/tcp/test/svc/web1.expose#0"
    );
    assert_eq!(routes.len(), 1);
    assert_eq!(&*routes[0].name, "0.0.0.0:8080/tcp/test/svc/web1.expose#0");
    assert_eq!(references(&routes[0]), ["Cluster test/svc/web1.expose#0"]);
}

#[test]
fn a_wildcard_host_takes_tls_connections_of_any_name() {
    for domain in ["*", "www.*", "10.0.0.1", "[::1]"] {
        let expose = http(vec![
            plain_vhost("a.org"),
            vhost("vhost#1", &[domain], Vec::new()),
        ])
        .with_tls(vec![certificate("certificate#0", "sec/web")]);
        assert_eq!(
            listener_of(&[expose])["filter_chains"][0]["filter_chain_match"],
            json!({"transport_protocol": "tls"}),
            "{domain}"
        );
    }
}

#[test]
fn tls_on_tcp_offers_no_http() {
    let listener = listener_of(&[tcp().with_tls(vec![certificate("certificate#0", "sec/web")])]);
    assert_eq!(
        listener["filter_chains"][0]["filter_chain_match"],
        json!({"transport_protocol": "tls"})
    );
    assert_eq!(
        context(&listener)["common_tls_context"]["alpn_protocols"],
        json!(null)
    );
}

#[test]
fn alpn_follows_the_codec() {
    for (codec, alpn) in [("http1", json!(["http/1.1"])), ("HTTP2", json!(["h2"]))] {
        let expose = http(vec![plain_vhost("a.org")])
            .with_tls(vec![certificate("certificate#0", "sec/web")])
            .with_filter_data(json!({"codec_type": codec}));
        let listener = listener_of(&[expose]);
        assert_eq!(
            context(&listener)["common_tls_context"]["alpn_protocols"],
            alpn
        );
    }
}

#[test]
fn a_validation_secret_makes_client_certificates_mandatory() {
    let expose = sni(&["a.org"]).with_tls(vec![
        certificate("certificate#0", "sec/web"),
        validation("certificate#1", "sec/ca"),
    ]);
    let listener = listener_of(std::slice::from_ref(&expose));
    assert_eq!(context(&listener)["require_client_certificate"], true);
    assert_eq!(
        context(&listener)["common_tls_context"]["validation_context_sds_secret_config"],
        by_sds("validation_context/sec/ca")
    );
    let wanted: Vec<(String, SecretUse)> = translated(&expose)
        .required_secrets
        .into_iter()
        .map(|wanted| (wanted.resource_name(), wanted.usage))
        .collect();
    assert_eq!(
        wanted,
        [
            ("validation_context/sec/ca".into(), SecretUse::Validation),
            ("tls_certificate/sec/web".into(), SecretUse::KeyPair),
        ]
    );
}

#[test]
fn inline_and_file_certificates_travel_as_secrets_of_the_service() {
    let files = KeyPairSource::Files {
        certificate_chain: "/etc/tls/web.crt".into(),
        private_key: "/etc/tls/web.key".into(),
    };
    let expose = tcp().named("test/svc/web1.expose#0").with_tls(vec![
        inline_certificate("certificate#1", "CHAIN", "KEY"),
        igw_envoy::model::Certificate {
            key_pair: Some(files),
            ..certificate("certificate#0", "sec/unused")
        },
    ]);
    let translation = translated(&expose);
    assert_eq!(translation.required_secrets, []);
    let [files, inline] = &translation.secrets[..] else {
        panic!("two secrets");
    };
    assert_eq!(
        shown(files),
        json!({
            "name": "tls_certificate/test/svc/web1.certificate#0",
            "tls_certificate": {
                "certificate_chain": {"filename": "/etc/tls/web.crt"},
                "private_key": {"filename": "/etc/tls/web.key"},
            },
        })
    );
    assert_eq!(
        shown(inline),
        json!({
            "name": "tls_certificate/test/svc/web1.certificate#1",
            "tls_certificate": {
                "certificate_chain": {"inline_string": "CHAIN"},
                "private_key": {"inline_string": "KEY"},
            },
        })
    );
    assert!(inline.confidential && !files.confidential);
    // In the listener they keep the order of the keyword.
    let listener = listener_of(&[expose]);
    assert_eq!(
        context(&listener)["common_tls_context"]["tls_certificate_sds_secret_configs"],
        json!([
            by_sds("tls_certificate/test/svc/web1.certificate#1"),
            by_sds("tls_certificate/test/svc/web1.certificate#0"),
        ])
    );
}

#[test]
fn the_same_secret_is_named_once() {
    let expose = tcp().with_tls(vec![
        certificate("certificate#0", "sec/web"),
        certificate("certificate#1", "sec/web"),
    ]);
    let listener = listener_of(&[expose]);
    assert_eq!(
        context(&listener)["common_tls_context"]["tls_certificate_sds_secret_configs"],
        json!([by_sds("tls_certificate/sec/web")])
    );
}

#[test]
fn peers_are_judged_by_one_secret() {
    let expose = tcp().with_tls(vec![
        certificate("certificate#0", "sec/web"),
        validation("certificate#1", "sec/ca1"),
        validation("certificate#2", "sec/ca2"),
    ]);
    assert_eq!(
        refused(&expose),
        [
            "several-validations: expose#0.listener_certificates: its certificates name several \
          validation secrets, also 'sec/ca2'; put all trusted authorities in one secret's \
          trusted_ca"
        ]
    );
}

#[test]
fn upstream_tls_verifies_when_told_by_what() {
    let expose = tcp().with_upstream_tls(vec![
        certificate("certificate#0", "sec/client"),
        validation("certificate#1", "sec/ca"),
    ]);
    assert_eq!(
        cluster(&expose)["transport_socket"],
        json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": format!("{TYPE}.UpstreamTlsContext"),
                "common_tls_context": {
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                    "tls_certificate_sds_secret_configs": [by_sds("tls_certificate/sec/client")],
                    "validation_context_sds_secret_config": by_sds("validation_context/sec/ca"),
                },
            },
        })
    );
    let translation = translated(&expose);
    assert_eq!(translation.warnings, []);
    assert_eq!(
        references(&translation.cluster),
        [
            "Endpoints web.expose#0",
            "Secret tls_certificate/sec/client",
            "Secret validation_context/sec/ca",
        ]
    );
}

#[test]
fn upstream_tls_without_validation_is_served_with_a_warning() {
    let expose = tcp().with_upstream_tls(vec![certificate("certificate#0", "sec/client")]);
    assert_eq!(translated(&expose).warnings[0].code, "upstream-unverified");
}

#[test]
fn an_endpoint_is_shown_one_certificate() {
    let expose = tcp().with_upstream_tls(vec![
        certificate("certificate#0", "sec/a"),
        certificate("certificate#1", "sec/b"),
    ]);
    assert_eq!(
        refused(&expose),
        [
            "several-client-certificates: expose#0.cluster_certificates: several certificates, and \
          Envoy presents only one to endpoints; keep one certificate with a key"
        ]
    );
}

#[test]
fn opensvc_secrets_become_envoy_secrets() {
    let name = SecretUse::KeyPair.resource_name(&secret("test/sec/web1"));
    let resource = tls_certificate(&name, "CHAIN", "KEY", Some("word"));
    assert!(resource.confidential);
    assert_eq!(
        shown(&resource),
        json!({
            "name": "tls_certificate/test/sec/web1",
            "tls_certificate": {
                "certificate_chain": {"inline_string": "CHAIN"},
                "private_key": {"inline_string": "KEY"},
                "password": {"inline_string": "word"},
            },
        })
    );
    let hashes = ["0123456789abcdef".repeat(4)];
    let resource = validation_context("validation_context/sec/ca", Some("CA"), &hashes);
    assert!(!resource.confidential);
    assert_eq!(
        shown(&resource),
        json!({
            "name": "validation_context/sec/ca",
            "validation_context": {
                "trusted_ca": {"inline_string": "CA"},
                "verify_certificate_hash": hashes,
            },
        })
    );
}
