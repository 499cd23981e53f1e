//! Private keys, passwords and tokens in Envoy's messages: which fields are for them, and whether a
//! message holds one itself rather than the name of a file or of a secret that does.

use prost::Name;
use prost_reflect::FieldDescriptor;

use super::packed::Packed;
use super::schema::{self, FieldShape, FieldType, MessageType, Role};
use super::wire::{Fields, Value};

/// The headers whose value is a credential.
const CREDENTIALS: [&str; 2] = ["authorization", "proxy-authorization"];

/// How PEM ends the line that begins a private key, of whatever algorithm.
const PEM_KEY: &[u8] = b"PRIVATE KEY-----";

/// How deep messages are looked into. What is deeper is taken for a secret.
const MAX_DEPTH: usize = 128;

/// Whether a field is for a private key, a password or a token.
pub(super) fn is_sensitive(field: &FieldDescriptor) -> bool {
    let message = schema::find(field.parent_message().full_name());
    let known = message.and_then(|message| message.field(field.number()));
    known.is_some_and(|field| field.sensitive)
}

/// Whether the value of a header of that name is a credential.
pub(super) fn is_credential(header: &str) -> bool {
    CREDENTIALS
        .iter()
        .any(|known| header.eq_ignore_ascii_case(known))
}

/// Whether a text holds a private key in PEM, wherever it was written.
pub(crate) fn holds_pem_key(text: &[u8]) -> bool {
    text.windows(PEM_KEY.len()).any(|window| window == PEM_KEY)
}

/// Whether an encoded message holds a private key, a password or a token. Those of a type that is not
/// known here do not.
pub(crate) fn holds_secret<M: Name>(message: &[u8]) -> bool {
    schema::of::<M>().is_some_and(|kind| in_message(kind, message, MAX_DEPTH))
}

fn in_message(kind: &MessageType, message: &[u8], depth: usize) -> bool {
    if !kind.secretive {
        return false;
    }
    let Some(depth) = depth.checked_sub(1) else {
        return true;
    };
    if kind.role == Role::HeaderValue {
        let name = Fields::of(message).find(|field| field.number == 1);
        return match name.map(|field| field.value) {
            Some(Value::Bytes(name)) => str::from_utf8(name).is_ok_and(is_credential),
            _ => false,
        };
    }
    Fields::of(message).any(|field| match (kind.field(field.number), field.value) {
        (Some(held), value) if held.sensitive => is_secret(held, value, depth),
        (Some(held), Value::Bytes(message)) => match held.shape {
            FieldShape::Message(index) => {
                (schema::held(index)).is_some_and(|kind| in_message(kind, message, depth))
            }
            FieldShape::Any => in_any(message, depth),
            _ => false,
        },
        _ => false,
    })
}

fn in_any(any: &[u8], depth: usize) -> bool {
    let any = Packed::of(any);
    any.kind
        .is_some_and(|kind| in_message(kind, any.message, depth))
}

/// Whether a value of a sensitive field is the secret itself. A `DataSource` may only name it.
fn is_secret(field: &FieldType, value: Value<'_>, depth: usize) -> bool {
    let (FieldShape::Message(index), Value::Bytes(message)) = (field.shape, value) else {
        return !matches!(value, Value::Bytes([]));
    };
    let (Some(kind), Some(depth)) = (schema::held(index), depth.checked_sub(1)) else {
        return true;
    };
    let mut fields = Fields::of(message);
    match kind.role {
        Role::DataSource => fields.any(|field| {
            let inline = matches!(field.number, 2 | 3);
            inline && !matches!(field.value, Value::Bytes([]))
        }),
        _ => fields.any(|inner| match kind.field(inner.number) {
            // The key of a map's entry is a name.
            Some(_) if field.map && inner.number == 1 => false,
            Some(held) => is_secret(held, inner.value, depth),
            None => true,
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value as Json, json};

    use super::*;
    use crate::envoy::encode;
    use crate::envoy::json::parse;
    use envoy_types::pb::envoy::config::cluster::v3::Cluster;
    use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;

    fn tls(common: &Json) -> bool {
        let cluster = json!({"transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common,
        }}});
        let cluster: Cluster = parse(cluster.as_object().unwrap()).unwrap();
        holds_secret::<Cluster>(&encode(&cluster))
    }

    fn http(manager: &Json) -> bool {
        let manager: HttpConnectionManager = parse(manager.as_object().unwrap()).unwrap();
        holds_secret::<HttpConnectionManager>(&encode(&manager))
    }

    #[test]
    fn a_key_written_out_is_a_secret_and_one_that_is_named_is_not() {
        let pair = |key: Json| {
            json!({"tls_certificates": [{
                "certificate_chain": {"inline_string": "CHAIN"}, "private_key": key,
            }]})
        };
        assert!(tls(&pair(json!({"inline_string": "KEY"}))));
        assert!(tls(&pair(json!({"inline_bytes": "S0VZ"}))));
        assert!(!tls(&pair(json!({"filename": "/key"}))));
        assert!(!tls(&pair(json!({"environment_variable": "KEY"}))));
        assert!(!tls(
            &json!({"tls_certificate_sds_secret_configs": [{"name": "a"}]})
        ));
        assert!(!tls(
            &json!({"validation_context": {"trusted_ca": {"inline_string": "CA"}}})
        ));
        let password = json!({"tls_certificates": [{"password": {"inline_string": "x"}}]});
        assert!(tls(&password));
    }

    #[test]
    fn tokens_and_credentials_in_headers_are_secrets() {
        let log = |service: Json| {
            json!({"access_log": [{"name": "grpc", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
                "common_config": {"log_name": "a", "grpc_service": service},
            }}]})
        };
        let google = |credentials: Json| {
            log(json!({"google_grpc": {
                "target_uri": "a:1", "stat_prefix": "a", "call_credentials": [credentials],
            }}))
        };
        assert!(http(&google(json!({"access_token": "T"}))));
        assert!(http(&google(
            json!({"service_account_jwt_access": {"json_key": "{}"}})
        )));
        let envoy = |name: &str| {
            log(json!({
                "envoy_grpc": {"cluster_name": "a"}, "initial_metadata": [{"key": name, "value": "T"}],
            }))
        };
        assert!(http(&envoy("Authorization")));
        assert!(!http(&envoy("x-tenant")));
    }
}
