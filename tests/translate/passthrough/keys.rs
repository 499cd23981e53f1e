//! Keys, tokens and certificates in it.

use serde_json::{Value, json};

use super::web;
use crate::exposes::{But, certificate, tcp};
use crate::shown::{refused, translated};

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
             itself, and a listener is not kept secret; put it into a file that Envoy can read, and write \
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
    assert_eq!(translation.required_secrets, []);
    let codes: Vec<_> = translation.warnings.iter().map(|w| w.code).collect();
    assert_eq!(
        codes,
        ["passthrough-overrides"],
        "and no word of what is not used"
    );
    let kept = tcp().with_upstream_tls(certificates);
    assert_eq!(translated(&kept).required_secrets.len(), 1);
}
