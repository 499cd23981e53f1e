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

/// What is in an `Any` is looked at no more when the message around it is encoded.
#[test]
fn equal_json_gives_equal_bytes_in_an_any_too() {
    let tags: Map<String, Value> = (0..20).map(|n| (format!("tag{n}"), json!({}))).collect();
    let inner = json!({
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "a",
        "metadata": {"filter_metadata": tags},
    });
    let json = object(json!({"transport_socket": {"name": "a", "typed_config": inner}}));
    let bytes = || encode(&parse::<Cluster>(&json).unwrap());
    let first = bytes();
    for _ in 0..20 {
        assert_eq!(bytes(), first);
    }
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
fn every_extension_of_envoy_is_read_and_printed() {
    let policy = |url: &str| {
        json!({"load_balancing_policy": {"policies": [{"typed_extension_config": {
            "name": "two choices",
            "typed_config": {"@type": format!("type.googleapis.com/{url}"), "choice_count": 3},
        }}]}})
    };
    let known = policy("envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest");
    assert_eq!(again::<Cluster>(known.clone()), known);
    let unknown = policy("envoy.extensions.load_balancing_policies.zorglub.v3.Zorglub");
    assert_eq!(problems::<Cluster>(unknown).len(), 1);
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
            "name: is a number, not a text",
            "reuse_port: \"maybe\" is not true or false",
            "tcp_backlog_size: 4294967296 is not a whole number from 0 to 4294967295",
        ]
    );
}

#[test]
fn what_is_not_finite_is_no_number() {
    for odd in ["NaN", "Infinity", "-Infinity", "1e999"] {
        let scalar = json!({"common_lb_config": {"healthy_panic_threshold": {"value": odd}}});
        let path = "common_lb_config.healthy_panic_threshold.value";
        assert_eq!(
            problems::<Cluster>(scalar),
            [format!("{path}: \"{odd}\" is not a number")]
        );
        let wrapper = json!({"preconnect_policy": {"per_upstream_preconnect_ratio": odd}});
        assert_eq!(problems::<Cluster>(wrapper).len(), 1, "{odd}");
    }
    let text = json!({"common_lb_config": {"healthy_panic_threshold": {"value": "12.5"}}});
    assert!(parse::<Cluster>(&object(text)).is_ok());
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

fn rbac(policy: Value) -> Value {
    json!({"listener_filters": [{"name": "rbac", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
        "rules": {"policies": {"p": policy}},
    }}]})
}

/// Every map of the descriptors, one entry each: what the reader makes of its keys is what the field
/// takes, or a mistake with a path.
#[test]
fn maps_have_keys_of_any_type() {
    let checked = json!({"checked_condition": {"type_map": {"7": {"primitive": "BOOL"}}}});
    let printed = again::<Listener>(rbac(checked.clone()));
    let policy = "/listener_filters/0/typed_config/rules/policies/p";
    assert_eq!(printed.pointer(policy).unwrap(), &checked);
    let word = json!({"checked_condition": {"type_map": {"seven": {"primitive": "BOOL"}}}});
    assert_eq!(
        problems::<Listener>(rbac(word)),
        [
            "listener_filters[0].typed_config.rules.policies[\"p\"].checked_condition.\
             type_map[\"seven\"]: is not a key of this map"
        ]
    );
    for kind in crate::envoy::pool::all() {
        for field in kind.fields().filter(prost_reflect::FieldDescriptor::is_map) {
            for key in ["1", "true", "x"] {
                let mut message = prost_reflect::DynamicMessage::new(kind.clone());
                let entries = json!({key: null});
                let read = parse::field(&field, &entries);
                if let Some(value) = read {
                    assert_eq!(message.try_set_field(&field, value), Ok(()), "{field:?}");
                }
            }
        }
    }
}

#[test]
fn nesting_without_end_is_a_mistake_and_needs_little_stack() {
    let mut expression = json!({"const_expr": {"bool_value": true}});
    let mut permission = json!({"any": true});
    let mut text = json!("end");
    for _ in 0..100 {
        expression = json!({"select_expr": {"operand": expression, "field": "a"}});
        permission = json!({"and_rules": {"rules": [permission]}});
        text = json!({ "a": text });
    }
    let listener = |policy| move || problems::<Listener>(rbac(policy));
    let cluster =
        move || problems::<Cluster>(json!({"metadata": {"filter_metadata": {"a": text}}}));
    let stack = |read: Box<dyn FnOnce() -> Vec<String> + Send>| {
        let thread = std::thread::Builder::new().stack_size(512 * 1024);
        thread.spawn(read).unwrap().join().unwrap()
    };
    for problems in [
        stack(Box::new(listener(
            json!({"checked_condition": {"expr": expression}}),
        ))),
        stack(Box::new(listener(json!({"permissions": [permission]})))),
        stack(Box::new(cluster)),
    ] {
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(
            problems[0].ends_with(": is nested more than 64 messages deep"),
            "{problems:?}"
        );
    }
}

#[test]
fn what_is_nested_as_deep_as_allowed_is_read_encoded_and_printed() {
    let mut text = json!("end");
    for _ in 0..18 {
        text = json!({ "a": text });
    }
    let metadata = json!({"metadata": {"filter_metadata": {"a": text}}});
    assert_eq!(again::<Cluster>(metadata.clone()), metadata);
}

#[test]
fn no_mistake_tells_a_secret() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEsecret\n-----END PRIVATE KEY-----\n";
    let socket = |common: Value| {
        json!({"transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common,
        }}})
    };
    for wrong in [
        json!({"name": {"key": KEY}}),
        json!({"transport_socket": KEY}),
        json!({"lb_policy": KEY}),
        json!({"connect_timeout": KEY}),
        json!({"health_checks": KEY}),
        json!({"health_checks": [KEY]}),
        json!({"respect_dns_ttl": KEY}),
        json!({"metadata": {"filter_metadata": KEY}}),
        json!({"transport_socket": {"name": "tls", "typed_config": KEY}}),
        json!({"transport_socket": {"name": "tls", "typed_config": {"@type": KEY}}}),
        json!({KEY: 1}),
        json!({"typed_extension_protocol_options": {KEY: 1}}),
        socket(json!({"tls_certificates": KEY})),
        socket(json!({"tls_certificates": [{"private_key": KEY}]})),
        socket(json!({"tls_certificates": [{"private_key": {"inline_string": [KEY]}}]})),
        socket(json!({"tls_certificates": [{"password": "MIIEsecret"}]})),
        socket(json!({"tls_certificates": [{"password": {"inline_bytes": "MIIEsecret!"}}]})),
        socket(json!({"session_ticket_keys": {"keys": "MIIEsecret"}})),
        socket(json!({"tls_params": {"tls_minimum_protocol_version": KEY}})),
    ] {
        let errors = parse::<Cluster>(&object(wrong)).err().unwrap();
        let told = format!("{errors:?}");
        assert!(!told.contains("MIIEsecret"), "{told}");
        assert!(
            errors
                .iter()
                .all(|error| !error.path.is_empty() || error.unknown_field)
        );
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_printed_either() {
    let key = "-----BEGIN EC PRIVATE KEY-----";
    let printed = |message: Value| {
        let message: Cluster = parse(&object(message)).unwrap();
        let name = Cluster::type_url();
        print(&name, &encode(&message), Sensitive::Hidden).unwrap()
    };
    assert_eq!(
        printed(json!({"alt_stat_name": key}))["alt_stat_name"],
        "[redacted]"
    );
}
