#![allow(clippy::unwrap_used, clippy::panic)]

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::{DataSource, data_source::Specifier};
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext, Secret, TlsCertificate, secret,
};
use prost::{Message, Name};
use serde_json::{Map, Value, json};

use super::*;
use crate::envoy::{encode, pack};

fn object(json: Value) -> Map<String, Value> {
    match json {
        Value::Object(object) => object,
        other => panic!("{other} is not an object"),
    }
}

/// What is read from JSON, printed again.
fn again<M: Message + Name + Default>(json: Value) -> Value {
    let message: M = parse(&object(json)).unwrap();
    print(&M::type_url(), &encode(&message), Sensitive::Shown).unwrap()
}

fn problems<M: Message + Name + Default>(json: Value) -> Vec<String> {
    let errors = parse::<M>(&object(json)).err().unwrap();
    let line = |error: JsonError| format!("{}: {}", error.path, error.problem);
    errors.into_iter().map(line).collect()
}

fn certificate(key: &str) -> TlsCertificate {
    let inline = |text: &str| DataSource {
        specifier: Some(Specifier::InlineString(text.into())),
        ..DataSource::default()
    };
    TlsCertificate {
        certificate_chain: Some(inline("CHAIN")),
        private_key: Some(inline(key)),
        password: Some(inline("WORD")),
        ..TlsCertificate::default()
    }
}

#[test]
fn both_spellings_and_any_case_of_enums_are_read() {
    assert_eq!(
        again::<Cluster>(json!({"connectTimeout": "0.25s", "lb_policy": "ring-hash", "name": "a"})),
        json!({"connect_timeout": "0.250s", "lb_policy": "RING_HASH", "name": "a"})
    );
    assert_eq!(
        again::<Cluster>(json!({"lb_policy": 5})),
        json!({"lb_policy": "MAGLEV"})
    );
}

#[test]
fn an_any_is_read_by_its_type_and_printed_as_it_was_written() {
    let listener = json!({"listener_filters": [{
        "name": "tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
            "initial_read_buffer_size": 512,
        },
    }]});
    assert_eq!(again::<Listener>(listener.clone()), listener);
    let mut misspelt = listener.clone();
    misspelt["listener_filters"][0]["typed_config"]["buffer"] = json!(1);
    assert_eq!(
        problems::<Listener>(misspelt),
        [
            "listener_filters[0].typed_config.buffer: unknown field 'buffer' (Envoy v3 \
          envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector)"
        ]
    );
}

#[test]
fn a_field_given_in_both_spellings_is_a_mistake() {
    assert_eq!(
        problems::<Cluster>(json!({"altStatName": "a", "alt_stat_name": "b"})),
        ["alt_stat_name: is given twice, also as 'altStatName'"]
    );
}

#[test]
fn numbers_keep_their_range() {
    assert_eq!(
        problems::<Listener>(json!({
            "name": 1,
            "tcp_backlog_size": 4_294_967_296_u64,
            "reuse_port": "maybe",
        })),
        [
            "name: 1 is not a text",
            "reuse_port: \"maybe\" is not true or false",
            "tcp_backlog_size: 4294967296 is not a number",
        ]
    );
}

#[test]
fn private_keys_and_passwords_are_hidden() {
    let message = Secret {
        name: "web".into(),
        r#type: Some(secret::Type::TlsCertificate(certificate("KEY"))),
    };
    let shown = |sensitive| print(&Secret::type_url(), &encode(&message), sensitive).unwrap();
    assert_eq!(
        shown(Sensitive::Hidden),
        json!({
            "name": "web",
            "tls_certificate": {
                "certificate_chain": {"inline_string": "CHAIN"},
                "private_key": {"inline_string": "[redacted]"},
                "password": {"inline_string": "[redacted]"},
            },
        })
    );
    assert_eq!(
        shown(Sensitive::Shown)["tls_certificate"]["private_key"],
        json!({"inline_string": "KEY"})
    );
}

#[test]
fn what_an_any_holds_is_hidden_too() {
    let context = DownstreamTlsContext {
        common_tls_context: Some(CommonTlsContext {
            tls_certificates: vec![certificate("KEY")],
            ..CommonTlsContext::default()
        }),
        ..DownstreamTlsContext::default()
    };
    let any = pack(&context);
    let text = print(
        "google.protobuf.Any",
        &any.encode_to_vec(),
        Sensitive::Hidden,
    )
    .unwrap()
    .to_string();
    assert!(
        text.contains("CHAIN") && !text.contains("KEY") && !text.contains("WORD"),
        "{text}"
    );
}

#[test]
fn what_is_not_known_is_not_printed() {
    assert_eq!(print("envoy.Unknown", b"", Sensitive::Hidden), None);
    assert_eq!(
        print(&Cluster::type_url(), b"\xff", Sensitive::Hidden),
        None
    );
}
