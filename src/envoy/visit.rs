//! Every message in a message, those in `Any`s too, with where it is.

use std::fmt::Write;

use prost::Name;

use super::packed::Packed;
use super::schema::{self, FieldShape, MessageType};
use super::wire::{Fields, Value};

/// How deep messages are looked into; JSON that is nested deeper is not read at all.
const MAX_DEPTH: usize = 64;

/// Calls for a message and each that it holds with its path, such as `health_checks[0].timeout`, the name
/// of its type, and itself, encoded. The path of the message itself is empty.
pub(crate) fn each_message<M: Name>(message: &[u8], visit: &mut dyn FnMut(&str, &str, &[u8])) {
    if let Some(kind) = schema::of::<M>() {
        walk(kind, message, &mut String::new(), MAX_DEPTH, visit);
    }
}

fn walk(
    kind: &MessageType,
    message: &[u8],
    path: &mut String,
    depth: usize,
    visit: &mut dyn FnMut(&str, &str, &[u8]),
) {
    visit(path, kind.name, message);
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    // Values of a field follow each other: its number, and how many there were of it.
    let mut before = (0, 0);
    for field in Fields::of(message) {
        before = match before {
            (number, count) if number == field.number => (number, count + 1),
            _ => (field.number, 0),
        };
        let (Some(held), Value::Bytes(value)) = (kind.field(field.number), field.value) else {
            continue;
        };
        let end = path.len();
        if end > 0 {
            path.push('.');
        }
        path.push_str(held.name);
        let (shape, value) = match held.shape {
            FieldShape::Message(entry) if held.map => {
                let _ = write!(path, "[\"{}\"]", key(value));
                let entry = schema::held(entry).and_then(|entry| entry.field(2));
                let given = Fields::of(value).find(|field| field.number == 2);
                match (entry, given.map(|field| field.value)) {
                    (Some(entry), Some(Value::Bytes(given))) => (entry.shape, given),
                    _ => (FieldShape::Bytes, value),
                }
            }
            shape => {
                if held.repeated {
                    let _ = write!(path, "[{}]", before.1);
                }
                (shape, value)
            }
        };
        let found = match shape {
            FieldShape::Message(index) => schema::held(index).map(|kind| (kind, value)),
            FieldShape::Any => {
                let any = Packed::of(value);
                any.kind.map(|kind| (kind, any.message))
            }
            _ => None,
        };
        if let Some((kind, message)) = found {
            walk(kind, message, path, depth, visit);
        }
        path.truncate(end);
    }
}

fn key(entry: &[u8]) -> String {
    let key = Fields::of(entry).find(|field| field.number == 1);
    match key.map(|field| field.value) {
        Some(Value::Bytes(key)) => String::from_utf8_lossy(key).into_owned(),
        Some(Value::Varint(key)) => key.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use envoy_types::pb::envoy::config::cluster::v3::Cluster;
    use serde_json::json;

    use super::*;
    use crate::envoy::encode;
    use crate::envoy::json::parse;

    #[test]
    fn what_is_in_lists_maps_and_anys_is_visited() {
        let config =
            json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer"});
        let cluster = json!({
            "health_checks": [{}, {"http_health_check": {"path": "/"}}],
            "typed_extension_protocol_options": {"a.b": config},
        });
        let cluster: Cluster = parse(cluster.as_object().unwrap()).unwrap();
        let mut seen = Vec::new();
        each_message::<Cluster>(&encode(&cluster), &mut |path, kind, _| {
            seen.push(format!("{path}: {}", kind.rsplit('.').next().unwrap()));
        });
        seen.sort();
        assert_eq!(
            seen,
            [
                ": Cluster",
                "health_checks[0]: HealthCheck",
                "health_checks[1].http_health_check: HttpHealthCheck",
                "health_checks[1]: HealthCheck",
                "typed_extension_protocol_options[\"a.b\"]: Buffer",
            ]
        );
    }
}
